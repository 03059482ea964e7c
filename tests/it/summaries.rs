//! Summaries of a whole run: what independent programs read in them, and how runs that share work, are killed or go wrong make them.

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
names = [100, 101, 102, 104, 105]
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
assert ds.te.attrs['units'] == '1'
f = ds.frequency.values
assert f[1] == 1.0, f[:3]
def same(a, b, where):
    assert a.shape == b.shape and a.dtype == b.dtype, (where, a.shape, b.shape, a.dtype, b.dtype)
    assert (a == b).all(), where
same(ds.te.values, te, 'te'); same(ds.rms.values, rms, 'rms'); same(ds.course.values, course, 'course')
assert np.allclose(ds.spectrum.values, spectrum, rtol=1e-5, atol=1e-6)
assert ds.sel(time='1970-01-01T00:01:44', band='high').te.values.tolist() == te[3, :, 1].tolist()
assert ds.attrs['source'].startswith('distpy-gpu ') and len(ds.attrs['sha256_flow.json']) == 64, ds.attrs
group = zarr.open_group('results/all/summary.zarr', mode='r')
same(group['te'][:], te, 'zarr')
assert group['time'].attrs['units'] == 'nanoseconds since 1970-01-01T00:00:00'
if os.path.exists('results/all/summary.h5'):
    import h5py
    with h5py.File('results/all/summary.h5') as h:
        same(h['te'][:], te, 'h5 te'); same(h['rms'][:], rms, 'h5 rms'); same(h['course'][:], course, 'h5 course')
        assert h['te'].dtype == te.dtype and h['te'].compression == 'gzip' and h['te'].chunks
        scales = [d.keys()[0] if len(d) else None for d in h['te'].dims]
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
