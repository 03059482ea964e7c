//! `stft`: short-time Fourier transform of one channel.

use super::extract::position;
use super::psd::segments;
use crate::command::prelude::*;
use crate::dsp::segments::{Segments, Shape, Trend};

/// The command.
pub static SPEC: Spec = Spec {
    name: "stft",
    summary: "Short-time Fourier transform of one channel: a row for each frequency, a column for each segment's time.",
    notes: "\
            `scipy.signal.stft`: half a segment of zeros lies before and after the row, so that the first column is its first sample's, and \
            zeros fill the last segment; values are scaled by the sum of the window, so that a sine of amplitude `a` gives `a / 2`. A NaN \
            reaches the segments that hold it.",
    family: Family::Spectral,
    kinds: &[(Kind::Real, Kind::Complex)],
    gathers: Gathers::None,
    cost: Cost::Transforms(2.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"channel": 1, "segment": 0.002, "window": "boxcar", "overlap": 0}"#,
        inputs: &["0 0 0 0; 4 2 2 4"],
        output: "2 2 2; -2 0 2",
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
}

impl Default for Args {
    fn default() -> Self {
        Self {
            channel: 0,
            depth: None,
            segment: 0.256,
            overlap: 0.5,
            window: Shape::Hann,
        }
    }
}

/// The row of a channel that is named by its number or its depth.
pub(super) fn channel(x: &Signature, number: i64, depth: Option<f64>) -> Result<usize, Mismatch> {
    let Some(depth) = depth else {
        return position(number, x.rows()).map_err(|m| Mismatch::argument("channel", m));
    };
    let (least, most) = x
        .depth
        .values
        .iter()
        .fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    if !(least..=most).contains(&depth) {
        let found = format!("found {depth}, expected a depth from {least} to {most}");
        return Err(Mismatch::argument("depth", found));
    }
    let far = |k: &usize| (x.depth.values[*k] - depth).abs();
    let nearest = (0..x.rows()).min_by(|a, b| far(a).total_cmp(&far(b)));
    Ok(nearest.expect("a block has channels"))
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
            Trend::None,
        )?;
        let half = segments.length / 2;
        // Zeros before and after, and as many more as the last segment wants.
        let bare = x.cols() + 2 * half;
        let rest = (bare - segments.length) % segments.step;
        let padded = bare + if rest == 0 { 0 } else { segments.step - rest };
        let kernel = ShortTime {
            channel,
            before: half,
            padded,
            segments,
        };
        let signature = kernel.signature(x, rate);
        Ok(Prepared::new(signature, Rows::Coupled, kernel))
    }
}

#[derive(Debug)]
struct ShortTime {
    channel: usize,
    before: usize,
    padded: usize,
    segments: Segments,
}

impl ShortTime {
    fn signature(&self, x: &Signature, rate: f64) -> Signature {
        let Segments { length, step, .. } = self.segments;
        let count = self.segments.count(self.padded);
        let start = x.time.values.first().copied().unwrap_or(0.0);
        Signature {
            depth: Coords::regular(Unit::Hertz, 0.0, rate / length as f64, self.segments.bins()),
            time: Coords::regular(Unit::Second, start, step as f64 / rate, count),
            ..x.of_kind(Kind::Complex)
        }
    }
}

impl Kernel for ShortTime {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let rule = "fn value(i: u32, j: u32) -> Y { return a(word(0u), j); }";
        let rule = Rule::new(rule, [x]).words([self.channel]);
        let row = map(rec, &rule, (1, x.cols()), Element::Real);
        let count = self.segments.count(self.padded);
        let spectra = kernels::segments::transform(rec, row, &self.segments, self.before, count);
        let rule = "fn value(i: u32, j: u32) -> Y { return a(j, i) * number(0u); }";
        let scale = 1.0 / self.segments.weights.iter().sum::<f64>();
        let rule = Rule::new(rule, [spectra]).numbers([scale]);
        let shape = (self.segments.bins(), count);
        Some(map(rec, &rule, shape, Element::Complex))
    }
}

impl<T: Real> Cpu<T> for ShortTime {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let row = inputs[0].as_real().row(self.channel);
        let mut padded = vec![0.0; self.padded];
        for (to, v) in padded[self.before..].iter_mut().zip(row) {
            *to = v.wide();
        }
        let scale = self.segments.weights.iter().sum::<f64>();
        let shape = (self.segments.bins(), self.segments.count(self.padded));
        let mut out = Array2::zeros(shape);
        self.segments.transform(&padded, |k, spectrum| {
            for (to, v) in out.column_mut(k).iter_mut().zip(spectrum) {
                *to = Complex::new(T::of(v.re / scale), T::of(v.im / scale));
            }
        });
        Block::complex(out)
    }
}
