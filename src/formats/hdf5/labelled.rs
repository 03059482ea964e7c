//! Writing a group of labelled arrays as HDF5 with dimension scales, as netCDF 4 and xarray know them.

use std::path::{Path, PathBuf};

use bytemuck::Pod;
use hdf5::types::{FixedAscii, VarLenArray, VarLenUnicode};
use hdf5::{Dataset, File, H5Type, Hyperslab, Location, ObjectReference1, Selection, SliceOrIndex};
use ndarray::{ArrayViewD, IxDyn};
use serde_json::{Map, Value};

use super::write::{create as create_file, text, unicode};
use crate::block::DType;
use crate::formats::FormatError;
use crate::formats::labelled::{Layout, Store};

/// zlib's own default is 6, which is half as fast and hardly smaller.
const LEVEL: u8 = 4;
/// Lengths of the texts that make datasets scales: of `DIMENSION_SCALE` with its end, and of names.
const CLASS: usize = 16;
const NAME: usize = 64;

/// A file that is being written.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
    arrays: Vec<(Dataset, DType)>,
}

/// An array that has an axis, as the axis knows it.
#[derive(Debug, Clone, Copy, H5Type)]
#[repr(C)]
struct User {
    dataset: ObjectReference1,
    dimension: u32,
}

/// Makes a file. The caller chooses a temporary name and renames: until the store is closed, the file is incomplete.
///
/// # Errors
/// When it cannot be written, or an array has a type that many readers do not know.
pub fn create(path: &Path, layout: &Layout) -> Result<Writer, FormatError> {
    let failed = |e: hdf5::Error| failed(path, &e);
    let file = create_file(path).map_err(failed)?;
    attributes(&file, &layout.attributes).map_err(failed)?;
    for labels in &layout.labels {
        let axis = texts(&file, &labels.name, &labels.values).map_err(failed)?;
        attributes(&axis, &labels.attributes).map_err(failed)?;
    }
    for array in &layout.arrays {
        macro_rules! make {
            ($type:ty) => {
                dataset::<$type>(&file, &array.name, &array.shape, &array.tile)
            };
        }
        let made = match array.dtype {
            DType::U8 => make!(u8),
            DType::I64 => make!(i64),
            DType::U64 => make!(u64),
            DType::F32 => make!(f32),
            DType::F64 => make!(f64),
            other => {
                let expected = "integers, float32 or float64";
                let name = array.name.clone();
                return Err(FormatError::content(path, name, other.name(), expected));
            }
        };
        let made = made.map_err(failed)?;
        attributes(&made, &array.attributes).map_err(failed)?;
    }
    let axes = attach(&file, layout).map_err(failed)?;
    file.close().map_err(failed)?;
    end_by_zero(path, 2 * axes)?;
    let file = File::open_rw(path).map_err(failed)?;
    let arrays = layout.arrays.iter().map(|array| {
        let dataset = file.dataset(&array.name)?;
        Ok((dataset, array.dtype))
    });
    let arrays = arrays.collect::<hdf5::Result<_>>().map_err(failed)?;
    Ok(Writer {
        path: path.to_path_buf(),
        file,
        arrays,
    })
}

fn failed(path: &Path, error: &hdf5::Error) -> FormatError {
    FormatError::io(path, std::io::Error::other(error.to_string()))
}

fn dataset<T: H5Type>(
    file: &File,
    name: &str,
    shape: &[usize],
    tile: &[usize],
) -> hdf5::Result<Dataset> {
    // A tile of HDF5 is no larger than the array.
    let tile: Vec<usize> = tile
        .iter()
        .zip(shape)
        .map(|(t, n)| *t.min(n).max(&1))
        .collect();
    file.new_dataset::<T>()
        .obj_track_times(false)
        .chunk(tile)
        .shuffle()
        .deflate(LEVEL)
        .shape(shape.to_vec())
        .create(name)
}

fn texts(file: &File, name: &str, values: &[String]) -> hdf5::Result<Dataset> {
    let values: Vec<VarLenUnicode> = values
        .iter()
        .map(|v| unicode(v))
        .collect::<Result<_, _>>()?;
    file.new_dataset_builder()
        .obj_track_times(false)
        .with_data(&values[..])
        .create(name)
}

