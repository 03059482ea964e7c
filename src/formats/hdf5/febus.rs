//! Febus A1: blocks of rows that may overlap, below `/DEVICE/Source/Zone`.
//!
//! The time of a block is that of its middle. Where `Extent` says that overlaps are still in the file, the rows of a block beyond its
//! period are left out, half of them at either end. Periods and rows come from the settings that were seen to be right, not from the
//! percentage of overlap.

use hdf5::{Dataset, File, Group};
use serde_json::{Map, Value};

use super::samples::Blocks;
use super::values::{even, metadata, numbers, unix};
use super::{Found, Place, attributes, list, members, samples};
use crate::formats::segment::Segment;
use crate::formats::{FormatError, Header, Layout};

/// What a source has in any version.
const MARKS: [&str; 4] = ["AmpliPower", "Hostname", "WholeExtent", "SamplingRate"];
/// Later files state the rate of the digitizer here.
const DIGITIZER: f64 = 1e8;

/// Whether the file has this layout.
pub fn recognise(file: &File) -> bool {
    let groups = members(file);
    !groups.is_empty()
        && groups.iter().all(|name| {
            let device = file.group(name);
            device.is_ok_and(|device| {
                sources(&device)
                    .next()
                    .is_some_and(|(_, it)| is_source(&it))
            })
        })
}

fn sources(device: &Group) -> impl Iterator<Item = (String, Group)> {
    let named = members(device).into_iter();
    let named = named.filter(|name| name.starts_with("Source"));
    named.filter_map(|name| Some((name.clone(), device.group(&name).ok()?)))
}

fn is_source(group: &Group) -> bool {
    let attributes = attributes::of(group);
    MARKS.iter().all(|name| attributes.contains_key(*name))
}

/// Reads everything but the samples.
pub fn header(at: Place, file: &File) -> Result<Found, FormatError> {
    let mut warnings = Vec::new();
    let (source, zone, data) = first_zone(at, file, &mut warnings)?;
    let shape = data.shape();
    let [blocks, rows, channels] = shape[..] else {
        let found = format!("{} dimensions {shape:?}", shape.len());
        let expected = "3 dimensions: block, row and channel";
        return Err(at.content(data.name(), found, expected));
    };
    if shape.contains(&0) {
        let found = format!("shape {shape:?}");
        return Err(at.content(data.name(), found, "at least one sample"));
    }
    samples::readable(at, &data)?;
    let settings = Settings {
        zone: attributes::of(&zone),
        source: attributes::of(&source),
    };
    let name = zone.name();
    let step = settings.step().ok_or_else(|| {
        let expected = "SamplingRate in Hz, or a Spacing whose second value is milliseconds";
        at.content(&name, "no step in time", expected)
    })?;
    let spacing = settings.list("Spacing", 0).filter(|dx| *dx > 0.0);
    let spacing = spacing.ok_or_else(|| {
        at.content(
            &name,
            "no spacing",
            "a Spacing whose first value is metres above 0",
        )
    })?;
    let times = times(at, &source, blocks)?;
    let usual = usual_step(&times);
    let period = settings.period().or(usual).unwrap_or(rows as f64 * step);
    let kept = ((period / step).round() as usize).clamp(1, rows);
    let still_there = settings.list("Extent", 2).unwrap_or(0.0) == 0.0;
    let blocks_read = if still_there {
        Blocks {
            front: (rows - kept) / 2,
            kept,
        }
    } else {
        Blocks {
            front: 0,
            kept: rows,
        }
    };
    let origin = settings.list("Origin", 1).unwrap_or(0.0);
    let first_row = if origin == 0.0 {
        warnings.push(
            "Origin tells no offset of a block's time: it is taken as the block's middle".into(),
        );
        -(rows as f64) * step / 2.0
    } else {
        origin / 1000.0
    };
    let start = times[0] + first_row + blocks_read.front as f64 * step;
    let start = unix(start).ok_or_else(|| {
        at.content(
            format!("{}/time", source.name()),
            times[0].to_string(),
            "Unix times in seconds",
        )
    })?;
    let lasts = blocks_read.kept as f64 * step;
    check(&times, usual, lasts, step, &mut warnings);
    let first = settings.list("Extent", 0).unwrap_or(0.0);
    let from = settings.list("Origin", 0).unwrap_or(0.0) + first * spacing;
    let header = Header {
        channels,
        samples: blocks * blocks_read.kept,
        rate: at.rate(1.0 / step)?,
        dtype: samples::dtype(at, &data)?,
        segments: Segment::whole(start, blocks * blocks_read.kept),
        time_tolerance: 1_000,
        depth: even(from, spacing, channels),
        layout: Layout::TimeMajor,
        // Not in the file; the maker's strain rates are said to be nanostrain/s.
        calibration: None,
        metadata: metadata(
            "Febus A1",
            &[
                (&source.name(), &source),
                (&zone.name(), &zone),
                (&data.name(), &data),
            ],
        ),
        warnings,
    };
    Ok(Found {
        data,
        header,
        blocks: Some(blocks_read),
    })
}

