//! What watches over a run: signals, a file of its progress, metrics, the manifest of what it did, the last word to an orchestrator,
//! and an alarm for work that does not go on.

mod journal;
mod manifest;
mod meter;
mod metrics;
mod serve;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::output::{Commit, Folder, OutputError, replace};
use super::stop::Stop;
use super::thread;
use crate::exit::{self, Code};
pub use journal::Journal;
pub use manifest::{FOLDER as MANIFESTS, Manifest};
pub use meter::{Meter, Queue, Snapshot};

/// How often files tell of the progress.
const EVERY: Duration = Duration::from_secs(5);
/// How often the alarm looks at the work.
const LOOK: Duration = Duration::from_millis(250);
/// Kubernetes keeps no more of a termination message.
const LONGEST_MESSAGE: usize = 4096;
/// Where Kubernetes looks for it, if the manifest says nothing else.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Where a run tells of itself.
#[derive(Debug, Clone, Default)]
pub struct Outlets {
    /// A file of Prometheus text.
    pub metrics_file: Option<PathBuf>,
    /// Where the same text is served.
    pub metrics_addr: Option<SocketAddr>,
    /// A file for the last word; `None` for Kubernetes' own, where there is one.
    pub termination_log: Option<PathBuf>,
    /// How long work may stand still.
    pub stall: Option<Duration>,
    /// Time that a run has after a signal; `None` for as long as it takes.
    pub grace: Option<Duration>,
}

/// Watches over one run of the program.
#[derive(Debug, Default)]
pub struct Monitor {
    /// The wish to end.
    pub stop: Stop,
    /// How far the run is.
    pub meter: Arc<Meter>,
    /// What it works with.
    pub manifest: Manifest,
    journal: Journal,
    outlets: Outlets,
    /// It stays joined until the last file about the run is written.
    output: Mutex<Option<Folder>>,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

/// What a run that ended has to say.
#[derive(Serialize)]
struct LastWord<'a> {
    code: u8,
    name: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    error: &'a str,
    #[serde(flatten)]
    counts: &'a Snapshot,
}

impl Monitor {
    /// Begins to watch a module, and serves metrics where that is asked for.
    ///
    /// # Errors
    /// When the system refuses signal handlers, a thread, or the address for metrics.
    pub fn start(module: &str, outlets: Outlets, journal: Journal) -> io::Result<Self> {
        let meter = Arc::new(Meter::new(module));
        if let Some(address) = outlets.metrics_addr {
            serve::serve(address, meter.clone())?;
        }
        let stop = Stop::on_signals()?;
        Ok(Self {
            ticker: Some(ticker(meter.clone(), outlets.clone(), stop.clone())?),
            stop,
            meter,
            manifest: Manifest::default(),
            journal,
            outlets,
            output: Mutex::default(),
        })
    }

    /// Keeps the progress and the manifest of the run below its output folder. `share` is as [`share_name`] has it.
    pub fn keep(&self, output: &Folder, module: &str, share: &str) {
        let progress = progress_path(output.path(), module, share);
        self.meter.keep_progress(&progress, output.commit());
        self.manifest.keep(output, module, share);
        let mut kept = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(output.clone());
    }

    /// The run has ended: says the last word, `error` being the first reason where it failed.
    pub fn end(mut self, code: Code, error: &str) {
        if let Some((stop, thread)) = self.ticker.take() {
            drop(stop);
            let _ = thread.join();
        }
        self.meter.finish();
        tell(&self.meter, &self.outlets, &mut Vec::new());
        let counts = self.meter.snapshot();
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = output.as_ref().map_or(Ok(()), Folder::finish_list);
        drop(output);
        listed.unwrap_or_else(|error| tracing::warn!("{error}"));
        if self.stop.wanted() {
            self.manifest.hurry();
        }
        let written = self.manifest.write(&counts, &self.journal, code, error);
        written.unwrap_or_else(|error| tracing::warn!("{error}"));
        last_word(&self.meter, &self.outlets, code, error);
    }
}

