//! Cutting a recording into chunks: one npy file per second, named by its Unix time.
//!
//! The recording is read once, in runs along the file, whatever its size. Memory is bounded: two threads with two buffers of
//! [`TILE`] bytes each (or of one channel's second, where that is larger).

mod headers;
mod lossless;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::Serialize;

use super::output::{AtomicFile, Commit, Folder, OutputError};
use crate::block::{DType, Endian, Order};
use crate::formats::{Calibration, FormatError, Header, Layout, Source, npy};
use crate::store;
pub use lossless::Inexact;

/// Size of a buffer: what a thread reads and writes at a time.
pub const TILE: usize = 4 << 20;
/// The same where samples are decoded in blocks: a second of most recordings, so that few blocks are met twice.
const PACKED_TILE: usize = 64 << 20;
const THREADS: usize = 2;
/// Chunks that are open at once; a macOS process may have 256 files.
const OPEN_CHUNKS: usize = 128;

/// Bytes of chunks that may lie in the folder for temporary files, where chunks cannot be written in place.
const TEMPORARY: usize = 512 << 20;
/// Between two looks at a depth axis that another run is writing.
const LOOK: std::time::Duration = std::time::Duration::from_millis(20);

/// How a recording is cut.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ingest {
    /// Sample type of the chunks; `None` for the recording's own, which is the smallest without loss.
    pub dtype: Option<DType>,
    /// What happens to a last chunk that is not full.
    pub last_chunk: LastChunk,
    /// Makes chunks anew that are there already, and replaces another depth axis.
    pub overwrite: bool,
    /// Shape of the depth axis.
    pub depth: DepthShape,
    /// Files of the headers of traces.
    pub traces: TraceFiles,
}

/// What happens to a last chunk that is not full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LastChunk {
    /// It is written, with fewer samples than the others.
    #[default]
    Keep,
    /// Its samples are left out, with a warning.
    Drop,
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

