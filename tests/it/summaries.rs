//! Summaries of a whole run: what independent programs read in them, and how runs that share work, are killed or go wrong make them.

use distpy_gpu::formats::zarr;
use serde_json::{Value, json};

use crate::program::{Project, chunk, devices, npy};
use crate::python;

/// Bands, one value and the course of each chunk, as npy files and as summaries.
fn flow() -> Value {
    let mut flow = json!([
        {"name": "fft", "uid": 1, "in_uid": 0},
        {"name": "multiple_calcs", "uid": 2, "in_uid": 1, "func": "te_from_fft", "low_freq": [0, 20], "high_freq": [20, -1]},
        {"name": "rms_from_fft", "uid": 3, "in_uid": 1},
        {"name": "downsample", "uid": 4, "in_uid": 0, "tsample": 50},
        {"name": "write_npy", "uid": 5, "in_uid": 2, "directory_out": "te"},
        {"name": "write_npy", "uid": 6, "in_uid": 3, "directory_out": "rms"},
        {"name": "write_npy", "uid": 7, "in_uid": 4, "directory_out": "course"},
        {"name": "write_npy", "uid": 8, "in_uid": 1, "directory_out": "spectrum"},
        {"name": "abs", "uid": 9, "in_uid": 1}
    ]);
    let list = flow.as_array_mut().unwrap();
    for name in ["write_zarr", "write_h5"]
        .into_iter()
        .filter(|name| *name == "write_zarr" || cfg!(feature = "hdf5"))
    {
        let uid = list.len() as i64 + 1;
        for (k, more) in [
            json!({"in_uid": 2, "array": "te", "labels": ["low", "high"], "units": "1"}),
            json!({"in_uid": 3, "array": "rms"}),
            json!({"in_uid": 4, "array": "course"}),
            json!({"in_uid": 9, "array": "spectrum"}),
        ]
        .into_iter()
        .enumerate()
        {
            let mut command = more;
            command["name"] = name.into();
            command["uid"] = (uid + k as i64).into();
            command["directory_out"] = "all".into();
            list.push(command);
        }
    }
    flow
}

/// Chunks of one second from 100 on, with a gap at 103, and depths.
fn project() -> Project {
    let project = Project::new();
    for k in [100, 101, 102, 104, 105] {
        project.write(&format!("chunks/{k}.npy"), &chunk(k, 6, 200));
    }
    let depths: Vec<u8> = (0..6)
        .flat_map(|k| (10.0 + 2.5 * f64::from(k)).to_le_bytes())
        .collect();
    project.write(
        "chunks/measured_depth.npy",
        &npy("'<f8'", false, &[6], &depths),
    );
    project.flow(flow());
    project
}

/// Compares summaries with the npy files of the same run.
const COMPARE: &str = r#"
import os, warnings
import numpy as np, zarr, xarray as xr
names = sorted(int(f[:-4]) for f in os.listdir('results/te') if f[:-4].isdigit())
def npy(folder):
    return [np.load(f'results/{folder}/{t}.npy') for t in names]
te = np.stack(npy('te'))
rms = np.stack([a.reshape(-1) for a in npy('rms')])
course = np.concatenate([a.T for a in npy('course')])
spectrum = np.abs(np.stack(npy('spectrum')))
times = np.array(names, 'datetime64[s]').astype('datetime64[ns]')
fine = (np.array(names)[:, None] * 1000 + np.arange(0, 1000, 250)).ravel().astype('datetime64[ms]')
depth = 10 + 2.5 * np.arange(6)
warnings.simplefilter('error')
ds = xr.open_zarr('results/all/summary.zarr')
assert ds.te.dims == ('time', 'measured_depth', 'band'), ds.te.dims
assert ds.rms.dims == ('time', 'measured_depth'), ds.rms.dims
assert ds.course.dims == ('time_course', 'measured_depth'), ds.course.dims
assert ds.spectrum.dims == ('time', 'measured_depth', 'frequency'), ds.spectrum.dims
assert (ds.time.values == times).all(), ds.time
assert (ds.time_course.values == fine).all(), ds.time_course
assert (ds.measured_depth.values == depth).all()
assert ds.measured_depth.attrs['units'] == 'm' and ds.frequency.attrs['units'] == 'Hz'
assert list(ds.band.values) == ['low', 'high'], ds.band
assert ds.te.attrs == {'units': '1'}, ds.te.attrs
f = ds.frequency.values
assert f[1] == 1.0, f[:3]
def same(a, b, where):
    assert a.shape == b.shape and a.dtype == b.dtype, (where, a.shape, b.shape, a.dtype, b.dtype)
    assert (a == b).all(), where
