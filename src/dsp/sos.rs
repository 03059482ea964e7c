//! Butterworth filters as second-order sections, applied forward and backward: zero phase, twice the order, -6 dB at the
//! corners.
//!
//! The filter is the one that `scipy.signal.butter(..., output="sos")` designs and the result is that of `sosfiltfilt`. A
//! transfer function `(b, a)` of the same filter is ill-conditioned at low corners: order 5 at 5 Hz and a prf of 10 kHz is off by
//! 1e-3 in double precision, lower corners are unstable.
//!
//! Sections are state-variable filters in trapezoidal form (Zavalishin, "The Art of VA Filter Design", chapter 4), whose states
//! change by little from sample to sample: at low corners they keep two to five digits more than direct-form biquads. The
//! recursion runs in f64 for data of either precision: it costs the same time, and f32 results are off by their own
//! rounding only.

mod blocks;
mod decay;
mod design;
mod lanes;
mod prototype;

pub use design::{Cascade, Corner, Design, Section, Tap};
pub use prototype::{Pair, Prototype};

use crate::block::Real;

/// How a row continues beyond its ends while it is filtered; the continuation is cut off afterwards.
///
/// The extension has `3 (order + 1)` samples on each side for a low- or high-pass and `3 (2 order + 1)` for a band filter, the
/// default of both `filtfilt` and `sosfiltfilt`. A row of `n` samples is extended by `n - 1` at most, where distpy refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Mirrored at the end sample, which is not repeated.
    Even,
    /// Mirrored and turned about the end sample: keeps the slope.
    Odd,
    /// The end sample repeated.
    Constant,
    /// No extension.
    None,
}

impl Cascade {
    /// Filters rows forward and backward, in place.
    ///
    /// `rows` is row-major with `cols` samples a row. Each pass starts in the steady state of its first sample. `scratch`
    /// grows to about eight rows and is meant to be kept between calls. A row that holds a NaN or an infinity becomes NaN.
    pub fn filtfilt_rows<T: Real>(
        &self,
        rows: &mut [T],
        cols: usize,
        padding: Padding,
        scratch: &mut Vec<f64>,
    ) {
        if cols == 0 {
            return;
        }
        lanes::filtfilt_rows(self, rows, cols, padding, scratch);
    }

    /// Filters one row. Eight rows take [`Cascade::filtfilt_rows`] little longer than this one.
    pub fn filtfilt<T: Real>(&self, row: &mut [T], padding: Padding, scratch: &mut Vec<f64>) {
        self.filtfilt_rows(row, row.len(), padding, scratch);
    }

    /// Samples by which a row of `cols` samples is extended on each side.
    pub fn extension(&self, cols: usize, padding: Padding) -> usize {
        match padding {
            Padding::None => 0,
            _ => self.pad.min(cols.saturating_sub(1)),
        }
    }
}
