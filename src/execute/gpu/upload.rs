//! Samples to the device: converted or copied straight into its staging memory, piece by piece on all processors.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::schedule::Tile;
use super::{Blocks, Job};
use rayon::prelude::*;

use crate::block::{Block, DType, Real, Samples, Stored};
use crate::gpu::engine::{Engine, Filled, PIECE, Staging};
use crate::gpu::{Element, GpuError};
use crate::plan::Slot;

/// Writes a tile's inputs. The second value counts the chunk's samples in it that are infinite or NaN.
pub fn fill<T: Real>(
    engine: &Engine,
    tile: &Tile,
    inputs: &[(Slot, Element)],
    job: &Job,
    blocks: &Blocks<T>,
) -> Result<(Filled, u64), GpuError> {
    let bad = AtomicU64::new(0);
    let filled = engine.fill(&tile.program, &mut |k, staging| {
        let (slot, element) = inputs[k];
        match job
            .plan
            .sources
            .iter()
            .position(|source| source.slot == slot)
        {
            Some(at) => {
                let stored = &job.sources[at];
                let rows = tile.reads(stored.shape()[0]);
                let own = tile.writes(stored.shape()[0]).0;
                let mut count = if slot == Slot(0) { Some(&bad) } else { None };
                // Each sample counts once, and rows that several tiles take are few.
                if rows != own
                    && let Some(bad) = count.take()
                {
                    bad.fetch_add(stored.block::<T>(own).non_finite(), Ordering::Relaxed);
                }
                source::<T>(staging, stored, rows, element, count);
            }
            None => {
                let block = &blocks[&slot];
                computed(staging, block, tile.reads(block.shape().0));
            }
        }
    })?;
    Ok((filled, bad.into_inner()))
}

/// A source: copied where the device takes it as stored, else converted to the precision of the run.
fn source<T: Real>(
    staging: Staging<'_>,
    stored: &Stored,
    rows: Range<usize>,
    element: Element,
    bad: Option<&AtomicU64>,
) {
    if let Element::Stored(dtype) = element {
        let bytes = match stored.native_rows(rows.clone()) {
            Some(bytes) => Cow::Borrowed(bytes),
            None => {
                let mut bytes = vec![0; rows.len() * stored.shape()[1] * dtype.size()];
                stored.copy_rows(rows, &mut bytes);
                Cow::Owned(bytes)
            }
        };
        if let (DType::F16, Some(bad)) = (dtype, bad) {
            bad.fetch_add(non_finite_halves(&bytes), Ordering::Relaxed);
        }
        return copy(staging, &bytes);
    }
    let per_sample = if element == Element::Complex { 2 } else { 1 };
    let first = rows.start * stored.shape()[1];
    let convert = |numbers: Range<usize>, piece: &mut [T]| {
        let samples = first + numbers.start / per_sample..first + numbers.end / per_sample;
        stored.convert_flat(samples, piece)
    };
    if convert(0..0, &mut []).is_none() {
        // Fortran order: the file is read column by column as a whole.
        let block = stored.block::<T>(rows);
        if let Some(bad) = bad {
            bad.fetch_add(block.non_finite(), Ordering::Relaxed);
        }
        return copy(staging, bytes_of(&block));
    }
    let fill = |at: usize, piece: &mut [T]| {
        // Rows are contiguous, as was just found.
        let _ = convert(at..at + piece.len(), piece);
        if let Some(bad) = bad.filter(|_| any_non_finite(piece)) {
            let count = piece
                .chunks_exact(per_sample)
                .filter(|v| v.iter().any(|x| !x.is_finite()))
                .count();
            bad.fetch_add(count as u64, Ordering::Relaxed);
        }
    };
    let (pieces, mut rest) = staging.pieces();
    let numbers_of = PIECE / size_of::<T>();
    let done = pieces.len() * numbers_of;
    pieces.into_par_iter().enumerate().for_each_init(
        || vec![T::zero(); numbers_of],
        |numbers, (k, piece)| {
            fill(k * numbers_of, numbers);
            piece.write(bytemuck::cast_slice(numbers));
        },
    );
    let mut numbers = vec![T::zero(); rest.len() / size_of::<T>()];
    fill(done, &mut numbers);
    rest.write(0, bytemuck::cast_slice(&numbers));
}

/// Whether any number is infinite or NaN. Without an early end, so that it vectorises.
fn any_non_finite<T: Real>(numbers: &[T]) -> bool {
    numbers.iter().fold(false, |any, &v| any | !v.is_finite())
}

/// How many half-precision numbers are infinite or NaN.
fn non_finite_halves(bytes: &[u8]) -> u64 {
    const EXPONENT: u16 = 0x7c00;
    let halves = bytes
        .chunks_exact(2)
        .map(|half| u16::from_ne_bytes([half[0], half[1]]));
    halves.filter(|half| half & EXPONENT == EXPONENT).count() as u64
}

fn computed<T: Real>(staging: Staging<'_>, block: &Block<T>, rows: Range<usize>) {
    let bytes = bytes_of(block);
    let row = bytes.len() / block.shape().0.max(1);
    copy(staging, &bytes[rows.start * row..rows.end * row]);
}

fn bytes_of<T: Real>(block: &Block<T>) -> &[u8] {
    match &block.samples {
        Samples::Complex(array) => {
            bytemuck::cast_slice(array.as_slice().expect("blocks are contiguous"))
        }
        _ => bytemuck::cast_slice(block.as_real().as_slice().expect("blocks are contiguous")),
    }
}

fn copy(staging: Staging<'_>, bytes: &[u8]) {
    let (pieces, mut rest) = staging.pieces();
    let (head, tail) = bytes.split_at(pieces.len() * PIECE);
    pieces
        .into_par_iter()
        .zip(head.par_chunks_exact(PIECE))
        .for_each(|(piece, bytes)| piece.write(bytes));
    rest.write(0, tail);
}
