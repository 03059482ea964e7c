//! Ingest: chunks hold the recording's samples, reruns skip, and nothing unfinished appears.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use distpy_gpu::block::DType;
use distpy_gpu::formats::segment::{Rate, SECOND, Segment};
use distpy_gpu::formats::segy::{self, Format, Recording, SegyWriter};
use distpy_gpu::formats::{Calibration, FormatError, Header, Layout, Source, npy};
use distpy_gpu::pipeline::index::{self, Index};
use distpy_gpu::pipeline::ingest::{Ingest, IngestError, Report, Run, TraceFiles, ingest};
use distpy_gpu::pipeline::output::{AtomicFile, Folder, Sharing};
use distpy_gpu::pipeline::timeline::{Cutting, Rule};

use crate::output::names;
use crate::segy::golden;

const T0: i64 = 1_535_464_933;

fn cut(
    source: &Arc<impl Source + 'static>,
    out: &Path,
    options: &Ingest,
) -> Result<Report, IngestError> {
    cut_by(Cutting::default(), source, out, options)
}

fn cut_by(
    cutting: Cutting,
    source: &Arc<impl Source + 'static>,
    out: &Path,
    options: &Ingest,
) -> Result<Report, IngestError> {
    let run = Run {
        progress: &|_| {},
        skipped: &|_| {},
        written: &|_| {},
        stop: &AtomicBool::new(false),
    };
    let name = Path::new("recording");
    ingest(source.clone(), name, cutting, &folder(out), options, &run)
}

fn segy_of(path: &Path) -> Arc<segy::SegySource> {
    Arc::new(segy::open(path, &segy::Options::default()).unwrap())
}

fn folder(out: &Path) -> Folder {
    Folder::join_anew(out, &Sharing::default()).unwrap()
}

/// A recording in memory: sample `s` of channel `c` is `c * samples + s`, and reading may fail from a time on.
#[derive(Debug)]
struct Ramp {
    header: Header,
    fails_at: usize,
}

impl Ramp {
    fn new(channels: usize, samples: usize, prf: f64, layout: Layout) -> Self {
        let header = Header {
            channels,
            samples,
            rate: Rate::of_hertz(prf).unwrap(),
            dtype: DType::I32,
            segments: Segment::whole("2018-08-28T14:02:13.75Z".parse().unwrap(), samples),
            time_tolerance: 0,
            depth: (0..channels).map(|c| c as f64 * 1.02).collect(),
            layout,
            calibration: None,
            metadata: serde_json::json!({"vendor": "none"}),
            warnings: vec![],
        };
        Self {
            header,
            fails_at: usize::MAX,
        }
    }

    fn value(&self, channel: usize, time: usize) -> i32 {
        (channel * self.header.samples + time) as i32
    }
}

impl Source for Ramp {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(
        &self,
        channels: Range<usize>,
        times: Range<usize>,
        dst: &mut [u8],
    ) -> Result<(), FormatError> {
        if times.contains(&self.fails_at) {
            return Err(FormatError::content(
                Path::new("ramp"),
                "sample",
                "nothing",
                "a number",
            ));
        }
        assert_eq!(dst.len(), channels.len() * times.len() * 4);
        let samples = channels.flat_map(|c| times.clone().map(move |t| (c, t)));
        for ((c, t), to) in samples.zip(dst.chunks_exact_mut(4)) {
            to.copy_from_slice(&self.value(c, t).to_ne_bytes());
        }
        Ok(())
    }
}

/// Type, shape and samples of a chunk.
fn chunk(out: &Path, seconds: i64) -> (DType, [usize; 2], Vec<f64>) {
    let stored = npy::open(&out.join(format!("{seconds}.npy")))
        .unwrap()
        .stored()
        .unwrap();
    let block = stored.block::<f64>(0..stored.shape()[0]);
    let samples = block.as_real().iter().copied().collect();
    (stored.dtype(), stored.shape(), samples)
}

