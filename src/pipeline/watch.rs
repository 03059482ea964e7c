//! A folder that an interrogator writes to: its files are taken when they are complete, and their chunks as they fill.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use super::balance::Balance;
use super::chunk::Chunk;
use super::monitor::Monitor;
use super::sources::Sources;
use super::timeline::{Recorded, Timeline};
use crate::formats::FormatError;
use crate::formats::open::is_recording;
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
    settle: Duration,
    /// Between two looks.
    wait: Duration,
    timeline: Timeline,
    look: Look,
    /// For the samples that two recordings have of one time.
    sources: Sources,
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
    balance: Arc<Mutex<Balance>>,
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
        settle: Duration,
        timeline: Timeline,
        look: Look,
        sources: Sources,
        monitor: &'a Monitor,
    ) -> Self {
        Self {
            folder: folder.to_path_buf(),
            settle,
            wait: match store::is_remote(folder) {
                true => LOOK_IN_STORE,
                false => LOOK,
            },
            timeline,
            look,
            sources,
            monitor,
            known: HashMap::new(),
            first: true,
            away: false,
            growing: BTreeMap::new(),
            ready: VecDeque::new(),
            refused: Arc::default(),
            balance: Arc::default(),
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

    /// Samples of the recordings that were taken, now and later.
    pub fn shared_balance(&self) -> Arc<Mutex<Balance>> {
        self.balance.clone()
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
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let hidden = name.starts_with('.');
            if hidden || !is_recording(&path) {
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
        let stamps: HashMap<Arc<Path>, Stamp> = recorded
            .iter()
            .map(|(it, stamp)| (it.path.clone(), *stamp))
            .collect();
        let recorded: Vec<Recorded> = recorded.into_iter().map(|(it, _)| it).collect();
        let (cuts, refused) = self.timeline.add(recorded);
        tracing::info!("{} recordings read, {} chunks", stamps.len(), cuts.len());
        self.ready.extend(cuts.into_iter().map(Chunk::from));
        for path in stamps.keys() {
            self.refused().remove(&**path);
            self.known.insert(path.to_path_buf(), Known::Taken);
        }
        for warning in self.timeline.warnings() {
            tracing::warn!("{warning}");
        }
        for error in refused {
            self.refuse_known(&stamps, &error);
        }
        let Some(fibre) = self.timeline.fibre().cloned() else {
            return;
        };
        for overlap in self.timeline.overlaps() {
            match self.sources.differs(&overlap, &fibre) {
                Ok(None) => {}
                Ok(Some(error)) if overlap.covered => {
                    self.timeline.refuse(&overlap);
                    self.refuse_known(&stamps, &error);
                }
                Ok(Some(error)) => tracing::warn!("{error}; the earlier recording's are used"),
                Err(error) => tracing::warn!("{error}; the earlier recording's samples are used"),
            }
        }
    }

    fn keep_balance(&self) {
        let mut balance = self.balance.lock().expect("no thread panics with it");
        balance.clone_from(self.timeline.balance());
    }

    /// Refuses a recording by the path that the error names.
    fn refuse_known(&mut self, stamps: &HashMap<Arc<Path>, Stamp>, error: &FormatError) {
        let (FormatError::Content { path, .. } | FormatError::Io { path, .. }) = error;
        let stamp = stamps.get(&**path).copied().unwrap_or_default();
        self.refuse(path, stamp, error);
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
                self.keep_balance();
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
