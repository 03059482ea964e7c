//! Time in a recording: the exact rate, segments without a pause, and how time stamps become segments.
//!
//! Times are whole nanoseconds since 1970-01-01T00:00:00Z, and rates are fractions, so that a sample's time does not depend on
//! how many samples precede it or on how they are cut. Time stamps of samples become segments in [`stamps`].

pub mod stamps;

use std::ops::Range;

use jiff::Timestamp;

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;

/// The rates that can be, for messages.
pub const RATES: &str = "a rate above 0 in Hz";

/// A sampling rate as a fraction in lowest terms: `samples` of each channel in `nanoseconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    samples: u64,
    nanoseconds: u64,
}

impl Rate {
    /// Both parts stay below this, so that sample numbers up to 2^40 and times of 290 years multiply in 128 bits.
    const MOST: u64 = 1 << 62;

    /// The rate at which `samples` take `nanoseconds`; `None` where either is 0 or too large.
    pub fn of_span(samples: u64, nanoseconds: u64) -> Option<Self> {
        if samples == 0 || nanoseconds == 0 {
            return None;
        }
        let common = greatest_common_divisor(samples, nanoseconds);
        let [samples, nanoseconds] = [samples / common, nanoseconds / common];
        (samples < Self::MOST && nanoseconds < Self::MOST).then_some(Self {
            samples,
            nanoseconds,
        })
    }

    /// The rate of a number of hertz: the simplest fraction that this double stands for. `None` unless it is above 0 and finite.
    pub fn of_hertz(hertz: f64) -> Option<Self> {
        let (samples, seconds) = simplest_fraction(hertz)?;
        Self::of_span(samples, seconds.checked_mul(SECOND as u64)?)
    }

    /// The rate of a step in seconds: the simplest fraction that this double stands for. `None` unless it is above 0 and finite.
    pub fn of_step(seconds: f64) -> Option<Self> {
        let (seconds, samples) = simplest_fraction(seconds)?;
        Self::of_span(samples, seconds.checked_mul(SECOND as u64)?)
    }

    /// Samples per second.
    pub fn hertz(self) -> f64 {
        // In lowest terms both parts are exact doubles, as a rule, so that a rate stated in hertz comes back as it was.
        let common = greatest_common_divisor(self.nanoseconds, SECOND as u64);
        let [seconds, parts] = [self.nanoseconds / common, SECOND as u64 / common];
        let common = greatest_common_divisor(self.samples, seconds);
        (self.samples / common) as f64 * parts as f64 / (seconds / common) as f64
    }

    /// Samples and the nanoseconds that they take, in lowest terms.
    pub fn parts(self) -> (u64, u64) {
        (self.samples, self.nanoseconds)
    }

    /// Nanoseconds from sample 0 to a sample, to the nearest.
    pub fn time_of(self, sample: i64) -> i64 {
        let [samples, nanoseconds] = [i128::from(self.samples), i128::from(self.nanoseconds)];
        let doubled = 2 * i128::from(sample) * nanoseconds + samples;
        clamp(doubled.div_euclid(2 * samples))
    }

    /// The first sample whose [`time_of`](Self::time_of) is not before `time`, in nanoseconds after sample 0.
    pub fn first_at(self, time: i64) -> i64 {
        let [samples, nanoseconds] = [i128::from(self.samples), i128::from(self.nanoseconds)];
        let doubled = 2 * i128::from(time) * samples - samples;
        // Rounded up.
        clamp(-(-doubled).div_euclid(2 * nanoseconds))
    }

