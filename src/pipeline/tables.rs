//! Tables of comma-separated values into logs along the fibre or one array.
//!
//! A file is read twice: for its times, depths and shape, before anything is written, and for its values. It may be larger
//! than the memory: of the values only so many are held as [`Job::cells`] says, and a table that is ordered otherwise than its
//! results is read once for each part that fits.

mod grid;
mod long;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::output::{Folder, OutputError};
use crate::command::Compat;
use crate::config::companions::{Csv, CurveKeys, Form, Layout};
use crate::config::convert::Convert;
use crate::formats::csv::Row;
use crate::formats::stamp::{HalfDays, TimeFormat};
use crate::formats::witsml::{self, Curve, DepthText, Dialect, Log};
use crate::formats::{FormatError, csv};
use crate::store;

/// Values in memory at once, as a rule: 256 MB of them.
pub const CELLS: usize = 32 << 20;
/// Rows between two looks at whether the run is to end.
const LOOK: u64 = 4096;

/// What is to be done with a table.
pub struct Job<'a> {
    /// How it is read.
    pub csv: &'a Csv,
    /// Whose numbers and files are wanted.
    pub compat: Compat,
    /// Where results go.
    pub output: &'a Folder,
    /// The folder of this table's results below it.
    pub below: &'a Path,
    /// Whether to make results again that exist.
    pub overwrite: bool,
    /// Values in memory at once.
    pub cells: usize,
    /// Set when the run is to end.
    pub stop: &'a AtomicBool,
    /// Told of bytes that were gone through.
    pub advance: &'a dyn Fn(u64),
    /// Told of each result that was written.
    pub written: &'a dyn Fn(usize),
    /// Told of results that exist.
    pub skipped: &'a dyn Fn(usize),
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({}, {:?})", self.below.display(), self.csv)
    }
}

/// What became of a table.
#[derive(Debug, Default, PartialEq)]
pub struct Report {
    /// Times in it.
    pub times: usize,
    /// Rows, or depths, in it.
    pub rows: usize,
    /// Results written.
    pub written: usize,
    /// Results that existed.
    pub skipped: usize,
    /// How often the values were read.
    pub passes: usize,
    /// What is odd about it, one sentence each.
    pub warnings: Vec<String>,
}

/// Why a file was not done.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It is bad.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// Results cannot be written.
    #[error("{0}")]
    Output(#[from] OutputError),
    /// The run was asked to end.
    #[error("ended as asked")]
    Stopped,
}

/// Converts a table.
///
/// # Errors
/// For a table that is not as the configuration says: by its line and column. What was written before is whole.
pub fn convert(path: &Path, job: &Job<'_>) -> Result<Report, Fault> {
    let table = csv::open(path)?;
    let half_days = match job.compat {
        Compat::Exact => HalfDays::Meant,
        Compat::Distpy => HalfDays::Ignored,
    };
    let format = TimeFormat::new(&job.csv.time_format, half_days);
    match &job.csv.layout {
        Layout::Long { .. } => long::convert(&table, &format, job),
        Layout::Grid { .. } => grid::convert(&table, &format, job),
    }
}

impl Job<'_> {
    /// Looks at whether the run is to end, now and then.
    fn look(&self, count: u64) -> Result<(), Fault> {
        if count.is_multiple_of(LOOK) {
            // Whoever watches over the run sees that it lives.
            (self.advance)(0);
            if self.stop.load(Ordering::Relaxed) {
                return Err(Fault::Stopped);
            }
        }
        Ok(())
    }

    fn exists(&self, name: &str) -> bool {
        !self.overwrite && store::is_file(&self.output.path().join(self.below).join(name))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.output.write(&self.below.join(name), bytes)?)
    }

    /// The file of a log.
    fn log(&self, time: Timestamp, depths: Depths, columns: Vec<Vec<f64>>) -> Vec<u8> {
        let distpy = self.compat == Compat::Distpy;
        let converted = |convert: Option<Convert>, mut values: Vec<f64>| {
            if let Some(convert) = convert {
                values
                    .iter_mut()
                    .for_each(|v| *v = convert.apply(*v, distpy));
            }
            values
        };
        let curve = |(keys, values): (&CurveKeys, Vec<f64>)| Curve {
            mnemonic: keys.mnemonic.clone(),
            unit: keys.unit.clone().filter(|unit| unit != "unitless"),
            description: keys.description.clone(),
            values: converted(keys.convert, values),
        };
        let csv = self.csv;
        let log = Log {
            style: csv.data_style.clone(),
            created: time,
            depth: Curve {
                unit: Some(csv.depth_unit.clone()),
                ..Curve::depth(converted(csv.depth_convert, depths.values))
            },
            depth_text: match depths.whole && csv.depth_convert.is_none() {
                true => DepthText::Integer,
                false => DepthText::F64,
            },
            curves: csv.curves.iter().zip(columns).map(curve).collect(),
        };
        witsml::write(&log, dialect(csv.format, self.compat))
    }
}

/// The form of logs: what the configuration asks for, else what the run's compatibility implies.
pub fn dialect(format: Option<Form>, compat: Compat) -> Dialect {
    match (format, compat) {
        (Some(Form::Distpy), _) | (None, Compat::Distpy) => Dialect::Distpy,
        _ => Dialect::Standard,
    }
}

/// Depths, and whether all of them are written as whole numbers.
struct Depths {
    values: Vec<f64>,
    whole: bool,
}

/// The depth of a row, and whether it is written as a whole number.
fn depth(row: &Row<'_>, column: usize) -> Result<(f64, bool), FormatError> {
    let value = row.number(column)?;
    if value.is_finite() {
        return Ok((value, row.text(column)?.parse::<i64>().is_ok()));
    }
    let found = format!("`{}`", row.text(column)?);
    Err(row.fault(column, found, "a depth"))
}

/// The time that a field holds.
fn time(row: &Row<'_>, column: usize, format: &TimeFormat) -> Result<Timestamp, FormatError> {
    let time = format.parse(row.text(column)?);
    time.ok_or_else(|| not_a_time(row, column, format))
}

fn not_a_time(row: &Row<'_>, column: usize, format: &TimeFormat) -> FormatError {
    let text = row.text(column).unwrap_or_default();
    let expected = format!("a time of the form {}", format.text());
    row.fault(column, format!("`{text}`"), expected)
}

/// Names of logs by their times: whole Unix seconds, and a number behind the second log and those after it of one second.
/// Gives as well how many have such a number.
fn names(times: impl Iterator<Item = Timestamp>) -> (Vec<String>, usize) {
    let mut taken: HashMap<i64, usize> = HashMap::new();
    let names: Vec<String> = times
        .map(|time| {
            let second = time.as_second();
            let count = taken.entry(second).or_default();
            *count += 1;
            match *count {
                1 => format!("{second}.fbe"),
                more => format!("{second}.{}.fbe", more - 1),
            }
        })
        .collect();
    let numbered = names.len() - taken.len();
    (names, numbered)
}

/// The folder of a table's results, as distpy names it: the file's name without its ending.
pub fn folder_of(path: &Path) -> PathBuf {
    path.file_stem().map(PathBuf::from).unwrap_or_default()
}
