//! `/Acoustic` with everything in its attributes: Silixa's H5, and Neubrex's.

use hdf5::File;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::values::{even, metadata, needed, positive, stamp};
use super::{Found, Place, attributes, samples};
use crate::formats::{Calibration, FormatError, Header, Layout};

const DATA: &str = "/Acoustic";

/// Whether the file is Silixa's.
pub fn is_silixa(file: &File) -> bool {
    has(file, &["SamplingFrequency[Hz]", "Fibre Length Multiplier"])
}

/// Whether the file is Neubrex's.
pub fn is_neubrex(file: &File) -> bool {
    has(file, &["StartPosition", "SpatialSamplingInterval"])
}

fn has(file: &File, names: &[&str]) -> bool {
    let data = file.dataset("Acoustic");
    data.is_ok_and(|data| {
        let attributes = attributes::of(&data);
        names.iter().all(|name| attributes.contains_key(*name))
    })
}

/// Reads everything but the samples of Silixa's file.
pub fn silixa(at: Place, file: &File) -> Result<Found, FormatError> {
    let data = at.dataset(file, "Acoustic")?;
    let [samples, channels] = samples::shape(at, &data)?;
    let about = attributes::of(&data);
    let number = |name: &str| attributes::number(&about, name);
    let mut warnings = Vec::new();
    let nominal = || positive(at, DATA, &["SamplingFrequency[Hz]"], number);
    let precise = number("Precise Sampling Frequency (Hz)")
        .zip(number("Time Decimation"))
        .map(|(rate, every)| rate / every)
        .filter(|rate| rate.is_finite() && *rate > 0.0);
    let prf = precise.map_or_else(nominal, Ok)?;
    let spacing = positive(at, DATA, &["SpatialResolution[m]"], number)?
        * number("Fibre Length Multiplier").unwrap_or(1.0);
    let first = needed(
        at,
        DATA,
        &["Start Distance (m)", "StartPosition[m]"],
        number,
    )?;
    let start = silixa_start(&about, &mut warnings)
        .ok_or_else(|| at.content(DATA, "no time", "GPSTimeStamp or CPUTimeStamp"))?;
    let header = Header {
        channels,
        samples,
        prf,
        dtype: samples::dtype(at, &data)?,
        start,
        depth: even(first, spacing, channels),
        layout: Layout::TimeMajor,
        calibration: number("GaugeLength").and_then(|gauge| Calibration::silixa(prf, gauge)),
        metadata: metadata("Silixa", &[(DATA, &data)]),
        warnings,
    };
    Ok(Found::plain(data, header))
}

/// The GPS time, where the receiver had one.
fn silixa_start(about: &Map<String, Value>, warnings: &mut Vec<String>) -> Option<Timestamp> {
    let text = |name: &str| attributes::text(about, name).unwrap_or_default();
    let [gps, cpu] = ["GPSTimeStamp", "CPUTimeStamp"].map(|name| day_first(text(name)));
    let status = about
        .iter()
        .find(|(name, _)| name.ends_with("GPS.Status"))
        .and_then(|(_, value)| value.as_str())
        .unwrap_or_default();
    let locked = !status.to_lowercase().contains("uninitiali");
    match (gps, cpu) {
        (Some(gps), _) if locked => Some(gps),
        (_, Some(cpu)) => {
            warnings.push(format!(
                "the start is the computer's time, as GPS is \"{status}\""
            ));
            Some(cpu)
        }
        (gps, None) => gps.or_else(|| stamp(text("ISO8601 Timestamp"))),
    }
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

/// Reads everything but the samples of Neubrex's file.
pub fn neubrex(at: Place, file: &File) -> Result<Found, FormatError> {
    let data = at.dataset(file, "Acoustic")?;
    let [samples, channels] = samples::shape(at, &data)?;
    let about = attributes::of(&data);
    let number = |name: &str| attributes::number(&about, name);
    let mut warnings = Vec::new();
    let dt = positive(at, DATA, &["TimeSamplingInterval(seconds)"], number)?;
    let spacing = positive(at, DATA, &["SpatialSamplingInterval"], number)?;
    let first = needed(at, DATA, &["StartPosition"], number)?;
    let times = ["GPSTimeStamp(UTC)", "CPUTimeStamp(UTC)"];
    let found = times.iter().find_map(|name| {
        let time = stamp(attributes::text(&about, name)?)?;
        Some((*name, time))
    });
    let (name, start) = found.ok_or_else(|| {
        let expected = "a time in GPSTimeStamp(UTC) or CPUTimeStamp(UTC)";
        at.content(DATA, "none", expected)
    })?;
    if name != times[0] {
        warnings.push("the start is the computer's time: there is none of GPS".into());
    }
    for name in ["TimeDecimationFilter", "DistanceDecimationFilter"] {
        if let Some(other) = number(name).filter(|n| ![0.0, 1.0].contains(n)) {
            warnings.push(format!("{name} is {other}, whose meaning is not known"));
        }
    }
    let unit = attributes::text(&about, "DataPhysicalUnit").unwrap_or_default();
    let calibration = match unit {
        "" => None,
        "micro-strain/second" => Some(Calibration {
            factor: 1000.0,
            unit: "nanostrain/s".into(),
        }),
        other => Some(Calibration::of_unit(other)),
    };
    let header = Header {
        channels,
        samples,
        prf: 1.0 / dt,
        dtype: samples::dtype(at, &data)?,
        start,
        depth: even(first, spacing, channels),
        layout: Layout::TimeMajor,
        calibration,
        metadata: metadata("Neubrex", &[(DATA, &data)]),
        warnings,
    };
    Ok(Found::plain(data, header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_come_first() {
        let time = day_first("22/09/2023 18:29:26.158 (UTC)").map(|t| t.as_millisecond());
        assert_eq!(time, Some(1_695_407_366_158));
        assert_eq!(day_first("2023-09-22"), None);
        assert_eq!(day_first(""), None);
    }
}
