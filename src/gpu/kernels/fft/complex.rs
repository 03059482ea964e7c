//! Complex transforms through global memory: passes and Bluestein's products.

use super::super::word;
use super::bluestein::{chirp, convolution_length, filter};
use super::passes::{Kind, Pass, passes};
use super::{dispatch_elements, slots, threads};
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Tensor};

pub static PASS: Kernel = Kernel {
    name: "fft_pass",
    source: include_str!("../../../../shaders/fft_pass.wgsl"),
};
pub static CHIRP: Kernel = Kernel {
    name: "fft_chirp",
    source: include_str!("../../../../shaders/fft_chirp.wgsl"),
};

/// What is transformed: `transforms` rows of `length * inner` complex numbers, along the length.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// The memory.
    pub x: Tensor,
    /// How it is read.
    pub kind: Kind,
    /// Rows that it holds, read this way.
    pub rows: usize,
    /// Complex rows to make of them.
    pub transforms: usize,
    /// Points of a transform.
    pub length: usize,
    /// Numbers that lie behind each other in every point.
    pub inner: usize,
}

/// What happens to numbers on the way in and out: the inverse DFT is `conj(DFT(conj x)) / n`.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    conjugate_in: bool,
    conjugate_out: bool,
    divisor: usize,
}

impl Ends {
    /// Nothing.
    pub const FORWARD: Self = Self {
        conjugate_in: false,
        conjugate_out: false,
        divisor: 1,
    };

    /// Makes an inverse of a transform of this length.
    pub fn inverse(length: usize) -> Self {
        Self {
            conjugate_in: true,
            conjugate_out: true,
            divisor: length,
        }
    }

    /// The share of the first of several steps, and that of the last.
    fn only(self, first: bool, last: bool) -> Self {
        Self {
            conjugate_in: self.conjugate_in && first,
            conjugate_out: self.conjugate_out && last,
            divisor: if last { self.divisor } else { 1 },
        }
    }
}

/// Transforms along an axis; the result has the shape of the input.
pub fn transform_tensor(rec: &mut Recorder, x: Tensor, axis: usize, ends: Ends) -> Tensor {
    let kind = if x.element() == Element::Real {
        Kind::Real
    } else {
        Kind::Complex
    };
    let lines = match axis {
        0 => Lines {
            x,
            kind,
            rows: 1,
            transforms: 1,
            length: x.rows(),
            inner: x.cols(),
        },
        1 => Lines {
            x,
            kind,
            rows: x.rows(),
            transforms: x.rows(),
            length: x.cols(),
            inner: 1,
        },
        _ => panic!("axis {axis} of an array of depth and time"),
    };
    transform(rec, lines, ends).view(x.rows(), x.cols(), Element::Complex)
}

/// Transforms all lines: (transforms, length * inner) complex.
pub fn transform(rec: &mut Recorder, lines: Lines, ends: Ends) -> Tensor {
    match passes(lines.length, lines.inner, slots(rec)) {
        Some(passes) => in_passes(rec, lines, &passes, ends),
        None => by_convolution(rec, lines, ends),
    }
}

