//! PRODML raw data: `/Acquisition/Raw[0]` with `RawData` and `RawDataTime`, as makers write it; and the energy of bands, which has the
//! same attributes under other names.

mod fbe;
mod time;

use hdf5::{Dataset, File, Group};
use serde_json::{Map, Value, json};

use self::time::Times;
use super::depth_table::DepthTable;
use super::{Found, Place, attributes, list, members, samples};
use crate::formats::description::Band;
use crate::formats::properties::resolution;
use crate::formats::segment::{Rate, Segment, nanoseconds};
use crate::formats::{Calibration, FormatError, Header, Layout};

/// Whether the file has this layout.
pub fn recognise(file: &File) -> bool {
    file.group("Acquisition").is_ok()
}

/// How things are named that raw data and bands both have.
#[derive(Debug)]
struct Names {
    data: &'static str,
    times: &'static str,
    unit: &'static str,
}

const RAW: Names = Names {
    data: "RawData",
    times: "RawDataTime",
    unit: "RawDataUnit",
};

/// Reads everything but the samples.
pub fn header(at: Place, file: &File) -> Result<Found, FormatError> {
    let acquisition = acquisition(at, file)?;
    let mut warnings = Vec::new();
    let raw = raw_group(at, &acquisition, &mut warnings)?;
    let data = at.dataset(&raw, RAW.data)?;
    array(at, file, &raw, data, &RAW, warnings)
}

/// Reads everything but the samples of a band, which are its energy.
pub fn band(at: Place, file: &File, band: &Band) -> Result<Found, FormatError> {
    let acquisition = acquisition(at, file)?;
    let mut warnings = Vec::new();
    let (group, data) = fbe::find(at, &acquisition, band, &mut warnings)?;
    array(at, file, &group, data, &fbe::NAMES, warnings)
}

fn acquisition(at: Place, file: &File) -> Result<Group, FormatError> {
    let acquisition = file.group("Acquisition");
    acquisition.map_err(|_| {
        let found = format!("no Acquisition, only {}", list(members(file)));
        at.content("/", found, "the group of PRODML")
    })
}

/// Reads what is said of an array of samples in its group.
fn array(
    at: Place,
    file: &File,
    raw: &Group,
    data: Dataset,
    names: &'static Names,
    mut warnings: Vec<String>,
) -> Result<Found, FormatError> {
    let acquisition = acquisition(at, file)?;
    let shape = samples::shape(at, &data)?;
    let mut found = About {
        names,
        acquisition: attributes::of(&acquisition),
        raw: attributes::of(raw),
        data: attributes::of(&data),
        times: None,
    };
    let stated = found.stated(at)?;
    found.times = Times::of(at, raw, names.times, stated)?;
    let (layout, [samples, channels]) = orientation(&found, shape, &mut warnings);
    if channels > super::MOST_CHANNELS {
        let found = format!("{channels} channels");
        let expected = format!("at most {}", super::MOST_CHANNELS);
        return Err(at.content(data.name(), found, expected));
    }
    let rate = rate(at, &found, raw, &mut warnings)?;
    let (segments, time_tolerance) = segments(at, &found, raw, samples, &mut warnings)?;
    if let Some(times) = &found.times {
        times.check(samples, &mut warnings);
        if let Some(stated) = stated {
            times.clock.compare(stated, STATED, rate, &mut warnings);
        }
    }
    let header = Header {
        channels,
        samples,
        rate,
        dtype: samples::dtype(at, &data)?,
        segments,
        time_tolerance,
        depth: depth(at, &acquisition, &found, channels, &mut warnings)?,
        layout,
        calibration: calibration(file, &found, rate.hertz()),
        metadata: metadata(file, &acquisition, raw, &data),
        warnings,
    };
    Ok(Found::plain(data, header))
}

/// The attribute of the samples' rate, where it is given.
const STATED: &str = "OutputDataRate";

/// The attributes and times that decide about the axes.
struct About {
    names: &'static Names,
    acquisition: Map<String, Value>,
    raw: Map<String, Value>,
    data: Map<String, Value>,
    times: Option<Times>,
}

impl About {
    /// A number of the raw group, else of the acquisition.
    fn number(&self, name: &str) -> Option<f64> {
        attributes::number(&self.raw, name).or_else(|| attributes::number(&self.acquisition, name))
    }

    fn positive(&self, name: &str) -> Option<f64> {
        self.number(name).filter(|rate| *rate > 0.0)
    }

    /// The rate of the samples, where it is stated.
    fn stated(&self, at: Place) -> Result<Option<Rate>, FormatError> {
        let stated = self.positive(STATED);
        stated.map(|rate| at.rate(rate)).transpose()
    }
}

