//! One test binary: everything is linked once.

mod backend;
mod commands;
mod config;
mod golden;
mod ingest;
mod npy;
mod output;
mod plan;
mod segy;
mod sos;
