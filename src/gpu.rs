//! stub
#![allow(missing_docs)]
pub mod recording {
    #[derive(Debug)]
    pub struct Recorder;
    #[derive(Debug, Clone, Copy)]
    pub struct Tensor;
}
pub mod kernels {
    pub mod reduce {
        use super::super::recording::*;
        pub fn sum(_: &mut Recorder, x: Tensor, _: Option<usize>) -> Tensor {
            x
        }
        pub fn mean(_: &mut Recorder, x: Tensor, _: Option<usize>) -> Tensor {
            x
        }
    }
    pub mod fft {
        use super::super::recording::*;
        pub fn forward(_: &mut Recorder, x: Tensor, _: usize) -> Tensor {
            x
        }
        pub fn inverse(_: &mut Recorder, x: Tensor, _: usize) -> Tensor {
            x
        }
    }
    pub mod bands {
        use super::super::recording::*;
        pub fn from_spectrum(
            _: &mut Recorder,
            x: Tensor,
            _: &[crate::dsp::bands::BandSums],
            _: usize,
        ) -> Vec<Tensor> {
            vec![x]
        }
    }
}
