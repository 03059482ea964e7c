//! Limits: which values get the first and the last colour of a map.

use super::colormap::Colormap;
use super::reduce::{Grid, Row, Rows};
use super::scene::{Image, NOTHING};

/// How values are laid along a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// As they are.
    #[default]
    Linear,
    /// By their logarithm.
    Log,
    /// In decibels: 20 log10 of their magnitude, as values are amplitudes.
    Decibel,
}

/// How limits are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clip {
    /// At two percentiles of the pixels that are drawn, as outliers must not take the colours of the rest.
    Percentiles(f64, f64),
    /// At two values.
    Fixed(f64, f64),
    /// At so many standard deviations of all samples to either side of their mean, as distpy's thumbnails have it.
    Deviations(f64),
    /// At 0 and at ten times the largest of the values that differ from the median by less than three times the median
    /// absolute deviation, as distpy's plots have it.
    Despiked,
    /// Alike to either side of 0, at a percentile of the magnitudes of the pixels: for signed data.
    Symmetric(f64),
}

/// Two values and what lies between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// What gets the first colour, in the scale's unit.
    pub low: f64,
    /// What gets the last.
    pub high: f64,
    /// How values are laid out.
    pub scale: Scale,
}

impl Scale {
    /// A value in the scale's unit; NaN where it has none.
    pub fn of(self, value: f64) -> f64 {
        match self {
            Scale::Linear => value,
            Scale::Log if value > 0.0 => value.log10(),
            Scale::Log => f64::NAN,
            // What is zero is below every limit.
            Scale::Decibel => 20.0 * value.abs().log10(),
        }
    }
}

impl Limits {
    /// Chooses limits for the pixels of a grid; `all` are the samples that they are of.
    ///
    /// Data of one value get limits around it, and data without values 0 and 1.
    pub fn choose(clip: Clip, scale: Scale, grid: &Grid, all: &[&dyn Rows]) -> Self {
        let drawn = || {
            let values = grid.values.iter().map(|v| scale.of((*v).into()));
            values.filter(|v| v.is_finite())
        };
        let (low, high) = match clip {
            Clip::Fixed(low, high) => (scale.of(low), scale.of(high)),
            Clip::Percentiles(low, high) => {
                let mut values: Vec<f64> = drawn().collect();
                (percentile(&mut values, low), percentile(&mut values, high))
            }
            Clip::Symmetric(part) => {
                let mut values: Vec<f64> = drawn().map(f64::abs).collect();
                match percentile(&mut values, part) {
                    // Nothing but zeros is in the middle.
                    0.0 => (-1.0, 1.0),
                    most => (-most, most),
                }
            }
            Clip::Deviations(times) => {
                let Moments {
                    mean, deviation, ..
                } = Moments::of(all);
                (
                    scale.of(mean - times * deviation),
                    scale.of(mean + times * deviation),
                )
            }
            Clip::Despiked => (scale.of(0.0), scale.of(10.0 * despiked(&mut sample(all)))),
        };
        Self::sound(low, high, scale)
    }

    fn sound(low: f64, high: f64, scale: Scale) -> Self {
        let (low, high) = match (low.is_finite(), high.is_finite()) {
            (true, true) => (low.min(high), low.max(high)),
            // A logarithm of zero: the limit is far below the other.
            (false, true) => (high - if scale == Scale::Log { 6.0 } else { 120.0 }, high),
            (true, false) => (low, low + 1.0),
            (false, false) => (0.0, 1.0),
        };
        let (low, high) = if high - low > 1e-12 * high.abs().max(low.abs()) {
            (low, high)
        } else if low == 0.0 {
            (0.0, 1.0)
        } else {
            (low - low.abs() / 2.0, high + high.abs() / 2.0)
        };
        Self { low, high, scale }
    }

    /// Where a value lies between the limits: 0 to 1; NaN where it is none.
    pub fn place(&self, value: f64) -> f64 {
        let value = match (self.scale, self.scale.of(value)) {
            (Scale::Log, v) if v.is_nan() && !value.is_nan() => return 0.0,
            (_, v) => v,
        };
        (value - self.low) / (self.high - self.low)
    }
}

