//! SEG-Y: golden files, real files, files made here in every format and byte order, and broken ones.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Cursor;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distpy_gpu::block::{Bytes, DType, Endian, Order, Stored};
use distpy_gpu::formats::segy::{Format, Options, Recording, SegySource, SegyWriter, open};
use distpy_gpu::formats::{FormatError, Source, npy};
use proptest::prelude::*;

const COMPAT: Options = Options {
    compat_distpy: true,
};

pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/io")
        .join(name)
}

/// Some channels and times in double precision, row-major.
pub fn read(source: &dyn Source, channels: Range<usize>, times: Range<usize>) -> Vec<f64> {
    let dtype = source.header().dtype;
    let shape = [channels.len(), times.len()];
    let mut bytes = vec![0; shape[0] * shape[1] * dtype.size()];
    source.read(channels, times, &mut bytes).unwrap();
    let bytes = Bytes::Owned(Arc::new(bytes));
    let stored = Stored::new(dtype, shape, Order::C, Endian::NATIVE, bytes).unwrap();
    let block = stored.block::<f64>(0..shape[0]);
    block.as_real().iter().copied().collect()
}

fn all(source: &SegySource) -> Vec<f64> {
    let header = source.header();
    read(source, 0..header.channels, 0..header.samples)
}

fn truth(case: &str) -> Vec<f64> {
    let stored = npy::open(&golden(case).join("truth.npy"))
        .unwrap()
        .stored()
        .unwrap();
    let block = stored.block::<f64>(0..stored.shape()[0]);
    block.as_real().iter().copied().collect()
}

#[test]
fn golden_files_have_their_samples_exactly() {
    // Case, whose truth it shares, channels, delivered type.
    let cases = [
        ("segy-format1-3s", "segy-format1-3s", 4, DType::F32),
        ("segy-format2", "segy-format2", 4, DType::I32),
        ("segy-format3", "segy-format2", 4, DType::I16),
        ("segy-format5", "segy-format5", 4, DType::F32),
        ("segy-format6", "segy-format6", 4, DType::F64),
        ("segy-format8", "segy-format8", 4, DType::I8),
        ("segy-format9", "segy-format9", 4, DType::I64),
        ("segy-format10", "segy-format10", 4, DType::U32),
        ("segy-format11", "segy-format10", 4, DType::U16),
        ("segy-format12", "segy-format10", 4, DType::U64),
        ("segy-format16", "segy-format10", 4, DType::U8),
        (
            "segy-extended-samples",
            "segy-extended-samples",
            4,
            DType::F32,
        ),
        (
            "segy-extended-text-header",
            "segy-extended-text-header",
            4,
            DType::F32,
        ),
        (
            "segy-little-endian",
            "segy-extended-text-header",
            4,
            DType::F32,
        ),
        ("segy-fold-zero", "segy-extended-text-header", 4, DType::F32),
        (
            "segy-traces-in-file",
            "segy-extended-text-header",
            3,
            DType::F32,
        ),
        ("segy-year-zero", "segy-extended-text-header", 4, DType::F32),
        ("segy-partial-second", "segy-partial-second", 4, DType::F32),
        (
            "segy-under-one-second",
            "segy-under-one-second",
            4,
            DType::F32,
        ),
        (
            "segy-interval-333us",
            "segy-extended-samples",
            4,
            DType::F32,
        ),
    ];
    for (case, shared, channels, dtype) in cases {
        let source = open(&golden(case).join("input.sgy"), &Options::default()).unwrap();
        let header = source.header();
        assert_eq!((header.channels, header.dtype), (channels, dtype), "{case}");
        let truth = truth(shared);
        assert_eq!(all(&source), truth[..channels * header.samples], "{case}");
        let prf = if case == "segy-interval-333us" {
            1e6 / 333.0
        } else {
            500.0
        };
        assert_eq!(header.prf, prf, "{case}");
        let start = if case == "segy-year-zero" {
            0
        } else {
            1_535_464_933
        };
        assert_eq!(header.start.as_second(), start, "{case}");
    }
}

