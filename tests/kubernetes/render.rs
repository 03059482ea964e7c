//! Manifests as the cluster would get them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `make test` puts tools.
pub fn own_tools() -> PathBuf {
    let folder = std::env::var_os("DISTPY_GPU_TEST_TOOLS");
    folder.map_or_else(|| root().join("target/test-tools"), PathBuf::from)
}

/// A tool that may be missing: then tests are skipped with a message; where `DISTPY_GPU_TESTS=require` is set that is a failure.
pub fn or_skip<T>(tool: Option<T>, name: &str) -> Option<T> {
    if tool.is_none() {
        let required = std::env::var("DISTPY_GPU_TESTS").is_ok_and(|v| v == "require");
        assert!(!required, "DISTPY_GPU_TESTS=require, but {name} is missing");
        eprintln!("tests of manifests are skipped: {name} is missing, `make test` installs it");
    }
    tool
}

/// `kubectl kustomize`, or `kustomize build`.
pub fn kustomize() -> Option<Vec<String>> {
    let own = own_tools().join("kustomize").display().to_string();
    let known = [
        [&own, "build"],
        ["kubectl", "kustomize"],
        ["kustomize", "build"],
    ];
    let works = |command: &[&str; 2]| {
        let help = Command::new(command[0])
            .args([command[1], "--help"])
            .output();
        help.is_ok_and(|ran| ran.status.success())
    };
    let found = known.into_iter().find(works);
    let found = found.map(|command| command.map(String::from).to_vec());
    or_skip(found, "kustomize")
}

/// Every folder below `k8s` that a user may apply, as its path there.
pub fn folders() -> Vec<String> {
    let k8s = root().join("k8s");
    let pattern = k8s.join("**/kustomization.yaml").display().to_string();
    let folders = glob::glob(&pattern).unwrap().map(|file| {
        let file = file.unwrap();
        let folder = file.parent().unwrap().strip_prefix(&k8s).unwrap();
        folder.display().to_string()
    });
    // Parts of others.
    let part = |folder: &String| folder.starts_with("components") || folder.ends_with("/steps");
    let folders: Vec<String> = folders.filter(|folder| !part(folder)).collect();
    assert!(folders.len() >= 17, "{folders:?}");
    folders
}

/// The manifests in `k8s` itself, which are applied as they are: their names with their documents.
pub fn plain() -> Vec<(String, Vec<Value>)> {
    let pattern = root().join("k8s/*.yaml").display().to_string();
    let files = glob::glob(&pattern).unwrap().map(|file| {
        let file = file.unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        (name, parse(&std::fs::read_to_string(&file).unwrap()))
    });
    let files: Vec<_> = files.collect();
    assert!(files.len() >= 3, "{files:?}");
    files
}

/// The documents that a folder below `k8s` renders to.
pub fn render(folder: &str) -> Vec<Value> {
    render_at(&root().join("k8s").join(folder))
}

pub fn render_at(folder: &Path) -> Vec<Value> {
    let kustomize = kustomize().expect("the caller has looked");
    let ran = Command::new(&kustomize[0])
        .args(&kustomize[1..])
        .arg(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    // A deprecated field is a warning there.
    assert!(
        ran.status.success() && said.is_empty(),
        "{}: {said}",
        folder.display()
    );
    parse(&String::from_utf8(ran.stdout).unwrap())
}

pub fn parse(yaml: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(yaml)
        .map(|doc| Value::deserialize(doc).unwrap_or_else(|e| panic!("{e}:\n{yaml}")))
        .filter(|doc| !doc.is_null())
        .collect()
}

/// A Job, wherever it stands.
#[derive(Debug)]
pub struct Job {
    /// For messages: `Job/distpy-gpu`, `JobSet/distpy-gpu/ingest`.
    pub place: String,
    /// The Job itself, as it would be made.
    pub doc: Value,
}

/// The Jobs of some documents, those inside JobSets and workflows too.
pub fn jobs(docs: &[Value]) -> Vec<Job> {
    docs.iter().flat_map(jobs_of).collect()
}

fn jobs_of(doc: &Value) -> Vec<Job> {
    let name = text(&doc["metadata"]["name"]);
    match text(&doc["kind"]) {
        "Job" => vec![Job {
            place: format!("Job/{name}"),
            doc: doc.clone(),
        }],
        "JobSet" => list(&doc["spec"]["replicatedJobs"])
            .iter()
            .map(|replicated| {
                let part = text(&replicated["name"]);
                let doc = serde_json::json!({
                    "apiVersion": "batch/v1", "kind": "Job",
                    "metadata": {"name": format!("{name}-{part}-0"), "namespace": doc["metadata"]["namespace"]},
                    "spec": replicated["template"]["spec"],
                });
                Job {
                    place: format!("JobSet/{name}/{part}"),
                    doc: without_nulls(doc),
                }
            })
            .collect(),
        "WorkflowTemplate" => workflow_jobs(doc),
        _ => vec![],
    }
}

fn without_nulls(mut doc: Value) -> Value {
    if let Some(metadata) = doc["metadata"].as_object_mut() {
        metadata.retain(|_, value| !value.is_null());
    }
    doc
}

/// Each task's Job, with the workflow's parameters put in as Argo does it: as text.
fn workflow_jobs(doc: &Value) -> Vec<Job> {
    let name = text(&doc["metadata"]["name"]);
    let templates = list(&doc["spec"]["templates"]);
    let parameters = |list_of: &Value| -> Vec<(String, String)> {
        let pairs = list(&list_of["parameters"]).iter();
        pairs
            .map(|p| (text(&p["name"]).into(), text(&p["value"]).into()))
            .collect()
    };
    let mut jobs = Vec::new();
    for task in templates.iter().flat_map(|it| list(&it["dag"]["tasks"])) {
        let template = templates
            .iter()
            .find(|it| it["name"] == task["template"])
            .unwrap_or_else(|| panic!("{name}: no template {}", task["template"]));
        let mut manifest = text(&template["resource"]["manifest"]).to_string();
        let values = parameters(&doc["spec"]["arguments"])
            .into_iter()
            .map(|p| ("workflow", p));
        let values = values.chain(
            parameters(&task["arguments"])
                .into_iter()
                .map(|p| ("inputs", p)),
        );
        for (scope, (parameter, value)) in values {
            manifest = manifest.replace(&format!("{{{{{scope}.parameters.{parameter}}}}}"), &value);
        }
        assert!(
            !manifest.contains("{{"),
            "{name}: a parameter is not given:\n{manifest}"
        );
        let mut job = parse(&manifest).remove(0);
        // The API makes a name of it.
        let metadata = job["metadata"].as_object_mut().unwrap();
        let prefix = metadata
            .remove("generateName")
            .expect("steps may run again");
        metadata.insert("name".into(), format!("{}x1234", text(&prefix)).into());
        jobs.push(Job {
            place: format!("WorkflowTemplate/{name}/{}", text(&task["name"])),
            doc: job,
        });
    }
    jobs
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
