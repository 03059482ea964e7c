//! `geometric_mean`: `exp(mean(ln x))` along an axis, as `scipy.stats.gmean`. A zero gives 0, a negative value or a NaN gives
//! NaN.

use super::kurtosis::Args;
use crate::command::prelude::*;
use crate::dsp::reduce;

/// The command.
pub static SPEC: Spec = Spec {
    name: "geometric_mean",
    summary: "Geometric mean along an axis; NaN where a value is negative, so take `abs` of strain rate first.",
    notes: "`exp(mean(ln x))` along an axis, as `scipy.stats.gmean`. A zero gives 0, a negative value or a NaN gives NaN.",
    family: Family::Statistic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(20.0),
    schema: schema_of::<Args>,
    build: |args| {
        Ok(Command::Block(Arc::new(GeometricMean(
            parse::<Args>(args)?.axis,
        ))))
    },
    examples: &[Example {
        args: "{}",
        inputs: &["1 4; 2 8"],
        output: "2; 4",
    }],
};

#[derive(Debug, Clone, Copy)]
struct GeometricMean(Axis);

impl BlockCommand for GeometricMean {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        statistic(env, inputs[0], self.0, *self)
    }
}

impl Statistic for GeometricMean {
    fn of(&self, samples: &mut Vec<f64>) -> f64 {
        (reduce::logarithms(samples) / samples.len() as f64).exp()
    }

    fn record(&self, rec: &mut Recorder, x: Tensor, axis: usize) -> Option<Tensor> {
        // A zero makes the mean vanish without an infinite logarithm.
        let item = "\
fn item(i: u32, j: u32) -> Y {
    let v = a(i, j);
    if is_nan(v) || v < 0.0 {
        return number(1u);
    }
    return select(log(max(v, 1e-37)), -1e30, v == 0.0);
}\n";
        let mean = kernels::fold::Fold {
            finish: "fn finish(p: Y) -> Y { return exp(p / number(0u)); }\n",
            ..kernels::fold::SUM
        };
        let count = [x.rows(), x.cols()][axis] as f64;
        let numbers = [count, f64::NAN];
        Some(kernels::fold::samples(
            rec,
            item,
            x,
            &numbers,
            mean,
            Some(axis),
            Element::Real,
        ))
    }
}
