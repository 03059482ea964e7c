//! Laws of time: every sample of random recordings is in the results once, in order and at its time, whatever the format, the rate,
//! the pauses, the overlaps, the order on the command line and the number of shards.
//!
//! `DISTPY_GPU_LAWS=10000` tries as many recordings, `DISTPY_GPU_LAWS_SEED=7` others, or one again that failed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod world;
mod writers;

use std::collections::BTreeMap;

use distpy_gpu::formats::npy;
use distpy_gpu::formats::segment::SECOND;
use distpy_gpu::pipeline::index::Index;
use serde_json::{Value, json};

use crate::program::Project;
use world::{Random, World};
use writers::Form;

/// Recordings of each format, as a rule.
const RECORDINGS: u64 = 43;

fn try_all(form: &Form) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let count = number("DISTPY_GPU_LAWS").map_or(RECORDINGS, |all| all.div_ceil(7));
    let first = number("DISTPY_GPU_LAWS_SEED").unwrap_or(1);
    for seed in first..first + count {
        let mut random = Random::new(seed);
        let world = World::new(form, &mut random);
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            holds(form, &world, &mut random);
        }));
        if let Err(panic) = tried {
            eprintln!(
                "{}: DISTPY_GPU_LAWS_SEED={seed} fails: {world:?}",
                form.name
            );
            std::panic::resume_unwind(panic);
        }
    }
}

/// Tries everything on one set of recordings.
fn holds(form: &Form, world: &World, random: &mut Random) {
    let project = Project::new();
    let mut names = Vec::new();
    for (k, file) in world.files.iter().enumerate() {
        let name = (form.file_name)(k, world, file);
        (form.write)(&project.path(&name), world, file);
        names.push(format!("-f {name}"));
    }
    random.shuffle(&mut names);
    let files = names.join(" ");
    let system =
        json!({"prf": null, "distpy_gpu": {"device": "cpu", "chunk_seconds": world.chunk_seconds}});
    project.system(system);
    project.flow(json!([
        {"name": "copy", "uid": 1, "in_uid": 0},
        {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "r"}
    ]));

    let ingest = |out: &str, more: &str| {
        project
            .run(&format!("-m ingest -c system.json {files} -o {out} {more}"))
            .ends(0);
    };
    ingest("chunks", "");
    each_sample_once(form, world, &project);
    balance_closes(world, &project);

    // Shards, in any order, make what one process makes.
    let shards = random.below(3) + 1;
    let mut order: Vec<u64> = (0..shards).collect();
    random.shuffle(&mut order);
    for shard in order {
        ingest("shards", &format!("--shard {shard}/{shards}"));
    }
    let chunks = project.files("chunks");
    same_files(&project.files("shards"), &chunks, "shards");

    // Ingest and a flow give what the flow gives straight from the recordings.
    project.summary("-f chunks -o steps").ends(0);
    project.summary(&format!("{files} -o straight")).ends(0);
    let straight = project.files("straight");
    same_files(&project.files("steps"), &straight, "straight through");

    // Reruns change nothing, and do nothing.
    ingest("chunks", "");
    same_files(&project.files("chunks"), &chunks, "ingest again");
    let again = project.summary(&format!("{files} -o straight"));
    assert!(again.err.contains("0 chunks done"), "{}", again.err);
    same_files(&project.files("straight"), &straight, "straight again");
}

#[track_caller]
fn same_files(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, what: &str) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{what}");
    let differs = expected
        .iter()
        .find(|(name, bytes)| found[*name] != **bytes);
    assert!(differs.is_none(), "{what}: {}", differs.unwrap().0);
}

