//! Numerics that two or more commands share, generic over f32 and f64, and the plain data that describes them to a GPU.

pub mod analytic;
pub mod bands;
pub mod broadcast;
pub mod edge;
pub mod fft;
pub mod median;
pub mod reduce;
pub mod rows;
pub mod segments;
pub mod sos;
pub mod stencil;
pub mod transfer;
pub mod window;
