//! A whole file as memory, wherever it lies: what is in a store is fetched where it is looked at.

use std::fs::File;
use std::io;
use std::ops::{Index, Range};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::formats::{FormatError, Unchanged};
use crate::store::map::Map;
use crate::store::{self, remote::Pinned, remote::Place};

/// What is fetched is counted in blocks.
const BLOCK: usize = 4 << 10;
/// Blocks between two wanted ones that are fetched with them: a request takes as long as they do.
const GAP: usize = 16;
/// Bytes that are fetched where a few are looked at: headers lie together.
pub const AHEAD: usize = 64 << 10;
/// Bytes that are fetched where samples are read: the next window follows.
pub const SAMPLES: usize = 1 << 20;

/// Objects that stay known when they are closed: a file is looked at, then opened, then opened again for its chunks.
const KEPT: usize = 3;

/// Those that were opened last, the last at the end.
static RECENT: Mutex<Vec<View>> = Mutex::new(Vec::new());

/// The bytes of a file by their offsets. On this machine they are mapped. Of a store's object, blocks are fetched into a file
/// for the time, which is mapped: so memory stays free, and nothing is fetched twice.
///
/// Looking at bytes cannot fail. Where they cannot be fetched, zeros are seen, and [`View::check`] says so: whoever looked
/// must ask, before it tells anything of what it saw.
#[derive(Debug, Clone)]
pub struct View {
    path: PathBuf,
    map: Arc<Map>,
    fetched: Option<Arc<Fetched>>,
}

#[derive(Debug)]
struct Fetched {
    object: Pinned,
    scratch: File,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// A bit for each block that is there.
    present: Vec<u64>,
    failed: Option<(io::ErrorKind, String)>,
}

impl View {
    /// Opens a file. Nothing of it is read.
    ///
    /// # Errors
    /// When it cannot be opened, or is no regular file.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        let io = |source| FormatError::io(path, source);
        let Some(place) = Place::of(path).map_err(io)? else {
            return Ok(Self::of_map(path, super::map(path)?));
        };
        let object = place.pin().map_err(io)?;
        let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |it: &View| {
            let fetched = it.fetched.as_ref().filter(|it| it.failed().is_none());
            it.path == path && fetched.is_some_and(|it| it.object.is_same(&object))
        };
        if let Some(at) = recent.iter().position(same) {
            let view = recent.remove(at);
            recent.push(view.clone());
            return Ok(view);
        }
        let scratch = store::scratch_file().map_err(io)?;
        // Without a byte on the disk.
        scratch.set_len(object.len()).map_err(io)?;
        let own = scratch.try_clone().map_err(io)?;
        let map = Map::of(own).map(Arc::new).map_err(io)?;
        let present = vec![0; map.len().div_ceil(BLOCK).div_ceil(64)];
        let failed = None;
        let view = Self {
            path: path.to_path_buf(),
            map,
            fetched: Some(Arc::new(Fetched {
                object,
                scratch,
                state: Mutex::new(State { present, failed }),
            })),
        };
        recent.retain(|it| it.path != path);
        if recent.len() == KEPT {
            recent.remove(0);
        }
        recent.push(view.clone());
        Ok(view)
    }

    /// A file of this machine that is mapped.
    pub fn of_map(path: &Path, map: Arc<Map>) -> Self {
        Self {
            path: path.to_path_buf(),
            map,
            fetched: None,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Some bytes; `None` where the file ends before.
    pub fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        if range.start > range.end || range.end > self.len() {
            return None;
        }
        if let (Some(fetched), false) = (&self.fetched, range.is_empty()) {
            let wanted = fetched.want(std::iter::once(range.clone()), AHEAD, self.len());
            fetched.keep(wanted);
        }
        self.map.get(range)
    }

    /// The same, for whoever can say at once that bytes could not be fetched.
    ///
    /// # Errors
    /// When they could not.
    pub fn read(&self, range: Range<usize>, least: usize) -> io::Result<Option<&[u8]>> {
        if range.start > range.end || range.end > self.len() {
            return Ok(None);
        }
        self.want(std::iter::once(range.clone()), least)?;
        Ok(self.map.get(range))
    }

    /// At most so many bytes from an offset on, fewer at the end of the file, none behind it.
    pub fn upto(&self, from: usize, most: usize) -> &[u8] {
        let from = from.min(self.len());
        &self[from..self.len().min(from.saturating_add(most))]
    }

    /// Says which bytes will be looked at, in the order of the file. They are fetched together, each with so many bytes behind
    /// it that at least `least` are there.
    ///
    /// # Errors
    /// When they cannot be fetched.
    pub fn want(&self, ranges: impl Iterator<Item = Range<usize>>, least: usize) -> io::Result<()> {
        match &self.fetched {
            Some(fetched) => fetched.want(ranges, least.max(BLOCK), self.len()),
            None => Ok(()),
        }
    }

    /// Headers that will be looked at, in the order of the file: fetched together, and nothing else.
    pub fn want_headers(&self, headers: impl Iterator<Item = Range<usize>>) {
        if let Some(fetched) = &self.fetched {
            fetched.keep(fetched.want(headers, BLOCK, self.len()));
        }
    }

    /// Checks that all that was looked at was there, and is there unchanged.
    ///
    /// # Errors
    /// When a part could not be fetched, or the file changed.
    pub fn check(&self) -> Result<(), FormatError> {
        let Some(fetched) = &self.fetched else {
            let same = self.map.check();
            return same.map_err(|e| FormatError::io(&self.path, e));
        };
        let failed = fetched.failed();
        failed.map_or(Ok(()), |e| Err(FormatError::io(&self.path, e)))
    }
}

