//! Reading small files below a root folder, whatever they turn out to be.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// No manifest or list of folders is longer.
const LONGEST: u64 = 64 << 10;

/// Where a path of the machine lies below a root folder. A relative path stays relative to the working folder.
pub fn below(root: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix("/") {
        Ok(inner) => root.join(inner),
        Err(_) => path.to_path_buf(),
    }
}

/// The path of the machine that lies at a place below a root folder.
pub fn within(root: &Path, place: &Path) -> PathBuf {
    match place.strip_prefix(root) {
        Ok(inner) => Path::new("/").join(inner),
        Err(_) => place.to_path_buf(),
    }
}

/// The first bytes of a plain file: at most `limit`. Pipes and devices are left alone, as opening them may wait for ever.
pub fn head(file: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let kind = std::fs::metadata(file).map_err(|e| e.to_string())?;
    if kind.is_dir() {
        return Err("found a folder, expected a file".into());
    }
    if !kind.is_file() {
        return Err("found no plain file".into());
    }
    let mut bytes = Vec::new();
    let file = File::open(file).map_err(|e| e.to_string())?;
    let read = file.take(limit).read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|e| e.to_string())
}

/// The text of a short file.
pub fn text(file: &Path) -> Result<String, String> {
    let bytes = head(file, LONGEST + 1)?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("found more than {} KiB", LONGEST >> 10));
    }
    String::from_utf8(bytes).map_err(|e| format!("found no UTF-8 text: {e}"))
}

/// What lies in a folder, by name; nothing where there is no folder.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The last part of a path, as text.
pub fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The paths of a list as environment variables have it: separated by colons.
pub fn list(text: &str) -> impl Iterator<Item = PathBuf> {
    text.split(':')
        .filter(|part| !part.is_empty())
        .map(PathBuf::from)
}
