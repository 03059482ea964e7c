//! What a run's log says of trouble, kept for its manifest.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// How many lines are kept: the first ones tell what began.
const MOST: usize = 200;

/// Keeps warnings and errors that are logged. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Lines>>);

/// The lines of a log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    /// Warnings, in the order of their time.
    pub warnings: Vec<String>,
    /// Errors.
    pub errors: Vec<String>,
    /// Lines that were too many to be kept.
    pub left_out: u64,
}

impl Journal {
    fn state(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was logged so far.
    pub fn lines(&self) -> Lines {
        self.state().clone()
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::WARN {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let mut lines = self.state();
        let kept = match level {
            Level::ERROR => &mut lines.errors,
            _ => &mut lines.warnings,
        };
        if kept.len() < MOST {
            kept.push(text.0);
        } else {
            lines.left_out += 1;
        }
    }
}

/// The message of an event, and its fields.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn trouble_is_kept_and_the_rest_is_not() {
        let journal = Journal::default();
        let log = tracing_subscriber::registry().with(journal.clone());
        tracing::subscriber::with_default(log, || {
            tracing::info!("as usual");
            tracing::warn!(chunk = 3, "odd");
            (0..MOST + 5).for_each(|k| tracing::error!("bad {k}"));
        });
        let lines = journal.lines();
        assert_eq!(lines.warnings, ["odd chunk=3"]);
        assert_eq!((lines.errors.len(), lines.left_out), (MOST, 5));
        assert_eq!(lines.errors[7], "bad 7");
    }
}
