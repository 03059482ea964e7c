//! Arrays as files hold them: any sample type, either byte order, C or Fortran layout.

use std::ops::Range;
use std::sync::Arc;

use ndarray::Array2;
use num_complex::Complex;
use num_traits::AsPrimitive;

use super::{Block, Kind, Real, Samples};
use crate::store::map::Map;

/// The type of a stored sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// One byte, zero or not.
    Bool,
    /// Signed 8-bit integer.
    I8,
    /// Unsigned 8-bit integer.
    U8,
    /// Signed 16-bit integer.
    I16,
    /// Unsigned 16-bit integer.
    U16,
    /// Signed 32-bit integer.
    I32,
    /// Unsigned 32-bit integer.
    U32,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 64-bit integer.
    U64,
    /// Half precision.
    F16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
    /// Two single-precision numbers: real part, imaginary part.
    C64,
    /// Two double-precision numbers.
    C128,
}

impl DType {
    /// Bytes of one sample.
    pub fn size(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 | DType::C64 => 8,
            DType::C128 => 16,
        }
    }

    /// Bytes of the number that a change of byte order reverses: half a complex sample, else the whole.
    pub fn word(self) -> usize {
        if self.is_complex() {
            self.size() / 2
        } else {
            self.size()
        }
    }

    /// Whether samples have an imaginary part.
    pub fn is_complex(self) -> bool {
        matches!(self, DType::C64 | DType::C128)
    }

    /// Whether samples are whole numbers.
    pub fn is_integer(self) -> bool {
        !matches!(self, DType::F16 | DType::F32 | DType::F64) && !self.is_complex()
    }

    /// Whether every value is exact in single precision.
    pub fn fits_f32(self) -> bool {
        !matches!(
            self,
            DType::I32 | DType::U32 | DType::I64 | DType::U64 | DType::F64 | DType::C128
        )
    }

    /// Every type.
    pub const ALL: [Self; 14] = [
        DType::Bool,
        DType::I8,
        DType::U8,
        DType::I16,
        DType::U16,
        DType::I32,
        DType::U32,
        DType::I64,
        DType::U64,
        DType::F16,
        DType::F32,
        DType::F64,
        DType::C64,
        DType::C128,
    ];

    /// The type of numpy's name; `None` for another.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.name() == name)
    }

    /// numpy's name: `int16`, `float32`, ...
    pub fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::U8 => "uint8",
            DType::I16 => "int16",
            DType::U16 => "uint16",
            DType::I32 => "int32",
            DType::U32 => "uint32",
            DType::I64 => "int64",
            DType::U64 => "uint64",
            DType::F16 => "float16",
            DType::F32 => "float32",
            DType::F64 => "float64",
            DType::C64 => "complex64",
            DType::C128 => "complex128",
        }
    }
}

/// Byte order of stored samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Endian {
    /// This machine's.
    pub const NATIVE: Endian = if cfg!(target_endian = "little") {
        Endian::Little
    } else {
        Endian::Big
    };
}

/// Which index runs fastest in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Rows are contiguous.
    C,
    /// Columns are contiguous.
    Fortran,
}

/// Where the bytes are. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Bytes {
    /// A mapped file, from an offset on.
    Mapped(Arc<Map>, usize),
    /// In memory.
    Owned(Arc<Vec<u8>>),
    /// In memory, from an offset on.
    Part(Arc<Vec<u8>>, usize),
}

impl Bytes {
    /// All but the first `count` bytes.
    pub fn skip(self, count: usize) -> Self {
        match self {
            Bytes::Mapped(map, offset) => Bytes::Mapped(map, offset + count),
            Bytes::Owned(bytes) => Bytes::Part(bytes, count),
            Bytes::Part(bytes, offset) => Bytes::Part(bytes, offset + count),
        }
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map, offset) => &map[*offset..],
            Bytes::Owned(bytes) => bytes,
            Bytes::Part(bytes, offset) => &bytes[*offset..],
        }
    }
}

/// A two-dimensional array as it is stored, not converted.
#[derive(Debug, Clone)]
pub struct Stored {
    dtype: DType,
    shape: [usize; 2],
    order: Order,
    endian: Endian,
    bytes: Bytes,
}

impl Stored {
    /// Wraps bytes; they may be longer than the array.
    ///
    /// `None` if they are shorter.
    pub fn new(
        dtype: DType,
        shape: [usize; 2],
        order: Order,
        endian: Endian,
        bytes: Bytes,
    ) -> Option<Self> {
        let size = shape[0].checked_mul(shape[1])?.checked_mul(dtype.size())?;
        (bytes.len() >= size).then_some(Self {
            dtype,
            shape,
            order,
            endian,
            bytes,
        })
    }

