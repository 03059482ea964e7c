//! `spectrogram`: how the spectrum of one channel changes with time.

use super::psd::segments;
use super::stft::channel;
use crate::command::prelude::*;
use crate::dsp::segments::{Scaling, Segments, Shape, Trend};

/// The command.
pub static SPEC: Spec = Spec {
    name: "spectrogram",
    summary: "Power of one channel by frequency and time: a row for each frequency, a column for each segment.",
    notes: "\
            `scipy.signal.spectrogram` with mode `psd`: one-sided powers of segments whose mean is taken out; a column's time is the \
            middle of its segment. Samples after the last whole segment are left out. A NaN reaches the segments that hold it.",
    family: Family::Spectral,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Transforms(1.2),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"segment": 0.004, "window": "boxcar", "overlap": 0, "scaling": "spectrum"}"#,
        inputs: &["2 0 -2 0 0 0 0 0"],
        output: "0 0; 2 0; 0 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Which channel: a row from 0, negative from the end.
    channel: i64,
    /// The channel nearest to this depth, in place of `channel`.
    #[schemars(extend("unit" = "m"))]
    depth: Option<f64>,
    /// Length of a segment.
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "s"))]
    segment: f64,
    /// Share of a segment that overlaps with the next.
    #[schemars(extend("exclusiveMaximum" = 1.0), range(min = 0.0))]
    overlap: f64,
    /// Weights of the samples of a segment.
    window: Shape,
    /// What is taken out of each segment.
    detrend: Trend,
    /// How power is scaled.
    scaling: Scaling,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            channel: 0,
            depth: None,
            segment: 0.256,
            overlap: 0.125,
            window: Shape::Hann,
            detrend: Trend::Constant,
            scaling: Scaling::Density,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let rate = env.rate(x);
        let channel = channel(x, self.channel, self.depth)?;
        let segments = segments(
            x,
            rate,
            Some(self.segment),
            self.overlap,
            self.window,
            self.detrend,
        )?;
        let Segments { length, step, .. } = segments;
        let start = x.time.values.first().copied().unwrap_or(0.0);
        let middle = start + 0.5 * length as f64 / rate;
        let signature = Signature {
            depth: Coords::regular(Unit::Hertz, 0.0, rate / length as f64, segments.bins()),
            time: Coords::regular(
                Unit::Second,
                middle,
                step as f64 / rate,
                segments.count(x.cols()),
            ),
            ..x.of_kind(Kind::Real)
        };
        let kernel = Powers {
            channel,
            scale: segments.power_scale(self.scaling, rate),
            segments,
        };
        Ok(Prepared::new(signature, Rows::Coupled, kernel))
    }
}

#[derive(Debug)]
struct Powers {
    channel: usize,
    scale: f64,
    segments: Segments,
}

impl Kernel for Powers {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let rule = "fn value(i: u32, j: u32) -> Y { return a(word(0u), j); }";
        let rule = Rule::new(rule, [x]).words([self.channel]);
        let row = map(rec, &rule, (1, x.cols()), Element::Real);
        let count = self.segments.count(x.cols());
        let spectra = kernels::segments::transform(rec, row, &self.segments, 0, count);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    return a_power(j, i) * number(0u) * select(real(2.0), real(1.0), i == 0u || 2u * i == a_cols());
}";
        let rule = Rule::new(rule, [spectra]).numbers([self.scale]);
        let shape = (self.segments.bins(), count);
        Some(map(rec, &rule, shape, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Powers {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let row = inputs[0].as_real().row(self.channel);
        let wide: Vec<f64> = row.iter().map(|v| v.wide()).collect();
        let mut out = Array2::zeros((self.segments.bins(), self.segments.count(wide.len())));
        self.segments.transform(&wide, |k, spectrum| {
            for (bin, (to, v)) in out.column_mut(k).iter_mut().zip(spectrum).enumerate() {
                let both = if self.segments.once(bin) { 1.0 } else { 2.0 };
                *to = T::of(both * self.scale * v.norm_sqr());
            }
        });
        Block::real(out)
    }
}
