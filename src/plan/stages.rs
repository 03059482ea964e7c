//! Stages: runs of row-by-row steps, which may be computed tile by tile, between steps that need all rows.

use std::collections::HashSet;

use super::{Output, Slot, Stage, Step};
use crate::block::Signature;
use crate::command::Rows;

/// Cuts the steps into stages and finds what passes between them.
pub fn cut(steps: &[Step], slots: &[Signature], sinks: &[Output]) -> Vec<Stage> {
    let rows_of = |step: &Step| slots[step.inputs[0].0].rows();
    let mut ranges: Vec<(std::ops::Range<usize>, Rows)> = Vec::new();
    for (k, step) in steps.iter().enumerate() {
        match ranges.last_mut() {
            Some((range, Rows::Independent))
                if step.rows == Rows::Independent
                    && rows_of(&steps[range.start]) == rows_of(step) =>
            {
                range.end = k + 1;
            }
            _ => ranges.push((k..k + 1, step.rows)),
        }
    }
    let made_in = |range: &std::ops::Range<usize>| -> HashSet<Slot> {
        steps[range.clone()]
            .iter()
            .flat_map(|s| s.outputs.iter().copied())
            .collect()
    };
    let read_in = |range: &std::ops::Range<usize>| -> HashSet<Slot> {
        steps[range.clone()]
            .iter()
            .flat_map(|s| s.inputs.iter().copied())
            .collect()
    };
    let sunk: HashSet<Slot> = sinks
        .iter()
        .flat_map(|s| s.inputs.iter().copied())
        .collect();
    (0..ranges.len())
        .map(|at| {
            let (range, rows) = &ranges[at];
            let (made, read) = (made_in(range), read_in(range));
            let later: HashSet<Slot> = ranges[at + 1..]
                .iter()
                .flat_map(|(r, _)| read_in(r))
                .collect();
            let kept = |slot: &Slot| later.contains(slot) || sunk.contains(slot);
            let sorted = |set: Vec<Slot>| {
                let mut set = set;
                set.sort_unstable();
                set
            };
            Stage {
                steps: range.clone(),
                rows: *rows,
                reads: sorted(read.iter().filter(|s| !made.contains(s)).copied().collect()),
                writes: sorted(made.iter().filter(|s| kept(s)).copied().collect()),
                frees: sorted(
                    read.iter()
                        .filter(|s| !made.contains(s) && !kept(s))
                        .copied()
                        .collect(),
                ),
            }
        })
        .collect()
}
