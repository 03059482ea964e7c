//! Layouts of one dataset with a few attributes: what readers of others know of them is all there is.

use hdf5::{Dataset, File};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::clock::{Clock, Since, unix};
use super::values::{even, for_each_channel, metadata, needed, numbers, positive, stamp};
use super::{Found, Place, attributes, members, samples};
use crate::formats::properties::resolution;
use crate::formats::segment::{Rate, Segment};
use crate::formats::{Calibration, FormatError, Header, Layout};

/// What is said where a layout has spacings alone.
const FROM_ZERO: &str = "the place of the first channel is not known: depths begin at 0 m";

/// Nanoseconds by which a time may be off that is a double of seconds since 1970.
const OF_DOUBLES: i64 = 1_000;

/// A dataset at the root, its attributes, and what is known of any.
struct Root<'a> {
    at: Place<'a>,
    file: &'a File,
    place: String,
    data: Dataset,
    shape: [usize; 2],
    about: Map<String, Value>,
}

/// When the samples were recorded.
enum Times {
    /// From a start on, which may be off by so many nanoseconds, without a pause.
    From(Timestamp, i64),
    /// At a time each.
    Each(Clock),
}

/// What the attributes say.
struct Said {
    rate: Rate,
    times: Times,
    depth: Vec<f64>,
    calibration: Option<Calibration>,
    warnings: Vec<String>,
}

impl<'a> Root<'a> {
    /// With the attributes of the dataset, or of the file where `of_file`.
    fn new(at: Place<'a>, file: &'a File, name: &str, of_file: bool) -> Result<Self, FormatError> {
        let data = at.dataset(file, name)?;
        let shape = samples::shape(at, &data)?;
        let about = match of_file {
            true => attributes::of(file),
            false => attributes::of(&data),
        };
        let place = if of_file {
            "/".into()
        } else {
            format!("/{name}")
        };
        Ok(Self {
            at,
            file,
            place,
            data,
            shape,
            about,
        })
    }

    fn number(&self, name: &str) -> Option<f64> {
        attributes::number(&self.about, name)
    }

    fn needed(&self, name: &str) -> Result<f64, FormatError> {
        needed(self.at, &self.place, &[name], |name| self.number(name))
    }

    fn positive(&self, name: &str) -> Result<f64, FormatError> {
        positive(self.at, &self.place, &[name], |name| self.number(name))
    }

    /// A start as text.
    fn stamp(&self, name: &str) -> Result<Times, FormatError> {
        let text = attributes::text(&self.about, name).unwrap_or_default();
        let expected = format!("a time in ISO 8601 in {name}");
        let found = format!("\"{text}\"");
        let start = stamp(text).ok_or_else(|| self.at.content(&self.place, found, expected))?;
        Ok(Times::From(start, resolution(text)))
    }

    /// A rate in Hz.
    fn rate(&self, name: &str) -> Result<Rate, FormatError> {
        self.at.rate(self.positive(name)?)
    }

    fn text(&self, name: &str) -> Option<&str> {
        attributes::text(&self.about, name)
    }

    fn found(self, format: &str, layout: Layout, said: Said) -> Result<Found, FormatError> {
        let [slow, fast] = self.shape;
        let (samples, channels) = match layout {
            Layout::TimeMajor => (slow, fast),
            Layout::ChannelMajor => (fast, slow),
        };
        let (segments, time_tolerance) = match said.times {
            Times::From(start, tolerance) => (Segment::whole(start, samples), tolerance),
            Times::Each(clock) => (clock.segments(samples), clock.tolerance()),
        };
        let header = Header {
            channels,
            samples,
            rate: said.rate,
            dtype: samples::dtype(self.at, &self.data)?,
            segments,
            time_tolerance,
            depth: said.depth,
            layout,
            calibration: said.calibration,
            metadata: metadata(format, &[("/", self.file), (&self.data.name(), &self.data)]),
            warnings: said.warnings,
        };
        Ok(Found::plain(self.data, header))
    }
}

/// Whether a dataset at the root has these attributes.
fn has(file: &File, dataset: &str, names: &[&str]) -> bool {
    let data = file.dataset(dataset);
    data.is_ok_and(|data| {
        let about = attributes::of(&data);
        names.iter().all(|name| about.contains_key(*name))
    })
}

/// Whether the file is AI4EPS' (QuakeFlow's).
pub fn is_ai4eps(file: &File) -> bool {
    has(file, "data", &["dx_m", "dt_s", "begin_time"])
}

