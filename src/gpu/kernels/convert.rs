//! Stored samples become numbers on the device, so that they travel in the type that the file has.

use super::{THREADS, word};
use crate::block::{DType, Precision};
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Tensor};

/// The kernels of this module.
pub static KERNELS: &[&Kernel] = &[&CONVERT];

static CONVERT: Kernel = Kernel {
    name: "convert",
    source: include_str!("../../../shaders/convert.wgsl"),
};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    count: u32,
}

/// What an array of a stored type is uploaded as: itself where the device converts it; else the host narrows it to real or
/// complex.
pub fn upload_element(dtype: DType, precision: Precision) -> Element {
    let wide = precision == Precision::F64;
    match dtype {
        DType::I64 | DType::U64 => Element::Real,
        DType::F64 if !wide => Element::Real,
        DType::C128 if !wide => Element::Complex,
        _ => Element::Stored(dtype),
    }
}

/// Stored samples as real or complex ones of the same shape. What is real or complex already stays as it is, and samples
/// that have the recorder's precision are taken where they lie.
///
/// Panics for a type that [`upload_element`] never gives.
pub fn to_real(rec: &mut Recorder, x: Tensor) -> Tensor {
    let Element::Stored(dtype) = x.element() else {
        return x;
    };
    let (element, parts) = if dtype.is_complex() {
        (Element::Complex, 2)
    } else {
        (Element::Real, 1)
    };
    let same = match rec.precision() {
        Precision::F32 => matches!(dtype, DType::F32 | DType::C64),
        Precision::F64 => matches!(dtype, DType::F64 | DType::C128),
    };
    if same {
        return x.view(x.rows(), x.cols(), element);
    }
    let y = rec.temp(x.rows(), x.cols(), element);
    let count = x.len() * parts;
    rec.dispatch(Dispatch {
        kernel: &CONVERT,
        text: None,
        constants: vec![("threads", THREADS as f64), ("stored", code(dtype))],
        params: bytemuck::bytes_of(&Params { count: word(count) }).to_vec(),
        inputs: vec![x],
        outputs: vec![y],
        workgroups: count.div_ceil(THREADS) as u64,
        workgroup_bytes: 0,
    });
    y
}

/// The shader's number of a type.
fn code(dtype: DType) -> f64 {
    f64::from(match dtype {
        DType::Bool => 0u8,
        DType::I8 => 1,
        DType::U8 => 2,
        DType::I16 => 3,
        DType::U16 => 4,
        DType::I32 => 5,
        DType::U32 => 6,
        DType::F16 => 7,
        DType::F32 | DType::C64 => 8,
        DType::I64 | DType::U64 | DType::F64 | DType::C128 => {
            unreachable!("the host converts {}", dtype.name())
        }
    })
}
