//! Fading: where the light scattered back within a pulse happens to cancel, a channel has little signal and much noise.

use std::f64::consts::TAU;

use rand_distr::{Distribution, StandardUniform};

use super::recipe::Fading;
use super::{Fibre, noise};

/// Waves whose sum stands for the field scattered back.
const WAVES: usize = 8;

/// The factor by which fading raises the phase noise of a channel at a time.
///
/// The field is the sum of many waves of random phase, so its amplitude `A` has a Rayleigh distribution (Goodman,
/// *Statistical Optics*, 2.9), here with mean square 1; phase noise goes as `1 / A`. The waves' frequencies are
/// `drift * cos(angle)` with random angles, Clarke's model of a fading that drifts (1968). Channels with more than the mean
/// signal have the quoted noise floor, no less.
#[derive(Debug)]
pub struct Drift {
    fibre: Fibre,
    fading: Fading,
}

impl Drift {
    pub fn new(fibre: &Fibre, fading: &Fading) -> Self {
        Self {
            fibre: *fibre,
            fading: fading.clone(),
        }
    }

    /// The largest factor.
    pub fn limit(&self) -> f64 {
        self.fading.limit
    }

    /// The factor of a channel, by sample.
    pub fn of(&self, channel: usize) -> impl Fn(usize) -> f32 {
        let mut random = noise::generator(self.fibre.seed, noise::Stream::Fading, channel, 0);
        let waves: [(f64, f64); WAVES] = std::array::from_fn(|_| {
            let angle: f64 = StandardUniform.sample(&mut random);
            let phase: f64 = StandardUniform.sample(&mut random);
            ((TAU * angle).cos() * self.fading.drift, phase)
        });
        let (prf, limit) = (self.fibre.prf, self.fading.limit);
        move |sample| {
            let time = sample as f64 / prf;
            let (re, im) = waves
                .iter()
                .fold((0.0, 0.0), |(re, im), (frequency, phase)| {
                    let (sin, cos) = (TAU * (frequency * time + phase)).sin_cos();
                    (re + cos, im + sin)
                });
            let amplitude = f64::hypot(re, im) / (WAVES as f64).sqrt();
            (1.0 / amplitude).clamp(1.0, limit) as f32
        }
    }
}
