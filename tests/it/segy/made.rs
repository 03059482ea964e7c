//! SEG-Y files made here: every format in either byte order, headers where vendors have them.

use distpy_gpu::formats::segy::{Options, SegySource, open};
use distpy_gpu::formats::{FormatError, Source};

use super::{all, open_bytes, read};

pub type Change = fn(&mut Made);

/// A file made here: any format and byte order, headers to choose.
#[derive(Clone)]
pub struct Made {
    little: bool,
    code: i16,
    values: Vec<Vec<f64>>,
    binary: Vec<(usize, Vec<u8>)>,
    trace: Vec<(usize, Vec<u8>)>,
    pub additional: usize,
    between: usize,
    pub after: usize,
}

impl Made {
    pub fn new(code: i16, little: bool, values: Vec<Vec<f64>>) -> Self {
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
    pub fn binary<const N: usize>(&mut self, at: usize, number: [u8; N]) -> &mut Self {
        self.binary.push((at, number.to_vec()));
        self
    }

    /// Sets a number of every trace header, given big-endian.
    pub fn trace<const N: usize>(&mut self, at: usize, number: [u8; N]) -> &mut Self {
        self.trace.push((at, number.to_vec()));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
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
        4 => [[0, 0], (value as i16).to_be_bytes()].concat(),
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
    for code in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16] {
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
    let source = open_bytes(&bytes).unwrap();
    assert_eq!(all(&source), [1.0, 2.0, 1.0, 2.0]);
    let texts = &source.header().metadata["extended_text_headers"];
    assert_eq!(texts.as_array().unwrap().len(), 3);
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
        assert_eq!(source.header().prf(), prf, "{what}");
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
        ("a.sgy", &plain, "2020-01-02T03:04:05Z", 999_999_999),
        ("a.sgy", &extended, "2020-01-02T03:04:05.25Z", 1),
        (
            "x_20200102_030405.812.sgy",
            &plain,
            "2020-01-02T03:04:05.812Z",
            1_000_000,
        ),
        (
            "x_20200102_030406.812.sgy",
            &plain,
            "2020-01-02T03:04:05Z",
            999_999_999,
        ),
        (
            "x_20200102_030406.812.sgy",
            &undated,
            "2020-01-02T03:04:06.812Z",
            1_000_000,
        ),
        (
            "x_20200102_030406.812123-06:00_1.sgy",
            &undated,
            "2020-01-02T09:04:06.812123Z",
            1_000,
        ),
        ("a.sgy", &undated, "1970-01-01T00:00:00Z", 999_999_999),
    ];
    for (name, made, start, tolerance) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, made.bytes()).unwrap();
        let source = open(&path, &Options::default()).unwrap();
        let header = source.header();
        assert_eq!(header.start_time().to_string(), start, "{name}");
        assert_eq!(header.time_tolerance, tolerance, "{name}");
        assert_eq!(header.segments.len(), 1, "{name}");
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
