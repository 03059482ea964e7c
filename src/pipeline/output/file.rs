//! Files that appear under their name when they are complete.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::written::Written;
use super::{OutputError, digest, make_folder};
use crate::store;

/// Between a file's name and the run that writes it.
pub(super) const TEMPORARY: &str = ".tmp-";

/// How a complete file gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// It is written beside its name and renamed.
    Rename,
    /// It is written in the folder for temporary files and copied to its name in one go. Mounted object stores, which cannot
    /// rename or write at an offset, show a file when it is closed; elsewhere it could be seen half copied. What lies in a
    /// store (see [`store`]) is always put so.
    Put,
}

/// The way in which a complete file gets its name.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// Rename or put.
    pub commit: Commit,
    /// Forces it onto the disk before it has its name.
    pub sync: bool,
    /// Hashes all of its bytes.
    pub all: bool,
    /// The list of files that it is added to.
    pub written: Option<Arc<Written>>,
}

impl Way {
    /// A file that no list has.
    pub fn unlisted(commit: Commit, sync: bool) -> Self {
        Self {
            commit,
            sync,
            all: false,
            written: None,
        }
    }
}

/// A file that gets its name when it is complete.
///
/// It is written as `NAME.tmp-RUN-COUNT` in the same folder and renamed by [`AtomicFile::commit`] (see [`Commit`] for where
/// that cannot be); dropped before that, it is removed. A killed process leaves the temporary, which a later run in the same
/// [`super::Folder`] removes. Its bytes are on the disk before it has its name, and the name is on the disk when it is committed,
/// so that it is whole after a power failure too; unless [`super::Sharing::sync`] says that results are for the moment.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    way: Way,
    /// The folder above those that were made for it.
    above: Option<PathBuf>,
}