same(ds.te.values, te, 'te'); same(ds.rms.values, rms, 'rms'); same(ds.course.values, course, 'course')
assert np.allclose(ds.spectrum.values, spectrum, rtol=1e-5, atol=1e-6)
assert ds.sel(time=np.datetime64(names[3], 's'), band='high').te.values.tolist() == te[3, :, 1].tolist()
assert ds.attrs['source'].startswith('distpy-gpu ') and len(ds.attrs['sha256_flow.json']) == 64, ds.attrs
group = zarr.open_group('results/all/summary.zarr', mode='r')
same(group['te'][:], te, 'zarr')
assert group['time'].attrs['units'] == 'nanoseconds since 1970-01-01T00:00:00'
if os.path.exists('results/all/summary.h5'):
    import h5py
    with h5py.File('results/all/summary.h5') as h:
        same(h['te'][:], te, 'h5 te'); same(h['rms'][:], rms, 'h5 rms'); same(h['course'][:], course, 'h5 course')
        assert h['te'].dtype == te.dtype and h['te'].compression == 'gzip' and h['te'].chunks
        axes = [d[0].name for d in h['te'].dims]
        assert axes == ['/time', '/measured_depth', '/band'], axes
        assert [d[0].name for d in h['course'].dims] == ['/time_course', '/measured_depth']
        assert h['time'].is_scale and (h['time'][:] == times.astype('int64')).all()
        assert h5py.h5ds.is_attached(h['te'].id, h['time'].id, 0)
        assert h['band'].asstr()[:].tolist() == ['low', 'high']
        assert h['measured_depth'].attrs['units'] == 'm' and h['te'].attrs['units'] == '1'
        assert h.attrs['source'].startswith('distpy-gpu ')
print('same')
"#;

#[track_caller]
fn compare(project: &Project) {
    if let Some(said) = python::run(COMPARE, &project.path("")) {
        assert_eq!(said, "same\n");
    }
}

