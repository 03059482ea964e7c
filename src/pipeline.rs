//! Files, threads and folders: where computing meets the world.

pub mod ingest;
pub mod output;