/// A grid's colours; grey where it has no value.
pub fn coloured(grid: &Grid, map: &Colormap, limits: &Limits) -> Image {
    let pixel = |v: &f32| {
        let place = limits.place((*v).into());
        map.colour(place).unwrap_or(NOTHING)
    };
    Image {
        width: grid.width as u32,
        height: grid.height as u32,
        rgb: grid.values.iter().flat_map(pixel).collect(),
    }
}

/// The value below which a percentage of the values lies, the nearest of them; NaN for none.
fn percentile(values: &mut [f64], percent: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let at = (percent / 100.0 * (values.len() - 1) as f64).round() as usize;
    let at = at.min(values.len() - 1);
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Mean and spread of all samples but NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Number of samples.
    pub count: f64,
    /// Their mean; NaN for none.
    pub mean: f64,
    /// Their standard deviation, of the population.
    pub deviation: f64,
}

impl Moments {
    /// In one walk through the arrays; each row by itself in two, which loses nothing to a large mean.
    pub fn of(all: &[&dyn Rows]) -> Self {
        use rayon::prelude::*;
        const ROWS: usize = 64;
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for array in all {
            let rows = array.shape().0;
            let parts: Vec<Vec<[f64; 3]>> = (0..rows.div_ceil(ROWS))
                .into_par_iter()
                .map(|part| {
                    let mut found = Vec::with_capacity(ROWS);
                    let rows = part * ROWS..rows.min((part + 1) * ROWS);
                    array.visit(rows, &mut |row| {
                        found.push(match row {
                            Row::F32(values) => of_row(values),
                            Row::F64(values) => of_row(values),
                        });
                    });
                    found
                })
                .collect();
            for [n, m, s] in parts.into_iter().flatten().filter(|row| row[0] > 0.0) {
                let total = count + n;
                let apart = m - mean;
                squares += s + apart * apart * count * n / total;
                mean += apart * n / total;
                count = total;
            }
        }
        Self {
            count,
            mean: if count > 0.0 { mean } else { f64::NAN },
            deviation: (squares / count).sqrt(),
        }
    }
}

/// Number, mean and sum of squared distances from it.
fn of_row<T: crate::block::Real>(row: &[T]) -> [f64; 3] {
    // Sums in eight parts are as fast as the processor allows, and closer than one.
    let summed = |of: &dyn Fn(f64) -> f64| {
        let mut parts = [0.0; 8];
        for eight in row.chunks(8) {
            for (part, value) in parts.iter_mut().zip(eight) {
                *part += of(value.wide());
            }
        }
        parts.iter().sum::<f64>()
    };
    let finite = |v: f64| if v.is_finite() { v } else { 0.0 };
    let plain = summed(&|v| v);
    let n = if plain.is_finite() {
        row.len() as f64
    } else {
        summed(&|v| f64::from(u8::from(v.is_finite())))
    };
    let mean = if plain.is_finite() {
        plain / n
    } else {
        summed(&finite) / n
    };
    let squares = summed(&|v| {
        let apart = if v.is_finite() { v - mean } else { 0.0 };
        apart * apart
    });
    [n, mean, squares]
}

/// Largest number of values that order statistics look at: of larger arrays every so-many-th row and column.
const MOST: usize = 4_000_000;

/// The values of arrays, or evenly spread ones of them where there are very many.
fn sample(all: &[&dyn Rows]) -> Vec<f64> {
    let shapes = all.iter().map(|array| array.shape());
    let total: usize = shapes.map(|(rows, cols)| rows * cols).sum();
    // As many are left out along one axis as along the other.
    let step = ((total as f64 / MOST as f64).sqrt().ceil() as usize).max(1);
    let mut values = Vec::with_capacity(total.min(MOST));
    for array in all {
        let (rows, _) = array.shape();
        for row in (0..rows).step_by(step) {
            array.visit(row..row + 1, &mut |row| match row {
                Row::F32(row) => values.extend(row.iter().step_by(step).map(|v| f64::from(*v))),
                Row::F64(row) => values.extend(row.iter().step_by(step).copied()),
            });
        }
    }
    values.retain(|v| v.is_finite());
    values
}

