//! Butterworth filters against scipy's second-order sections and against distpy's golden vectors.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::Path;

use distpy_gpu::block::Real;
use distpy_gpu::dsp::sos::{Cascade, Corner, Design, Padding};
use serde_json::Value;

/// Largest difference over the largest expected value.
fn distance<T: Real>(found: &[T], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let worst = found
        .iter()
        .zip(expected)
        .fold(0.0, |m: f64, (f, e)| m.max((f.wide() - e).abs()));
    worst / scale
}

fn designed(case: &Value, rate: f64) -> Cascade {
    let order = case["order"].as_u64().unwrap_or(5) as usize;
    let one = case["freq"].as_f64().unwrap_or(200.0);
    let two = || {
        (
            case["freq"][0].as_f64().unwrap(),
            case["freq"][1].as_f64().unwrap(),
        )
    };
    let corner = match case["type"].as_str().unwrap_or("lowpass") {
        "lowpass" => Corner::Low(one),
        "highpass" => Corner::High(one),
        "bandpass" => Corner::Band(two().0, two().1),
        "bandstop" => Corner::Stop(two().0, two().1),
        other => panic!("unknown type {other}"),
    };
    Cascade::butter(order, corner, rate).unwrap()
}

fn padding(case: &Value) -> Padding {
    match case.get("padtype") {
        None => Padding::Even,
        Some(Value::Null) => Padding::None,
        Some(name) => match name.as_str().unwrap() {
            "even" => Padding::Even,
            "odd" => Padding::Odd,
            "constant" => Padding::Constant,
            other => panic!("unknown padtype {other}"),
        },
    }
}

fn filtered<T: Real>(cascade: &Cascade, rows: &[f64], cols: usize, padding: Padding) -> Vec<T> {
    let mut out: Vec<T> = rows.iter().map(|v| T::of(*v)).collect();
    cascade.filtfilt_rows(&mut out, cols, padding, &mut Vec::new());
    out
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    let (words, rest) = bytes.as_chunks::<8>();
    assert!(rest.is_empty());
    words.iter().map(|w| f64::from_le_bytes(*w)).collect()
}

#[test]
fn agrees_with_scipy() {
    let folder = crate::root().join("tests/golden/sos");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let index: Value = serde_json::from_slice(&read("cases.json")).unwrap();
    let (rows, expected) = (doubles(&read("rows.f64")), doubles(&read("expected.f64")));
    let (rate, cols) = (
        index["rate"].as_f64().unwrap(),
        index["cols"].as_u64().unwrap() as usize,
    );
    let cases = index["cases"].as_array().unwrap();
    assert_eq!(expected.len(), cases.len() * rows.len());
    for (case, expected) in cases.iter().zip(expected.chunks_exact(rows.len())) {
        let cascade = designed(case, rate);
        let tolerance = case["tolerance"].as_f64().unwrap();
        let double = filtered::<f64>(&cascade, &rows, cols, padding(case));
        let single = filtered::<f32>(&cascade, &rows, cols, padding(case));
        // Row by row: one of them has an offset that would hide the others' errors.
        for row in 0..rows.len() / cols {
            let part = row * cols..(row + 1) * cols;
            let expected = &expected[part.clone()];
            let d = distance(&double[part.clone()], expected);
            assert!(d <= tolerance, "{case} row {row} in f64: off by {d:.1e}");
            // The states are f64 in both: what is left is the rounding of the result.
            let d = distance(&single[part], expected);
            assert!(
                d <= 6e-8 + tolerance,
                "{case} row {row} in f32: off by {d:.1e}"
            );
        }
    }
}

/// A C-ordered little-endian array of the golden set: its numbers, and samples a row.
fn golden_array(path: &Path) -> (Vec<f64>, usize) {
    let bytes = std::fs::read(path).unwrap();
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..start]).unwrap();
    assert!(
        header.contains("False"),
        "{}: Fortran order",
        path.display()
    );
    let cols = header
        .rsplit([',', ')'])
        .find_map(|t| t.trim().parse().ok());
    let body = &bytes[start..];
    let values = if header.contains("<f4") {
        let words = body.as_chunks::<4>().0.iter();
        words.map(|w| f64::from(f32::from_le_bytes(*w))).collect()
    } else if header.contains("<i2") {
        let words = body.as_chunks::<2>().0.iter();
        words.map(|w| f64::from(i16::from_le_bytes(*w))).collect()
    } else {
        assert!(header.contains("<f8"), "{}: {header}", path.display());
        doubles(body)
    };
    (values, cols.unwrap())
}

