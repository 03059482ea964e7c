//! Output folders: whole files or none, and any number of runs that share the work of one folder.

mod claims;
pub mod digest;
mod disk;
mod file;
mod leases;
mod place;
mod tree;
mod written;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use claims::Claims;
use file::Way;
use leases::Leases;
use place::Places;
use written::Written;

use crate::store;
pub use file::{AtomicFile, Commit, replace, run_id, write_file};
pub use place::Protected;
pub use tree::AtomicFolder;
pub use written::{Record, records};

/// Why results could not be put where they belong.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct OutputError {
    /// The file or folder.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl OutputError {
    /// A file that could not be written.
    pub fn io(path: &Path, source: io::Error) -> Self {
        Self {
            path: path.to_path_buf(),
            source,
        }
    }
}

/// Below an output folder: what runs know of each other, and how far they are.
pub const BOOKKEEPING: &str = ".distpy-gpu";

/// How runs share a folder.
#[derive(Debug, Clone, Copy)]
pub struct Sharing {
    /// How files get their names; `None` to try what the folder can do.
    pub commit: Option<Commit>,
    /// A run that gave no sign of life for so long is dead, and its work is free.
    pub expiry: Duration,
    /// Forces results onto the disk, so that they outlast a power failure.
    pub sync: bool,
    /// Hashes all bytes of results, rather than some blocks.
    pub hash_all: bool,
}

impl Default for Sharing {
    fn default() -> Self {
        Self {
            commit: None,
            expiry: Duration::from_secs(120),
            sync: true,
            hash_all: false,
        }
    }
}

/// A file in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The time of its last change.
    pub modified: Option<SystemTime>,
}

/// An output folder that this run has joined, until its last clone is dropped or the process ends in any way.
///
/// A run that is no longer joined must not write to the folder: nobody would remove what it left unfinished.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    way: Way,
    run: String,
    claims: Arc<Shared>,
    places: Arc<Places>,
}

/// How this run and others keep out of each other's way.
#[derive(Debug)]
enum Shared {
    Folder(Claims),
    Store(Leases),
    /// By their shards alone.
    Not,
}

