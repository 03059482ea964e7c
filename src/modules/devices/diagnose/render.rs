//! Why Mesa's drivers list no GPU: those of AMD, Intel and everyone else who computes by a render node.

use super::super::facts::Facts;
use super::super::manifests::Manifest;
use super::super::nodes::{Access, Node, Vendor};
use super::{Finding, closed, is_kept_from_drivers, request, restricted};

/// Drivers that compute on the CPU, by a part of their libraries' names.
const SOFTWARE: &[&str] = &["lvp", "swiftshader"];

pub fn diagnose(facts: &Facts) -> Vec<Finding> {
    let has_nvidia = facts.nodes.iter().any(Node::is_nvidia_gpu);
    let is_nvidia = |node: &Node| has_nvidia && node.vendor.is_none_or(|it| it == Vendor::Nvidia);
    let nodes: Vec<&Node> = facts
        .nodes
        .iter()
        .filter(|node| node.is_render() && !is_nvidia(node))
        .collect();
    if nodes.is_empty() {
        return no_node(facts).into_iter().collect();
    }
    let mut findings = closed(facts, &nodes);
    // One that opens is enough to compute.
    if nodes.iter().any(|node| node.access == Access::Opens) {
        findings.clear();
    }
    if !facts.drivers.iter().any(is_hardware) {
        findings.extend(no_driver(facts, nodes[0]));
    }
    findings
}

fn is_hardware(driver: &Manifest) -> bool {
    let Some(library) = driver.library.as_ref() else {
        return false;
    };
    let is = |part: &str| library.name.contains(part);
    driver.selected && !SOFTWARE.iter().any(|part| is(part)) && !is("nvidia")
}

/// A GPU that the machine has, but not this process.
fn no_node(facts: &Facts) -> Option<Finding> {
    if let Some(kfd) = facts.nodes.iter().find(|it| it.path.ends_with("kfd")) {
        let words = [
            format!("{}, but no /dev/dri/renderD128 or other render node", kfd.path.display()),
            "ROCm computes by the one, Vulkan by the other, and the container was given the first only".into(),
            request(facts.container, Vendor::Amd),
        ];
        return Some(Finding::error("no-render-node", words));
    }
    let container = facts.container?;
    let mut vendors = facts.on_bus.iter().copied();
    let vendor = vendors.find(|vendor| [Vendor::Amd, Vendor::Intel].contains(vendor))?;
    let words = [
        format!(
            "the machine has a GPU of {}'s, but there is no /dev/dri/renderD128 or other render node",
            vendor.name()
        ),
        "this container did not ask for it".into(),
        format!(
            "nothing, if the CPU is to compute. If not: {}",
            request(Some(container), vendor)
        ),
    ];
    Some(Finding::note("gpu-not-requested", words))
}

fn no_driver(facts: &Facts, node: &Node) -> Option<Finding> {
    if is_kept_from_drivers(facts) {
        return None;
    }
    let vendor = match node.vendor {
        None | Some(Vendor::Other) => String::new(),
        Some(vendor) => format!(" of {}'s", vendor.name()),
    };
    let place = if facts.container.is_some() {
        "the image"
    } else {
        "the system"
    };
    let words = [
        format!(
            "a GPU{vendor} ({}), but no driver for it",
            node.path.display()
        ),
        restricted(facts).unwrap_or_else(|| {
            format!("{place} has no Vulkan driver: no manifest in /usr/share/vulkan/icd.d or /etc/vulkan/icd.d")
        }),
        match restricted(facts) {
            Some(_) => "unset the variable, or let it name the GPU's driver".into(),
            None => format!("install Debian's mesa-vulkan-drivers in {place}, or take the variant of the image that has Mesa"),
        },
    ];
    Some(Finding::error("no-driver", words))
}
