//! What no schema knows: how the parts of a manifest belong together, and with the program.

mod pod;
mod syntax;

use std::process::Command;

use serde_json::Value;

use super::render::{self, list, text};
pub use syntax::quantity;

/// An exit code as the program lists it.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct ExitCode {
    pub code: i64,
    pub name: String,
    /// What a Job should do, in the words of its policy.
    pub policy: String,
}

/// What the program says of its exit codes.
pub fn exit_codes() -> Vec<ExitCode> {
    let ran = Command::new(env!("CARGO_BIN_EXE_distpy-gpu"))
        .args(["-m", "exit-codes", "--json"])
        .output()
        .unwrap();
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// Every problem of the documents that are applied together, one line each: place, what was found, what was expected.
pub fn check(docs: &[Value], codes: &[ExitCode]) -> Vec<String> {
    let mut problems = Vec::new();
    for doc in docs {
        let place = format!("{}/{}", text(&doc["kind"]), text(&doc["metadata"]["name"]));
        let mut found = Found::new(&place);
        envelope(doc, &mut found);
        problems.extend(found.problems);
    }
    for job in render::jobs(docs) {
        let mut found = Found::new(&job.place);
        check_job(&job.doc, docs, codes, &mut found);
        problems.extend(found.problems);
    }
    problems.extend(conditions(docs));
    problems
}

/// Problems of one resource.
pub struct Found {
    place: String,
    pub problems: Vec<String>,
}

impl Found {
    fn new(place: &str) -> Self {
        Self {
            place: place.to_string(),
            problems: vec![],
        }
    }

    pub fn require(&mut self, holds: bool, path: &str, found: &Value, expected: &str) {
        if !holds {
            let place = &self.place;
            self.problems.push(format!(
                "{place}: {path}: found {found}, expected {expected}"
            ));
        }
    }

    pub fn equal(&mut self, value: &Value, path: &str, expected: impl Into<Value>) {
        let expected = expected.into();
        self.require(*value == expected, path, value, &expected.to_string());
    }
}

const KINDS: &[(&str, &str)] = &[
    ("v1", "ConfigMap"),
    ("v1", "Namespace"),
    ("v1", "PersistentVolume"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "ServiceAccount"),
    ("batch/v1", "Job"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("jobset.x-k8s.io/v1alpha2", "JobSet"),
    ("argoproj.io/v1alpha1", "WorkflowTemplate"),
    ("kueue.x-k8s.io/v1beta2", "ResourceFlavor"),
    ("kueue.x-k8s.io/v1beta2", "ClusterQueue"),
    ("kueue.x-k8s.io/v1beta2", "LocalQueue"),
];

fn envelope(doc: &Value, found: &mut Found) {
    let kind = (text(&doc["apiVersion"]), text(&doc["kind"]));
    found.require(
        KINDS.contains(&kind),
        "apiVersion",
        &doc["apiVersion"],
        "the API of this kind",
    );
    let name = &doc["metadata"]["name"];
    found.require(
        syntax::is_name(text(name)),
        "metadata.name",
        name,
        "lower case, digits and `-`",
    );
    for part in ["labels", "annotations"] {
        syntax::map_of_text(
            &doc["metadata"][part],
            &format!("metadata.{part}"),
            part == "labels",
            found,
        );
    }
    if kind.1 == "ConfigMap" {
        syntax::map_of_text(&doc["data"], "data", false, found);
    }
}

fn check_job(job: &Value, docs: &[Value], codes: &[ExitCode], found: &mut Found) {
    let spec = &job["spec"];
    let name = text(&job["metadata"]["name"]);
    let completions = spec["completions"].as_i64().unwrap_or(0);
    // The index and five characters are added to a pod's name.
    let longest = 63 - completions.to_string().len() - 7;
    found.require(
        name.len() <= longest,
        "metadata.name",
        &name.into(),
        &format!("at most {longest} characters"),
    );
    found.equal(&spec["completionMode"], "spec.completionMode", "Indexed");
    found.equal(
        &spec["podReplacementPolicy"],
        "spec.podReplacementPolicy",
        "Failed",
    );
    let pod = &spec["template"]["spec"];
    found.equal(
        &pod["restartPolicy"],
        "spec.template.spec.restartPolicy",
        "Never",
    );
    found.require(
        completions >= 1,
        "spec.completions",
        &spec["completions"],
        "a number of shards",
    );
    for key in ["parallelism", "maxFailedIndexes"] {
        let fits = spec[key]
            .as_i64()
            .is_some_and(|n| (1..=completions).contains(&n));
        found.require(
            fits,
            &format!("spec.{key}"),
            &spec[key],
            &format!("1 to {completions}, the completions"),
        );
    }
    let retries = &spec["backoffLimitPerIndex"];
    found.require(
        retries.as_i64().is_some_and(|n| n >= 1),
        "spec.backoffLimitPerIndex",
        retries,
        "at least 1",
    );
    let containers = list(&pod["containers"]);
    policy(&spec["podFailurePolicy"]["rules"], containers, codes, found);
    syntax::map_of_text(
        &spec["template"]["metadata"]["labels"],
        "spec.template.metadata.labels",
        true,
        found,
    );
    pod::check(job, docs, found);
    for container in containers {
        let shards = list(&container["env"])
            .iter()
            .find(|it| it["name"] == "DISTPY_SHARDS");
        let value = shards.map_or(&Value::Null, |it| &it["value"]);
        found.equal(value, "env.DISTPY_SHARDS", completions.to_string());
        arguments(container, found);
    }
}

/// The rules of a failure policy, against the program's own list.
fn policy(rules: &Value, containers: &[Value], codes: &[ExitCode], found: &mut Found) {
    let path = "spec.podFailurePolicy.rules";
    let rules = list(rules);
    let first = rules.first().cloned().unwrap_or_default();
    let disrupted =
        first["action"] == "Ignore" && first["onPodConditions"][0]["type"] == "DisruptionTarget";
    found.require(
        disrupted,
        &format!("{path}[0]"),
        &first,
        "Ignore of DisruptionTarget",
    );
    let known = |value: &Value| codes.iter().find(|code| Some(code.code) == value.as_i64());
    for (k, rule) in rules.iter().enumerate() {
        let path = format!("{path}[{k}]");
        let action = &rule["action"];
        let actions = ["Ignore", "FailJob", "FailIndex", "Count"];
        found.require(
            actions.contains(&text(action)),
            &format!("{path}.action"),
            action,
            "a known action",
        );
        let exit = &rule["onExitCodes"];
        if exit.is_null() {
            found.require(
                !list(&rule["onPodConditions"]).is_empty(),
                &path,
                rule,
                "exit codes or conditions",
            );
            continue;
        }
        found.equal(&exit["operator"], &format!("{path}.operator"), "In");
        let container = &exit["containerName"];
        let named = containers.iter().any(|it| it["name"] == *container);
        found.require(
            named,
            &format!("{path}.containerName"),
            container,
            "a container of the pod",
        );
        for value in list(&exit["values"]) {
            found.require(*value != 0, &format!("{path}.values"), value, "no success");
            match known(value) {
                Some(code) => found.require(
                    *action == code.policy,
                    &format!("{path}.action"),
                    action,
                    &format!("{} for {} ({value})", code.policy, code.name),
                ),
                None => found.require(
                    false,
                    &format!("{path}.values"),
                    value,
                    "an exit code of the program",
                ),
            }
        }
    }
    for code in codes.iter().filter(|code| code.code != 0) {
        let named = rules
            .iter()
            .flat_map(|rule| list(&rule["onExitCodes"]["values"]));
        let times = named
            .filter(|value| value.as_i64() == Some(code.code))
            .count();
        found.require(
            times == 1,
            &format!("{path} for {}", code.code),
            &times.into(),
            "exactly one rule",
        );
    }
}

/// The arguments, read by the program itself after Kubernetes has put in variables.
fn arguments(container: &Value, found: &mut Found) {
    let mut values: Vec<(String, String)> = list(&container["env"])
        .iter()
        .map(|it| {
            (
                text(&it["name"]).to_string(),
                text(&it["value"]).to_string(),
            )
        })
        .collect();
    values.push(("JOB_COMPLETION_INDEX".into(), "0".into()));
    let mut args = Vec::new();
    for arg in list(&container["args"]) {
        let mut arg = text(arg).to_string();
        for (name, value) in &values {
            arg = arg.replace(&format!("$({name})"), value);
        }
        found.require(
            !arg.contains("$("),
            "args",
            &arg.clone().into(),
            "a variable of the container",
        );
        args.push(arg);
    }
    let ran = Command::new(env!("CARGO_BIN_EXE_distpy-gpu"))
        .args(&args)
        .arg("--check-args")
        .env_clear()
        .envs(values)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).trim().to_string();
    found.require(
        ran.status.success(),
        "args",
        &args.into(),
        &format!("arguments of the program: {said}"),
    );
    for flag in ["--log-format=json", "--stall-timeout="] {
        let given = list(&container["args"])
            .iter()
            .any(|arg| text(arg).starts_with(flag));
        found.require(given, "args", &container["args"], flag);
    }
}

/// A workflow's step is over when its Job is, and not at its first retry.
fn conditions(docs: &[Value]) -> Vec<String> {
    let mut problems = Vec::new();
    let jobs = render::jobs(docs);
    for doc in docs.iter().filter(|doc| doc["kind"] == "WorkflowTemplate") {
        let mut found = Found::new(&format!(
            "WorkflowTemplate/{}",
            text(&doc["metadata"]["name"])
        ));
        for template in list(&doc["spec"]["templates"]) {
            let resource = &template["resource"];
            if resource.is_null() {
                continue;
            }
            let shards = "{{workflow.parameters.shards}}";
            let success = format!("status.succeeded == {shards}");
            found.equal(&resource["successCondition"], "successCondition", success);
            let failure = "status.conditions.0.type in (FailureTarget, Failed)";
            found.equal(&resource["failureCondition"], "failureCondition", failure);
        }
        found.require(!jobs.is_empty(), "spec.templates", &Value::Null, "a Job");
        problems.extend(found.problems);
    }
    problems
}
