//! Bands as sums of pieces: ranges of bins that no band cuts, so that overlapping bands share one pass over the spectrum.
//!
//! Sums of pieces rather than differences of prefix sums: a weak band beside a strong tone keeps its digits.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::dsp::bands::{Band, BandSums};

/// Bins of a piece: enough pieces to keep threads busy, few enough for a band to add them up.
const PIECE_BINS: Range<usize> = 16..256;
/// Pieces that a spectrum without bands would have.
const PIECES: usize = 512;

/// Which bins of a row stand for which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symmetry {
    /// The row is real: bins beyond half the length are read at their mirror images.
    Hermitian,
    /// Every bin stands for itself.
    None,
}

/// The pieces that the bands of some groups are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    /// Bins of each piece: disjoint, ascending, never empty; at least one piece.
    pub ranges: Vec<Range<usize>>,
    /// For every group and band, what its value is made of.
    pub terms: Vec<Vec<Terms>>,
}

/// A band in pieces, as `band_combine.wgsl` takes it.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Terms {
    /// Bins of the band: 0, 1 or, for all more, 2.
    pub bins: u32,
    /// Piece that is the first bin.
    pub first: u32,
    /// Piece that is the last bin.
    pub last: u32,
    /// Pieces of the bins between, up to half the length.
    pub direct: [u32; 2],
    /// Pieces of the bins between whose mirror images are read.
    pub mirrored: [u32; 2],
}

impl Pieces {
    /// The pieces for rows of `n` samples.
    pub fn new(groups: &[BandSums], n: usize, symmetry: Symmetry) -> Self {
        let stored = match symmetry {
            Symmetry::Hermitian => n / 2 + 1,
            Symmetry::None => n,
        };
        let fold = Fold { n, stored };
        let ranges = cut(
            groups
                .iter()
                .flat_map(|group| &group.bands)
                .flat_map(|band| fold.ranges(band)),
            stored,
        );
        let terms = groups.iter().map(|group| {
            group
                .bands
                .iter()
                .map(|band| fold.terms(band, &ranges))
                .collect()
        });
        let terms = terms.collect();
        Self { ranges, terms }
    }

    /// Starts and ends, in turn, as the shaders take them.
    pub fn edges(&self) -> Vec<u32> {
        self.ranges
            .iter()
            .flat_map(|range| [range.start as u32, range.end as u32])
            .collect()
    }
}

/// Reads bins `stored..n` at their mirror images.
#[derive(Clone, Copy)]
struct Fold {
    n: usize,
    stored: usize,
}

impl Fold {
    fn terms(self, band: &Band, pieces: &[Range<usize>]) -> Terms {
        if band.bins.is_empty() {
            return Terms::default();
        }
        let at = |bin: usize| pieces.partition_point(|piece| piece.start < bin) as u32;
        let span = |bins: Range<usize>| {
            if bins.is_empty() {
                [0, 0]
            } else {
                [at(bins.start), at(bins.end)]
            }
        };
        let [first, last, direct, mirrored] = self.ranges(band);
        Terms {
            bins: band.bins.len().min(2) as u32,
            first: at(first.start),
            last: at(last.start),
            direct: span(direct),
            mirrored: span(mirrored),
        }
    }

    /// Stored bins of a band: its first, its last, those between that are stored, those between that are mirrored.
    fn ranges(self, band: &Band) -> [Range<usize>; 4] {
        let Range { start, end } = band.bins;
        if start >= end {
            return [0..0, 0..0, 0..0, 0..0];
        }
        let one = |bin: usize| {
            if bin < self.stored {
                bin..bin + 1
            } else {
                self.n - bin..self.n - bin + 1
            }
        };
        let (inner_start, inner_end) = (start + 1, (end - 1).max(start + 1));
        let mirrored_start = inner_start.max(self.stored).min(inner_end);
        [
            one(start),
            one(end - 1),
            inner_start..inner_end.min(self.stored).max(inner_start),
            self.n + 1 - inner_end..self.n + 1 - mirrored_start,
        ]
    }
}

