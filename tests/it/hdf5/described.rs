//! Files of layouts that no reader knows, by what the configuration says of them.

use distpy_gpu::formats::description::Description;
use distpy_gpu::formats::hdf5::open_as;
use distpy_gpu::formats::{Calibration, Layout, Source};
use serde_json::{Value, json};

use super::golden;
use super::layouts::numbers;
use crate::program::Project;

const START: i64 = 1_695_407_366_500_000;

fn description(value: &Value) -> Description {
    serde_json::from_value(value.clone()).unwrap()
}

fn attributes() -> Value {
    json!({
        "data": "/strain", "order": "channel,time", "dt": "/strain@dt_s", "start": "/strain@begin_time",
        "depth": {"start": "/strain@x0", "step": "/strain@dx_m"}, "factor": "/strain@scale", "unit": "/strain@unit",
    })
}

fn groups() -> Value {
    json!({
        "data": "/fibre/one/counts", "order": "time,channel", "prf": "/setup/rate",
        "start": {"from": "/fibre/one/when", "unit": "ns"}, "depth": "/fibre/one/where",
    })
}

fn check(name: &str, value: &Value, calibration: Option<(f64, &str)>) {
    let path = golden("../hdf5/described").join(name);
    let source = open_as(&path, &description(value)).unwrap();
    let h = source.header();
    assert_eq!((h.channels, h.samples), (5, 12), "{name}");
    assert!((h.prf() - 500.0).abs() < 1e-9, "{name}: {}", h.prf());
    assert_eq!(h.start_time().as_microsecond(), START, "{name}");
    assert_eq!(h.depth, [30.0, 32.5, 35.0, 37.5, 40.0], "{name}");
    let expected = calibration.map(|(factor, unit)| Calibration {
        factor,
        unit: unit.into(),
    });
    assert_eq!(h.calibration, expected, "{name}");
    assert_eq!(h.warnings, Vec::<String>::new(), "{name}");
    let samples: Vec<f64> = (0..5)
        .flat_map(|k| (0..12).map(move |t| f64::from(100 * t + k - 7)))
        .collect();
    assert_eq!(numbers(&source, 0..5, 0..12), samples, "{name}");
}

#[test]
fn values_by_path_and_as_given() {
    check("attributes.h5", &attributes(), Some((0.25, "microstrain")));
    check("groups.h5", &groups(), None);
    let mut given = attributes();
    given["dt"] = Value::Null;
    given["prf"] = json!(500);
    given["start"] = json!("2023-09-22T20:29:26.5+02:00");
    given["depth"] = json!({"start": 30, "step": 2.5});
    given["factor"] = Value::Null;
    given["unit"] = json!("rad");
    check("attributes.h5", &given, Some((1.0, "rad")));
    given["start"] = json!({"from": 1_695_407_366_500_i64, "unit": "ms"});
    check("attributes.h5", &given, Some((1.0, "rad")));
    let mut times = groups();
    // The times tell the rate, or only an attribute the start.
    times["prf"] = Value::Null;
    check("groups.h5", &times, None);
    times["prf"] = json!(500.0);
    times["start"] = json!({"from": "/setup@began", "unit": "ms"});
    check("groups.h5", &times, None);
}