#[test]
fn golden_depth_axes_follow_the_standard_or_distpy() {
    let cases = [
        ("segy-format5", [0.0, 2.0, 4.0, 6.0], [0.0, 2.0, 4.0, 6.0]),
        (
            "segy-scalar-positive",
            [0.0, 20.0, 40.0, 60.0],
            [0.0, 0.2, 0.4, 0.6],
        ),
        (
            "segy-scalar-negative",
            [0.0, 0.2, 0.4, 0.6],
            [0.0, 2.0, 4.0, 6.0],
        ),
    ];
    for (case, standard, distpy) in cases {
        let path = golden(case).join("input.sgy");
        assert_eq!(
            open(&path, &Options::default()).unwrap().header().depth,
            standard,
            "{case}"
        );
        assert_eq!(
            open(&path, &COMPAT).unwrap().header().depth,
            distpy,
            "{case}"
        );
    }
}

#[test]
fn golden_headers_are_distpys_json() {
    let folder = golden("segy-format5");
    let source = open(&folder.join("input.sgy"), &Options::default()).unwrap();
    let mut found = source.header().metadata.clone();
    let traces = found
        .as_object_mut()
        .unwrap()
        .shift_remove("trace_headers")
        .unwrap();
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("headers.json")).unwrap()).unwrap();
    assert_eq!(found, expected);
    let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&found), keys(&expected));
    assert_eq!(
        traces["elevation_of_receiver_group"],
        serde_json::json!([0, 2, 4, 6])
    );
    assert_eq!(traces["year"], serde_json::json!([2018, 2018, 2018, 2018]));
    assert!(traces.get("gain_type").is_none());
}

#[test]
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
fn real_files_have_their_sums() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/realdata");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    for name in ["f3.sgy", "Format1msb.sgy", "Format5lsb.sgy"] {
        let source = open(&folder.join(name), &Options::default()).unwrap();
        assert_eq!(
            (source.header().channels, source.header().samples),
            (414, 75),
            "{name}"
        );
        let samples = all(&source);
        let extreme = |f: fn(f64, f64) -> f64| samples.iter().copied().reduce(f).unwrap();
        let sum: f64 = samples.iter().sum();
        assert_eq!(
            (sum, extreme(f64::min), extreme(f64::max)),
            (780_251.0, -10_239.0, 10_827.0),
            "{name}"
        );
    }
    let long = open(&folder.join("long.sgy"), &Options::default()).unwrap();
    assert_eq!((long.header().channels, long.header().samples), (3, 60_000));
    let broken = open(&folder.join("broken.sgy"), &Options::default()).unwrap_err();
    assert!(
        broken
            .to_string()
            .contains("number of traces: found 836 bytes"),
        "{broken}"
    );
}

type Change = fn(&mut Made);

/// A file made here: any format and byte order, headers to choose.
#[derive(Clone)]
struct Made {
    little: bool,
    code: i16,
    values: Vec<Vec<f64>>,
    binary: Vec<(usize, Vec<u8>)>,
    trace: Vec<(usize, Vec<u8>)>,
    additional: usize,
    between: usize,
    after: usize,
}

impl Made {
    fn new(code: i16, little: bool, values: Vec<Vec<f64>>) -> Self {
        let mut made = Self {
            little,
            code,
            values,
            binary: Vec::new(),
            trace: Vec::new(),
            additional: 0,
            between: 0,
            after: 0,
        };
        made.binary(16, 2000i16.to_be_bytes());
        made.binary(20, (made.values[0].len() as u16).to_be_bytes());
        made.binary(24, code.to_be_bytes());
        for (at, part) in [(156, 2020i16), (158, 2), (160, 3), (162, 4), (164, 5)] {
            made.trace(at, part.to_be_bytes());
        }
        made
    }

    /// Sets a number of the binary header, given big-endian.
    fn binary<const N: usize>(&mut self, at: usize, number: [u8; N]) -> &mut Self {
        self.binary.push((at, number.to_vec()));
        self
    }

