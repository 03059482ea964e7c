//! Medians by the bits of numbers: from the highest bit down, those with a smaller prefix are counted.

use super::map::map_like;
use super::rule::Rule;
use super::{THREADS, word};
use crate::block::Precision;
use crate::dsp::edge::Edge;
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Tensor};

/// The kernels of this module.
pub static KERNELS: &[&Kernel] = &[&ROWS];

static ROWS: Kernel = Kernel {
    name: "median_rows",
    source: include_str!("../../../shaders/median_rows.wgsl"),
};

/// The sample of rank `size / 2` of each window of channels x samples, which is centred with one more before than after where it is
/// even; a NaN is larger than any number. `None` in double precision, whose bits a shader cannot take apart.
pub fn filter(rec: &mut Recorder, x: Tensor, size: (usize, usize), edge: Edge) -> Option<Tensor> {
    if rec.precision() == Precision::F64 {
        return None;
    }
    let rule = "\
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
    return unkey(prefix);
}";
    let rule = Rule::new(rule, [x]).words([size.0, size.1]).edge(edge);
    Some(map_like(rec, &rule, Element::Real))
}

/// The median of the numbers of each row, rows x 1: of an even count the mean of the two in the middle, NaN of none. `None` in double
/// precision.
pub fn of_rows(rec: &mut Recorder, x: Tensor) -> Option<Tensor> {
    if rec.precision() == Precision::F64 {
        return None;
    }
    let y = rec.temp(x.rows(), 1, Element::Real);
    // A short row needs few threads.
    let threads = x.cols().div_ceil(4).next_power_of_two().clamp(32, THREADS);
    rec.dispatch(Dispatch {
        kernel: &ROWS,
        text: None,
        constants: vec![("threads", threads as f64)],
        params: bytemuck::cast_slice(&[word(x.rows()), word(x.cols())]).to_vec(),
        inputs: vec![x],
        outputs: vec![y],
        workgroups: x.rows() as u64,
        workgroup_bytes: 4 * size_of::<u32>(),
    });
    Some(y)
}
