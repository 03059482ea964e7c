//! Two arrays of different shapes, sample by sample, as numpy broadcasts them: an axis of length 1 counts for every position.

use ndarray::{Array2, ArrayView2, Zip};

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
pub fn zip<A: Copy + Sync, B: Copy + Sync, C: Copy + Default + Send>(
    x: ArrayView2<'_, A>,
    y: ArrayView2<'_, B>,
    op: impl Fn(A, B) -> C + Sync + Send,
) -> Array2<C> {
    let shape = shape(x.dim(), y.dim()).expect("the plan checked the shapes");
    let wide = "an axis of length 1 or of the result's";
    let (x, y) = (
        x.broadcast(shape).expect(wide),
        y.broadcast(shape).expect(wide),
    );
    let mut out = Array2::default(shape);
    Zip::from(out.rows_mut())
        .and(x.rows())
        .and(y.rows())
        .for_each(|mut out, x, y| {
            Zip::from(&mut out)
                .and(&x)
                .and(&y)
                .for_each(|to, &a, &b| *to = op(a, b));
        });
    out
}