impl AtomicFile {
    /// Begins a file that will be renamed, with its folder where that is missing.
    ///
    /// # Errors
    /// When folder or file cannot be made.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        Self::begin(path, &Way::unlisted(Commit::Rename, true), run_id())
    }

    /// Begins a file of a run.
    pub(super) fn begin(path: &Path, way: &Way, run: &str) -> Result<Self, OutputError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // An object appears whole by itself, and its folders with it.
        let remote = store::is_remote(path);
        let commit = if remote { Commit::Put } else { way.commit };
        let mut above = None;
        if let (Some(folder), false) = (path.parent(), remote) {
            above = lowest(folder);
            if above.is_some() {
                make_folder(folder)?;
            }
        }
        let temporary = match commit {
            Commit::Rename => {
                let mut name = path.file_name().unwrap_or_default().to_os_string();
                name.push(format!("{TEMPORARY}{run}-{count}"));
                path.with_file_name(name)
            }
            Commit::Put => std::env::temp_dir().join(format!("distpy-gpu-{run}-{count}")),
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temporary)
            .map_err(|e| OutputError::io(if remote { &temporary } else { path }, e))?;
        Ok(Self {
            path: path.to_path_buf(),
            temporary,
            file,
            way: Way {
                commit,
                ..way.clone()
            },
            above,
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
    /// When it could not be completed; no incomplete file has its name then.
    pub fn commit(self) -> Result<(), OutputError> {
        match self.way.written {
            Some(_) => self.commit_hashed().map(drop),
            None => self.name(),
        }
    }

    /// As [`AtomicFile::commit`], and gives its hash, by which damage is seen later.
    ///
    /// # Errors
    /// When it could not be completed; no incomplete file has its name then.
    pub fn commit_hashed(self) -> Result<String, OutputError> {
        let failed = |e| OutputError::io(&self.path, e);
        let digest = digest::of(&self.file, self.way.all).map_err(failed)?;
        if let Some(written) = &self.way.written {
            let bytes = self.file.metadata().map_err(failed)?.len();
            written.add(&self.path, bytes, &digest)?;
        }
        self.name()?;
        Ok(digest)
    }

    fn name(mut self) -> Result<(), OutputError> {
        let done = match self.way.commit {
            Commit::Rename => self.rename(),
            Commit::Put => self.put(),
        };
        done.map_err(|e| OutputError::io(&self.path, e))
    }

    fn rename(&self) -> io::Result<()> {
        match self.way.sync {
            true => self.file.sync_all()?,
            false => close(&self.file)?,
        }
        std::fs::rename(&self.temporary, &self.path)?;
        match self.path.parent() {
            Some(folder) if self.way.sync => sync_folders(folder, self.above.as_deref()),
            _ => Ok(()),
        }
    }

    fn put(&mut self) -> io::Result<()> {
        if store::is_remote(&self.path) {
            return store::put(&self.path, &mut self.file);
        }
        self.file.seek(SeekFrom::Start(0))?;
        // A store that cannot replace an object may still let it be removed.
        let mut target = File::create(&self.path).or_else(|_| {
            std::fs::remove_file(&self.path)?;
            File::create(&self.path)
        })?;
        let put = io::copy(&mut self.file, &mut target).and_then(|_| match target.sync_all() {
            // The object is complete with this call; where a file system has no such call, with its close.
            Err(e) if e.kind() != io::ErrorKind::Unsupported => Err(e),
            _ => Ok(()),
        });
        if put.is_err() {
            let _ = std::fs::remove_file(&self.path);
        }
        put
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
    complete(AtomicFile::create(path)?, bytes)
}

/// Writes a whole file in place of one that has its name, in a folder that commits so. It is not forced onto the disk: it is for
/// files that tell of the moment.
///
/// # Errors
/// When it could not be written; the old one is left then.
pub fn replace(path: &Path, bytes: &[u8], commit: Commit) -> Result<(), OutputError> {
    let way = Way::unlisted(commit, false);
    complete(AtomicFile::begin(path, &way, run_id())?, bytes)
}

pub(super) fn complete(mut file: AtomicFile, bytes: &[u8]) -> Result<(), OutputError> {
    let path = file.path.clone();
    file.write_all(bytes)
        .map_err(|e| OutputError::io(&path, e))?;
    file.commit()
}

/// The lowest folder on the way to one that is missing; `None` where it is there.
fn lowest(folder: &Path) -> Option<PathBuf> {
    let mut there = folder.ancestors().map(|it| match it == Path::new("") {
        true => Path::new("."),
        false => it,
    });
    let there = there.find(|it| it.is_dir())?;
    (there != folder && folder != Path::new("")).then(|| there.to_path_buf())
}

/// Forces a folder's names onto the disk, and those of the folders above up to one.
pub(super) fn sync_folders(folder: &Path, up_to: Option<&Path>) -> io::Result<()> {
    for folder in folder.ancestors() {
        let named = match folder == Path::new("") {
            true => Path::new("."),
            false => folder,
        };
        sync_folder(named)?;
        if up_to.is_none_or(|last| last == named) {
            break;
        }
    }
    Ok(())
}

/// Some file systems, those of Windows among them, keep names without being asked, and refuse it.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        Err(e)
            if !matches!(
                e.kind(),
                io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput
            ) =>
        {
            Err(e)
        }
        _ => Ok(()),
    }
}

/// Closes a second handle of a file: network file systems say then what became of its bytes, and nobody hears it from the first.
#[cfg(unix)]
fn close(file: &File) -> io::Result<()> {
    Ok(nix::unistd::close(file.try_clone()?)?)
}

#[cfg(not(unix))]
fn close(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// This process among all that ever write to a folder: sixteen hexadecimal digits, drawn by chance.
pub fn run_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(draw_id)
}

pub(super) fn draw_id() -> String {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}

/// True for the name of a run, as [`run_id`] gives it.
pub(super) fn is_run_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a name is a temporary of a run.
pub(super) fn is_temporary_of(name: &str, run: &str) -> bool {
    name.rsplit_once(TEMPORARY)
        .and_then(|(_, end)| end.strip_prefix(run)?.strip_prefix('-'))
        .is_some_and(|count| !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit()))
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
