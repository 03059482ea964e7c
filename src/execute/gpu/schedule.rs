//! From a plan to what an engine runs: where each step goes, and in what tiles.

use std::fmt;
use std::ops::Range;

use super::{Traffic, element, places};
use crate::block::{DType, Precision, Stored};
use crate::command::Rows;
use crate::gpu::engine::{Engine, Program};
use crate::gpu::kernels;
use crate::gpu::{Element, GpuError, Limits, Recorder, Recording, Tensor};
use crate::plan::{Join, Op, Place, Plan, Slot, Stage, Step};

/// Largest tensor of a tile: large enough to fill any device, small enough that transfer and computing overlap.
const TILE_BYTES: u64 = 256 << 20;

/// A plan on one engine.
#[derive(Debug)]
pub struct Schedule {
    /// In order.
    pub tasks: Vec<Task>,
}

/// A stage where it runs.
#[derive(Debug)]
pub enum Task {
    /// On the CPU.
    Cpu(Stage),
    /// On the engine.
    Gpu {
        /// What it reads and gives.
        stage: Stage,
        /// Its parts, by rows.
        tiles: Vec<Tile>,
        /// How each of its reads goes up.
        inputs: Vec<(Slot, Element)>,
    },
}

/// Rows that go through a recording together.
pub struct Tile {
    /// Which come out.
    pub rows: Range<usize>,
    /// Which go in: with the neighbours that they depend on.
    pub with: Range<usize>,
    /// Of how many.
    pub of: usize,
    /// What runs; tiles that differ in nothing but their rows share it.
    pub program: Program,
    /// Bytes up and down for each run.
    pub bytes: (u64, u64),
    /// Bytes that its kernels read and write.
    pub moved: u64,
    /// Launches of a run.
    pub launches: usize,
    /// Bytes that its arrays take on the device.
    pub peak: u64,
}

impl Tile {
    /// The rows of an array that go in: all of one that has another number of rows than the stage, such as a single row for all.
    pub fn reads(&self, all: usize) -> Range<usize> {
        if all == self.of {
            self.with.clone()
        } else {
            0..all
        }
    }

    /// The rows of an array that come out, and how many that only went in come before them.
    pub fn writes(&self, all: usize) -> (Range<usize>, usize) {
        if all == self.of {
            (self.rows.clone(), self.rows.start - self.with.start)
        } else {
            (0..all, 0)
        }
    }
}

impl fmt::Debug for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tile({:?})", self.rows)
    }
}

impl Schedule {
    /// Places the steps, records and loads them; those of `leaving` go to the CPU even where they could go to the device.
    ///
    /// Where the device has less memory than it takes, tiles become smaller until they fit.
    pub fn new(
        engine: &Engine,
        precision: Precision,
        plan: &Plan,
        sources: &[Stored],
        leaving: &[usize],
    ) -> Result<Self, GpuError> {
        let mut draft = Draft {
            plan,
            sources,
            limits: engine.limits(),
            precision,
            memory: u64::MAX,
        };
        let mut least = u64::MAX;
        loop {
            let stages = draft.stages(leaving);
            let peak = stages.iter().map(|stage| draft.peak(stage)).max();
            let tasks: Result<Vec<Task>, GpuError> = stages
                .into_iter()
                .map(|stage| draft.task(engine, stage))
                .collect();
            match (tasks, peak) {
                (Ok(tasks), _) => return Ok(Self { tasks }),
                // Until tiles cannot become smaller.
                (Err(GpuError::OutOfMemory { reason, .. }), Some(peak)) if peak < least => {
                    least = peak;
                    tracing::debug!(
                        "{peak} bytes do not fit the device, half of it is tried: {reason}"
                    );
                    draft.memory = peak / 2;
                }
                (Err(error), _) => return Err(error),
            }
        }
    }
}

