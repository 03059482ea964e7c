//! Tables of comma-separated values.

use std::sync::atomic::AtomicBool;

use distpy_gpu::command::Compat;
use distpy_gpu::config::companions::{Csv, Settings};
use distpy_gpu::pipeline::output::{Folder, Sharing};
use distpy_gpu::pipeline::tables::{Fault, Job, Report, convert};
use serde_json::{Value, json};

use super::{axis, bytes, expected, log, project, rows, run, same_files};
use crate::program::Project;

fn long() -> Value {
    json!({
        "time_label": "time", "depth_label": "depth", "csv_labels": ["T", "P"], "depth_unit": "ft", "data_style": "CSV",
        "curves": [
            {"mnemonic": "T", "unit": "C", "description": "temperature"},
            {"mnemonic": "P", "unit": "bar", "description": "pressure"}
        ]
    })
}

fn of_case(case: &str, settings: Value) -> Project {
    let project = project(settings);
    project.write("data/input.csv", &bytes(&format!("io/{case}/input.csv")));
    project
}

fn compat(project: &Project, module: &str) {
    let args = format!("-m {module} -c system.json --compat distpy");
    project.run(&args).ends(0);
}

#[test]
fn compat_mode_writes_distpys_bytes() {
    for module in ["ingest_csv", "csv2fbe"] {
        let project = of_case("csv2fbe", long());
        compat(&project, module);
        same_files(&project, "csv2fbe");
    }
    let witsml = json!({"time_row": 0, "first_data": 1});
    let array = json!({"time_row": 0, "first_data": 1, "output_format": "npy"});
    for module in ["ingest_csv", "csv2fbe", "csv2dts"] {
        for (case, settings) in [
            ("csv2dts-witsml", &witsml),
            ("csv2dts-npy", &array),
            ("csv2dts-npy-repeated-time", &array),
        ] {
            let project = of_case(case, settings.clone());
            compat(&project, module);
            same_files(&project, case);
        }
    }
}

#[test]
fn by_default_the_same_numbers_are_in_the_standard_form() {
    let project = of_case("csv2fbe", long());
    run(&project, "ingest_csv")
        .ends(0)
        .says("data/input.csv: 2 times, 9 rows; 2 logs")
        .says("1 tables done, 0 failed");
    let found = log(&project, "results/input/1577836800.fbe");
    assert_eq!(found.created.to_string(), "2020-01-01T00:00:00Z");
    assert_eq!(found.depth.unit.as_deref(), Some("ft"));
    assert_eq!(found.curves[1].unit.as_deref(), Some("bar"));
    assert_eq!(found.style, "CSV");
    let first: Vec<f64> = rows(&found)[0].iter().map(|v| v.unwrap()).collect();
    assert_eq!(first, [0.0, 70.382, 9.61]);
    let text = std::fs::read_to_string(project.path("results/input/1577836800.fbe")).unwrap();
    assert!(text.contains("noNamespaceSchemaLocation"));
}

/// distpy writes the first of two columns of one time twice, and stops at lines above the times and at blanks around them.
#[test]
fn what_distpy_cannot_is_read() {
    let settings = json!({"time_row": 0, "first_data": 1});
    let project = of_case("csv2dts-witsml-repeated-time", settings.clone());
    run(&project, "csv2dts")
        .ends(0)
        .says("1 columns have the second of another; their logs have a number behind it");
    let values = |name: &str| {
        let log = log(&project, &format!("results/input/{name}.fbe"));
        log.curves[0].values.clone()
    };
    assert_eq!(values("1577836810")[0], 114.52);
    assert_eq!(values("1577836810.1")[0], 85.21);
    assert_eq!(project.names("results").len(), 4);

    let plain = of_case("csv2dts-witsml", settings.clone());
    run(&plain, "csv2dts").ends(0);
    for (case, settings) in [
        (
            "csv2dts-header-lines",
            json!({"time_row": 1, "first_data": 2}),
        ),
        ("csv2dts-padded-times", settings),
    ] {
        let project = of_case(case, settings);
        run(&project, "csv2dts").ends(0);
        assert!(project.files("results") == plain.files("results"), "{case}");
    }
}

