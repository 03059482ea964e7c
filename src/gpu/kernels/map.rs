//! Results sample by sample, each out of any samples of the inputs: what most commands that move or combine samples need of a device.

use super::THREADS;
use super::rule::Rule;
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Tensor};

/// The kernels of this module.
pub static KERNELS: &[&Kernel] = &[&MAP];

static MAP: Kernel = Kernel {
    name: "map",
    source: include_str!("../../../shaders/map.wgsl"),
};

/// A result of rows x cols: the rule has `fn value(i: u32, j: u32) -> Y` for its row `i` and column `j`.
pub fn map(
    rec: &mut Recorder,
    rule: &Rule,
    (rows, cols): (usize, usize),
    element: Element,
) -> Tensor {
    let y = rec.temp(rows, cols, element);
    rec.dispatch(Dispatch {
        kernel: &MAP,
        text: Some(rule.shader(&MAP, element)),
        constants: vec![("threads", THREADS as f64)],
        params: rule.params(y, &[], rec.precision()),
        inputs: rule.inputs().to_vec(),
        outputs: vec![y],
        workgroups: y.len().div_ceil(THREADS) as u64,
        workgroup_bytes: 0,
    });
    y
}

/// A result of the first input's shape.
pub fn map_like(rec: &mut Recorder, rule: &Rule, element: Element) -> Tensor {
    let x = rule.inputs()[0];
    map(rec, rule, (x.rows(), x.cols()), element)
}

/// Real parts.
pub fn real_part(rec: &mut Recorder, x: Tensor) -> Tensor {
    let rule = Rule::new("fn value(i: u32, j: u32) -> Y { return a_y(i, j); }", [x]);
    map_like(rec, &rule, Element::Real)
}
