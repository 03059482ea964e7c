//! A mapped file that may be cut or changed while it is read.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::time::SystemTime;

use memmap2::Mmap;

use super::guard::Guard;

/// What tells that a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Its bytes.
    pub bytes: u64,
    modified: Option<SystemTime>,
}

impl State {
    /// Asks the system.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }

    /// Compares the state of a file with this one, which it had when it was opened.
    ///
    /// # Errors
    /// When it has another size or time of change.
    pub fn check(self, file: &File) -> io::Result<()> {
        let now = Self::of(file)?;
        if now == self {
            return Ok(());
        }
        let found = match now.bytes == self.bytes {
            true => "a later time of change".to_string(),
            false => format!("{} bytes", now.bytes),
        };
        let text = format!(
            "the file changed while it was read: found {found}, expected the {} bytes that it had; results of it are discarded, \
             run again when it is complete",
            self.bytes
        );
        Err(io::Error::other(text))
    }
}

/// The bytes of a file. Where the file was cut, they are zeros, and [`Map::check`] says so: whoever looked must ask before it
/// uses what it saw.
#[derive(Debug)]
pub struct Map {
    map: Mmap,
    /// Dropped before the memory that it watches.
    guard: Option<Guard>,
    file: File,
    state: State,
}

impl Map {
    /// Maps a file.
    ///
    /// # Errors
    /// When the system cannot map it.
    pub fn of(file: File) -> io::Result<Self> {
        let map = map_file(&file)?;
        Ok(Self {
            guard: Guard::of(&map),
            map,
            state: State::of(&file)?,
            file,
        })
    }

    /// Whether the file is as it was when it was opened.
    ///
    /// # Errors
    /// When it has another size or time of change.
    pub fn check(&self) -> io::Result<()> {
        self.state.check(&self.file)
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        self.guard = None;
    }
}

#[allow(
    unsafe_code,
    reason = "mapping is unsafe as another process may shorten the file; see below"
)]
fn map_file(file: &File) -> io::Result<Mmap> {
    // SAFETY: the map is read-only and private to this process, and nobody takes a `&str` or another type with invalid bit
    // patterns from it, so a file that changes gives other samples, never undefined values that are relied on. Where a file was
    // cut, [`guard`] puts zeros. `Map::check` reports both before a result of them is written.
    unsafe { Mmap::map(file) }
}
