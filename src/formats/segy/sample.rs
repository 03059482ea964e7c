//! Sample formats: the codes of the binary header, and how stored bytes become numbers of this machine.

use super::fields::ByteOrder;
use crate::block::{DType, Endian};

/// A sample format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 1: IBM hexadecimal floating point. Delivered in single precision, whose 24 bits hold every mantissa: exact for
    /// magnitudes from 1.2e-38 to 3.4e38, zero or a subnormal number below, infinite above.
    Ibm,
    /// 2: 32-bit integer.
    I32,
    /// 3: 16-bit integer.
    I16,
    /// 4: a 16-bit integer times a power of two, of 1 unused byte, 1 byte of exponent, 2 bytes of integer. Delivered in double
    /// precision, which is exact.
    Gain(Gain),
    /// 5: single precision.
    F32,
    /// 6: double precision.
    F64,
    /// 7: 24-bit integer, delivered in 32 bits.
    I24,
    /// 8: 8-bit integer.
    I8,
    /// 9: 64-bit integer.
    I64,
    /// 10: unsigned 32-bit integer.
    U32,
    /// 11: unsigned 16-bit integer.
    U16,
    /// 12: unsigned 64-bit integer.
    U64,
    /// 15: unsigned 24-bit integer, delivered as a signed one of 32 bits.
    U24,
    /// 16: unsigned 8-bit integer.
    U8,
}

/// How format 4 is meant, on which the revisions of the standard disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gain {
    /// Revisions 0 and 1: m * 2^gain.
    Multiplies,
    /// Revisions 2.0 and 2.1: m * 2^-gain.
    Divides,
}

/// Code, format, stored bytes, type of delivery.
const FORMATS: [(i16, Format, usize, DType); 15] = [
    (1, Format::Ibm, 4, DType::F32),
    (2, Format::I32, 4, DType::I32),
    (3, Format::I16, 2, DType::I16),
    (4, Format::Gain(Gain::Multiplies), 4, DType::F64),
    (4, Format::Gain(Gain::Divides), 4, DType::F64),
    (5, Format::F32, 4, DType::F32),
    (6, Format::F64, 8, DType::F64),
    (7, Format::I24, 3, DType::I32),
    (8, Format::I8, 1, DType::I8),
    (9, Format::I64, 8, DType::I64),
    (10, Format::U32, 4, DType::U32),
    (11, Format::U16, 2, DType::U16),
    (12, Format::U64, 8, DType::U64),
    (15, Format::U24, 3, DType::I32),
    (16, Format::U8, 1, DType::U8),
];

impl Format {
    /// The format of a code; `None` for 13, 14 and numbers that are no code. Format 4 is that of revisions 0 and 1.
    pub fn from_code(code: i16) -> Option<Self> {
        FORMATS
            .iter()
            .find(|(c, ..)| *c == code)
            .map(|(_, format, ..)| *format)
    }

    /// Its code in the binary header.
    pub fn code(self) -> i16 {
        self.row().0
    }

    /// Bytes of a stored sample.
    pub fn size(self) -> usize {
        self.row().2
    }

    /// Type of a delivered sample.
    pub fn dtype(self) -> DType {
        self.row().3
    }

    fn row(self) -> &'static (i16, Format, usize, DType) {
        FORMATS
            .iter()
            .find(|(_, format, ..)| *format == self)
            .expect("the table has every format")
    }
}

/// Decodes consecutive samples into this machine's byte order: `dst` holds as many samples as `src`.
pub fn decode(format: Format, order: ByteOrder, src: &[u8], dst: &mut [u8]) {
    let endian = match order {
        ByteOrder::Big => Endian::Big,
        ByteOrder::Little => Endian::Little,
        ByteOrder::Pairs => {
            let mut big = src.to_vec();
            reverse(2, &mut big);
            return decode(format, ByteOrder::Big, &big, dst);
        }
    };
    match format {
        Format::Ibm => match endian {
            Endian::Big => each::<4, 4>(src, dst, |b| ibm(u32::from_be_bytes(b)).to_ne_bytes()),
            Endian::Little => each::<4, 4>(src, dst, |b| ibm(u32::from_le_bytes(b)).to_ne_bytes()),
        },
        Format::Gain(gain) => each::<4, 8>(src, dst, |b| {
            let word = match endian {
                Endian::Big => u32::from_be_bytes(b),
                Endian::Little => u32::from_le_bytes(b),
            };
            fixed(word, gain).to_ne_bytes()
        }),
        Format::I24 => each::<3, 4>(src, dst, |b| {
            ((int24(b, endian) << 8).cast_signed() >> 8).to_ne_bytes()
        }),
        Format::U24 => each::<3, 4>(src, dst, |b| int24(b, endian).to_ne_bytes()),
        _ => {
            dst.copy_from_slice(src);
            if endian != Endian::NATIVE {
                reverse(format.size(), dst);
            }
        }
    }
}

