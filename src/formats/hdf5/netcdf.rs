//! netCDF-4 by the Climate and Forecast conventions (CF), as xdas and xarray write it.
//!
//! A variable of two dimensions is a recording where the coordinate of one of them counts time since a date. Coordinates are whole
//! arrays, tie points between which to interpolate (CF 1.9, chapter 8.3), or xdas' runs of evenly spaced values.

mod points;

use hdf5::types::VarLenArray;
use hdf5::{Dataset, File, ObjectReference, ObjectReference1, ReferencedObject};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use self::points::Points;
use super::clock::{Clock, Since};
use super::values::{even, for_each_channel, is_countable, metadata};
use super::{Found, MOST_CHANNELS, Place, attributes, members, samples};
use crate::formats::segment::Rate;
use crate::formats::{Calibration, FormatError, Header, Layout};

/// How the name attribute of a dimension begins that has no values of its own (netCDF-4's file format).
const NO_VARIABLE: &str = "This is a netCDF dimension but not a netCDF variable";

/// Whether the file has an array of two dimensions over time. That it follows the conventions it need not say: xarray does not.
pub fn recognise(file: &File) -> bool {
    !variables(file).is_empty()
}

/// An array over time and one other dimension.
struct Variable {
    data: Dataset,
    about: Map<String, Value>,
    layout: Layout,
    time: Coordinate,
    since: Since,
    place: Option<Coordinate>,
}

/// The values of a dimension.
struct Coordinate {
    values: Dataset,
    about: Map<String, Value>,
    ties: Ties,
}

/// Which of a dimension's values are stored.
enum Ties {
    /// All.
    All,
    /// Those at the indices in this dataset; others lie on lines between them.
    At(Dataset),
    /// The first of each run, whose lengths are in this dataset; others follow by a step, in units of the values.
    Runs(Dataset, f64),
}

/// Recordings at the root, in the order of their names.
fn variables(file: &File) -> Vec<Variable> {
    let names = members(file);
    names
        .iter()
        .filter_map(|name| variable(file, name))
        .collect()
}

fn variable(file: &File, name: &str) -> Option<Variable> {
    let data = dataset(file, name).filter(|it| it.ndim() == 2)?;
    let about = attributes::of(&data);
    let [slow, fast] = dimensions(file, &data)?;
    let [slow, fast] = [slow, fast].map(|name| coordinate(file, &about, &name));
    let [slow_since, fast_since] = [&slow, &fast].map(|it| since(it.as_ref()?));
    let (layout, time, since, place) = match (slow_since, fast_since) {
        (Some(since), None) => (Layout::TimeMajor, slow?, since, fast),
        (None, Some(since)) => (Layout::ChannelMajor, fast?, since, slow),
        _ => return None,
    };
    Some(Variable {
        data,
        about,
        layout,
        time,
        since,
        place,
    })
}

/// A dataset whose values can be counted.
fn dataset(file: &File, name: &str) -> Option<Dataset> {
    file.dataset(name).ok().filter(|it| is_countable(it))
}

/// The names of the two dimensions, by the references of the format.
fn dimensions(file: &File, data: &Dataset) -> Option<[String; 2]> {
    let list = data.attr("DIMENSION_LIST").ok()?;
    let lists = list.read_1d::<VarLenArray<ObjectReference1>>().ok()?;
    let name = |scales: &VarLenArray<ObjectReference1>| {
        let ReferencedObject::Dataset(scale) = scales.first()?.dereference(file).ok()? else {
            return None;
        };
        Some(scale.name().trim_start_matches('/').to_owned())
    };
    let [slow, fast] = lists.as_slice()? else {
        return None;
    };
    Some([name(slow)?, name(fast)?])
}

/// The coordinate of a dimension; `None` where it has none, or one of another kind.
fn coordinate(file: &File, of_data: &Map<String, Value>, dimension: &str) -> Option<Coordinate> {
    let tied = |attribute: &str| {
        let text = attributes::text(of_data, attribute)?;
        pairs(text).into_iter().find_map(|(values, method)| {
            let method = dataset(file, method)?;
            let method = attributes::of(&method);
            let ties = ties_of(&method, dimension)?;
            Some((dataset(file, values)?, dataset(file, &ties)?, method))
        })
    };
    let of = |values: Dataset, ties: Ties| {
        let about = attributes::of(&values);
        Coordinate {
            values,
            about,
            ties,
        }
    };
    if let Some((values, indices, method)) = tied("coordinate_interpolation") {
        let linear = attributes::text(&method, "interpolation_name") == Some("linear");
        return linear.then(|| of(values, Ties::At(indices)));
    }
    if let Some((values, lengths, method)) = tied("coordinate_sampling") {
        let step = attributes::number(&method, "sampling_interval")?;
        let unit = attributes::text(&method, "sampling_interval_units").map(unit_of_time);
        let coordinate = of(values, Ties::All);
        let step = match unit {
            Some(unit) => step * unit? as f64 / since(&coordinate)?.unit as f64,
            None => step,
        };
        return Some(Coordinate {
            ties: Ties::Runs(lengths, step),
            ..coordinate
        });
    }
    let values = dataset(file, dimension)?;
    let coordinate = of(values, Ties::All);
    let name = attributes::text(&coordinate.about, "NAME").unwrap_or_default();
    (!name.starts_with(NO_VARIABLE)).then_some(coordinate)
}

