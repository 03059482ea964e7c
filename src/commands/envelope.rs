//! `envelope`: the amplitude of a signal, without its oscillation.

use crate::command::prelude::*;
use crate::dsp::fft::Planned;
use crate::dsp::{analytic, rows};

/// The command.
pub static SPEC: Spec = Spec {
    name: "envelope",
    summary: "Modulus of the analytic signal: the amplitude along an axis.",
    notes: "|`scipy.signal.hilbert`(x)|. The signal counts as periodic: `taper` the ends where they matter. A NaN makes its channel NaN.",
    family: Family::Spectral,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Transforms(3.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["2 0 -2 0; 0 3 0 -3"],
        output: "2 2 2 2; 3 3 3 3",
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
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        Ok(Prepared::new(inputs[0].of_kind(Kind::Real), self.axis.rows(), *self).across(self.axis))
    }
}

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let signal = kernels::fft::analytic(rec, inputs[0], self.axis.number());
        let rule = "fn value(i: u32, j: u32) -> Y { return a_size(i, j); }";
        Some(map_like(rec, &Rule::new(rule, [signal]), Element::Real))
    }
}

impl<T: Planned> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.axis.along(inputs[0], |block| {
            let signal = analytic::rows(block.as_real());
            Block::real(rows::each(
                &signal,
                signal.ncols(),
                || (),
                |row, out, ()| {
                    out.iter_mut()
                        .zip(row)
                        .for_each(|(to, v)| *to = v.re.hypot(v.im));
                },
            ))
        })
    }
}
