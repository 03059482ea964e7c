//! `decimate`: every n-th sample, after a filter against aliasing.

use ndarray::s;

use super::bandpass::rate;
use super::butter::Filter;
use crate::block::numbers;
use crate::command::prelude::*;
use crate::dsp::sos::{Cascade, Corner, Padding, Prototype};

/// The command.
pub static SPEC: Spec = Spec {
    name: "decimate",
    summary: "Every `factor`-th sample along an axis, after a zero-phase low-pass against aliasing.",
    notes: "\
            `scipy.signal.decimate`: a Chebyshev filter of order 8 with 0.05 dB ripple up to 0.8 of the new Nyquist frequency, forward and \
            backward as second-order sections. For factors above a dozen several steps are better. Later commands see the new rate. A NaN \
            makes its channel NaN.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(80.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: r#"{"factor": 1}"#,
            inputs: &["1 2 3"],
            output: "1 2 3",
        },
        Example {
            args: r#"{"factor": 2}"#,
            inputs: &["1 1 1 1"],
            output: "0.9885530946569389 0.9885530946569389",
        },
    ],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Which samples are kept: one of so many.
    #[schemars(range(min = 1, max = 1000))]
    factor: usize,
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            factor: 2,
            axis: Axis::Time,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        if self.factor == 1 {
            return Ok(Prepared::same(x));
        }
        let along = self.axis.of(x);
        if self.factor >= along.len() {
            let found = format!(
                "found {}, expected less than the {} samples",
                self.factor,
                along.len()
            );
            return Err(Mismatch::argument("factor", found));
        }
        let rate = rate(env, x, self.axis);
        let corner = Corner::Low(0.8 / self.factor as f64 * rate / 2.0);
        let design = Cascade::new(&Prototype::chebyshev1(8, 0.05), corner, rate)
            .map_err(|e| Mismatch::argument("factor", e.to_string()))?;
        let values: Vec<f64> = along.values.iter().copied().step_by(self.factor).collect();
        let coords = Coords::new(along.unit, values);
        let signature = self.axis.replaced(&x.of_kind(x.kind), coords);
        let kernel = Decimate {
            filter: Filter::new(design, Padding::Odd, self.axis),
            factor: self.factor,
            axis: self.axis,
        };
        Ok(Prepared::new(signature, self.axis.rows(), kernel))
    }
}

#[derive(Debug)]
struct Decimate {
    filter: Filter,
    factor: usize,
    axis: Axis,
}

impl Kernel for Decimate {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], first: usize) -> Option<Tensor> {
        let filtered = self.filter.gpu(rec, inputs, first)?;
        let rule = "fn value(i: u32, j: u32) -> Y { return a_at(i, j, place(i, j) * word(0u)); }";
        let n = |count: usize| count.div_ceil(self.factor);
        let shape = match self.axis {
            Axis::Time => (filtered.rows(), n(filtered.cols())),
            Axis::Depth => (n(filtered.rows()), filtered.cols()),
        };
        let rule = Rule::new(rule, [filtered])
            .words([self.factor])
            .axis(self.axis.number());
        Some(map(rec, &rule, shape, filtered.element()))
    }
}

impl<T: Real> Cpu<T> for Decimate {
    fn cpu(&self, inputs: &[&Block<T>], first: usize) -> Block<T> {
        let filtered = Cpu::<T>::cpu(&self.filter, inputs, first);
        let step = self.factor;
        Block {
            samples: numbers!(&filtered.samples, a => match self.axis {
                Axis::Time => a.slice(s![.., ..;step]).as_standard_layout().into_owned(),
                Axis::Depth => a.slice(s![..;step, ..]).as_standard_layout().into_owned(),
            }),
        }
    }
}
