//! netCDF-4 by the Climate and Forecast conventions (CF), as xdas and xarray write it.
//!
//! A variable of two dimensions is a recording where the coordinate of one of them counts time since a date. Coordinates are whole
//! arrays, tie points between which to interpolate (CF 1.9, chapter 8.3), or xdas' runs of evenly spaced values.

use hdf5::types::VarLenArray;
use hdf5::{Dataset, File, ObjectReference, ObjectReference1, ReferencedObject};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::values::{
    Clock, even, for_each_channel, integers, is_countable, metadata, near_whole, numbers,
    stored_as_integers, unix, whole_ends,
};
use super::{Found, MOST_CHANNELS, Place, attributes, members, samples};
use crate::formats::properties::YEAR_1971;
use crate::formats::segment::Segment;
use crate::formats::{Calibration, FormatError, Header, Layout};

/// More tie points than an axis has that is stored by few of them.
const MOST_TIES: usize = 1 << 20;

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

/// What times count.
struct Since {
    /// Nanoseconds of one.
    unit: i128,
    /// Nanoseconds since 1970 of zero.
    zero: i128,
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

/// Some values of an axis, which lie on lines between them.
struct Points {
    /// Where on the axis, from 0 to its end.
    at: Vec<usize>,
    /// What lies there, less the first.
    from_first: Vec<f64>,
    /// The first, to the next double.
    first: f64,
}

impl Points {
    /// Those of an axis of `count` values; `None` where all are stored.
    ///
    /// # Errors
    /// When they do not begin and end where the axis does, do not follow each other, or are no numbers.
    fn read(at: Place, of: &Coordinate, count: usize) -> Result<Option<Self>, FormatError> {
        let ties = match &of.ties {
            Ties::All => return Ok(None),
            Ties::At(ties) | Ties::Runs(ties, _) => ties,
        };
        let (stored, wanted) = (of.values.size(), ties.size());
        if stored != wanted || stored == 0 || stored > MOST_TIES.min(count) {
            let found = format!("{stored} values for {wanted} ties, of an axis of {count}");
            let expected = format!("as many as ties, 1 to {}", MOST_TIES.min(count));
            return Err(at.content(of.values.name(), found, expected));
        }
        let ties_at = integers(at, ties)?;
        let (first, from_first) = relative(at, &of.values)?;
        let points = match of.ties {
            Ties::Runs(_, step) => Self::of_runs(&ties_at, first, &from_first, step, count),
            _ => Self::of_ties(&ties_at, first, from_first, count),
        };
        let points = points.ok_or_else(|| {
            let found = format!("{stored} ties that do not cover the axis once");
            let expected = format!("ties from 0 to {}, one after the other", count - 1);
            at.content(ties.name(), found, expected)
        })?;
        if points.from_first.iter().all(|value| value.is_finite()) && first.is_finite() {
            Ok(Some(points))
        } else {
            Err(at.content(of.values.name(), "values that are no numbers", "numbers"))
        }
    }

    fn of_ties(ties: &[i64], first: f64, from_first: Vec<f64>, count: usize) -> Option<Self> {
        let at: Option<Vec<usize>> = ties.iter().map(|it| usize::try_from(*it).ok()).collect();
        let at = at.filter(|at| at.is_sorted_by(|a, b| a < b))?;
        (at.first() == Some(&0) && at.last() == Some(&(count - 1))).then_some(Self {
            at,
            from_first,
            first,
        })
    }

    fn of_runs(
        lengths: &[i64],
        first: f64,
        from_first: &[f64],
        step: f64,
        count: usize,
    ) -> Option<Self> {
        let mut points = Self {
            at: Vec::new(),
            from_first: Vec::new(),
            first,
        };
        let mut begin = 0_usize;
        for (length, value) in lengths.iter().zip(from_first) {
            let length = usize::try_from(*length).ok().filter(|it| *it > 0)?;
            let end = begin.checked_add(length).filter(|end| *end <= count)?;
            points.at.push(begin);
            points.from_first.push(*value);
            if length > 1 {
                points.at.push(end - 1);
                points.from_first.push(value + (length - 1) as f64 * step);
            }
            begin = end;
        }
        (begin == count).then_some(points)
    }

    /// Every value of the axis, by lines between those that are stored.
    fn all(&self) -> Vec<f64> {
        let mut all = vec![self.first];
        for (at, values) in self.at.windows(2).zip(self.from_first.windows(2)) {
            let step = (values[1] - values[0]) / (at[1] - at[0]) as f64;
            let line = (1..=at[1] - at[0]).map(|k| self.first + values[0] + k as f64 * step);
            all.extend(line);
        }
        all
    }