#[test]
fn chunks_hold_the_recording_in_either_layout_and_across_tiles() {
    // 72 MB and 20 tiles, so that tiles cut chunks by channels, or by times; chunks of 5000 and a last one of 2000 samples.
    for (layout, channels, samples) in [
        (Layout::ChannelMajor, 200, 22_000),
        (Layout::TimeMajor, 200, 22_000),
        (Layout::TimeMajor, 3, 22_000),
        (Layout::ChannelMajor, 1, 22_000),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let source = Arc::new(Ramp::new(channels, samples, 5000.0, layout));
        let read = AtomicU64::new(0);
        let written = std::cell::Cell::new(0);
        let run = Run {
            progress: &|bytes| {
                read.fetch_add(bytes, Ordering::Relaxed);
            },
            skipped: &|_| {},
            written: &|chunks| written.set(written.get() + chunks),
            stop: &AtomicBool::new(false),
        };
        let out = crate::ingest::folder(folder.path());
        let name = Path::new("ramp");
        let report = ingest(
            source.clone(),
            name,
            Cutting::default(),
            &out,
            &Ingest::default(),
            &run,
        )
        .unwrap();
        assert_eq!(written.get(), 5);
        assert_eq!((report.written, report.skipped), (5, 0));
        assert_eq!(
            read.load(Ordering::Relaxed),
            (channels * samples * 4) as u64
        );
        for k in 0..5 {
            let (dtype, shape, found) = chunk(folder.path(), T0 + k as i64);
            let times = k * 5000..((k + 1) * 5000).min(samples);
            assert_eq!((dtype, shape), (DType::I32, [channels, times.len()]));
            let rows = (0..channels).flat_map(|c| times.clone().map(move |t| (c, t)));
            let wrong = rows
                .zip(found)
                .find(|((c, t), v)| f64::from(source.value(*c, *t)) != *v);
            assert_eq!(wrong, None, "{layout:?}");
        }
    }
}

#[test]
fn more_chunks_than_open_files_are_written_in_groups() {
    let folder = tempfile::tempdir().unwrap();
    let source = Arc::new(Ramp::new(2, 301, 1.0, Layout::ChannelMajor));
    let report = cut(&source, folder.path(), &Ingest::default()).unwrap();
    assert_eq!(report.written, 301);
    assert_eq!(chunk(folder.path(), T0 + 300).2, [300.0, 601.0]);
}

#[test]
fn the_folder_is_what_distpy_expects() {
    let folder = tempfile::tempdir().unwrap();
    let source = segy_of(&golden("segy-format3").join("input.sgy"));
    let options = Ingest {
        dtype: Some(DType::F64),
        ..Ingest::default()
    };
    let report = cut(&source, folder.path(), &options).unwrap();
    assert_eq!(report.written, 3);
    assert_eq!(
        names(folder.path()),
        [
            "1535464933.npy",
            "1535464934.npy",
            "1535464935.npy",
            "index.csv",
            "json",
            "measured_depth.npy"
        ]
    );
    assert_eq!(
        names(&folder.path().join("json/1535464933")),
        ["1535464933.json", "trace_headers.json"]
    );
    let truth = npy::open(&golden("segy-format2").join("truth.npy"))
        .unwrap()
        .stored()
        .unwrap();
    let truth = truth.block::<f64>(0..4);
    for k in 0..3 {
        let (dtype, shape, found) = chunk(folder.path(), T0 + k as i64);
        assert_eq!((dtype, shape), (DType::F64, [4, 500]));
        let expected = truth
            .as_real()
            .slice(ndarray::s![.., k * 500..(k + 1) * 500]);
        assert!(expected.iter().eq(&found));
    }
    let depth = npy::open(&folder.path().join("measured_depth.npy")).unwrap();
    assert_eq!(depth.to_f64_vec().unwrap(), [0.0, 2.0, 4.0, 6.0]);
    let headers = std::fs::read(golden("segy-format5").join("headers.json")).unwrap();
    let expected = String::from_utf8(headers)
        .unwrap()
        .replace("\"data_sample_format\": 5", "\"data_sample_format\": 3");
    let found =
        std::fs::read_to_string(folder.path().join("json/1535464933/1535464933.json")).unwrap();
    assert_eq!(found, expected);
}

