//! Samples: the main dataset's shape and type, and reading windows of it.

use std::ops::Range;

use bytemuck::Pod;
use hdf5::dataset::Layout as Storage;
use hdf5::types::{FloatSize, IntSize, TypeDescriptor};
use hdf5::{Dataset, H5Type};
use ndarray::{Array2, s};
use rayon::prelude::*;

use super::links::is_inside;
use super::{Place, list};
use crate::block::DType;
use crate::formats::{FormatError, Layout};

/// Most bytes that one read holds besides its destination (a single row may be longer).
const SLAB_BYTES: usize = 8 << 20;

/// Channels that are transposed together: 64 bytes of an int16 row, so that every line of cache is used whole.
const STRIP: usize = 32;

/// A part of a recording.
#[derive(Debug, Clone)]
pub struct Window {
    /// Channels.
    pub channels: Range<usize>,
    /// Samples of each.
    pub times: Range<usize>,
}

/// The two lengths of a dataset that holds samples, slowest axis first; it is known to be readable.
pub fn shape(at: Place, data: &Dataset) -> Result<[usize; 2], FormatError> {
    let shape = data.shape();
    let [rows, cols] = shape[..] else {
        let found = format!("{} dimensions {shape:?}", shape.len());
        return Err(at.content(data.name(), found, "2 dimensions, time and channel"));
    };
    if rows == 0 || cols == 0 {
        let found = format!("shape {rows} x {cols}");
        return Err(at.content(data.name(), found, "at least one sample"));
    }
    readable(at, data)?;
    Ok([rows, cols])
}

/// Whether a dataset's samples are there and can be decoded.
pub fn readable(at: Place, data: &Dataset) -> Result<(), FormatError> {
    own(at, data)?;
    for filter in data.filters() {
        if !filter.decode_enabled() {
            let found = format!("filter {} ({filter:?})", filter.id());
            return Err(at.content(
                data.name(),
                found,
                "a compression that this program is built with",
            ));
        }
    }
    if data.storage_size() == 0 && data.layout() != Storage::Virtual {
        let shape: Vec<String> = data.shape().iter().map(ToString::to_string).collect();
        let found = format!(
            "{} samples of which none was ever written",
            shape.join(" x ")
        );
        return Err(at.content(data.name(), found, "stored samples"));
    }
    plausible(at, data)?;
    parts_exist(at, data)
}

/// External storage names any file of the machine, whose bytes would become samples.
pub fn own(at: Place, data: &Dataset) -> Result<(), FormatError> {
    let plist = data.create_plist();
    let plist = plist.map_err(|e| at.library(&data.name(), "a readable dataset", &e))?;
    let files = plist.external();
    if files.is_empty() {
        return Ok(());
    }
    let names = files.iter().take(3).map(|it| it.name.clone());
    let found = format!("samples in the external file(s) {}", list(names));
    Err(at.content(
        data.name(),
        found,
        "samples in the file itself (h5repack puts them there)",
    ))
}

/// A damaged shape must not ask for memory: samples that were never written may be many times those that were, and packed ones
/// are smaller, but not without bounds.
fn plausible(at: Place, data: &Dataset) -> Result<(), FormatError> {
    const MOST_LINES: usize = 1 << 28;
    const MOST_TIMES_STORED: u64 = 1 << 16;
    let shape = data.shape();
    let size = data.dtype().map_or(1, |dtype| dtype.size());
    let bytes = shape
        .iter()
        .try_fold(size, |bytes, lines| bytes.checked_mul(*lines));
    let stored = data.storage_size().saturating_mul(MOST_TIMES_STORED);
    let fits = match data.layout() {
        Storage::Virtual => shape.iter().all(|lines| *lines <= MOST_LINES),
        _ => bytes.is_some_and(|bytes| bytes as u64 <= stored),
    };
    if fits && bytes.is_some() {
        return Ok(());
    }
    let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let found = format!(
        "{} samples, of which {} bytes are stored",
        shape.join(" x "),
        data.storage_size()
    );
    Err(at.content(data.name(), found, "a shape of what is stored"))
}

