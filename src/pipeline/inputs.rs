//! Which files a run takes: files, folders and globs become a sorted list.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::thread;
use crate::store::{self, Entry, Kind};

/// A file that a run takes, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// The file.
    pub path: PathBuf,
    /// Whether the user named it (directly or by a glob), rather than the folder that holds it.
    pub named: bool,
}

impl Input {
    /// Its bytes; 0 where they cannot be told.
    pub fn size(&self) -> u64 {
        store::listed(&self.path).map_or(0, |file| file.len)
    }
}

/// Threads that ask for sizes: on a share, each answer takes its server's time.
const AT_ONCE: usize = 16;
/// Files for which one thread is enough.
const FEW: usize = 1024;

/// The bytes of files, as [`Input::size`] has them.
pub fn sizes(files: &[Input]) -> Vec<u64> {
    let each = files.len().div_ceil(AT_ONCE).max(FEW);
    let mut sizes = vec![0; files.len()];
    let left = Mutex::new(files.chunks(each).zip(sizes.chunks_mut(each)));
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::share_out(files.len().div_ceil(each), || {
        while let Some((files, sizes)) = next() {
            for (file, size) in files.iter().zip(sizes) {
                *size = file.size();
            }
        }
    });
    sizes
}

/// A file that was found.
struct Found {
    input: Input,
    /// True if it may be a link, to another file that was found.
    link: bool,
}

/// Finds the files behind what the user gave; folders give their files with one of `extensions`.
///
/// # Errors
/// A pattern that matches nothing, a file or folder that is not there: one line each.
pub fn find(given: &[String], extensions: &[&str]) -> Result<Vec<Input>, Vec<String>> {
    find_in(given, extensions, Depth::Flat)
}

/// How far a folder is looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Only itself.
    Flat,
    /// With all folders below, but those whose names begin with a point.
    Below,
}

/// As [`find`], looking so far through folders.
///
/// # Errors
/// As [`find`].
pub fn find_in(
    given: &[String],
    extensions: &[&str],
    depth: Depth,
) -> Result<Vec<Input>, Vec<String>> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for text in given {
        match expand(text, extensions, depth) {
            Ok(files) => found.extend(files),
            Err(line) => missing.push(line),
        }
    }
    // Of a file that was found twice, the one that the user named.
    found.sort_by_key(|it: &Found| !it.input.named);
    let mut files = Files::default();
    found.retain(|it| files.is_new(&it.input.path, it.link));
    let mut found: Vec<Input> = found.into_iter().map(|it| it.input).collect();
    // As texts: to compare paths part by part takes ten times as long.
    found.sort_unstable_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    if missing.is_empty() {
        Ok(found)
    } else {
        Err(missing)
    }
}

/// Files by where they really are. To ask that for each of a million files takes seconds, so it is asked for their folders, and
/// for links.
#[derive(Default)]
struct Files {
    /// Folders by their real paths, and their numbers.
    folders: HashMap<PathBuf, usize>,
    /// The folder of the last file as it was given, and its number: files of one folder come together.
    last: Option<(OsString, usize)>,
    seen: HashSet<(usize, OsString)>,
}

impl Files {
    fn is_new(&mut self, path: &Path, link: bool) -> bool {
        let real = match link && path.is_symlink() {
            true => store::canonical(path),
            false => path.to_path_buf(),
        };
        let folder = real.parent().unwrap_or(Path::new(""));
        let number = match &self.last {
            Some((last, number)) if last == folder.as_os_str() => *number,
            _ => self.number(folder),
        };
        let name = real.file_name().unwrap_or_default().to_os_string();
        self.seen.insert((number, name))
    }

    fn number(&mut self, folder: &Path) -> usize {
        let real = match folder.as_os_str().is_empty() {
            true => store::canonical(Path::new(".")),
            false => store::canonical(folder),
        };
        let next = self.folders.len();
        let number = *self.folders.entry(real).or_insert(next);
        self.last = Some((folder.as_os_str().to_os_string(), number));
        number
    }
}

fn expand(text: &str, extensions: &[&str], depth: Depth) -> Result<Vec<Found>, String> {
    let path = Path::new(text);
    let named = |path: PathBuf| Found {
        link: !store::is_remote(&path),
        input: Input { path, named: true },
    };
    // A name that exists is meant literally, whatever characters it has.
    let kind = match store::is_remote(path) {
        true => store::kind(path).map_err(|e| format!("{text}: {e}"))?,
        false => store::kind(path).unwrap_or_default(),
    };
    match kind {
        Some(Kind::Folder) => return folder(path, extensions, depth),
        Some(Kind::File) => return Ok(vec![named(path.to_path_buf())]),
        None => {}
    }
    if !text.contains(['*', '?', '[']) {
        return Err(format!("{text}: no such file or folder"));
    }
    let files = store::matches(text).map_err(|e| format!("{text}: {e}"))?;
    if files.is_empty() {
        return Err(format!("{text}: no file matches"));
    }
    Ok(files.into_iter().map(named).collect())
}

fn folder(path: &Path, extensions: &[&str], depth: Depth) -> Result<Vec<Found>, String> {
    let known = |entry: &Entry| {
        let extension = entry
            .path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        extensions.iter().any(|e| e.eq_ignore_ascii_case(extension)) && entry.is_file()
    };
    let mut files: Vec<Found> = Vec::new();
    let mut folders = vec![path.to_path_buf()];
    // Links may lead back to a folder.
    let mut seen = HashSet::new();
    while let Some(folder) = folders.pop() {
        if !seen.insert(store::canonical(&folder)) {
            continue;
        }
        let entries = store::list(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let mut inner = Vec::new();
        for entry in entries {
            let hidden = entry
                .path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            // Hidden files are other programs': macOS lays ._NAME next to each NAME.
            if hidden {
                continue;
            }
            if known(&entry) {
                files.push(Found {
                    link: entry.may_be_link(),
                    input: Input {
                        path: entry.path,
                        named: false,
                    },
                });
            } else if depth == Depth::Below && entry.is_dir() {
                inner.push((entry.path.is_symlink(), entry.path));
            }
        }
        // The last one is taken next: of a folder and links to it, the folder.
        inner.sort();
        folders.extend(inner.into_iter().rev().map(|(_, path)| path));
    }
    if files.is_empty() {
        return Err(format!(
            "{}: no file that ends in .{}{}",
            path.display(),
            extensions.join(" or ."),
            match depth {
                Depth::Flat => "",
                Depth::Below => ", in it or in folders below",
            }
        ));
    }
    Ok(files)
}
