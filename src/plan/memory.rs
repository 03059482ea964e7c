//! Memory that a plan takes, told before it runs.

use std::collections::HashMap;

use super::{Op, Plan, Slot, Stage, Step};
use crate::block::{Kind, Precision};
use crate::command::{Place, Rows};

/// Bytes that a chunk takes in the program's memory, beside its samples as they are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Most bytes of blocks and scratch while it is computed.
    pub work: u64,
    /// Bytes of the results, from when they are computed until they are written.
    pub results: u64,
    /// Bytes of the files as they are made from the results.
    pub files: u64,
}

/// The tiles into which the CPU cuts rows.
pub struct Tiles<'a> {
    /// Threads that compute tiles at once.
    pub threads: usize,
    /// Rows of a tile of a stage, of all its rows.
    pub height: &'a dyn Fn(&Stage, usize) -> usize,
}

impl Plan {
    /// Bytes of a block of so many rows.
    fn bytes(&self, slot: Slot, rows: usize, precision: Precision) -> u64 {
        let signature = self.signature(slot);
        let real = precision.bytes();
        let each = match signature.kind {
            Kind::Real => real,
            Kind::Complex => 2 * real,
            Kind::Label | Kind::Hash => 8,
            Kind::Mask => 1,
        };
        (rows * signature.cols() * each) as u64
    }

    fn whole(&self, slot: Slot, precision: Precision) -> u64 {
        self.bytes(slot, self.signature(slot).rows(), precision)
    }

    /// Memory of one chunk, computed by these stages.
    ///
    /// It is an upper estimate: a kernel may take as much scratch as its inputs and outputs together, and twice that where all rows
    /// depend on each other.
    pub fn memory(&self, stages: &[Stage], precision: Precision, tiles: &Tiles<'_>) -> Memory {
        let mut blocks: HashMap<Slot, u64> = HashMap::new();
        let mut work = 0;
        for stage in stages {
            let held: u64 = blocks.values().sum();
            let writes = stage.writes.iter().map(|&slot| self.whole(slot, precision));
            let writes: u64 = writes.sum();
            let all = self.stage_rows(stage);
            let height = match stage.rows {
                Rows::Coupled | Rows::Near(_) => all,
                Rows::Independent => (tiles.height)(stage, all).min(all),
            };
            let here = match stage.place {
                // Results come down tile by tile.
                Place::Gpu => writes,
                Place::Cpu if height == all => self.tile(stage, all, precision),
                Place::Cpu => {
                    let at_once = tiles.threads.min(all.div_ceil(height)) as u64;
                    writes + at_once * self.tile(stage, height, precision)
                }
            };
            work = work.max(held + here);
            let made = stage.writes.iter();
            blocks.extend(made.map(|&slot| (slot, self.whole(slot, precision))));
            stage.frees.iter().for_each(|slot| {
                blocks.remove(slot);
            });
        }
        let written = self.sinks.iter().flat_map(|sink| sink.inputs.iter());
        let mut results: HashMap<Slot, u64> = HashMap::new();
        results.extend(written.map(|&slot| (slot, self.whole(slot, precision))));
        Memory {
            work,
            results: results.values().sum(),
            files: self.sinks.iter().map(|sink| self.files(sink)).sum(),
        }
    }

    /// Bytes of the files that a sink makes of a chunk.
    fn files(&self, sink: &super::Output) -> u64 {
        let values = |slot: &Slot| {
            let signature = self.signature(*slot);
            (signature.rows() * signature.cols()) as u64
        };
        let values: u64 = sink.inputs.iter().map(values).sum();
        sink.sink.memory(values)
    }

    /// Rows of the blocks that a stage works on.
    pub fn stage_rows(&self, stage: &Stage) -> usize {
        let first = &self.steps[stage.steps.start];
        self.signature(first.inputs[0]).rows()
    }

    /// Most bytes of a stage's blocks for so many rows.
    fn tile(&self, stage: &Stage, rows: usize, precision: Precision) -> u64 {
        let all = self.stage_rows(stage);
        let size = |slot: Slot| {
            // A single row for all stays one.
            let height = match self.signature(slot).rows() {
                own if own == all => rows,
                own => own,
            };
            self.bytes(slot, height, precision)
        };
        let mut values: HashMap<Slot, u64> = stage.reads.iter().map(|&s| (s, size(s))).collect();
        let mut most: u64 = values.values().sum();
        let steps = &self.steps[stage.steps.clone()];
        for (k, step) in steps.iter().enumerate() {
            values.extend(step.outputs.iter().map(|&slot| (slot, size(slot))));
            let now: u64 = values.values().sum();
            most = most.max(now + scratch(step, size));
            let later = &steps[k + 1..];
            values.retain(|slot, _| {
                stage.writes.contains(slot) || later.iter().any(|it| it.inputs.contains(slot))
            });
        }
        most
    }
}

/// Bytes that a step takes beside its inputs and outputs.
fn scratch(step: &Step, size: impl Fn(Slot) -> u64) -> u64 {
    match step.op {
        // In place.
        Op::Points(_) => 0,
        Op::FftBands(_) => step.inputs.iter().map(|&slot| size(slot)).sum(),
        Op::Kernel(_) => {
            let slots = step.inputs.iter().chain(&step.outputs);
            let all: u64 = slots.map(|&slot| size(slot)).sum();
            match step.rows {
                // A complex spectrum of all rows, and the same with rows and columns exchanged.
                Rows::Coupled => 2 * all,
                Rows::Near(_) | Rows::Independent => all,
            }
        }
    }
}