    /// Sets a number of every trace header, given big-endian.
    fn trace<const N: usize>(&mut self, at: usize, number: [u8; N]) -> &mut Self {
        self.trace.push((at, number.to_vec()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut file = vec![0x40; 3200];
        file.extend(self.header(400, &self.binary));
        file.resize(file.len() + self.between, 0x40);
        for row in &self.values {
            file.extend(self.header(240 * (1 + self.additional), &self.trace));
            for value in row {
                file.extend(self.ordered(&sample(self.code, *value)));
            }
        }
        file.resize(file.len() + self.after, 0x40);
        file
    }

    fn header(&self, size: usize, fields: &[(usize, Vec<u8>)]) -> Vec<u8> {
        let mut header = vec![0; size];
        for (at, number) in fields {
            header[*at..at + number.len()].copy_from_slice(&self.ordered(number));
        }
        header
    }

    fn ordered(&self, number: &[u8]) -> Vec<u8> {
        let mut number = number.to_vec();
        if self.little {
            number.reverse();
        }
        number
    }

    fn open(&self) -> Result<SegySource, FormatError> {
        open_bytes(&self.bytes())
    }
}

fn open_bytes(bytes: &[u8]) -> Result<SegySource, FormatError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sgy");
    std::fs::write(&path, bytes).unwrap();
    open(&path, &Options::default())
}

/// A value in a sample format, big-endian.
fn sample(code: i16, value: f64) -> Vec<u8> {
    match code {
        1 => {
            let (mut mantissa, mut exponent) = (value.abs(), 64);
            while mantissa >= 1.0 {
                (mantissa, exponent) = (mantissa / 16.0, exponent + 1);
            }
            let sign = u32::from(value < 0.0) << 31;
            let word = sign | (exponent << 24) | (mantissa * f64::from(1 << 24)) as u32;
            word.to_be_bytes().to_vec()
        }
        2 => (value as i32).to_be_bytes().to_vec(),
        3 => (value as i16).to_be_bytes().to_vec(),
        5 => (value as f32).to_be_bytes().to_vec(),
        6 => value.to_be_bytes().to_vec(),
        7 => (value as i32).to_be_bytes()[1..].to_vec(),
        8 => (value as i8).to_be_bytes().to_vec(),
        9 => (value as i64).to_be_bytes().to_vec(),
        10 => (value as u32).to_be_bytes().to_vec(),
        11 => (value as u16).to_be_bytes().to_vec(),
        12 => (value as u64).to_be_bytes().to_vec(),
        15 => (value as u32).to_be_bytes()[1..].to_vec(),
        16 => (value as u8).to_be_bytes().to_vec(),
        _ => panic!("no such format"),
    }
}

/// Three channels of seven samples that every format holds; negative ones where it can.
fn small_values(code: i16) -> Vec<Vec<f64>> {
    let signed = !matches!(code, 10 | 11 | 12 | 15 | 16);
    let value = |n: usize| {
        let magnitude = (n * 5) as f64;
        if signed && n % 2 == 1 {
            -magnitude
        } else {
            magnitude
        }
    };
    (0..3)
        .map(|row| (0..7).map(|col| value(row * 7 + col)).collect())
        .collect()
}

#[test]
fn every_format_is_read_in_either_byte_order() {
    for code in [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16] {
        for little in [false, true] {
            let made = Made::new(code, little, small_values(code));
            let source = made.open().unwrap();
            assert_eq!(
                all(&source),
                made.values.concat(),
                "format {code}, little {little}"
            );
            assert_eq!(
                read(&source, 1..3, 2..5),
                [&made.values[1][2..5], &made.values[2][2..5]].concat()
            );
            assert_eq!(read(&source, 1..1, 2..2), [0.0; 0]);
        }
    }
}

#[test]
fn counts_are_found_where_files_have_them() {
    let values = vec![vec![0.0; 5]; 4];
    let cases: [(&str, Change); 9] = [
        ("extended count, old one empty", |m| {
            m.binary(20, [0; 2]).binary(68, 5i32.to_be_bytes());
        }),
        ("extended count of revision 2", |m| {
            m.binary(20, 4u16.to_be_bytes())
                .binary(68, 5i32.to_be_bytes())
                .binary(300, [2]);
        }),
        ("undefined bytes of revision 0", |m| {
            m.binary(68, 51_488i32.to_be_bytes())
                .binary(72, 1e-9f64.to_be_bytes());
            m.binary(320, 77u64.to_be_bytes())
                .binary(328, 9i32.to_be_bytes());
            m.binary(312, 999u64.to_be_bytes())
                .binary(306, 3i32.to_be_bytes());
        }),
        ("trace header only", |m| {
            m.binary(20, [0; 2]).trace(114, 5u16.to_be_bytes());
        }),
        ("offset of the first trace", |m| {
            m.between = 100;
            m.binary(300, [2]).binary(320, 3700u64.to_be_bytes());
        }),
        ("additional trace headers, 32 bits", |m| {
            m.additional = 2;
            m.binary(300, [2]).binary(306, 2i32.to_be_bytes());
        }),
        ("additional trace headers, 16 bits", |m| {
            m.additional = 2;
            m.binary(300, [2])
                .binary(306, 2i16.to_be_bytes())
                .binary(308, 7i16.to_be_bytes());
        }),
        ("declared trailer", |m| {
            m.after = 6400;
            m.binary(300, [2]).binary(328, 2i32.to_be_bytes());
        }),
        ("trailer behind a stated count", |m| {
            m.after = 3200;
            m.binary(300, [2])
                .binary(312, 4u64.to_be_bytes())
                .binary(328, (-1i32).to_be_bytes());
        }),
    ];
    for (what, change) in cases {
        for little in [false, true] {
            let mut made = Made::new(5, little, values.clone());
            change(&mut made);
            let source = made.open().unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(
                (source.header().channels, source.header().samples),
                (4, 5),
                "{what}"
            );
        }
    }
}

#[test]
fn extended_text_headers_are_passed_over() {
    let mut made = Made::new(3, false, vec![vec![1.0, 2.0]; 2]);
    made.between = 9600;
    made.binary(304, 3i16.to_be_bytes());
    assert_eq!(all(&made.open().unwrap()), [1.0, 2.0, 1.0, 2.0]);
    made.binary(304, (-1i16).to_be_bytes());
    let message = made.open().unwrap_err().to_string();
    assert!(
        message.contains("no header with ((SEG: EndText))"),
        "{message}"
    );
    let mut bytes = made.bytes();
    bytes[3600 + 6400 + 90..][..16].copy_from_slice(b"((SEG: EndText))");
    assert_eq!(all(&open_bytes(&bytes).unwrap()), [1.0, 2.0, 1.0, 2.0]);
}

#[test]
fn many_samples_and_the_vendors_unset_count() {
    let long = Made::new(8, false, vec![vec![1.0; 60_000]; 2]);
    assert_eq!(long.open().unwrap().header().samples, 60_000);
    let mut vendor = Made::new(8, false, vec![vec![1.0; 70_000]; 2]);
    vendor
        .binary(20, 55_537u16.to_be_bytes())
        .binary(306, 70_000i32.to_be_bytes());
    assert_eq!(vendor.open().unwrap().header().samples, 70_000);
}

#[test]
fn intervals_come_from_the_header_that_has_one() {
    let cases: [(&str, Change, f64, bool); 6] = [
        ("binary header", |_| {}, 500.0, false),
        (
            "trace header",
            |m| {
                m.binary(16, [0; 2]).trace(116, 1000i16.to_be_bytes());
            },
            1000.0,
            true,
        ),
        (
            "they differ",
            |m| {
                m.trace(116, 1000i16.to_be_bytes());
            },
            500.0,
            true,
        ),
        (
            "negative",
            |m| {
                m.binary(16, (-2000i16).to_be_bytes())
                    .trace(116, 500i16.to_be_bytes());
            },
            2000.0,
            true,
        ),
        (
            "above 32767",
            |m| {
                m.binary(16, 40_000u16.to_be_bytes());
            },
            25.0,
            true,
        ),
        (
            "double precision",
            |m| {
                m.binary(300, [2])
                    .binary(16, 333u16.to_be_bytes())
                    .binary(72, 312.5f64.to_be_bytes());
            },
            3200.0,
            false,
        ),
    ];
    for (what, change, prf, warns) in cases {
        let mut made = Made::new(5, false, vec![vec![0.0; 4], vec![0.0; 4]]);
        change(&mut made);
        let source = made.open().unwrap();
        assert_eq!(source.header().prf, prf, "{what}");
        let warned = source
            .header()
            .warnings
            .iter()
            .any(|w| w.contains("interval"));
        assert_eq!(warned, warns, "{what}: {:?}", source.header().warnings);
    }
}

#[test]
fn the_start_has_its_fraction() {
    let folder = tempfile::tempdir().unwrap();
    let mut extended = Made::new(5, false, vec![vec![0.0; 4]]);
    extended.additional = 1;
    extended.binary(300, [2]).binary(306, 1i32.to_be_bytes());
    extended.trace(240 + 140, 250_000_000i32.to_be_bytes());
    let plain = Made::new(5, false, vec![vec![0.0; 4]]);
    let mut undated = plain.clone();
    undated.trace(156, [0; 10]);
    let cases = [
        ("a.sgy", &plain, "2020-01-02T03:04:05Z"),
        ("a.sgy", &extended, "2020-01-02T03:04:05.25Z"),
        (
            "x_20200102_030405.812.sgy",
            &plain,
            "2020-01-02T03:04:05.812Z",
        ),
        ("x_20200102_030406.812.sgy", &plain, "2020-01-02T03:04:05Z"),
        (
            "x_20200102_030406.812.sgy",
            &undated,
            "2020-01-02T03:04:06.812Z",
        ),
        ("a.sgy", &undated, "1970-01-01T00:00:00Z"),
    ];
    for (name, made, start) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, made.bytes()).unwrap();
        let source = open(&path, &Options::default()).unwrap();
        assert_eq!(source.header().start.to_string(), start, "{name}");
    }
}

