//! Real recordings and distpy's full golden set: too large, or not ours, to be kept here. Tests that take them skip without.

use std::path::PathBuf;

/// A real recording in the folder that `DISTPY_GPU_RECORDINGS` names.
pub fn recording(name: &str) -> Option<PathBuf> {
    below("DISTPY_GPU_RECORDINGS").map(|folder| folder.join(name))
}

/// The golden set in the folder that `DISTPY_GPU_GOLDEN` names.
pub fn golden() -> Option<PathBuf> {
    below("DISTPY_GPU_GOLDEN")
}

fn below(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: {variable} names no folder");
    }
    folder
}
