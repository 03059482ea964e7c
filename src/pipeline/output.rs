//! Output files and folders: a file appears under its name when it is complete, and a folder has one writing run at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why results could not be put where they belong.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Another run writes to the folder.
    #[error("{}: another run is writing to this folder; wait for its end or choose another", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// A file could not be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl OutputError {
    /// A file that could not be written.
    pub fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// Between a file's name and the process that writes it.
const TEMPORARY: &str = ".tmp-";
const LOCK: &str = ".distpy-gpu.lock";
/// How deep results lie below the output folder: `output/json/1535464933/`, `output/results/band00/`.
const DEPTH: usize = 3;

/// A file that gets its name when it is complete.
///
/// It is written as `NAME.tmp-PROCESS-COUNT` in the same folder and renamed by [`AtomicFile::commit`]; dropped before that, it
/// is removed. A killed process leaves the temporary, which [`lock`] removes. Data is handed to the system, not forced
/// onto the disk: a file is whole after any end of the process, not after a power failure.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl AtomicFile {
    /// Begins a file, with its folder where that is missing.
    ///
    /// # Errors
    /// When folder or file cannot be made.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        name.push(format!("{TEMPORARY}{}-{count}", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = File::create(&temporary).map_err(|e| OutputError::io(path, e))?;
        Ok(Self {
            path: path.to_path_buf(),
            temporary,
            file,
        })
    }

    /// The name that it will get.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that it has until it is committed, for libraries that open files by name.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Writes at an offset; several threads may do so at once.
    ///
    /// # Errors
    /// When not everything could be written.
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> Result<(), OutputError> {
        write_all_at(&self.file, bytes, offset).map_err(|e| OutputError::io(&self.path, e))
    }

    /// Gives the file its name, in place of a file that has it.
    ///
    /// # Errors
    /// When it could not be completed; nothing is left then.
    pub fn commit(mut self) -> Result<(), OutputError> {
        self.file
            .flush()
            .and_then(|()| std::fs::rename(&self.temporary, &self.path))
            .map_err(|e| OutputError::io(&self.path, e))
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // After a commit there is none; otherwise the next run removes what could not be removed now.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Writes a whole file.
///
/// # Errors
/// When it could not be written; nothing is left then.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)
        .map_err(|e| OutputError::io(path, e))?;
    file.commit()
}

/// An output folder that no other run writes to, until this is dropped or the process ends in any way.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Takes an output folder, made where it is missing, and removes unfinished files of runs that were killed.
///
/// # Errors
/// [`OutputError::Busy`] when another run has it; otherwise when it cannot be written to.
pub fn lock(folder: &Path) -> Result<FolderLock, OutputError> {
    make_folder(folder)?;
    let path = folder.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| OutputError::io(&path, e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OutputError::Busy {
                folder: folder.to_path_buf(),
            });
        }
        Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {
            tracing::warn!(folder = %folder.display(), "this file system has no locks: two runs at once are not noticed");
        }
        Err(TryLockError::Error(e)) => return Err(OutputError::io(&path, e)),
    }
    remove_leftovers(folder, DEPTH);
    Ok(FolderLock { _file: file })
}

fn make_folder(folder: &Path) -> Result<(), OutputError> {
    std::fs::create_dir_all(folder).map_err(|e| {
        let source = match folder.ancestors().find(|above| above.is_file()) {
            Some(file) => io::Error::new(
                e.kind(),
                format!("found the file {}, expected a folder", file.display()),
            ),
            None => e,
        };
        OutputError::io(folder, source)
    })
}

/// What cannot be removed is left: it is in nobody's way.
fn remove_leftovers(folder: &Path, depth: usize) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && depth > 0 {
            remove_leftovers(&entry.path(), depth - 1);
        } else if kind.is_file() && is_temporary(&entry.file_name().to_string_lossy()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn is_temporary(name: &str) -> bool {
    let number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    name.rsplit_once(TEMPORARY)
        .and_then(|(_, end)| end.split_once('-'))
        .is_some_and(|(process, count)| number(process) && number(count))
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => {
                bytes = &bytes[n..];
                offset += n as u64;
            }
        }
    }
    Ok(())
}
