//! Spectra of overlapping segments of a row: what Welch's method and short-time transforms share.

use std::f64::consts::PI;

use num_complex::Complex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fft;

/// The weight of the samples of a segment: periodic windows, as spectra want them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Shape {
    /// One period of a raised cosine.
    Hann,
    /// The same on a pedestal.
    Hamming,
    /// Two cosines: lower side lobes, a wider peak.
    Blackman,
    /// None.
    Boxcar,
}

impl Shape {
    /// The weights of a segment of `n` samples (`scipy.signal.get_window`).
    pub fn weights(self, n: usize) -> Vec<f64> {
        let cosines: &[f64] = match self {
            Shape::Hann => &[0.5, -0.5],
            Shape::Hamming => &[0.54, -0.46],
            Shape::Blackman => &[0.42, -0.5, 0.08],
            Shape::Boxcar => &[1.0],
        };
        let weight = |t: usize| {
            let phase = 2.0 * PI * t as f64 / n as f64;
            let terms = cosines.iter().enumerate();
            terms.map(|(k, c)| c * (k as f64 * phase).cos()).sum()
        };
        (0..n).map(weight).collect()
    }
}

/// What is taken out of each segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Trend {
    /// Nothing.
    None,
    /// Its mean.
    Constant,
}

/// How power is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Scaling {
    /// Per hertz: the integral over frequency is the variance.
    Density,
    /// A sine of amplitude `a` gives `a^2 / 2` at its frequency.
    Spectrum,
}

/// Segments of rows, and their transform.
#[derive(Debug, Clone)]
pub struct Segments {
    /// Samples of a segment.
    pub length: usize,
    /// Samples from the beginning of one to that of the next.
    pub step: usize,
    /// The weights of its samples.
    pub weights: Vec<f64>,
    /// What is taken out of it first.
    pub trend: Trend,
}

impl Segments {
    /// How many whole segments a row of `n` samples has.
    pub fn count(&self, n: usize) -> usize {
        if n < self.length {
            0
        } else {
            (n - self.length) / self.step + 1
        }
    }

    /// Frequencies of a transform: from zero to the Nyquist frequency.
    pub fn bins(&self) -> usize {
        self.length / 2 + 1
    }

    /// The factor of `|X|^2` for a scaling, at `rate` samples a second.
    pub fn power_scale(&self, scaling: Scaling, rate: f64) -> f64 {
        match scaling {
            Scaling::Density => 1.0 / (rate * self.weights.iter().map(|w| w * w).sum::<f64>()),
            Scaling::Spectrum => self.weights.iter().sum::<f64>().powi(-2),
        }
    }

    /// Whether a bin stands for itself only: all others stand for the negative frequency too.
    pub fn once(&self, bin: usize) -> bool {
        bin == 0 || 2 * bin == self.length
    }

    /// Calls `each` with the number and the one-sided spectrum of every segment of a row.
    pub fn transform(&self, row: &[f64], mut each: impl FnMut(usize, &[Complex<f64>])) {
        let plan = fft::real_plan::<f64>(self.length);
        let mut segment = plan.make_input_vec();
        let mut spectrum = plan.make_output_vec();
        let mut scratch = plan.make_scratch_vec();
        for k in 0..self.count(row.len()) {
            let samples = &row[k * self.step..][..self.length];
            let mean = match self.trend {
                Trend::None => 0.0,
                Trend::Constant => samples.iter().sum::<f64>() / self.length as f64,
            };
            for ((to, v), weight) in segment.iter_mut().zip(samples).zip(&self.weights) {
                *to = (v - mean) * weight;
            }
            plan.process_with_scratch(&mut segment, &mut spectrum, &mut scratch)
                .expect("lengths are the plan's");
            each(k, &spectrum);
        }
    }
}