/// Bytes of the numbers that are to be reversed where stored samples are delivered ones but for that; 1 for none. `None` where
/// they have to be decoded.
pub fn reversed(format: Format, order: ByteOrder) -> Option<usize> {
    let decoded = matches!(
        format,
        Format::Ibm | Format::Gain(_) | Format::I24 | Format::U24
    );
    let foreign = match order {
        ByteOrder::Big => Endian::NATIVE != Endian::Big,
        ByteOrder::Little => Endian::NATIVE != Endian::Little,
        ByteOrder::Pairs => return None,
    };
    (!decoded).then_some(if foreign { format.size() } else { 1 })
}

/// Reverses the bytes of each number of a size.
pub fn reverse(size: usize, bytes: &mut [u8]) {
    fn each<const N: usize>(bytes: &mut [u8]) {
        bytes
            .as_chunks_mut::<N>()
            .0
            .iter_mut()
            .for_each(|it| it.reverse());
    }
    match size {
        2 => each::<2>(bytes),
        4 => each::<4>(bytes),
        8 => each::<8>(bytes),
        _ => {}
    }
}

#[inline(always)]
fn each<const S: usize, const D: usize>(
    src: &[u8],
    dst: &mut [u8],
    decode: impl Fn([u8; S]) -> [u8; D],
) {
    let (src, dst) = (src.as_chunks::<S>().0, dst.as_chunks_mut::<D>().0);
    for (to, from) in dst.iter_mut().zip(src) {
        *to = decode(*from);
    }
}

fn int24([a, b, c]: [u8; 3], endian: Endian) -> u32 {
    match endian {
        Endian::Big => u32::from_be_bytes([0, a, b, c]),
        Endian::Little => u32::from_le_bytes([a, b, c, 0]),
    }
}

/// (-1)^s * m / 2^24 * 16^(e - 64), of 1 bit s, 7 bits e, 24 bits m.
///
/// The power of two, 4 e - 280, lies well inside f64's exponents, so that product is exact and the one rounding is to f32.
#[inline(always)]
fn ibm(word: u32) -> f32 {
    let mantissa = (word & 0x00ff_ffff).cast_signed();
    let exponent = u64::from((word >> 24) & 0x7f) * 4 + 1023 - 280;
    let magnitude = f64::from(mantissa) * f64::from_bits(exponent << 52);
    f32::from_bits((magnitude as f32).to_bits() | (word & 0x8000_0000))
}

/// m * 2^(gain or -gain), of 8 unused bits, 8 bits gain, 16 bits m. Powers up to 2^255 are exact in f64, and so is the product.
fn fixed(word: u32, gain: Gain) -> f64 {
    let [_, exponent, high, low] = word.to_be_bytes();
    let power = match gain {
        Gain::Multiplies => 1023 + u64::from(exponent),
        Gain::Divides => 1023 - u64::from(exponent),
    };
    f64::from(i16::from_be_bytes([high, low])) * f64::from_bits(power << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ibm_words_have_their_textbook_values() {
        let cases = [
            (0x0000_0000, 0.0),
            (0x4110_0000, 1.0),
            (0xc110_0000, -1.0),
            (0xc276_a000, -118.625),
            (0x4019_999a, 0.100_000_024),
            (0x60ff_ffff, f32::MAX),
            (0x6110_0000, f32::INFINITY),
            (0x0010_0000, 0.0),
        ];
        for (word, value) in cases {
            assert_eq!(ibm(word), value, "{word:#x}");
        }
    }

    #[test]
    fn three_bytes_keep_their_sign() {
        let mut out = [0; 8];
        decode(
            Format::I24,
            ByteOrder::Big,
            &[0xff, 0xff, 0xfe, 0x01, 0x00, 0x00],
            &mut out,
        );
        assert_eq!(bytemuck::pod_collect_to_vec::<u8, i32>(&out), [-2, 65536]);
        decode(
            Format::U24,
            ByteOrder::Little,
            &[0xfe, 0xff, 0xff, 0x01, 0x00, 0x00],
            &mut out,
        );
        assert_eq!(
            bytemuck::pod_collect_to_vec::<u8, i32>(&out),
            [0x00ff_fffe, 1]
        );
    }

    #[test]
    fn fixed_point_is_scaled_by_a_power_of_two() {
        let cases = [
            (0x0000_0000, 0.0, 0.0),
            (0x0003_fffe, -16.0, -0.25),
            (0x0001_7fff, 65_534.0, 16_383.5),
            (0x00ff_0001, 2f64.powi(255), 2f64.powi(-255)),
        ];
        for (word, multiplied, divided) in cases {
            assert_eq!(fixed(word, Gain::Multiplies), multiplied, "{word:#x}");
            assert_eq!(fixed(word, Gain::Divides), divided, "{word:#x}");
        }
    }

    #[test]
    fn swapped_pairs_are_words_of_their_own() {
        let mut out = [0; 4];
        decode(Format::I32, ByteOrder::Pairs, &[2, 1, 4, 3], &mut out);
        assert_eq!(i32::from_ne_bytes(out), 0x0102_0304);
    }
}
