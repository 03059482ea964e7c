//! Sums, maxima and minima over sliding windows, at a cost that does not depend on the window.
//!
//! The method of van Herk (1992) and Gil and Werman (1993): the row is cut into blocks of the window's length; a window is the
//! end of one block and the beginning of the next, so it takes one running result from each. Nothing is ever subtracted, so sums
//! do not drift, and a NaN reaches the windows that hold it and no others.

use std::ops::Add;

use ndarray::Array2;
use num_complex::Complex;
use num_traits::Zero;

use super::edge::Edge;
use super::{fft, rows};
use crate::block::Real;

/// Where a window of samples lies about sample `t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Samples in it.
    pub length: usize,
    /// Samples of it that lie before `t`.
    pub before: usize,
}

impl Window {
    /// Samples of it that lie after `t`.
    pub fn after(self) -> usize {
        self.length - 1 - self.before
    }

    /// Centred as in scipy: one sample more before than after for an even length.
    pub fn centred(length: usize) -> Self {
        Self {
            length,
            before: length / 2,
        }
    }

    /// From `t` on.
    pub fn forward(length: usize) -> Self {
        Self { length, before: 0 }
    }

    /// Up to and with `t`.
    pub fn trailing(length: usize) -> Self {
        Self {
            length,
            before: length - 1,
        }
    }
}

/// Folds every window of `length` samples of `row`: `out[t]` is the fold of `row[t..t + length]`.
///
/// `row` holds `out.len() + length - 1` samples. `op` is associative.
pub fn fold<S: Copy>(
    row: &[S],
    length: usize,
    op: impl Fn(S, S) -> S,
    suffix: &mut Vec<S>,
    out: &mut [S],
) {
    debug_assert_eq!(row.len() + 1, out.len() + length);
    // A short window is folded at once: the compiler works on several windows side by side.
    if length <= 4 {
        let n = out.len();
        out.copy_from_slice(&row[..n]);
        for k in 1..length {
            out.iter_mut()
                .zip(&row[k..])
                .for_each(|(to, &v)| *to = op(*to, v));
        }
        return;
    }
    suffix.clear();
    suffix.extend_from_slice(row);
    backward(suffix, length, &op);
    forward(row, length, suffix, &op, out);
}

/// Blocks whose running results are made side by side: each waits for its own last one only.
const SIDE_BY_SIDE: usize = 4;

/// Running results of each block from its end.
fn backward<S: Copy>(suffix: &mut [S], length: usize, op: &impl Fn(S, S) -> S) {
    let mut groups = suffix.chunks_exact_mut(SIDE_BY_SIDE * length);
    for group in &mut groups {
        let mut running: [S; SIDE_BY_SIDE] = std::array::from_fn(|k| group[(k + 1) * length - 1]);
        for at in (0..length - 1).rev() {
            for (k, running) in running.iter_mut().enumerate() {
                let sample = &mut group[k * length + at];
                *running = op(*sample, *running);
                *sample = *running;
            }
        }
    }
    for block in groups.into_remainder().chunks_mut(length) {
        for k in (0..block.len() - 1).rev() {
            block[k] = op(block[k], block[k + 1]);
        }
    }
}

/// Joins the running results of each block from its beginning with those of the block before from its end.
fn forward<S: Copy>(
    row: &[S],
    length: usize,
    suffix: &[S],
    op: &impl Fn(S, S) -> S,
    out: &mut [S],
) {
    // A window that is a whole block has its result already.
    for start in (0..out.len()).step_by(length) {
        out[start] = suffix[start];
    }
    let joined = |row: &[S], suffix: &[S], out: &mut [S]| {
        let mut prefix = row[0];
        for (k, (to, &before)) in out.iter_mut().zip(suffix).enumerate() {
            if k > 0 {
                prefix = op(prefix, row[k]);
            }
            *to = op(before, prefix);
        }
    };
    let mut start = 0;
    // Windows that begin inside the block at `start` end inside the next one.
    while start + SIDE_BY_SIDE * length < out.len() {
        let mut prefix: [S; SIDE_BY_SIDE] = std::array::from_fn(|k| row[start + (k + 1) * length]);
        for at in 1..length {
            for (k, prefix) in prefix.iter_mut().enumerate() {
                let window = start + k * length + at;
                out[window] = op(suffix[window], *prefix);
                *prefix = op(*prefix, row[window + length]);
            }
        }
        start += SIDE_BY_SIDE * length;
    }
    while start + 1 < out.len() {
        let end = (start + length).min(out.len());
        let next = start + length;
        let windows = start + 1..end;
        joined(
            &row[next..(next + length).min(row.len())],
            &suffix[windows.clone()],
            &mut out[windows],
        );
        start += length;
    }
}

/// Largest sample of each window along each row.
pub fn maxima<T: Real>(x: &Array2<T>, window: Window, edge: Edge) -> Array2<T> {
    over_rows(x, window, edge, T::maximum)
}

