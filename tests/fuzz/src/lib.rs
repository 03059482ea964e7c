//! Fuzz targets of the readers: `make fuzz`.

#[cfg(feature = "hdf5")]
mod changed;
mod memory;
pub mod readers;

pub use memory::folder;
