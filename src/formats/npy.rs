//! npy: numpy's file of one array. Versions 1.0 to 3.0, both layouts, either byte order.
//!
//! The format is described in numpy's documentation (`numpy.lib.format`): a magic string, the version, the length of the
//! header, and the header as a Python dictionary of `descr`, `fortran_order` and `shape`; then the samples.

use std::path::Path;
use std::sync::Arc;

use super::mapped::View;
use super::{FormatError, mapped};
use crate::block::{Bytes, DType, Endian, Order, Stored};
use crate::store;

const MAGIC: &[u8] = b"\x93NUMPY";

/// What the header of a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Type of a sample.
    pub dtype: DType,
    /// Byte order of a sample.
    pub endian: Endian,
    /// Which index runs fastest.
    pub order: Order,
    /// Length of each dimension; none for a scalar.
    pub shape: Vec<usize>,
    /// Where the samples begin, in bytes.
    pub data_at: usize,
    /// Size of the samples in bytes.
    pub size: usize,
}

/// An array in a file, mapped.
#[derive(Debug, Clone)]
pub struct Array {
    header: Header,
    bytes: Bytes,
}

impl Array {
    /// What the header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The array as rows and columns; `None` where it has not two dimensions.
    pub fn stored(&self) -> Option<Stored> {
        let shape = <[usize; 2]>::try_from(self.header.shape.as_slice()).ok()?;
        self.view(shape, self.header.order)
    }

    /// The values of an axis, of shape (n,), (n, 1) or (1, n); `None` for another shape and for complex numbers.
    pub fn to_f64_vec(&self) -> Option<Vec<f64>> {
        let n = match *self.header.shape {
            [n] | [n, 1] | [1, n] => n,
            _ => return None,
        };
        if self.header.dtype.is_complex() {
            return None;
        }
        let values = self.view([n, 1], Order::C)?.block::<f64>(0..n);
        Some(values.as_real().iter().copied().collect())
    }

    /// An array of one dimension, or a single number, as a single column; `None` for more dimensions.
    pub fn column(&self) -> Option<Stored> {
        match *self.header.shape {
            [] => self.view([1, 1], Order::C),
            [n] => self.view([n, 1], Order::C),
            _ => None,
        }
    }

    fn view(&self, shape: [usize; 2], order: Order) -> Option<Stored> {
        Stored::new(
            self.header.dtype,
            shape,
            order,
            self.header.endian,
            self.bytes.clone(),
        )
    }
}

/// The shape that an array is stored in by its rank: () and (n,) are held as columns.
pub fn shape(rows: usize, cols: usize, rank: u8) -> Vec<usize> {
    match rank {
        0 => vec![],
        1 => vec![rows * cols],
        _ => vec![rows, cols],
    }
}

/// The header of a file, and the file's bytes. Nothing else is read.
///
/// # Errors
/// When it cannot be read, is no npy file, or holds a type that is no plain number.
pub fn header(path: &Path) -> Result<(Header, usize), FormatError> {
    /// More than any header of a plain array has.
    const MOST: usize = 128 << 10;
    let file = View::open(path)?;
    let header = parse(path, file.upto(0, MOST));
    file.check()?;
    Ok((header?, file.len()))
}

/// A file of fewer bytes is read at once: mapping it would take longer.
const SMALL: u64 = 1 << 20;

/// Opens a file; samples of a large one are read when they are used.
///
/// # Errors
/// When it cannot be read, is no npy file, holds a type that is no plain number, or is shorter than its header says.
pub fn open(path: &Path) -> Result<Array, FormatError> {
    let small = !store::is_remote(path) && store::metadata(path).is_ok_and(|it| it.len < SMALL);
    let bytes = match small {
        true => Bytes::Owned(Arc::new(super::bytes(path)?)),
        false => Bytes::Mapped(mapped::map(path)?, 0),
    };
    let header = parse(path, &bytes)?;
    let held = bytes.len() - header.data_at;
    if held < header.size {
        return Err(FormatError::content(
            path,
            format!("byte {}", header.data_at),
            format!("{held} bytes of samples"),
            format!(
                "{} bytes (shape {:?} of {})",
                header.size,
                header.shape,
                header.dtype.name()
            ),
        ));
    }
    let bytes = bytes.skip(header.data_at);
    Ok(Array { header, bytes })
}