fn in_passes(rec: &mut Recorder, lines: Lines, passes: &[Pass], ends: Ends) -> Tensor {
    let mut from = lines;
    for (i, pass) in passes.iter().enumerate() {
        let x = dispatch_pass(rec, from, pass, ends.only(i == 0, i + 1 == passes.len()));
        from = Lines {
            x,
            kind: Kind::Complex,
            rows: lines.transforms,
            ..lines
        };
    }
    from.x
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct PassParams {
    columns: u32,
    rows: u32,
    divisor: u32,
}

fn dispatch_pass(rec: &mut Recorder, lines: Lines, pass: &Pass, ends: Ends) -> Tensor {
    let y = rec.temp(
        lines.transforms,
        lines.length * lines.inner,
        Element::Complex,
    );
    let twiddles = rec.table_complex(&pass.twiddles());
    let places = rec.table_index(&pass.stages.places());
    let columns = lines.transforms * pass.part * pass.step;
    let params = PassParams {
        columns: word(columns),
        rows: word(lines.rows),
        divisor: word(ends.divisor),
    };
    let mut constants = pass
        .stages
        .constants(pass.slots(), threads(rec, pass.slots()));
    constants.extend([
        ("shift", f64::from(pass.shift)),
        ("parts", pass.part as f64),
        ("pass_step", pass.step as f64),
        ("input_kind", f64::from(lines.kind as u32)),
        ("conjugate_in", f64::from(ends.conjugate_in)),
        ("conjugate_out", f64::from(ends.conjugate_out)),
    ]);
    rec.dispatch(Dispatch {
        kernel: &PASS,
        text: None,
        constants,
        params: bytemuck::bytes_of(&params).to_vec(),
        inputs: vec![lines.x, twiddles, places],
        outputs: vec![y],
        workgroups: columns.div_ceil(pass.slots() / pass.stages.length) as u64,
        workgroup_bytes: pass.slots() * Element::Complex.size(rec.precision()),
    });
    y
}

/// Bluestein's transform; see the formulas in `bluestein.rs`.
fn by_convolution(rec: &mut Recorder, lines: Lines, ends: Ends) -> Tensor {
    let Lines {
        transforms,
        length,
        inner,
        ..
    } = lines;
    let padded = convolution_length(length);
    let mut factors = chirp(length);
    factors.extend(filter(length, padded));
    let factors = rec.table_complex(&factors);
    let complex = |x| Lines {
        x,
        kind: Kind::Complex,
        rows: transforms,
        transforms,
        length: padded,
        inner,
    };

    let chirped = Product {
        factors,
        table: 0,
        kept: length,
        len_out: padded,
    };
    let filtered = Product {
        factors,
        table: length,
        kept: padded,
        len_out: padded,
    };
    let cut = Product {
        factors,
        table: 0,
        kept: length,
        len_out: length,
    };

    let x = dispatch_product(rec, lines, chirped, ends.only(true, false));
    let x = transform(rec, complex(x), Ends::FORWARD);
    let x = dispatch_product(rec, complex(x), filtered, Ends::FORWARD);
    // The filter holds the convolution's 1 / padded.
    let x = transform(
        rec,
        complex(x),
        Ends {
            divisor: 1,
            ..Ends::inverse(padded)
        },
    );
    dispatch_product(rec, complex(x), cut, ends.only(false, true))
}

/// A product of every line with a part of a table.
#[derive(Clone, Copy)]
struct Product {
    factors: Tensor,
    /// Where the part starts.
    table: usize,
    /// Its length; what lies beyond becomes 0.
    kept: usize,
    /// Points of the resulting lines.
    len_out: usize,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct ChirpParams {
    rows: u32,
    rows_in: u32,
    len_in: u32,
    len_out: u32,
    kept: u32,
    step: u32,
    table: u32,
    divisor: u32,
}

fn dispatch_product(rec: &mut Recorder, lines: Lines, product: Product, ends: Ends) -> Tensor {
    let y = rec.temp(
        lines.transforms,
        product.len_out * lines.inner,
        Element::Complex,
    );
    let params = ChirpParams {
        rows: word(lines.transforms),
        rows_in: word(lines.rows),
        len_in: word(lines.length),
        len_out: word(product.len_out),
        kept: word(product.kept),
        step: word(lines.inner),
        table: word(product.table),
        divisor: word(ends.divisor),
    };
    let constants = [
        ("input_kind", f64::from(lines.kind as u32)),
        ("conjugate_in", f64::from(ends.conjugate_in)),
        ("conjugate_out", f64::from(ends.conjugate_out)),
    ];
    dispatch_elements(
        rec,
        &CHIRP,
        &constants,
        &params,
        &[lines.x, product.factors],
        y,
    );
    y
}
