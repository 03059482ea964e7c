//! `skewness`: unbiased skewness along an axis, as `scipy.stats.skew(bias=False)`.

use super::kurtosis::Args;
use crate::command::prelude::*;
use crate::dsp::reduce::Moments;
use crate::gpu::kernels::moments::moment_formula;

/// The command.
pub static SPEC: Spec = Spec {
    name: "skewness",
    summary: "Unbiased skewness along an axis (0 where values lie symmetrically), without NaNs.",
    notes: "\
            Unbiased skewness along an axis, as `scipy.stats.skew(bias=False)`.\n\n\
            `G1 = sqrt(n (n - 1)) / (n - 2) m3 / m2^1.5` with the central moments `m2`, `m3`; for up to 2 samples the biased \
            `m3 / m2^1.5`. NaNs are left out; a constant row gives NaN.",
    family: Family::Statistic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(8.0),
    schema: schema_of::<Args>,
    build: |args| {
        Ok(Command::Block(Arc::new(Skewness(
            parse::<Args>(args)?.axis,
        ))))
    },
    examples: &[Example {
        args: "{}",
        inputs: &["1 2 3; 0 0 3"],
        output: "0; 1.7320508075688772",
    }],
};

#[derive(Debug, Clone, Copy)]
struct Skewness(Axis);

impl BlockCommand for Skewness {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        statistic(env, inputs[0], self.0, *self)
    }
}

impl Statistic for Skewness {
    fn of(&self, samples: &mut Vec<f64>) -> f64 {
        let Some(moments) = Moments::of(samples) else {
            return f64::NAN;
        };
        let n = moments.count as f64;
        let biased = moments.central(3) / moments.variance.powf(1.5);
        if moments.count <= 2 {
            return biased;
        }
        (n * (n - 1.0)).sqrt() / (n - 2.0) * biased
    }

    fn record(&self, rec: &mut Recorder, x: Tensor, axis: usize) -> Option<Tensor> {
        let formula = moment_formula!(
            "if count <= 2.0 { return power; } return sqrt(count * (count - 1.0)) / (count - 2.0) * power;"
        );
        let central = kernels::moments::central(rec, x, axis);
        Some(central.formula(rec, 3, formula, true))
    }
}