#[test]
fn trace_headers_have_distpys_files_where_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let case = golden("segy-format5");
    let source = segy_of(&case.join("input.sgy"));
    let each = Ingest {
        traces: TraceFiles::Each,
        ..Ingest::default()
    };
    let json = folder.path().join(format!("json/{T0}"));
    cut(&source, folder.path(), &Ingest::default()).unwrap();
    assert_eq!(names(&json), ["1535464933.json", "trace_headers.json"]);
    cut(&source, folder.path(), &each).unwrap();
    let expected = [
        "0.json",
        "1.json",
        "1535464933.json",
        "2.json",
        "3.json",
        "trace_headers.json",
    ];
    assert_eq!(names(&json), expected);
    // distpy's own files, byte by byte.
    for name in ["0.json", "3.json"] {
        let distpy = std::fs::read_to_string(case.join("trace_headers").join(name)).unwrap();
        assert_eq!(std::fs::read_to_string(json.join(name)).unwrap(), distpy);
    }
    let columns: serde_json::Value =
        serde_json::from_slice(&std::fs::read(json.join("trace_headers.json")).unwrap()).unwrap();
    assert_eq!(
        columns["elevation_of_receiver_group"],
        serde_json::json!([0, 2, 4, 6])
    );

    // Those that are there stay, unless all is made anew.
    std::fs::write(json.join("0.json"), "{}").unwrap();
    cut(&source, folder.path(), &each).unwrap();
    assert_eq!(std::fs::read(json.join("0.json")).unwrap(), b"{}");
    let anew = Ingest {
        overwrite: true,
        ..each
    };
    cut(&source, folder.path(), &anew).unwrap();
    assert_ne!(std::fs::read(json.join("0.json")).unwrap(), b"{}");

    // A recording that starts in 1970 has a trace of the name that the file's headers have.
    let source = segy_of(&golden("segy-year-zero").join("input.sgy"));
    let folder = tempfile::tempdir().unwrap();
    cut(&source, folder.path(), &each).unwrap();
    let of_file = std::fs::read_to_string(folder.path().join("json/0/0.json")).unwrap();
    assert!(of_file.contains("ascii_header"));
}

#[test]
fn a_last_partial_chunk_is_kept_or_dropped() {
    for (case, keep_short, written, last) in [
        ("segy-partial-second", true, 3, Some((T0 + 2, 250))),
        ("segy-partial-second", false, 2, Some((T0 + 1, 500))),
        ("segy-under-one-second", true, 1, Some((T0, 300))),
        ("segy-under-one-second", false, 0, None),
        ("segy-interval-333us", true, 1, Some((T0, 1000))),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let source = segy_of(&golden(case).join("input.sgy"));
        let cutting = Cutting {
            keep_short,
            ..Cutting::default()
        };
        let report = cut_by(cutting, &source, folder.path(), &Ingest::default()).unwrap();
        assert_eq!(report.written, written, "{case}");
        if let Some((seconds, samples)) = last {
            assert_eq!(chunk(folder.path(), seconds).1, [4, samples], "{case}");
            assert!(!folder.path().join(format!("{}.npy", seconds + 1)).exists());
        }
    }
}

#[test]
fn a_rerun_skips_what_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let source = Arc::new(Ramp::new(4, 30, 10.0, Layout::ChannelMajor));
    let again = |options: &Ingest| {
        let report = cut(&source, out, options).unwrap();
        (report.written, report.skipped)
    };
    assert_eq!(again(&Ingest::default()), (3, 0));
    let first = std::fs::read(out.join(format!("{T0}.npy"))).unwrap();
    assert_eq!(again(&Ingest::default()), (0, 3));

    std::fs::remove_file(out.join(format!("{}.npy", T0 + 1))).unwrap();
    assert_eq!(again(&Ingest::default()), (1, 2));
    std::fs::write(out.join(format!("{T0}.npy")), &first[..first.len() - 1]).unwrap();
    assert_eq!(again(&Ingest::default()), (1, 2));
    assert_eq!(std::fs::read(out.join(format!("{T0}.npy"))).unwrap(), first);

    let double = Ingest {
        dtype: Some(DType::F64),
        ..Ingest::default()
    };
    assert_eq!(again(&double), (3, 0));
    let overwrite = Ingest {
        overwrite: true,
        ..double
    };
    assert_eq!(again(&overwrite), (3, 0));
}

#[test]
fn another_depth_axis_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let source = Arc::new(Ramp::new(4, 10, 10.0, Layout::TimeMajor));
    let path = folder.path().join("measured_depth.npy");
    cut(&source, folder.path(), &Ingest::default()).unwrap();
    assert_eq!(npy::open(&path).unwrap().header().shape, [4]);
    std::fs::write(&path, npy::encode(DType::F64, &[1], &[0; 8])).unwrap();
    let error = cut(&source, folder.path(), &Ingest::default()).unwrap_err();
    assert!(
        matches!(error, IngestError::Depth { channels: 4, .. }),
        "{error}"
    );
    let overwrite = Ingest {
        overwrite: true,
        ..Ingest::default()
    };
    cut(&source, folder.path(), &overwrite).unwrap();
    assert_eq!(
        npy::open(&path).unwrap().to_f64_vec().unwrap(),
        source.header.depth
    );
}

