//! Edges: samples around a chunk that commands compute and results leave out.
//!
//! A block keeps its edges as long as commands need only neighbouring samples along time. Before a command that needs the whole
//! time axis, and before a sink, the edges are cut off: so a transform sees exactly the chunk.

use ndarray::s;

use super::infer::Draft;
use super::{Op, Slot, Source};
use crate::block::{Block, Coords, Real, Signature, mapped};
use crate::command::{Cpu, Env, Kernel, Mismatch, Reach, Recorder, Tensor};
use crate::gpu::kernels::{map::map, rule::Rule};

/// An edge buffer that some commands need.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    /// Seconds before and after a chunk.
    pub around: [f64; 2],
    /// The command that needs most of it, and how many seconds.
    pub most: (String, f64),
}

impl Need {
    /// Nothing.
    pub const NONE: Self = Self {
        around: [0.0, 0.0],
        most: (String::new(), 0.0),
    };

    /// Seconds on either side.
    pub fn seconds(&self) -> f64 {
        self.around[0].max(self.around[1])
    }

    /// The same, rounded up to what messages and configurations have.
    pub fn rounded(&self) -> f64 {
        const STEPS: f64 = 1e4;
        (self.seconds() * STEPS - 1e-6).ceil() / STEPS
    }

    /// With what another command needs.
    fn and(&self, command: &str, before: f64, after: f64) -> Self {
        let most = match before.max(after) > self.most.1 {
            true => (command.to_string(), before.max(after)),
            false => self.most.clone(),
        };
        Self {
            around: [self.around[0] + before, self.around[1] + after],
            most,
        }
    }

    fn larger(self, other: Self) -> Self {
        if other.seconds() > self.seconds() {
            other
        } else {
            self
        }
    }
}

impl Draft {
    /// Edges that the result of a command with these inputs needs so far, if it has edges as its inputs have: each input has them,
    /// with the same times, or is one value for all times.
    pub fn need_of(&self, inputs: &[Slot], reach: Reach, env: &Env, command: &str) -> Option<Need> {
        let Reach::Near { before, after } = reach else {
            return None;
        };
        let mut time: Option<&Signature> = None;
        let mut need = Need::NONE;
        for slot in inputs {
            let signature = &self.slots[slot.0];
            match (&self.needs[slot.0], time) {
                (Some(_), Some(known)) if known.time != signature.time => return None,
                (Some(input), _) => {
                    need = need.larger(input.clone());
                    time = Some(signature);
                }
                (None, _) if signature.cols() == 1 => {}
                (None, _) => return None,
            }
        }
        let rate = env.rate(time?);
        Some(need.and(command, before as f64 / rate, after as f64 / rate))
    }

    /// The slot without its edges; itself where it has none.
    ///
    /// # Errors
    /// When nothing is left of it.
    pub fn trim(&mut self, slot: Slot, env: &Env) -> Result<Slot, Mismatch> {
        let Some(need) = &self.needs[slot.0] else {
            return Ok(slot);
        };
        if self.used {
            let known = self.need.take().unwrap_or(Need::NONE);
            self.need = Some(known.larger(need.clone()));
        }
        let signature = &self.slots[slot.0];
        let columns = env.own_columns(signature);
        if columns == (0..signature.cols()) {
            return Ok(slot);
        }
        if let Some(known) = self.trimmed.get(&slot) {
            return Ok(*known);
        }
        if columns.is_empty() {
            let found = "found no sample of the new rate in the chunk, expected at least one; use longer chunks (distpy_gpu.chunk_seconds)";
            return Err(Mismatch::input(found));
        }
        let own = Signature {
            time: Coords::new(signature.time.unit, &signature.time.values[columns.clone()]),
            ..signature.clone()
        };
        let output = self.slot(own, None);
        if slot == Slot(0) {
            // Read once more rather than copied, so that a sink has it as it is stored.
            self.sources.push(Source {
                slot: output,
                file: None,
                columns: Some(columns),
            });
        } else {
            let kernel = Trim {
                first: columns.start,
                count: columns.len(),
            };
            self.step(
                "without edges",
                Op::Kernel(std::sync::Arc::new(kernel)),
                slot,
                output,
            );
        }
        self.trimmed.insert(slot, output);
        Ok(output)
    }
}

/// Some of the columns.
#[derive(Debug)]
struct Trim {
    first: usize,
    count: usize,
}

impl Kernel for Trim {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let rule = "fn value(i: u32, j: u32) -> Y { return a(i, j + word(0u)); }";
        let rule = Rule::new(rule, [x]).words([self.first]);
        Some(map(rec, &rule, (x.rows(), self.count), x.element()))
    }
}

impl<T: Real> Cpu<T> for Trim {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let columns = self.first..self.first + self.count;
        let samples = mapped!(&inputs[0].samples, a => {
            a.slice(s![.., columns.clone()]).as_standard_layout().into_owned()
        });
        Block { samples }
    }
}
