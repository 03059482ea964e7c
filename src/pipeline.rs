//! Files, threads and folders: where computing meets the world.

pub mod average;
pub mod balance;
pub mod chunk;
pub mod index;
pub mod ingest;
pub mod inputs;
pub mod limits;
pub mod listed;
pub mod logs;
pub mod monitor;
pub mod origin;
pub mod output;
pub mod process;
pub mod reader;
pub mod recording;
pub mod section;
pub mod shard;
pub mod share;
pub mod sources;
pub mod stop;
pub mod summary;
pub mod tables;
pub mod thread;
pub mod timeline;
pub mod watch;
pub mod writer;
