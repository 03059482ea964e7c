//! Small values and axes of the makers' own layouts: scalars in datasets, times of rows, even axes.

use hdf5::dataset::Layout;
use hdf5::types::TypeDescriptor;
use hdf5::{Container, Dataset, Group, Location};
use jiff::Timestamp;
use ndarray::s;
use serde_json::{Map, Value, json};

use super::{MOST_CHANNELS, Place, attributes, list};
use crate::formats::FormatError;
use crate::formats::properties::YEAR_1971;
pub use crate::formats::properties::stamp;

/// Times that are read together: 512 kB.
const BLOCK: usize = 1 << 16;
/// More values than a small dataset has.
const MOST_VALUES: usize = 1 << 16;

/// Whether the number of an array's values fits a number: the library multiplies lengths as they are.
pub fn is_countable(array: &Container) -> bool {
    let lengths = array.shape().into_iter();
    let bytes = lengths
        .chain([size_of::<f64>()])
        .try_fold(1, usize::checked_mul);
    bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok())
}

/// A damaged shape must not ask for memory, or time: values that are read whole are as good as all written.
///
/// # Errors
/// When so many were never written, that is packed as nothing packs them.
pub fn written(at: Place, dataset: &Dataset) -> Result<(), FormatError> {
    /// Deflate makes 1032 bytes of one at most.
    const MOST_PER_BYTE: u64 = 2048;
    /// Values of which none need be stored.
    const FEW: u64 = 1 << 16;
    const MOST_LINKED: usize = 1 << 28;
    let stored = dataset.storage_size();
    let most = match dataset.layout() {
        Layout::Virtual => MOST_LINKED as u64,
        _ => stored.saturating_mul(MOST_PER_BYTE).saturating_add(FEW),
    };
    if is_countable(dataset) && dataset.size() as u64 <= most {
        return Ok(());
    }
    let found = format!(
        "shape {:?}, of which {stored} bytes are stored",
        dataset.shape()
    );
    Err(at.content(dataset.name(), found, "values that were written"))
}

/// A dataset of one value or few, such as makers wrap scalars in; `None` where there is none, or one of another kind.
pub fn small(group: &Group, path: &str) -> Option<Value> {
    let dataset = group.dataset(path).ok()?;
    if !is_countable(&dataset) || dataset.size() > MOST_VALUES {
        return None;
    }
    match attributes::value(&dataset).ok()?? {
        Value::Array(mut values) if values.len() == 1 => values.pop(),
        value => Some(value),
    }
}

/// The number in a small dataset, which may be text.
pub fn number(group: &Group, path: &str) -> Option<f64> {
    let value = small(group, path)?;
    attributes::number(&Map::from_iter([("value".into(), value)]), "value")
}

/// The text in a small dataset.
pub fn text(group: &Group, path: &str) -> Option<String> {
    Some(small(group, path)?.as_str()?.to_owned())
}

/// A number that a layout cannot do without.
pub fn needed(
    at: Place,
    place: &str,
    names: &[&str],
    find: impl Fn(&str) -> Option<f64>,
) -> Result<f64, FormatError> {
    let found = names.iter().find_map(|name| find(name));
    found.filter(|value| value.is_finite()).ok_or_else(|| {
        let expected = format!("a number in {}", list(names));
        at.content(place, "none", expected)
    })
}

/// A number above zero that a layout cannot do without.
pub fn positive(
    at: Place,
    place: &str,
    names: &[&str],
    find: impl Fn(&str) -> Option<f64>,
) -> Result<f64, FormatError> {
    let value = needed(at, place, names, find)?;
    if value > 0.0 {
        Ok(value)
    } else {
        let expected = format!("a number above 0 in {}", list(names));
        Err(at.content(place, value.to_string(), expected))
    }
}

/// An axis of even steps. No longer than that of a fibre: a damaged count, which is refused afterwards, must not ask for memory.
pub fn even(first: f64, step: f64, count: usize) -> Vec<f64> {
    let count = count.min(MOST_CHANNELS + 1);
    (0..count).map(|k| first + k as f64 * step).collect()
}

/// A dataset that has a number for each channel.
///
/// # Errors
/// When it has more or fewer, which is told before any is read, or others than numbers.
pub fn for_each_channel(
    at: Place,
    dataset: &Dataset,
    channels: usize,
) -> Result<Vec<f64>, FormatError> {
    if dataset.size() != channels || channels > MOST_CHANNELS {
        let found = format!("{} values", dataset.size());
        let expected = match channels > MOST_CHANNELS {
            true => format!("at most {MOST_CHANNELS} channels"),
            false => format!("{channels}, one for each channel"),
        };
        return Err(at.content(dataset.name(), found, expected));
    }
    numbers(at, dataset)
}

/// All numbers of a dataset, which are no more than channels may be.
///
/// # Errors
/// When they are none, were never written, or are more.
pub fn numbers(at: Place, dataset: &Dataset) -> Result<Vec<f64>, FormatError> {
    written(at, dataset)?;
    if dataset.size() > MOST_CHANNELS {
        let found = format!("{} values", dataset.size());
        return Err(at.content(dataset.name(), found, format!("at most {MOST_CHANNELS}")));
    }
    dataset
        .read_raw()
        .map_err(|e| at.library(&dataset.name(), "numbers", &e))
}

