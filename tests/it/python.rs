//! Independent programs in Python: readers of what the program writes, and servers it talks to.
#![allow(
    dead_code,
    reason = "not every set of features has tests that need them"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A Python with the packages of `tests/requirements.txt`, where `DISTPY_GPU_TEST_PYTHON` names one. Without it tests are
/// skipped with a message; where `DISTPY_GPU_TESTS=require` is set that is a failure.
pub fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let python = PYTHON.get_or_init(|| {
        let python = PathBuf::from(std::env::var_os("DISTPY_GPU_TEST_PYTHON")?);
        let mut it = Command::new(&python);
        it.args(["-c", "import h5py, moto, pyarrow, xarray, zarr"]);
        let status = it.stderr(Stdio::null()).status();
        status.is_ok_and(|it| it.success()).then_some(python)
    });
    if python.is_none() {
        let lacks =
            "DISTPY_GPU_TEST_PYTHON names no Python with the packages of tests/requirements.txt";
        let required = std::env::var("DISTPY_GPU_TESTS").is_ok_and(|v| v == "require");
        assert!(!required, "DISTPY_GPU_TESTS=require, but {lacks}");
        eprintln!("skipped: {lacks}");
    }
    python.as_deref()
}

/// What a script prints; `None` where there is no Python.
///
/// # Panics
/// When the script fails.
pub fn run(script: &str, folder: &Path) -> Option<String> {
    let mut python = Command::new(python()?);
    let output = python.args(["-c", script]).current_dir(folder).output();
    let output = output.expect("python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the script failed: {errors}");
    Some(String::from_utf8(output.stdout).expect("text"))
}
