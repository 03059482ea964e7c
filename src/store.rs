//! Where files lie: on this machine, or in an object store. Files are looked for, listed, read and put through here, so that
//! nobody else knows which.
//!
//! A path in a store is the text of its URL (`s3://bucket/folder/name`), so that joining and file names work as usual. What
//! lies on this machine goes to the system as ever. A store has no folders: a folder is there while an object is below it.

mod guard;
pub mod map;
#[cfg(not(feature = "object-store"))]
#[path = "store/absent.rs"]
pub mod remote;
#[cfg(feature = "object-store")]
pub mod remote;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Seek};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use remote::Place;

/// Schemes of stores: Amazon's S3, Google's Cloud Storage, Azure's Blob Storage.
const SCHEMES: [&str; 3] = ["s3", "gs", "az"];

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Its bytes.
    pub len: u64,
    /// When it was written, by the clock of the file system or store.
    pub modified: Option<SystemTime>,
}

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file or object.
    File,
    /// A folder, or the beginning of objects' names.
    Folder,
}

/// What is in a folder.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its path: that of the folder with a name.
    pub path: PathBuf,
    /// What a store's list says of it; on this machine the system is asked when it is wanted.
    listed: Option<(Kind, Meta)>,
    /// Type of the file, from the list of a local folder.
    local: Option<std::fs::FileType>,
}

impl Entry {
    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        match self.listed {
            Some((kind, _)) => kind == Kind::File,
            None if self.local.is_some_and(|it| !it.is_symlink()) => {
                self.local.is_some_and(|it| it.is_file())
            }
            None => self.path.is_file(),
        }
    }

    /// Whether it is a folder.
    pub fn is_dir(&self) -> bool {
        match self.listed {
            Some((kind, _)) => kind == Kind::Folder,
            None if self.local.is_some_and(|it| !it.is_symlink()) => {
                self.local.is_some_and(|it| it.is_dir())
            }
            None => self.path.is_dir(),
        }
    }

    /// True if it may be a link to another file.
    pub fn may_be_link(&self) -> bool {
        self.listed.is_none() && self.local.is_none_or(|it| it.is_symlink())
    }

    /// The facts of a file.
    ///
    /// # Errors
    /// When it is no file, or is no longer there.
    pub fn metadata(&self) -> io::Result<Meta> {
        match self.listed {
            Some((Kind::File, meta)) => Ok(meta),
            Some((Kind::Folder, _)) => Err(not_a_file()),
            None => metadata(&self.path),
        }
    }
}

/// A path as a user wrote it: `file://` URLs become paths of this machine, URLs of stores stay as they are.
///
/// # Errors
/// What is wrong with a URL.
pub fn path(text: &str) -> Result<PathBuf, String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Ok(text.into());
    };
    let named = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
    if !named {
        return Ok(text.into());
    }
    if scheme == "file" {
        let at = rest.strip_prefix("localhost").unwrap_or(rest);
        return match at.starts_with('/') {
            // A drive of Windows stands behind a third slash.
            true if at.as_bytes().get(2) == Some(&b':') => Ok(at[1..].into()),
            true => Ok(at.into()),
            false => Err(format!("found \"{text}\", expected file:///FOLDER/NAME")),
        };
    }
    if !SCHEMES.contains(&scheme) {
        let known = "s3://, gs://, az:// or file://";
        return Err(format!("found a URL of {scheme}://, expected {known}"));
    }
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if bucket.is_empty() || !bucket.bytes().all(plain) {
        let expected = format!("{scheme}://BUCKET/NAME");
        return Err(format!("found \"{text}\", expected {expected}"));
    }
    if key
        .trim_end_matches('/')
        .split('/')
        .any(|part| part == "." || part == "..")
    {
        return Err(format!("found \"{text}\", expected no part `.` or `..`"));
    }
    Ok(text.into())
}

/// A path below a folder, unless it is one of its own: absolute, or in a store.
pub fn join(folder: &Path, path: &Path) -> PathBuf {
    match is_remote(path) {
        true => path.to_path_buf(),
        false => folder.join(path),
    }
}

/// Whether a path lies in a store.
pub fn is_remote(path: &Path) -> bool {
    scheme(path).is_some()
}

