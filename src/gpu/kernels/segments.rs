//! Spectra of overlapping segments of rows.

use super::map::map;
use super::rule::Rule;
use super::{fft, fold};
use crate::dsp::segments::{Segments, Trend};
use crate::gpu::{Element, Recorder, Tensor};

/// The spectra of `count` segments of each row, one after the other: (rows * count) x length, complex. Rows begin with `before` zeros
/// and end with as many as the last segment wants.
pub fn transform(
    rec: &mut Recorder,
    x: Tensor,
    segments: &Segments,
    before: usize,
    count: usize,
) -> Tensor {
    let cut = "\
fn value(i: u32, j: u32) -> Y {
    let t = i32(i % word(0u) * word(1u) + j) - i32(word(2u));
    if t < 0 || t >= i32(a_cols()) {
        return 0.0;
    }
    return a(i / word(0u), u32(t));
}";
    let shape = (x.rows() * count, segments.length);
    let rule = Rule::new(cut, [x]).words([count, segments.step, before]);
    let cut = map(rec, &rule, shape, Element::Real);
    let mean = match segments.trend {
        Trend::None => rec.table_real(&[0.0]),
        Trend::Constant => fold::mean(rec, cut, Some(1)),
    };
    let weights = rec.table_real(&segments.weights);
    let rule = "fn value(i: u32, j: u32) -> Y { return (a(i, j) - b_wide(i, j)) * c(0u, j); }";
    let weighted = map(
        rec,
        &Rule::new(rule, [cut, mean, weights]),
        shape,
        Element::Real,
    );
    fft::forward(rec, weighted, 1)
}
