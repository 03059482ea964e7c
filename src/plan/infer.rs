//! From nodes to steps: signatures are inferred, and commands that change nothing become other names of their input.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Op, Output, Slot, Source, Step};
use crate::block::Signature;
use crate::command::{Command, Env, Mismatch, Prepared, Role, Rows};
use crate::config::{Problem, Problems};
use crate::graph::{Graph, Input, Node};
use crate::point::Point;

/// A plan before fusion: steps with what the rules may know of them.
pub struct Draft {
    pub slots: Vec<Signature>,
    pub sources: Vec<Source>,
    pub steps: Vec<DraftStep>,
    pub sinks: Vec<Output>,
    pub warnings: Vec<String>,
}

/// A step and its role.
pub struct DraftStep {
    pub step: Step,
    pub role: Role,
}

/// Walks the graph once.
pub fn infer(
    graph: &Graph,
    file: &Path,
    env: &Env,
    loads: &HashMap<PathBuf, Signature>,
) -> Result<Draft, Problems> {
    let mut draft = Draft {
        slots: vec![env.source.clone()],
        sources: vec![Source {
            slot: Slot(0),
            file: None,
        }],
        steps: Vec::new(),
        sinks: Vec::new(),
        warnings: Vec::new(),
    };
    let mut problems = Problems::new(file);
    // The slot of each node's result; none where the node or one of its inputs does not fit.
    let mut results: Vec<Option<Slot>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let slot = |input: &Input| match input {
            Input::Chunk => Some(Slot(0)),
            Input::Node(k) => results[*k],
        };
        let inputs: Option<Vec<Slot>> = node.inputs.iter().map(slot).collect();
        let result = inputs.and_then(|inputs| match draft.add(node, inputs, env, loads) {
            Ok(slot) => Some(slot),
            Err(mismatch) => {
                problems.push(problem(node, &mismatch));
                None
            }
        });
        results.push(result);
    }
    if problems.has_errors() {
        Err(problems)
    } else {
        Ok(draft)
    }
}

fn problem(node: &Node, mismatch: &Mismatch) -> Problem {
    let path = match mismatch.argument {
        "" => node.path.clone(),
        argument => format!("{}.{argument}", node.path),
    };
    Problem::error(
        path,
        format!(
            "`{}` (uid {}): {}",
            node.spec.name, node.uid, mismatch.message
        ),
    )
}

impl Draft {
    fn add(
        &mut self,
        node: &Node,
        inputs: Vec<Slot>,
        env: &Env,
        loads: &HashMap<PathBuf, Signature>,
    ) -> Result<Slot, Mismatch> {
        let label = node.spec.name;
        match &node.command {
            Command::Passthrough => Ok(inputs[0]),
            Command::Load(path) => {
                if let Some(known) = self.sources.iter().find(|s| s.file.as_ref() == Some(path)) {
                    return Ok(known.slot);
                }
                let signature = loads
                    .get(path)
                    .ok_or_else(|| Mismatch::input(format!("no file {}", path.display())))?;
                let slot = self.slot(signature.clone());
                self.sources.push(Source {
                    slot,
                    file: Some(path.clone()),
                });
                Ok(slot)
            }
            Command::Point(point) => self.point(label, *point, inputs),
            Command::Block(command) => {
                let signatures: Vec<&Signature> = inputs.iter().map(|s| &self.slots[s.0]).collect();
                let Prepared {
                    signature,
                    rows,
                    role,
                    kernel,
                    warnings,
                } = command.prepare(env, &signatures)?;
                self.warnings.extend(
                    warnings
                        .iter()
                        .map(|w| format!("{}: `{label}` (uid {}): {w}", node.path, node.uid)),
                );
                if matches!(role, Role::RawChunk) {
                    return Ok(Slot(0));
                }
                let output = self.slot(signature);
                let step = Step {
                    label: label.into(),
                    op: Op::Kernel(kernel),
                    inputs,
                    outputs: vec![output],
                    rows,
                };
                self.steps.push(DraftStep { step, role });
                Ok(output)
            }
            Command::Sink(sink) => {
                let signatures: Vec<&Signature> = inputs.iter().map(|s| &self.slots[s.0]).collect();
                sink.check(env, &signatures)?;
                let result = inputs[0];
                self.sinks.push(Output {
                    label: label.into(),
                    sink: sink.clone(),
                    inputs,
                });
                Ok(result)
            }
        }
    }

    fn point(&mut self, label: &str, point: Point, inputs: Vec<Slot>) -> Result<Slot, Mismatch> {
        let signature = self.slots[inputs[0].0].clone();
        let rule = point.rule(signature.kind).ok_or_else(|| {
            let kinds: Vec<_> = point
                .rules
                .iter()
                .map(|rule| rule.input.to_string())
                .collect();
            Mismatch::input(format!(
                "takes {} input, found {signature}",
                kinds.join(" or ")
            ))
        })?;
        let output = self.slot(Signature {
            kind: rule.output,
            ..signature
        });
        let step = Step {
            label: label.into(),
            op: Op::Points(vec![point]),
            inputs: vec![inputs[0]],
            outputs: vec![output],
            rows: Rows::Independent,
        };
        self.steps.push(DraftStep {
            step,
            role: Role::Opaque,
        });
        Ok(output)
    }

    fn slot(&mut self, signature: Signature) -> Slot {
        self.slots.push(signature);
        Slot(self.slots.len() - 1)
    }
}
