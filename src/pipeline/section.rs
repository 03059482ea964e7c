//! Sections: values along the fibre over time, in one file or in many, as pictures read them.
//!
//! Nothing is in memory but the files' maps: a section is walked through when it is drawn, compressed ones tile by tile.

mod tiles;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::block::Stored;
use crate::command::ChunkName;
use crate::formats::{FormatError, npy, zarr};
use crate::picture::reduce::{Cells, Grid, Rows, Rule, reduce, usual_distance};
use crate::store;
pub use tiles::Faults;

/// Axes that hold for a folder, where its data have none of their own.
#[derive(Debug, Clone, Default)]
pub struct Axes {
    /// Depth of each channel in metres.
    pub depths: Option<Vec<f64>>,
    /// Unix time of each column.
    pub times: Option<Vec<f64>>,
}

/// Values along the fibre over time.
#[derive(Debug)]
pub struct Section {
    /// Where it comes from, for messages.
    pub path: PathBuf,
    /// Depth of each channel in metres.
    pub depths: Vec<f64>,
    /// Time of each column: Unix times, or seconds of another count.
    pub times: Vec<f64>,
    parts: Vec<Part>,
}

/// All channels for some of the times.
#[derive(Debug)]
enum Part {
    Stored(Stored),
    Tiles(tiles::Tiles),
}

impl Part {
    fn rows(&self) -> &dyn Rows {
        match self {
            Part::Stored(array) => array,
            Part::Tiles(array) => array,
        }
    }

    fn columns(&self) -> usize {
        self.rows().shape().1
    }
}