#[test]
fn agrees_with_distpy() {
    let Some(folder) = crate::samples::golden() else {
        return;
    };
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let cases = manifest["cases"].as_array().unwrap();
    let mut checked = 0;
    for case in cases {
        let quirk = |name: &str| case["quirks"].as_array().unwrap().iter().any(|q| q == name);
        let args = &case["args"];
        // Complex input and filters along depth are the caller's arrangement of rows.
        if case["command"] != "butter"
            || case["ok"] != true
            || case["dtype"] == "<c16"
            || args["axis"] == 0
            || quirk("butter-ba-ill-conditioned")
        {
            continue;
        }
        let (input, cols) = golden_array(&folder.join(case["in"].as_str().unwrap()));
        let (expected, _) = golden_array(&folder.join(case["output"].as_str().unwrap()));
        let cascade = designed(args, case["context"]["prf"].as_f64().unwrap());
        let found = filtered::<f64>(&cascade, &input, cols, padding(args));
        let d = distance(&found, &expected);
        // distpy's transfer-function form is good for 1e-9, except at 5 Hz and 1 kHz: 2.5e-9 from extended precision.
        let tolerance = if args["freq"] == 5 { 3e-9 } else { 1e-9 };
        assert!(d <= tolerance, "{}: off by {d:.1e}", case["id"]);
        checked += 1;
    }
    assert!(checked >= 15, "only {checked} cases were fit to be checked");
}

fn noise(n: usize) -> Vec<f64> {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    };
    (0..n).map(|_| next()).collect()
}

#[test]
fn rows_do_not_depend_on_their_neighbours() {
    let (rows, cols) = (19, 67);
    let input = noise(rows * cols);
    let cascade = Cascade::butter(3, Corner::Band(20.0, 90.0), 500.0).unwrap();
    let together = filtered::<f64>(&cascade, &input, cols, Padding::Even);
    let mut scratch = vec![f64::NAN; 10_000];
    for (row, expected) in input.chunks_exact(cols).zip(together.chunks_exact(cols)) {
        let mut alone = row.to_vec();
        cascade.filtfilt(&mut alone, Padding::Even, &mut scratch);
        assert_eq!(alone, expected);
    }
}

#[test]
fn short_rows_are_extended_as_far_as_they_go() {
    let low = Cascade::butter(5, Corner::Low(20.0), 500.0).unwrap();
    let high = Cascade::butter(5, Corner::High(20.0), 500.0).unwrap();
    assert_eq!(low.extension(1000, Padding::Even), 18);
    assert_eq!(low.extension(18, Padding::Even), 17);
    assert_eq!(low.extension(1000, Padding::None), 0);
    let band = Cascade::butter(5, Corner::Stop(20.0, 30.0), 500.0).unwrap();
    assert_eq!(band.extension(1000, Padding::Odd), 33);

    assert_eq!(filtered::<f64>(&low, &[], 0, Padding::Odd), &[] as &[f64]);
    assert_eq!(filtered::<f64>(&low, &[3.0], 1, Padding::Odd), [3.0]);
    assert_eq!(filtered::<f64>(&high, &[3.0], 1, Padding::Odd), [0.0]);
    // Shorter than, as long as, and longer than the extension.
    for n in [2, 7, 18, 19] {
        let flat = vec![2.5; n];
        assert_eq!(filtered::<f64>(&low, &flat, n, Padding::Even), flat);
        assert_eq!(
            filtered::<f64>(&high, &flat, n, Padding::Even),
            vec![0.0; n]
        );
    }
}

#[test]
fn non_finite_rows_become_nan_and_stay_alone() {
    let cascade = Cascade::butter(2, Corner::High(20.0), 500.0).unwrap();
    let mut input = noise(3 * 40);
    input[50] = f64::INFINITY;
    let out = filtered::<f64>(&cascade, &input, 40, Padding::Even);
    assert!(out[40..80].iter().all(|v| v.is_nan()));
    assert!(out[..40].iter().chain(&out[80..]).all(|v| v.is_finite()));
}

#[test]
fn impossible_filters_are_refused() {
    let check = |order, corner, expected: &str| {
        let error: Design = Cascade::butter(order, corner, 1000.0).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(0, Corner::Low(10.0), "order: found 0, expected 1 or more");
    check(
        5,
        Corner::Low(500.0),
        "corner: found 500 Hz, expected above 0 and below 500 Hz, half the sampling rate",
    );
    check(
        5,
        Corner::High(0.0),
        "corner: found 0 Hz, expected above 0 and below 500 Hz, half the sampling rate",
    );
    check(
        5,
        Corner::High(f64::NAN),
        "corner: found NaN Hz, expected above 0 and below 500 Hz, half the sampling rate",
    );
    check(
        5,
        Corner::Band(200.0, 5.0),
        "corners: found 200 and 5 Hz, expected the lower one first",
    );
    check(
        5,
        Corner::Stop(5.0, 600.0),
        "corner: found 600 Hz, expected above 0 and below 500 Hz, half the sampling rate",
    );
}
