//! The CPU backend: one chunk at a time, its rows in parallel.
//!
//! A stage of row-by-row steps runs tile by tile. A tile is a few rows that stay in a core's cache from the conversion of the
//! stored samples to the last step, so that nothing the size of a chunk is written in between.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use ndarray::{Array2, ArrayViewMut2, Axis};
use num_complex::Complex;
use rayon::prelude::*;

use super::{CpuPrecision, DeviceFault, Executor, Job, Needs, Results};
use crate::block::{Block, DType, Kind, Precision, Real, Samples, Stored};
use crate::command::{Computed, Cpu, Kernel, Rows};
use crate::dsp::bands;
use crate::dsp::fft::Planned;
use crate::plan::{Memory, Op, Plan, Slot, Stage, Step, Tiles};
use crate::point::Looped;

/// Bytes of a tile's first block. With a step's result and its scratch it stays inside a core's second-level cache.
const TILE_BYTES: usize = 256 << 10;
/// The first source.
const CHUNK: Slot = Slot(0);

/// Computes chunks one after the other.
#[derive(Debug)]
pub struct CpuExecutor {
    precision: CpuPrecision,
    done: Option<(Job, Results)>,
}

impl CpuExecutor {
    /// Computes in the given precision.
    pub fn new(precision: CpuPrecision) -> Self {
        Self {
            precision,
            done: None,
        }
    }
}

impl Executor for CpuExecutor {
    fn capacity(&self) -> usize {
        1
    }

    fn in_flight(&self) -> usize {
        usize::from(self.done.is_some())
    }

    fn explain(&mut self, job: &Job) -> Result<String, DeviceFault> {
        let precision = self.precision.of(&job.sources);
        let name = match precision {
            Precision::F32 => "single",
            Precision::F64 => "double",
        };
        let threads = rayon::current_num_threads();
        // The first time brings the file to memory and plans transforms.
        run(&job.plan, &job.sources, precision);
        let start = Instant::now();
        run(&job.plan, &job.sources, precision);
        let took = start.elapsed().as_secs_f64() * 1e3;
        Ok(format!(
            "all on the CPU in {name} precision, {threads} threads; took {took:.3} ms\n"
        ))
    }

    fn needs(&mut self, job: &Job) -> Result<Needs, DeviceFault> {
        let precision = self.precision.of(&job.sources);
        Ok(Needs {
            chunk: memory(&job.plan, &job.plan.stages, precision),
            stored: job.stored_bytes(),
            at_once: self.capacity(),
            ..Needs::default()
        })
    }

    fn stages(&mut self, job: &Job) -> Result<Vec<Stage>, DeviceFault> {
        Ok(job.plan.stages.clone())
    }

    fn submit(&mut self, job: Job) {
        let results = run(&job.plan, &job.sources, self.precision.of(&job.sources));
        self.done = Some((job, results));
    }

    fn collect(&mut self) -> Result<(Job, Results), DeviceFault> {
        Ok(self.done.take().expect("a chunk was submitted"))
    }

    fn abandon(&mut self) -> Vec<Job> {
        self.done.take().map(|(job, _)| job).into_iter().collect()
    }
}

/// Runs a plan in the given precision. `sources` are in the order of `plan.sources`.
pub fn run(plan: &Plan, sources: &[Stored], precision: Precision) -> Results {
    match precision {
        Precision::F32 => {
            let mut run = Run::<f32>::new(plan, sources);
            plan.stages.iter().for_each(|stage| run.stage(stage));
            run.finish(Computed::F32)
        }
        Precision::F64 => {
            let mut run = Run::<f64>::new(plan, sources);
            plan.stages.iter().for_each(|stage| run.stage(stage));
            run.finish(Computed::F64)
        }
    }
}

/// Memory of one chunk whose stages without a GPU run here.
pub(super) fn memory(plan: &Plan, stages: &[Stage], precision: Precision) -> Memory {
    let size = precision.bytes();
    let height = |stage: &Stage, rows: usize| tile_rows(plan, stage, rows, size);
    let tiles = Tiles {
        threads: rayon::current_num_threads(),
        height: &height,
    };
    plan.memory(stages, precision, &tiles)
}

/// Rows of a tile: enough for kernels that work on several rows at once, few enough for cache and load balance.
fn tile_rows(plan: &Plan, stage: &Stage, rows: usize, size: usize) -> usize {
    let widest = stage
        .reads
        .iter()
        .map(|&s| plan.signature(s).cols())
        .max()
        .unwrap_or(1)
        .max(1);
    let fitting = TILE_BYTES / (widest * size);
    let fair = rows.div_ceil(4 * rayon::current_num_threads());
    let even = |n: usize| if n > 8 { n / 8 * 8 } else { n };
    even(fitting.min(fair)).max(1)
}

