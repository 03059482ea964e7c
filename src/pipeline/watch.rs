//! A folder that an interrogator writes to: its files are taken when they are complete, and their chunks as they fill.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use super::chunk::Chunk;
use super::monitor::Monitor;
use super::timeline::{Recorded, Timeline};
use crate::formats::FormatError;
use crate::store;

/// Between two looks at the folder. Looks, not the system's events: shares of a network have none.
const LOOK: Duration = Duration::from_millis(250);

/// The same in a store, where each look is a request, and 200,000 of them cost a dollar.
const LOOK_IN_STORE: Duration = Duration::from_secs(2);

/// Until a file that the system could not read is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// Recordings that could not be taken, and whether it was the system that could not read them.
pub type Refused = BTreeMap<PathBuf, bool>;

/// How a recording's header is read.
pub type Look = Box<dyn FnMut(&Path) -> Result<Recorded, FormatError> + Send>;

/// Chunks of a folder's recordings, from the oldest on, without an end. Files that are there already come first.
pub struct Watch<'a> {
    folder: PathBuf,
    extensions: &'a [&'a str],
    settle: Duration,
    /// Between two looks.
    wait: Duration,
    timeline: Timeline,
    look: Look,
    monitor: &'a Monitor,
    /// What became of the files that were looked at.
    known: HashMap<PathBuf, Known>,
    /// Whether the next look is the first, which finds files that were complete before.
    first: bool,
    /// Whether the folder could not be read in the last look.
    away: bool,
    /// Files that may still be written to: what they were, since when.
    growing: BTreeMap<PathBuf, (Stamp, Instant)>,
    ready: VecDeque<Chunk>,
    refused: Arc<Mutex<Refused>>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy)]
enum Known {
    Taken,
    /// What it was, and when it is tried again if it stays so.
    Refused(Stamp, Option<Instant>),
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
            wait: match store::is_remote(folder) {
                true => LOOK_IN_STORE,
                false => LOOK,
            },
            timeline,
            look,
            monitor,
            known: HashMap::new(),
            first: true,
            away: false,
            growing: BTreeMap::new(),
            ready: VecDeque::new(),
            refused: Arc::default(),
        }
    }

    /// The recordings that were taken.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// What could not be taken, now and later.
    pub fn shared_refused(&self) -> Arc<Mutex<Refused>> {
        self.refused.clone()
    }

    /// The files that became complete since the last look.
    fn complete(&mut self) -> Vec<(PathBuf, Stamp)> {
        let entries = match store::list(&self.folder) {
            Ok(entries) => entries,
            Err(error) => {
                // A share that is away for a while is no reason to end, and no reason for a line in each look.
                if !std::mem::replace(&mut self.away, true) {
                    tracing::warn!("{}: {error}; trying again", self.folder.display());
                }
                return Vec::new();
            }
        };
        if std::mem::take(&mut self.away) {
            tracing::info!("{}: there again", self.folder.display());
        }
        let now = Instant::now();
        let mut present = HashSet::new();
        let mut complete = Vec::new();
        // An object is complete when it appears.
        let whole = store::is_remote(&self.folder);
        for entry in entries {
            let path = entry.path.clone();
            let extension = path
                .extension()
                .and_then(|e| e.to_str())
                .unwrap_or_default();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let hidden = name.starts_with('.');
            let named = self
                .extensions
                .iter()
                .any(|e| e.eq_ignore_ascii_case(extension));
            if hidden || !named {
                continue;
            }
            present.insert(path.clone());
            if matches!(self.known.get(&path), Some(Known::Taken)) {
                continue;
            }
            let Ok(file) = entry.metadata() else {
                continue;
            };
            let stamp = (file.len, file.modified);
            if let Some(Known::Refused(then, again)) = self.known.get(&path)
                && *then == stamp
                && again.is_none_or(|again| now < again)
            {
                continue;
            }
            let seen = self.growing.entry(path.clone()).or_insert((stamp, now));
            if seen.0 != stamp {
                *seen = (stamp, now);
            }
            // What is old at the first look was complete before. Later, clocks of file servers are not believed.
            let age = stamp.1.and_then(|time| time.elapsed().ok());
            let old = self.first && age >= Some(self.settle);
            if whole || old || now - seen.1 >= self.settle {
                complete.push((path, stamp));
            }
        }
        self.first = false;
        self.known.retain(|path, _| present.contains(path));
        self.growing.retain(|path, _| present.contains(path));
        for (path, _) in &complete {
            self.growing.remove(path);
        }
        complete
    }

    /// Takes files in the order of their starts.
    fn take(&mut self, files: Vec<(PathBuf, Stamp)>) {
        let mut recorded = Vec::new();
        for (path, stamp) in files {
            if self.monitor.stop.wanted() {
                return;
            }
            self.monitor.meter.waits();
            match (self.look)(&path) {
                Ok(it) => recorded.push((it, stamp)),
                Err(error) => self.refuse(&path, stamp, &error),
            }
        }
        recorded.sort_by_key(|(it, _)| (it.start, it.path.clone()));
        for (it, stamp) in recorded {
            match self.timeline.add(&it) {
                Ok(cuts) => {
                    tracing::info!("{}: taken, {} chunks", it.path.display(), cuts.len());
                    self.ready.extend(cuts.into_iter().map(Chunk::from));
                    self.refused().remove(&it.path);
                    self.known.insert(it.path, Known::Taken);
                }
                Err(error) => self.refuse(&it.path, stamp, &error),
            }
        }
        for warning in self.timeline.warnings() {
            tracing::warn!("{warning}");
        }
    }

    fn refuse(&mut self, path: &Path, stamp: Stamp, error: &FormatError) {
        self.monitor.meter.failed(&error.to_string());
        let unread = matches!(error, FormatError::Io { .. });
        let again = unread.then(|| Instant::now() + AGAIN);
        self.known
            .insert(path.to_path_buf(), Known::Refused(stamp, again));
        self.refused().insert(path.to_path_buf(), unread);
    }

    fn refused(&self) -> MutexGuard<'_, Refused> {
        self.refused.lock().expect("no thread panics with it")
    }
}

impl Iterator for Watch<'_> {
    /// `None` inside where there is no chunk now.
    type Item = Option<Chunk>;

    fn next(&mut self) -> Option<Option<Chunk>> {
        if self.monitor.stop.wanted() {
            return None;
        }
        if self.ready.is_empty() {
            let complete = self.complete();
            if complete.is_empty() {
                self.monitor.meter.waits();
                std::thread::sleep(self.wait);
            } else {
                self.take(complete);
            }
        }
        Some(self.ready.pop_front())
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Watch");
        shown.field("folder", &self.folder).finish_non_exhaustive()
    }
}