impl Folder {
    /// Joins the runs that write to a folder, made where it is missing, and removes what dead runs left unfinished.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn join(path: &Path, sharing: &Sharing) -> Result<Self, OutputError> {
        Self::join_beside(path, sharing, Protected::default())
    }

    /// As [`Folder::join`], and no result replaces one of `inputs`.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn join_beside(
        path: &Path,
        sharing: &Sharing,
        inputs: Protected,
    ) -> Result<Self, OutputError> {
        Self::join_as(path, sharing, run_id().to_string(), inputs)
    }

    /// Joins as another run of the same process, which is how tests have several.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn join_anew(path: &Path, sharing: &Sharing) -> Result<Self, OutputError> {
        Self::join_as(path, sharing, file::draw_id(), Protected::default())
    }

    fn join_as(
        path: &Path,
        sharing: &Sharing,
        run: String,
        inputs: Protected,
    ) -> Result<Self, OutputError> {
        if store::is_remote(path) {
            let leases = Leases::join(path, &run, sharing.expiry)?;
            store::look_through(path).map_err(|e| OutputError::io(path, e))?;
            return Ok(Self {
                path: path.to_path_buf(),
                way: way(path, &run, sharing, Commit::Put),
                run,
                claims: Arc::new(leases.map_or(Shared::Not, Shared::Store)),
                places: Arc::new(Places::new(path, inputs)),
            });
        }
        make_folder(path)?;
        let commit = match sharing.commit {
            Some(commit) => commit,
            None => probe(path, &run)?,
        };
        // Where nothing can be renamed there is no atomic step to claim anything by: shards keep runs apart.
        let claims = match commit {
            Commit::Rename => Shared::Folder(Claims::join(path, &run, sharing.expiry)?),
            Commit::Put => Shared::Not,
        };
        Ok(Self {
            path: path.to_path_buf(),
            way: way(path, &run, sharing, commit),
            run,
            claims: Arc::new(claims),
            places: Arc::new(Places::new(path, inputs)),
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a path below the folder lies; one that is itself in a store lies there.
    pub fn full(&self, path: &Path) -> PathBuf {
        store::join(&self.path, path)
    }

    /// The full path of a result, by its path below the folder.
    ///
    /// # Errors
    /// When it is not below the folder, or an input's.
    pub fn place(&self, path: &Path) -> Result<PathBuf, OutputError> {
        let full = self.full(path);
        let allowed = self.places.check(path, &full);
        allowed.map_err(|e| OutputError::io(&full, e))?;
        Ok(full)
    }

    /// Completes the list of what was written, where it could not grow.
    ///
    /// # Errors
    /// When it cannot be put.
    pub fn finish_list(&self) -> Result<(), OutputError> {
        self.way.written.as_ref().map_or(Ok(()), |it| it.finish())
    }

    /// How files get their names here.
    pub fn commit(&self) -> Commit {
        self.way.commit
    }

    /// Begins a file, by its path below the folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self, path: &Path) -> Result<AtomicFile, OutputError> {
        AtomicFile::begin(&self.place(path)?, &self.way, &self.run)
    }

    /// Writes a whole file, by its path below the folder.
    ///
    /// # Errors
    /// When it could not be written; nothing is left then.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
        file::complete(self.create(path)?, bytes)
    }

    /// Begins a folder, by its path below this one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create_folder(&self, path: &Path) -> Result<AtomicFolder, OutputError> {
        AtomicFolder::begin(&self.place(path)?, &self.way, &self.run)
    }

    /// Opens a file to read it, by its path below the folder.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, path: &Path) -> Result<File, OutputError> {
        let path = self.full(path);
        store::open(&path).map_err(|e| OutputError::io(&path, e))
    }

    /// The files right below a folder, by its path below this one; none where it is missing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn list(&self, path: &Path) -> Result<Vec<Entry>, OutputError> {
        let path = self.full(path);
        let entries = match store::list(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|e| OutputError::io(&path, e))?,
        };
        let files = entries.into_iter().filter(store::Entry::is_file);
        let found = files.filter_map(|entry| {
            // A temporary may have got its name meanwhile.
            let about = entry.metadata().ok()?;
            Some(Entry {
                name: entry.path.file_name()?.to_string_lossy().into_owned(),
                bytes: about.len,
                modified: about.modified,
            })
        });
        Ok(found.collect())
    }

    /// Takes a piece of work, unless another run that is alive has it. Look afterwards whether the work is done already: the
    /// other run may just have finished.
    ///
    /// # Errors
    /// When claims cannot be written.
    pub fn take(&self, work: &str) -> Result<bool, OutputError> {
        match &*self.claims {
            Shared::Folder(claims) => claims.take(work),
            Shared::Store(leases) => leases.take(work),
            Shared::Not => Ok(true),
        }
    }

    /// Work of some names that other runs hold which are alive. Only these claims are read: there may be thousands of others.
    ///
    /// # Errors
    /// When claims cannot be read.
    pub fn held_by_others(&self, names: &dyn Fn(&str) -> bool) -> Result<Vec<String>, OutputError> {
        match &*self.claims {
            Shared::Folder(claims) => Ok(claims.held_by_others(names)),
            Shared::Store(leases) => leases.held_by_others(names),
            Shared::Not => Ok(Vec::new()),
        }
    }

    /// Gives a piece of work back, done or not.
    pub fn release(&self, work: &str) {
        match &*self.claims {
            Shared::Folder(claims) => claims.release(work),
            Shared::Store(leases) => leases.release(work),
            Shared::Not => {}
        }
    }
}

fn way(folder: &Path, run: &str, sharing: &Sharing, commit: Commit) -> Way {
    Way {
        commit,
        sync: sharing.sync,
        all: sharing.hash_all,
        written: Some(Arc::new(Written::new(folder, run, commit))),
    }
}

/// What the folder can do: object stores that are mounted as folders cannot rename.
fn probe(folder: &Path, run: &str) -> Result<Commit, OutputError> {
    let place = folder.join(BOOKKEEPING);
    make_folder(&place)?;
    let [before, after] = ["probe", "renamed"].map(|name| place.join(format!("{name}-{run}")));
    std::fs::write(&before, run).map_err(|e| OutputError::io(&before, e))?;
    match std::fs::rename(&before, &after) {
        Ok(()) => {
            let _ = std::fs::remove_file(after);
            Ok(Commit::Rename)
        }
        Err(reason) => {
            let _ = std::fs::remove_file(before);
            tracing::info!(
                "{}: files cannot be renamed ({reason}): they are put whole, and runs are kept apart by their shards alone",
                folder.display()
            );
            Ok(Commit::Put)
        }
    }
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
