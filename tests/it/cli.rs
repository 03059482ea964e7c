//! The command line from end to end: what a user runs, reads and finds in folders.

use serde_json::{Value, json};

use crate::backend;
use crate::program::{Project, chunk, devices, npy, sample};

/// Sixty channels for two and a half seconds: the last chunk is not full.
const RECIPE: &str = r#"{"channels": 60, "seconds": 2.5, "prf": 400, "seed": 7}"#;
const FIRST: i64 = 1_767_225_600;

fn recorded() -> Project {
    let project = Project::new();
    project.system(json!({"prf": 400}));
    project.write("recipe.json", RECIPE.as_bytes());
    project
        .run("-m synthesize -c recipe.json -o recording.sgy")
        .ends(0)
        .says("recording.sgy: 60 channels, 1000 samples at 400 Hz");
    project
}

#[test]
fn a_recording_becomes_the_same_noise_log_on_every_device() {
    let project = recorded();
    project
        .run("-m segy_ingest -f recording.sgy -c system.json -o chunks")
        .ends(0)
        .says("3 chunks from 1767225600");
    for device in devices() {
        let out = device.replace([' ', '-'], "");
        project
            .summary(&format!("{device} -o {out}"))
            .ends(0)
            .says("3 chunks done");
        for k in 0..3 {
            let time = FIRST + k;
            let got = project.table(&format!("{out}/te/{time}.npy"));
            let want = project.table(&format!("devicecpuprecisionf64/te/{time}.npy"));
            assert_eq!(got.shape(), (60, 2));
            let error = backend::difference(&got, &want);
            assert!(error <= 1e-5, "{device}: {error:.1e} of scale");
            let log = std::fs::read(project.path(&format!("{out}/NoiseLog/{time}.fbe"))).unwrap();
            let log = distpy_gpu::formats::witsml::parse("log".as_ref(), &log).unwrap();
            assert_eq!(log.created.as_second(), time);
            assert_eq!(log.depth.values[..3], [0.0, 2.0, 4.0]);
            assert_eq!(log.curves.len(), 3);
            let values: Vec<f64> = got.as_real().column(0).to_vec();
            assert_eq!(log.curves[1].values, values, "{device}");
        }
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn every_form_of_a_recording_gives_the_same_chunks() {
    let project = recorded();
    let steps = [
        "-m synthesize -c recipe.json -o recording.h5",
        "-m synthesize -c recipe.json -o made",
        "-m segy_ingest -f recording.sgy -c system.json -o segy",
        "-m ingest_h5 -f recording.h5 -c system.json -o hdf5",
    ];
    for step in steps {
        project.run(step).ends(0);
    }
    let made = project.files("made");
    for k in 0..3 {
        let name = format!("{}.npy", FIRST + k);
        assert!(made[&name] == project.files("segy")[&name], "{name}");
        assert!(made[&name] == project.files("hdf5")[&name], "{name}");
    }
    let depth = |folder: &str| project.table(&format!("{folder}/measured_depth.npy"));
    let error = backend::difference(&depth("hdf5"), &depth("made"));
    assert!(error < 1e-12, "{error:.1e}");
    // SEG-Y keeps depths in whole units of a scalar.
    let error = backend::difference(&depth("segy"), &depth("made"));
    assert!(error < 1e-6, "{error:.1e}");
}

#[test]
fn what_exists_is_kept_and_reported() {
    let project = recorded();
    let ingest = "-m segy_ingest -f recording.sgy -c system.json -o chunks";
    let steps = [
        ("-m synthesize -c recipe.json -o made", "chunks exist, kept"),
        (
            "-m synthesize -c recipe.json -o recording.sgy",
            "recording.sgy: exists, kept",
        ),
        (ingest, "0 chunks from 1767225600, 3 skipped, as they exist"),
        (
            "-m strainrate2summary -c system.json",
            "0 chunks done, 3 skipped, as their results exist",
        ),
    ];
    for (step, again) in steps {
        let first = project.run(step).ends(0);
        let before = (project.files("."), first);
        let second = project.run(step).ends(0).says(again);
        assert!(
            project.files(".") == before.0,
            "{step} changed a file\n{second:?}"
        );
        let overwritten = project.run(&format!("{step} --overwrite=all")).ends(0);
        for word in [", kept", "skipped"] {
            assert!(!overwritten.err.contains(word), "{step}: {overwritten:?}");
        }
        assert!(
            project.files(".") == before.0,
            "{step} gives other bytes when it runs again"
        );
    }
    std::fs::remove_file(project.path("results/te/1767225601.npy")).unwrap();
    project
        .run("-m strainrate2summary -c system.json")
        .ends(0)
        .says("1 chunks done, 2 skipped");
}

#[test]
fn chunks_come_from_files_folders_globs_and_the_configuration() {
    let project = Project::with_chunks(3);
    project.write(
        "chunks/measured_depth.npy",
        &npy("'<i8'", false, &[6], &[0; 48]),
    );
    project.write("chunks/notes.npy", b"no chunk");
    project.write("elsewhere/7.npy", &chunk(7, 6, 200));
    for (k, (args, expected)) in [
        ("", "1 2 3"),
        ("-f chunks", "1 2 3"),
        ("-f chunks/2.npy", "2"),
        ("-f chunks/[12].npy", "1 2"),
        ("-f chunks/1.npy -f chunks/3.npy", "1 3"),
        ("-f chunks/1.npy chunks/3.npy", "1 3"),
        ("-f chunks -f ./chunks/1.npy -f chunks/?.npy", "1 2 3"),
        ("-f elsewhere -f chunks/1.npy", "1 7"),
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("results{k}");
        project.summary(&format!("{args} -o {out}")).ends(0);
        let mut names = project.names(&format!("{out}/NoiseLog"));
        names
            .iter_mut()
            .for_each(|name| name.truncate(name.len() - ".fbe".len()));
        assert_eq!(names.join(" "), expected, "{args}");
    }
    assert!(
        !project.path("results").exists(),
        "-o is in place of the configuration's folder"
    );
}

#[test]
fn a_chunk_without_a_time_takes_the_one_that_is_given() {
    let project = Project::new();
    project.write("chunks/shot.npy", &chunk(1, 6, 200));
    project
        .summary("-f chunks/shot.npy --timestamp 1500000000")
        .ends(0);
    assert_eq!(project.names("results/NoiseLog"), ["1500000000.fbe"]);
}

#[test]
fn a_plan_is_explained_without_computing() {
    let project = Project::with_chunks(1);
    for device in devices() {
        let ran = project.summary(&format!("--explain {device}")).ends(0);
        let lines: Vec<&str> = ran.out.lines().collect();
        assert_eq!(lines[0], "%0 <- chunk  real 6x200");
        assert_eq!(
            lines[1],
            "%2 %3 <- fft + rms_from_fft + multiple_calcs(%0)  by rows  real 6x1"
        );
        let place = match device.split_whitespace().last() {
            Some("f64") => "on the CPU in double precision",
            Some("f32") => "on the CPU in single precision",
            _ => "on the GPU: 1 tiles",
        };
        let has = |text: &str| lines.iter().any(|line| line.contains(text));
        assert!(has(place) && has("memory: "), "{}", ran.out);
    }
    assert!(!project.path("results").exists());
}

#[test]
fn listings_are_text_and_json() {
    let project = Project::new();
    let names = |value: &Value, key: &str| -> Vec<String> {
        let list = value.as_array().unwrap().iter();
        list.map(|row| row[key].to_string().trim_matches('"').to_string())
            .collect()
    };
    let mut listings = vec![
        ("modules", "name"),
        ("commands", "name"),
        ("exit-codes", "code"),
    ];
    if cfg!(feature = "gpu") {
        listings.push(("devices", ""));
    }
    for (module, key) in listings {
        let text = project.run(&format!("-m {module}")).ends(0).out;
        let listed = project.run(&format!("-m {module} --json")).ends(0).out;
        let value: Value = serde_json::from_str(&listed).unwrap();
        if key.is_empty() {
            assert!(value["cpu_threads"].as_u64() > Some(0), "{listed}");
            assert!(text.contains("auto takes"), "{text}");
            continue;
        }
        assert!(names(&value, key).len() > 5);
        for name in names(&value, key) {
            assert!(text.contains(&name), "{name} in\n{text}");
        }
        project
            .run(&format!("-m {module} --json list.json"))
            .ends(0);
        assert_eq!(
            std::fs::read_to_string(project.path("list.json")).unwrap(),
            listed
        );
    }
    let codes = project.run("-m exit-codes --json").out;
    let codes = names(&serde_json::from_str(&codes).unwrap(), "code");
    assert_eq!(codes.join(" "), "0 64 65 69 70 74 75 78 130 143");
}

#[test]
fn help_is_for_a_person() {
    let project = Project::new();
    let help = project.run("--help").ends(0).out;
    for part in [
        "Examples:",
        "-m segy_ingest -f recording.sgy",
        "--device",
        "Exit codes",
    ] {
        assert!(help.contains(part), "{part} in\n{help}");
    }
    let version = project.run("--version").ends(0).out;
    assert_eq!(
        version.trim(),
        concat!("distpy-gpu ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_command_lines_end_with_64_and_say_why() {
    let project = Project::with_chunks(2);
    for (args, fragments) in [
        ("", vec!["--module <MODULE>"]),
        (
            "-m segy_injest",
            vec![
                "unknown module \"segy_injest\"",
                "segy_ingest, ",
                "synthesize",
            ],
        ),
        (
            "-m strainrate2summary",
            vec!["strainrate2summary", "-c CONFIG.json"],
        ),
        ("-m segy_ingest", vec!["segy_ingest", "-c CONFIG.json"]),
        ("-m modules --colour", vec!["--colour"]),
        (
            "-m modules --device warp",
            vec!["'warp'", "auto, gpu, cpu, software"],
        ),
        ("-m modules --threads 0", vec!["'0'", "--threads"]),
        ("-m modules -q -v", vec!["--quiet", "--verbose"]),
        ("-m synthesize", vec!["-o FILE.sgy"]),
        (
            "-m synthesize -o recording.wav",
            vec!["recording.wav", ".wav", ".sgy, .h5"],
        ),
        (
            "-m strainrate2summary -c system.json --timestamp 5",
            vec!["--timestamp", "one chunk, found 2"],
        ),
    ] {
        let ran = project.run(args).ends(64);
        for fragment in fragments {
            assert!(
                ran.err.contains(fragment),
                "{args}: {fragment} in\n{}",
                ran.err
            );
        }
        assert_eq!(ran.out, "", "{args}");
    }
    assert!(!project.path("results").exists());
}

#[test]
fn log_lines_take_the_form_that_is_asked_for() {
    let project = Project::with_chunks(3);
    project.write("chunks/2.npy", b"broken");
    // The unknown argument is a warning.
    let mut flow = crate::program::noise_log();
    flow[1]["colour"] = json!("red");
    project.flow(flow);

    let json = project
        .summary("--log-format json --overwrite=all")
        .ends(65);
    let lines: Vec<Value> = json
        .err
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let levels: Vec<&str> = lines
        .iter()
        .map(|line| line["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, ["WARN", "ERROR", "INFO"], "{}", json.err);
    for line in &lines {
        assert!(
            line["message"].is_string() && line["timestamp"].is_string(),
            "{line}"
        );
    }

    let quiet = project.summary("-q --overwrite=all").ends(65);
    assert_eq!(quiet.err.lines().count(), 1, "{}", quiet.err);
    assert_eq!(quiet.errors().len(), 1, "{}", quiet.err);
    let plain = project.summary("--overwrite=all").ends(65);
    assert_eq!(plain.err.lines().count(), 3, "{}", plain.err);
}

#[test]
fn compat_is_asked_for_in_three_ways() {
    let project = Project::with_chunks(1);
    let flow = std::fs::read_to_string(project.path("flow.json")).unwrap();
    project.summary("-o plain").ends(0);
    project.summary("-o flag --compat distpy").ends(0);
    project.system(json!({"distpy_gpu": {"device": "cpu", "compat": "distpy"}}));
    project.summary("-o system").ends(0);
    project.system(json!({}));
    let with_compat = flow.replacen('{', r#"{"compat": "distpy", "#, 1);
    project.write("flow.json", with_compat.as_bytes());
    project.summary("-o flow").ends(0);
    let [plain, flag, system, flow] = ["plain", "flag", "system", "flow"].map(|f| project.files(f));
    assert_eq!(
        plain.keys().collect::<Vec<_>>(),
        flag.keys().collect::<Vec<_>>()
    );
    assert!(flag == system && flag == flow);
    assert!(
        plain["te/1.npy"] != flag["te/1.npy"],
        "both edges of distpy's bands count half"
    );
}

#[test]
fn separators_of_windows_are_read() {
    let project = Project::new();
    project.write("data/well 1/1.npy", &chunk(1, 6, 200));
    let flow = std::fs::read(project.path("flow.json")).unwrap();
    let flow = String::from_utf8(flow)
        .unwrap()
        .replace("NoiseLog", r"logs\\noise");
    project.write("flows/noise.json", flow.as_bytes());
    project.system(json!({
        "in_directory": r"data\well 1", "out_directory": r".\out\deep", "config": r"flows\noise.json"
    }));
    project.summary("").ends(0);
    assert_eq!(project.names("out/deep/logs/noise"), ["1.fbe"]);
}

/// Each stored form of the same numbers, as an npy file.
fn forms(unsigned: bool) -> Vec<(&'static str, Vec<u8>)> {
    const SHAPE: [usize; 2] = [7, 60];
    let value = |row: usize, col: usize| sample(3, row, col) + if unsigned { 11 } else { 0 };
    let rows: Vec<i8> = (0..SHAPE[0])
        .flat_map(|r| (0..SHAPE[1]).map(move |c| value(r, c)))
        .collect();
    let columns: Vec<i8> = (0..SHAPE[1])
        .flat_map(|c| (0..SHAPE[0]).map(move |r| value(r, c)))
        .collect();
    macro_rules! forms {
        ($($descr:literal $fortran:literal $values:ident $bytes:expr;)*) => {
            vec![$((
                $descr,
                npy(concat!("'", $descr, "'"), $fortran, &SHAPE, &$values.iter().flat_map($bytes).collect::<Vec<u8>>()),
            )),*]
        };
    }
    let mut forms = forms! {
        "<f8" false rows |&v| f64::from(v).to_le_bytes();
        ">f8" false rows |&v| f64::from(v).to_be_bytes();
        "<f8" true columns |&v| f64::from(v).to_le_bytes();
        ">f4" true columns |&v| f32::from(v).to_be_bytes();
        "<f4" false rows |&v| f32::from(v).to_le_bytes();
        "<f2" false rows |&v| half::f16::from_f32(v.into()).to_le_bytes();
        ">f2" true columns |&v| half::f16::from_f32(v.into()).to_be_bytes();
        "|i1" false rows |&v| v.to_le_bytes();
        "<i2" false rows |&v| i16::from(v).to_le_bytes();
        ">i2" false rows |&v| i16::from(v).to_be_bytes();
        "<i2" true columns |&v| i16::from(v).to_le_bytes();
        "<i4" false rows |&v| i32::from(v).to_le_bytes();
        ">i4" true columns |&v| i32::from(v).to_be_bytes();
        "<i8" false rows |&v| i64::from(v).to_le_bytes();
        ">i8" false rows |&v| i64::from(v).to_be_bytes();
        "<c8" false rows |&v| [f32::from(v), 0.0].map(f32::to_le_bytes).concat();
        ">c16" true columns |&v| [f64::from(v), 0.0].map(f64::to_be_bytes).concat();
    };
    if unsigned {
        forms.extend(forms! {
            "|u1" false rows |&v| [v as u8];
            "<u2" false rows |&v| (v as u16).to_le_bytes();
            ">u4" true columns |&v| (v as u32).to_be_bytes();
            "<u8" false rows |&v| (v as u64).to_le_bytes();
        });
    }
    forms
}

#[test]
fn chunks_of_every_stored_form_give_the_same_numbers() {
    for unsigned in [false, true] {
        let project = Project::new();
        let forms = forms(unsigned);
        for (k, (_, file)) in forms.iter().enumerate() {
            project.write(&format!("chunks/{k}.npy"), file);
        }
        // Complex chunks have bands as well, once they are real; sums down the columns need all rows at once.
        project.flow(json!([
            {"name": "real", "uid": 1, "in_uid": 0},
            {"name": "fft", "uid": 2, "in_uid": 1},
            {"name": "rms_from_fft", "uid": 3, "in_uid": 2, "low_freq": 10, "high_freq": 60},
            {"name": "write_npy", "uid": 4, "in_uid": 3, "directory_out": "rms"},
            {"name": "sum", "uid": 5, "in_uid": 1, "axis": 0},
            {"name": "write_npy", "uid": 6, "in_uid": 5, "directory_out": "sum"}
        ]));
        for device in devices() {
            project
                .summary(&format!("{device} --overwrite=all"))
                .ends(0);
            for (k, (form, _)) in forms.iter().enumerate() {
                let got = project.table(&format!("results/rms/{k}.npy"));
                let want = project.table("results/rms/0.npy");
                assert_eq!(backend::difference(&got, &want), 0.0, "{form} {device}");
                // Whole numbers add up exactly.
                let sums = project.table(&format!("results/sum/{k}.npy"));
                let offset = if unsigned { 7.0 * 11.0 } else { 0.0 };
                for (c, got) in sums.as_real().iter().enumerate() {
                    let column = (0..7).map(|r| f64::from(sample(3, r, c))).sum::<f64>();
                    assert_eq!(*got, column + offset, "{form} {device} column {c}");
                }
            }
        }
    }
}
