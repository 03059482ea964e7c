//! Every Job of the manifests, rendered and then run index by index as Kubernetes would.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::folder::Folder;
use crate::job::{Cluster, Finished, State};
use crate::podman::{IMAGE, MESA};
use crate::render::{Job, folders, jobs, kustomize, render};

/// Overlays whose Jobs need a GPU.
const GPU: &[&str] = &[
    "overlays/gpu-nvidia",
    "overlays/gke",
    "overlays/eks",
    "overlays/aks",
    "overlays/gpu-amd",
    "overlays/kueue",
    "overlays/bucket-gcs",
    "overlays/bucket-s3",
    "overlays/doctor",
];

/// Overlays whose data is in a bucket: none answers here. What they render to is checked with all other manifests.
const STORE: &[&str] = &["overlays/store"];
/// Overlays that make a recording; they are run in `first_steps`.
const MADE: &[&str] = &["overlays/demo"];
/// Overlays that cut recordings, and others that make noise logs.
const INGEST: &[&str] = &["overlays/ingest-segy", "overlays/ingest-hdf5"];
const SINGLE: &[&str] = &["overlays/single-file"];
const SUMMARY: &[&str] = &[
    "base",
    "overlays/cpu",
    "overlays/hostpath",
    "overlays/my-run",
];
/// Overlays of the steps after the noise logs, in their order.
const AFTER: &[&str] = &["overlays/curves", "overlays/pictures"];
/// All four steps in one.
const ALL: &[&str] = &["pipeline/jobset", "pipeline/argo"];
/// Folders without a Job.
const NONE: &[&str] = &["kueue"];

/// Three recordings of two seconds as the manifests' own flow takes them, at 2000 Hz, in SEG-Y or HDF5.
fn recordings(extension: &str) -> Folder {
    let folder = Folder::empty();
    folder.write("recordings/keep", b"");
    for (name, start) in [("recording", 0), ("second", 2), ("third", 4)] {
        let recipe = serde_json::json!({
            "seed": start, "channels": 12, "seconds": 2, "prf": 2000, "start": format!("2026-01-01T00:00:0{start}Z")
        });
        folder.write_json("recipe.json", &recipe);
        folder
            .host(&format!(
                "-m synthesize -c recipe.json -o recordings/{name}.{extension}"
            ))
            .ends(0);
    }
    folder
}

/// The same as the manifests ask for, made by the program of this machine: with `chunks` and `results`.
fn by_hand(module: &str, extension: &str) -> Folder {
    let folder = recordings(extension);
    let flow = std::fs::read(crate::folder::project("k8s/base/noiselog.json")).unwrap();
    folder.write("noiselog.json", &flow);
    let system = serde_json::json!({
        "in_directory": "chunks", "out_directory": "results", "config": "noiselog.json",
        "measured_depth": "measured_depth.npy", "prf": 2000
    });
    folder.write_json("system.json", &system);
    folder
        .host(&format!(
            "-m {module} -c system.json -f recordings -o chunks"
        ))
        .ends(0);
    folder
        .host("-m strainrate2summary -c system.json --device cpu")
        .ends(0);
    folder
}

/// A volume with its chunks and no results.
fn with_chunks(made: &Folder) -> Folder {
    let folder = Folder::empty();
    for (name, bytes) in made.files("chunks") {
        folder.write(&format!("chunks/{name}"), &bytes);
    }
    folder
}

/// The Jobs of a folder of manifests, one after the other, on a volume.
pub fn run(place: &str, change: impl Fn(&mut Value), folder: &Folder) -> Vec<(Job, Finished)> {
    let mut docs = render(place);
    docs.iter_mut().for_each(&change);
    let mut ran = Vec::new();
    for mut job in jobs(&docs) {
        change(&mut job.doc);
        let yaml = |json: &Value| serde_yaml_ng::to_value(json).unwrap();
        let documents: Vec<_> = docs.iter().map(yaml).collect();
        let image = job
            .doc
            .pointer("/spec/template/spec/containers/0/image")
            .unwrap();
        let mesa = image.as_str().unwrap().ends_with("-mesa");
        let cluster = Cluster {
            documents: &documents,
            volumes: BTreeMap::from([("data".to_string(), folder.path().to_path_buf())]),
            image: Some(if mesa { MESA } else { IMAGE }.to_string()),
            ..Cluster::default()
        };
        let finished = cluster.run(&yaml(&job.doc));
        ran.push((job, finished));
    }
    ran
}

