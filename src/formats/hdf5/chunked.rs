//! Chunks of a dataset, read without the HDF5 library: it decodes them in one thread at a time.
//!
//! The library says once where in the file each chunk lies. Their bytes are then read by position and decoded by all threads.
//! Measured on two cores: see `benches/RESULTS.md`. What is not known here (other filters, other types of samples) is left to the
//! library.

mod filters;

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use hdf5::plist::dataset_create::ChunkOpts;
use hdf5::{Dataset, Datatype, H5Type};
use rayon::prelude::*;

use self::filters::{Damage, Filters, sized};
use super::{Places, turn};
use crate::block::DType;
use crate::formats::FormatError;
use crate::formats::mapped::Pieces;

/// Bytes of decoded chunks that a read holds, besides one chunk for each thread.
const BATCH: usize = 8 << 20;
/// And at most, whatever the number of threads; a single chunk may be larger.
const MOST_BATCH: usize = 256 << 20;
/// Chunks that a read holds at most: of chunks of a few samples there are as many as samples.
const MOST_IN_BATCH: usize = 1 << 14;
/// Bytes of decoded chunks that are kept, as the next read wants the rest of them; a single chunk may be larger. A recording with the
/// channels one behind the other is cut along them, so that a row of chunks as long as some minutes must fit.
const KEPT: usize = 128 << 20;

/// A dataset's chunks.
#[derive(Debug)]
pub struct Chunks {
    path: PathBuf,
    name: String,
    pieces: Arc<Pieces>,
    /// Of the dataset: blocks (one where it has two dimensions), lines, samples of a line.
    shape: [usize; 3],
    /// Of a chunk.
    chunk: [usize; 3],
    /// Chunks along each axis.
    grid: [usize; 3],
    /// Bytes of a sample.
    element: usize,
    /// Bytes of a chunk.
    bytes: usize,
    filters: Filters,
    /// A sample that was never written.
    fill: Vec<u8>,
    /// In the order of their numbers; those that are missing were never written.
    stored: Vec<Stored>,
    kept: Mutex<Kept>,
    /// Memory that is used again: new pages cost as much as decoding.
    spare: Mutex<Vec<Vec<u8>>>,
}

/// Where a chunk lies.
#[derive(Debug, Clone, Copy)]
struct Stored {
    /// Its number in the grid.
    number: usize,
    at: u64,
    bytes: u64,
    /// Filters that were not applied.
    skipped: u32,
}

/// Samples of one block: `slow` lines, `fast` of each.
#[derive(Debug, Clone)]
pub struct Part {
    /// The block.
    pub block: usize,
    /// Along the second last axis.
    pub slow: Range<usize>,
    /// Along the last axis.
    pub fast: Range<usize>,
}

/// A chunk's bytes, decoded; `None` for one that was never written.
type Bytes = Option<Arc<Vec<u8>>>;

/// A chunk that holds some of a part.
#[derive(Debug, Clone)]
struct Wanted {
    number: usize,
    /// Those of its samples that are wanted.
    part: Part,
    /// The first sample of the chunk, within the dataset.
    first: [usize; 3],
    /// Whether all of its samples are wanted, so that no other read needs it.
    whole: bool,
}

/// Decoded chunks of which some samples were not wanted yet, and the order in which they came.
#[derive(Debug, Default)]
struct Kept {
    slots: HashMap<usize, KeptChunk>,
    /// Numbers of chunks as they came, and how many came before; with those that went since.
    order: VecDeque<(usize, u64)>,
    came: u64,
}

/// A chunk that is kept until all of its samples were wanted, or there are too many others.
#[derive(Debug)]
struct KeptChunk {
    slot: Slot,
    /// Samples that were not wanted yet.
    left: usize,
    /// How many came before it.
    came: u64,
}

/// With a lock of its own, so that each is decoded once.
type Slot = Arc<Mutex<Option<Arc<Vec<u8>>>>>;

