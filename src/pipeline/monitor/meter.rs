//! How far a run is: counted where the work is done, shown as a bar on a terminal, in log lines, and by the monitor.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::super::output::Commit;
use super::super::shard::Shard;

/// How often a log line tells of the progress.
const EVERY: Duration = Duration::from_secs(30);

/// Where chunks are between their file and their results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// They are read and wait for the device.
    Read,
    /// The device has them.
    Computing,
    /// Their results wait for the disk.
    Computed,
}

/// How far a run is. Every number is of this process and this run of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// The module.
    pub module: String,
    /// The program's version.
    pub version: &'static str,
    /// Which share of the work, such as `3/8`.
    pub shard: Option<String>,
    /// What computes.
    pub device: Option<String>,
    /// Chunks that the run will look at; 0 where that is not known.
    pub chunks_expected: u64,
    /// Chunks whose results were written.
    pub chunks_done: u64,
    /// Chunks whose results were there.
    pub chunks_skipped: u64,
    /// Chunks that are too short for the flow.
    pub chunks_left_out: u64,
    /// Input files that are bad.
    pub inputs_failed: u64,
    /// Bytes of input to go through.
    pub bytes_expected: u64,
    /// Bytes of input gone through.
    pub bytes_done: u64,
    /// Since the start.
    pub seconds: f64,
    /// Bytes of input a second, since the start.
    pub bytes_per_second: f64,
    /// Since something was last done.
    pub seconds_since_progress: f64,
    /// Chunks in each [`Queue`].
    pub queue_read: u64,
    /// See `queue_read`.
    pub queue_computing: u64,
    /// See `queue_read`.
    pub queue_computed: u64,
}

/// Counts what a run does; shared by its threads.
#[derive(Debug)]
pub struct Meter {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    counts: Snapshot,
    started: Instant,
    moved: Instant,
    logged: Instant,
    /// Whether there is work that may stall.
    working: bool,
    what: &'static str,
    bar: Option<ProgressBar>,
    progress: Option<(PathBuf, Commit)>,
    error: Option<String>,
}

impl Default for Meter {
    fn default() -> Self {
        Self::new("")
    }
}

impl Meter {
    /// Begins to count for a module.
    pub fn new(module: &str) -> Self {
        let now = Instant::now();
        let counts = Snapshot {
            module: module.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            ..Snapshot::default()
        };
        Self {
            state: Mutex::new(State {
                counts,
                started: now,
                moved: now,
                logged: now,
                working: false,
                what: "",
                bar: None,
                progress: None,
                error: None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Work begins: `what` names it for people, `bytes` are its input's, `chunks` their number where it is known.
    pub fn begin(&self, what: &'static str, chunks: usize, bytes: u64, quiet: bool) {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let style = "{elapsed_precise} [{wide_bar}] {bytes}/{total_bytes} {binary_bytes_per_sec} ETA {eta}";
            let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(bytes).with_style(style)
        });
        let mut state = self.state();
        let now = Instant::now();
        (state.started, state.moved, state.logged) = (now, now, now);
        state.counts.chunks_expected = chunks as u64;
        state.counts.bytes_expected = bytes;
        (state.what, state.bar, state.working) = (what, bar, true);
    }

    /// Which share of the work it is.
    pub fn set_shard(&self, shard: Shard) {
        self.state().counts.shard = Some(shard.to_string());
    }

    /// What computes.
    pub fn set_device(&self, device: &str) {
        self.state().counts.device = Some(device.to_string());
    }

    /// Which share, and what computes, for log lines that are read far from their process.
    pub fn labels(&self) -> (String, String) {
        let counts = &self.state().counts;
        let text = |label: &Option<String>| label.clone().unwrap_or_default();
        (text(&counts.shard), text(&counts.device))
    }

    /// Where the progress is kept, for whoever looks at the folder.
    pub(super) fn keep_progress(&self, path: &Path, commit: Commit) {
        self.state().progress = Some((path.to_path_buf(), commit));
    }

    pub(super) fn progress_file(&self) -> Option<(PathBuf, Commit)> {
        self.state().progress.clone()
    }

    /// Some bytes of input more are done.
    pub fn advance(&self, bytes: u64) {
        let mut state = self.state();
        state.moved = Instant::now();
        state.counts.bytes_done += bytes;
        match &state.bar {
            Some(bar) => bar.inc(bytes),
            None if state.logged.elapsed() >= EVERY => state.log(),
            None => {}
        }
    }

    /// Some chunks more have their results.
    pub fn done(&self, chunks: usize) {
        let mut state = self.state();
        state.moved = Instant::now();
        state.counts.chunks_done += chunks as u64;
    }

    /// Some chunks have results already.
    pub fn skipped(&self, chunks: usize) {
        let mut state = self.state();
        state.moved = Instant::now();
        state.counts.chunks_skipped += chunks as u64;
    }

    /// Some chunks are left out, as they are too short for the flow.
    pub fn left_out(&self, chunks: usize) {
        let mut state = self.state();
        state.moved = Instant::now();
        state.counts.chunks_left_out += chunks as u64;
    }

    /// An input file is bad: the lines say why, and are logged.
    pub fn failed(&self, lines: &str) {
        lines.lines().for_each(|line| tracing::error!("{line}"));
        let mut state = self.state();
        state.moved = Instant::now();
        state.counts.inputs_failed += 1;
        state.error.get_or_insert_with(|| lines.to_string());
    }

    /// What went wrong first.
    pub fn first_error(&self) -> Option<String> {
        self.state().error.clone()
    }

    /// A chunk leaves one queue for another.
    pub fn moves(&self, from: Option<Queue>, to: Option<Queue>) {
        let mut state = self.state();
        if let Some(queue) = from {
            let count = state.counts.queue(queue);
            *count = count.saturating_sub(1);
        }
        if let Some(queue) = to {
            *state.counts.queue(queue) += 1;
        }
    }

    /// The run waits for others: it does not stall.
    pub fn waits(&self) {
        self.state().moved = Instant::now();
    }

    /// For how long nothing was done, while there is work.
    pub fn idle(&self) -> Duration {
        let state = self.state();
        if state.working {
            state.moved.elapsed()
        } else {
            Duration::ZERO
        }
    }

    /// The numbers now.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let seconds = state.started.elapsed().as_secs_f64();
        Snapshot {
            seconds,
            bytes_per_second: state.counts.bytes_done as f64 / seconds.max(1e-9),
            seconds_since_progress: state.moved.elapsed().as_secs_f64(),
            ..state.counts.clone()
        }
    }

    /// The work is over: takes the bar away, and gives the seconds since the beginning.
    pub fn finish(&self) -> f64 {
        let mut state = self.state();
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        state.working = false;
        state.started.elapsed().as_secs_f64()
    }
}

impl State {
    fn log(&mut self) {
        self.logged = Instant::now();
        let counts = &self.counts;
        let rate = counts.bytes_done as f64 / self.started.elapsed().as_secs_f64();
        let left = counts.bytes_expected.saturating_sub(counts.bytes_done) as f64 / rate.max(1.0);
        tracing::info!(
            "{}: {} of {}, {}/s, {left:.0} s left",
            self.what,
            HumanBytes(counts.bytes_done),
            HumanBytes(counts.bytes_expected),
            HumanBytes(rate as u64)
        );
    }
}

impl Snapshot {
    fn queue(&mut self, queue: Queue) -> &mut u64 {
        match queue {
            Queue::Read => &mut self.queue_read,
            Queue::Computing => &mut self.queue_computing,
            Queue::Computed => &mut self.queue_computed,
        }
    }
}
