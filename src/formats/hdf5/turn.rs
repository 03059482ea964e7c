//! Samples of chunks into rows of channels: copied where channels are lines, turned where times are.

use std::ops::Range;

use rayon::prelude::*;

/// Rows that are written together: 64 bytes of an int16 line, so that every line of cache is used whole.
const STRIP: usize = 32;
/// Lines that are turned together.
const LINES: usize = 64;
/// Fewer bytes are written faster by the thread that has them.
const FEW: usize = 256 << 10;

/// Some samples of a dataset, in its own numbers.
#[derive(Debug)]
pub struct Piece<'a> {
    /// Lines.
    pub slow: Range<usize>,
    /// Samples of each.
    pub fast: Range<usize>,
    /// What they are.
    pub samples: Samples<'a>,
}

/// Where a piece's samples are.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// From the first one on, with `width` samples from a line to the next.
    Stored { bytes: &'a [u8], width: usize },
    /// All the same.
    Filled(&'a [u8]),
}

/// Where they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// The line and sample that the first row begins with.
    pub first: [usize; 2],
    /// Bytes of a row.
    pub row_bytes: usize,
    /// Where in each row the first sample goes.
    pub column: usize,
}

/// Writes pieces into rows: one for each line or, `turned`, for each sample of a line.
pub fn write(pieces: &[Piece], element: usize, turned: bool, into: &Rows, dst: &mut [u8]) {
    match element {
        1 => write_as::<1>(pieces, turned, into, dst),
        2 => write_as::<2>(pieces, turned, into, dst),
        4 => write_as::<4>(pieces, turned, into, dst),
        8 => write_as::<8>(pieces, turned, into, dst),
        other => unreachable!("samples of {other} bytes are refused when opened"),
    }
}

fn write_as<const N: usize>(pieces: &[Piece], turned: bool, into: &Rows, dst: &mut [u8]) {
    let samples: usize = pieces.iter().map(|it| it.slow.len() * it.fast.len()).sum();
    let strip = |(strip, dst): (usize, &mut [u8])| {
        let rows = strip * STRIP..strip * STRIP + dst.len() / into.row_bytes;
        for piece in pieces {
            match turned {
                true => turn::<N>(piece, into, rows.clone(), dst),
                false => copy::<N>(piece, into, rows.clone(), dst),
            }
        }
    };
    let bytes = into.row_bytes * STRIP;
    if samples * N > FEW {
        dst.par_chunks_mut(bytes).enumerate().for_each(strip);
    } else {
        dst.chunks_mut(bytes).enumerate().for_each(strip);
    }
}

/// The rows of `rows` that lines or samples `range` go to, numbered from the first of both on.
fn shared(range: &Range<usize>, first: usize, rows: &Range<usize>) -> Range<usize> {
    let (from, to) = (range.start - first, range.end - first);
    from.max(rows.start)..to.min(rows.end)
}

fn copy<const N: usize>(piece: &Piece, into: &Rows, rows: Range<usize>, dst: &mut [u8]) {
    let column = into.column + (piece.fast.start - into.first[1]) * N;
    for row in shared(&piece.slow, into.first[0], &rows) {
        let to = (row - rows.start) * into.row_bytes + column;
        let out = &mut dst[to..to + piece.fast.len() * N];
        match piece.samples {
            Samples::Filled(fill) => fill_with(out, fill),
            Samples::Stored { bytes, width } => {
                let from = (row + into.first[0] - piece.slow.start) * width * N;
                out.copy_from_slice(&bytes[from..from + out.len()]);
            }
        }
    }
}

fn turn<const N: usize>(piece: &Piece, into: &Rows, rows: Range<usize>, dst: &mut [u8]) {
    let column = into.column + (piece.slow.start - into.first[0]) * N;
    let run = piece.slow.len() * N;
    let shared = shared(&piece.fast, into.first[1], &rows);
    let (bytes, width) = match piece.samples {
        Samples::Stored { bytes, width } => (bytes, width),
        Samples::Filled(fill) => {
            for row in shared {
                let to = (row - rows.start) * into.row_bytes + column;
                fill_with(&mut dst[to..to + run], fill);
            }
            return;
        }
    };
    for block in (0..piece.slow.len()).step_by(LINES) {
        let lines = block..(block + LINES).min(piece.slow.len());
        for row in shared.clone() {
            let to = (row - rows.start) * into.row_bytes + column + lines.start * N;
            let out = &mut dst[to..to + lines.len() * N];
            let sample = row + into.first[1] - piece.fast.start;
            let from = &bytes[(lines.start * width + sample) * N..];
            let from = from.chunks(width * N);
            for (out, line) in out.as_chunks_mut::<N>().0.iter_mut().zip(from) {
                out.copy_from_slice(&line[..N]);
            }
        }
    }
}

fn fill_with(out: &mut [u8], fill: &[u8]) {
    for sample in out.chunks_exact_mut(fill.len()) {
        sample.copy_from_slice(fill);
    }
}
