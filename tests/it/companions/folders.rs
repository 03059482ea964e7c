//! Modules that work on folders of results.

use distpy_gpu::formats::witsml::{Curve, DepthText, Dialect, Log, write};
use serde_json::json;

use super::{axis, bytes, golden, log, project, rows, run};
use crate::program::{Project, npy};

const START: i64 = 1_500_000_000;

fn averaged(compat: &str) -> Project {
    let project = project(json!({}));
    for k in 0..3 {
        let name = format!("{}.fbe", START + k);
        project.write(
            &format!("data/{name}"),
            &bytes(&format!("io/averagefbe/input/{name}")),
        );
    }
    project
        .run(&format!("-m averageFBE -c system.json {compat}"))
        .ends(0);
    project
}

#[test]
fn averages_are_distpys() {
    for compat in ["", "--compat distpy"] {
        let project = averaged(compat);
        for k in 0..3 {
            for kind in ["mean", "std"] {
                let name = format!("{kind}/{}.fbe", START + k);
                let path = golden("io/averagefbe/expected").join(&name);
                let want =
                    distpy_gpu::formats::witsml::parse(&path, &std::fs::read(&path).unwrap())
                        .unwrap();
                let found = log(&project, &format!("results/{name}"));
                assert_eq!(found.created, want.created);
                let names = |log: &Log| {
                    log.curves
                        .iter()
                        .map(|c| c.mnemonic.clone())
                        .collect::<Vec<_>>()
                };
                assert_eq!(names(&found), names(&want));
                for (found, want) in rows(&found).concat().iter().zip(rows(&want).concat()) {
                    let error = (found.unwrap() - want.unwrap()).abs();
                    assert!(error < 1e-9, "{name}: {error:.1e}");
                }
            }
        }
    }
}

fn small(second: i64, values: &[f64]) -> Vec<u8> {
    let log = Log {
        style: "X".into(),
        created: jiff::Timestamp::from_second(second).unwrap(),
        depth: Curve::depth(vec![1.0, 2.0]),
        depth_text: DepthText::F64,
        curves: vec![Curve {
            mnemonic: "a".into(),
            unit: None,
            description: String::new(),
            values: values.into(),
        }],
    };
    write(&log, Dialect::Standard)
}

/// distpy's difference of squares is NaN or far off here, and one missing value is missing ever after.
#[test]
fn averages_keep_their_digits_and_leave_out_what_is_missing() {
    let project = project(json!({}));
    let values = [[1e8, 1.0], [1e8 + 1.0, f64::NAN], [1e8 + 2.0, 3.0]];
    // Times count, not names.
    for (k, (values, name)) in values.iter().zip(["c", "b", "a"]).enumerate() {
        project.write(
            &format!("data/set/{name}.fbe"),
            &small(START + k as i64, values),
        );
    }
    project.write("data/set/d.fbe", b"no log");
    let ran = run(&project, "averageFBE").ends(65);
    assert_eq!(
        ran.errors(),
        ["data/set/d.fbe: wellLog: found no creationDate, expected the time of a log"]
    );
    let values = |name: &str| {
        log(&project, &format!("results/set/{name}.fbe")).curves[0]
            .values
            .clone()
    };
    assert_eq!(values("mean/a"), [1e8 + 1.0, 2.0]);
    assert_eq!(values("mean/b"), [1e8 + 0.5, 1.0]);
    assert_eq!(values("std/b"), [0.5, 0.0]);
    let spread = values("std/a");
    assert!(
        (spread[0] - (2.0f64 / 3.0).sqrt()).abs() < 1e-9,
        "{spread:?}"
    );
    assert_eq!(spread[1], 1.0);
}

#[test]
fn averages_are_made_again_where_they_change() {
    let project = averaged("");
    let before = project.files("results");
    let stamp = |name: &str| {
        std::fs::metadata(project.path(&format!("results/{name}")))
            .unwrap()
            .modified()
            .unwrap()
    };
    let name = format!("mean/{START}.fbe");
    let first = stamp(&name);
    run(&project, "averageFBE").ends(0);
    assert_eq!(stamp(&name), first, "what is the same is left");
    // Another log in between changes the averages after it.
    let text = std::fs::read_to_string(project.path(&format!("data/{START}.fbe"))).unwrap();
    project.write(
        "data/0.fbe",
        text.replace("02:40:00", "02:39:59").as_bytes(),
    );
    run(&project, "averageFBE").ends(0);
    assert!(
        project.files("results")[&format!("std/{}.fbe", START + 1)]
            != before[&format!("std/{}.fbe", START + 1)]
    );
}