/// The first group of raw data that holds samples: `Raw[0]`, or `Raw` where the writer left the index out.
fn raw_group(
    at: Place,
    acquisition: &Group,
    warnings: &mut Vec<String>,
) -> Result<Group, FormatError> {
    let names = members(acquisition);
    let mut holding = names
        .iter()
        .filter(|name| name.starts_with("Raw"))
        .filter_map(|name| acquisition.group(name).ok())
        .filter(|group| group.link_exists("RawData"));
    let Some(raw) = holding.next() else {
        return Err(at.content(
            "/Acquisition",
            format!("no raw data, only {}", list(&names)),
            match fbe::list(acquisition) {
                Some(bands) => {
                    format!("Raw[0]/RawData, or distpy_gpu.hdf5.fbe to name one of {bands}")
                }
                None => "Raw[0]/RawData".into(),
            },
        ));
    };
    let others: Vec<_> = holding.map(|group| group.name()).collect();
    if !others.is_empty() {
        warnings.push(format!("{} not read, only {}", list(others), raw.name()));
    }
    Ok(raw)
}

/// Which axis is time, and the counts of times and channels. In this order: `Dimensions`; the axis as long as
/// `NumberOfLoci`; the axis as long as `RawDataTime`; else time is the slow one.
fn orientation(
    found: &About,
    shape: [usize; 2],
    warnings: &mut Vec<String>,
) -> (Layout, [usize; 2]) {
    let [slow, fast] = shape;
    let time_major = (Layout::TimeMajor, [slow, fast]);
    let channel_major = (Layout::ChannelMajor, [fast, slow]);
    let loci = found.number("NumberOfLoci").map(|n| n as usize);
    let times = found.times.as_ref().map(|times| times.count);
    let names = attributes::texts(&found.data, "Dimensions");
    let first = names.first().map(|name| name.to_ascii_lowercase());
    let (layout, counts) = match (first.as_deref(), loci, times) {
        (Some("time"), ..) => time_major,
        (Some("locus"), ..) => channel_major,
        (_, Some(n), _) if n == fast && n != slow => time_major,
        (_, Some(n), _) if n == slow && n != fast => channel_major,
        (.., Some(n)) if n == slow && n != fast => time_major,
        (.., Some(n)) if n == fast && n != slow => channel_major,
        _ => {
            warnings.push(format!(
                "nothing tells which axis of {} ({slow} x {fast}) is time; the slow one is assumed",
                found.names.data
            ));
            time_major
        }
    };
    if let Some(n) = loci.filter(|n| *n != counts[1]) {
        warnings.push(format!(
            "NumberOfLoci is {n}, but {} has {} channels, all of which are read",
            found.names.data, counts[1]
        ));
    }
    (layout, counts)
}

/// `OutputDataRate`, else what `RawDataTime` gives, else `PulseRate`.
fn rate(
    at: Place,
    found: &About,
    raw: &Group,
    warnings: &mut Vec<String>,
) -> Result<Rate, FormatError> {
    if let Some(rate) = found.stated(at)? {
        return Ok(rate);
    }
    if let Some(rate) = found.times.as_ref().and_then(|times| times.clock.rate()) {
        return Ok(rate);
    }
    let times = found.names.times;
    // Energy is of windows of samples.
    let raw_data = times == RAW.times;
    if let Some(rate) = found.positive("PulseRate").filter(|_| raw_data) {
        warnings.push(
            "the rate is PulseRate: there is no OutputDataRate and no usable RawDataTime".into(),
        );
        return at.rate(rate);
    }
    Err(at.content(
        format!("{}, attributes", raw.name()),
        format!(
            "no sampling rate in {} and {}",
            list(found.raw.keys()),
            list(found.acquisition.keys())
        ),
        match raw_data {
            true => format!("OutputDataRate, PulseRate, or a dataset {times}"),
            false => format!("OutputDataRate, or a dataset {times}"),
        },
    ))
}

