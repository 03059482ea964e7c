//! A vehicle passing: the ground bends under its axles, and its wheels make surface waves.

use std::f64::consts::PI;
use std::ops::Range;

use super::noise::{Noise, PEAK, Stream};
use super::recipe::Vehicle;
use super::{Adder, Component, Fibre};

/// How far from the nearest point the response is followed, in distances of the nearest point.
const REACH: f64 = 40.0;

/// Table steps per distance of the nearest point: linear interpolation is then good to 10^-4 of the peak.
const FINENESS: f64 = 50.0;

/// Most steps from the middle of the table to its end, for fibres right under the road.
const MOST_STEPS: f64 = 100_000.0;

/// Everything that depends on where the vehicle is, tabulated by `channel - front axle` in metres.
///
/// *Quasi-static strain*: a load `F` on an elastic half-space displaces a point at depth `z`, `x` along and `y` across, by
/// `u = F / (4 pi G) [x z / R^3 - (1 - 2 nu) x / (R (R + z))]` along the fibre (Boussinesq, 1885; for DAS beside roads:
/// Jousset et al., 2018, Nature Communications 9). The load moves at `c`, so strain rate is `-c d strain / dx`, and its
/// average over a gauge the difference of strain at the gauge's ends: `-c [strain(x + L/2) - strain(x - L/2)] / L`. Axles add.
///
/// *Rolling noise*: one band-limited noise made at the vehicle, which arrives after `R / v` with the surface-wave speed `v`
/// and falls as `sqrt(R0 / R)`, the spreading of surface waves, `R0` being the distance of the nearest point.
#[derive(Debug)]
pub struct Passage {
    fibre: Fibre,
    rolling: Noise,
    index: usize,
    /// Where the front axle is at the first sample.
    start: f64,
    speed: f64,
    /// Half the tabulated length in metres.
    reach: f64,
    step: f64,
    table: Vec<Response>,
    peak: f64,
    /// The longest delay of the rolling noise in samples.
    lead: usize,
}

#[derive(Debug, Clone, Copy)]
struct Response {
    /// Quasi-static strain rate.
    bending: f32,
    /// Standard deviation of the rolling noise.
    rolling: f32,
    /// Its delay in samples.
    delay: f32,
}

impl Passage {
    pub fn new(fibre: &Fibre, vehicle: &Vehicle, index: usize) -> Self {
        let nearest = vehicle.offset.hypot(vehicle.burial);
        let longest = vehicle.axles.iter().copied().fold(0.0, f64::max);
        let reach = REACH * nearest + longest + fibre.gauge_length;
        let step = (nearest / FINENESS).max(reach / MOST_STEPS);
        let half = (reach / step).ceil() as i64;
        let table: Vec<_> = (-half..=half)
            .map(|k| response(fibre, vehicle, k as f64 * step, reach))
            .collect();
        let [low, high] = vehicle.rolling_band;
        let density = |f: f64| f64::from(u8::from(f >= low && f <= high));
        let largest =
            |of: fn(&Response) -> f32| table.iter().map(of).fold(0.0, |a: f32, b| a.max(b.abs()));
        let middle = 0.25 * fibre.length() - 0.5 * fibre.duration() * vehicle.speed;
        Self {
            fibre: *fibre,
            rolling: Noise::new(fibre.seed, Stream::Rolling, fibre.prf, density).unit(),
            index,
            start: vehicle.position.unwrap_or(middle),
            speed: vehicle.speed,
            reach: half as f64 * step,
            step,
            peak: f64::from(largest(|r| r.bending)) + PEAK * vehicle.rolling_noise,
            lead: largest(|r| r.delay).ceil() as usize + 1,
            table,
        }
    }
}