/// Reads a header from the beginning of a file; `path` is for messages.
///
/// # Errors
/// When the bytes do not begin with a whole npy header, or its type is no plain number.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Header, FormatError> {
    let fail = |at: usize, found: String, expected: &str| {
        FormatError::content(path, format!("byte {at}"), found, expected)
    };
    if !bytes.starts_with(MAGIC) {
        let start = &bytes[..bytes.len().min(MAGIC.len())];
        let found = format!("\"{}\"", start.escape_ascii());
        return Err(fail(0, found, "an npy file: \"\\x93NUMPY\""));
    }
    let major = bytes.get(6).copied().unwrap_or(0);
    let text_at = match major {
        1 => 10,
        2 | 3 => 12,
        _ => return Err(fail(6, format!("version {major}"), "version 1, 2 or 3")),
    };
    let Some(length) = bytes.get(8..text_at) else {
        return Err(fail(
            8,
            format!("the end of the file at byte {}", bytes.len()),
            "the header's length",
        ));
    };
    let length = length
        .iter()
        .rev()
        .fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
    let data_at = text_at + length;
    let Some(text) = bytes.get(text_at..data_at) else {
        return Err(fail(
            text_at,
            format!("{} bytes", bytes.len() - text_at),
            &format!("a header of {length} bytes"),
        ));
    };
    let entries = Literal {
        path,
        text,
        text_at,
    }
    .entries()?;
    // Empty dimensions count as one here, so that a row of an empty array has a size as well.
    let addressable = entries
        .shape
        .iter()
        .try_fold(entries.dtype.size(), |size, n| {
            size.checked_mul((*n).max(1))
        })
        .is_some_and(|size| size <= isize::MAX as usize);
    if !addressable {
        return Err(fail(
            text_at,
            format!("shape {:?}", entries.shape),
            "fewer bytes than can be addressed",
        ));
    }
    let size = entries.dtype.size() * entries.shape.iter().product::<usize>();
    Ok(Header {
        dtype: entries.dtype,
        endian: entries.endian,
        order: entries.order,
        shape: entries.shape,
        data_at,
        size,
    })
}

/// The header of a C-ordered array in this machine's byte order: version 1.0, a multiple of 64 bytes.
pub fn header_bytes(dtype: DType, shape: &[usize]) -> Vec<u8> {
    let order = match (dtype.word(), Endian::NATIVE) {
        (1, _) => '|',
        (_, Endian::Little) => '<',
        (_, Endian::Big) => '>',
    };
    let lengths: String = match shape {
        [n] => format!("{n},"),
        _ => shape
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    };
    let code = CODES
        .iter()
        .find(|(_, d)| *d == dtype)
        .map(|(code, _)| code)
        .expect("every type has a code");
    let mut text =
        format!("{{'descr': '{order}{code}', 'fortran_order': False, 'shape': ({lengths}), }}");
    // Magic, version and length take 10 bytes, the newline one; numpy aligns the samples to 64.
    let padded = (10 + text.len() + 1).next_multiple_of(64) - 10;
    text.push_str(&" ".repeat(padded - 1 - text.len()));
    text.push('\n');
    let length = u16::try_from(padded).expect("a handful of dimensions stays below 64 KiB");
    [MAGIC, &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat()
}

/// A whole file: a C-ordered array whose samples are given in this machine's byte order.
pub fn encode(dtype: DType, shape: &[usize], samples: &[u8]) -> Vec<u8> {
    let mut file = header_bytes(dtype, shape);
    file.extend_from_slice(samples);
    file
}

/// numpy's codes of the types that are plain numbers.
const CODES: [(&str, DType); 14] = [
    ("b1", DType::Bool),
    ("i1", DType::I8),
    ("u1", DType::U8),
    ("i2", DType::I16),
    ("u2", DType::U16),
    ("i4", DType::I32),
    ("u4", DType::U32),
    ("i8", DType::I64),
    ("u8", DType::U64),
    ("f2", DType::F16),
    ("f4", DType::F32),
    ("f8", DType::F64),
    ("c8", DType::C64),
    ("c16", DType::C128),
];

fn dtype(descr: &str) -> Option<(DType, Endian)> {
    let (endian, code) = match descr.split_at_checked(1)? {
        ("<", code) => (Endian::Little, code),
        (">", code) => (Endian::Big, code),
        ("|" | "=", code) => (Endian::NATIVE, code),
        _ => (Endian::NATIVE, descr),
    };
    let (_, dtype) = CODES.iter().find(|(c, _)| *c == code)?;
    Some((*dtype, endian))
}

/// The dictionary's entries.
struct Entries {
    dtype: DType,
    endian: Endian,
    order: Order,
    shape: Vec<usize>,
}

/// The header's dictionary, as Python writes it.
struct Literal<'a> {
    path: &'a Path,
    text: &'a [u8],
    text_at: usize,
}