/// The segments, and by how much their starts may be off. They start at the times of `RawDataTime`, else at `PartStartTime` of
/// `RawData` or `RawDataTime`, else at `MeasurementStartTime`. Times of 1970 are fillers.
fn segments(
    at: Place,
    found: &About,
    raw: &Group,
    samples: usize,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Segment>, i64), FormatError> {
    let clock = found.times.as_ref().map(|times| &times.clock);
    if let Some(clock) = clock.filter(|clock| clock.start().is_some()) {
        return Ok((clock.segments(samples), clock.tolerance()));
    }
    let of_times = found.times.as_ref().map(|times| &times.attributes);
    let Names { data, times, .. } = *found.names;
    let candidates = [
        (data, Some(&found.data), "PartStartTime"),
        (times, of_times, "PartStartTime"),
        ("", Some(&found.acquisition), "MeasurementStartTime"),
    ];
    for (of, attributes, name) in candidates {
        let text = attributes.and_then(|attributes| attributes::text(attributes, name));
        let text = text.unwrap_or_default();
        if let Some(start) = time::parse(text) {
            let dot = if of.is_empty() { "" } else { "." };
            warnings.push(format!("the start is {of}{dot}{name}: {times} has none"));
            let segments = match clock {
                Some(clock) => clock.segments_from(nanoseconds(start), samples),
                None => Segment::whole(start, samples),
            };
            return Ok((segments, resolution(text)));
        }
    }
    Err(at.content(
        raw.name(),
        format!("no start time among {}", list(members(raw))),
        format!("{times} in microseconds, PartStartTime or MeasurementStartTime"),
    ))
}

/// From a calibration table if there is one, else `(StartLocusIndex + k) * SpatialSamplingInterval`.
fn depth(
    at: Place,
    acquisition: &Group,
    found: &About,
    channels: usize,
    warnings: &mut Vec<String>,
) -> Result<Vec<f64>, FormatError> {
    let start = found.number("StartLocusIndex");
    if let Some(table) = DepthTable::find(at, acquisition)? {
        if table.depth.len() == channels {
            return Ok(table.depth);
        }
        let first = start.unwrap_or(0.0);
        let mapped: Option<Vec<f64>> = (0..channels)
            .map(|k| table.depth_of(first + k as f64))
            .collect();
        let rows = table.depth.len();
        if let Some(depth) = mapped {
            warnings.push(format!(
                "{} has {rows} rows for {channels} channels: depth is interpolated by locus",
                table.name
            ));
            return Ok(depth);
        }
        warnings.push(format!(
            "{} has {rows} rows that do not cover the {channels} channels: it is not used",
            table.name
        ));
    }
    let Some(spacing) = found
        .number("SpatialSamplingInterval")
        .filter(|spacing| *spacing > 0.0)
    else {
        return Err(at.content(
            "/Acquisition, attributes",
            format!(
                "no SpatialSamplingInterval, only {}",
                list(found.acquisition.keys())
            ),
            "a spacing in metres, or a LocusDepthPoint table with a row for every channel",
        ));
    };
    if start.is_none() {
        warnings.push("there is no StartLocusIndex: the first channel is at 0 m".into());
    }
    let first = start.unwrap_or(0.0);
    Ok((0..channels)
        .map(|k| (first + k as f64) * spacing)
        .collect())
}

/// What the makers' counts stand for, where that is known: Silixa's are nanostrain/s by the gauge length, OptaSense's parts of a
/// turn. Others have the unit that they state.
fn calibration(file: &File, found: &About, prf: f64) -> Option<Calibration> {
    let text = |name: &str| attributes::text(&found.acquisition, name).unwrap_or_default();
    let unit = attributes::text(&found.raw, found.names.unit).unwrap_or_default();
    let silixa = ["VendorCode", "ServiceCompanyName"].map(|name| text(name).starts_with("Silixa"));
    if silixa.contains(&true) && !file.link_exists("Mapping") && unit.starts_with("(nm/m)/s") {
        return Calibration::silixa(prf, found.number("GaugeLength")?);
    }
    match unit.replace(' ', "").as_str() {
        "" => None,
        "rad*2PI/2^16" => Some(Calibration {
            factor: std::f64::consts::TAU / 65536.0,
            unit: "rad".into(),
        }),
        _ => Some(Calibration::of_unit(unit)),
    }
}

/// Attributes of the groups and datasets that describe the raw data, and of the maker's own groups.
fn metadata(file: &File, acquisition: &Group, raw: &Group, data: &Dataset) -> Value {
    let mut all = Map::new();
    all.insert("/".into(), attributes::of(file).into());
    all.insert(acquisition.name(), attributes::of(acquisition).into());
    all.insert(raw.name(), attributes::of(raw).into());
    all.insert(data.name(), attributes::of(data).into());
    for parent in [acquisition, raw] {
        if let Ok(custom) = parent.group("Custom") {
            insert_tree(&custom, 3, &mut all);
        }
    }
    json!({ "format": "PRODML", "attributes": all })
}

/// Makers' groups nest two deep; the limit keeps a file whose groups contain themselves from holding us.
fn insert_tree(group: &Group, levels: usize, all: &mut Map<String, Value>) {
    all.insert(group.name(), attributes::of(group).into());
    if levels > 0 {
        for child in members(group) {
            if let Ok(child) = group.group(&child) {
                insert_tree(&child, levels - 1, all);
            }
        }
    }
}
