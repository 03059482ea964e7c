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
            makes its channel NaN.\n\n\
            The samples that are kept along time are counted from the first sample of the recording, or from the first after a gap, so \
            that the chunks of a run have one grid; in compat mode they are counted from the chunk's first.",
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
        let lattice = env.lattice(x).filter(|_| self.axis == Axis::Time);
        let (first, period) = lattice.map_or((0, 1), |it| it.start(1, self.factor));
        let kept = along.values[first..].iter().copied().step_by(self.factor);
        let values: Vec<f64> = kept.collect();
        let coords = Coords::new(along.unit, values);
        let signature = self.axis.replaced(&x.of_kind(x.kind), coords);
        let kernel = Decimate {
            filter: Filter::new(design, Padding::Odd, self.axis),
            first,
            factor: self.factor,
            axis: self.axis,
        };
        let reach = kernel.filter.reach();
        let prepared = Prepared::new(signature, self.axis.rows(), kernel);
        Ok(prepared.near(self.axis, reach, reach).with_period(period))
    }
}

#[derive(Debug)]
struct Decimate {
    filter: Filter,
    /// The first sample that is kept.
    first: usize,
    factor: usize,
    axis: Axis,
}

impl Kernel for Decimate {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], first: usize) -> Option<Tensor> {
        let filtered = self.filter.gpu(rec, inputs, first)?;
        let rule = "fn value(i: u32, j: u32) -> Y { return a_at(i, j, word(1u) + place(i, j) * word(0u)); }";
        let n = |count: usize| (count - self.first).div_ceil(self.factor);
        let shape = match self.axis {
            Axis::Time => (filtered.rows(), n(filtered.cols())),
            Axis::Depth => (n(filtered.rows()), filtered.cols()),
        };
        let rule = Rule::new(rule, [filtered])
            .words([self.factor, self.first])
            .axis(self.axis.number());
        Some(map(rec, &rule, shape, filtered.element()))
    }
}

impl<T: Real> Cpu<T> for Decimate {
    fn cpu(&self, inputs: &[&Block<T>], first: usize) -> Block<T> {
        let filtered = Cpu::<T>::cpu(&self.filter, inputs, first);
        let (first, step) = (self.first, self.factor);
        Block {
            samples: numbers!(&filtered.samples, a => match self.axis {
                Axis::Time => a.slice(s![.., first..;step]).as_standard_layout().into_owned(),
                Axis::Depth => a.slice(s![first..;step, ..]).as_standard_layout().into_owned(),
            }),
        }
    }
}
