//! `kurtosis`: unbiased excess kurtosis along an axis, as `scipy.stats.kurtosis(bias=False)`.

use crate::command::prelude::*;
use crate::dsp::reduce::Moments;
use crate::gpu::kernels::moments::moment_formula;

/// The command.
pub static SPEC: Spec = Spec {
    name: "kurtosis",
    summary: "Unbiased excess kurtosis along an axis (0 for normal noise), without NaNs.",
    notes: "\
            Unbiased excess kurtosis along an axis, as `scipy.stats.kurtosis(bias=False)`.\n\n\
            `G2 = [(n^2 - 1) m4 / m2^2 - 3 (n - 1)^2] / [(n - 2) (n - 3)]` with the central moments `m2`, `m4`; for up to 3 \
            samples the biased `m4 / m2^2 - 3`. NaNs are left out; a constant row gives NaN.",
    family: Family::Statistic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(8.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["1 2 3 4 5; 0 0 0 0 5"],
        output: "-1.2; 5",
    }],
};

/// An axis.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Args {
    /// 1 (or -1) along time, 0 along depth.
    pub(super) axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self { axis: Axis::Time }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        statistic(env, inputs[0], self.axis, Kurtosis)
    }
}

#[derive(Debug)]
struct Kurtosis;

impl Statistic for Kurtosis {
    fn of(&self, samples: &mut Vec<f64>) -> f64 {
        let Some(moments) = Moments::of(samples) else {
            return f64::NAN;
        };
        let n = moments.count as f64;
        let ratio = moments.central(4) / moments.variance.powi(2);
        if moments.count <= 3 {
            return ratio - 3.0;
        }
        ((n * n - 1.0) * ratio - 3.0 * (n - 1.0).powi(2)) / ((n - 2.0) * (n - 3.0))
    }

    fn record(&self, rec: &mut Recorder, x: Tensor, axis: usize) -> Option<Tensor> {
        let formula = moment_formula!(
            "if count <= 3.0 { return power - 3.0; } \
             return ((count * count - 1.0) * power - 3.0 * (count - 1.0) * (count - 1.0)) / ((count - 2.0) * (count - 3.0));"
        );
        let central = kernels::moments::central(rec, x, axis);
        Some(central.formula(rec, 4, formula, true))
    }
}