    /// The sample nearest to a time, in nanoseconds after sample 0.
    pub fn nearest(self, time: i64) -> i64 {
        let [samples, nanoseconds] = [i128::from(self.samples), i128::from(self.nanoseconds)];
        let doubled = 2 * i128::from(time) * samples + nanoseconds;
        clamp(doubled.div_euclid(2 * nanoseconds))
    }
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The fraction that a double stands for: one of a small denominator within its rounding, such as 1000/3, else its shortest
/// decimal number, such as 333.33333333, else the simplest within its rounding.
fn simplest_fraction(value: f64) -> Option<(u64, u64)> {
    // By chance, hardly any double is so close to a fraction of a denominator up to this.
    const SMALL: u64 = 10_000;
    // No sum below can overflow in this range, and every rate and step of an instrument is in it.
    const RANGE: std::ops::Range<f64> = 1e-18..1e18;
    if !RANGE.contains(&value) {
        return None;
    }
    let convergent = convergent(value);
    convergent
        .filter(|(_, denominator)| *denominator <= SMALL)
        .or_else(|| decimal(value))
        .or(convergent)
}

/// The first convergent of a double's continued fraction that is within its rounding.
fn convergent(value: f64) -> Option<(u64, u64)> {
    const ROUNDING: f64 = 4.0 * f64::EPSILON;
    // In whole numbers, as the remainders of doubles lose their digits.
    let (mut top, mut bottom) = exact_fraction(value)?;
    // Convergents p/q: each is closer than the one before.
    let (mut before, mut now) = ((0_u64, 1_u64), (1_u64, 0_u64));
    while bottom > 0 {
        let whole = u64::try_from(top / bottom).ok()?;
        (top, bottom) = (bottom, top % bottom);
        let next = |before: u64, now: u64| whole.checked_mul(now)?.checked_add(before);
        let fraction = (next(before.0, now.0)?, next(before.1, now.1)?);
        (before, now) = (now, fraction);
        let found = now.0 as f64 / now.1 as f64;
        if (found - value).abs() <= value * ROUNDING {
            return (now.0 > 0).then_some(now);
        }
    }
    None
}

/// The shortest decimal number that is this double, as a fraction; `None` for more than nine decimals.
fn decimal(value: f64) -> Option<(u64, u64)> {
    const DECIMALS: usize = 9;
    let text = value.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    if decimals.len() > DECIMALS {
        return None;
    }
    let digits = format!("{whole}{decimals}").parse().ok()?;
    Some((digits, 10_u64.pow(u32::try_from(decimals.len()).ok()?)))
}

/// The fraction that a double above 0 is: its 53 bits times a power of two.
fn exact_fraction(value: f64) -> Option<(u128, u128)> {
    const FRACTION_BITS: i64 = 52;
    let bits = value.to_bits();
    let exponent = (bits >> FRACTION_BITS) as i64 - 1023 - FRACTION_BITS;
    let mantissa = u128::from(bits & ((1 << FRACTION_BITS) - 1) | 1 << FRACTION_BITS);
    let power = |exponent: i64| 1_u128.checked_shl(u32::try_from(exponent).ok()?);
    match exponent < 0 {
        true => Some((mantissa, power(-exponent)?)),
        false => Some((mantissa.checked_mul(power(exponent)?)?, 1)),
    }
}

/// Consecutive samples of a recording without a pause between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Time of its first sample, in nanoseconds since 1970.
    pub start: i64,
    /// Which samples of the recording it has.
    pub samples: Range<usize>,
}

impl Segment {
    /// A recording without a pause.
    pub fn whole(start: Timestamp, samples: usize) -> Vec<Self> {
        vec![Self {
            start: nanoseconds(start),
            samples: 0..samples,
        }]
    }
}

/// Nanoseconds since 1970 of a time; the nearest that 64 bits hold (they hold the years 1677 to 2262).
pub fn nanoseconds(time: Timestamp) -> i64 {
    clamp(time.as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(hertz: f64) -> Rate {
        Rate::of_hertz(hertz).expect("a rate")
    }

    #[test]
    fn rates_are_the_simplest_fractions() {
        for (hertz, expected) in [
            (1000.0, (1, 1_000_000)),
            (0.2, (1, 5_000_000_000)),
            (1000.0 / 3.0, (1, 3_000_000)),
            (193.5, (387, 2_000_000_000)),
            (3217.8, (16089, 5_000_000_000)),
            (333.33333333, (33333333333, 100_000_000_000_000_000)),
        ] {
            assert_eq!(rate(hertz).parts(), expected, "{hertz}");
        }
        assert_eq!(Rate::of_step(0.0005), Some(rate(2000.0)));
        assert_eq!(Rate::of_step(1.0 / 193.5), Some(rate(193.5)));
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-300] {
            assert_eq!(Rate::of_hertz(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_sample_at_a_time_is_the_first_whose_time_is_not_before_it() {
        for hertz in [
            0.2,
            1.0,
            193.5,
            333.33333333,
            3217.8,
            20_000.0,
            1000.0 / 3.0,
        ] {
            let rate = rate(hertz);
            for time in [
                -7 * SECOND,
                0,
                1,
                5,
                SECOND - 1,
                SECOND,
                3 * SECOND,
                86_399 * SECOND + 17,
            ] {
                let sample = rate.first_at(time);
                assert!(rate.time_of(sample) >= time, "{hertz} {time}");
                assert!(rate.time_of(sample - 1) < time, "{hertz} {time}");
            }
        }
    }
}