/// Cuts the union of some ranges at all their ends, and what is long into equal parts.
fn cut(ranges: impl Iterator<Item = Range<usize>>, stored: usize) -> Vec<Range<usize>> {
    let mut depth_changes = BTreeMap::<usize, isize>::new();
    for range in ranges.filter(|range| !range.is_empty()) {
        *depth_changes.entry(range.start).or_default() += 1;
        *depth_changes.entry(range.end).or_default() -= 1;
    }
    let longest = (stored / PIECES).clamp(PIECE_BINS.start, PIECE_BINS.end);
    let mut pieces = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (edge, change) in depth_changes {
        if depth > 0 {
            pieces.extend(
                (start..edge)
                    .step_by(longest)
                    .map(|piece| piece..(piece + longest).min(edge)),
            );
        }
        depth += change;
        start = edge;
    }
    if pieces.is_empty() {
        // Without a bin in any band the shaders still need something to bind.
        pieces.push(0..1);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use std::iter;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::dsp::bands::Measure;

    fn group(bins: impl IntoIterator<Item = Range<usize>>) -> BandSums {
        let band = |bins| Band {
            bins,
            first: 0.5,
            inner: 2.0,
            last: 3.0,
        };
        BandSums {
            bands: bins.into_iter().map(band).collect(),
            measure: Measure::Energy,
            scale: Arc::new([]),
        }
    }

    /// The formula of [`Band`], word for word.
    fn naive(band: &Band, power: &[f64]) -> f64 {
        let bins = &band.bins;
        match bins.len() {
            0 => 0.0,
            1 => band.first * power[bins.start],
            _ => {
                let inner: f64 = power[bins.start + 1..bins.end - 1].iter().sum();
                band.first * power[bins.start]
                    + band.inner * inner
                    + band.last * power[bins.end - 1]
            }
        }
    }

    /// What `band_combine.wgsl` computes.
    fn combined(band: &Band, terms: &Terms, sums: &[f64]) -> f64 {
        let total = |[start, end]: [u32; 2]| sums[start as usize..end as usize].iter().sum::<f64>();
        match terms.bins {
            0 => 0.0,
            1 => band.first * sums[terms.first as usize],
            _ => {
                let inner = total(terms.direct) + total(terms.mirrored);
                band.first * sums[terms.first as usize]
                    + band.inner * inner
                    + band.last * sums[terms.last as usize]
            }
        }
    }

    fn check(groups: &[BandSums], n: usize, symmetry: Symmetry) {
        let power: Vec<f64> = match symmetry {
            Symmetry::Hermitian => (0..n)
                .map(|k| 1.0 + (k.min(n - k) * 7 % 31) as f64)
                .collect(),
            Symmetry::None => (0..n).map(|k| 1.0 + (k * 7 % 31) as f64).collect(),
        };
        let pieces = Pieces::new(groups, n, symmetry);
        for pair in pieces.ranges.windows(2) {
            assert!(
                pair[0].start < pair[0].end && pair[0].end <= pair[1].start,
                "{pair:?}"
            );
        }
        let sums: Vec<f64> = pieces
            .ranges
            .iter()
            .map(|range| power[range.clone()].iter().sum())
            .collect();
        for (group, terms) in groups.iter().zip(&pieces.terms) {
            for (band, terms) in group.bands.iter().zip(terms) {
                let (got, expected) = (combined(band, terms, &sums), naive(band, &power));
                assert!(
                    (got - expected).abs() <= 1e-12 * expected,
                    "{band:?} of {n}: {got}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn no_bin_in_any_band() {
        let pieces = Pieces::new(&[group(iter::once(5..5))], 10, Symmetry::Hermitian);
        assert_eq!(pieces.ranges, [Range { start: 0, end: 1 }]);
        assert_eq!(pieces.terms, [[Terms::default()]]);
    }

    #[test]
    fn bands_side_by_side_share_no_piece() {
        let pieces = Pieces::new(&[group([0..4, 4..6])], 40, Symmetry::Hermitian);
        let lengths: Vec<usize> = pieces.ranges.iter().map(|range| range.len()).collect();
        assert_eq!(lengths, [1, 2, 1, 1, 1]);
    }

    proptest! {
        #[test]
        fn sums_of_pieces_are_the_bands(
            n in 1_usize..3000,
            ends in prop::collection::vec((0_usize..3000, 0_usize..3000), 1..40),
            hermitian in any::<bool>(),
        ) {
            let bins: Vec<_> = ends.into_iter().map(|(a, b)| (a % n).min(b % (n + 1))..(a % n).max(b % (n + 1))).collect();
            let (left, right) = bins.split_at(bins.len() / 2);
            let symmetry = if hermitian { Symmetry::Hermitian } else { Symmetry::None };
            check(&[group(left.to_vec()), group(right.to_vec())], n, symmetry);
        }
    }
}
