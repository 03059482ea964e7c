//! Samples to the device: converted or copied straight into its staging memory, piece by piece on all processors.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::schedule::Tile;
use super::{Blocks, Job};
use crate::block::{Block, DType, Samples, Stored};
use crate::gpu::engine::{Engine, Staging, Ticket};
use crate::gpu::{Element, GpuError};
use crate::plan::Slot;

/// Bytes that one thread writes at a time: inside a core's cache, so that a check for NaN costs no second pass over memory.
const PIECE: usize = 256 << 10;

/// Starts a tile. The second value counts the chunk's samples in it that are infinite or NaN.
pub fn submit(
    engine: &Engine,
    tile: &Tile,
    inputs: &[(Slot, Element)],
    job: &Job,
    blocks: &Blocks,
) -> Result<(Ticket, u64), GpuError> {
    let bad = AtomicU64::new(0);
    let ticket = engine.submit(&tile.program, &mut |k, staging| {
        let (slot, element) = inputs[k];
        match job.plan.sources.iter().position(|source| source.slot == slot) {
            Some(at) => {
                let stored = &job.sources[at];
                let rows = if tile.whole { 0..stored.shape()[0] } else { tile.rows.clone() };
                let count = if slot == Slot(0) { Some(&bad) } else { None };
                source(staging, stored, rows, element, count);
            }
            None => {
                let block = &blocks[&slot];
                let rows = if tile.whole { 0..block.shape().0 } else { tile.rows.clone() };
                computed(staging, block, rows);
            }
        }
    })?;
    Ok((ticket, bad.into_inner()))
}

fn source(staging: Staging<'_>, stored: &Stored, rows: Range<usize>, element: Element, bad: Option<&AtomicU64>) {
    let bytes_per_sample = match element {
        Element::Stored(dtype) => dtype.size(),
        Element::Complex => 8,
        _ => 4,
    };
    let row = stored.shape()[1] * bytes_per_sample;
    pieces(staging, rows, row, &|rows, mut staging| match element {
        Element::Stored(_) => match stored.native_rows(rows.clone()) {
            Some(bytes) => staging.write(0, bytes),
            None => {
                let mut bytes = vec![0; rows.len() * row];
                stored.copy_rows(rows, &mut bytes);
                staging.write(0, &bytes);
            }
        },
        _ => {
            // Stored numbers that already are what the device takes go straight up; all are looked at while they are near.
            let direct = matches!(stored.dtype(), DType::F32 | DType::C64).then(|| stored.native_rows(rows.clone())).flatten();
            match direct {
                Some(bytes) => {
                    count(bad, || stored.block::<f32>(rows.clone()), non_finite_bytes(bytes));
                    staging.write(0, bytes);
                }
                None => {
                    let block = stored.block::<f32>(rows);
                    let bytes = bytes_of(&block);
                    let suspect = non_finite_bytes(bytes);
                    staging.write(0, bytes);
                    count(bad, || block.clone(), suspect);
                }
            }
        }
    });
}

fn count(bad: Option<&AtomicU64>, block: impl Fn() -> Block<f32>, suspect: bool) {
    if let Some(bad) = bad.filter(|_| suspect) {
        bad.fetch_add(block().non_finite(), Ordering::Relaxed);
    }
}

/// Whether any of the single-precision numbers is infinite or NaN: its exponent bits are all set.
fn non_finite_bytes(bytes: &[u8]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    let set = |v: &[u8; 4]| u32::from_ne_bytes(*v) & EXPONENT == EXPONENT;
    // Without an early end, so that it vectorises.
    bytes.as_chunks::<4>().0.iter().fold(false, |any, v| any | set(v))
}

fn computed(staging: Staging<'_>, block: &Block<f32>, rows: Range<usize>) {
    let row = bytes_of(block).len() / block.shape().0.max(1);
    let bytes = bytes_of(block);
    pieces(staging, rows, row, &|rows, mut staging| staging.write(0, &bytes[rows.start * row..rows.end * row]));
}

fn bytes_of(block: &Block<f32>) -> &[u8] {
    match &block.samples {
        Samples::Complex(array) => bytemuck::cast_slice(array.as_slice().expect("blocks are contiguous")),
        _ => bytemuck::cast_slice(block.as_real().as_slice().expect("blocks are contiguous")),
    }
}

/// Halves the rows until a piece is small, and writes the pieces side by side.
fn pieces(staging: Staging<'_>, rows: Range<usize>, row: usize, write: &(dyn Fn(Range<usize>, Staging<'_>) + Sync)) {
    if rows.len() <= 1 || rows.len() * row <= PIECE {
        return write(rows, staging);
    }
    let middle = rows.start + rows.len() / 2;
    let (head, tail) = staging.split_at((middle - rows.start) * row);
    rayon::join(
        || pieces(head, rows.start..middle, row, write),
        || pieces(tail, middle..rows.end, row, write),
    );
}
