//! `-m benchmark` on tiny chunks: its table and its JSON. Nothing here depends on how fast the machine is.

use std::path::Path;
use std::process::Command;

use distpy_gpu::block::DType;
use distpy_gpu::formats::npy;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs it with a configuration; gives the exit code, the text and the JSON.
fn benchmark(
    config: &Value,
    args: &[&str],
    lose_device_after: Option<u32>,
) -> (i32, String, Value) {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("system.json"), config.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_distpy-gpu"));
    command.args([
        "-m",
        "benchmark",
        "-c",
        &path("system.json"),
        "--json",
        &path("out.json"),
        "--threads",
        "2",
    ]);
    if let Some(count) = lose_device_after {
        command.env("DISTPY_GPU_LOSE_DEVICE_AFTER", count.to_string());
    }
    let output = command.args(args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let json = std::fs::read_to_string(path("out.json")).unwrap_or_else(|_| {
        panic!("no report: {}", String::from_utf8_lossy(&output.stderr));
    });
    // Reasons and flows are as long as they are.
    let mut table = text
        .lines()
        .filter(|line| line.starts_with("  ") && !line.contains("failed: "));
    assert!(table.all(|line| line.chars().count() <= 110), "{text}");
    (
        output.status.code().unwrap(),
        text,
        serde_json::from_str(&json).unwrap(),
    )
}

/// Two chunks of 8 x 500 samples.
fn recipe() -> Value {
    json!({ "prf": 500, "distpy_gpu": { "synthesize": { "channels": 8, "seconds": 2, "prf": 500 } } })
}

fn rows(table: &Value) -> &Vec<Value> {
    table["rows"].as_array().expect("a list of rows")
}

/// A row that was measured: every time is one, and single precision is close to double.
fn check_measured(row: &Value, chunk_bytes: f64) {
    let seconds = row["seconds"].as_f64().expect("a time");
    assert!(
        seconds > 0.0 && row["seconds_min"].as_f64().unwrap() <= seconds,
        "{row}"
    );
    let runs = row["seconds_of_runs"].as_array().expect("a list of times");
    assert!(runs.len() >= 5, "{row}");
    let rate = row["input_bytes_per_s"].as_f64().unwrap();
    assert!((rate * seconds / chunk_bytes - 1.0).abs() < 1e-9, "{row}");
    assert!(
        row["speedup"].as_f64().unwrap() > 0.0 && row["error"].is_null(),
        "{row}"
    );
    match row["precision"].as_str() {
        Some("f64") => assert!(row["largest_difference"].is_null(), "{row}"),
        // The rounding of f32 in transforms and sums of hundreds of samples, with room.
        _ => assert!(row["largest_difference"].as_f64().unwrap() < 1e-5, "{row}"),
    }
}

#[test]
fn the_cpu_is_measured_in_every_stored_type() {
    let (code, text, report) = benchmark(&recipe(), &["--device", "cpu"], None);
    assert_eq!(code, 0);
    assert_eq!(report["program"], "distpy-gpu");
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["machine"]["threads"], 2);
    assert_eq!(
        report["flow"]["commands"],
        json!(["fft", "rms_from_fft", "multiple_calcs", "write_witsml"])
    );
    assert_eq!(report["chunks"], "synthetic");
    // A build without GPU support says so.
    if cfg!(feature = "gpu") {
        assert_eq!(report["adapters"], json!([]));
    }
    assert!(
        report["command"]
            .as_array()
            .unwrap()
            .contains(&json!("benchmark"))
    );
    assert!(
        report["date"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    let tables = report["tables"].as_array().unwrap();
    let sizes = [("int16", 2), ("float32", 4), ("float64", 8)];
    assert_eq!(tables.len(), sizes.len());
    for (table, (dtype, size)) in tables.iter().zip(sizes) {
        assert_eq!(table["dtype"], dtype);
        assert_eq!(
            [&table["channels"], &table["samples"], &table["chunks"]],
            [&json!(8), &json!(500), &json!(2)]
        );
        let bytes = 8 * 500 * size;
        assert_eq!(table["chunk_bytes"], bytes);
        assert_eq!(rows(table).len(), 2);
        rows(table)
            .iter()
            .for_each(|row| check_measured(row, f64::from(bytes)));
        assert!(
            text.contains(&format!("2 chunks of 8 x 500 {dtype}")),
            "{text}"
        );
    }
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("  CPU "))
            .count(),
        6,
        "{text}"
    );
}