/// Writes files from time to time, and ends the process where its work stands still.
fn ticker(
    meter: Arc<Meter>,
    outlets: Outlets,
    stop: Stop,
) -> io::Result<(Sender<()>, JoinHandle<()>)> {
    let (sender, stopped) = channel();
    let thread = thread::spawn("monitor", move || {
        let (mut told, mut complaints) = (Instant::now(), Vec::new());
        let mut asked = None;
        while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            if stop.wanted() {
                let asked = asked.get_or_insert_with(Instant::now);
                if let Some(grace) = outlets.grace.filter(|&it| asked.elapsed() > it) {
                    let error = format!(
                        "still at work {} s after the signal (--grace-period); what is unfinished is left to another run",
                        grace.as_secs_f64()
                    );
                    end_now(&meter, &outlets, stop.code(), &error);
                }
            }
            if let Some(limit) = outlets.stall.filter(|&limit| meter.idle() > limit) {
                let error = format!(
                    "nothing was done for {} s, expected at least one chunk in that time (--stall-timeout)",
                    limit.as_secs_f64()
                );
                end_now(&meter, &outlets, exit::TEMPORARY, &error);
            }
            if told.elapsed() >= EVERY {
                tell(&meter, &outlets, &mut complaints);
                told = Instant::now();
            }
        }
    })?;
    Ok((sender, thread))
}

/// Ends the process. Nothing else is written: what hangs may be the output folder. A later run finds this one's claims.
fn end_now(meter: &Meter, outlets: &Outlets, code: Code, error: &str) -> ! {
    tracing::error!("{error}");
    last_word(meter, outlets, code, error);
    // Without the libraries' ends, for which a library that hangs would not be ready.
    signal_hook::low_level::exit(i32::from(code.code))
}

/// Writes the files of progress and metrics. They must not end a run: a complaint is logged once.
fn tell(meter: &Meter, outlets: &Outlets, complaints: &mut Vec<String>) {
    let snapshot = meter.snapshot();
    let mut results: Vec<Result<(), OutputError>> = Vec::new();
    if let Some((path, commit)) = meter.progress_file() {
        let json = serde_json::to_vec_pretty(&snapshot).expect("counts are plain data");
        results.push(replace(&path, &json, commit));
    }
    if let Some(path) = &outlets.metrics_file {
        results.push(replace(
            path,
            metrics::text(&snapshot).as_bytes(),
            Commit::Rename,
        ));
    }
    for error in results.into_iter().filter_map(Result::err) {
        let line = error.to_string();
        if !complaints.contains(&line) {
            tracing::warn!("{line}");
            complaints.push(line);
        }
    }
}

/// Leaves a line of JSON where an orchestrator looks for it.
fn last_word(meter: &Meter, outlets: &Outlets, code: Code, error: &str) {
    let known = Path::new(TERMINATION_LOG);
    let path = match &outlets.termination_log {
        Some(path) => path.as_path(),
        None if known.is_file() => known,
        None => return,
    };
    let counts = meter.snapshot();
    let mut length = error.len().min(LONGEST_MESSAGE);
    let line = loop {
        length = error.floor_char_boundary(length);
        let word = LastWord {
            code: code.code,
            name: code.name,
            error: &error[..length],
            counts: &counts,
        };
        let line = serde_json::to_string(&word).expect("counts are plain data");
        if line.len() < LONGEST_MESSAGE || length == 0 {
            break line;
        }
        length /= 2;
    };
    // The orchestrator mounts this very file, so it cannot be replaced by another.
    let mut open = OpenOptions::new();
    let open = open.write(true).truncate(true).create(true).open(path);
    let written = open.and_then(|mut file| writeln!(file, "{line}"));
    if let (Err(e), true) = (written, outlets.termination_log.is_some()) {
        tracing::warn!("{}: {e}", path.display());
    }
}

/// Where a run keeps its progress: below its output folder, one file for each share and direction of it.
fn progress_path(output: &Path, module: &str, share: &str) -> PathBuf {
    output
        .join(super::output::BOOKKEEPING)
        .join("progress")
        .join(format!("{module}{share}.json"))
}

/// What tells the share and the direction of a run from others in a file's name: nothing where it has all.
pub fn share_name(shard: Option<super::shard::Shard>, reverse: bool) -> String {
    let share = shard.map_or_else(String::new, |it| format!("-{}-of-{}", it.index, it.count));
    let way = if reverse { "-reverse" } else { "" };
    format!("{share}{way}")
}
