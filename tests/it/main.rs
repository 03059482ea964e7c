//! All integration tests: one binary to link.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![allow(
    clippy::print_stderr,
    reason = "a test says on the console why it was skipped"
)]

mod backend;
mod bad_commands;
mod bad_input;
mod benchmark;
mod cli;
mod commands;
mod companions;
mod config;
mod corpus;
#[cfg(target_os = "linux")]
mod diff;
#[cfg(all(feature = "gpu", unix))]
mod doctor;
mod document;
mod fallback;
mod families;
#[cfg(target_os = "linux")]
mod faults;
mod golden;
#[cfg(feature = "gpu")]
mod gpu_accuracy;
#[cfg(feature = "gpu")]
mod gpu_engine;
#[cfg(feature = "gpu")]
mod gpu_fft;
#[cfg(feature = "gpu")]
mod gpu_flows;
#[cfg(feature = "gpu")]
mod gpu_kernels;
mod graphs;
#[cfg(feature = "hdf5")]
mod hdf5;
mod index;
mod ingest;
mod interrupt;
mod laws;
mod logs;
mod manifest;
#[cfg(target_os = "linux")]
mod memory;
mod networks;
mod npy;
mod origins;
mod output;
mod pictures;
mod places;
mod plan;
mod program;
mod properties;
mod python;
mod reference;
mod report;
mod samples;
mod seams;
mod segy;
#[cfg(feature = "gpu")]
mod shaders;
#[cfg(target_os = "linux")]
mod shards;
mod sos;
#[cfg(all(feature = "object-store", unix))]
mod store;
mod straight;
mod summaries;
mod synth;
mod tdms;
mod tidy;
mod timeline;
#[cfg(target_os = "linux")]
mod unattended;
mod verify;
mod witsml;

/// The repository: where cargo runs the tests; what `CARGO_MANIFEST_DIR` says where they were carried to another machine.
pub fn root() -> &'static std::path::Path {
    static ROOT: std::sync::LazyLock<std::path::PathBuf> = std::sync::LazyLock::new(|| {
        std::env::var_os("CARGO_MANIFEST_DIR").map_or(env!("CARGO_MANIFEST_DIR").into(), Into::into)
    });
    &ROOT
}
