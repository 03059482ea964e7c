//! Recordings that follow one another: every sample in one chunk, gaps and overlaps told.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use distpy_gpu::block::DType;
use distpy_gpu::command::AxisFile;
use distpy_gpu::formats::Calibration;
use distpy_gpu::formats::segment::{Rate, SECOND, Segment};
use distpy_gpu::pipeline::timeline::{Cut, Cutting, Fibre, Recorded, Timeline};

const PRF: f64 = 100.0;

fn recorded(name: &str, start: f64, samples: usize) -> Recorded {
    Recorded {
        path: Path::new(name).into(),
        bytes: 1,
        samples,
        segments: vec![Segment {
            start: nanoseconds(start),
            samples: 0..samples,
        }],
        time_tolerance: 0,
        fibre: Fibre {
            channels: 3,
            rate: Rate::of_hertz(PRF).unwrap(),
            dtype: DType::I16,
            depth: Arc::from([0.0, 1.0, 2.0]),
            depth_file: AxisFile::COUNTED,
            calibration: None,
        },
    }
}

fn nanoseconds(seconds: f64) -> i64 {
    (seconds * SECOND as f64).round() as i64
}

/// Adds a recording that is not refused.
fn add(timeline: &mut Timeline, recorded: &Recorded) -> Vec<Cut> {
    let (cuts, refused) = timeline.add(vec![recorded.clone()]);
    assert!(refused.is_empty(), "{refused:?}");
    cuts
}

/// All chunks, and the warnings.
fn cut(cutting: Cutting, recordings: &[Recorded]) -> (Vec<Cut>, Vec<String>) {
    let mut timeline = Timeline::new(cutting);
    let mut cuts = Vec::new();
    for recorded in recordings {
        cuts.extend(add(&mut timeline, recorded));
    }
    cuts.extend(timeline.finish());
    assert!(timeline.balance().is_cut(), "{:?}", timeline.balance());
    (cuts, timeline.warnings())
}

/// A chunk as text: its name, and which samples of which files.
fn shown(cuts: &[Cut]) -> Vec<String> {
    let piece = |cut: &Cut| {
        let pieces = cut.pieces.iter();
        let all =
            pieces.map(|p| format!(" {}[{}..{}]", p.path.display(), p.times.start, p.times.end));
        format!("{}:{}", cut.id.name, all.collect::<String>())
    };
    cuts.iter().map(piece).collect()
}

#[test]
fn chunks_span_files() {
    let files = [
        recorded("a", 1000.0, 150),
        recorded("b", 1001.5, 30),
        recorded("c", 1001.8, 130),
    ];
    let (cuts, told) = cut(Cutting::default(), &files);
    let expected = [
        "1000: a[0..100]",
        "1001: a[100..150] b[0..30] c[0..20]",
        "1002: c[20..120]",
        "1003: c[120..130]",
    ];
    assert_eq!(shown(&cuts), expected);
    assert_eq!(told, Vec::<String>::new());
    let short = Cutting {
        keep_short: false,
        ..Cutting::default()
    };
    let (cuts, told) = cut(short, &files);
    assert_eq!(shown(&cuts), expected[..3]);
    assert_eq!(
        told,
        ["10 samples at the end of a run, from 1970-01-01T00:16:43Z, fill no chunk: left out"]
    );
}

#[test]
fn a_chunk_is_given_as_soon_as_it_is_complete() {
    let mut timeline = Timeline::new(Cutting::default());
    let ready = |cuts: Vec<Cut>| {
        cuts.iter()
            .map(|cut| cut.id.name.second())
            .collect::<Vec<_>>()
    };
    assert_eq!(ready(add(&mut timeline, &recorded("a", 10.0, 199))), [10]);
    assert_eq!(ready(add(&mut timeline, &recorded("b", 11.99, 1))), [11]);
    assert_eq!(
        ready(add(&mut timeline, &recorded("c", 12.0, 400))),
        [12, 13, 14, 15]
    );
    assert!(timeline.finish().is_empty());
}

#[test]
fn lengths_and_overlaps() {
    let cutting = Cutting {
        length: nanoseconds(2.5),
        overlap: SECOND,
        ..Cutting::default()
    };
    let files = [recorded("a", 50.25, 300), recorded("b", 53.25, 200)];
    let (cuts, _) = cut(cutting, &files);
    let expected = [
        "50: a[0..250]",
        "51: a[150..300] b[0..100]",
        "53: b[0..200]",
    ];
    assert_eq!(shown(&cuts), expected);
    // What the last whole chunk holds already is no chunk of its own.
    let (cuts, told) = cut(cutting, &[recorded("a", 50.0, 250)]);
    assert_eq!(
        (shown(&cuts), told.len()),
        (vec!["50: a[0..250]".to_string()], 0)
    );
}