    /// An array of nothing but NaN.
    pub fn missing(shape: [usize; 2]) -> Self {
        let samples = vec![f32::NAN; shape[0] * shape[1]];
        Self {
            dtype: DType::F32,
            shape,
            order: Order::C,
            endian: Endian::NATIVE,
            bytes: Bytes::Owned(Arc::new(bytemuck::cast_slice(&samples).to_vec())),
        }
    }

    /// Type of a sample.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// Real or complex.
    pub fn kind(&self) -> Kind {
        if self.dtype.is_complex() {
            Kind::Complex
        } else {
            Kind::Real
        }
    }

    /// Size of the samples in bytes.
    pub fn size(&self) -> usize {
        self.shape[0] * self.shape[1] * self.dtype.size()
    }

    /// The samples of some rows as they are, where they are contiguous and in this machine's byte order.
    pub fn native_rows(&self, rows: Range<usize>) -> Option<&[u8]> {
        let row = self.shape[1] * self.dtype.size();
        let native = self.endian == Endian::NATIVE || self.dtype.word() == 1;
        (self.order == Order::C && native).then(|| &self.bytes[rows.start * row..rows.end * row])
    }

    /// Checks that the samples are those that the file had when it was opened.
    ///
    /// # Errors
    /// When the file changed since.
    pub fn check(&self) -> std::io::Result<()> {
        match &self.bytes {
            Bytes::Mapped(map, _) => map.check(),
            Bytes::Owned(_) | Bytes::Part(..) => Ok(()),
        }
    }

    /// Copies some rows into `dst`: row-major, in this machine's byte order, in the stored type.
    ///
    /// `dst` holds exactly that many bytes.
    pub fn copy_rows(&self, rows: Range<usize>, dst: &mut [u8]) {
        let (size, word) = (self.dtype.size(), self.dtype.word());
        match self.native_rows(rows.clone()) {
            Some(bytes) => dst.copy_from_slice(bytes),
            None => {
                let mut at = 0;
                for row in rows {
                    for col in 0..self.shape[1] {
                        let from = self.position(row, col) * size;
                        dst[at..at + size].copy_from_slice(&self.bytes[from..from + size]);
                        at += size;
                    }
                }
                if self.endian != Endian::NATIVE && word > 1 {
                    dst.chunks_exact_mut(word).for_each(<[u8]>::reverse);
                }
            }
        }
    }

    /// The samples from one position to another, counted row by row, converted; complex ones as pairs of numbers.
    /// `None` where rows are not contiguous.
    ///
    /// `dst` holds as many numbers.
    pub fn convert_flat<T: Real>(&self, samples: Range<usize>, dst: &mut [T]) -> Option<()> {
        let size = self.dtype.size();
        (self.order == Order::C)
            .then(|| self.convert_run(&self.bytes[samples.start * size..samples.end * size], dst))
    }

    /// Some rows, converted.
    pub fn block<T: Real>(&self, rows: Range<usize>) -> Block<T> {
        let shape = (rows.len(), self.shape[1]);
        if let Some(block) = self.same(rows.clone()) {
            return block;
        }
        let samples = if self.dtype.is_complex() {
            let mut array = Array2::<Complex<T>>::zeros(shape);
            let flat = array.as_slice_mut().expect("a new array is contiguous");
            self.convert(rows, bytemuck::cast_slice_mut::<_, T>(flat), 2);
            Samples::Complex(array)
        } else {
            let mut array = Array2::<T>::zeros(shape);
            self.convert(
                rows,
                array.as_slice_mut().expect("a new array is contiguous"),
                1,
            );
            Samples::Real(array)
        };
        Block { samples }
    }

    /// Some rows that need no conversion.
    fn same<T: Real>(&self, rows: Range<usize>) -> Option<Block<T>> {
        let shape = (rows.len(), self.shape[1]);
        let bytes = self.native_rows(rows)?;
        let fits = "as many samples as rows and columns";
        let samples = match self.dtype {
            real if real == T::DTYPE => {
                let values = numbers(bytes);
                Samples::Real(Array2::from_shape_vec(shape, values).expect(fits))
            }
            complex if complex.is_complex() && complex.word() == T::DTYPE.size() => {
                let values = numbers(bytes);
                Samples::Complex(Array2::from_shape_vec(shape, values).expect(fits))
            }
            _ => return None,
        };
        Some(Block { samples })
    }

    /// Some columns, copied.
    pub fn columns(&self, columns: Range<usize>) -> Self {
        Self::joined(&[(self.clone(), columns)])
    }

