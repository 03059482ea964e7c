//! Bad input: an exit code, one clear error, and nothing half-written.

use serde_json::json;

use crate::program::{Project, Ran, chunk, devices, noise_log, npy};

/// Exactly these errors, one line each, with all their fragments; and no trace of unfinished work.
#[track_caller]
fn check(what: &str, project: &Project, ran: &Ran, code: i32, errors: &[&[&str]]) {
    assert_eq!(ran.code, code, "{what}: {}", ran.err);
    let found = ran.errors();
    assert_eq!(found.len(), errors.len(), "{what}: {}", ran.err);
    for (line, fragments) in found.iter().zip(errors) {
        for fragment in *fragments {
            assert!(line.contains(fragment), "{what}: {fragment} in\n{line}");
        }
        assert!(!line.ends_with('.'), "{what}: {line}");
    }
    for word in ["panicked", "defect", "unwrap", "BACKTRACE"] {
        assert!(!ran.err.contains(word), "{what}: {}", ran.err);
    }
    let names = project.names(".");
    assert!(
        !names.iter().any(|name| name.contains(".tmp-")),
        "{what}: {names:?}"
    );
}

#[test]
fn a_broken_chunk_is_named_and_the_others_are_done() {
    let good = chunk(2, 6, 200);
    let f8 = "'<f8'";
    let no_samples: &[u8] = &[];
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        (
            "an empty file",
            vec![],
            &["byte 0", "found \"\"", "\\x93NUMPY"],
        ),
        (
            "no npy file",
            b"PK\x03\x04 zipped".to_vec(),
            &["byte 0", "PK", "\\x93NUMPY"],
        ),
        (
            "cut samples",
            good[..good.len() - 8].to_vec(),
            &["byte 128", "found 9592 bytes", "9600"],
        ),
        (
            "a cut header",
            good[..40].to_vec(),
            &["byte 10", "found 30 bytes", "a header of 118 bytes"],
        ),
        (
            "a later version",
            [&good[..6], &[9, 0], &good[8..]].concat(),
            &["version 9", "version 1, 2 or 3"],
        ),
        (
            "one dimension",
            npy(f8, false, &[2], &[0; 16]),
            &["shape [2]", "(channels, samples)"],
        ),
        (
            "three dimensions",
            npy(f8, false, &[1, 1, 2], &[0; 16]),
            &["shape [1, 1, 2]", "(channels, samples)"],
        ),
        (
            "no dimension",
            npy(f8, false, &[], &[0; 8]),
            &["shape []", "(channels, samples)"],
        ),
        (
            "no samples",
            npy(f8, false, &[6, 0], no_samples),
            &["empty", "[6, 0]", "(channels, samples)"],
        ),
        (
            "no channels",
            npy(f8, false, &[0, 200], no_samples),
            &["empty", "[0, 200]", "(channels, samples)"],
        ),
        (
            "records",
            npy("[('x', '<f8')]", false, &[6, 200], &[0; 9600]),
            &["structured type [('x'", "a plain number"],
        ),
        (
            "text",
            npy("'<U4'", false, &[6, 200], &[0; 9600]),
            &["type '<U4'", "a plain number"],
        ),
        (
            "objects",
            npy("'|O'", false, &[6, 200], &[0; 9600]),
            &["type '|O'", "a plain number"],
        ),
        (
            "a shape beyond memory",
            npy(f8, false, &[1 << 62, 8], &[0; 64]),
            &["4611686018427387904", "addressed"],
        ),
    ];
    for (what, bytes, fragments) in cases {
        let project = Project::with_chunks(3);
        project.write("chunks/2.npy", &bytes);
        let ran = project.summary("");
        let line: Vec<&str> = [&["chunks/2.npy: "], fragments].concat();
        check(what, &project, &ran, 65, &[&line]);
        assert!(
            ran.err.contains("2 chunks done, 1 failed"),
            "{what}: {}",
            ran.err
        );
        assert_eq!(
            project.names("results/NoiseLog"),
            ["1.fbe", "3.fbe"],
            "{what}"
        );
        assert_eq!(
            project.names("results/te"),
            ["1.npy", "3.npy", "measured_depth.npy", "time.npy"],
            "{what}"
        );
    }
}