#[test]
fn sample_types_are_changed_without_loss_or_not_at_all() {
    let types = [
        DType::I8,
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
    let source = Arc::new(Ramp::new(2, 60, 60.0, Layout::ChannelMajor));
    for dtype in types {
        let folder = tempfile::tempdir().unwrap();
        let options = Ingest {
            dtype: Some(dtype),
            ..Ingest::default()
        };
        assert_eq!(cut(&source, folder.path(), &options).unwrap().written, 1);
        if !dtype.is_complex() {
            let expected: Vec<f64> = (0..120).map(f64::from).collect();
            assert_eq!(chunk(folder.path(), T0), (dtype, [2, 60], expected));
        }
    }
    for (dtype, found) in [
        (DType::I8, "128"),
        (DType::U8, "256"),
        (DType::Bool, "2"),
        (DType::F16, "2049"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let long = Arc::new(Ramp::new(3, 1000, 1000.0, Layout::ChannelMajor));
        let options = Ingest {
            dtype: Some(dtype),
            ..Ingest::default()
        };
        let message = cut(&long, folder.path(), &options).unwrap_err().to_string();
        let expected = format!(
            "channels 0 to 2: found {found}, expected values that {} holds exactly",
            dtype.name()
        );
        assert_eq!(message, expected);
        assert_eq!(
            names(folder.path()),
            ["index.csv", "json", "measured_depth.npy"]
        );
    }
}

#[test]
fn nothing_unfinished_appears_when_reading_fails_or_the_run_stops() {
    for layout in [Layout::ChannelMajor, Layout::TimeMajor] {
        let mut source = Ramp::new(200, 20_000, 5000.0, layout);
        let folder = tempfile::tempdir().unwrap();
        let stop = AtomicBool::new(false);
        let run = Run {
            progress: &|_| stop.store(true, Ordering::Relaxed),
            skipped: &|_| {},
            written: &|_| {},
            stop: &stop,
        };
        let out = crate::ingest::folder(folder.path());
        let error = ingest(
            Arc::new(Ramp::new(200, 20_000, 5000.0, layout)),
            Path::new("recording"),
            Cutting::default(),
            &out,
            &Ingest::default(),
            &run,
        )
        .unwrap_err();
        assert!(matches!(error, IngestError::Stopped), "{error}");
        assert_eq!(
            names(folder.path()),
            ["index.csv", "json", "measured_depth.npy"],
            "{layout:?}"
        );

        source.fails_at = 19_999;
        let error = cut(&Arc::new(source), folder.path(), &Ingest::default()).unwrap_err();
        assert!(matches!(error, IngestError::Format(_)), "{error}");
        let left = names(folder.path());
        let whole = |name: &String| {
            name == "json" || name == index::FILE || npy::open(&folder.path().join(name)).is_ok()
        };
        assert!(left.iter().all(whole), "{left:?}");
        assert!(!left.contains(&format!("{}.npy", T0 + 3)));
    }
}

/// Each sample is in the chunk of its time, whatever the rate; with distpy's cutting, chunks have one number of samples.
#[test]
fn rates_that_are_no_whole_hertz() {
    for hertz in [0.1, 0.7, 10.4, 193.5, 333.333_333_33] {
        let folder = tempfile::tempdir().unwrap();
        let source = Arc::new(Ramp::new(1, 1000, hertz, Layout::ChannelMajor));
        cut(&source, folder.path(), &Ingest::default()).unwrap();
        let index = Index::read(folder.path()).unwrap().unwrap();
        let mut next = 0;
        let start = source.header.start();
        for entry in index.entries() {
            let rate = source.header.rate;
            assert_eq!(entry.source_sample, next, "{hertz}");
            assert_eq!(entry.id.start, start + rate.time_of(next as i64), "{hertz}");
            let k = (entry.id.start - start) / SECOND;
            let last = rate.time_of((next + entry.samples) as i64 - 1);
            assert_eq!(last / SECOND, k, "{hertz}");
            let stored = npy::open(&folder.path().join(format!("{}.npy", entry.id.name)));
            let samples = stored.unwrap().to_f64_vec().unwrap();
            let expected = (next..next + entry.samples).map(|s| s as f64);
            assert!(expected.eq(samples), "{hertz}");
            next += entry.samples;
        }
        assert_eq!(next, 1000, "{hertz}");
    }
    let folder = tempfile::tempdir().unwrap();
    let odd = Arc::new(Ramp::new(2, 1000, 10.4, Layout::ChannelMajor));
    let cutting = Cutting {
        rule: Rule::Count,
        ..Cutting::default()
    };
    let report = cut_by(cutting, &odd, folder.path(), &Ingest::default()).unwrap();
    assert_eq!(report.written, 100);
    for k in 0..100 {
        assert_eq!(chunk(folder.path(), T0 + k).1, [2, 10]);
    }
}

#[test]
fn a_written_recording_comes_back_in_chunks() {
    for format in [Format::I16, Format::I32, Format::F32] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.sgy");
        let recording = Recording {
            format,
            samples: 250,
            prf: 100.0,
            start: "2018-08-28T14:02:13Z".parse().unwrap(),
            depth: (0..5).map(|c| 100.0 + f64::from(c) * 1.021).collect(),
            text: vec![],
        };
        let value = |c: usize, t: usize| (c * 250 + t) as i16 - 600;
        let samples: Vec<u8> = (0..5)
            .flat_map(|c| (0..250).map(move |t| value(c, t)))
            .flat_map(|v| match format {
                Format::I16 => v.to_ne_bytes().to_vec(),
                Format::I32 => i32::from(v).to_ne_bytes().to_vec(),
                _ => f32::from(v).to_ne_bytes().to_vec(),
            })
            .collect();
        let file = AtomicFile::create(&path).unwrap();
        let mut writer = SegyWriter::new(file, recording.clone()).unwrap();
        writer.write(0..5, 0..250, &samples).unwrap();
        writer.finish().unwrap().commit().unwrap();

        let source = segy_of(&path);
        let out = folder.path().join("chunks");
        assert_eq!(cut(&source, &out, &Ingest::default()).unwrap().written, 3);
        for k in 0..3 {
            let times = k * 100..((k + 1) * 100).min(250);
            let (dtype, shape, found) = chunk(&out, T0 + k as i64);
            assert_eq!((dtype, shape), (format.dtype(), [5, times.len()]));
            let expected = (0..5).flat_map(|c| times.clone().map(move |t| f64::from(value(c, t))));
            assert!(expected.eq(found));
        }
        let depth = npy::open(&out.join("measured_depth.npy"))
            .unwrap()
            .to_f64_vec();
        assert_eq!(depth.unwrap(), recording.depth);
    }
}

/// What a sample stands for is one for all chunks of a folder: another is refused, unless everything is made anew.
#[test]
fn calibrations_lie_beside_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(Calibration::FILE);
    let ramp = |factor: Option<f64>| {
        let mut ramp = Ramp::new(2, 100, 100.0, Layout::ChannelMajor);
        ramp.header.calibration = factor.map(|factor| Calibration {
            factor,
            unit: "rad".into(),
        });
        Arc::new(ramp)
    };
    let refused = |factor: Option<f64>| {
        let error = cut(&ramp(factor), folder.path(), &Ingest::default()).unwrap_err();
        error
            .to_string()
            .replace(&format!("{}/", folder.path().display()), "")
    };
    let again = Ingest {
        overwrite: true,
        ..Ingest::default()
    };
    cut(&ramp(Some(0.5)), folder.path(), &Ingest::default()).unwrap();
    let read = || {
        let text = std::fs::read_to_string(&path).unwrap();
        Calibration::parse(&path, &text).unwrap().factor
    };
    assert_eq!(read(), 0.5);
    cut(&ramp(Some(0.5)), folder.path(), &Ingest::default()).unwrap();
    let end = "which is this recording's; choose another output folder, or overwrite";
    assert_eq!(
        refused(Some(0.25)),
        format!("calibration.json: found 0.5 rad a count, expected 0.25 rad a count, {end}")
    );
    assert_eq!(
        refused(None),
        format!("calibration.json: found 0.5 rad a count, expected none, {end}")
    );
    cut(&ramp(Some(0.25)), folder.path(), &again).unwrap();
    assert_eq!(read(), 0.25);
    cut(&ramp(None), folder.path(), &again).unwrap();
    assert!(!path.exists());
    // Chunks without a calibration do not get one.
    assert_eq!(
        refused(Some(0.5)),
        format!("calibration.json: found none, expected 0.5 rad a count, {end}")
    );
}
