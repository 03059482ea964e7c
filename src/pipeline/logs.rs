//! Logs along the fibre, one file for each time, into one array for each curve: channels by times.
//!
//! Files are taken in the order of the times that they tell, in packages. Of a package a few hundred files at a time are in
//! memory, whatever its size. A file that is damaged, or of another shape than the first, is a column without values: the time
//! was recorded, and what is missing is seen.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::origin;
use super::output::{AtomicFile, Folder, OutputError};
use crate::block::DType;
use crate::command::ChunkName;
use crate::formats::segment::SECOND;
use crate::formats::{FormatError, npy, witsml};
use crate::picture::reduce::{Grid, usual_distance};
use crate::store;

/// What a folder of logs is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// WITSML files.
    Witsml,
    /// Results of `write_npy`, named by their Unix times.
    Npy,
}

/// The endings of WITSML files.
pub const ENDINGS: &[&str] = &["fbe", "dts", "xml", "witsml"];

/// Most columns that a result has; what has more is a chunk of samples.
const MOST_CURVES: usize = 256;

/// A log and its time.
#[derive(Debug, Clone)]
struct Dated {
    path: PathBuf,
    time: f64,
}

/// Logs that belong together: those of one folder.
#[derive(Debug)]
pub struct Logs {
    kind: Kind,
    files: Vec<Dated>,
    /// Files whose time could not be told, and why.
    pub undated: Vec<FormatError>,
}

/// One file's values: a column for each curve.
struct Columns {
    names: Vec<String>,
    units: Vec<Option<String>>,
    depth: Vec<f64>,
    values: Vec<Vec<f64>>,
}

/// What a run over logs did.
#[derive(Debug, Default)]
pub struct Report {
    /// Curves, by the names of their folders.
    pub curves: Vec<String>,
    /// Number of channels.
    pub channels: usize,
    /// Packages written.
    pub written: usize,
    /// Packages that existed.
    pub skipped: usize,
    /// Files that gave a column without values, and why.
    pub bad: Vec<FormatError>,
    /// What is missing in time.
    pub gaps: Gaps,
    /// Whether the run was asked to end before it was done.
    pub stopped: bool,
}

/// What is missing in a series of times.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Gaps {
    /// Beginning and end of each: the times around it.
    pub list: Vec<(f64, f64)>,
    /// How many times are missing, by the usual distance.
    pub missing: usize,
    /// Times that occur more than once.
    pub repeated: usize,
}

impl Gaps {
    /// Of times that rise: a gap is more than one and a half of their usual distance.
    pub fn of(times: &[f64]) -> Self {
        let apart: Vec<f64> = times.windows(2).map(|t| t[1] - t[0]).collect();
        let mut sorted: Vec<f64> = apart.iter().copied().filter(|d| *d > 0.0).collect();
        sorted.sort_by(f64::total_cmp);
        let repeated = apart.iter().filter(|d| **d == 0.0).count();
        let Some(usual) = sorted.get(sorted.len().saturating_sub(1) / 2) else {
            return Self {
                repeated,
                ..Self::default()
            };
        };
        let pairs = times.windows(2);
        let list: Vec<(f64, f64)> = pairs
            .filter(|t| t[1] - t[0] > 1.5 * usual)
            .map(|t| (t[0], t[1]))
            .collect();
        let missing = list
            .iter()
            .map(|(from, to)| ((to - from) / usual).round() as usize - 1);
        Self {
            missing: missing.sum(),
            repeated,
            list,
        }
    }
}

impl Logs {
    /// The logs among some files, in the order of their times; `None` where there are none. Their beginnings are read.
    pub fn find(files: &[PathBuf]) -> Option<Self> {
        let ending = |path: &Path| {
            let ending = path.extension().and_then(|e| e.to_str());
            ending.unwrap_or_default().to_ascii_lowercase()
        };
        let xml: Vec<&PathBuf> = files
            .iter()
            .filter(|path| ENDINGS.contains(&&*ending(path)))
            .collect();
        let (kind, taken) = if xml.is_empty() {
            let numbered =
                |path: &&PathBuf| ending(path) == "npy" && ChunkName::of_file(path).is_some();
            (Kind::Npy, files.iter().filter(numbered).collect())
        } else {
            (Kind::Witsml, xml)
        };
        if taken.is_empty() {
            return None;
        }
        // Names are whole seconds; the records of a run have the exact times.
        let folder = taken[0].parent().filter(|_| kind == Kind::Npy);
        let starts = folder.map(origin::starts).transpose();
        let (starts, unread) = match starts {
            Ok(starts) => (starts.unwrap_or_default(), None),
            Err(error) => (
                HashMap::new(),
                Some(FormatError::io(&error.path, error.source)),
            ),
        };
        let dated: Vec<Result<Dated, FormatError>> = taken
            .into_par_iter()
            .map(|path| {
                let time = match kind {
                    Kind::Npy => unix_time(path, &starts).unwrap_or_default(),
                    Kind::Witsml => {
                        let bytes = read(path)?;
                        let created = witsml::created(path, &bytes)?;
                        created.as_microsecond() as f64 / 1e6
                    }
                };
                Ok(Dated {
                    path: path.clone(),
                    time,
                })
            })
            .collect();
        let (mut found, mut undated) = (Vec::new(), Vec::from_iter(unread));
        for result in dated {
            match result {
                Ok(file) => found.push(file),
                Err(error) => undated.push(error),
            }
        }
        found.sort_by(|a, b| a.time.total_cmp(&b.time).then_with(|| a.path.cmp(&b.path)));
        Some(Self {
            kind,
            files: found,
            undated,
        })
    }

