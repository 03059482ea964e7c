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

use render::{folders, render, tools};

#[test]
fn every_manifest_fits_the_api_strictly() {
    let Some(tools) = tools() else { return };
    let mut docs = Vec::new();
    for folder in folders() {
        let rendered = render(&folder);
        docs.extend(rendered.iter().map(|doc| (folder.clone(), doc.clone())));
        // A Job inside another resource is one as well.
        docs.extend(render::jobs(&rendered).into_iter().map(|job| {
            let place = format!("{folder}: {}", job.place);
            (place, job.doc)
        }));
    }
    assert!(docs.len() > 30, "only {} documents", docs.len());
    for version in schema::VERSIONS {
        let problems = schema::validate(&tools, version, &docs);
        assert!(problems.is_empty(), "{version}:\n{}", problems.join("\n"));
    }
}

#[test]
fn every_manifest_means_what_it_should() {
    if tools().is_none() {
        return;
    }
    let codes = check::exit_codes();
    let mut jobs = 0;
    for folder in folders() {
        let docs = render(&folder);
        let problems = check::check(&docs, &codes);
        assert!(problems.is_empty(), "{folder}:\n{}", problems.join("\n"));
        jobs += render::jobs(&docs).len();
    }
    assert!(jobs >= 15, "only {jobs} Jobs were checked");
}

#[test]
fn each_kind_of_pool_has_its_overlay() {
    if tools().is_none() {
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
        ("ingest-segy", "segy_ingest"),
        ("ingest-hdf5", "ingest_h5"),
    ] {
        let job = of(overlay);
        for word in words.split('|') {
            assert!(job.contains(word), "{overlay}: {word}");
        }
    }
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
    if tools().is_none() {
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
    if tools().is_none() {
        return;
    }
    let base = render::jobs(&render("base")).remove(0).doc;
    let jobs = render::jobs(&render("pipeline/argo"));
    assert_eq!(jobs.len(), 2);
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
