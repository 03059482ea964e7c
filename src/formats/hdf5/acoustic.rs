//! `/Acoustic` with everything in its attributes: Silixa's H5, and Neubrex's.

use hdf5::File;

use super::values::{even, metadata, needed, positive, stamp};
use super::{Found, Place, attributes, samples};
use crate::formats::{Calibration, FormatError, Header, Layout, silixa};

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
    let prf = silixa::precise_rate(&about).map_or_else(nominal, Ok)?;
    let spacing =
        positive(at, DATA, &["SpatialResolution[m]"], number)? * silixa::multiplier(&about);
    let first = needed(
        at,
        DATA,
        &["Start Distance (m)", "StartPosition[m]"],
        number,
    )?;
    let start = silixa::start(&about, &mut warnings)
        .ok_or_else(|| at.content(DATA, "no time", "GPSTimeStamp or CPUTimeStamp"))?;
    let header = Header {
        channels,
        samples,
        prf,
        dtype: samples::dtype(at, &data)?,
        start,
        depth: even(first, spacing, channels),
        layout: Layout::TimeMajor,
        calibration: silixa::calibration(&about, prf),
        metadata: metadata("Silixa", &[(DATA, &data)]),
        warnings,
    };
    Ok(Found::plain(data, header))
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
