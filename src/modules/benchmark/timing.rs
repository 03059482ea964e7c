//! Chunks through an executor as in a real run, timed; and how far its numbers are from another's.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::chunks::Batch;
use crate::block::{Block, Kind, Real};
use crate::command::Computed;
use crate::execute::{DeviceFault, Executor, Job, Results};
use crate::pipeline::stop::Stop;
use crate::plan::{Plan, Slot};

/// How many runs are timed: some at least, then more until there was time enough for a steady median.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// For a figure that stands by itself.
    Full,
    /// For one of many.
    Some,
}

impl Effort {
    fn least_runs(self) -> usize {
        match self {
            Effort::Full => 5,
            Effort::Some => 3,
        }
    }

    fn enough(self) -> Duration {
        match self {
            Effort::Full => Duration::from_secs(1),
            Effort::Some => Duration::from_millis(100),
        }
    }
}

const MOST_RUNS: usize = 200;

/// What a backend did with a batch.
pub struct Timing {
    /// The runs after the warm-up; a run is one or more passes over the batch.
    pub runs: Vec<Run>,
    /// The results of the first chunk.
    pub first: Results,
}

/// Seconds per chunk, on average over one run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// On the clock.
    pub seconds: f64,
    /// In kernels on the device, as far as it can tell.
    pub kernels: f64,
}

impl Timing {
    /// Median seconds per chunk.
    pub fn seconds(&self) -> f64 {
        median(self.runs.iter().map(|run| run.seconds))
    }

    /// Median seconds per chunk in kernels.
    pub fn kernel_seconds(&self) -> f64 {
        median(self.runs.iter().map(|run| run.kernels))
    }

    /// Seconds per chunk of the fastest run.
    pub fn least_seconds(&self) -> f64 {
        let seconds = self.runs.iter().map(|run| run.seconds);
        seconds.fold(f64::INFINITY, f64::min)
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Streams the batch over and over. The executor is kept full, so that a run begins and ends with as many chunks in flight
/// and its time is that of a long recording. `kernels` tells the executor's kernel seconds up to now.
pub fn stream<E: Executor>(
    executor: &mut E,
    batch: &Batch,
    kernels: impl Fn(&E) -> f64,
    effort: Effort,
    stop: &Stop,
) -> Result<Timing, DeviceFault> {
    let mut jobs = batch.jobs.iter().cycle().map(Job::again);
    let mut next = |executor: &mut E| {
        while executor.in_flight() < executor.capacity() {
            executor.submit(jobs.next().expect("a cycle has no end"));
        }
        executor.collect().map(|(_, results)| results)
    };
    // The warm-up compiles shaders, plans transforms and brings mapped files to memory.
    let first = next(executor)?;
    for _ in 1..batch.jobs.len() {
        next(executor)?;
    }
    // Where chunks are started in batches, which an executor finds out from the first ones, a run is as many passes as make
    // whole batches.
    let whole = |executor: &E| {
        let count = batch.jobs.len();
        executor.capacity().div_ceil(count) * count
    };
    for _ in 0..whole(executor) {
        next(executor)?;
    }
    let mut runs: Vec<Run> = Vec::new();
    let begun = Instant::now();
    while runs.len() < effort.least_runs()
        || (begun.elapsed() < effort.enough() && runs.len() < MOST_RUNS)
    {
        let chunks = whole(executor);
        let (start, before) = (Instant::now(), kernels(executor));
        for _ in 0..chunks {
            next(executor)?;
        }
        let chunks = chunks as f64;
        runs.push(Run {
            seconds: start.elapsed().as_secs_f64() / chunks,
            kernels: (kernels(executor) - before) / chunks,
        });
        if stop.wanted() {
            break;
        }
    }
    while executor.in_flight() > 0 {
        executor.collect()?;
    }
    Ok(Timing { runs, first })
}

/// The largest difference in any block that a sink writes, over the largest magnitude of the wanted block. Infinite where
/// only one of the two is finite; `None` where no block was computed.
pub fn largest_difference(plan: &Plan, got: &Results, want: &Results) -> Option<f64> {
    let slots: BTreeSet<Slot> = plan
        .sinks
        .iter()
        .flat_map(|sink| sink.inputs.iter().copied())
        .collect();
    slots
        .iter()
        .filter_map(|slot| {
            let got = numbers(&got.blocks[slot])?;
            Some(difference(&got, &numbers(&want.blocks[slot])?))
        })
        .reduce(f64::max)
}

fn difference(got: &[f64], want: &[f64]) -> f64 {
    let finite = want.iter().filter(|v| v.is_finite());
    let scale = finite.fold(0.0_f64, |scale, v| scale.max(v.abs()));
    let each = got
        .iter()
        .zip(want)
        .map(|(g, w)| match (g.is_finite(), w.is_finite()) {
            (true, true) => (g - w).abs(),
            (false, false) => 0.0,
            _ => f64::INFINITY,
        });
    let largest = each.fold(0.0, f64::max);
    if scale > 0.0 {
        largest / scale
    } else {
        largest
    }
}

/// The numbers of a computed block, real and imaginary parts one after the other.
fn numbers(computed: &Computed) -> Option<Vec<f64>> {
    fn of<T: Real>(block: &Block<T>) -> Option<Vec<f64>> {
        match block.kind() {
            Kind::Real => Some(block.as_real().iter().map(|v| v.wide()).collect()),
            Kind::Complex => {
                let parts = block.as_complex().iter().flat_map(|v| [v.re, v.im]);
                Some(parts.map(Real::wide).collect())
            }
            _ => None,
        }
    }
    match computed {
        Computed::F32(block) => of(block),
        Computed::F64(block) => of(block),
        Computed::Stored(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_relative_to_the_largest_wanted_number() {
        assert_eq!(difference(&[1.0, -8.0], &[1.5, -10.0]), 0.2);
        assert_eq!(difference(&[0.5], &[0.0]), 0.5);
        assert_eq!(difference(&[f64::NAN, 1.0], &[f64::NAN, 1.0]), 0.0);
        assert_eq!(difference(&[f64::NAN], &[1.0]), f64::INFINITY);
    }

    #[test]
    fn a_median_is_the_middle_one() {
        assert_eq!(median([3.0, 1.0, 9.0].into_iter()), 3.0);
    }
}
