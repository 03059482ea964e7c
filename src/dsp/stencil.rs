//! Weighted sums over a neighbourhood: correlation along one axis or with a small kernel.

use std::ops::{AddAssign, Mul};

use ndarray::Array2;
use num_traits::Zero;

use super::edge::Edge;
use super::rows;
use crate::block::Real;

/// A sample that can be weighted with a real number and summed: real or complex.
pub trait Weighted<T>: Copy + Zero + AddAssign + Mul<T, Output = Self> + Send + Sync {}
impl<T, S: Copy + Zero + AddAssign + Mul<T, Output = S> + Send + Sync> Weighted<T> for S {}

/// `y[i, t] = sum over k, l of w[k, l] x[i + k - origin.0, t + l - origin.1]`, zero weights left out.
pub fn correlate<T: Real, S: Weighted<T>>(
    x: &Array2<S>,
    weights: &Array2<f64>,
    origin: (usize, usize),
    edge: Edge,
) -> Array2<S> {
    let (nx, nt) = x.dim();
    let (height, width) = weights.dim();
    let wide = nt + width - 1;
    // Rows are extended once, not for every neighbour that reads them.
    let extended = rows::each(
        x,
        wide,
        || (),
        |row, out, ()| {
            edge.extend(row, origin.1, S::zero(), out);
        },
    );
    let extended = extended.as_slice().expect("a new array is contiguous");
    rows::make(nx, nt, Vec::new, |i, out, taps| {
        taps.clear();
        for k in 0..height {
            let at = i as isize + k as isize - origin.0 as isize;
            let Some(row) = edge.index(at, nx) else {
                continue;
            };
            let row = &extended[row * wide..(row + 1) * wide];
            let weights = (0..width).map(|l| (&row[l..l + nt], T::of(weights[(k, l)])));
            taps.extend(weights.filter(|(_, weight)| !weight.is_zero()));
        }
        weigh(taps, out);
    })
}

/// The same along depth: `y[i, t] = sum over k of w[k] x[i + k - origin, t]`.
pub fn correlate_depth<T: Real, S: Weighted<T>>(
    x: &Array2<S>,
    weights: &[f64],
    origin: usize,
    edge: Edge,
) -> Array2<S> {
    let weights = Array2::from_shape_vec((weights.len(), 1), weights.to_vec()).expect("a column");
    correlate(x, &weights, (origin, 0), edge)
}

/// The same along time: `y[i, t] = sum over l of w[l] x[i, t + l - origin]`.
pub fn correlate_time<T: Real, S: Weighted<T>>(
    x: &Array2<S>,
    weights: &[f64],
    origin: usize,
    edge: Edge,
) -> Array2<S> {
    let wide = x.ncols() + weights.len() - 1;
    let nt = x.ncols();
    let weights = weights.iter().enumerate();
    let weights: Vec<(usize, T)> = weights
        .map(|(l, &weight)| (l, T::of(weight)))
        .filter(|(_, weight)| !weight.is_zero())
        .collect();
    rows::each(
        x,
        nt,
        || vec![S::zero(); wide],
        |row, out, extended| {
            edge.extend(row, origin, S::zero(), extended);
            let taps: Vec<(&[S], T)> = weights
                .iter()
                .map(|&(l, weight)| (&extended[l..l + nt], weight))
                .collect();
            weigh(&taps, out);
        },
    )
}

/// Samples of a result that are summed together: they stay in registers while the taps go over them.
const TOGETHER: usize = 16;

/// `out[t]` is the sum of each tap's sample `t` times its weight.
fn weigh<T: Real, S: Weighted<T>>(taps: &[(&[S], T)], out: &mut [S]) {
    let whole = out.len() / TOGETHER * TOGETHER;
    let (chunks, rest) = out.as_chunks_mut::<TOGETHER>();
    for (c, to) in chunks.iter_mut().enumerate() {
        let mut sums = [S::zero(); TOGETHER];
        for (samples, weight) in taps {
            let samples = &samples[c * TOGETHER..(c + 1) * TOGETHER];
            for (sum, &v) in sums.iter_mut().zip(samples) {
                *sum += v * *weight;
            }
        }
        *to = sums;
    }
    for (t, to) in rest.iter_mut().enumerate() {
        for (samples, weight) in taps {
            *to += samples[whole + t] * *weight;
        }
    }
}

/// A Gaussian of standard deviation `sigma` samples, cut at `int(4 sigma + 0.5)` and normalised, times the polynomial that makes it
/// its own derivative of order `order`; reversed, as [`correlate`] takes it (scipy's `gaussian_filter`).
pub fn gaussian(sigma: f64, order: usize) -> Vec<f64> {
    let radius = (4.0 * sigma + 0.5) as i64;
    let square = sigma * sigma;
    let bell: Vec<f64> = (-radius..=radius)
        .map(|t| (-0.5 / square * (t * t) as f64).exp())
        .collect();
    let total: f64 = bell.iter().sum();
    // q(t) with q' - t / sigma^2 q for each order, lowest power first.
    let mut q = vec![1.0];
    for _ in 0..order {
        let mut next = vec![0.0; q.len() + 1];
        for (power, &c) in q.iter().enumerate() {
            if power > 0 {
                next[power - 1] += power as f64 * c;
            }
            next[power + 1] -= c / square;
        }
        q = next;
    }
    let polynomial = |t: f64| q.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let mut weights: Vec<f64> = (-radius..=radius)
        .zip(&bell)
        .map(|(t, bell)| polynomial(t as f64) * bell / total)
        .collect();
    weights.reverse();
    weights
}
