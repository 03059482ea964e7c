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

/// Nanoseconds to which a time as text is exact: a millisecond with three digits after the seconds, else a microsecond, as
/// many writers leave out zeros at the end.
pub fn resolution(text: &str) -> i64 {
    let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 3 { 1_000_000 } else { 1_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_exact_to_their_digits() {
        for (text, expected) in [
            ("2023-09-22T18:29:26.500+01:00", 1_000_000),
            ("22/09/2023 18:29:26.158 (UTC)", 1_000_000),
            ("2023-09-22T18:29:26.5000000", 1_000),
            ("2023-09-22T18:29:26.5Z", 1_000),
            ("2023-09-22T18:29:26Z", 1_000),
        ] {
            assert_eq!(resolution(text), expected, "{text}");
        }
    }
}
