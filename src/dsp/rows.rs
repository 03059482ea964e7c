//! Work on rows in parallel: what kernels that see a whole block share.

use ndarray::Array2;
use num_traits::Zero;
use rayon::prelude::*;

/// Samples below which a second thread costs more than it saves: the tiles of row-by-row stages, which run in parallel already.
const SMALL: usize = 1 << 16;

/// Each row of the result from the same row of the input; `run` gets the row, the `cols` samples to write and a scratch that
/// lives for many rows.
pub fn each<A: Sync, B: Copy + Zero + Send, S>(
    x: &Array2<A>,
    cols: usize,
    scratch: impl Fn() -> S + Sync + Send,
    run: impl Fn(&[A], &mut [B], &mut S) + Sync + Send,
) -> Array2<B> {
    let from = x.as_slice().expect("blocks are contiguous");
    let width = x.ncols();
    make(x.nrows(), cols, scratch, |row, out, scratch| {
        run(&from[row * width..(row + 1) * width], out, scratch);
    })
}

/// Each row of a result of `rows` times `cols` samples; `run` gets its number, the samples to write and a scratch.
pub fn make<B: Copy + Zero + Send, S>(
    rows: usize,
    cols: usize,
    scratch: impl Fn() -> S + Sync + Send,
    run: impl Fn(usize, &mut [B], &mut S) + Sync + Send,
) -> Array2<B> {
    let mut out = Array2::zeros((rows, cols));
    in_place(&mut out, scratch, run);
    out
}

/// Each row in place; `run` gets its number, its samples and a scratch.
pub fn in_place<B: Send, S>(
    x: &mut Array2<B>,
    scratch: impl Fn() -> S + Sync + Send,
    run: impl Fn(usize, &mut [B], &mut S) + Sync + Send,
) {
    let (rows, cols) = x.dim();
    if cols == 0 {
        return;
    }
    let to = x.as_slice_mut().expect("blocks are contiguous");
    if to.len() < SMALL {
        let mut scratch = scratch();
        to.chunks_exact_mut(cols)
            .enumerate()
            .for_each(|(row, out)| run(row, out, &mut scratch));
        return;
    }
    // A few groups a thread: balance, and few scratches.
    let group = rows.div_ceil(4 * rayon::current_num_threads()).max(1);
    to.par_chunks_mut(group * cols)
        .enumerate()
        .for_each(|(k, rows)| {
            let mut scratch = scratch();
            rows.chunks_exact_mut(cols)
                .enumerate()
                .for_each(|(row, out)| run(k * group + row, out, &mut scratch));
        });
}

/// One value a row: (n, 1).
pub fn column<A: Sync, B: Copy + Zero + Send>(
    x: &Array2<A>,
    value: impl Fn(&[A]) -> B + Sync + Send,
) -> Array2<B> {
    each(x, 1, || (), |row, out, ()| out[0] = value(row))
}
