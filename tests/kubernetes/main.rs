//! The Kubernetes manifests: rendered as a user would, validated strictly against two versions of the API, checked for what no
//! schema knows, and the checks themselves against seeded mistakes.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![allow(
    clippy::print_stderr,
    reason = "a test says on the console why it was skipped"
)]

mod check;
mod mistakes;
mod render;
mod render_job;
mod schema;

use render::{folders, render};

/// The validator, where kustomize is there too.
fn tool() -> Option<std::path::PathBuf> {
    render::kustomize().and_then(|_| schema::validator())
}

/// What a user may apply, each with the documents that it gives.
fn everything() -> Vec<(String, Vec<serde_json::Value>)> {
    let rendered = folders().into_iter().map(|folder| {
        let docs = render(&folder);
        (folder, docs)
    });
    rendered.chain(render::plain()).collect()
}

#[test]
fn every_manifest_fits_the_api_strictly() {
    let Some(tool) = tool() else { return };
    let mut docs = Vec::new();
    for (folder, rendered) in everything() {
        docs.extend(rendered.iter().map(|doc| (folder.clone(), doc.clone())));
        // A Job inside another resource is one as well.
        docs.extend(render::jobs(&rendered).into_iter().map(|job| {
            let place = format!("{folder}: {}", job.place);
            (place, job.doc)
        }));
    }
    assert!(docs.len() > 30, "only {} documents", docs.len());
    for version in schema::VERSIONS {
        let problems = schema::validate(&tool, version, &docs);
        assert!(problems.is_empty(), "{version}:\n{}", problems.join("\n"));
    }
}

#[test]
fn every_manifest_means_what_it_should() {
    if render::kustomize().is_none() {
        return;
    }
    let codes = check::exit_codes();
    let mut jobs = 0;
    for (folder, docs) in everything() {
        let problems = check::check(&docs, &codes);
        assert!(problems.is_empty(), "{folder}:\n{}", problems.join("\n"));
        jobs += render::jobs(&docs).len();
    }
    assert!(jobs >= 15, "only {jobs} Jobs were checked");
}

#[test]
fn each_kind_of_pool_has_its_overlay() {
    if render::kustomize().is_none() {
        return;
    }
    let of = |overlay: &str| {
        let docs = render(&format!("overlays/{overlay}"));
        render::jobs(&docs).remove(0).doc.to_string()
    };
    for (overlay, words) in [
        (
            "gpu-nvidia",
            "nvidia.com/gpu.present|nvidia.com/gpu|graphics|--device=gpu",
        ),
        (
            "gke",
            "cloud.google.com/gke-accelerator|nvidia.com/gpu|--device=gpu",
        ),
        (
            "eks",
            "node.kubernetes.io/instance-type|nvidia.com/gpu|--device=gpu",
        ),
        (
            "aks",
            "kubernetes.azure.com/accelerator|nvidia.com/gpu|\"sku\"|--device=gpu",
        ),
        (
            "gpu-amd",
            "amd.com/gpu|supplementalGroups|-mesa|--device=gpu",
        ),
        ("cpu", "--device=cpu|--reverse"),
        ("kueue", "kueue.x-k8s.io/queue-name|\"suspend\":true"),
        ("hostpath", "hostPath"),
        ("single-file", "$(FILE)|hostPath"),
        ("bucket-gcs", "gcsfuse.csi.storage.gke.io"),
        (
            "store",
            "\"serviceAccountName\":\"distpy-gpu\"|azure.workload.identity/use|--device=gpu",
        ),
        ("ingest-segy", "segy_ingest"),
        ("ingest-hdf5", "ingest_h5"),
        ("curves", "ingest_witsml|/config/curves.json"),
        ("pictures", "plotgenerator|/config/pictures.json"),
    ] {
        let job = of(overlay);
        for word in words.split('|') {
            assert!(job.contains(word), "{overlay}: {word}");
        }
    }
    assert!(
        !of("store").contains("persistentVolumeClaim"),
        "data is in the store"
    );
    for overlay in [
        "cpu",
        "hostpath",
        "single-file",
        "ingest-segy",
        "ingest-hdf5",
    ] {
        for word in ["nvidia", "amd.com", "--device=gpu"] {
            assert!(!of(overlay).contains(word), "{overlay}: {word}");
        }
    }
}

