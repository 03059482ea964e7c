//! Why NVIDIA's driver lists no GPU.

use super::super::facts::{CUDA, EGL_NVIDIA, Facts, GLX_NVIDIA};
use super::super::libraries::Library;
use super::super::nodes::{Node, Vendor};
use super::{Finding, closed, is_kept_from_drivers, request, restricted};

/// GKE's device plugin mounts the driver here, and nobody tells the linker.
const GKE_FOLDER: &str = "/usr/local/nvidia/lib64";

pub fn diagnose(facts: &Facts) -> Vec<Finding> {
    let is_mig = !facts.mig_nodes.is_empty() || visible(facts).is_some_and(names_mig);
    let nodes: Vec<&Node> = facts.nodes.iter().filter(|it| it.is_nvidia_gpu()).collect();
    if is_mig {
        return vec![mig(facts)];
    }
    if nodes.is_empty() {
        return no_node(facts).into_iter().collect();
    }
    let control = |node: &&Node| node.path.ends_with("nvidiactl");
    let mut findings = closed(facts, &nodes);
    match facts.nodes.iter().find(control) {
        Some(node) => findings.extend(closed(facts, &[node])),
        None => findings.push(no_control_node(facts, nodes[0])),
    }
    if facts.has(GLX_NVIDIA) || facts.has(EGL_NVIDIA) {
        findings.extend(manifest(facts));
        findings.extend(versions(facts));
        findings.extend(parts(facts));
    } else {
        findings.push(no_library(facts));
    }
    findings
}

/// What the container runtime was asked for; `void` and `none` are its words for nothing.
fn visible(facts: &Facts) -> Option<&str> {
    let value = facts.variable("NVIDIA_VISIBLE_DEVICES")?;
    (!["void", "none"].contains(&value)).then_some(value)
}

/// Instances go by `MIG-` and their identity, or by the GPU's number and theirs.
fn names_mig(devices: &str) -> bool {
    let is_pair = |device: &str| {
        let numbers = device.split_once(':').map(|(a, b)| [a, b]);
        numbers.is_some_and(|it| it.iter().all(|it| it.parse::<u32>().is_ok()))
    };
    devices
        .split(',')
        .any(|device| device.starts_with("MIG-") || is_pair(device))
}

fn mig(facts: &Facts) -> Finding {
    let found = match (facts.mig_nodes.first(), visible(facts)) {
        (_, Some(devices)) if names_mig(devices) => {
            format!("a MIG instance: NVIDIA_VISIBLE_DEVICES is {devices}")
        }
        (Some(node), _) => format!("a MIG instance: {}", node.display()),
        (None, _) => "a MIG instance".into(),
    };
    let words = [
        found,
        "NVIDIA's driver has no Vulkan on MIG instances (RTX PRO 6000 Blackwell excepted)".into(),
        "ask for a whole GPU (time-slicing is fine), or let the CPU compute with --device cpu"
            .into(),
    ];
    Finding::error("nvidia-mig", words)
}

/// Something of NVIDIA's is there, but no GPU was given to this process.
fn no_node(facts: &Facts) -> Option<Finding> {
    if facts.nodes.iter().any(Node::is_windows) {
        return None;
    }
    let library = [GLX_NVIDIA, EGL_NVIDIA, CUDA]
        .into_iter()
        .find(|name| facts.has(name));
    let host = match &facts.nvidia.kernel_module {
        Some(version) => Some(format!("the machine has NVIDIA's driver {version}")),
        None => facts
            .on_bus
            .contains(&Vendor::Nvidia)
            .then(|| "the machine has a GPU of NVIDIA's".into()),
    };
    let advice = request(facts.container, Vendor::Nvidia);
    if let Some(library) = library {
        let words = [
            format!("NVIDIA's {library}, but no /dev/nvidia0 or other GPU"),
            "the driver's libraries were mounted or are in the image, but no GPU was given to it"
                .into(),
            advice,
        ];
        return Some(Finding::error("nvidia-no-device", words));
    }
    if let Some(devices) = visible(facts) {
        let words = [
            format!("NVIDIA_VISIBLE_DEVICES is {devices}, but there is no /dev/nvidia0 or other GPU"),
            "the container was not started by NVIDIA's runtime, or the machine has no GPU (images made from NVIDIA's set the variable, too)".into(),
            advice,
        ];
        return Some(Finding::warning("nvidia-runtime", words));
    }
    let host = host?;
    let (id, cause, advice) = match facts.container {
        Some(_) => (
            "gpu-not-requested",
            "this container did not ask for it",
            format!("nothing, if the CPU is to compute. If not: {advice}"),
        ),
        None => (
            "nvidia-driver-not-loaded",
            "its driver is not installed, or made no device nodes",
            format!("{advice}, and see that nvidia-smi lists the GPU"),
        ),
    };
    let words = [
        format!("{host}, but there is no /dev/nvidia0 or other GPU"),
        cause.into(),
        advice,
    ];
    Some(Finding::note(id, words))
}