/// Every sample of the world that some file has is in one chunk, in order, at its time.
fn each_sample_once(form: &Form, world: &World, project: &Project) {
    let index = Index::read(&project.path("chunks")).unwrap().unwrap();
    let mut expected = world.recorded().into_iter();
    let length = (world.chunk_seconds * SECOND as f64) as i64;
    for entry in index.entries() {
        let name = format!("chunks/{}.npy", entry.id.name);
        let array = npy::open(&project.path(&name)).unwrap().stored().unwrap();
        assert_eq!(array.shape(), [2, entry.samples], "{name}");
        let block = array.block::<f64>(0..2);
        let [first, second] = [0, 1].map(|row| block.as_real().row(row).to_owned());
        assert!(
            entry.common.rate.time_of(entry.samples as i64 - 1) < length,
            "{name}"
        );
        for (k, value) in first.iter().enumerate() {
            let sample = expected.next().expect("a sample that was recorded");
            assert_eq!(*value, sample as f64, "{name}, sample {k}");
            assert_eq!(
                second[k],
                (sample + world::APART) as f64,
                "{name}, sample {k}"
            );
            let time = entry.id.start + entry.common.rate.time_of(k as i64);
            let off = time - world.time(sample);
            assert!(
                off.abs() <= form.resolution,
                "{name}, sample {k}: {off} ns off"
            );
        }
        let whole = entry.id.name.second();
        assert!(
            (entry.id.start.div_euclid(SECOND) - whole).abs() <= 1,
            "{name}"
        );
    }
    assert_eq!(expected.next(), None, "a sample is in no chunk");
}

/// The manifest accounts for each sample of each file.
fn balance_closes(world: &World, project: &Project) {
    let folder = project.path("chunks/.distpy-gpu/manifests");
    let path = std::fs::read_dir(folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let manifest: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let samples = &manifest["samples"];
    let in_files: usize = world.files.iter().flatten().map(|piece| piece.len()).sum();
    assert_eq!(samples["read"], in_files, "{samples}");
    assert_eq!(samples["in_results"], world.recorded().len(), "{samples}");
    let twice = in_files - world.recorded().len();
    let left_out = samples["left_out"]["duplicate"].as_u64().unwrap_or(0);
    assert_eq!(left_out, twice as u64, "{samples}");
}

/// The worked example of docs/recordings.md.
#[cfg(feature = "hdf5")]
#[test]
fn the_documented_example_is_true() {
    let start = 1_748_779_200_250_000_000;
    let pieces = [(start, 3000), (start + 123 * SECOND, 1500)];
    let files = [0..1500, 1500..3000, 3000..4500, 3000..4500];
    let files = files.map(|samples| vec![samples]).to_vec();
    let world = World::of(1000.0, &pieces, files.clone());
    let project = Project::new();
    for (name, file) in ["a", "b", "c", "copy"].iter().zip(&files) {
        (writers::PLAIN.write)(&project.path(&format!("{name}.h5")), &world, file);
    }
    let ran = project.run("-m ingest -c system.json -f *.h5 -o chunks");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let docs = std::fs::read_to_string(crate::root().join("docs/recordings.md")).unwrap();
    let index = Index::read(&project.path("chunks")).unwrap().unwrap();
    let rows: Vec<String> = index
        .entries()
        .map(|entry| {
            let time = jiff::Timestamp::from_nanosecond(entry.id.start.into()).unwrap();
            let time = jiff::tz::TimeZone::UTC
                .to_datetime(time)
                .strftime("%H:%M:%S%.f");
            format!("| `{}.npy` | {time} | {} |", entry.id.name, entry.samples)
        })
        .collect();
    assert_eq!(rows.len(), 5);
    for row in rows {
        assert!(docs.contains(&row), "{row}");
    }
    let balance = docs
        .lines()
        .find(|line| line.contains("samples a channel read"));
    assert!(ran.err.contains(balance.unwrap()), "{}", ran.err);
}

#[cfg(feature = "hdf5")]
#[test]
fn plain_hdf5() {
    try_all(&writers::PLAIN);
}

#[cfg(feature = "hdf5")]
#[test]
fn prodml() {
    try_all(&writers::PRODML);
}

#[cfg(feature = "hdf5")]
#[test]
fn terra15() {
    try_all(&writers::TERRA15);
}

#[cfg(feature = "hdf5")]
#[test]
fn febus() {
    try_all(&writers::FEBUS);
}

#[cfg(feature = "hdf5")]
#[test]
fn netcdf() {
    try_all(&writers::NETCDF);
}

#[test]
fn tdms() {
    try_all(&writers::TDMS);
}

#[test]
fn segy() {
    try_all(&writers::SEGY);
}