/// The scheme of a path in a store, its bucket and the object's name there.
fn parts(path: &Path) -> Option<(&'static str, &str, &str)> {
    let scheme = scheme(path)?;
    let rest = path.to_str()?.get(scheme.len() + 3..)?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    Some((scheme, bucket, key))
}

fn scheme(path: &Path) -> Option<&'static str> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let mut known = SCHEMES.into_iter().filter(|scheme| {
        let rest = bytes.strip_prefix(scheme.as_bytes());
        rest.is_some_and(|rest| rest.starts_with(b"://"))
    });
    known.next()
}

/// What a path names; `None` where nothing has that name.
///
/// # Errors
/// When that cannot be told.
pub fn kind(path: &Path) -> io::Result<Option<Kind>> {
    if let Some(place) = Place::of(path)? {
        return place.kind();
    }
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(Some(Kind::Folder)),
        Ok(_) => Ok(Some(Kind::File)),
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// Whether something has that name.
pub fn exists(path: &Path) -> bool {
    match is_remote(path) {
        true => kind(path).is_ok_and(|kind| kind.is_some()),
        false => path.exists(),
    }
}

/// Whether it is a file.
pub fn is_file(path: &Path) -> bool {
    match is_remote(path) {
        true => metadata(path).is_ok(),
        false => path.is_file(),
    }
}

/// Whether it is a folder.
pub fn is_dir(path: &Path) -> bool {
    match Place::of(path) {
        Ok(Some(place)) => place.is_dir().unwrap_or(false),
        _ => path.is_dir(),
    }
}

/// The facts of a file.
///
/// # Errors
/// When there is none.
pub fn metadata(path: &Path) -> io::Result<Meta> {
    if let Some(place) = Place::of(path)? {
        return place.head();
    }
    let meta = std::fs::metadata(path)?;
    match meta.is_file() {
        true => Ok(Meta {
            len: meta.len(),
            modified: meta.modified().ok(),
        }),
        false => Err(not_a_file()),
    }
}

/// The one path of what several paths lead to, by links.
pub fn canonical(path: &Path) -> PathBuf {
    match is_remote(path) {
        true => path.to_path_buf(),
        false => path.canonicalize().unwrap_or_else(|_| path.to_path_buf()),
    }
}

/// A path without links and points, whether or not it is there.
pub fn real(path: &Path) -> PathBuf {
    if is_remote(path) {
        return path.to_path_buf();
    }
    let there = path
        .ancestors()
        .map(|folder| match folder == Path::new("") {
            true => (folder, Path::new(".")),
            false => (folder, folder),
        })
        .find_map(|(folder, name)| Some((folder, name.canonicalize().ok()?)));
    let Some((folder, mut real)) = there else {
        return path.to_path_buf();
    };
    for part in path.strip_prefix(folder).unwrap_or(path).components() {
        match part {
            Component::ParentDir => {
                real.pop();
            }
            part => real.push(part),
        }
    }
    real
}

/// A whole file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    match Place::of(path)? {
        Some(place) => place.get(),
        None => {
            regular(path)?;
            std::fs::read(path)
        }
    }
}

/// A whole file of text.
///
/// # Errors
/// When it cannot be read, or is no UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    match Place::of(path)? {
        Some(place) => String::from_utf8(place.get()?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text")),
        None => {
            regular(path)?;
            std::fs::read_to_string(path)
        }
    }
}

/// What is in a folder, in no order.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn list(folder: &Path) -> io::Result<Vec<Entry>> {
    if let Some(place) = Place::of(folder)? {
        let found = place.list()?;
        let mut seen = seen();
        let files = found.iter().filter_map(|entry| match entry.listed {
            Some((Kind::File, meta)) => Some((entry.path.clone(), meta)),
            _ => None,
        });
        seen.files.extend(files);
        seen.folders.insert(folder.to_path_buf());
        return Ok(found);
    }
    std::fs::read_dir(folder)?
        .map(|entry| {
            let entry = entry?;
            Ok(Entry {
                path: entry.path(),
                listed: None,
                local: entry.file_type().ok(),
            })
        })
        .collect()
}

