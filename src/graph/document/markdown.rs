//! A flow as Markdown.

use serde_json::Value;

use super::{Flow, latex};
use crate::graph::Input;

/// The page: a picture of the graph, a table of the commands, the command file.
pub fn text(flow: &Flow<'_>) -> String {
    let workflow = flow.workflow;
    let mut text = format!("# {}\n\n", workflow.name);
    if !workflow.description.is_empty() {
        text += &format!("{}\n\n", workflow.description);
    }
    text += &format!(
        "![The commands of the flow and where they run](config.svg)\n\n{}\n\n",
        flow.plan
    );
    text +=
        "| uid | command | reads | what it does | arguments | where |\n|---|---|---|---|---|---|\n";
    for (k, node) in flow.graph.nodes.iter().enumerate() {
        let uid = |input: &Input| match input {
            Input::Chunk => "the chunk".to_string(),
            Input::Node(k) => flow.graph.nodes[*k].uid.to_string(),
        };
        let reads: Vec<String> = node.inputs.iter().map(uid).collect();
        let args = flow.args(node);
        let args = args.iter().map(|(key, value)| format!("`{key}` {value}"));
        let args: Vec<String> = args.collect();
        let label = flow.label(node);
        let comment = match label == node.spec.name {
            true => String::new(),
            false => format!(" *{}*", cell(&label)),
        };
        text += &format!(
            "| {} | `{}` | {} | {}{comment} | {} | {} |\n",
            node.uid,
            node.spec.name,
            reads.join(", "),
            cell(node.spec.summary),
            cell(&args.join("; ")),
            cell(&flow.said(k)),
        );
    }
    let entries = workflow.entries.iter().map(latex::entry).collect();
    let json = serde_json::to_string_pretty(&Value::Array(entries)).unwrap_or_default();
    text + &format!("\n```json\n{json}\n```\n")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