impl Places for Chunks {
    fn read(
        &self,
        parts: &[(Part, usize)],
        turned: bool,
        dst: &mut [u8],
        row_bytes: usize,
    ) -> Result<(), FormatError> {
        for (part, _) in parts {
            self.check(part)?;
        }
        let threads = rayon::current_num_threads();
        let most = (self.bytes.saturating_mul(threads)).clamp(BATCH, MOST_BATCH);
        let count = (most / self.bytes).clamp(1, MOST_IN_BATCH);
        // Parts together: where each is a block, a chunk or two, all threads have some to decode.
        let mut wanted = parts
            .iter()
            .flat_map(|(part, column)| self.wanted(part).map(move |it| (it, part, *column)));
        loop {
            let (batch, into): (Vec<Wanted>, Vec<turn::Rows>) = wanted
                .by_ref()
                .take(count)
                .map(|(it, part, column)| {
                    let into = turn::Rows {
                        first: [part.slow.start, part.fast.start],
                        row_bytes,
                        column,
                    };
                    (it, into)
                })
                .unzip();
            if batch.is_empty() {
                return Ok(());
            }
            let held = self.held(&batch)?;
            let pieces: Vec<_> = batch
                .iter()
                .zip(&held)
                .map(|(wanted, bytes)| self.piece(wanted, bytes.as_ref()))
                .collect();
            let mut from = 0;
            for run in into.chunk_by(|a, b| a == b) {
                let pieces = &pieces[from..from + run.len()];
                turn::write(pieces, self.element, turned, &run[0], dst);
                from += run.len();
            }
            for bytes in held.into_iter().flatten() {
                if let Ok(bytes) = Arc::try_unwrap(bytes) {
                    self.give_back(bytes);
                }
            }
        }
    }

    fn is_packed(&self) -> bool {
        true
    }
}

impl Chunks {
    /// The chunks of a dataset of `dtype`; `None` where they must be read by the library.
    pub fn of(path: &Path, pieces: &Arc<Pieces>, data: &Dataset, dtype: DType) -> Option<Self> {
        let element = dtype.size();
        let filters = known(data, dtype)?;
        let dims: [usize; 3] = three(&data.shape())?;
        let chunk: [usize; 3] = three(&data.chunk()?)?;
        let samples = chunk.iter().try_fold(1, |n: usize, k| n.checked_mul(*k))?;
        let bytes = samples.checked_mul(element)?;
        if bytes == 0 {
            return None;
        }
        let grid: [usize; 3] = std::array::from_fn(|k| dims[k].div_ceil(chunk[k]));
        Some(Self {
            path: path.to_path_buf(),
            name: data.name(),
            pieces: pieces.clone(),
            shape: dims,
            chunk,
            grid,
            element,
            bytes,
            filters,
            fill: fill(data, dtype)?,
            stored: stored(data, chunk, grid)?,
            kept: Mutex::default(),
            spare: Mutex::default(),
        })
    }

    fn check(&self, part: &Part) -> Result<(), FormatError> {
        let ends = [part.block + 1, part.slow.end, part.fast.end];
        if (0..3).all(|k| ends[k] <= self.shape[k]) {
            return Ok(());
        }
        let found = format!("a shape of {:?}", self.shape);
        let expected = format!("samples up to {ends:?}");
        Err(FormatError::content(
            &self.path, &self.name, found, expected,
        ))
    }

    /// The chunks that hold samples of a part, in the order of the dataset.
    fn wanted(&self, part: &Part) -> impl Iterator<Item = Wanted> {
        let touched = |range: &Range<usize>, axis: usize| {
            range.start / self.chunk[axis]..range.end.div_ceil(self.chunk[axis])
        };
        let (rows, columns) = (touched(&part.slow, 1), touched(&part.fast, 2));
        rows.flat_map(move |i| columns.clone().map(move |k| [i, k]))
            .map(|[i, k]| self.wanted_of(part, i, k))
    }

