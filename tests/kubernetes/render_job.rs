//! `-m render-job` against the overlays that it is built from, and against the checks.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::render::{kustomize, parse, render};
use super::{check, schema, tool};

/// A share with nine chunks of 4 kB, as seen from here.
fn share() -> tempfile::TempDir {
    let share = tempfile::tempdir().unwrap();
    let chunks = share.path().join("well 1/chunks");
    std::fs::create_dir_all(&chunks).unwrap();
    let head =
        b"\x93NUMPY\x01\x00\x36\x00{'descr': '<i2', 'fortran_order': False, 'shape': (2,9)}\n";
    for k in 0..9 {
        std::fs::write(
            chunks.join(format!("{k}.npy")),
            [&head[..], &[0; 4000]].concat(),
        )
        .unwrap();
    }
    std::fs::write(chunks.join("measured_depth.npy"), head).unwrap();
    let system = json!({
        "in_drive": share.path(), "project": "well 1", "data": "chunks",
        "out_drive": share.path(), "results": "results", "config": "noiselog.json", "prf": 9
    });
    std::fs::write(share.path().join("system.json"), system.to_string()).unwrap();
    let flow = include_str!("../../docs/examples/noiselog.json");
    std::fs::write(share.path().join("noiselog.json"), flow).unwrap();
    share
}

fn run(share: &Path, args: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_distpy-gpu"))
        .args(["-m", "render-job", "-c", "system.json"])
        .args(args.split_whitespace())
        .current_dir(share)
        .output()
        .unwrap()
}

fn rendered(share: &Path, args: &str) -> Vec<Value> {
    let ran = run(share, args);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{args}: {said}");
    parse(&String::from_utf8(ran.stdout).unwrap())
}

fn of_kind<'a>(docs: &'a [Value], kind: &str) -> &'a Value {
    docs.iter()
        .find(|doc| doc["kind"] == kind)
        .unwrap_or_else(|| panic!("no {kind}"))
}

const POOLS: [&str; 6] = ["cpu", "gpu-nvidia", "gpu-amd", "gke", "eks", "aks"];

#[test]
fn it_is_the_overlay_with_the_runs_own_numbers() {
    if kustomize().is_none() {
        return;
    }
    let share = share();
    for pool in POOLS {
        let docs = rendered(share.path(), &format!("--pool {pool}"));
        let mut job = of_kind(&docs, "Job").clone();
        let mut expected = of_kind(&render(&format!("overlays/{pool}")), "Job").clone();
        assert_eq!(
            job["spec"]["completions"], 4,
            "four shards for the one pod that counts"
        );
        assert_eq!(job["spec"]["parallelism"], 4);
        for (pointer, value) in [
            ("/spec/completions", json!(4)),
            ("/spec/maxFailedIndexes", json!(4)),
            ("/spec/parallelism", json!(4)),
        ] {
            *expected.pointer_mut(pointer).unwrap() = value;
        }
        let pod = "/spec/template/spec";
        let shards = expected
            .pointer_mut(&format!("{pod}/containers/0/env"))
            .unwrap();
        let shards = shards
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .find(|it| it["name"] == "DISTPY_SHARDS");
        shards.unwrap()["value"] = "4".into();
        // The name of the ConfigMap: kustomize makes one of its content.
        for job in [&mut job, &mut expected] {
            *job.pointer_mut(&format!("{pod}/volumes/1/configMap/name"))
                .unwrap() = Value::Null;
        }
        assert_eq!(job, expected, "{pool}");
    }
}

#[test]
fn it_fits_the_api_and_the_checks() {
    let Some(tool) = tool() else { return };
    let share = share();
    let codes = check::exit_codes();
    let mut all = Vec::new();
    for (pool, more) in POOLS.iter().flat_map(|pool| {
        ["", "--volume pvc:share --namespace wells --name noise-log --shards 9 --parallelism 2 --image r.example.com/d/distpy-gpu:0.1.0"]
            .map(|more| (pool, more))
    }) {
        let docs = rendered(share.path(), &format!("--pool {pool} {more}"));
        let problems = check::check(&docs, &codes);
        assert!(problems.is_empty(), "{pool} {more}:\n{}", problems.join("\n"));
        all.extend(docs.into_iter().map(|doc| (format!("{pool} {more}"), doc)));
    }
    let host = format!(
        "--volume hostpath:{} --volume-root {}",
        "/scratch",
        share.path().display()
    );
    let docs = rendered(share.path(), &host);
    let problems = check::check(&docs, &codes);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    all.extend(docs.into_iter().map(|doc| (host.clone(), doc)));
    for version in schema::VERSIONS {
        let problems = schema::validate(&tool, version, &all);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

#[test]
fn folders_become_those_of_the_container() {
    let share = share();
    let docs = rendered(share.path(), "--shards 3");
    let config = of_kind(&docs, "ConfigMap");
    let system: Value =
        serde_json::from_str(config["data"]["system.json"].as_str().unwrap()).unwrap();
    let expected = json!({"in_directory": "/data/chunks", "out_directory": "/data/results", "config": "/config/noiselog.json", "prf": 9});
    assert_eq!(system, expected);
    let root = format!("--volume-root {}", share.path().display());
    let docs = rendered(share.path(), &root);
    let system = of_kind(&docs, "ConfigMap")["data"]["system.json"]
        .as_str()
        .unwrap()
        .to_string();
    assert!(system.contains("\"/data/well 1/chunks\""), "{system}");
    let flow = include_str!("../../docs/examples/noiselog.json");
    assert_eq!(config["data"]["noiselog.json"], flow);
    let to_file = run(share.path(), "-o job.yaml");
    assert!(to_file.status.success() && to_file.stdout.is_empty());
    let text = std::fs::read_to_string(share.path().join("job.yaml")).unwrap();
    assert!(text.starts_with("# Made by distpy-gpu"), "{text}");
    assert!(text.lines().next().unwrap().contains("9 chunks"), "{text}");
    assert_eq!(parse(&text), rendered(share.path(), ""));
}

#[test]
fn what_cannot_be_is_refused() {
    let share = share();
    for (args, code, said) in [
        (
            "--shards 10",
            64,
            "--shards: found 10, expected at most 9, as there are 9 chunks",
        ),
        (
            "--volume nfs:share",
            64,
            "found \"nfs:share\", expected pvc:NAME or hostpath:/FOLDER",
        ),
        ("--pool tpu", 64, "invalid value 'tpu'"),
        (
            "--volume-root /elsewhere",
            64,
            "found a folder outside the volume, expected one below /elsewhere",
        ),
        ("-f nowhere", 64, "nowhere: found no folder"),
    ] {
        let ran = run(share.path(), args);
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(code), "{args}: {err}");
        assert!(err.contains(said), "{args}: {err}");
        assert!(ran.stdout.is_empty());
    }
    std::fs::write(
        share.path().join("noiselog.json"),
        "{\"command_list\": [{\"name\": \"ftf\", \"uid\": 1, \"in_uid\": 0}]}",
    )
    .unwrap();
    let ran = run(share.path(), "");
    assert_eq!(ran.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("did you mean \"fft\""));
}