#[test]
fn names_and_axes_that_do_not_fit_are_refused() {
    let f8 = |shape: &[usize]| {
        npy(
            "'<f8'",
            false,
            shape,
            &vec![0; 8 * shape.iter().product::<usize>()],
        )
    };
    let depth = "chunks/measured_depth.npy";
    /// What, a file's name, its bytes, arguments, and what the error says.
    type Case<'a> = (&'a str, &'a str, Vec<u8>, &'a str, &'a [&'a str]);
    let cases: Vec<Case> = vec![
        (
            "a name",
            "chunks/shot.npy",
            chunk(1, 6, 200),
            "-f chunks/shot.npy",
            &[
                "chunks/shot.npy: found the name \"shot\"",
                "Unix time",
                "--timestamp",
            ],
        ),
        (
            "too few depths",
            depth,
            f8(&[5]),
            "",
            &[
                "measured_depth.npy: found 5 values, expected 6",
                "1.npy",
                "channels",
            ],
        ),
        (
            "too many depths",
            depth,
            f8(&[7, 1]),
            "",
            &["measured_depth.npy: found 7 values, expected 6"],
        ),
        (
            "a table of depths",
            depth,
            f8(&[6, 2]),
            "",
            &["measured_depth.npy: found a table", "one row or column"],
        ),
        (
            "depths in three dimensions",
            depth,
            f8(&[6, 1, 1]),
            "",
            &["measured_depth.npy", "one row or column"],
        ),
        (
            "complex depths",
            depth,
            npy("'<c8'", false, &[6], &[0; 48]),
            "",
            &["measured_depth.npy", "numbers"],
        ),
        (
            "broken depths",
            depth,
            b"1 2 3".to_vec(),
            "",
            &["measured_depth.npy: byte 0", "\\x93NUMPY"],
        ),
        (
            "too few times",
            "chunks/time.npy",
            f8(&[199]),
            "",
            &["time.npy: found 199 values, expected 200", "samples"],
        ),
        (
            "two chunks of one time",
            "chunks/01.npy",
            chunk(1, 6, 200),
            "",
            &["chunks/01.npy and chunks/1.npy", "one time"],
        ),
    ];
    for (what, name, bytes, args, fragments) in cases {
        let project = Project::with_chunks(1);
        project.system(json!({"time_scale": "time.npy"}));
        project.write(name, &bytes);
        let ran = project.summary(args);
        check(what, &project, &ran, 65, &[fragments]);
        assert!(project.names("results").is_empty(), "{what}");
    }
}

#[test]
fn infinite_and_missing_samples_are_processed_and_counted() {
    let project = Project::new();
    let value = |k: usize| match k {
        205 => f64::NAN,
        399 => f64::NEG_INFINITY,
        _ => (k % 17) as f64 - 8.0,
    };
    let samples = |bytes: &dyn Fn(f64) -> Vec<u8>| {
        (0..1200).flat_map(|k| bytes(value(k))).collect::<Vec<u8>>()
    };
    let forms = [
        ("'<f8'", samples(&|v| v.to_le_bytes().to_vec())),
        ("'>f4'", samples(&|v| (v as f32).to_be_bytes().to_vec())),
        (
            "'<f2'",
            samples(&|v| half::f16::from_f64(v).to_le_bytes().to_vec()),
        ),
        (
            "'<c8'",
            samples(&|v| [v as f32, 0.0].map(f32::to_le_bytes).concat()),
        ),
    ];
    for (k, (descr, bytes)) in forms.iter().enumerate() {
        project.write(
            &format!("chunks/{k}.npy"),
            &npy(descr, false, &[6, 200], bytes),
        );
    }
    project.write("chunks/9.npy", &chunk(9, 6, 200));
    // The chunk is read for the sums down the columns and again for those along the rows.
    project.flow(json!([
        {"name": "sum", "uid": 1, "in_uid": 0, "axis": 0},
        {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "columns"},
        {"name": "sum", "uid": 3, "in_uid": 0},
        {"name": "write_npy", "uid": 4, "in_uid": 3, "directory_out": "rows"}
    ]));
    for device in devices() {
        let ran = project
            .summary(&format!("--overwrite=all {device}"))
            .ends(0);
        let warnings: Vec<&str> = ran
            .err
            .lines()
            .filter(|line| line.contains("WARN"))
            .collect();
        assert_eq!(warnings.len(), forms.len(), "{device}: {}", ran.err);
        for (k, line) in warnings.iter().enumerate() {
            let expected = format!("chunks/{k}.npy: 2 samples are infinite or NaN");
            assert!(line.contains(&expected), "{device}: {line}");
        }
        let sums = project.table("results/rows/1.npy");
        for (row, sum) in sums.as_real().column(0).iter().enumerate() {
            assert_eq!(sum.is_finite(), row != 1, "{device}: {sums:?}");
        }
    }
}

