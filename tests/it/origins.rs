//! Results belong to the flow that made them, and to their input.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use crate::program::{Project, chunk};

fn bands(low: f64) -> Value {
    json!([
        {"name": "fft", "uid": 1, "in_uid": 0},
        {"name": "multiple_calcs", "uid": 2, "in_uid": 1, "func": "rms_from_fft", "low_freq": [low], "high_freq": [-1]},
        {"name": "write_npy", "uid": 3, "in_uid": 2, "directory_out": "r"}
    ])
}

/// Two chunks, computed.
fn computed() -> Project {
    let project = Project::with_chunks(2);
    project.flow(bands(0.0));
    let ran = project.summary("");
    assert!(ran.err.contains("2 chunks done"), "{}", ran.err);
    project
}

fn skips(project: &Project, args: &str) {
    let ran = project.summary(args);
    let expected = "0 chunks done, 2 skipped, as their results exist";
    assert!(ran.code == 0 && ran.err.contains(expected), "{}", ran.err);
}

fn refuses(project: &Project, words: &[&str]) {
    let before = project.files("results");
    let ran = project.summary("");
    assert_eq!(ran.code, 78, "{}", ran.err);
    for word in words
        .iter()
        .chain(&["--overwrite", "another output folder"])
    {
        assert!(ran.err.contains(word), "{word} in {}", ran.err);
    }
    assert!(project.files("results") == before);
}

/// As a power failure or a disk leaves it.
#[test]
fn a_result_that_is_damaged_is_made_again() {
    let project = computed();
    let expected = project.files("results");
    let path = project.path("results/r/2.npy");
    let whole = std::fs::read(&path).unwrap();
    let mut ends = whole.clone();
    *ends.last_mut().unwrap() ^= 1;
    for damaged in [
        vec![0; whole.len()],
        ends,
        whole[..whole.len() - 8].to_vec(),
    ] {
        std::fs::write(&path, damaged).unwrap();
        project
            .summary("")
            .ends(0)
            .says("r/2.npy: found other bytes than were written")
            .says("1 chunks done, 1 skipped");
        assert!(project.files("results") == expected);
        skips(&project, "");
    }
}

#[test]
fn an_edited_flow_does_not_take_results_for_its_own() {
    let project = computed();
    let first = project.files("results");
    skips(&project, "");
    // Another order of keys, white space, a comment, defaults and numbers written otherwise are no change.
    let same = r#"{"command_list": [
        {"in_uid": 0,  "uid": 1, "name": "fft", "comment": "new"},
        {"func": "rms_from_fft", "high_freq": [-1.0], "low_freq": [0.0], "uid": 2, "in_uid": 1, "name": "multiple_calcs"},
        {"name": "write_npy", "uid": 3, "in_uid": 2, "directory_out": "r"}]}"#;
    project.write("flow.json", same.as_bytes());
    skips(&project, "");

    project.flow(bands(40.0));
    refuses(
        &project,
        &[
            "flow.json: command 2 \"multiple_calcs\": low_freq 0 -> 40",
            "2 of the chunks",
        ],
    );
    project.summary("--overwrite").ends(0);
    let second = project.files("results");
    assert!(second != first);
    skips(&project, "");
    // Restarted, it keeps what it made.
    skips(&project, "--overwrite");
    let ran = project.summary("--overwrite=all");
    assert!(ran.err.contains("2 chunks done"), "{}", ran.err);
    // The first flow has no results any more.
    project.flow(bands(0.0));
    refuses(&project, &["low_freq 40 -> 0"]);
    project.summary("--overwrite").ends(0);
    assert!(project.files("results") == first);
}

#[test]
fn an_overwriting_run_that_is_ended_goes_on_where_it_was() {
    let project = computed();
    project.flow(bands(40.0));
    // One of two chunks is made anew; the other still has the old results.
    project.summary("-f chunks/1.npy --overwrite").ends(0);
    let ran = project.summary("--overwrite");
    assert!(ran.err.contains("1 chunks done, 1 skipped"), "{}", ran.err);
    skips(&project, "");
}

#[test]
fn whatever_changes_numbers_is_another_flow() {
    let project = computed();
    for (args, word) in [
        (
            "--compat distpy",
            "distpy_gpu.compat: \"exact\" -> \"distpy\"",
        ),
        (
            "--precision f64",
            "distpy_gpu.precision: \"auto\" -> \"f64\"",
        ),
    ] {
        let ran = project.summary(args);
        assert!(ran.code == 78 && ran.err.contains(word), "{}", ran.err);
    }
    project.system(json!({"prf": 400}));
    refuses(&project, &["prf: 200 -> 400"]);
    project.system(json!({}));
    let depth = distpy_gpu::formats::npy::encode(
        distpy_gpu::block::DType::F64,
        &[6],
        bytemuck::cast_slice(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.5]),
    );
    project.write("chunks/measured_depth.npy", &depth);
    refuses(&project, &["measured_depth: none -> \"6 depths"]);
}

#[test]
fn a_changed_input_is_new_work() {
    let project = computed();
    project.write("chunks/2.npy", &chunk(7, 6, 200));
    let ran = project.summary("");
    assert!(
        ran.code == 0 && ran.err.contains("1 chunks done, 1 skipped"),
        "{}",
        ran.err
    );
}

#[test]
fn results_that_nobody_recorded_are_refused() {
    let project = computed();
    std::fs::remove_dir_all(project.path("results/.distpy-gpu/flows")).unwrap();
    refuses(&project, &["results/r/", "an unknown flow"]);
    project.summary("--overwrite").ends(0);
    skips(&project, "");
}

/// Flows that write other files share a folder, and so do chunks of other times.
#[test]
fn flows_that_do_not_meet_share_a_folder() {
    let project = computed();
    let mut other = bands(40.0);
    other[2]["directory_out"] = json!("other");
    project.flow(other);
    let ran = project.summary("");
    assert!(ran.err.contains("2 chunks done"), "{}", ran.err);
    project.flow(bands(0.0));
    skips(&project, "");
    project.flow(bands(40.0));
    project.write("more/9.npy", &chunk(9, 6, 200));
    project.summary("-f more/9.npy").ends(0);
    project.flow(bands(0.0));
    skips(&project, "");
}

#[test]
fn the_report_shows_the_flow_that_made_the_results() {
    let project = computed();
    project.flow(bands(61.0625));
    project.run("-m report -c system.json").ends(0);
    let page = std::fs::read_to_string(project.path("results/report.html")).unwrap();
    assert!(!page.contains("61.0625"), "the flow that was not run");
    assert!(page.contains("has changed since it made the results"));
}