    /// Some columns of arrays with the same number of rows, one array after the other: in their type where they have one, else in
    /// double precision.
    pub fn joined(parts: &[(Self, Range<usize>)]) -> Self {
        let rows = parts.first().map_or(0, |(part, _)| part.shape[0]);
        let cols: usize = parts.iter().map(|(_, columns)| columns.len()).sum();
        let types: Vec<DType> = parts.iter().map(|(part, _)| part.dtype).collect();
        let dtype = match types.iter().all(|it| *it == types[0]) {
            true => types.first().copied().unwrap_or(DType::F64),
            false if types.iter().any(|it| it.is_complex()) => DType::C128,
            false => DType::F64,
        };
        let size = dtype.size();
        let mut bytes = vec![0; rows * cols * size];
        let mut at = 0;
        for (part, columns) in parts {
            let mut whole = vec![0; part.shape[1] * size];
            for (row, dst) in bytes.chunks_exact_mut((cols * size).max(1)).enumerate() {
                match (part.dtype == dtype, dtype.is_complex()) {
                    (true, _) => part.copy_rows(row..row + 1, &mut whole),
                    (false, complex) => part.copy_wide(row, complex, &mut whole),
                }
                let some = &whole[columns.start * size..columns.end * size];
                dst[at * size..at * size + some.len()].copy_from_slice(some);
            }
            at += columns.len();
        }
        Self {
            dtype,
            shape: [rows, cols],
            order: Order::C,
            endian: Endian::NATIVE,
            bytes: Bytes::Owned(Arc::new(bytes)),
        }
    }

    /// Copies a row in double precision.
    fn copy_wide(&self, row: usize, complex: bool, dst: &mut [u8]) {
        let values = match self.block::<f64>(row..row + 1).samples {
            Samples::Real(a) if complex => a.iter().flat_map(|v| [*v, 0.0]).collect(),
            Samples::Real(a) => a.iter().copied().collect(),
            Samples::Complex(a) => a.iter().flat_map(|v| [v.re, v.im]).collect(),
            _ => Vec::<f64>::new(),
        };
        dst.copy_from_slice(bytemuck::cast_slice(&values));
    }

    /// Converts some rows into `dst`, `per_sample` numbers a sample.
    fn convert<T: Real>(&self, rows: Range<usize>, dst: &mut [T], per_sample: usize) {
        let word = self.dtype.word();
        if self.order == Order::C {
            let row = self.shape[1] * self.dtype.size();
            self.convert_run(&self.bytes[rows.start * row..rows.end * row], dst);
            return;
        }
        // Column by column: the file is read in its own order, once.
        let height = rows.len();
        let mut column = vec![T::zero(); height * per_sample];
        for col in 0..self.shape[1] {
            let from = (col * self.shape[0] + rows.start) * self.dtype.size();
            self.convert_run(
                &self.bytes[from..from + height * per_sample * word],
                &mut column,
            );
            for (row, sample) in column.chunks_exact(per_sample).enumerate() {
                let at = (row * self.shape[1] + col) * per_sample;
                dst[at..at + per_sample].copy_from_slice(sample);
            }
        }
    }

    /// Converts consecutive numbers.
    fn convert_run<T: Real>(&self, src: &[u8], dst: &mut [T]) {
        macro_rules! from {
            ($type:ty) => {
                match self.endian {
                    Endian::Little => each_word(src, dst, |b| <$type>::from_le_bytes(b)),
                    Endian::Big => each_word(src, dst, |b| <$type>::from_be_bytes(b)),
                }
            };
        }
        match self.dtype {
            DType::Bool => each_word(src, dst, |b: [u8; 1]| u8::from(b[0] != 0)),
            DType::I8 => from!(i8),
            DType::U8 => from!(u8),
            DType::I16 => from!(i16),
            DType::U16 => from!(u16),
            DType::I32 => from!(i32),
            DType::U32 => from!(u32),
            DType::I64 => from!(i64),
            DType::U64 => from!(u64),
            DType::F16 => match self.endian {
                Endian::Little => each_word(src, dst, |b| half::f16::from_le_bytes(b).to_f32()),
                Endian::Big => each_word(src, dst, |b| half::f16::from_be_bytes(b).to_f32()),
            },
            DType::F32 | DType::C64 => from!(f32),
            DType::F64 | DType::C128 => from!(f64),
        }
    }

    fn position(&self, row: usize, col: usize) -> usize {
        match self.order {
            Order::C => row * self.shape[1] + col,
            Order::Fortran => col * self.shape[0] + row,
        }
    }
}

/// A copy of what lies in a file: bytes in one go where they are aligned, as nearly always.
fn numbers<V: bytemuck::Pod>(bytes: &[u8]) -> Vec<V> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(values) => values.to_vec(),
        Err(_) => bytemuck::pod_collect_to_vec(bytes),
    }
}

/// Converts number by number. Going through f64 is exact for every type but the 64-bit integers, and the compiler removes
/// the detour where the direct conversion gives the same value.
#[inline(always)]
fn each_word<const N: usize, V: AsPrimitive<f64>, T: Real>(
    src: &[u8],
    dst: &mut [T],
    value: impl Fn([u8; N]) -> V,
) {
    for (to, from) in dst.iter_mut().zip(src.chunks_exact(N)) {
        *to = T::of(value(from.try_into().expect("chunks of N bytes")).as_());
    }
}
