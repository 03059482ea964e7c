//! Files as memory: the one place that maps them. And files read piece by piece, where memory must not follow their size.

mod view;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FormatError, Unchanged};
use crate::store::map::{Map, State};
use crate::store::{self, remote::Place};
use view::AHEAD;
pub use view::{SAMPLES, View};

/// Maps a file for reading; what lies in a store is fetched whole into a file for the time. Its pages are the system's cache of
/// the file: they count as this process's resident memory while they are in use, and the system takes them back when it needs
/// memory.
///
/// Measured on two cores, cutting a 1 GB recording from the page cache into chunks: 0.27 to 0.35 s mapped, 0.30 to 0.50 s with
/// positioned reads into a buffer.
///
/// # Errors
/// When it cannot be opened, or is no regular file.
pub fn map(path: &Path) -> Result<Arc<Map>, FormatError> {
    let mapped = || {
        let file = match Place::of(path)? {
            Some(place) => {
                let file = store::scratch_file()?;
                place.fetch(&file)?;
                file
            }
            None => open(path)?.0,
        };
        Map::of(file).map(Arc::new)
    };
    mapped().map_err(|source| FormatError::io(path, source))
}

/// Opens a regular file.
fn open(path: &Path) -> io::Result<(File, State)> {
    let file = store::open(path)?;
    let state = State::of(&file)?;
    Ok((file, state))
}

/// A file whose pieces are read where they are wanted. A file that is cut meanwhile is an error, not the end of the process.
#[derive(Debug)]
pub struct Pieces {
    path: PathBuf,
    held: Held,
    size: usize,
}

#[derive(Debug)]
enum Held {
    /// A file of this machine, as it was when it was opened.
    File(File, State),
    /// An object of a store, of which pieces are fetched.
    Fetched(View),
}

impl Pieces {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened, or is no regular file.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        if !store::is_remote(path) {
            return Self::open_copy(path, path);
        }
        let view = View::open(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            size: view.len(),
            held: Held::Fetched(view),
        })
    }

    /// Opens a copy on this machine of the file that messages name.
    ///
    /// # Errors
    /// When it cannot be opened, or is no regular file.
    pub fn open_copy(copy: &Path, path: &Path) -> Result<Self, FormatError> {
        let (file, state) = open(copy).map_err(|source| FormatError::io(path, source))?;
        Ok(Self {
            path: path.to_path_buf(),
            size: usize::try_from(state.bytes).unwrap_or(usize::MAX),
            held: Held::File(file, state),
        })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that the file had when it was opened.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The bytes of a range, as many of them as lie before the file's end.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn bytes(&self, range: Range<usize>) -> Result<Vec<u8>, FormatError> {
        let end = range.end.min(self.size);
        let mut bytes = vec![0; end.saturating_sub(range.start)];
        if !bytes.is_empty() {
            self.want(std::iter::once(range.start..end), AHEAD)?;
            self.read(range.start, &mut bytes)?;
        }
        Ok(bytes)
    }

    /// Says which pieces will be read, in the order of the file. What a store has is fetched together, each with so much behind
    /// it that at least `least` bytes are there.
    ///
    /// # Errors
    /// When they cannot be fetched.
    pub fn want(
        &self,
        pieces: impl Iterator<Item = Range<usize>>,
        least: usize,
    ) -> Result<(), FormatError> {
        match &self.held {
            Held::File(..) => Ok(()),
            Held::Fetched(view) => {
                let wanted = view.want(pieces, least);
                wanted.map_err(|source| FormatError::io(&self.path, source))
            }
        }
    }

    /// Fills `dst` with the bytes from `offset` on.
    ///
    /// # Errors
    /// When it cannot be read, or ends before.
    pub fn read(&self, offset: usize, dst: &mut [u8]) -> Result<(), FormatError> {
        let read = match &self.held {
            Held::File(file, _) => store::read_exact_at(file, dst, offset as u64),
            Held::Fetched(view) => view
                .read(offset..offset.saturating_add(dst.len()), 0)
                .and_then(|bytes| {
                    dst.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
                    Ok(())
                }),
        };
        read.map_err(|source| {
            if source.kind() == io::ErrorKind::UnexpectedEof {
                let place = format!("byte {offset}");
                let expected = format!("{} bytes more", dst.len());
                FormatError::content(&self.path, place, "the end of the file", expected)
            } else {
                FormatError::io(&self.path, source)
            }
        })
    }
}

impl Unchanged for Pieces {
    fn bytes(&self) -> u64 {
        self.size as u64
    }

    fn check(&self) -> Result<(), FormatError> {
        match &self.held {
            Held::File(file, state) => {
                let same = state.check(file);
                same.map_err(|e| FormatError::io(&self.path, e))
            }
            // Pieces of an object are asked for by its version.
            Held::Fetched(view) => view.check(),
        }
    }
}