    /// What a part wants of the chunk in row `i` and column `k` of the grid.
    fn wanted_of(&self, part: &Part, i: usize, k: usize) -> Wanted {
        let block = part.block / self.chunk[0];
        let first = std::array::from_fn(|n| [block, i, k][n] * self.chunk[n]);
        let [_, slow, fast] =
            std::array::from_fn(|n| first[n]..(first[n] + self.chunk[n]).min(self.shape[n]));
        let inner = Part {
            block: part.block,
            slow: slow.start.max(part.slow.start)..slow.end.min(part.slow.end),
            fast: fast.start.max(part.fast.start)..fast.end.min(part.fast.end),
        };
        Wanted {
            number: (block * self.grid[1] + i) * self.grid[2] + k,
            whole: self.chunk[0] == 1 && inner.slow == slow && inner.fast == fast,
            part: inner,
            first,
        }
    }

    /// A chunk's samples as [`turn`] takes them.
    fn piece<'a>(&'a self, wanted: &Wanted, bytes: Option<&'a Arc<Vec<u8>>>) -> turn::Piece<'a> {
        let Part { block, slow, fast } = wanted.part.clone();
        let [_, lines, width] = self.chunk;
        let from = ((block - wanted.first[0]) * lines + slow.start - wanted.first[1]) * width
            + fast.start
            - wanted.first[2];
        let samples = match bytes {
            Some(bytes) => turn::Samples::Stored {
                bytes: &bytes[from * self.element..],
                width,
            },
            None => turn::Samples::Filled(&self.fill),
        };
        turn::Piece {
            slow,
            fast,
            samples,
        }
    }

    /// The bytes of some chunks: those that are kept, and others decoded side by side.
    fn held(&self, batch: &[Wanted]) -> Result<Vec<Bytes>, FormatError> {
        let ready: Vec<Option<Bytes>> = batch.iter().map(|it| self.ready(it)).collect();
        let missing = ready.iter().filter(|it| it.is_none()).count();
        let get = |(wanted, ready): (&Wanted, Option<Bytes>)| match ready {
            Some(bytes) => Ok(bytes),
            None => self.decoded(wanted).map(Some),
        };
        if missing > 1 {
            batch.par_iter().zip(ready).map(get).collect()
        } else {
            batch.iter().zip(ready).map(get).collect()
        }
    }

    fn find(&self, number: usize) -> Option<Stored> {
        let at = self.stored.binary_search_by_key(&number, |it| it.number);
        at.ok().map(|at| self.stored[at])
    }

    /// A chunk that needs no decoding: it is kept, or was never written.
    fn ready(&self, wanted: &Wanted) -> Option<Bytes> {
        if self.find(wanted.number).is_none() {
            return Some(None);
        }
        let mut kept = lock(&self.kept);
        let slot = kept.slots.get(&wanted.number)?.slot.clone();
        let bytes = slot.try_lock().ok()?.clone()?;
        kept.wanted(wanted.number, wanted.samples());
        Some(Some(bytes))
    }

    fn decoded(&self, wanted: &Wanted) -> Result<Arc<Vec<u8>>, FormatError> {
        if wanted.whole {
            return self.decode(wanted).map(Arc::new);
        }
        let slot = {
            let mut kept = lock(&self.kept);
            let slot = kept.slot(wanted.number, self.samples(wanted), KEPT / self.bytes);
            kept.wanted(wanted.number, wanted.samples());
            slot
        };
        // No other lock is taken while this one is held, and no other task of this thread is run.
        let mut slot = lock(&slot);
        if let Some(bytes) = &*slot {
            return Ok(bytes.clone());
        }
        let bytes = Arc::new(self.decode(wanted)?);
        *slot = Some(bytes.clone());
        Ok(bytes)
    }

    /// Samples of a chunk that lie within the dataset.
    fn samples(&self, wanted: &Wanted) -> usize {
        let within = (0..3).map(|k| self.chunk[k].min(self.shape[k] - wanted.first[k]));
        within.product()
    }

