//! Small values and axes of the makers' own layouts: scalars in datasets, and even axes.

use hdf5::dataset::Layout;
use hdf5::types::TypeDescriptor;
use hdf5::{Container, Dataset, Group, Location};
use serde_json::{Map, Value, json};

use super::samples;
use super::{MOST_CHANNELS, Place, attributes, list};
use crate::formats::FormatError;
pub use crate::formats::properties::stamp;

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
    samples::own(at, dataset)?;
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
    let in_other_files = !dataset.create_plist().ok()?.external().is_empty();
    if in_other_files || !is_countable(&dataset) || dataset.size() > MOST_VALUES {
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

/// Attributes of some objects, for the JSON beside the chunks.
pub fn metadata(format: &str, objects: &[(&str, &Location)]) -> Value {
    let attributes: Map<String, Value> = objects
        .iter()
        .map(|(name, object)| ((*name).to_owned(), attributes::of(object).into()))
        .collect();
    json!({ "format": format, "attributes": attributes })
}
