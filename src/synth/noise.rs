//! Gaussian noise with a given spectrum, at any time without what came before.
//!
//! Time is cut into frames of `2 HOP` samples that overlap by half. A frame is the inverse FFT of independent complex
//! normal numbers, scaled by the root of the spectrum (spectral representation: Shinozuka and Deodatis, 1991), under a sine
//! window; the squares of two overlapping windows add to one, so the variance is the same at every time. Random numbers
//! come from ChaCha8, keyed by (seed, stream, series, frame): each frame can be made alone.

use std::f64::consts::PI;
use std::ops::Range;
use std::sync::Arc;

use num_complex::Complex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use realfft::{ComplexToReal, RealFftPlanner};

/// Half a frame, in samples. Spectra are resolved to `prf / 2048`.
pub const HOP: usize = 1024;
const FRAME: usize = 2 * HOP;

/// Standard deviations that count as the peak of a noise.
pub const PEAK: f64 = 7.0;

/// Which component draws: part of the key, so a number stays with its component for good.
#[derive(Debug, Clone, Copy)]
pub enum Stream {
    /// Rolling noise of a vehicle.
    Rolling = 1,
    /// Flow noise.
    Flow = 2,
    /// Laser noise.
    CommonMode = 3,
    /// Noise floor of the channels.
    Floor = 4,
    /// Where and when channels fade.
    Fading = 5,
}

/// A generator for one frame of one series (a channel, a vehicle) of a stream.
pub fn generator(seed: u64, stream: Stream, series: usize, frame: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (part, value) in
        key.chunks_exact_mut(8)
            .zip([seed, stream as u64, series as u64, frame as u64])
    {
        part.copy_from_slice(&value.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// A kind of noise: any number of independent series with one spectrum.
pub struct Noise {
    seed: u64,
    stream: Stream,
    /// First FFT bin that is not empty.
    first_bin: usize,
    /// Standard deviation of the real and of the imaginary part of each bin from there on.
    bins: Vec<f32>,
    rms: f64,
    window: Vec<f32>,
    fft: Arc<dyn ComplexToReal<f32>>,
}

impl std::fmt::Debug for Noise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Noise({:?}, rms {})", self.stream, self.rms)
    }
}

impl Noise {
    /// Noise whose one-sided power spectral density is `density(f)` per Hz, without mean and Nyquist frequency.
    pub fn new(seed: u64, stream: Stream, prf: f64, density: impl Fn(f64) -> f64) -> Self {
        let width = prf / FRAME as f64;
        let powers: Vec<f64> = (1..HOP)
            .map(|k| density(k as f64 * width) * width)
            .collect();
        let filled = |power: &f64| *power > 0.0;
        let first = powers.iter().position(filled).unwrap_or(0);
        let end = powers
            .iter()
            .rposition(filled)
            .map_or(first, |last| last + 1);
        Self {
            seed,
            stream,
            first_bin: first + 1,
            // A bin and its mirror image add to twice the real part: four times the variance of either part.
            bins: powers[first..end]
                .iter()
                .map(|p| (p.sqrt() / 2.0) as f32)
                .collect(),
            rms: powers.iter().sum::<f64>().sqrt(),
            window: (0..FRAME)
                .map(|n| (PI * (n as f64 + 0.5) / FRAME as f64).sin() as f32)
                .collect(),
            fft: RealFftPlanner::new().plan_fft_inverse(FRAME),
        }
    }

    /// The same spectrum, scaled to a standard deviation of 1. A spectrum that holds nothing stays empty.
    pub fn unit(mut self) -> Self {
        if self.rms > 0.0 {
            let scale = (1.0 / self.rms) as f32;
            self.bins.iter_mut().for_each(|bin| *bin *= scale);
            self.rms = 1.0;
        }
        self
    }

    /// Standard deviation.
    pub fn rms(&self) -> f64 {
        self.rms
    }

    /// Adds a window of one series. `gain` gives each frame its factor, by the sample in its middle.
    pub fn add(
        &self,
        series: usize,
        times: &Range<usize>,
        gain: impl Fn(usize) -> f32,
        out: &mut [f32],
    ) {
        if times.is_empty() || self.bins.is_empty() {
            return;
        }
        let mut spectrum = self.fft.make_input_vec();
        let mut frame = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        for index in times.start / HOP..=(times.end - 1) / HOP + 1 {
            let gain = gain(index * HOP);
            if gain == 0.0 {
                continue;
            }
            self.draw(series, index, &mut spectrum);
            self.fft
                .process_with_scratch(&mut spectrum, &mut frame, &mut scratch)
                .expect("buffers are of the plan's lengths; mean and Nyquist are real");
            // The frame covers the samples from (index - 1) HOP on.
            let from = (index * HOP).max(times.start + HOP) - HOP;
            let to = ((index + 1) * HOP).min(times.end);
            let skipped = from + HOP - index * HOP;
            let out = &mut out[from - times.start..to - times.start];
            let shaped = frame[skipped..].iter().zip(&self.window[skipped..]);
            for (out, (value, window)) in out.iter_mut().zip(shaped) {
                *out += gain * window * value;
            }
        }
    }

    /// A window of one series by itself.
    pub fn series(&self, series: usize, times: &Range<usize>) -> Vec<f32> {
        let mut out = vec![0.0; times.len()];
        self.add(series, times, |_| 1.0, &mut out);
        out
    }

    fn draw(&self, series: usize, index: usize, spectrum: &mut [Complex<f32>]) {
        let mut random = generator(self.seed, self.stream, series, index);
        spectrum.fill(Complex::ZERO);
        for (bin, scale) in spectrum[self.first_bin..].iter_mut().zip(&self.bins) {
            let re: f32 = StandardNormal.sample(&mut random);
            let im: f32 = StandardNormal.sample(&mut random);
            *bin = Complex::new(re * scale, im * scale);
        }
    }
}