#[test]
fn depth_falls_back_field_by_field() {
    let depth = |fields: &[(usize, [i32; 3])], scalar: i16, feet: bool| {
        let mut made = Made::new(5, false, vec![vec![0.0; 4]; 3]);
        made.trace(70, scalar.to_be_bytes());
        if feet {
            made.binary(54, 2i16.to_be_bytes());
        }
        let mut bytes = made.bytes();
        for (at, values) in fields {
            for (row, value) in values.iter().enumerate() {
                bytes[3600 + row * 256 + at..][..4].copy_from_slice(&value.to_be_bytes());
            }
        }
        let source = open_bytes(&bytes).unwrap();
        (
            source.header().depth.clone(),
            source.header().warnings.len(),
        )
    };
    let offsets = (36, [10, 20, 30]);
    assert_eq!(depth(&[], 1, false), (vec![0.0, 1.0, 2.0], 1));
    assert_eq!(depth(&[offsets], 1, false), (vec![10.0, 20.0, 30.0], 1));
    assert_eq!(
        depth(&[offsets, (80, [0, 30, 60]), (84, [0, 40, 80])], -10, false),
        (vec![0.0, 5.0, 10.0], 1)
    );
    assert_eq!(
        depth(&[offsets, (40, [0, 0, 5])], 1, false),
        (vec![0.0, 0.0, 5.0], 0)
    );
    assert_eq!(
        depth(&[(40, [0, 10, 20])], 1, true),
        (vec![0.0, 3.048, 6.096], 1)
    );
}

