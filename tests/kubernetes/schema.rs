//! The API's own schemas, and the fields of what has none here.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::render::{or_skip, own_tools, text};

/// The oldest version whose Jobs have every field that is used, and a recent one.
pub const VERSIONS: [&str; 2] = ["1.33", "1.36"];

/// Validates against the API's schemas.
pub fn validator() -> Option<PathBuf> {
    let tool = own_tools().join("venv/bin/kubernetes-validate");
    or_skip(tool.exists().then_some(tool), "kubernetes-validate")
}

/// What is wrong with some documents, each with the place that it is from.
pub fn validate(tool: &Path, version: &str, docs: &[(String, Value)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut problems = Vec::new();
    let mut files = Vec::new();
    for (k, (place, doc)) in docs.iter().enumerate() {
        match shape(text(&doc["apiVersion"])) {
            Some(shape) => problems.extend(
                unknown_fields(doc, &shape(text(&doc["kind"])), "")
                    .into_iter()
                    .map(|path| format!("{place}: {path}: unknown field")),
            ),
            None => {
                let file = format!("{k}.json");
                std::fs::write(folder.path().join(&file), doc.to_string()).unwrap();
                files.push(file);
            }
        }
    }
    problems.extend(
        run(tool, version, folder.path(), &files)
            .into_iter()
            .map(|line| {
                let number = line.split_once(".json").map_or("", |(before, _)| before);
                let number = number.rsplit(' ').next().unwrap_or_default();
                let place = number.parse().ok().and_then(|k: usize| docs.get(k));
                format!("{}: {line}", place.map_or("", |(place, _)| place))
            }),
    );
    problems
}

/// Every line that is not about success; a warning is a problem too.
fn run(tool: &Path, version: &str, folder: &Path, files: &[String]) -> Vec<String> {
    if files.is_empty() {
        return vec![];
    }
    let ran = Command::new(tool)
        .args(["--strict", "-k", version])
        .args(files)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    let passed = said
        .lines()
        .filter(|line| line.starts_with("INFO ") && line.contains(" passed "))
        .count();
    let mut problems: Vec<String> = said
        .lines()
        .filter(|line| !line.starts_with("INFO ") && !line.trim().is_empty())
        .map(str::to_string)
        .collect();
    if problems.is_empty() && (passed != files.len() || !ran.status.success()) {
        problems.push(format!("{passed} of {} passed: {said}", files.len()));
    }
    problems
}

/// The fields that resources outside the API may have here, by their API; `true` stands for anything below.
fn shape(api: &str) -> Option<fn(&str) -> Value> {
    match api {
        "jobset.x-k8s.io/v1alpha2" => Some(jobset),
        "argoproj.io/v1alpha1" => Some(workflow),
        "kueue.x-k8s.io/v1beta2" => Some(kueue),
        _ => None,
    }
}

fn with_envelope(spec: Value) -> Value {
    let metadata = json!({"name": true, "namespace": true, "labels": true, "annotations": true});
    json!({"apiVersion": true, "kind": true, "metadata": metadata, "spec": spec})
}

fn jobset(kind: &str) -> Value {
    // The Jobs inside are validated as Jobs.
    let replicated = json!([{"name": true, "replicas": true, "dependsOn": [{"name": true, "status": true}], "template": {"spec": true}}]);
    match kind {
        "JobSet" => {
            with_envelope(json!({"ttlSecondsAfterFinished": true, "replicatedJobs": replicated}))
        }
        _ => json!({}),
    }
}

fn workflow(kind: &str) -> Value {
    let parameters = json!({"parameters": [{"name": true, "value": true}]});
    let tasks =
        json!([{"name": true, "template": true, "dependencies": true, "arguments": parameters}]);
    let resource = json!({"action": true, "setOwnerReference": true, "successCondition": true, "failureCondition": true, "manifest": true});
    match kind {
        "WorkflowTemplate" => with_envelope(json!({
            "serviceAccountName": true, "entrypoint": true, "arguments": parameters,
            "templates": [{"name": true, "inputs": parameters, "dag": {"tasks": tasks}, "resource": resource}],
        })),
        _ => json!({}),
    }
}

fn kueue(kind: &str) -> Value {
    let flavors = json!([{"name": true, "resources": [{"name": true, "nominalQuota": true}]}]);
    match kind {
        "ResourceFlavor" => with_envelope(json!({"nodeLabels": true})),
        "LocalQueue" => with_envelope(json!({"clusterQueue": true})),
        "ClusterQueue" => with_envelope(json!({
            "namespaceSelector": true, "flavorFungibility": {"whenCanBorrow": true, "whenCanPreempt": true},
            "resourceGroups": [{"coveredResources": true, "flavors": flavors}],
        })),
        _ => json!({}),
    }
}

fn unknown_fields(value: &Value, shape: &Value, path: &str) -> Vec<String> {
    match (value, shape) {
        (_, Value::Bool(true)) => vec![],
        (Value::Object(fields), Value::Object(known)) => fields
            .iter()
            .flat_map(|(name, value)| {
                let path = format!("{path}.{name}");
                match known.get(name) {
                    Some(shape) => unknown_fields(value, shape, &path),
                    None => vec![path],
                }
            })
            .collect(),
        (Value::Array(items), Value::Array(shapes)) => items
            .iter()
            .enumerate()
            .flat_map(|(k, item)| unknown_fields(item, &shapes[0], &format!("{path}[{k}]")))
            .collect(),
        _ => vec![format!("{path} (of another type)")],
    }
}
