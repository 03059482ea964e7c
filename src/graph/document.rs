//! A flow for people: as Graphviz text, LaTeX, Markdown and a drawing, with where each command runs and what is fused.

mod graphviz;
mod latex;
mod layout;
mod markdown;
mod picture;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Graph, Node};
use crate::command::{Command, Place};
use crate::config::Workflow;
use crate::config::workflow::Entry;

/// A flow and what a plan says of it.
#[derive(Debug)]
pub struct Flow<'a> {
    /// The command file.
    pub workflow: &'a Workflow,
    /// The graph.
    pub graph: &'a Graph,
    /// What the plan says of each node of the graph.
    pub looks: Vec<Look>,
    /// What the plan is for, in words; that there is none, where there is none.
    pub plan: String,
}

/// What a plan says of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Where it is computed; `None` where nothing is computed.
    pub place: Option<Place>,
    /// Which step it is part of, where a step does several commands.
    pub fused: Option<usize>,
    /// What it gives: `real 500x1`.
    pub gives: Option<String>,
}

/// Files of a documented flow, by their names.
///
/// # Errors
/// One line where a picture could not be made.
pub fn files(flow: &Flow<'_>) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    Ok(vec![
        ("config.gv", graphviz::text(flow).into_bytes()),
        ("config.tex", latex::text(flow).into_bytes()),
        ("config.md", markdown::text(flow).into_bytes()),
        (
            "config.svg",
            picture::draw(flow, crate::picture::Format::Svg)?,
        ),
        (
            "config.pdf",
            picture::draw(flow, crate::picture::Format::Pdf)?,
        ),
    ])
}

/// The flow as SVG.
///
/// # Errors
/// One line where it could not be drawn.
pub fn svg(flow: &Flow<'_>) -> Result<Vec<u8>, String> {
    picture::draw(flow, crate::picture::Format::Svg)
}

/// What a command does as far as a picture shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is computed on a GPU.
    Gpu,
    /// It is computed on the CPU.
    Cpu,
    /// It writes files.
    Writes,
    /// It computes nothing: its input goes on, or a file is read.
    Passes,
}

impl Kind {
    /// Every kind with its words.
    const ALL: [(Kind, &'static str); 4] = [
        (Kind::Gpu, "on a GPU"),
        (Kind::Cpu, "on the CPU"),
        (Kind::Writes, "writes files"),
        (Kind::Passes, "passes its input on"),
    ];

    fn words(self) -> &'static str {
        let known = Self::ALL.iter().find(|(kind, _)| *kind == self);
        known.map_or("", |(_, words)| words)
    }

    /// A light colour, one of those that people who see few can tell apart.
    fn colour(self) -> [u8; 3] {
        match self {
            Kind::Gpu => [168, 221, 181],
            Kind::Cpu => [253, 208, 145],
            Kind::Writes => [166, 206, 237],
            Kind::Passes => [238, 238, 238],
        }
    }
}

impl Flow<'_> {
    fn kind(&self, k: usize) -> Kind {
        match (&self.graph.nodes[k].command, self.looks[k].place) {
            (_, Some(Place::Gpu)) => Kind::Gpu,
            (_, Some(Place::Cpu)) => Kind::Cpu,
            (Command::Sink(_), None) => Kind::Writes,
            (_, None) => Kind::Passes,
        }
    }

    /// The command file's entry of a node.
    fn entry(&self, node: &Node) -> Option<&Entry> {
        let entries = self.workflow.entries.iter();
        entries.clone().find(|entry| entry.path == node.path)
    }

    fn args(&self, node: &Node) -> Map<String, Value> {
        self.entry(node)
            .map(|entry| entry.args.clone())
            .unwrap_or_default()
    }

    /// What a node is called in a picture: its author's comment, or its name.
    fn label(&self, node: &Node) -> String {
        match self.entry(node).map(|entry| entry.comment.trim()) {
            Some(comment) if !comment.is_empty() => comment.into(),
            _ => node.spec.name.into(),
        }
    }

    /// The fused steps: each with the places of its commands.
    fn steps(&self) -> Vec<(usize, Vec<usize>)> {
        let mut steps: HashMap<usize, Vec<usize>> = HashMap::new();
        for (k, look) in self.looks.iter().enumerate() {
            if let Some(step) = look.fused {
                steps.entry(step).or_default().push(k);
            }
        }
        let mut steps: Vec<_> = steps.into_iter().collect();
        steps.sort();
        steps
    }

    /// Where a node runs, in words.
    fn said(&self, k: usize) -> String {
        let mut said = self.kind(k).words().to_string();
        if let Some(step) = self.looks[k].fused {
            said += &format!(", in fused step {step}");
        }
        if let Some(gives) = &self.looks[k].gives {
            said += &format!(", gives {gives}");
        }
        said
    }
}
