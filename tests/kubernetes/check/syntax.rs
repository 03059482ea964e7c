//! Names, labels and quantities, as the API server reads them.

use serde_json::Value;

use super::Found;

/// A name of a resource: lower case, digits, `-`, and no more than 63 characters.
pub fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !name.is_empty()
        && name.len() <= 63
        && name.starts_with(inner)
        && name.ends_with(inner)
        && name.chars().all(|c| inner(c) || c == '-')
}

/// A label's value, or the part of a key behind its prefix.
fn is_label(value: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    value.is_empty()
        || (value.len() <= 63
            && value.starts_with(ends)
            && value.ends_with(ends)
            && value.chars().all(|c| ends(c) || "-_.".contains(c)))
}

/// Labels, annotations, selectors and data map text to text.
pub fn map_of_text(map: &Value, path: &str, labels: bool, found: &mut Found) {
    for (key, value) in map.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        let part = key.rsplit('/').next().unwrap_or_default();
        found.require(
            is_label(part) && !part.is_empty(),
            &path,
            &key.as_str().into(),
            "a key",
        );
        found.require(value.is_string(), &path, value, "text");
        if labels {
            found.require(value.as_str().is_none_or(is_label), &path, value, "a label");
        }
    }
}

/// A quantity such as `8Gi` or `"3"` as a number; `None` where the API would refuse it.
pub fn quantity(value: &Value) -> Option<f64> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let units = ["m", "", "k", "M", "G", "T", "P", "E"];
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let factor = match (
        units.iter().position(|it| *it == unit),
        binary.iter().position(|it| *it == unit),
    ) {
        (Some(k), _) => 1000_f64.powi(k as i32 - 1),
        (_, Some(k)) => 1024_f64.powi(k as i32 + 1),
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}