/// Shape of `measured_depth.npy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DepthShape {
    /// (channels, 1), as distpy has it from SEG-Y.
    #[default]
    Column,
    /// (channels,), as distpy has it from other formats.
    Flat,
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
    /// Samples of each channel at the end that are in no chunk.
    pub dropped_samples: usize,
    /// Name of the first chunk: whole seconds of Unix time.
    pub first: i64,
    /// What the user should know.
    pub warnings: Vec<String>,
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
    /// The recording has too few samples a second to be cut by seconds.
    #[error("prf: found {prf} Hz, expected a rate of at least 0.5 Hz to cut chunks of a second")]
    Rate {
        /// Samples per second.
        prf: f64,
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

/// Cuts a recording into `out`: `<unix-seconds>.npy` of shape (channels, round(prf)) in C order, the k-th named
/// floor(start) + k; `measured_depth.npy` in metres; where it is known, what a sample stands for as `calibration.json`; the
/// headers as `json/<first>/<first>.json`, those of the traces as `json/<first>/trace_headers.json` and, where wanted, each
/// as `json/<first>/<number from 0>.json`.
///
/// A chunk that is there, complete and of the right type and shape, is skipped. Files appear when they are complete.
///
/// # Errors
/// See [`IngestError`]. What was finished before stays.
pub fn ingest(
    source: &dyn Source,
    out: &Folder,
    options: &Ingest,
    run: &Run,
) -> Result<Report, IngestError> {
    let header = source.header();
    if !(header.prf.is_finite() && header.prf >= 0.5) {
        return Err(IngestError::Rate { prf: header.prf });
    }
    let first = whole_seconds(header);
    let mut report = Report {
        first,
        ..Report::default()
    };
    let depth = "measured_depth.npy";
    while !out.take(depth)? {
        if run.stop.load(Ordering::Relaxed) {
            return Err(IngestError::Stopped);
        }
        std::thread::sleep(LOOK);
    }
    // The depth axis last: where it is there, so is the calibration that goes with it.
    let written = write_calibration(header, out, options)
        .and_then(|()| write_depth(header, out, Path::new(depth), options));
    out.release(depth);
    written?;
    headers::write(source, out, first, options, run, &mut report.warnings)?;

    let dtype = options.dtype.unwrap_or(header.dtype);
    let chunks = missing_chunks(header, out.path(), dtype, options, &mut report);
    (run.skipped)(report.skipped);
    for group in chunks.chunks(group_size(header, dtype, out.commit())) {
        write_group(source, out, group, dtype, run)?;
        report.written += group.len();
        (run.written)(group.len());
    }
    Ok(report)
}

/// A chunk to be written.
#[derive(Debug, Clone)]
struct Chunk {
    name: String,
    times: Range<usize>,
}

fn whole_seconds(header: &Header) -> i64 {
    let nanoseconds = header.start.as_nanosecond().div_euclid(1_000_000_000);
    i64::try_from(nanoseconds).expect("a timestamp is within the years -9999 to 9999")
}

fn write_depth(
    header: &Header,
    out: &Folder,
    name: &Path,
    options: &Ingest,
) -> Result<(), IngestError> {
    let channels = header.channels;
    let path = out.path().join(name);
    if store::exists(&path) && !options.overwrite {
        let present = npy::open(&path).ok().and_then(|a| a.to_f64_vec());
        return match present {
            Some(depth) if depth == header.depth => Ok(()),
            _ => Err(IngestError::Depth { path, channels }),
        };
    }
    let shape: &[usize] = match options.depth {
        DepthShape::Column => &[channels, 1],
        DepthShape::Flat => &[channels],
    };
    let values = bytemuck::cast_slice(&header.depth);
    Ok(out.write(name, &npy::encode(DType::F64, shape, values))?)
}

/// What a stored sample stands for is one for all chunks of a folder, as the depth axis is.
fn write_calibration(header: &Header, out: &Folder, options: &Ingest) -> Result<(), IngestError> {
    let path = out.path().join(Calibration::FILE);
    if options.overwrite && header.calibration.is_none() {
        return match store::remove(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(FormatError::io(&path, e).into())
            }
            _ => Ok(()),
        };
    }
    let others = !options.overwrite && store::exists(&out.path().join("measured_depth.npy"));
    let text = match store::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(FormatError::io(&path, e).into()),
    };
    let known = match text {
        Some(text) if !options.overwrite => Some(Calibration::parse(&path, &text)?),
        _ => None,
    };
    let shown = |it: Option<&Calibration>| match it {
        Some(it) => format!("{} {} a count", it.factor, it.unit),
        None => "none".into(),
    };
    match (&header.calibration, known) {
        (None, None) => Ok(()),
        (Some(own), Some(known)) if *own == known => Ok(()),
        (Some(own), None) if !others => {
            let value = serde_json::to_value(own).expect("a factor and a unit are plain data");
            Ok(out.write(Path::new(Calibration::FILE), &headers::pretty(&value))?)
        }
        (own, known) => Err(IngestError::Calibration {
            path,
            found: shown(known.as_ref()),
            expected: shown(own.as_ref()),
        }),
    }
}

