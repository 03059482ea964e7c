//! Where the dynamic linker finds a library, without loading it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::facts::Environment;
use super::read::{below, head, list, name, text, within};

/// A shared library that somebody needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Library {
    /// Its name or path, as it is asked for.
    pub name: String,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
}

/// Where a library is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "path", rename_all = "snake_case")]
pub enum Place {
    /// The linker finds it here.
    Found(PathBuf),
    /// It lies here, where the linker does not look.
    NotSearched(PathBuf),
    /// It is for another kind of processor.
    Foreign(PathBuf),
    /// It is nowhere.
    Missing,
}

impl Library {
    /// Where the linker finds it.
    pub fn found(&self) -> Option<&Path> {
        match &self.place {
            Place::Found(path) => Some(path),
            _ => None,
        }
    }

    /// Whether the linker does not find it. One for another processor is of no concern to this process.
    pub fn is_absent(&self) -> bool {
        matches!(self.place, Place::NotSearched(_) | Place::Missing)
    }

    /// Where it lies unfound.
    pub fn not_searched(&self) -> Option<&Path> {
        match &self.place {
            Place::NotSearched(path) => Some(path),
            _ => None,
        }
    }
}

/// Folders of drivers that are often not in the search path: where GKE's device plugin and WSL put theirs.
const DRIVER_FOLDERS: &[&str] = &[
    "/usr/local/nvidia/lib64",
    "/usr/local/nvidia/lib",
    "/usr/lib/wsl/lib",
    "/usr/lib64",
];

/// The cache grows with the number of libraries: 30 bytes to 100 each.
const LONGEST_CACHE: u64 = 16 << 20;

/// The search path of this process. The linker reads `/etc/ld.so.conf` only through the cache that `ldconfig` makes of it, so
/// a folder that is named there counts when the cache has the library.
#[derive(Debug)]
pub struct SearchPath<'a> {
    root: &'a Path,
    before_cache: Vec<PathBuf>,
    cached: Vec<PathBuf>,
    after_cache: Vec<PathBuf>,
    not_searched: Vec<PathBuf>,
}

impl<'a> SearchPath<'a> {
    /// Reads what defines the search path below a root folder.
    pub fn read(root: &'a Path, env: &Environment) -> Self {
        let variable = env.get("LD_LIBRARY_PATH").map_or("", String::as_str);
        let mut not_searched = configured(root, Path::new("/etc/ld.so.conf"), 0);
        not_searched.extend(DRIVER_FOLDERS.iter().map(PathBuf::from));
        Self {
            root,
            before_cache: list(&variable.replace(';', ":")).collect(),
            cached: cached(root),
            after_cache: system_folders(root),
            not_searched,
        }
    }

    /// Looks for a library by name, or at a path.
    pub fn find(&self, name: &str) -> Library {
        Library {
            name: name.into(),
            place: self.place(name),
        }
    }

    fn place(&self, wanted: &str) -> Place {
        let in_folders = |folders: &[PathBuf]| -> Vec<PathBuf> {
            folders.iter().map(|folder| folder.join(wanted)).collect()
        };
        let mut candidates = vec![PathBuf::from(wanted)];
        if !wanted.contains('/') {
            candidates = in_folders(&self.before_cache);
            let cached = self.cached.iter().filter(|path| name(path) == wanted);
            candidates.extend(cached.cloned());
            candidates.extend(in_folders(&self.after_cache));
        }
        let exists = |path: &&PathBuf| below(self.root, path).is_file();
        let fits = |path: &&PathBuf| is_for_this_machine(&below(self.root, path));
        if let Some(path) = candidates.iter().find(fits) {
            return Place::Found(path.clone());
        }
        let elsewhere = in_folders(&self.not_searched);
        if let Some(path) = elsewhere.iter().find(fits) {
            return Place::NotSearched(path.clone());
        }
        match candidates.iter().find(exists) {
            Some(path) => Place::Foreign(path.clone()),
            None => Place::Missing,
        }
    }
}

/// The folders that the linker knows by itself. Debian has one for each kind of processor, others `lib64`.
fn system_folders(root: &Path) -> Vec<PathBuf> {
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    let debian = below(root, &Path::new("/usr/lib").join(&multiarch)).is_dir();
    let mut folders = Vec::new();
    for top in ["/lib", "/usr/lib"].map(Path::new) {
        if debian {
            folders.push(top.join(&multiarch));
        } else {
            folders.push(top.with_file_name("lib64"));
        }
        folders.push(top.to_path_buf());
    }
    folders
}

/// The libraries of `ldconfig`'s cache: a table of numbers and then the paths, each ended by a zero.
fn cached(root: &Path) -> Vec<PathBuf> {
    let bytes = head(&root.join("etc/ld.so.cache"), LONGEST_CACHE).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .filter(|part| part.starts_with(b"/"))
        .filter_map(|part| std::str::from_utf8(part).ok().map(PathBuf::from))
        .collect()
}

/// The folders that a configuration of `ldconfig` names, and those that it includes.
fn configured(root: &Path, file: &Path, depth: u8) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in text(&below(root, file)).unwrap_or_default().lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.strip_prefix("include") {
            Some(pattern) if pattern.starts_with(char::is_whitespace) => {
                let pattern = file.with_file_name(pattern.trim());
                for included in matching(root, &pattern) {
                    // Files that include each other have no end.
                    if depth < 3 {
                        folders.extend(configured(root, &included, depth + 1));
                    }
                }
            }
            _ if line.starts_with('/') => folders.push(line.into()),
            _ => {}
        }
    }
    folders
}

fn matching(root: &Path, pattern: &Path) -> Vec<PathBuf> {
    let Ok(pattern) = pattern.strip_prefix("/") else {
        return Vec::new();
    };
    let root_pattern = PathBuf::from(glob::Pattern::escape(&root.to_string_lossy()));
    let paths = glob::glob(&root_pattern.join(pattern).to_string_lossy());
    let paths = paths.into_iter().flatten().flatten();
    paths.map(|path| within(root, &path)).collect()
}

/// Whether a file is an ELF file for 64 bits and this kind of processor.
fn is_for_this_machine(file: &Path) -> bool {
    let machine: Option<u16> = match std::env::consts::ARCH {
        "x86_64" => Some(62),
        "aarch64" => Some(183),
        _ => None,
    };
    let Ok(head) = head(file, 20) else {
        return false;
    };
    let [0x7f, b'E', b'L', b'F', class, ..] = head[..] else {
        return false;
    };
    let for_machine = head.get(18..20) == machine.map(u16::to_le_bytes).as_ref().map(|it| &it[..]);
    machine.is_none() || (class == 2 && for_machine)
}
