//! Files of any layout, by what the user says of it: see [`Description`](crate::formats::description::Description).

use hdf5::{File, Location};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::clock::{Clock, Since};
use super::values::{even, metadata, stored_as_integers};
use super::{Found, MOST_CHANNELS, Place, attributes, list, members, samples, values};
use crate::formats::description::{self, Address, Depth, Described, Number, Start, Text, Unit};
use crate::formats::properties::{resolution, stamp};
use crate::formats::segment::{Rate, SECOND, Segment};
use crate::formats::{Calibration, FormatError, Header, Layout};

/// Names that a message lists.
const NEAREST: usize = 5;

/// Whether a file has the samples' dataset: then the description is that of it.
pub fn matches(file: &File, it: &Described) -> bool {
    file.dataset(&it.data).is_ok()
}

/// Why a description does not fit a file that nothing else fits.
pub fn missing(at: Place, file: &File, it: &Described) -> FormatError {
    let within = Within { at, file };
    match within.object("data", &it.data) {
        Err(error) => error,
        Ok(_) => within.wrong("data", format!("{}, a group", it.data), "a dataset"),
    }
}

/// Reads everything but the samples.
pub fn header(at: Place, file: &File, it: &Described) -> Result<Found, FormatError> {
    let within = Within { at, file };
    let data = at.dataset(file, it.data.trim_start_matches('/'))?;
    let [slow, fast] = samples::shape(at, &data)?;
    let (samples, channels) = match it.order {
        Layout::TimeMajor => (slow, fast),
        Layout::ChannelMajor => (fast, slow),
    };
    let mut warnings = Vec::new();
    let stated = within.stated(it)?;
    let clock = within.clock(&it.start, stated, samples, &mut warnings)?;
    let rate = stated.or_else(|| clock.as_ref()?.rate()).ok_or_else(|| {
        let found = "none, and no rising times in start".to_owned();
        within.wrong("prf", found, "samples per second, or dt in seconds")
    })?;
    if let Some(clock) = &clock {
        clock.check(&mut warnings);
        if let Some(stated) = stated {
            clock.compare(stated, "the described rate", rate, &mut warnings);
        }
    }
    let (segments, time_tolerance) = match clock.filter(|clock| clock.start().is_some()) {
        Some(clock) => (clock.segments(samples), clock.tolerance()),
        None => {
            let (start, tolerance) = within.start(&it.start)?;
            (Segment::whole(start, samples), tolerance)
        }
    };
    let depth = match &it.depth {
        Some(depth) => within.depth(depth, channels)?,
        None => {
            warnings.push("no depth is described: the depth axis is the channel's number".into());
            even(0.0, 1.0, channels)
        }
    };
    let unit = it.unit.as_ref().map(|unit| within.text("unit", unit));
    let factor = it.factor.as_ref().map(|it| within.number("factor", it));
    let calibration = match (unit.transpose()?, factor.transpose()?) {
        (Some(unit), factor) => Some(Calibration {
            factor: factor.unwrap_or(1.0),
            unit,
        }),
        (None, _) => None,
    };
    let header = Header {
        channels,
        samples,
        rate,
        dtype: samples::dtype(at, &data)?,
        segments,
        time_tolerance,
        depth,
        layout: it.order,
        calibration,
        metadata: metadata("described", &[("/", file), (&it.data, &data)]),
        warnings,
    };
    Ok(Found::plain(data, header))
}

/// A file in which described things are looked up.
#[derive(Clone, Copy)]
struct Within<'a> {
    at: Place<'a>,
    file: &'a File,
}