/// The files that a pattern matches.
///
/// # Errors
/// When it is no pattern, or a store cannot be listed.
pub fn matches(pattern: &str) -> io::Result<Vec<PathBuf>> {
    let wrong = |e| io::Error::new(io::ErrorKind::InvalidInput, format!("not a pattern: {e}"));
    let compiled = glob::Pattern::new(pattern).map_err(wrong)?;
    // A store lists objects by how their names begin.
    let fixed = &pattern[..pattern.find(['*', '?', '[']).unwrap_or(pattern.len())];
    let folder = fixed.rsplit_once('/').map_or(fixed, |(folder, _)| folder);
    let Some(place) = Place::of(Path::new(folder))? else {
        let found = glob::glob(pattern).map_err(wrong)?.filter_map(Result::ok);
        return Ok(found.filter(|path| path.is_file()).collect());
    };
    let options = glob::MatchOptions {
        require_literal_separator: true,
        ..glob::MatchOptions::default()
    };
    let mut found = place.below()?;
    found.retain(|(path, _)| compiled.matches_path_with(path, options));
    found.sort_by(|a, b| a.0.cmp(&b.0));
    seen().files.extend(found.iter().cloned());
    Ok(found.into_iter().map(|(path, _)| path).collect())
}

/// What lists of stores said: to ask for each file of a long run takes longer than the run.
#[derive(Debug, Default)]
struct Seen {
    files: HashMap<PathBuf, Meta>,
    /// Folders that were listed: what was not in them was not there.
    folders: HashSet<PathBuf>,
}

fn seen() -> MutexGuard<'static, Seen> {
    static SEEN: OnceLock<Mutex<Seen>> = OnceLock::new();
    let seen = SEEN.get_or_init(Mutex::default);
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The facts of a file, as a list had them where one had it.
///
/// # Errors
/// When there is none.
pub fn listed(path: &Path) -> io::Result<Meta> {
    let known = is_remote(path).then(|| seen().files.get(path).copied());
    known.flatten().map_or_else(|| metadata(path), Ok)
}

/// Whether it is a file, as the list of its folder had it where there was one.
pub fn is_listed(path: &Path) -> bool {
    if is_remote(path) {
        let seen = seen();
        let folder = path.parent();
        if seen.files.contains_key(path) {
            return true;
        }
        if folder.is_some_and(|folder| seen.folders.contains(folder)) {
            return false;
        }
    }
    is_file(path)
}

/// Lists a store's folder and all below, so that [`listed`] knows them.
///
/// # Errors
/// When they cannot be listed.
pub fn look_through(folder: &Path) -> io::Result<()> {
    if let Some(place) = Place::of(folder)? {
        let found = place.below()?;
        seen().files.extend(found);
    }
    Ok(())
}

/// Puts a file of this machine, from its beginning, in place of what has that name in a store: the object is complete when it
/// appears.
///
/// # Errors
/// When it could not be put; an older object is left then.
pub fn put(path: &Path, file: &mut File) -> io::Result<()> {
    match Place::of(path)? {
        Some(place) => place.put(file),
        None => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Opens a file to read it from its beginning; what lies in a store is fetched whole for the time.
///
/// # Errors
/// When there is none, or it cannot be fetched.
pub fn open(path: &Path) -> io::Result<File> {
    match Place::of(path)? {
        Some(place) => {
            let mut file = scratch_file()?;
            place.fetch(&file)?;
            file.rewind()?;
            Ok(file)
        }
        None => {
            regular(path)?;
            File::open(path)
        }
    }
}

/// Refuses all but regular files before they are opened: to open a pipe takes until somebody writes to it.
fn regular(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path)?.is_file() {
        true => Ok(()),
        false => Err(not_a_file()),
    }
}

/// Fills `dst` with the bytes of a file from `offset` on.
///
/// # Errors
/// When it cannot be read, or ends before.
#[cfg(unix)]
pub fn read_exact_at(file: &File, dst: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, dst, offset)
}

/// Fills `dst` with the bytes of a file from `offset` on.
///
/// # Errors
/// When it cannot be read, or ends before.
#[cfg(windows)]
pub fn read_exact_at(file: &File, mut dst: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !dst.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, dst, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                dst = &mut dst[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}

/// Removes a file.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match Place::of(path)? {
        Some(place) => place.remove(),
        None => std::fs::remove_file(path),
    }
}

