//! One test binary: everything is linked once.

mod ingest;
mod npy;
mod output;
mod segy;
