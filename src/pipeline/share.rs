//! Going through work that other runs may share: every piece is done once, and a run ends when all of its pieces are done,
//! whoever did them.

use std::collections::VecDeque;
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
pub struct Turns<'a, I: Iterator, N, F> {
    folder: &'a Folder,
    monitor: &'a Monitor,
    pieces: I,
    again: VecDeque<I::Item>,
    held: VecDeque<I::Item>,
    told: bool,
    name: N,
    finished: F,
}

impl<'a, I, N, F> Turns<'a, I, N, F>
where
    I: Iterator,
    N: Fn(&I::Item) -> String,
    F: Fn(&I::Item) -> bool,
{
    /// Goes through `pieces` until they are done or the monitor's stop is wanted. `name` is what a piece is claimed by.
    pub fn new(folder: &'a Folder, monitor: &'a Monitor, pieces: I, name: N, finished: F) -> Self {
        Self {
            folder,
            monitor,
            pieces,
            again: VecDeque::new(),
            held: VecDeque::new(),
            told: false,
            name,
            finished,
        }
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
            if self.monitor.stop.wanted() {
                return;
            }
            std::thread::sleep(LOOK);
        }
        self.monitor.meter.waits();
        self.again.append(&mut self.held);
    }
}

impl<I, N, F> Iterator for Turns<'_, I, N, F>
where
    I: Iterator,
    N: Fn(&I::Item) -> String,
    F: Fn(&I::Item) -> bool,
{
    type Item = Result<Turn<I::Item>, OutputError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.monitor.stop.wanted() {
            let Some(piece) = self.pieces.next().or_else(|| self.again.pop_front()) else {
                if self.held.is_empty() {
                    return None;
                }
                self.wait();
                continue;
            };
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
        None
    }
}
