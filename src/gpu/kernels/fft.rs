//! Discrete Fourier transforms of any length, unscaled, `X[k] = sum_j x[j] exp(-2 pi i j k / n)`, and their inverse.
//!
//! Three ways, chosen by the length n and the device's workgroup memory (8 bytes for a complex number, 16 in double precision):
//! - *in one workgroup*, where n has no prime factor beyond 7 and a row fits: n / 2 complex numbers for real rows of even n, n for
//!   two real rows of odd n or a complex one. One dispatch, in place, one memory round trip.
//! - *in passes*, where it does not fit: n as a product of two or three lengths that do, one dispatch each (Stockham's order).
//! - *Bluestein's*, for other prime factors: two transforms of 2n - 1 points or a little more, and three products.
//!
//! Memory: every way reads and writes whole tensors, and a tensor must fit one binding, so callers tile rows. A forward transform
//! in one workgroup needs nothing beyond input and result. Passes take one or two complex tensors of the result's size (half of it
//! for real rows) besides, Bluestein's two of rows x (2n to 2.1n) complex numbers; [`bytes_of_largest`] gives the largest.

use super::bands::{self, pieces::Pieces, pieces::Symmetry};
use super::map::map_like;
use super::rule::Rule;
use crate::dsp::bands::BandSums;
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Tensor};

mod bluestein;
mod complex;
#[cfg(test)]
mod emulate;
mod passes;
mod real;
mod stages;

pub(super) use real::{PackedRows, Packing, roots};

/// The kernels of this module.
pub const KERNELS: &[&Kernel] = &[
    &complex::PASS,
    &complex::CHIRP,
    &real::REAL,
    &real::BANDS,
    &real::SPLIT,
];

/// The unscaled DFT of a real or complex tensor along `axis` (0: depth, 1: time); complex, of the same shape.
pub fn forward(rec: &mut Recorder, x: Tensor, axis: usize) -> Tensor {
    if axis == 1 && x.element() == Element::Real {
        return real::spectrum(rec, x);
    }
    complex::transform_tensor(rec, x, axis, complex::Ends::FORWARD)
}

/// The inverse DFT along `axis`, divided by the length; complex, of the same shape. Real input has imaginary parts of 0.
pub fn inverse(rec: &mut Recorder, x: Tensor, axis: usize) -> Tensor {
    let length = if axis == 0 { x.rows() } else { x.cols() };
    complex::transform_tensor(rec, x, axis, complex::Ends::inverse(length))
}

/// The analytic signal of real rows (`axis` 1) or columns (0): negative frequencies removed, positive ones doubled.
pub fn analytic(rec: &mut Recorder, x: Tensor, axis: usize) -> Tensor {
    let spectrum = forward(rec, x, axis);
    let rule = "\
fn value(i: u32, j: u32) -> Y {
    let k = place(i, j);
    let n = a_len();
    if k == 0u || 2u * k == n {
        return a(i, j);
    }
    return a(i, j) * select(real(0.0), real(2.0), 2u * k < n);
}";
    let one_sided = map_like(
        rec,
        &Rule::new(rule, [spectrum]).axis(axis),
        Element::Complex,
    );
    inverse(rec, one_sided, axis)
}

/// Bands of the DFT of each row: one (rows, bands) real tensor for each group, none of which may be without bands.
///
/// Row 0 of `x` is row `rows_offset` of the block that the groups' scales are for. Spectra of real rows that fit a workgroup are
/// not written; others are, in packed form. For complex rows this is [`forward`] and [`bands::from_spectrum`].
pub fn bands(
    rec: &mut Recorder,
    x: Tensor,
    groups: &[BandSums],
    rows_offset: usize,
) -> Vec<Tensor> {
    if x.element() == Element::Complex {
        let spectrum = forward(rec, x, 1);
        return bands::from_spectrum(rec, spectrum, groups, rows_offset);
    }
    let pieces = Pieces::new(groups, x.cols(), Symmetry::Hermitian);
    let sums = real::piece_sums(rec, x, &pieces);
    bands::combine(rec, sums, &pieces, groups, rows_offset)
}

/// Bytes of the largest tensor that [`forward`] or [`inverse`] makes for `lines` transforms of `length` samples: what a binding
/// must hold.
pub fn bytes_of_largest(rec: &Recorder, lines: usize, length: usize) -> u64 {
    let padded = if stages::is_smooth(length) {
        length
    } else {
        bluestein::convolution_length(length)
    };
    (lines * padded * Element::Complex.size(rec.precision())) as u64
}

/// Complex numbers that workgroup memory holds.
fn slots(rec: &Recorder) -> usize {
    rec.limits().workgroup_storage / Element::Complex.size(rec.precision())
}

/// Threads for a workgroup that transforms this many complex numbers: a few butterflies each.
fn threads(rec: &Recorder, slots: usize) -> usize {
    (slots / 16)
        .next_power_of_two()
        .clamp(64, 256)
        .min(rec.limits().invocations)
}

/// Launches a kernel with one thread for each element of its output.
pub(super) fn dispatch_elements(
    rec: &mut Recorder,
    kernel: &'static Kernel,
    constants: &[(&'static str, f64)],
    params: &impl bytemuck::NoUninit,
    inputs: &[Tensor],
    output: Tensor,
) {
    let threads = 64;
    rec.dispatch(Dispatch {
        kernel,
        text: None,
        constants: [&[("threads", threads as f64)], constants].concat(),
        params: bytemuck::bytes_of(params).to_vec(),
        inputs: inputs.to_vec(),
        outputs: vec![output],
        workgroups: output.len().div_ceil(threads) as u64,
        workgroup_bytes: 0,
    });
}
