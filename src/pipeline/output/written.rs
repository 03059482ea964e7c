//! The files that a run wrote, with their hashes (see [`super::digest`]): `written/RUN.csv` in the bookkeeping, with a line for each file:
//! hash, bytes, path below the output folder. A line is there before its file has its name. Where files cannot grow, as in a store,
//! the list is put when the run ends.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{BOOKKEEPING, Commit, OutputError, replace};
use crate::store;

/// Below the bookkeeping of an output folder.
const FOLDER: &str = "written";

/// The list of a run.
#[derive(Debug)]
pub struct Written {
    folder: PathBuf,
    path: PathBuf,
    grows: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    /// Lines that are not written.
    lines: String,
}

/// A file that a run wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its path below the output folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    pub digest: String,
}

impl Written {
    /// An empty list, which is made with its first line.
    pub(super) fn new(folder: &Path, run: &str, commit: Commit) -> Self {
        let path = folder.join(BOOKKEEPING).join(FOLDER);
        Self {
            folder: folder.to_path_buf(),
            path: path.join(format!("{run}.csv")),
            grows: commit == Commit::Rename && !store::is_remote(folder),
            state: Mutex::default(),
        }
    }

    /// Adds a file. Bookkeeping, and what lies elsewhere, is not listed.
    pub(super) fn add(&self, path: &Path, bytes: u64, digest: &str) -> Result<(), OutputError> {
        let inner = path.strip_prefix(&self.folder).unwrap_or(path);
        let text = inner.to_str().filter(|it| !it.contains('\n'));
        let (Some(text), false) = (text, inner.starts_with(BOOKKEEPING)) else {
            return Ok(());
        };
        let line = format!("{digest},{bytes},{text}\n");
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.grows {
            state.lines.push_str(&line);
            return Ok(());
        }
        let added = self.file(&mut state.file).and_then(|file| {
            // One write, so that a line is whole or missing.
            file.write_all(line.as_bytes())
        });
        added.map_err(|e| OutputError::io(&self.path, e))
    }

    fn file<'a>(&self, file: &'a mut Option<File>) -> io::Result<&'a mut File> {
        if file.is_none() {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            *file = Some(File::options().create(true).append(true).open(&self.path)?);
        }
        Ok(file.as_mut().expect("it was opened"))
    }

    /// Puts a list that could not grow.
    pub(super) fn finish(&self) -> Result<(), OutputError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.lines.is_empty() {
            true => Ok(()),
            false => {
                let lines = std::mem::take(&mut state.lines);
                replace(&self.path, lines.as_bytes(), Commit::Put)
            }
        }
    }
}

/// The files of a folder as the runs that wrote them last have them, by their paths.
///
/// # Errors
/// When a list cannot be read.
pub fn records(folder: &Path) -> Result<Vec<Record>, OutputError> {
    let place = folder.join(BOOKKEEPING).join(FOLDER);
    let lists = match store::list(&place) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        lists => lists.map_err(|e| OutputError::io(&place, e))?,
    };
    let dated = lists.into_iter().map(|list| {
        let modified = list.metadata().map(|it| it.modified);
        modified.map(|modified| (modified, list.path))
    });
    let dated: io::Result<Vec<_>> = dated.collect();
    let mut dated = dated.map_err(|e| OutputError::io(&place, e))?;
    dated.sort();
    let mut known = std::collections::BTreeMap::new();
    for (_, path) in dated {
        let text = store::read_to_string(&path).map_err(|e| OutputError::io(&path, e))?;
        // The last line may be half written, and a power failure leaves others.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            let mut parts = line.splitn(3, ',');
            let (digest, bytes, path) = (parts.next(), parts.next(), parts.next());
            let bytes = bytes.and_then(|it| it.parse().ok());
            if let (Some(digest), Some(bytes), Some(path)) = (digest, bytes, path) {
                let (path, digest) = (PathBuf::from(path), digest.to_string());
                known.insert(
                    path.clone(),
                    Record {
                        path,
                        bytes,
                        digest,
                    },
                );
            }
        }
    }
    Ok(known.into_values().collect())
}