#[test]
fn broken_files_are_refused_with_their_place() {
    let made = || Made::new(5, false, vec![vec![0.0; 4]; 3]);
    let with = |change: fn(&mut Made)| {
        let mut made = made();
        change(&mut made);
        made.bytes()
    };
    let golden = |case: &str| std::fs::read(golden(case).join("input.sgy")).unwrap();
    let whole = made().bytes();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "empty",
            vec![],
            "size of the file: found 0 bytes, expected at least 3840 bytes",
        ),
        (
            "text only",
            whole[..3200].to_vec(),
            "size of the file: found 3200 bytes",
        ),
        (
            "headers only",
            whole[..3600].to_vec(),
            "size of the file: found 3600 bytes",
        ),
        (
            "in a trace",
            whole[..whole.len() - 1].to_vec(),
            "number of traces: found 767 bytes, 2 and 255 more bytes, expected whole traces of 256 bytes (240 of header, 16 of samples)",
        ),
        (
            "other file",
            vec![b'x'; 9000],
            "expected a code from 1 to 16; this is no SEG-Y file",
        ),
        (
            "zeros",
            vec![0; 9000],
            "expected a code from 1 to 16; this is no SEG-Y file",
        ),
        (
            "format 4",
            golden("segy-format4"),
            "sample format (byte 3224): found code 4",
        ),
        (
            "no interval",
            golden("segy-interval-zero"),
            "sample interval (bytes 3216 and 3272, trace byte 116): found 0",
        ),
        (
            "no samples",
            with(|m| {
                m.binary(20, [0; 2]);
            }),
            "samples per trace",
        ),
        (
            "too many samples",
            with(|m| {
                m.binary(20, 60_000u16.to_be_bytes());
            }),
            "0 and 768 more bytes",
        ),
        (
            "absurd samples",
            with(|m| {
                m.binary(20, [0; 2]).binary(68, i32::MAX.to_be_bytes());
            }),
            "number of traces",
        ),
        (
            "too many texts",
            with(|m| {
                m.binary(304, 30_000i16.to_be_bytes());
            }),
            "expected at least 96003600 bytes",
        ),
        (
            "negative texts",
            with(|m| {
                m.binary(304, (-7i16).to_be_bytes());
            }),
            "found -7, expected 0 or more, or -1",
        ),
        (
            "first trace",
            with(|m| {
                m.binary(300, [2]).binary(320, u64::MAX.to_be_bytes());
            }),
            "offset of the first trace (byte 3520): found 18446744073709551615",
        ),
        (
            "stated traces",
            with(|m| {
                m.binary(300, [2]).binary(312, 4u64.to_be_bytes());
            }),
            "found 3 whole traces",
        ),
        (
            "swapped pairs",
            with(|m| {
                m.binary(96, 0x0201_0403u32.to_be_bytes());
            }),
            "pairs of bytes swapped",
        ),
    ];
    for (what, bytes, expected) in cases {
        let message = open_bytes(&bytes).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(expected), "{what}: {message}");
        assert!(message.contains("a.sgy: "), "{what}: {message}");
    }
}

