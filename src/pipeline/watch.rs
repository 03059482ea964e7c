//! A folder that an interrogator writes to: its files are taken when they are complete, and their chunks as they fill.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use super::chunk::Chunk;
use super::monitor::Monitor;
use super::timeline::{Recorded, Timeline};
use crate::formats::FormatError;

/// Between two looks at the folder. Looks, not the system's events: shares of a network have none.
const LOOK: Duration = Duration::from_millis(250);

/// Recordings that could not be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// Bad, or of another fibre.
    pub bad: usize,
    /// Not read.
    pub unread: usize,
}

/// How a recording's header is read.
pub type Look = Box<dyn FnMut(&Path) -> Result<Recorded, FormatError> + Send>;

/// Chunks of a folder's recordings, from the oldest on, without an end. Files that are there already come first.
pub struct Watch<'a> {
    folder: PathBuf,
    extensions: &'a [&'a str],
    settle: Duration,
    timeline: Timeline,
    look: Look,
    monitor: &'a Monitor,
    /// Files that were taken or refused.
    known: HashSet<PathBuf>,
    /// Files that may still be written to: what they were, since when.
    growing: BTreeMap<PathBuf, (Stamp, Instant)>,
    ready: VecDeque<Chunk>,
    refused: Arc<Mutex<Refused>>,
}

/// What changes when a file is written to.
type Stamp = (u64, Option<SystemTime>);

impl<'a> Watch<'a> {
    /// Watches a folder. A file is complete when its size and time did not change for `settle`.
    pub fn new(
        folder: &Path,
        extensions: &'a [&'a str],
        settle: Duration,
        timeline: Timeline,
        look: Look,
        monitor: &'a Monitor,
    ) -> Self {
        Self {
            folder: folder.to_path_buf(),
            extensions,
            settle,
            timeline,
            look,
            monitor,
            known: HashSet::new(),
            growing: BTreeMap::new(),
            ready: VecDeque::new(),
            refused: Arc::default(),
        }
    }

    /// The recordings that were taken.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// How many could not be taken, now and later.
    pub fn refused(&self) -> Arc<Mutex<Refused>> {
        self.refused.clone()
    }

    /// The files that became complete since the last look.
    fn complete(&mut self) -> Vec<PathBuf> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) => {
                // A share that is away for a while is no reason to end.
                tracing::warn!("{}: {error}; trying again", self.folder.display());
                return Vec::new();
            }
        };
        let now = Instant::now();
        let mut present = HashSet::new();
        let mut complete = Vec::new();
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            let extension = path
                .extension()
                .and_then(|e| e.to_str())
                .unwrap_or_default();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            let named = self
                .extensions
                .iter()
                .any(|e| e.eq_ignore_ascii_case(extension));
            if hidden || !named {
                continue;
            }
            present.insert(path.clone());
            if self.known.contains(&path) {
                continue;
            }
            let Ok(file) = std::fs::metadata(&path) else {
                continue;
            };
            if !file.is_file() {
                continue;
            }
            let stamp = (file.len(), file.modified().ok());
            let seen = self.growing.entry(path.clone()).or_insert((stamp, now));
            if seen.0 != stamp {
                *seen = (stamp, now);
            }
            // Old files are not waited for: they were complete before this run began.
            let old = stamp.1.and_then(|time| time.elapsed().ok()) >= Some(self.settle);
            if old || now - seen.1 >= self.settle {
                complete.push(path);
            }
        }
        self.known.retain(|path| present.contains(path));
        self.growing.retain(|path, _| present.contains(path));
        for path in &complete {
            self.growing.remove(path);
            self.known.insert(path.clone());
        }
        complete
    }

    /// Takes files in the order of their starts.
    fn take(&mut self, files: Vec<PathBuf>) {
        let mut recorded = Vec::new();
        for path in files {
            match (self.look)(&path) {
                Ok(it) => recorded.push(it),
                Err(error) => self.refuse(&error),
            }
        }
        recorded.sort_by_key(|it| (it.start, it.path.clone()));
        for it in recorded {
            match self.timeline.add(&it) {
                Ok(cuts) => {
                    tracing::info!("{}: taken, {} chunks", it.path.display(), cuts.len());
                    self.ready.extend(cuts.into_iter().map(Chunk::from));
                }
                Err(error) => self.refuse(&error),
            }
        }
        for warning in self.timeline.warnings() {
            tracing::warn!("{warning}");
        }
    }

    fn refuse(&self, error: &FormatError) {
        self.monitor.meter.failed(&error.to_string());
        let mut refused = self.refused.lock().expect("no thread panics with it");
        match error {
            FormatError::Io { .. } => refused.unread += 1,
            FormatError::Content { .. } => refused.bad += 1,
        }
    }
}

impl Iterator for Watch<'_> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        loop {
            if self.monitor.stop.wanted() {
                return None;
            }
            if let Some(chunk) = self.ready.pop_front() {
                return Some(chunk);
            }
            let complete = self.complete();
            if complete.is_empty() {
                self.monitor.meter.waits();
                std::thread::sleep(LOOK);
            } else {
                self.take(complete);
            }
        }
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Watch");
        shown.field("folder", &self.folder).finish_non_exhaustive()
    }
}