/// The number of shards of a user's own overlay stands in one place.
#[test]
fn one_number_changes_the_shards() {
    if render::kustomize().is_none() {
        return;
    }
    let copy = tempfile::tempdir().unwrap();
    let from = render::root().join("k8s");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(&from)
        .arg(copy.path())
        .status();
    assert!(copied.unwrap().success());
    let file = copy.path().join("k8s/overlays/my-run/kustomization.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches("value: 64").count(), 1);
    std::fs::write(&file, text.replace("value: 64", "value: 77")).unwrap();
    let docs = render::render_at(&copy.path().join("k8s/overlays/my-run"));
    let job = &render::jobs(&docs)[0].doc;
    assert_eq!(job["spec"]["completions"], 77);
    assert_eq!(job["spec"]["maxFailedIndexes"], 77);
    let problems = check::check(&docs, &check::exit_codes());
    assert!(problems.is_empty(), "{problems:?}");
}

/// Argo's Job is written out once more, as text; it must stay the base's.
#[test]
fn the_workflows_jobs_are_the_bases() {
    if render::kustomize().is_none() {
        return;
    }
    let base = render::jobs(&render("base")).remove(0).doc;
    let jobs = render::jobs(&render("pipeline/argo"));
    assert_eq!(jobs.len(), 4);
    for job in jobs {
        let mut spec = job.doc["spec"].clone();
        let mut expected = base["spec"].clone();
        for spec in [&mut spec, &mut expected] {
            let template = spec["template"].as_object_mut().unwrap();
            template.remove("metadata");
            let pod = &mut template["spec"];
            pod["containers"][0]["args"] = serde_json::Value::Null;
        }
        assert_eq!(spec, expected, "{}", job.place);
    }
}

/// What the guide names exists, and its table of exit codes is the program's.
#[test]
fn the_guide_is_true() {
    let guide = std::fs::read_to_string(render::root().join("k8s/README.md")).unwrap();
    let words = guide.split(|c: char| c.is_whitespace() || "`()".contains(c));
    let paths: Vec<&str> = words.filter(|word| word.starts_with("k8s/")).collect();
    assert!(paths.len() >= 12, "{paths:?}");
    for path in paths {
        assert!(render::root().join(path).exists(), "{path}");
    }
    for folder in folders() {
        let Some(overlay) = folder.strip_prefix("overlays/") else {
            continue;
        };
        assert!(
            guide.contains(&format!("`{overlay}`")),
            "{overlay} is not in the table"
        );
    }
    let first = guide
        .split("```sh")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    assert_eq!(first.trim().lines().count(), 5, "{first}");
    let steps = first
        .split("run.sh ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    for step in steps.split_whitespace() {
        assert!(folders().contains(&format!("overlays/{step}")), "{step}");
    }
    for code in check::exit_codes() {
        let row = guide.lines().find(|line| {
            let codes = line
                .strip_prefix("| ")
                .and_then(|line| line.split(" |").next());
            codes.is_some_and(|codes| codes.split(", ").any(|it| it == code.code.to_string()))
        });
        let row = row.unwrap_or_else(|| panic!("{} is not in the table", code.code));
        let does = match code.policy.as_str() {
            "Complete" => "complete",
            "FailJob" => "fails at once",
            "FailIndex" => "gives up the shard",
            "Ignore" => "not counted",
            _ => "retries",
        };
        assert!(row.contains(does), "{row}: {does}");
    }
}

/// The script applies one step after the other, and stops where one fails.
#[test]
fn the_script_waits_for_each_step() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let kubectl = place.path().join("kubectl");
    // Stands in for a cluster: a Job is complete when it has been looked at twice; the Job of `cpu` fails.
    let script = r#"#!/bin/sh
set -eu
cd "$(dirname "$0")"
echo "$*" >> calls
state() {
    [ "$(wc -l < "$1")" -ge 2 ] || return 0
    case "$1" in *cpu) echo FailureTarget Failed ;; *) echo SuccessCriteriaMet Complete ;; esac
}
case "$*" in
    apply*--dry-run=client*)
        name=distpy-gpu-$(basename "$3")
        echo "wells $name $([ ! -e "$name" ] || state "$name")" ;;
    apply*) name=distpy-gpu-$(basename "$3"); [ -e "$name" ] || : > "$name" ;;
    delete*) rm "$3" ;;
    *Failed*.message*) echo 'the reason' ;;
    get*) echo look >> "$3"; state "$3" ;;
esac
"#;
    std::fs::write(&kubectl, script).unwrap();
    std::fs::set_permissions(&kubectl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = |steps: &[&str]| {
        let ran = std::process::Command::new(render::root().join("k8s/pipeline/kubectl/run.sh"))
            .args(steps)
            .env("KUBECTL", &kubectl)
            .env("POLL_SECONDS", "0")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (ran.status.code(), text(ran.stdout), text(ran.stderr))
    };
    let (code, out, err) = run(&["ingest-segy", "ingest-hdf5"]);
    let lines: Vec<&str> = out.lines().collect();
    let expected = [
        "distpy-gpu-ingest-segy: started",
        "distpy-gpu-ingest-segy: complete",
        "distpy-gpu-ingest-hdf5: started",
        "distpy-gpu-ingest-hdf5: complete",
    ];
    assert_eq!((code, &lines[..]), (Some(0), &expected[..]), "{err}");
    let calls = || std::fs::read_to_string(place.path().join("calls")).unwrap();
    assert!(!calls().contains("delete"), "{}", calls());
    // The overlay's namespace may be another than the user's.
    let looks = calls();
    let mut looks = looks.lines().filter(|call| call.starts_with("get"));
    assert!(looks.all(|call| call.contains("--namespace=wells")));
    // A Job that has ended would stay as it is, whatever recordings are new.
    let (code, out, _) = run(&["ingest-segy"]);
    assert_eq!((code, out.lines().count()), (Some(0), 2), "{out}");
    assert!(
        calls().contains("delete job distpy-gpu-ingest-segy --namespace=wells"),
        "{}",
        calls()
    );
    let (code, out, err) = run(&["cpu", "gke"]);
    assert_eq!((code, out.as_str()), (Some(1), "distpy-gpu-cpu: started\n"));
    assert!(
        err.contains("the reason") && err.contains("were not started"),
        "{err}"
    );
    assert_eq!(run(&["nowhere"]).0, Some(64));
    assert_eq!(run(&[]).0, Some(64));
}
