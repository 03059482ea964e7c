//! `moment`: central moment along an axis, `mean (x - mean)^k`, as `scipy.stats.moment`. NaNs are left out.

use crate::command::prelude::*;
use crate::dsp::reduce::Moments;
use crate::gpu::kernels::moments::moment_formula;

/// The command.
pub static SPEC: Spec = Spec {
    name: "moment",
    summary: "Central moment of an order along an axis, without NaNs.",
    notes: "\
            Central moment along an axis, `mean (x - mean)^k`, as `scipy.stats.moment`. NaNs are left out.\n\n\
            distpy has the command's code but does not know its name, so that its result is the input: in compat mode.",
    family: Family::Statistic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(6.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"moment": 2}"#,
        inputs: &["1 2 3 6; 5 5 5 5"],
        output: "3.5; 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
    /// The order: 2 for the variance; that of order 1 is 0.
    #[schemars(range(min = 0, max = 20))]
    moment: u32,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            axis: Axis::Time,
            moment: 1,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        statistic(env, inputs[0], self.axis, *self)
    }
}

impl Statistic for Args {
    fn of(&self, samples: &mut Vec<f64>) -> f64 {
        samples.retain(|v| !v.is_nan());
        match (samples.is_empty(), self.moment) {
            (true, _) => f64::NAN,
            (_, 0) => 1.0,
            (_, 1) => 0.0,
            (_, order) => Moments::about_mean(samples).central(order as i32),
        }
    }

    fn record(&self, rec: &mut Recorder, x: Tensor, axis: usize) -> Option<Tensor> {
        // The first two are known; the others come back from deviations of order one.
        let formula = match self.moment {
            0 => moment_formula!("return 1.0;"),
            1 => moment_formula!("return 0.0;"),
            2 => moment_formula!("return variance;"),
            3 => moment_formula!("return power * sqrt(variance) * variance;"),
            4 => moment_formula!("return power * variance * variance;"),
            _ => return None,
        };
        let central = kernels::moments::central(rec, x, axis);
        Some(central.formula(rec, self.moment, formula, false))
    }
}
