//! The index of chunks: what it says comes back, names are unique, and chunks of another recording are found.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use distpy_gpu::block::DType;
use distpy_gpu::command::AxisFile;
use distpy_gpu::formats::Calibration;
use distpy_gpu::formats::segment::{Rate, SECOND, Segment};
use distpy_gpu::pipeline::index::{Added, Conflict, Index, Place};
use distpy_gpu::pipeline::timeline::{Cut, Cutting, Fibre, Recorded, Timeline};

/// The chunks of a recording of 4 Hz that starts some quarters of a second after 1000 s.
fn cuts(name: &str, quarters: i64, samples: usize) -> Vec<Cut> {
    let mut timeline = Timeline::new(Cutting::default());
    let recorded = Recorded {
        path: Path::new(name).into(),
        bytes: 99,
        samples,
        segments: vec![Segment {
            start: 1000 * SECOND + quarters * SECOND / 4,
            samples: 0..samples,
        }],
        time_tolerance: 0,
        fibre: Fibre {
            channels: 3,
            rate: Rate::of_hertz(4.0).unwrap(),
            dtype: DType::I16,
            depth: Arc::from([0.0, 1.0, 2.0]),
            depth_file: AxisFile::COUNTED,
            calibration: Some(Calibration {
                factor: 0.1 + 0.2,
                unit: "rad, \"wrapped\"".into(),
            }),
        },
    };
    let (mut cuts, _) = timeline.add(vec![recorded]);
    cuts.extend(timeline.finish());
    cuts
}

fn add(index: &mut Index, mut cuts: Vec<Cut>, overwrite: bool) -> Result<Added, Conflict> {
    index.add(
        Path::new("out"),
        &mut cuts,
        |cut| cut.fibre.dtype,
        overwrite,
    )
}

fn names(index: &Index) -> Vec<String> {
    index.entries().map(|it| it.id.name.to_string()).collect()
}

#[test]
fn an_index_is_read_as_it_was_written() {
    let mut index = Index::default();
    add(&mut index, cuts("a, \"b\".h5", 1, 10), false).unwrap();
    let text = index.text();
    let again = Index::parse(Path::new("index.csv"), &text).unwrap();
    assert_eq!(again, index);
    assert_eq!(again.text(), text);
    for (row, message) in [
        (
            "name,start",
            "index.csv: line 1: found \"name,start\", expected name,start_ns",
        ),
        (
            "x,0,4,1,4,3,int16,,,a,9,0,",
            "index.csv: line 2, name: found \"x\"",
        ),
        (
            "0,0,0,1,4,3,int16,,,a,9,0,",
            "index.csv: line 2, rate_samples: found \"0\"",
        ),
        (
            "0,0,4,1,4,3,int17,,,a,9,0,",
            "index.csv: line 2, type: found \"int17\"",
        ),
        (
            "0,0,4,1,-4,3,int16,,,a,9,0,",
            "index.csv: line 2, samples: found \"-4\"",
        ),
    ] {
        let head = String::from_utf8(text.clone()).unwrap();
        let head = head.lines().next().unwrap();
        let wrong = match row.starts_with("name") {
            true => format!("{row}\n"),
            false => format!("{head}\n{row}\n"),
        };
        let error = Index::parse(Path::new("index.csv"), wrong.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

#[test]
fn chunks_that_are_known_stay() {
    let mut index = Index::default();
    add(&mut index, cuts("a.h5", 0, 10), false).unwrap();
    let before = index.clone();
    let added = add(&mut index, cuts("a.h5", 0, 10), false).unwrap();
    assert_eq!(added.places, [Place::Known { longer: false }; 3]);
    assert_eq!(index, before);
    // The last chunk was short: with more of its recording it is replaced, and with less it stays.
    let added = add(&mut index, cuts("a.h5", 0, 12), false).unwrap();
    assert_eq!(added.places[2], Place::Replaced);
    let added = add(&mut index, cuts("a.h5", 0, 9), false).unwrap();
    assert_eq!(added.places[2], Place::Known { longer: true });
    let added = add(&mut index, cuts("a.h5", 0, 12), true).unwrap();
    assert_eq!(added.places, [Place::Replaced; 3]);
}

#[test]
fn a_name_that_is_taken_gets_its_fraction() {
    let mut index = Index::default();
    add(&mut index, cuts("a.h5", 0, 2), false).unwrap();
    add(&mut index, cuts("b.h5", 3, 4), false).unwrap();
    assert_eq!(names(&index), ["1000", "1000.75"]);
    let found = index.find("1000.75".parse().unwrap()).unwrap();
    assert_eq!(found.id.start, 1000 * SECOND + 3 * SECOND / 4);
    assert_eq!(index.find("1001".parse().unwrap()), None);
}

#[test]
fn chunks_of_another_recording_are_refused_or_replaced() {
    for (quarters, samples) in [(0, 8), (2, 4), (-2, 4), (0, 1)] {
        let mut index = Index::default();
        add(&mut index, cuts("a.h5", 0, 12), false).unwrap();
        let error = add(&mut index, cuts("b.h5", quarters, samples), false).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("a.h5") && text.contains("b.h5"), "{text}");
        let added = add(&mut index, cuts("b.h5", quarters, samples), true).unwrap();
        assert!(added.places.iter().all(|place| *place == Place::New));
        let sources: Vec<&str> = index.entries().map(|it| &*it.common.source).collect();
        assert!(sources.contains(&"b.h5"));
        let ends = index.entries().map(|it| (it.id.start, it.end()));
        let ends: Vec<(i64, i64)> = ends.collect();
        assert!(
            ends.windows(2).all(|pair| pair[0].1 <= pair[1].0),
            "{ends:?}"
        );
    }
}