/// `a: b c: d`.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .chunks_exact(2)
        .map(|pair| (pair[0].trim_end_matches(':'), pair[1]))
        .collect()
}

/// Where the ties of a dimension are: `dimension: ties points`. Mappings of several dimensions are not of even samples.
fn ties_of(method: &Map<String, Value>, dimension: &str) -> Option<String> {
    let text = attributes::text(method, "tie_point_mapping")?;
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        [of, ties, _] if of.trim_end_matches(':') == dimension => Some(ties.to_owned()),
        _ => None,
    }
}

/// `milliseconds since 2023-01-01 00:00:00`; `None` for other units and calendars.
fn since(coordinate: &Coordinate) -> Option<Since> {
    let calendar = attributes::text(&coordinate.about, "calendar").unwrap_or("standard");
    let known = ["standard", "gregorian", "proleptic_gregorian"];
    let (unit, date) = attributes::text(&coordinate.about, "units")?.split_once(" since ")?;
    Some(Since {
        unit: unit_of_time(unit)?,
        zero: date_and_time(date).filter(|_| known.contains(&calendar))?,
    })
}

/// A unit's length in nanoseconds, by the names that UDUNITS knows.
fn unit_of_time(name: &str) -> Option<i128> {
    Some(match name.trim().to_lowercase().as_str() {
        "nanoseconds" | "nanosecond" | "nanosec" | "nsec" | "ns" => 1,
        "microseconds" | "microsecond" | "microsec" | "usec" | "us" => 1_000,
        "milliseconds" | "millisecond" | "millisec" | "msec" | "ms" => 1_000_000,
        "seconds" | "second" | "sec" | "secs" | "s" => 1_000_000_000,
        "minutes" | "minute" | "min" | "mins" => 60_000_000_000,
        "hours" | "hour" | "hr" | "hrs" | "h" => 3_600_000_000_000,
        "days" | "day" | "d" => 86_400_000_000_000,
        _ => return None,
    })
}

/// Nanoseconds since 1970 of a date, with a time or without, in UTC unless it has an offset.
fn date_and_time(text: &str) -> Option<i128> {
    let text = text.trim().trim_end_matches("UTC").trim();
    let instant = text.parse::<Timestamp>().ok();
    let of = |civil: DateTime| TimeZone::UTC.to_timestamp(civil).ok();
    let instant = instant
        .or_else(|| of(text.parse::<DateTime>().ok()?))
        .or_else(|| of(text.parse::<Date>().ok()?.into()))?;
    Some(instant.as_nanosecond())
}

/// Reads everything but the samples of the first recording.
pub fn header(at: Place, file: &File) -> Result<Found, FormatError> {
    let mut all = variables(file).into_iter();
    let Some(it) = all.next() else {
        return Err(at.content("/", "none", "an array over time"));
    };
    let mut warnings = Vec::new();
    let others: Vec<String> = all.map(|other| other.data.name()).collect();
    if !others.is_empty() {
        let (read, others) = (it.data.name(), super::list(others));
        warnings.push(format!("{read} is read; there is {others} too"));
    }
    let [slow, fast] = samples::shape(at, &it.data)?;
    let [samples, channels] = match it.layout {
        Layout::TimeMajor => [slow, fast],
        Layout::ChannelMajor => [fast, slow],
    };
    let (clock, rate) = it.clock(at, samples, &mut warnings)?;
    let header = Header {
        channels,
        samples,
        rate,
        dtype: samples::dtype(at, &it.data)?,
        segments: clock.segments(samples),
        time_tolerance: clock.tolerance(),
        depth: it.depth(at, channels, &mut warnings)?,
        layout: it.layout,
        calibration: it.calibration(at)?,
        metadata: metadata("netCDF", &[("/", file), (&it.data.name(), &it.data)]),
        warnings,
    };
    Ok(Found::plain(it.data, header))
}

impl Variable {
    /// The times of the samples, and their rate.
    fn clock(
        &self,
        at: Place,
        samples: usize,
        warnings: &mut Vec<String>,
    ) -> Result<(Clock, Rate), FormatError> {
        let clock = match Points::of_times(at, &self.time, self.since, samples)? {
            Some(points) => points.clock(self.time.values.name()),
            None => Clock::read(at, &self.time.values, self.since, None)?,
        };
        let stated = match self.time.ties {
            Ties::Runs(_, step) => Rate::of_step(step * self.since.unit as f64 * 1e-9),
            _ => None,
        };
        let usable = clock.rows() == samples && clock.start().is_some();
        let rate = clock.rate().and(stated).or_else(|| clock.rate());
        let Some(rate) = rate.filter(|_| usable) else {
            let expected = format!("{samples} rising times since 1971");
            return Err(at.content(self.time.values.name(), clock.found(), expected));
        };
        clock.check(warnings);
        Ok((clock, rate))
    }