    /// The logs' files, in the order of their times.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| &*file.path)
    }

    /// Number of logs.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether these are WITSML files.
    pub fn are_witsml(&self) -> bool {
        self.kind == Kind::Witsml
    }

    /// Whether these are arrays of samples rather than results, by the first of them.
    pub fn are_chunks(&self) -> bool {
        let first = self.files.first().filter(|_| self.kind == Kind::Npy);
        let array = first.and_then(|file| npy::open(&file.path).ok());
        array.is_some_and(|a| a.header().shape.get(1).is_some_and(|n| *n > MOST_CURVES))
    }

    /// Writes the curves below a folder: `FOLDER/CURVE/<first Unix time>.npy` for each package of `size` files, and beside
    /// them and in the folder `time.npy` and `measured_depth.npy`. A package that is complete is left as it is.
    ///
    /// `stem` names a curve whose files have none. `advance` is told of every file.
    ///
    /// # Errors
    /// When results cannot be written, or no file can be read.
    pub fn write(
        &self,
        output: &Folder,
        folder: &Path,
        settings: &Settings<'_>,
    ) -> Result<Report, LogsError> {
        let mut report = Report::default();
        let first = self.first(settings.stem)?;
        report.curves = first.names.iter().map(|name| folder_name(name)).collect();
        report.channels = first.depth.len();
        let times: Vec<f64> = self.files.iter().map(|file| file.time).collect();
        report.gaps = Gaps::of(&times);
        // The axes come first: a curve that is there can be read.
        let beside: Vec<PathBuf> = std::iter::once(folder.to_path_buf())
            .chain(report.curves.iter().map(|curve| folder.join(curve)))
            .collect();
        for place in &beside {
            output.write(&place.join("measured_depth.npy"), &axis(&first.depth))?;
            output.write(&place.join("time.npy"), &axis(&times))?;
        }
        for package in self
            .files
            .chunks(settings.size.unwrap_or(self.len()).max(1))
        {
            if settings.stop.load(Ordering::Relaxed) {
                report.stopped = true;
                break;
            }
            let name = format!("{}.npy", package[0].time.floor());
            let paths: Vec<PathBuf> = report
                .curves
                .iter()
                .map(|curve| folder.join(curve).join(&name))
                .collect();
            let shape = [first.depth.len(), package.len()];
            let complete = |path: &PathBuf| {
                let array = npy::open(&output.path().join(path));
                array.is_ok_and(|array| array.header().shape == shape)
            };
            if !settings.overwrite && paths.iter().all(complete) {
                report.skipped += 1;
                (settings.advance)(package.len());
                continue;
            }
            self.package(output, package, &first, &paths, settings, &mut report)?;
        }
        Ok(report)
    }

    fn package(
        &self,
        output: &Folder,
        package: &[Dated],
        first: &Columns,
        paths: &[PathBuf],
        settings: &Settings<'_>,
        report: &mut Report,
    ) -> Result<(), LogsError> {
        /// Files in memory at once.
        const TOGETHER: usize = 256;
        let (rows, cols) = (first.depth.len(), package.len());
        let header = npy::header_bytes(DType::F64, &[rows, cols]);
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let mut file = output.create(path)?;
            file.write_all(&header)
                .map_err(|e| OutputError::io(file.path(), e))?;
            files.push(file);
        }
        for (k, part) in package.chunks(TOGETHER).enumerate() {
            if settings.stop.load(Ordering::Relaxed) {
                report.stopped = true;
                return Ok(());
            }
            let read: Vec<Result<Columns, FormatError>> = part
                .par_iter()
                .map(|file| {
                    let columns = self.columns(file, settings.stem)?;
                    fits(&file.path, &columns, first)?;
                    Ok(columns)
                })
                .collect();
            let columns: Vec<Option<Columns>> = read
                .into_iter()
                .map(|result| result.map_err(|error| report.bad.push(error)).ok())
                .collect();
            let (width, at) = (part.len(), k * TOGETHER);
            files.par_iter().enumerate().try_for_each(|(curve, file)| {
                let value = |row: usize, col: usize| {
                    let columns: Option<&Columns> = columns[col].as_ref();
                    columns.map_or(f64::NAN, |columns| columns.values[curve][row])
                };
                rows_into(file, header.len(), (rows, cols), (at, width), value)
            })?;
            (settings.advance)(width);
        }
        for file in files {
            file.commit()?;
        }
        report.written += 1;
        Ok(())
    }

    /// The first file that can be read: all others are to be like it. Those before it are told of when their turn comes.
    fn first(&self, stem: &str) -> Result<Columns, LogsError> {
        let mut bad = Vec::new();
        for file in &self.files {
            match self.columns(file, stem) {
                Ok(columns) => return Ok(columns),
                Err(error) => bad.push(error),
            }
        }
        Err(LogsError::Unreadable(bad))
    }

    fn columns(&self, file: &Dated, stem: &str) -> Result<Columns, FormatError> {
        match self.kind {
            Kind::Witsml => {
                let log = witsml::parse(&file.path, &read(&file.path)?)?;
                Ok(Columns {
                    names: log.curves.iter().map(|c| c.mnemonic.clone()).collect(),
                    units: log.curves.iter().map(|c| c.unit.clone()).collect(),
                    depth: log.depth.values,
                    values: log.curves.into_iter().map(|c| c.values).collect(),
                })
            }
            Kind::Npy => result(&file.path, stem),
        }
    }
}

