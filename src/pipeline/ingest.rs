//! Chunks of recordings as files: one npy file each, named by its Unix time, and the index of them all.
//!
//! A recording is read once, in runs along the file, whatever its size. Memory is bounded: two threads with two buffers of
//! [`TILE`] bytes each (or of one channel of a chunk, where that is larger).

mod folder;
mod headers;
mod lossless;

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use super::index::{self, Conflict, Place};
use super::limits::Limits;
use super::output::{AtomicFile, Commit, Folder, OutputError};
use super::sources::Sources;
use super::thread;
use super::timeline::{Cut, Cutting, Recorded, Timeline};
use crate::block::{DType, Endian, Order};
use crate::command::ChunkName;
use crate::formats::{FormatError, Layout, Source, Unchanged, npy};
use crate::store;
pub use folder::{index, prepare};
pub use lossless::Inexact;

/// Size of a buffer: what a thread reads and writes at a time.
pub const TILE: usize = 4 << 20;
/// The same where samples are decoded in blocks: a second of most recordings, so that few blocks are met twice.
const PACKED_TILE: usize = 64 << 20;
const THREADS: usize = 2;
/// Chunks that are open at once; a macOS process may have 256 files.
const OPEN_CHUNKS: usize = 128;
/// Recordings that the chunks that are open come from, at most, unless one chunk has more.
const OPEN_RECORDINGS: usize = 3;

/// Bytes of chunks that may lie in the folder for temporary files, where chunks cannot be written in place.
const TEMPORARY: usize = 512 << 20;

/// How a recording is cut.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ingest {
    /// Sample type of the chunks; `None` for the recording's own, which is the smallest without loss.
    pub dtype: Option<DType>,
    /// Makes chunks anew that are there already, and replaces another depth axis.
    pub overwrite: bool,
    /// Files of the headers of traces.
    pub traces: TraceFiles,
    /// Memory that it may take.
    pub limits: Limits,
}

/// Files of the headers of traces, where a recording has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TraceFiles {
    /// One with a list per field.
    #[default]
    Columns,
    /// That one, and distpy's: one per trace. Those that are there already stay, unless chunks are made anew.
    Each,
}

/// The run that an ingest is part of.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Told how many bytes of samples were read, piece by piece, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Told how many chunks were there already.
    pub skipped: &'a dyn Fn(usize),
    /// Told how many chunks were completed, group by group.
    pub written: &'a dyn Fn(usize),
    /// Ends the ingest when it becomes true.
    pub stop: &'a AtomicBool,
}

/// What an ingest did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Chunks that were written.
    pub written: usize,
    /// Chunks that were there already.
    pub skipped: usize,
}

/// Why a recording was not cut.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The recording cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The chunks cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The folder has chunks of another recording.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The folder has a file of a chunk's name that is not in its index.
    #[error("{}: found a file that {} does not list, expected none; it may be of another recording: choose another output folder, or --overwrite", path.display(), index::FILE)]
    Unlisted {
        /// The file.
        path: PathBuf,
    },
    /// The requested sample type cannot hold the samples.
    #[error("channels {} to {}: {source}", channels.start, channels.end - 1)]
    Inexact {
        /// Where.
        channels: Range<usize>,
        /// What.
        source: Inexact,
    },
    /// The output folder has the depth axis of another recording.
    #[error("{}: found another depth axis than this recording's {channels} channels have; choose another output folder, or overwrite", path.display())]
    Depth {
        /// The depth axis.
        path: PathBuf,
        /// Channels of this recording.
        channels: usize,
    },
    /// The output folder has the calibration of another recording, or none.
    #[error("{}: found {found}, expected {expected}, which is this recording's; choose another output folder, or overwrite", path.display())]
    Calibration {
        /// The calibration of the chunks that are there.
        path: PathBuf,
        /// What it is.
        found: String,
        /// This recording's.
        expected: String,
    },
    /// The run was asked to stop; finished chunks are kept.
    #[error("stopped; finished chunks are kept")]
    Stopped,
}

