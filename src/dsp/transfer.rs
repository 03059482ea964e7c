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
                (prototype.iter().map(|p| warped / p).collect(), order, gain)
            }
        };
        let scale =
            four.powi(zeros as i32) / poles.iter().map(|p| four - p).product::<Complex<f64>>();
        let gain = gain * scale.re;
        let digital: Vec<Complex<f64>> = poles.iter().map(|p| (four + p) / (four - p)).collect();
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

/// Coefficients of the polynomial with these roots, which are real or come in conjugate pairs; highest power first.
fn polynomial(roots: &[Complex<f64>]) -> Vec<f64> {
    let one = Complex::new(1.0, 0.0);
    let mut poly = vec![one];
    for root in roots {
        let mut next = vec![Complex::new(0.0, 0.0); poly.len() + 1];
        for (k, v) in poly.iter().enumerate() {
            next[k] += v;
            next[k + 1] -= v * root;
        }
        poly = next;
    }
    poly.into_iter().map(|v| v.re).collect()
}

/// The state that a constant input of 1 leaves unchanged: `(1 - A^T) z = b - a b0` with the companion matrix `A`, eliminated
/// with pivots.
fn steady_state(b: &[f64], a: &[f64]) -> Vec<f64> {
    let n = a.len() - 1;
    let mut rows: Vec<Vec<f64>> = (0..n)
        .map(|r| {
            let mut row = vec![0.0; n + 1];
            row[r] += 1.0;
            row[0] += a[r + 1];
            if r + 1 < n {
                row[r + 1] -= 1.0;
            }
            row[n] = b[r + 1] - a[r + 1] * b[0];
            row
        })
        .collect();
    for col in 0..n {
        let pivot = (col..n)
            .max_by(|&p, &q| rows[p][col].abs().total_cmp(&rows[q][col].abs()))
            .expect("a column");
        rows.swap(col, pivot);
        let (upper, lower) = rows.split_at_mut(col + 1);
        let top = &upper[col];
        for row in lower {
            let factor = row[col] / top[col];
            row.iter_mut()
                .zip(top)
                .skip(col)
                .for_each(|(v, t)| *v -= factor * t);
        }
    }
    let mut z = vec![0.0; n];
    for r in (0..n).rev() {
        let known: f64 = (r + 1..n).map(|c| rows[r][c] * z[c]).sum();
        z[r] = (rows[r][n] - known) / rows[r][r];
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::sos::{Cascade, Corner};

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