impl Within<'_> {
    /// What is wrong with a key of the description.
    fn wrong(self, key: &str, found: String, expected: &str) -> FormatError {
        self.at
            .content(format!("distpy_gpu.hdf5.{key}"), found, expected)
    }

    /// A group or dataset, or what is there instead.
    fn object(self, key: &str, path: &str) -> Result<Location, FormatError> {
        let names = path.split('/').filter(|name| !name.is_empty());
        let mut group = self
            .file
            .group("/")
            .map_err(|e| self.at.library("/", "a group", &e))?;
        let mut names = names.peekable();
        while let Some(name) = names.next() {
            let inner = group.group(name);
            match (inner, names.peek()) {
                (Ok(inner), _) => group = inner,
                (Err(_), None) if group.dataset(name).is_ok() => {
                    let dataset = group.dataset(name);
                    let dataset = dataset.map_err(|e| self.at.library(path, "a dataset", &e))?;
                    return Ok((**dataset).clone());
                }
                _ => {
                    let all = members(&group);
                    let found =
                        format!("no {name} in {}, only {}", group.name(), nearest(all, name));
                    return Err(self.wrong(key, found, &format!("{path} to be there")));
                }
            }
        }
        Ok((*group).clone())
    }

    /// A value in the file.
    fn value(self, key: &str, address: &Address) -> Result<Value, FormatError> {
        let object = self.object(key, &address.object)?;
        let unreadable = || {
            self.wrong(
                key,
                format!("{address}, which is no number and no text"),
                "one of them",
            )
        };
        let Some(name) = &address.attribute else {
            return values::small(self.file, &address.object).ok_or_else(unreadable);
        };
        let Ok(attribute) = object.attr(name) else {
            let all = object.attr_names().unwrap_or_default();
            let found = format!(
                "no attribute {name} of {}, only {}",
                address.object,
                nearest(all, name)
            );
            return Err(self.wrong(key, found, &format!("{address} to be there")));
        };
        attributes::value(&attribute)
            .ok()
            .flatten()
            .ok_or_else(unreadable)
    }

    fn number(self, key: &str, number: &Number) -> Result<f64, FormatError> {
        match number {
            Number::Given(number) => Ok(*number),
            Number::At(address) => {
                let value = self.value(key, address)?;
                let found = format!("{value} in {address}");
                let number =
                    attributes::number(&Map::from_iter([("value".into(), value)]), "value");
                let number = number.filter(|number| number.is_finite());
                number.ok_or_else(|| self.wrong(key, found, "a number"))
            }
        }
    }

    fn text(self, key: &str, text: &Text) -> Result<String, FormatError> {
        match text {
            Text::Given(text) => Ok(text.clone()),
            Text::At(address) => {
                let value = self.value(key, address)?;
                let found = format!("{value} in {address}");
                let text = attributes::text(&Map::from_iter([("value".into(), value)]), "value")
                    .map(str::to_owned);
                text.ok_or_else(|| self.wrong(key, found, "text"))
            }
        }
    }

    /// The samples' times, where `start` is a dataset with one for each.
    fn clock(
        self,
        start: &Start,
        stated: Option<Rate>,
        samples: usize,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Clock>, FormatError> {
        let Start::At(
            Address {
                object,
                attribute: None,
            },
            unit,
        ) = start
        else {
            return Ok(None);
        };
        self.object("start", object)?;
        let times = self.file.dataset(object).ok();
        let Some(times) = times.filter(|it| it.ndim() == 1 && it.size() > 1) else {
            return Ok(None);
        };
        let clock = Clock::read(self.at, &times, since(*unit), stated)?;
        if clock.rows() != samples {
            warnings.push(format!(
                "{object} has {} times for {samples} samples",
                clock.rows()
            ));
        }
        Ok(Some(clock))
    }

    /// The rate, where the description states it.
    fn stated(self, it: &Described) -> Result<Option<Rate>, FormatError> {
        let (key, number) = match &it.rate {
            Some(description::Rate::Prf(number)) => ("prf", number),
            Some(description::Rate::Step(number)) => ("dt", number),
            None => return Ok(None),
        };
        let value = self.number(key, number)?;
        if value <= 0.0 {
            return Err(self.wrong(key, value.to_string(), "a number above 0"));
        }
        match key {
            "dt" => self.at.step(value).map(Some),
            _ => self.at.rate(value).map(Some),
        }
    }

    /// The time of the first sample, and by how many nanoseconds it may be off.
    fn start(self, start: &Start) -> Result<(Timestamp, i64), FormatError> {
        let (address, unit) = match start {
            Start::Given(time) => return Ok((*time, 1_000)),
            Start::At(address, unit) => (address, *unit),
        };
        let value = self.first(address)?;
        let time = match &value {
            Value::String(text) => stamp(text).or_else(|| {
                let number: Value = serde_json::from_str(text.trim()).ok()?;
                unit.time(&number)
            }),
            number => unit.time(number),
        };
        let tolerance = match &value {
            Value::String(text) => resolution(text),
            _ => 1_000,
        };
        let found = format!("{value} in {address}");
        let expected = "a time in ISO 8601, or numbers since 1970";
        let time = time.ok_or_else(|| self.wrong("start", found, expected))?;
        Ok((time, tolerance))
    }

    /// The first of some times; whole numbers stay whole.
    fn first(self, address: &Address) -> Result<Value, FormatError> {
        let dataset = match address.attribute {
            None => self.file.dataset(&address.object).ok(),
            Some(_) => None,
        };
        let long = dataset.filter(|it| it.ndim() == 1 && it.size() > 1);
        let value = match long {
            Some(times) => {
                let one = ndarray::s![0..1];
                let first = match stored_as_integers(&times) {
                    true => times.read_slice_1d::<i64, _>(one).map(|it| it[0].into()),
                    false => times.read_slice_1d::<f64, _>(one).map(|it| it[0].into()),
                };
                first.map_err(|e| self.at.library(&address.object, "times as numbers", &e))?
            }
            None => self.value("start", address)?,
        };
        Ok(match value {
            Value::Array(values) => values.into_iter().next().unwrap_or_default(),
            value => value,
        })
    }

    fn depth(self, depth: &Depth, channels: usize) -> Result<Vec<f64>, FormatError> {
        let address = match depth {
            Depth::Even { start, step } => {
                let start = self.number("depth.start", start)?;
                let step = self.number("depth.step", step)?;
                return Ok(even(start, step, channels));
            }
            Depth::At(address) => address,
        };
        let expected = format!("{channels} numbers, one for each channel");
        let object = self.object("depth", &address.object)?;
        let container = match &address.attribute {
            Some(name) => object.attr(name).ok().map(|it| (*it).clone()),
            None => self
                .file
                .dataset(&address.object)
                .ok()
                .map(|it| (*it).clone()),
        };
        let Some(container) = container else {
            return match self.value("depth", address) {
                Err(error) => Err(error),
                Ok(_) => Err(self.wrong("depth", address.to_string(), &expected)),
            };
        };
        let fits = values::is_countable(&container) && channels <= MOST_CHANNELS;
        if !fits || container.size() != channels {
            let found = format!("values of shape {:?} in {address}", container.shape());
            return Err(self.wrong("depth", found, &expected));
        }
        let depth = container.read_raw::<f64>();
        depth.map_err(|e| self.wrong("depth", format!("{address}: {e}"), &expected))
    }
}

/// The meaning of a number in a described unit.
fn since(unit: Unit) -> Since {
    Since::units(i128::from(SECOND / unit.per_second()))
}

/// The names that are most like one, as a message shows them.
fn nearest(mut names: Vec<String>, name: &str) -> String {
    let total = names.len();
    names.sort_by_key(|it| (strsim::damerau_levenshtein(it, name), it.clone()));
    names.truncate(NEAREST);
    let more = total - names.len();
    match more {
        0 => list(&names),
        more => format!("{} and {more} more", list(&names)),
    }
}
