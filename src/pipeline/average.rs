//! Means and standard deviations of logs, up to each of them.

use std::path::Path;

use crate::command::Compat;
use crate::formats::FormatError;
use crate::formats::witsml::{Curve, Log};

/// Depths are the same that differ by no more than this part of them, or of 1 where they are less.
const NEAR: f64 = 1e-6;

/// What is known of the logs so far: the first one's channels and curves, and sums over all of them.
///
/// By default the mean and the sum of squared deviations from it are kept up to date (Welford 1962), which loses no digits, and a
/// value that is missing or infinite is left out. distpy's are the sum and the sum of squares, whose difference may come out below zero: NaN.
#[derive(Debug)]
pub struct Average {
    compat: Compat,
    names: Vec<String>,
    /// Of the depths and of each curve.
    units: Vec<String>,
    depth: Curve,
    /// For each curve.
    sums: Vec<Vec<Sum>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    count: f64,
    /// The mean; distpy's sum.
    first: f64,
    /// The sum of squared deviations; distpy's of squares.
    second: f64,
}

impl Sum {
    fn add(&mut self, value: f64, compat: Compat) {
        match compat {
            Compat::Distpy => {
                self.count += 1.0;
                self.first += value;
                self.second += value * value;
            }
            Compat::Exact if !value.is_finite() => {}
            Compat::Exact => {
                self.count += 1.0;
                let off = value - self.first;
                self.first += off / self.count;
                self.second += off * (value - self.first);
            }
        }
    }

    /// The mean and the population's standard deviation; NaN of no values.
    fn moments(self, compat: Compat) -> (f64, f64) {
        if self.count == 0.0 {
            return (f64::NAN, f64::NAN);
        }
        match compat {
            Compat::Distpy => {
                let mean = self.first / self.count;
                (mean, (self.second / self.count - mean * mean).sqrt())
            }
            Compat::Exact => (self.first, (self.second / self.count).sqrt()),
        }
    }
}

impl Average {
    /// Of nothing yet, for logs like this one.
    pub fn like(log: &Log, compat: Compat) -> Self {
        Self {
            compat,
            names: log
                .curves
                .iter()
                .map(|curve| curve.mnemonic.clone())
                .collect(),
            units: units(log),
            depth: log.depth.clone(),
            sums: vec![vec![Sum::default(); log.depth.values.len()]; log.curves.len()],
        }
    }

    /// Takes a log in, and gives the mean and the standard deviation of all so far, each as a log of its time.
    ///
    /// # Errors
    /// For a log of other curves, units or depths than the first. `path` is for the message only.
    pub fn add(&mut self, path: &Path, log: &Log) -> Result<[Log; 2], FormatError> {
        self.fits(path, log)?;
        let (mut mean, mut deviation) = (log.clone(), log.clone());
        (mean.depth, deviation.depth) = (self.depth.clone(), self.depth.clone());
        for (c, sums) in self.sums.iter_mut().enumerate() {
            for (row, sum) in sums.iter_mut().enumerate() {
                sum.add(log.curves[c].values[row], self.compat);
                let (middle, spread) = sum.moments(self.compat);
                mean.curves[c].values[row] = middle;
                deviation.curves[c].values[row] = spread;
            }
        }
        Ok([mean, deviation])
    }

    fn fits(&self, path: &Path, log: &Log) -> Result<(), FormatError> {
        let names: Vec<&str> = log.curves.iter().map(|curve| &*curve.mnemonic).collect();
        if names != self.names {
            let expected = format!("those of the first file: {}", self.names.join(", "));
            return Err(FormatError::content(
                path,
                "curves",
                names.join(", "),
                expected,
            ));
        }
        let (found, first) = (log.depth.values.len(), self.depth.values.len());
        if found != first {
            let expected = format!("{first}, as in the first file");
            return Err(FormatError::content(
                path,
                "data",
                format!("{found} channels"),
                expected,
            ));
        }
        let units = units(log);
        if units != self.units {
            let expected = format!("those of the first file: {}", self.units.join(", "));
            return Err(FormatError::content(
                path,
                "units",
                units.join(", "),
                expected,
            ));
        }
        let mut pairs = log.depth.values.iter().zip(&self.depth.values);
        let differ = |&(a, b): &(&f64, &f64)| {
            let near = (a - b).abs() <= NEAR * a.abs().max(b.abs()).max(1.0);
            !(near || a.is_nan() && b.is_nan())
        };
        if let Some((found, first)) = pairs.find(differ) {
            let expected = format!("those of the first file: {first}");
            return Err(FormatError::content(
                path,
                "depths",
                found.to_string(),
                expected,
            ));
        }
        Ok(())
    }
}

/// The units of the depths and of each curve.
fn units(log: &Log) -> Vec<String> {
    let curves = std::iter::once(&log.depth).chain(&log.curves);
    let unit = |curve: &Curve| curve.unit.clone().unwrap_or_else(|| "none".into());
    curves.map(unit).collect()
}
