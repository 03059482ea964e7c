//! A flow drawn: the graph as Graphviz text.

use std::fmt::Write;

use super::{Graph, Input, Node};

/// The flow in Graphviz's language: a box per command, an arrow per input. Names are distpy's, `name_uid`.
pub fn graphviz(graph: &Graph) -> String {
    let mut text = String::from("digraph G {\n");
    let name = |node: &Node| format!("{}_{}", node.spec.name, node.uid);
    for node in &graph.nodes {
        let _ = writeln!(text, "{}[label=\"{}\",];", name(node), node.spec.name);
        for input in &node.inputs {
            let from = match input {
                Input::Chunk => "load_data_0".to_string(),
                Input::Node(k) => name(&graph.nodes[*k]),
            };
            let _ = writeln!(text, "{from} -> {}", name(node));
        }
    }
    text + "}\n"
}
