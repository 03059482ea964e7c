//! Arguments against a command's schema: names and ranges. Types are the deserializer's.

use serde_json::Value;

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
    let Some(number) = value.as_f64() else { return };
    let bound = |key: &str| property.get(key).and_then(Value::as_f64);
    let unit = property
        .get("unit")
        .and_then(Value::as_str)
        .map(|u| format!(" {u}"))
        .unwrap_or_default();
    if let Some(least) = bound("minimum").filter(|&least| number < least) {
        problems.push(Problem::error(
            path,
            format!("{number} is below the minimum {least}{unit}"),
        ));
    }
    if let Some(most) = bound("maximum").filter(|&most| number > most) {
        problems.push(Problem::error(
            path,
            format!("{number} is above the maximum {most}{unit}"),
        ));
    }
}
