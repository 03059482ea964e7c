//! Writing a group of labelled arrays as HDF5 with dimension scales, as netCDF 4 and xarray know them.

use std::path::Path;

use hdf5::types::{FixedAscii, VarLenArray, VarLenUnicode};
use hdf5::{Dataset, File, H5Type, Location, ObjectReference1};
use serde_json::{Map, Value};

use super::tiled::{Array, LEVEL, TileWriter};
use super::write::{text, unicode};
use crate::block::DType;
use crate::formats::FormatError;
use crate::formats::labelled::{self, Layout, Store};

/// Lengths of the texts that make datasets scales: of `DIMENSION_SCALE` with its end, and of names.
const CLASS: usize = 16;
const NAME: usize = 64;

/// A file that is being written.
#[derive(Debug)]
pub struct Writer(TileWriter);

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
    let known = |dtype| {
        matches!(
            dtype,
            DType::U8 | DType::I64 | DType::U64 | DType::F32 | DType::F64
        )
    };
    if let Some(array) = layout.arrays.iter().find(|array| !known(array.dtype)) {
        let (name, found) = (array.name.clone(), array.dtype.name());
        let expected = "integers, float32 or float64";
        return Err(FormatError::content(path, name, found, expected));
    }
    let arrays: Vec<Array> = layout.arrays.iter().map(tiled).collect();
    let mut axes = 0;
    let build = |file: &File| {
        attributes(file, &layout.attributes)?;
        for labels in &layout.labels {
            let axis = texts(file, &labels.name, &labels.values)?;
            attributes(&axis, &labels.attributes)?;
        }
        for (array, tiled) in layout.arrays.iter().zip(&arrays) {
            let made = match array.dtype {
                DType::U8 => dataset::<u8>(file, tiled),
                DType::I64 => dataset::<i64>(file, tiled),
                DType::U64 => dataset::<u64>(file, tiled),
                DType::F32 => dataset::<f32>(file, tiled),
                _ => dataset::<f64>(file, tiled),
            };
            let made = made?;
            attributes(&made, &array.attributes)?;
        }
        axes = attach(file, layout)?;
        Ok(())
    };
    let mut writer = TileWriter::create(path, arrays.clone(), build)?;
    end_by_zero(path, writer.image(), 2 * axes)?;
    Ok(Writer(writer))
}

fn tiled(array: &labelled::Array) -> Array {
    // A tile of HDF5 is no larger than the array.
    let tile = array.tile.iter().zip(&array.shape);
    Array {
        name: array.name.clone(),
        shape: array.shape.clone(),
        tile: tile.map(|(t, n)| *t.min(n).max(&1)).collect(),
        element: array.dtype.size(),
        packed: true,
    }
}

fn dataset<T: H5Type>(file: &File, array: &Array) -> hdf5::Result<Dataset> {
    file.new_dataset::<T>()
        .obj_track_times(false)
        .chunk(array.tile.clone())
        .shuffle()
        .deflate(LEVEL)
        .shape(array.shape.clone())
        .create(&*array.name)
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

/// Marks the texts that make datasets scales as ended by a zero byte rather than filled up with them, in the structure of a file. The library knows scales by texts of that kind alone, which the binding cannot make. An attribute is its name and a zero byte,
/// and the type of its value: class 3 of version 1, how texts end, and their length (HDF5 File Format Specification 3.0, IV.A.2.m
/// and IV.A.2.d). Headers of this version have no checksum.
fn end_by_zero(path: &Path, bytes: &mut [u8], expected: usize) -> Result<(), FormatError> {
    let mut marked = 0;
    for (name, length) in [("CLASS\0", CLASS), ("NAME\0", NAME)] {
        let filled = [name.as_bytes(), &[0x13, 1, 0, 0, length as u8, 0, 0, 0]].concat();
        let places: Vec<usize> = memmem(bytes, &filled).collect();
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
    Ok(())
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
        self.0.write(array, from, bytes)
    }

    fn close(self: Box<Self>) -> Result<(), FormatError> {
        self.0.finish()
    }
}
