//! Folders that appear under their name when they are complete, as single files do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::file::{TEMPORARY, Way, replace, sync_folders};
use super::{Commit, OutputError, digest, make_folder};
use crate::store;

/// A folder that gets its name when it is complete.
///
/// As [`super::AtomicFile`]: beside its name under a temporary one and renamed. An older folder of the name is moved away first and
/// then removed: for the moment in between there is none, which readers may meet; half a folder they never do. A killed process
/// leaves the temporary, which a later run removes.
///
/// Where nothing can be renamed, file by file is put in its place. What says what the folder is, its own files and those of the
/// folders in it, is removed first and put last, so that readers meet no folder rather than half a one. Two runs that put the
/// same folder at once leave it whole.
#[derive(Debug)]
pub struct AtomicFolder {
    path: PathBuf,
    temporary: PathBuf,
    old: PathBuf,
    way: Way,
}

impl AtomicFolder {
    pub(super) fn begin(path: &Path, way: &Way, run: &str) -> Result<Self, OutputError> {
        let commit = match store::is_remote(path) {
            true => Commit::Put,
            false => way.commit,
        };
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
            way: Way {
                commit,
                ..way.clone()
            },
        })
    }

    /// Where it is until it is committed.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Gives it its name, in place of a folder that has it. `alive` is told of each file that is put.
    ///
    /// # Errors
    /// When it could not be completed.
    pub fn commit(self, alive: &dyn Fn()) -> Result<(), OutputError> {
        self.list(alive)?;
        match self.way.commit {
            Commit::Rename => self
                .rename(alive)
                .map_err(|e| OutputError::io(&self.path, e)),
            Commit::Put => self.put(alive),
        }
    }

    /// Adds its files to the list of what was written.
    fn list(&self, alive: &dyn Fn()) -> Result<(), OutputError> {
        let Some(written) = &self.way.written else {
            return Ok(());
        };
        let failed = |e| OutputError::io(&self.path, e);
        let mut files = Vec::new();
        files_below(&self.temporary, Path::new(""), &mut files).map_err(failed)?;
        files.sort();
        for inner in files {
            alive();
            let file = fs::File::open(self.temporary.join(&inner)).map_err(failed)?;
            let digest = digest::of(&file, self.way.all).map_err(failed)?;
            let bytes = file.metadata().map_err(failed)?.len();
            written.add(&self.path.join(inner), bytes, &digest)?;
        }
        Ok(())
    }

    fn rename(&self, alive: &dyn Fn()) -> io::Result<()> {
        if self.way.sync {
            sync_below(&self.temporary, alive)?;
        }
        fs::rename(&self.path, &self.old).or_else(absent)?;
        if let Err(error) = fs::rename(&self.temporary, &self.path) {
            let _ = fs::rename(&self.old, &self.path);
            return Err(error);
        }
        // The new one is in place: what a reader still holds of the old one is for the next run to remove.
        let _ = fs::remove_dir_all(&self.old);
        match self.path.parent() {
            Some(folder) if self.way.sync => sync_folders(folder, None),
            _ => Ok(()),
        }
    }

    fn put(&self, alive: &dyn Fn()) -> Result<(), OutputError> {
        let failed = |e| OutputError::io(&self.path, e);
        let mut files = Vec::new();
        files_below(&self.temporary, Path::new(""), &mut files).map_err(failed)?;
        // The deepest come first, and those at the top last.
        files.sort_by_key(|file| std::cmp::Reverse(file.components().count()));
        let describes = |file: &&PathBuf| file.components().count() <= 2;
        for file in files.iter().rev().filter(describes) {
            store::remove(&self.path.join(file))
                .or_else(absent)
                .map_err(failed)?;
        }
        for file in &files {
            alive();
            let bytes = fs::read(self.temporary.join(file)).map_err(failed)?;
            replace(&self.path.join(file), &bytes, Commit::Put)?;
        }
        remove_others(&self.temporary, &self.path).map_err(failed)
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

/// Forces a folder with all that is in it onto the disk.
fn sync_below(folder: &Path, alive: &dyn Fn()) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        alive();
        match entry.file_type()?.is_dir() {
            true => sync_below(&entry.path(), alive)?,
            false => fs::File::open(entry.path())?.sync_all()?,
        }
    }
    sync_folders(folder, None)
}

/// The files below a folder, by their paths in it.
fn files_below(folder: &Path, at: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(at))? {
        let entry = entry?;
        let path = at.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => files_below(folder, &path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}

/// Removes the files of a folder that another has not.
fn remove_others(wanted: &Path, folder: &Path) -> io::Result<()> {
    for entry in store::list(folder)? {
        let same = wanted.join(entry.path.file_name().unwrap_or_default());
        if entry.is_dir() {
            remove_others(&same, &entry.path)?;
        } else if entry.is_file() && !same.is_file() {
            store::remove(&entry.path).or_else(absent)?;
        }
    }
    Ok(())
}
