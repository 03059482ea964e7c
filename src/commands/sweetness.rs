//! `sweetness`: amplitude over the square root of frequency: strong and low.

use std::f64::consts::TAU;

use crate::command::prelude::*;
use crate::dsp::fft::Planned;
use crate::dsp::{analytic, rows};

/// The command.
pub static SPEC: Spec = Spec {
    name: "sweetness",
    summary: "Instantaneous amplitude over the square root of instantaneous frequency: marks what is strong and low.",
    notes: "\
            Amplitude and phase are those of the analytic signal (`scipy.signal.hilbert`); the frequency is the mean of the \
            phase differences to both neighbours (at the ends, to one), each an angle between -pi and pi, in Hz (per metre along \
            depth). Its modulus is taken, and no less than `floor`, so that the result is finite. A NaN makes its channel NaN.\n\n\
            distpy's library takes one difference less than there are samples, so that it does not run.",
    family: Family::Spectral,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Transforms(3.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["1 0 -1 0 1 0 -1 0"],
        output: "0.06324555320336758 0.06324555320336758 0.06324555320336758 0.06324555320336758 0.06324555320336758 0.06324555320336758 0.06324555320336758 0.06324555320336758",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
    /// Smallest frequency (per metre along depth).
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "Hz"))]
    floor: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            axis: Axis::Time,
            floor: 1e-3,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        if self.axis.of(x).len() < 2 {
            return Err(Mismatch::argument(
                "axis",
                "found one sample, expected at least two",
            ));
        }
        let rate = match self.axis {
            Axis::Time => env.rate(x),
            Axis::Depth => 1.0 / x.depth.spacing(),
        };
        let kernel = Sweetness { args: *self, rate };
        Ok(Prepared::new(x.of_kind(Kind::Real), self.axis.rows(), kernel).across(self.axis))
    }
}

#[derive(Debug)]
struct Sweetness {
    args: Args,
    rate: f64,
}

impl Kernel for Sweetness {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let axis = self.args.axis.number();
        let signal = kernels::fft::analytic(rec, inputs[0], axis);
        let rule = "\
fn turn(i: u32, j: u32, t: u32) -> real {
    let step = complex_mul(a_at(i, j, t + 1u), complex_conj(a_at(i, j, t)));
    return atan2(step.y, step.x);
}
fn value(i: u32, j: u32) -> Y {
    let t = place(i, j);
    let last = a_len() - 1u;
    // The mean of the two sides, at an end the one there is.
    let turns = turn(i, j, max(t, 1u) - 1u) + turn(i, j, min(t, last - 1u));
    let frequency = abs(turns) * number(0u);
    return a_size(i, j) / sqrt(max(frequency, number(1u)));
}";
        let rule = Rule::new(rule, [signal])
            .numbers([self.rate / (2.0 * TAU), self.args.floor])
            .axis(axis);
        Some(map_like(rec, &rule, Element::Real))
    }
}

impl<T: Planned> Cpu<T> for Sweetness {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.args.axis.along(inputs[0], |block| {
            let signal = analytic::rows(block.as_real());
            Block::real(rows::each(
                &signal,
                signal.ncols(),
                || (),
                |row, out, ()| {
                    let wide = |v: Complex<T>| Complex::new(v.re.wide(), v.im.wide());
                    let last = row.len() - 1;
                    let turn = |t: usize| (wide(row[t + 1]) * wide(row[t]).conj()).arg();
                    for (t, to) in out.iter_mut().enumerate() {
                        // The mean of the two sides, at an end the one there is.
                        let turns = turn(t.max(1) - 1) + turn(t.min(last - 1));
                        let frequency = (turns / (2.0 * TAU)).abs() * self.rate;
                        let amplitude = wide(row[t]).norm();
                        *to = T::of(amplitude / frequency.max(self.args.floor).sqrt());
                    }
                },
            ))
        })
    }
}
