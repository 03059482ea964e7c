//! Pods, a Job's or by themselves: images, variables, volumes, resources, what they may do, and the hardware that they ask for.

use std::collections::HashSet;

use serde_json::Value;

use super::syntax::{self, quantity};
use super::{Found, list, text};

const GPUS: [&str; 2] = ["nvidia.com/gpu", "amd.com/gpu"];

/// A pod, with the metadata of the Job or pod that it stands in.
pub fn check(metadata: &Value, pod: &Value, docs: &[Value], found: &mut Found) {
    let grace = &pod["terminationGracePeriodSeconds"];
    found.require(
        grace.as_i64().is_some_and(|s| s >= 45),
        "terminationGracePeriodSeconds",
        grace,
        "time for the chunk in flight",
    );
    for key in ["automountServiceAccountToken", "enableServiceLinks"] {
        found.equal(&pod[key], key, false);
    }
    let volumes: Vec<&str> = list(&pod["volumes"])
        .iter()
        .map(|it| text(&it["name"]))
        .collect();
    let mut mounted = HashSet::new();
    let containers = list(&pod["containers"]);
    found.require(
        containers.len() == 1,
        "containers",
        &containers.len().into(),
        "one",
    );
    for container in containers {
        image(&container["image"], found);
        environment(&container["env"], found);
        resources(&container["resources"], found);
        security(pod, container, found);
        hardware(metadata, pod, container, found);
        found.equal(
            &container["terminationMessagePolicy"],
            "terminationMessagePolicy",
            "FallbackToLogsOnError",
        );
        for mount in list(&container["volumeMounts"]) {
            let name = text(&mount["name"]);
            found.require(
                volumes.contains(&name),
                "volumeMounts.name",
                &mount["name"],
                "a volume of the pod",
            );
            let path = &mount["mountPath"];
            found.require(
                text(path).starts_with('/'),
                "volumeMounts.mountPath",
                path,
                "an absolute path",
            );
            mounted.insert(name);
        }
        configuration(pod, container, docs, found);
    }
    for volume in volumes {
        found.require(
            mounted.contains(volume),
            "volumes",
            &volume.into(),
            "a volume that is mounted",
        );
    }
    for toleration in list(&pod["tolerations"]) {
        let effect = &toleration["effect"];
        let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&text(effect));
        found.require(known, "tolerations.effect", effect, "a known effect");
        let operator = &toleration["operator"];
        found.require(
            ["Exists", "Equal"].contains(&text(operator)),
            "tolerations.operator",
            operator,
            "a known operator",
        );
    }
    syntax::map_of_text(&pod["nodeSelector"], "nodeSelector", true, found);
    host_folders(metadata, pod, docs, found);
}

/// The image has a version, which is not one that moves.
fn image(image: &Value, found: &mut Found) {
    let name = text(image).rsplit('/').next().unwrap_or_default();
    let tag = name.split_once(':').map_or("", |(_, tag)| tag);
    found.require(
        !tag.is_empty() && tag != "latest",
        "image",
        image,
        "a tag that does not move",
    );
    found.require(
        tag.starts_with(env!("CARGO_PKG_VERSION")),
        "image",
        image,
        "this version",
    );
}

fn environment(env: &Value, found: &mut Found) {
    let mut names = HashSet::new();
    for variable in list(env) {
        let name = text(&variable["name"]);
        found.require(
            names.insert(name),
            "env",
            &name.into(),
            "each variable once",
        );
        found.require(
            variable["value"].is_string(),
            &format!("env.{name}"),
            &variable["value"],
            "text",
        );
    }
}