/// Reads an axis; `None` where there is no such file.
///
/// # Errors
/// When it is no npy file of one dimension.
pub fn axis(path: &Path) -> Result<Option<Vec<f64>>, FormatError> {
    match npy::open(path) {
        Ok(array) => match array.to_f64_vec() {
            Some(values) => Ok(Some(values)),
            None => {
                let found = format!("shape {:?}", array.header().shape);
                let expected = "an axis: real numbers, (n,) or (n, 1)";
                Err(FormatError::content(path, "header", found, expected))
            }
        },
        Err(FormatError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Section {
    /// Opens what a name stands for below a folder: the npy file or the Zarr array `NAME`, or the folder `NAME` without its ending,
    /// which holds packages in the order of their Unix times. A Zarr array and packages may have axes of their own. What later
    /// turns out to be unreadable goes to `faults`.
    ///
    /// # Errors
    /// When there is none, or an array and its axes do not fit.
    pub fn open(
        folder: &Path,
        name: &str,
        axes: &Axes,
        faults: &Faults,
    ) -> Result<Self, FormatError> {
        let path = folder.join(name);
        let stem = name.strip_suffix(".npy").unwrap_or(name);
        let packages = folder.join(stem);
        if store::is_file(&path) {
            Self::of(path.clone(), &[path], axes)
        } else if zarr::is_zarr(&path) {
            let array = zarr::open(&path)?;
            let own = Axes {
                depths: array.depths()?.or(axes.depths.clone()),
                times: array.times()?.or(axes.times.clone()),
            };
            let shape = array.shape();
            let parts = tiles::parts(array, faults);
            Self::fitting(path, shape, parts.into_iter().map(Part::Tiles), &own)
        } else if store::is_dir(&packages) {
            let own = Axes {
                depths: axis(&packages.join("measured_depth.npy"))?.or(axes.depths.clone()),
                times: axis(&packages.join("time.npy"))?.or(axes.times.clone()),
            };
            let files = numbered(&packages)?;
            if files.is_empty() {
                let expected = "packages named by their Unix times, such as 1500000000.npy";
                return Err(FormatError::content(&packages, "folder", "none", expected));
            }
            Self::of(packages, &files, &own)
        } else {
            Err(FormatError::content(
                &path,
                "file",
                "none",
                "this npy file or Zarr array, or a folder of that name without .npy",
            ))
        }
    }

    fn of(path: PathBuf, files: &[PathBuf], axes: &Axes) -> Result<Self, FormatError> {
        let mut parts = Vec::with_capacity(files.len());
        for file in files {
            let array = npy::open(file)?;
            let stored = array.stored().or_else(|| array.column());
            let stored = stored.ok_or_else(|| {
                let found = format!("shape {:?}", array.header().shape);
                FormatError::content(file, "header", found, "channels by times")
            })?;
            let rows = stored.shape()[0];
            let first: usize = parts.first().map_or(rows, |s: &Stored| s.shape()[0]);
            if rows != first {
                let expected = format!("{first}, as in {}", files[0].display());
                let found = format!("{rows} channels");
                return Err(FormatError::content(file, "header", found, expected));
            }
            parts.push(stored);
        }
        let rows = parts.first().map_or(0, |part| part.shape()[0]);
        let cols = parts.iter().map(|part| part.shape()[1]).sum();
        let parts = parts.into_iter().map(Part::Stored);
        Self::fitting(path, [rows, cols], parts, axes)
    }

    /// A section whose axes fit its parts.
    fn fitting(
        path: PathBuf,
        [rows, cols]: [usize; 2],
        parts: impl Iterator<Item = Part>,
        axes: &Axes,
    ) -> Result<Self, FormatError> {
        if rows == 0 || cols == 0 {
            let found = format!("{rows} channels and {cols} times");
            return Err(FormatError::content(&path, "header", found, "at least one"));
        }
        let fitting = |axis: &Option<Vec<f64>>, n: usize, what: &str| match axis {
            None => Err(FormatError::content(
                &path,
                format!("axis of {what}"),
                "none",
                "the axis that the plots file names, or one beside packages or in the array's group",
            )),
            Some(values) if values.len() == n => Ok(values.clone()),
            Some(values) => Err(FormatError::content(
                &path,
                "header",
                format!("{n} {what}"),
                format!("{}, as the axis has", values.len()),
            )),
        };
        Ok(Self {
            depths: fitting(&axes.depths, rows, "channels")?,
            times: fitting(&axes.times, cols, "times")?,
            parts: parts.collect(),
            path,
        })
    }

    /// Arrays that follow one another in time, with all their axes.
    pub fn of_parts(path: PathBuf, depths: Vec<f64>, times: Vec<f64>, parts: Vec<Stored>) -> Self {
        Self {
            path,
            depths,
            times,
            parts: parts.into_iter().map(Part::Stored).collect(),
        }
    }

    /// The arrays that it consists of, for statistics of all samples.
    pub fn arrays(&self) -> Vec<&dyn Rows> {
        self.parts.iter().map(Part::rows).collect()
    }

    /// How long a column lasts.
    pub fn usual_time(&self) -> f64 {
        usual_distance(&self.times).unwrap_or(1.0)
    }

    /// Its pixels: depths from the top to the bottom, times from the left to the right, between the given ends. `scale` turns
    /// metres into the unit of the depths.
    pub fn grid(
        &self,
        (top, bottom): (f64, f64),
        (left, right): (f64, f64),
        scale: f64,
        (width, height): (usize, usize),
        rule: Rule,
    ) -> Grid {
        let depths: Vec<f64> = self.depths.iter().map(|depth| depth * scale).collect();
        let rows = if monotonic(&depths) {
            Cells::around(&depths, top, bottom, height)
        } else {
            Cells::even(depths.len(), height)
        };
        let usual = self.usual_time();
        let of_part = |(from, part): (usize, &Part)| {
            let to = from + part.columns();
            // The next package goes on where this one ends.
            let times = &self.times[from..self.times.len().min(to + 1)];
            let cells = Cells::since(times, usual, left, right, width);
            reduce(part.rows(), &rows, &cells, rule)
        };
        let laid = |mut below: Grid, above: Grid| {
            below.cover_by(&above, rule);
            below
        };
        // Parts side by side: a tile is decoded by one processor.
        let parts: Vec<(usize, &Part)> = self.placed().collect();
        let grids = parts.into_par_iter().map(of_part);
        grids.reduce(|| Grid::empty(width, height), laid)
    }

    /// Each part with the place of its first time.
    fn placed(&self) -> impl Iterator<Item = (usize, &Part)> {
        self.parts.iter().scan(0, |next, part| {
            let at = *next;
            *next += part.columns();
            Some((at, part))
        })
    }

    /// What each channel's values are like: their mean over some times, and how far they differ over all.
    pub fn channels(&self, from: f64, to: f64) -> Vec<Channel> {
        let mut found = Vec::with_capacity(self.depths.len());
        found.resize_with(self.depths.len(), Tally::default);
        for (at, part) in self.placed() {
            let array = part.rows();
            let (rows, cols) = array.shape();
            let times = &self.times[at..at + cols];
            // Rows by themselves: a processor each.
            found
                .par_iter_mut()
                .take(rows)
                .enumerate()
                .for_each(|(row, tally)| {
                    array.visit(row..row + 1, &mut |values| {
                        for (value, time) in values.wide().zip(times) {
                            if value.is_finite() {
                                tally.add(value, (from..=to).contains(time));
                            }
                        }
                    });
                });
        }
        found.iter().map(Tally::channel).collect()
    }
}

/// What a channel's values are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    /// Their mean, without missing values; NaN where all are missing.
    pub mean: f64,
    /// The largest less the smallest; 0 where there is none.
    pub spread: f64,
}

struct Tally {
    sum: f64,
    count: f64,
    low: f64,
    high: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            sum: 0.0,
            count: 0.0,
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
        }
    }
}

impl Tally {
    fn add(&mut self, value: f64, inside: bool) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        if inside {
            self.sum += value;
            self.count += 1.0;
        }
    }

    fn channel(&self) -> Channel {
        Channel {
            mean: self.sum / self.count,
            spread: (self.high - self.low).max(0.0),
        }
    }
}

/// Whether values rise throughout, or fall.
pub fn monotonic(values: &[f64]) -> bool {
    let pairs = || values.windows(2);
    pairs().all(|p| p[0] < p[1]) || pairs().all(|p| p[0] > p[1])
}

/// The files of a folder that are named by their Unix times, in that order.
///
/// # Errors
/// When the folder cannot be read.
pub fn numbered(folder: &Path) -> Result<Vec<PathBuf>, FormatError> {
    let entries = store::list(folder).map_err(|e| FormatError::io(folder, e))?;
    let mut files: Vec<(ChunkName, PathBuf)> = entries
        .into_iter()
        .filter_map(|entry| {
            let path = entry.path;
            let npy = path.extension().is_some_and(|e| e == "npy");
            let name = ChunkName::of_file(&path)?;
            npy.then_some((name, path))
        })
        .collect();
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}
