//! Modules that work on folders of results.

use distpy_gpu::formats::witsml::{Curve, DepthText, Dialect, Log, parse, write};
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

/// Infinite values are as good as missing, other depths or units are no channels of the same fibre.
#[test]
fn averages_are_of_the_same_depths_and_units() {
    let project = project(json!({}));
    project.write("data/set/a.fbe", &small(START, &[1.0, 2.0]));
    project.write("data/set/b.fbe", &small(START + 1, &[f64::INFINITY, 4.0]));
    let other = |k: i64, change: &dyn Fn(&mut Log)| {
        let bytes = small(START + k, &[5.0, 6.0]);
        let mut log = parse("x.fbe".as_ref(), &bytes).unwrap();
        change(&mut log);
        write(&log, Dialect::Standard)
    };
    project.write(
        "data/set/c.fbe",
        &other(2, &|log| log.depth.values[1] += 0.01),
    );
    project.write(
        "data/set/d.fbe",
        &other(3, &|log| log.depth.unit = Some("ft".into())),
    );
    let ran = run(&project, "averageFBE").ends(65);
    let errors = ran.errors();
    assert_eq!(errors.len(), 2, "{}", ran.err);
    assert!(
        errors[0].starts_with("data/set/c.fbe: depths: found "),
        "{}",
        ran.err
    );
    assert!(
        errors[0].contains("expected those of the first file: "),
        "{}",
        ran.err
    );
    assert!(
        errors[1].starts_with("data/set/d.fbe: units: found ft, "),
        "{}",
        ran.err
    );
    assert!(
        errors[1].contains("expected those of the first file: m, "),
        "{}",
        ran.err
    );
    let mean = log(&project, "results/set/mean/b.fbe");
    assert_eq!(mean.curves[0].values, [1.0, 3.0]);
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
    let ran = project.run("-m template -c t.json -o .").ends(64);
    let message = "./flow.template.json: found an input of this run where the result of flow.template.json goes, expected another \
                   output folder";
    assert_eq!(ran.errors(), [message]);
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

#[test]
fn inputs_and_configurations_are_never_overwritten() {
    let shifted = project(json!({"hours": 1}));
    shifted.write("r/0.npy", b"first");
    shifted.write("r/3600.npy", b"second");
    let before = shifted.files("r");
    for (files, out) in [("r/*.npy", "r"), ("r/0.npy", "r/../r"), ("r", "r/new")] {
        shifted
            .run(&format!(
                "-m timeshift -c system.json -f {files} -o {out} --overwrite"
            ))
            .ends(78)
            .says("expected a folder beside it");
    }
    // The input is a folder above, and its time leads into another input.
    shifted.write("a/0.npy", b"first");
    shifted.write("a/r/0.npy", b"first");
    shifted.write("r/7200.npy", b"third");
    shifted
        .run("-m timeshift -c system.json -f a/r/0.npy r/7200.npy a/0.npy -o a/r")
        .ends(78);
    shifted
        .run("-m timeshift -c system.json -f a r/3600.npy -o .")
        .ends(64)
        .says("./r/3600.npy: found an input of this run where the result of a/r/0.npy goes");
    assert!(shifted.files("r")["3600.npy"] == before["3600.npy"]);
    assert_eq!(shifted.files("r").len(), 3);

    let filled = Project::new();
    let keys = json!({"filename": "tc/t.json", "out_directory": ".", "variables": {"a": "b"}});
    filled.write("t.json", keys.to_string().as_bytes());
    filled.write("tc/t.json", b"a");
    let ran = filled.run("-m template -c t.json").ends(64);
    let message = "./t.json: found an input of this run where the result of tc/t.json goes, expected another output folder";
    assert_eq!(ran.errors(), [message]);
    assert!(std::fs::read(filled.path("t.json")).unwrap() == keys.to_string().as_bytes());
}

#[test]
fn two_inputs_never_have_one_result() {
    let project = project(json!({"hours": 1, "variables": {"a": "b"}}));
    for folder in ["one", "two"] {
        project.write(&format!("{folder}/0.npy"), folder.as_bytes());
        project.write(&format!("{folder}/100/band.npy"), folder.as_bytes());
        project.write(&format!("{folder}/t.txt"), b"a");
    }
    for (module, given, first, second, target) in [
        (
            "timeshift",
            "one/0.npy two/0.npy",
            "one/0.npy",
            "two/0.npy",
            "3600.npy",
        ),
        (
            "dirswap",
            "one two",
            "one/100/band.npy",
            "two/100/band.npy",
            "band/100.npy",
        ),
        (
            "template",
            "one/t.txt two/t.txt",
            "one/t.txt",
            "two/t.txt",
            "t.txt",
        ),
    ] {
        let ran = project
            .run(&format!("-m {module} -c system.json -f {given}"))
            .ends(64);
        let message = format!(
            "results/{target}: found {first} and {second} with this result, expected one input for each"
        );
        assert_eq!(ran.errors(), [message]);
    }
    project.write("logs/1000.fbe", &small(1000, &[1.0, 2.0]));
    project.write("logs/1000.xml", &small(1000, &[1.0, 2.0]));
    let ran = project.run("-m averageFBE -c system.json -f logs").ends(64);
    let message = "results/mean/1000.fbe: found logs/1000.fbe and logs/1000.xml with this result, expected one input for each";
    assert_eq!(ran.errors(), [message]);
    assert!(project.names("results").is_empty());
}

#[test]
fn several_folders_of_logs_are_all_taken() {
    let project = project(json!({}));
    for (folder, second) in [("a/x", 1), ("b/x", 2), ("b/x/deep", 3), ("c", 4)] {
        project.write(
            &format!("{folder}/{second}.fbe"),
            &small(second, &[1.0, 2.0]),
        );
    }
    project
        .run("-m averageFBE -c system.json -f a/x b/x c c")
        .ends(0);
    let names = project.names("results");
    let means: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| name.contains("mean"))
        .collect();
    let expected = [
        "a/x/mean/1.fbe",
        "b/x/mean/2.fbe",
        "c/mean/4.fbe",
        "deep/mean/3.fbe",
    ];
    assert_eq!(means, expected);
    project
        .run("-m ingest_witsml -c system.json -f a/x b/x -o curves")
        .ends(0)
        .says("3 logs in 3 folders");
}

