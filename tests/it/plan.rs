//! Plans as text, and that fusion changes no number.

use ndarray::Array2;
use serde_json::json;

use crate::backend::{self, Case};
use crate::commands::stored;

fn case(commands: serde_json::Value) -> Case {
    let chunk = Array2::from_shape_fn((6, 40), |(r, t)| ((r * 7 + t * 13) % 17) as f64 - 8.0);
    let mut case = Case::of_command(json!({"name": "NONE"}), stored(&chunk), vec![]);
    case.flow = json!({ "command_list": commands });
    case
}

#[test]
fn a_noise_log_is_one_fused_step() {
    let plan = case(json!([
        {"name": "to_gpu", "uid": 1, "in_uid": 0},
        {"name": "fft", "uid": 2, "in_uid": 1},
        {"name": "rms_from_fft", "uid": 3, "in_uid": 2},
        {"name": "multiple_calcs", "uid": 4, "in_uid": 2, "func": "te_from_fft", "low_freq": [100, 200], "high_freq": [200, -1]},
        {"name": "mean", "uid": 9, "in_uid": 2},
        {"name": "from_gpu", "uid": 5, "in_uid": 4},
        {"name": "write_npy", "uid": 6, "in_uid": 3, "directory_out": "rms"},
        {"name": "write_npy", "uid": 7, "in_uid": 5, "directory_out": "te"}]));
    let (_, plan) = plan.plan().expect("a plan");
    // `mean` takes the spectrum too, but nothing needs it.
    assert_eq!(plan.steps.len(), 1, "{plan}");
    let plan = case(json!([
        {"name": "fft", "uid": 2, "in_uid": 0},
        {"name": "rms_from_fft", "uid": 3, "in_uid": 2},
        {"name": "multiple_calcs", "uid": 4, "in_uid": 2, "func": "te_from_fft", "low_freq": [100, 200], "high_freq": [200, -1]},
        {"name": "abs", "uid": 8, "in_uid": 3},
        {"name": "write_npy", "uid": 6, "in_uid": 8, "directory_out": "rms"},
        {"name": "write_npy", "uid": 7, "in_uid": 4, "directory_out": "te"}]));
    let (_, plan) = plan.plan().expect("a plan");
    assert_eq!(
        plan.to_string(),
        "%0 <- chunk  real 6x40\n\
         %2 %3 <- fft + rms_from_fft + multiple_calcs(%0)  by rows  real 6x1\n\
         %4 <- abs(%2)  by rows  real 6x1\n   \
         <- write_npy(%4)\n   \
         <- write_npy(%3)\n"
    );
}

#[test]
fn hints_hold_for_what_follows() {
    use distpy_gpu::command::Place;
    let (_, plan) = case(json!([
        {"name": "detrend", "uid": 1, "in_uid": 0},
        {"name": "to_gpu", "uid": 2, "in_uid": 1},
        {"name": "gradient", "uid": 3, "in_uid": 2},
        {"name": "sobel", "uid": 4, "in_uid": 3},
        {"name": "from_gpu", "uid": 5, "in_uid": 3},
        {"name": "diff", "uid": 6, "in_uid": 5},
        {"name": "gather", "uid": 7, "in_uid": 4, "gather_uids": [1]},
        {"name": "write_npy", "uid": 8, "in_uid": 6, "directory_out": "a"},
        {"name": "write_npy", "uid": 9, "in_uid": 7, "directory_out": "b"}]))
    .plan()
    .expect("a plan");
    let hint = |name: &str| {
        let step = plan.steps.iter().find(|step| step.label == name);
        step.expect("a step").hint
    };
    assert_eq!(hint("detrend"), None);
    assert_eq!(hint("gradient"), Some(Place::Gpu));
    assert_eq!(hint("sobel"), Some(Place::Gpu));
    assert_eq!(hint("diff"), Some(Place::Cpu));
    assert_eq!(hint("gather"), Some(Place::Gpu));
}

#[test]
fn what_no_sink_needs_is_dropped_and_points_fuse() {
    let (_, plan) = case(json!([
        {"name": "abs", "uid": 1, "in_uid": 0},
        {"name": "real", "uid": 2, "in_uid": 1},
        {"name": "mean", "uid": 3, "in_uid": 2, "axis": 0},
        {"name": "sum", "uid": 4, "in_uid": 0},
        {"name": "write_npy", "uid": 5, "in_uid": 3, "directory_out": "out"}]))
    .plan()
    .expect("a plan");
    assert_eq!(
        plan.to_string(),
        "%0 <- chunk  real 6x40\n\
         %2 <- abs + real(%0)  by rows  real 6x40\n\
         %3 <- mean(%2)  whole  real 1x40\n   \
         <- write_npy(%3)\n"
    );
}

#[test]
fn fusion_changes_no_number() {
    let bands = json!({"name": "multiple_calcs", "uid": 2, "in_uid": 1, "func": "rms_from_fft",
        "low_freq": [0, 0, 100, 300], "high_freq": [-1, 100, 300, 480]});
    let fused = case(json!([
        {"name": "fft", "uid": 1, "in_uid": 0}, bands,
        {"name": "write_npy", "uid": 3, "in_uid": 2, "directory_out": "out"}]));
    let kept = case(json!([
        {"name": "fft", "uid": 1, "in_uid": 0}, bands,
        {"name": "write_npy", "uid": 4, "in_uid": 1, "directory_out": "spectrum"},
        {"name": "write_npy", "uid": 3, "in_uid": 2, "directory_out": "out"}]));
    assert!(
        fused.plan().expect("a plan").1.steps.len() < kept.plan().expect("a plan").1.steps.len()
    );
    for &on in backend::all() {
        let (a, b) = (
            fused.result(on).expect("numbers"),
            kept.result(on).expect("numbers"),
        );
        let allowed = if on.double() { 1e-13 } else { 1e-6 };
        assert!(backend::difference(&a, &b) <= allowed, "{on:?}");
    }
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let problems = case(json!([
        {"name": "fft", "uid": 1, "in_uid": 0},
        {"name": "rms_from_fft", "uid": 2, "in_uid": 1, "low_freq": 600},
        {"name": "rms_from_fft", "uid": 3, "in_uid": 1, "low_freq": 300, "high_freq": 200},
        {"name": "butter", "uid": 4, "in_uid": 0, "freq": 500}]))
    .plan()
    .expect_err("nothing here fits");
    let lines = problems.to_string();
    for expected in [
        "flow.json: command_list[1].low_freq: `rms_from_fft` (uid 2): found 600 Hz, expected less than the Nyquist frequency 500 Hz",
        "flow.json: command_list[2].high_freq: `rms_from_fft` (uid 3): found a band from 300 Hz to 200 Hz",
        "flow.json: command_list[3].freq: `butter` (uid 4): ",
    ] {
        assert!(lines.contains(expected), "{expected}\nin\n{lines}");
    }
}
