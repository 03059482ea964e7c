//! Butterworth filters as transfer functions, which is how distpy has them: for its numbers only.
//!
//! The coefficients of a polynomial of high order with roots close to one lose digits: at low corners the filter is inaccurate,
//! and lower still unstable. [`super::sos`] has the filter that is right.

use std::f64::consts::PI;

use num_complex::Complex;

use super::sos::Padding;

/// A filter `b(z) / a(z)`, `a[0]` being 1, with its steady state for a constant input of 1.
#[derive(Debug, Clone)]
pub struct TransferFunction {
    b: Vec<f64>,
    a: Vec<f64>,
    steady: Vec<f64>,
}

/// Which side of the corner passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Below.
    Low,
    /// Above.
    High,
}

impl TransferFunction {
    /// A Butterworth filter with the corner at `wn` times the Nyquist frequency: the analog prototype's poles, moved to the
    /// pre-warped corner and through the bilinear transform, then multiplied out in scipy's order of operations.
    pub fn butter(order: usize, wn: f64, side: Side) -> Self {
        let warped = 4.0 * (PI * wn / 2.0).tan();
        let n = order as f64;
        let prototype = (0..order)
            .map(|k| -n + 1.0 + 2.0 * k as f64)
            .map(|m| -Complex::from_polar(1.0, PI * m / (2.0 * n)));
        let prototype: Vec<Complex<f64>> = prototype.collect();
        let four = Complex::new(4.0, 0.0);
        let (poles, zeros, gain) = match side {
            Side::Low => (
                prototype.iter().map(|p| p * warped).collect::<Vec<_>>(),
                0,
                warped.powi(order as i32),
            ),
            Side::High => {
                let gain = (1.0 / prototype.iter().map(|p| -p).product::<Complex<f64>>()).re;
                (
                    prototype
                        .iter()
                        .map(|&p| quotient(warped.into(), p))
                        .collect(),
                    order,
                    gain,
                )
            }
        };
        let scale =
            four.powi(zeros as i32) / poles.iter().map(|p| four - p).product::<Complex<f64>>();
        let gain = gain * scale.re;
        let digital: Vec<Complex<f64>> =
            poles.iter().map(|p| quotient(four + p, four - p)).collect();
        let mut roots = vec![Complex::new(1.0, 0.0); zeros];
        roots.resize(order, Complex::new(-1.0, 0.0));
        let b = polynomial(&roots)
            .into_iter()
            .map(|v| gain * v)
            .collect::<Vec<_>>();
        let a = polynomial(&digital);
        let steady = steady_state(&b, &a);
        Self { b, a, steady }
    }

    /// Samples by which a row is extended on each side; a row must be longer.
    pub fn extension(&self, padding: Padding) -> usize {
        if padding == Padding::None {
            0
        } else {
            3 * self.a.len()
        }
    }

    /// Filters a row forward and backward, each pass from the steady state of its first sample.
    ///
    /// Panics unless the row is longer than the extension.
    pub fn filtfilt(&self, row: &[f64], padding: Padding) -> Vec<f64> {
        let pad = self.extension(padding);
        let (first, last) = (row[0], row[row.len() - 1]);
        let beyond = |end: f64, inner: f64| match padding {
            Padding::Odd => 2.0 * end - inner,
            Padding::Constant => end,
            _ => inner,
        };
        let mut y: Vec<f64> = (1..=pad).rev().map(|k| beyond(first, row[k])).collect();
        y.extend_from_slice(row);
        y.extend((1..=pad).map(|k| beyond(last, row[row.len() - 1 - k])));
        for _ in 0..2 {
            self.filter(&mut y);
            y.reverse();
        }
        y.truncate(y.len() - pad);
        y.drain(..pad);
        y
    }

    /// One pass in the transposed direct form II.
    fn filter(&self, row: &mut [f64]) {
        let mut state: Vec<f64> = self.steady.iter().map(|s| s * row[0]).collect();
        let last = state.len() - 1;
        for sample in row {
            let x = *sample;
            let y = self.b[0] * x + state[0];
            for k in 0..last {
                state[k] = self.b[k + 1] * x + state[k + 1] - self.a[k + 1] * y;
            }
            state[last] = self.b[last + 1] * x - self.a[last + 1] * y;
            *sample = y;
        }
    }
}

