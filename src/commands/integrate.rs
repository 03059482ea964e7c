//! `integrate`: running integral along an axis.

use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "integrate",
    summary: "Running integral from the first sample on, over time in seconds (or depth in metres): strain rate to strain.",
    notes: "\
            The trapezoidal rule on the axis' own positions, starting from 0 (`scipy.integrate.cumulative_trapezoid` with `initial=0`), \
            summed in double precision. Offsets of strain rate grow into slopes: `detrend` or a high-pass before takes them out. After \
            a NaN the rest of a channel is NaN.",
    family: Family::Filter,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(3.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["1000 1000 3000; 0 2000 0"],
        output: "0 1 3; 0 1 2",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self { axis: Axis::Time }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let kernel = Integral {
            halves: half_steps(env, x, self.axis),
            axis: self.axis,
        };
        Ok(Prepared::new(x.of_kind(Kind::Real), self.axis.rows(), kernel).across(self.axis))
    }
}

/// Half the spacing before each sample but the first: of time by the sampling rate, of depth by its axis.
pub(super) fn half_steps(env: &Env, x: &Signature, axis: Axis) -> Vec<f64> {
    match axis {
        Axis::Time => vec![0.5 / env.rate(x); x.cols().saturating_sub(1)],
        Axis::Depth => x
            .depth
            .values
            .windows(2)
            .map(|w| 0.5 * (w[1] - w[0]))
            .collect(),
    }
}

/// A running integral along an axis.
#[derive(Debug)]
pub(super) struct Integral {
    pub(super) halves: Vec<f64>,
    pub(super) axis: Axis,
}

impl Kernel for Integral {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let halves = rec.table_real(match self.halves.as_slice() {
            [] => &[0.0],
            halves => halves,
        });
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let t = place(i, j);
    if t == 0u {
        return 0.0;
    }
    return b(0u, t - 1u) * (a_at(i, j, t - 1u) + a_at(i, j, t));
}";
        let axis = self.axis.number();
        let rule = Rule::new(rule, [inputs[0], halves]).axis(axis);
        let steps = map_like(rec, &rule, Element::Real);
        Some(kernels::window::running_sums(rec, steps, axis))
    }
}

impl<T: Real> Cpu<T> for Integral {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.axis.along(inputs[0], |block| {
            let x = block.as_real();
            Block::real(rows::each(
                x,
                x.ncols(),
                || (),
                |row, out, ()| {
                    let mut sum = 0.0;
                    let mut before = row[0].wide();
                    out[0] = T::zero();
                    for ((to, v), half) in out[1..].iter_mut().zip(&row[1..]).zip(&self.halves) {
                        sum += half * (before + v.wide());
                        before = v.wide();
                        *to = T::of(sum);
                    }
                },
            ))
        })
    }
}
