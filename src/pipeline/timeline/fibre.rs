//! Properties that all recordings of one fibre share, and recordings without their samples.

use std::path::Path;
use std::sync::Arc;

use crate::block::DType;
use crate::command::AxisFile;
use crate::formats::segment::{Rate, Segment};
use crate::formats::{Calibration, Header};

/// Rates that differ by less are one: instruments state them, or clocks measure them.
const SAME_RATE: f64 = 1e-3;

/// Properties that all recordings of one fibre share.
#[derive(Debug, Clone, PartialEq)]
pub struct Fibre {
    /// Number of channels.
    pub channels: usize,
    /// Samples per second of a channel.
    pub rate: Rate,
    /// Type of a sample.
    pub dtype: DType,
    /// Depth of each channel in metres.
    pub depth: Arc<[f64]>,
    /// File type of the depths next to chunks and results.
    pub depth_file: AxisFile,
    /// Calibration of stored samples.
    pub calibration: Option<Calibration>,
}

impl Fibre {
    /// In what another recording differs, what that one has, and what this one has.
    pub(super) fn differs(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let rate = |fibre: &Self| format!("{} Hz", fibre.rate.hertz());
        let calibration = |fibre: &Self| match &fibre.calibration {
            Some(it) => format!("{} {} a count", it.factor, it.unit),
            None => "none".into(),
        };
        let same_rate = (other.rate.hertz() / self.rate.hertz() - 1.0).abs() <= SAME_RATE;
        let difference: (_, fn(&Self) -> String) = if self.channels != other.channels {
            ("channels", |fibre| fibre.channels.to_string())
        } else if !same_rate {
            ("rate", rate)
        } else if self.dtype != other.dtype {
            ("sample type", |fibre| fibre.dtype.name().to_string())
        } else if !same_numbers(&self.depth, &other.depth) {
            ("depths", |fibre| ends(&fibre.depth))
        } else if !same_calibration(self.calibration.as_ref(), other.calibration.as_ref()) {
            ("calibration", calibration)
        } else {
            return None;
        };
        let (what, text) = difference;
        Some((what, text(other), text(self)))
    }
}

/// A recording, without its samples.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The file.
    pub path: Arc<Path>,
    /// Bytes of the file, which with its name identify it.
    pub bytes: u64,
    /// Samples of each channel.
    pub samples: usize,
    /// Its segments, in the order of the samples.
    pub segments: Vec<Segment>,
    /// Nanoseconds by which the stated times may be off.
    pub time_tolerance: i64,
    /// Properties that it shares with other chunks.
    pub fibre: Fibre,
}

impl Recorded {
    /// The header of a file. Depths equal to the `known` ones are not stored twice.
    pub fn new(
        path: &Path,
        bytes: u64,
        header: &Header,
        column: bool,
        known: &mut Option<Arc<[f64]>>,
    ) -> Self {
        let same = known.as_ref();
        let same = same.filter(|depth| same_numbers(depth, &header.depth));
        let depth = same.cloned().unwrap_or_else(|| header.depth.clone().into());
        known.get_or_insert_with(|| depth.clone());
        Self {
            path: path.into(),
            bytes,
            samples: header.samples,
            segments: header.segments.clone(),
            time_tolerance: header.time_tolerance,
            fibre: Fibre {
                channels: header.channels,
                rate: header.rate,
                dtype: header.dtype,
                depth,
                depth_file: AxisFile {
                    dtype: DType::F64,
                    column,
                },
                calibration: header.calibration.clone(),
            },
        }
    }

    /// Time of the first sample, in nanoseconds since 1970.
    pub fn start(&self) -> i64 {
        self.segments.first().map_or(0, |segment| segment.start)
    }
}

/// Equal numbers, NaN included.
fn same_numbers(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// Equal units, and factors as close as rates, from which some are computed.
fn same_calibration(a: Option<&Calibration>, b: Option<&Calibration>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let close = (a.factor - b.factor).abs() <= SAME_RATE * a.factor.abs();
            a.unit == b.unit && close
        }
        (None, None) => true,
        _ => false,
    }
}

fn ends(depth: &[f64]) -> String {
    match depth {
        [first, .., last] => format!("{first} to {last} m"),
        [only] => format!("{only} m"),
        [] => "none".into(),
    }
}
