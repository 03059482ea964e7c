//! The environment of a command: facts about the run and the chunk.

use std::ops::Range;

use super::{AxisFile, Compat};
use crate::block::{Coords, Held, Signature, Stored, Unit};

/// Denominators that are tried for the ratio of two rates.
const LARGEST: u64 = 1000;
/// Part of a sample by which a time may be off its place: coarse time axes (Unix times in f64) are off by a few thousandths.
const NEAR: f64 = 0.01;

/// Facts about a chunk, and about all chunks of its shape.
#[derive(Debug, Clone)]
pub struct Env {
    /// Whose numbers are wanted.
    pub compat: Compat,
    /// Samples per second of a channel in the source.
    pub prf: f64,
    /// Rows in one of distpy's boxes; only its numbers depend on it.
    pub box_rows: usize,
    /// The chunk's signature, edges included.
    pub source: Signature,
    /// Samples of the source before and after the chunk's own: the edge buffer.
    pub edge: [usize; 2],
    /// Number in its run of the chunk's first own sample. A run is what was recorded without a gap.
    pub first: usize,
    /// File type of the depth axis, an integer type if channels are only counted: logs print depths accordingly.
    pub depth_file: AxisFile,
    /// File type of the time axis; without an axis, distpy counts samples in integers.
    pub time_file: AxisFile,
}

/// Where the samples of a block are in the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lattice {
    /// Number in the run of the block's first sample, counted at the block's rate; `None` for samples between such places, as
    /// those of windows that start with the chunk.
    first: Option<i64>,
    /// Samples of the source in so many of the block, in lowest terms.
    source: u64,
    /// See `source`.
    block: u64,
}

impl Lattice {
    /// Of points that are `down / up` samples apart, counted from the run's first: the place of the first one at or after the
    /// block's first sample, in steps of `1 / up` sample after that sample; and after how many samples of the source places come
    /// again.
    pub fn start(self, up: usize, down: usize) -> (usize, usize) {
        let (up, down) = (up as i128, down as i128);
        let lead = self
            .first
            .map_or(0, |first| (-i128::from(first) * up).rem_euclid(down));
        let (source, block) = (u128::from(self.source), u128::from(self.block));
        let (apart, per) = (source * down as u128, block * up as u128);
        let period = apart / gcd(apart, per);
        (lead as usize, usize::try_from(period).unwrap_or(usize::MAX))
    }
}

impl Env {
    /// For a chunk without axes beside it: channels are counted, and samples too in compat mode.
    pub fn without_axes(compat: Compat, prf: f64, box_rows: usize, chunk: &Stored) -> Self {
        let [rows, cols] = chunk.shape();
        let time = match compat {
            Compat::Distpy => Coords::index(cols),
            Compat::Exact => Coords::regular(Unit::Second, 0.0, 1.0 / prf, cols),
        };
        Self {
            compat,
            prf,
            box_rows,
            source: Signature {
                kind: chunk.kind(),
                depth: Coords::index(rows),
                time,
                rank: 2,
                held: Held::of(chunk.dtype()),
            },
            edge: [0, 0],
            first: 0,
            depth_file: AxisFile::COUNTED,
            time_file: AxisFile::COUNTED,
        }
    }

    /// The chunk's own columns of the source.
    pub fn own(&self) -> Range<usize> {
        self.edge[0]..self.source.cols() - self.edge[1]
    }

    /// Whether an axis is that of the chunk's own samples.
    pub fn is_own_time(&self, time: &Coords) -> bool {
        let source = &self.source.time;
        time.unit == source.unit && time.values[..] == source.values[self.own()]
    }

    /// The columns of a block with edges whose times are the chunk's own.
    pub fn own_columns(&self, x: &Signature) -> Range<usize> {
        let own = self.own();
        if self.edge == [0, 0] {
            return 0..x.cols();
        }
        if x.time == self.source.time {
            return own;
        }
        let times = &self.source.time.values;
        let length = own.len() as f64 / self.prf;
        // Less than the distance of samples at any rate, and more than what times are rounded by.
        let rounding = 4.0 * f64::EPSILON * times[own.start].abs();
        let start = times[own.start] - 1e-6 / self.prf - rounding;
        let from = x.time.values.partition_point(|time| *time < start);
        let to = x.time.values.partition_point(|time| *time < start + length);
        from..to
    }

    /// Samples per second along a block's time axis: the recording's own where that axis is still the chunk's, whose stored
    /// values may be too coarse to tell (Unix times hold a fraction of a microsecond).
    pub fn rate(&self, x: &Signature) -> f64 {
        let n = x.cols();
        let time = &x.time;
        let counted = time.unit != Unit::Second || n < 2;
        if self.compat == Compat::Distpy
            || counted
            || time == &self.source.time
            || self.is_own_time(time)
        {
            return self.prf;
        }
        (n - 1) as f64 / (time.values[n - 1] - time.values[0]).abs()
    }

    /// Where the samples of a block are in the run; `None` where their rate is no fraction of the source's, and in compat mode, as
    /// distpy treats each chunk by itself.
    pub fn lattice(&self, x: &Signature) -> Option<Lattice> {
        let known = x.time.unit == Unit::Second && x.cols() > 1;
        if self.compat == Compat::Distpy || !known {
            return None;
        }
        let (source, block) = fraction(self.prf / self.rate(x))?;
        let since = x.time.values[0] - self.source.time.values[self.edge[0]];
        let place = (self.first as f64 + since * self.prf) * block as f64 / source as f64;
        let first = place.round();
        Some(Lattice {
            first: ((place - first).abs() < NEAR).then_some(first as i64),
            source,
            block,
        })
    }
}

/// A number as a fraction in lowest terms.
fn fraction(value: f64) -> Option<(u64, u64)> {
    (1..=LARGEST).find_map(|below| {
        let above = (value * below as f64).round();
        let close = (above / below as f64 / value - 1.0).abs() < 1e-9;
        (close && above >= 1.0).then_some((above as u64, below))
    })
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}