/// The chunks of a recording that are not in the folder yet.
fn missing_chunks(
    header: &Header,
    out: &Path,
    dtype: DType,
    options: &Ingest,
    report: &mut Report,
) -> Vec<Chunk> {
    let width = header.prf.round() as usize;
    let full = header.samples / width;
    let rest = header.samples % width;
    let count = match options.last_chunk {
        LastChunk::Keep => full + usize::from(rest > 0),
        LastChunk::Drop => full,
    };
    if rest > 0 {
        let fate = match options.last_chunk {
            LastChunk::Keep => "the last chunk is kept with",
            LastChunk::Drop => "left out are the last",
        };
        report.dropped_samples = if count == full { rest } else { 0 };
        report.warnings.push(format!(
            "{} samples are no multiple of {width} a second: {fate} {rest} samples",
            header.samples
        ));
    }
    let drift = header.samples as f64 / header.prf - header.samples as f64 / width as f64;
    if drift.abs() >= 0.5 {
        report.warnings.push(format!(
            "chunks have {width} samples at {} Hz: the last one begins {:+.1} s off the time in its name",
            header.prf, drift
        ));
    }
    let mut replaced = 0;
    let mut missing = Vec::new();
    for k in 0..count {
        let times = k * width..((k + 1) * width).min(header.samples);
        let name = format!("{}.npy", report.first + k as i64);
        let path = out.join(&name);
        let complete = is_complete(&path, dtype, [header.channels, times.len()]);
        if complete && !options.overwrite {
            report.skipped += 1;
            continue;
        }
        replaced += usize::from(!complete && store::exists(&path));
        missing.push(Chunk { name, times });
    }
    if replaced > 0 {
        report.warnings.push(format!(
            "{replaced} files have names of this recording's chunks and another type, shape or size: replaced"
        ));
    }
    missing
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
fn group_size(header: &Header, dtype: DType, commit: Commit) -> usize {
    let samples = (header.prf.round() as usize).min(header.samples);
    let second = samples.max(1) * sample_size(header, dtype);
    let open = match header.layout {
        Layout::ChannelMajor => OPEN_CHUNKS,
        // Whole chunks lie one behind the other: more than a few would only delay the first.
        Layout::TimeMajor => 4 * THREADS,
    };
    let most = match commit {
        Commit::Rename => open,
        Commit::Put => open.min(TEMPORARY / (second * header.channels.max(1))),
    };
    (TILE / second).min(most).max(1)
}

/// Bytes that a sample takes in the larger of both buffers.
fn sample_size(header: &Header, dtype: DType) -> usize {
    header.dtype.size().max(dtype.size())
}

/// A chunk that is being written.
struct OpenChunk {
    file: AtomicFile,
    times: Range<usize>,
    /// Where its samples begin.
    data_at: usize,
}

/// Writes chunks side by side and completes them.
fn write_group(
    source: &dyn Source,
    out: &Folder,
    group: &[Chunk],
    dtype: DType,
    run: &Run,
) -> Result<(), IngestError> {
    let header = source.header();
    let open = |chunk: &Chunk| {
        let file = out.create(Path::new(&chunk.name))?;
        let head = npy::header_bytes(dtype, &[header.channels, chunk.times.len()]);
        file.write_all_at(&head, 0)?;
        Ok(OpenChunk {
            file,
            times: chunk.times.clone(),
            data_at: head.len(),
        })
    };
    let chunks: Vec<OpenChunk> = group.iter().map(open).collect::<Result<_, OutputError>>()?;
    let tiles = tiles(source, &chunks, dtype);

    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(tiles.len()) {
            scope.spawn(|| {
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
        }
    });
    if let Some(error) = failure.into_inner().expect("no thread panics with it") {
        return Err(error);
    }
    for chunk in chunks {
        chunk.file.commit()?;
    }
    Ok(())
}

/// Some channels of some consecutive times: what a thread does in one go.
struct Tile<'a> {
    channels: Range<usize>,
    parts: Vec<Part<'a>>,
}

/// A tile's share of a chunk.
struct Part<'a> {
    chunk: &'a OpenChunk,
    times: Range<usize>,
}

/// The tiles of a group, in the order of the recording.
fn tiles<'a>(source: &dyn Source, chunks: &'a [OpenChunk], dtype: DType) -> Vec<Tile<'a>> {
    let header = source.header();
    let size = sample_size(header, dtype);
    let bytes = match source.is_packed() {
        true => PACKED_TILE,
        false => TILE,
    };
    match header.layout {
        Layout::ChannelMajor if !source.is_packed() => {
            let samples: usize = chunks.iter().map(|c| c.times.len()).sum();
            let height = (bytes / (samples * size)).max(1);
            windows(0..header.channels, height)
                .map(|channels| Tile {
                    channels,
                    parts: chunks
                        .iter()
                        .map(|chunk| Part {
                            chunk,
                            times: chunk.times.clone(),
                        })
                        .collect(),
                })
                .collect()
        }
        _ => {
            let width = (bytes / (header.channels * size)).max(1);
            chunks
                .iter()
                .flat_map(|chunk| {
                    windows(chunk.times.clone(), width).map(move |times| Tile {
                        channels: 0..header.channels,
                        parts: vec![Part { chunk, times }],
                    })
                })
                .collect()
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
    let width = chunk.times.len() * size;
    let column = (part.times.start - chunk.times.start) * size;
    let run = part.times.len() * size;
    let run = if run == width { rows.len() } else { run };
    for (row, bytes) in rows.chunks(run).enumerate() {
        let at = chunk.data_at + (channel + row) * width + column;
        chunk.file.write_all_at(bytes, at as u64)?;
    }
    Ok(())
}
