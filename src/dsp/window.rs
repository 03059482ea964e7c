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
    for block in suffix.chunks_mut(length) {
        for k in (0..block.len() - 1).rev() {
            block[k] = op(block[k], block[k + 1]);
        }
    }
    let mut prefix = row[0];
    for (end, &v) in row.iter().enumerate() {
        prefix = if end.is_multiple_of(length) {
            v
        } else {
            op(prefix, v)
        };
        if end + 1 >= length {
            let start = end + 1 - length;
            out[start] = if start.is_multiple_of(length) {
                prefix
            } else {
                op(suffix[start], prefix)
            };
        }
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
