//! Fuzz targets of the readers and of the planner: `make fuzz`.

#[cfg(feature = "hdf5")]
mod changed;
mod drawn;
pub mod graphs;
mod memory;
mod naive;
pub mod readers;

pub use memory::folder;
