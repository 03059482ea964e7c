//! What a synthetic recording holds: the JSON that `synthesize` reads.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problem;

/// A synthetic recording. Every value has a default; places and times that are left out are scaled to the fibre and the
/// duration. A list that is empty, or a `null`, leaves a component out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Seed of every random number: equal recipes give equal recordings.
    pub seed: u64,
    /// Number of channels.
    pub channels: usize,
    /// Duration in seconds.
    pub seconds: f64,
    /// Samples per second of each channel, in Hz.
    pub prf: f64,
    /// Distance between channels in metres.
    pub channel_spacing: f64,
    /// Length of fibre over which strain is averaged, in metres.
    pub gauge_length: f64,
    /// Time of the first sample, RFC 3339.
    pub start: String,
    /// Type of the samples.
    pub sample_type: SampleType,
    /// Vehicles on a straight road beside the fibre.
    pub vehicles: Vec<Vehicle>,
    /// Noise of a flow inside the well or pipe.
    pub flow: Option<Flow>,
    /// A pump's tone, travelling along the pipe.
    pub tone: Option<Tone>,
    /// Small earthquakes beside the fibre.
    pub microseisms: Vec<Microseism>,
    /// Channels that lose their signal for a while. Needs `noise`.
    pub fading: Option<Fading>,
    /// Noise of the instrument.
    pub noise: Option<InstrumentNoise>,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            seed: 1,
            channels: 1000,
            seconds: 30.0,
            prf: 1000.0,
            channel_spacing: 2.0,
            gauge_length: 10.0,
            start: "2026-01-01T00:00:00Z".into(),
            sample_type: SampleType::Int16,
            vehicles: vec![Vehicle::default()],
            flow: Some(Flow::default()),
            tone: Some(Tone::default()),
            microseisms: vec![Microseism::default()],
            fading: Some(Fading::default()),
            noise: Some(InstrumentNoise::default()),
        }
    }
}

/// Type of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SampleType {
    /// Counts of 1, 2 or 5 times a power of ten nanostrain per second, as small as lets the recording fit.
    Int16,
    /// Nanostrain per second.
    Float32,
}

/// A vehicle at constant speed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Vehicle {
    /// Where its front axle is at the first sample, in metres along the fibre. By default it passes a quarter of the fibre
    /// after half the duration.
    pub position: Option<f64>,
    /// Speed in metres per second; negative towards the start of the fibre.
    pub speed: f64,
    /// Distance of each axle behind the first, in metres.
    pub axles: Vec<f64>,
    /// Load of each axle in kilonewtons.
    pub axle_load: f64,
    /// Distance of the road from the fibre in metres, level.
    pub offset: f64,
    /// Depth at which the fibre is buried, in metres.
    pub burial: f64,
    /// Shear modulus of the ground in megapascals.
    pub shear_modulus: f64,
    /// Poisson's ratio of the ground.
    pub poisson_ratio: f64,
    /// Rolling noise where it is loudest: standard deviation in nanostrain per second.
    pub rolling_noise: f64,
    /// Lowest and highest frequency of the rolling noise in Hz.
    pub rolling_band: [f64; 2],
    /// Speed of the surface waves that carry the rolling noise, in metres per second.
    pub surface_wave_speed: f64,
}

impl Default for Vehicle {
    fn default() -> Self {
        Self {
            position: None,
            speed: 20.0,
            axles: vec![0.0, 2.8],
            axle_load: 12.0,
            offset: 5.0,
            burial: 1.0,
            shear_modulus: 60.0,
            poisson_ratio: 0.3,
            rolling_noise: 300.0,
            rolling_band: [20.0, 60.0],
            surface_wave_speed: 300.0,
        }
    }
}

/// Turbulent flow, loud past a perforation zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Flow {
    /// Distance of the perforation zone's centre in metres. By default 70 % of the fibre.
    pub perforation: Option<f64>,
    /// Length over which the noise rises, in metres. By default 3 % of the fibre.
    pub transition: Option<f64>,
    /// Standard deviation far above the zone, in nanostrain per second.
    pub quiet: f64,
    /// Standard deviation far below the zone, in nanostrain per second.
    pub loud: f64,
    /// Mean velocity of the flow in metres per second.
    pub velocity: f64,
    /// Size of the largest eddies in metres: about half the inner diameter of the pipe.
    pub eddy_size: f64,
    /// Lowest and highest frequency in Hz.
    pub band: [f64; 2],
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            perforation: None,
            transition: None,
            quiet: 20.0,
            loud: 500.0,
            velocity: 8.0,
            eddy_size: 0.05,
            band: [2.0, 400.0],
        }
    }
}

