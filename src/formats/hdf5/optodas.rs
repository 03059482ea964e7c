//! ASN OptoDAS, file versions 8 to 11: `/data` with its scale, axes and kind below `/header`.

use std::f64::consts::PI;

use hdf5::File;
use serde_json::Value;

use super::clock::unix;
use super::values::{self, even, for_each_channel, metadata, positive};
use super::{Found, Place, samples};
use crate::formats::segment::Segment;
use crate::formats::{Calibration, FormatError, Header, Layout};

/// Versions that are known to be written so.
const VERSIONS: std::ops::RangeInclusive<i64> = 8..=11;

/// Whether the file has this layout.
pub fn recognise(file: &File) -> bool {
    file.group("header").is_ok()
        && file.dataset("data").is_ok()
        && ["acqSpec", "cableSpec", "fileVersion"]
            .iter()
            .all(|name| file.link_exists(name))
}

/// Reads everything but the samples.
pub fn header(at: Place, file: &File) -> Result<Found, FormatError> {
    let header = file
        .group("header")
        .map_err(|e| at.library("/header", "a group", &e))?;
    let number = |name: &str| values::number(&header, name);
    let data = at.dataset(file, "data")?;
    let [slow, fast] = samples::shape(at, &data)?;
    let mut warnings = Vec::new();
    let version = values::number(file, "fileVersion").map(|n| n as i64);
    if let Some(version) = version.filter(|version| !VERSIONS.contains(version)) {
        warnings.push(format!(
            "file version {version} is not known: read as version {}",
            VERSIONS.end()
        ));
    }
    let names = texts(values::small(&header, "dimensionNames"));
    let (layout, [samples, channels]) = match names.first().map(String::as_str) {
        Some("distance") => (Layout::ChannelMajor, [fast, slow]),
        _ => (Layout::TimeMajor, [slow, fast]),
    };
    let dt = positive(at, "/header", &["dt"], number)?;
    let time = values::needed(at, "/header", &["time"], number)?;
    let start = unix(time)
        .ok_or_else(|| at.content("/header/time", time.to_string(), "a Unix time in seconds"))?;
    if number("dataType") == Some(2.0) {
        warnings.push("samples are phase, not its rate: differentiate them in time".into());
    }
    let depth = depth(at, &header, channels, &mut warnings)?;
    let written = Header {
        channels,
        samples,
        rate: at.step(dt)?,
        dtype: samples::dtype(at, &data)?,
        segments: Segment::whole(start, samples),
        time_tolerance: 1_000,
        depth,
        layout,
        calibration: calibration(&header, dt, &mut warnings),
        metadata: about(file, &header, &data),
        warnings,
    };
    Ok(Found::plain(data, written))
}

/// The channels' numbers times the pitch before decimation.
fn depth(
    at: Place,
    header: &hdf5::Group,
    channels: usize,
    warnings: &mut Vec<String>,
) -> Result<Vec<f64>, FormatError> {
    let dx = positive(at, "/header", &["dx"], |name| values::number(header, name))?;
    if !header.link_exists("channels") {
        warnings.push("there is no header/channels: the first channel is at 0 m".into());
        return Ok(even(0.0, dx, channels));
    }
    let dataset = at.dataset(header, "channels")?;
    let numbers = for_each_channel(at, &dataset, channels)?;
    Ok(numbers.into_iter().map(|n| n * dx).collect())
}

/// `dataScale` gives `unit`; the first sensitivity gives strain.
fn calibration(header: &hdf5::Group, dt: f64, warnings: &mut Vec<String>) -> Option<Calibration> {
    let number = |name: &str| values::number(header, name);
    let (scale, unit) = match (number("dataScale"), values::text(header, "unit")) {
        (Some(scale), Some(unit)) => (scale, unit),
        (Some(scale), None) => {
            warnings.push("header/unit is missing: taken as rad/m/s".into());
            (scale, "rad/m/s".into())
        }
        (None, _) => {
            let gauge = number("gaugeLength").filter(|gauge| *gauge > 0.0)?;
            warnings
                .push("header/dataScale is missing: taken as pi / 2^29 / dt / gauge length".into());
            (PI / f64::from(1 << 29) / dt / gauge, "rad/m/s".into())
        }
    };
    let first = |value: Option<Value>| match value? {
        Value::Array(values) => values.into_iter().next(),
        value => Some(value),
    };
    let sensitivity = first(values::small(header, "sensitivities")).and_then(|v| v.as_f64());
    let sensitivity = sensitivity
        .filter(|s| *s != 0.0 && s.is_finite())
        .unwrap_or(1.0);
    let of = first(values::small(header, "sensitivityUnits"));
    let of = of.as_ref().and_then(Value::as_str).unwrap_or_default();
    // A sensitivity in rad/m/strain turns rad/m/s into strain/s.
    let unit = match unit.strip_prefix("rad/m") {
        Some(rest) if of == "rad/m/strain" => format!("strain{rest}"),
        _ => unit,
    };
    Some(Calibration {
        factor: scale / sensitivity,
        unit,
    })
}

fn texts(value: Option<Value>) -> Vec<String> {
    match value {
        Some(Value::Array(values)) => values
            .iter()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect(),
        Some(Value::String(text)) => text.split(',').map(|t| t.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// The small values of `/header` as attributes of it.
fn about(file: &File, header: &hdf5::Group, data: &hdf5::Dataset) -> Value {
    let mut all = metadata("OptoDAS", &[("/", file), ("/data", data)]);
    let small = super::members(header).into_iter().filter_map(|name| {
        let value = values::small(header, &name)?;
        let few = !matches!(&value, Value::Array(values) if values.len() > 64);
        few.then_some((name, value))
    });
    all["attributes"]["/header"] = small.collect();
    all
}