    /// Metres along the fibre, of each channel.
    fn depth(
        &self,
        at: Place,
        channels: usize,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<f64>, FormatError> {
        let place = self.place.as_ref();
        // Labels, such as names of channels, are no distances.
        let place = place.filter(|it| samples::dtype(at, &it.values).is_ok());
        let Some(place) = place else {
            warnings.push("there are no distances: the depth axis is the channel's number".into());
            return Ok(even(0.0, 1.0, channels));
        };
        if channels > MOST_CHANNELS {
            // It is refused by who asks.
            return Ok(Vec::new());
        }
        let depth = match Points::of_places(at, place, channels)? {
            Some(points) => points.all(),
            None => for_each_channel(at, &place.values, channels)?,
        };
        let unit = attributes::text(&place.about, "units").unwrap_or("m");
        let metres = match unit {
            "m" | "meter" | "meters" | "metre" | "metres" => 1.0,
            "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => 1000.0,
            other => {
                let name = place.values.name();
                warnings.push(format!("{name} is in \"{other}\" and is taken as it is"));
                1.0
            }
        };
        Ok(depth.into_iter().map(|it| it * metres).collect())
    }

    fn calibration(&self, at: Place) -> Result<Option<Calibration>, FormatError> {
        let offset = attributes::number(&self.about, "add_offset").unwrap_or(0.0);
        if offset != 0.0 {
            let place = format!("{}, add_offset", self.data.name());
            return Err(at.content(place, offset.to_string(), "0 or none"));
        }
        let factor = attributes::number(&self.about, "scale_factor");
        let unit = attributes::text(&self.about, "units").filter(|it| !it.is_empty());
        Ok(match (factor, unit) {
            (None, None) => None,
            (factor, unit) => Some(Calibration {
                factor: factor.unwrap_or(1.0),
                unit: unit.unwrap_or("unknown").into(),
            }),
        })
    }
}

/// Whether the file is DAS-HDF5, as the PoroTomo survey's: its axes are no coordinates of the conventions.
pub fn is_das_hdf5(file: &File) -> bool {
    let conventions = attributes::texts(&attributes::of(file), "Conventions");
    let names = ["das", "t", "x", "y", "z"];
    conventions.iter().any(|it| it.starts_with("DAS-HDF5"))
        && names.iter().all(|name| file.link_exists(name))
}

/// Reads everything but the samples of DAS-HDF5. Distances are those between neighbours: the file has places on a map.
pub fn das_hdf5(at: Place, file: &File) -> Result<Found, FormatError> {
    let data = at.dataset(file, "das")?;
    let times = at.dataset(file, "t")?;
    let [slow, fast] = samples::shape(at, &data)?;
    let (layout, [samples, channels]) = match (times.size() == slow, times.size() == fast) {
        (true, _) => (Layout::TimeMajor, [slow, fast]),
        (false, true) => (Layout::ChannelMajor, [fast, slow]),
        _ => {
            let found = format!("{} times for an array of {slow} x {fast}", times.size());
            return Err(at.content("/t", found, "as many as one of its lengths"));
        }
    };
    let mut warnings = vec!["distances are straight lines from channel to channel".to_owned()];
    let about = attributes::of(&times);
    let units = attributes::text(&about, "units").unwrap_or("s");
    let (unit, date) = units.split_once(" since ").unwrap_or((units, "1970-01-01"));
    let (Some(unit), Some(zero)) = (unit_of_time(unit), date_and_time(date)) else {
        let expected = "a unit of time, or one since a date";
        return Err(at.content("/t, units", format!("\"{units}\""), expected));
    };
    let clock = Clock::read(at, &times, Since { unit, zero }, None)?;
    let usable = clock.rows() == samples && clock.start().is_some();
    let Some(rate) = clock.rate().filter(|_| usable) else {
        let expected = format!("{samples} rising times since 1971");
        return Err(at.content("/t", clock.found(), expected));
    };
    clock.check(&mut warnings);
    let axis = |name| for_each_channel(at, &at.dataset(file, name)?, channels);
    let [x, y, z] = [axis("x")?, axis("y")?, axis("z")?];
    let mut depth = even(0.0, 0.0, channels);
    for k in 1..channels {
        let step = [&x, &y, &z].map(|axis| axis[k] - axis[k - 1]);
        depth[k] = depth[k - 1] + step.iter().map(|d| d * d).sum::<f64>().sqrt();
    }
    let header = Header {
        channels,
        samples,
        rate,
        dtype: samples::dtype(at, &data)?,
        segments: clock.segments(samples),
        time_tolerance: clock.tolerance(),
        depth,
        layout,
        calibration: attributes::text(&attributes::of(&data), "units").map(Calibration::of_unit),
        metadata: metadata("DAS-HDF5", &[("/", file), ("/das", &data)]),
        warnings,
    };
    Ok(Found::plain(data, header))
}