#[test]
fn summaries_equal_the_arrays_of_their_run() {
    for device in devices() {
        let project = project();
        project.summary(device).ends(0);
        compare(&project);
        let left: Vec<String> = project
            .names("results/all")
            .into_iter()
            .filter(|name| name.contains(".tmp-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn whoever_is_last_of_two_shares_writes_them() {
    let project = project();
    project
        .summary("--shard 0/2")
        .ends(0)
        .says("chunks are not done yet");
    assert!(!project.path("results/all/summary.zarr").exists());
    project
        .summary("--shard 1/2")
        .ends(0)
        .says("summary.zarr: 5 times of 5 chunks");
    compare(&project);
    // A share that runs again finds them done.
    let again = project.summary("--shard 0/2").ends(0);
    assert!(!again.err.contains("summary.zarr"), "{}", again.err);
}

/// As on a bucket that is mounted as a folder: what was there is replaced file by file.
#[test]
fn where_nothing_can_be_renamed_it_is_put() {
    let project = project();
    project.summary("-o renamed").ends(0);
    project.write("results/all/summary.zarr/energy/c/9/9/9", b"old");
    project.write("results/all/summary.zarr/gone/zarr.json", b"{}");
    project.summary("--commit put").ends(0);
    let summary = |folder: &str| {
        let files = project.files(folder).into_iter();
        let files = files.filter(|(name, _)| name.starts_with("all/summary.zarr/"));
        files.collect::<Vec<_>>()
    };
    assert!(summary("renamed").len() > 5);
    for ((name, put), (_, renamed)) in summary("results").iter().zip(&summary("renamed")) {
        // The members of objects have no order.
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
        assert!(
            put == renamed || json(put).is_some_and(|it| Some(it) == json(renamed)),
            "{name}"
        );
    }
    assert_eq!(summary("results").len(), summary("renamed").len());
    compare(&project);
}

#[test]
fn two_shares_at_once_make_one_summary() {
    let project = project();
    let mut children: Vec<_> = (0..2)
        .map(|k| {
            let mut command = project.command(&format!(
                "-m strainrate2summary -c system.json --shard {k}/2"
            ));
            command.stderr(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    compare(&project);
}

/// What the manifest of the last run says.
fn manifest(project: &Project) -> Value {
    let folder = project.path("results/.distpy-gpu/manifests");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    serde_json::from_slice(&std::fs::read(names.last().unwrap()).unwrap()).unwrap()
}

#[test]
fn a_killed_run_is_finished_by_the_next() {
    let project = project();
    for k in 106..160 {
        project.write(&format!("chunks/{k}.npy"), &chunk(k, 6, 200));
    }
    let mut run = project
        .command("-m strainrate2summary -c system.json")
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let parts = project.path("results/all/summary.zarr.parts/spectrum");
    for _ in 0..3000 {
        if std::fs::read_dir(&parts).is_ok_and(|found| found.count() > 5) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    // A run that was killed while it wrote the summary leaves its temporary folder.
    if !project.path("results/all/summary.zarr").exists() {
        let lease = std::fs::read_dir(project.path("results/.distpy-gpu/runs"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        let left = format!(
            "results/all/summary.zarr.tmp-{}-0/zarr.json",
            lease.file_name().to_string_lossy()
        );
        project.write(&left, b"{}");
    }
    project.summary("").ends(0);
    compare(&project);
    let left: Vec<String> = project
        .names("results/all")
        .into_iter()
        .filter(|name| name.contains(".tmp-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn chunks_that_are_bad_are_not_waited_for_and_may_come_later() {
    let project = project();
    project.write("chunks/103.npy", b"no npy file");
    let codes = ["0/2", "1/2"].map(|shard| project.summary(&format!("--shard {shard}")).code);
    assert!(codes == [0, 65] || codes == [65, 0], "{codes:?}");
    compare(&project);
    project.write("chunks/103.npy", &chunk(103, 6, 200));
    project
        .summary("")
        .ends(0)
        .says("summary.zarr: 6 times of 6 chunks");
    compare(&project);
    // The same parts make the same summary, which is not written again.
    let again = project.summary("").ends(0);
    assert!(!again.err.contains("summary.zarr"), "{}", again.err);
}

#[test]
fn a_chunk_of_another_shape_is_left_out_with_its_name() {
    let project = project();
    std::fs::remove_file(project.path("chunks/measured_depth.npy")).unwrap();
    project.flow(json!([
        {"name": "write_zarr", "uid": 1, "in_uid": 0, "directory_out": "all", "array": "raw"}
    ]));
    project.write("chunks/103.npy", &chunk(103, 5, 200));
    let run = project.summary("").ends(0);
    let line = run
        .err
        .lines()
        .find(|line| line.contains("WARN") && line.contains("103.part"))
        .unwrap_or_default();
    assert!(
        line.contains("found 5 channel") && line.contains("expected 6 channel"),
        "{}",
        run.err
    );
    assert!(
        line.contains("left out of results/all/summary.zarr"),
        "{line}"
    );
    let script = "
import numpy as np, xarray as xr
ds = xr.open_zarr('results/all/summary.zarr')
raw = np.concatenate([np.load(f'chunks/{t}.npy').T for t in (100, 101, 102, 104, 105)])
assert ds.raw.dims == ('time', 'channel') and ds.channel.values.tolist() == list(range(6))
assert (ds.raw.values == raw).all()
print(np.diff(ds.time.values).max())
";
    if let Some(said) = python::run(script, &project.path("")) {
        assert_eq!(said, "1005000000 nanoseconds\n");
    }
}

#[test]
fn what_chunks_have_in_common_is_there_once() {
    let project = Project::new();
    for k in [100, 101] {
        project.write(&format!("chunks/{k}.npy"), &chunk(k, 6, 300));
    }
    project.flow(json!([
        {"name": "write_zarr", "uid": 1, "in_uid": 0, "directory_out": "all", "array": "raw"}
    ]));
    project
        .summary("")
        .ends(0)
        .says("summary.zarr: 500 times of 2 chunks");
    let script = "
import numpy as np, xarray as xr
ds = xr.open_zarr('results/all/summary.zarr')
a, b = (np.load(f'chunks/{t}.npy').T for t in (100, 101))
assert (ds.raw.values == np.concatenate([a[:250], b[50:]])).all()
assert (np.diff(ds.time.values) == np.timedelta64(5, 'ms')).all()
";
    python::run(script, &project.path(""));
}

#[test]
fn the_programs_own_pictures_read_them_with_their_axes() {
    let project = project();
    project.summary("").ends(0);
    let all = project.path("results/all/summary.zarr");
    let depths: Vec<f64> = (0..6).map(|k| 10.0 + 2.5 * f64::from(k)).collect();
    let names = [100, 101, 102, 104, 105];
    for (name, folder, column) in [("rms", "rms", 0), ("te/high", "te", 1), ("te/0", "te", 0)] {
        assert!(zarr::is_zarr(&all.join(name)), "{name}");
        let array = zarr::open(&all.join(name)).unwrap();
        assert_eq!(array.shape(), [6, 5]);
        assert_eq!(array.depths().unwrap().unwrap(), depths);
        assert_eq!(array.times().unwrap().unwrap(), names.map(f64::from));
        let read = array.read(0..6, 0..5).unwrap().block::<f64>(0..6);
        for (k, time) in names.iter().enumerate() {
            let table = project.table(&format!("results/{folder}/{time}.npy"));
            for channel in 0..6 {
                assert_eq!(
                    read.as_real()[[channel, k]],
                    table.as_real()[[channel, column]]
                );
            }
        }
    }
    let course = zarr::open(&all.join("course")).unwrap();
    assert_eq!(course.shape(), [6, 20]);
    assert_eq!(
        course.times().unwrap().unwrap()[..5],
        [100.0, 100.25, 100.5, 100.75, 101.0]
    );
    let refused = zarr::open(&all.join("te/middle")).unwrap_err().to_string();
    assert!(
        refused
            .ends_with("column: found \"middle\", expected one of low, high, or a number below 2"),
        "{refused}"
    );
    let refused = zarr::open(&all.join("te")).unwrap_err().to_string();
    assert!(
        refused.ends_with("found [5, 6, 2], expected a column of it, such as its name and /0"),
        "{refused}"
    );
    project.system(
        json!({"in_directory": "results", "out_directory": "pictures", "config": "plots.json"}),
    );
    let plots = json!({"plots": [{"plot_type": "well_log", "out_plot": "bands", "plot_list": [
        {"data": "all/summary.zarr/te/high", "title_text": "high"}, {"data": "all/summary.zarr/rms", "title_text": "RMS"}
    ]}]});
    project.write("plots.json", plots.to_string().as_bytes());
    project.run("-m plotgenerator -c system.json").ends(0);
    assert!(project.path("pictures/bands.png").is_file());
}

#[test]
fn the_unit_of_samples_is_told() {
    let project = project();
    project.write(
        "chunks/calibration.json",
        br#"{"factor": 0.25, "unit": "rad"}"#,
    );
    project.summary("").ends(0).says("they are in rad");
    assert_eq!(
        manifest(&project)["calibration"],
        json!({"factor": 0.25, "unit": "rad", "applied": true})
    );
    let text = std::fs::read(project.path("results/all/summary.zarr/zarr.json")).unwrap();
    let group: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(group["attributes"]["calibration_unit"], "rad");
    assert_eq!(group["attributes"]["calibration_factor"], 0.25);
    assert_eq!(group["attributes"]["compat"], "exact");
    compare(&project);
}

#[test]
fn arrays_have_names_of_their_own() {
    let project = project();
    for (keys, expected) in [
        (
            json!({"array": "a/b"}),
            "array: found \"a/b\", expected up to 40 letters, digits, _ and -",
        ),
        (
            json!({"array": "time"}),
            "array: found \"time\", expected no name of an axis, alone or before a _",
        ),
        (
            json!({"array": "rms"}),
            "array: found \"rms\", which uid 11 writes to the same folder, expected another name",
        ),
        (
            json!({"labels": ["one"]}),
            "labels: `write_zarr` (uid 30): found 1 labels, expected 2, one for each column of",
        ),
    ] {
        let mut flow = flow();
        let mut command =
            json!({"name": "write_zarr", "uid": 30, "in_uid": 2, "directory_out": "all"});
        for (key, value) in keys.as_object().unwrap() {
            command[key] = value.clone();
        }
        flow.as_array_mut().unwrap().push(command);
        project.flow(flow);
        project.summary("").ends(78).says(expected);
    }
}

/// Bands, and samples that are not zero.
fn tables() -> Value {
    json!([
        {"name": "hard_threshold", "uid": 1, "in_uid": 0, "direction": "<", "threshold": 0.0, "value": 0.0},
        {"name": "fft", "uid": 2, "in_uid": 0},
        {"name": "multiple_calcs", "uid": 3, "in_uid": 2, "func": "te_from_fft", "low_freq": [0, 20], "high_freq": [20, -1]},
        {"name": "write_npy", "uid": 4, "in_uid": 1, "directory_out": "samples"},
        {"name": "write_npy", "uid": 5, "in_uid": 3, "directory_out": "te"},
        {"name": "write_csv", "uid": 6, "in_uid": 1, "directory_out": "csv"},
        {"name": "write_csv", "uid": 7, "in_uid": 1, "directory_out": "events", "events": true},
        {"name": "write_csv", "uid": 8, "in_uid": 3, "directory_out": "bands", "labels": ["low", "high"]},
        {"name": "write_parquet", "uid": 9, "in_uid": 1, "directory_out": "parquet"},
        {"name": "write_parquet", "uid": 10, "in_uid": 3, "directory_out": "te_parquet", "labels": ["low", "high"], "events": false},
        {"name": "write_parquet", "uid": 11, "in_uid": 3, "directory_out": "numbered"}
    ])
}

const TABLES: &str = r#"
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq, pyarrow.dataset as ds
names = [100, 101, 102, 104, 105]
rows, events, bands = [], [], []
for t in names:
    a, te = np.load(f'results/samples/{t}.npy'), np.load(f'results/te/{t}.npy')
    for c in range(a.shape[1]):
        for r in range(a.shape[0]):
            rows.append((t * 10**6 + c * 5000, r, 10 + 2.5 * r, a[r, c]))
    for r in range(6):
        for k, band in enumerate(['low', 'high']):
            bands.append((t * 10**6, r, 10 + 2.5 * r, band, te[r, k]))
events = [row for row in rows if row[3] != 0]
assert 0 < len(events) < len(rows)
def csv(folder, expected):
    df = pd.concat([pd.read_csv(f'results/{folder}/{t}.csv', parse_dates=['time'], float_precision='round_trip') for t in names])
    assert str(df.time.dtype).endswith('UTC]'), df.time.dtype
    df['time'] = df.time.astype('datetime64[us, UTC]').astype('int64')
    if folder != 'bands': df['value'] = df.value.astype(a.dtype)
    else: df['value'] = df.value.astype(te.dtype)
    assert list(df.itertuples(index=False, name=None)) == expected, (folder, df.head(), expected[:5])
    return list(df.columns)
assert csv('csv', rows) == ['time', 'channel', 'measured_depth', 'value']
csv('events', events)
assert csv('bands', bands) == ['time', 'channel', 'measured_depth', 'band', 'value']
table = ds.dataset('results/parquet', format='parquet').to_table()
assert table.schema.field('time').type == pa.timestamp('us', 'UTC'), table.schema
assert table.schema.field('channel').type == pa.int32() and table.schema.field('value').type == pa.float64()
def parquet(folder, expected):
    df = pd.read_parquet(f'results/{folder}').sort_values('time', kind='stable')
    df['time'] = df.time.astype('int64')
    assert list(df.itertuples(index=False, name=None)) == expected, (folder, df.head(), expected[:5])
    return list(df.columns)
assert parquet('parquet', events) == ['time', 'channel', 'measured_depth', 'value']
assert parquet('te_parquet', bands) == ['time', 'channel', 'measured_depth', 'band', 'value']
assert 'column' in pd.read_parquet('results/numbered').columns
file = pq.ParquetFile('results/parquet/100.parquet')
assert file.metadata.created_by.startswith('distpy-gpu'), file.metadata.created_by
assert file.metadata.row_group(0).column(0).compression == 'SNAPPY'
print('same')
"#;

#[test]
fn tables_hold_the_samples_of_their_arrays() {
    for device in devices() {
        let project = project();
        project.flow(tables());
        project.summary(device).ends(0);
        if let Some(said) = python::run(TABLES, &project.path("")) {
            assert_eq!(said, "same\n");
        }
    }
}

#[test]
fn a_chunk_without_events_has_an_empty_table() {
    let project = Project::with_chunks(1);
    project.flow(json!([
        {"name": "hard_threshold", "uid": 1, "in_uid": 0, "direction": ">", "threshold": -1e9, "value": 0.0},
        {"name": "write_csv", "uid": 2, "in_uid": 1, "directory_out": "csv", "events": true},
        {"name": "write_parquet", "uid": 3, "in_uid": 1, "directory_out": "parquet"}
    ]));
    project.summary("").ends(0);
    let text = std::fs::read_to_string(project.path("results/csv/1.csv")).unwrap();
    assert_eq!(text, "time,channel,value\n");
    let script = "import pyarrow.parquet as pq; t = pq.read_table('results/parquet/1.parquet'); print(t.num_rows, t.column_names)";
    if let Some(said) = python::run(script, &project.path("")) {
        assert_eq!(said, "0 ['time', 'channel', 'value']\n");
    }
}

/// A chunk that was bad has no mark of it any longer once it is done, and a part of before is none of it.
#[test]
fn marks_of_bad_chunks_go_with_the_next_run() {
    let project = Project::with_chunks(3);
    project.flow(flow());
    project.write("chunks/2.npy", b"broken");
    project.summary("").ends(65);
    let marks = |project: &Project| {
        let names = project.names("results").into_iter();
        names.filter(|it| it.ends_with("2.failed")).count()
    };
    assert!(marks(&project) > 0, "{:?}", project.names("results"));
    project.write("chunks/2.npy", &chunk(2, 6, 200));
    project.summary("").ends(0);
    assert_eq!(marks(&project), 0);
    project.write("chunks/2.npy", b"broken again");
    project.summary("").ends(65);
    let names = project.names("results");
    assert!(!names.iter().any(|it| it.ends_with("2.part")), "{names:?}");
}
