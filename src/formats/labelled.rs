//! Arrays with named axes and attributes, as xarray and the CF conventions have them, whatever format holds them.

use serde_json::{Map, Value};

use super::FormatError;
use crate::block::DType;

/// Bytes of the values that are written in one go, as a rule: a whole row of tiles.
const BLOCK: usize = 16 << 20;
/// Bytes of a tile, as a rule, before compression.
const TILE: usize = 2 << 20;
/// Entries of a tile of an axis.
const AXIS: usize = 1 << 16;

/// An array, or an axis: an array of one dimension with the dimension's own name.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub dtype: DType,
    /// The names of its dimensions.
    pub dims: Vec<String>,
    /// Their lengths.
    pub shape: Vec<usize>,
    /// The part that is compressed together.
    pub tile: Vec<usize>,
    /// What is known of it.
    pub attributes: Map<String, Value>,
}

/// An axis of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// The name of axis and dimension.
    pub name: String,
    /// A text for each position.
    pub values: Vec<String>,
    /// What is known of it.
    pub attributes: Map<String, Value>,
}

/// Everything of a group but the values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// Axes and arrays.
    pub arrays: Vec<Array>,
    /// Axes of texts.
    pub labels: Vec<Labels>,
    /// What is known of all of them.
    pub attributes: Map<String, Value>,
}

/// A group that is being written.
pub trait Store {
    /// Writes rows of an array (indices of the first dimension) from `from` on, which is a multiple of its tile: `bytes` are
    /// their values in this machine's byte order. All but the last rows come in multiples of the tile too.
    ///
    /// # Errors
    /// When they cannot be written.
    fn write(&mut self, array: usize, from: usize, bytes: &[u8]) -> Result<(), FormatError>;

    /// Completes it.
    ///
    /// # Errors
    /// When it cannot be written.
    fn close(self: Box<Self>) -> Result<(), FormatError>;
}

impl Array {
    /// An axis.
    pub fn axis(name: &str, dtype: DType, len: usize, attributes: Map<String, Value>) -> Self {
        Self {
            name: name.to_string(),
            dtype,
            dims: vec![name.to_string()],
            shape: vec![len],
            tile: vec![len.clamp(1, AXIS)],
            attributes,
        }
    }

    /// An array of two or three dimensions. Many times of some channels share a tile, so that both a picture of some time and
    /// the course of one channel read few of them.
    pub fn of(
        name: &str,
        dtype: DType,
        dims: Vec<String>,
        shape: Vec<usize>,
        attributes: Map<String, Value>,
    ) -> Self {
        let inner: usize = shape[2..].iter().product();
        let cell = (inner * dtype.size()).max(1);
        let row = (shape[1] * cell).max(1);
        let times = (BLOCK / row).clamp(1, shape[0].max(1));
        let channels = (TILE / (times * cell)).clamp(1, shape[1].max(1));
        let mut tile = vec![times, channels];
        tile.extend(shape[2..].iter().map(|n| (*n).max(1)));
        Self {
            name: name.to_string(),
            dtype,
            dims,
            shape,
            tile,
            attributes,
        }
    }

    /// Bytes of one index of the first dimension.
    pub fn row(&self) -> usize {
        self.shape[1..].iter().product::<usize>() * self.dtype.size()
    }
}

/// Collects rows of an array until a row of tiles is full.
#[derive(Debug)]
pub struct Gather {
    array: usize,
    full: usize,
    row: usize,
    written: usize,
    held: Vec<u8>,
}

impl Gather {
    /// For the array at a position of a layout.
    pub fn new(layout: &Layout, array: usize) -> Self {
        let it = &layout.arrays[array];
        Self {
            array,
            full: it.tile[0] * it.row(),
            row: it.row(),
            written: 0,
            held: Vec::new(),
        }
    }

    /// Takes values of the next rows.
    ///
    /// # Errors
    /// Those of the store.
    pub fn push(&mut self, store: &mut dyn Store, mut bytes: &[u8]) -> Result<(), FormatError> {
        while self.held.len() + bytes.len() >= self.full && self.full > 0 {
            let (now, later) = bytes.split_at(self.full - self.held.len());
            self.held.extend_from_slice(now);
            self.flush(store)?;
            bytes = later;
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes what is held.
    ///
    /// # Errors
    /// Those of the store.
    pub fn flush(&mut self, store: &mut dyn Store) -> Result<(), FormatError> {
        if !self.held.is_empty() {
            store.write(self.array, self.written, &self.held)?;
            self.written += self.held.len() / self.row.max(1);
            self.held.clear();
        }
        Ok(())
    }
}
