//! Microseisms: P and S waves from a source beside the fibre.

use std::f64::consts::PI;
use std::ops::Range;

use super::recipe::Microseism;
use super::ricker;
use super::{Adder, Component, Fibre};

/// Two arrivals with hyperbolic moveout.
///
/// At distance `r = sqrt((x - x0)^2 + d^2)` a wave of speed `v` arrives at `t0 + r / v`. With `cos` the cosine of the angle
/// between ray and fibre, the strain along the fibre is `cos^2` of a P wave's strain along its ray, and `2 sin cos` of the
/// most that an S wave strains any direction (Kuvshinov, 2016, Geophysical Prospecting 64). Amplitude falls as `1 / r`
/// and by `exp(-pi f (r - d) / (Q v))`. A gauge of length `L` averages over the time `L |cos| / v` that the wave takes to
/// pass it.
#[derive(Debug)]
pub struct Arrivals {
    fibre: Fibre,
    event: Microseism,
    time: f64,
    position: f64,
    offset: f64,
}

impl Arrivals {
    pub fn new(fibre: &Fibre, event: &Microseism) -> Self {
        let length = fibre.length();
        Self {
            fibre: *fibre,
            time: event.time.unwrap_or(0.4 * fibre.duration()),
            position: event.position.unwrap_or(0.55 * length),
            offset: event.offset.unwrap_or(0.2 * length),
            event: event.clone(),
        }
    }

    /// The P and the S wave at a channel.
    fn waves(&self, channel: usize) -> [Wave; 2] {
        let along = self.fibre.distance(channel) - self.position;
        let r = along.hypot(self.offset);
        let (cos, sin) = (along / r, self.offset / r);
        let Microseism {
            p_speed,
            s_speed,
            p_amplitude,
            s_amplitude,
            frequency,
            quality,
            ..
        } = self.event;
        let wave = |speed: f64, amplitude: f64, pattern: f64| Wave {
            time: self.time + r / speed,
            amplitude: amplitude
                * pattern
                * (self.offset / r)
                * (-PI * frequency * (r - self.offset) / (quality * speed)).exp(),
            half_gauge: self.fibre.gauge_length * cos.abs() / speed / 2.0,
        };
        [
            wave(p_speed, p_amplitude, cos * cos),
            wave(s_speed, s_amplitude, 2.0 * sin * cos),
        ]
    }
}

/// One wave at one channel.
struct Wave {
    /// Arrival of the wavelet's centre, in seconds.
    time: f64,
    amplitude: f64,
    /// Seconds to cross half a gauge.
    half_gauge: f64,
}

impl Component for Arrivals {
    fn peak(&self) -> f64 {
        self.event.p_amplitude + self.event.s_amplitude
    }

    fn window(&self, times: Range<usize>) -> Adder<'_> {
        let (prf, frequency) = (self.fibre.prf, self.event.frequency);
        Box::new(move |channel, row| {
            for wave in self.waves(channel) {
                let reach = ricker::reach(frequency) + wave.half_gauge;
                let (from, to) = (wave.time - reach, wave.time + reach);
                for k in self.fibre.samples_between(&times, from, to) {
                    let t = (times.start + k) as f64 / prf - wave.time;
                    row[k] +=
                        (wave.amplitude * ricker::averaged(t, frequency, wave.half_gauge)) as f32;
                }
            }
        })
    }
}
