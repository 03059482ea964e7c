//! Output files and folders: whole files or none, one run at a time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;

use distpy_gpu::pipeline::output::{AtomicFile, OutputError, lock, write_file};

pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

#[test]
fn a_file_appears_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/1.npy");
    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(b"half").unwrap();
    assert!(!path.exists());
    file.write_all_at(b"HA", 0).unwrap();
    file.commit().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"HAlf");
    assert_eq!(names(path.parent().unwrap()), ["1.npy"]);
}

#[test]
fn a_file_that_is_not_completed_leaves_nothing_and_keeps_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.npy");
    write_file(&path, b"old").unwrap();
    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(b"new").unwrap();
    drop(file);
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["1.npy"]);
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    write_file(&folder.path().join("file"), b"").unwrap();
    let error = write_file(&folder.path().join("file/below.npy"), b"").unwrap_err();
    let place = folder.path().join("file").display().to_string();
    assert!(error.to_string().starts_with(&place), "{error}");
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    let error = write_file(&folder.path().join("folder"), b"").unwrap_err();
    let place = folder.path().join("folder").display().to_string();
    assert!(error.to_string().starts_with(&place), "{error}");
    assert_eq!(names(folder.path()), ["file", "folder"]);
}

#[test]
fn a_folder_has_one_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let held = lock(folder.path()).unwrap();
    assert!(matches!(lock(folder.path()), Err(OutputError::Busy { .. })));
    drop(held);
    lock(folder.path()).unwrap();
}

#[test]
fn unfinished_files_of_a_killed_run_are_removed_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("json/15");
    for path in [folder.path().join("1.npy"), json.join("15.json")] {
        // As if the process were killed: no destructor runs.
        std::mem::forget(AtomicFile::create(&path).unwrap());
    }
    for name in ["2.npy", "notes.tmp", "x.tmp-old", "x.tmp-1-b"] {
        write_file(&folder.path().join(name), b"").unwrap();
    }
    let _held = lock(folder.path()).unwrap();
    assert_eq!(
        names(folder.path()),
        [
            ".distpy-gpu.lock",
            "2.npy",
            "json",
            "notes.tmp",
            "x.tmp-1-b",
            "x.tmp-old"
        ]
    );
    assert!(names(&json).is_empty());
}
