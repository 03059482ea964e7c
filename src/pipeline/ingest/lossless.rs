//! Samples from one type to another, every value kept.

use num_traits::AsPrimitive;

use crate::block::DType;

/// A value that would have changed.
#[derive(Debug, thiserror::Error)]
#[error("found {found}, expected values that {} holds exactly", dtype.name())]
pub struct Inexact {
    found: String,
    dtype: DType,
}

/// Values converted at a time: they stay in the innermost cache.
const RUN: usize = 512;

/// Converts samples in this machine's byte order. Every type goes through double precision, so integers beyond 2^53 can
/// only be kept as they are.
///
/// # Errors
/// At the first value that the new type has not.
pub fn convert(from: DType, src: &[u8], to: DType, dst: &mut [u8]) -> Result<(), Inexact> {
    let mut values = [0.0; RUN];
    let src = src.chunks(RUN * from.size());
    for (src, dst) in src.zip(dst.chunks_mut(RUN * to.size())) {
        let values = &mut values[..src.len() / from.size()];
        widen(from, src, values)?;
        narrow(to, values, dst)?;
    }
    Ok(())
}

fn widen(dtype: DType, src: &[u8], values: &mut [f64]) -> Result<(), Inexact> {
    macro_rules! from {
        ($type:ty) => {
            read(src, values, <$type>::from_ne_bytes)
        };
    }
    match dtype {
        DType::Bool | DType::U8 => from!(u8),
        DType::I8 => from!(i8),
        DType::I16 => from!(i16),
        DType::U16 => from!(u16),
        DType::I32 => from!(i32),
        DType::U32 => from!(u32),
        DType::I64 => return whole(src, values, |b| i64::from_ne_bytes(b).into()),
        DType::U64 => return whole(src, values, |b| u64::from_ne_bytes(b).into()),
        DType::F16 => read(src, values, |b| half::f16::from_ne_bytes(b).to_f64()),
        DType::F32 => from!(f32),
        DType::F64 => from!(f64),
        DType::C64 | DType::C128 => {
            return Err(Inexact {
                found: "complex samples".into(),
                dtype: DType::F64,
            });
        }
    }
    Ok(())
}

fn narrow(dtype: DType, values: &[f64], dst: &mut [u8]) -> Result<(), Inexact> {
    macro_rules! to {
        ($type:ty) => {
            write(values, dst, |v| {
                let to = v as $type;
                (to.to_ne_bytes(), to as f64)
            })
        };
        // The largest value of a 64-bit type rounds up to the first power of two beyond, which would seem to fit.
        ($type:ty, $beyond:expr) => {
            write(values, dst, |v| {
                let to = v as $type;
                let back = if v < $beyond { to as f64 } else { f64::NAN };
                (to.to_ne_bytes(), back)
            })
        };
    }
    let changed = match dtype {
        DType::Bool => write(values, dst, |v| ([u8::from(v == 1.0)], f64::from(v == 1.0))),
        DType::I8 => to!(i8),
        DType::U8 => to!(u8),
        DType::I16 => to!(i16),
        DType::U16 => to!(u16),
        DType::I32 => to!(i32),
        DType::U32 => to!(u32),
        DType::I64 => to!(i64, 2f64.powi(63)),
        DType::U64 => to!(u64, 2f64.powi(64)),
        DType::F16 => write(values, dst, |v| {
            let to = half::f16::from_f64(v);
            (to.to_ne_bytes(), to.to_f64())
        }),
        DType::F32 => to!(f32),
        DType::F64 => to!(f64),
        DType::C64 => write(values, dst, |v| {
            let [a, b, c, d] = (v as f32).to_ne_bytes();
            ([a, b, c, d, 0, 0, 0, 0], f64::from(v as f32))
        }),
        DType::C128 => write(values, dst, |v| {
            let mut sample = [0; 16];
            sample[..8].copy_from_slice(&v.to_ne_bytes());
            (sample, v)
        }),
    };
    match changed {
        Some(value) => Err(Inexact {
            found: value.to_string(),
            dtype,
        }),
        None => Ok(()),
    }
}

#[inline(always)]
fn read<const N: usize, V: AsPrimitive<f64>>(
    src: &[u8],
    values: &mut [f64],
    decode: impl Fn([u8; N]) -> V,
) {
    for (value, bytes) in values.iter_mut().zip(src.as_chunks::<N>().0) {
        *value = decode(*bytes).as_();
    }
}

/// 64-bit integers, as far as double precision holds them.
fn whole(src: &[u8], values: &mut [f64], decode: impl Fn([u8; 8]) -> i128) -> Result<(), Inexact> {
    for (value, bytes) in values.iter_mut().zip(src.as_chunks::<8>().0) {
        let exact = decode(*bytes);
        *value = exact as f64;
        if *value as i128 != exact {
            return Err(Inexact {
                found: exact.to_string(),
                dtype: DType::F64,
            });
        }
    }
    Ok(())
}

/// Encodes every value; gives one that is not the same afterwards. NaN stays NaN where the type has one.
#[inline(always)]
fn write<const N: usize>(
    values: &[f64],
    dst: &mut [u8],
    encode: impl Fn(f64) -> ([u8; N], f64),
) -> Option<f64> {
    let mut same = true;
    for (value, bytes) in values.iter().zip(dst.as_chunks_mut::<N>().0) {
        let (encoded, back) = encode(*value);
        *bytes = encoded;
        same &= back == *value || (back.is_nan() && value.is_nan());
    }
    let changed = |v: &&f64| {
        let back = encode(**v).1;
        back != **v && !(back.is_nan() && v.is_nan())
    };
    if same {
        None
    } else {
        values.iter().find(changed).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_at_the_edge_of_a_type_are_told_apart() {
        let fits = |value: f64, to: DType| {
            let mut out = [0; 16];
            convert(DType::F64, &value.to_ne_bytes(), to, &mut out[..to.size()]).is_ok()
        };
        let (two63, two64) = (2f64.powi(63), 2f64.powi(64));
        let cases = [
            (DType::I64, -two63, two63),
            (DType::U64, two63, two64),
            (DType::I32, f64::from(i32::MIN), 2f64.powi(31)),
            (DType::U8, 255.0, -1.0),
            (DType::I16, -5.0, 0.5),
            (DType::F32, f64::INFINITY, 0.1),
            (DType::F16, 65_504.0, 65_520.0),
            (DType::Bool, 1.0, 2.0),
            (DType::F32, f64::NAN, f64::MAX),
            (DType::F64, f64::NAN, f64::NAN),
            (DType::I16, 0.0, f64::NAN),
        ];
        for (to, kept, changed) in cases {
            assert!(fits(kept, to), "{to:?} {kept}");
            assert_eq!(fits(changed, to), to == DType::F64, "{to:?} {changed}");
        }
    }

    #[test]
    fn integers_beyond_double_precision_are_not_rounded() {
        for (value, exact) in [
            (1i64 << 53, true),
            ((1 << 53) + 1, false),
            (i64::MAX, false),
        ] {
            let mut out = [0; 8];
            let result = convert(DType::I64, &value.to_ne_bytes(), DType::F64, &mut out);
            assert_eq!(result.is_ok(), exact, "{value}");
        }
    }
}
