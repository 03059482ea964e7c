//! Rows to columns.

use super::{THREADS, parts, word};
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Tensor};

/// The kernels of this module.
pub static KERNELS: &[&Kernel] = &[&TRANSPOSE];

static TRANSPOSE: Kernel = Kernel {
    name: "transpose",
    source: include_str!("../../../shaders/transpose.wgsl"),
};

/// Rows and columns of a workgroup's tile.
const EDGE: usize = 16;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    parts: u32,
}

/// The transpose of real or complex samples, cols x rows. A single row or column is taken where it lies.
pub fn transpose(rec: &mut Recorder, x: Tensor) -> Tensor {
    let (rows, cols) = (x.rows(), x.cols());
    if rows == 1 || cols == 1 {
        return x.view(cols, rows, x.element());
    }
    let params = Params {
        rows: word(rows),
        cols: word(cols),
        parts: word(parts(x)),
    };
    let y = rec.temp(cols, rows, x.element());
    let workgroup_bytes = 2 * EDGE * (EDGE + 1) * Element::Real.size(rec.precision());
    rec.dispatch(Dispatch {
        kernel: &TRANSPOSE,
        text: None,
        constants: vec![("threads", THREADS as f64)],
        params: bytemuck::bytes_of(&params).to_vec(),
        inputs: vec![x],
        outputs: vec![y],
        workgroups: (rows.div_ceil(EDGE) * cols.div_ceil(EDGE)) as u64,
        workgroup_bytes,
    });
    y
}
