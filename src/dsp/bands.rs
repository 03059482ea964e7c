//! Frequency bands: sums of a row's power spectrum over ranges of bins.

mod power;

use std::ops::Range;
use std::sync::Arc;

use ndarray::Array2;
use num_complex::Complex;

use crate::block::Real;

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

impl BandSums {
    /// What is reported of a band's energy in a row.
    fn value(&self, energy: f64, row: usize) -> f64 {
        match self.measure {
            Measure::Energy => energy,
            Measure::Rms => energy.sqrt() * self.scale[row],
        }
    }
}

/// Fused transform and bands: real rows in, one (rows, bands) array per group out, no spectrum in memory.
///
/// `first` is the position of `x`'s first row in the whole block. The samples of `x` are used up.
pub fn of_real_rows<T: Real>(
    mut x: Array2<T>,
    groups: &[BandSums],
    first: usize,
) -> Vec<Array2<T>> {
    let (rows, n) = x.dim();
    let plan = power::plan::<T>(n);
    let mut scratch = plan.scratch();
    let segments = Segments::new(groups, n, Bins::Mirrored);
    let mut power = vec![T::zero(); n / 2 + 1];
    tabulate(rows, groups, &segments, first, |r, sums| {
        let mut row = x.row_mut(r);
        let row = row.as_slice_mut().expect("blocks are contiguous");
        plan.of_row(row, &mut power, &mut scratch);
        sums.measure(&power, &segments);
    })
}

/// Bands of an existing full spectrum, whose rows need not come from real data.
pub fn of_spectrum<T: Real>(
    x: &Array2<Complex<T>>,
    groups: &[BandSums],
    first: usize,
) -> Vec<Array2<T>> {
    let segments = Segments::new(groups, x.ncols(), Bins::AsStored);
    let mut power = vec![T::zero(); x.ncols()];
    tabulate(x.nrows(), groups, &segments, first, |r, sums| {
        for (power, bin) in power.iter_mut().zip(&x.row(r)) {
            *power = bin.norm_sqr();
        }
        sums.measure(&power, &segments);
    })
}

fn tabulate<T: Real>(
    rows: usize,
    groups: &[BandSums],
    segments: &Segments,
    first: usize,
    mut measure: impl FnMut(usize, &mut Sums),
) -> Vec<Array2<T>> {
    let mut out: Vec<_> = groups
        .iter()
        .map(|g| Array2::zeros((rows, g.bands.len())))
        .collect();
    let mut sums = Sums {
        inside: vec![0.0; segments.edges.len()],
        ends: vec![(0.0, 0.0); segments.bands.len()],
    };
    for r in 0..rows {
        measure(r, &mut sums);
        let mut bands = segments.bands.iter().zip(&sums.ends);
        for (group, table) in groups.iter().zip(&mut out) {
            for (col, (parts, ends)) in bands.by_ref().take(group.bands.len()).enumerate() {
                table[(r, col)] = T::of(group.value(parts.energy(&sums.inside, *ends), first + r));
            }
        }
    }
    out
}

/// Which bins exist: all as stored, or half of them with the others by symmetry.
#[derive(Clone, Copy, PartialEq)]
enum Bins {
    AsStored,
    Mirrored,
}

/// The bands of all groups cut at each other's edges, so that every bin is read once however many bands hold it.
struct Segments {
    /// Ascending bin numbers; segment `s` holds bins `edges[s]..edges[s + 1]`.
    edges: Vec<usize>,
    bands: Vec<Parts>,
}

/// A band as segments, and what its ends count more or less than the bins between.
struct Parts {
    segments: Vec<Range<usize>>,
    inner: f64,
    /// Stored bin and extra weight of the first and of the last bin.
    ends: [(usize, f64); 2],
}

impl Parts {
    fn energy(&self, sums: &[f64], ends: (f64, f64)) -> f64 {
        let inside: f64 = self.segments.iter().flat_map(|s| &sums[s.clone()]).sum();
        self.inner * inside + self.ends[0].1 * ends.0 + self.ends[1].1 * ends.1
    }
}

impl Segments {
    fn new(groups: &[BandSums], n: usize, bins: Bins) -> Self {
        let bands: Vec<&Band> = groups.iter().flat_map(|g| &g.bands).collect();
        let ranges: Vec<Vec<Range<usize>>> = bands
            .iter()
            .map(|b| stored_ranges(&b.bins, n, bins))
            .collect();
        let mut edges: Vec<usize> = ranges
            .iter()
            .flatten()
            .flat_map(|r| [r.start, r.end])
            .collect();
        edges.sort_unstable();
        edges.dedup();
        let at = |bin: usize| {
            edges
                .binary_search(&bin)
                .expect("every end of a range is an edge")
        };
        let parts = bands.iter().zip(&ranges).map(|(band, ranges)| Parts {
            segments: ranges.iter().map(|r| at(r.start)..at(r.end)).collect(),
            inner: band.inner,
            ends: end_weights(band).map(|(bin, weight)| (stored_bin(bin, n, bins), weight)),
        });
        let bands = parts.collect();
        Self { edges, bands }
    }
}

fn stored_bin(bin: usize, n: usize, bins: Bins) -> usize {
    if bins == Bins::Mirrored && bin > n / 2 {
        n - bin
    } else {
        bin
    }
}

