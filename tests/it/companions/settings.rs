//! Configurations that say what cannot be, and the forms of times.

use distpy_gpu::config::companions::{Csv, Settings};
use distpy_gpu::formats::stamp::{HalfDays, TimeFormat};
use serde_json::{Value, json};

use super::{project, run};

fn csv(settings: Value) -> String {
    let settings = Settings::parse("s.json".as_ref(), &settings.to_string()).unwrap();
    Csv::of(&settings).unwrap_err().to_string()
}

#[test]
fn bad_settings_of_tables_are_refused() {
    let curve = json!([{"mnemonic": "T"}]);
    for (settings, message) in [
        (
            json!({"time_label": "t", "depth_label": "d"}),
            "csv_labels: found 0 labels and 0 curves, expected as many of both, and one at least",
        ),
        (
            json!({"time_label": "t", "depth_label": "d", "csv_labels": ["a", "b"], "curves": curve}),
            "csv_labels: found 2 labels and 1 curves, expected as many of both, and one at least",
        ),
        (
            json!({"depth_label": "d", "csv_labels": ["a"], "curves": curve}),
            "time_label: missing; expected the name of a column",
        ),
        (
            json!({"time_row": 0, "curves": []}),
            "curves: found 0 curves, expected one, as a grid has one value for each time and depth",
        ),
        (
            json!({"time_row": "0"}),
            "time_row: invalid type: string \"0\", expected i64",
        ),
        (
            json!({"time_row": 0, "curves": [{"unit": "C"}]}),
            "curves[0]: missing field `mnemonic`",
        ),
        (
            json!({"time_row": 0, "format": "las"}),
            "format: unknown variant `las`, expected `standard` or `distpy`",
        ),
    ] {
        assert_eq!(csv(settings), format!("s.json: {message}"));
    }
}

#[test]
fn modules_ask_for_the_keys_of_their_tables() {
    let project = project(json!({"colour": 1}));
    project.write("data/t.csv", b"x");
    let ran = run(&project, "csv2dts").ends(78);
    assert_eq!(
        ran.errors(),
        ["settings.json: time_row: missing; expected the line of times, counted from 0"]
    );
    let ran = run(&project, "csv2fbe").ends(78);
    let message = "settings.json: csv_labels: missing; expected the names of the columns of values (or `time_row`, for a grid)";
    assert_eq!(ran.errors(), [message]);
    run(&project, "ingest_csv")
        .ends(65)
        .says("settings.json: colour: unknown key, ignored");
    project.write("settings.json", b"[]");
    let ran = run(&project, "ingest_csv").ends(78);
    assert_eq!(
        ran.errors(),
        ["settings.json: found a JSON value that is no object, expected settings"]
    );
    project.write("settings.json", b"{}");
    std::fs::remove_file(project.path("data/t.csv")).unwrap();
    let ran = run(&project, "ingest_csv").ends(74);
    assert_eq!(
        ran.errors(),
        ["data: no file that ends in .csv or .txt or .dat, in it or in folders below"]
    );
}

#[test]
fn times_are_read_as_python_reads_them() {
    let read = |format: &str, text: &str| {
        let time = TimeFormat::new(format, HalfDays::Meant).parse(text);
        time.map(|time| time.to_string())
    };
    for (format, text, want) in [
        (
            "%Y-%m-%d %H:%M:%S",
            " 2020-01-02 03:04:05 ",
            "2020-01-02T03:04:05Z",
        ),
        (
            "%Y-%m-%d %H:%M:%S",
            "2020-1-2 3:4:5",
            "2020-01-02T03:04:05Z",
        ),
        (
            "%Y-%m-%d %H:%M:%S",
            "2020-01-02 03:04:05.1",
            "2020-01-02T03:04:05.1Z",
        ),
        (
            "%Y-%m-%d %H:%M:%S.%f",
            "2020-01-02 03:04:05.25",
            "2020-01-02T03:04:05.25Z",
        ),
        ("%d.%m.%Y %H:%M", "02.01.2020 03:04", "2020-01-02T03:04:00Z"),
        (
            "%m/%d/%y %I:%M %p",
            "01/02/20 12:30 AM",
            "2020-01-02T00:30:00Z",
        ),
        (
            "%Y/%m/%d%H:%M:%S%p",
            "2020/01/0201:00:00PM",
            "2020-01-02T13:00:00Z",
        ),
        (
            "%Y-%m-%dT%H:%M:%S%z",
            "2020-01-02T03:04:05+02:00",
            "2020-01-02T01:04:05Z",
        ),
        (
            "%Y-%m-%dT%H:%M:%S%z",
            "2020-01-02T03:04:05-0130",
            "2020-01-02T04:34:05Z",
        ),
        (
            "%Y-%m-%dT%H:%M:%S%z",
            "2020-01-02T03:04:05Z",
            "2020-01-02T03:04:05Z",
        ),
        (
            "%d %b %Y %H:%M:%S %Z",
            "02 Jan 2020 03:04:05 UTC",
            "2020-01-02T03:04:05Z",
        ),
        ("%Y %j", "2020 032", "2020-02-01T00:00:00Z"),
    ] {
        assert_eq!(read(format, text).as_deref(), Some(want), "{format} {text}");
    }
    // In the name of a column it is pandas' number.
    let format = TimeFormat::new("%Y-%m-%d %H:%M:%S", HalfDays::Meant);
    let time = format.parse_name("2020-01-02 03:04:05.1").unwrap();
    assert_eq!(time.to_string(), "2020-01-02T03:04:05Z");
    for (format, text) in [
        ("%Y-%m-%d %H:%M:%S", "2020-01-02"),
        ("%Y-%m-%d %H:%M:%S", "2020-01-02 03:04:05.x"),
        ("%Y-%m-%d %H:%M", "2020-01-02 03:04.5"),
        ("%Y-%m-%d %H:%M:%S", "2020-13-02 03:04:05"),
        ("%Y-%m-%d", ""),
        ("%d-%b-%Y", "13-DEC-86"),
        ("%Q", "2020"),
        ("", "2020"),
    ] {
        assert_eq!(read(format, text), None, "{format} {text}");
    }
    let ignored = TimeFormat::new("%Y/%m/%d %H:%M:%S %p", HalfDays::Ignored);
    assert_eq!(
        ignored.parse("2020/01/02 01:00:00 PM").unwrap().to_string(),
        "2020-01-02T01:00:00Z"
    );
}