/// The largest value that differs from the median by less than three times the median absolute deviation; where that is 0,
/// the largest of all, as in distpy.
fn despiked(values: &mut [f64]) -> f64 {
    let median = middle(values);
    let mut apart: Vec<f64> = values.iter().map(|v| (v - median).abs()).collect();
    let spread = middle(&mut apart);
    let usual = |v: &&f64| spread == 0.0 || (**v - median).abs() < 3.0 * spread;
    values
        .iter()
        .filter(usual)
        .copied()
        .fold(f64::NAN, f64::max)
}

/// The median as numpy has it: of an even number the mean of the middle two. NaN for none.
fn middle(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let at = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(at, f64::total_cmp);
    match below.iter().copied().reduce(f64::max) {
        Some(lower) if even => (lower + *upper) / 2.0,
        _ => *upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;
    use ndarray::Array2;

    fn grid(values: &[f32]) -> Grid {
        Grid::new(values.len(), 1, values.to_vec())
    }

    fn chosen(clip: Clip, scale: Scale, values: &[f32]) -> [f64; 2] {
        let array = Array2::from_shape_vec((1, values.len()), values.to_vec()).expect("a row");
        let all: Block<f32> = Block::real(array);
        let limits = Limits::choose(clip, scale, &grid(values), &[&all]);
        [limits.low, limits.high]
    }

    #[test]
    fn limits_are_chosen() {
        let rising: Vec<f32> = (0..=100u8).map(f32::from).collect();
        let linear = |clip, values: &[f32]| chosen(clip, Scale::Linear, values);
        assert_eq!(linear(Clip::Percentiles(1.0, 99.0), &rising), [1.0, 99.0]);
        assert_eq!(linear(Clip::Fixed(-2.0, 5.0), &rising), [-2.0, 5.0]);
        // mean 2, population deviation 1
        assert_eq!(
            linear(Clip::Deviations(2.0), &[1.0, 3.0, 1.0, 3.0]),
            [0.0, 4.0]
        );
        assert_eq!(linear(Clip::Symmetric(100.0), &[-4.0, 3.0]), [-4.0, 4.0]);
        // median 3, median deviation 1: below 6
        let spiky = [1.0, 2.0, 3.0, 4.0, 50.0];
        assert_eq!(linear(Clip::Despiked, &spiky), [0.0, 40.0]);
        let log = chosen(
            Clip::Percentiles(0.0, 100.0),
            Scale::Log,
            &[0.125, 1.0, 100.0],
        );
        assert_eq!(log, [0.125f64.log10(), 2.0]);
        let decibel = chosen(Clip::Fixed(0.1, 10.0), Scale::Decibel, &[1.0]);
        assert_eq!(decibel, [-20.0, 20.0]);
    }

    #[test]
    fn odd_data_have_limits() {
        let any = Clip::Percentiles(1.0, 99.0);
        let missing = [f32::NAN, f32::INFINITY];
        for (values, expected) in [
            (&missing[..], [0.0, 1.0]),
            (&[0.0, 0.0], [0.0, 1.0]),
            (&[4.0], [2.0, 6.0]),
            (&[-4.0], [-6.0, -2.0]),
        ] {
            assert_eq!(chosen(any, Scale::Linear, values), expected);
        }
        let [low, high] = chosen(Clip::Deviations(1.0), Scale::Linear, &missing);
        assert_eq!([low, high], [0.0, 1.0]);
    }

    #[test]
    fn moments_survive_a_large_mean() {
        let array = Array2::from_shape_fn((200, 7), |(row, col)| {
            1e9 + f64::from((row + col) as u32 % 2)
        });
        let all: Block<f64> = Block::real(array);
        let Moments {
            count,
            mean,
            deviation,
        } = Moments::of(&[&all]);
        assert_eq!((count, mean), (1400.0, 1e9 + 0.5));
        // Double precision holds such a mean to a ten-millionth.
        assert!((deviation - 0.5).abs() < 1e-6);
    }
}
