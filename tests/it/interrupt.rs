//! Runs that end early, run side by side, or run for long: results are whole, and memory has a bound.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Project, chunk};

const CHUNKS: usize = 24;

/// Chunks that take some thirty milliseconds each on one thread.
fn slow() -> Project {
    let project = Project::new();
    for k in 1..=CHUNKS {
        project.write(&format!("chunks/{k:02}.npy"), &chunk(k, 40, 3000));
    }
    let filter = |uid: u32| json!({"name": "butter", "uid": uid, "in_uid": uid - 1, "freq": 40, "order": 24});
    let mut flow: Vec<Value> = (1..=4).map(filter).collect();
    flow.push(json!({"name": "write_npy", "uid": 5, "in_uid": 4, "directory_out": "out"}));
    project.flow(json!(flow));
    project
}

const RUN: &str = "-m strainrate2summary -c system.json --threads 1";

fn start(project: &Project, args: &str) -> Child {
    project
        .command(args)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_for(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{} does not appear",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(
        std::process::Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn an_ended_run_keeps_what_is_finished_and_goes_on_later() {
    let undisturbed = slow();
    undisturbed.run(RUN).ends(0);
    let want = undisturbed.files("results");
    for (name, code) in [("TERM", Some(143)), ("INT", Some(130)), ("KILL", None)] {
        let project = slow();
        let child = start(&project, RUN);
        // Then the first chunk is known to be finished, however the run ends.
        wait_for(&project.path("results/out/2.npy"));
        signal(&child, name);
        let ended = child.wait_with_output().unwrap();
        let log = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), code, "{name}: {log}");
        let left = project.files("results");
        assert!(
            left.len() < want.len(),
            "{name}: the run was over before the signal came"
        );
        for (file, bytes) in left.iter().filter(|(file, _)| !file.contains(".tmp-")) {
            assert!(want[file] == *bytes, "{name}: {file} is not whole");
        }
        if code.is_some() {
            assert!(log.contains("ended early as asked"), "{name}: {log}");
            assert!(
                !left.keys().any(|file| file.contains(".tmp-")),
                "{name}: {:?}",
                left.keys()
            );
        }
        let again = project
            .run(RUN)
            .ends(0)
            .says("skipped, as their results exist");
        assert!(project.files("results") == want, "{name}: {}", again.err);
    }
}

/// The peak of a process's resident memory in kB, which the system keeps until the process ends.
fn peak(mut child: Child) -> u64 {
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = kilobytes.unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(child.wait().unwrap().success());
    peak
}

#[test]
fn memory_does_not_grow_with_the_number_of_chunks() {
    // 4 MB each; the filtered chunk is another 4 MB, and is written.
    let project = Project::new();
    project.write("chunk.npy", &chunk(1, 100, 5000));
    project.flow(json!([
        {"name": "butter", "uid": 1, "in_uid": 0, "freq": 40},
        {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "out"}
    ]));
    let of = |count: usize| {
        let folder = project.path(&format!("in{count}"));
        std::fs::create_dir(&folder).unwrap();
        for k in 0..count {
            std::fs::hard_link(project.path("chunk.npy"), folder.join(format!("{k}.npy"))).unwrap();
        }
        let args =
            format!("-m strainrate2summary -c system.json --threads 2 -f in{count} -o out{count}");
        peak(start(&project, &args))
    };
    let (few, many) = (of(4), of(24));
    // Up to nine chunks or results are in memory at once, more of them the longer the writer is behind: a run of four holds
    // no more than eight. If memory grew by one chunk or result for each, 80 MB would be added.
    assert!(few > 4_000, "{few} kB can hold no chunk");
    assert!(
        many < few + 40_000,
        "{few} kB for 4 chunks, {many} kB for 24"
    );
}