#[cfg(feature = "gpu")]
#[test]
fn a_gpu_is_measured_beside_the_cpu() {
    use distpy_gpu::gpu::adapter::DeviceType;
    let Some(choice) = crate::backend::choose_adapter() else {
        return;
    };
    let device = match choice.info.device_type {
        DeviceType::Software => "software",
        _ => "gpu",
    };
    let index = choice.info.index.to_string();
    let args = ["--device", device, "--adapter", &index];
    let (code, text, report) = benchmark(&recipe(), &args, None);
    assert_eq!(code, 0, "{text}");
    assert_eq!(report["adapters"][0]["info"]["name"], choice.info.name);
    for rate in ["copy", "upload", "download"] {
        assert!(report["adapters"][0]["rates"][rate].as_f64().unwrap() > 0.0);
    }
    // Integers go up as they are stored, other numbers in single precision; RMS and three bands of each channel come down.
    for (table, up) in report["tables"].as_array().unwrap().iter().zip([2, 4, 4]) {
        let row = &rows(table)[2];
        assert_eq!(
            (&row["device"], &row["precision"]),
            (&json!(choice.info.name), &json!("f32"))
        );
        check_measured(row, table["chunk_bytes"].as_f64().unwrap());
        assert_eq!(
            (&row["upload_bytes"], &row["download_bytes"]),
            (&json!(8 * 500 * up), &json!(8 * 4 * 4))
        );
        if choice.info.features.contains(&"timestamps") {
            assert!(row["kernels"]["seconds"].as_f64().unwrap() > 0.0, "{row}");
            assert!(
                row["kernels"]["share_of_copy_rate"].as_f64().unwrap() > 0.0,
                "{row}"
            );
        } else {
            assert!(row["kernels"].is_null(), "{row}");
        }
    }
    let line = format!("  {index}: ");
    assert_eq!(
        text.lines().filter(|l| l.starts_with(&line)).count(),
        3,
        "{text}"
    );
}

#[cfg(feature = "gpu")]
#[test]
fn a_device_that_fails_is_a_row_and_an_exit_code() {
    use distpy_gpu::gpu::adapter::DeviceType;
    let Some(choice) = crate::backend::choose_adapter() else {
        return;
    };
    let index = choice.info.index.to_string();
    let mut args = vec!["--adapter", &index];
    // Named by --adapter alone, its failure is only reported.
    let (code, text, _) = benchmark(&recipe(), &args, Some(3));
    assert_eq!(code, 0, "{text}");
    let software = choice.info.device_type == DeviceType::Software;
    args.extend(["--device", if software { "software" } else { "gpu" }]);
    let (code, text, report) = benchmark(&recipe(), &args, Some(3));
    assert_eq!(code, 69, "{text}");
    for table in report["tables"].as_array().unwrap() {
        let bytes = table["chunk_bytes"].as_f64().unwrap();
        rows(table)[..2]
            .iter()
            .for_each(|row| check_measured(row, bytes));
        let failed = &rows(table)[2];
        assert!(
            failed["error"].as_str().unwrap().contains("lost") && failed["seconds"].is_null(),
            "{failed}"
        );
    }
    assert!(text.contains("failed: "), "{text}");
}

#[test]
fn without_the_gpu_that_was_asked_for_the_cpu_is_measured_all_the_same() {
    let absent = ["--adapter", "no such adapter"];
    let (code, text, report) = benchmark(&recipe(), &absent, None);
    assert_eq!(code, 0);
    assert!(
        text.lines().any(|line| line.starts_with("GPU: found ")),
        "{text}"
    );
    assert_eq!(rows(&report["tables"][0]).len(), 2);
    let (code, _, report) = benchmark(
        &recipe(),
        &[&absent[..], &["--device", "gpu"]].concat(),
        None,
    );
    assert_eq!(code, 69);
    assert!(report["adapters"][0]["error"].as_str().is_some());
    assert_eq!(rows(&report["tables"][2]).len(), 2);
}

#[test]
fn given_chunks_run_through_the_given_flow() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, rows: usize| {
        let samples: Vec<f32> = (0..rows * 40).map(|k| ((k * 7) % 13) as f32).collect();
        let bytes = npy::encode(DType::F32, &[rows, 40], bytemuck::cast_slice(&samples));
        std::fs::write(folder.path().join(name), bytes).unwrap();
    };
    write("1500000000.npy", 6);
    write("1500000001.npy", 6);
    write("1500000002.npy", 5);
    let flow = json!({ "command_list": [
        { "name": "butter", "uid": 1, "in_uid": 0, "type": "lowpass", "freq": 5 },
        { "name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "low" },
    ]});
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("flow.json"), flow.to_string()).unwrap();
    let config = json!({ "prf": 40, "config": path("flow.json") });
    let chunks = folder.path().display().to_string();
    let (code, _, report) = benchmark(&config, &["--device", "cpu", "-f", &chunks], None);
    assert_eq!(code, 0);
    assert_eq!(report["chunks"], "files");
    assert_eq!(report["flow"]["commands"], json!(["butter", "write_npy"]));
    let table = &report["tables"][0];
    // The third chunk has another shape.
    assert_eq!(
        (&table["dtype"], &table["channels"], &table["chunks"]),
        (&json!("float32"), &json!(6), &json!(2))
    );
    rows(table)
        .iter()
        .for_each(|row| check_measured(row, 6.0 * 40.0 * 4.0));
    assert!(
        !Path::new(&path("low")).exists(),
        "a benchmark writes no results"
    );
}

