//! Two arrays of different shapes, sample by sample, as numpy broadcasts them: an axis of length 1 counts for every position.

use ndarray::{Array2, ArrayView2};
use num_traits::Zero;

use super::rows;

/// The shape of the result; none where the shapes do not fit.
pub fn shape(a: (usize, usize), b: (usize, usize)) -> Option<(usize, usize)> {
    let one = |a: usize, b: usize| match (a, b) {
        _ if a == b => Some(a),
        (1, n) | (n, 1) => Some(n),
        _ => None,
    };
    Some((one(a.0, b.0)?, one(a.1, b.1)?))
}

/// Applies `op` to each pair of samples of two arrays whose shapes fit.
pub fn zip<A: Copy + Sync, B: Copy + Sync, C: Copy + Zero + Send>(
    x: ArrayView2<'_, A>,
    y: ArrayView2<'_, B>,
    op: impl Fn(A, B) -> C + Sync + Send,
) -> Array2<C> {
    let (rows, cols) = shape(x.dim(), y.dim()).expect("the plan checked the shapes");
    let (x, y) = (x.as_standard_layout(), y.as_standard_layout());
    let (a, b) = (
        x.as_slice().expect("of standard layout"),
        y.as_slice().expect("of standard layout"),
    );
    rows::make(
        rows,
        cols,
        || (),
        |i, out, ()| {
            let (a, b) = (row(a, x.dim(), i), row(b, y.dim(), i));
            match (a.len() == cols, b.len() == cols) {
                (true, true) => {
                    for ((to, &a), &b) in out.iter_mut().zip(a).zip(b) {
                        *to = op(a, b);
                    }
                }
                (true, false) => out.iter_mut().zip(a).for_each(|(to, &a)| *to = op(a, b[0])),
                (false, true) => out.iter_mut().zip(b).for_each(|(to, &b)| *to = op(a[0], b)),
                (false, false) => unreachable!("one of the two is as wide as the result"),
            }
        },
    )
}

/// A row, or the only one there is.
fn row<V>(samples: &[V], (rows, cols): (usize, usize), i: usize) -> &[V] {
    let i = if rows == 1 { 0 } else { i };
    &samples[i * cols..(i + 1) * cols]
}