pub fn as_it_is(_: &mut Value) {}

/// A Job of one shard, to save time where every shard does the same.
fn one_shard(doc: &mut Value) {
    if doc["kind"] == "Job" {
        doc["spec"]["completions"] = 1.into();
        let env = doc
            .pointer_mut("/spec/template/spec/containers/0/env")
            .unwrap();
        for variable in env.as_array_mut().unwrap() {
            if variable["name"] == "DISTPY_SHARDS" {
                variable["value"] = "1".into();
            }
        }
    }
}

/// Every Job is complete; the sum of a number in the pods' last words.
#[track_caller]
pub fn complete(ran: &[(Job, Finished)], count: &str) -> u64 {
    assert!(!ran.is_empty());
    let mut sum = 0;
    for (job, finished) in ran {
        assert_eq!(
            finished.state,
            State::Complete,
            "{}: {}",
            job.place,
            finished.log()
        );
        for pod in &finished.pods {
            let word: Value = serde_json::from_str(&pod.message).unwrap();
            assert_eq!(word["code"], 0, "{word}");
            sum += word[count].as_u64().unwrap();
        }
    }
    sum
}

#[test]
fn each_folder_of_manifests_is_run() {
    if kustomize().is_none() {
        return;
    }
    let mut known = [GPU, STORE, MADE, INGEST, SINGLE, SUMMARY, AFTER, ALL, NONE].concat();
    known.sort_unstable();
    assert_eq!(
        folders(),
        known,
        "a new folder joins one of the lists in tests/container/overlays.rs"
    );
}

#[test]
fn recordings_become_chunks() {
    if kustomize().is_none() {
        return;
    }
    for (place, module, extension) in [
        (INGEST[0], "segy_ingest", "sgy"),
        (INGEST[1], "ingest_h5", "h5"),
    ] {
        let [folder, expected] = [recordings(extension), by_hand(module, extension)];
        let ran = run(place, as_it_is, &folder);
        assert_eq!(complete(&ran, "chunks_done"), 6, "{place}");
        assert_eq!(ran[0].1.completed.len(), 8);
        assert!(
            folder.files("chunks") == expected.files("chunks"),
            "{place}"
        );
    }
    let folder = recordings("sgy");
    assert_eq!(
        complete(&run(SINGLE[0], as_it_is, &folder), "chunks_done"),
        2
    );
}

#[test]
fn chunks_become_noise_logs_each_once() {
    if kustomize().is_none() {
        return;
    }
    let made = by_hand("segy_ingest", "sgy");
    let expected = made.files("results");
    for place in SUMMARY {
        let folder = with_chunks(&made);
        let ran = run(place, as_it_is, &folder);
        assert_eq!(complete(&ran, "chunks_done"), 6, "{place}");
        assert!(folder.files("results") == expected, "{place}");
        let again = run(place, one_shard, &folder);
        assert_eq!(complete(&again, "chunks_skipped"), 6, "{place}");
    }
    for place in ALL {
        let folder = recordings("sgy");
        let ran = run(place, as_it_is, &folder);
        assert_eq!(ran.len(), 4, "{place}: ingest, summary, curves, pictures");
        // Chunks cut, chunks computed, logs put together, pictures.
        assert_eq!(complete(&ran, "chunks_done"), 6 + 6 + 6 + 3, "{place}");
        assert!(folder.files("results") == expected, "{place}");
        pictures(&folder);
    }
}