    fn decode(&self, wanted: &Wanted) -> Result<Vec<u8>, FormatError> {
        let at = self
            .find(wanted.number)
            .expect("those that are missing are ready");
        let damaged = |Damage { found, expected }| {
            let place = format!("{}, chunk at {}", self.name, self.shown(wanted.first));
            FormatError::content(&self.path, place, found, expected)
        };
        let (mut bytes, mut spare) = (self.take(), self.take());
        let end = at.at.checked_add(at.bytes);
        if end.is_none_or(|end| end > self.pieces.size() as u64) {
            let found = format!("{} bytes from byte {} on", at.bytes, at.at);
            let expected = format!("bytes of a file of {}", self.pieces.size());
            return Err(damaged(Damage::new(found, expected)));
        }
        sized(&mut bytes, at.bytes as usize).map_err(damaged)?;
        self.pieces.read(at.at as usize, &mut bytes)?;
        let undone = self
            .filters
            .undo(at.skipped, self.bytes, &mut bytes, &mut spare);
        undone.map_err(damaged)?;
        self.give_back(spare);
        Ok(bytes)
    }

    /// Where a chunk begins, as the dataset counts.
    fn shown(&self, first: [usize; 3]) -> String {
        let [block, slow, fast] = first;
        match self.shape[0] {
            1 => format!("{slow}, {fast}"),
            _ => format!("{block}, {slow}, {fast}"),
        }
    }

    fn take(&self) -> Vec<u8> {
        lock(&self.spare).pop().unwrap_or_default()
    }

    fn give_back(&self, bytes: Vec<u8>) {
        let mut spare = lock(&self.spare);
        if spare.len() < 2 * rayon::current_num_threads() + BATCH / self.bytes {
            spare.push(bytes);
        }
    }
}

impl Wanted {
    fn samples(&self) -> usize {
        self.part.slow.len() * self.part.fast.len()
    }
}

impl Kept {
    /// The place of a chunk of so many samples; the oldest one goes where there are `most`.
    fn slot(&mut self, number: usize, samples: usize, most: usize) -> Slot {
        if let Some(kept) = self.slots.get(&number) {
            return kept.slot.clone();
        }
        while self.slots.len() >= most.max(1)
            && let Some(oldest) = self.order.pop_front()
        {
            if self.is_kept(oldest) {
                self.slots.remove(&oldest.0);
            }
        }
        // Those that went are forgotten now and then: looking for each of them would take as long as there are others.
        if self.order.len() > 2 * self.slots.len() + 64 {
            let mut order = std::mem::take(&mut self.order);
            order.retain(|it| self.is_kept(*it));
            self.order = order;
        }
        let slot = Slot::default();
        let kept = KeptChunk {
            slot: slot.clone(),
            left: samples,
            came: self.came,
        };
        self.order.push_back((number, self.came));
        self.came += 1;
        self.slots.insert(number, kept);
        slot
    }

    fn is_kept(&self, (number, came): (usize, u64)) -> bool {
        self.slots.get(&number).is_some_and(|it| it.came == came)
    }

