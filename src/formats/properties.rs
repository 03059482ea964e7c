//! Properties as JSON, of whatever format they came: numbers that may be text, and times.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// Unix times before 1971 are fillers.
pub const YEAR_1971: f64 = 365.0 * 86_400.0;

/// A property as a number: a scalar, an array of one, or either as text.
pub fn number(properties: &Map<String, Value>, name: &str) -> Option<f64> {
    match first(properties.get(name)?)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|v: &f64| v.is_finite()),
        _ => None,
    }
}

/// A property as text.
pub fn text<'a>(properties: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    first(properties.get(name)?)?.as_str()
}

fn first(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(values) => values.first(),
        other => Some(other),
    }
}

/// A time in ISO 8601, with a blank or a `T`, with an offset or without one (then UTC); `None` for anything else and for fillers.
pub fn stamp(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_end_matches("(UTC)").trim();
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })?;
    (time.as_second() as f64 >= YEAR_1971).then_some(time)
}
