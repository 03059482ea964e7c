//! What is known of a command by its name: the one place that checking, listings, the reference and the tests read.

use serde::Serialize;
use serde_json::Value;

use super::{ArgProblem, Command};
use crate::block::Kind;

/// Everything that is known of a command by its name.
#[derive(Debug)]
pub struct Spec {
    /// Its name in a command file.
    pub name: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
    /// Definition and its source, what a NaN does, and where distpy differs; paragraphs are separated by an empty line.
    pub notes: &'static str,
    /// Where it stands in the reference.
    pub family: Family,
    /// Which kinds of `in_uid` it takes, each with the kind that it gives. Labels and masks that are not listed count as real.
    pub kinds: &'static [(Kind, Kind)],
    /// What `gather_uids` are for.
    pub gathers: Gathers,
    /// How much work it is.
    pub cost: Cost,
    /// JSON Schema of the arguments: type, default, unit, range and text of each.
    pub schema: fn() -> Value,
    /// Reads the arguments, which hold known names and values inside the schema's ranges.
    pub build: fn(Value) -> Result<Command, ArgProblem>,
    /// Worked examples; the tests run them on every backend.
    pub examples: &'static [Example],
}

impl Spec {
    /// Whether the command takes labels, hashes or masks as they are.
    pub fn takes(&self, kind: Kind) -> bool {
        self.kinds.iter().any(|&(input, _)| input == kind)
    }
}

/// Real to real.
pub const REAL: &[(Kind, Kind)] = &[(Kind::Real, Kind::Real)];
/// Real or complex, as the input.
pub const NUMBERS: &[(Kind, Kind)] = &[(Kind::Real, Kind::Real), (Kind::Complex, Kind::Complex)];
/// Real or complex to real.
pub const TO_REAL: &[(Kind, Kind)] = &[(Kind::Real, Kind::Real), (Kind::Complex, Kind::Real)];
/// Real or complex to complex.
pub const TO_COMPLEX: &[(Kind, Kind)] =
    &[(Kind::Real, Kind::Complex), (Kind::Complex, Kind::Complex)];
/// Anything, as the input.
pub const ANY: &[(Kind, Kind)] = &[
    (Kind::Real, Kind::Real),
    (Kind::Complex, Kind::Complex),
    (Kind::Label, Kind::Label),
    (Kind::Hash, Kind::Hash),
    (Kind::Mask, Kind::Mask),
];

/// The sections of the command reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Family {
    /// Sample by sample.
    Arithmetic,
    /// Sums over an axis.
    Statistic,
    /// Fourier transforms and what is read from a spectrum.
    Spectral,
    /// Along time or depth.
    Filter,
    /// Apparent velocity, up- and down-going waves.
    Wave,
    /// Selection, placement, loading.
    Shape,
    /// Fitted or trained.
    Model,
    /// What writes files.
    Output,
}

impl Family {
    /// What the section holds.
    pub fn title(self) -> &'static str {
        match self {
            Family::Arithmetic => "sample by sample",
            Family::Statistic => "statistics along an axis",
            Family::Spectral => "Fourier transforms and spectra",
            Family::Filter => "filters along time and depth",
            Family::Wave => {
                "wave fields: apparent velocity, up- and down-going waves, virtual sources"
            }
            Family::Shape => "selection, placement, loading",
            Family::Model => "clustering, trained models, fits",
            Family::Output => "files",
        }
    }
}

/// What a command does with `gather_uids`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Gathers {
    /// Nothing.
    None,
    /// It may take one array.
    Optional,
    /// It needs one array.
    One,
    /// It may take any number of arrays.
    Any,
    /// It needs at least one array.
    Many,
}

impl Gathers {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Gathers::None => "no array",
            Gathers::Optional => "at most one array",
            Gathers::One => "one array",
            Gathers::Any => "any number of arrays",
            Gathers::Many => "at least one array",
        }
    }

    /// Whether this many arrays will do.
    pub fn allows(self, count: usize) -> bool {
        match self {
            Gathers::None => count == 0,
            Gathers::Optional => count <= 1,
            Gathers::One => count == 1,
            Gathers::Any => true,
            Gathers::Many => count >= 1,
        }
    }
}

/// An estimate of the work with the default arguments.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Cost {
    /// None: a name, a hint, a file.
    Free,
    /// Arithmetic operations for each sample.
    Sample(f64),
    /// Fourier transforms along an axis.
    Transforms(f64),
}

impl Cost {
    /// Arithmetic operations for each sample of a chunk whose axes have `n` samples: a transform takes about `2.5 log2(n)` a real
    /// sample.
    pub fn per_sample(self, n: usize) -> f64 {
        match self {
            Cost::Free => 0.0,
            Cost::Sample(operations) => operations,
            Cost::Transforms(count) => 2.5 * count * (n.max(2) as f64).log2(),
        }
    }
}

/// A command applied to small arrays: rows are separated by `;`, samples by blanks; `3+4j` is a complex number.
#[derive(Debug)]
pub struct Example {
    /// The arguments as JSON.
    pub args: &'static str,
    /// The first is `in_uid`, then `gather_uids`.
    pub inputs: &'static [&'static str],
    /// What it gives.
    pub output: &'static str,
}
