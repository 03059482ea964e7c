//! Folders that appear under their name when they are complete, as single files do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::file::TEMPORARY;
use super::{Commit, OutputError, make_folder};
use crate::store;

/// A folder that gets its name when it is complete.
///
/// As [`super::AtomicFile`]: beside its name under a temporary one and renamed, or, where nothing can be renamed, copied file by
/// file, those at the top last. An older folder of the name is moved away first and then removed: for the moment in between there
/// is none, which readers may meet; half a folder they never do. A killed process leaves the temporary, which a later run removes.
#[derive(Debug)]
pub struct AtomicFolder {
    path: PathBuf,
    temporary: PathBuf,
    old: PathBuf,
    commit: Commit,
}

impl AtomicFolder {
    pub(super) fn begin(path: &Path, commit: Commit, run: &str) -> Result<Self, OutputError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(2, Ordering::Relaxed);
        let beside = |count: u64| {
            let mut name = path.file_name().unwrap_or_default().to_os_string();
            name.push(format!("{TEMPORARY}{run}-{count}"));
            path.with_file_name(name)
        };
        let temporary = match commit {
            Commit::Rename => beside(count),
            Commit::Put => std::env::temp_dir().join(format!("distpy-gpu-{run}-tree-{count}")),
        };
        make_folder(&temporary)?;
        Ok(Self {
            path: path.to_path_buf(),
            old: beside(count + 1),
            temporary,
            commit,
        })
    }

    /// Where it is until it is committed.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Gives it its name, in place of a folder that has it.
    ///
    /// # Errors
    /// When it could not be completed.
    pub fn commit(self) -> Result<(), OutputError> {
        let done = match self.commit {
            Commit::Rename => self.rename(),
            Commit::Put if store::is_remote(&self.path) => put(&self.temporary, &self.path),
            Commit::Put => fs::remove_dir_all(&self.path)
                .or_else(absent)
                .and_then(|()| copy(&self.temporary, &self.path)),
        };
        done.map_err(|e| OutputError::io(&self.path, e))
    }

    fn rename(&self) -> io::Result<()> {
        fs::rename(&self.path, &self.old).or_else(absent)?;
        if let Err(error) = fs::rename(&self.temporary, &self.path) {
            let _ = fs::rename(&self.old, &self.path);
            return Err(error);
        }
        fs::remove_dir_all(&self.old).or_else(absent)
    }
}

impl Drop for AtomicFolder {
    fn drop(&mut self) {
        // After a commit there is none; otherwise the next run removes what could not be removed now.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

fn absent(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

/// Copies a folder; the files that say what it is lie at its top, and come last.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
    let (folders, files): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.path().is_dir());
    for folder in folders {
        copy(&folder.path(), &to.join(folder.file_name()))?;
    }
    for file in files {
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

/// The same into a store; objects that the folder had before and has no more are removed at last.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    let entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
    let (folders, files): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.path().is_dir());
    for folder in folders {
        put(&folder.path(), &to.join(folder.file_name()))?;
    }
    for file in files {
        let mut bytes = fs::File::open(file.path())?;
        store::put(&to.join(file.file_name()), &mut bytes)?;
    }
    remove_others(from, to)
}

fn remove_others(wanted: &Path, folder: &Path) -> io::Result<()> {
    for entry in store::list(folder)? {
        let same = wanted.join(entry.path.file_name().unwrap_or_default());
        if entry.is_dir() && !same.is_dir() {
            remove_others(&same, &entry.path)?;
        } else if entry.is_file() && !same.is_file() {
            store::remove(&entry.path).or_else(absent)?;
        }
    }
    Ok(())
}
