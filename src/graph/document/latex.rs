//! A flow as a LaTeX article.

use serde_json::Value;

use super::Flow;

const TOP: &str = r"\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{graphicx}
\usepackage{listings}
\lstset{basicstyle=\small\ttfamily, breaklines=true, columns=fullflexible, frame=single}
\begin{document}
";

/// The article: what each command does, with its arguments and where it runs; the command file; the graph, from `config.pdf`.
pub fn text(flow: &Flow<'_>) -> String {
    let workflow = flow.workflow;
    let mut text = String::from(TOP);
    text += &format!("\\section{{{}}}\n", escaped(&workflow.name));
    if !workflow.description.is_empty() {
        text += &format!("{}\n\n", escaped(&workflow.description));
    }
    text += &format!("{}\n", escaped(&flow.plan));
    for (k, node) in flow.graph.nodes.iter().enumerate() {
        let name = escaped(node.spec.name);
        text += &format!("\\subsection{{{name} (uid {})}}\n", node.uid);
        text += &format!("{}\n\n", escaped(node.spec.summary));
        let label = flow.label(node);
        if label != node.spec.name {
            text += &format!("{}\n\n", escaped(&label));
        }
        let args = flow.args(node);
        if !args.is_empty() {
            text += "\\begin{description}\n";
            for (key, value) in &args {
                let value = escaped(&value.to_string());
                text += &format!("\\item[{}] {value}\n", escaped(key));
            }
            text += "\\end{description}\n";
        }
        text += &format!("It is {}.\n", escaped(&said(&flow.said(k))));
    }
    let json = Value::Array(workflow.entries.iter().map(entry).collect());
    text += "\\subsection{The command list}\n\\begin{lstlisting}\n";
    text += &serde_json::to_string_pretty(&json).unwrap_or_default();
    text += "\n\\end{lstlisting}\n\\subsection{The graph}\n\\begin{figure}[h]\n\\centering\n";
    text +=
        "\\includegraphics[width=\\linewidth,height=0.9\\textheight,keepaspectratio]{config.pdf}\n";
    text +=
        "\\caption{The commands of the flow and where they run}\n\\end{figure}\n\\end{document}\n";
    text
}

/// As it follows on "It is".
fn said(said: &str) -> String {
    match said.strip_prefix("writes files") {
        Some(rest) => format!("what writes files{rest}"),
        None => match said.strip_prefix("passes its input on") {
            Some(rest) => format!("what passes its input on{rest}"),
            None => format!("computed {said}"),
        },
    }
}

/// An entry of the command file once more.
pub fn entry(entry: &crate::config::workflow::Entry) -> Value {
    let mut map = serde_json::Map::new();
    map.insert("name".into(), entry.name.clone().into());
    for (key, uid) in [("uid", entry.uid), ("in_uid", entry.in_uid)] {
        if let Some(uid) = uid {
            map.insert(key.into(), uid.into());
        }
    }
    if !entry.gather_uids.is_empty() {
        map.insert("gather_uids".into(), entry.gather_uids.clone().into());
    }
    map.extend(entry.args.clone());
    Value::Object(map)
}

/// Text as LaTeX prints it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '`' => out.push_str("\\textasciigrave{}"),
            '#' | '$' | '%' | '&' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}
