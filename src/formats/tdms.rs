//! TDMS, National Instruments' format, as Silixa's instruments and one other maker's write recordings.
//!
//! A file is a row of segments: metadata, which name objects (the file, its groups, their channels) with properties and numbers of
//! samples, then the samples. Later segments may rely on earlier metadata. Where a file was cut, or its writer never completed it,
//! what is there is read and the header's warnings say so.

mod cursor;
mod objects;
mod order;
mod recording;
mod samples;
mod segments;
mod times;

use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::mapped::View;
use super::segment::{RATES, Rate};
use super::{FormatError, Header, Layout, Source, Unchanged};
use recording::Recording;
use samples::{Samples, Window};
use segments::Contents;

/// An open TDMS file.
#[derive(Debug)]
pub struct TdmsSource {
    file: View,
    samples: Samples,
    header: Header,
}

/// Opens a file: reads its metadata, not its samples.
///
/// The channels are those with numbers as names in the group `Measurement`, in the order of the numbers, or the one channel of
/// the group `DAS`, whose values are those of `Total Channels` channels, time after time.
///
/// # Errors
/// When it cannot be read, is no TDMS file, is cut in its first metadata, has samples of DAQmx or of other types than numbers, or
/// lacks channels, rate or start.
pub fn open(path: &Path) -> Result<TdmsSource, FormatError> {
    let file = View::open(path)?;
    let read = segments::read(path, &file);
    // What could not be fetched is no reason to speak of the content.
    file.check()?;
    let mut contents = read?;
    let recording = Recording::find(path, &mut contents)?;
    let metadata = metadata(&contents);
    let mut warnings = contents.warnings;
    let prf = recording.prf(path)?;
    let rate = Rate::of_hertz(prf)
        .ok_or_else(|| FormatError::content(path, "sampling rate", format!("{prf} Hz"), RATES))?;
    let times = recording.times(path, rate, &mut warnings)?;
    let header = Header {
        channels: recording.numbers.len(),
        samples: recording.count,
        rate,
        dtype: recording.dtype,
        segments: times.segments,
        time_tolerance: times.tolerance,
        depth: recording.depth(&mut warnings),
        layout: Layout::TimeMajor,
        calibration: recording.calibration(prf, &mut warnings),
        metadata,
        warnings,
    };
    Ok(TdmsSource {
        file,
        samples: recording.samples,
        header,
    })
}

impl Source for TdmsSource {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(
        &self,
        channels: Range<usize>,
        times: Range<usize>,
        dst: &mut [u8],
    ) -> Result<(), FormatError> {
        let window = Window { channels, times };
        let read = self.samples.read(&self.file, &window, dst);
        read.map_err(|e| FormatError::io(self.file.path(), e))
    }

    fn file(&self) -> Option<&dyn Unchanged> {
        Some(&self.file)
    }
}

/// The properties of every object that has some, by its path.
fn metadata(contents: &Contents) -> Value {
    let objects = contents.objects.iter();
    let attributes: Map<String, Value> = objects
        .filter(|object| !object.properties.is_empty())
        .map(|object| (object.path.clone(), object.properties.clone().into()))
        .collect();
    json!({ "format": "TDMS", "version": contents.version, "attributes": attributes })
}
