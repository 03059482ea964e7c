//! Which steps leave the device because the CPU is faster: found out on the first chunk.
//!
//! A step that can run on the device does, unless a measurement speaks against it. Only what may gain is tried: steps behind
//! `from_gpu`, and stages on the device of a flow that goes to the CPU anyway, where the way there and back may cost more than the
//! device saves. A whole chunk is timed each time, as transfers count too.

use super::schedule::{Schedule, Task};
use crate::plan::{Place, Plan};

/// Runs of a chunk for each way that is tried, the first of which is not counted.
pub const RUNS: usize = 4;

/// Trying may take so long a part of the whole run.
const PART: usize = 10;

/// What nobody asked for is done where it is clearly faster, so that two runs decide alike.
const CLEARLY: f64 = 1.5;

/// Steps that might leave the device.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Which.
    pub steps: Vec<usize>,
    /// They leave if the chunk is faster by this factor.
    pub factor: f64,
}

/// What is worth trying.
pub fn trials(plan: &Plan, schedule: &Schedule) -> Vec<Trial> {
    let stages = schedule.tasks.iter().map(|task| match task {
        Task::Cpu(stage) => (Place::Cpu, stage.steps.clone()),
        Task::Gpu { stage, .. } => (Place::Gpu, stage.steps.clone()),
    });
    let hints: Vec<Option<Place>> = plan.steps.iter().map(|step| step.hint).collect();
    trials_of(&stages.collect::<Vec<_>>(), &hints)
}

fn trials_of(stages: &[(Place, std::ops::Range<usize>)], hints: &[Option<Place>]) -> Vec<Trial> {
    let on_device = || stages.iter().filter(|(place, _)| *place == Place::Gpu);
    let asked: Vec<usize> = on_device()
        .flat_map(|(_, steps)| steps.clone())
        .filter(|&k| hints[k] == Some(Place::Cpu))
        .collect();
    let mut trials = Vec::new();
    if !asked.is_empty() {
        trials.push(Trial {
            steps: asked,
            factor: 1.0,
        });
    }
    if stages.iter().any(|(place, _)| *place == Place::Cpu) {
        let free = on_device().filter(|(_, steps)| {
            let hints = &hints[steps.clone()];
            !hints.contains(&Some(Place::Gpu)) && hints.iter().any(Option::is_none)
        });
        trials.extend(free.map(|(_, steps)| Trial {
            steps: steps.clone().collect(),
            factor: CLEARLY,
        }));
    }
    trials
}

/// Whether there are chunks enough for trying so much.
pub fn worth(trials: &[Trial], chunks: usize) -> bool {
    !trials.is_empty() && chunks >= (1 + trials.len()) * RUNS * PART
}

/// The steps that leave: those of the trials whose chunk was faster, given the seconds without and with each.
pub fn leaving(trials: &[Trial], without: f64, with: &[f64]) -> Vec<usize> {
    let mut steps: Vec<usize> = trials
        .iter()
        .zip(with)
        .filter(|(trial, seconds)| *seconds * trial.factor < without)
        .flat_map(|(trial, _)| trial.steps.iter().copied())
        .collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use Place::{Cpu, Gpu};

    fn trial(steps: &[usize], factor: f64) -> Trial {
        Trial {
            steps: steps.to_vec(),
            factor,
        }
    }

    #[test]
    fn a_flow_that_stays_on_the_device_is_left_alone() {
        let stages = [(Gpu, 0..4)];
        assert_eq!(trials_of(&stages, &[None; 4]), []);
        assert_eq!(trials_of(&stages, &[Some(Gpu); 4]), []);
    }

    #[test]
    fn steps_behind_from_gpu_are_tried_together() {
        let hints = [Some(Gpu), None, Some(Cpu), Some(Cpu)];
        assert_eq!(trials_of(&[(Gpu, 0..4)], &hints), [trial(&[2, 3], 1.0)]);
    }

    #[test]
    fn stages_between_steps_of_the_cpu_are_tried_one_by_one() {
        let stages = [
            (Gpu, 0..2),
            (Cpu, 2..3),
            (Gpu, 3..4),
            (Cpu, 4..5),
            (Gpu, 5..6),
        ];
        // The last one is behind `to_gpu`.
        let hints = [None, None, None, None, None, Some(Gpu)];
        assert_eq!(
            trials_of(&stages, &hints),
            [trial(&[0, 1], CLEARLY), trial(&[3], CLEARLY)]
        );
    }

    #[test]
    fn trying_takes_a_small_part_of_a_run() {
        let one = [trial(&[0], CLEARLY)];
        assert!(!worth(&one, 79) && worth(&one, 80));
        assert!(!worth(&[], 1000));
    }

    #[test]
    fn what_is_clearly_faster_leaves() {
        let trials = [
            trial(&[2, 3], 1.0),
            trial(&[0], CLEARLY),
            trial(&[5], CLEARLY),
        ];
        assert_eq!(leaving(&trials, 1.0, &[0.99, 0.7, 0.6]), [2, 3, 5]);
        assert!(leaving(&trials, 1.0, &[1.01, 2.0, 0.67]).is_empty());
    }
}
