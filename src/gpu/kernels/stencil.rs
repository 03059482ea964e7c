//! Weighted sums over a neighbourhood.

use ndarray::Array2;

use super::map::map_like;
use super::rule::Rule;
use crate::dsp::edge::Edge;
use crate::gpu::{Recorder, Tensor};

const RULE: &str = "\
fn value(i: u32, j: u32) -> Y {
    var sum = Y();
    for (var k = 0u; k < b_rows(); k++) {
        let row = edge(i32(i + k) - i32(word(0u)), i32(a_rows()));
        if row < 0 {
            continue;
        }
        for (var l = 0u; l < b_cols(); l++) {
            let weight = b(k, l);
            let col = edge(i32(j + l) - i32(word(1u)), i32(a_cols()));
            if weight != 0.0 && col >= 0 {
                sum += weight * a(u32(row), u32(col));
            }
        }
    }
    return sum;
}";

/// `y[i, t] = sum over k, l of w[k, l] x[i + k - origin.0, t + l - origin.1]` of real or complex samples; a weight of zero leaves a
/// sample out.
pub fn correlate(
    rec: &mut Recorder,
    x: Tensor,
    weights: &Array2<f64>,
    origin: (usize, usize),
    edge: Edge,
) -> Tensor {
    let values: Vec<f64> = weights.iter().copied().collect();
    let table = rec.table_real(&values);
    let table = table.view(weights.nrows(), weights.ncols(), table.element());
    let rule = Rule::new(RULE, [x, table])
        .words([origin.0, origin.1])
        .edge(edge);
    map_like(rec, &rule, x.element())
}

/// The same along depth (`axis` 0) or time (1) with weights in a line.
pub fn correlate_along(
    rec: &mut Recorder,
    x: Tensor,
    weights: &[f64],
    origin: usize,
    axis: usize,
    edge: Edge,
) -> Tensor {
    let (shape, origin) = match axis {
        0 => ((weights.len(), 1), (origin, 0)),
        _ => ((1, weights.len()), (0, origin)),
    };
    let weights = Array2::from_shape_vec(shape, weights.to_vec()).expect("a row or a column");
    correlate(rec, x, &weights, origin, edge)
}