impl<'a> Literal<'a> {
    fn entries(&self) -> Result<Entries, FormatError> {
        let (mut kind, mut order, mut shape) = (None, None, None);
        let mut at = self.token(0, b'{')?;
        while self.peek(at).1 != Some(b'}') {
            let (key, after) = self.string(at)?;
            at = self.token(after, b':')?;
            at = match key {
                "descr" => {
                    let (value, after) = self.dtype(at)?;
                    kind = Some(value);
                    after
                }
                "fortran_order" => {
                    let (value, after) = self.order(at)?;
                    order = Some(value);
                    after
                }
                "shape" => {
                    let (value, after) = self.shape(at)?;
                    shape = Some(value);
                    after
                }
                _ => {
                    let keys = "the key 'descr', 'fortran_order' or 'shape'";
                    return Err(self.wrong(at, format!("'{key}'"), keys));
                }
            };
            if let (comma, Some(b',')) = self.peek(at) {
                at = comma + 1;
            }
        }
        let missing = |key: &str| self.wrong(at, format!("no {key}"), "all three keys");
        let (dtype, endian) = kind.ok_or_else(|| missing("'descr'"))?;
        Ok(Entries {
            dtype,
            endian,
            order: order.ok_or_else(|| missing("'fortran_order'"))?,
            shape: shape.ok_or_else(|| missing("'shape'"))?,
        })
    }

    fn dtype(&self, at: usize) -> Result<((DType, Endian), usize), FormatError> {
        const EXPECTED: &str =
            "a plain number: b1, i1 to i8, u1 to u8, f2, f4, f8, c8 or c16 in either byte order";
        let (at, next) = self.peek(at);
        if let Some(b'[' | b'(' | b'{') = next {
            let text = String::from_utf8_lossy(&self.text[at..self.text.len().min(at + 60)]);
            let found = format!("the structured type {}", text.trim_end());
            return Err(self.wrong(at, found, EXPECTED));
        }
        let (descr, after) = self.string(at)?;
        match dtype(descr) {
            Some(found) => Ok((found, after)),
            None => Err(self.wrong(at, format!("type '{descr}'"), EXPECTED)),
        }
    }

    fn order(&self, at: usize) -> Result<(Order, usize), FormatError> {
        let (at, _) = self.peek(at);
        for (word, order) in [("True", Order::Fortran), ("False", Order::C)] {
            if self.text[at..].starts_with(word.as_bytes()) {
                return Ok((order, at + word.len()));
            }
        }
        Err(self.wrong(at, self.found(at), "True or False"))
    }

    fn shape(&self, at: usize) -> Result<(Vec<usize>, usize), FormatError> {
        let mut shape = Vec::new();
        let mut at = self.token(at, b'(')?;
        loop {
            let (digits, next) = self.peek(at);
            if next == Some(b')') {
                return Ok((shape, digits + 1));
            }
            let end = self.text[digits..]
                .iter()
                .position(|b| !b.is_ascii_digit())
                .map_or(self.text.len(), |n| digits + n);
            let number = str::from_utf8(&self.text[digits..end])
                .ok()
                .and_then(|n| n.parse().ok());
            let Some(number) = number else {
                return Err(self.wrong(digits, self.found(digits), "a length of the shape"));
            };
            shape.push(number);
            at = end;
            // Python 2 wrote long integers as `3L`.
            if self.text.get(at) == Some(&b'L') {
                at += 1;
            }
            if let (comma, Some(b',')) = self.peek(at) {
                at = comma + 1;
            }
        }
    }

    fn string(&self, at: usize) -> Result<(&'a str, usize), FormatError> {
        let (open, quote) = self.peek(at);
        let quote = match quote {
            Some(quote @ (b'\'' | b'"')) => quote,
            _ => return Err(self.wrong(open, self.found(open), "a quoted string")),
        };
        let rest = &self.text[open + 1..];
        let length = rest.iter().position(|b| *b == quote);
        match length.and_then(|n| Some((str::from_utf8(&rest[..n]).ok()?, open + n + 2))) {
            Some(string) => Ok(string),
            None => Err(self.wrong(open, self.found(open), "a quoted string")),
        }
    }

    fn token(&self, at: usize, token: u8) -> Result<usize, FormatError> {
        match self.peek(at) {
            (at, Some(found)) if found == token => Ok(at + 1),
            (at, _) => {
                let expected = format!("'{}'", char::from(token));
                Err(self.wrong(at, self.found(at), &expected))
            }
        }
    }

    /// The next byte that is no white space, and where it is.
    fn peek(&self, at: usize) -> (usize, Option<u8>) {
        let next = self.text[at..]
            .iter()
            .position(|b| !b.is_ascii_whitespace())
            .map_or(self.text.len(), |n| at + n);
        (next, self.text.get(next).copied())
    }

    fn found(&self, at: usize) -> String {
        match &self.text[at..self.text.len().min(at + 12)] {
            [] => "the end of the header".into(),
            text => format!("\"{}\"", text.escape_ascii()),
        }
    }

    fn wrong(&self, at: usize, found: String, expected: &str) -> FormatError {
        let place = format!("byte {}", self.text_at + at);
        FormatError::content(self.path, place, found, expected)
    }
}
