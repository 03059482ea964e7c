//! `sobel`: Sobel's edge detector, `[-1, 0, 1]` along one axis and `[1, 2, 1]` along the other, as `scipy.ndimage.sobel`.

use super::gaussian::{Settle, Settled};
use crate::block::numbers;
use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::stencil::{self, Weighted};

/// The command.
pub static SPEC: Spec = Spec {
    name: "sobel",
    summary: "Sobel's edge detector: differences along an axis, smoothed along the other.",
    notes: "Sobel's edge detector, `[-1, 0, 1]` along one axis and `[1, 2, 1]` along the other, as `scipy.ndimage.sobel`.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(10.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"mode": "nearest"}"#,
        inputs: &["0 0 1 1; 0 0 1 1"],
        output: "0 4 4 0; 0 4 4 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The axis of the differences: 1 (or -1) along time, 0 along depth.
    axis: Axis,
    /// What lies beyond the ends.
    mode: Edge,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            axis: Axis::Time,
            mode: Edge::Constant,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let settled = Settled::of(env, inputs[0]);
        let signature = settled.signature(inputs[0]);
        let kernel = Sobel {
            axis: self.axis,
            edge: self.mode,
            settled,
        };
        Ok(Prepared::new(signature, Rows::near(1, self.mode), kernel).near(Axis::Time, 1, 1))
    }
}

#[derive(Debug)]
struct Sobel {
    axis: Axis,
    edge: Edge,
    settled: Settled,
}

const DIFFERENCE: &[f64] = &[-1.0, 0.0, 1.0];
const SMOOTH: &[f64] = &[1.0, 2.0, 1.0];

impl Sobel {
    fn apply<T: Real, S: Weighted<T> + Settle>(&self, x: &Array2<S>) -> Array2<S> {
        let along = |axis: Axis, x: &Array2<S>, weights: &[f64]| {
            let mut y = match axis {
                Axis::Time => stencil::correlate_time::<T, S>(x, weights, 1, self.edge),
                Axis::Depth => stencil::correlate_depth::<T, S>(x, weights, 1, self.edge),
            };
            self.settled.apply(&mut y);
            y
        };
        match self.axis {
            Axis::Time => along(Axis::Depth, &along(Axis::Time, x, DIFFERENCE), SMOOTH),
            Axis::Depth => along(Axis::Time, &along(Axis::Depth, x, DIFFERENCE), SMOOTH),
        }
    }
}

impl Kernel for Sobel {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        if !self.settled.on_device() {
            return None;
        }
        let axis = self.axis.number();
        let along = |rec: &mut Recorder, x, weights, axis| {
            kernels::stencil::correlate_along(rec, x, weights, 1, axis, self.edge)
        };
        let y = along(rec, inputs[0], DIFFERENCE, axis);
        Some(along(rec, y, SMOOTH, 1 - axis))
    }
}

impl<T: Real + Settle> Cpu<T> for Sobel
where
    Complex<T>: Settle,
{
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        Block {
            samples: numbers!(&inputs[0].samples, x => self.apply::<T, _>(x)),
        }
    }
}
