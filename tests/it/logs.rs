//! `-m ingest_witsml`: logs of many times into one array for each curve.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use distpy_gpu::formats::witsml::{Curve, DepthText, Dialect, Log, write};
use serde_json::json;

use crate::program::{Project, Ran, npy};

const START: i64 = 1_500_000_000;

/// A log of two curves and four channels; values tell the curve, the channel and the time.
fn log(time: i64, curves: &[&str]) -> Vec<u8> {
    let curve = |(k, name): (usize, &&str)| Curve {
        mnemonic: (*name).into(),
        unit: None,
        description: String::new(),
        values: (0..4).map(|row| value(k, row, time)).collect(),
    };
    let log = Log {
        style: "NoiseLog".into(),
        created: jiff::Timestamp::from_second(time).unwrap(),
        depth: Curve::depth(vec![10.0, 20.0, 30.0, 40.0]),
        depth_text: DepthText::F64,
        curves: curves.iter().enumerate().map(curve).collect(),
    };
    write(&log, Dialect::Standard)
}

fn value(curve: usize, row: usize, time: i64) -> f64 {
    (curve * 1000 + row * 100) as f64 + (time - START) as f64
}

fn project(box_size: i64) -> Project {
    let project = Project::new();
    project.system(json!({"in_directory": "logs", "BOX_SIZE": box_size}));
    project
}

fn ingest(project: &Project) -> Ran {
    project.run("-m ingest_witsml -c system.json")
}

/// Rows and columns of a curve's package.
fn curve(project: &Project, name: &str) -> Vec<Vec<f64>> {
    let block = project.table(&format!("results/{name}"));
    let rows = block.as_real().rows();
    rows.into_iter().map(|row| row.to_vec()).collect()
}

fn axis(project: &Project, name: &str) -> Vec<f64> {
    let path = project.path(&format!("results/{name}"));
    let array = distpy_gpu::formats::npy::open(&path).unwrap();
    array.to_f64_vec().unwrap()
}

#[test]
fn every_file_is_in_a_package() {
    let project = project(3);
    for k in 0..7 {
        let name = format!("logs/NoiseLog/{}.fbe", START + k);
        project.write(&name, &log(START + k, &["band_00", "band_01/x"]));
    }
    ingest(&project).ends(0);
    // distpy drops the last file, and keeps the times of the last package only.
    let times: Vec<f64> = (0..7).map(|k| (START + k) as f64).collect();
    assert_eq!(axis(&project, "NoiseLog/time.npy"), times);
    assert_eq!(axis(&project, "NoiseLog/band_00/time.npy"), times);
    let depths = axis(&project, "NoiseLog/band_01_x/measured_depth.npy");
    assert_eq!(depths, [10.0, 20.0, 30.0, 40.0]);
    for (first, count) in [(0, 3), (3, 3), (6, 1)] {
        let found = curve(
            &project,
            &format!("NoiseLog/band_01_x/{}.npy", START + first),
        );
        let times = (first..first + count).map(|k| START + k);
        let row = |row| {
            times
                .clone()
                .map(|time| value(1, row, time))
                .collect::<Vec<_>>()
        };
        assert_eq!(found, (0..4).map(row).collect::<Vec<_>>());
    }
}

#[test]
fn times_are_those_in_the_files_whatever_their_names() {
    let project = project(0);
    for (name, time) in [("b", 3), ("a", 9), ("c", 2), ("d", 4)] {
        project.write(&format!("logs/x/{name}.xml"), &log(START + time, &["T"]));
    }
    ingest(&project)
        .ends(0)
        .says("gaps in time: 1, logs missing: 4")
        .says("the longest is from 2017-07-14 02:40:04 to 2017-07-14 02:40:09 UTC");
    assert_eq!(
        curve(&project, "x/T/1500000002.npy")[0],
        [2.0, 3.0, 4.0, 9.0]
    );
}

#[test]
fn a_damaged_file_is_a_column_without_values() {
    let project = project(-1);
    for k in 0..4 {
        let bytes = log(START + k, if k == 2 { &["other"] } else { &["T"] });
        let cut = if k == 1 { bytes.len() / 2 } else { bytes.len() };
        project.write(&format!("logs/x/{k}.fbe"), &bytes[..cut]);
    }
    project.write("logs/x/9.fbe", b"no log");
    let ran = ingest(&project).ends(65);
    let errors = ran.errors().join("\n");
    for part in [
        "logs/x/1.fbe: byte ",
        "logs/x/2.fbe: curves: found other, expected those of the first file: T",
        "logs/x/9.fbe: wellLog: found no creationDate, expected the time of a log",
    ] {
        assert!(errors.contains(part), "{part}\nin\n{errors}");
    }
    let row = &curve(&project, "x/T/1500000000.npy")[1];
    assert_eq!((row[0], row[3]), (100.0, 103.0));
    assert!(row[1].is_nan() && row[2].is_nan());
}

