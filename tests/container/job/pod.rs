//! A pod template as containers.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_yaml_ng::Value;

use super::expand::{expand, quantity};
use super::{Cluster, Ended};
use crate::podman::{Container, Mount};

/// Where Kubernetes takes a container's last word from, unless the container says otherwise.
const MESSAGE: &str = "/dev/termination-log";

const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// One pod of a Job.
pub struct Pod<'a> {
    cluster: &'a Cluster<'a>,
    job: &'a Value,
    index: u32,
    /// Holds what is made for this pod alone.
    scratch: tempfile::TempDir,
    volumes: BTreeMap<String, PathBuf>,
}

impl<'a> Pod<'a> {
    pub fn new(cluster: &'a Cluster, job: &'a Value, index: u32) -> Self {
        let mut pod = Self {
            cluster,
            job,
            index,
            scratch: tempfile::tempdir().unwrap(),
            volumes: BTreeMap::new(),
        };
        let volumes = pod.spec()["volumes"].as_sequence();
        for volume in volumes.into_iter().flatten() {
            let folder = pod.folder(volume);
            pod.volumes.insert(text(&volume["name"]), folder);
        }
        pod
    }

    fn spec(&self) -> &'a Value {
        &self.job["spec"]["template"]["spec"]
    }

    /// Runs the pod's containers: those that prepare, then the one that works; evicts that one after a while if asked to.
    pub fn run(&self, eviction: Option<Duration>) -> Ended {
        let spec = self.spec();
        assert_eq!(spec["restartPolicy"], "Never", "the Job restarts its pods");
        let prepare = spec["initContainers"].as_sequence();
        for container in prepare.into_iter().flatten() {
            let ended = self.run_container(container, None);
            if ended.ran.code != 0 {
                return ended;
            }
        }
        match spec["containers"].as_sequence().unwrap().as_slice() {
            [container] => self.run_container(container, eviction),
            several => panic!("a pod of {} containers, expected 1", several.len()),
        }
    }

    fn run_container(&self, template: &Value, eviction: Option<Duration>) -> Ended {
        let message = self.scratch.path().join("message");
        write(&message, "");
        let container = self.container(template, &message);
        let ran = match eviction {
            None => container.run(),
            Some(after) => {
                let running = container.start();
                std::thread::sleep(after);
                let grace = super::number(&self.spec()["terminationGracePeriodSeconds"]);
                running.stop(grace.unwrap_or(30));
                running.wait()
            }
        };
        Ended {
            index: self.index,
            container: text(&template["name"]),
            ran,
            message: std::fs::read_to_string(message).unwrap(),
            evicted: eviction.is_some(),
        }
    }

    fn container(&self, template: &Value, message: &Path) -> Container {
        let image = self.cluster.image.clone();
        let image = image.unwrap_or_else(|| text(&template["image"]));
        let env = self.env(template);
        let words = |key: &str| {
            let list = template[key].as_sequence()?.iter();
            Some(list.map(|word| expand(&text(word), &env)).collect())
        };
        let limit = |name: &str| {
            let limit = &template["resources"]["limits"][name];
            (!limit.is_null()).then(|| quantity(&text(limit)))
        };
        let mut container = Container {
            entrypoint: words("command"),
            args: words("args").unwrap_or_default(),
            mounts: self.mounts(template),
            workdir: template["workingDir"].as_str().map(str::to_owned),
            hostname: Some(format!(
                "{}-{}",
                text(&self.job["metadata"]["name"]),
                self.index
            )),
            memory: limit("memory").map(|bytes| format!("{bytes:.0}b")),
            cpus: limit("cpu"),
            ..Container::new(&image, "")
        };
        let path = template["terminationMessagePath"].as_str();
        container.mounts.push(Mount {
            host: message.to_owned(),
            path: path.unwrap_or(MESSAGE).to_owned(),
            writable: true,
        });
        container.env = env;
        self.restrict(&mut container, &template["securityContext"]);
        container
    }

    /// Applies the security contexts; a container's goes before its pod's.
    fn restrict(&self, container: &mut Container, own: &Value) {
        let of_pod = &self.spec()["securityContext"];
        let either = |key: &str| super::number(&own[key]).or(super::number(&of_pod[key]));
        container.user = either("runAsUser").map(|user| match either("runAsGroup") {
            Some(group) => format!("{user}:{group}"),
            None => user.to_string(),
        });
        let more = of_pod["supplementalGroups"].as_sequence();
        container.groups = more
            .into_iter()
            .flatten()
            .chain([&of_pod["fsGroup"]])
            .filter_map(super::number)
            .collect();
        container.read_only = own["readOnlyRootFilesystem"] == true;
        container.no_new_privileges = own["allowPrivilegeEscalation"] == false;
        let capabilities = |key: &str| {
            let list = own["capabilities"][key].as_sequence();
            list.into_iter().flatten().map(text).collect()
        };
        container.drop_capabilities = capabilities("drop");
        container.add_capabilities = capabilities("add");
    }

    /// The variables in order; each may use those before it. The index comes last, as the Job controller adds it.
    fn env(&self, template: &Value) -> Vec<(String, String)> {
        assert!(template["envFrom"].is_null(), "envFrom is not supported");
        let mut env = Vec::new();
        for entry in template["env"].as_sequence().into_iter().flatten() {
            let value = match &entry["valueFrom"] {
                Value::Null => expand(entry["value"].as_str().unwrap_or_default(), &env),
                source => self.value(source),
            };
            env.push((text(&entry["name"]), value));
        }
        let indexed = self.job["spec"]["completionMode"] == "Indexed";
        let name = "JOB_COMPLETION_INDEX";
        if indexed && !env.iter().any(|(known, _)| known == name) {
            env.push((name.to_owned(), self.index.to_string()));
        }
        env
    }

    /// The value that a field of the pod or a key of a ConfigMap has.
    fn value(&self, source: &Value) -> String {
        if let Some(map) = source.get("configMapKeyRef") {
            let data = self.config_map(&text(&map["name"]));
            return text(&data[text(&map["key"]).as_str()]);
        }
        let path = source["fieldRef"]["fieldPath"].as_str();
        let path = path.unwrap_or_else(|| panic!("no such source of a variable: {source:?}"));
        let metadata = &self.job["spec"]["template"]["metadata"];
        let quoted = |kind: &str| {
            let key = path.strip_prefix(&format!("metadata.{kind}['"))?;
            key.strip_suffix("']")
        };
        for kind in ["annotations", "labels"] {
            match quoted(kind) {
                Some(INDEX) => return self.index.to_string(),
                Some(key) => return text(&metadata[kind][key]),
                None => {}
            }
        }
        match path {
            "metadata.name" => {
                format!("{}-{}-pod", text(&self.job["metadata"]["name"]), self.index)
            }
            "metadata.namespace" => {
                let namespace = self.job["metadata"]["namespace"].as_str();
                namespace.unwrap_or("default").to_owned()
            }
            "spec.nodeName" => "node".to_owned(),
            other => panic!("field {other} is not supported"),
        }
    }

    fn mounts(&self, template: &Value) -> Vec<Mount> {
        let mounts = template["volumeMounts"].as_sequence();
        let mount = |mount: &Value| {
            let name = text(&mount["name"]);
            let folder = self.volumes.get(&name);
            let folder = folder.unwrap_or_else(|| panic!("no volume {name} in the pod"));
            let part = mount["subPath"].as_str().unwrap_or_default();
            let writable = mount["readOnly"] != true && !self.is_config_map(&name);
            Mount {
                host: if part.is_empty() {
                    folder.clone()
                } else {
                    folder.join(part)
                },
                path: text(&mount["mountPath"]),
                writable,
            }
        };
        mounts.into_iter().flatten().map(mount).collect()
    }

    fn is_config_map(&self, volume: &str) -> bool {
        let volumes = self.spec()["volumes"].as_sequence();
        let mut volumes = volumes.into_iter().flatten();
        volumes.any(|it| it["name"] == volume && !it["configMap"].is_null())
    }

    /// The folder of a volume: one that the test gave, the files of a ConfigMap, or an empty one.
    fn folder(&self, volume: &Value) -> PathBuf {
        let name = text(&volume["name"]);
        if let Some(folder) = self.cluster.volumes.get(&name) {
            return folder.clone();
        }
        let folder = self.scratch.path().join(format!("volume-{name}"));
        std::fs::create_dir(&folder).unwrap();
        allow(&folder, 0o777);
        if let Some(map) = volume.get("configMap") {
            let data = self.config_map(&text(&map["name"]));
            for (key, value) in data.as_mapping().unwrap() {
                if let Some(file) = file_of(map, &text(key)) {
                    write(&folder.join(file), &text(value));
                }
            }
        } else if volume.get("emptyDir").is_none() {
            panic!("give a folder for the volume {name}");
        }
        folder
    }

    fn config_map(&self, name: &str) -> &Value {
        let found = self
            .cluster
            .documents
            .iter()
            .find(|it| it["kind"] == "ConfigMap" && it["metadata"]["name"] == name);
        &found.unwrap_or_else(|| panic!("no ConfigMap {name}"))["data"]
    }
}

/// The file that a key of a ConfigMap becomes, if it becomes one.
fn file_of(map: &Value, key: &str) -> Option<String> {
    let Some(items) = map["items"].as_sequence() else {
        return Some(key.to_owned());
    };
    let item = items.iter().find(|item| item["key"] == key)?;
    Some(text(&item["path"]))
}

fn write(path: &Path, contents: &str) {
    std::fs::write(path, contents).unwrap();
    allow(path, 0o666);
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A scalar as text.
#[track_caller]
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("found {other:?}, expected text"),
    }
}
