//! SEG-Y: golden files, real files, files made here in every format and byte order, and broken ones.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damage;
mod files;
mod made;

use std::io::Cursor;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use distpy_gpu::block::{Bytes, DType, Endian, Order, Stored};
use distpy_gpu::formats::segy::{Format, Options, Recording, SegySource, SegyWriter, open};
use distpy_gpu::formats::{FormatError, Source, npy};

const COMPAT: Options = Options {
    compat_distpy: true,
};

pub fn golden(name: &str) -> PathBuf {
    crate::root().join("tests/golden/io").join(name)
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

/// Opens a file of these bytes.
fn open_bytes(bytes: &[u8]) -> Result<SegySource, FormatError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sgy");
    std::fs::write(&path, bytes).unwrap();
    open(&path, &Options::default())
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
            4,
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
        assert_eq!(header.prf(), prf, "{case}");
        let start = if case == "segy-year-zero" {
            0
        } else {
            1_535_464_933
        };
        assert_eq!(header.start_time().as_second(), start, "{case}");
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
    let found = source.header().metadata.clone();
    let traces = columns(&source);
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

/// The trace headers as columns.
pub fn columns(source: &SegySource) -> serde_json::Value {
    let mut text = Vec::new();
    source
        .traces()
        .unwrap()
        .unwrap()
        .write_columns(&mut text)
        .unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn real_files_have_their_sums() {
    let Some(folder) = crate::samples::recording("") else {
        return;
    };
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
    let broken = open(&folder.join("broken.sgy"), &Options::default()).unwrap();
    assert_eq!((broken.header().channels, broken.header().samples), (3, 4));
    let warning = "the file holds 3 whole traces of 256 bytes (240 of header, 16 of samples) and 68 more bytes, which are not read: it is cut, or its counts are wrong";
    assert!(broken.header().warnings.contains(&warning.to_string()));
}

#[test]
fn a_stated_count_below_the_files_is_distpys_only() {
    let path = golden("segy-traces-in-file").join("input.sgy");
    let warning = "byte 3512 says 3 traces, the file holds 4: all of these are read";
    let source = open(&path, &Options::default()).unwrap();
    assert_eq!(source.header().channels, 4);
    assert_eq!(source.header().warnings, [warning]);
    let source = open(&path, &COMPAT).unwrap();
    assert_eq!(source.header().channels, 3);
    assert_eq!(
        source.header().warnings,
        [warning, "only 3 traces are read, as distpy does"]
    );
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
                (header.channels, header.samples, header.prf()),
                (3, 50, 3000.0)
            );
            assert_eq!(
                (header.start_time(), &header.depth),
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
