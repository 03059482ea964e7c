//! Samples that a dataset holds in one piece, read by position: where a file ends before them, the library reads zeros.

use std::sync::Arc;

use hdf5::Dataset;
use hdf5::dataset::Layout;

use super::chunked::{Part, is_native, three};
use super::{Places, turn};
use crate::block::DType;
use crate::formats::FormatError;
use crate::formats::mapped::Pieces;

/// Bytes that are read at a time, if a line is not longer.
const SLAB: usize = 8 << 20;

/// A dataset's samples.
#[derive(Debug)]
pub struct Contiguous {
    pieces: Arc<Pieces>,
    /// Blocks (one for a dataset of two dimensions), lines, samples of a line.
    shape: [usize; 3],
    /// Bytes of a sample.
    element: usize,
    /// Place of the first sample in the file.
    at: u64,
}

impl Places for Contiguous {
    fn read(
        &self,
        parts: &[(Part, usize)],
        turned: bool,
        dst: &mut [u8],
        row_bytes: usize,
    ) -> Result<(), FormatError> {
        for (part, column) in parts {
            let Part { block, slow, fast } = part;
            let into = turn::Rows {
                first: [slow.start, fast.start],
                row_bytes,
                column: *column,
            };
            let line = fast.len() * self.element;
            let count = (SLAB / line.max(1)).max(1);
            let mut bytes = Vec::new();
            for first in slow.clone().step_by(count) {
                let lines = first..slow.end.min(first + count);
                bytes.resize(lines.len() * line, 0);
                let place = |line: usize| {
                    ((block * self.shape[1] + line) * self.shape[2] + fast.start) * self.element
                };
                if fast.len() == self.shape[2] {
                    self.bytes(place(first), &mut bytes)?;
                } else {
                    for (number, dst) in lines.clone().zip(bytes.chunks_exact_mut(line)) {
                        self.bytes(place(number), dst)?;
                    }
                }
                let piece = turn::Piece {
                    slow: lines,
                    fast: fast.clone(),
                    samples: turn::Samples::Stored {
                        bytes: &bytes,
                        width: fast.len(),
                    },
                };
                turn::write(&[piece], self.element, turned, &into, dst);
            }
        }
        Ok(())
    }

    fn is_packed(&self) -> bool {
        false
    }
}

impl Contiguous {
    /// The samples of a dataset of `dtype`; `None` where the library must read them.
    pub fn of(pieces: &Arc<Pieces>, data: &Dataset, dtype: DType) -> Option<Self> {
        if data.layout() != Layout::Contiguous || !is_native(data, dtype) {
            return None;
        }
        Some(Self {
            pieces: pieces.clone(),
            shape: three(&data.shape())?,
            element: dtype.size(),
            at: data.offset()?,
        })
    }

    fn bytes(&self, place: usize, dst: &mut [u8]) -> Result<(), FormatError> {
        let at = usize::try_from(self.at)
            .ok()
            .and_then(|at| at.checked_add(place));
        let end = at.and_then(|at| at.checked_add(dst.len()));
        match (at, end) {
            (Some(at), Some(end)) if end <= self.pieces.size() => self.pieces.read(at, dst),
            _ => {
                let found = format!("{} bytes", self.pieces.size());
                let expected = format!("samples up to byte {}", end.unwrap_or(usize::MAX));
                Err(FormatError::content(
                    self.pieces.path(),
                    "file",
                    found,
                    expected,
                ))
            }
        }
    }
}
