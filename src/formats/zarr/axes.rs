//! The axes of an array: arrays of its dimensions' names beside it, in units that their attributes name.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use zarrs::array::data_type::NumpyDateTime64DataType;
use zarrs::array::{Array, ArraySubset};
use zarrs::filesystem::FilesystemStore;

use super::{LONGEST_AXIS, Zarr, bytes, is_zarr, numbers, open_any, packed};
use crate::formats::FormatError;

/// Names of the axis along the fibre, where dimensions have none of their own.
const DEPTHS: [&str; 5] = ["measured_depth", "depth", "distance", "channel", "x"];
const TIMES: [&str; 3] = ["time", "times", "datetime"];
/// Metres of a foot.
const FOOT: f64 = 0.3048;

/// Whether a dimension's name says that it is time.
pub fn is_time(name: &str) -> bool {
    // Arrays whose times differ have axes of their own: `time_ARRAY`.
    let name = name.to_lowercase();
    TIMES.contains(&name.as_str()) || name.starts_with("time_")
}

/// The names of an array's dimensions: of version 3 its own, of version 2 those that xarray keeps in an attribute.
pub fn names(array: &Array<FilesystemStore>) -> Option<Vec<String>> {
    let own = array.dimension_names().as_ref();
    let own = own.map(|names| names.iter().map(|n| n.clone().unwrap_or_default()));
    let own: Option<Vec<String>> = own.map(Iterator::collect);
    let attribute = || {
        let names = array.attributes().get("_ARRAY_DIMENSIONS")?.as_array()?;
        let texts = names.iter().map(|n| n.as_str().unwrap_or_default());
        Some(texts.map(str::to_string).collect())
    };
    let names: Option<Vec<String>> = own.or_else(attribute);
    names.filter(|names| names.len() == array.dimensionality())
}

impl Zarr {
    /// The depth of each channel in metres; `None` where no array says it.
    ///
    /// # Errors
    /// When that array is bad.
    pub fn depths(&self) -> Result<Option<Vec<f64>>, FormatError> {
        self.axis(0, &DEPTHS, &|path, unit| match unit {
            None => Some(1.0),
            Some(unit) => metres(unit).or_else(|| {
                tracing::warn!("{}: unit \"{unit}\" taken as metres", path.display());
                Some(1.0)
            }),
        })
    }

    /// The Unix time of each column in seconds, or what the array says where it has no unit; `None` where there is none.
    ///
    /// # Errors
    /// When that array is bad.
    pub fn times(&self) -> Result<Option<Vec<f64>>, FormatError> {
        self.axis(1, &TIMES, &|_, _| None)
    }

    /// `scale` gives the factor to metres; where it gives none, the axis is one of times.
    fn axis(
        &self,
        of: usize,
        usual: &[&str],
        scale: &dyn Fn(&Path, Option<&str>) -> Option<f64>,
    ) -> Result<Option<Vec<f64>>, FormatError> {
        let Some(group) = self.path.parent() else {
            return Ok(None);
        };
        let own = names(&self.array).map(|names| names[of ^ usize::from(self.turned)].clone());
        let own = own.into_iter().filter(|name| !name.is_empty());
        let usual = usual.iter().map(|name| (*name).to_string());
        let found = own.chain(usual).map(|name| group.join(name));
        let Some(path) = found.into_iter().find(|p| is_zarr(p) && *p != self.path) else {
            return Ok(None);
        };
        let (array, dtype) = open_any(&path)?;
        let wrong = |place: &str, found: String, expected: String| {
            Err(FormatError::content(&path, place, found, expected))
        };
        let n = self.shape[of] as u64;
        if array.shape() != [n] || n > LONGEST_AXIS {
            let expected = format!("[{n}], as {} has along this axis", self.path.display());
            return wrong("shape", format!("{:?}", array.shape()), expected);
        }
        super::tile(&array, &path)?;
        let whole = ArraySubset::new_with_shape(vec![n]);
        let raw = bytes(&array, &whole, &path)?;
        let mut values = numbers(dtype, [1, n as usize], raw).unwrap_or_default();
        if let Some(packed) = packed(&array) {
            values = packed.unpack(values);
        }
        let unit = array.attributes().get("units").and_then(|v| v.as_str());
        if let Some(metres) = scale(&path, unit) {
            values.iter_mut().for_each(|value| *value *= metres);
            return Ok(Some(values));
        }
        let (step, start) = match (datetime(&array), unit) {
            (Some(step), _) => (step, 0.0),
            (None, None) => (1.0, 0.0),
            (None, Some(unit)) => match since(unit) {
                Some(found) => found,
                None => {
                    let expected = "such as \"seconds since 1970-01-01\"";
                    return wrong("attribute `units`", format!("\"{unit}\""), expected.into());
                }
            },
        };
        // The start is exact in seconds; a step of a nanosecond is not, but its quotient is.
        let second = (1.0 / step).round();
        let seconds = |value: f64| match step < 1.0 {
            true => value / second,
            false => value * step,
        };
        values.iter_mut().for_each(|v| *v = start + seconds(*v));
        Ok(Some(values))
    }
}

