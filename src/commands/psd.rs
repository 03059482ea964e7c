//! `psd`: power spectral density of each channel.

use crate::command::prelude::*;
use crate::dsp::segments::{Scaling, Segments, Shape, Trend};
use crate::dsp::{reduce, rows};

/// The command.
pub static SPEC: Spec = Spec {
    name: "psd",
    summary: "Power spectral density of each channel by Welch's method: the mean power of overlapping segments, by frequency.",
    notes: "\
            `scipy.signal.welch`: segments are weighted, transformed, and their powers averaged; the spectrum is one-sided. Samples after \
            the last whole segment are left out. A NaN makes its channel NaN (with `median`, the frequencies where most segments are).",
    family: Family::Spectral,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Transforms(2.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"window": "boxcar", "scaling": "spectrum"}"#,
        inputs: &["2 0 -2 0 2 0 -2 0"],
        output: "0 0 2 0 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Length of a segment; null for the whole row.
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "s"))]
    segment: Option<f64>,
    /// Share of a segment that overlaps with the next.
    #[schemars(extend("exclusiveMaximum" = 1.0), range(min = 0.0))]
    overlap: f64,
    /// Weights of the samples of a segment.
    window: Shape,
    /// What is taken out of each segment.
    detrend: Trend,
    /// How power is scaled.
    scaling: Scaling,
    /// How segments are averaged.
    average: Average,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Average {
    Mean,
    /// The median, corrected for its bias: single loud segments do not count.
    Median,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            segment: None,
            overlap: 0.5,
            window: Shape::Hann,
            detrend: Trend::Constant,
            scaling: Scaling::Density,
            average: Average::Mean,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let rate = env.rate(x);
        let segments = segments(
            x,
            rate,
            self.segment,
            self.overlap,
            self.window,
            self.detrend,
        )?;
        let step = rate / segments.length as f64;
        let time = Coords::regular(Unit::Hertz, 0.0, step, segments.bins());
        let kernel = Welch {
            scale: segments.power_scale(self.scaling, rate),
            segments,
            average: self.average,
        };
        let signature = Signature {
            time,
            ..x.of_kind(Kind::Real)
        };
        Ok(Prepared::new(signature, Rows::Independent, kernel))
    }
}

/// Segments of a length in seconds (none: the whole row) that overlap by a share of it.
pub(super) fn segments(
    x: &Signature,
    rate: f64,
    seconds: Option<f64>,
    overlap: f64,
    window: Shape,
    trend: Trend,
) -> Result<Segments, Mismatch> {
    let n = x.cols();
    let length = seconds.map_or(n as f64, |seconds| (seconds * rate).round());
    if !(2.0..=n as f64).contains(&length) {
        let found = seconds.unwrap_or(n as f64 / rate);
        let (least, most) = (2.0 / rate, n as f64 / rate);
        let text = format!(
            "found {found} s, expected {least} s to {most} s: two samples to the whole row"
        );
        return Err(Mismatch::argument("segment", text));
    }
    let length = length as usize;
    let step = length - ((overlap * length as f64) as usize).min(length - 1);
    Ok(Segments {
        length,
        step,
        weights: window.weights(length),
        trend,
    })
}

#[derive(Debug)]
struct Welch {
    segments: Segments,
    scale: f64,
    average: Average,
}

impl Kernel for Welch {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        if self.average != Average::Mean {
            return None;
        }
        let x = inputs[0];
        let count = self.segments.count(x.cols());
        let spectra = kernels::segments::transform(rec, x, &self.segments, 0, count);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    var sum = real(0.0);
    for (var k = 0u; k < word(0u); k++) {
        sum += a_power(i * word(0u) + k, j);
    }
    return sum * number(0u) * select(real(2.0), real(1.0), j == 0u || 2u * j == a_cols());
}";
        let rule = Rule::new(rule, [spectra])
            .words([count])
            .numbers([self.scale / count as f64]);
        let shape = (x.rows(), self.segments.bins());
        Some(map(rec, &rule, shape, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Welch {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        let bins = self.segments.bins();
        let count = self.segments.count(x.ncols());
        let scratch = || (Vec::new(), vec![0.0; bins * count]);
        Block::real(rows::each(
            x,
            bins,
            scratch,
            |row, out, (wide, powers): &mut (Vec<f64>, Vec<f64>)| {
                wide.clear();
                wide.extend(row.iter().map(|v| v.wide()));
                // The powers of one bin lie side by side.
                self.segments.transform(wide, |k, spectrum| {
                    for (bin, v) in spectrum.iter().enumerate() {
                        powers[bin * count + k] = v.norm_sqr();
                    }
                });
                for (bin, (to, powers)) in out
                    .iter_mut()
                    .zip(powers.chunks_exact_mut(count))
                    .enumerate()
                {
                    let average = match self.average {
                        Average::Mean => reduce::total(powers) / count as f64,
                        Average::Median => reduce::median(powers).unwrap_or(f64::NAN) / bias(count),
                    };
                    let both = if self.segments.once(bin) { 1.0 } else { 2.0 };
                    *to = T::of(both * self.scale * average);
                }
            },
        ))
    }
}

/// How far the median of `n` powers of noise lies below their mean (Allen et al. 2012, as scipy has it).
fn bias(n: usize) -> f64 {
    let terms = (1..=(n - 1) / 2).map(|k| 2.0 * k as f64);
    1.0 + terms
        .map(|even| 1.0 / (even + 1.0) - 1.0 / even)
        .sum::<f64>()
}
