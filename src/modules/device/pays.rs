//! Whether a GPU pays for the work at hand: a quick form of what `-m benchmark --measure sizes` shows.

use std::time::{Duration, Instant};

use super::Work;
use crate::block::Stored;
use crate::execute::{CpuPrecision, DeviceFault, Executor, Job, cpu};

/// Opening a device and compiling shaders takes about so long.
const START: Duration = Duration::from_millis(500);

/// A device is left where the CPU is clearly faster, so that two runs decide alike.
const CLEARLY: f64 = 1.2;

/// Chunks of so many bytes pay on any GPU; to try the CPU on one would only take time.
const LARGE: usize = 32 << 20;

/// What `open` gives, unless the CPU does the work sooner; then why. A chunk is computed to find out, and its results are
/// dropped, so that all chunks of a run come from one device. Without a chunk at hand the device is taken.
pub fn faster(
    precision: CpuPrecision,
    work: Work<'_>,
    open: impl FnOnce() -> Result<Box<dyn Executor>, String>,
) -> Result<Box<dyn Executor>, String> {
    let small = |job: &&Job| job.sources.iter().map(Stored::size).sum::<usize>() < LARGE;
    let Some(job) = work.first.filter(small) else {
        return open();
    };
    let cpu = on_cpu(job, precision);
    verdict(work.chunks, cpu, None)?;
    let mut gpu = open()?;
    if let Ok(seconds) = on_gpu(job, &mut *gpu) {
        verdict(work.chunks, cpu, Some(seconds))?;
    }
    // A device that failed now is told of as in the middle of a run.
    Ok(gpu)
}

/// Whether the GPU is taken, by the time of a chunk on either; else why not.
fn verdict(chunks: usize, cpu: Duration, gpu: Option<Duration>) -> Result<(), String> {
    let all = cpu.mul_f64(chunks as f64);
    match gpu {
        None if all < START => Err(format!(
            "it does {chunks} chunks in {all:.1?}, before a GPU has started"
        )),
        Some(gpu) if gpu > cpu.mul_f64(CLEARLY) => {
            Err(format!("it takes {cpu:.1?} for a chunk, the GPU {gpu:.1?}"))
        }
        _ => Ok(()),
    }
}

/// Time of a chunk, when its file is in memory and transforms are planned.
fn on_cpu(job: &Job, precision: CpuPrecision) -> Duration {
    let once = || {
        let start = Instant::now();
        cpu::run(&job.plan, &job.sources, precision.of(&job.sources));
        start.elapsed()
    };
    once();
    once()
}

/// Time of a chunk in a stream of them.
fn on_gpu(job: &Job, gpu: &mut dyn Executor) -> Result<Duration, DeviceFault> {
    let mut some = |count: u32| {
        let start = Instant::now();
        let mut left = count;
        while left > 0 || gpu.in_flight() > 0 {
            while left > 0 && gpu.in_flight() < gpu.capacity() {
                gpu.submit(job.again());
                left -= 1;
            }
            gpu.collect()?;
        }
        Ok(start.elapsed() / count)
    };
    // The first one loads the plan.
    some(1)?;
    some(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::{Needs, Results};

    /// Takes a while for each chunk.
    struct Slow(Option<Job>);

    impl Executor for Slow {
        fn capacity(&self) -> usize {
            1
        }

        fn in_flight(&self) -> usize {
            usize::from(self.0.is_some())
        }

        fn explain(&mut self, _: &Job) -> Result<String, DeviceFault> {
            Ok(String::new())
        }

        fn needs(&mut self, _: &Job) -> Result<Needs, DeviceFault> {
            Ok(Needs::default())
        }

        fn stages(&mut self, _: &Job) -> Result<Vec<crate::plan::Stage>, DeviceFault> {
            Ok(Vec::new())
        }

        fn submit(&mut self, job: Job) {
            self.0 = Some(job);
        }

        fn collect(&mut self) -> Result<(Job, Results), DeviceFault> {
            std::thread::sleep(Duration::from_millis(50));
            Ok((self.0.take().expect("a chunk"), Results::default()))
        }

        fn abandon(&mut self) -> Vec<Job> {
            self.0.take().into_iter().collect()
        }
    }

    fn slow() -> Result<Box<dyn Executor>, String> {
        Ok(Box::new(Slow(None)))
    }

    #[test]
    fn little_work_is_done_before_a_gpu_has_started() {
        let ms = Duration::from_millis;
        let reason = verdict(10, ms(2), None).expect_err("20 ms of work");
        assert_eq!(
            reason,
            "it does 10 chunks in 20.0ms, before a GPU has started"
        );
        assert_eq!(verdict(1000, ms(2), None), Ok(()));
    }

    #[test]
    fn the_faster_one_is_taken_and_the_gpu_where_both_are_alike() {
        let ms = Duration::from_millis;
        assert_eq!(verdict(1000, ms(2), Some(ms(1))), Ok(()));
        assert_eq!(verdict(1000, ms(20), Some(ms(23))), Ok(()));
        let reason = verdict(1000, ms(2), Some(ms(3))).expect_err("it is slower");
        assert_eq!(reason, "it takes 2.0ms for a chunk, the GPU 3.0ms");
    }

    #[test]
    fn a_chunk_is_tried_on_both() {
        let job = Job::of_nothing(0);
        let precision = CpuPrecision::Auto;
        // Nothing is opened for nothing.
        let few = faster(precision, Work::of(Some(&job), 1), || panic!("opened"));
        assert!(few.is_err_and(|reason| reason.contains("before a GPU")));
        let many = faster(precision, Work::of(Some(&job), usize::MAX), slow);
        assert!(many.is_err_and(|reason| reason.contains("for a chunk, the GPU")));
        assert!(faster(precision, Work::of(None, 1), slow).is_ok());
        let none = faster(precision, Work::of(None, 1), || Err("none".into()));
        assert!(none.is_err_and(|reason| reason == "none"));
    }
}
