//! LAS 2.0 files.

use distpy_gpu::formats::las::{Las, Options, parse};
use distpy_gpu::formats::witsml;
use serde_json::json;

use super::{bytes, expected, golden, log, project, rows, run};

fn read(text: &str) -> Result<Las, String> {
    parse("x.las".as_ref(), text.as_bytes(), Options::default()).map_err(|e| e.to_string())
}

const HEAD: &str = "~V\nVERS. 2.0 :\nWRAP. NO :\n~W\nSTRT.M 1 :\nSTOP.M 2 :\nSTEP.M 1 :\nNULL. -999.25 :\nDATE. 13-DEC-86 :\n~C\nDEPT.M : depth\nGR.GAPI : gamma\n";

/// distpy's own numbers from its own files; its time is one that its reader takes.
#[test]
fn compat_mode_gives_distpys_curves() {
    let project = project(json!({}));
    project.write("data/input.las", &bytes("io/las2fbe/input.las"));
    project
        .run("-m las2fbe -c system.json --compat distpy")
        .ends(0);
    let path = golden("io/las2fbe/expected/input.fbe");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text
        .replace("2016-12-13 07:13:49+00:00 ", "2016-12-13T07:13:49+00:00")
        .replace("<unit>m </unit>", "<unit>m</unit>");
    let found = std::fs::read_to_string(project.path("results/input.fbe")).unwrap();
    assert_eq!(found, text);
}

/// Wide gaps, no blank line before `~Params`, lines without points.
#[test]
fn distpys_files_are_read_whatever_their_columns() {
    for case in ["las2fbe", "las2fbe-wide-gaps", "las2fbe-no-blank"] {
        let project = project(json!({}));
        project.write("data/input.las", &bytes(&format!("io/{case}/input.las")));
        run(&project, "las2fbe")
            .ends(0)
            .says("10 curves of 8 depths at 2016-12-13T07:13:49Z");
        let found = log(&project, "results/input.fbe");
        let want = golden("io/las2fbe/expected/input.fbe");
        let text = std::fs::read_to_string(&want)
            .unwrap()
            .replace("+00:00 <", "+00:00<");
        let want = witsml::parse(&want, text.as_bytes()).unwrap();
        assert_eq!(rows(&found), rows(&want), "{case}");
        assert_eq!(found.curves[1].mnemonic, "FBE 50-100 Hz");
        assert_eq!(found.curves[1].description, "frequency band energy");
        assert_eq!(found.depth.unit.as_deref(), Some("m"));
    }
}

#[test]
fn files_are_read_as_lasio_reads_them() {
    for want in expected()["las"].as_array().unwrap() {
        let name = want["file"].as_str().unwrap();
        let las = parse(
            name.as_ref(),
            &bytes(&format!("companions/{name}")),
            Options::default(),
        )
        .unwrap();
        assert_eq!(las.warnings, [""; 0], "{name}");
        let list = |of: &dyn Fn(&distpy_gpu::formats::las::Item) -> String| {
            json!(las.curves.iter().map(of).collect::<Vec<_>>())
        };
        assert_eq!(list(&|c| c.mnemonic.clone()), want["names"]);
        assert_eq!(list(&|c| c.unit.clone()), want["units"]);
        assert_eq!(list(&|c| c.description.clone()), want["descriptions"]);
        let values: Vec<Vec<Option<f64>>> = serde_json::from_value(want["values"].clone()).unwrap();
        let row = |k: usize| -> Vec<Option<f64>> {
            let row = &las.values[k * las.curves.len()..][..las.curves.len()];
            row.iter().map(|v| (!v.is_nan()).then_some(*v)).collect()
        };
        assert_eq!((0..las.rows).map(row).collect::<Vec<_>>(), values, "{name}");
        assert_eq!(las.item("bht").unwrap().value, "35.5");

        let project = project(json!({"data_style": "logs"}));
        project.write(
            &format!("data/{name}"),
            &bytes(&format!("companions/{name}")),
        );
        run(&project, "las2fbe").ends(0);
        let stem = name.trim_end_matches(".las");
        let found = log(&project, &format!("results/{stem}.fbe"));
        assert_eq!(rows(&found), values, "{name}");
        // Of two columns of one name the second has a number.
        assert_eq!(found.curves[1].mnemonic, "FBE_2");
        assert_eq!(
            found.depth.unit.as_deref(),
            Some(if want["unit"] == "FT" { "ft" } else { "m" })
        );
        assert_eq!(found.style, "logs");
    }
}

