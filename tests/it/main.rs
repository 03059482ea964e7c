//! All integration tests: one binary to link.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![allow(
    clippy::print_stderr,
    reason = "a test says on the console why it was skipped"
)]

mod backend;
mod benchmark;
mod commands;
mod config;
mod golden;
#[cfg(feature = "gpu")]
mod gpu_engine;
#[cfg(feature = "gpu")]
mod gpu_fft;
#[cfg(feature = "gpu")]
mod gpu_kernels;
#[cfg(feature = "hdf5")]
mod hdf5;
mod ingest;
mod npy;
mod output;
mod plan;
mod segy;
#[cfg(feature = "gpu")]
mod shaders;
mod sos;
mod synth;
mod witsml;