/// HDF5 gives zeros, without an error, where the file behind a virtual dataset is missing.
fn parts_exist(at: Place, data: &Dataset) -> Result<(), FormatError> {
    if data.layout() != Storage::Virtual {
        return Ok(());
    }
    let maps = data
        .create_plist()
        .map(|plist| plist.virtual_map())
        .map_err(|e| at.library(&data.name(), "a readable virtual dataset", &e))?;
    let folder = at.path.parent().unwrap_or(at.path);
    let mut names = maps.iter().map(|map| map.src_filename.as_str());
    if let Some(outside) = names.find(|name| !is_inside(name)) {
        let found = format!("a virtual dataset of {outside}");
        return Err(at.content(data.name(), found, "files below the file's own folder"));
    }
    let missing = maps
        .iter()
        .map(|map| map.src_filename.as_str())
        .filter(|name| *name != "." && !folder.join(name).is_file());
    let mut missing: Vec<_> = missing.collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let found = format!(
        "a virtual dataset without its file(s) {}",
        list(missing.iter().take(3))
    );
    Err(at.content(data.name(), found, "those files in the same folder"))
}

/// The type in which samples are delivered: the stored one. Half precision becomes single.
pub fn dtype(at: Place, data: &Dataset) -> Result<DType, FormatError> {
    let stored = data
        .dtype()
        .map_err(|e| at.library(&data.name(), "a sample type", &e))?;
    let known = match stored.to_descriptor() {
        Ok(TypeDescriptor::Integer(IntSize::U1)) => Some(DType::I8),
        Ok(TypeDescriptor::Integer(IntSize::U2)) => Some(DType::I16),
        Ok(TypeDescriptor::Integer(IntSize::U4)) => Some(DType::I32),
        Ok(TypeDescriptor::Integer(IntSize::U8)) => Some(DType::I64),
        Ok(TypeDescriptor::Unsigned(IntSize::U1)) => Some(DType::U8),
        Ok(TypeDescriptor::Unsigned(IntSize::U2)) => Some(DType::U16),
        Ok(TypeDescriptor::Unsigned(IntSize::U4)) => Some(DType::U32),
        Ok(TypeDescriptor::Unsigned(IntSize::U8)) => Some(DType::U64),
        Ok(TypeDescriptor::Float(FloatSize::U4)) => Some(DType::F32),
        Ok(TypeDescriptor::Float(FloatSize::U8)) => Some(DType::F64),
        Err(_) if stored.size() == 2 && stored.conv_to::<f32>().is_some() => Some(DType::F32),
        _ => None,
    };
    known.ok_or_else(|| {
        at.content(
            data.name(),
            format!("samples of type {stored}"),
            "integers or floating-point numbers",
        )
    })
}

/// How blocks x rows x channels make a recording: some rows of each block follow those of the one before.
#[derive(Debug, Clone, Copy)]
pub struct Blocks {
    /// The first row of a block that is read.
    pub front: usize,
    /// Rows of a block that are read.
    pub kept: usize,
}

impl Blocks {
    /// The rows of blocks that some times are: block, rows in it, and how many times come before.
    pub fn parts(self, times: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>, usize)> {
        let Self { front, kept } = self;
        let mut at = times.start;
        std::iter::from_fn(move || {
            if at >= times.end {
                return None;
            }
            let (block, row, before) = (at / kept, at % kept, at - times.start);
            let end = times.end.min((block + 1) * kept);
            let rows = front + row..front + row + (end - at);
            at = end;
            Some((block, rows, before))
        })
    }
}

/// Reads a window of blocks, row-major with a row per channel.
pub fn read_blocks(
    data: &Dataset,
    blocks: Blocks,
    dtype: DType,
    window: &Window,
    dst: &mut [u8],
) -> hdf5::Result<()> {
    match dtype {
        DType::F32 => of_blocks::<f32>(data, blocks, window, dst),
        DType::F64 => of_blocks::<f64>(data, blocks, window, dst),
        DType::I16 => of_blocks::<i16>(data, blocks, window, dst),
        DType::I32 => of_blocks::<i32>(data, blocks, window, dst),
        other => Err(format!("blocks of samples of type {}", other.name()).into()),
    }
}

fn of_blocks<T: H5Type + Pod + Sync>(
    data: &Dataset,
    blocks: Blocks,
    window: &Window,
    dst: &mut [u8],
) -> hdf5::Result<()> {
    let (times, channels) = (&window.times, &window.channels);
    let row_bytes = times.len() * size_of::<T>();
    for (block, rows, before) in blocks.parts(times.clone()) {
        let array: Array2<T> = data.read_slice(s![block, rows, channels.clone()])?;
        let samples = array.as_slice().expect("a new array is contiguous");
        let column = before * size_of::<T>();
        for (strip, dst) in dst.chunks_mut(row_bytes * STRIP).enumerate() {
            let first = strip * STRIP;
            transpose_strip(samples, channels.len(), first, dst, row_bytes, column);
        }
    }
    Ok(())
}

