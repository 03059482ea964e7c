//! The checks themselves, against mistakes that people make: each is found, and says where.

use serde_json::{Value, json};

use super::render::{jobs, parse, render, root};
use super::{check, schema, tool};

/// A mistake: its overlay, the JSON pointer inside its Job (or, from `#`, its first ConfigMap) that is changed, the new value
/// (`null` takes it away), and what must be said of it.
type Mistake = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const POD: &str = "/spec/template/spec";
const BOX: &str = "/spec/template/spec/containers/0";

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    // Misspelt fields, at five levels.
    ("misspelt in the Job", "cpu", "/spec/paralelism", "4", "'paralelism' was unexpected"),
    ("misspelt in the pod", "cpu", "POD/restartpolicy", "\"Never\"", "'restartpolicy' was unexpected"),
    ("misspelt in the container", "cpu", "BOX/volumemounts", "[]", "'volumemounts' was unexpected"),
    ("misspelt in the security context", "cpu", "BOX/securityContext/readOnlyRootFileSystem", "true", "'readOnlyRootFileSystem' was unexpected"),
    ("misspelt in a rule", "cpu", "/spec/podFailurePolicy/rules/1/onExitCodes/value", "[1]", "'value' was unexpected"),
    // Types and values.
    ("a number as text", "cpu", "/spec/completions", "\"8\"", "'8' is not of type 'integer'"),
    ("a variable that is no text", "cpu", "BOX/env/0/value", "8", "8 is not of type"),
    ("a label that is no text", "gpu-nvidia", "POD/nodeSelector/nvidia.com~1gpu.present", "true", "True is not of type"),
    ("no template", "cpu", "/spec/template", "null", "'template' is a required property"),
    ("an API that is gone", "cpu", "/apiVersion", "\"batch/v1beta1\"", "expected the API of this kind"),
    ("not indexed", "cpu", "/spec/completionMode", "\"indexed\"", "completionMode: found \"indexed\", expected \"Indexed\""),
    ("restarted in place", "cpu", "POD/restartPolicy", "\"OnFailure\"", "restartPolicy: found \"OnFailure\", expected \"Never\""),
    ("replaced while it ends", "cpu", "/spec/podReplacementPolicy", "\"TerminatingOrFailed\"", "expected \"Failed\""),
    ("no retries", "cpu", "/spec/backoffLimitPerIndex", "null", "backoffLimitPerIndex: found null"),
    // Shards.
    ("shards that the program does not know", "cpu", "/spec/completions", "16", "env.DISTPY_SHARDS: found \"8\", expected \"16\""),
    ("shards forgotten", "cpu", "BOX/env", "[]", "env.DISTPY_SHARDS: found null"),
    ("more failures than shards", "cpu", "/spec/maxFailedIndexes", "9", "maxFailedIndexes: found 9, expected 1 to 8"),
    ("more pods than shards", "cpu", "/spec/parallelism", "9", "parallelism: found 9, expected 1 to 8"),
    // Failure policy.
    ("success as a failure", "cpu", "/spec/podFailurePolicy/rules/1/onExitCodes/values/0", "0", "expected no success"),
    ("another action than the program's", "cpu", "/spec/podFailurePolicy/rules/2/action", "\"FailJob\"", "expected FailIndex for DATAERR (65)"),
    ("an action that is none", "cpu", "/spec/podFailurePolicy/rules/2/action", "\"Failindex\"", "expected a known action"),
    ("a code that nobody ends with", "cpu", "/spec/podFailurePolicy/rules/1/onExitCodes/values", "[64, 77, 78]", "found 77, expected an exit code of the program"),
    ("a code forgotten", "cpu", "/spec/podFailurePolicy/rules/4/onExitCodes/values", "[69, 70, 75]", "rules for 74: found 0, expected exactly one rule"),
    ("a code twice", "cpu", "/spec/podFailurePolicy/rules/4/onExitCodes/values", "[69, 70, 74, 75, 65]", "rules for 65: found 2"),
    ("a container that is not there", "cpu", "/spec/podFailurePolicy/rules/1/onExitCodes/containerName", "\"main\"", "expected a container of the pod"),
    ("evictions counted", "cpu", "/spec/podFailurePolicy/rules/0/action", "\"Count\"", "expected Ignore of DisruptionTarget"),
    // Names, images, quantities.
    ("a name in capitals", "cpu", "/metadata/name", "\"DistpyGpu\"", "metadata.name: found \"DistpyGpu\""),
    ("a name that leaves no room", "cpu", "/metadata/name", "\"a-name-of-a-job-that-is-long-enough-to-leave-no-room-for-pods\"", "metadata.name"),
    ("a label that is none", "cpu", "/metadata/labels/app.kubernetes.io~1name", "\"distpy gpu\"", "expected a label"),
    ("an image that moves", "cpu", "BOX/image", "\"distpy-gpu:latest\"", "expected a tag that does not move"),
    ("an image without a tag", "cpu", "BOX/image", "\"registry.example.com:5000/distpy-gpu\"", "expected a tag that does not move"),
    ("a quantity that is none", "cpu", "BOX/resources/limits/memory", "\"4GiB\"", "resources.limits.memory: found \"4GiB\", expected a quantity"),
    ("a request above its limit", "cpu", "BOX/resources/requests/memory", "\"16Gi\"", "resources.requests.memory: found \"16Gi\""),
    // GPUs.
    ("GPUs overcommitted", "gpu-nvidia", "BOX/resources/requests/nvidia.com~1gpu", "\"2\"", "GPUs are not overcommitted"),
    ("no GPU asked for", "gpu-nvidia", "BOX/resources/limits/nvidia.com~1gpu", "null", "--device=gpu where a GPU is asked for"),
    ("Vulkan left outside", "gpu-nvidia", "BOX/env/0/value", "\"compute,utility\"", "expected graphics among them"),
    ("no toleration", "gke", "POD/tolerations", "null", "expected nvidia.com/gpu, Exists, NoSchedule"),
    ("an effect that is none", "gke", "POD/tolerations/0/effect", "\"NoSched\"", "expected a known effect"),
    ("no node label", "eks", "POD/nodeSelector", "null", "expected labels of nodes with a GPU"),
    ("a GPU on the CPU", "cpu", "BOX/args", "[\"-m\", \"strainrate2summary\", \"-c\", \"/config/system.json\", \"--log-format=json\", \"--stall-timeout=9\", \"--device=gpu\"]", "--device=gpu where a GPU is asked for"),
    // Volumes, configuration, arguments.
    ("a mount without a volume", "cpu", "BOX/volumeMounts/0/name", "\"scratch\"", "volumeMounts.name: found \"scratch\""),
    ("a volume that nobody mounts", "cpu", "POD/volumes/0/name", "\"scratch\"", "volumes: found \"scratch\""),
    ("a file that is not there", "cpu", "BOX/args/3", "\"/config/other.json\"", "expected a file of the ConfigMap"),
    ("a module that is none", "cpu", "BOX/args/1", "\"strainrate\"", "unknown module"),
    ("an argument that is none", "cpu", "BOX/args/4", "\"--log=json\"", "unexpected argument '--log'"),
    ("a variable that is not set", "single-file", "BOX/args/3", "\"/data/$(NAME)\"", "expected a variable of the container"),
    ("results where nothing is mounted", "cpu", "#/data/system.json", "\"{\\\"in_directory\\\": \\\"/data\\\", \\\"out_directory\\\": \\\"/results\\\", \\\"config\\\": \\\"/config/noiselog.json\\\"}\"", "out_directory: found \"/results\", expected a folder below a mount"),
    ("results at a URL of no store", "store", "#/data/system.json", "\"{\\\"in_directory\\\": \\\"s3://b/chunks\\\", \\\"out_directory\\\": \\\"https://b/results\\\", \\\"config\\\": \\\"/config/noiselog.json\\\"}\"", "out_directory: found \"https://b/results\", expected a URL of a store"),
    ("a bucket and nobody who may use it", "store", "POD/serviceAccountName", "null", "serviceAccountName: found null, expected an account of the manifest"),
    ("a flow that is not there", "cpu", "#/data/noiselog.json", "null", "expected a file of the ConfigMap"),
    ("a configuration that is no JSON", "cpu", "#/data/system.json", "\"{\"", "expected JSON"),
    // Security.
    ("root", "cpu", "POD/securityContext/runAsUser", "0", "expected a user that is not root"),
    ("a root file system to write to", "cpu", "BOX/securityContext/readOnlyRootFilesystem", "false", "readOnlyRootFilesystem: found false"),
    ("capabilities kept", "cpu", "BOX/securityContext/capabilities", "null", "capabilities.drop: found null"),
    ("no seccomp", "cpu", "POD/securityContext/seccompProfile", "null", "seccompProfile.type: found null"),
    ("a token of the API", "cpu", "POD/automountServiceAccountToken", "true", "automountServiceAccountToken: found true"),
    ("a folder of the node under restrictions", "cpu", "POD/volumes/0/hostPath", "{\"path\": \"/scratch\"}", "expected a namespace here that allows hostPath"),
    ("too little time to end", "cpu", "POD/terminationGracePeriodSeconds", "10", "expected time for the chunk in flight"),
];

