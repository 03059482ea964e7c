//! The wish to end early: set by a signal, asked for between pieces of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::exit::{self, Code};

/// A wish to end, shared between threads.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    wanted: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// A wish that the signals SIGINT and SIGTERM express.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn on_signals() -> std::io::Result<Self> {
        let stop = Self::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // A second signal ends the process at once, for people who do not want to wait.
            let again = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, again.clone())?;
            signal_hook::flag::register(signal, again)?;
            signal_hook::flag::register_usize(signal, stop.signal.clone(), signal as usize)?;
            signal_hook::flag::register(signal, stop.wanted.clone())?;
        }
        Ok(stop)
    }

    /// Whether the run should end.
    pub fn wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// The flag itself, for work that knows nothing of signals.
    pub fn flag(&self) -> &AtomicBool {
        &self.wanted
    }

    /// The exit code of a run that ended for it.
    pub fn code(&self) -> Code {
        if self.signal.load(Ordering::Relaxed) == signal_hook::consts::SIGTERM as usize {
            exit::TERMINATED
        } else {
            exit::INTERRUPTED
        }
    }
}