/// Reads everything but the samples of AI4EPS' file.
pub fn ai4eps(at: Place, file: &File) -> Result<Found, FormatError> {
    let root = Root::new(at, file, "data", false)?;
    let said = Said {
        rate: at.step(root.positive("dt_s")?)?,
        times: root.stamp("begin_time")?,
        depth: even(0.0, root.positive("dx_m")?, root.shape[0]),
        calibration: root.text("unit").map(Calibration::of_unit),
        warnings: vec![FROM_ZERO.into()],
    };
    root.found("AI4EPS", Layout::ChannelMajor, said)
}

/// Whether the file is OptaSense's of the fourth kind.
pub fn is_odh4(file: &File) -> bool {
    let about = attributes::of(file);
    let names = [
        "channel spacing m",
        "sampling rate Hz",
        "scale factor to strain",
    ];
    file.dataset("raw_data").is_ok() && names.iter().all(|name| about.contains_key(*name))
}

/// Reads everything but the samples of OptaSense's file.
pub fn odh4(at: Place, file: &File) -> Result<Found, FormatError> {
    let root = Root::new(at, file, "raw_data", true)?;
    let spacing = root.positive("channel spacing m")?;
    let first = root.needed("channel_start")?;
    let said = Said {
        rate: root.rate("sampling rate Hz")?,
        times: root.stamp("starttime")?,
        depth: even(first * spacing, spacing, root.shape[0]),
        calibration: Some(Calibration {
            factor: root.needed("scale factor to strain")?,
            unit: "strain".into(),
        }),
        warnings: Vec::new(),
    };
    root.found("OptaSense ODH4", Layout::ChannelMajor, said)
}

/// Whether the file is Aragón Photonics' of the first kind.
pub fn is_hdas1(file: &File) -> bool {
    file.dataset("HDAS_DATA").is_ok() && file.dataset("File_Header").is_ok()
}

/// Whether the file is Aragón Photonics' of the second kind.
pub fn is_hdas2(file: &File) -> bool {
    file.dataset("data").is_ok() && file.dataset("hdas_header").is_ok()
}

/// Numbers by their places in Aragón Photonics' header.
fn hdas_header(at: Place, file: &File, name: &str) -> Result<(f64, Vec<f64>), FormatError> {
    const COUNT: usize = 200;
    let dataset = at.dataset(file, name)?;
    if dataset.size() != COUNT {
        let found = format!("{} values", dataset.size());
        return Err(at.content(dataset.name(), found, format!("{COUNT}")));
    }
    let values = numbers(at, &dataset)?;
    let prf = values[6] / values[15] / values[98];
    let is_rate = |value: f64| value.is_finite() && value > 0.0;
    for (fits, place, value, expected) in [
        (
            is_rate(prf),
            "values 6, 15 and 98",
            prf,
            "a rate above 0 Hz",
        ),
        (
            is_rate(values[1]),
            "value 1",
            values[1],
            "channels of more than 0 m",
        ),
        (
            values[11].is_finite(),
            "value 11",
            values[11],
            "where the first channel is, in m",
        ),
    ] {
        if !fits {
            let place = format!("{}: {place}", dataset.name());
            return Err(at.content(place, value.to_string(), expected));
        }
    }
    Ok((prf, values))
}

/// Reads everything but the samples of Aragón Photonics' first files.
pub fn hdas1(at: Place, file: &File) -> Result<Found, FormatError> {
    let root = Root::new(at, file, "HDAS_DATA", false)?;
    let (prf, values) = hdas_header(at, file, "File_Header")?;
    let start = unix(values[100]).ok_or_else(|| {
        at.content(
            "/File_Header, value 100",
            values[100].to_string(),
            "Unix time in seconds",
        )
    })?;
    let said = Said {
        rate: at.rate(prf)?,
        times: Times::From(start, OF_DOUBLES),
        depth: even(values[11], values[1], root.shape[1]),
        calibration: None,
        warnings: Vec::new(),
    };
    root.found("Aragón Photonics HDAS", Layout::TimeMajor, said)
}