#[test]
fn gaps_end_chunks_and_are_told() {
    let files = [recorded("a", 1000.0, 130), recorded("b", 1005.5, 150)];
    let (cuts, told) = cut(Cutting::default(), &files);
    let expected = [
        "1000: a[0..100]",
        "1001: a[100..130]",
        "1005: b[0..100]",
        "1006: b[100..150]",
    ];
    assert_eq!(shown(&cuts), expected);
    assert_eq!(
        told,
        ["b: starts 4.2 s after the end of the samples before it: a gap"]
    );
    // After a short gap, the second's name is taken: the next chunk has the fraction.
    let (cuts, _) = cut(
        Cutting::default(),
        &[recorded("a", 1000.0, 130), recorded("b", 1001.6, 100)],
    );
    assert_eq!(
        shown(&cuts),
        ["1000: a[0..100]", "1001: a[100..130]", "1001.6: b[0..100]"]
    );
}

#[test]
fn of_overlaps_the_earlier_file_is_taken() {
    let files = [
        recorded("a", 1000.0, 200),
        recorded("twice", 1000.5, 100),
        recorded("b", 1001.5, 150),
    ];
    let (cuts, told) = cut(Cutting::default(), &files);
    assert_eq!(
        shown(&cuts),
        ["1000: a[0..100]", "1001: a[100..200]", "1002: b[50..150]"]
    );
    let expected = [
        "twice: all of its 100 samples are before the end of a: left out",
        "b: starts 0.5 s before the end of a: its first 50 samples are left out",
    ];
    assert_eq!(told, expected);
}

#[test]
fn small_differences_of_starts_join() {
    // Within three quarters of a sample, whatever is configured.
    let (cuts, told) = cut(
        Cutting::default(),
        &[recorded("a", 0.0, 100), recorded("b", 1.007, 100)],
    );
    assert_eq!(shown(&cuts), ["0: a[0..100]", "1: b[0..100]"]);
    assert_eq!(told.len(), 0);
    let files = [recorded("a", 0.0, 100), recorded("b", 1.3, 100)];
    assert_eq!(cut(Cutting::default(), &files).1.len(), 1);
    let wide = Cutting {
        join: Some(nanoseconds(0.5)),
        ..Cutting::default()
    };
    let (cuts, told) = cut(wide, &files);
    assert_eq!((shown(&cuts)[1].as_str(), told.len()), ("1: b[0..100]", 0));
}

/// Some writers begin a file with the last sample of the one before. A clock that differs is off by a part of a sample.
#[test]
fn a_file_that_begins_with_a_sample_of_the_one_before_repeats_it() {
    let fast = |name: &str, start: f64| {
        let mut file = recorded(name, start, 4000);
        file.fibre.rate = Rate::of_hertz(4000.0).unwrap();
        file
    };
    let lengths = |start: f64, join: Option<f64>| {
        let cutting = Cutting {
            join: join.map(nanoseconds),
            ..Cutting::default()
        };
        let (cuts, _) = cut(cutting, &[fast("a", 0.0), fast("b", start)]);
        cuts.iter().map(Cut::samples).sum::<usize>()
    };
    // One sample is 0.25 ms, which is within the tolerance of clocks.
    assert_eq!(lengths(1.0 - 0.000_25, None), 7999);
    assert_eq!(lengths(1.0 - 0.000_50, None), 7998);
    assert_eq!(lengths(1.0 - 0.000_31, None), 8000);
    assert_eq!(lengths(1.0, None), 8000);
    // Starts that jitter by whole samples, as the user says.
    assert_eq!(lengths(1.0 - 0.000_50, Some(0.001)), 8000);
}

/// A clock that gains 2 ms in each file of 10 s: after an hour names are still right, and hardly a sample is lost.
#[test]
fn clocks_that_drift_leave_names_right() {
    let files: Vec<Recorded> = (0..360)
        .map(|k| recorded(&format!("{k:03}"), 5_000.0 + f64::from(k) * 10.002, 1000))
        .collect();
    let (cuts, told) = cut(Cutting::default(), &files);
    assert_eq!(told, Vec::<String>::new());
    for (k, pair) in cuts.windows(2).enumerate() {
        assert_eq!(pair[0].id.name.second(), 5_000 + k as i64);
        assert!((99..=101).contains(&pair[0].samples()));
    }
    // The chunk of a second begins with the sample that was taken in it.
    let late = &cuts[3599];
    let piece = &late.pieces[0];
    let file: f64 = piece.path.display().to_string().parse().unwrap();
    let time = 5_000.0 + file * 10.002 + piece.times.start as f64 / PRF;
    assert!((time - 8_599.0).abs() < 0.02, "{time}");
}

#[test]
fn every_sample_is_in_one_chunk() {
    let lengths = [7, 100, 93, 250, 1, 1, 148, 399, 2];
    let mut files = Vec::new();
    let mut at = 0;
    for (k, length) in lengths.into_iter().enumerate() {
        files.push(recorded(&k.to_string(), 77.25 + at as f64 / PRF, length));
        at += length;
    }
    let (cuts, _) = cut(Cutting::default(), &files);
    let mut seen = Vec::new();
    for piece in cuts.iter().flat_map(|cut| &cut.pieces) {
        seen.extend(piece.times.clone().map(|time| (piece.path.clone(), time)));
    }
    let all: Vec<_> = files
        .iter()
        .flat_map(|file| (0..file.samples).map(|time| (file.path.clone(), time)))
        .collect();
    assert_eq!(seen, all);
    assert!(
        cuts[..cuts.len() - 1]
            .iter()
            .all(|cut| cut.samples() == 100)
    );
}