#[test]
fn a_layout_is_known_where_the_dataset_is_not_there() {
    let source = open_as(&golden("../hdf5/plain.h5"), &description(&attributes())).unwrap();
    assert_eq!(
        source.header().warnings,
        [
            "distpy_gpu.hdf5.data: there is no /strain; the layout is plain (/raw or /data with /timestamp or /time)"
        ]
    );
    // And the description wins where it is.
    let mut own = attributes();
    own["data"] = json!("/raw");
    own["order"] = json!("channel,time");
    own["dt"] = json!(0.5);
    own["start"] = json!(1e9);
    own["depth"] = json!({"start": 0, "step": 1});
    own["factor"] = Value::Null;
    own["unit"] = Value::Null;
    let source = open_as(&golden("../hdf5/plain.h5"), &description(&own)).unwrap();
    assert_eq!(source.header().prf(), 2.0);
    assert_eq!(source.header().layout, Layout::ChannelMajor);
    assert_eq!(source.header().calibration, None);
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let refusal = |name: &str, value: &Value, key: &str, to: Value| {
        let mut value = value.clone();
        value[key] = to;
        let path = golden("../hdf5/described").join(name);
        let message = open_as(&path, &description(&value))
            .unwrap_err()
            .to_string();
        message.replace(&format!("{}: distpy_gpu.hdf5.", path.display()), "")
    };
    let cases = [
        (
            "data",
            json!("/strane"),
            "data: found no strane in /, only strain, expected /strane to be there",
        ),
        (
            "dt",
            json!("/strain@dt"),
            "dt: found no attribute dt of /strain, only dt_s, x0, dx_m, unit, scale and 1 more, expected /strain@dt to be there",
        ),
        (
            "dt",
            json!("/strain@begin_time"),
            "dt: found \"2023-09-22T18:29:26.500\" in /strain@begin_time, expected a number",
        ),
        ("dt", json!(0), "dt: found 0, expected a number above 0"),
        (
            "start",
            json!("/strain@unit"),
            "start: found \"microstrain\" in /strain@unit, expected a time in ISO 8601, or numbers since 1970",
        ),
        (
            "start",
            json!("/stop@unit"),
            "start: found no stop in /, only strain, expected /stop to be there",
        ),
        (
            "depth",
            json!("/strain"),
            "depth: found values of shape [5, 12] in /strain, expected 5 numbers, one for each channel",
        ),
        (
            "depth",
            json!({"start": 0, "step": "/strain@step"}),
            "depth.step: found no attribute step of /strain, only dt_s, dx_m, scale, unit, x0 and 1 more, expected /strain@step to be there",
        ),
        (
            "unit",
            json!("/strain@dx_m"),
            "unit: found 2.5 in /strain@dx_m, expected text",
        ),
    ];
    for (key, to, expected) in cases {
        assert_eq!(refusal("attributes.h5", &attributes(), key, to), expected);
    }
    let groups = groups();
    assert_eq!(
        refusal("groups.h5", &groups, "data", json!("/fibre/two/counts")),
        "data: found no two in /fibre, only one, expected /fibre/two/counts to be there"
    );
    assert_eq!(
        refusal("groups.h5", &groups, "data", json!("/fibre/one")),
        "data: found /fibre/one, a group, expected a dataset"
    );
}

#[test]
fn configurations_are_checked() {
    let project = Project::new();
    let mut two = attributes();
    two["prf"] = json!(1);
    let mut order = attributes();
    order["order"] = json!("time");
    let mut start = attributes();
    start["start"] = json!("yesterday");
    let mut factor = attributes();
    factor["unit"] = Value::Null;
    let cases = [
        (
            json!({"prf": 3}),
            "distpy_gpu.hdf5: found no data, expected the path of the dataset that holds samples",
        ),
        (
            two,
            "distpy_gpu.hdf5: found prf and dt, expected one of them",
        ),
        (
            order,
            "distpy_gpu.hdf5.order: unknown variant `time`, expected `time,channel` or `channel,time`",
        ),
        (
            start,
            "distpy_gpu.hdf5.start: found \"yesterday\", expected a time in ISO 8601 or since 1970, /dataset or /object@attribute",
        ),
        (
            factor,
            "distpy_gpu.hdf5: found a factor without a unit, expected both",
        ),
        (
            json!({"data": "strain"}),
            "distpy_gpu.hdf5.data: found \"strain\", expected a dataset's path, /group/dataset",
        ),
    ];
    for (hdf5, expected) in cases {
        project.system(json!({"distpy_gpu": {"device": "cpu", "hdf5": hdf5}}));
        let path = golden("../hdf5/described/attributes.h5");
        let args = format!(
            "-m ingest_h5 -c system.json -f {} -o chunks",
            path.display()
        );
        project.run(&args).ends(78).says(expected);
    }
}

#[test]
fn described_files_become_chunks_and_results() {
    let project = Project::new();
    project.system(json!({"prf": 500, "distpy_gpu": {"device": "cpu", "hdf5": attributes()}}));
    let path = golden("../hdf5/described/attributes.h5");
    project
        .run(&format!(
            "-m ingest_h5 -c system.json -f {} -o chunks",
            path.display()
        ))
        .ends(0);
    let mut names: Vec<String> = project.files("chunks").into_keys().collect();
    names.retain(|name| !name.starts_with("json"));
    assert_eq!(
        names,
        [
            "1695407366.npy",
            "calibration.json",
            "index.csv",
            "measured_depth.npy"
        ]
    );
    let chunk = distpy_gpu::formats::npy::open(&project.path("chunks/1695407366.npy")).unwrap();
    assert_eq!(chunk.header().shape, [5, 12]);
    // Straight through, the chunk is cut from the same description.
    project.summary("-f chunks -o steps").ends(0);
    project
        .summary(&format!("-f {} -o straight", path.display()))
        .ends(0);
    assert!(project.files("steps") == project.files("straight"));
}
