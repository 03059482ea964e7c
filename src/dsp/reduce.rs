//! Sums along an axis, accumulated in double precision.

use ndarray::{Array2, Axis};
use num_complex::Complex;
use num_traits::Zero;

use crate::block::Real;

/// A sample that sums in double precision.
pub trait Summand: Copy + Zero + Send + Sync {
    /// The accumulator.
    type Sum: Copy + Zero + std::ops::AddAssign + Send;
    /// The exact value in double precision.
    fn widen(self) -> Self::Sum;
    /// The nearest sample to `sum * factor`.
    fn narrow(sum: Self::Sum, factor: f64) -> Self;
}

macro_rules! summand {
    ($real:ty) => {
        impl Summand for $real {
            type Sum = f64;
            fn widen(self) -> f64 {
                self.wide()
            }
            fn narrow(sum: f64, factor: f64) -> Self {
                Self::of(sum * factor)
            }
        }

        impl Summand for Complex<$real> {
            type Sum = Complex<f64>;
            fn widen(self) -> Complex<f64> {
                Complex::new(self.re.wide(), self.im.wide())
            }
            fn narrow(sum: Complex<f64>, factor: f64) -> Self {
                Complex::new(Real::of(sum.re * factor), Real::of(sum.im * factor))
            }
        }
    };
}
summand!(f32);
summand!(f64);

/// `factor` times the sum along `axis` (1: each row, 0: each column, none: everything); the axis stays with length 1.
pub fn sum<S: Summand>(x: &Array2<S>, axis: Option<usize>, factor: f64) -> Array2<S> {
    match axis {
        Some(1) => {
            let sums = x
                .rows()
                .into_iter()
                .map(|row| total(row.as_slice().expect("blocks are contiguous")));
            let values: Vec<S> = sums.map(|s| S::narrow(s, factor)).collect();
            Array2::from_shape_vec((x.nrows(), 1), values).expect("one value a row")
        }
        Some(_) => {
            let mut sums = vec![S::Sum::zero(); x.ncols()];
            for row in x.axis_iter(Axis(0)) {
                sums.iter_mut()
                    .zip(&row)
                    .for_each(|(sum, v)| *sum += v.widen());
            }
            Array2::from_shape_vec(
                (1, x.ncols()),
                sums.into_iter().map(|s| S::narrow(s, factor)).collect(),
            )
            .expect("one value a column")
        }
        None => {
            let whole = total(x.as_slice().expect("blocks are contiguous"));
            Array2::from_elem((1, 1), S::narrow(whole, factor))
        }
    }
}

/// numpy's sum of single-precision samples, rounding for rounding: rows and whole blocks pairwise, columns one after the other.
pub fn numpy_single(x: &Array2<f32>, axis: Option<usize>) -> Array2<f32> {
    let rows = x.rows().into_iter();
    match axis {
        Some(1) => rows
            .map(|row| pairwise(row.as_slice().expect("blocks are contiguous")))
            .collect::<ndarray::Array1<f32>>()
            .insert_axis(Axis(1)),
        Some(_) => x
            .fold_axis(Axis(0), 0.0, |sum, v| sum + v)
            .insert_axis(Axis(0)),
        None => Array2::from_elem(
            (1, 1),
            pairwise(x.as_slice().expect("blocks are contiguous")),
        ),
    }
}

/// Halves down to runs of 128, which eight sums walk together.
fn pairwise(run: &[f32]) -> f32 {
    const LANES: usize = 8;
    if run.len() < LANES {
        return run.iter().fold(0.0, |sum, v| sum + v);
    }
    if run.len() > 128 {
        let half = run.len() / 2;
        let (left, right) = run.split_at(half - half % LANES);
        return pairwise(left) + pairwise(right);
    }
    let (whole, rest) = run.as_chunks::<LANES>();
    let r = whole[1..].iter().fold(whole[0], |mut lanes, eight| {
        lanes.iter_mut().zip(eight).for_each(|(lane, v)| *lane += v);
        lanes
    });
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    rest.iter().fold(sum, |sum, v| sum + v)
}

