//! The manifests by which the Vulkan loader finds drivers, and EGL its vendors: small JSON files that name a library.
//!
//! The order is that of the loader's documentation, "Driver Discovery on Linux".

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::facts::Environment;
use super::libraries::{Library, SearchPath};
use super::read::{below, entries, list, name, text, within};

/// A driver's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The file.
    pub file: PathBuf,
    /// The library that it names.
    pub library: Option<Library>,
    /// Why it names none.
    pub problem: Option<String>,
    /// Whether `VK_LOADER_DRIVERS_SELECT` and `VK_LOADER_DRIVERS_DISABLE` leave it in use.
    pub selected: bool,
}

/// A file that a variable names and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Absent {
    /// The environment variable.
    pub variable: &'static str,
    /// The file or folder.
    pub path: PathBuf,
}

/// The drivers' manifests in the order in which the Vulkan loader finds them, and what its variables name in vain.
pub fn drivers(
    root: &Path,
    env: &Environment,
    libraries: &SearchPath,
) -> (Vec<Manifest>, Vec<Absent>) {
    let mut absent = Vec::new();
    let mut files = Vec::new();
    let mut add = |variable: &'static str, files: &mut Vec<PathBuf>| {
        for path in list(env.get(variable).map_or("", String::as_str)) {
            let place = below(root, &path);
            if place.is_dir() {
                files.extend(manifests_in(root, &path));
            } else if place.exists() {
                files.push(path);
            } else {
                absent.push(Absent { variable, path });
            }
        }
    };
    // These two replace the usual folders, and the old name only counts without the new one.
    let only = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"]
        .into_iter()
        .find(|variable| is_set(env, variable));
    if let Some(variable) = only {
        add(variable, &mut files);
    } else {
        add("VK_ADD_DRIVER_FILES", &mut files);
        for folder in folders(env) {
            files.extend(manifests_in(root, &folder.join("vulkan/icd.d")));
        }
    }
    let manifests = unique(files).into_iter().map(|file| Manifest {
        selected: is_selected(env, &file),
        ..read(root, file, libraries)
    });
    (manifests.collect(), absent)
}

/// The manifests of EGL's vendors, as glvnd finds them.
pub fn egl_vendors(root: &Path, env: &Environment, libraries: &SearchPath) -> Vec<Manifest> {
    const USUAL: &str = "/etc/glvnd/egl_vendor.d:/usr/share/glvnd/egl_vendor.d";
    let files: Vec<PathBuf> = match env.get("__EGL_VENDOR_LIBRARY_FILENAMES") {
        Some(files) if !files.is_empty() => list(files)
            .filter(|file| below(root, file).exists())
            .collect(),
        _ => {
            let folders = env.get("__EGL_VENDOR_LIBRARY_DIRS");
            list(folders.map_or(USUAL, String::as_str))
                .flat_map(|folder| manifests_in(root, &folder))
                .collect()
        }
    };
    let manifests = unique(files)
        .into_iter()
        .map(|file| read(root, file, libraries));
    manifests.collect()
}

fn is_set(env: &Environment, variable: &str) -> bool {
    env.get(variable).is_some_and(|value| !value.is_empty())
}

/// The folders below which the loader looks for `vulkan/icd.d`.
fn folders(env: &Environment) -> Vec<PathBuf> {
    let value = |name: &str| env.get(name).filter(|value| !value.is_empty());
    let at_home = |name: &str, usual: &str| match (value(name), value("HOME")) {
        (Some(folder), _) => Some(PathBuf::from(folder)),
        (None, home) => home.map(|home| Path::new(home).join(usual)),
    };
    let several =
        |name: &str, usual: &str| -> Vec<_> { list(value(name).map_or(usual, |it| it)).collect() };
    let mut folders: Vec<PathBuf> = at_home("XDG_CONFIG_HOME", ".config").into_iter().collect();
    folders.extend(several("XDG_CONFIG_DIRS", "/etc/xdg"));
    folders.push("/etc".into());
    folders.extend(at_home("XDG_DATA_HOME", ".local/share"));
    folders.extend(several("XDG_DATA_DIRS", "/usr/local/share:/usr/share"));
    folders
}

fn manifests_in(root: &Path, folder: &Path) -> Vec<PathBuf> {
    entries(&below(root, folder))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .map(|path| within(root, &path))
        .collect()
}

fn unique(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut unique: Vec<PathBuf> = Vec::new();
    for file in files {
        if !unique.contains(&file) {
            unique.push(file);
        }
    }
    unique
}

/// Whether the loader's filters, globs on the file's name, leave a manifest in use.
fn is_selected(env: &Environment, file: &Path) -> bool {
    let name = name(file).to_lowercase();
    let matches = |globs: &String| {
        globs.split(',').any(|glob| {
            glob == "~all~"
                || glob::Pattern::new(&glob.trim().to_lowercase())
                    .is_ok_and(|glob| glob.matches(&name))
        })
    };
    match env.get("VK_LOADER_DRIVERS_SELECT") {
        Some(globs) if !globs.is_empty() => matches(globs),
        _ => !env.get("VK_LOADER_DRIVERS_DISABLE").is_some_and(matches),
    }
}

fn read(root: &Path, file: PathBuf, libraries: &SearchPath) -> Manifest {
    let (library, problem) = match library_path(&below(root, &file)) {
        Ok(path) if path.contains('/') && !path.starts_with('/') => {
            let path = file.with_file_name(path);
            (Some(libraries.find(&path.to_string_lossy())), None)
        }
        Ok(path) => (Some(libraries.find(&path)), None),
        Err(problem) => (None, Some(problem)),
    };
    Manifest {
        file,
        library,
        problem,
        selected: true,
    }
}

fn library_path(file: &Path) -> Result<String, String> {
    let text = text(file)?;
    let value: Value = serde_json::from_str(&text).map_err(|e| format!("found no JSON: {e}"))?;
    match value.pointer("/ICD/library_path").and_then(Value::as_str) {
        Some(path) if !path.is_empty() => Ok(path.into()),
        _ => Err("found no library, expected its name as ICD.library_path".into()),
    }
}
