//! Attributes as JSON, so that what writers disagree about is settled in one place: strings are fixed-length or
//! variable, ASCII or UTF-8, padded or not; single values are scalars or arrays of one; numbers are sometimes text.

use hdf5::types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5::{Container, Location};
use serde_json::{Map, Value};

pub use crate::formats::properties::{number, text};

/// Every attribute that has a JSON form, by name. Arrays stay arrays; references and compounds are left out.
pub fn of(location: &Location) -> Map<String, Value> {
    let mut names = location.attr_names().unwrap_or_default();
    names.sort();
    names
        .into_iter()
        .filter_map(|name| {
            let attribute = location.attr(&name).ok()?;
            let value = value(&attribute).ok()??;
            Some((name, value))
        })
        .collect()
}

/// An attribute as a list of texts; a single text may hold them separated by commas.
pub fn texts(attributes: &Map<String, Value>, name: &str) -> Vec<String> {
    let values = match attributes.get(name) {
        Some(Value::Array(values)) => values.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    };
    values
        .iter()
        .filter_map(Value::as_str)
        .flat_map(|text| text.split(','))
        .map(|text| text.trim().to_owned())
        .collect()
}

/// The value of an attribute or a small dataset; `None` where it has no JSON form.
pub fn value(attribute: &Container) -> hdf5::Result<Option<Value>> {
    let space = attribute.space()?;
    if space.is_null() {
        return Ok(Some(Value::Null));
    }
    let values: Vec<Value> = match attribute.dtype()?.to_descriptor()? {
        TypeDescriptor::Integer(_) | TypeDescriptor::Enum(_) => {
            json(attribute.read_raw::<i64>()?, Value::from)
        }
        TypeDescriptor::Unsigned(_) => json(attribute.read_raw::<u64>()?, Value::from),
        TypeDescriptor::Float(_) => json(attribute.read_raw::<f64>()?, Value::from),
        TypeDescriptor::Boolean => json(attribute.read_raw::<bool>()?, Value::from),
        TypeDescriptor::FixedAscii(size) => fixed_ascii(attribute, size)?,
        TypeDescriptor::FixedUnicode(size) => fixed_unicode(attribute, size)?,
        TypeDescriptor::VarLenAscii => json(attribute.read_raw::<VarLenAscii>()?, |text| {
            string(text.as_bytes())
        }),
        TypeDescriptor::VarLenUnicode => json(attribute.read_raw::<VarLenUnicode>()?, |text| {
            string(text.as_bytes())
        }),
        _ => return Ok(None),
    };
    Ok(if space.is_scalar() {
        values.into_iter().next()
    } else {
        Some(Value::Array(values))
    })
}

fn json<T>(values: Vec<T>, value: impl Fn(T) -> Value) -> Vec<Value> {
    values.into_iter().map(value).collect()
}

/// Text up to its padding. Bytes that are not UTF-8 are replaced: the attribute is shown, not computed with.
fn string(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    Value::from(text.trim_end_matches(['\0', ' ']))
}

/// Fixed-length text is read into the next larger of three capacities, because the binding's string types have theirs at
/// compile time; what goes beyond 64 kB is cut.
macro_rules! fixed {
    ($name:ident, $type:ident) => {
        fn $name(attribute: &Container, size: usize) -> hdf5::Result<Vec<Value>> {
            Ok(match size {
                0..=64 => json(attribute.read_raw::<$type<64>>()?, |t| string(t.as_bytes())),
                65..=4096 => json(attribute.read_raw::<$type<4096>>()?, |t| {
                    string(t.as_bytes())
                }),
                _ => json(attribute.read_raw::<$type<65_536>>()?, |t| {
                    string(t.as_bytes())
                }),
            })
        }
    };
}
fixed!(fixed_ascii, FixedAscii);
fixed!(fixed_unicode, FixedUnicode);