/// A pump at the start of the fibre, heard as a tube wave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tone {
    /// Fundamental frequency in Hz.
    pub frequency: f64,
    /// Number of harmonics, the fundamental included. Those above the Nyquist frequency are left out.
    pub harmonics: usize,
    /// Amplitude of the fundamental at the pump, in nanostrain per second; harmonic `n` has an `n`-th of it.
    pub amplitude: f64,
    /// Speed of the tube wave in metres per second.
    pub speed: f64,
    /// Attenuation of the fundamental in decibels per kilometre.
    pub attenuation: f64,
}

impl Default for Tone {
    fn default() -> Self {
        Self {
            frequency: 24.0,
            harmonics: 4,
            amplitude: 400.0,
            speed: 1450.0,
            attenuation: 8.0,
        }
    }
}

/// A small earthquake: a P and an S arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Microseism {
    /// Origin time in seconds after the first sample. By default 40 % of the duration.
    pub time: Option<f64>,
    /// Nearest point of the fibre, in metres along it. By default 55 % of the fibre.
    pub position: Option<f64>,
    /// Distance from that point in metres. By default 20 % of the fibre.
    pub offset: Option<f64>,
    /// Speed of P waves in metres per second.
    pub p_speed: f64,
    /// Speed of S waves in metres per second.
    pub s_speed: f64,
    /// Peak frequency of the wavelet in Hz.
    pub frequency: f64,
    /// Peak strain rate of the P wave along its ray at the nearest point, in nanostrain per second.
    pub p_amplitude: f64,
    /// The same of the S wave, at 45 degrees to its ray, where it strains most.
    pub s_amplitude: f64,
    /// Quality factor of the ground.
    pub quality: f64,
}

impl Default for Microseism {
    fn default() -> Self {
        Self {
            time: None,
            position: None,
            offset: None,
            p_speed: 3000.0,
            s_speed: 1700.0,
            frequency: 30.0,
            p_amplitude: 1500.0,
            s_amplitude: 3000.0,
            quality: 80.0,
        }
    }
}

/// Rayleigh fading of the backscattered light.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fading {
    /// How fast faded channels come and go, in Hz.
    pub drift: f64,
    /// Most times that the noise of a faded channel rises.
    pub limit: f64,
}

impl Default for Fading {
    fn default() -> Self {
        Self {
            drift: 0.02,
            limit: 10.0,
        }
    }
}

/// Noise of the instrument: phase noise of its receiver, and of its laser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InstrumentNoise {
    /// White strain noise of a channel, in nanostrain per root hertz. At 1 kHz 0.005 becomes a strain rate with a standard
    /// deviation of 158 nanostrain per second.
    pub floor: f64,
    /// Strain noise of the laser, equal on all channels, in nanostrain per root hertz.
    pub common_mode: f64,
    /// Frequency in Hz below which both rise as 1/f.
    pub corner: f64,
}

impl Default for InstrumentNoise {
    fn default() -> Self {
        Self {
            floor: 0.005,
            common_mode: 0.002,
            corner: 5.0,
        }
    }
}

impl Recipe {
    /// Number of samples of each channel.
    pub fn samples(&self) -> usize {
        (self.seconds * self.prf).round() as usize
    }

    /// The start time, or every value that makes no sense.
    pub(super) fn check(&self) -> Result<Timestamp, Vec<Problem>> {
        let mut check = Check::default();
        if self.channels == 0 {
            check.refuse("channels", "found 0, expected at least 1");
        }
        check.positive("seconds", self.seconds);
        check.positive("prf", self.prf);
        check.positive("channel_spacing", self.channel_spacing);
        check.positive("gauge_length", self.gauge_length);
        if check.problems.is_empty() && self.samples() == 0 {
            check.refuse("seconds", "found less than one sample");
        }
        for (k, vehicle) in self.vehicles.iter().enumerate() {
            vehicle.check(&mut check.inside(&format!("vehicles[{k}].")));
        }
        for (k, event) in self.microseisms.iter().enumerate() {
            event.check(&mut check.inside(&format!("microseisms[{k}].")));
        }
        if let Some(flow) = &self.flow {
            flow.check(&mut check.inside("flow."));
        }
        if let Some(tone) = &self.tone {
            tone.check(&mut check.inside("tone."));
        }
        if let Some(fading) = &self.fading {
            let mut check = check.inside("fading.");
            check.not_negative("drift", fading.drift);
            check.at_least("limit", fading.limit, 1.0);
        }
        if let Some(noise) = &self.noise {
            let mut check = check.inside("noise.");
            check.not_negative("floor", noise.floor);
            check.not_negative("common_mode", noise.common_mode);
            check.not_negative("corner", noise.corner);
        }
        match self.start.parse() {
            Ok(start) if check.problems.is_empty() => Ok(start),
            Ok(_) => Err(check.problems),
            Err(_) => {
                let found = format!(
                    "found \"{}\", expected RFC 3339 as in 2026-01-01T00:00:00Z",
                    self.start
                );
                check.refuse("start", &found);
                Err(check.problems)
            }
        }
    }
}

