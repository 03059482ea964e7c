//! `-m diff`: results of two runs by their numbers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use crate::faults::{every_writer, recording};
use crate::program::{Project, npy};

/// The outcomes, by the paths of files.
fn outcomes(project: &Project, args: &str, code: i32) -> Value {
    let ran = project.run(&format!("-m diff {args} --json")).ends(code);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let mut outcomes = json!({});
    for file in found.as_array().unwrap() {
        outcomes[file["path"].as_str().unwrap()] = file.clone();
    }
    outcomes
}

/// Every format of results, in double and in single precision, and of another flow.
#[test]
fn every_format_is_compared_by_its_numbers() {
    let project = Project::new();
    recording(&project, "chunks");
    every_writer(&project);
    project.summary("--precision f64 -o double").ends(0);
    project.summary("--precision f64 -o again").ends(0);
    project.summary("--precision f32 -o single").ends(0);
    let same = outcomes(&project, "-f double again", 0);
    let files = same.as_object().unwrap();
    assert!(files.values().all(|it| it["outcome"] == "same"), "{same}");
    for ending in ["npy", "fbe", "csv", "parquet", "zarr/energy", "part"] {
        assert!(
            files.keys().any(|it| it.ends_with(ending)),
            "{ending} in {same}"
        );
    }

    let close = outcomes(&project, "-f double single", 0);
    let close = close.as_object().unwrap();
    let rounded = |ending: &str| {
        let mut files = close.iter().filter(|(path, _)| path.ends_with(ending));
        files.any(|(_, it)| it["outcome"] == "close" && it["relative"].as_f64() < Some(1e-5))
    };
    for ending in ["npy", "fbe", "csv", "parquet", "zarr/energy", "part"] {
        assert!(rounded(ending), "{ending} in {close:?}");
    }
    if cfg!(feature = "hdf5") {
        assert!(rounded("summary.h5"), "{close:?}");
    }
    // The tolerance counts.
    outcomes(&project, "-f double single --tolerance 1e-12", 65);

    let flow = std::fs::read_to_string(project.path("flow.json")).unwrap();
    let other = flow.replace(
        r#""low_freq":[0,20],"high_freq":[20,-1]"#,
        r#""low_freq":[0,20],"high_freq":[21,-1]"#,
    );
    assert_ne!(flow, other);
    project.write("flow.json", other.as_bytes());
    project.summary("--precision f64 -o other").ends(0);
    let ran = project
        .run("-m diff -f double other --plot differences.png")
        .ends(65);
    assert!(ran.out.contains("npy/1767225600.npy"), "{}", ran.out);
    let found = outcomes(&project, "-f double other", 65);
    for (path, it) in found.as_object().unwrap() {
        let numbers = [
            "npy/17",
            "csv/17",
            "parquet/17",
            "zarr/energy",
            ".part",
            "summary.h5",
        ];
        let is_axis = path.contains(".parts/") && path.ends_with(".npy");
        if numbers.iter().any(|part| path.contains(part)) && !is_axis {
            assert_eq!(it["outcome"], "different", "{path}: {it}");
        }
    }
    let picture = std::fs::read(project.path("differences.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 5000);
}

/// A table names the value that differs most for its row.
#[test]
fn the_place_of_the_largest_difference_is_named() {
    let project = Project::new();
    let array = |values: [f64; 6]| {
        npy(
            "'<f8'",
            false,
            &[2, 3],
            &values.map(f64::to_le_bytes).concat(),
        )
    };
    project.write("a/r/1.npy", &array([1e6, 2e6, 3e6, 1.0, 2.0, 3.0]));
    project.write("b/r/1.npy", &array([1e6, 2e6, 3e6 + 1.0, 1.0, 2.5, 3.0]));
    project.write("a/r/2.npy", &array([0.0; 6]));
    project.write("b/r/3.npy", &array([0.0; 6]));
    project.write("a/note.txt", b"one");
    project.write("b/note.txt", b"other");
    let found = outcomes(&project, "-f a b", 65);
    let by = &found["r/1.npy"];
    assert_eq!(
        (&by["outcome"], &by["place"], &by["beyond"]),
        (&json!("different"), &json!([1, 1]), &json!(1))
    );
    assert!(
        (by["relative"].as_f64().unwrap() - 0.5 / 3.0).abs() < 1e-12,
        "{by}"
    );
    assert_eq!(
        (&found["r/2.npy"]["tree"], &found["r/3.npy"]["tree"]),
        (&json!("b"), &json!("a"))
    );
    assert_eq!(found["note.txt"]["reason"], "other bytes");
    let text = project.run("-m diff -f a b").ends(65).out;
    assert!(text.contains("r/1.npy row 1 column 1"), "{text}");
    assert!(
        text.contains("4 files: 0 same, 0 close, 2 different, 2 missing"),
        "{text}"
    );
    // Two files may have any names.
    project.run("-m diff -f a/r/2.npy b/r/3.npy").ends(0);
    project.run("-m diff -f a/r/1.npy b").ends(64);
    project
        .run("-m diff -f a")
        .ends(64)
        .says("expected two folders or files");
}
