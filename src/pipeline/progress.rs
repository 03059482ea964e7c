//! How far a run is: a bar on a terminal, log lines otherwise.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// Progress through a known number of bytes.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: u64,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    done: u64,
    logged: Instant,
}

/// How often a log line tells of the progress.
const EVERY: Duration = Duration::from_secs(30);

impl Progress {
    /// Begins; `what` is the unit of work for people, such as `chunks`.
    pub fn new(what: &'static str, total: u64, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let style = "{elapsed_precise} [{wide_bar}] {bytes}/{total_bytes} {binary_bytes_per_sec} ETA {eta}";
            let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total).with_style(style)
        });
        let now = Instant::now();
        Self {
            bar,
            what,
            total,
            started: now,
            state: Mutex::new(State {
                done: 0,
                logged: now,
            }),
        }
    }

    /// Some bytes more are done.
    pub fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        state.done += bytes;
        if self.bar.is_none() && state.logged.elapsed() >= EVERY {
            state.logged = Instant::now();
            let rate = state.done as f64 / self.started.elapsed().as_secs_f64();
            let left = (self.total.saturating_sub(state.done)) as f64 / rate.max(1.0);
            let (done, total) = (HumanBytes(state.done), HumanBytes(self.total));
            tracing::info!(
                "{}: {done} of {total}, {}/s, {left:.0} s left",
                self.what,
                HumanBytes(rate as u64)
            );
        }
    }

    /// Takes the bar away; the seconds since the beginning.
    pub fn finish(&self) -> f64 {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.started.elapsed().as_secs_f64()
    }
}