/// Reads a window, row-major with a row per channel. The file is walked in the order of its chunks, in slabs of bounded
/// size; each is transposed where time is the slow axis.
pub fn read(
    data: &Dataset,
    layout: Layout,
    dtype: DType,
    window: &Window,
    dst: &mut [u8],
) -> hdf5::Result<()> {
    macro_rules! of {
        ($type:ty) => {
            match layout {
                Layout::TimeMajor => time_major::<$type>(data, window, dst),
                Layout::ChannelMajor => channel_major::<$type>(data, window, dst),
            }
        };
    }
    match dtype {
        DType::I8 => of!(i8),
        DType::U8 => of!(u8),
        DType::I16 => of!(i16),
        DType::U16 => of!(u16),
        DType::I32 => of!(i32),
        DType::U32 => of!(u32),
        DType::I64 => of!(i64),
        DType::U64 => of!(u64),
        DType::F32 => of!(f32),
        DType::F64 => of!(f64),
        other => unreachable!("samples of type {} are refused when opened", other.name()),
    }
}

fn time_major<T: H5Type + Pod + Sync>(
    data: &Dataset,
    window: &Window,
    dst: &mut [u8],
) -> hdf5::Result<()> {
    let row_bytes = window.times.len() * size_of::<T>();
    let rows = window.channels.len();
    for slab in slabs(
        data,
        window.times.clone(),
        window.channels.len() * size_of::<T>(),
    ) {
        let array = data.read_slice_2d::<T, _>(s![slab.clone(), window.channels.clone()])?;
        let samples = array.as_slice().expect("a new array is contiguous");
        let column = (slab.start - window.times.start) * size_of::<T>();
        dst.par_chunks_mut(row_bytes * STRIP)
            .enumerate()
            .for_each(|(strip, dst)| {
                transpose_strip(samples, rows, strip * STRIP, dst, row_bytes, column);
            });
    }
    Ok(())
}

fn channel_major<T: H5Type + Pod>(
    data: &Dataset,
    window: &Window,
    dst: &mut [u8],
) -> hdf5::Result<()> {
    let row_bytes = window.times.len() * size_of::<T>();
    for slab in slabs(data, window.channels.clone(), row_bytes) {
        let array = data.read_slice_2d::<T, _>(s![slab.clone(), window.times.clone()])?;
        let from = (slab.start - window.channels.start) * row_bytes;
        let samples = array.as_slice().expect("a new array is contiguous");
        dst[from..from + slab.len() * row_bytes].copy_from_slice(bytemuck::cast_slice(samples));
    }
    Ok(())
}

/// Cuts a range of the slow axis into slabs that hold whole chunks where they fit.
fn slabs(
    data: &Dataset,
    range: Range<usize>,
    bytes_per_line: usize,
) -> impl Iterator<Item = Range<usize>> {
    let fitting = (SLAB_BYTES / bytes_per_line.max(1)).max(1);
    let chunk = data.chunk().map_or(1, |chunk| chunk[0].max(1));
    let step = if chunk <= fitting {
        fitting - fitting % chunk
    } else {
        fitting
    };
    let mut from = range.start;
    std::iter::from_fn(move || {
        if from >= range.end {
            return None;
        }
        // Up to the next multiple, so that every slab after the first begins with a chunk.
        let to = (from - from % step + step).min(range.end);
        let slab = from..to;
        from = to;
        Some(slab)
    })
}

/// Writes the channels from `first` on, of samples in rows of `width` channels, into rows of `row_bytes`, at `column` bytes.
fn transpose_strip<T: Pod>(
    samples: &[T],
    width: usize,
    first: usize,
    dst: &mut [u8],
    row_bytes: usize,
    column: usize,
) {
    const TIMES: usize = 64;
    let size = size_of::<T>();
    for (block, lines) in samples.chunks(width * TIMES).enumerate() {
        let to = column + block * TIMES * size;
        for (k, row) in dst.chunks_exact_mut(row_bytes).enumerate() {
            let count = lines.len() / width;
            let out = row[to..to + count * size].chunks_exact_mut(size);
            for (out, line) in out.zip(lines.chunks_exact(width)) {
                out.copy_from_slice(bytemuck::bytes_of(&line[first + k]));
            }
        }
    }
}
