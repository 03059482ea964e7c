//! Whole flows stay on the device: one upload and one download for each chunk.

use distpy_gpu::block::Precision;
use ndarray::Array2;
use serde_json::{Value, json};

use crate::backend::{self, Backend, Case};
use crate::commands::stored;

/// What `--explain` says of a flow on a chunk of 40 x 500.
fn explained(list: Value) -> Option<String> {
    let x = Array2::from_shape_fn((40, 500), |(i, t)| {
        ((i * 31 + t * 17) % 101) as f64 / 50.0 - 1.0
    });
    let mut case = Case::of_command(json!({"name": "copy"}), stored(&x), vec![]);
    case.flow = json!({ "command_list": list });
    case.explained()
}

fn stays_on_the_device(name: &str, list: Value) {
    let Some(text) = explained(list) else { return };
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1, "{name}: {text}");
    assert!(lines[0].contains("on the GPU: 1 tiles"), "{name}: {text}");
}

#[test]
fn flows_go_up_once_and_come_down_once() {
    stays_on_the_device(
        "noise log",
        json!([
            {"name": "fft", "uid": 1, "in_uid": 0},
            {"name": "rms_from_fft", "uid": 2, "in_uid": 1, "low_freq": 0, "high_freq": 500},
            {"name": "multiple_calcs", "uid": 3, "in_uid": 1, "func": "rms_from_fft", "low_freq": [5, 50], "high_freq": [50, 300]},
            {"name": "write_witsml", "uid": 4, "in_uid": 3, "gather_uids": [2], "directory_out": "log", "low_freq": [5, 50], "high_freq": [50, 300]},
        ]),
    );
    stays_on_the_device(
        "event detection",
        json!([
            {"name": "butter", "uid": 1, "in_uid": 0, "type": "highpass", "freq": 20},
            {"name": "sta_lta", "uid": 2, "in_uid": 1, "sta": 20, "lta": 200},
            {"name": "peak_to_peak", "uid": 3, "in_uid": 2, "window_length": 50},
            {"name": "fft", "uid": 4, "in_uid": 1},
            {"name": "rms_from_fft", "uid": 5, "in_uid": 4, "low_freq": 10, "high_freq": 200},
            {"name": "gather", "uid": 6, "in_uid": 3, "gather_uids": [5]},
            {"name": "write_npy", "uid": 7, "in_uid": 6, "directory_out": "events"},
        ]),
    );
    stays_on_the_device(
        "f-k",
        json!([
            {"name": "detrend", "uid": 1, "in_uid": 0},
            {"name": "median_subtract", "uid": 2, "in_uid": 1},
            {"name": "fk_filter", "uid": 3, "in_uid": 2, "min_velocity": 1000, "max_velocity": 6000},
            {"name": "bandpass", "uid": 4, "in_uid": 3, "low_freq": 5, "high_freq": 100},
            {"name": "whiten", "uid": 5, "in_uid": 4, "low_freq": 5, "high_freq": 100},
            {"name": "write_npy", "uid": 6, "in_uid": 5, "directory_out": "fk"},
        ]),
    );
}

/// A command without a GPU side splits the flow, and nothing else does.
#[test]
fn a_step_on_the_cpu_splits_a_flow() {
    let text = explained(json!([
        {"name": "detrend", "uid": 1, "in_uid": 0},
        {"name": "curve_fit", "uid": 2, "in_uid": 1},
        {"name": "envelope", "uid": 3, "in_uid": 2},
        {"name": "write_npy", "uid": 4, "in_uid": 3, "directory_out": "out"},
    ]));
    let Some(text) = text else { return };
    let places: Vec<bool> = text
        .lines()
        .map(|line| line.contains("on the GPU"))
        .collect();
    assert_eq!(places, [true, false, true], "{text}");
}

/// The event-detection flow on a small chunk.
fn events() -> Case {
    let x = Array2::from_shape_fn((16, 256), |(i, t)| {
        ((i * 31 + t * 17) % 101) as f64 / 50.0 - 1.0
    });
    let mut case = Case::of_command(json!({"name": "copy"}), stored(&x), vec![]);
    case.flow = json!({"command_list": [
        {"name": "butter", "uid": 1, "in_uid": 0, "type": "highpass", "freq": 20},
        {"name": "sta_lta", "uid": 2, "in_uid": 1, "sta": 20, "lta": 100},
        {"name": "fft", "uid": 3, "in_uid": 2},
        {"name": "rms_from_fft", "uid": 4, "in_uid": 3, "low_freq": 10, "high_freq": 200},
        {"name": "write_npy", "uid": 5, "in_uid": 4, "directory_out": "events"},
    ]});
    case
}

#[test]
fn results_repeat_bit_by_bit() {
    if !backend::all().contains(&Backend::Gpu(Precision::F32)) {
        return;
    }
    let first = events()
        .result(Backend::Gpu(Precision::F32))
        .expect("a result");
    for _ in 0..5 {
        assert_eq!(
            first,
            events()
                .result(Backend::Gpu(Precision::F32))
                .expect("a result")
        );
    }
}

/// Memory does not grow with the number of chunks. Runs itself in a process of its own, in which nothing else takes memory.
#[test]
#[cfg(target_os = "linux")]
fn a_thousand_chunks_take_no_more_memory_than_a_hundred() {
    const ALONE: &str = "DISTPY_GPU_TEST_ALONE";
    if !backend::all().contains(&Backend::Gpu(Precision::F32)) {
        return;
    }
    if std::env::var_os(ALONE).is_none() {
        let output = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "gpu_flows::a_thousand_chunks_take_no_more_memory_than_a_hundred",
            ])
            .env(ALONE, "1")
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
        return;
    }
    // In pages of 4 kB.
    let resident = || -> usize {
        let status = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
        let pages = status.split_whitespace().nth(1).expect("a second number");
        pages.parse::<usize>().expect("a number") * 4096
    };
    let mut chunks = crate::backend::Stream::new(&events());
    chunks.run(100);
    // Drivers grow at times of their own (a worker's stack, an allocator's arena), by megabytes on SwiftShader, but what is
    // lost with every chunk is lost in every stretch: the stretch that grew least tells. A chunk goes up
    // with 16 kB; losses much smaller may hide for a while in what the first chunks freed.
    let stretches = [0; 4].map(|_| {
        let before = resident();
        chunks.run(250);
        resident().saturating_sub(before)
    });
    let least = stretches.into_iter().min().expect("four");
    assert!(
        least < 250 << 10,
        "1,000 chunks in four stretches took so many bytes more: {stretches:?}"
    );
}
