//! Single precision on the device against double precision on the CPU, where plain single precision is not enough.

use distpy_gpu::block::Precision;
use distpy_gpu::execute::gpu::GpuExecutor;
use distpy_gpu::gpu::engine::Engine;
use ndarray::Array2;
use serde_json::{Value, json};

use crate::backend::{self, Backend, Case};
use crate::commands::stored;
use crate::gpu_engine::noise;

/// The largest difference, of the largest value of the double-precision result.
fn error(args: Value, x: &Array2<f64>, prf: f64) -> Option<f64> {
    if !backend::all().contains(&Backend::Gpu(Precision::F32)) {
        return None;
    }
    let mut case = Case::of_command(args, stored(x), vec![]);
    case.prf = prf;
    let exact = case.result(Backend::Cpu(Precision::F64)).expect("a result");
    let single = case.result(Backend::Gpu(Precision::F32)).expect("a result");
    Some(backend::difference(&single, &exact))
}

/// Noise that single precision holds, with an offset.
fn rows(rows: usize, cols: usize, offset: f64) -> Array2<f64> {
    let values = noise(5, rows * cols);
    let single = values.iter().map(|v| f64::from((v + offset) as f32));
    Array2::from_shape_vec((rows, cols), single.collect()).expect("as many samples")
}

fn within(what: &str, bound: f64, error: Option<f64>) {
    if let Some(error) = error {
        assert!(
            error <= bound,
            "{what}: {error:.2e} of scale, allowed {bound:.0e}"
        );
    }
}

/// A direct form is off by 1e-3 here.
#[test]
fn a_high_pass_at_a_low_corner() {
    let args = json!({"name": "butter", "type": "highpass", "freq": 5, "order": 5});
    within(
        "noise",
        2e-6,
        error(args.clone(), &rows(4, 20_000, 0.0), 10_000.0),
    );
    // The offset is taken out before the filter; what remains is the rounding of the samples themselves.
    within(
        "noise about 1000",
        2e-6,
        error(args, &rows(4, 20_000, 1000.0), 10_000.0),
    );
}

#[test]
fn a_low_pass_at_a_low_corner() {
    let args = json!({"name": "butter", "type": "lowpass", "freq": 5, "order": 5});
    within("noise", 1e-5, error(args, &rows(4, 20_000, 0.0), 10_000.0));
}

/// Plain running sums of a million samples are off by 1e-3 and more.
#[test]
fn a_cumulative_sum_of_a_million_samples() {
    let args = json!({"name": "integrate"});
    within(
        "noise",
        2e-6,
        error(args.clone(), &rows(1, 1_000_000, 0.0), 1000.0),
    );
    within(
        "a ramp",
        2e-6,
        error(args, &rows(1, 1_000_000, 3.0), 1000.0),
    );
}

/// The mean is ten thousand times the deviation.
#[test]
fn a_variance_about_a_large_mean() {
    for name in ["std_dev", "kurtosis", "skewness"] {
        let bound = if name == "std_dev" { 1e-6 } else { 1e-4 };
        within(
            name,
            bound,
            error(
                json!({"name": name, "axis": 1}),
                &rows(3, 30_000, 1e4),
                1000.0,
            ),
        );
    }
}

#[test]
fn a_trend_about_a_large_mean() {
    within(
        "detrend",
        1e-6,
        error(json!({"name": "detrend"}), &rows(3, 30_000, 1e4), 1000.0),
    );
}

#[test]
fn double_precision_needs_a_device_that_has_it() {
    let Some(mut choice) = backend::choose_adapter() else {
        return;
    };
    choice.info.limits.f64 = false;
    let engine = Engine::open(&choice).expect("a device");
    let error = GpuExecutor::in_precision(engine, Precision::F64).expect_err("it has none");
    let name = &choice.info.name;
    assert_eq!(
        error.to_string(),
        format!("{name}: found no double precision in its shaders, expected it for precision f64")
    );
}
