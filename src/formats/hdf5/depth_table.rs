//! Calibration tables: the depth of loci, as PRODML stores it.

use std::cell::RefCell;

use hdf5::types::{CompoundField, CompoundType, FloatSize, H5Type, TypeDescriptor};
use hdf5::{Dataset, Group};

use super::values::written;
use super::{Place, list, members};
use crate::formats::FormatError;

/// A table of loci and their depth.
#[derive(Debug)]
pub struct DepthTable {
    /// Path inside the file.
    pub name: String,
    /// First field: locus index.
    pub locus: Vec<f64>,
    /// Second field: distance along the fibre, in metres. distpy takes the field by its position, whatever its name.
    pub depth: Vec<f64>,
}

impl DepthTable {
    /// The first table of an acquisition: `FacilityCalibration[i]/Calibration[j]/LocusDepthPoint` (PRODML 2.1), or
    /// `Calibration[i]/CalibrationDataPoints` (2.0).
    pub fn find(at: Place, acquisition: &Group) -> Result<Option<Self>, FormatError> {
        let Some(dataset) = calibrations(acquisition).into_iter().find_map(|group| {
            ["LocusDepthPoint", "CalibrationDataPoints"]
                .into_iter()
                .find_map(|name| group.dataset(name).ok())
        }) else {
            return Ok(None);
        };
        let fields = fields(at, &dataset)?;
        Ok(Some(Self {
            name: dataset.name(),
            locus: column(at, &dataset, &fields[0])?,
            depth: column(at, &dataset, &fields[1])?,
        }))
    }

    /// Depth of a locus, linear between the table's loci; `None` outside them.
    pub fn depth_of(&self, locus: f64) -> Option<f64> {
        let rising = self.locus.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising {
            return None;
        }
        let above = self.locus.partition_point(|l| *l < locus);
        let (l1, d1) = (*self.locus.get(above)?, *self.depth.get(above)?);
        if l1 == locus {
            return Some(d1);
        }
        let below = above.checked_sub(1)?;
        let (l0, d0) = (self.locus[below], self.depth[below]);
        Some(d0 + (d1 - d0) * (locus - l0) / (l1 - l0))
    }
}

/// Groups that may hold a table, in the order of their names.
fn calibrations(acquisition: &Group) -> Vec<Group> {
    let children = |group: &Group, prefix: &str| -> Vec<Group> {
        members(group)
            .iter()
            .filter(|name| name.starts_with(prefix))
            .filter_map(|name| group.group(name).ok())
            .collect()
    };
    let facilities = children(acquisition, "FacilityCalibration");
    facilities
        .iter()
        .flat_map(|facility| children(facility, "Calibration"))
        .chain(children(acquisition, "Calibration"))
        .collect()
}

fn fields(at: Place, table: &Dataset) -> Result<Vec<String>, FormatError> {
    let expected = "a table whose fields are locus index and distance";
    let descriptor = table
        .dtype()
        .and_then(|dtype| dtype.to_descriptor())
        .map_err(|e| at.library(&table.name(), expected, &e))?;
    let TypeDescriptor::Compound(compound) = descriptor else {
        return Err(at.content(
            table.name(),
            format!("values of type {descriptor}"),
            expected,
        ));
    };
    let mut fields = compound.fields;
    fields.sort_by_key(|field| field.index);
    let names: Vec<_> = fields.into_iter().map(|field| field.name).collect();
    if names.len() < 2 || table.size() == 0 {
        let found = format!("{} rows with fields {}", table.size(), list(&names));
        return Err(at.content(table.name(), found, expected));
    }
    Ok(names)
}

thread_local! {
    static FIELD: RefCell<String> = const { RefCell::new(String::new()) };
}

/// One field of a table, whose name is known only when the file is open: HDF5 picks fields by name, and the binding asks
/// the type for it, so the name waits in [`FIELD`].
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
struct Column(f64);

// SAFETY: the descriptor always describes the eight bytes of one f64 at offset 0, which is what the type holds; only the
// field's name varies.
#[allow(
    unsafe_code,
    reason = "the derive macro takes field names at compile time only"
)]
unsafe impl H5Type for Column {
    fn type_descriptor() -> TypeDescriptor {
        TypeDescriptor::Compound(CompoundType {
            fields: vec![CompoundField {
                name: FIELD.with_borrow(Clone::clone),
                ty: TypeDescriptor::Float(FloatSize::U8),
                offset: 0,
                index: 0,
            }],
            size: size_of::<f64>(),
        })
    }
}

fn column(at: Place, table: &Dataset, field: &str) -> Result<Vec<f64>, FormatError> {
    written(at, table)?;
    FIELD.set(field.to_owned());
    let rows = table.read_raw::<Column>().map_err(|e| {
        let place = format!("{}, field {field}", table.name());
        at.library(&place, "numbers", &e)
    })?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
