//! Chunks as pictures read them: strain rate along the fibre, in files that follow one another.

use std::path::{Path, PathBuf};

use super::index::Index;
use super::section::{Axes, Section, axis, numbered};
use crate::block::{Kind, Stored};
use crate::command::ChunkName;
use crate::formats::segment::SECOND;
use crate::formats::{FormatError, npy};
use crate::store;

/// Chunks of one fibre, in the order of their times.
#[derive(Debug)]
pub struct Recording {
    /// Where they come from, for messages.
    pub path: PathBuf,
    /// Depth of each channel in metres; their numbers where there is no axis.
    pub depths: Vec<f64>,
    /// Whether channels are only numbered.
    pub numbered: bool,
    /// Samples per second of a channel.
    pub prf: f64,
    /// The chunks.
    pub chunks: Vec<Chunk>,
}

/// A second of a recording, or more.
#[derive(Debug)]
pub struct Chunk {
    /// Unix time of its first sample.
    pub start: f64,
    /// Channels by times.
    pub samples: Stored,
}

/// Samples of one channel without a gap: the time of the first, and all of them.
pub type Run = (f64, Vec<f64>);

impl Recording {
    /// Opens what a name stands for below a folder: a chunk, a folder of chunks, or a glob. Of many, those that have a part in
    /// `times`.
    ///
    /// # Errors
    /// When there is none, or one has other channels than the first.
    pub fn open(
        folder: &Path,
        name: &str,
        prf: Option<f64>,
        axes: &Axes,
        times: Option<[f64; 2]>,
    ) -> Result<Self, FormatError> {
        let path = folder.join(name);
        let none = |expected: &str| FormatError::content(&path, "file", "none", expected);
        let files = if store::is_dir(&path) {
            numbered(&path)?
        } else if store::is_file(&path) {
            vec![path.clone()]
        } else {
            let pattern = path.display().to_string();
            store::matches(&pattern).map_err(|e| none(&e.to_string()))?
        };
        let inner = match store::is_dir(&path) {
            true => path.clone(),
            false => path.parent().map(PathBuf::from).unwrap_or_default(),
        };
        let index = Index::read(&inner)?.unwrap_or_default();
        let rate = index.entries().next().map(|it| it.common.rate.hertz());
        let prf = rate.or(prf).ok_or_else(|| {
            let expected = "an index.csv that states the rate, or prf in the configuration";
            FormatError::content(&path, "rate", "none", expected)
        })?;
        let mut chunks = Vec::new();
        for file in &files {
            let Some(name) = ChunkName::of_file(file) else {
                let stem = file.file_stem().unwrap_or_default().display();
                let expected = "a Unix time such as 1500000000.npy";
                return Err(FormatError::content(
                    file,
                    "name",
                    format!("\"{stem}\""),
                    expected,
                ));
            };
            let start = index.find(name).map_or(name.time(), |it| it.id.start);
            let array = npy::open(file)?;
            let samples = array.stored().ok_or_else(|| {
                let found = format!("shape {:?}", array.header().shape);
                FormatError::content(file, "header", found, "channels by times")
            })?;
            if samples.kind() != Kind::Real {
                let found = samples.dtype().name();
                return Err(FormatError::content(file, "header", found, "real samples"));
            }
            let [rows, cols] = samples.shape();
            let start = start as f64 / SECOND as f64;
            let wanted =
                times.is_none_or(|[from, to]| start < to && start + cols as f64 / prf > from);
            if !wanted || rows * cols == 0 {
                continue;
            }
            let first = chunks
                .first()
                .map_or(rows, |c: &Chunk| c.samples.shape()[0]);
            if rows != first {
                let found = format!("{rows} channels");
                return Err(FormatError::content(
                    file,
                    "header",
                    found,
                    first.to_string(),
                ));
            }
            chunks.push(Chunk { start, samples });
        }
        let Some(first) = chunks.first() else {
            return Err(none(
                "chunks such as 1500000000.npy: a file, a folder or a pattern",
            ));
        };
        let rows = first.samples.shape()[0];
        let beside = match store::is_dir(&path) {
            true => path.join("measured_depth.npy"),
            false => path.with_file_name("measured_depth.npy"),
        };
        let own = axis(&beside)?.or(axes.depths.clone());
        let counted = own.is_none();
        let depths = match own {
            None => (0..rows).map(|k| k as f64).collect(),
            Some(depths) if depths.len() == rows => depths,
            Some(depths) => {
                let found = format!("{rows} channels");
                let expected = format!("{}, as the axis has", depths.len());
                return Err(FormatError::content(&path, "header", found, expected));
            }
        };
        Ok(Self {
            path,
            depths,
            numbered: counted,
            prf,
            chunks,
        })
    }

    /// The chunks as one section, with a time for each sample.
    pub fn section(&self) -> Section {
        let times = self.chunks.iter().flat_map(|chunk| {
            let samples = chunk.samples.shape()[1];
            (0..samples).map(|k| chunk.start + k as f64 / self.prf)
        });
        let parts = self.chunks.iter().map(|chunk| chunk.samples.clone());
        Section::of_parts(
            self.path.clone(),
            self.depths.clone(),
            times.collect(),
            parts.collect(),
        )
    }

    /// The channel nearest to a depth in metres.
    pub fn channel(&self, depth: f64) -> usize {
        let far = |k: &usize| (self.depths[*k] - depth).abs();
        let nearest = (0..self.depths.len()).min_by(|a, b| far(a).total_cmp(&far(b)));
        nearest.unwrap_or(0)
    }

    /// The samples of one channel: chunks that follow one another without a gap are one run.
    pub fn trace(&self, channel: usize) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for chunk in &self.chunks {
            let block = chunk.samples.block::<f64>(channel..channel + 1);
            let row = block.as_real().iter().copied();
            match runs.last_mut() {
                Some((start, run))
                    if (*start + run.len() as f64 / self.prf - chunk.start).abs()
                        < 1.5 / self.prf =>
                {
                    run.extend(row);
                }
                _ => runs.push((chunk.start, row.collect())),
            }
        }
        runs
    }
}
