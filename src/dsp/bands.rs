//! Frequency bands: sums of a row's power spectrum over ranges of bins.

use std::ops::Range;
use std::sync::Arc;

/// One band: bins of the full-length discrete Fourier transform, and what their power counts.
///
/// Its energy is `first |X[a]|^2 + inner (|X[a+1]|^2 + .. + |X[b-2]|^2) + last |X[b-1]|^2` for bins `a..b`; a band of one bin
/// has `first |X[a]|^2`, an empty one 0. Bins beyond half the length belong to negative frequencies; for real rows they
/// equal their mirror images, `|X[k]| = |X[n-k]|`.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// The bins.
    pub bins: Range<usize>,
    /// Weight of the first bin.
    pub first: f64,
    /// Weight of every bin between.
    pub inner: f64,
    /// Weight of the last bin.
    pub last: f64,
}

/// What a band command reports of a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The energy itself.
    Energy,
    /// Its square root times the row's scale.
    Rms,
}

/// What one band command computes: a column per band.
#[derive(Debug, Clone, PartialEq)]
pub struct BandSums {
    /// The bands, one column each.
    pub bands: Vec<Band>,
    /// What is reported.
    pub measure: Measure,
    /// Factor per row of the whole block; used by [`Measure::Rms`].
    pub scale: Arc<[f64]>,
}