/// A Unix time in seconds; `None` for fillers.
pub fn unix(seconds: f64) -> Option<Timestamp> {
    if seconds.is_nan() || seconds < YEAR_1971 {
        return None;
    }
    // Doubles hold today's times to a quarter of a microsecond.
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()
}

/// What an array of the rows' times says.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Seconds of the first row.
    pub first: f64,
    /// Seconds of the last row that was written.
    pub last: f64,
    /// Rows that were written: later ones have no time.
    pub rows: usize,
    /// The first row that is not later than the one before.
    pub not_rising: Option<usize>,
    /// The longest step in seconds, and the row after it.
    pub longest: (f64, usize),
}

impl Clock {
    /// Reads an array of times since 1970, of which `unit` seconds are one.
    pub fn read(at: Place, dataset: &Dataset, unit: f64) -> Result<Self, FormatError> {
        Self::read_since(at, dataset, unit, 0.0)
    }

    /// Reads an array of times since `zero` seconds after 1970, of which `unit` seconds are one.
    pub fn read_since(
        at: Place,
        dataset: &Dataset,
        unit: f64,
        zero: f64,
    ) -> Result<Self, FormatError> {
        let name = dataset.name();
        let shape = dataset.shape();
        let [count] = shape[..] else {
            let found = format!("{} dimensions {shape:?}", shape.len());
            return Err(at.content(name, found, "1 dimension"));
        };
        written(at, dataset)?;
        let mut clock = Clock {
            first: f64::NAN,
            last: f64::NAN,
            rows: 0,
            not_rising: None,
            longest: (0.0, 0),
        };
        for from in (0..count).step_by(BLOCK) {
            let rows = s![from..(from + BLOCK).min(count)];
            let block = dataset.read_slice_1d::<f64, _>(rows);
            let block = block.map_err(|e| at.library(&name, "times as numbers", &e))?;
            for time in block.iter().map(|time| zero + time * unit) {
                // Rows that were allocated and not written.
                if time.is_nan() || time <= 0.0 {
                    return Ok(clock);
                }
                clock.add(time);
            }
        }
        Ok(clock)
    }

    fn add(&mut self, time: f64) {
        if self.rows == 0 {
            self.first = time;
        } else {
            let step = time - self.last;
            if step > self.longest.0 {
                self.longest = (step, self.rows);
            }
            if step <= 0.0 {
                self.not_rising.get_or_insert(self.rows);
            }
        }
        self.last = time;
        self.rows += 1;
    }

    /// Rows per second; `None` for fewer than two.
    pub fn rate(&self) -> Option<f64> {
        let span = self.last - self.first;
        (self.rows > 1 && span > 0.0).then(|| (self.rows - 1) as f64 / span)
    }

    /// The same; a whole number of hertz within what doubles can tell is taken as meant.
    pub fn near_whole_rate(&self) -> Option<f64> {
        Some(near_whole(self.rate()?, self.last - self.first))
    }

    /// Says where rows are not evenly spaced.
    pub fn check(&self, name: &str, prf: f64, warnings: &mut Vec<String>) {
        let (longest, after) = self.longest;
        if longest > 1.5 / prf + 1e-3 {
            warnings.push(format!(
                "{name} has a gap of {longest:.6} s before row {after}; samples are taken as evenly spaced"
            ));
        }
        if let Some(row) = self.not_rising {
            warnings.push(format!("{name} does not rise at row {row}"));
        }
    }
}

/// A rate that rows of `span` seconds tell; a whole number of hertz within what doubles can tell is taken as meant.
pub fn near_whole(rate: f64, span: f64) -> f64 {
    // Doubles hold today's seconds to a quarter of a microsecond.
    let known_to = rate * 1e-6 / span;
    let whole = rate.round();
    let meant = whole > 0.0 && (rate - whole).abs() <= known_to;
    if meant { whole } else { rate }
}

/// Whether numbers are stored as integers, which doubles would round.
pub fn stored_as_integers(dataset: &Dataset) -> bool {
    let stored = dataset.dtype().and_then(|it| it.to_descriptor());
    matches!(
        stored,
        Ok(TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_))
    )
}

/// All of a small dataset's integers.
pub fn integers(at: Place, dataset: &Dataset) -> Result<Vec<i64>, FormatError> {
    if !stored_as_integers(dataset) {
        return Err(at.content(dataset.name(), "numbers of another type", "integers"));
    }
    written(at, dataset)?;
    dataset
        .read_raw()
        .map_err(|e| at.library(&dataset.name(), "integers", &e))
}

/// The first and the last of `rows` times that are stored as integers; `None` for others.
pub fn whole_ends(times: &Dataset, rows: usize) -> Option<[i64; 2]> {
    if !stored_as_integers(times) {
        return None;
    }
    let one = |k: usize| {
        times
            .read_slice_1d::<i64, _>(s![k..=k])
            .ok()
            .map(|it| it[0])
    };
    Some([one(0)?, one(rows.checked_sub(1)?)?])
}

/// Attributes of some objects, for the JSON beside the chunks.
pub fn metadata(format: &str, objects: &[(&str, &Location)]) -> Value {
    let attributes: Map<String, Value> = objects
        .iter()
        .map(|(name, object)| ((*name).to_owned(), attributes::of(object).into()))
        .collect();
    json!({ "format": format, "attributes": attributes })
}
