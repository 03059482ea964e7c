//! Terra15 Treble, file versions 4 to 6: times x channels, with a time for each row.

use hdf5::{Dataset, File, Group};

use super::clock::{Clock, Since};
use super::values::{even, metadata, positive};
use super::{Found, Place, attributes, samples};
use crate::formats::segment::Rate;
use crate::formats::{Calibration, FormatError, Header, Layout};

/// Whether the file has this layout.
pub fn recognise(file: &File) -> bool {
    let attributes = attributes::of(file);
    ["file_version", "data_product", "dx", "sensing_range_start"]
        .iter()
        .all(|name| attributes.contains_key(*name))
}

/// Reads everything but the samples.
pub fn header(at: Place, file: &File) -> Result<Found, FormatError> {
    let root = attributes::of(file);
    let number = |name: &str| attributes::number(&root, name);
    let product = attributes::text(&root, "data_product").unwrap_or_default();
    let group = group(at, file, product)?;
    let data = at.dataset(&group, "data")?;
    let [rows, channels] = samples::shape(at, &data)?;
    let mut warnings = Vec::new();
    let dt = number("dt_computer").filter(|dt| *dt > 0.0);
    let stated = dt.and_then(Rate::of_step);
    let (name, clock) = clock(at, &group, stated, &mut warnings)?;
    if clock.rows() == 0 {
        return Err(at.content(name, "no time", "a time for each row"));
    }
    let samples = clock.rows().min(rows);
    if samples < rows {
        warnings.push(format!(
            "{samples} of {rows} rows have a time: the others were never written"
        ));
    }
    // Times jitter and drift; their mean is the rate. The computer's step is its setting.
    let rate = match clock.rate().or(stated) {
        Some(rate) => rate,
        None => at.rate(1.0 / positive(at, "/", &["dt_computer"], number)?)?,
    };
    clock.check(&mut warnings);
    if let Some(stated) = stated {
        clock.compare(stated, "1 / dt_computer", rate, &mut warnings);
    }
    if clock.start().is_none() {
        return Err(at.content(&name, clock.found(), "Unix times in seconds"));
    }
    let dx = positive(at, "/", &["dx"], number)?;
    let first = number("sensing_range_start").unwrap_or(0.0);
    let unit = attributes::text(&root, "data_product_units");
    let header = Header {
        channels,
        samples,
        rate,
        dtype: samples::dtype(at, &data)?,
        segments: clock.segments(samples),
        time_tolerance: clock.tolerance(),
        depth: even(first, dx, channels),
        layout: Layout::TimeMajor,
        calibration: unit.map(Calibration::of_unit),
        metadata: metadata("Terra15", &[("/", file), (&data.name(), &data)]),
        warnings,
    };
    Ok(Found::plain(data, header))
}

/// The samples' group: named by the product in version 4, `data_product` later.
fn group(at: Place, file: &File, product: &str) -> Result<Group, FormatError> {
    let names = ["data_product", product];
    let found = names
        .iter()
        .filter(|name| !name.is_empty())
        .find_map(|name| file.group(name).ok());
    found.ok_or_else(|| {
        let found = super::list(super::members(file));
        at.content("/", found, format!("a group data_product or {product}"))
    })
}

/// GPS times, or the computer's where there are more of those.
fn clock(
    at: Place,
    group: &Group,
    stated: Option<Rate>,
    warnings: &mut Vec<String>,
) -> Result<(String, Clock), FormatError> {
    let mut best: Option<(String, Clock)> = None;
    for name in ["gps_time", "posix_time"] {
        if !group.link_exists(name) {
            continue;
        }
        let dataset: Dataset = at.dataset(group, name)?;
        let clock = Clock::read(at, &dataset, Since::SECONDS, stated)?;
        if let Some((_, gps)) = &best {
            if clock.rows() <= gps.rows() {
                continue;
            }
            if gps.rows() > 0 {
                warnings.push(format!(
                    "only {} rows have a GPS time: the computer's times of {} rows are used",
                    gps.rows(),
                    clock.rows()
                ));
            }
        }
        best = Some((dataset.name(), clock));
    }
    best.ok_or_else(|| at.content(group.name(), "no times", "gps_time or posix_time"))
}
