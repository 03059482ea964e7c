//! `taper`: fades the ends of each channel.

use std::f64::consts::PI;

use crate::block::numbers;
use crate::command::prelude::*;
use crate::dsp::rows;
use crate::dsp::stencil::Weighted;

/// The command.
pub static SPEC: Spec = Spec {
    name: "taper",
    summary: "Fades the ends of each channel (or of the fibre) with a cosine, so that a transform sees no step there.",
    notes: "\
            A Tukey window (`scipy.signal.windows.tukey`): half a period of a cosine over `fraction / 2` of the length at each end, \
            1 between; a fraction of 1 is a Hann window. A NaN stays where it is.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(1.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"fraction": 1}"#,
        inputs: &["2 2 2 2 2"],
        output: "0 1 2 1 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Share of the length that fades, both ends together.
    #[schemars(range(min = 0.0, max = 1.0))]
    fraction: f64,
    /// Which ends.
    side: Side,
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Side {
    Both,
    /// The beginning.
    Left,
    /// The end.
    Right,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            fraction: 0.1,
            side: Side::Both,
            axis: Axis::Time,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let n = self.axis.of(x).len();
        let mut weights = vec![1.0; n];
        let length = self.fraction * (n as f64 - 1.0) / 2.0;
        if length > 0.0 {
            for t in 0..=length as usize {
                let weight = 0.5 - 0.5 * (PI * t as f64 / length).cos();
                if self.side != Side::Right {
                    weights[t] *= weight;
                }
                if self.side != Side::Left && (self.side == Side::Right || 2 * t + 1 != n) {
                    weights[n - 1 - t] *= weight;
                }
            }
        }
        let kernel = Weights {
            weights,
            axis: self.axis,
        };
        Ok(Prepared::new(x.of_kind(x.kind), Rows::Independent, kernel).across(self.axis))
    }
}

#[derive(Debug)]
struct Weights {
    weights: Vec<f64>,
    axis: Axis,
}

impl Weights {
    fn apply<T: Real, S: Weighted<T>>(&self, x: &Array2<S>, first: usize) -> Array2<S> {
        let samples = x.as_slice().expect("blocks are contiguous");
        let n = x.ncols();
        rows::make(
            x.nrows(),
            n,
            || (),
            |i, out, ()| {
                let row = &samples[i * n..(i + 1) * n];
                match self.axis {
                    Axis::Time => {
                        for ((to, &v), &weight) in out.iter_mut().zip(row).zip(&self.weights) {
                            *to = v * T::of(weight);
                        }
                    }
                    Axis::Depth => {
                        let weight = T::of(self.weights[first + i]);
                        out.iter_mut()
                            .zip(row)
                            .for_each(|(to, &v)| *to = v * weight);
                    }
                }
            },
        )
    }
}

impl Kernel for Weights {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], first: usize) -> Option<Tensor> {
        let x = inputs[0];
        let table = match self.axis {
            Axis::Time => rec.table_real(&self.weights),
            Axis::Depth => {
                let table = rec.table_real(&self.weights[first..first + x.rows()]);
                table.view(x.rows(), 1, table.element())
            }
        };
        let rule = "fn value(i: u32, j: u32) -> Y { return a(i, j) * b_wide(i, j); }";
        Some(map_like(rec, &Rule::new(rule, [x, table]), x.element()))
    }
}

impl<T: Real> Cpu<T> for Weights {
    fn cpu(&self, inputs: &[&Block<T>], first: usize) -> Block<T> {
        Block {
            samples: numbers!(&inputs[0].samples, x => self.apply::<T, _>(x, first)),
        }
    }
}
