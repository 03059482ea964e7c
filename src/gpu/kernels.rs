//! Kernels that commands share: each function appends dispatches to a recorder and returns the tensor that they fill.

pub mod bands;
pub mod convert;
pub mod fft;
pub mod filter;
pub mod fold;
pub mod map;
pub mod median;
pub mod moments;
pub mod point;
pub mod rule;
pub mod segments;
pub mod stencil;
pub mod transpose;
pub mod window;

use super::{Element, Kernel, Tensor};

pub use transpose::transpose;

/// Threads of a workgroup wherever a kernel has no reason for another number: every device has as many.
const THREADS: usize = 256;

/// Every kernel, one for each file in `shaders/`.
pub fn all() -> Vec<&'static Kernel> {
    [
        bands::KERNELS,
        convert::KERNELS,
        fft::KERNELS,
        filter::KERNELS,
        fold::KERNELS,
        map::KERNELS,
        median::KERNELS,
        point::KERNELS,
        transpose::KERNELS,
        window::KERNELS,
    ]
    .concat()
}

/// Reals of one sample of a tensor that is real or complex.
///
/// Panics for another element: stored samples are converted first.
fn parts(x: Tensor) -> usize {
    match x.element() {
        Element::Real => 1,
        Element::Complex => 2,
        other => panic!("found a tensor of {other}, expected real or complex"),
    }
}

/// A size as shaders hold it.
pub(crate) fn word(size: usize) -> u32 {
    u32::try_from(size).expect("tensors that fit a binding have fewer than 2^32 elements")
}