/// A complex quotient by Smith's method, which is numpy's order of rounding.
fn quotient(a: Complex<f64>, b: Complex<f64>) -> Complex<f64> {
    if b.re.abs() >= b.im.abs() {
        let ratio = b.im / b.re;
        let scale = 1.0 / (b.re + b.im * ratio);
        Complex::new((a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale)
    } else {
        let ratio = b.re / b.im;
        let scale = 1.0 / (b.im + b.re * ratio);
        Complex::new((a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale)
    }
}

/// Coefficients of the polynomial with these roots, which are real or come in conjugate pairs; highest power first. Products
/// are summed by real and imaginary parts, which is numpy's order of rounding.
fn polynomial(roots: &[Complex<f64>]) -> Vec<f64> {
    let zero = Complex::new(0.0, 0.0);
    let mut poly = vec![Complex::new(1.0, 0.0)];
    for root in roots {
        let factor = -root;
        let coefficient = |k: usize| {
            let here = poly.get(k).copied().unwrap_or(zero);
            let before = if k > 0 { poly[k - 1] } else { zero };
            let re = (before.re * factor.re + here.re) - before.im * factor.im;
            let im = before.re * factor.im + (before.im * factor.re + here.im);
            Complex::new(re, im)
        };
        poly = (0..=poly.len()).map(coefficient).collect();
    }
    poly.into_iter().map(|v| v.re).collect()
}

/// The state that a constant input of 1 leaves unchanged: `(1 - A^T) z = b - a b0` with the companion matrix `A`.
///
/// At low corners the matrix is nearly singular and the order of rounding reaches the ninth digit of the filtered row. This is
/// the order in which numpy's solver works: elimination column by column, each from sums of products.
fn steady_state(b: &[f64], a: &[f64]) -> Vec<f64> {
    let n = a.len() - 1;
    let mut m = vec![vec![0.0; n]; n];
    for (r, row) in m.iter_mut().enumerate() {
        row[r] += 1.0;
        row[0] += a[r + 1];
        if r + 1 < n {
            row[r + 1] -= 1.0;
        }
    }
    let mut z: Vec<f64> = (0..n).map(|r| b[r + 1] - a[r + 1] * b[0]).collect();
    for (row, pivot) in factorise(&mut m).into_iter().enumerate() {
        z.swap(row, pivot);
    }
    for c in 0..n {
        (c + 1..n).for_each(|r| z[r] -= z[c] * m[r][c]);
    }
    for c in (0..n).rev() {
        z[c] /= m[c][c];
        (0..c).for_each(|r| z[r] -= z[c] * m[r][c]);
    }
    z
}

/// Lower and upper factor in place, with row exchanges; the row that each pivot came from.
fn factorise(m: &mut [Vec<f64>]) -> Vec<usize> {
    let n = m.len();
    let mut pivots: Vec<usize> = Vec::with_capacity(n);
    for c in 0..n {
        let mut column: Vec<f64> = m.iter().map(|row| row[c]).collect();
        pivots
            .iter()
            .enumerate()
            .for_each(|(row, &pivot)| column.swap(row, pivot));
        for r in 1..n {
            let known: f64 = (0..r.min(c)).map(|k| m[r][k] * column[k]).sum();
            column[r] -= known;
        }
        let pivot = (c..n)
            .rev()
            .max_by(|&p, &q| column[p].abs().total_cmp(&column[q].abs()))
            .expect("a column");
        for (row, value) in m.iter_mut().zip(&column) {
            row[c] = *value;
        }
        // Only the finished columns: those to come are exchanged when their turn comes.
        let (above, below) = m.split_at_mut(pivot.max(c + 1));
        if pivot != c {
            above[c][..=c].swap_with_slice(&mut below[0][..=c]);
        }
        let reciprocal = 1.0 / m[c][c];
        m[c + 1..].iter_mut().for_each(|row| row[c] *= reciprocal);
        pivots.push(pivot);
    }
    pivots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::sos::{Cascade, Corner};

    /// A nearly singular case: high pass, order 5, at a hundredth of the Nyquist frequency; numpy 1.23's own digits.
    #[test]
    fn the_steady_state_rounds_as_numpys() {
        let state = TransferFunction::butter(5, 0.01, Side::High).steady;
        let numpy = [
            -0.9504358447659436,
            3.8017433785461754,
            -5.702615067069079,
            3.801743377562588,
            -0.9504358442737566,
        ];
        assert_eq!(state, numpy);
    }

    /// Where the form is well-conditioned both filters are the same.
    #[test]
    fn equals_the_sections_at_ordinary_corners() {
        let row: Vec<f64> = (0..300)
            .map(|t| ((t * 37) % 101) as f64 / 50.0 - 1.0)
            .collect();
        for (order, corner, side, section) in [
            (5, 200.0, Side::Low, Corner::Low(200.0)),
            (2, 98.0, Side::High, Corner::High(98.0)),
            (1, 81.0, Side::High, Corner::High(81.0)),
            (4, 62.0, Side::Low, Corner::Low(62.0)),
        ] {
            for padding in [
                Padding::Even,
                Padding::Odd,
                Padding::Constant,
                Padding::None,
            ] {
                let got =
                    TransferFunction::butter(order, corner / 500.0, side).filtfilt(&row, padding);
                let mut want = row.clone();
                let cascade = Cascade::butter(order, section, 1000.0).expect("a filter");
                cascade.filtfilt(&mut want, padding, &mut Vec::new());
                let error = got
                    .iter()
                    .zip(&want)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f64::max);
                assert!(
                    error < 1e-10,
                    "order {order} corner {corner} {padding:?}: {error:e}"
                );
            }
        }
    }
}