#[test]
fn names_times_and_logs_are_shifted() {
    let project = project(json!({"hours": -1.5}));
    let array = npy(
        "'<f8'",
        false,
        &[2, 1],
        &[1.0f64, 2.0].map(f64::to_le_bytes).concat(),
    );
    let times = |times: [f64; 2]| npy("'<f8'", false, &[2], &times.map(f64::to_le_bytes).concat());
    project.write(&format!("data/band/{START}.npy"), &array);
    project.write(
        "data/band/time.npy",
        &times([START as f64, START as f64 + 0.5]),
    );
    project.write("data/band/measured_depth.npy", &times([0.0, 1.0]));
    // Of chunks, times count from the chunk's beginning.
    project.write("data/te/time.npy", &times([0.0, 0.5]));
    project.write(&format!("data/te/{START}.npy"), &array);
    let xml = small(START, &[1.0, 2.0]);
    project.write(&format!("data/log/{START}.1.fbe"), &xml);
    project.write("data/log/notes.xml", b"<x/>");
    run(&project, "timeshift")
        .ends(0)
        .says("data/log/notes.xml: skipped, its name is no Unix time");
    let moved = START - 5400;
    let names = [
        format!("band/{moved}.npy"),
        "band/measured_depth.npy".into(),
        "band/time.npy".into(),
        format!("log/{moved}.1.fbe"),
        format!("te/{moved}.npy"),
        "te/time.npy".into(),
    ];
    assert_eq!(project.names("results"), names);
    assert_eq!(
        axis(&project, "results/band/time.npy"),
        [moved as f64, moved as f64 + 0.5]
    );
    assert_eq!(axis(&project, "results/te/time.npy"), [0.0, 0.5]);
    let found = log(&project, &format!("results/log/{moved}.1.fbe"));
    assert_eq!(found.created.as_second(), moved);
    let text = String::from_utf8(xml).unwrap();
    let text = text.replace(
        "<creationDate>2017-07-14T02:40:00+00:00<",
        "<creationDate>2017-07-14T01:10:00+00:00<",
    );
    assert!(
        project.files("results")[&names[3]] == text.as_bytes(),
        "nothing else changes"
    );
    assert_eq!(project.names("data").len(), 7, "inputs stay");
    // A second run does not shift again.
    let before = project.files("results");
    run(&project, "timeshift").ends(0);
    assert!(project.files("results") == before);
}

#[test]
fn shifts_that_cannot_be_are_refused() {
    for (hours, message) in [
        (json!({}), "settings.json: missing field `hours`"),
        (
            json!({"hours": 0}),
            "settings.json: hours: found 0, expected hours other than 0, negative to go back",
        ),
        (
            json!({"hours": "six"}),
            "settings.json: hours: invalid type: string \"six\", expected f64",
        ),
    ] {
        let project = project(hours);
        project.write("data/1.npy", b"x");
        assert_eq!(run(&project, "timeshift").ends(78).errors(), [message]);
    }
    let project = project(json!({"hours": 1}));
    project.system(
        json!({"in_directory": "data", "out_directory": "data", "config": "settings.json"}),
    );
    project.write("data/1.npy", b"x");
    let ran = run(&project, "timeshift").ends(78);
    let message = "system.json: out_directory: found data, which is in the input folder data, expected a folder beside it";
    assert_eq!(ran.errors(), [message]);
    project.system(json!({"in_directory": "none", "config": "settings.json"}));
    project.write("none/time.npy", b"x");
    let ran = run(&project, "timeshift").ends(65);
    assert_eq!(
        ran.errors(),
        ["none: found no results, expected files named by their Unix times"]
    );
}

#[test]
fn folders_of_times_become_folders_of_results() {
    let project = project(json!({}));
    for second in [START, START + 10] {
        for name in ["band_00", "band_01", "measured_depth", "time"] {
            project.write(
                &format!("data/{second}/{name}.npy"),
                format!("{second} {name}").as_bytes(),
            );
        }
    }
    project.write("data/other/band_00.npy", b"x");
    run(&project, "dirswap").ends(0);
    let files = project.files("results");
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "band_00/1500000000.npy",
            "band_00/1500000010.npy",
            "band_00/measured_depth.npy",
            "band_01/1500000000.npy",
            "band_01/1500000010.npy",
            "band_01/measured_depth.npy",
            "measured_depth/1500000000.npy",
            "measured_depth/1500000010.npy",
            "time/1500000000.npy",
            "time/1500000010.npy",
        ]
    );
    assert_eq!(files["band_01/1500000010.npy"], b"1500000010 band_01");
    assert_eq!(
        files["band_01/measured_depth.npy"],
        b"1500000000 measured_depth"
    );
    assert_eq!(project.names("data").len(), 9, "inputs stay");
    let empty = project.run("-m dirswap -c system.json -f results").ends(65);
    assert_eq!(
        empty.errors(),
        [
            "results: found no results, expected folders named by their Unix times with .npy files in them"
        ]
    );
}

#[test]
fn templates_are_filled() {
    let project = Project::new();
    let keys = json!({
        "filename": "flow.template.json", "out_directory": "made",
        "variables": {"var1": "one", "var10": "ten var1", "var2": 2.5, "unused": "x"}
    });
    project.write("t.json", keys.to_string().as_bytes());
    project.write(
        "flow.template.json",
        "a var1 in var10, var2\nvar2var1 é".as_bytes(),
    );
    project
        .run("-m template -c t.json")
        .ends(0)
        .says("flow.template.json: found no `unused` to replace");
    let made = |folder: &str| {
        String::from_utf8(project.files(folder)["flow.template.json"].clone()).unwrap()
    };
    assert_eq!(made("made"), "a one in ten var1, 2.5\n2.5one é");
    // As the `config` of a system configuration, as other modules have it.
    project.system(json!({"config": "t.json"}));
    project.run("-m template -c system.json").ends(0);
    assert_eq!(made("results"), made("made"));
    let ran = project.run("-m template -c t.json -o .").ends(78);
    assert_eq!(
        ran.errors(),
        [
            "t.json: out_directory: found the folder of flow.template.json itself, expected another one"
        ]
    );
    project.write(
        "t.json",
        br#"{"variables": {"a": ["b"], "": "c"}, "out_directory": "made"}"#,
    );
    let ran = project.run("-m template -c t.json").ends(78);
    let messages = [
        "t.json: variables.a: found [\"b\"], expected text or a number",
        "t.json: variables: found an empty name, expected a text to replace",
    ];
    assert_eq!(ran.errors(), messages);
    project.write(
        "t.json",
        br#"{"variables": {"a": "b"}, "out_directory": "made"}"#,
    );
    let ran = project.run("-m template -c t.json").ends(78);
    assert_eq!(
        ran.errors(),
        ["t.json: filename: missing; expected the file with the text, or files after -f"]
    );
}
