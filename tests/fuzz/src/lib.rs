//! Fuzz targets of the readers: `make fuzz`.

mod memory;
pub mod readers;

pub use memory::folder;
