//! Going through work that other runs may share: every piece is done once, and a run ends when all of its pieces are done,
//! whoever did them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::monitor::Monitor;
use super::output::{Folder, OutputError};

/// Between two looks at pieces that other runs have.
const LOOK: Duration = Duration::from_millis(50);
/// Looks before all of them are tried again.
const LOOKS: u32 = 10;

/// A piece of work whose turn it is.
#[derive(Debug)]
pub enum Turn<T> {
    /// This run holds it, and must [`Folder::release`] it.
    Mine(T),
    /// Its results exist.
    Finished(T),
}

/// The pieces in their order, those that other runs have at the end.
pub struct Turns<'a, T, I, N, F> {
    folder: &'a Folder,
    monitor: &'a Monitor,
    pieces: I,
    again: VecDeque<T>,
    held: VecDeque<T>,
    /// Looks in vain since those that other runs have were tried.
    looks: u32,
    told: bool,
    ended: Option<&'a AtomicBool>,
    name: N,
    finished: F,
}

impl<'a, T, I, N, F> Turns<'a, T, I, N, F>
where
    I: Iterator<Item = Option<T>>,
    N: Fn(&T) -> String,
    F: Fn(&T) -> bool,
{
    /// Goes through `pieces` until they are done or the monitor's stop is wanted. `pieces` gives `None` where it has none now and
    /// may have one later. `name` is what a piece is claimed by.
    pub fn new(folder: &'a Folder, monitor: &'a Monitor, pieces: I, name: N, finished: F) -> Self {
        Self {
            folder,
            monitor,
            pieces,
            again: VecDeque::new(),
            held: VecDeque::new(),
            looks: 0,
            told: false,
            ended: None,
            name,
            finished,
        }
    }

    /// Ends as well when the work has, which another thread does on the pieces.
    pub fn until(self, ended: &'a AtomicBool) -> Self {
        Self {
            ended: Some(ended),
            ..self
        }
    }

    fn over(&self) -> bool {
        let ended = self.ended.is_some_and(|it| it.load(Ordering::Relaxed));
        ended || self.monitor.stop.wanted()
    }

    /// The next piece to try; `None` at the end.
    fn piece(&mut self) -> Option<T> {
        while !self.over() {
            if let Some(piece) = self.again.pop_front() {
                return Some(piece);
            }
            match self.pieces.next() {
                Some(Some(piece)) => return Some(piece),
                Some(None) => {
                    self.looks += 1;
                    if self.looks >= LOOKS {
                        self.looks = 0;
                        self.again.append(&mut self.held);
                    }
                }
                None if self.held.is_empty() => return None,
                None => self.wait(),
            }
        }
        None
    }

    fn wait(&mut self) {
        if !self.told {
            let count = self.held.len();
            tracing::info!(
                "{count} pieces of work are in the hands of other runs: waiting for them"
            );
            self.told = true;
        }
        for _ in 0..LOOKS {
            if self.over() {
                return;
            }
            std::thread::sleep(LOOK);
        }
        self.monitor.meter.waits();
        self.again.append(&mut self.held);
    }
}

impl<T, I, N, F> Iterator for Turns<'_, T, I, N, F>
where
    I: Iterator<Item = Option<T>>,
    N: Fn(&T) -> String,
    F: Fn(&T) -> bool,
{
    type Item = Result<Turn<T>, OutputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let piece = self.piece()?;
            if (self.finished)(&piece) {
                return Some(Ok(Turn::Finished(piece)));
            }
            let name = (self.name)(&piece);
            match self.folder.take(&name) {
                Err(error) => return Some(Err(error)),
                Ok(false) => self.held.push_back(piece),
                // The run that had it may have finished it between the two looks.
                Ok(true) if (self.finished)(&piece) => {
                    self.folder.release(&name);
                    return Some(Ok(Turn::Finished(piece)));
                }
                Ok(true) => return Some(Ok(Turn::Mine(piece))),
            }
        }
    }
}
