//! DASCore's own files: a patch below `/waveforms`, with an array for each coordinate.

use hdf5::{File, Group};

use super::clock::{Clock, Since};
use super::values::{for_each_channel, metadata, stored_as_integers};
use super::{Found, Place, attributes, list, members, samples};
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
    let expected = || format!("{samples} rising nanoseconds since 1970, after that year");
    // Doubles do not hold today's nanoseconds.
    if !stored_as_integers(&times) {
        return Err(at.content(times.name(), "times that are no integers", expected()));
    }
    let clock = Clock::read(at, &times, Since::NANOSECONDS, None)?;
    let usable = clock.rows() == samples && clock.start().is_some();
    let rate = clock.rate().filter(|_| usable);
    let rate = rate.ok_or_else(|| at.content(times.name(), clock.found(), expected()))?;
    clock.check(&mut warnings);
    let distance = at.dataset(&patch, "_coord_distance")?;
    let depth = for_each_channel(at, &distance, channels)?;
    let unit = attributes::text(&about, "_attrs_data_units").filter(|unit| !unit.is_empty());
    let header = Header {
        channels,
        samples,
        rate,
        dtype: samples::dtype(at, &data)?,
        segments: clock.segments(samples),
        time_tolerance: clock.tolerance(),
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
