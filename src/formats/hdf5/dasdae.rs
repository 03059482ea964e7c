//! DASCore's own files: a patch below `/waveforms`, with an array for each coordinate.

use hdf5::{File, Group};
use jiff::Timestamp;

use super::values::{Clock, for_each_channel, metadata, unix, whole_ends};
use super::{Found, Place, attributes, list, members, samples};
use crate::formats::segment::Segment;
use crate::formats::{Calibration, FormatError, Header, Layout};

/// Whether the file has this layout.
pub fn recognise(file: &File) -> bool {
    attributes::text(&attributes::of(file), "__format__") == Some("DASDAE")
}

/// Reads everything but the samples.
pub fn header(at: Place, file: &File) -> Result<Found, FormatError> {
    let mut warnings = Vec::new();
    let patch = patch(at, file, &mut warnings)?;
    let about = attributes::of(&patch);
    let data = at.dataset(&patch, "data")?;
    let [slow, fast] = samples::shape(at, &data)?;
    let dims = attributes::texts(&about, "_dims");
    let dims: Vec<&str> = dims.iter().map(String::as_str).collect();
    let (layout, [samples, channels]) = match dims[..] {
        ["time", "distance"] => (Layout::TimeMajor, [slow, fast]),
        ["distance", "time"] => (Layout::ChannelMajor, [fast, slow]),
        _ => {
            let found = format!("dimensions {}", list(&dims));
            return Err(at.content(patch.name(), found, "time and distance"));
        }
    };
    let times = at.dataset(&patch, "_coord_time")?;
    let clock = Clock::read(at, &times, 1e-9)?;
    let expected = || format!("{samples} rising nanoseconds since 1970, after that year");
    if clock.rows != samples || unix(clock.first).is_none() {
        let found = format!("{} times from {} s on", clock.rows, clock.first);
        return Err(at.content(times.name(), found, expected()));
    }
    // The first and last as they are stored, as doubles do not hold today's nanoseconds.
    let ends = whole_ends(&times, samples);
    let [first, last] =
        ends.ok_or_else(|| at.content(times.name(), "times that are no integers", expected()))?;
    if last <= first {
        return Err(at.content(times.name(), format!("{first} to {last}"), expected()));
    }
    let prf = (samples - 1) as f64 * 1e9 / (last - first) as f64;
    clock.check(&times.name(), prf, &mut warnings);
    let start = Timestamp::from_nanosecond(i128::from(first))
        .map_err(|e| at.content(times.name(), e.to_string(), expected()))?;
    let distance = at.dataset(&patch, "_coord_distance")?;
    let depth = for_each_channel(at, &distance, channels)?;
    let unit = attributes::text(&about, "_attrs_data_units").filter(|unit| !unit.is_empty());
    let header = Header {
        channels,
        samples,
        rate: at.rate(prf)?,
        dtype: samples::dtype(at, &data)?,
        segments: Segment::whole(start, samples),
        time_tolerance: 1_000,
        depth,
        layout,
        calibration: unit.map(Calibration::of_unit),
        metadata: metadata("DASDAE", &[("/", file), (&patch.name(), &patch)]),
        warnings,
    };
    Ok(Found::plain(data, header))
}

/// The first patch.
fn patch(at: Place, file: &File, warnings: &mut Vec<String>) -> Result<Group, FormatError> {
    let waveforms = file
        .group("waveforms")
        .map_err(|e| at.library("/waveforms", "a group", &e))?;
    let names = members(&waveforms);
    let Some((first, others)) = names.split_first() else {
        return Err(at.content("/waveforms", "no patch", "one"));
    };
    if !others.is_empty() {
        warnings.push(format!("{} not read, only {first}", list(others)));
    }
    waveforms
        .group(first)
        .map_err(|e| at.library(first, "a group", &e))
}
