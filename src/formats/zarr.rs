//! Zarr arrays of version 2 and 3: a folder whose files are compressed tiles of one array.
//!
//! Read as xarray and others write them: dimensions have names, axes are arrays of these names beside it, and attributes say what is
//! packed (`scale_factor`, `add_offset`, `_FillValue`, as the CF conventions have them). Codecs: gzip, zlib, zstd, crc32c,
//! transpose and shards.

mod axes;
mod limited;
mod objects;
pub mod write;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use zarrs::array::{
    Array, ArrayBytes, ArrayCreateError, ArrayShardedExt, ArraySubset, CodecOptions,
};
use zarrs::filesystem::FilesystemStore;
use zarrs::plugin::ExtensionName;
use zarrs::plugin::ZarrVersion;
use zarrs::storage::ReadableStorageTraits;

use super::FormatError;
use crate::block::{Bytes, DType, Endian, Order, Stored};
use crate::store;

/// The files of an array, wherever they lie.
type Files = dyn ReadableStorageTraits;

/// The largest tile that is taken into memory.
const LARGEST_TILE: u64 = 1 << 30;
/// The most values of an axis: eight years of seconds.
const LONGEST_AXIS: u64 = 1 << 28;
/// The most labels of columns that are looked through.
const MOST_LABELS: u64 = 1 << 16;
/// The files that say what a folder holds.
const HEADERS: [&str; 3] = ["zarr.json", ".zarray", ".zgroup"];

/// A two-dimensional array, channels by times whichever way it lies in its folder.
pub struct Zarr {
    path: PathBuf,
    array: Array<Files>,
    dtype: DType,
    shape: [usize; 2],
    tile: [usize; 2],
    turned: bool,
    packed: Option<Packed>,
    /// The one that is read, of an array of three dimensions.
    column: Option<u64>,
}

impl std::fmt::Debug for Zarr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Zarr");
        shown.field("path", &self.path).finish_non_exhaustive()
    }
}

/// How numbers are packed: `scale * stored + offset`, and none where `missing` is stored.
#[derive(Debug, Clone, Copy)]
struct Packed {
    scale: f64,
    offset: f64,
    missing: Option<f64>,
}

/// Whether a path is a Zarr array, a group of them, or a column of an array of three dimensions.
pub fn is_zarr(folder: &Path) -> bool {
    is_node(folder) || column(folder).is_some()
}

fn is_node(folder: &Path) -> bool {
    HEADERS
        .iter()
        .any(|name| store::is_file(&folder.join(name)))
}

/// The array and the column of `summary.zarr/ARRAY/COLUMN`.
fn column(path: &Path) -> Option<(&Path, &str)> {
    let array = path.parent()?;
    let name = path.file_name()?.to_str()?;
    (!store::exists(path) && is_node(array) && members(array).is_none()).then_some((array, name))
}

/// The number of a column: that of its label on the axis of the third dimension, or as it stands.
fn numbered(
    array: &Array<Files>,
    folder: &Path,
    name: &str,
    count: u64,
) -> Result<u64, FormatError> {
    let axis = axes::names(array).and_then(|names| names.get(2).cloned());
    let axis = axis.and_then(|axis| Some(folder.parent()?.join(axis)));
    let labels = axis.filter(|axis| is_node(axis)).and_then(|axis| {
        let folder = axis;
        let axis = opened(files(&folder).ok()?).ok()?;
        tile(&axis, &folder).ok()?;
        let known = axis.shape() == [count] && count <= MOST_LABELS;
        let whole = axis.subset_all();
        known.then(|| axis.retrieve_array_subset::<Vec<String>>(&whole).ok())?
    });
    let labels = labels.unwrap_or_default();
    let labelled = labels.iter().position(|label| label == name);
    let number = labelled.map(|k| k as u64).or_else(|| name.parse().ok());
    number.filter(|number| *number < count).ok_or_else(|| {
        let expected = match labels.is_empty() {
            true => format!("a number below {count}"),
            false => format!("one of {}, or a number below {count}", labels.join(", ")),
        };
        FormatError::content(folder, "column", format!("\"{name}\""), expected)
    })
}

/// Opens an array; no sample is read.
///
/// # Errors
/// When it is none, or not one of real numbers along the fibre over time.
pub fn open(folder: &Path) -> Result<Zarr, FormatError> {
    let (folder, wanted) = match column(folder) {
        Some((array, name)) => (array, Some(name)),
        None => (folder, None),
    };
    let (array, dtype) = open_any(folder)?;
    let fail = |found: String, expected: &str| {
        Err(FormatError::content(
            folder,
            "shape",
            found,
            expected.to_string(),
        ))
    };
    let (first, second, column) = match (array.shape(), wanted) {
        ([first, second], None) => (first, second, None),
        ([first, second, count], Some(name)) => {
            let column = numbered(&array, folder, name, *count)?;
            (first, second, Some(column))
        }
        ([_, _, _], None) => {
            let found = format!("{:?}", array.shape());
            return fail(found, "a column of it, such as its name and /0");
        }
        (other, _) => {
            let found = format!("{other:?}");
            return fail(found, "two dimensions: channels and times");
        }
    };
    let turned = axes::names(&array).is_some_and(|names| axes::is_time(&names[0]));
    let mut tile = tile(&array, folder)?;
    let mut shape = [*first, *second];
    if turned {
        shape.reverse();
        tile.reverse();
    }
    // An array has no more elements than a machine can count, or its axes would not fit.
    let Some(_) = shape[0]
        .checked_mul(shape[1])
        .and_then(|n| n.checked_mul(8))
        .filter(|bytes| isize::try_from(*bytes).is_ok())
    else {
        return fail(format!("{shape:?}"), "fewer samples");
    };
    Ok(Zarr {
        packed: packed(&array),
        path: folder.to_path_buf(),
        shape: shape.map(|n| n as usize),
        tile: tile.map(|n| n as usize),
        array,
        dtype,
        turned,
        column,
    })
}