/// Reads everything but the samples of Aragón Photonics' later files. The header's single precision holds no time.
pub fn hdas2(at: Place, file: &File) -> Result<Found, FormatError> {
    let mut root = Root::new(at, file, "data", false)?;
    let (prf, values) = hdas_header(at, file, "hdas_header")?;
    if !root.about.contains_key("start_time") {
        root.about = attributes::of(file);
        root.place = "/".into();
    }
    let said = Said {
        rate: at.rate(prf)?,
        times: root.stamp("start_time")?,
        depth: even(values[11], values[1], root.shape[0]),
        calibration: None,
        warnings: Vec::new(),
    };
    root.found("Aragón Photonics HDAS", Layout::ChannelMajor, said)
}

/// Whether the file is Puniu's.
pub fn is_puniu(file: &File) -> bool {
    let names = [
        "spatial_sampling_rate",
        "sampling_rate",
        "epoch",
        "ns",
        "step",
        "start_channel",
    ];
    has(file, "default", &names)
}

/// Reads everything but the samples of Puniu's file.
pub fn puniu(at: Place, file: &File) -> Result<Found, FormatError> {
    let root = Root::new(at, file, "default", false)?;
    let order = root.text("row_major_order").unwrap_or_default();
    let order = order.replace(' ', "");
    let (layout, channels) = match order.as_str() {
        "time,channel" => (Layout::TimeMajor, root.shape[1]),
        "channel,time" => (Layout::ChannelMajor, root.shape[0]),
        other => {
            let expected = "\"time, channel\" or \"channel, time\" in row_major_order";
            return Err(at.content(&root.place, format!("\"{other}\""), expected));
        }
    };
    let pitch = root.positive("spatial_sampling_rate")?;
    let (seconds, nanoseconds) = (root.needed("epoch")?, root.needed("ns")?);
    let whole = unix(seconds).filter(|_| seconds.fract() == 0.0);
    let start = whole.and_then(|_| Timestamp::new(seconds as i64, nanoseconds as i32).ok());
    let start = start.ok_or_else(|| {
        let found = format!("{seconds} s and {nanoseconds} ns");
        at.content(
            &root.place,
            found,
            "a Unix time of whole seconds in epoch, and ns",
        )
    })?;
    let said = Said {
        rate: root.rate("sampling_rate")?,
        times: Times::From(start, 1),
        depth: even(
            root.needed("start_channel")? * pitch,
            root.positive("step")? * pitch,
            channels,
        ),
        calibration: None,
        warnings: Vec::new(),
    };
    root.found("Puniu HiFi-DAS", layout, said)
}

/// Whether the file is NEC's.
pub fn is_nec(file: &File) -> bool {
    has(
        file,
        "data",
        &["Interval of monitor point", "Interval time of data"],
    )
}

/// Reads everything but the samples of NEC's file.
pub fn nec(at: Place, file: &File) -> Result<Found, FormatError> {
    let root = Root::new(at, file, "data", false)?;
    let points = root.positive("Number of requested location points")?;
    let [slow, fast] = root.shape;
    let (layout, channels) = match (points == slow as f64, points == fast as f64) {
        (true, false) => (Layout::ChannelMajor, slow),
        (false, true) => (Layout::TimeMajor, fast),
        _ => {
            let found = format!("{points} location points for an array of {slow} x {fast}");
            let expected = "as many as one of two different lengths";
            return Err(at.content(&root.place, found, expected));
        }
    };
    let time = "Time of sending request";
    let milliseconds = root.needed(time)?;
    let start = unix(milliseconds / 1000.0).ok_or_else(|| {
        let expected = format!("milliseconds since 1970 in {time}");
        at.content(&root.place, milliseconds.to_string(), expected)
    })?;
    let factors = ["Radians peer digital value", "Radians per digital value"];
    let factor = factors.iter().find_map(|name| root.number(name));
    let said = Said {
        rate: at.step(root.positive("Interval time of data")? / 1000.0)?,
        times: Times::From(start, 1_000_000),
        depth: even(0.0, root.positive("Interval of monitor point")?, channels),
        calibration: factor.map(|factor| Calibration {
            factor,
            unit: "rad".into(),
        }),
        warnings: vec![FROM_ZERO.into()],
    };
    root.found("NEC", layout, said)
}

/// Whether the file is Uptech's (AS1000).
pub fn is_uptech(file: &File) -> bool {
    let names = ["acquisition_frequency", "sampling_interval"];
    file.dataset("Acquisition/Time").is_ok() && has(file, "Acquisition/StrainRate", &names)
}

