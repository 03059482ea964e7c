//! Stages: runs of steps that are computed in one place, row by row where that is possible.

use std::collections::HashSet;
use std::ops::Range;

use super::{Output, Place, Slot, Stage, Step};
use crate::block::Signature;
use crate::command::Rows;

/// How steps of one place are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Only row-by-row steps over the same rows, so that tiles of rows can run through them.
    ByRows,
    /// Whatever follows on the same place, so that nothing leaves a device in between.
    All,
}

/// Cuts the steps into stages and finds what passes between them.
pub fn cut(
    steps: &[Step],
    slots: &[Signature],
    sinks: &[Output],
    places: &[(Place, Join)],
) -> Vec<Stage> {
    let runs = runs(steps, slots, places);
    let sunk: HashSet<Slot> = sinks
        .iter()
        .flat_map(|s| s.inputs.iter().copied())
        .collect();
    let stage = |at: usize| {
        let run: &Run = &runs[at];
        let made: HashSet<Slot> = steps[run.steps.clone()]
            .iter()
            .flat_map(|s| s.outputs.iter().copied())
            .collect();
        let read: HashSet<Slot> = read_in(steps, run);
        let later: HashSet<Slot> = runs[at + 1..]
            .iter()
            .flat_map(|run| read_in(steps, run))
            .collect();
        let kept = |slot: &Slot| later.contains(slot) || sunk.contains(slot);
        Stage {
            steps: run.steps.clone(),
            place: run.place,
            rows: run.rows,
            reads: sorted(read.iter().filter(|s| !made.contains(s))),
            writes: sorted(made.iter().filter(|s| kept(s))),
            frees: sorted(read.iter().filter(|s| !made.contains(s) && !kept(s))),
        }
    };
    (0..runs.len()).map(stage).collect()
}

/// Steps that run together.
struct Run {
    steps: Range<usize>,
    place: Place,
    rows: Rows,
}

fn runs(steps: &[Step], slots: &[Signature], places: &[(Place, Join)]) -> Vec<Run> {
    let height = |step: &Step| slots[step.inputs[0].0].rows();
    let mut runs: Vec<Run> = Vec::new();
    for (k, step) in steps.iter().enumerate() {
        let (place, join) = places[k];
        if let Some(run) = runs.last_mut().filter(|run| run.place == place) {
            let even = height(&steps[run.steps.start]) == height(step);
            let by_rows = together(run.rows, step.rows, place).filter(|_| even);
            if by_rows.is_some() || join == Join::All {
                run.steps.end = k + 1;
                run.rows = by_rows.unwrap_or(Rows::Coupled);
                continue;
            }
        }
        runs.push(Run {
            steps: k..k + 1,
            place,
            rows: step.rows,
        });
    }
    runs
}

/// How two steps that run tile by tile depend on rows together, if they can. On the CPU tiles are a few rows, to which
/// neighbours would add too much.
fn together(one: Rows, other: Rows, place: Place) -> Option<Rows> {
    match (one, other) {
        (Rows::Independent, Rows::Independent) => Some(Rows::Independent),
        (Rows::Coupled, _) | (_, Rows::Coupled) => None,
        _ if place == Place::Cpu => None,
        (Rows::Near(a), Rows::Near(b)) => Some(Rows::Near(a + b)),
        (Rows::Near(n), _) | (_, Rows::Near(n)) => Some(Rows::Near(n)),
    }
}

fn read_in(steps: &[Step], run: &Run) -> HashSet<Slot> {
    steps[run.steps.clone()]
        .iter()
        .flat_map(|s| s.inputs.iter().copied())
        .collect()
}

fn sorted<'a>(slots: impl Iterator<Item = &'a Slot>) -> Vec<Slot> {
    let mut slots: Vec<Slot> = slots.copied().collect();
    slots.sort_unstable();
    slots
}