/// The shape and all values of an array of any number of dimensions, as they are stored.
///
/// # Errors
/// When it is none, or cannot be read or decoded.
pub fn all(folder: &Path) -> Result<(Vec<usize>, Vec<f64>), FormatError> {
    let (array, dtype) = open_any(folder)?;
    let shape: Vec<usize> = array.shape().iter().map(|n| *n as usize).collect();
    let bytes = bytes(&array, &array.subset_all(), folder)?;
    let count = bytes.len() / dtype.size();
    let values = super::numbers::native(dtype, [1, count], bytes);
    let values = values.ok_or_else(|| {
        FormatError::content(
            folder,
            "values",
            format!("{shape:?}"),
            "values of that shape",
        )
    })?;
    Ok((shape, values))
}

/// The arrays of a group; `None` where the folder is an array.
fn members(folder: &Path) -> Option<Vec<String>> {
    let header = store::read(&folder.join(HEADERS[0])).ok();
    let header = header.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let group = header.is_some_and(|header| header["node_type"] == "group");
    if !group && !store::is_file(&folder.join(HEADERS[2])) {
        return None;
    }
    let entries = store::list(folder).ok()?.into_iter();
    let arrays = entries.filter(|entry| entry.is_dir() && is_zarr(&entry.path));
    let mut names: Vec<String> = arrays
        .filter_map(|entry| Some(entry.path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Some(names)
}

/// What is below a folder, for the crate that reads it.
fn files(folder: &Path) -> Result<Arc<Files>, String> {
    if store::is_remote(folder) {
        let folder = folder.to_path_buf();
        return Ok(Arc::new(objects::Objects { folder }));
    }
    let files = FilesystemStore::new(folder).map_err(|e| e.to_string())?;
    Ok(Arc::new(files))
}

fn opened(files: Arc<Files>) -> Result<Array<Files>, ArrayCreateError> {
    limited::register();
    Array::open(files, "/")
}

fn open_any(folder: &Path) -> Result<(Array<Files>, DType), FormatError> {
    if let Some(names) = members(folder) {
        let expected = format!("an array, such as one of its own: {}", names.join(", "));
        return Err(FormatError::content(
            folder,
            "node type",
            "a group",
            expected,
        ));
    }
    let header = HEADERS.iter().map(|name| folder.join(name));
    let header = header
        .into_iter()
        .find(|path| store::is_file(path))
        .unwrap_or_else(|| folder.to_path_buf());
    let wrong = |reason: String| FormatError::content(&header, "array", reason, "a Zarr array");
    let files = files(folder).map_err(wrong)?;
    let array = opened(files).map_err(|e| wrong(format!("\"{e}\"")))?;
    let name = array.data_type().name(ZarrVersion::V3).unwrap_or_default();
    let dtype = match &*name {
        "bool" => DType::Bool,
        "int8" => DType::I8,
        "uint8" => DType::U8,
        "int16" => DType::I16,
        "uint16" => DType::U16,
        "int32" => DType::I32,
        "uint32" => DType::U32,
        "int64" | "numpy.datetime64" => DType::I64,
        "uint64" => DType::U64,
        "float16" => DType::F16,
        "float32" => DType::F32,
        "float64" => DType::F64,
        other => {
            let expected = "integers or real numbers of up to 64 bits";
            return Err(FormatError::content(&header, "data type", other, expected));
        }
    };
    Ok((array, dtype))
}

/// The shape of what is decoded in one go.
fn tile(array: &Array<Files>, folder: &Path) -> Result<[u64; 2], FormatError> {
    let wrong = |found: String, expected: String| {
        FormatError::content(folder, "chunk shape", found, expected)
    };
    let whole = match array.effective_subchunk_shape() {
        Some(shape) => shape,
        None => array
            .chunk_shape(&vec![0; array.dimensionality()])
            .map_err(|e| wrong(e.to_string(), "a regular grid".into()))?,
    };
    let sizes: Vec<u64> = whole.iter().map(|n| n.get()).collect();
    let bytes = sizes.iter().try_fold(8_u64, |n, m| n.checked_mul(*m));
    match (&sizes[..], bytes) {
        ([rows, cols] | [rows, cols, _], Some(..=LARGEST_TILE)) => Ok([*rows, *cols]),
        ([n], Some(..=LARGEST_TILE)) => Ok([*n, 1]),
        _ => {
            let most = LARGEST_TILE / 8;
            Err(wrong(
                format!("{sizes:?}"),
                format!("at most {most} samples"),
            ))
        }
    }
}

fn packed(array: &Array<Files>) -> Option<Packed> {
    let number = |key: &str| array.attributes().get(key).and_then(|v| v.as_f64());
    let found = Packed {
        scale: number("scale_factor").unwrap_or(1.0),
        offset: number("add_offset").unwrap_or(0.0),
        missing: number("_FillValue").or(number("missing_value")),
    };
    let plain = found.scale == 1.0 && found.offset == 0.0 && found.missing.is_none();
    (!plain).then_some(found)
}

/// Some elements in this machine's byte order.
fn bytes(array: &Array<Files>, subset: &ArraySubset, path: &Path) -> Result<Vec<u8>, FormatError> {
    // In this thread alone: it may hold what other threads wait for.
    let options = CodecOptions::default().with_concurrent_target(1);
    let read = array.retrieve_array_subset_opt::<ArrayBytes<'static>>(subset, &options);
    let read = read.map_err(|e| e.to_string());
    let read = read.and_then(|bytes| bytes.into_fixed().map_err(|e| e.to_string()));
    read.map(|bytes| bytes.into_owned()).map_err(|reason| {
        let place = format!("elements from {:?}", subset.start());
        FormatError::content(
            &bad_tile(array, subset, path),
            place,
            format!("\"{reason}\""),
            "samples that can be decoded",
        )
    })
}

/// The file of the first tile that cannot be decoded; the array's folder where that is not clear.
fn bad_tile(array: &Array<Files>, subset: &ArraySubset, folder: &Path) -> PathBuf {
    let tiles = array.chunks_in_array_subset(subset).ok().flatten();
    let Some(tiles) = tiles else {
        return folder.to_path_buf();
    };
    let options = CodecOptions::default().with_concurrent_target(1);
    let one = tiles.num_elements() == 1;
    let bad = tiles.indices().into_iter().find(|tile| {
        let part = array.chunk_subset(tile).ok();
        let part = part.and_then(|whole| whole.overlap(subset).ok());
        one || part.is_some_and(|part| {
            let read = array.retrieve_array_subset_opt::<ArrayBytes<'static>>(&part, &options);
            read.is_err()
        })
    });
    let file = bad.map(|tile| folder.join(array.chunk_key(&tile).as_str()));
    file.unwrap_or_else(|| folder.to_path_buf())
}

impl Zarr {
    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Channels and times.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// Channels and times that are compressed together.
    pub fn tile(&self) -> [usize; 2] {
        self.tile
    }

    /// Bytes of a sample as it is read.
    pub fn sample_size(&self) -> usize {
        if self.packed.is_some() {
            8
        } else {
            self.dtype.size()
        }
    }

    /// Reads some channels and times, unpacked.
    ///
    /// # Errors
    /// When they cannot be read or decoded.
    pub fn read(&self, rows: Range<usize>, cols: Range<usize>) -> Result<Stored, FormatError> {
        let shape = [rows.len(), cols.len()];
        let mut ranges = Vec::from([rows, cols].map(|r| r.start as u64..r.end as u64));
        let order = if self.turned {
            ranges.reverse();
            Order::Fortran
        } else {
            Order::C
        };
        ranges.extend(self.column.map(|k| k..k + 1));
        let bytes = bytes(
            &self.array,
            &ArraySubset::new_with_ranges(&ranges),
            &self.path,
        )?;
        let (dtype, bytes) = match self.packed {
            None => (self.dtype, bytes),
            Some(packed) => {
                let flat = [1, bytes.len() / self.dtype.size()];
                let unpacked = numbers(self.dtype, flat, bytes).map(|values| packed.unpack(values));
                (
                    DType::F64,
                    bytemuck::cast_slice(&unpacked.unwrap_or_default()).to_vec(),
                )
            }
        };
        let bytes = Bytes::Owned(Arc::new(bytes));
        Stored::new(dtype, shape, order, Endian::NATIVE, bytes).ok_or_else(|| {
            FormatError::content(
                &self.path,
                "chunk",
                "too few bytes",
                format!("{shape:?} samples"),
            )
        })
    }
}

impl Packed {
    fn unpack(self, mut values: Vec<f64>) -> Vec<f64> {
        for value in &mut values {
            *value = if self.missing == Some(*value) {
                f64::NAN
            } else {
                self.scale * *value + self.offset
            };
        }
        values
    }
}

fn numbers(dtype: DType, shape: [usize; 2], bytes: Vec<u8>) -> Option<Vec<f64>> {
    let bytes = Bytes::Owned(Arc::new(bytes));
    let stored = Stored::new(dtype, shape, Order::C, Endian::NATIVE, bytes)?;
    let block = stored.block::<f64>(0..shape[0]);
    Some(block.as_real().iter().copied().collect())
}
