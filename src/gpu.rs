//! Computing on a GPU: what is to be done is recorded as plain data, then loaded into an engine that runs it.
//!
//! A command's kernels append to a [`Recorder`]; the [`Recording`] needs no device and prints as text. With the feature `gpu`
//! an `Engine` turns it into buffers and passes; without, recordings can still be made and read.

#[cfg(feature = "gpu")]
pub mod adapter;
#[cfg(feature = "gpu")]
pub mod engine;
mod error;
pub mod import;
pub mod kernels;
pub mod recording;

pub use error::GpuError;
pub use recording::{Dispatch, Element, Kernel, Limits, Recorder, Recording, Steps, Tensor};
