//! Files of the Geothermal Data Repository, after the DAS-RCN metadata standard: numbers are text, times nanoseconds.

use hdf5::File;
use jiff::Timestamp;

use super::values::{Clock, even, metadata, positive, unix};
use super::{Found, Place, attributes, samples};
use crate::formats::segment::Segment;
use crate::formats::{Calibration, FormatError, Header, Layout};

const ACQUISITION: &str = "DasMetadata/Interrogator/Acquisition";

/// Whether the file has this layout.
pub fn recognise(file: &File) -> bool {
    file.group(ACQUISITION).is_ok() && file.dataset("DasRawData/RawData").is_ok()
}

/// Reads everything but the samples.
pub fn header(at: Place, file: &File) -> Result<Found, FormatError> {
    let acquisition = file
        .group(ACQUISITION)
        .map_err(|e| at.library(ACQUISITION, "a group", &e))?;
    let about = attributes::of(&acquisition);
    let number = |name: &str| attributes::number(&about, name).filter(|n| *n > 0.0);
    let raw = file
        .group("DasRawData")
        .map_err(|e| at.library("/DasRawData", "a group", &e))?;
    let data = at.dataset(&raw, "RawData")?;
    let [slow, fast] = samples::shape(at, &data)?;
    let mut warnings = Vec::new();
    let dimensions = attributes::texts(&attributes::of(&data), "DasDimensions");
    let by_channel = dimensions
        .first()
        .is_some_and(|name| name.contains("locus"));
    let (layout, [samples, channels]) = match by_channel {
        true => (Layout::ChannelMajor, [fast, slow]),
        false => (Layout::TimeMajor, [slow, fast]),
    };
    let times = at.dataset(&raw, "DasTimeArray")?;
    let clock = Clock::read(at, &times, 1e-9)?;
    // The first time as it is stored, as doubles do not hold today's nanoseconds.
    let first = times
        .read_slice_1d::<i64, _>(ndarray::s![0..1])
        .map_err(|e| at.library(&times.name(), "integer nanoseconds", &e))?[0];
    let start = Timestamp::from_nanosecond(i128::from(first))
        .map_err(|e| at.content(times.name(), e.to_string(), "nanoseconds since 1970"))?;
    if unix(clock.first).is_none() {
        let expected = "nanoseconds since 1970, after that year";
        return Err(at.content(times.name(), first.to_string(), expected));
    }
    let rate = || positive(at, ACQUISITION, &["AcquisitionSampleRate"], number);
    let prf = match number("AcquisitionSampleRate").or_else(|| clock.rate()) {
        Some(prf) => prf,
        None => rate()?,
    };
    clock.check(&times.name(), prf, &mut warnings);
    if clock.rows != samples {
        warnings.push(format!(
            "DasTimeArray has {} times for {samples} samples",
            clock.rows
        ));
    }
    let spacing = positive(at, ACQUISITION, &["SpatialSamplingInterval"], number)?;
    let unit = attributes::text(&about, "UnitOfMeasure").filter(|unit| *unit != "NaN");
    let header = Header {
        channels,
        samples,
        rate: at.rate(prf)?,
        dtype: samples::dtype(at, &data)?,
        segments: Segment::whole(start, samples),
        time_tolerance: 1_000,
        depth: even(0.0, spacing, channels),
        layout,
        calibration: unit.map(Calibration::of_unit),
        metadata: metadata(
            "DAS-RCN",
            &[(ACQUISITION, &acquisition), ("/DasRawData/RawData", &data)],
        ),
        warnings,
    };
    Ok(Found::plain(data, header))
}