/// A run in progress.
pub(super) struct Run<'a, T: Real> {
    plan: &'a Plan,
    sources: HashMap<Slot, &'a Stored>,
    /// The blocks that exist now.
    pub blocks: HashMap<Slot, Arc<Block<T>>>,
    /// How many samples of the chunk are infinite or NaN, found by the first stage that reads it.
    non_finite: AtomicU64,
    counted: bool,
    /// The first step that does not take its samples.
    fault: OnceLock<String>,
}

impl<'a, T: Planned + Looped> Run<'a, T>
where
    dyn Kernel: Cpu<T>,
{
    pub(super) fn new(plan: &'a Plan, sources: &'a [Stored]) -> Self {
        let sources = plan.sources.iter().map(|s| s.slot).zip(sources).collect();
        Self {
            plan,
            sources,
            blocks: HashMap::new(),
            non_finite: AtomicU64::new(0),
            counted: false,
            fault: OnceLock::new(),
        }
    }

    /// Takes note of what a stage that ran elsewhere found in the chunk.
    #[cfg(feature = "gpu")]
    pub(super) fn count(&mut self, stage: &Stage, non_finite: u64) {
        if stage.reads.contains(&CHUNK) && !self.counted {
            self.non_finite = non_finite.into();
            self.counted = true;
        }
    }

    /// What the sinks write.
    pub(super) fn finish(mut self, wrap: impl Fn(Arc<Block<T>>) -> Computed) -> Results {
        let mut blocks = HashMap::new();
        for slot in self
            .plan
            .sinks
            .iter()
            .flat_map(|sink| sink.inputs.iter().copied())
        {
            if let Some(stored) = self.sources.get(&slot) {
                blocks.insert(slot, Computed::Stored((*stored).clone()));
            } else if let Some(block) = self.blocks.remove(&slot) {
                blocks.insert(slot, wrap(block));
            }
        }
        Results {
            blocks,
            non_finite: self.non_finite.into_inner(),
            fault: self.fault.into_inner(),
        }
    }

    /// Computes a stage from the sources and the blocks that exist.
    pub(super) fn stage(&mut self, stage: &Stage) {
        let rows = self.plan.stage_rows(stage);
        let height = match stage.rows {
            Rows::Coupled | Rows::Near(_) => rows.max(1),
            Rows::Independent => tile_rows(self.plan, stage, rows, size_of::<T>()),
        };
        let outputs = if rows <= height {
            self.tile(stage, 0..rows)
        } else {
            let mut blanks: Vec<Blank<T>> =
                stage.writes.iter().map(|&slot| self.blank(slot)).collect();
            // One list per tile of the outputs' parts, so that tiles write side by side.
            let mut parts: Vec<Vec<Part<'_, T>>> =
                (0..rows.div_ceil(height)).map(|_| Vec::new()).collect();
            for blank in &mut blanks {
                for (tile, part) in parts.iter_mut().zip(blank.parts(height)) {
                    tile.push(part);
                }
            }
            let this = &*self;
            parts.into_par_iter().enumerate().for_each(|(k, parts)| {
                let range = k * height..((k + 1) * height).min(rows);
                let blocks = this.tile(stage, range);
                assert_eq!(parts.len(), blocks.len(), "a block for each part");
                for (part, block) in parts.into_iter().zip(blocks) {
                    part.assign(block);
                }
            });
            blanks.into_iter().map(Blank::written).collect()
        };
        self.counted |= stage.reads.contains(&CHUNK);
        self.blocks.extend(
            stage
                .writes
                .iter()
                .copied()
                .zip(outputs.into_iter().map(Arc::new)),
        );
        stage
            .frees
            .iter()
            .for_each(|slot| drop(self.blocks.remove(slot)));
    }

    fn blank(&self, slot: Slot) -> Blank<T> {
        let signature = self.plan.signature(slot);
        Blank::new(signature.kind, signature.rows(), signature.cols())
    }

    /// Computes the stage's outputs for some rows.
    fn tile(&self, stage: &Stage, rows: Range<usize>) -> Vec<Block<T>> {
        let mut values: HashMap<Slot, Arc<Block<T>>> = HashMap::new();
        let height = self.plan.stage_rows(stage);
        for &slot in &stage.reads {
            values.insert(slot, self.input(slot, rows.clone(), height));
        }
        let steps = &self.plan.steps[stage.steps.clone()];
        for (k, step) in steps.iter().enumerate() {
            let used_later = |slot: Slot| {
                stage.writes.contains(&slot)
                    || steps[k + 1..].iter().any(|s| s.inputs.contains(&slot))
            };
            if let Some((guard, path)) = &step.guard
                && let Some(found) = guard.broken(&values[&step.inputs[0]])
            {
                self.fault.get_or_init(|| format!("{path}: {found}"));
            }
            compute(step, &mut values, rows.start, used_later);
        }
        stage
            .writes
            .iter()
            .map(|slot| owned(values.remove(slot).expect("a step of the stage made it")))
            .collect()
    }

    /// Some rows of a block; all of one that has another number of rows than the stage, such as a single row for all.
    fn input(&self, slot: Slot, rows: Range<usize>, height: usize) -> Arc<Block<T>> {
        let all = self.plan.signature(slot).rows();
        let rows = if all == height { rows } else { 0..all };
        let Some(stored) = self.sources.get(&slot) else {
            let block = &self.blocks[&slot];
            return if rows.len() == all {
                block.clone()
            } else {
                Arc::new(block.rows(rows))
            };
        };
        let block = stored.block::<T>(rows);
        let counts = slot == CHUNK && !self.counted && may_hold_nan(stored.dtype());
        if counts && has_non_finite(&block) {
            self.non_finite
                .fetch_add(block.non_finite(), Ordering::Relaxed);
        }
        Arc::new(block)
    }
}

