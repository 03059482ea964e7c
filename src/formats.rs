//! Formats: bytes of a file (or an open HDF5 file) to samples and back.
//!
//! A recording is opened as a [`Source`]: the header is known, no sample has been read. Samples are read by ranges of
//! channels and times, so that memory stays bounded whatever the size of the file.

pub mod csv;
pub mod description;
#[cfg(feature = "hdf5")]
pub mod hdf5;
pub mod labelled;
pub mod las;
mod mapped;
pub mod npy;
pub mod numbers;
pub mod onnx;
pub mod open;
pub mod parquet;
pub mod part;
mod properties;
pub mod segment;
pub mod segy;
mod silixa;
pub mod stamp;
pub mod table;
pub mod tdms;
pub mod witsml;
pub mod zarr;

use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::block::DType;
use segment::{Rate, Segment};

/// What went wrong with a file: where, what was found, what was expected.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The content is not what the format prescribes.
    #[error("{}: {}: found {found}, expected {expected}", path.display(), place)]
    Content {
        /// The file.
        path: PathBuf,
        /// A byte offset, header field or dataset.
        place: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// The file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl FormatError {
    /// Content that is not what the format prescribes.
    pub fn content(
        path: &Path,
        place: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Content {
            path: path.to_path_buf(),
            place: place.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// A file that could not be read or written.
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// The bytes of a whole file.
///
/// # Errors
/// When it cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>, FormatError> {
    let file = mapped::Pieces::open(path)?;
    let bytes = file.bytes(0..file.size()).map_err(|error| match error {
        // A file that ends before its own size cannot be read now; its content is not at fault.
        FormatError::Content { .. } => {
            let text = format!("found fewer bytes than the {} of the file", file.size());
            FormatError::io(path, io::Error::new(io::ErrorKind::UnexpectedEof, text))
        }
        other => other,
    })?;
    Unchanged::check(&file)?;
    Ok(bytes)
}

/// A recording's header: what is known before any sample is read.
#[derive(Debug, Clone)]
pub struct Header {
    /// Number of channels.
    pub channels: usize,
    /// Number of samples of each channel.
    pub samples: usize,
    /// Samples per second of each channel: the pulse repetition frequency after any decimation.
    pub rate: Rate,
    /// Type in which samples are delivered: the smallest that holds every stored value exactly.
    pub dtype: DType,
    /// The segments without a pause, one or more, in the order of the samples: together they have every sample once.
    pub segments: Vec<Segment>,
    /// Nanoseconds by which the stated times may be off: what the format resolves, or by how much its stamps jitter.
    pub time_tolerance: i64,
    /// Measured depth, or distance along the fibre, of each channel in metres.
    pub depth: Vec<f64>,
    /// Which reads are sequential in the file.
    pub layout: Layout,
    /// What a stored sample stands for; `None` where the file does not say.
    pub calibration: Option<Calibration>,
    /// Everything else that the file says, for the JSON beside the chunks.
    pub metadata: serde_json::Value,
    /// What the reader had to assume or correct, one sentence each.
    pub warnings: Vec<String>,
}

impl Header {
    /// Samples per second of each channel.
    pub fn prf(&self) -> f64 {
        self.rate.hertz()
    }

    /// Time of the first sample, in nanoseconds since 1970.
    pub fn start(&self) -> i64 {
        self.segments.first().map_or(0, |segment| segment.start)
    }

    /// The same as a calendar has it.
    pub fn start_time(&self) -> Timestamp {
        Timestamp::from_nanosecond(self.start().into()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// What stored samples stand for: `factor` times a sample is in `unit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Times a stored sample.
    pub factor: f64,
    /// The unit of the product, as the file or its maker names it.
    pub unit: String,
}

impl Calibration {
    /// Name of the file beside chunks that holds it.
    pub const FILE: &str = "calibration.json";

    /// Reads that file's text.
    ///
    /// # Errors
    /// When it has no factor, or no unit.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FormatError> {
        let read: Result<Self, _> = serde_json::from_str(text);
        let expected = "a finite factor and a unit";
        match read {
            Ok(it) if it.factor.is_finite() => Ok(it),
            Ok(it) => Err(FormatError::content(
                path,
                "factor",
                it.factor.to_string(),
                expected,
            )),
            Err(e) => Err(FormatError::content(path, "JSON", e.to_string(), expected)),
        }
    }

    /// Samples that are stored in a unit.
    pub fn of_unit(unit: &str) -> Self {
        Self {
            factor: 1.0,
            unit: unit.to_string(),
        }
    }
}

/// How samples lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// All samples of a channel together (SEG-Y).
    ChannelMajor,
    /// All channels of a sample together (most HDF5, TDMS).
    TimeMajor,
}

/// An open recording.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// What is known of the recording.
    fn header(&self) -> &Header;

    /// Reads some channels and times into `dst`: row-major, a row per channel, in `header().dtype` and this machine's byte
    /// order. `dst` holds exactly `channels * times * dtype.size()` bytes; the ranges lie inside the header's counts.
    ///
    /// # Errors
    /// When the file can no longer be read, or its samples cannot be decoded.
    fn read(
        &self,
        channels: Range<usize>,
        times: Range<usize>,
        dst: &mut [u8],
    ) -> Result<(), FormatError>;

    /// The file that samples are read from; `None` for samples that are in memory.
    fn file(&self) -> Option<&dyn Unchanged> {
        None
    }

    /// Whether samples are decoded in blocks of many channels and times: then few large reads are better than many small ones.
    fn is_packed(&self) -> bool {
        false
    }

    /// The headers of single traces, where a format has them.
    ///
    /// # Errors
    /// When the file can no longer be read.
    fn traces(&self) -> Result<Option<Box<dyn TraceHeaders + '_>>, FormatError> {
        Ok(None)
    }
}

/// A file that may change while it is read.
pub trait Unchanged {
    /// Bytes that it had when it was opened.
    fn bytes(&self) -> u64;

    /// Checks that it is as it was when it was opened.
    ///
    /// # Errors
    /// When it has another size or time of change, or a part of it could not be read.
    fn check(&self) -> Result<(), FormatError>;
}

/// Headers of single traces, one per channel.
pub trait TraceHeaders {
    /// Writes all of them as a JSON object with a list per field, in bounded memory.
    ///
    /// # Errors
    /// When it cannot be written, or the file can no longer be read.
    fn write_columns(&self, out: &mut dyn Write) -> io::Result<()>;

    /// Those of a channel as a JSON object, its keys sorted.
    ///
    /// # Errors
    /// When the file can no longer be read.
    fn of_trace(&self, channel: usize) -> Result<serde_json::Value, FormatError>;
}
