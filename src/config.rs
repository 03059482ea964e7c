//! Configuration files as their users write them: read, checked, nothing resolved.

pub mod companions;
pub mod convert;
pub mod plots;
pub mod problem;
pub mod system;
pub mod workflow;

use std::path::Path;

use serde_json::Value;

pub use plots::Plots;
pub use problem::{Problem, Problems, Severity};
pub use system::{MOST_THREADS, System};
pub use workflow::Workflow;

/// Parses a JSON file.
///
/// # Errors
/// Where it is no JSON, by line and column.
pub fn json(file: &Path, text: &str) -> Result<Value, Problems> {
    serde_json::from_str(text).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        Problems::single(
            file,
            "",
            format!("not valid JSON at line {line}, column {column}: {e}"),
        )
    })
}
