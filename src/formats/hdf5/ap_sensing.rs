//! AP Sensing N52xx: `/DAS` with every setting in a dataset of one value.

use hdf5::File;
use serde_json::{Map, Value};

use super::values::{self, even, metadata, needed, positive, stamp};
use super::{Found, Place, members, samples};
use crate::formats::properties::resolution;
use crate::formats::segment::Segment;
use crate::formats::{FormatError, Header, Layout};

const GROUPS: [&str; 4] = ["DAQ", "Interrogator", "Metadata", "ProcessingServer"];

/// Whether the file has this layout.
pub fn recognise(file: &File) -> bool {
    file.dataset("DAS").is_ok() && GROUPS.iter().all(|name| file.group(name).is_ok())
}

/// Reads everything but the samples.
pub fn header(at: Place, file: &File) -> Result<Found, FormatError> {
    let data = at.dataset(file, "DAS")?;
    let [samples, channels] = samples::shape(at, &data)?;
    let number = |name: &str| values::number(file, name);
    // Not DAQ/PulseRate, which is before decimation.
    let prf = positive(at, "/", &["ProcessingServer/DataRate"], number)?;
    let spacing = positive(at, "/", &["ProcessingServer/SpatialSampling"], number)?;
    let first = needed(at, "/", &["DAQ/PositionStart"], number)?;
    let text = values::text(file, "Metadata/Timestamp").unwrap_or_default();
    let start = stamp(&text).ok_or_else(|| {
        at.content(
            "/Metadata/Timestamp",
            format!("\"{text}\""),
            "a time in ISO 8601",
        )
    })?;
    let mut warnings = Vec::new();
    let zone = values::text(file, "Metadata/Timezone").unwrap_or_default();
    if !zone.is_empty() && !zone.starts_with("UTC") {
        warnings.push(format!(
            "the time zone is \"{zone}\": the start is taken as UTC"
        ));
    }
    let header = Header {
        channels,
        samples,
        rate: at.rate(prf)?,
        dtype: samples::dtype(at, &data)?,
        segments: Segment::whole(start, samples),
        time_tolerance: resolution(&text),
        depth: even(first, spacing, channels),
        layout: Layout::TimeMajor,
        // The maker does not say how many radians a count is.
        calibration: None,
        metadata: about(file, &data),
        warnings,
    };
    Ok(Found::plain(data, header))
}

fn about(file: &File, data: &hdf5::Dataset) -> Value {
    let mut all = metadata("AP Sensing", &[("/", file), ("/DAS", data)]);
    for name in GROUPS {
        let Ok(group) = file.group(name) else {
            continue;
        };
        let small = members(&group)
            .into_iter()
            .filter_map(|name| Some((name.clone(), values::small(&group, &name)?)));
        let small: Map<String, Value> = small.collect();
        all["attributes"][format!("/{name}")] = small.into();
    }
    all
}