fn no_control_node(facts: &Facts, gpu: &Node) -> Finding {
    let words = [
        format!("{}, but no /dev/nvidiactl", gpu.path.display()),
        "only some of the device nodes were mounted; the driver opens this one first".into(),
        request(facts.container, Vendor::Nvidia),
    ];
    Finding::error("nvidia-no-control-node", words)
}

/// A GPU, but no library that has Vulkan.
fn no_library(facts: &Facts) -> Finding {
    let found = format!("a GPU of NVIDIA's, but neither {GLX_NVIDIA} nor {EGL_NVIDIA}");
    let unsearched = |name| facts.library(name).and_then(Library::not_searched);
    if let Some(path) = unsearched(GLX_NVIDIA).or_else(|| unsearched(EGL_NVIDIA)) {
        let folder = path.parent().unwrap_or(path).display().to_string();
        let cause = if folder == GKE_FOLDER {
            "GKE mounts the driver there and does not tell the linker"
        } else {
            "the linker does not look there"
        };
        let words = [
            format!(
                "NVIDIA's driver is {}, where it is not found",
                path.display()
            ),
            cause.into(),
            format!("set LD_LIBRARY_PATH={folder}"),
        ];
        return Finding::error("nvidia-library-path", words);
    }
    let capabilities = facts.variable("NVIDIA_DRIVER_CAPABILITIES");
    let has_graphics = capabilities.is_some_and(|it| {
        let mut words = it.split(',').map(str::trim);
        words.any(|word| ["graphics", "all"].contains(&word))
    });
    let by_runtime = capabilities.is_some() || visible(facts).is_some();
    if !has_graphics && (by_runtime || facts.container.is_some()) {
        let set = capabilities.map_or("not set, which means utility,compute".into(), |it| {
            format!("{it:?}")
        });
        let words = [
            found,
            format!("NVIDIA_DRIVER_CAPABILITIES is {set}; Vulkan needs `graphics` among them"),
            "set NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility for the container".into(),
        ];
        return Finding::error("nvidia-capabilities", words);
    }
    let cuda = if facts.has(CUDA) { " (CUDA works)" } else { "" };
    let machine = if facts.container.is_some() {
        "the node"
    } else {
        "the machine"
    };
    let words = [
        found,
        format!(
            "{machine} has only the part of NVIDIA's driver that computes{cuda}, as servers often do: it has no Vulkan"
        ),
        format!(
            "look for {GLX_NVIDIA} on {machine}; install the full driver there (not its compute-only or headless packages), or let the CPU compute"
        ),
    ];
    Finding::error("nvidia-compute-only-driver", words)
}

/// The manifest, and what the driver that it names needs of the image.
fn manifest(facts: &Facts) -> Vec<Finding> {
    let libraries: Vec<&Library> = facts
        .drivers
        .iter()
        .filter(|driver| driver.selected)
        .filter_map(|driver| driver.library.as_ref())
        .filter(|library| library.name.contains("nvidia"))
        .collect();
    if libraries.is_empty() {
        return no_manifest(facts).into_iter().collect();
    }
    // One that works is enough.
    let findings: Vec<_> = libraries.iter().map(|it| needs(facts, it)).collect();
    if findings.iter().any(Vec::is_empty) {
        return Vec::new();
    }
    findings.into_iter().next().unwrap_or_default()
}