/// The smallest and the largest of some samples, both NaN where a sample is.
pub fn extremes<T: Real>(run: &[T]) -> (T, T) {
    const LANES: usize = 8;
    let first = run[0];
    let (mut low, mut high) = ([first; LANES], [first; LANES]);
    // Zero, or NaN after a sample that is NaN or infinite: what the compiler can vectorise, unlike a test.
    let mut odd = [T::zero(); LANES];
    let (eights, rest) = run.as_chunks::<LANES>();
    for eight in eights {
        for k in 0..LANES {
            let v = eight[k];
            low[k] = if v < low[k] { v } else { low[k] };
            high[k] = if v > high[k] { v } else { high[k] };
            odd[k] += v * T::zero();
        }
    }
    if odd.iter().any(|v| v.is_nan()) && run.iter().any(|v| v.is_nan()) {
        return (T::NAN, T::NAN);
    }
    let all = |lanes: [T; LANES], op: fn(T, T) -> T| {
        let values = lanes.into_iter().chain(rest.iter().copied());
        values.fold(first, op)
    };
    (all(low, T::minimum), all(high, T::maximum))
}

/// The median: of an even number the mean of the two in the middle; none of no samples. The samples are reordered.
pub fn median(samples: &mut [f64]) -> Option<f64> {
    let n = samples.len();
    if n == 0 {
        return None;
    }
    let (below, &mut middle, _) = samples.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return Some(middle);
    }
    let other = below.iter().copied().max_by(f64::total_cmp)?;
    Some(0.5 * (other + middle))
}

/// Central moments of samples.
#[derive(Debug)]
pub struct Moments<'a> {
    /// Number of samples.
    pub count: usize,
    /// The second central moment.
    pub variance: f64,
    deviations: &'a [f64],
}

impl<'a> Moments<'a> {
    /// Of samples without their NaNs; none where they are all equal, as far as rounding allows to tell (scipy's rule).
    pub fn of(samples: &'a mut Vec<f64>) -> Option<Self> {
        samples.retain(|v| !v.is_nan());
        let mean = total(samples) / samples.len() as f64;
        let moments = Self::about(samples, mean);
        let least = (1e-15 * mean).powi(2);
        (moments.variance > least).then_some(moments)
    }

    /// Of samples without a NaN.
    pub fn about_mean(samples: &'a mut [f64]) -> Self {
        let mean = total(samples) / samples.len() as f64;
        Self::about(samples, mean)
    }

    fn about(samples: &'a mut [f64], mean: f64) -> Self {
        samples.iter_mut().for_each(|v| *v -= mean);
        let squares: f64 = samples.iter().map(|v| v * v).sum();
        Self {
            count: samples.len(),
            variance: squares / samples.len() as f64,
            deviations: samples,
        }
    }

    /// The central moment of an order.
    pub fn central(&self, order: i32) -> f64 {
        let powers: f64 = self.deviations.iter().map(|v| v.powi(order)).sum();
        powers / self.count as f64
    }
}

/// Sum of the natural logarithms: one logarithm of the product of many mantissas, and a count of exponents.
pub fn logarithms(run: &[f64]) -> f64 {
    const LANES: usize = 8;
    const MANTISSA: u64 = (1 << 52) - 1;
    const ONE: u64 = 1023 << 52;
    // A mantissa is less than 2: the products of this many stay finite.
    const BLOCK: usize = 1000 * LANES;
    if !run.iter().all(|v| v.is_normal() && *v > 0.0) {
        return run.iter().map(|v| v.ln()).sum();
    }
    let mut sum = 0.0;
    let mut exponents = 0;
    for block in run.chunks(BLOCK) {
        let mut products = [1.0; LANES];
        let mut powers = [0_u64; LANES];
        let (eights, rest) = block.as_chunks::<LANES>();
        let mut factor = |k: usize, v: f64| {
            let bits = v.to_bits();
            products[k] *= f64::from_bits(bits & MANTISSA | ONE);
            powers[k] += bits >> 52;
        };
        for eight in eights {
            (0..LANES).for_each(|k| factor(k, eight[k]));
        }
        rest.iter().enumerate().for_each(|(k, &v)| factor(k, v));
        sum += products.iter().map(|p: &f64| p.ln()).sum::<f64>();
        exponents += powers.iter().sum::<u64>() as i64 - 1023 * block.len() as i64;
    }
    sum + exponents as f64 * std::f64::consts::LN_2
}