fn resources(resources: &Value, found: &mut Found) {
    for part in ["requests", "limits"] {
        for (name, value) in resources[part].as_object().into_iter().flatten() {
            found.require(
                quantity(value).is_some(),
                &format!("resources.{part}.{name}"),
                value,
                "a quantity",
            );
        }
    }
    for name in ["cpu", "memory"] {
        let request = &resources["requests"][name];
        let limit = &resources["limits"][name];
        let [asked, allowed] = [request, limit].map(quantity);
        found.require(
            asked.is_some() && allowed.is_some() && asked <= allowed,
            &format!("resources.requests.{name}"),
            request,
            &format!("a request, at most the limit {limit}"),
        );
    }
    for gpu in GPUS {
        let [request, limit] = ["requests", "limits"].map(|part| &resources[part][gpu]);
        found.require(
            request.is_null() || request == limit,
            &format!("resources.requests.{gpu}"),
            request,
            "the limit: GPUs are not overcommitted",
        );
    }
}

/// What the restricted pod security standard asks for, and a root file system that nobody writes to.
fn security(pod: &Value, container: &Value, found: &mut Found) {
    let context = &pod["securityContext"];
    found.equal(
        &context["runAsNonRoot"],
        "securityContext.runAsNonRoot",
        true,
    );
    let user = &context["runAsUser"];
    found.require(
        user.as_i64().is_some_and(|id| id > 0),
        "securityContext.runAsUser",
        user,
        "a user that is not root",
    );
    found.require(
        context["fsGroup"].is_number(),
        "securityContext.fsGroup",
        &context["fsGroup"],
        "a group that may write to the volume",
    );
    found.equal(
        &context["seccompProfile"]["type"],
        "securityContext.seccompProfile.type",
        "RuntimeDefault",
    );
    let own = &container["securityContext"];
    found.equal(
        &own["allowPrivilegeEscalation"],
        "allowPrivilegeEscalation",
        false,
    );
    found.equal(
        &own["readOnlyRootFilesystem"],
        "readOnlyRootFilesystem",
        true,
    );
    found.equal(
        &own["capabilities"]["drop"],
        "capabilities.drop",
        vec!["ALL"],
    );
    found.equal(&own["capabilities"]["add"], "capabilities.add", Value::Null);
    found.require(
        own["privileged"] != true,
        "privileged",
        &own["privileged"],
        "false",
    );
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        found.require(pod[key] != true, key, &pod[key], "false");
    }
}

/// A Job asks for a GPU, can be placed where one is, and computes on it; or does none of these.
fn hardware(metadata: &Value, pod: &Value, container: &Value, found: &mut Found) {
    let limits = &container["resources"]["limits"];
    let gpu = GPUS.into_iter().find(|name| !limits[name].is_null());
    let argument = |name: &str| list(&container["args"]).iter().any(|arg| arg == name);
    let capabilities = list(&container["env"])
        .iter()
        .find(|it| it["name"] == "NVIDIA_DRIVER_CAPABILITIES");
    let tolerated = list(&pod["tolerations"]).iter().any(|it| {
        it["key"] == "nvidia.com/gpu" && it["operator"] == "Exists" && it["effect"] == "NoSchedule"
    });
    found.require(
        argument("--device=gpu") == gpu.is_some(),
        "args",
        &container["args"],
        "--device=gpu where a GPU is asked for, and only there",
    );
    if gpu.is_none() {
        found.require(
            capabilities.is_none() && !tolerated,
            "env",
            &container["env"],
            "nothing of a GPU where none is asked for",
        );
        return;
    }
    // A queue adds the labels of the nodes that it found.
    let queued = !metadata["labels"]["kueue.x-k8s.io/queue-name"].is_null();
    let selector = &pod["nodeSelector"];
    found.require(
        queued || selector.is_object(),
        "nodeSelector",
        selector,
        "labels of nodes with a GPU",
    );
    if gpu == Some("nvidia.com/gpu") {
        found.require(
            tolerated,
            "tolerations",
            &pod["tolerations"],
            "nvidia.com/gpu, Exists, NoSchedule",
        );
        let value = capabilities.map_or(&Value::Null, |it| &it["value"]);
        let graphics = text(value).split(',').any(|part| part == "graphics");
        found.require(
            graphics,
            "env.NVIDIA_DRIVER_CAPABILITIES",
            value,
            "graphics among them, for Vulkan",
        );
    }
}