fn may_hold_nan(dtype: DType) -> bool {
    matches!(
        dtype,
        DType::F16 | DType::F32 | DType::F64 | DType::C64 | DType::C128
    )
}

/// Whether any sample is infinite or NaN. Without an early end, so that it vectorises.
fn has_non_finite<T: Real>(block: &Block<T>) -> bool {
    let probe = |values: &[T]| values.iter().fold(false, |any, v| any | !v.is_finite());
    match &block.samples {
        Samples::Real(a) => probe(a.as_slice().expect("blocks are contiguous")),
        Samples::Complex(a) => probe(bytemuck::cast_slice::<Complex<T>, T>(
            a.as_slice().expect("blocks are contiguous"),
        )),
        _ => false,
    }
}

/// Runs one step on a tile, taking over inputs that nothing needs afterwards.
fn compute<T: Planned + Looped>(
    step: &Step,
    values: &mut HashMap<Slot, Arc<Block<T>>>,
    first: usize,
    used_later: impl Fn(Slot) -> bool,
) where
    dyn Kernel: Cpu<T>,
{
    let mut take = |slot: Slot| {
        let block = if used_later(slot) {
            values.get(&slot).cloned()
        } else {
            values.remove(&slot)
        };
        owned(block.expect("inputs come before users"))
    };
    match &step.op {
        Op::Points(chain) => {
            let block = take(step.inputs[0]);
            let done = chain.iter().fold(block, |block, point| point.apply(block));
            values.insert(step.outputs[0], Arc::new(done));
        }
        Op::Kernel(kernel) => {
            let inputs: Vec<&Block<T>> = step.inputs.iter().map(|s| &*values[s]).collect();
            let result = Cpu::<T>::cpu(&**kernel, &inputs, first);
            values.insert(step.outputs[0], Arc::new(result));
        }
        Op::FftBands(groups) => {
            let Samples::Real(rows) = take(step.inputs[0]).samples else {
                unreachable!("only real rows are planned so")
            };
            let tables = bands::of_real_rows(rows, groups, first)
                .into_iter()
                .map(|table| Arc::new(Block::real(table)));
            values.extend(step.outputs.iter().copied().zip(tables));
        }
    }
}

/// The block itself, copied only where others hold it too.
fn owned<T: Real>(block: Arc<Block<T>>) -> Block<T> {
    Arc::unwrap_or_clone(block)
}

/// A result before its tiles are written. Filling it with zeros first takes a fifth of the time of the commands that only move
/// samples (500 x 5000 in double precision on one core: 4.4 ms for `lin_transform`, 4.0 ms without).
enum Blank<T> {
    Real(Array2<MaybeUninit<T>>),
    Complex(Array2<MaybeUninit<Complex<T>>>),
    Label(Array2<MaybeUninit<i64>>),
    Hash(Array2<MaybeUninit<u64>>),
    Mask(Array2<MaybeUninit<bool>>),
}

