//! WITSML 1.3.1.1 composites: curves along the fibre at one time, `.fbe` ("frequency band extracted") files.
//!
//! A file is a DTS composite (a well, its fibre, one measurement and its log) of which the log's curves are bands of acoustic
//! energy instead of temperatures. [`Dialect::Standard`] has the form that temperature instruments write; [`Dialect::Distpy`] is
//! what distpy 1.32.3 writes, byte for byte, for programs whose loaders were made for that. The reader takes both, and
//! instruments' files.

mod read;
mod redate;
mod write;

pub use read::{created, parse};
pub use redate::redated;
pub use write::write;

use jiff::Timestamp;

/// Curves along the fibre at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// What was measured and how, as distpy's `data_style`: `NoiseLog`, `UNKNOWN`.
    pub style: String,
    /// Time of the measurement.
    pub created: Timestamp,
    /// Position along the fibre, a value per channel.
    pub depth: Curve,
    /// How distpy's dialect prints depths: in the type of the depth axis.
    pub depth_text: DepthText,
    /// The other curves, each with a value per channel.
    pub curves: Vec<Curve>,
}

/// One column of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its short name: `band_01_200-600`. The schema allows 32 characters.
    pub mnemonic: String,
    /// Its unit; `None` for a number without one.
    pub unit: Option<String>,
    /// What it is, for a person.
    pub description: String,
    /// A value per channel; NaN where there is none.
    pub values: Vec<f64>,
}

impl Curve {
    /// Depths in metres, under the name that distpy gives them.
    pub fn depth(values: Vec<f64>) -> Self {
        Self {
            mnemonic: "DEPTH".into(),
            unit: Some("m".into()),
            description: "depth along the fiber".into(),
            values,
        }
    }
}

/// A number type, by the shortest text that reads back exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepthText {
    /// Double precision.
    F64,
    /// Single precision.
    F32,
    /// Without a decimal point.
    Integer,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One block with an entry per column, identifiers that refer to each other, a numeric null value.
    Standard,
    /// distpy's: a block per curve, the first two of them both column 1, identifiers that do not meet.
    Distpy,
}
