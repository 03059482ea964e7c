//! Noise of the instrument: phase noise, which strain rate shows as its difference from sample to sample.

use std::f64::consts::PI;
use std::ops::Range;

use super::fading::Drift;
use super::noise::{Noise, PEAK, Stream};
use super::recipe::{Fading, InstrumentNoise};
use super::{Adder, Component, Fibre};

/// Power spectral density of strain rate for phase noise that is white with a 1/f rise below a corner.
///
/// `S(f) = level^2 (1 + corner / f) (2 prf sin(pi f / prf))^2`: the last factor is the response of the difference of
/// neighbouring samples times prf. White noise alone so has the standard deviation `level * prf^1.5`. Level and corner as
/// instrument makers quote them, in strain per root hertz (SEAFOM MSP-02, self-noise).
fn density(level: f64, corner: f64, prf: f64) -> impl Fn(f64) -> f64 {
    move |f| (level * 2.0 * prf * (PI * f / prf).sin()).powi(2) * (1.0 + corner / f)
}

/// Noise of the receiver: independent on every channel, raised where a channel fades.
#[derive(Debug)]
pub struct Floor {
    noise: Noise,
    drift: Option<Drift>,
}

impl Floor {
    pub fn new(fibre: &Fibre, noise: &InstrumentNoise, fading: Option<&Fading>) -> Self {
        let density = density(noise.floor, noise.corner, fibre.prf);
        Self {
            noise: Noise::new(fibre.seed, Stream::Floor, fibre.prf, density),
            drift: fading.map(|fading| Drift::new(fibre, fading)),
        }
    }
}

impl Component for Floor {
    fn peak(&self) -> f64 {
        PEAK * self.noise.rms() * self.drift.as_ref().map_or(1.0, Drift::limit)
    }

    fn window(&self, times: Range<usize>) -> Adder<'_> {
        Box::new(move |channel, row| match &self.drift {
            Some(drift) => self.noise.add(channel, &times, drift.of(channel), row),
            None => self.noise.add(channel, &times, |_| 1.0, row),
        })
    }
}

/// Noise of the laser: a change of its frequency looks like the same strain on every channel at once.
#[derive(Debug)]
pub struct CommonMode {
    noise: Noise,
}

impl CommonMode {
    pub fn new(fibre: &Fibre, noise: &InstrumentNoise) -> Self {
        let density = density(noise.common_mode, noise.corner, fibre.prf);
        Self {
            noise: Noise::new(fibre.seed, Stream::CommonMode, fibre.prf, density),
        }
    }
}

impl Component for CommonMode {
    fn peak(&self) -> f64 {
        PEAK * self.noise.rms()
    }

    fn window(&self, times: Range<usize>) -> Adder<'_> {
        let series = self.noise.series(0, &times);
        Box::new(move |_, row| {
            for (out, value) in row.iter_mut().zip(&series) {
                *out += value;
            }
        })
    }
}