fn no_manifest(facts: &Facts) -> Option<Finding> {
    if is_kept_from_drivers(facts) {
        return None;
    }
    let advice = match (&facts.spare_manifest, facts.container) {
        (Some(spare), _) => format!("set VK_ADD_DRIVER_FILES={}", spare.display()),
        (None, Some(_)) => "use NVIDIA's container toolkit 1.18 or later, or put an nvidia_icd.json into the image, in /usr/share/vulkan/icd.d".into(),
        (None, None) => "install NVIDIA's driver with its Vulkan part (Debian's nvidia-vulkan-icd)".into(),
    };
    let cause = restricted(facts).unwrap_or_else(|| {
        "the container toolkit or its CDI specification left it out, or something is mounted over its folder".into()
    });
    let words = [
        "NVIDIA's driver, but no manifest that leads the Vulkan loader to it".into(),
        cause,
        advice,
    ];
    Some(Finding::error("nvidia-no-manifest", words))
}

/// What keeps a library of NVIDIA's from working.
fn needs(facts: &Facts, library: &Library) -> Vec<Finding> {
    let mut findings = Vec::new();
    if library.is_absent() {
        let words = [
            format!(
                "the manifest of NVIDIA's driver names {}, which is not found",
                library.name
            ),
            "only some of the driver's libraries were mounted".into(),
            "use NVIDIA's container toolkit 1.18 or later".into(),
        ];
        findings.push(Finding::error("manifest-library-missing", words));
        return findings;
    }
    if !library.name.contains("libGLX_nvidia") {
        return findings;
    }
    let image = facts.container.map_or("the system", |_| "the image");
    let absent = |names: &[&'static str]| -> Vec<&str> {
        names
            .iter()
            .copied()
            .filter(|name| !facts.has(name))
            .collect()
    };
    let x11 = absent(&["libX11.so.6", "libXext.so.6"]);
    if !x11.is_empty() {
        let words = [
            format!(
                "NVIDIA's driver needs {}, which {image} lacks",
                x11.join(" and ")
            ),
            format!(
                "{GLX_NVIDIA} is linked with them, so it does not load without, even where there is no screen"
            ),
            format!("install Debian's libx11-6 and libxext6 in {image}"),
        ];
        findings.push(Finding::error("nvidia-needs-x11", words));
    }
    let vendor = facts.egl_vendors.iter().any(|vendor| {
        let library = vendor.library.as_ref();
        library.is_some_and(|it| it.name.contains("libEGL_nvidia"))
    });
    let egl = absent(&["libEGL.so.1", EGL_NVIDIA]);
    if !egl.is_empty() || !vendor {
        let mut lacking = egl;
        if !vendor {
            lacking.push("glvnd/egl_vendor.d/10_nvidia.json");
        }
        let words = [
            format!("NVIDIA's driver needs {}, which {image} lacks", lacking.join(" and ")),
            "without a screen the driver works through EGL, and finds its own part of it by that file".into(),
            format!("install Debian's libegl1 in {image}, and have 10_nvidia.json (it names {EGL_NVIDIA}) in /usr/share/glvnd/egl_vendor.d"),
        ];
        findings.push(Finding::error("nvidia-needs-egl", words));
    }
    findings
}

fn versions(facts: &Facts) -> Option<Finding> {
    let kernel = facts.nvidia.kernel_module.as_ref()?;
    let libraries = facts.nvidia.libraries.as_ref()?;
    let words = [
        format!("NVIDIA's libraries are of version {libraries}, the kernel's module is of {kernel}"),
        "the driver refuses to work with another version: it is in the image, or was updated without a restart".into(),
        "leave the driver out of the image, as the container runtime brings it; after an update restart the machine".into(),
    ];
    (kernel != libraries).then(|| Finding::error("nvidia-versions-differ", words))
}

fn parts(facts: &Facts) -> Option<Finding> {
    let missing = &facts.nvidia.missing_parts;
    let words = [
        format!("NVIDIA's driver is without {}", missing.join(", ")),
        "the list by which the container runtime mounts the driver (CDI specification) is incomplete".into(),
        "use NVIDIA's container toolkit 1.18 or later, and generate the specification again (nvidia-ctk cdi generate)".into(),
    ];
    (!missing.is_empty()).then(|| Finding::error("nvidia-incomplete", words))
}