/// Files that the arguments name below a ConfigMap's mount are in it, and name folders that are mounted.
fn configuration(pod: &Value, container: &Value, docs: &[Value], found: &mut Found) {
    let mounts = list(&container["volumeMounts"]);
    let under = |path: &str| {
        mounts.iter().find(|it| {
            let at = text(&it["mountPath"]);
            path == at || path.starts_with(&format!("{at}/"))
        })
    };
    let data_of = |mount: &Value| {
        let volume = list(&pod["volumes"])
            .iter()
            .find(|it| it["name"] == mount["name"])?;
        let name = volume["configMap"].get("name")?;
        Some(
            docs.iter()
                .find(|doc| doc["kind"] == "ConfigMap" && doc["metadata"]["name"] == *name)
                .map(|doc| &doc["data"]),
        )
    };
    let file = |path: &str, found: &mut Found| -> Option<Value> {
        let mount = under(path);
        found.require(
            mount.is_some(),
            "args",
            &path.into(),
            "a path below a mount",
        );
        let data = data_of(mount?)?;
        let key = path.rsplit('/').next().unwrap_or_default();
        let content = data.and_then(|data| data.get(key));
        found.require(
            content.is_some(),
            "args",
            &path.into(),
            "a file of the ConfigMap",
        );
        let json = serde_json::from_str(text(content?));
        found.require(json.is_ok(), "data", &key.into(), "JSON");
        json.ok()
    };
    for arg in list(&container["args"])
        .iter()
        .map(text)
        .filter(|arg| arg.starts_with('/'))
    {
        let Some(json) = file(arg, found) else {
            continue;
        };
        for key in ["in_directory", "out_directory"] {
            let folder = &json[key];
            // What is in a store is not mounted; who the pod is for the store is its account.
            if let Some((scheme, _)) = text(folder).split_once("://") {
                found.require(
                    ["s3", "gs", "az"].contains(&scheme),
                    &format!("{arg}: {key}"),
                    folder,
                    "a URL of a store",
                );
                let account = &pod["serviceAccountName"];
                let is_there = docs.iter().any(|doc| {
                    doc["kind"] == "ServiceAccount" && doc["metadata"]["name"] == *account
                });
                found.require(
                    is_there,
                    "serviceAccountName",
                    account,
                    "an account of the manifest",
                );
                continue;
            }
            let mount = under(text(folder));
            found.require(
                mount.is_some(),
                &format!("{arg}: {key}"),
                folder,
                "a folder below a mount",
            );
            let read_only = mount.is_some_and(|it| it["readOnly"] == true);
            found.require(
                !(read_only && key == "out_directory"),
                &format!("{arg}: {key}"),
                folder,
                "a folder that is not read-only",
            );
        }
        if let Some(flow) = json["config"].as_str() {
            let flow = file(flow, found).unwrap_or_default();
            let draws = list(&container["args"])
                .iter()
                .any(|it| it == "plotgenerator");
            let (key, expected) = match draws {
                true => ("plots", "a plots file"),
                false => ("command_list", "a command file"),
            };
            found.require(
                flow[key].is_array(),
                &format!("{arg}: config"),
                &json["config"],
                expected,
            );
        }
    }
}

/// A folder of the node needs a namespace that allows it: the Job would be accepted, and its pods refused for ever.
fn host_folders(metadata: &Value, pod: &Value, docs: &[Value], found: &mut Found) {
    if list(&pod["volumes"])
        .iter()
        .all(|volume| volume["hostPath"].is_null())
    {
        return;
    }
    let namespace = &metadata["namespace"];
    let allowing = docs.iter().any(|doc| {
        doc["kind"] == "Namespace"
            && doc["metadata"]["name"] == *namespace
            && doc["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    });
    found.require(
        allowing,
        "metadata.namespace",
        namespace,
        "a namespace here that allows hostPath",
    );
}