    /// Some samples of a chunk are wanted now; nobody is expected to want them again.
    fn wanted(&mut self, number: usize, samples: usize) {
        let Some(kept) = self.slots.get_mut(&number) else {
            return;
        };
        kept.left = kept.left.saturating_sub(samples);
        if kept.left == 0 {
            self.slots.remove(&number);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics with it")
}

/// True if samples are stored as this machine has them.
pub fn is_native(data: &Dataset, dtype: DType) -> bool {
    match dtype {
        DType::I8 => native::<i8>(data),
        DType::U8 => native::<u8>(data),
        DType::I16 => native::<i16>(data),
        DType::U16 => native::<u16>(data),
        DType::I32 => native::<i32>(data),
        DType::U32 => native::<u32>(data),
        DType::I64 => native::<i64>(data),
        DType::U64 => native::<u64>(data),
        DType::F32 => native::<f32>(data),
        DType::F64 => native::<f64>(data),
        _ => false,
    }
}

/// The filters of a dataset whose chunks can be read here.
fn known(data: &Dataset, dtype: DType) -> Option<Filters> {
    let options = data.create_plist().ok()?.chunk_opts()?;
    // Chunks at the edge are stored as they are then, and not marked.
    if !is_native(data, dtype) || options.contains(ChunkOpts::DONT_FILTER_PARTIAL_CHUNKS) {
        return None;
    }
    Filters::of(&data.filters(), dtype.size())
}

/// Whether samples are stored as this machine has them.
fn native<T: H5Type>(data: &Dataset) -> bool {
    let types = (data.dtype(), Datatype::from_type::<T>());
    matches!(types, (Ok(stored), Ok(own)) if stored == own)
}

/// Lengths of two or three axes as those of three.
pub fn three(lengths: &[usize]) -> Option<[usize; 3]> {
    match *lengths {
        [slow, fast] => Some([1, slow, fast]),
        [blocks, slow, fast] => Some([blocks, slow, fast]),
        _ => None,
    }
}

/// The bytes of a sample that was never written.
fn fill(data: &Dataset, dtype: DType) -> Option<Vec<u8>> {
    fn of<T: H5Type + bytemuck::Pod>(data: &Dataset) -> Option<Vec<u8>> {
        let value = match data.fill_value().ok()? {
            Some(value) => value.cast::<T>().ok()?,
            None => T::zeroed(),
        };
        Some(bytemuck::bytes_of(&value).to_vec())
    }
    match dtype {
        DType::I8 => of::<i8>(data),
        DType::U8 => of::<u8>(data),
        DType::I16 => of::<i16>(data),
        DType::U16 => of::<u16>(data),
        DType::I32 => of::<i32>(data),
        DType::U32 => of::<u32>(data),
        DType::I64 => of::<i64>(data),
        DType::U64 => of::<u64>(data),
        DType::F32 => of::<f32>(data),
        DType::F64 => of::<f64>(data),
        _ => None,
    }
}

/// Asks the library where the chunks lie; `None` where its answer is none of a grid.
fn stored(data: &Dataset, chunk: [usize; 3], grid: [usize; 3]) -> Option<Vec<Stored>> {
    let most = grid.iter().try_fold(1, |n: usize, k| n.checked_mul(*k))?;
    let mut stored = Vec::new();
    let mut fits = true;
    let visited = data.chunks_visit(|info| {
        let first: Vec<usize> = info.offset.iter().map(|at| *at as usize).collect();
        let number = three_at(&first).and_then(|first| {
            let at: [usize; 3] = std::array::from_fn(|k| first[k] / chunk[k]);
            let inside = (0..3).all(|k| first[k] % chunk[k] == 0 && at[k] < grid[k]);
            inside.then_some((at[0] * grid[1] + at[1]) * grid[2] + at[2])
        });
        match number {
            Some(number) if stored.len() < most => stored.push(Stored {
                number,
                at: info.addr,
                bytes: info.size,
                skipped: info.filter_mask,
            }),
            _ => fits = false,
        }
        i32::from(!fits)
    });
    stored.sort_unstable_by_key(|it| it.number);
    let once = stored.windows(2).all(|two| two[0].number < two[1].number);
    (visited.is_ok() && fits && once).then_some(stored)
}

/// Goes through all chunks of a dataset, which reading it does.
#[cfg(unix)]
pub fn visit(data: &Dataset) {
    // Errors are found again where it is read.
    let _ = data.chunks_visit(|_| 0);
}

/// A place in two or three dimensions as one in three.
fn three_at(place: &[usize]) -> Option<[usize; 3]> {
    match *place {
        [slow, fast] => Some([0, slow, fast]),
        [block, slow, fast] => Some([block, slow, fast]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    #[test]
    fn the_oldest_of_those_that_are_kept_goes() {
        let mut kept = Kept::default();
        for number in [1, 2, 3] {
            kept.slot(number, 10, 3);
        }
        // The first is wanted whole, goes, and comes again: it is the youngest then.
        kept.wanted(1, 10);
        kept.slot(1, 10, 3);
        kept.slot(4, 10, 3);
        let mut numbers: Vec<usize> = kept.slots.keys().copied().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 3, 4]);
    }

    #[test]
    fn what_went_is_forgotten() {
        let mut kept = Kept::default();
        kept.slot(0, 10, 8);
        for number in 1..10_000 {
            kept.slot(number, 1, 8);
            kept.wanted(number, 1);
        }
        assert_eq!(kept.slots.len(), 1);
        assert!(kept.order.len() < 100, "{}", kept.order.len());
    }
}
