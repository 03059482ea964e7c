//! What became of the files of a run, and the exit code that tells of it.

use crate::exit::{self, Code};
use crate::formats::FormatError;
use crate::pipeline::monitor::Monitor;

/// Files that were not done.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Those that are bad.
    pub bad: usize,
    /// Those that the system could not read.
    pub unread: usize,
}

impl Tally {
    /// Counts a file, and tells of it.
    pub fn refuse(&mut self, monitor: &Monitor, error: &FormatError) {
        match error {
            FormatError::Io { .. } => self.unread += 1,
            FormatError::Content { .. } => self.bad += 1,
        }
        monitor.meter.failed(&error.to_string());
    }

    /// All of them.
    pub fn failed(self) -> usize {
        self.bad + self.unread
    }

    /// Ends a run: `summary` is given the seconds that it took, unless it was asked to end before.
    pub fn end(self, monitor: &Monitor, summary: impl FnOnce(f64) -> String) -> Code {
        let seconds = monitor.meter.finish();
        if monitor.stop.wanted() {
            tracing::warn!("ended early as asked; the same command goes on where this one ended");
            return monitor.stop.code();
        }
        tracing::info!("{}", summary(seconds));
        match self {
            Tally { bad: 1.., .. } => exit::DATA,
            Tally { unread: 1.., .. } => exit::IO,
            _ => exit::OK,
        }
    }
}