/// CPU stages stay row by row: their tiles are for the cache.
fn join(place: Place, on_gpu: Join) -> Join {
    if place == Place::Gpu {
        on_gpu
    } else {
        Join::ByRows
    }
}

/// What recording needs.
struct Draft<'a> {
    plan: &'a Plan,
    sources: &'a [Stored],
    limits: &'a Limits,
    precision: Precision,
    /// Bytes that arrays may take on the device at once.
    memory: u64,
}

impl Draft<'_> {
    /// Whether a step has a GPU side for its inputs.
    fn records(&self, step: &Step) -> bool {
        let mut rec = Recorder::new(*self.limits, self.precision);
        let inputs: Vec<Tensor> = step
            .inputs
            .iter()
            .map(|&slot| {
                let signature = self.plan.signature(slot);
                rec.input(signature.rows(), signature.cols(), element(signature.kind))
            })
            .collect();
        // Conditions on samples are looked at where the samples are seen: on the CPU.
        step.guard.is_none()
            && record(&mut rec, step, &inputs, 0).is_some()
            && rec.computes_in_its_precision()
    }

    /// The stages by place. What fits the device goes through it as a whole, what does not goes by rows where rows are
    /// independent or depend on a few others, and what needs more rows than fit leaves the device.
    fn stages(&self, leaving: &[usize]) -> Vec<Stage> {
        let mut places = places(self.plan, |step| self.records(step));
        leaving.iter().for_each(|&k| places[k] = Place::Cpu);
        let cut = |places: &[Place], on_gpu: Join| {
            let joins = places.iter().map(|&place| (place, join(place, on_gpu)));
            self.plan.stages_by_place(&joins.collect::<Vec<_>>())
        };
        let stages = cut(&places, Join::All);
        if stages.iter().all(|stage| self.height(stage).is_some()) {
            return stages;
        }
        for (k, place) in places.iter_mut().enumerate() {
            if *place == Place::Gpu && self.height(&self.alone(k)).is_none() {
                *place = Place::Cpu;
            }
        }
        let mut stages = cut(&places, Join::ByRows);
        // Steps that fit one by one may reach too far together.
        while let Some(large) = stages.iter().find(|stage| self.height(stage).is_none()) {
            let last = large.steps.end - 1;
            places[last] = Place::Cpu;
            stages = cut(&places, Join::ByRows);
        }
        stages
    }

    /// A step as a stage of its own.
    fn alone(&self, k: usize) -> Stage {
        let step = &self.plan.steps[k];
        Stage {
            steps: k..k + 1,
            place: Place::Gpu,
            rows: step.rows,
            reads: step.inputs.clone(),
            writes: step.outputs.clone(),
            frees: Vec::new(),
        }
    }

    /// Rows of the blocks that a stage works on.
    fn rows(&self, stage: &Stage) -> usize {
        let first = &self.plan.steps[stage.steps.start];
        self.plan.signature(first.inputs[0]).rows()
    }

    /// Rows of a tile that the device can hold; none where it cannot hold what belongs together.
    fn height(&self, stage: &Stage) -> Option<usize> {
        let rows = self.rows(stage);
        if stage.place == Place::Cpu {
            return Some(rows);
        }
        let device = self.limits.binding.min(self.limits.buffer);
        // How much too large a tile is.
        let excess = |height: usize, most: u64| {
            let recording = self.recording(stage, 0..height);
            let largest = recording.largest_bytes() as f64 / most as f64;
            largest.max(recording.peak_bytes() as f64 / self.memory as f64)
        };
        let reach = match stage.rows {
            Rows::Coupled => return (excess(rows, device) <= 1.0).then_some(rows),
            Rows::Near(reach) => reach,
            Rows::Independent => 0,
        };
        let mut height = rows;
        loop {
            let excess = excess(height, device.min(TILE_BYTES));
            if excess <= 1.0 {
                break;
            }
            // Where no row fits, the device cannot be used, and says so.
            if height == 1 {
                return (reach == 0).then_some(1);
            }
            height = ((height as f64 / excess) as usize).clamp(1, height - 1);
        }
        if height == rows {
            return Some(rows);
        }
        // A tile that is mostly its neighbours does more work twice than once.
        let inner = height.checked_sub(2 * reach)?;
        (inner > 0 && inner >= reach).then_some(inner)
    }

    /// Bytes that a stage takes on the device at once.
    fn peak(&self, stage: &Stage) -> u64 {
        if stage.place == Place::Cpu {
            return 0;
        }
        let rows = self.rows(stage);
        let height = self.height(stage).unwrap_or(rows);
        let first = self.with(stage, 0..height.min(rows));
        self.recording(stage, first).peak_bytes()
    }

    /// Rows with those that they depend on.
    fn with(&self, stage: &Stage, rows: Range<usize>) -> Range<usize> {
        let reach = match stage.rows {
            Rows::Near(reach) => reach,
            _ => 0,
        };
        rows.start.saturating_sub(reach)..(rows.end + reach).min(self.rows(stage))
    }

    fn task(&self, engine: &Engine, stage: Stage) -> Result<Task, GpuError> {
        if stage.place == Place::Cpu {
            return Ok(Task::Cpu(stage));
        }
        let rows = self.rows(&stage);
        let height = self.height(&stage).unwrap_or(rows);
        let mut tiles: Vec<Tile> = Vec::new();
        let mut recordings: Vec<(Recording, Program)> = Vec::new();
        for start in (0..rows).step_by(height) {
            let range = start..(start + height).min(rows);
            let with = self.with(&stage, range.clone());
            let recording = self.recording(&stage, with.clone());
            let program = match recordings.iter().find(|(known, _)| *known == recording) {
                Some((_, program)) => program.clone(),
                None => {
                    tracing::trace!("{recording}");
                    let program = engine.load(&recording)?;
                    recordings.push((recording.clone(), program.clone()));
                    program
                }
            };
            tiles.push(Tile {
                rows: range,
                with,
                of: rows,
                program,
                bytes: recording.transfer_bytes(),
                moved: recording.moved_bytes(),
                launches: recording.dispatches().len(),
                peak: recording.peak_bytes(),
            });
        }
        let inputs = stage
            .reads
            .iter()
            .map(|&slot| (slot, self.upload(slot)))
            .collect();
        Ok(Task::Gpu {
            stage,
            tiles,
            inputs,
        })
    }

    /// The type in which a slot goes up: as stored where the device converts it.
    fn upload(&self, slot: Slot) -> Element {
        let at = self
            .plan
            .sources
            .iter()
            .position(|source| source.slot == slot);
        match at.map(|at| self.sources[at].dtype()) {
            Some(
                dtype @ (DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32 | DType::F16),
            ) => Element::Stored(dtype),
            _ => element(self.plan.signature(slot).kind),
        }
    }

    fn recording(&self, stage: &Stage, rows: Range<usize>) -> Recording {
        let mut rec = Recorder::new(*self.limits, self.precision);
        let mut tensors: Vec<(Slot, Tensor)> = Vec::new();
        for &slot in &stage.reads {
            let signature = self.plan.signature(slot);
            let height = match signature.rows() {
                all if all == self.rows(stage) => rows.len(),
                all => all,
            };
            let up = self.upload(slot);
            let raw = rec.input(height, signature.cols(), up);
            let tensor = match up {
                Element::Stored(_) => kernels::convert::to_real(&mut rec, raw),
                _ => raw,
            };
            tensors.push((slot, tensor));
        }
        let find = |tensors: &[(Slot, Tensor)], slot: Slot| {
            tensors
                .iter()
                .find(|(s, _)| *s == slot)
                .expect("inputs come before users")
                .1
        };
        for step in &self.plan.steps[stage.steps.clone()] {
            let inputs: Vec<Tensor> = step
                .inputs
                .iter()
                .map(|&slot| find(&tensors, slot))
                .collect();
            let outputs = record(&mut rec, step, &inputs, rows.start)
                .expect("only steps that record are placed on a GPU");
            tensors.extend(step.outputs.iter().copied().zip(outputs));
        }
        let outputs: Vec<Tensor> = stage
            .writes
            .iter()
            .map(|&slot| find(&tensors, slot))
            .collect();
        rec.finish(&outputs)
    }
}

