//! Files as memory: the one place that maps them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use super::FormatError;

/// Maps a file for reading. Its pages are the system's cache of the file: they count as this process's resident memory while
/// they are in use, and the system takes them back when it needs memory.
///
/// Measured on two cores, cutting a 1 GB recording from the page cache into chunks: 0.27 to 0.35 s mapped, 0.30 to 0.50 s with
/// positioned reads into a buffer.
///
/// # Errors
/// When it cannot be opened, or is no regular file.
pub fn map(path: &Path) -> Result<Arc<Mmap>, FormatError> {
    let io = |source| FormatError::io(path, source);
    let file = File::open(path).map_err(io)?;
    if !file.metadata().map_err(io)?.is_file() {
        return Err(io(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "found a folder or device, expected a file",
        )));
    }
    map_file(&file).map(Arc::new).map_err(io)
}

#[allow(
    unsafe_code,
    reason = "mapping is unsafe as another process may shorten the file; see below"
)]
fn map_file(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only and private to this process, and nobody takes a `&str` or another type with invalid bit
    // patterns from it, so a file that changes gives other samples, never undefined values that are relied on. A file that is
    // cut while it is read ends the process with SIGBUS; recordings and finished chunks are not written to any more, and this
    // program replaces files by renaming, which leaves the mapped file whole.
    unsafe { Mmap::map(file) }
}
