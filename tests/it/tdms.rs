//! TDMS recordings: files by npTDMS and by a writer of plain numbers (`tests/golden/tdms/make.py`), and a real one.

mod pauses;
mod refusals;

use std::path::PathBuf;

use distpy_gpu::block::DType;
use distpy_gpu::formats::segment::Rate;
use distpy_gpu::formats::tdms::{TdmsSource, open};
use distpy_gpu::formats::{Calibration, Layout, Source};
use serde_json::json;

use crate::program::Project;
use crate::segy::read;

/// 2023-09-22T18:29:26.5Z in microseconds.
const START: i64 = 1_695_407_366_500_000;
const CHANNELS: usize = 5;
/// As `Precise Sampling Frequency (Hz)` and `Time Decimation` have it.
const PRF: f64 = 5499.945 / 11.0;

fn golden(name: &str) -> PathBuf {
    let folder = crate::root().join("tests/golden/tdms");
    folder.join(format!("{name}.tdms"))
}

fn opened(name: &str) -> TdmsSource {
    open(&golden(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// Holds the whole, and windows across segments and chunks, against `value(channel, time)`.
fn holds(name: &str, source: &TdmsSource, value: impl Fn(usize, usize) -> f64) {
    let h = source.header();
    for (channels, times) in [
        (0..h.channels, 0..h.samples),
        (1..4, 3..8),
        (4..5, 0..1),
        (0..2, 4..h.samples),
        (2..3, 0..h.samples),
    ] {
        let truth: Vec<f64> = channels
            .clone()
            .flat_map(|k| times.clone().map(move |t| (k, t)))
            .map(|(k, t)| value(k, t))
            .collect();
        let what = format!("{name}: {channels:?}, {times:?}");
        assert_eq!(read(source, channels, times), truth, "{what}");
    }
    // Asking for nothing gives nothing.
    source.read(0..0, 0..h.samples, &mut []).unwrap();
    source.read(0..h.channels, 7..7, &mut []).unwrap();
}

fn usual(channel: usize, time: usize) -> f64 {
    (100 * time + channel) as f64 - 7.0
}

#[test]
fn every_order_of_samples_is_read_as_it_was_written() {
    let cut =
        "segment 1: it should end at byte 1035, the file ends at byte 1008: it is read to there";
    let cases: [(&str, usize, &[&str]); 14] = [
        ("nptdms", 12, &[]),
        ("nptdms-defragmented", 12, &[]),
        ("interleaved", 12, &[]),
        ("interleaved-big", 12, &[]),
        ("chunks", 12, &[]),
        ("chunks-big", 12, &[]),
        ("segments", 12, &[]),
        ("unordered", 12, &[]),
        // Its second segment gives the time again, which is that of its first sample.
        ("nptdms-segments", 12, &[]),
        (
            "cut",
            9,
            &[
                cut,
                "segment 1: its last 3 bytes are no sample of every channel: they are left out",
            ],
        ),
        (
            "cut-chunks",
            9,
            &[
                "segment 1: it should end at byte 1035, the file ends at byte 1029: it is read to there",
                "segment 1: its last chunk has 3 of 6 samples of each channel",
            ],
        ),
        (
            "crashed",
            12,
            &["segment 1: its writer did not complete it: it is read to the file's end, byte 1035"],
        ),
        (
            "short-chunk",
            12,
            &["segment 1: its last chunk has 2 of 5 samples of each channel"],
        ),
        (
            "cut-metadata",
            12,
            &[
                "segment 2: its writer did not complete it: it is read to the file's end, byte 1335",
                "segment 2: the file ends in its metadata: it is left out",
            ],
        ),
    ];
    for (name, samples, warnings) in cases {
        let source = opened(name);
        let h = source.header();
        assert_eq!(
            (h.channels, h.samples, h.dtype),
            (CHANNELS, samples, DType::I16),
            "{name}"
        );
        assert_eq!(h.layout, Layout::TimeMajor, "{name}");
        assert_eq!(h.rate, Rate::of_hertz(499.995).unwrap(), "{name}");
        assert_eq!(h.segments.len(), 1, "{name}");
        assert_eq!(h.time_tolerance, 1_000, "{name}");
        assert_eq!(h.start_time().as_microsecond(), START, "{name}");
        for (k, depth) in h.depth.iter().enumerate() {
            let expected = -120.4 + k as f64 * 2.04;
            assert!((depth - expected).abs() < 1e-9, "{name}: {:?}", h.depth);
        }
        let calibration = Calibration {
            factor: 116.0 * PRF / (10.0 * 8192.0),
            unit: "nanostrain/s".into(),
        };
        assert_eq!(h.calibration, Some(calibration), "{name}");
        assert_eq!(h.warnings, warnings, "{name}");
        holds(name, &source, usual);
    }
}

#[test]
fn every_type_of_sample_is_delivered_as_it_is_stored() {
    let types = [
        ("i1", DType::I8),
        ("i2", DType::I16),
        ("i4", DType::I32),
        ("i8", DType::I64),
        ("u1", DType::U8),
        ("u2", DType::U16),
        ("u4", DType::U32),
        ("u8", DType::U64),
        ("f4", DType::F32),
        ("f8", DType::F64),
    ];
    for (name, dtype) in types {
        let source = opened(&format!("type-{name}"));
        assert_eq!(source.header().dtype, dtype);
        holds(name, &source, |k, t| (10 * t + k) as f64);
    }
}

#[test]
fn one_stored_channel_may_hold_all() {
    let source = opened("flat");
    let h = source.header();
    assert_eq!((h.channels, h.samples, h.prf()), (CHANNELS, 12, 500.0));
    assert_eq!(h.start_time().as_microsecond(), START);
    assert_eq!(h.depth, [60.0, 61.5, 63.0, 64.5, 66.0]);
    assert_eq!(h.calibration, None);
    assert_eq!(h.warnings, Vec::<String>::new());
    holds("flat", &source, usual);
}

#[test]
fn older_files_have_less_and_say_so() {
    let source = opened("old");
    let h = source.header();
    assert_eq!((h.channels, h.samples, h.prf()), (CHANNELS, 12, 500.0));
    assert_eq!(h.start_time().as_microsecond(), START + 1_479_427);
    assert_eq!(h.depth, [240.0, 242.0, 244.0, 246.0, 248.0]);
    assert_eq!(h.calibration, None);
    assert_eq!(
        h.warnings,
        [
            "the start is the computer's time: there is none of GPS",
            "there is no Start Distance (m): the first channel is at StartPosition[m], 240 m, which is a setting",
            "there is no GaugeLength, and so no calibration (10 m is usual for the first iDAS)",
        ]
    );
}

#[test]
fn properties_of_every_kind_are_kept() {
    for name in ["interleaved", "interleaved-big"] {
        let metadata = opened(name).header().metadata.clone();
        assert_eq!(
            (&metadata["format"], &metadata["version"]),
            (&json!("TDMS"), &json!(4713))
        );
        assert_eq!(
            metadata["attributes"],
            json!({"/": {
                "name": "UTC_20230922_182926.500", "SamplingFrequency[Hz]": 500.0,
                "Precise Sampling Frequency (Hz)": 5499.945, "Time Decimation": 11, "SpatialResolution[m]": 2.0,
                "Fibre Length Multiplier": 1.02, "Start Distance (m)": -120.4, "Stop Distance (m)": -112.2,
                "StreamTime[s]": null, "Continuous Mode": true, "GaugeLength": 10.0, "Unit Calibration (nm)": 116.0,
                "GPSTimeStamp": "2023-09-22T18:29:26.5Z", "CPUTimeStamp": "2023-09-22T18:29:27.979427Z",
                "ISO8601 Timestamp": "2023-09-22T19:29:26.500+01:00",
                "SystemInfomation.GPS.Status": "Self Survey Complete", "Tags": ""
            }})
        );
    }
    // A later segment changes a property.
    let metadata = opened("segments").header().metadata.clone();
    assert_eq!(metadata["attributes"]["/"]["Tags"], "changed");
    let metadata = opened("flat").header().metadata.clone();
    assert_eq!(metadata["attributes"]["/'DAS'"]["Total Channels"], 5);
}

/// Sums, extremes and the time as they were published with the recording.
#[test]
fn recording_of_a_real_instrument() {
    let Some(path) = crate::samples::recording("sample_tdms_file_v4713.tdms") else {
        return;
    };
    let source = open(&path).unwrap();
    let h = source.header();
    assert_eq!(
        (h.channels, h.samples, h.prf(), h.dtype),
        (2432, 216, 500.0, DType::I16)
    );
    assert_eq!(h.start_time().as_microsecond(), 1_555_299_215_812_034);
    assert_eq!((h.segments.len(), h.time_tolerance), (1, 1_000));
    assert_eq!(h.depth[0], -0.510_429_999_999_971_1);
    assert!((h.depth[2431] - 4963.36).abs() < 0.01, "{}", h.depth[2431]);
    assert_eq!(
        h.calibration.as_ref().map(|it| it.factor),
        Some(116.0 * 500.0 / (10.0 * 8192.0))
    );
    assert_eq!(
        h.warnings,
        [
            "segment 1: it should end at byte 146042880, the file ends at byte 1173504: it is read to there"
        ]
    );
    let root = &h.metadata["attributes"]["/"];
    assert_eq!(root["name"], "PSUDAS_UTC_20190415_033335.812");
    assert_eq!(root["SystemInfomation.GPS.SatellitesAvailable"], 9);
    let samples = read(&source, 0..2432, 0..216);
    let extremes = samples
        .iter()
        .fold((0.0, 0.0), |(low, high), v| (v.min(low), v.max(high)));
    assert_eq!(extremes, (-16_381.0, 18_284.0));
    assert_eq!(samples.iter().sum::<f64>(), 256_151.0);
    // A window across the strips in which channels are copied.
    let window: Vec<f64> = (1000..1100)
        .flat_map(|k| samples[k * 216 + 50..k * 216 + 150].to_vec())
        .collect();
    assert_eq!(read(&source, 1000..1100, 50..150), window);
}

#[test]
fn the_program_cuts_chunks() {
    let project = Project::new();
    for name in ["interleaved", "cut"] {
        let path = format!("recordings/{name}.tdms");
        project.write(&path, &std::fs::read(golden(name)).unwrap());
    }
    project
        .run("-m ingest_tdms -f recordings/interleaved.tdms -c system.json -o chunks")
        .ends(0)
        .says("recordings have 499.995 Hz")
        .says("1 chunks from 1695407366");
    let chunk = project.table("chunks/1695407366.npy");
    assert_eq!(chunk.shape(), (CHANNELS, 12));
    let expected = (0..CHANNELS).flat_map(|k| (0..12).map(move |t| usual(k, t)));
    assert!(chunk.as_real().iter().copied().eq(expected));
    let depth = project.table("chunks/measured_depth.npy");
    assert_eq!(depth.as_real()[(0, 0)], -120.4);
    let about = std::fs::read(project.path("chunks/json/1695407366/1695407366.json")).unwrap();
    let about: serde_json::Value = serde_json::from_slice(&about).unwrap();
    assert_eq!(about["attributes"]["/"]["GaugeLength"], 10.0);
    assert_eq!(about["calibration"]["unit"], "nanostrain/s");
    // Files that are no recordings, or cut, are told, and the others done.
    project.write("recordings/bad.tdms", b"no recording");
    project
        .run("-m ingest_tdms -f recordings -c system.json -o others --overwrite")
        .ends(65)
        .says("bad.tdms: byte 0: found \"no r\", expected TDSm; this is no TDMS file")
        .says("the file ends at byte 1008: it is read to there")
        .says("2 recordings done, 1 failed");
}
