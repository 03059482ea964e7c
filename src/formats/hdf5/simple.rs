//! Plain files: samples in `raw` or `data` and a time for each row, as research groups write them, and OptaSense (ODH3).

use hdf5::{Dataset, File};

use super::clock::{Clock, Since};
use super::values::{for_each_channel, metadata};
use super::{Found, Place, attributes, samples};
use crate::formats::{FormatError, Header, Layout};

const DATA: [&str; 2] = ["raw", "data"];
const TIMES: [&str; 4] = ["timestamp", "timestamps", "time", "t_axis"];
const PLACES: [&str; 4] = ["distance", "distances", "channels", "x_axis"];

/// Whether the file has this layout.
pub fn recognise(file: &File) -> bool {
    first(file, &DATA).is_some_and(|data| data.ndim() == 2) && first(file, &TIMES).is_some()
}

fn first(file: &File, names: &[&str]) -> Option<Dataset> {
    names.iter().find_map(|name| file.dataset(name).ok())
}

/// Reads everything but the samples.
pub fn header(at: Place, file: &File) -> Result<Found, FormatError> {
    let missing = |names: &[&str]| at.content("/", "none", super::list(names));
    let data = first(file, &DATA).ok_or_else(|| missing(&DATA))?;
    let times = first(file, &TIMES).ok_or_else(|| missing(&TIMES))?;
    let [slow, fast] = samples::shape(at, &data)?;
    let mut warnings = Vec::new();
    let count = times.size();
    let (layout, [samples, channels]) = match (count == slow, count == fast) {
        (true, false) => (Layout::TimeMajor, [slow, fast]),
        (false, true) => (Layout::ChannelMajor, [fast, slow]),
        _ => {
            let found = format!("{count} times for an array of {slow} x {fast}");
            let expected = "as many times as one of two different lengths; say which in the configuration (hdf5)";
            return Err(at.content(times.name(), found, expected));
        }
    };
    let clock = Clock::read(at, &times, Since::SECONDS, None)?;
    let wrong = |expected: &str| at.content(times.name(), clock.found(), expected);
    if clock.start().is_none() {
        return Err(wrong("Unix times in seconds"));
    }
    let rate = clock.rate().ok_or_else(|| wrong("rising times"))?;
    if clock.rows() != samples {
        return Err(wrong(&format!("{samples} times above 0")));
    }
    clock.check(&mut warnings);
    let depth = match first(file, &PLACES) {
        Some(places) => for_each_channel(at, &places, channels)?,
        None => {
            warnings.push("there are no distances: the depth axis is the channel's number".into());
            (0..channels).map(|k| k as f64).collect()
        }
    };
    let unit = attributes::of(&data);
    let unit = ["units", "unit"]
        .iter()
        .find_map(|name| attributes::text(&unit, name));
    let header = Header {
        channels,
        samples,
        rate,
        dtype: samples::dtype(at, &data)?,
        segments: clock.segments(samples),
        time_tolerance: clock.tolerance(),
        depth,
        layout,
        calibration: unit.map(crate::formats::Calibration::of_unit),
        metadata: metadata("plain", &[("/", file), (&data.name(), &data)]),
        warnings,
    };
    Ok(Found::plain(data, header))
}