fn metres(unit: &str) -> Option<f64> {
    match unit.trim().to_lowercase().as_str() {
        "" | "m" | "metre" | "metres" | "meter" | "meters" => Some(1.0),
        "km" | "kilometre" | "kilometres" | "kilometer" | "kilometers" => Some(1000.0),
        "ft" | "foot" | "feet" => Some(FOOT),
        _ => None,
    }
}

/// Seconds of a unit of time, as the CF conventions name them.
fn seconds(unit: &str) -> Option<f64> {
    match unit.to_lowercase().as_str() {
        "days" | "day" | "d" => Some(86400.0),
        "hours" | "hour" | "hrs" | "hr" | "h" => Some(3600.0),
        "minutes" | "minute" | "mins" | "min" => Some(60.0),
        "seconds" | "second" | "secs" | "sec" | "s" => Some(1.0),
        "milliseconds" | "millisecond" | "msecs" | "msec" | "ms" => Some(1e-3),
        "microseconds" | "microsecond" | "us" => Some(1e-6),
        "nanoseconds" | "nanosecond" | "ns" => Some(1e-9),
        _ => None,
    }
}

/// "seconds since 1970-01-01": a unit's seconds and the Unix time that is counted from.
fn since(unit: &str) -> Option<(f64, f64)> {
    let (step, start) = unit.split_once(" since ")?;
    let start = start.trim().trim_end_matches(" UTC");
    let start = match start.parse::<Timestamp>() {
        Ok(time) => time,
        // Without an offset it is UTC.
        Err(_) => TimeZone::UTC
            .to_timestamp(start.parse::<DateTime>().ok()?)
            .ok()?,
    };
    Some((seconds(step.trim())?, start.as_nanosecond() as f64 / 1e9))
}

/// Seconds of a step of numpy's dates.
fn datetime(array: &Array<FilesystemStore>) -> Option<f64> {
    let dates = array
        .data_type()
        .downcast_ref::<NumpyDateTime64DataType>()?;
    let unit = serde_json::to_value(dates.unit).ok()?;
    let step = match unit.as_str()? {
        // numpy's letter for a minute; CF has none.
        "m" => 60.0,
        other => seconds(other)?,
    };
    Some(step * f64::from(dates.scale_factor.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_any_date() {
        assert_eq!(since("seconds since 1970-01-01"), Some((1.0, 0.0)));
        assert_eq!(
            since("days since 2020-01-01 00:00:00"),
            Some((86400.0, 1_577_836_800.0))
        );
        assert_eq!(
            since("milliseconds since 2020-01-01T00:00:00.5"),
            Some((1e-3, 1_577_836_800.5))
        );
        assert_eq!(
            since("hours since 2020-01-01T00:00:00Z"),
            Some((3600.0, 1_577_836_800.0))
        );
        assert_eq!(since("metres"), None);
        assert_eq!(since("fortnights since 1970-01-01"), None);
    }
}
