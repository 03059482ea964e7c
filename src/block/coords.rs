//! Axes: what the rows and columns of a block stand for.

use std::sync::Arc;

/// The unit of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Measured depth or distance along the fibre.
    Metre,
    /// Time since the chunk's first sample, or Unix time where the input's own axis says so.
    Second,
    /// Frequency along time.
    Hertz,
    /// Wavenumber along depth.
    PerMetre,
    /// No physical axis: a position in the array.
    Index,
}

/// One axis of a block: a value per row or column. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Coords {
    /// The unit of `values`.
    pub unit: Unit,
    /// One value per row (or column) of the block.
    pub values: Arc<[f64]>,
}

impl Coords {
    /// An axis with the given values.
    pub fn new(unit: Unit, values: impl Into<Arc<[f64]>>) -> Self {
        Self {
            unit,
            values: values.into(),
        }
    }

    /// `n` equally spaced values from `first`.
    pub fn regular(unit: Unit, first: f64, step: f64, n: usize) -> Self {
        Self {
            unit,
            values: (0..n).map(|k| first + k as f64 * step).collect(),
        }
    }

    /// Positions 0, 1, .. n-1.
    pub fn index(n: usize) -> Self {
        Self::regular(Unit::Index, 0.0, 1.0, n)
    }

    /// Number of rows (or columns).
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the axis has no entries.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The spacing of the first two values; 1 where there are fewer.
    pub fn spacing(&self) -> f64 {
        match &*self.values {
            [first, second, ..] => (second - first).abs(),
            _ => 1.0,
        }
    }
}
