//! What a run computes at a time: a chunk file, or a chunk that is cut from recordings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::listed::Listed;
use super::timeline::{Cut, chrono};
use crate::command::{ChunkId, ChunkName};
use crate::formats::segment::Rate;

/// A chunk before it is read.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Its file; of a cut, the first recording and the time, as messages show it.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Where its samples come from.
    pub origin: Origin,
}

/// Where a chunk's samples come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A file that no index lists: its name is its time, unless it is no time.
    File(Option<ChunkId>),
    /// A file that an index lists.
    Listed(Listed),
    /// Recordings.
    Cut(Arc<Cut>),
}

impl Chunk {
    /// A chunk file that an index lists.
    pub fn listed(folder: &Path, listed: Listed) -> Self {
        let entry = listed.entry();
        Self {
            path: folder.join(entry.file()),
            bytes: listed.bytes(),
            origin: Origin::Listed(listed),
        }
    }

    /// A chunk file that no index lists.
    pub fn file(path: PathBuf, bytes: u64) -> Self {
        let id = ChunkName::of_file(&path).map(ChunkId::of_name);
        Self {
            path,
            bytes,
            origin: Origin::File(id),
        }
    }

    /// Its name and time; `None` for a file whose name is no time.
    pub fn id(&self) -> Option<ChunkId> {
        match &self.origin {
            Origin::File(id) => *id,
            Origin::Listed(listed) => Some(listed.entry().id),
            Origin::Cut(cut) => Some(cut.id),
        }
    }

    /// The rate at which it was recorded; `None` where nothing says it.
    pub fn rate(&self) -> Option<Rate> {
        match &self.origin {
            Origin::File(_) => None,
            Origin::Listed(listed) => Some(listed.entry().common.rate),
            Origin::Cut(cut) => Some(cut.rate),
        }
    }

    /// Whether its samples are read into memory, rather than mapped.
    pub fn in_memory(&self) -> bool {
        match &self.origin {
            Origin::File(_) => false,
            Origin::Listed(listed) => listed.edge() != [0, 0],
            Origin::Cut(_) => true,
        }
    }

    /// The recordings' samples that it is cut from; `None` for a file.
    pub fn cut(&self) -> Option<&Arc<Cut>> {
        match &self.origin {
            Origin::Cut(cut) => Some(cut),
            _ => None,
        }
    }

    /// Number of its first own sample in its run; 0 where nothing says it.
    pub fn first(&self) -> usize {
        match &self.origin {
            Origin::File(_) => 0,
            Origin::Listed(listed) => listed.first(),
            Origin::Cut(cut) => cut.first,
        }
    }

    /// Samples of each channel that no chunk before has, as far as that is known before it is read: 0 for a file that no index
    /// lists.
    pub fn samples(&self) -> usize {
        match &self.origin {
            Origin::File(_) => 0,
            Origin::Listed(listed) => listed.entry().samples,
            Origin::Cut(cut) => cut.own_samples() - cut.shared,
        }
    }
}

impl From<Cut> for Chunk {
    fn from(cut: Cut) -> Self {
        let first = cut.pieces.first().map(|piece| &*piece.path);
        let path = first.unwrap_or(Path::new("")).display();
        Self {
            path: format!("{path} at {} (chunk {})", chrono(cut.id.start), cut.id.name).into(),
            bytes: cut.bytes(),
            origin: Origin::Cut(Arc::new(cut)),
        }
    }
}