#[test]
fn a_second_run_writes_what_is_missing() {
    let project = project(2);
    let add = |k: i64| project.write(&format!("logs/x/{k}.fbe"), &log(START + k, &["T"]));
    (0..3).for_each(add);
    ingest(&project).ends(0).says("2 packages");
    add(3);
    std::fs::remove_file(project.path("results/x/T/1500000000.npy")).unwrap();
    ingest(&project).ends(0).says("2 packages");
    assert_eq!(curve(&project, "x/T/1500000002.npy")[0], [2.0, 3.0]);
    ingest(&project).ends(0).says("0 packages, 2 skipped");
}

#[test]
fn results_of_write_npy_need_no_detour() {
    let project = project(0);
    let column = |k: u8| [k, k + 1, k + 2].map(f64::from);
    let bytes = |values: &[f64]| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<_>>()
    };
    for k in 0..3u8 {
        let name = format!("logs/rms/{}.npy", START + i64::from(k));
        project.write(&name, &npy("'<f8'", false, &[3], &bytes(&column(k))));
        let two: Vec<f64> = column(k).iter().flat_map(|v| [*v, -*v]).collect();
        let name = format!("logs/te/{}.npy", START + i64::from(k));
        project.write(&name, &npy("'<f8'", false, &[3, 2], &bytes(&two)));
        // Chunks beside results are no results.
        let name = format!("logs/chunks/{}.npy", START + i64::from(k));
        project.write(&name, &npy("'|i1'", false, &[2, 500], &[0; 1000]));
    }
    let depth = npy("'<f8'", false, &[3], &bytes(&[5.0, 6.0, 7.0]));
    project.write("logs/rms/measured_depth.npy", &depth);
    ingest(&project).ends(0).says("chunks: skipped");
    assert_eq!(
        curve(&project, "rms/rms/1500000000.npy")[1],
        [1.0, 2.0, 3.0]
    );
    assert_eq!(axis(&project, "rms/measured_depth.npy"), [5.0, 6.0, 7.0]);
    assert_eq!(
        curve(&project, "te/te_01/1500000000.npy")[2],
        [-2.0, -3.0, -4.0]
    );
}

#[test]
fn folders_of_one_name_stay_apart() {
    let project = project(0);
    for (k, folder) in ["a/NoiseLog", "b/NoiseLog", "b/png"].iter().enumerate() {
        let time = START + k as i64;
        project.write(&format!("logs/{folder}/1.fbe"), &log(time, &["T"]));
    }
    ingest(&project).ends(0);
    assert_eq!(axis(&project, "a/NoiseLog/time.npy"), [START as f64]);
    assert_eq!(axis(&project, "b/NoiseLog/time.npy"), [START as f64 + 1.0]);
    assert!(!project.path("results/png").exists());
}

#[test]
fn nothing_to_read_is_an_error() {
    let project = project(0);
    std::fs::create_dir_all(project.path("logs/empty")).unwrap();
    ingest(&project)
        .ends(65)
        .says("logs: found no logs, expected files that end in .fbe, .dts");
    let project = self::project(0);
    ingest(&project).ends(74).says("logs: ");
}

/// distpy's own arrays of its own logs.
#[test]
fn curves_are_distpys() {
    let Some(folder) = crate::samples::golden() else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cases = manifest["io"].as_array().unwrap().iter();
    let cases: Vec<_> = cases.filter(|case| case["kind"] == "readfbe").collect();
    assert!(cases.len() >= 2);
    for case in cases {
        let project = project(0);
        let list = |key: &str| {
            let list = case[key].as_array().unwrap().iter();
            list.map(|v| v.as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        for input in list("input") {
            let name = format!("logs/{}", input.rsplit('/').next().unwrap());
            project.write(&name, &std::fs::read(folder.join(&input)).unwrap());
        }
        ingest(&project).ends(0);
        for expected in list("expected") {
            let name = expected.split_once("/expected/").unwrap().1;
            let [found, expected] = [
                project.path(&format!("results/{name}")),
                folder.join(&expected),
            ];
            let [found, expected] = [found, expected].map(|path| {
                let array = distpy_gpu::formats::npy::open(&path).unwrap();
                let stored = array.stored().or_else(|| array.column()).unwrap();
                let values = stored.block::<f64>(0..stored.shape()[0]);
                (array.header().shape.clone(), values.as_real().clone())
            });
            assert_eq!(found, expected, "{name}");
        }
    }
}
