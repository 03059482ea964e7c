//! Rows to columns.

use super::THREADS;
use super::rule::Rule;
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Tensor};

/// The kernels of this module.
pub static KERNELS: &[&Kernel] = &[&TRANSPOSE];

static TRANSPOSE: Kernel = Kernel {
    name: "transpose",
    source: include_str!("../../../shaders/transpose.wgsl"),
};

/// Rows and columns of a workgroup's tile.
const EDGE: usize = 16;

/// The transpose of real or complex samples, cols x rows. A single row or column is taken where it lies.
pub fn transpose(rec: &mut Recorder, x: Tensor) -> Tensor {
    let (rows, cols) = (x.rows(), x.cols());
    if rows == 1 || cols == 1 {
        return x.view(cols, rows, x.element());
    }
    let rule = Rule::new("fn value(i: u32, j: u32) -> Y { return a(i, j); }", [x]);
    transposed(rec, &rule, (rows, cols), x.element())
}

/// The transpose of what [`super::map::map`] gives for a rule and shape, in one pass: cols x rows. In the rule, `rows()` and `cols()`
/// are those of the transpose.
pub fn transposed(
    rec: &mut Recorder,
    rule: &Rule,
    shape: (usize, usize),
    element: Element,
) -> Tensor {
    let (dispatch, y) = launch(rec, rule, shape, element);
    rec.dispatch(dispatch);
    y
}

/// The same, once something reads it.
pub fn transposed_later(
    rec: &mut Recorder,
    rule: &Rule,
    shape: (usize, usize),
    element: Element,
) -> Tensor {
    let (dispatch, y) = launch(rec, rule, shape, element);
    rec.defer(dispatch, None);
    y
}

fn launch(
    rec: &mut Recorder,
    rule: &Rule,
    (rows, cols): (usize, usize),
    element: Element,
) -> (Dispatch, Tensor) {
    let y = rec.temp(cols, rows, element);
    let dispatch = Dispatch {
        kernel: &TRANSPOSE,
        text: Some(rule.shader(&TRANSPOSE, element)),
        constants: vec![("threads", THREADS as f64)],
        params: rule.params(y, &[], rec.precision()),
        inputs: rule.inputs().to_vec(),
        outputs: vec![y],
        workgroups: (rows.div_ceil(EDGE) * cols.div_ceil(EDGE)) as u64,
        workgroup_bytes: EDGE * (EDGE + 1) * element.size(rec.precision()),
    };
    (dispatch, y)
}
