//! Files, threads and folders: where computing meets the world.

pub mod ingest;
pub mod inputs;
pub mod output;
pub mod process;
pub mod progress;
pub mod reader;
pub mod stop;
pub mod writer;
