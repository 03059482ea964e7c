//! Blocks: the arrays that commands compute on.

use std::fmt::Debug;
use std::ops::Range;

use ndarray::{Array2, s};
use num_complex::Complex;

use super::{Coords, DType};

/// The floating-point type of a CPU run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Single precision: half the memory traffic.
    F32,
    /// Double precision: the reference.
    F64,
}

impl Precision {
    /// Bytes of a real number.
    pub fn bytes(self) -> usize {
        match self {
            Precision::F32 => 4,
            Precision::F64 => 8,
        }
    }
}

/// The scalar that CPU kernels are generic over: `f32` or `f64`.
pub trait Real:
    rustfft::FftNum + bytemuck::Pod + num_traits::NumAssign + PartialOrd + Default + std::iter::Sum
{
    /// This type's npy and GPU element type.
    const DTYPE: DType;
    /// Which of the two it is.
    const PRECISION: Precision;
    /// The nearest value of this type.
    fn of(value: f64) -> Self;
    /// The exact value in double precision.
    fn wide(self) -> f64;
    /// Rounded to single precision.
    #[inline(always)]
    fn to_single(self) -> Self {
        Self::of(f64::from(self.wide() as f32))
    }
    /// Square root.
    fn sqrt(self) -> Self;
    /// `sqrt(self^2 + other^2)` without overflow in between.
    fn hypot(self, other: Self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Exponential.
    fn exp(self) -> Self;
    /// The larger of two numbers; NaN where one of them is.
    fn maximum(self, other: Self) -> Self;
    /// The smaller of two numbers; NaN where one of them is.
    fn minimum(self, other: Self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Not a number.
    fn is_nan(self) -> bool;
    /// NaN.
    const NAN: Self;
}

macro_rules! real {
    ($type:ty, $dtype:expr, $precision:expr) => {
        impl Real for $type {
            const DTYPE: DType = $dtype;
            const PRECISION: Precision = $precision;
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn hypot(self, other: Self) -> Self {
                self.hypot(other)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                self.ln()
            }
            #[inline(always)]
            fn exp(self) -> Self {
                self.exp()
            }
            #[inline(always)]
            fn maximum(self, other: Self) -> Self {
                if self >= other || self.is_nan() {
                    self
                } else {
                    other
                }
            }
            #[inline(always)]
            fn minimum(self, other: Self) -> Self {
                if self <= other || self.is_nan() {
                    self
                } else {
                    other
                }
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.is_nan()
            }
            const NAN: Self = <$type>::NAN;
        }
    };
}
real!(f32, DType::F32, Precision::F32);
real!(f64, DType::F64, Precision::F64);

/// What kind of number a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Real samples.
    Real,
    /// Complex samples.
    Complex,
    /// Integer labels or indices.
    Label,
    /// 64-bit hashes.
    Hash,
    /// True or false.
    Mask,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Real => "real",
            Kind::Complex => "complex",
            Kind::Label => "labels",
            Kind::Hash => "hash",
            Kind::Mask => "mask",
        })
    }
}

/// What is known of a block before it exists. Every command maps signatures to a signature.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// What its samples are.
    pub kind: Kind,
    /// The axis along the rows.
    pub depth: Coords,
    /// The axis along the columns.
    pub time: Coords,
    /// 2; or 1 for a block that is stored as (n,) and held as (n, 1); or 0 for one number, stored as () and held as (1, 1).
    pub rank: u8,
    /// The type in which numpy would hold it. It matters to distpy's numbers only, which round accordingly.
    pub held: Held,
}

/// The type in which numpy would hold a block, as far as it changes what distpy computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Double precision.
    Double,
    /// Single precision: a float32 chunk, and what keeps that type.
    Single,
    /// Whole numbers: an integer chunk, and what keeps that type.
    Integer,
}

impl Held {
    /// How numpy holds samples of a stored type.
    pub fn of(dtype: DType) -> Self {
        match dtype {
            DType::F32 => Held::Single,
            _ if dtype.is_integer() => Held::Integer,
            _ => Held::Double,
        }
    }
}

impl Signature {
    /// Number of rows: channels.
    pub fn rows(&self) -> usize {
        self.depth.len()
    }

    /// Number of columns: times, frequencies or bands.
    pub fn cols(&self) -> usize {
        self.time.len()
    }

    /// The same signature for a part of the rows.
    pub fn for_rows(&self, rows: Range<usize>) -> Self {
        Self {
            depth: Coords::new(self.depth.unit, &self.depth.values[rows]),
            ..self.clone()
        }
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}x{}", self.kind, self.rows(), self.cols())
    }
}

/// The samples of a block, row-major: one row per channel.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples<T> {
    /// Real samples.
    Real(Array2<T>),
    /// Complex samples.
    Complex(Array2<Complex<T>>),
    /// Integer labels or indices.
    Label(Array2<i64>),
    /// 64-bit hashes.
    Hash(Array2<u64>),
    /// True or false.
    Mask(Array2<bool>),
}

