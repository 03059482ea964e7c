//! The Job of a pool of nodes, from the same files as the overlays in `k8s`: what kustomize does with them, as far as they use it.

use json_patch::Patch;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Where in `k8s` a pool's overlay is, and that it is embedded.
macro_rules! embedded {
    ($($path:literal)*) => {
        &[$(($path, include_str!(concat!("../../../k8s/", $path)))),*]
    };
}

static FILES: &[(&str, &str)] = embedded! {
    "base/kustomization.yaml" "base/job.yaml"
    "components/nvidia/kustomization.yaml" "components/nvidia/job.yaml"
    "components/amd/kustomization.yaml" "components/amd/job.yaml"
    "overlays/cpu/kustomization.yaml" "overlays/gpu-nvidia/kustomization.yaml" "overlays/gpu-amd/kustomization.yaml"
    "overlays/gke/kustomization.yaml" "overlays/eks/kustomization.yaml" "overlays/aks/kustomization.yaml"
};

/// A kustomization file, as far as it is used.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Kustomization {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "configMapGenerator")]
    _config_map_generator: Value,
    name_suffix: String,
    resources: Vec<String>,
    components: Vec<String>,
    labels: Vec<Labels>,
    images: Vec<Image>,
    patches: Vec<JobPatch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Labels {
    pairs: Map<String, Value>,
    #[serde(default)]
    include_templates: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Image {
    name: String,
    new_tag: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobPatch {
    #[serde(rename = "target")]
    _target: Value,
    path: Option<String>,
    patch: Option<String>,
}

/// The Job of an overlay.
pub fn job(overlay: &str) -> Value {
    let mut job = yaml::<Value>("base/job.yaml");
    apply("base", &mut job);
    apply(&format!("overlays/{overlay}"), &mut job);
    job
}

/// Applies the kustomization in a folder, its components first.
fn apply(folder: &str, job: &mut Value) {
    let kustomization: Kustomization = yaml(&format!("{folder}/kustomization.yaml"));
    let base = ["job.yaml", "../../base"].map(String::from);
    assert!(
        kustomization.resources.iter().all(|it| base.contains(it)),
        "{folder}: built from the base"
    );
    for component in &kustomization.components {
        let name = component.trim_start_matches("../");
        apply(name, job);
    }
    for patch in &kustomization.patches {
        if let Some(path) = &patch.path {
            merge(job, &without_name(yaml(&format!("{folder}/{path}"))));
        }
        if let Some(text) = &patch.patch {
            let patch: Patch = serde_yaml_ng::from_str(text).expect("an embedded patch");
            json_patch::patch(job, &patch).expect("an embedded patch fits");
        }
    }
    for labels in &kustomization.labels {
        extend(&mut job["metadata"]["labels"], &labels.pairs);
        if labels.include_templates {
            extend(
                &mut job["spec"]["template"]["metadata"]["labels"],
                &labels.pairs,
            );
        }
    }
    let container = &mut job["spec"]["template"]["spec"]["containers"][0];
    for image in &kustomization.images {
        let name = image_name(&container["image"]);
        if name == image.name {
            container["image"] = format!("{name}:{}", image.new_tag).into();
        }
    }
    let name = &mut job["metadata"]["name"];
    *name = format!(
        "{}{}",
        name.as_str().unwrap_or_default(),
        kustomization.name_suffix
    )
    .into();
}

fn image_name(image: &Value) -> String {
    let image = image.as_str().unwrap_or_default();
    image.split(':').next().unwrap_or_default().to_string()
}

fn extend(labels: &mut Value, pairs: &Map<String, Value>) {
    if labels.is_null() {
        *labels = Value::Object(Map::new());
    }
    if let Value::Object(labels) = labels {
        labels.extend(pairs.clone());
    }
}

/// A patch that applies to any Job has a name that means nothing.
fn without_name(mut patch: Value) -> Value {
    if let Some(fields) = patch.as_object_mut() {
        fields.remove("metadata");
    }
    patch
}

/// A strategic merge: objects by key, lists of named things by name, new ones in front as kustomize has it, other lists replaced.
fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                match into.get_mut(key) {
                    Some(old) => merge(old, value),
                    None => {
                        into.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(patch))
            if patch.iter().all(|it| it["name"].is_string()) =>
        {
            let mut new = Vec::new();
            for value in patch {
                match into.iter_mut().find(|old| old["name"] == value["name"]) {
                    Some(old) => merge(old, value),
                    None => new.push(value.clone()),
                }
            }
            into.splice(0..0, new);
        }
        (into, patch) => *into = patch.clone(),
    }
}

fn yaml<T: serde::de::DeserializeOwned>(path: &str) -> T {
    let (_, text) = FILES
        .iter()
        .find(|(known, _)| *known == path)
        .unwrap_or_else(|| panic!("{path} is embedded"));
    serde_yaml_ng::from_str(text).unwrap_or_else(|e| panic!("{path}: {e}"))
}