/// The first zone with samples.
fn first_zone(
    at: Place,
    file: &File,
    warnings: &mut Vec<String>,
) -> Result<(Group, Group, Dataset), FormatError> {
    let mut found = Vec::new();
    let mut spectra = Vec::new();
    for device in members(file) {
        let Ok(device) = file.group(&device) else {
            continue;
        };
        for (_, source) in sources(&device) {
            for name in members(&source)
                .iter()
                .filter(|name| name.starts_with("Zone"))
            {
                let Ok(zone) = source.group(name) else {
                    continue;
                };
                for data in members(&zone)
                    .iter()
                    .filter_map(|name| zone.dataset(name).ok())
                {
                    // Rows are frequencies there.
                    if data.name().contains("PSD") {
                        spectra.push(data.name());
                    } else if data.ndim() == 3 {
                        found.push((source.clone(), zone.clone(), data));
                    }
                }
            }
        }
    }
    let others: Vec<_> = found.iter().skip(1).map(|(.., data)| data.name()).collect();
    match found.into_iter().next() {
        Some(first) => {
            if !others.is_empty() {
                warnings.push(format!(
                    "{} not read, only {}",
                    list(others),
                    first.2.name()
                ));
            }
            Ok(first)
        }
        None => Err(at.content(
            "zones",
            format!("no samples over time, only {}", list(spectra)),
            "a dataset of blocks, rows and channels in a zone",
        )),
    }
}

/// The times of the blocks.
fn times(at: Place, source: &Group, blocks: usize) -> Result<Vec<f64>, FormatError> {
    let dataset = at.dataset(source, "time")?;
    if dataset.size() != blocks || blocks == 0 {
        let found = format!("{} times", dataset.size());
        return Err(at.content(
            dataset.name(),
            found,
            format!("{blocks}, one for each block"),
        ));
    }
    numbers(at, &dataset)
}

/// The median step of times.
fn usual_step(times: &[f64]) -> Option<f64> {
    let mut steps: Vec<f64> = times.windows(2).map(|t| t[1] - t[0]).collect();
    steps.sort_by(f64::total_cmp);
    steps
        .get(steps.len() / 2)
        .copied()
        .filter(|step| *step > 0.0)
}

/// Says where blocks do not follow one another as their rows do.
fn check(times: &[f64], usual: Option<f64>, lasts: f64, step: f64, warnings: &mut Vec<String>) {
    if let Some(usual) = usual.filter(|usual| (usual - lasts).abs() > 2.0 * step) {
        warnings.push(format!(
            "blocks of {lasts:.6} s follow one another every {usual:.6} s; they are taken as without a gap"
        ));
    }
    let apart = times.windows(2).map(|t| t[1] - t[0]).enumerate();
    let longest = apart.max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((k, longest)) = longest.filter(|(_, longest)| *longest > 1.5 * lasts) {
        warnings.push(format!(
            "there is a gap of {longest:.3} s before block {}; samples are taken as evenly spaced",
            k + 1
        ));
    }
}

/// Attributes of a zone and its source.
struct Settings {
    zone: Map<String, Value>,
    source: Map<String, Value>,
}

impl Settings {
    /// A value of a list among the zone's attributes.
    fn list(&self, name: &str, k: usize) -> Option<f64> {
        match self.zone.get(name)? {
            Value::Array(values) => values.get(k)?.as_f64(),
            value if k == 0 => value.as_f64(),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        attributes::number(&self.zone, name).or_else(|| attributes::number(&self.source, name))
    }

    /// Seconds between rows. Files without a version have the rate, and may have another spacing that is wrong.
    fn step(&self) -> Option<f64> {
        let spacing = self.list("Spacing", 1).map(|ms| ms / 1000.0);
        let spacing = spacing.filter(|step| *step > 0.0);
        if self.zone.contains_key("Version") || self.source.contains_key("Version") {
            return spacing;
        }
        let rate = self.number("SamplingRate");
        match rate.filter(|rate| *rate > 0.0 && *rate < DIGITIZER) {
            Some(rate) => Some(1.0 / rate),
            None => spacing,
        }
    }

    /// Seconds between blocks, where they are set.
    fn period(&self) -> Option<f64> {
        let millihertz = self.number("BlockRate").filter(|rate| *rate > 0.0)?;
        Some(1000.0 / millihertz)
    }
}
