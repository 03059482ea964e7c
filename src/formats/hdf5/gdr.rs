//! Files of the Geothermal Data Repository, after the DAS-RCN metadata standard: numbers are text, times nanoseconds.

use hdf5::File;

use super::clock::{Clock, Since};
use super::values::{even, metadata, positive};
use super::{Found, Place, attributes, samples};
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
    const RATE: &str = "AcquisitionSampleRate";
    let stated = number(RATE).map(|rate| at.rate(rate)).transpose()?;
    let clock = Clock::read(at, &times, Since::NANOSECONDS, stated)?;
    if clock.start().is_none() {
        let expected = "nanoseconds since 1970, after that year";
        return Err(at.content(times.name(), clock.found(), expected));
    }
    let rate = match stated.or_else(|| clock.rate()) {
        Some(rate) => rate,
        None => at.rate(positive(at, ACQUISITION, &[RATE], number)?)?,
    };
    clock.check(&mut warnings);
    if let Some(stated) = stated {
        clock.compare(stated, RATE, rate, &mut warnings);
    }
    if clock.rows() != samples {
        warnings.push(format!(
            "DasTimeArray has {} times for {samples} samples",
            clock.rows()
        ));
    }
    let spacing = positive(at, ACQUISITION, &["SpatialSamplingInterval"], number)?;
    let unit = attributes::text(&about, "UnitOfMeasure").filter(|unit| *unit != "NaN");
    let header = Header {
        channels,
        samples,
        rate,
        dtype: samples::dtype(at, &data)?,
        segments: clock.segments(samples),
        time_tolerance: clock.tolerance(),
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
