//! distpy-gpu: processing graphs for distributed acoustic sensing, on any GPU or on the CPU.

pub mod block;
pub mod config;
pub mod dsp;
pub mod exit;
pub mod formats;
pub mod gpu;
pub mod point;