fn response(fibre: &Fibre, vehicle: &Vehicle, from_front: f64, reach: f64) -> Response {
    let half_gauge = fibre.gauge_length / 2.0;
    let taper = taper(from_front.abs() / reach);
    let bending: f64 = vehicle
        .axles
        .iter()
        .map(|behind| {
            let x = from_front + behind.copysign(vehicle.speed);
            let change = strain(vehicle, x + half_gauge) - strain(vehicle, x - half_gauge);
            -vehicle.speed * change / fibre.gauge_length
        })
        .sum();
    let nearest = vehicle.offset.hypot(vehicle.burial);
    let r = from_front.hypot(nearest);
    Response {
        bending: (1e9 * bending * taper) as f32,
        rolling: (vehicle.rolling_noise * (nearest / r).sqrt() * taper) as f32,
        delay: (r / vehicle.surface_wave_speed * fibre.prf) as f32,
    }
}

/// Strain along the fibre at `x` from one axle: the derivative of the displacement.
fn strain(vehicle: &Vehicle, x: f64) -> f64 {
    let (y, z) = (vehicle.offset, vehicle.burial);
    let r = (x * x + y * y + z * z).sqrt();
    let compliance = vehicle.axle_load * 1e3 / (4.0 * PI * vehicle.shear_modulus * 1e6);
    let volume = z / r.powi(3) - 3.0 * x * x * z / r.powi(5);
    let surface = 1.0 / (r * (r + z)) - x * x * (2.0 * r + z) / (r.powi(3) * (r + z).powi(2));
    compliance * (volume - (1.0 - 2.0 * vehicle.poisson_ratio) * surface)
}

/// Takes the response to nothing over the outer half of the table.
fn taper(part_of_reach: f64) -> f64 {
    let outer = (2.0 * part_of_reach - 1.0).clamp(0.0, 1.0);
    (0.5 * PI * outer).cos().powi(2)
}

impl Component for Passage {
    fn peak(&self) -> f64 {
        self.peak
    }

    fn window(&self, times: Range<usize>) -> Adder<'_> {
        // The noise of sample `t` of the vehicle is number `t + lead` of its series, so that none is negative.
        let wheels = self
            .rolling
            .series(self.index, &(times.start..times.end + self.lead + 1));
        Box::new(move |channel, row| {
            let ahead = self.fibre.distance(channel) - self.start;
            let crossing = [ahead - self.reach, ahead + self.reach].map(|x| x / self.speed);
            let (from, to) = (crossing[0].min(crossing[1]), crossing[0].max(crossing[1]));
            let steps_per_sample = self.speed / self.fibre.prf / self.step;
            let first = (ahead + self.reach) / self.step;
            for k in self.fibre.samples_between(&times, from, to) {
                let place = first - (times.start + k) as f64 * steps_per_sample;
                let row_of = (place.max(0.0) as usize).min(self.table.len() - 2);
                let part = (place - row_of as f64) as f32;
                let (a, b) = (&self.table[row_of], &self.table[row_of + 1]);
                let between = |a: f32, b: f32| a + part * (b - a);
                let delay = between(a.delay, b.delay);
                let back = delay.ceil();
                let made = k + self.lead - back as usize;
                let wheel = wheels[made] + (back - delay) * (wheels[made + 1] - wheels[made]);
                row[k] += between(a.bending, b.bending) + between(a.rolling, b.rolling) * wheel;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strain_is_the_derivative_of_the_displacement() {
        let vehicle = Vehicle::default();
        let displacement = |x: f64| {
            let (y, z) = (vehicle.offset, vehicle.burial);
            let r = (x * x + y * y + z * z).sqrt();
            let (force, shear) = (vehicle.axle_load * 1e3, vehicle.shear_modulus * 1e6);
            let nu = vehicle.poisson_ratio;
            force / (4.0 * PI * shear) * (x * z / r.powi(3) - (1.0 - 2.0 * nu) * x / (r * (r + z)))
        };
        for x in [-30.0, -4.0, 0.0, 0.7, 12.0] {
            let h = 1e-3;
            let derivative = (displacement(x + h) - displacement(x - h)) / (2.0 * h);
            // Central differences err by h^2 times the third derivative, here below 1e-7 of the peak.
            let scale = strain(&vehicle, 0.0).abs();
            assert!(
                (strain(&vehicle, x) - derivative).abs() < 1e-6 * scale,
                "at {x} m"
            );
        }
    }
}
