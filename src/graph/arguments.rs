//! Arguments against a command's schema: names and ranges. Types are the deserializer's.

use serde_json::{Map, Value};

use super::Reading;
use crate::config::workflow::Entry;
use crate::config::{Problem, Problems};

/// Arguments that distpy's runner overwrites in every command; users write them to no effect.
pub const INJECTED: &[&str] = &[
    "prf",
    "nx",
    "nt",
    "xaxis",
    "taxis",
    "f_rescale",
    "date_dir",
    "datestring",
    "inline_plots",
    "BOXSIZE",
];

/// Reports unknown names and values outside their ranges.
pub fn check(entry: &Entry, schema: &Value, reading: Reading, problems: &mut Problems) {
    let none = serde_json::Map::new();
    let known = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    for (name, value) in &entry.args {
        let path = format!("{}.{name}", entry.path);
        match known.get(name) {
            Some(property) => range(value, property, &path, problems),
            None if INJECTED.contains(&name.as_str()) => {
                problems.push(Problem::warning(
                    path,
                    "has no effect: it follows from the chunk and the system configuration",
                ));
            }
            None => {
                let names: Vec<_> = known.keys().map(|k| format!("`{k}`")).collect();
                let expected = if names.is_empty() {
                    "no arguments".into()
                } else {
                    names.join(", ")
                };
                let message = format!("unknown argument; `{}` takes {expected}", entry.name);
                problems.push(if reading.strict {
                    Problem::error(path, message)
                } else {
                    Problem::warning(path, message)
                });
            }
        }
    }
}

fn range(value: &Value, property: &Value, path: &str, problems: &mut Problems) {
    if let (Some(list), Some(items)) = (value.as_array(), property.get("items")) {
        for (k, value) in list.iter().enumerate() {
            range(value, items, &format!("{path}[{k}]"), problems);
        }
    }
    let Some(number) = value.as_f64() else { return };
    let bound = |key: &str| property.get(key).and_then(Value::as_f64);
    let unit = property
        .get("unit")
        .and_then(Value::as_str)
        .map(|u| format!(" {u}"))
        .unwrap_or_default();
    let broken = [
        bound("minimum")
            .filter(|&b| number < b)
            .map(|b| format!("is below the minimum {b}")),
        bound("maximum")
            .filter(|&b| number > b)
            .map(|b| format!("is above the maximum {b}")),
        bound("exclusiveMinimum")
            .filter(|&b| number <= b)
            .map(|b| format!("must be more than {b}")),
        bound("exclusiveMaximum")
            .filter(|&b| number >= b)
            .map(|b| format!("must be less than {b}")),
    ];
    for text in broken.into_iter().flatten() {
        problems.push(Problem::error(path, format!("{number} {text}{unit}")));
    }
}

/// Whole numbers that are written with a point, where the schema wants integers: Python takes them for the same.
pub fn whole(args: &mut Map<String, Value>, schema: &Value) {
    for (name, value) in args {
        let kind = schema.pointer(&format!("/properties/{name}/type"));
        let integer = kind.is_some_and(|kind| kind == "integer" || kind[0] == "integer");
        if let (true, Some(number)) = (integer && !value.is_i64(), value.as_f64())
            && number.fract() == 0.0
            && number.abs() < 9e15
        {
            *value = (number as i64).into();
        }
    }
}

/// All arguments that a schema knows: those that are missing with their defaults. One number is written one way.
pub fn filled(args: &Map<String, Value>, schema: &Value) -> Map<String, Value> {
    let none = Map::new();
    let known = schema.get("properties").and_then(Value::as_object);
    let known = known.unwrap_or(&none).iter();
    known
        .filter_map(|(name, property)| {
            let given = args.get(name).filter(|value| !value.is_null());
            let value = given.or_else(|| property.get("default"))?;
            Some((name.clone(), plain(value)))
        })
        .collect()
}

/// The same value with whole numbers as integers, whether they were written with a point or not.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(n) if n.fract() == 0.0 && n.abs() < 9e15 => (n as i64).into(),
            _ => value.clone(),
        },
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Object(values) => {
            let mut sorted: Vec<_> = values.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            sorted
                .into_iter()
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect()
        }
        _ => value.clone(),
    }
}
