//! Several runs on one folder of a store.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Store;
use crate::program::{Project, chunk};

/// Chunks that take some ten milliseconds each on one thread, in the store.
fn slow(store: &Store, chunks: usize) -> Project {
    let project = Project::new();
    for k in 1..=chunks {
        project.write(&format!("chunks/{k}.npy"), &chunk(k, 30, 1500));
    }
    let filter = |uid: u32| json!({"name": "butter", "uid": uid, "in_uid": uid - 1, "freq": 40, "order": 24});
    let mut flow: Vec<Value> = (1..=3).map(filter).collect();
    flow.push(json!({"name": "write_npy", "uid": 4, "in_uid": 3, "directory_out": "out"}));
    project.flow(json!(flow));
    store.upload(&project, "chunks");
    project
}

fn start(store: &Store, project: &Project, log: &str, more: &str) -> Child {
    let args = "-m strainrate2summary -c system.json -f s3://data/chunks -o s3://data/results \
                --threads 1 -v --log-format json";
    let log = std::fs::File::create(project.path(log)).unwrap();
    let mut command = store.command(project, &format!("{args} {more}"));
    command.stderr(Stdio::from(log)).spawn().unwrap()
}

/// The chunks that a run says it did.
fn done(project: &Project, log: &str) -> Vec<String> {
    let text = std::fs::read_to_string(project.path(log)).unwrap();
    let lines = text
        .lines()
        .filter_map(|l| serde_json::from_str::<Value>(l).ok());
    lines
        .filter(|line| line["message"] == "chunk done")
        .map(|line| line["chunk"].as_str().unwrap().to_string())
        .collect()
}

fn ends(mut child: Child, project: &Project, log: &str) {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "it does not end"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let code = child.wait().unwrap().code();
    let log = std::fs::read_to_string(project.path(log)).unwrap();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn two_runs_share_the_chunks_of_a_store() {
    let Some(store) = Store::start() else { return };
    let project = slow(&store, 24);
    project.summary("-o results").ends(0);
    let runs = [("one", ""), ("two", "--reverse")];
    let children = runs.map(|(log, more)| start(&store, &project, log, more));
    for (child, (log, _)) in children.into_iter().zip(runs) {
        ends(child, &project, log);
    }
    let (one, two) = (done(&project, "one"), done(&project, "two"));
    let mut all: Vec<&String> = one.iter().chain(&two).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 24);
    assert_eq!(one.len() + two.len(), 24, "{one:?} {two:?}");
    assert!(
        one.len() > 2 && two.len() > 2,
        "{} {}",
        one.len(),
        two.len()
    );
    assert!(store.files("results") == project.files("results"));
}

#[test]
fn the_claim_of_a_run_that_was_killed_is_taken_over() {
    let Some(store) = Store::start() else { return };
    let project = slow(&store, 16);
    project.summary("-o results").ends(0);
    let mut killed = start(&store, &project, "killed", "--claim-expiry 2");
    let begun = Instant::now();
    while store.keys("results/out").len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let held = store.keys("results/.distpy-gpu/claims/");
    assert!(!held.is_empty(), "it was killed between chunks");
    let next = start(&store, &project, "next", "--claim-expiry 2");
    ends(next, &project, "next");
    assert!(store.files("results") == project.files("results"));
    for kind in ["runs", "claims"] {
        let left = store.keys(&format!("results/.distpy-gpu/{kind}"));
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_followed_folder_may_lie_in_a_store() {
    let Some(store) = Store::start() else { return };
    let project = Project::new();
    let recipe = |second: u32| json!({"channels": 8, "seconds": 2, "prf": 200, "start": format!("2026-01-01T00:00:{second:02}Z")});
    for k in 0..2 {
        project.write("recipe.json", recipe(2 * k).to_string().as_bytes());
        project
            .run(&format!("-m synthesize -c recipe.json -o live/{k}.sgy"))
            .ends(0);
    }
    project.summary("-f live -o whole").ends(0);
    store.put(
        "live/0.sgy",
        &std::fs::read(project.path("live/0.sgy")).unwrap(),
    );
    let args = "-m strainrate2summary -c system.json --watch s3://data/live -o s3://data/followed";
    let log = std::fs::File::create(project.path("log")).unwrap();
    let mut command = store.command(&project, args);
    let mut child = command.stderr(Stdio::from(log)).spawn().unwrap();
    let whole = project.files("whole");
    let wait = |count: usize| {
        let begun = Instant::now();
        while store.keys("followed/te/17").len() < count {
            let log = std::fs::read_to_string(project.path("log")).unwrap();
            assert!(begun.elapsed() < Duration::from_secs(60), "{log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    wait(2);
    store.put(
        "live/1.sgy",
        &std::fs::read(project.path("live/1.sgy")).unwrap(),
    );
    wait(4);
    let kill = format!("kill -TERM {}", child.id());
    let killed = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(killed.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(store.files("followed") == whole);
}

/// The share that finds all parts, those of the others among them, leaves the summary that one run on this machine leaves.
#[test]
fn shares_leave_one_summary_in_a_store() {
    let Some(store) = Store::start() else { return };
    let project = slow(&store, 5);
    project.flow(json!([
        {"name": "write_zarr", "uid": 1, "in_uid": 0, "directory_out": "all", "array": "counts"}
    ]));
    let args = "-m strainrate2summary -c system.json -f s3://data/chunks -o s3://data/results";
    let first = store.run(&project, &format!("{args} --shard 0/2")).ends(0);
    first.says("chunks are not done yet");
    let array = "results/all/summary.zarr/counts";
    assert!(store.keys(array).is_empty());
    // An array of this name with more in it: what the new one has not goes.
    store.put(&format!("{array}/c/9/9"), b"old");
    store.run(&project, &format!("{args} --shard 1/2")).ends(0);
    project.summary("-f chunks -o results").ends(0);
    let of = |files: std::collections::BTreeMap<String, Vec<u8>>| {
        let values = files.into_iter().filter(|(name, _)| name.contains("/c/"));
        values.collect::<Vec<_>>()
    };
    let there = of(store.files("results/all/summary.zarr"));
    let here = of(project.files("results/all/summary.zarr"));
    assert!(here.len() > 2);
    assert!(there == here);
    // Again there is nothing to do.
    store
        .run(&project, &format!("{args} --shard 0/2"))
        .ends(0)
        .says("0 chunks done");
}