#[test]
fn rows_in_any_order_become_the_logs_that_pandas_makes() {
    let settings = json!({
        "time_label": "when", "depth_label": "md", "csv_labels": ["temperature", "strain, micro"],
        "time_format": "%d/%m/%Y %H:%M:%S",
        "curves": [{"mnemonic": "T", "unit": "degC"}, {"mnemonic": "S"}]
    });
    let project = project(settings);
    project.write("data/year/day.csv", &bytes("companions/shuffled.csv"));
    run(&project, "ingest_csv")
        .ends(0)
        .says("rows come back to an earlier time");
    let expected = expected();
    let logs = expected["rows"].as_object().unwrap();
    assert_eq!(logs.len(), 5);
    for (second, want) in logs {
        let name = format!("results/day/{second}.fbe");
        let want: Vec<Vec<Option<f64>>> = serde_json::from_value(want.clone()).unwrap();
        assert_eq!(rows(&log(&project, &name)), want, "{second}");
        let text = std::fs::read_to_string(project.path(&name)).unwrap();
        assert!(text.contains(">10,"), "depths are whole numbers");
    }
}

#[test]
fn times_within_a_second_are_times_of_their_own() {
    let project = project(long());
    let text = "time,depth,T,P\n2016-12-13 13:18:25.1,1,2,3\n2016-12-13 13:18:25.6,1,4,5\n";
    project.write("data/t.csv", text.as_bytes());
    run(&project, "csv2fbe")
        .ends(0)
        .says("1 times are in the same second as another; their logs have a number behind it");
    assert_eq!(
        project.names("results"),
        ["t/1481635105.1.fbe", "t/1481635105.fbe"]
    );
    for (name, time, value) in [
        ("1481635105", "2016-12-13T13:18:25.1Z", 2.0),
        ("1481635105.1", "2016-12-13T13:18:25.6Z", 4.0),
    ] {
        let log = log(&project, &format!("results/t/{name}.fbe"));
        assert_eq!(log.created.to_string(), time);
        assert_eq!(log.curves[0].values, [value]);
    }
}

/// Not all that follows is taken into memory.
#[test]
fn a_quote_that_is_not_closed_is_refused() {
    let project = project(long());
    let mut text =
        b"time,depth,T,P\n2020-01-01 00:00:00,1,2,3\n\n2020-01-01 00:00:00,\"2,3,4\n".to_vec();
    text.resize(65 << 20, b'1');
    project.write("data/t.csv", &text);
    let ran = run(&project, "csv2fbe").ends(65);
    assert_eq!(
        ran.errors(),
        [
            "data/t.csv: line 4: found a row of more than 64 MiB (a quote that is not closed?), expected a row"
        ]
    );
}

/// However little is held in memory, the results are the same.
#[test]
fn the_values_are_read_in_parts() {
    let settings = json!({
        "time_label": "when", "depth_label": "md", "csv_labels": ["temperature", "strain, micro"],
        "time_format": "%d/%m/%Y %H:%M:%S", "curves": [{"mnemonic": "T"}, {"mnemonic": "S"}]
    });
    let whole = converted("shuffled.csv", settings.clone(), usize::MAX).unwrap();
    assert_eq!((whole.1.times, whole.1.rows, whole.1.passes), (5, 35, 1));
    // A time has 7 rows of 3 numbers.
    for (cells, passes) in [(0, 5), (41, 5), (42, 3), (63, 2)] {
        let parts = converted("shuffled.csv", settings.clone(), cells).unwrap();
        assert_eq!(parts.1.passes, passes, "{cells}");
        assert!(
            parts.0.files("results") == whole.0.files("results"),
            "{cells}"
        );
    }
    let grid = json!({"first_data": 11, "time_row": 0, "time_format": "%Y/%m/%d %H:%M:%S %p"});
    let whole = converted("instrument.csv", grid.clone(), usize::MAX).unwrap();
    for (cells, passes) in [(0, 6), (8, 3), (12, 2)] {
        let parts = converted("instrument.csv", grid.clone(), cells).unwrap();
        assert_eq!(parts.1.passes, passes, "{cells}");
        assert!(
            parts.0.files("results") == whole.0.files("results"),
            "{cells}"
        );
    }
}

