//! A mapped file that may be cut or changed while it is read.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::time::SystemTime;

use memmap2::Mmap;

use super::guard::Guard;

/// Size and time of change of a file.
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
    /// Fields are dropped in their order: the guard goes before the memory that it watches.
    _guard: Option<Guard>,
    map: Mmap,
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
            _guard: Guard::of(&map),
            map,
            state: State::of(&file)?,
            file,
        })
    }

    /// Checks that the file is as it was when it was opened.
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn mapped(bytes: usize) -> (tempfile::NamedTempFile, Map) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&vec![7; bytes]).expect("it is written");
        let map = Map::of(file.reopen().expect("it is there")).expect("it is mapped");
        (file, map)
    }

    /// Without the handler of the signal, this ends the process.
    #[cfg(unix)]
    #[test]
    fn a_file_that_is_cut_is_an_error() {
        let (file, map) = mapped(1 << 20);
        assert!(map.check().is_ok());
        file.as_file().set_len(100_000).expect("it is cut");
        assert_eq!((map[0], map[map.len() - 1]), (7, 0));
        assert!(map.iter().all(|byte| [0, 7].contains(byte)));
        let error = map.check().expect_err("it is cut").to_string();
        assert!(
            error.contains("found 100000 bytes") && error.contains("1048576"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_written_to_is_an_error() {
        let (mut file, map) = mapped(5000);
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        file.write_all(b"more").expect("it is written");
        file.as_file().set_len(5000).expect("it is cut");
        file.as_file().set_modified(later).expect("it is dated");
        let error = map.check().expect_err("it changed").to_string();
        assert!(error.contains("a later time of change"), "{error}");
    }
}
