//! A pump's tone and its harmonics, travelling along the pipe as a tube wave.

use std::f64::consts::{PI, TAU};
use std::ops::Range;

use super::recipe::Tone;
use super::{Adder, Component, Fibre};

/// Samples after which a rotation is started afresh, so that rounding does not add up.
const RESTART: usize = 64;

/// `sum over n of A/n exp(-a sqrt(n) x) sinc(n f L / c) cos(2 pi n f (t - x / c))`.
///
/// The wave travels at the tube-wave speed `c` (White, *Underground Sound*, 1983, 5.5); its loss goes with the root of
/// frequency, as viscous friction at the wall makes it (Biot, 1956). `sinc(y) = sin(pi y) / (pi y)` is the average over the
/// gauge length `L`, with a notch where a wavelength fits it.
#[derive(Debug)]
pub struct TubeWave {
    fibre: Fibre,
    tone: Tone,
    /// Number of harmonics below the Nyquist frequency.
    harmonics: usize,
}

impl TubeWave {
    pub fn new(fibre: &Fibre, tone: &Tone) -> Self {
        let below_nyquist = (fibre.prf / 2.0 / tone.frequency).ceil() as usize;
        Self {
            fibre: *fibre,
            harmonics: tone.harmonics.min(below_nyquist.saturating_sub(1)),
            tone: tone.clone(),
        }
    }

    /// Amplitude and phase (in turns) of harmonic `n` at a distance.
    fn at(&self, n: usize, distance: f64) -> (f64, f64) {
        let harmonic = n as f64;
        let wavelengths = harmonic * self.tone.frequency / self.tone.speed;
        let loss_db = self.tone.attenuation * harmonic.sqrt() * distance / 1000.0;
        let gauge = PI * wavelengths * self.fibre.gauge_length;
        let amplitude =
            self.tone.amplitude / harmonic * 10f64.powf(-loss_db / 20.0) * gauge.sin() / gauge;
        (amplitude, wavelengths * distance)
    }

    /// Cosine and sine of harmonic `n` over a window, by rotation.
    fn rotation(&self, n: usize, times: &Range<usize>) -> Vec<[f32; 2]> {
        let turns = n as f64 * self.tone.frequency / self.fibre.prf;
        let (step_sin, step_cos) = (TAU * turns).sin_cos();
        let first = times.start - times.start % RESTART;
        let mut table = Vec::with_capacity(times.end - first);
        for start in (first..times.end).step_by(RESTART) {
            let (mut sin, mut cos) = (TAU * (turns * start as f64).fract()).sin_cos();
            for _ in start..(start + RESTART).min(times.end) {
                table.push([cos as f32, sin as f32]);
                (cos, sin) = (
                    cos * step_cos - sin * step_sin,
                    sin * step_cos + cos * step_sin,
                );
            }
        }
        table.drain(..times.start - first);
        table
    }
}

impl Component for TubeWave {
    fn peak(&self) -> f64 {
        (1..=self.harmonics)
            .map(|n| self.tone.amplitude / n as f64)
            .sum()
    }

    fn window(&self, times: Range<usize>) -> Adder<'_> {
        let rotations: Vec<_> = (1..=self.harmonics)
            .map(|n| self.rotation(n, &times))
            .collect();
        Box::new(move |channel, row| {
            let distance = self.fibre.distance(channel);
            for (k, rotation) in rotations.iter().enumerate() {
                let (amplitude, turns) = self.at(k + 1, distance);
                let (sin, cos) = (TAU * turns.fract()).sin_cos();
                let (a, b) = ((amplitude * cos) as f32, (amplitude * sin) as f32);
                for (out, [cos, sin]) in row.iter_mut().zip(rotation) {
                    *out += a * cos + b * sin;
                }
            }
        })
    }
}