/// Smallest sample of each window along each row.
pub fn minima<T: Real>(x: &Array2<T>, window: Window, edge: Edge) -> Array2<T> {
    over_rows(x, window, edge, T::minimum)
}

fn over_rows<T: Real>(
    x: &Array2<T>,
    window: Window,
    edge: Edge,
    op: impl Fn(T, T) -> T + Sync + Send + Copy,
) -> Array2<T> {
    let scratch = || (Vec::new(), Vec::new());
    rows::each(x, x.ncols(), scratch, |row, out, (extended, suffix)| {
        extended.resize(row.len() + window.length - 1, T::zero());
        edge.extend(row, window.before, T::zero(), extended);
        fold(extended, window.length, op, suffix, out);
    })
}

/// A sample that windows sum in double precision.
pub trait Windowed: Copy + Zero + Send + Sync {
    /// The sum.
    type Sum: Copy + Default + Zero + Add<Output = Self::Sum> + Send;
    /// The exact value in double precision.
    fn widen(self) -> Self::Sum;
    /// The nearest sample to `sum * factor`.
    fn narrow(sum: Self::Sum, factor: f64) -> Self;
}

impl<T: Real> Windowed for T {
    type Sum = f64;
    fn widen(self) -> f64 {
        self.wide()
    }
    fn narrow(sum: f64, factor: f64) -> Self {
        T::of(sum * factor)
    }
}

impl<T: Real> Windowed for Complex<T> {
    type Sum = Complex<f64>;
    fn widen(self) -> Complex<f64> {
        Complex::new(self.re.wide(), self.im.wide())
    }
    fn narrow(sum: Complex<f64>, factor: f64) -> Self {
        Complex::new(T::of(sum.re * factor), T::of(sum.im * factor))
    }
}

/// Sums of the windows of one row, which continues beyond its ends as `edge` says.
///
/// `sums` is resized to the row's length; `scratch` is meant to be kept between rows.
pub fn sums<S: Windowed>(
    row: &[S],
    window: Window,
    edge: Edge,
    scratch: &mut Scratch<S::Sum>,
    sums: &mut Vec<S::Sum>,
) {
    let n = row.len();
    let zero = S::Sum::zero();
    sums.clear();
    sums.resize(n, zero);
    // The row in double precision first, so that windows are folded in it.
    sums.iter_mut().zip(row).for_each(|(to, v)| *to = v.widen());
    scratch.extended.resize(n + window.length - 1, zero);
    edge.extend(sums, window.before, zero, &mut scratch.extended);
    fold(
        &scratch.extended,
        window.length,
        |a, b| a + b,
        &mut scratch.suffix,
        sums,
    );
}

/// Buffers that [`sums`] keeps between rows.
#[derive(Debug, Default)]
pub struct Scratch<S> {
    extended: Vec<S>,
    suffix: Vec<S>,
}

/// Mean of each window along each row; at the ends, of the samples that exist.
pub fn shortened_means<S: Windowed>(x: &Array2<S>, window: Window) -> Array2<S> {
    let scratch = || (Scratch::default(), Vec::new());
    let n = x.ncols();
    let after = window.length - window.before;
    rows::each(x, n, scratch, |row, out, (scratch, totals)| {
        sums(row, window, Edge::Constant, scratch, totals);
        for (t, (to, &mut sum)) in out.iter_mut().zip(totals).enumerate() {
            let count = (t + after).min(n) - t.saturating_sub(window.before);
            *to = S::narrow(sum, 1.0 / count as f64);
        }
    })
}

/// Sums over windows along depth and time, zeros beyond the ends.
pub fn box_sums(x: &Array2<f64>, (depth, time): (Window, Window)) -> Array2<f64> {
    let along = |x: &Array2<f64>, window: Window| {
        let scratch = || (Scratch::default(), Vec::new());
        rows::each(x, x.ncols(), scratch, |row, out, (scratch, totals)| {
            sums(row, window, Edge::Constant, scratch, totals);
            out.copy_from_slice(totals);
        })
    };
    let rows = along(x, time);
    let columns = along(&fft::transposed(rows.view()), depth);
    fft::transposed(columns.view())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every length of row and window against windows folded one by one.
    #[test]
    fn folds_equal_windows_one_by_one() {
        let row: Vec<f64> = (0..90).map(|t| f64::from((t * 37) % 31)).collect();
        for n in 1..90 {
            for length in 1..=n {
                let row = &row[..n];
                let mut out = vec![0.0; n + 1 - length];
                let want = |op: fn(f64, f64) -> f64| -> Vec<f64> {
                    let fold = |w: &[f64]| w.iter().copied().reduce(op).expect("a window");
                    row.windows(length).map(fold).collect()
                };
                fold(row, length, f64::max, &mut Vec::new(), &mut out);
                assert_eq!(out, want(f64::max), "{n} {length}");
                fold(row, length, |a, b| a + b, &mut Vec::new(), &mut out);
                assert_eq!(out, want(|a, b| a + b), "{n} {length}");
            }
        }
    }
}