/// Cuts one recording, which is known by a name, into a folder.
///
/// # Errors
/// See [`IngestError`]. What was finished before stays.
pub fn ingest(
    source: Arc<dyn Source>,
    name: &Path,
    cutting: Cutting,
    out: &Folder,
    options: &Ingest,
    run: &Run,
) -> Result<Report, IngestError> {
    let header = source.header();
    let recorded = Recorded::new(name, 0, header, false, &mut None);
    let mut timeline = Timeline::new(cutting);
    let (mut cuts, _) = timeline.add(vec![recorded]);
    cuts.extend(timeline.finish());
    let Some(fibre) = timeline.fibre() else {
        return Ok(Report::default());
    };
    prepare(fibre, out, options, run.stop)?;
    let places = index(&mut cuts, out, options, run.stop)?;
    if let Some(first) = cuts.first() {
        write_headers(&*source, out, first.id.name, options, run)?;
    }
    let cuts: Vec<(&Cut, Place)> = cuts.iter().zip(places).collect();
    write_chunks(&cuts, &mut Sources::of(name, source), out, options, run)
}

/// Writes what a recording's file says as `json/<name>/<name>.json`, the headers of its traces as
/// `json/<name>/trace_headers.json` and, where wanted, each as `json/<name>/<number from 0>.json`. `name` is its first chunk's.
///
/// # Errors
/// When the file cannot be read, or the headers cannot be written.
pub fn write_headers(
    source: &dyn Source,
    out: &Folder,
    name: ChunkName,
    options: &Ingest,
    run: &Run,
) -> Result<Vec<String>, IngestError> {
    let mut warnings = Vec::new();
    headers::write(source, out, name, options, run, &mut warnings)?;
    Ok(warnings)
}

/// Writes chunks, of which `places` says how they came into the index: `<name>.npy` of shape (channels, samples) in C order.
/// A chunk that exists, complete and of the right type and shape, is skipped. Files appear when they are complete.
///
/// # Errors
/// See [`IngestError`]. What was finished before stays.
pub fn write_chunks(
    cuts: &[(&Cut, Place)],
    sources: &mut Sources,
    out: &Folder,
    options: &Ingest,
    run: &Run,
) -> Result<Report, IngestError> {
    let mut report = Report::default();
    let mut missing = Vec::new();
    for &(cut, place) in cuts {
        let dtype = options.dtype.unwrap_or(cut.fibre.dtype);
        let path = out.path().join(file_name(cut));
        let shape = [cut.fibre.channels, cut.own_samples()];
        let exists = match place {
            Place::Known { longer: true } => store::is_listed(&path),
            Place::Known { longer: false } => is_complete(&path, dtype, shape),
            Place::New | Place::Replaced => false,
        };
        match exists {
            true => report.skipped += 1,
            false => missing.push(cut),
        }
    }
    (run.skipped)(report.skipped);
    while let Some(first) = missing.first() {
        let size = group_size(first, options, out.commit());
        let near = missing.iter().take(size);
        let mut paths = HashSet::new();
        // Few recordings are open at once, whatever the length of each.
        let few = near.take_while(|cut| {
            paths.extend(cut.pieces.iter().map(|piece| &piece.path));
            paths.len() <= OPEN_RECORDINGS
        });
        let count = few.count().max(1);
        let group: Vec<&Cut> = missing.drain(..count).collect();
        write_group(&group, sources, out, options, run)?;
        report.written += count;
        (run.written)(count);
    }
    Ok(report)
}

fn file_name(cut: &Cut) -> String {
    format!("{}.npy", cut.id.name)
}

fn is_complete(path: &Path, dtype: DType, shape: [usize; 2]) -> bool {
    let Ok((header, size)) = npy::header(path) else {
        return false;
    };
    let native = header.endian == Endian::NATIVE || dtype.word() == 1;
    let exact = size == header.data_at + header.size;
    exact && native && header.dtype == dtype && header.order == Order::C && header.shape == shape
}