#[test]
fn stated_counts_below_the_size_are_kept_with_a_warning() {
    let source = open(
        &golden("segy-traces-in-file").join("input.sgy"),
        &Options::default(),
    )
    .unwrap();
    let warning = "the file holds 4 traces and says 3 (byte 3512): the last 1 are not read";
    assert_eq!(source.header().warnings, [warning]);
}

/// What a recording holds in its format's type: whole numbers, so that every format keeps them.
fn written(recording: &Recording, channels: Range<usize>, times: Range<usize>) -> Vec<u8> {
    let value = |channel: usize, time: usize| (channel * 100 + time) as i16 - 120;
    channels
        .flat_map(|channel| times.clone().map(move |time| value(channel, time)))
        .flat_map(|v| match recording.format {
            Format::I16 => v.to_ne_bytes().to_vec(),
            Format::I32 => i32::from(v).to_ne_bytes().to_vec(),
            _ => f32::from(v).to_ne_bytes().to_vec(),
        })
        .collect()
}

#[test]
fn what_is_written_is_read_whatever_the_order_of_windows() {
    let windows: [&[(Range<usize>, Range<usize>)]; 3] = [
        &[(0..3, 0..50)],
        &[(0..1, 0..50), (1..3, 0..50)],
        &[(0..3, 30..50), (0..3, 0..10), (0..3, 10..30)],
    ];
    for format in [Format::I32, Format::I16, Format::F32] {
        for windows in windows {
            let recording = Recording {
                format,
                samples: 50,
                prf: 3000.0,
                start: "2024-02-29T12:34:56Z".parse().unwrap(),
                depth: vec![-1.25, 1020.952, 1021.0],
                text: vec!["C 1 A CABLE [TEST]".into(), "C 2".into()],
            };
            let mut writer = SegyWriter::new(Cursor::new(Vec::new()), recording.clone()).unwrap();
            for (channels, times) in windows {
                let samples = written(&recording, channels.clone(), times.clone());
                writer
                    .write(channels.clone(), times.clone(), &samples)
                    .unwrap();
            }
            let bytes = writer.finish().unwrap().into_inner();
            let source = open_bytes(&bytes).unwrap();
            let header = source.header();
            assert_eq!(
                (header.channels, header.samples, header.prf),
                (3, 50, 3000.0)
            );
            assert_eq!(
                (header.start, &header.depth),
                (recording.start, &recording.depth)
            );
            assert_eq!(header.warnings, [""; 0]);
            let text = header.metadata["ascii_header"].as_str().unwrap();
            assert!(text.starts_with("C 1 A CABLE [TEST]  "), "{text}");
            let mut found = vec![0; 150 * format.size()];
            source.read(0..3, 0..50, &mut found).unwrap();
            assert_eq!(found, written(&recording, 0..3, 0..50), "{format:?}");
        }
    }
}