#[test]
fn copies_follow_their_inputs() {
    let project = project(json!({"hours": 1}));
    project.write("data/0.npy", b"first");
    project.write("data/3600.npy", b"other");
    run(&project, "timeshift").ends(0);
    project.write("settings.json", br#"{"hours": 2}"#);
    run(&project, "timeshift").ends(0);
    assert_eq!(project.files("results")["7200.npy"], b"first");
    project.write("data/0.npy", b"again");
    run(&project, "timeshift").ends(0);
    assert_eq!(project.files("results")["7200.npy"], b"again");
}

#[test]
fn shards_of_shifts_cover_every_input_once() {
    let project = project(json!({"hours": 1}));
    project.write("a/measured_depth.npy", b"a long axis");
    for folder in ["a", "b"] {
        project.write(&format!("{folder}/{folder}/0.npy"), b"x");
    }
    for shard in 0..4 {
        project
            .run(&format!(
                "-m timeshift -c system.json -f a b --shard {shard}/4"
            ))
            .ends(0);
    }
    let names = ["a/3600.npy", "b/3600.npy", "measured_depth.npy"];
    assert_eq!(project.names("results"), names);
}

#[cfg(unix)]
#[test]
fn links_to_folders_above_end() {
    let project = project(json!({"hours": 1}));
    project.write("data/set/0.fbe", &small(0, &[1.0, 2.0]));
    std::os::unix::fs::symlink(project.path("data"), project.path("data/set/back")).unwrap();
    run(&project, "timeshift").ends(0);
    assert_eq!(project.names("results"), ["set/3600.fbe"]);
    project.run("-m averageFBE -c system.json -o means").ends(0);
    assert_eq!(project.names("means"), ["set/mean/0.fbe", "set/std/0.fbe"]);
}

#[test]
fn tables_have_a_folder_each_below_the_output() {
    let grid = json!({"time_row": 0, "first_data": 1});
    let project = project(grid);
    let table = "depth,2020-01-01 00:00:00\n1,2\n";
    for name in ["c/x.csv", "c/x.txt", "d/x.csv", "d/y.csv", "e/y.txt"] {
        project.write(&format!("data/{name}"), table.as_bytes());
    }
    std::fs::create_dir_all(project.path("in")).unwrap();
    for shard in 0..3 {
        project
            .run(&format!("-m csv2dts -c system.json --shard {shard}/3"))
            .ends(0);
    }
    let log = "1577836800.fbe";
    let names = ["c/x.csv", "c/x.txt", "d/x", "d/y", "e/y"].map(|name| format!("{name}/{log}"));
    assert_eq!(project.names("results"), names);
    let outside = project.path("data/d/x.csv").display().to_string();
    project
        .run(&format!(
            "-m csv2dts -c system.json -f in/../data/c/x.csv {outside} -o other"
        ))
        .ends(0);
    let names = ["c/x", "d/x"].map(|name| format!("{name}/{log}"));
    assert_eq!(project.names("other"), names);
}
