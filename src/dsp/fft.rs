//! Discrete Fourier transforms of rows, for both precisions: rustfft, and realfft over it for real rows.
//!
//! Conventions are numpy's: forward unscaled with `exp(-2 pi i k t / n)`, inverse scaled by `1/n`.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use ndarray::{Array2, ArrayView2};
use num_complex::Complex;
use num_traits::Zero;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use super::rows;
use crate::block::Real;

/// Lengths whose plans are kept. Chunks at gaps have lengths of their own; a run of weeks does not keep the plans of all.
pub const MOST_LENGTHS: usize = 256;

/// The planners of one precision; they keep the plans that they made, as long as these are not of too many lengths.
pub struct Planners<T: Real> {
    real: RealFftPlanner<T>,
    complex: FftPlanner<T>,
    lengths: HashSet<usize>,
}

impl<T: Real> Planners<T> {
    fn new() -> Self {
        Self {
            real: RealFftPlanner::new(),
            complex: FftPlanner::new(),
            lengths: HashSet::new(),
        }
    }

    /// The planners, which are to make a plan of `n` samples now.
    fn of_length(&mut self, n: usize) -> &mut Self {
        if self.lengths.insert(n) && self.lengths.len() > MOST_LENGTHS {
            *self = Self::new();
            self.lengths.insert(n);
        }
        self
    }
}

/// A precision with its process-wide planners.
pub trait Planned: Real {
    /// Exclusive use of the planners.
    fn planners() -> MutexGuard<'static, Planners<Self>>;
}

macro_rules! planned {
    ($type:ty) => {
        impl Planned for $type {
            fn planners() -> MutexGuard<'static, Planners<Self>> {
                static PLANNERS: LazyLock<Mutex<Planners<$type>>> =
                    LazyLock::new(|| Mutex::new(Planners::new()));
                // A planner that panicked is still usable: it keeps finished plans only.
                PLANNERS
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner())
            }
        }
    };
}
planned!(f32);
planned!(f64);

/// The plan for real rows of `n` samples.
pub fn real_plan<T: Planned>(n: usize) -> Arc<dyn RealToComplex<T>> {
    T::planners().of_length(n).real.plan_fft_forward(n)
}

/// The plan back to real rows of `n` samples, unscaled.
pub fn real_inverse_plan<T: Planned>(n: usize) -> Arc<dyn ComplexToReal<T>> {
    T::planners().of_length(n).real.plan_fft_inverse(n)
}

/// A direction of transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From time to frequency, unscaled.
    Forward,
    /// From frequency to time, scaled by `1/n`.
    Inverse,
}

fn complex_plan<T: Planned>(n: usize, direction: Direction) -> Arc<dyn Fft<T>> {
    match direction {
        Direction::Forward => T::planners().of_length(n).complex.plan_fft_forward(n),
        Direction::Inverse => T::planners().of_length(n).complex.plan_fft_inverse(n),
    }
}

/// The full spectrum of each real row: (rows, n) to (rows, n), the second half from the first by symmetry.
pub fn real_rows<T: Planned>(x: &Array2<T>) -> Array2<Complex<T>> {
    let n = x.ncols();
    let plan = real_plan::<T>(n);
    let scratch = || (plan.make_input_vec(), plan.make_scratch_vec());
    rows::each(x, n, scratch, |from, to, (row, scratch)| {
        row.copy_from_slice(from);
        let (half, mirror) = to.split_at_mut(n / 2 + 1);
        plan.process_with_scratch(row, half, scratch)
            .expect("lengths are the plan's");
        for (to, from) in mirror.iter_mut().rev().zip(&half[1..]) {
            *to = from.conj();
        }
    })
}

/// Transforms each complex row in place.
pub fn complex_rows<T: Planned>(x: &mut Array2<Complex<T>>, direction: Direction) {
    let n = x.ncols();
    let plan = complex_plan::<T>(n, direction);
    let scratch = || vec![Complex::zero(); plan.get_inplace_scratch_len()];
    let scale = T::of(1.0 / n as f64);
    rows::in_place(x, scratch, |_, row, scratch| {
        plan.process_with_scratch(row, scratch);
        if direction == Direction::Inverse {
            row.iter_mut().for_each(|v| *v = v.scale(scale));
        }
    });
}

/// Transforms along both axes.
pub fn both<T: Planned>(mut x: Array2<Complex<T>>, direction: Direction) -> Array2<Complex<T>> {
    complex_rows(&mut x, direction);
    let mut columns = transposed(x.view());
    complex_rows(&mut columns, direction);
    transposed(columns.view())
}

/// A contiguous transposed copy, made in square patches so that both sides stay in cache.
pub fn transposed<V: Copy + Zero>(x: ArrayView2<'_, V>) -> Array2<V> {
    const PATCH: usize = 32;
    let (rows, cols) = x.dim();
    let mut out = Array2::zeros((cols, rows));
    for row in (0..rows).step_by(PATCH) {
        for col in (0..cols).step_by(PATCH) {
            for c in col..(col + PATCH).min(cols) {
                for r in row..(row + PATCH).min(rows) {
                    out[(c, r)] = x[(r, c)];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{MOST_LENGTHS, Planned, real_plan};

    #[test]
    fn plans_of_many_lengths_are_not_all_kept() {
        for n in 1..=2 * MOST_LENGTHS + 10 {
            assert_eq!(real_plan::<f32>(n).len(), n);
            assert!(f32::planners().lengths.len() <= MOST_LENGTHS);
        }
    }
}
