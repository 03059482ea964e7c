//! From facts to findings: why no GPU is listed, as far as that can be told, and what to do.

mod nvidia;
mod render;

use serde::Serialize;

use super::facts::{Container, Facts, LOADER};
use super::nodes::{Access, Node, Vendor};
use crate::gpu::adapter::{AdapterInfo, DeviceType};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A GPU is there and cannot be used.
    Error,
    /// Something is not as it seems to be meant.
    Warning,
    /// There is nothing to repair.
    Note,
}

impl Severity {
    /// As a word.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name, for tools.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub found: String,
    /// The likely cause.
    pub cause: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    fn new(severity: Severity, id: &'static str, [found, cause, advice]: [String; 3]) -> Self {
        Self {
            id,
            severity,
            found,
            cause,
            advice,
        }
    }

    fn error(id: &'static str, words: [String; 3]) -> Self {
        Self::new(Severity::Error, id, words)
    }

    fn warning(id: &'static str, words: [String; 3]) -> Self {
        Self::new(Severity::Warning, id, words)
    }

    fn note(id: &'static str, words: [String; 3]) -> Self {
        Self::new(Severity::Note, id, words)
    }
}

/// What is wrong with a machine that lists these adapters; nothing where every GPU that can be told is listed.
pub fn diagnose(facts: &Facts, adapters: &[AdapterInfo]) -> Vec<Finding> {
    let is_software = |info: &&AdapterInfo| info.device_type == DeviceType::Software;
    let hardware: Vec<_> = adapters.iter().filter(|info| !is_software(info)).collect();
    let mut findings = variables(facts);
    if !hardware.iter().any(|info| is_nvidia(info)) {
        findings.extend(nvidia::diagnose(facts));
    }
    if !hardware.is_empty() {
        // Another GPU may be in use as it was meant, so none of this is an error.
        findings.retain(|finding| finding.severity != Severity::Note);
        for finding in &mut findings {
            finding.severity = Severity::Warning;
        }
        return findings;
    }
    findings.extend(loader(facts));
    findings.extend(manifests(facts));
    findings.extend(render::diagnose(facts));
    findings.extend(windows(facts));
    findings.extend(unexplained(facts, &findings));
    let software = adapters.iter().find(is_software);
    findings.extend(software.map(only_software));
    if findings.is_empty() {
        findings.push(nothing(facts));
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn is_nvidia(info: &AdapterInfo) -> bool {
    [&info.name, &info.driver]
        .iter()
        .any(|text| text.to_lowercase().contains("nvidia"))
}

/// Variables that keep the loader from drivers.
fn variables(facts: &Facts) -> Vec<Finding> {
    let severity = match facts.nodes.is_empty() {
        true => Severity::Warning,
        false => Severity::Error,
    };
    let mut findings = Vec::new();
    for absent in &facts.absent {
        let (variable, path) = (absent.variable, absent.path.display());
        let rest = match variable {
            "VK_ADD_DRIVER_FILES" => "the loader goes on without it",
            _ => "the loader takes the drivers that this variable names and no others",
        };
        let words = [
            format!("{variable} names {path}, which is not there"),
            format!("the variable was set for another image or machine; {rest}"),
            format!("unset {variable}, or let it name a manifest (JSON) that is there"),
        ];
        findings.push(Finding::new(severity, "driver-file-missing", words));
    }
    if !facts.drivers.is_empty() && facts.drivers.iter().all(|driver| !driver.selected) {
        let names = ["VK_LOADER_DRIVERS_SELECT", "VK_LOADER_DRIVERS_DISABLE"];
        let set = names.iter().find(|name| facts.variable(name).is_some());
        let set = set.copied().unwrap_or_default();
        let words = [
            format!("{set} leaves none of {} drivers", facts.drivers.len()),
            "its pattern is compared with the names of the manifests listed above".into(),
            format!("unset {set}, or correct its pattern"),
        ];
        findings.push(Finding::new(severity, "drivers-deselected", words));
    }
    findings
}

/// Whether a finding says already that a variable keeps the loader from drivers.
fn is_kept_from_drivers(facts: &Facts) -> bool {
    !facts.absent.is_empty() || facts.drivers.iter().any(|driver| !driver.selected)
}

/// What a variable restricts the loader to.
fn restricted(facts: &Facts) -> Option<String> {
    let (name, files) = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"]
        .into_iter()
        .find_map(|name| Some((name, facts.variable(name)?)))?;
    Some(format!("{name} restricts the loader to {files}"))
}

/// The loader matters where there is a device that it could reach.
fn loader(facts: &Facts) -> Option<Finding> {
    let is_gpu = |node: &Node| !node.is_windows();
    if facts.has(LOADER) || !facts.nodes.iter().any(is_gpu) {
        return None;
    }
    let elsewhere = facts.library(LOADER).and_then(|it| it.not_searched());
    let words = match elsewhere {
        Some(path) => [
            format!("the Vulkan loader is {}, where it is not found", path.display()),
            "its folder is not in the linker's search path".into(),
            "run ldconfig, or add its folder to LD_LIBRARY_PATH".into(),
        ],
        None => [
            format!("no Vulkan loader ({LOADER})"),
            "the image or system lacks it; container runtimes bring drivers from the host, but never the loader".into(),
            "install Debian's libvulkan1 (vulkan-loader elsewhere) in the image".into(),
        ],
    };
    Some(Finding::error("no-loader", words))
}

/// Manifests that lead nowhere. Without a GPU those of NVIDIA may lie idle in an image, as a runtime is to bring the library.
fn manifests(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for driver in facts.drivers.iter().filter(|driver| driver.selected) {
        let file = driver.file.display();
        if let Some(problem) = &driver.problem {
            let words = [
                format!("{file}: {problem}"),
                "the file is damaged, or no driver's manifest".into(),
                "install the package that it belongs to again, or remove it".into(),
            ];
            findings.push(Finding::warning("manifest-broken", words));
        }
        let Some(library) = driver.library.as_ref().filter(|it| it.is_absent()) else {
            continue;
        };
        if library.name.contains("nvidia") {
            // Where there is a GPU its own checks say why.
            continue;
        }
        let name = &library.name;
        let words = match library.not_searched() {
            Some(path) => [
                format!("{file} names {name}, which is {}", path.display()),
                "its folder is not in the linker's search path".into(),
                "run ldconfig, or add its folder to LD_LIBRARY_PATH".into(),
            ],
            None => [
                format!("{file} names {name}, which is not there"),
                "the manifest was mounted or left without its driver".into(),
                "install the driver that it belongs to (Debian's mesa-vulkan-drivers for Mesa's), or remove the manifest".into(),
            ],
        };
        findings.push(Finding::error("manifest-library-missing", words));
    }
    findings
}

/// Windows lends its GPU to Linux as Direct3D.
fn windows(facts: &Facts) -> Option<Finding> {
    let node = facts.nodes.iter().find(|it| it.is_windows())?;
    let words = [
        format!("{}: the GPU of a Windows host (WSL)", node.path.display()),
        "there it has CUDA and Direct3D, but no Vulkan of its own; Mesa's translation of Vulkan to Direct3D is not conformant and so not listed"
            .into(),
        "build the program for Windows, where it computes by Direct3D 12, or let the CPU compute".into(),
    ];
    Some(Finding::warning("windows-host", words))
}

fn only_software(adapter: &AdapterInfo) -> Finding {
    let words = [
        format!("only a software adapter: {}", adapter.name),
        "it computes on the CPU, so `--device gpu` refuses it and `--device auto` takes the CPU itself".into(),
        "nothing, unless there should be a GPU; `--device software` takes it to try the GPU's way of computing"
            .into(),
    ];
    Finding::note("only-software", words)
}

fn nothing(facts: &Facts) -> Finding {
    let place = facts
        .container
        .map_or("on this machine", |_| "in this container");
    let words = [
        format!("no GPU {place}"),
        "there is none, or none was asked for".into(),
        format!(
            "nothing: the CPU computes. If there should be a GPU: {}",
            request(facts.container, Vendor::Nvidia)
        ),
    ];
    Finding::note("no-gpu", words)
}

/// The classic case: everything seems to be there, but the driver lists no device.
fn unexplained(facts: &Facts, findings: &[Finding]) -> Option<Finding> {
    let explained = findings
        .iter()
        .any(|finding| finding.severity != Severity::Note);
    let opens =
        |node: &&Node| node.access == Access::Opens && (node.is_nvidia_gpu() || node.is_render());
    let node = facts.nodes.iter().find(opens)?;
    if explained {
        return None;
    }
    let mut cause =
        "the driver loads and then fails: it is too old for the GPU or the kernel, or some library or device of it is missing"
            .to_string();
    if node.is_nvidia_gpu() {
        cause += ". The loader then says that it could not get 'vkCreateInstance' (-3) from NVIDIA's library";
    } else {
        cause += "; or it is not conformant, and so not listed";
    }
    let mut advice =
        "run it again with VK_LOADER_DEBUG=all, which says what each driver does".to_string();
    if node.is_nvidia_gpu() {
        advice += "; use NVIDIA's container toolkit 1.18 or later";
        if let Some(spare) = &facts.spare_manifest {
            advice += &format!(
                "; try VK_DRIVER_FILES={}, the same driver without X11",
                spare.display()
            );
        }
    }
    let words = [
        format!(
            "{} opens and a driver for it is there, but no adapter is listed",
            node.path.display()
        ),
        cause,
        advice,
    ];
    Some(Finding::error("driver-lists-nothing", words))
}

/// How a container is given a GPU.
fn request(container: Option<Container>, vendor: Vendor) -> String {
    let resource = match vendor {
        Vendor::Amd => "amd.com/gpu: 1",
        Vendor::Intel => "gpu.intel.com/i915: 1 (or gpu.intel.com/xe)",
        Vendor::Nvidia | Vendor::Other => "nvidia.com/gpu: 1",
    };
    let nvidia = vendor == Vendor::Nvidia;
    match container {
        Some(Container::Kubernetes) => {
            let class = if nvidia {
                ", and `runtimeClassName: nvidia` where that runtime is not the default"
            } else {
                ""
            };
            format!("let the pod ask for it in its resources.limits, as {resource}{class}")
        }
        Some(Container::Docker) if nvidia => {
            "start the container with --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility".into()
        }
        Some(Container::Podman) if nvidia => {
            "start the container with --device nvidia.com/gpu=all".into()
        }
        Some(Container::Apptainer) if nvidia => "start the container with --nv".into(),
        Some(_) if nvidia => "start the container by NVIDIA's container runtime, with the GPU".into(),
        Some(_) => "start the container with the device /dev/dri".into(),
        None => format!("install {} driver", match vendor {
            Vendor::Nvidia => "NVIDIA's",
            Vendor::Amd | Vendor::Intel | Vendor::Other => "the kernel's and Mesa's",
        }),
    }
}

/// Nodes that are there but do not open.
fn closed(facts: &Facts, nodes: &[&Node]) -> Vec<Finding> {
    let findings = nodes.iter().filter_map(|node| {
        let path = node.path.display();
        match &node.access {
            Access::Opens => None,
            Access::Denied => Some(denied(facts, node)),
            Access::Forbidden => Some(Finding::error(
                "device-forbidden",
                [
                    format!("{path} is there, but the kernel forbids to use it"),
                    "the folder /dev was mounted, but the container was not given the device"
                        .into(),
                    request(facts.container, node.vendor.unwrap_or(Vendor::Other)),
                ],
            )),
            Access::Fails(error) => Some(Finding::error(
                "device-fails",
                [
                    format!("{path} does not open: {error}"),
                    "the kernel's driver is not loaded, or it lost the GPU".into(),
                    "read the kernel's log (dmesg) on the machine; for NVIDIA look for Xid".into(),
                ],
            )),
        }
    });
    findings.collect()
}

/// A node that some group may open, or nobody but its owner.
fn denied(facts: &Facts, node: &Node) -> Finding {
    let Node {
        path,
        mode,
        uid,
        gid,
        ..
    } = node;
    let user = facts.user.as_ref().map(ToString::to_string);
    let user = user.unwrap_or_else(|| "another".into());
    let found = format!(
        "{} belongs to user {uid} and group {gid} (mode {mode:03o}), this process is {user}",
        path.display()
    );
    if mode & 0o060 != 0o060 {
        let cause = "its group may not read and write it either".to_string();
        let advice = "let the machine's udev rules give the node a group with mode 660".to_string();
        return Finding::error("device-denied", [found, cause, advice]);
    }
    let advice = match facts.container {
        Some(Container::Kubernetes) => format!(
            "give the pod `securityContext: {{supplementalGroups: [{gid}]}}`, or the nodes' containerd device_ownership_from_security_context = true"
        ),
        Some(Container::Docker | Container::Podman) => {
            format!("start the container with --group-add {gid}")
        }
        Some(Container::Other) => format!("start the container with the supplementary group {gid}"),
        Some(Container::Apptainer) | None => {
            format!("add the user to group {gid} (usermod --append --groups) and log in again")
        }
    };
    Finding::error(
        "device-denied",
        [found, format!("the process is not in group {gid}"), advice],
    )
}
