//! Findings in a configuration: collected and reported together, never one at a time.

use std::fmt;
use std::path::{Path, PathBuf};

/// Whether a finding stops the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Reported; the run goes on.
    Warning,
    /// The run cannot start.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it stops the run.
    pub severity: Severity,
    /// Where in the JSON: `command_list[2].in_uid`; empty for the whole file.
    pub path: String,
    /// What was found and what was expected.
    pub message: String,
}

impl Problem {
    /// A finding that stops the run.
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: path.into(),
            message: message.into(),
        }
    }

    /// A finding that does not.
    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            path: path.into(),
            message: message.into(),
        }
    }
}

/// Everything found in one file. Displays as one line per finding: `file: path: message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// The file.
    pub file: PathBuf,
    /// What was found, in the order of the file.
    pub list: Vec<Problem>,
}

impl Problems {
    /// No findings yet.
    pub fn new(file: &Path) -> Self {
        Self {
            file: file.to_path_buf(),
            list: Vec::new(),
        }
    }

    /// One finding that stops the run.
    pub fn single(file: &Path, path: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_path_buf(),
            list: vec![Problem::error(path, message)],
        }
    }

    /// Records a finding.
    pub fn push(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// Whether any finding stops the run.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|p| p.severity == Severity::Error)
    }

    /// The findings of one severity, one line each.
    pub fn lines(&self, severity: Severity) -> Vec<String> {
        self.list
            .iter()
            .filter(|p| p.severity == severity)
            .map(|p| self.line(p))
            .collect()
    }

    fn line(&self, problem: &Problem) -> String {
        if problem.path.is_empty() {
            format!("{}: {}", self.file.display(), problem.message)
        } else {
            format!(
                "{}: {}: {}",
                self.file.display(),
                problem.path,
                problem.message
            )
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines(Severity::Error).join("\n"))
    }
}