/// A file of this machine with the same bytes, for libraries that open files by name.
#[derive(Debug)]
pub struct Local {
    path: PathBuf,
    copy: Option<tempfile::NamedTempFile>,
}

impl Local {
    /// The file itself where it lies on this machine; otherwise a copy in the folder for temporary files, which is removed with
    /// this value.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub fn of(path: &Path) -> io::Result<Self> {
        let copy = match Place::of(path)? {
            Some(place) => {
                let copy = scratch(tempfile::Builder::new().prefix("distpy-gpu-").tempfile())?;
                place.fetch(copy.as_file())?;
                Some(copy)
            }
            None => None,
        };
        Ok(Self {
            path: path.to_path_buf(),
            copy,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.copy.as_ref().map_or(&self.path, |copy| copy.path())
    }

    /// Says that a library has the file open. Where the system allows it, a copy loses its name now, so that it goes with the
    /// process, however that ends.
    pub fn opened(mut self) -> Option<Self> {
        if cfg!(unix) {
            self.copy = None;
        }
        self.copy.is_some().then_some(self)
    }
}

/// A file without a name in the folder for temporary files: it goes with the process, however that ends.
///
/// # Errors
/// When it cannot be made.
pub fn scratch_file() -> io::Result<File> {
    scratch(tempfile::tempfile())
}

fn scratch<T>(made: io::Result<T>) -> io::Result<T> {
    made.map_err(|e| {
        let folder = std::env::temp_dir();
        let what = format!("the folder for temporary files, {}: {e}", folder.display());
        io::Error::new(e.kind(), what)
    })
}

fn not_a_file() -> io::Error {
    let what = "found a folder, pipe or device, expected a file";
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// A path in JSON, which has characters only: other bytes of a name become U+FFFD.
///
/// # Errors
/// Those of the serializer.
pub fn path_as_text<S: serde::Serializer>(
    path: &impl AsRef<Path>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_str(&path.as_ref().display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_paths() {
        let ok = |text: &str| path(text).expect(text);
        assert_eq!(ok("file:///data/a.sgy"), Path::new("/data/a.sgy"));
        assert_eq!(ok("file://localhost/data"), Path::new("/data"));
        assert_eq!(ok("file:///C:/data"), Path::new("C:/data"));
        assert_eq!(ok("data/a.sgy"), Path::new("data/a.sgy"));
        for url in [
            "s3://bucket",
            "s3://bucket/",
            "gs://b/a/c.npy",
            "az://box/a b",
        ] {
            assert_eq!(ok(url), Path::new(url));
            assert!(is_remote(Path::new(url)));
        }
        assert!(!is_remote(Path::new("s3/bucket")));
        let folder = Path::new("s3://bucket/run");
        let joined = folder.join("results").join("a.npy");
        assert_eq!(joined.to_str(), Some("s3://bucket/run/results/a.npy"));
        assert_eq!(parts(&joined), Some(("s3", "bucket", "run/results/a.npy")));
        assert_eq!(
            joined.parent().and_then(Path::to_str),
            Some("s3://bucket/run/results")
        );
        assert_eq!(parts(Path::new("s3://bucket")), Some(("s3", "bucket", "")));
    }

    #[test]
    fn malformed_urls_are_refused() {
        for (url, expected) in [
            (
                "file://data/a",
                "found \"file://data/a\", expected file:///FOLDER/NAME",
            ),
            ("s3://", "found \"s3://\", expected s3://BUCKET/NAME"),
            (
                "s3:///key",
                "found \"s3:///key\", expected s3://BUCKET/NAME",
            ),
            (
                "gs://a b/c",
                "found \"gs://a b/c\", expected gs://BUCKET/NAME",
            ),
            (
                "ftp://host/a",
                "found a URL of ftp://, expected s3://, gs://, az:// or file://",
            ),
            (
                "s3://b/../c",
                "found \"s3://b/../c\", expected no part `.` or `..`",
            ),
        ] {
            assert_eq!(path(url), Err(expected.to_string()));
        }
    }
}