fn converted(file: &str, settings: Value, cells: usize) -> Result<(Project, Report), Fault> {
    let project = project(settings.clone());
    project.write("data/table.csv", &bytes(&format!("companions/{file}")));
    let settings = Settings::parse("settings.json".as_ref(), &settings.to_string()).unwrap();
    let output = Folder::join(&project.path("results"), &Sharing::default()).unwrap();
    let job = Job {
        csv: &Csv::of(&settings).unwrap(),
        compat: Compat::Exact,
        output: &output,
        below: "table".as_ref(),
        overwrite: false,
        cells,
        stop: &AtomicBool::new(false),
        advance: &|_| {},
        written: &|_| {},
        skipped: &|_| {},
    };
    let report = convert(&project.path("data/table.csv"), &job)?;
    drop(output);
    Ok((project, report))
}

/// Without labels and `time_row`: distpy's `ingest_csv`, whose hours count to 12.
#[test]
fn an_instruments_grid_becomes_an_array() {
    let expected = expected();
    let numbers =
        |key: &str| -> Vec<f64> { serde_json::from_value(expected["grid"][key].clone()).unwrap() };
    let values: Vec<Vec<f64>> = serde_json::from_value(expected["grid"]["values"].clone()).unwrap();
    let (times, depths) = (numbers("times"), numbers("depths"));
    let made = |settings: Value, args: &str| {
        let project = project(settings);
        project.write("data/dts.csv", &bytes("companions/instrument.csv"));
        project
            .run(&format!("-m ingest_csv -c system.json {args}"))
            .ends(0);
        project
    };
    let whole = made(json!({}), "");
    assert_eq!(axis(&whole, "results/dts/time.npy"), times);
    assert_eq!(axis(&whole, "results/dts/measured_depth.npy"), depths);
    let array = whole.table(&format!("results/dts/{}.npy", times[0]));
    let found: Vec<Vec<f64>> = array
        .as_real()
        .rows()
        .into_iter()
        .map(|row| row.to_vec())
        .collect();
    assert_eq!(found, values);

    // 11:15 to 12:50, nearest 12:45: the end is within; distpy leaves it out, and takes 12:45 PM for what it says.
    let part = json!({"tmin": "2020/06/07 11:20:00 AM", "tmax": "2020/06/07 12:50:00 PM"});
    let project = made(part.clone(), "");
    assert_eq!(axis(&project, "results/dts/time.npy"), times[1..4]);
    let project = made(part, "--compat distpy");
    assert_eq!(axis(&project, "results/dts/time.npy"), times[1..3]);
    // Of the afternoon distpy reads one o'clock as an hour after midnight.
    let compat = made(json!({}), "--compat distpy");
    assert_eq!(
        axis(&compat, "results/dts/time.npy")[4],
        times[4] - 12.0 * 3600.0
    );
}

#[test]
fn units_are_converted_where_that_is_asked_for() {
    let settings = json!({
        "time_row": 0, "depth_convert": "M_TO_FT",
        "curves": [{"mnemonic": "T", "unit": "F", "convert": "C_TO_F"}]
    });
    let project = project(settings);
    project.write("data/t.csv", b"Depth,2020-01-01 00:00:00\n0,100\n100,-40\n");
    run(&project, "csv2dts").ends(0);
    let found = log(&project, "results/t/1577836800.fbe");
    assert_eq!(found.depth.unit.as_deref(), Some("ft"));
    assert_eq!(found.depth.values, [0.0, 328.084]);
    assert_eq!(found.curves[0].values, [212.0, -40.0]);
    // distpy's slope.
    project
        .run("-m csv2dts -c system.json --compat distpy --overwrite")
        .ends(0);
    assert_eq!(
        log(&project, "results/t/1577836800.fbe").curves[0].values[0],
        172.0
    );
}

#[test]
fn a_rerun_makes_what_is_missing() {
    let project = of_case("csv2fbe", long());
    run(&project, "ingest_csv").ends(0);
    let before = project.files("results");
    std::fs::remove_file(project.path("results/input/1577836810.fbe")).unwrap();
    run(&project, "ingest_csv")
        .ends(0)
        .says("1 logs, 1 skipped, as they exist");
    assert!(project.files("results") == before);
    let array = of_case(
        "csv2dts-npy",
        json!({"time_row": 0, "output_format": "npy"}),
    );
    run(&array, "ingest_csv").ends(0).says("3 depths; 1 arrays");
    run(&array, "ingest_csv")
        .ends(0)
        .says("3 depths; 0 arrays, 1 skipped");
}

