//! The difference of two arrays, each row judged by its own scale.

use serde::Serialize;

use crate::cli::Cli;
use crate::formats::numbers::Numbers;

/// The largest difference that counts as none.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// As a part of the row's scale, its largest magnitude in the first array.
    pub relative: f64,
    /// Whether the differences of all rows are kept, for a picture.
    pub rows: bool,
}

impl Tolerance {
    /// That of the command line.
    pub fn of(cli: &Cli) -> Self {
        Self {
            relative: cli.diff.tolerance,
            rows: cli.benchmark.plot.is_some(),
        }
    }
}

/// The difference of two arrays of one shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The name of the array in its file.
    pub array: String,
    /// Number of values.
    pub values: usize,
    /// Values whose difference is beyond the tolerance.
    pub beyond: usize,
    /// The largest difference; infinite where one value is infinite or NaN and the other is not the same.
    pub largest: f64,
    /// The largest difference as a part of its row's scale.
    pub relative: f64,
    /// Row and column of the largest difference relative to its row's scale, counted from 0.
    pub place: [usize; 2],
    /// For each row, the largest difference relative to the row's scale; single precision, as a picture shows no more.
    #[serde(skip)]
    pub rows: Vec<f32>,
}

impl Difference {
    /// The two arrays of a file as one: that with the larger relative difference, with the values and rows of both.
    pub fn worse(mut self, mut other: Self) -> Self {
        let [values, beyond] = [self.values + other.values, self.beyond + other.beyond];
        let mut rows = std::mem::take(&mut self.rows);
        rows.append(&mut other.rows);
        let worse = match other.relative > self.relative {
            true => other,
            false => self,
        };
        Self {
            values,
            beyond,
            rows,
            ..worse
        }
    }
}

/// Compares two arrays of one shape.
pub fn difference(a: &Numbers, b: &Numbers, tolerance: Tolerance) -> Difference {
    let [_, cols] = a.shape;
    let most = if a.exact { 0.0 } else { tolerance.relative };
    let mut found = Difference {
        array: a.name.clone(),
        values: a.values.len(),
        beyond: 0,
        largest: 0.0,
        relative: 0.0,
        place: [0, 0],
        rows: Vec::new(),
    };
    let pairs = a
        .values
        .chunks(cols.max(1))
        .zip(b.values.chunks(cols.max(1)));
    for (row, (in_a, in_b)) in pairs.enumerate() {
        let finite = in_a.iter().filter(|it| it.is_finite());
        let scale = finite.fold(0.0, |most: f64, it| most.max(it.abs()));
        let mut worst = 0.0;
        for (col, (&x, &y)) in in_a.iter().zip(in_b).enumerate() {
            let by = apart(x, y);
            // In a row of zeros, every difference is beyond all.
            let relative = if by == 0.0 { 0.0 } else { by / scale };
            found.largest = found.largest.max(by);
            found.beyond += usize::from(relative > most);
            if relative > worst {
                worst = relative;
            }
            if relative > found.relative {
                (found.relative, found.place) = (relative, [row, col]);
            }
        }
        if tolerance.rows {
            found.rows.push(worst as f32);
        }
    }
    found
}

/// NaN is the same as NaN, and an infinity as itself.
fn apart(x: f64, y: f64) -> f64 {
    if x == y || (x.is_nan() && y.is_nan()) {
        return 0.0;
    }
    let by = (x - y).abs();
    if by.is_nan() { f64::INFINITY } else { by }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(shape: [usize; 2], values: &[f64]) -> Numbers {
        Numbers {
            name: String::new(),
            shape,
            values: values.to_vec(),
            exact: false,
        }
    }

    fn judged(a: &[f64], b: &[f64], cols: usize) -> Difference {
        let shape = [a.len() / cols, cols];
        let tolerance = Tolerance {
            relative: 1e-5,
            rows: true,
        };
        difference(&numbers(shape, a), &numbers(shape, b), tolerance)
    }

    /// A small row beside a large one has its own scale.
    #[test]
    fn rows_have_their_own_scales() {
        let by = judged(&[1e9, 2e9, 1e-9, 2e-9], &[1e9 + 1.0, 2e9, 1e-9, 2.1e-9], 2);
        assert_eq!((by.beyond, by.place), (1, [1, 1]));
        assert!((by.relative - 0.05).abs() < 1e-9, "{by:?}");
        assert_eq!(by.largest, 1.0);
        assert!((by.rows[0] - 5e-10).abs() < 1e-12_f32, "{by:?}");
    }

    #[test]
    fn labels_have_no_tolerance() {
        let labels = |last: f64| Numbers {
            exact: true,
            ..numbers([1, 2], &[1e9, last])
        };
        let tolerance = Tolerance {
            relative: 1e-5,
            rows: false,
        };
        let by = difference(&labels(7.0), &labels(8.0), tolerance);
        assert_eq!((by.beyond, by.rows.len()), (1, 0));
    }

    #[test]
    fn values_that_are_no_numbers_are_the_same_as_themselves() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0];
        let by = judged(&odd, &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0], 4);
        assert_eq!((by.beyond, by.largest), (0, 0.0));
        for k in 0..3 {
            let mut other = odd;
            other[k] = 1.0;
            let by = judged(&odd, &other, 4);
            assert_eq!((by.beyond, by.relative), (1, f64::INFINITY), "{k}");
        }
        // A difference in a row of zeros.
        assert_eq!(judged(&[0.0, 0.0], &[0.0, 1e-300], 2).beyond, 1);
    }
}
