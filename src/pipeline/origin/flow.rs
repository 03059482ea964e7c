//! A flow as the records have it, and in what two flows differ.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::results;
use crate::command::ChunkId;
use crate::graph::{Graph, Input};

/// A flow, and everything else that changes numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// The program's version.
    pub program: String,
    /// The command file, for messages and the report. It may have another path elsewhere, so that it is not in the hash.
    #[serde(serialize_with = "crate::store::path_as_text")]
    pub file: PathBuf,
    /// Other settings that change numbers, by their keys in the configuration.
    pub settings: BTreeMap<String, Value>,
    /// The commands, inputs before users.
    pub commands: Vec<Step>,
    /// The files that it writes for a chunk of the name 0.
    pub results: Vec<PathBuf>,
    /// The command file's text, which is not in the hash.
    pub text: String,
}

/// A command of a flow, with all arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Its arguments; those that the command file leaves out have their defaults.
    pub arguments: Map<String, Value>,
    /// Its inputs: numbers of commands, from 1; 0 is the chunk.
    pub inputs: Vec<usize>,
}

impl Flow {
    /// Describes a flow.
    pub fn new(file: &Path, text: &str, graph: &Graph, settings: BTreeMap<String, Value>) -> Self {
        let steps = graph.nodes.iter().map(|node| Step {
            name: node.spec.name.to_string(),
            arguments: node.arguments.clone(),
            inputs: node
                .inputs
                .iter()
                .map(|input| match input {
                    Input::Chunk => 0,
                    Input::Node(k) => k + 1,
                })
                .collect(),
        });
        Self {
            program: env!("CARGO_PKG_VERSION").to_string(),
            file: file.to_path_buf(),
            settings,
            commands: steps.collect(),
            results: results(graph, &ChunkId::of_second(0)).collect(),
            text: text.to_string(),
        }
    }

    /// Hash of everything that changes the numbers of the flow.
    pub fn hash(&self) -> String {
        let text = serde_json::to_vec(&(&self.program, &self.settings, &self.commands));
        let digest = Sha256::digest(text.expect("a flow is plain data"));
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether they write some file both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.results.iter().any(|path| other.results.contains(path))
    }

    /// In what this flow differs from an earlier one, one line each.
    pub(super) fn changes(&self, from: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        if self.program != from.program {
            changes.push(format!(
                "distpy-gpu: version {} -> {}",
                from.program, self.program
            ));
        }
        let nothing = Value::Null;
        let keys: HashSet<&String> = self.settings.keys().chain(from.settings.keys()).collect();
        let mut keys: Vec<&String> = keys.into_iter().collect();
        keys.sort();
        for key in keys {
            let [old, new] = [from, self].map(|it| it.settings.get(key).unwrap_or(&nothing));
            if old != new {
                changes.push(format!("{key}: {} -> {}", shown(old), shown(new)));
            }
        }
        let file = self.file.file_name().unwrap_or_default().display();
        let [before, now] = [from, self].map(|it| it.commands.len());
        if before != now {
            changes.push(format!("{file}: {before} commands -> {now}"));
        }
        for (k, (new, old)) in self.commands.iter().zip(&from.commands).enumerate() {
            let at = format!("{file}: command {} \"{}\"", k + 1, new.name);
            if new.name != old.name {
                changes.push(format!(
                    "{file}: command {}: \"{}\" -> \"{}\"",
                    k + 1,
                    old.name,
                    new.name
                ));
                continue;
            }
            if new.inputs != old.inputs {
                changes.push(format!("{at}: inputs {:?} -> {:?}", old.inputs, new.inputs));
            }
            let keys = new.arguments.keys();
            for key in keys.chain(
                old.arguments
                    .keys()
                    .filter(|it| !new.arguments.contains_key(*it)),
            ) {
                let [was, is] = [old, new].map(|it| it.arguments.get(key).unwrap_or(&nothing));
                if was != is {
                    changes.push(format!("{at}: {key} {} -> {}", shown(was), shown(is)));
                }
            }
        }
        changes
    }
}

/// A value as a message shows it; a list of one as its value.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Array(values) if values.len() == 1 => shown(&values[0]),
        Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |it| it.to_string()),
        other => other.to_string(),
    }
}
