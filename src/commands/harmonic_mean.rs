//! `harmonic_mean`: `1 / mean(1 / x)` along an axis, as `scipy.stats.hmean`. A zero gives 0, a negative value or a NaN gives NaN.

use super::kurtosis::Args;
use crate::command::prelude::*;
use crate::dsp::reduce;

/// The command.
pub static SPEC: Spec = Spec {
    name: "harmonic_mean",
    summary: "Harmonic mean along an axis; NaN where a value is negative, so take `abs` of strain rate first.",
    notes: "\
            `1 / mean(1 / x)` along an axis, as `scipy.stats.hmean`. A zero gives 0, a negative value or a NaN gives NaN.\n\n\
            A negative value stops distpy, so it is bad data in compat mode.",
    family: Family::Statistic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(4.0),
    schema: schema_of::<Args>,
    build: |args| {
        Ok(Command::Block(Arc::new(HarmonicMean(
            parse::<Args>(args)?.axis,
        ))))
    },
    examples: &[Example {
        args: "{}",
        inputs: &["1 1 4; 0 3 5"],
        output: "1.3333333333333333; 0",
    }],
};

#[derive(Debug, Clone, Copy)]
struct HarmonicMean(Axis);

impl BlockCommand for HarmonicMean {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let prepared = statistic(env, inputs[0], self.0, *self)?;
        let refused = env.compat == Compat::Distpy;
        Ok(Prepared {
            guard: refused.then_some(Guard::NonNegative),
            ..prepared
        })
    }
}

impl Statistic for HarmonicMean {
    fn of(&self, samples: &mut Vec<f64>) -> f64 {
        if samples.iter().any(|v| v.is_nan() || *v < 0.0) {
            return f64::NAN;
        }
        let count = samples.len() as f64;
        samples.iter_mut().for_each(|v| *v = 1.0 / *v);
        count / reduce::total(samples)
    }

    fn record(&self, rec: &mut Recorder, x: Tensor, axis: usize) -> Option<Tensor> {
        let item = "\
fn item(i: u32, j: u32) -> Y {
    let v = a(i, j);
    if is_nan(v) || v < 0.0 {
        return number(1u);
    }
    return 1.0 / v;
}\n";
        let mean = kernels::fold::Fold {
            finish: "fn finish(p: Y) -> Y { return number(0u) / p; }\n",
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
