//! All integration tests: one binary to link.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![allow(
    clippy::print_stderr,
    reason = "a test says on the console why it was skipped"
)]

#[cfg(feature = "gpu")]
mod gpu_engine;
#[cfg(feature = "gpu")]
mod gpu_kernels;
#[cfg(feature = "gpu")]
mod shaders;