/// Records a step: an output for each of its own, or nothing where it has no GPU side.
fn record(rec: &mut Recorder, step: &Step, inputs: &[Tensor], first: usize) -> Option<Vec<Tensor>> {
    match &step.op {
        Op::Points(chain) => Some(vec![kernels::point::chain(rec, inputs[0], chain)]),
        Op::Kernel(kernel) => kernel.gpu(rec, inputs, first).map(|tensor| vec![tensor]),
        Op::FftBands(groups) => Some(kernels::fft::bands(rec, inputs[0], groups, first)),
    }
}

impl Schedule {
    /// What a chunk moves.
    pub fn traffic(&self) -> Traffic {
        let tasks = self.tasks.iter().map(Task::traffic);
        tasks.fold(Traffic::default(), |sum, task| Traffic {
            up: sum.up + task.up,
            down: sum.down + task.down,
            kernels: sum.kernels + task.kernels,
        })
    }
}

impl Schedule {
    /// The programs, each once.
    fn programs(&self) -> impl Iterator<Item = &Tile> {
        self.tasks.iter().flat_map(|task| {
            let tiles = match task {
                Task::Cpu(_) => &[],
                Task::Gpu { tiles, .. } => tiles.as_slice(),
            };
            tiles.iter().enumerate().filter_map(|(k, tile)| {
                let mut before = tiles[..k].iter();
                let first = !before.any(|it| it.program.is(&tile.program));
                first.then_some(tile)
            })
        })
    }