#[test]
fn recordings_of_other_fibres_are_refused() {
    let first = recorded("first", 0.0, 100);
    type Bend = fn(&mut Fibre);
    let cases: [(Bend, &str); 5] = [
        (
            |f| f.channels = 4,
            "b: channels: found 4, expected 3, as first has",
        ),
        (
            |f| f.rate = Rate::of_hertz(101.0).unwrap(),
            "b: rate: found 101 Hz, expected 100 Hz, as first has",
        ),
        (
            |f| f.dtype = DType::F32,
            "b: sample type: found float32, expected int16, as first has",
        ),
        (
            |f| f.depth = Arc::from([0.0, 1.0, 2.5]),
            "b: depths: found 0 to 2.5 m, expected 0 to 2 m, as first has",
        ),
        (
            |f| {
                f.calibration = Some(Calibration {
                    factor: 0.5,
                    unit: "rad".into(),
                })
            },
            "b: calibration: found 0.5 rad a count, expected none, as first has",
        ),
    ];
    for (bend, message) in cases {
        let mut timeline = Timeline::new(Cutting::default());
        add(&mut timeline, &first);
        let mut other = recorded("b", 1.0, 100);
        bend(&mut other.fibre);
        let (_, refused) = timeline.add(vec![other]);
        assert_eq!(refused[0].to_string(), message);
    }
}

/// What a chunk holds was recorded in its time, whatever drift there was before.
#[test]
fn chunks_hold_their_own_time_after_drift() {
    let mut files = vec![recorded("0", 6_000.0, 5993)];
    for k in 0..40 {
        let start = 6_059.93 + 0.004 + f64::from(k) * 30.004;
        files.push(recorded(&(k + 1).to_string(), start, 3000));
    }
    let starts: Vec<f64> = files.iter().map(|file| file.start() as f64 / 1e9).collect();
    let cutting = Cutting {
        length: 60 * SECOND,
        ..Cutting::default()
    };
    let (cuts, told) = cut(cutting, &files);
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(cuts.len(), 22);
    for cut in &cuts {
        let piece = &cut.pieces[0];
        let file: usize = piece.path.display().to_string().parse().unwrap();
        let time = starts[file] + piece.times.start as f64 / PRF;
        // Starts may be three quarters of a sample off before they count, and a chunk starts with the sample after its time.
        assert!((time - cut.id.start as f64 / 1e9).abs() < 0.0076, "{cut:?}");
        assert_eq!(cut.id.start / SECOND, cut.id.name.second());
    }
}

#[test]
fn files_that_are_missing_are_gaps_however_starts_may_be_off() {
    let wide = Cutting {
        join: Some(SECOND),
        ..Cutting::default()
    };
    let files: Vec<Recorded> = [0, 1, 2, 4, 4, 5]
        .into_iter()
        .map(|k| recorded(&k.to_string(), f64::from(k), 100))
        .collect();
    let (cuts, told) = cut(wide, &files);
    let expected = [0, 1, 2, 4, 5].map(|k| format!("{k}: {k}[0..100]"));
    assert_eq!(shown(&cuts), expected);
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn rates_that_are_measured_are_one() {
    let mut files = Vec::new();
    let mut start = 0.0;
    for (k, prf) in [100.02, 100.0, 100.02, 99.98, 100.01]
        .into_iter()
        .enumerate()
    {
        let mut file = recorded(&k.to_string(), start, 1000);
        file.fibre.rate = Rate::of_hertz(prf).unwrap();
        file.fibre.calibration = Some(Calibration {
            factor: prf / 7.0,
            unit: "nanostrain/s".into(),
        });
        files.push(file);
        start += 1000.0 / prf;
    }
    let (cuts, told) = cut(Cutting::default(), &files);
    assert_eq!(told, Vec::<String>::new());
    assert!(
        cuts[..49]
            .iter()
            .all(|cut| (99..=101).contains(&cut.samples()))
    );
}

/// Runs that begin with different recordings of a folder make the same chunks.
#[test]
fn chunks_on_a_grid_do_not_depend_on_the_first_file() {
    let cutting = Cutting {
        length: 4 * SECOND,
        grid: true,
        ..Cutting::default()
    };
    let files: Vec<Recorded> = (0..6)
        .map(|k| recorded(&k.to_string(), 1001.5 + f64::from(k) * 3.0, 300))
        .collect();
    let (all, told) = cut(cutting, &files);
    assert_eq!(
        told,
        ["0: its first 2.5 s are before a whole step: left out"]
    );
    let (later, _) = cut(cutting, &files[1..]);
    assert_eq!(all[0].id.name.second(), 1004);
    assert_eq!(later[0].id.name.second(), 1008);
    assert_eq!(shown(&all[1..]), shown(&later));
}
