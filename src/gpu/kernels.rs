//! Kernels that commands share: each function appends dispatches to a recorder and returns the tensor that they fill.

use super::Kernel;

pub mod bands;
pub mod fft;

/// Every kernel, one for each file in `shaders/`.
pub fn all() -> Vec<&'static Kernel> {
    const LISTS: &[&[&Kernel]] = &[bands::KERNELS, fft::KERNELS];
    LISTS.concat()
}