    /// Bytes that arrays take on the device.
    pub fn device_bytes(&self) -> u64 {
        self.programs().map(|tile| tile.peak).sum()
    }

    /// Bytes of staging memory for one run of each program.
    pub fn staging_bytes(&self) -> u64 {
        self.programs()
            .map(|tile| tile.bytes.0 + tile.bytes.1)
            .sum()
    }
}

impl Task {
    /// The part of the plan that it computes.
    pub fn stage(&self) -> &Stage {
        match self {
            Task::Cpu(stage) | Task::Gpu { stage, .. } => stage,
        }
    }

    /// What it moves: nothing where it stays on the CPU.
    pub fn traffic(&self) -> Traffic {
        let tiles = match self {
            Task::Cpu(_) => &[],
            Task::Gpu { tiles, .. } => tiles.as_slice(),
        };
        tiles.iter().fold(Traffic::default(), |sum, tile| Traffic {
            up: sum.up + tile.bytes.0,
            down: sum.down + tile.bytes.1,
            kernels: sum.kernels + tile.moved,
        })
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Task::Cpu(stage) => write!(f, "steps {:?} on the CPU", stage.steps),
            Task::Gpu { stage, tiles, .. } => {
                let Traffic { up, down, kernels } = self.traffic();
                let [up, down, moved] = [up, down, kernels].map(|bytes| bytes as f64 / 1e6);
                let launches: usize = tiles.iter().map(|tile| tile.launches).sum();
                let peak = tiles.iter().map(|t| t.peak).max().unwrap_or(0) as f64 / 1e6;
                let tiles = tiles.len();
                write!(
                    f,
                    "steps {:?} on the GPU: {tiles} tiles, {launches} launches, {up:.3} MB up, {down:.3} MB down, {moved:.3} MB moved by kernels, {peak:.3} MB on the device",
                    stage.steps
                )
            }
        }
    }
}