/// Reads everything but the samples of Uptech's file.
pub fn uptech(at: Place, file: &File) -> Result<Found, FormatError> {
    let root = Root::new(at, file, "Acquisition/StrainRate", false)?;
    let [samples, channels] = root.shape;
    let times = at.dataset(file, "Acquisition/Time")?;
    const RATE: &str = "acquisition_frequency";
    let nominal = root.rate(RATE)?;
    let clock = Clock::read(at, &times, Since::SECONDS, Some(nominal))?;
    if clock.rows() != samples || clock.start().is_none() {
        let expected = format!("{samples} times in seconds since 1970");
        return Err(at.content(times.name(), clock.found(), expected));
    }
    let mut warnings = vec![FROM_ZERO.to_owned()];
    let rate = clock.rate().unwrap_or(nominal);
    clock.compare(nominal, RATE, rate, &mut warnings);
    clock.check(&mut warnings);
    let said = Said {
        rate,
        times: Times::Each(clock),
        depth: even(0.0, root.positive("sampling_interval")?, channels),
        calibration: root.text("units").map(Calibration::of_unit),
        warnings,
    };
    root.found("Uptech AS1000", Layout::TimeMajor, said)
}

/// The group of T8 Sensor's file.
const T8: &str = "ProcessedData";

/// Whether the file is T8 Sensor's.
pub fn is_t8(file: &File) -> bool {
    let names = [
        "record/pulse_repetition_rate_hz",
        "record/channel_spacing_m",
    ];
    members(file) == [T8] && t8_name(file).is_some_and(|name| has(file, &name, &names))
}

fn t8_name(file: &File) -> Option<String> {
    let names = members(&file.group(T8).ok()?);
    Some(format!("{T8}/{}", names.first()?))
}

/// Reads everything but the samples of T8 Sensor's file.
pub fn t8(at: Place, file: &File) -> Result<Found, FormatError> {
    let name = t8_name(file).unwrap_or_else(|| T8.into());
    let root = Root::new(at, file, &name, false)?;
    let every = |axis: &str| match root.number(&format!("downsampling/decimation_in_{axis}")) {
        None => Ok(1.0),
        Some(_) => root.positive(&format!("downsampling/decimation_in_{axis}")),
    };
    let text = root.text("record/start_time").unwrap_or_default();
    let civil = DateTime::strptime("%Y%m%dT%H%M%S%f", text).ok();
    let start = civil.and_then(|civil| TimeZone::UTC.to_timestamp(civil).ok());
    let start = start.ok_or_else(|| {
        let expected = "a time as 20230922T182926500000 in record/start_time";
        at.content(&root.place, format!("\"{text}\""), expected)
    })?;
    let spacing = root.positive("record/channel_spacing_m")? * every("length")?;
    let said = Said {
        rate: at.rate(root.positive("record/pulse_repetition_rate_hz")? / every("time")?)?,
        times: Times::From(start, 1_000),
        depth: even(root.needed("record/line_offset_m")?, spacing, root.shape[1]),
        calibration: None,
        warnings: Vec::new(),
    };
    root.found("T8 Sensor", Layout::TimeMajor, said)
}

/// Whether the file is Neubrex' of strain or temperature.
pub fn is_neubrex_rfs(file: &File) -> bool {
    let names = ["depth", "stamps_unix"];
    has(file, "data", &["DataUnitLabel"]) && names.iter().all(|name| file.dataset(name).is_ok())
}

/// Reads everything but the samples of Neubrex' strains or temperatures.
pub fn neubrex_rfs(at: Place, file: &File) -> Result<Found, FormatError> {
    let root = Root::new(at, file, "data", false)?;
    let [samples, channels] = root.shape;
    let times = at.dataset(file, "stamps_unix")?;
    let clock = Clock::read(at, &times, Since::MICROSECONDS, None)?;
    let usable = clock.rows() == samples && clock.start().is_some();
    let Some(rate) = clock.rate().filter(|_| usable) else {
        let expected = format!("{samples} rising microseconds since 1970");
        return Err(at.content(times.name(), clock.found(), expected));
    };
    let mut warnings = Vec::new();
    clock.check(&mut warnings);
    let depth = at.dataset(file, "depth")?;
    let depth = for_each_channel(at, &depth, channels)?;
    let said = Said {
        rate,
        times: Times::Each(clock),
        depth,
        calibration: root.text("DataUnitLabel").map(Calibration::of_unit),
        warnings,
    };
    root.found("Neubrex RFS", Layout::TimeMajor, said)
}
