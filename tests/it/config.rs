//! Broken configurations: every problem at once, each with its place, what was found and what was expected.

use std::path::Path;

use distpy_gpu::command::Compat;
use distpy_gpu::config::{Severity, System, Workflow};
use distpy_gpu::graph::{Graph, Input, Reading};

const EXACT: Reading = Reading {
    compat: Compat::Exact,
    strict: false,
};

fn graph(text: &str, reading: Reading) -> Result<(Graph, Vec<String>), Vec<String>> {
    let file = Path::new("flow.json");
    let flow = Workflow::parse(file, text).map_err(|p| p.lines(Severity::Error))?;
    Graph::build(&flow, reading)
        .map(|(graph, findings)| (graph, findings.lines(Severity::Warning)))
        .map_err(|p| p.lines(Severity::Error))
}

#[track_caller]
fn refuses(text: &str, expected: &[&str]) {
    assert_eq!(
        graph(text, EXACT)
            .map(|(g, _)| g)
            .expect_err("it was accepted"),
        expected
    );
}

#[test]
fn a_flow_is_ordered_by_its_uids() {
    let text = r#"{"command_list": [
        {"name": "write_npy", "uid": 9, "in_uid": 4, "directory_out": "out"},
        {"name": "abs", "uid": 4, "in_uid": 7},
        {"name": "fft", "uid": 7, "in_uid": 0}]}"#;
    let (graph, warnings) = graph(text, EXACT).expect("a good flow");
    let names: Vec<&str> = graph.nodes.iter().map(|n| n.spec.name).collect();
    assert_eq!(names, ["fft", "abs", "write_npy"]);
    assert_eq!(graph.nodes[2].inputs, [Input::Node(1)]);
    assert_eq!(graph.nodes[0].inputs, [Input::Chunk]);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn every_problem_is_reported_in_one_go() {
    refuses(
        r#"{"command_list": [
            {"name": "rms_from_ftf", "uid": 1, "in_uid": 0},
            {"name": "mean", "uid": 2, "in_uid": 1, "axis": 7},
            {"name": "rms_from_fft", "uid": 3, "in_uid": 8, "low_freq": "5 Hz"},
            {"name": "abs", "uid": 3, "in_uid": 0},
            {"name": "abs", "in_uid": 0},
            {"name": "no such thing", "uid": 6}]}"#,
        &[
            "flow.json: command_list[3].uid: found 3, which command_list[2] has too; expected another",
            "flow.json: command_list[4].uid: missing; expected a number from 1 that no other command has",
            "flow.json: command_list[2].in_uid: found 8, expected 0 or the uid of a command",
            "flow.json: command_list[5].in_uid: missing; expected 0 (the chunk) or the uid of a command",
            "flow.json: command_list[0].name: unknown command \"rms_from_ftf\"; did you mean \"rms_from_fft\"?",
            "flow.json: command_list[1].axis: 7 is above the maximum 1",
            "flow.json: command_list[2].low_freq: invalid type: string \"5 Hz\", expected f64",
            "flow.json: command_list[5].name: unknown command \"no such thing\"; `-m commands` lists the known ones",
        ],
    );
}

#[test]
fn a_cycle_is_named_by_its_uids() {
    refuses(
        r#"{"command_list": [
            {"name": "abs", "uid": 1, "in_uid": 2},
            {"name": "abs", "uid": 2, "in_uid": 3},
            {"name": "abs", "uid": 3, "in_uid": 1}]}"#,
        &["flow.json: command_list[0].in_uid: cycle: 1 <- 2 <- 3 <- 1"],
    );
}

#[test]
fn unknown_arguments_warn_unless_strict() {
    let text = r#"{"command_list": [{"name": "rms_from_fft", "uid": 1, "in_uid": 0, "lowfreq": 5, "prf": 100, "comment": "x"}]}"#;
    let (_, warnings) = graph(text, EXACT).expect("warnings only");
    let unknown = "flow.json: command_list[0].lowfreq: unknown argument; `rms_from_fft` takes `low_freq`, `high_freq`";
    assert_eq!(warnings[0], unknown);
    assert!(
        warnings[1].starts_with("flow.json: command_list[0].prf: has no effect"),
        "{warnings:?}"
    );
    assert_eq!(
        graph(
            text,
            Reading {
                strict: true,
                ..EXACT
            }
        )
        .expect_err("strict"),
        [unknown]
    );
}

