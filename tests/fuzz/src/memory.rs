//! A folder for the fuzz targets.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A folder of this process's, in memory where the system has one.
pub fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_path_buf()
        } else {
            std::env::temp_dir()
        };
        let folder = base.join(format!("distpy-gpu-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder that can be made");
        folder
    });
    &FOLDER
}
