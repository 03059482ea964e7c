//! What a run computes at a time: a chunk file, or a chunk that is cut from recordings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::inputs::Input;
use super::timeline::Cut;

/// A chunk before it is read.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Its file; of a cut, the first recording and the time, as messages show it.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What it is cut from; `None` for a file of its own.
    pub cut: Option<Arc<Cut>>,
}

impl From<Input> for Chunk {
    fn from(input: Input) -> Self {
        Self {
            bytes: input.size(),
            path: input.path,
            cut: None,
        }
    }
}

impl From<Cut> for Chunk {
    fn from(cut: Cut) -> Self {
        let first = cut.pieces.first().map(|piece| piece.path.as_path());
        let time = Timestamp::from_second(cut.id.unix_time)
            .map_or_else(|_| cut.id.unix_time.to_string(), |time| time.to_string());
        let path = first.unwrap_or(Path::new("")).display();
        Self {
            path: format!("{path} at {time}").into(),
            bytes: cut.bytes(),
            cut: Some(Arc::new(cut)),
        }
    }
}
