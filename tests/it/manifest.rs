//! The manifest of a run: what it was given and how it ended, as JSON beside its results.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::program::Project;

/// The manifests in a folder, in the order of their names.
fn manifests(project: &Project, folder: &str) -> Vec<Value> {
    let folder = project.path(&format!("{folder}/.distpy-gpu/manifests"));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read =
        |path: &std::path::PathBuf| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    files.iter().map(read).collect()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_run_tells_what_it_worked_with() {
    let project = Project::with_chunks(3);
    project.write("chunks/3.npy", b"no array");
    project.summary("--device cpu --precision f64 -q").ends(65);
    let [manifest] = &manifests(&project, "results")[..] else {
        panic!("one run has one manifest");
    };
    let config = |name: &str| {
        let bytes = std::fs::read(project.path(name)).unwrap();
        json!({"path": name, "sha256": sha256(&bytes)})
    };
    for (pointer, expected) in [
        ("/program", json!("distpy-gpu")),
        ("/version", json!(env!("CARGO_PKG_VERSION"))),
        ("/module", json!("strainrate2summary")),
        ("/arguments/1", json!("strainrate2summary")),
        ("/outcome/code", json!(65)),
        ("/configuration/0", config("system.json")),
        ("/configuration/1", config("flow.json")),
        ("/compat", json!("exact")),
        ("/cpu_precision", json!("f64")),
        ("/inputs/count", json!(3)),
        ("/inputs/files/0/path", json!("chunks/1.npy")),
        ("/inputs/files/2/bytes", json!(8)),
        ("/output", json!("results")),
        ("/counts/chunks_done", json!(2)),
        ("/counts/inputs_failed", json!(1)),
        ("/warnings", json!([])),
    ] {
        assert_eq!(
            manifest.pointer(pointer),
            Some(&expected),
            "{pointer} in {manifest:#}"
        );
    }
    let text = |pointer: &str| {
        manifest
            .pointer(pointer)
            .unwrap()
            .as_str()
            .unwrap()
            .to_string()
    };
    assert!(text("/device").starts_with("CPU"), "{manifest:#}");
    // What -q hides is no trouble.
    let errors = manifest["errors"].as_array().unwrap();
    assert!(
        errors.len() == 1 && text("/errors/0").contains("3.npy"),
        "{manifest:#}"
    );
    assert!(text("/outcome/error").contains("3.npy"));
    let (started, finished) = (text("/started"), text("/finished"));
    assert!(
        started < finished && finished.ends_with('Z'),
        "{started} {finished}"
    );
    // The digest of the inputs' list can be computed by anyone.
    let files = manifest["inputs"]["files"].as_array().unwrap();
    let line = |file: &Value| {
        let [path, time] = ["path", "modified"].map(|key| file[key].as_str().unwrap());
        format!("{path}\t{}\t{time}\n", file["bytes"])
    };
    let list: String = files.iter().map(line).collect();
    assert_eq!(manifest["inputs"]["sha256"], json!(sha256(list.as_bytes())));
}

#[test]
fn every_run_and_share_has_its_own() {
    let project = Project::with_chunks(4);
    project.summary("--shard 0/2").ends(0);
    project.summary("--shard 1/2").ends(0);
    project.summary("").ends(0);
    let all = manifests(&project, "results");
    let of = |key: &str| all.iter().map(|m| m[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("shard"), [json!("0/2"), json!("1/2"), json!(null)]);
    let counts = |key: &str| {
        all.iter()
            .map(|m| m["counts"][key].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(counts("chunks_done"), [2, 2, 0]);
    assert_eq!(counts("chunks_skipped"), [0, 0, 4]);
}

#[test]
fn warnings_are_kept() {
    let project = Project::with_chunks(1);
    project.system(json!({"unheard_of": 1}));
    project.summary("-q").ends(0);
    let [manifest] = &manifests(&project, "results")[..] else {
        panic!("one run has one manifest");
    };
    let warnings = manifest["warnings"].as_array().unwrap();
    assert!(
        warnings
            .iter()
            .any(|line| line.as_str().unwrap().contains("unheard_of")),
        "{manifest:#}"
    );
}

#[test]
fn what_writes_nothing_leaves_none() {
    let project = Project::with_chunks(1);
    project.summary("--explain").ends(0);
    project.run("-m commands").ends(0);
    assert_eq!(manifests(&project, "results"), Vec::<Value>::new());
}

/// Linux takes any bytes for names, and old archives have Latin-1.
#[test]
#[cfg(target_os = "linux")]
fn names_of_files_that_are_no_utf_8_work_in_all_modules() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let project = Project::new();
    let folder = project.path("in");
    std::fs::create_dir(&folder).unwrap();
    let recipe = json!({"channels": 4, "seconds": 3, "prf": 200});
    project.write("recipe.json", recipe.to_string().as_bytes());
    project.run("-m synthesize -c recipe.json -o r.sgy").ends(0);
    let name = OsStr::from_bytes(b"\xe9t\xe9.sgy");
    std::fs::rename(project.path("r.sgy"), folder.join(name)).unwrap();

    project
        .run("-m segy_ingest -c system.json -f in -o chunks")
        .ends(0);
    project.summary("-f chunks").ends(0);
    project.summary("-f in -o straight").ends(0);
    for folder in ["chunks", "straight"] {
        let all = manifests(&project, folder);
        let path = all[0].pointer("/inputs/files/0/path").unwrap();
        assert_eq!(path, "in/\u{fffd}t\u{fffd}.sgy");
    }
    project
        .run("-m verify -c system.json --hashes -f results --json")
        .ends(0);
    project.run("-m diff -f results straight --json").ends(0);
    project.run("-m report -c system.json -o straight").ends(0);
}