/// A picture's worth of logs: each curve as values by pixel.
#[derive(Debug)]
pub struct Overview {
    /// Curves: what they are called, their units, and their values, depth down and time to the right.
    pub curves: Vec<(String, Option<String>, Grid)>,
    /// Depth of the first and of the last row of pixels, in metres.
    pub depths: (f64, f64),
    /// Time of the first column of pixels, and where the last one ends: Unix times.
    pub times: (f64, f64),
    /// What is missing in time.
    pub gaps: Gaps,
    /// Number of logs and of channels.
    pub shape: (usize, usize),
    /// Files that could not be read, and why.
    pub bad: Vec<FormatError>,
}

impl Logs {
    /// An overview: where logs or channels share a pixel it has the value farthest from zero; where they are fewer, a pixel is one
    /// of them. `most` gives the largest width and height, from the numbers of curves and of channels.
    ///
    /// # Errors
    /// When no file can be read.
    pub fn overview(
        &self,
        stem: &str,
        most: impl FnOnce(usize, usize) -> (usize, usize),
    ) -> Result<Overview, LogsError> {
        const TOGETHER: usize = 256;
        let first = self.first(stem)?;
        let mut bad = Vec::new();
        let (widest, highest) = most(first.names.len(), first.depth.len());
        let times: Vec<f64> = self.files.iter().map(|file| file.time).collect();
        let usual = usual_distance(&times).unwrap_or(1.0);
        let (start, last) = (times[0], times[times.len() - 1]);
        let end = last + usual;
        let rows = first.depth.len();
        // Without gaps there is a pixel for each log.
        let width = (((end - start) / usual).round() as usize).clamp(1, widest);
        let height = rows.clamp(1, highest);
        let mut grids = vec![Grid::empty(width, height); first.names.len()];
        for part in self.files.chunks(TOGETHER) {
            let read = part.par_iter().map(|file| {
                let columns = self.columns(file, stem)?;
                fits(&file.path, &columns, &first)?;
                Ok((file.time, columns))
            });
            let read: Vec<Result<(f64, Columns), FormatError>> = read.collect();
            for result in read {
                let (time, columns) = match result {
                    Ok(found) => found,
                    Err(error) => {
                        bad.push(error);
                        continue;
                    }
                };
                let x = ((time - start) / (end - start) * width as f64 + 1e-6) as usize;
                for (grid, values) in grids.iter_mut().zip(&columns.values) {
                    for (row, value) in values.iter().enumerate() {
                        let at = (row * height / rows) * width + x.min(width - 1);
                        let known = &mut grid.values[at];
                        let value = *value as f32;
                        if value.abs() > known.abs() || known.is_nan() {
                            *known = value;
                        }
                    }
                }
            }
        }
        let depth = &first.depth;
        let names = first.names.iter().cloned().zip(first.units);
        Ok(Overview {
            curves: names.zip(grids).map(|((n, u), g)| (n, u, g)).collect(),
            depths: (depth[0], depth[rows - 1]),
            times: (start, end),
            gaps: Gaps::of(&times),
            shape: (self.len(), rows),
            bad,
        })
    }
}