#[test]
fn single_commands_are_measured_by_name() {
    let wanted = ["--measure", "commands", "--only", "clip,butter,count_peaks"];
    let device = any_device();
    let has_gpu = device != "cpu";
    let args = [&wanted[..], &["--device", device]].concat();
    let (code, text, report) = benchmark(&recipe(), &args, None);
    assert_eq!(code, 0, "{text}");
    assert_eq!(report["tables"], json!([]), "the flow is not measured");
    let commands = report["commands"].as_array().unwrap();
    let names = |command: &Value| command["command"].as_str().unwrap().to_string();
    assert_eq!(
        commands.iter().map(names).collect::<Vec<_>>(),
        ["butter", "clip", "count_peaks"]
    );
    for command in commands {
        let bytes = command["chunk_bytes"].as_f64().unwrap();
        rows(command)[..2]
            .iter()
            .for_each(|row| assert!(row["seconds"].as_f64().unwrap() > 0.0, "{row}"));
        let on_gpu = rows(command).get(2);
        // Counting peaks stays on the CPU: a GPU has nothing to do.
        assert_eq!(
            on_gpu.is_some(),
            has_gpu && command["command"] != "count_peaks",
            "{command}"
        );
        if let Some(row) = on_gpu {
            assert!(row["seconds"].as_f64().unwrap() > 0.0, "{row}");
            assert_eq!(row["upload_bytes"].as_f64(), Some(bytes), "{row}");
            // At least what must move is moved.
            let [up, down, moved] = ["upload_bytes", "download_bytes", "kernel_bytes"]
                .map(|key| row[key].as_u64().unwrap());
            assert!(moved >= up + down, "{row}");
        }
    }
    let listed = |name: &str| {
        text.lines()
            .any(|line| line.starts_with(&format!("  {name} ")))
    };
    assert!(
        ["butter", "clip", "count_peaks"]
            .iter()
            .all(|name| listed(name)),
        "{text}"
    );
}

#[test]
fn an_unknown_command_is_not_measured() {
    let (code, error) = refused(&["--measure", "commands", "--only", "clip,clop"]);
    assert_eq!(code, 64, "{error}");
    assert!(
        error.contains("--only: found `clop`") && error.contains("`clip`"),
        "{error}"
    );
}

#[test]
fn growing_chunks_show_where_a_gpu_pays() {
    let folder = TempDir::new().unwrap();
    for ending in ["svg", "png"] {
        let path = folder.path().join(format!("sizes.{ending}"));
        let path = path.to_str().unwrap();
        let device = any_device();
        let has_gpu = device != "cpu";
        let args = [
            "--measure",
            "sizes",
            "--max-samples",
            "20000",
            "--device",
            device,
            "--plot",
            path,
        ];
        let (code, text, report) = benchmark(&recipe(), &args, None);
        assert_eq!(code, 0, "{text}");
        let tables = report["sizes"]["tables"].as_array().unwrap();
        let samples = |table: &Value| {
            table["channels"].as_u64().unwrap() * table["samples"].as_u64().unwrap()
        };
        assert_eq!(
            tables.iter().map(samples).collect::<Vec<_>>(),
            [1000, 10_000]
        );
        assert_eq!(
            report["sizes"]["crossovers"].as_array().unwrap().len(),
            usize::from(has_gpu)
        );
        let picture = std::fs::read(path).unwrap();
        let begins: &[u8] = if ending == "svg" { b"<svg" } else { b"\x89PNG" };
        assert!(picture.starts_with(begins));
        if ending == "svg" {
            let picture = String::from_utf8(picture).unwrap();
            assert!(
                picture.contains("samples of a chunk") && picture.contains("CPU f32"),
                "{picture}"
            );
            // One line for the CPU and one for the GPU.
            assert!(
                picture.matches("<polyline").count() > usize::from(has_gpu),
                "{picture}"
            );
        }
    }
}

#[test]
fn a_plot_needs_sizes_and_a_known_ending() {
    let (code, error) = refused(&["--plot", "sizes.png"]);
    assert_eq!(code, 64, "{error}");
    assert!(error.contains("--plot: found no `sizes`"), "{error}");
    let (code, error) = refused(&["--measure", "sizes", "--plot", "sizes.bmp"]);
    assert_eq!(code, 64, "{error}");
    assert!(error.contains("sizes.bmp: found"), "{error}");
}

/// A device of this machine, as `--device` names it; the CPU where there is no other.
fn any_device() -> &'static str {
    #[cfg(feature = "gpu")]
    if let Some(choice) = crate::backend::choose_adapter() {
        use distpy_gpu::gpu::adapter::DeviceType;
        return match choice.info.device_type {
            DeviceType::Software => "software",
            _ => "gpu",
        };
    }
    "cpu"
}

/// The exit code and what is told where nothing is measured.
fn refused(args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_distpy-gpu"));
    let output = command
        .args(["-m", "benchmark"])
        .args(args)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}