#[test]
fn tables_of_one_name_have_folders_of_their_own() {
    let project = project(json!({"time_row": 0}));
    for folder in ["a", "b/c"] {
        project.write(
            &format!("data/{folder}/t.csv"),
            b"Depth,2020-01-01 00:00:00\n0,1\n",
        );
    }
    project.write("data/u.txt", b"Depth,2020-01-01 00:00:00\n0,1\n");
    run(&project, "ingest_csv").ends(0);
    let names = [
        "a/t/1577836800.fbe",
        "b/c/t/1577836800.fbe",
        "u/1577836800.fbe",
    ];
    assert_eq!(project.names("results"), names);
}

/// Each refusal by file, line and column; the other tables are done.
#[test]
fn bad_tables_are_refused() {
    let head = "time,depth,T,P\n2020-01-01 00:00:00,1.0,2,3\n";
    let cases = [
        (
            String::new(),
            "line 1: found the end of the file, expected the names of the columns",
        ),
        (
            "time,depth,T,P\n".into(),
            "line 1: found no rows behind it, expected a row for each time and depth",
        ),
        (
            "time,depth,T\n1,2,3\n".into(),
            "line 1: found columns time, depth, T, expected `P`, as `csv_labels` names it",
        ),
        (
            format!("{head}\n\nyesterday,1,2,3\n"),
            "line 5, column 1: found `yesterday`, expected a time of the form %Y-%m-%d %H:%M:%S",
        ),
        (
            format!("{head}2020-01-01 00:00:00,deep,2,3\n"),
            "line 3, column 2: found `deep`, expected a number",
        ),
        (
            format!("{head}2020-01-01 00:00:00,,2,3\n"),
            "line 3, column 2: found ``, expected a depth",
        ),
        (
            format!("{head}2020-01-01 00:00:00,1,2\n"),
            "line 3: found 3 fields, expected 4",
        ),
        (
            format!("{head}2020-01-01 00:00:00,1,2,3,4\n"),
            "line 3: found 5 fields, expected 4",
        ),
        (
            format!("{head}2020-01-01 00:00:00,1,2,3.x\n"),
            "line 3, column 4: found `3.x`, expected a number",
        ),
    ];
    let good = of_case("csv2fbe", long());
    for (k, (text, _)) in cases.iter().enumerate() {
        good.write(&format!("data/bad{k}.csv"), text.as_bytes());
    }
    good.write(
        "data/bytes.csv",
        b"time,depth,T,P\n2020-01-01 00:00:00,1.0,\xff,3\n",
    );
    let ran = run(&good, "ingest_csv").ends(65);
    let errors = ran.errors();
    for (k, (_, message)) in cases.iter().enumerate() {
        let line = format!("data/bad{k}.csv: {message}");
        assert!(
            errors.contains(&&*line),
            "{line}\nin\n{}",
            errors.join("\n")
        );
    }
    let line =
        "data/bytes.csv: line 2, column 3: found bytes that are no UTF-8, expected UTF-8 text";
    assert!(errors.contains(&line), "{}", errors.join("\n"));
    assert_eq!(errors.len(), cases.len() + 1);
    assert_eq!(good.names("results").len(), 2, "the good one is done");
}

