//! Writing a group of labelled arrays as Zarr of version 3.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use zarrs::array::codec::ZstdCodec;
use zarrs::array::{
    Array, ArrayBuilder, ArrayBytes, ArrayMetadataOptions, ArraySubset, DataType, FillValue,
    data_type,
};
use zarrs::filesystem::FilesystemStore;
use zarrs::group::GroupBuilder;
use zarrs::metadata::NodeMetadata;
use zarrs::metadata_ext::group::consolidated_metadata::ConsolidatedMetadata;

use crate::block::DType;
use crate::formats::FormatError;
use crate::formats::labelled::{self, Labels, Layout, Store};

/// Beyond it zstd gets slower than disks are.
const LEVEL: i32 = 3;

/// A group that is being written.
pub struct Writer {
    path: PathBuf,
    arrays: Vec<Array<FilesystemStore>>,
}

/// Makes a group in a folder that is empty or missing. Fill values never show: every value is written.
///
/// # Errors
/// When it cannot be written, or an array has a type that many readers do not know.
pub fn create(folder: &Path, layout: &Layout) -> Result<Writer, FormatError> {
    let failed = |e: &dyn std::fmt::Display| failed(folder, e);
    let store = Arc::new(FilesystemStore::new(folder).map_err(|e| failed(&e))?);
    // What all arrays are is told at the top too, where zarr-python and xarray look first.
    let mut all = ConsolidatedMetadata::default();
    let mut tell = |name: &str, array: &Array<FilesystemStore>| {
        let metadata = array.metadata_opt(&plain());
        all.metadata
            .insert(name.to_string(), NodeMetadata::Array(metadata));
    };
    for labels in &layout.labels {
        let array = texts(&store, labels).map_err(|e| failed(&e))?;
        tell(&labels.name, &array);
    }
    let arrays = layout.arrays.iter().map(|array| {
        let (data_type, fill) = typed(array.dtype).ok_or_else(|| {
            let expected = "integers, float32 or float64";
            FormatError::content(folder, array.name.clone(), array.dtype.name(), expected)
        })?;
        let built = build(&store, array, data_type, fill).map_err(|e| failed(&e))?;
        built.store_metadata_opt(&plain()).map_err(|e| failed(&e))?;
        tell(&array.name, &built);
        Ok(built)
    });
    let arrays = arrays.collect::<Result<_, FormatError>>()?;
    let mut group = GroupBuilder::new()
        .build(store.clone(), "/")
        .map_err(|e| failed(&e))?;
    *group.attributes_mut() = layout.attributes.clone();
    group.set_consolidated_metadata(Some(all));
    let mut about = serde_json::to_value(group.metadata()).map_err(|e| failed(&e))?;
    // The library keeps arrays in a map without an order; equal groups have equal bytes.
    let arrays_of = about.pointer_mut("/consolidated_metadata/metadata");
    if let Some(all) = arrays_of.and_then(Value::as_object_mut) {
        all.sort_keys();
    }
    let text = serde_json::to_vec_pretty(&about).map_err(|e| failed(&e))?;
    std::fs::write(folder.join("zarr.json"), text).map_err(|e| failed(&e))?;
    Ok(Writer {
        path: folder.to_path_buf(),
        arrays,
    })
}

/// Without the library's word on itself among the attributes.
fn plain() -> ArrayMetadataOptions {
    ArrayMetadataOptions::default().with_include_zarrs_metadata(false)
}

fn failed(folder: &Path, error: &dyn std::fmt::Display) -> FormatError {
    FormatError::io(folder, std::io::Error::other(error.to_string()))
}

fn typed(dtype: DType) -> Option<(DataType, FillValue)> {
    Some(match dtype {
        DType::U8 => (data_type::uint8(), FillValue::from(0_u8)),
        DType::I64 => (data_type::int64(), FillValue::from(0_i64)),
        DType::U64 => (data_type::uint64(), FillValue::from(0_u64)),
        DType::F32 => (data_type::float32(), FillValue::from(f32::NAN)),
        DType::F64 => (data_type::float64(), FillValue::from(f64::NAN)),
        _ => return None,
    })
}

fn sizes(shape: &[usize]) -> Vec<u64> {
    shape.iter().map(|n| *n as u64).collect()
}

fn build(
    store: &Arc<FilesystemStore>,
    array: &labelled::Array,
    data_type: DataType,
    fill: FillValue,
) -> Result<Array<FilesystemStore>, zarrs::array::ArrayCreateError> {
    ArrayBuilder::new(sizes(&array.shape), sizes(&array.tile), data_type, fill)
        .bytes_to_bytes_codecs(vec![Arc::new(ZstdCodec::new(LEVEL, false))])
        .dimension_names(Some(array.dims.iter().map(String::as_str)))
        .attributes(array.attributes.clone())
        .build(store.clone(), &format!("/{}", array.name))
}

fn texts(store: &Arc<FilesystemStore>, labels: &Labels) -> Result<Array<FilesystemStore>, String> {
    let n = labels.values.len() as u64;
    let attributes: Map<String, Value> = labels.attributes.clone();
    let array = ArrayBuilder::new(vec![n], vec![n.max(1)], data_type::string(), "")
        .dimension_names(Some([labels.name.as_str()]))
        .attributes(attributes)
        .build(store.clone(), &format!("/{}", labels.name))
        .map_err(|e| e.to_string())?;
    array
        .store_metadata_opt(&plain())
        .map_err(|e| e.to_string())?;
    let values: Vec<&str> = labels.values.iter().map(String::as_str).collect();
    array
        .store_chunk(&[0], &values[..])
        .map_err(|e| e.to_string())?;
    Ok(array)
}

impl Store for Writer {
    fn write(&mut self, array: usize, from: usize, bytes: &[u8]) -> Result<(), FormatError> {
        let it = &self.arrays[array];
        let value = it.data_type().fixed_size().unwrap_or(1);
        let row = it.shape()[1..].iter().product::<u64>() as usize * value;
        let rows = (bytes.len() / row.max(1)) as u64;
        let inner = it.shape()[1..].iter().map(|n| 0..*n);
        let rows = from as u64..from as u64 + rows;
        let ranges: Vec<_> = std::iter::once(rows).chain(inner).collect();
        it.store_array_subset(
            &ArraySubset::new_with_ranges(&ranges),
            ArrayBytes::new_flen(bytes),
        )
        .map_err(|e| failed(&self.path, &e))
    }

    fn close(self: Box<Self>) -> Result<(), FormatError> {
        Ok(())
    }
}
