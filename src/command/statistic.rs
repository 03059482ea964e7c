//! Statistics of each row or column: what the commands that reduce an axis share.

use std::fmt::Debug;

use super::{Axis, Compat, Cpu, Env, Kernel, Mismatch, Prepared, Recorder, Tensor};
use crate::block::{Block, Coords, Kind, Real, Signature};
use crate::dsp::rows;

/// How an axis goes to one value.
#[derive(Debug, Clone, Copy)]
pub struct Reduction {
    axis: Axis,
    /// Whether the axis is dropped, as distpy does for the statistics that it has from scipy; it stays with length 1 otherwise.
    dropped: bool,
}

impl Reduction {
    /// Along an axis.
    pub fn new(env: &Env, axis: Axis) -> Self {
        Self {
            axis,
            dropped: env.compat == Compat::Distpy,
        }
    }

    /// The axis that goes.
    pub fn axis(self) -> Axis {
        self.axis
    }

    /// What a fold along the axis gave, as the result is held.
    pub fn shaped(self, y: Tensor) -> Tensor {
        match (self.axis, self.dropped) {
            (Axis::Depth, true) => y.view(y.cols(), 1, y.element()),
            _ => y,
        }
    }

    /// The signature of the result.
    pub fn signature(self, x: &Signature, kind: Kind) -> Signature {
        let kept = self.axis.replaced(&x.of_kind(kind), Coords::index(1));
        match (self.dropped, self.axis) {
            (false, _) => kept,
            (true, Axis::Time) => Signature { rank: 1, ..kept },
            (true, Axis::Depth) => Signature {
                depth: x.time.clone(),
                time: Coords::index(1),
                rank: 1,
                ..kept
            },
        }
    }

    /// Runs what gives one value a row, on rows or columns.
    pub fn apply<T: Real>(
        self,
        block: &Block<T>,
        run: impl FnOnce(&Block<T>) -> Block<T>,
    ) -> Block<T> {
        match (self.axis, self.dropped) {
            (Axis::Time, _) => run(block),
            (Axis::Depth, true) => run(&block.transposed()),
            (Axis::Depth, false) => run(&block.transposed()).transposed(),
        }
    }
}

/// A number from a row's (or column's) samples, in double precision whatever the run's.
pub trait Statistic: Debug + Send + Sync {
    /// Computes it; `samples` may be changed.
    fn of(&self, samples: &mut Vec<f64>) -> f64;

    /// Records it for rows (`axis` 1: rows x 1) or columns (0: 1 x cols); `None` where there is only [`Statistic::of`].
    fn record(&self, _rec: &mut Recorder, _x: Tensor, _axis: usize) -> Option<Tensor> {
        None
    }
}

/// Prepares a statistic along an axis.
pub fn statistic(
    env: &Env,
    x: &Signature,
    axis: Axis,
    statistic: impl Statistic + 'static,
) -> Result<Prepared, Mismatch> {
    let reduction = Reduction::new(env, axis);
    let signature = reduction.signature(x, Kind::Real);
    let kernel = PerSlice {
        reduction,
        statistic,
    };
    Ok(Prepared::new(signature, axis.rows(), kernel).across(axis))
}

#[derive(Debug)]
struct PerSlice<S> {
    reduction: Reduction,
    statistic: S,
}

impl<S: Statistic> Kernel for PerSlice<S> {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let axis = self.reduction.axis.number();
        let y = self.statistic.record(rec, inputs[0], axis)?;
        Some(self.reduction.shaped(y))
    }
}

impl<T: Real, S: Statistic> Cpu<T> for PerSlice<S> {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.reduction.apply(inputs[0], |block| {
            let x = block.as_real();
            Block::real(rows::each(x, 1, Vec::new, |row, out, samples| {
                samples.clear();
                samples.extend(row.iter().map(|v| v.wide()));
                out[0] = T::of(self.statistic.of(samples));
            }))
        })
    }
}
