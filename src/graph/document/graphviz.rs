//! A flow in Graphviz's language.

use std::fmt::Write;

use super::Flow;
use crate::graph::{Input, Node};

/// A box per command, an arrow per input. Names are distpy's, `name_uid`; colours say where a command runs, and boxes around
/// several that they are one step.
pub fn text(flow: &Flow<'_>) -> String {
    let graph = flow.graph;
    let mut text = String::from("digraph G {\n");
    let name = |node: &Node| format!("{}_{}", node.spec.name, node.uid);
    for (k, node) in graph.nodes.iter().enumerate() {
        let [r, g, b] = flow.kind(k).colour();
        let formatting = flow.entry(node).map(|entry| entry.formatting.trim());
        let formatting = match formatting {
            Some(own) if !own.is_empty() => own.to_string(),
            _ => format!("style=filled,fillcolor=\"#{r:02x}{g:02x}{b:02x}\""),
        };
        let label = flow.label(node).replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(text, "{}[label=\"{label}\",{formatting}];", name(node));
        for input in &node.inputs {
            let from = match input {
                Input::Chunk => "load_data_0".to_string(),
                Input::Node(k) => name(&graph.nodes[*k]),
            };
            let _ = writeln!(text, "{from} -> {}", name(node));
        }
    }
    for (step, nodes) in flow.steps() {
        let members: Vec<String> = nodes.iter().map(|k| name(&graph.nodes[*k])).collect();
        let _ = writeln!(
            text,
            "subgraph cluster_{step} {{ label=\"fused step {step}\"; style=dashed; {}; }}",
            members.join("; ")
        );
    }
    text + "}\n"
}
