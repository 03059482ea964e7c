//! Febus A1: blocks of rows that may overlap, below `/DEVICE/Source/Zone`.
//!
//! The time of a block is that of its middle. These times jitter by hundredths of the blocks' period, and so do not make pauses:
//! only a time that is late by three quarters of a period does, and times after it that stay late. Where `Extent` says that overlaps are still in the file, the rows of a block beyond its
//! period are left out, half of them at either end. Periods and rows come from the settings that were seen to be right, not from the
//! percentage of overlap.

use hdf5::{Dataset, File, Group};
use serde_json::{Map, Value};

use super::clock::{Clock, Since};
use super::samples::Blocks;
use super::values::{even, metadata, numbers};
use super::{Found, Place, attributes, list, members, samples};
use crate::formats::segment::stamps::Stamps;
use crate::formats::segment::{SECOND, Segment};
use crate::formats::{FormatError, Header, Layout};

/// What a source has in any version.
const MARKS: [&str; 4] = ["AmpliPower", "Hostname", "WholeExtent", "SamplingRate"];
/// The part of the period by which the time of a block may be off: in the recordings that we have, it is off by up to 0.016.
const JITTER: f64 = 0.05;
/// The part of a block by which blocks overlap at least, if they do: more than times jitter, and less than the 0.05 that is usual.
const LEAST_OVERLAP: f64 = 0.03;
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
    let period = settings.period(usual, rows as f64 * step);
    let blocks_read = settings.blocks(rows, period / step);
    let first_row =
        settings.first_row(rows as f64 * step, &mut warnings) + blocks_read.front as f64 * step;
    let clock = clock(&times, first_row, period, format!("{}/time", source.name()));
    if clock.start().is_none() {
        let expected = "Unix times in seconds";
        return Err(at.content(
            format!("{}/time", source.name()),
            times[0].to_string(),
            expected,
        ));
    }
    clock.check(&mut warnings);
    let lasts = blocks_read.kept as f64 * step;
    let uneven = |usual: &f64| (usual - lasts).abs() > 2.0 * step;
    if let Some(usual) = usual
        .filter(uneven)
        .filter(|_| clock.segments(blocks).len() < blocks)
    {
        warnings.push(format!(
            "blocks of {lasts:.6} s start every {usual:.6} s: their samples are read as continuous"
        ));
    }
    let first = settings.list("Extent", 0).unwrap_or(0.0);
    let from = settings.list("Origin", 0).unwrap_or(0.0) + first * spacing;
    let header = Header {
        channels,
        samples: blocks * blocks_read.kept,
        rate: at.step(step)?,
        dtype: samples::dtype(at, &data)?,
        segments: of_rows(clock.segments(blocks), blocks_read.kept),
        // Files of one block show no jitter.
        time_tolerance: clock
            .tolerance()
            .max((JITTER * period * SECOND as f64) as i64),
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

/// The mean of the steps near the median one, which leaves out pauses.
fn usual_step(times: &[f64]) -> Option<f64> {
    let mut steps: Vec<f64> = times.windows(2).map(|t| t[1] - t[0]).collect();
    steps.sort_by(f64::total_cmp);
    // Of an even number of steps the shorter one: the other may be a pause.
    let middle = *steps.get(steps.len().saturating_sub(1) / 2)?;
    steps.retain(|step| (0.5..=1.5).contains(&(step / middle)));
    (middle > 0.0).then(|| steps.iter().sum::<f64>() / steps.len() as f64)
}

/// The times of the first rows that are kept of each block, which are some seconds after those of the blocks.
fn clock(times: &[f64], first_row: f64, period: f64, name: String) -> Clock {
    let mut stamps = Stamps::of_blocks(period * SECOND as f64);
    for time in times {
        stamps.push(Since::SECONDS.start_of_double(time + first_row));
    }
    Clock::of(name, stamps.finish(), 1_000)
}

/// Segments of blocks as those of their rows.
fn of_rows(mut segments: Vec<Segment>, kept: usize) -> Vec<Segment> {
    for segment in &mut segments {
        segment.samples.start *= kept;
        segment.samples.end *= kept;
    }
    segments
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

    /// Seconds between blocks: as set, else as their times have it where that is less than their rows last.
    fn period(&self, usual: Option<f64>, lasts: f64) -> f64 {
        let millihertz = self.number("BlockRate").filter(|rate| *rate > 0.0);
        let set = millihertz.map(|rate| 1000.0 / rate);
        // Blocks that start later than their rows last have a pause between them, and steps that are hardly shorter jitter.
        let overlapping = usual.filter(|usual| *usual < lasts * (1.0 - LEAST_OVERLAP));
        set.or(overlapping).unwrap_or(lasts)
    }

    /// Which rows of each block are read, if a period has so many: all, unless the overlaps are still there.
    fn blocks(&self, rows: usize, in_period: f64) -> Blocks {
        let kept = (in_period.round() as usize).clamp(1, rows);
        match self.list("Extent", 2).unwrap_or(0.0) == 0.0 {
            true => Blocks {
                front: (rows - kept) / 2,
                kept,
            },
            false => Blocks {
                front: 0,
                kept: rows,
            },
        }
    }

    /// Seconds from the time of a block, whose rows last so many, to its first row.
    fn first_row(&self, lasts: f64, warnings: &mut Vec<String>) -> f64 {
        let origin = self.list("Origin", 1).unwrap_or(0.0);
        if origin != 0.0 {
            return origin / 1000.0;
        }
        warnings.push(
            "Origin has no offset for the times of blocks: they are taken as the blocks' middles"
                .into(),
        );
        -lasts / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times of blocks of a second, as an instrument wrote them, and later by `late` from a block on.
    fn segments(from: usize, late: f64) -> Vec<Segment> {
        let steps = [
            1.015_829_56,
            0.988_684_18,
            1.011_188_75,
            0.988_480_09,
            1.012_784_72,
            0.989_871_26,
            1.012_949_23,
            0.987_579_82,
            1.014_440_06,
        ];
        let mut times = vec![1_599_031_306.165_666_3];
        for (k, step) in steps.iter().enumerate() {
            times.push(times[k] + step + if k + 1 == from { late } else { 0.0 });
        }
        let clock = clock(&times, -0.5, 1.0, "time".into());
        of_rows(clock.segments(times.len()), 250)
    }

    #[test]
    fn blocks_that_jitter_are_one_segment_and_a_pause_ends_one() {
        let start = 1_599_031_305_665_666_000;
        let whole = |samples: usize| Segment {
            start,
            samples: 0..samples,
        };
        assert_eq!(segments(0, 0.0), [whole(2500)]);
        for from in [1, 4, 9] {
            for late in [1.0, 30.0] {
                let found = segments(from, late);
                assert_eq!(found.len(), 2, "{from} {late}");
                assert_eq!(found[0], whole(from * 250));
                assert_eq!(found[1].samples, from * 250..2500);
                let expected = start + from as i64 * SECOND + (late * 1e9) as i64;
                assert!(
                    (found[1].start - expected).abs() < 40_000_000,
                    "{from} {late}"
                );
            }
        }
    }
}
