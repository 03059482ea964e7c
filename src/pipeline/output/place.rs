//! Places of results: below the output folder, where links lead too, and never an input's.

use std::collections::HashSet;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::store;

/// The inputs of a run, which no result may replace.
#[derive(Debug, Default)]
pub struct Protected {
    /// Folders whose files are inputs, by their real paths.
    folders: HashSet<PathBuf>,
    files: HashSet<PathBuf>,
    patterns: Vec<glob::Pattern>,
}

impl Protected {
    /// Files, folders and patterns as a user gives them.
    pub fn of<T: AsRef<str>>(given: &[T]) -> Self {
        let mut inputs = Self::default();
        for text in given.iter().map(AsRef::as_ref) {
            let path = Path::new(text);
            let exists = !store::is_remote(path) && path.exists();
            let pattern = text.contains(['*', '?', '[']) && !exists;
            if pattern {
                let folder = glob::Pattern::escape(&store::real(parent(path)).to_string_lossy());
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                // An invalid pattern is an error of the search for inputs.
                inputs
                    .patterns
                    .extend(glob::Pattern::new(&format!("{folder}/{name}")));
            } else if is_folder(path) {
                inputs.folders.insert(folder(path));
            } else {
                inputs.files.insert(real_file(path));
                inputs.files.insert(store::real(path));
            }
        }
        inputs
    }

    /// True if the files of a folder are inputs.
    pub fn has_folder(&self, path: &Path) -> bool {
        self.folders.contains(&folder(path))
    }

    /// True if a file, in a folder by its real path, is an input or would be one.
    fn has(&self, folder: &Path, file: &Path) -> bool {
        self.folders.contains(folder)
            || self.files.contains(file)
            || self.patterns.iter().any(|it| it.matches_path(file))
    }
}

/// Decides where a run may write.
#[derive(Debug)]
pub(super) struct Places {
    /// The output folder by its real path.
    root: PathBuf,
    inputs: Protected,
    /// Folders below it, as they are named, by their real paths.
    known: Mutex<Vec<(PathBuf, PathBuf)>>,
}

/// Folders that are remembered; sinks have a few each.
const KNOWN: usize = 64;

impl Places {
    pub fn new(root: &Path, inputs: Protected) -> Self {
        Self {
            root: folder(root),
            inputs,
            known: Mutex::default(),
        }
    }

    /// Checks that a file may be written: `path` is below the output folder, and `full` is the whole path.
    pub fn check(&self, path: &Path, full: &Path) -> io::Result<()> {
        let inner = |it: Component| matches!(it, Component::Normal(_) | Component::CurDir);
        let wrong = |found: String| {
            let text = format!("found {found}, expected a place below the output folder");
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        };
        if !path.components().all(inner) || store::is_remote(path) {
            return wrong(format!("the path {}", path.display()));
        }
        let folder = self.real(parent(full));
        if !folder.starts_with(&self.root) {
            return wrong(format!("a link to {}", folder.display()));
        }
        let name = full.file_name().unwrap_or_default();
        if self.inputs.has(&folder, &folder.join(name)) {
            let text =
                "found the place of an input, expected another output folder (-o) or directory_out";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(())
    }

    /// The real path of a folder, which need not exist.
    fn real(&self, folder: &Path) -> PathBuf {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, real)) = known.iter().find(|(named, _)| named == folder) {
            return real.clone();
        }
        let found = store::real(folder);
        if store::is_remote(folder) {
            return found;
        }
        // One that is not there yet may become a link.
        if store::is_dir(folder) {
            if known.len() == KNOWN {
                known.remove(0);
            }
            known.push((folder.to_path_buf(), found.clone()));
        }
        found
    }
}

/// True if a user names a folder. A store is not asked, as each request costs: there, files have extensions.
fn is_folder(path: &Path) -> bool {
    match store::is_remote(path) {
        true => path.extension().is_none(),
        false => store::is_dir(path),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file in the real path of its folder; the file itself may be a link, which a result would replace.
fn real_file(path: &Path) -> PathBuf {
    store::real(parent(path)).join(path.file_name().unwrap_or_default())
}

/// The real path of a folder, which URLs may end by `/`.
fn folder(path: &Path) -> PathBuf {
    match store::is_remote(path) {
        true => PathBuf::from(path.to_string_lossy().trim_end_matches('/')),
        false => store::real(path),
    }
}
