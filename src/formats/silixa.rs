//! What Silixa's H5 and TDMS files have in common: the names of their properties, and what these say.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::Calibration;
use super::properties::{number, resolution, stamp, text};

/// Nanometres that 8192 counts stand for, where a file does not say.
const NANOMETRES: f64 = 116.0;

/// Samples per second after decimation; more exact than `SamplingFrequency[Hz]`, which is nominal.
pub fn precise_rate(about: &Map<String, Value>) -> Option<f64> {
    let rate = number(about, "Precise Sampling Frequency (Hz)")?;
    let every = number(about, "Time Decimation")?;
    Some(rate / every).filter(|rate| rate.is_finite() && *rate > 0.0)
}

/// Metres along the fibre for each metre along the cable's nominal axis.
pub fn multiplier(about: &Map<String, Value>) -> f64 {
    number(about, "Fibre Length Multiplier").unwrap_or(1.0)
}

/// What a count stands for; `None` without a gauge length.
pub fn calibration(about: &Map<String, Value>, prf: f64) -> Option<Calibration> {
    let nanometres = number(about, "Unit Calibration (nm)").filter(|nm| *nm > 0.0);
    counts(
        prf,
        number(about, "GaugeLength")?,
        nanometres.unwrap_or(NANOMETRES),
    )
}

impl Calibration {
    /// Counts of Silixa's instruments, 116 nm in 8192 parts, over the gauge length in metres; `None` without one.
    pub fn silixa(prf: f64, gauge: f64) -> Option<Self> {
        counts(prf, gauge, NANOMETRES)
    }
}

fn counts(prf: f64, gauge: f64, nanometres: f64) -> Option<Calibration> {
    (gauge > 0.0).then(|| Calibration {
        factor: nanometres * prf / (gauge * 8192.0),
        unit: "nanostrain/s".into(),
    })
}

/// A start, and by how many nanoseconds it may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The time of the first sample.
    pub time: Timestamp,
    /// Resolution of the text of this time.
    pub tolerance: i64,
}

impl Start {
    /// The time that a property has as text.
    pub fn of(about: &Map<String, Value>, name: &str) -> Option<Self> {
        let text = text(about, name)?;
        Some(Self {
            time: time(text)?,
            tolerance: resolution(text),
        })
    }
}

/// The GPS time, where the receiver had one.
pub fn start(about: &Map<String, Value>, warnings: &mut Vec<String>) -> Option<Start> {
    let [gps, cpu] = ["GPSTimeStamp", "CPUTimeStamp"].map(|name| Start::of(about, name));
    let status = about
        .iter()
        .find(|(name, _)| name.ends_with("GPS.Status"))
        .and_then(|(_, value)| value.as_str())
        .unwrap_or_default();
    let locked = !status.to_lowercase().contains("uninitiali");
    match (gps, cpu) {
        (Some(gps), _) if locked => Some(gps),
        (None, Some(cpu)) if locked => {
            warnings.push("the start is the computer's time: there is none of GPS".into());
            Some(cpu)
        }
        (_, Some(cpu)) => {
            warnings.push(format!(
                "the start is the computer's time, as GPS is \"{status}\""
            ));
            Some(cpu)
        }
        (gps, None) => gps.or_else(|| Start::of(about, "ISO8601 Timestamp")),
    }
}

/// A time in either of the ways that Silixa writes it; `None` for fillers.
pub fn time(text: &str) -> Option<Timestamp> {
    day_first(text).or_else(|| stamp(text))
}

/// `22/09/2023 18:29:26.158 (UTC)`.
fn day_first(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_end_matches("(UTC)").trim();
    let (date, time) = text.split_once(' ')?;
    let mut parts = date.split('/');
    let [day, month, year] = [parts.next()?, parts.next()?, parts.next()?];
    let civil: DateTime = format!("{year}-{month:0>2}-{day:0>2}T{time}")
        .parse()
        .ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_ways() {
        let milliseconds = |text: &str| time(text).map(|t| t.as_millisecond());
        let known = Some(1_695_407_366_158);
        assert_eq!(milliseconds("22/09/2023 18:29:26.158 (UTC)"), known);
        assert_eq!(milliseconds("2023-09-22T18:29:26.158Z"), known);
        assert_eq!(milliseconds("2023-09-22T19:29:26.158+01:00"), known);
        assert_eq!(milliseconds("1904-01-01T00:00:00Z"), None);
        assert_eq!(milliseconds("2023-09-22 later"), None);
        assert_eq!(milliseconds(""), None);
    }
}
