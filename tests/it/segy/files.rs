//! Files of other writers: segyio's, and those that `tests/golden/segy/make.py` puts together field by field.

use std::path::PathBuf;

use distpy_gpu::block::DType;
use distpy_gpu::formats::Source;
use distpy_gpu::formats::segy::{Options, SegySource, open};
use serde_json::json;

use super::{all, columns, open_bytes};

fn path(name: &str) -> PathBuf {
    crate::root().join("tests/golden/segy").join(name)
}

fn opened(name: &str) -> SegySource {
    open(&path(name), &Options::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// Sample (channel k, time t) is 100 k + t - 7.
fn values(channels: usize, samples: usize) -> Vec<f64> {
    let row = |k: usize| (0..samples).map(move |t| (100 * k + t) as f64 - 7.0);
    (0..channels).flat_map(row).collect()
}

#[test]
fn files_of_other_writers_are_read() {
    let start = "2021-03-04T05:06:07Z";
    let gain = |meant: &str, other: &str| {
        vec![format!(
            "samples have format 4: read as m * {meant}; {other}"
        )]
    };
    let cases = [
        (
            "segyio-ibm-two-texts.sgy",
            (DType::F32, 8, 500.0, start),
            [0.0, -1.5, -3.0],
            vec![],
        ),
        (
            "segyio-little.sgy",
            (DType::I16, 8, 500.0, start),
            [0.0, -1.5, -3.0],
            vec![],
        ),
        (
            "gain-revision-1.sgy",
            (DType::F64, 8, 500.0, start),
            [0.0, 250.0, 500.0],
            gain(
                "2^gain, as revisions 0 and 1 have it",
                "revision 2 has m * 2^-gain",
            ),
        ),
        (
            "gain-revision-2.sgy",
            (DType::F64, 8, 500.0, start),
            [0.0, 250.0, 500.0],
            gain(
                "2^-gain, as revision 2 has it",
                "revisions 0 and 1 have m * 2^gain",
            ),
        ),
        (
            "revision-2.1.sgy",
            (DType::I32, 8, 2500.0, "2021-03-04T05:06:07.25Z"),
            [0.0, 1.5, 3.0],
            vec![],
        ),
        (
            "pairs.sgy",
            (DType::F64, 8, 500.0, start),
            [0.0, 250.0, 500.0],
            vec![],
        ),
        (
            "extensions-differ.sgy",
            (DType::F32, 8, 500.0, start),
            [0.0, 250.0, 500.0],
            vec![],
        ),
        (
            "lengths-differ.sgy",
            (DType::I16, 6, 500.0, start),
            [0.0, 250.0, 500.0],
            vec![
                "traces have 6 to 9 samples: the first 6 of each are read, as trace 1 has no more"
                    .to_string(),
            ],
        ),
    ];
    for (name, (dtype, samples, prf, start), depth, warnings) in cases {
        let source = opened(name);
        let header = source.header();
        let found = (header.dtype, header.channels, header.samples, header.prf());
        assert_eq!(found, (dtype, 3, samples, prf), "{name}");
        assert_eq!(header.start_time().to_string(), start, "{name}");
        assert_eq!(header.depth, depth, "{name}");
        assert_eq!(header.warnings, warnings, "{name}");
        assert_eq!(all(&source), values(3, samples), "{name}");
    }
}

#[test]
fn texts_are_kept_in_their_alphabet() {
    let text = |source: &SegySource, name: &str| source.header().metadata[name].clone();
    let source = opened("segyio-ibm-two-texts.sgy");
    assert!(
        text(&source, "ascii_header")
            .as_str()
            .unwrap()
            .starts_with("C 1 A CABLE   ")
    );
    let extended = text(&source, "extended_text_headers");
    let lines: Vec<&str> = [&extended[0], &extended[1]]
        .map(|t| t.as_str().unwrap().lines().next().unwrap().trim_end())
        .into();
    assert_eq!(lines, ["C 1 EXTENDED 1", "C 1 EXTENDED 2"]);

    let source = opened("revision-2.1.sgy");
    let ascii = text(&source, "ascii_header");
    let line = ascii.as_str().unwrap().lines().next().unwrap().to_string();
    assert_eq!(
        line.trim_end(),
        "C 1 CÂBLE DE MESURE À TROIS VOIES, TIEFE 3 m, 光ファイバ"
    );
    assert_eq!(line.len(), 80);
    let extended = text(&source, "extended_text_headers");
    assert!(
        extended[1]
            .as_str()
            .unwrap()
            .starts_with("((SEG: EndText))")
    );
}

#[test]
fn text_that_is_cut_inside_a_letter_or_is_latin_is_kept() {
    let mut bytes = std::fs::read(path("segyio-little.sgy")).unwrap();
    let mut first_line = |text: &[u8], at: usize| {
        bytes[..3200].fill(b' ');
        bytes[at..at + text.len()].copy_from_slice(text);
        let metadata = open_bytes(&bytes).unwrap().header().metadata.clone();
        metadata["ascii_header"].as_str().unwrap().to_string()
    };
    let text = first_line("C 1 é".as_bytes(), 0);
    assert!(text.starts_with("C 1 é  "));
    // Half a letter at the end of all.
    let text = first_line(&[0xc3], 3199);
    assert!(text.ends_with(" \u{fffd}\n"), "{text}");
    let text = first_line(b"C 1 caf\xe9 \0 x", 0);
    assert!(text.starts_with("C 1 café   x  "), "{text}");
    // A letter over the end of a line belongs to the line that it begins in.
    let text = first_line("é".as_bytes(), 79);
    assert_eq!(text.lines().next().unwrap().chars().last(), Some('é'));
}

#[test]
fn trace_headers_are_columns_of_what_is_not_zero() {
    let source = opened("revision-2.1.sgy");
    let found = columns(&source);
    assert_eq!(
        found,
        json!({
            "trace_sequence_number_within_line": [1, 2, 3],
            "elevation_of_receiver_group": [0, 25, 50],
            "scalar_applied_to_elevations_and_depths": [10, 10, 10],
            "number_of_samples": [8, 8, 8],
            "sample_interval": [2000, 2000, 2000],
            "year": [2021, 2021, 2021],
            "day": [63, 63, 63],
            "hour": [5, 5, 5],
            "minute": [6, 6, 6],
            "second": [7, 7, 7],
            "extended_elevation_of_receiver_group": [-0.0, -1.5, -3.0],
            "extended_depth_of_receiver_group": [0.0, 1.5, 3.0],
            "extended_number_of_samples": [8, 8, 8],
            "nanoseconds_added_to_second": [250_000_000, 250_000_000, 250_000_000],
            "extended_sample_interval": [400.0, 400.0, 400.0],
        })
    );
    let one = source.traces().unwrap().unwrap().of_trace(2).unwrap();
    assert_eq!(one["elevation_of_receiver_group"], 50);
    assert_eq!(one["extended_depth_of_receiver_group"], 3.0);
    assert_eq!(one["gain_type"], 0);
}