#[test]
fn in_compat_mode_uids_are_positions_and_unknown_names_pass_through() {
    let text = r#"{"command_list": [
        {"name": "mystery", "uid": 5, "in_uid": 0},
        {"name": "abs", "uid": 9, "in_uid": 1}]}"#;
    let compat = Reading {
        compat: Compat::Distpy,
        strict: false,
    };
    let (graph, warnings) = graph(text, compat).expect("distpy takes it");
    assert_eq!(graph.nodes[1].inputs, [Input::Node(0)]);
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    let forward = r#"{"command_list": [{"name": "abs", "uid": 1, "in_uid": 2}, {"name": "abs", "uid": 2, "in_uid": 0}]}"#;
    let refused = super::config::graph(forward, compat).expect_err("distpy reads a later result");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(
        refused[0].contains("command_list[0].in_uid: found 2, expected a position before 1"),
        "{refused:?}"
    );
}

#[test]
fn a_broken_file_says_where() {
    for (text, expected) in [
        ("{", "flow.json: not valid JSON at line 1, column 1"),
        (
            "{}",
            "flow.json: command_list: missing; expected a list of commands",
        ),
        (
            r#"{"command_list": 5}"#,
            "flow.json: command_list: found the number 5, expected a list of commands",
        ),
        (
            r#"{"command_list": []}"#,
            "flow.json: command_list: found an empty list, expected commands",
        ),
        (
            r#"{"command_list": [5]}"#,
            "flow.json: command_list[0]: found the number 5, expected a command object",
        ),
        (
            r#"{"command_list": [{"uid": 1}]}"#,
            "flow.json: command_list[0].name: missing; expected the name of a command",
        ),
    ] {
        let found = graph(text, EXACT)
            .map(|(g, _)| g)
            .expect_err("it was accepted");
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn system_configurations_are_distpys() {
    let system = |text: &str| System::parse(Path::new("system.json"), text);
    let windows = system(
        r#"{"in_drive": "d:\\data\\", "project": "well 7", "data": "strain\\rate", "out_drive": "e:/", "results": "out",
            "prf": 2000, "parallel_flag": 1, "ncpu": 6, "BOX_SIZE": 400, "config": "flows\\noise.json"}"#,
    )
    .expect("a good configuration");
    assert_eq!(
        windows.input.as_deref(),
        Some(Path::new("d:/data/well 7/strain/rate"))
    );
    assert_eq!(windows.output.as_deref(), Some(Path::new("e:/well 7/out")));
    assert_eq!(
        windows.config.as_deref(),
        Some(Path::new("flows/noise.json"))
    );
    assert_eq!((windows.prf, windows.threads), (Some(2000.0), Some(6)));
    assert_eq!(
        system(r#"{"in_directory": "in", "ncpu": 8}"#)
            .expect("serial")
            .threads,
        None
    );
    let broken = r#"{"in_drive": "d:", "prf": 0, "ncpu": "two", "parallel_flag": 1, "distpy_gpu": {"device": 5, "colour": 1}}"#;
    assert_eq!(
        system(broken).expect_err("broken").lines(Severity::Error),
        [
            "system.json: project: missing; expected text, as `in_drive` is given",
            "system.json: data: missing; expected text, as `in_drive` is given",
            "system.json: prf: found 0, expected a rate above 0 in Hz",
            "system.json: ncpu: found \"two\", expected a whole number",
            "system.json: distpy_gpu.device: invalid type: integer `5`, expected a string",
        ]
    );
}

#[test]
fn files_of_trace_headers_are_known_by_their_word() {
    let project = crate::program::Project::new();
    project.write("headers.json", br#"{"distpy_gpu": {"headers": "rows"}}"#);
    let ran = project
        .run("-m segy_ingest -c headers.json -f a.sgy -o chunks")
        .ends(78);
    let expected =
        "headers.json: distpy_gpu.headers: found \"rows\", expected \"columns\" or \"distpy\"";
    assert!(ran.err.contains(expected), "{}", ran.err);
}