#[test]
fn the_societys_sample_is_read() {
    let Some(path) = crate::samples::recording("sample_2.0.las") else {
        return;
    };
    let las = parse(&path, &std::fs::read(&path).unwrap(), Options::default()).unwrap();
    let names: Vec<&str> = las.curves.iter().map(|c| &*c.mnemonic).collect();
    assert_eq!(
        names,
        ["DEPT", "DT", "RHOB", "NPHI", "SFLU", "SFLA", "ILM", "ILD"]
    );
    assert_eq!(las.curves[2].unit, "K/M3");
    assert_eq!(las.column(0), [1670.0, 1669.875, 1669.75]);
    assert_eq!(las.column(7), [105.6; 3]);
    assert_eq!(
        las.date(&path, None).unwrap().to_string(),
        "1986-12-13T00:00:00Z"
    );
    assert_eq!(las.item("WELL").unwrap().value, "AAAAA_2");
    assert!(las.warnings.is_empty());
}

#[test]
fn refusals_name_the_line() {
    let cases: &[(&str, &str)] = &[
        (
            "",
            "line 1: found the end of the file, expected ~A, the values, as the last section",
        ),
        (
            "# made by hand\nVERS. 2.0 :\n",
            "line 2: found `VERS. 2.0 :`, expected ~V, the version, as the first section",
        ),
        (
            "~W\n",
            "line 1: found `~W`, expected ~V, the version, as the first section",
        ),
        (
            "~V\n~C\nDEPT.M :\n~A\n1\n",
            "line 4: found no VERS in ~V, expected VERS. 2.0",
        ),
        (
            "~V\nVERS. 1.2 :\n~C\nDEPT.M :\n~A\n1\n",
            "line 2: found version `1.2`, expected 2.0",
        ),
        (
            "~V\nVERS. 2.0 :\nWRAP. MAYBE :\n~C\nDEPT.M :\n~A\n1\n",
            "line 3: found WRAP `MAYBE`, expected YES or NO",
        ),
        (
            "~V\nVERS. 2.0 :\n~A\n1\n",
            "line 3: found no curve in ~C, expected a line for each column of ~A",
        ),
        (
            "~V\nVERS. 2.0 :\n~C\nTIME.S :\n~A\n1\n",
            "line 4: found TIME.S as the first curve, expected a depth: DEPT.M, DEPT.F or DEPT.FT",
        ),
        (
            "{HEAD}~A\n",
            "line 13: found no values in ~A, expected a row for each depth",
        ),
        (
            "{HEAD}~A\n1 2\n2\n",
            "line 15: found 1 values, expected 2, one for each curve",
        ),
        (
            "{HEAD}~A\n1 2\n2 3 4\n",
            "line 15: found 3 values, expected 2, one for each curve",
        ),
        (
            "{HEAD}~A\n1 2\n\n# note\n2 none\n",
            "line 17, value 2: found `none`, expected a number",
        ),
        (
            "{HEAD}~A\n-999.25 2\n",
            "line 14: found `-999.25` as the depth, expected a number",
        ),
        (
            "{HEAD}~A\n1 2\ninf 2\n",
            "line 15: found `inf` as the depth, expected a number",
        ),
        (
            "{HEAD}~A\n1 2\n~O\n",
            "line 15: found `~O`, expected values, as ~A is the last section",
        ),
        (
            "{WRAP}~A\n1\n2\n2\n",
            "line 16: found the end of the file after 1 values of the last depth, expected 2, one for each curve",
        ),
        (
            "{WRAP}~A\n1\n2 3\n",
            "line 15: found 2 values after the 1 of the lines before, expected 2, one for each curve",
        ),
    ];
    for (text, message) in cases {
        let text = text
            .replace("{HEAD}", HEAD)
            .replace("{WRAP}", &HEAD.replace("WRAP. NO", "WRAP. YES"));
        assert_eq!(read(&text).unwrap_err(), format!("x.las: {message}"));
    }
}

/// Wherever a file ends, it is refused, or its rows are those of the whole: fewer of them, with a warning.
#[test]
fn a_file_cut_anywhere_is_refused_or_reported() {
    for name in ["unwrapped.las", "wrapped.las"] {
        let whole = bytes(&format!("companions/{name}"));
        let las = parse(name.as_ref(), &whole, Options::default()).unwrap();
        for end in 0..whole.len() - 12 {
            let Ok(cut) = parse(name.as_ref(), &whole[..end], Options::default()) else {
                continue;
            };
            assert!(cut.rows <= las.rows, "{name} cut at {end}");
            if cut.rows < las.rows {
                assert!(
                    cut.warnings.iter().any(|w| w.starts_with("STOP is ")),
                    "{name} cut at {end}"
                );
            }
        }
    }
}

#[test]
fn odd_headers_are_told_of() {
    let text = HEAD.replace("STOP.M 2", "STOP.FT 5") + "~A\n1 2\n2 -999.25\n";
    let las = read(&text).unwrap();
    assert_eq!(
        las.warnings,
        [
            "STOP is 5, but the values have 2",
            "STOP is in `FT`, but DEPT in `M`"
        ]
    );
    assert!(las.values[3].is_nan());
    let las = read(&(HEAD.replace("DEPT.M", "DEPT.IN") + "~A\n1 2\n2 3\n")).unwrap();
    assert_eq!(
        las.warnings.last().unwrap(),
        "DEPT is in `IN`, taken for metres"
    );
}