    /// What the points say of the rows' times, in seconds from the first; and the rate of the longest line.
    fn clock(&self, unit: f64) -> (Clock, Option<f64>) {
        let mut clock = Clock {
            first: 0.0,
            last: self.from_first.last().map_or(0.0, |last| last * unit),
            rows: self.at.last().map_or(0, |last| last + 1),
            not_rising: None,
            longest: (0.0, 0),
        };
        let (mut rows, mut rate) = (0, None);
        for (at, values) in self.at.windows(2).zip(self.from_first.windows(2)) {
            let (count, span) = (at[1] - at[0], (values[1] - values[0]) * unit);
            let step = span / count as f64;
            if step > clock.longest.0 {
                clock.longest = (step, at[0] + 1);
            }
            if step <= 0.0 {
                clock.not_rising.get_or_insert(at[0] + 1);
            } else if count > rows {
                rows = count;
                rate = Some(near_whole(1.0 / step, span));
            }
        }
        (clock, rate)
    }
}

/// The first of some numbers, and all less the first, so that large integers lose nothing.
fn relative(at: Place, values: &Dataset) -> Result<(f64, Vec<f64>), FormatError> {
    if stored_as_integers(values) {
        let all = integers(at, values)?;
        let first = all[0];
        let from_first = all.iter().map(|it| it.wrapping_sub(first) as f64);
        return Ok((first as f64, from_first.collect()));
    }
    let all = numbers(at, values)?;
    let first = all[0];
    Ok((first, all.into_iter().map(|it| it - first).collect()))
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
    let (start, prf) = it.clock(at, samples, &mut warnings)?;
    let header = Header {
        channels,
        samples,
        rate: at.rate(prf)?,
        dtype: samples::dtype(at, &it.data)?,
        segments: Segment::whole(start, samples),
        time_tolerance: 1_000,
        depth: it.depth(at, channels, &mut warnings)?,
        layout: it.layout,
        calibration: it.calibration(at)?,
        metadata: metadata("netCDF", &[("/", file), (&it.data.name(), &it.data)]),
        warnings,
    };
    Ok(Found::plain(it.data, header))
}

impl Variable {
    /// When the first sample was, and samples per second.
    fn clock(
        &self,
        at: Place,
        samples: usize,
        warnings: &mut Vec<String>,
    ) -> Result<(Timestamp, f64), FormatError> {
        let times = &self.time.values;
        let unit = self.since.unit as f64 * 1e-9;
        let (clock, prf) = match Points::read(at, &self.time, samples)? {
            Some(points) => points.clock(unit),
            None => {
                let clock = Clock::read_since(at, times, unit, self.since.zero as f64 * 1e-9)?;
                (clock, clock.near_whole_rate())
            }
        };
        let first = match whole_ends(times, 1) {
            Some([first, _]) => i128::from(first) * self.since.unit,
            None => {
                let first = times.read_slice_1d::<f64, _>(ndarray::s![..1]);
                let first = first.map_err(|e| at.library(&times.name(), "numbers", &e))?;
                (first[0] * self.since.unit as f64).round() as i128
            }
        };
        let start = Timestamp::from_nanosecond(self.since.zero.saturating_add(first)).ok();
        let start = start.filter(|start| start.as_second() as f64 >= YEAR_1971);
        let (Some(start), Some(prf)) = (start, prf.filter(|_| clock.rows == samples)) else {
            let found = format!("{} times", clock.rows);
            let expected = format!("{samples} rising times since 1971");
            return Err(at.content(times.name(), found, expected));
        };
        clock.check(&times.name(), prf, warnings);
        Ok((start, prf))
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
        let depth = match Points::read(at, place, channels)? {
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
    let clock = Clock::read_since(at, &times, unit as f64 * 1e-9, zero as f64 * 1e-9)?;
    let rate = clock.near_whole_rate().filter(|_| clock.rows == samples);
    let (Some(prf), Some(start)) = (rate, unix(clock.first)) else {
        let found = format!("{} times from {} s on", clock.rows, clock.first);
        let expected = format!("{samples} rising times since 1971");
        return Err(at.content("/t", found, expected));
    };
    clock.check("/t", prf, &mut warnings);
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
        rate: at.rate(prf)?,
        dtype: samples::dtype(at, &data)?,
        segments: Segment::whole(start, samples),
        time_tolerance: 1_000,
        depth,
        layout,
        calibration: attributes::text(&attributes::of(&data), "units").map(Calibration::of_unit),
        metadata: metadata("DAS-HDF5", &[("/", file), ("/das", &data)]),
        warnings,
    };
    Ok(Found::plain(data, header))
}