#[test]
fn noise_logs_become_curves_and_pictures() {
    if kustomize().is_none() {
        return;
    }
    let folder = by_hand("segy_ingest", "sgy");
    for (place, count) in AFTER.iter().zip([6, 3]) {
        let ran = run(place, as_it_is, &folder);
        assert_eq!(complete(&ran, "chunks_done"), count, "{place}");
    }
    pictures(&folder);
}

/// The pictures that the base's plots file asks for, of curves that have all six times.
#[track_caller]
fn pictures(folder: &Folder) {
    let drawn = folder.files("pictures");
    let names: Vec<&String> = drawn.keys().collect();
    assert_eq!(names, ["ALL_BANDS.png", "RGB.png", "SUMMARY.png"]);
    assert!(drawn.values().all(|bytes| bytes.starts_with(b"\x89PNG")));
    let times = &folder.files("curves")["NoiseLog/time.npy"];
    assert_eq!(times.len(), 128 + 6 * 8);
}

/// Here there is none: no Job may compute on the processor unnoticed.
#[test]
fn jobs_that_need_a_gpu_say_that_there_is_none() {
    if kustomize().is_none() {
        return;
    }
    let made = by_hand("segy_ingest", "sgy");
    for place in GPU {
        let folder = with_chunks(&made);
        let before = folder.files("");
        let all = *place == GPU[0];
        let ran = if all {
            run(place, as_it_is, &folder)
        } else {
            run(place, one_shard, &folder)
        };
        let (_, finished) = &ran[0];
        assert_eq!(
            finished.state,
            State::Failed("FailedIndexes"),
            "{place}: {}",
            finished.log()
        );
        assert_eq!(finished.failed.len(), if all { 8 } else { 1 });
        // Counted, and tried four times more.
        assert!(
            finished
                .failed
                .iter()
                .all(|&index| finished.pods_of(index) == 5)
        );
        for pod in &finished.pods {
            let word: Value = serde_json::from_str(&pod.message).unwrap();
            assert_eq!(word["code"], 69, "{place}: {word}");
            assert!(
                word["error"]
                    .as_str()
                    .unwrap()
                    .contains("expected a hardware GPU"),
                "{word}"
            );
        }
        assert!(folder.files("") == before, "{place}");
    }
}

#[test]
fn a_bad_chunk_fails_its_shard_and_a_bad_configuration_the_job() {
    if kustomize().is_none() {
        return;
    }
    let made = by_hand("segy_ingest", "sgy");
    let (folder, chunks) = (with_chunks(&made), made.files("chunks"));
    let (second, _) = chunks
        .iter()
        .filter(|(name, _)| name.starts_with("17"))
        .nth(1)
        .unwrap();
    folder.write(&format!("chunks/{second}"), b"broken");
    let ran = run("overlays/cpu", as_it_is, &folder);
    let (_, finished) = &ran[0];
    assert_eq!(
        finished.state,
        State::Failed("FailedIndexes"),
        "{}",
        finished.log()
    );
    // Its bytes are few, so its shard takes another chunk as well.
    assert_eq!((finished.failed.len(), finished.completed.len()), (1, 7));
    assert_eq!(
        finished.pods_of(finished.failed[0]),
        1,
        "bad input is not tried again"
    );
    assert_eq!(folder.files("results/NoiseLog").len(), 5);

    let wrong = |doc: &mut Value| {
        if doc["kind"] == "ConfigMap" {
            let text = doc["data"]["system.json"].as_str().unwrap();
            doc["data"]["system.json"] = text.replace("2000", "-1").into();
        }
    };
    let ran = run("overlays/cpu", wrong, &folder);
    let (_, finished) = &ran[0];
    assert_eq!(finished.state, State::Failed("PodFailurePolicy"));
    assert_eq!(finished.pods.len(), 1);
    assert!(
        finished.pods[0].message.contains("prf: found -1"),
        "{}",
        finished.pods[0].message
    );
}