impl Unchanged for View {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn check(&self) -> Result<(), FormatError> {
        Self::check(self)
    }
}

impl Index<Range<usize>> for View {
    type Output = [u8];

    fn index(&self, range: Range<usize>) -> &[u8] {
        let len = self.len();
        let end = range.end;
        self.get(range)
            .unwrap_or_else(|| panic!("byte {end} of {len}"))
    }
}

impl Fetched {
    fn want(
        &self,
        ranges: impl Iterator<Item = Range<usize>>,
        least: usize,
        len: usize,
    ) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = state.missing(ranges, least, len);
        if missing.is_empty() {
            return Ok(());
        }
        let bytes: Vec<_> = missing
            .iter()
            .map(|blocks| (blocks.start * BLOCK) as u64..(blocks.end * BLOCK).min(len) as u64)
            .collect();
        // Only blocks that nobody was shown are written to.
        self.object.fetch(&bytes, &self.scratch)?;
        for block in missing.into_iter().flatten() {
            state.present[block / 64] |= 1 << (block % 64);
        }
        Ok(())
    }

    /// Keeps a failure until it is asked for, and from then on.
    fn keep(&self, wanted: io::Result<()>) {
        if let Err(e) = wanted {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.failed = Some((e.kind(), e.to_string()));
        }
    }

    fn failed(&self) -> Option<io::Error> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = state.failed.clone();
        failed.map(|(kind, what)| io::Error::new(kind, what))
    }
}

impl State {
    fn has(&self, block: usize) -> bool {
        self.present[block / 64] & (1 << (block % 64)) != 0
    }

    /// Runs of blocks that are not there.
    fn missing(
        &self,
        ranges: impl Iterator<Item = Range<usize>>,
        least: usize,
        len: usize,
    ) -> Vec<Range<usize>> {
        let mut missing: Vec<Range<usize>> = Vec::new();
        for range in ranges {
            let wanted = range.start / BLOCK..range.end.min(len).div_ceil(BLOCK);
            if wanted.clone().all(|block| self.has(block)) {
                continue;
            }
            let end = range.start.saturating_add(least).max(range.end).min(len);
            for block in wanted.start..end.div_ceil(BLOCK) {
                if self.has(block) {
                    continue;
                }
                match missing.last_mut() {
                    Some(last) if last.contains(&block) => {}
                    // Across a gap only where nothing in it is there: what was shown must not be written to again.
                    Some(last)
                        if block >= last.end
                            && block - last.end <= GAP
                            && !(last.end..block).any(|between| self.has(between)) =>
                    {
                        last.end = block + 1;
                    }
                    _ => missing.push(block..block + 1),
                }
            }
        }
        missing
    }
}

#[cfg(test)]
#[allow(
    clippy::single_range_in_vec_init,
    reason = "lists of ranges are what is looked at"
)]
mod tests {
    use super::*;

    fn state(blocks: usize, there: &[usize]) -> State {
        let mut present = vec![0; blocks.div_ceil(64)];
        there.iter().for_each(|b| present[b / 64] |= 1 << (b % 64));
        State {
            present,
            failed: None,
        }
    }

    #[test]
    fn what_is_there_is_not_fetched_again() {
        let len = 200 * BLOCK - 7;
        let missing = |state: &State, ranges: &[Range<usize>], round| {
            state.missing(ranges.iter().cloned(), round, len)
        };
        let none = state(200, &[]);
        assert_eq!(missing(&none, &[0..1], BLOCK), [0..1]);
        assert_eq!(missing(&none, &[0..1], 4 * BLOCK), [0..4]);
        assert_eq!(missing(&none, &[BLOCK - 1..BLOCK + 1], BLOCK), [0..2]);
        // Near ones together, far ones apart; the last block is shorter.
        let near = [0..9, 9 * BLOCK..9 * BLOCK + 1, len - 1..len];
        assert_eq!(missing(&none, &near, BLOCK), [0..10, 199..200]);
        // Not over what was shown.
        let some = state(200, &[5]);
        assert_eq!(missing(&some, &near, BLOCK), [0..1, 9..10, 199..200]);
        assert_eq!(missing(&some, &[0..1], 8 * BLOCK), [0..5, 6..8]);
        assert!(missing(&some, &[5 * BLOCK..6 * BLOCK], 8 * BLOCK).is_empty());
    }
}
