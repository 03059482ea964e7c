//! Compressed arrays as pictures read them: a few decoded tiles are in memory at a time.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::block::Stored;
use crate::formats::FormatError;
use crate::formats::zarr::Zarr;
use crate::picture::reduce::{Row, Rows};

/// Bytes that are decoded together where the array's tiles are smaller.
const TOGETHER: usize = 8 << 20;
/// Rows that are decoded together at least, as pixels often share some.
const FEWEST_ROWS: usize = 16;

/// What could not be read after an array was opened. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Option<FormatError>>>);

impl Faults {
    fn add(&self, fault: FormatError) {
        lock(&self.0).get_or_insert(fault);
    }

    /// The first, if there is one.
    pub fn take(&self) -> Option<FormatError> {
        lock(&self.0).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All channels of an array for some of its times. Samples that cannot be read are missing, and a fault.
#[derive(Debug)]
pub struct Tiles {
    store: Arc<Store>,
    times: Range<usize>,
}

#[derive(Debug)]
struct Store {
    array: Zarr,
    /// Rows that are decoded together.
    band: usize,
    /// Decoded bands, the last that was wanted at the end.
    bands: Mutex<VecDeque<(Key, Band)>>,
    faults: Faults,
}

/// First row and first time.
type Key = (usize, usize);
type Band = Arc<OnceLock<Stored>>;

/// Cuts an array into parts of whole tiles along time.
pub fn parts(array: Zarr, faults: &Faults) -> Vec<Tiles> {
    let ([rows, cols], tile) = (array.shape(), array.tile());
    // Whole tiles: as many as `most` elements have, at least one.
    let whole = |n: usize, tile: usize, most: usize| {
        let elements = (most / tile).max(1).saturating_mul(tile);
        elements.min(n).max(1)
    };
    let samples = TOGETHER / array.sample_size();
    let width = whole(cols, tile[1], samples / whole(rows, tile[0], FEWEST_ROWS));
    let store = Arc::new(Store {
        band: whole(rows, tile[0], samples / width),
        array,
        bands: Mutex::default(),
        faults: faults.clone(),
    });
    (0..cols)
        .step_by(width)
        .map(|from| Tiles {
            store: store.clone(),
            times: from..cols.min(from + width),
        })
        .collect()
}

impl Store {
    /// A band of rows, decoded once while it is wanted.
    fn band(&self, first: usize, times: &Range<usize>) -> Band {
        let key = (first, times.start);
        let band = {
            let mut bands = lock(&self.bands);
            let known = bands.iter().position(|(known, _)| *known == key);
            let band = known.and_then(|at| bands.remove(at)).map(|(_, band)| band);
            let band = band.unwrap_or_default();
            bands.push_back((key, band.clone()));
            if bands.len() > rayon::current_num_threads() + 1 {
                bands.pop_front();
            }
            band
        };
        // Others that want it wait here. Decoding uses no other thread, so it cannot come to wait for itself.
        band.get_or_init(|| {
            let rows = first..self.array.shape()[0].min(first + self.band);
            let read = self.array.read(rows.clone(), times.clone());
            read.unwrap_or_else(|fault| {
                self.faults.add(fault);
                Stored::missing([rows.len(), times.len()])
            })
        });
        band
    }
}

impl Rows for Tiles {
    fn shape(&self) -> (usize, usize) {
        (self.store.array.shape()[0], self.times.len())
    }

    fn visit(&self, rows: Range<usize>, take: &mut dyn FnMut(Row<'_>)) {
        let mut at = rows.start;
        while at < rows.end {
            let first = at - at % self.store.band;
            let end = rows.end.min(first + self.store.band);
            if let Some(band) = self.store.band(first, &self.times).get() {
                band.visit(at - first..end - first, take);
            }
            at = end;
        }
    }
}