#[test]
fn what_no_header_holds_is_not_written() {
    let good = Recording {
        format: Format::I16,
        samples: 70_000,
        prf: 1000.0,
        start: "2024-02-29T12:34:56Z".parse().unwrap(),
        depth: vec![0.0],
        text: vec![],
    };
    let begin = |recording: Recording| SegyWriter::new(Cursor::new(Vec::new()), recording);
    let mut writer = begin(good.clone()).unwrap();
    writer.write(0..1, 0..70_000, &vec![0; 140_000]).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(open_bytes(&bytes).unwrap().header().samples, 70_000);
    let wrong = [
        (
            "prf: found 0",
            Recording {
                prf: 0.0,
                ..good.clone()
            },
        ),
        (
            "start: found",
            Recording {
                start: "2024-02-29T12:34:56.5Z".parse().unwrap(),
                ..good.clone()
            },
        ),
        (
            "depth: found NaN",
            Recording {
                depth: vec![f64::NAN],
                ..good.clone()
            },
        ),
        (
            "channels: found 0",
            Recording {
                depth: vec![],
                ..good.clone()
            },
        ),
        (
            "sample format: found Ibm",
            Recording {
                format: Format::Ibm,
                ..good.clone()
            },
        ),
        (
            "samples per channel: found 0",
            Recording { samples: 0, ..good },
        ),
    ];
    for (expected, recording) in wrong {
        let message = begin(recording).map(|_| ()).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_header_makes_the_reader_panic(
        little: bool,
        revision in 0u8..4,
        numbers in prop::collection::vec((3200usize..3850, any::<u8>()), 0..12),
        length in 3000usize..5000,
    ) {
        let mut made = Made::new(3, little, vec![vec![1.0; 10]; 4]);
        made.binary(300, [revision]);
        let mut bytes = made.bytes();
        for (at, value) in numbers {
            bytes[at] = value;
        }
        bytes.truncate(length);
        if let Ok(source) = open_bytes(&bytes) {
            let header = source.header();
            prop_assert!(header.channels > 0 && header.samples > 0 && header.prf > 0.0);
            prop_assert!(header.channels * header.samples <= bytes.len());
            prop_assert_eq!(header.depth.len(), header.channels);
            prop_assert_eq!(all(&source).len(), header.channels * header.samples);
        }
    }
}