impl Vehicle {
    fn check(&self, check: &mut Within) {
        check.finite("position", self.position);
        check.finite("speed", Some(self.speed));
        if self.speed == 0.0 {
            check.refuse("speed", "found 0, expected a moving vehicle");
        }
        for (k, axle) in self.axles.iter().enumerate() {
            check.not_negative(&format!("axles[{k}]"), *axle);
        }
        check.not_negative("axle_load", self.axle_load);
        check.not_negative("offset", self.offset);
        check.positive("burial", self.burial);
        check.positive("shear_modulus", self.shear_modulus);
        check.at_least("poisson_ratio", self.poisson_ratio, 0.0);
        check.not_negative("rolling_noise", self.rolling_noise);
        check.band("rolling_band", self.rolling_band);
        check.positive("surface_wave_speed", self.surface_wave_speed);
    }
}

impl Microseism {
    fn check(&self, check: &mut Within) {
        check.finite("time", self.time);
        check.finite("position", self.position);
        if let Some(offset) = self.offset {
            check.positive("offset", offset);
        }
        check.positive("p_speed", self.p_speed);
        check.positive("s_speed", self.s_speed);
        check.positive("frequency", self.frequency);
        check.not_negative("p_amplitude", self.p_amplitude);
        check.not_negative("s_amplitude", self.s_amplitude);
        check.positive("quality", self.quality);
    }
}

impl Flow {
    fn check(&self, check: &mut Within) {
        check.finite("perforation", self.perforation);
        if let Some(transition) = self.transition {
            check.positive("transition", transition);
        }
        check.not_negative("quiet", self.quiet);
        check.at_least("loud", self.loud, self.quiet);
        check.positive("velocity", self.velocity);
        check.positive("eddy_size", self.eddy_size);
        check.band("band", self.band);
    }
}

impl Tone {
    /// A table of the window's length is kept for each.
    const MOST_HARMONICS: usize = 64;

    fn check(&self, check: &mut Within) {
        check.positive("frequency", self.frequency);
        if self.harmonics > Self::MOST_HARMONICS {
            let found = format!(
                "found {}, expected at most {}",
                self.harmonics,
                Self::MOST_HARMONICS
            );
            check.refuse("harmonics", &found);
        }
        check.not_negative("amplitude", self.amplitude);
        check.positive("speed", self.speed);
        check.not_negative("attenuation", self.attenuation);
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn inside(&mut self, prefix: &str) -> Within<'_> {
        Within {
            prefix: prefix.to_owned(),
            problems: &mut self.problems,
        }
    }

    fn positive(&mut self, name: &str, value: f64) {
        self.inside("").positive(name, value);
    }

    fn refuse(&mut self, name: &str, message: &str) {
        self.inside("").refuse(name, message);
    }
}

/// The same, for the values of one object.
struct Within<'a> {
    prefix: String,
    problems: &'a mut Vec<Problem>,
}

impl Within<'_> {
    fn refuse(&mut self, name: &str, message: &str) {
        let path = format!("{}{name}", self.prefix);
        self.problems.push(Problem::error(path, message));
    }

    fn finite(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value.filter(|value| !value.is_finite()) {
            self.refuse(name, &format!("found {value}, expected a number"));
        }
    }

    fn positive(&mut self, name: &str, value: f64) {
        if !(value.is_finite() && value > 0.0) {
            self.refuse(name, &format!("found {value}, expected more than 0"));
        }
    }

    fn not_negative(&mut self, name: &str, value: f64) {
        self.at_least(name, value, 0.0);
    }

    fn at_least(&mut self, name: &str, value: f64, least: f64) {
        if !(value.is_finite() && value >= least) {
            self.refuse(name, &format!("found {value}, expected at least {least}"));
        }
    }

    fn band(&mut self, name: &str, [low, high]: [f64; 2]) {
        if !(low >= 0.0 && low < high && high.is_finite()) {
            self.refuse(
                name,
                &format!("found {low} to {high} Hz, expected a rising band"),
            );
        }
    }
}