/// How many chunks are written side by side: a channel of all of them fits a buffer.
fn group_size(first: &Cut, options: &Ingest, commit: Commit) -> usize {
    let fibre = &first.fibre;
    let size = fibre.dtype.size();
    let size = size.max(options.dtype.map_or(size, DType::size));
    let row = first.own_samples().max(1) * size;
    let most = match commit {
        Commit::Rename => OPEN_CHUNKS,
        Commit::Put => OPEN_CHUNKS.min(TEMPORARY / (row * fibre.channels.max(1)).max(1)),
    };
    (TILE / row).min(most).max(1)
}

/// A chunk that is being written.
struct OpenChunk {
    file: AtomicFile,
    samples: usize,
    /// Where its samples begin.
    data_at: usize,
}

/// Writes chunks side by side and completes them.
fn write_group(
    group: &[&Cut],
    sources: &mut Sources,
    out: &Folder,
    options: &Ingest,
    run: &Run,
) -> Result<(), IngestError> {
    let fibre = &group[0].fibre;
    let dtype = options.dtype.unwrap_or(fibre.dtype);
    let open = |cut: &&Cut| {
        let samples = cut.own_samples();
        let file = out.create(Path::new(&file_name(cut)))?;
        let head = npy::header_bytes(dtype, &[fibre.channels, samples]);
        file.write_all_at(&head, 0)?;
        Ok(OpenChunk {
            file,
            samples,
            data_at: head.len(),
        })
    };
    let chunks: Vec<OpenChunk> = group.iter().map(open).collect::<Result<_, OutputError>>()?;
    // Recording after recording, each along its own order.
    let mut by_recording: Vec<(&Path, Vec<Part>)> = Vec::new();
    for (cut, chunk) in group.iter().zip(&chunks) {
        let mut column = 0;
        for piece in &cut.pieces {
            let part = Part {
                chunk,
                times: piece.times.clone(),
                column,
            };
            column += piece.times.len();
            match by_recording
                .iter_mut()
                .find(|(path, _)| *path == &*piece.path)
            {
                Some((_, parts)) => parts.push(part),
                None => by_recording.push((&piece.path, vec![part])),
            }
        }
    }
    for (path, parts) in by_recording {
        let samples = parts.iter().map(|part| part.times.end).max();
        let source = sources.open(path, fibre, samples.unwrap_or(0))?;
        copy_parts(source, parts, dtype, options.limits, run)?;
        // Samples of a file that changed meanwhile may be anything.
        source.file().map_or(Ok(()), Unchanged::check)?;
    }
    for chunk in chunks {
        chunk.file.commit()?;
    }
    Ok(())
}

/// Copies parts of chunks from one recording.
fn copy_parts(
    source: &dyn Source,
    parts: Vec<Part>,
    dtype: DType,
    memory: Limits,
    run: &Run,
) -> Result<(), IngestError> {
    let tiles = tiles(source, parts, dtype, memory);
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    thread::share_out(THREADS.min(tiles.len()), || {
        let mut buffers = Buffers::default();
        while let Some(tile) = tiles.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = if run.stop.load(Ordering::Relaxed) {
                Err(IngestError::Stopped)
            } else {
                copy(source, tile, dtype, &mut buffers)
            };
            match result {
                Ok(bytes) => (run.progress)(bytes),
                Err(error) => {
                    next.store(tiles.len(), Ordering::Relaxed);
                    let mut failure = failure.lock().expect("no thread panics with it");
                    failure.get_or_insert(error);
                    return;
                }
            }
        }
    });
    match failure.into_inner().expect("no thread panics with it") {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Some channels of some consecutive times: what a thread does in one go.
struct Tile<'a> {
    channels: Range<usize>,
    parts: Vec<Part<'a>>,
}

/// Samples of a recording that a chunk has.
#[derive(Clone)]
struct Part<'a> {
    chunk: &'a OpenChunk,
    /// Which samples of the recording.
    times: Range<usize>,
    /// Number of the first of them in the chunk.
    column: usize,
}