#[test]
fn configurations_that_are_wrong_end_with_78() {
    let band = |args: serde_json::Value| {
        let mut flow = noise_log();
        for (key, value) in args.as_object().unwrap() {
            flow[2][key] = value.clone();
        }
        json!({ "command_list": flow }).to_string()
    };
    let system = |text: &str| {
        text.replacen(
            '{',
            r#"{"out_directory": "results", "config": "flow.json", "#,
            1,
        )
    };
    let flow = "flow.json";
    let cases: Vec<(&str, &str, String, &[&[&str]])> = vec![
        ("prf 0", "system.json", system(r#"{"in_directory": "chunks", "prf": 0}"#), &[&["system.json: prf: found 0", "above 0"]]),
        ("a negative prf", "system.json", system(r#"{"in_directory": "chunks", "prf": -5}"#), &[&["prf: found -5", "above 0"]]),
        ("text for prf", "system.json", system(r#"{"in_directory": "chunks", "prf": "fast"}"#), &[&["prf: found \"fast\"", "Hz"]]),
        ("no input", "system.json", system(r#"{"prf": 200}"#), &[&["system.json: in_directory: missing", "-f"]]),
        ("no output", "system.json", r#"{"in_directory": "chunks", "config": "flow.json"}"#.into(), &[&["out_directory: missing"]]),
        ("no command file", "system.json", r#"{"in_directory": "chunks", "out_directory": "results"}"#.into(), &[&["config: missing"]]),
        ("a command file that is not there", "system.json",
            r#"{"in_directory": "chunks", "out_directory": "results", "config": "flows/none.json"}"#.into(),
            &[&["flows/none.json: No such file"]]),
        ("broken JSON", "system.json", "{\"prf\": 200,\n  \"ncpu\" 2}".into(), &[&["system.json", "line 2, column 10"]]),
        ("no object", "system.json", "[]".into(), &[&["system.json", "no object"]]),
        ("several problems", "system.json", system(r#"{"prf": 0, "in_drive": "d:", "distpy_gpu": {"device": 5}}"#),
            &[&["project: missing"], &["data: missing"], &["prf: found 0"], &["distpy_gpu.device"]]),
        ("a device", "system.json", system(r#"{"in_directory": "chunks", "prf": 200, "distpy_gpu": {"device": "tpu"}}"#),
            &[&["distpy_gpu.device: found \"tpu\"", "\"auto\", \"gpu\", \"cpu\" or \"software\""]]),
        ("a precision", "system.json", system(r#"{"in_directory": "chunks", "prf": 200, "distpy_gpu": {"precision": "f16"}}"#),
            &[&["distpy_gpu.precision: found \"f16\"", "\"f32\""]]),
        ("no prf", "system.json", system(r#"{"in_directory": "chunks"}"#), &[&["system.json: prf: missing", "samples per second", "index.csv"]]),
        ("whose numbers", "system.json", system(r#"{"in_directory": "chunks", "distpy_gpu": {"compat": "numpy"}}"#),
            &[&["distpy_gpu.compat: found \"numpy\"", "\"distpy\""]]),
        ("a broken flow", flow, "{\"command_list\": [\n\n  {\"name\": }]}".into(), &[&["flow.json", "line 3, column 12"]]),
        ("a misspelt command", flow, r#"{"command_list": [{"name": "buter", "uid": 1, "in_uid": 0}]}"#.into(),
            &[&["flow.json: command_list[0].name", "unknown command \"buter\"", "did you mean \"butter\"?"]]),
        ("three problems", flow,
            r#"{"command_list": [{"name": "fft", "uid": 1, "in_uid": 4}, {"name": "mean", "uid": 1, "in_uid": 0, "axis": "time"}]}"#.into(),
            &[&["command_list[1].uid: found 1"], &["command_list[0].in_uid: found 4"], &["command_list[1].axis", "\"time\""]]),
        ("a band above Nyquist", flow, band(json!({"low_freq": [0, 150]})),
            &[&["command_list[2].low_freq", "found 150 Hz", "the Nyquist frequency 100 Hz"]]),
        ("a reversed band", flow, band(json!({"high_freq": [20, 10]})), &[&["command_list[2].high_freq", "from 20 Hz to 10 Hz"]]),
        ("an empty band", flow, band(json!({"high_freq": [0, -1]})), &[&["command_list[2].high_freq", "from 0 Hz to 0 Hz"]]),
        ("no bands", flow, band(json!({"low_freq": [], "high_freq": []})), &[&["command_list[2].high_freq", "0 lower and 0 upper"]]),
        ("ends without partners", flow, band(json!({"low_freq": [0]})), &[&["command_list[2].high_freq", "1 lower and 2 upper"]]),
        ("a spectrum in a log", flow, band(json!({"name": "copy"})),
            &[&["command_list[4]", "`write_witsml` (uid 5)", "real", "found complex 6x200"]]),
    ];
    for (what, name, text, errors) in cases {
        let project = Project::with_chunks(1);
        project.write(name, text.as_bytes());
        let ran = project.summary("");
        check(what, &project, &ran, 78, errors);
        assert!(project.names("results").is_empty(), "{what}");
    }
    let project = Project::with_chunks(1);
    let ran = project.run("-m strainrate2summary -c nowhere.json");
    check(
        "no configuration",
        &project,
        &ran,
        78,
        &[&["nowhere.json: No such file"]],
    );
    let ran = project.run("-m synthesize -c flow.json -o made");
    check(
        "another file for a recipe",
        &project,
        &ran,
        78,
        &[&["flow.json: command_list", "unknown field"]],
    );
    let mut flow = noise_log();
    flow[1]["colour"] = json!("red");
    project.flow(flow);
    let ran = project.summary("--strict");
    check(
        "strict",
        &project,
        &ran,
        78,
        &[&["command_list[1].colour: unknown argument", "`low_freq`"]],
    );
}

#[test]
fn folders_that_cannot_be_used_end_with_74() {
    let cases: Vec<(&str, &str, &str, &[&str])> = vec![
        (
            "a file for a folder",
            "results",
            "",
            &["results: found the file results, expected a folder"],
        ),
        (
            "a folder below a file",
            "file",
            "-o file/deep/er",
            &["file/deep/er: found the file file, expected a folder"],
        ),
        (
            "a file for a folder of results",
            "results/NoiseLog",
            "",
            &["results/NoiseLog: found the file", "expected a folder"],
        ),
        (
            "no input folder",
            "x",
            "-f chunks7",
            &["chunks7: no such file or folder"],
        ),
        (
            "an empty input folder",
            "empty/notes.txt",
            "-f empty",
            &["empty: no file that ends in .npy"],
        ),
        (
            "a glob",
            "x",
            "-f chunks/*.sgy",
            &["chunks/*.sgy: no file matches"],
        ),
        (
            "a broken glob",
            "x",
            "-f chunks/[a",
            &["chunks/[a: not a pattern"],
        ),
    ];
    for (what, name, args, fragments) in cases {
        let project = Project::with_chunks(2);
        project.write(name, b"a file");
        let ran = project.summary(args);
        check(what, &project, &ran, 74, &[fragments]);
        assert!(project.names("results/NoiseLog").is_empty(), "{what}");
    }
    let project = Project::with_chunks(1);
    let ran = project.summary("-f a.npy -f chunks/1.npy -f b*.npy");
    check(
        "two that are missing",
        &project,
        &ran,
        74,
        &[&["a.npy: no such"], &["b*.npy: no file matches"]],
    );
    project.write("made.sgy/below", b"");
    let ran = project.run("-m synthesize -o made.sgy/below/recording.sgy");
    check(
        "a recording below a file",
        &project,
        &ran,
        74,
        &[&["made.sgy/below", "expected a folder"]],
    );
}

#[test]
fn a_folder_without_chunks_or_an_array_that_is_missing_is_bad_input() {
    let project = Project::with_chunks(1);
    project.write(
        "axes/measured_depth.npy",
        &npy("'<f8'", false, &[6], &[0; 48]),
    );
    let ran = project.summary("-f axes");
    check(
        "only an axis",
        &project,
        &ran,
        65,
        &[&["axes: found no chunk", "1500000000.npy"]],
    );
    project.flow(json!([
        {"name": "data_load", "uid": 1, "in_uid": 0, "directory_in": "models", "filename": "gain.npy"},
        {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "out"}
    ]));
    let ran = project.summary("");
    check(
        "no array",
        &project,
        &ran,
        65,
        &[&["results/models/gain.npy: No such file"]],
    );
    assert!(project.names("results").is_empty());
}

#[test]
fn a_broken_recording_does_not_keep_the_others() {
    let project = Project::new();
    project.write(
        "recipe.json",
        br#"{"channels": 8, "seconds": 2, "prf": 100}"#,
    );
    let mut modules = vec![("segy_ingest", "sgy", "3840 bytes")];
    if cfg!(feature = "hdf5") {
        modules.push(("ingest_h5", "h5", "HDF5"));
    }
    for (module, extension, expected) in modules {
        let good = format!("{extension}/b.{extension}");
        project
            .run(&format!("-m synthesize -c recipe.json -o {good}"))
            .ends(0);
        let whole = std::fs::read(project.path(&good)).unwrap();
        project.write(&format!("{extension}/a.{extension}"), b"no recording");
        project.write(
            &format!("{extension}/c.{extension}"),
            &whole[..whole.len() / 2],
        );
        let out = format!("chunks-{extension}");
        let ran = project.run(&format!(
            "-m {module} -f {extension} -c system.json -o {out}"
        ));
        let (a, c) = (
            format!("{extension}/a.{extension}"),
            format!("{extension}/c.{extension}"),
        );
        check(module, &project, &ran, 65, &[&[&a, expected], &[&c]]);
        assert!(
            ran.err.contains("1 recordings done, 2 failed"),
            "{}",
            ran.err
        );
        let chunks = project.names(&out);
        let chunks = chunks
            .iter()
            .filter(|name| name.starts_with("17") && name.ends_with(".npy"));
        assert_eq!(chunks.count(), 2, "{module}");
    }
}

/// A file system of 256 kB, mounted where only the program sees it. What it leaves there is listed on standard output.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let project = Project::new();
    project.write(
        "recipe.json",
        br#"{"channels": 100, "seconds": 9, "prf": 200}"#,
    );
    project
        .run("-m synthesize -c recipe.json -o recording.sgy")
        .ends(0);
    project
        .run("-m segy_ingest -c system.json -f recording.sgy -o chunks")
        .ends(0);
    project.flow(json!([
        {"name": "abs", "uid": 1, "in_uid": 0},
        {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "out"}
    ]));
    for args in [
        "-m strainrate2summary -c system.json --precision f64 -o full",
        "-m segy_ingest -c system.json -f recording.sgy -o full",
        "-m synthesize -c recipe.json -o full",
        "-m synthesize -c recipe.json -o full/recording.sgy",
        "-m synthesize -c recipe.json -o full/recording.h5",
    ] {
        if args.ends_with("h5") && cfg!(not(feature = "hdf5")) {
            continue;
        }
        std::fs::create_dir_all(project.path("full")).unwrap();
        let mut command = std::process::Command::new("unshare");
        let script = "mount -t tmpfs -o size=256k none full 2>/dev/null || exit 99\n\
                      \"$0\" \"$@\"; code=$?; find full -type f -not -name '.*'; exit $code";
        let program = project.command(args);
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(program.get_program())
            .args(program.get_args())
            .current_dir(project.path("."));
        let able = std::process::Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "true"])
            .output()
            .is_ok_and(|output| output.status.success());
        let ran = if able {
            Ran::of(command)
        } else {
            Ran {
                code: 99,
                out: String::new(),
                err: String::new(),
            }
        };
        if ran.code == 99 {
            eprintln!(
                "the full disk is not tried: this process may not mount a file system of its own"
            );
            return;
        }
        check(args, &project, &ran, 74, &[&["full/", "No space left"]]);
        for name in ran.out.lines() {
            assert!(
                !name.contains(".tmp-") && !name.contains("recording"),
                "{args}: {name}"
            );
        }
    }
}