/// How logs are put together.
pub struct Settings<'a> {
    /// Files in a package; `None` for all in one.
    pub size: Option<usize>,
    /// The name of curves that have none.
    pub stem: &'a str,
    /// Whether to write what is there.
    pub overwrite: bool,
    /// Set when the run is to end.
    pub stop: &'a AtomicBool,
    /// Told how many files were dealt with.
    pub advance: &'a (dyn Fn(usize) + Sync),
}

impl std::fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Settings({:?} files, {})", self.size, self.stem)
    }
}

/// Why logs could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// No file could be read; why not, for each.
    #[error("none of {} files could be read", .0.len())]
    Unreadable(Vec<FormatError>),
    /// Results could not be written.
    #[error("{0}")]
    Output(#[from] OutputError),
}

/// Writes some columns of an array that lies in a file row by row.
fn rows_into(
    file: &AtomicFile,
    header: usize,
    (rows, cols): (usize, usize),
    (at, width): (usize, usize),
    value: impl Fn(usize, usize) -> f64,
) -> Result<(), OutputError> {
    if width == cols {
        let all = (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
        let bytes: Vec<u8> = all
            .flat_map(|(row, col)| value(row, col).to_ne_bytes())
            .collect();
        return file.write_all_at(&bytes, header as u64);
    }
    for row in 0..rows {
        let bytes: Vec<u8> = (0..width)
            .flat_map(|col| value(row, col).to_ne_bytes())
            .collect();
        file.write_all_at(&bytes, (header + (row * cols + at) * 8) as u64)?;
    }
    Ok(())
}

/// A result of `write_npy`: one column is named after its folder, several are numbered.
fn result(path: &Path, stem: &str) -> Result<Columns, FormatError> {
    let array = npy::open(path)?;
    let shape = &array.header().shape;
    let stored = array.stored().or_else(|| array.column());
    let Some(stored) = stored.filter(|s| s.shape()[1] <= MOST_CURVES && !s.dtype().is_complex())
    else {
        let found = format!("shape {shape:?} of {}", array.header().dtype.name());
        let expected = format!("real numbers, a column for each of at most {MOST_CURVES} curves");
        return Err(FormatError::content(path, "header", found, expected));
    };
    let [rows, cols] = stored.shape();
    let block = stored.block::<f64>(0..rows);
    let values = (0..cols).map(|c| block.as_real().column(c).to_vec());
    let beside = path.with_file_name("measured_depth.npy");
    let depth = match npy::open(&beside) {
        Ok(axis) => axis.to_f64_vec().filter(|depth| depth.len() == rows),
        Err(FormatError::Io { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(Columns {
        names: match cols {
            1 => vec![stem.to_string()],
            _ => (0..cols).map(|k| format!("{stem}_{k:02}")).collect(),
        },
        units: vec![None; cols],
        depth: depth.unwrap_or_else(|| (0..rows).map(|k| k as f64).collect()),
        values: values.collect(),
    })
}

/// Checks that a file has the curves and channels of the first.
fn fits(path: &Path, found: &Columns, first: &Columns) -> Result<(), FormatError> {
    if found.names != first.names {
        let list = |names: &[String]| names.join(", ");
        return Err(FormatError::content(
            path,
            "curves",
            list(&found.names),
            format!("those of the first file: {}", list(&first.names)),
        ));
    }
    if found.depth.len() != first.depth.len() {
        return Err(FormatError::content(
            path,
            "data",
            format!("{} channels", found.depth.len()),
            format!("{}, as in the first file", first.depth.len()),
        ));
    }
    Ok(())
}

/// The name of a folder for a curve: what separates folders does not belong in it.
fn folder_name(mnemonic: &str) -> String {
    let name = mnemonic.trim().replace(['/', '\\', ':'], "_");
    match name.trim_matches('.') {
        "" => "unnamed".into(),
        _ => name,
    }
}

fn unix_time(path: &Path, starts: &HashMap<ChunkName, i64>) -> Option<f64> {
    let name = ChunkName::of_file(path)?;
    let time = starts.get(&name).copied().unwrap_or(name.time());
    Some(time as f64 / SECOND as f64)
}

fn read(path: &Path) -> Result<Vec<u8>, FormatError> {
    store::read(path).map_err(|e| FormatError::io(path, e))
}

fn axis(values: &[f64]) -> Vec<u8> {
    let mut bytes = npy::header_bytes(DType::F64, &[values.len()]);
    bytes.extend(values.iter().flat_map(|v| v.to_ne_bytes()));
    bytes
}