impl<T: Real> Blank<T> {
    fn new(kind: Kind, rows: usize, cols: usize) -> Self {
        let shape = (rows, cols);
        match kind {
            Kind::Real => Blank::Real(Array2::uninit(shape)),
            Kind::Complex => Blank::Complex(Array2::uninit(shape)),
            Kind::Label => Blank::Label(Array2::uninit(shape)),
            Kind::Hash => Blank::Hash(Array2::uninit(shape)),
            Kind::Mask => Blank::Mask(Array2::uninit(shape)),
        }
    }

    /// Cut into parts of `height` rows.
    fn parts(&mut self, height: usize) -> Vec<Part<'_, T>> {
        fn cut<V>(
            array: &mut Array2<V>,
            height: usize,
        ) -> impl Iterator<Item = ArrayViewMut2<'_, V>> {
            array.axis_chunks_iter_mut(Axis(0), height)
        }
        match self {
            Blank::Real(a) => cut(a, height).map(Part::Real).collect(),
            Blank::Complex(a) => cut(a, height).map(Part::Complex).collect(),
            Blank::Label(a) => cut(a, height).map(Part::Label).collect(),
            Blank::Hash(a) => cut(a, height).map(Part::Hash).collect(),
            Blank::Mask(a) => cut(a, height).map(Part::Mask).collect(),
        }
    }

    /// The block, once each of its parts was assigned.
    #[allow(
        unsafe_code,
        reason = "the compiler cannot see that the parts cover the array; zeros first cost a fifth"
    )]
    fn written(self) -> Block<T> {
        // SAFETY: `stage` cuts all rows into parts, gives each part to one tile, checks that the tile has a block for each of its
        // parts, and `assign` writes every sample of a part or panics, in which case the parallel loop does not come back here.
        let samples = unsafe {
            match self {
                Blank::Real(a) => Samples::Real(a.assume_init()),
                Blank::Complex(a) => Samples::Complex(a.assume_init()),
                Blank::Label(a) => Samples::Label(a.assume_init()),
                Blank::Hash(a) => Samples::Hash(a.assume_init()),
                Blank::Mask(a) => Samples::Mask(a.assume_init()),
            }
        };
        Block { samples }
    }
}

/// Some rows of a result, to be written by one tile.
enum Part<'a, T> {
    Real(ArrayViewMut2<'a, MaybeUninit<T>>),
    Complex(ArrayViewMut2<'a, MaybeUninit<Complex<T>>>),
    Label(ArrayViewMut2<'a, MaybeUninit<i64>>),
    Hash(ArrayViewMut2<'a, MaybeUninit<u64>>),
    Mask(ArrayViewMut2<'a, MaybeUninit<bool>>),
}

impl<T: Real> Part<'_, T> {
    /// Writes every sample of it; panics where the block has another shape or kind.
    fn assign(self, block: Block<T>) {
        match (self, block.samples) {
            (Part::Real(to), Samples::Real(from)) => from.assign_to(to),
            (Part::Complex(to), Samples::Complex(from)) => from.assign_to(to),
            (Part::Label(to), Samples::Label(from)) => from.assign_to(to),
            (Part::Hash(to), Samples::Hash(from)) => from.assign_to(to),
            (Part::Mask(to), Samples::Mask(from)) => from.assign_to(to),
            _ => unreachable!("a tile has the kind that its signature names"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(samples: Samples<f32>) -> Block<f32> {
        let block = Block { samples };
        let (kind, (rows, cols)) = (block.kind(), block.shape());
        let mut blank = Blank::new(kind, rows, cols);
        let height = 2;
        for (part, first) in blank.parts(height).into_iter().zip((0..).step_by(height)) {
            part.assign(block.rows(first..rows.min(first + height)));
        }
        blank.written()
    }

    /// The last part is shorter than the others. Under Miri, this shows that no sample is left out.
    #[test]
    fn parts_cover_a_result_of_each_kind() {
        let count = |(row, col): (usize, usize)| row * 3 + col;
        let shape = (7, 3);
        let real = Array2::from_shape_fn(shape, |at| count(at) as f32);
        let all: [Samples<f32>; 5] = [
            Samples::Complex(real.mapv(|x| Complex::new(x, -x))),
            Samples::Label(real.mapv(|x| x as i64)),
            Samples::Hash(real.mapv(|x| x as u64)),
            Samples::Mask(real.mapv(|x| x > 9.0)),
            Samples::Real(real),
        ];
        for samples in all {
            assert_eq!(written(samples.clone()).samples, samples);
        }
    }

    #[test]
    fn a_part_takes_no_block_of_another_shape() {
        let mut blank = Blank::<f32>::new(Kind::Real, 4, 3);
        let part = blank.parts(2).remove(0);
        let assign = || part.assign(Block::real(Array2::zeros((1, 3))));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(assign)).expect_err("a panic");
    }
}