#[test]
fn bad_grids_are_refused() {
    let head = "Depth,2020-01-01 00:00:00,2020-01-01 00:00:10\n";
    let cases = [
        (
            json!({}),
            "",
            "line 1: found the end of the file, expected a line of times, as `time_row` counts from 0",
        ),
        (
            json!({"time_row": 1}),
            head,
            "line 2: found the end of the file, expected a line of times, as `time_row` counts from 0",
        ),
        (
            json!({"time_row": 1}),
            "a\n\n1,2\n",
            "line 2: found an empty line, expected a line of times, as `time_row` counts from 0",
        ),
        (
            json!({}),
            "Depth\n0\n",
            "line 1: found no times, expected a line of times, as `time_row` counts from 0",
        ),
        (
            json!({}),
            "Depth,noon\n0,1\n",
            "line 1, column 2: found `noon`, expected a time of the form %Y-%m-%d %H:%M:%S",
        ),
        (
            json!({}),
            head,
            "line 2: found no rows from there on, expected a row for each depth",
        ),
        (
            json!({}),
            &format!("{head}0,1\n"),
            "line 2: found 2 fields, expected 3",
        ),
        (
            json!({}),
            &format!("{head}0,1,hot\n"),
            "line 2, column 3: found `hot`, expected a number",
        ),
        (
            json!({}),
            &format!("{head}NaN,1,2\n"),
            "line 2, column 1: found `NaN`, expected a depth",
        ),
        (
            json!({"tmin": "noon"}),
            &format!("{head}0,1,2\n"),
            "`tmin` of the configuration: found `noon`, expected a time of the form %Y-%m-%d %H:%M:%S",
        ),
        (
            json!({"tmin": "2020-01-01 00:00:10", "tmax": "2020-01-01 00:00:00"}),
            &format!("{head}0,1,2\n"),
            "line 1: found column 3 for `tmin` and 2 for `tmax`, expected times that rise from `tmin` to `tmax`",
        ),
    ];
    for (settings, text, message) in cases {
        let mut keys = json!({"time_row": 0});
        for (key, value) in settings.as_object().unwrap() {
            keys[key] = value.clone();
        }
        for format in ["witsml", "npy"] {
            keys["output_format"] = format.into();
            let project = project(keys.clone());
            project.write("data/t.csv", text.as_bytes());
            let ran = run(&project, "csv2dts").ends(65);
            assert_eq!(ran.errors(), [format!("data/t.csv: {message}")]);
            assert_eq!(project.names("results"), [""; 0], "{message}");
        }
    }
}

/// Spreadsheets put a mark before the text and quotes around fields; lines end as on either system.
#[test]
fn tables_of_spreadsheets_are_read() {
    let project = of_case("csv2fbe", long());
    let plain = String::from_utf8(bytes("io/csv2fbe/input.csv")).unwrap();
    let quoted: Vec<String> = plain
        .lines()
        .map(|line| format!("\"{}\" ,", line.replace(',', "\",\" ")))
        .collect();
    let text = format!("\u{feff}{}\r\n\r\n", quoted.join("\r\n\r\n"));
    project.write("data/sheet.csv", text.as_bytes());
    run(&project, "ingest_csv").ends(0);
    let files = project.files("results");
    assert_eq!(files.len(), 4);
    for second in ["1577836800", "1577836810"] {
        assert!(files[&format!("sheet/{second}.fbe")] == files[&format!("input/{second}.fbe")]);
    }
}

/// Wherever a table ends, it is refused, or the rows that it has are those of the whole.
#[test]
fn a_table_cut_anywhere_is_refused_or_read() {
    let labels = json!({
        "time_label": "when", "depth_label": "md", "csv_labels": ["temperature", "strain, micro"],
        "time_format": "%d/%m/%Y %H:%M:%S", "curves": [{"mnemonic": "T"}, {"mnemonic": "S"}]
    });
    for (file, settings) in [("shuffled.csv", labels), ("instrument.csv", json!({}))] {
        let whole = bytes(&format!("companions/{file}"));
        let project = project(json!({}));
        let settings = Settings::parse("s.json".as_ref(), &settings.to_string()).unwrap();
        let csv = Csv::of(&settings).unwrap();
        let output = Folder::join(&project.path("results"), &Sharing::default()).unwrap();
        let mut read = 0;
        for end in 0..whole.len() {
            project.write("data/t.csv", &whole[..end]);
            let job = Job {
                csv: &csv,
                compat: Compat::Exact,
                output: &output,
                below: "t".as_ref(),
                overwrite: true,
                cells: 50,
                stop: &AtomicBool::new(false),
                advance: &|_| {},
                written: &|_| {},
                skipped: &|_| {},
            };
            match convert(&project.path("data/t.csv"), &job) {
                Ok(report) => {
                    assert!(report.rows <= 35);
                    read += 1;
                }
                Err(Fault::Format(error)) => {
                    assert!(error.to_string().contains("t.csv: line "), "{error}");
                }
                Err(error) => panic!("{file} cut at {end}: {error}"),
            }
        }
        assert!(read > 4, "{file}: {read}");
    }
}
