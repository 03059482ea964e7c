//! Facts and findings for people.

use std::fmt::Write;

use super::diagnose::Finding;
use super::facts::Facts;
use super::libraries::{Library, Place};
use super::manifests::Manifest;
use super::nodes::{Access, Node};

/// What was found of Vulkan.
pub fn facts(text: &mut String, facts: &Facts) {
    let _ = writeln!(text, "  Vulkan");
    rows(text, "libraries", facts.libraries.iter().map(library));
    rows(text, "drivers", facts.drivers.iter().map(manifest));
    let absent = facts.absent.iter();
    let absent = absent.map(|it| format!("{} ({})", it.path.display(), it.variable));
    some_rows(text, "not there", absent.collect());
    let vendors: Vec<_> = facts.egl_vendors.iter().map(manifest).collect();
    some_rows(text, "EGL vendors", vendors);
    rows(text, "device nodes", facts.nodes.iter().map(node));
    let mig = facts.mig_nodes.iter().map(|it| it.display().to_string());
    some_rows(text, "MIG instances", mig.collect());
    let on_bus: Vec<_> = facts.on_bus.iter().map(|it| it.name()).collect();
    if !on_bus.is_empty() {
        row(text, "GPUs on the bus", &on_bus.join(", "));
    }
    nvidia(text, facts);
    if let Some(user) = &facts.user {
        row(text, "process", &user.to_string());
    }
    if let Some(container) = facts.container {
        row(text, "container", container.name());
    }
    let environment = facts.environment.iter();
    let environment = environment.map(|(name, value)| format!("{name}={value}"));
    some_rows(text, "environment", environment.collect());
}

/// What is wrong, and what to do.
pub fn findings(text: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(text, "  Findings");
    for finding in findings {
        let Finding { found, cause, .. } = finding;
        let _ = writeln!(text, "   {:<8} {found}", finding.severity.name());
        let _ = writeln!(text, "     likely   {cause}");
        let _ = writeln!(text, "     do       {}", finding.advice);
    }
}

fn row(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "     {name:<19} {value}");
}

/// A row for each value, or one that says that there is none.
fn rows(text: &mut String, name: &str, values: impl Iterator<Item = String>) {
    let values: Vec<_> = values.collect();
    if values.is_empty() {
        row(text, name, "none");
    }
    some_rows(text, name, values);
}

fn some_rows(text: &mut String, mut name: &str, values: Vec<String>) {
    for value in values {
        row(text, std::mem::take(&mut name), &value);
    }
}

fn library(library: &Library) -> String {
    let Library { name, place } = library;
    match place {
        Place::Found(path) if path.as_os_str() == name.as_str() => format!("{name}, found"),
        Place::Found(path) => format!("{name}: {}", path.display()),
        Place::NotSearched(path) => format!("{name}: not searched for in {}", path.display()),
        Place::Foreign(path) => format!("{name}: for another processor, {}", path.display()),
        Place::Missing => format!("{name}: not found"),
    }
}

fn manifest(manifest: &Manifest) -> String {
    let unused = match manifest.selected {
        true => "",
        false => " (deselected)",
    };
    let names = match (&manifest.library, &manifest.problem) {
        (Some(it), _) => library(it),
        (None, problem) => problem.clone().unwrap_or_default(),
    };
    format!("{}{unused} -> {names}", manifest.file.display())
}

fn node(node: &Node) -> String {
    let vendor = node.vendor.map_or("", |vendor| vendor.name());
    let state = match &node.access {
        Access::Opens => "opens".to_string(),
        Access::Denied => format!(
            "closed to this process: user {}, group {}, mode {:03o}",
            node.uid, node.gid, node.mode
        ),
        Access::Forbidden => "forbidden to this container".into(),
        Access::Fails(error) => error.clone(),
    };
    format!("{} {vendor:<7} {state}", node.path.display())
}

fn nvidia(text: &mut String, facts: &Facts) {
    let nvidia = &facts.nvidia;
    if let Some(version) = &nvidia.kernel_module {
        row(text, "NVIDIA's module", version);
    }
    if let Some(version) = &nvidia.libraries {
        row(text, "NVIDIA's libraries", version);
    }
    if !nvidia.missing_parts.is_empty() {
        row(text, "  not found", &nvidia.missing_parts.join(", "));
    }
}
