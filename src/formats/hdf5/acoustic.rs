//! Files with everything in attributes: Silixa's H5 and Neubrex's (`/Acoustic`), and Silixa's Carina in netCDF (`/Fiber`).

use hdf5::File;

use super::clock::unix;
use super::values::{even, integers, metadata, needed, positive, stamp};
use super::{Found, MOST_CHANNELS, Place, attributes, samples};
use crate::formats::properties::resolution;
use crate::formats::segment::Segment;
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
        rate: at.rate(prf)?,
        dtype: samples::dtype(at, &data)?,
        segments: Segment::whole(start.time, samples),
        time_tolerance: start.tolerance,
        depth: even(first, spacing, channels),
        layout: Layout::TimeMajor,
        calibration: silixa::calibration(&about, prf),
        metadata: metadata("Silixa", &[(DATA, &data)]),
        warnings,
    };
    Ok(Found::plain(data, header))
}

/// Whether the file is of Silixa's Carina, as netCDF holds it. Its own axes are empty.
pub fn is_carina(file: &File) -> bool {
    let about = attributes::of(file);
    let names = ["Samplerate", "StartTime", "Start Distance (m)"];
    ["Fiber", "ChannelMap"]
        .iter()
        .all(|it| file.link_exists(it))
        && names.iter().all(|name| about.contains_key(*name))
}

/// Reads everything but the samples of Carina's file.
pub fn carina(at: Place, file: &File) -> Result<Found, FormatError> {
    let data = at.dataset(file, "Fiber")?;
    let [samples, channels] = samples::shape(at, &data)?;
    let about = attributes::of(file);
    let number = |name: &str| attributes::number(&about, name);
    let prf = positive(at, "/", &["Samplerate"], number)?;
    let microseconds = needed(at, "/", &["StartTime"], number)?;
    let start = unix(microseconds * 1e-6).ok_or_else(|| {
        let expected = "microseconds since 1970 in StartTime";
        at.content("/", microseconds.to_string(), expected)
    })?;
    // A sample's scale follows the rate of the instrument, before any decimation, and the gain of the filter that decimates.
    let rate = number("SamplingFrequency[Hz]").unwrap_or(prf);
    let gain = number("FilterGain")
        .filter(|gain| *gain > 0.0)
        .unwrap_or(1.0);
    let calibration = silixa::calibration(&about, rate).map(|it| Calibration {
        factor: it.factor / gain,
        ..it
    });
    let header = Header {
        channels,
        samples,
        rate: at.rate(prf)?,
        dtype: samples::dtype(at, &data)?,
        segments: Segment::whole(start, samples),
        time_tolerance: 1_000,
        depth: carina_depth(at, file, channels, number)?,
        layout: Layout::TimeMajor,
        calibration,
        metadata: metadata("Silixa Carina", &[("/", file), ("/Fiber", &data)]),
        warnings: Vec::new(),
    };
    Ok(Found::plain(data, header))
}

/// Where the columns are: the map has a number for each of the fibre's channels, a negative one where it is left out.
fn carina_depth(
    at: Place,
    file: &File,
    channels: usize,
    number: impl Fn(&str) -> Option<f64>,
) -> Result<Vec<f64>, FormatError> {
    let map = at.dataset(file, "ChannelMap")?;
    if map.size() == 0 || map.size() > MOST_CHANNELS {
        let expected = format!("1 to {MOST_CHANNELS}, one for each channel of the fibre");
        return Err(at.content(map.name(), format!("{} numbers", map.size()), expected));
    }
    let map_of = integers(at, &map)?;
    let first = needed(at, "/", &["Start Distance (m)"], &number)?;
    let last = needed(at, "/", &["Stop Distance (m)"], &number)?;
    let spacing = (last - first) / map_of.len() as f64;
    let kept = map_of.iter().enumerate().filter(|(_, it)| **it >= 0);
    let depth: Vec<f64> = kept.map(|(k, _)| first + k as f64 * spacing).collect();
    if depth.len() == channels && spacing > 0.0 {
        return Ok(depth);
    }
    let found = format!("{} channels in {first} to {last} m", depth.len());
    let expected =
        format!("{channels}, as /Fiber has columns, and a Stop Distance above Start Distance");
    Err(at.content(map.name(), found, expected))
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
        let text = attributes::text(&about, name)?;
        Some((*name, stamp(text)?, resolution(text)))
    });
    let (name, start, time_tolerance) = found.ok_or_else(|| {
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
        rate: at.step(dt)?,
        dtype: samples::dtype(at, &data)?,
        segments: Segment::whole(start, samples),
        time_tolerance,
        depth: even(first, spacing, channels),
        layout: Layout::TimeMajor,
        calibration,
        metadata: metadata("Neubrex", &[(DATA, &data)]),
        warnings,
    };
    Ok(Found::plain(data, header))
}