fn set(doc: &mut Value, pointer: &str, value: &str) {
    let pointer = pointer
        .trim_start_matches('#')
        .replace("POD", POD)
        .replace("BOX", BOX);
    let value: Value = serde_json::from_str(value).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    let parent = doc
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{parent} is not there"));
    match (parent, value) {
        (Value::Object(fields), Value::Null) => {
            fields
                .remove(&key)
                .unwrap_or_else(|| panic!("{key} is not there"));
        }
        (Value::Object(fields), value) => {
            fields.insert(key, value);
        }
        (Value::Array(items), value) => items[key.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{other}"),
    }
}

#[test]
fn every_seeded_mistake_is_found() {
    let Some(tool) = tool() else { return };
    let codes = check::exit_codes();
    let version = schema::VERSIONS[0];
    let mut changed = Vec::new();
    for (name, overlay, pointer, value, _) in MISTAKES {
        let mut docs = render(&format!("overlays/{overlay}"));
        let kind = if pointer.starts_with('#') {
            "ConfigMap"
        } else {
            "Job"
        };
        let doc = docs.iter_mut().find(|doc| doc["kind"] == kind).unwrap();
        set(doc, pointer, value);
        changed.push((name.to_string(), docs));
    }
    let all: Vec<(String, Value)> = changed
        .iter()
        .flat_map(|(name, docs)| docs.iter().map(|doc| (name.clone(), doc.clone())))
        .collect();
    let by_schema = schema::validate(&tool, version, &all);
    for ((name, docs), (_, _, _, _, said)) in changed.iter().zip(MISTAKES) {
        let mut problems: Vec<String> = by_schema
            .iter()
            .filter(|line| line.starts_with(&format!("{name}: ")))
            .cloned()
            .collect();
        problems.extend(check::check(docs, &codes));
        assert!(
            problems.iter().any(|line| line.contains(said)),
            "{name}: {said}\nin\n{}",
            problems.join("\n")
        );
    }
    assert!(MISTAKES.len() >= 50);
}

#[test]
fn mistakes_inside_other_resources_are_found() {
    let Some(tool) = tool() else { return };
    let misspelt = |folder: &str, from: &str, to: &str| {
        let text = render(folder)
            .iter()
            .map(|doc| serde_yaml_ng::to_string(doc).unwrap() + "---\n")
            .collect::<String>();
        assert!(text.contains(from), "{folder}: {from}");
        let docs = parse(&text.replacen(from, to, 1));
        let mut all: Vec<(String, Value)> = docs
            .iter()
            .map(|doc| (folder.to_string(), doc.clone()))
            .collect();
        all.extend(jobs(&docs).into_iter().map(|job| (job.place, job.doc)));
        let mut problems = schema::validate(&tool, schema::VERSIONS[0], &all);
        problems.extend(check::check(&docs, &check::exit_codes()));
        problems.join("\n")
    };
    for (folder, from, to, said) in [
        (
            "pipeline/jobset",
            "dependsOn:",
            "dependson:",
            "replicatedJobs[1].dependson: unknown field",
        ),
        (
            "pipeline/jobset",
            "restartPolicy:",
            "restartpolicy:",
            "'restartpolicy' was unexpected",
        ),
        (
            "pipeline/jobset",
            "completions: 8",
            "completions: 9",
            "JobSet/distpy-gpu/ingest: env.DISTPY_SHARDS",
        ),
        (
            "pipeline/argo",
            "dependencies:",
            "depends_on:",
            "tasks[1].depends_on: unknown field",
        ),
        (
            "pipeline/argo",
            "restartPolicy: Never",
            "restart: Never",
            "'restart' was unexpected",
        ),
        (
            "pipeline/argo",
            "status.succeeded ==",
            "status.failed ==",
            "successCondition: found",
        ),
        (
            "pipeline/argo",
            "[64, 78]",
            "[64, 79]",
            "found 79, expected an exit code",
        ),
        (
            "kueue",
            "nominalQuota:",
            "quota:",
            "resources[0].quota: unknown field",
        ),
    ] {
        let problems = misspelt(folder, from, to);
        assert!(
            problems.contains(said),
            "{folder} {from}: {said}\nin\n{problems}"
        );
    }
}

#[test]
fn mistakes_in_plain_manifests_are_found() {
    let Some(tool) = tool() else { return };
    for (file, from, to, said) in [
        (
            "copy.yaml",
            "runAsUser: 65532",
            "runAsUser: 0",
            "Pod/distpy-copy: securityContext.runAsUser: found 0",
        ),
        (
            "copy.yaml",
            "enableServiceLinks:",
            "enableServicelinks:",
            "'enableServicelinks' was unexpected",
        ),
        (
            "copy.yaml",
            "distpy-gpu:0.1.0",
            "distpy-gpu",
            "expected a tag that does not move",
        ),
        (
            "volume.yaml",
            "accessModes:",
            "accessmodes:",
            "'accessmodes' was unexpected",
        ),
        (
            "namespace.yaml",
            "name: distpy",
            "name: Distpy",
            "metadata.name: found \"Distpy\"",
        ),
    ] {
        let text = std::fs::read_to_string(root().join("k8s").join(file)).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        let docs = parse(&text.replacen(from, to, 1));
        let all: Vec<_> = docs.iter().map(|doc| (file.into(), doc.clone())).collect();
        let mut problems = schema::validate(&tool, schema::VERSIONS[0], &all);
        problems.extend(check::check(&docs, &check::exit_codes()));
        let problems = problems.join("\n");
        assert!(
            problems.contains(said),
            "{file} {from}: {said}\nin\n{problems}"
        );
    }
}

#[test]
fn quantities_and_names_are_read_as_the_api_does() {
    let fine = render_quantity(&[
        json!("8Gi"),
        json!("100m"),
        json!(3),
        json!("1.5"),
        json!("2E"),
    ]);
    assert!(fine.iter().all(Option::is_some), "{fine:?}");
    let odd = render_quantity(&[
        json!("4GiB"),
        json!("4 Gi"),
        json!("-"),
        json!(null),
        json!("Gi"),
        json!("1gi"),
    ]);
    assert!(odd.iter().all(Option::is_none), "{odd:?}");
    assert_eq!(
        render_quantity(&[json!("1Ki"), json!("500m")]),
        [Some(1024.0), Some(0.5)]
    );
}

fn render_quantity(values: &[Value]) -> Vec<Option<f64>> {
    values.iter().map(check::quantity).collect()
}