/// The tiles of some parts, in the order of the recording.
fn tiles<'a>(
    source: &dyn Source,
    parts: Vec<Part<'a>>,
    dtype: DType,
    memory: Limits,
) -> Vec<Tile<'a>> {
    let header = source.header();
    let size = header.dtype.size().max(dtype.size());
    let bytes = match source.is_packed() {
        // A thread has a buffer of what is read and one of what is written.
        true => memory.share(2 * THREADS).clamp(TILE, PACKED_TILE),
        false => TILE,
    };
    match header.layout {
        Layout::ChannelMajor if !source.is_packed() => {
            let samples: usize = parts.iter().map(|part| part.times.len()).sum();
            let height = (bytes / (samples * size)).max(1);
            windows(0..header.channels, height)
                .map(|channels| Tile {
                    channels,
                    parts: parts.clone(),
                })
                .collect()
        }
        _ => {
            let width = (bytes / (header.channels * size)).max(1);
            let cut = |part: Part<'a>| {
                windows(part.times.clone(), width).map(move |times| Tile {
                    channels: 0..header.channels,
                    parts: vec![Part {
                        column: part.column + times.start - part.times.start,
                        times,
                        ..part
                    }],
                })
            };
            parts.into_iter().flat_map(cut).collect()
        }
    }
}

fn windows(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range
        .step_by(step)
        .map(move |from| from..(from + step).min(end))
}

/// A thread's memory: samples as they are delivered, and as they are written.
#[derive(Default)]
struct Buffers {
    delivered: Vec<u8>,
    converted: Vec<u8>,
}

/// Reads a tile and writes its parts; gives the bytes read.
fn copy(
    source: &dyn Source,
    tile: &Tile,
    dtype: DType,
    buffers: &mut Buffers,
) -> Result<u64, IngestError> {
    let header = source.header();
    let rows = tile.channels.len();
    let samples: usize = tile.parts.iter().map(|p| p.times.len() * rows).sum();
    let delivered = sized(&mut buffers.delivered, samples * header.dtype.size());
    read(source, tile, delivered)?;
    let written = if dtype == header.dtype {
        &*delivered
    } else {
        let converted = sized(&mut buffers.converted, samples * dtype.size());
        lossless::convert(header.dtype, delivered, dtype, converted).map_err(|source| {
            IngestError::Inexact {
                channels: tile.channels.clone(),
                source,
            }
        })?;
        converted
    };
    let mut from = 0;
    for part in &tile.parts {
        let length = part.times.len() * rows * dtype.size();
        write(
            part,
            tile.channels.start,
            &written[from..from + length],
            dtype.size(),
        )?;
        from += length;
    }
    Ok((samples * header.dtype.size()) as u64)
}

fn sized(buffer: &mut Vec<u8>, size: usize) -> &mut [u8] {
    if buffer.len() < size {
        buffer.resize(size, 0);
    }
    &mut buffer[..size]
}

/// Reads a tile part by part, each as rows of its own; along the file where channels are.
fn read(source: &dyn Source, tile: &Tile, mut dst: &mut [u8]) -> Result<(), FormatError> {
    let header = source.header();
    if header.layout == Layout::TimeMajor || source.is_packed() {
        for part in &tile.parts {
            let length = part.times.len() * tile.channels.len() * header.dtype.size();
            let (rows, rest) = dst.split_at_mut(length);
            source.read(tile.channels.clone(), part.times.clone(), rows)?;
            dst = rest;
        }
        return Ok(());
    }
    let rows = tile.channels.len();
    for (row, channel) in tile.channels.clone().enumerate() {
        let mut part_at = 0;
        for part in &tile.parts {
            let length = part.times.len() * header.dtype.size();
            let at = part_at + row * length;
            let run = &mut dst[at..at + length];
            source.read(channel..channel + 1, part.times.clone(), run)?;
            part_at += rows * length;
        }
    }
    Ok(())
}

/// Writes rows of a chunk, from a channel on: in one go where they are whole.
fn write(part: &Part, channel: usize, rows: &[u8], size: usize) -> Result<(), OutputError> {
    let chunk = part.chunk;
    let width = chunk.samples * size;
    let column = part.column * size;
    let run = part.times.len() * size;
    let run = if run == width { rows.len() } else { run };
    for (row, bytes) in rows.chunks(run).enumerate() {
        let at = chunk.data_at + (channel + row) * width + column;
        chunk.file.write_all_at(bytes, at as u64)?;
    }
    Ok(())
}
