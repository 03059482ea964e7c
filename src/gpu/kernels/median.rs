//! Medians by the bits of numbers: from the highest bit down, those with a smaller prefix are counted.

use super::map::map_like;
use super::rule::Rule;
use crate::block::Precision;
use crate::dsp::edge::Edge;
use crate::gpu::{Element, Recorder, Tensor};

/// The sample of rank `size / 2` of each window of channels x samples, which is centred with one more before than after where it is
/// even; a NaN is larger than any number. `None` in double precision, whose bits a shader cannot take apart.
pub fn filter(rec: &mut Recorder, x: Tensor, size: (usize, usize), edge: Edge) -> Option<Tensor> {
    if rec.precision() == Precision::F64 {
        return None;
    }
    // Whole numbers in the order of the numbers that have these bits.
    let rule = "\
fn key(x: f32) -> u32 {
    if is_nan(x) {
        return 0xffffffffu;
    }
    let bits = bitcast<u32>(x);
    return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}
fn sample(i: u32, j: u32, k: u32) -> u32 {
    let row = edge(i32(i + k / word(1u)) - i32(word(0u) / 2u), i32(a_rows()));
    let col = edge(i32(j + k % word(1u)) - i32(word(1u) / 2u), i32(a_cols()));
    return key(a(u32(row), u32(col)));
}
fn value(i: u32, j: u32) -> Y {
    let count = word(0u) * word(1u);
    var rank = count / 2u;
    var prefix = 0u;
    for (var bit = 0u; bit < 32u; bit++) {
        let step = 0x80000000u >> bit;
        let mask = ~(step - 1u);
        var below = 0u;
        for (var k = 0u; k < count; k++) {
            below += select(0u, 1u, (sample(i, j, k) & mask) == prefix);
        }
        if rank >= below {
            rank -= below;
            prefix |= step;
        }
    }
    if prefix == 0xffffffffu {
        return bitcast<f32>(0x7fc00000u);
    }
    return bitcast<f32>(select(~prefix, prefix & 0x7fffffffu, (prefix & 0x80000000u) != 0u));
}";
    let rule = Rule::new(rule, [x]).words([size.0, size.1]).edge(edge);
    Some(map_like(rec, &rule, Element::Real))
}