/// Position of the first largest value; of the first NaN where there is one. `None` of no samples.
pub fn largest<T: Real>(run: &[T]) -> Option<usize> {
    const LANES: usize = 8;
    // Only the first block that has the largest value is searched for its place.
    const BLOCK: usize = 512;
    let mut best: Option<(usize, T)> = None;
    for (k, block) in run.chunks(BLOCK).enumerate() {
        let mut high = [block[0]; LANES];
        let mut odd = [T::zero(); LANES];
        let (eights, rest) = block.as_chunks::<LANES>();
        for eight in eights {
            for lane in 0..LANES {
                let v = eight[lane];
                high[lane] = if v > high[lane] { v } else { high[lane] };
                odd[lane] += v * T::zero();
            }
        }
        if (odd.iter().any(|v| v.is_nan()) || rest.iter().any(|v| v.is_nan()))
            && let Some(at) = block.iter().position(|v| v.is_nan())
        {
            return Some(k * BLOCK + at);
        }
        let all = high.iter().chain(rest);
        let high = all.fold(block[0], |a, &b| if b > a { b } else { a });
        if best.is_none_or(|(_, value)| high > value) {
            best = Some((k, high));
        }
    }
    let (k, value) = best?;
    let block = &run[k * BLOCK..];
    block
        .iter()
        .position(|v| *v == value)
        .map(|at| k * BLOCK + at)
}

/// Sum of a run of samples; blocks bound the rounding error, lanes let the compiler vectorise.
pub fn total<S: Summand>(run: &[S]) -> S::Sum {
    const LANES: usize = 8;
    const BLOCK: usize = 1024;
    let mut total = S::Sum::zero();
    for block in run.chunks(BLOCK) {
        let mut lanes = [S::Sum::zero(); LANES];
        let whole = block.chunks_exact(LANES);
        for v in whole.remainder() {
            lanes[0] += v.widen();
        }
        for eight in whole {
            lanes
                .iter_mut()
                .zip(eight)
                .for_each(|(lane, v)| *lane += v.widen());
        }
        let mut sum = S::Sum::zero();
        lanes.into_iter().for_each(|lane| sum += lane);
        total += sum;
    }
    total
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn logarithms_add_up(run in prop::collection::vec(1e-300..1e300_f64, 1..20000)) {
            let plain: f64 = run.iter().map(|v| v.ln()).sum();
            let scale: f64 = run.iter().map(|v| v.ln().abs()).sum();
            prop_assert!((logarithms(&run) - plain).abs() <= 1e-13 * scale.max(1.0));
        }

        #[test]
        fn the_largest_is_the_first_one(
            run in prop::collection::vec((-3..3_i8).prop_map(f64::from), 1..2000),
            odd in prop::collection::vec((0..2000_usize, prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY])), 0..3),
        ) {
            let mut run = run;
            let n = run.len();
            odd.iter().for_each(|&(at, v)| run[at % n] = v);
            let mut best = 0;
            for (k, &v) in run.iter().enumerate() {
                if v > run[best] || (v.is_nan() && !run[best].is_nan()) {
                    best = k;
                }
            }
            prop_assert_eq!(largest(&run), Some(best));
        }
    }

    #[test]
    fn logarithms_of_what_has_none() {
        assert_eq!(logarithms(&[1.0, 0.0]), f64::NEG_INFINITY);
        assert_eq!(logarithms(&[1.0, f64::INFINITY]), f64::INFINITY);
        assert!(logarithms(&[1.0, -1.0]).is_nan() && logarithms(&[f64::NAN]).is_nan());
        assert!((logarithms(&[5e-324; 3]) - 3.0 * 5e-324_f64.ln()).abs() < 1e-9);
    }
}
