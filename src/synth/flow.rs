//! Flow noise: turbulence in the well, loud past the perforations.

use std::ops::Range;

use super::noise::{Noise, PEAK, Stream};
use super::recipe::Flow;
use super::{Adder, Component, Fibre};

/// Independent noise on every channel with the spectrum of turbulence, whose strength follows depth.
///
/// Spectrum: von Karman's (1948), `S(f) ~ 1 / (1 + 70.8 (f l / u)^2)^(5/6)` with eddies of size `l` carried past at velocity
/// `u`: flat below `u / (8.4 l)`, falling as Kolmogorov's `f^(-5/3)` above; cut to a band. Strength: a logistic step from
/// `quiet` to `loud` around the perforation zone.
#[derive(Debug)]
pub struct Turbulence {
    noise: Noise,
    fibre: Fibre,
    flow: Flow,
}

impl Turbulence {
    pub fn new(fibre: &Fibre, flow: &Flow) -> Self {
        let [low, high] = flow.band;
        let passing = flow.eddy_size / flow.velocity;
        let density = |f: f64| {
            if f < low || f > high {
                return 0.0;
            }
            (1.0 + 70.8 * (f * passing).powi(2)).powf(-5.0 / 6.0)
        };
        Self {
            noise: Noise::new(fibre.seed, Stream::Flow, fibre.prf, density).unit(),
            fibre: *fibre,
            flow: flow.clone(),
        }
    }

    /// Standard deviation on a channel, in nanostrain per second.
    fn rms(&self, channel: usize) -> f64 {
        let length = self.fibre.length();
        let centre = self.flow.perforation.unwrap_or(0.7 * length);
        let width = self.flow.transition.unwrap_or(0.03 * length);
        let step = 1.0 / (1.0 + (-(self.fibre.distance(channel) - centre) / width).exp());
        self.flow.quiet + (self.flow.loud - self.flow.quiet) * step
    }
}

impl Component for Turbulence {
    fn peak(&self) -> f64 {
        PEAK * self.flow.loud
    }

    fn window(&self, times: Range<usize>) -> Adder<'_> {
        Box::new(move |channel, row| {
            let rms = self.rms(channel) as f32;
            self.noise.add(channel, &times, |_| rms, row);
        })
    }
}