/// Applies one expression to whichever array is inside.
#[macro_export]
macro_rules! each {
    ($samples:expr, $array:ident => $body:expr) => {
        match $samples {
            $crate::block::Samples::Real($array) => $body,
            $crate::block::Samples::Complex($array) => $body,
            $crate::block::Samples::Label($array) => $body,
            $crate::block::Samples::Hash($array) => $body,
            $crate::block::Samples::Mask($array) => $body,
        }
    };
}

/// The same, giving samples of the same kind back.
#[macro_export]
macro_rules! mapped {
    ($samples:expr, $array:ident => $body:expr) => {
        match $samples {
            $crate::block::Samples::Real($array) => $crate::block::Samples::Real($body),
            $crate::block::Samples::Complex($array) => $crate::block::Samples::Complex($body),
            $crate::block::Samples::Label($array) => $crate::block::Samples::Label($body),
            $crate::block::Samples::Hash($array) => $crate::block::Samples::Hash($body),
            $crate::block::Samples::Mask($array) => $crate::block::Samples::Mask($body),
        }
    };
}

/// The same for real and complex samples, of which there are no others: the plan saw to that.
#[macro_export]
macro_rules! numbers {
    ($samples:expr, $array:ident => $body:expr) => {
        match $samples {
            $crate::block::Samples::Real($array) => $crate::block::Samples::Real($body),
            $crate::block::Samples::Complex($array) => $crate::block::Samples::Complex($body),
            other => unreachable!("planned as numbers, computed as {other:?}"),
        }
    };
}
pub use {each, mapped, numbers};

/// A block of computed samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Block<T> {
    /// The values, row-major.
    pub samples: Samples<T>,
}

impl<T: Real> Block<T> {
    /// A block of real samples.
    pub fn real(array: Array2<T>) -> Self {
        Self {
            samples: Samples::Real(array),
        }
    }

    /// A block of complex samples.
    pub fn complex(array: Array2<Complex<T>>) -> Self {
        Self {
            samples: Samples::Complex(array),
        }
    }

    /// Zeros of a kind and shape, to be filled tile by tile.
    pub fn zeros(kind: Kind, rows: usize, cols: usize) -> Self {
        let shape = (rows, cols);
        let samples = match kind {
            Kind::Real => Samples::Real(Array2::zeros(shape)),
            Kind::Complex => Samples::Complex(Array2::zeros(shape)),
            Kind::Label => Samples::Label(Array2::zeros(shape)),
            Kind::Hash => Samples::Hash(Array2::zeros(shape)),
            Kind::Mask => Samples::Mask(Array2::from_elem(shape, false)),
        };
        Self { samples }
    }

    /// What the samples are.
    pub fn kind(&self) -> Kind {
        match self.samples {
            Samples::Real(_) => Kind::Real,
            Samples::Complex(_) => Kind::Complex,
            Samples::Label(_) => Kind::Label,
            Samples::Hash(_) => Kind::Hash,
            Samples::Mask(_) => Kind::Mask,
        }
    }

    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        each!(&self.samples, a => a.dim())
    }

    /// A copy of some rows.
    pub fn rows(&self, rows: Range<usize>) -> Self {
        Self {
            samples: mapped!(&self.samples, a => a.slice(s![rows, ..]).to_owned()),
        }
    }

    /// A contiguous copy with rows and columns exchanged.
    pub fn transposed(&self) -> Self {
        Self {
            samples: mapped!(&self.samples, a => a.t().as_standard_layout().into_owned()),
        }
    }

    /// The real samples; signatures were checked when the plan was made, so another kind is a bug.
    pub fn as_real(&self) -> &Array2<T> {
        match &self.samples {
            Samples::Real(array) => array,
            other => unreachable!("planned as real, computed as {other:?}"),
        }
    }

    /// The complex samples; as [`Block::as_real`].
    pub fn as_complex(&self) -> &Array2<Complex<T>> {
        match &self.samples {
            Samples::Complex(array) => array,
            other => unreachable!("planned as complex, computed as {other:?}"),
        }
    }

    /// The samples as complex numbers, which real ones are too; another kind is a bug, as in [`Block::as_real`].
    pub fn to_complex(&self) -> Array2<Complex<T>> {
        match &self.samples {
            Samples::Complex(array) => array.clone(),
            _ => self.as_real().mapv(|v| Complex::new(v, T::zero())),
        }
    }

    /// How many real or complex samples are infinite or NaN.
    pub fn non_finite(&self) -> u64 {
        match &self.samples {
            Samples::Real(a) => a.iter().filter(|v| !v.is_finite()).count() as u64,
            Samples::Complex(a) => a
                .iter()
                .filter(|v| !(v.re.is_finite() && v.im.is_finite()))
                .count() as u64,
            _ => 0,
        }
    }
}
