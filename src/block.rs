//! The data: arrays of channels by time, what they hold and where their samples lie.
//!
//! Rows are channels (depth along the fibre), columns are times or frequencies. A [`Stored`] array is what a file holds,
//! in its own sample type; a [`Block`] is what commands compute on, in one precision.

mod coords;
mod samples;
mod stored;

pub use coords::{Coords, Unit};
pub use samples::{Block, Held, Kind, Precision, Real, Samples, Signature, each, mapped, numbers};
pub use stored::{Bytes, DType, Endian, Order, Stored};