#[test]
fn lines_are_taken_apart() {
    for (line, want) in [
        (
            "STRT    .M              1670.0000                :START DEPTH",
            ["STRT", "M", "1670.0000", "START DEPTH"],
        ),
        (
            "TIME.    07:13:49 : start: of the log",
            ["TIME", "", "07:13:49", "start: of the log"],
        ),
        (
            "DATE. 2016-12-13 07:13:49",
            ["DATE", "", "2016-12-13 07:13:49", ""],
        ),
        ("TIME.    07:13:49:start", ["TIME", "", "07:13:49", "start"]),
        (
            "DT   .US/M           60 520 32 00   :  2  SONIC",
            ["DT", "US/M", "60 520 32 00", "2  SONIC"],
        ),
        (
            "FBE 0.5-50 Hz     : energy",
            ["FBE 0.5-50 Hz", "", "", "energy"],
        ),
        ("DEPT          ft  : depth", ["DEPT", "ft", "", "depth"]),
        ("WELL.  A 1", ["WELL", "", "A 1", ""]),
    ] {
        let text = HEAD.replace("~C\n", &format!("{line}\n~C\n")) + "~A\n1 2\n2 3\n";
        let las = read(&text).unwrap();
        let item = las.well.last().unwrap();
        assert_eq!(
            [&*item.mnemonic, &item.unit, &item.value, &item.description],
            want,
            "{line}"
        );
    }
}

#[test]
fn dates_of_many_forms_are_read() {
    let date = |text: &str, format: Option<&str>| {
        let las = read(&(HEAD.replace("13-DEC-86", text) + "~A\n1 2\n2 3\n")).unwrap();
        las.date("x.las".as_ref(), format)
            .map(|time| time.to_string())
            .map_err(|e| e.to_string())
    };
    for (text, want) in [
        ("13-DEC-86", "1986-12-13T00:00:00Z"),
        ("25-Dec-1988 14:05:06", "1988-12-25T14:05:06Z"),
        ("2016-12-13 07:13:49+00:00", "2016-12-13T07:13:49Z"),
        ("2016-12-13T07:13:49.5-01:00", "2016-12-13T08:13:49.5Z"),
        ("2016-12-13", "2016-12-13T00:00:00Z"),
        ("2016/12/13", "2016-12-13T00:00:00Z"),
        ("December 13, 2016", "2016-12-13T00:00:00Z"),
    ] {
        assert_eq!(date(text, None).unwrap(), want);
    }
    assert_eq!(
        date("13.12.2016 07:13", Some("%d.%m.%Y %H:%M")).unwrap(),
        "2016-12-13T07:13:00Z"
    );
    assert_eq!(
        date("03/04/2016", None).unwrap_err(),
        "x.las: line 9, DATE: found `03/04/2016`, expected a time such as 2016-12-13 07:13:49 or 13-DEC-2016 \
         (`time_format` names another form)"
    );
    assert_eq!(
        date("", None).unwrap_err(),
        "x.las: ~W: found no DATE, expected the time of the log"
    );
    let parameters = HEAD.replace("13-DEC-86 :\n", ":\n~P\nDATE. 2016-12-13 07:13:49\n");
    let las = read(&(parameters + "~A\n1 2\n2 3\n")).unwrap();
    assert_eq!(
        las.date("x.las".as_ref(), None).unwrap().to_string(),
        "2016-12-13T07:13:49Z"
    );
    assert_eq!(
        date("noon", Some("%H:%M")).unwrap_err(),
        "x.las: line 9, DATE: found `noon`, expected a time of the form %H:%M"
    );
}

#[test]
fn a_run_over_a_folder_does_what_it_can() {
    let project = project(json!({"date": "2020-01-02", "depth_convert": "FT_TO_M"}));
    let text = |date: &str| HEAD.replace("DATE. 13-DEC-86 :\n", date) + "~A\n1 2\n2 3\n";
    project.write("data/with.las", text("DATE. 13-DEC-86 :\n").as_bytes());
    project.write("data/without.LAS", text("").as_bytes());
    project.write("data/odd.las", text("DATE. 3/4/2016 :\n").as_bytes());
    project.write("data/short.las", b"~V\n");
    let ran = run(&project, "las2fbe").ends(65);
    assert_eq!(ran.errors().len(), 2, "{}", ran.err);
    assert_eq!(project.names("results"), ["with.fbe", "without.fbe"]);
    let found = log(&project, "results/without.fbe");
    assert_eq!(found.created.to_string(), "2020-01-02T00:00:00Z");
    assert_eq!(found.depth.values[1], 2.0 / 3.28084);
    run(&project, "las2fbe")
        .ends(65)
        .says("data/with.las: skipped, as with.fbe exists");
}