/// A range of bins as ranges of stored ones.
fn stored_ranges(range: &Range<usize>, n: usize, bins: Bins) -> Vec<Range<usize>> {
    let half = n / 2 + 1;
    if range.is_empty() {
        return Vec::new();
    }
    if bins == Bins::AsStored || range.end <= half {
        return vec![range.clone()];
    }
    let mirrored = n + 1 - range.end..n + 1 - range.start.max(half);
    if range.start < half {
        vec![range.start..half, mirrored]
    } else {
        vec![mirrored]
    }
}

/// What the first and the last bin count beside the inner weight.
fn end_weights(band: &Band) -> [(usize, f64); 2] {
    let first = (band.bins.start, band.first - band.inner);
    match band.bins.len() {
        0 => [(0, 0.0), (0, 0.0)],
        1 => [first, (band.bins.start, 0.0)],
        _ => [first, (band.bins.end - 1, band.last - band.inner)],
    }
}

/// The power of one row: inside each segment, and at the ends of each band.
struct Sums {
    inside: Vec<f64>,
    ends: Vec<(f64, f64)>,
}

impl Sums {
    fn measure<T: Real>(&mut self, power: &[T], segments: &Segments) {
        for (sum, edge) in self.inside.iter_mut().zip(segments.edges.windows(2)) {
            *sum = total(&power[edge[0]..edge[1]]);
        }
        let at = |bin: usize| power.get(bin).map_or(0.0, |v| v.wide());
        for (ends, parts) in self.ends.iter_mut().zip(&segments.bands) {
            *ends = (at(parts.ends[0].0), at(parts.ends[1].0));
        }
    }
}

/// A sum: lanes in the data's precision over short runs, which the compiler vectorises, then double precision.
fn total<T: Real>(values: &[T]) -> f64 {
    const LANES: usize = 16;
    const RUN: usize = 512;
    let mut total = 0.0;
    for run in values.chunks(RUN) {
        let mut lanes = [T::zero(); LANES];
        let (whole, rest) = run.as_chunks::<LANES>();
        for some in whole {
            lanes.iter_mut().zip(some).for_each(|(lane, &v)| *lane += v);
        }
        total += rest.iter().chain(&lanes).map(|v| v.wide()).sum::<f64>();
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(bands: &[(Range<usize>, [f64; 3])], measure: Measure, scale: &[f64]) -> BandSums {
        let bands = bands.iter().map(|(bins, [first, inner, last])| Band {
            bins: bins.clone(),
            first: *first,
            inner: *inner,
            last: *last,
        });
        BandSums {
            bands: bands.collect(),
            measure,
            scale: scale.into(),
        }
    }

    /// The definition, bin by bin, on a spectrum by the sum.
    fn naive(row: &[f64], group: &BandSums, at: usize) -> Vec<f64> {
        let n = row.len();
        let power = |k: usize| {
            let bin: Complex<f64> = (0..n)
                .map(|t| {
                    Complex::from_polar(
                        row[t],
                        -2.0 * std::f64::consts::PI * (k * t % n) as f64 / n as f64,
                    )
                })
                .sum();
            bin.norm_sqr()
        };
        let energy = |band: &Band| -> f64 {
            let last = band.bins.end.saturating_sub(1);
            let weight = |k| match k {
                k if k == band.bins.start => band.first,
                k if k == last => band.last,
                _ => band.inner,
            };
            band.bins.clone().map(|k| weight(k) * power(k)).sum()
        };
        group
            .bands
            .iter()
            .map(|band| group.value(energy(band), at))
            .collect()
    }

    #[test]
    fn fused_bands_equal_the_definition() {
        for n in [1, 2, 3, 8, 9, 30, 97] {
            let x = Array2::from_shape_fn((3, n), |(r, t)| {
                ((r * 31 + t * 17) % 23) as f64 - 11.0 + 0.1 * t as f64
            });
            let all = group(
                &[(0..n, [1.0, 2.0, 0.5])],
                Measure::Rms,
                &[9.0, 9.0, 1.0, 0.5, 2.0],
            );
            let some = group(
                &[
                    (0..1, [3.0, 2.0, 1.0]),
                    (n / 3..n / 2 + 1, [1.0, 2.0, 1.0]),
                    (n / 2..n, [2.0, 2.0, 1.0]),
                    (n..n, [1.0; 3]),
                ],
                Measure::Energy,
                &[],
            );
            let groups = [all, some];
            let got = of_real_rows(x.clone(), &groups, 2);
            for (group, table) in groups.iter().zip(&got) {
                for r in 0..3 {
                    let want = naive(x.row(r).as_slice().expect("contiguous"), group, r + 2);
                    for (a, b) in table.row(r).iter().zip(&want) {
                        assert!(
                            (a - b).abs() <= 1e-11 * (1.0 + b.abs()),
                            "n {n} row {r}: {a} for {b}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn single_precision_sums_keep_six_digits() {
        let values: Vec<f32> = (0..100_003).map(|k| (k % 101) as f32 * 0.37).collect();
        let exact: f64 = values.iter().map(|&v| f64::from(v)).sum();
        assert!((total(&values) / exact - 1.0).abs() < 1e-6);
    }
}