/// Tells axes of their arrays and arrays of their axes, as the library's own H5DSattach_scale does. Gives the number
/// of axes.
fn attach(file: &File, layout: &Layout) -> hdf5::Result<usize> {
    let axes = layout
        .arrays
        .iter()
        .filter(|array| array.dims == [array.name.clone()]);
    let axes = axes.map(|array| &array.name);
    let names: Vec<&String> = axes
        .chain(layout.labels.iter().map(|it| &it.name))
        .collect();
    for name in &names {
        let axis = file.dataset(name)?;
        ascii::<CLASS>(&axis, "CLASS", "DIMENSION_SCALE")?;
        ascii::<NAME>(&axis, "NAME", name)?;
        let mut users = Vec::new();
        for array in &layout.arrays {
            for (k, dim) in array.dims.iter().enumerate() {
                if dim == *name && array.name != **name {
                    users.push(User {
                        dataset: file.reference(&array.name)?,
                        dimension: k as u32,
                    });
                }
            }
        }
        if !users.is_empty() {
            let list = axis.new_attr_builder().with_data(&users[..]);
            list.create("REFERENCE_LIST")?;
        }
    }
    for array in layout
        .arrays
        .iter()
        .filter(|array| !names.contains(&&array.name))
    {
        let mut list = Vec::new();
        for dim in &array.dims {
            let axis: ObjectReference1 = file.reference(dim)?;
            list.push(VarLenArray::from_slice(&[axis]));
        }
        let dataset = file.dataset(&array.name)?;
        dataset
            .new_attr_builder()
            .with_data(&list[..])
            .create("DIMENSION_LIST")?;
    }
    Ok(names.len())
}

/// A text of fixed length, as [`end_by_zero`] finds it.
fn ascii<const N: usize>(at: &Location, name: &str, value: &str) -> hdf5::Result<()> {
    let text = FixedAscii::<N>::from_ascii(value).map_err(|e| hdf5::Error::from(e.to_string()))?;
    at.new_attr::<FixedAscii<N>>()
        .create(name)?
        .write_scalar(&text)
}

/// Marks the texts that make datasets scales as ended by a zero byte rather than filled up with them, in a file that holds no value
/// yet. The library knows scales by texts of that kind alone, which the binding cannot make. An attribute is its name and a zero byte,
/// and the type of its value: class 3 of version 1, how texts end, and their length (HDF5 File Format Specification 3.0, IV.A.2.m
/// and IV.A.2.d). Headers of this version have no checksum.
fn end_by_zero(path: &Path, expected: usize) -> Result<(), FormatError> {
    let io = |e| FormatError::io(path, e);
    let mut bytes = std::fs::read(path).map_err(io)?;
    let mut marked = 0;
    for (name, length) in [("CLASS\0", CLASS), ("NAME\0", NAME)] {
        let filled = [name.as_bytes(), &[0x13, 1, 0, 0, length as u8, 0, 0, 0]].concat();
        let places: Vec<usize> = memmem(&bytes, &filled).collect();
        for place in places {
            bytes[place + name.len() + 1] = 0;
            marked += 1;
        }
    }
    if marked != expected {
        let found = format!("{marked} texts of axes");
        return Err(FormatError::content(
            path,
            "attributes",
            found,
            expected.to_string(),
        ));
    }
    std::fs::write(path, bytes).map_err(io)
}

fn memmem<'a>(bytes: &'a [u8], sought: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let windows = bytes.windows(sought.len()).enumerate();
    windows.filter_map(move |(at, window)| (window == sought).then_some(at))
}

fn attributes(at: &Location, attributes: &Map<String, Value>) -> hdf5::Result<()> {
    for (name, value) in attributes {
        match value {
            Value::String(value) => text(at, name, value)?,
            Value::Number(number) => {
                let value = number.as_f64().unwrap_or(f64::NAN);
                at.new_attr::<f64>().create(&**name)?.write_scalar(&value)?;
            }
            other => text(at, name, &other.to_string())?,
        }
    }
    Ok(())
}

impl Store for Writer {
    fn write(&mut self, array: usize, from: usize, bytes: &[u8]) -> Result<(), FormatError> {
        let (dataset, dtype) = &self.arrays[array];
        let done = match dtype {
            DType::U8 => rows::<u8>(dataset, from, bytes),
            DType::I64 => rows::<i64>(dataset, from, bytes),
            DType::U64 => rows::<u64>(dataset, from, bytes),
            DType::F32 => rows::<f32>(dataset, from, bytes),
            _ => rows::<f64>(dataset, from, bytes),
        };
        done.map_err(|e| failed(&self.path, &e))
    }

    fn close(self: Box<Self>) -> Result<(), FormatError> {
        let Self { path, file, arrays } = *self;
        // The library writes late, and closing says nothing of a full disk while datasets are open.
        drop(arrays);
        let done = file.flush().and_then(|()| file.close());
        done.map_err(|e| failed(&path, &e))
    }
}

fn rows<T: H5Type + Pod>(dataset: &Dataset, from: usize, bytes: &[u8]) -> hdf5::Result<()> {
    // Bytes of any place: copied, for numbers have theirs.
    let values: Vec<T> = bytemuck::pod_collect_to_vec(bytes);
    let mut shape = dataset.shape();
    let row: usize = shape[1..].iter().product();
    shape[0] = values.len() / row.max(1);
    let slice = |start: usize, count: usize| SliceOrIndex::SliceCount {
        start,
        step: 1,
        count,
        block: 1,
    };
    let mut slices = vec![slice(from, shape[0])];
    slices.extend(shape[1..].iter().map(|n| slice(0, *n)));
    let view = ArrayViewD::from_shape(IxDyn(&shape), &values)
        .map_err(|e| hdf5::Error::from(e.to_string()))?;
    dataset.write_slice(view, Selection::from(Hyperslab::from(slices)))
}
