//! From nodes to steps: signatures are inferred, and commands that change nothing become other names of their input.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Op, Output, Slot, Source, Step};
use crate::block::{Block, Kind, Real, Samples, Signature};
use crate::command::{
    BlockCommand, Command, Cpu, Env, Kernel, Mismatch, Place, Prepared, Role, Rows, SinkCommand,
    Spec,
};
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
    /// Of the node in hand.
    hint: Option<Place>,
    /// The place in the graph of the node in hand.
    node: usize,
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
        hint: None,
        node: 0,
    };
    let mut problems = Problems::new(file);
    // The slot of each node's result, and the hint that holds there; none where the node or one of its inputs does not fit.
    let mut results: Vec<Option<(Slot, Option<Place>)>> = Vec::with_capacity(graph.nodes.len());
    for (place, node) in graph.nodes.iter().enumerate() {
        draft.node = place;
        let slot = |input: &Input| match input {
            Input::Chunk => Some((Slot(0), None)),
            Input::Node(k) => results[*k],
        };
        let inputs: Option<Vec<(Slot, Option<Place>)>> = node.inputs.iter().map(slot).collect();
        let result = inputs.and_then(|inputs| {
            let (inputs, hints): (Vec<Slot>, Vec<Option<Place>>) = inputs.into_iter().unzip();
            draft.hint = match node.command {
                Command::Hint(place) => Some(place),
                _ => hints.into_iter().flatten().next(),
            };
            match draft.add(node, inputs, env, loads) {
                Ok(slot) => Some((slot, draft.hint)),
                Err(mismatch) => {
                    problems.push(problem(node, &mismatch));
                    None
                }
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
        let inputs: Vec<Slot> = inputs
            .into_iter()
            .map(|slot| self.numbers(node.spec, slot))
            .collect();
        let first = &self.slots[inputs[0].0];
        if !node.spec.takes(first.kind) {
            return Err(Mismatch::input(format!(
                "takes {} input, found {first}",
                kinds(node.spec)
            )));
        }
        match &node.command {
            Command::Passthrough | Command::Hint(_) => Ok(inputs[0]),
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
            Command::Point(point) => Ok(self.point(label, *point, inputs[0])),
            Command::Block(command) => self.block(node, &**command, inputs, env),
            Command::Sink(sink) => self.sink(label, sink, inputs, env),
            Command::Written(command, sink) => {
                let result = self.block(node, &**command, inputs, env)?;
                self.sink(label, sink, vec![result], env)
            }
        }
    }

    fn block(
        &mut self,
        node: &Node,
        command: &dyn BlockCommand,
        inputs: Vec<Slot>,
        env: &Env,
    ) -> Result<Slot, Mismatch> {
        let label = node.spec.name;
        let signatures: Vec<&Signature> = inputs.iter().map(|s| &self.slots[s.0]).collect();
        let Prepared {
            signature,
            rows,
            role,
            kernel,
            warnings,
            guard,
        } = command.prepare(env, &signatures)?;
        self.warnings.extend(
            warnings
                .iter()
                .map(|w| format!("{}: `{label}` (uid {}): {w}", node.path, node.uid)),
        );
        match role {
            Role::RawChunk => return Ok(Slot(0)),
            Role::Same => return Ok(inputs[0]),
            Role::Point(point) => return Ok(self.point(label, point, inputs[0])),
            _ => {}
        }
        let output = self.slot(signature);
        let step = Step {
            label: label.into(),
            nodes: vec![self.node],
            op: Op::Kernel(kernel),
            inputs,
            outputs: vec![output],
            rows,
            guard: guard.map(|guard| {
                (
                    guard,
                    format!("{}: `{label}` (uid {})", node.path, node.uid),
                )
            }),
            hint: self.hint,
        };
        self.steps.push(DraftStep { step, role });
        Ok(output)
    }

    fn sink(
        &mut self,
        label: &str,
        sink: &Arc<dyn SinkCommand>,
        inputs: Vec<Slot>,
        env: &Env,
    ) -> Result<Slot, Mismatch> {
        let signatures: Vec<&Signature> = inputs.iter().map(|s| &self.slots[s.0]).collect();
        sink.check(env, &signatures)?;
        let result = inputs[0];
        self.sinks.push(Output {
            label: label.into(),
            node: self.node,
            sink: sink.clone(),
            inputs,
        });
        Ok(result)
    }

    fn point(&mut self, label: &str, point: Point, input: Slot) -> Slot {
        let signature = self.slots[input.0].clone();
        let rule = point
            .rule(signature.kind)
            .expect("a point has a rule for each kind that its command takes");
        let output = self.slot(Signature {
            kind: rule.output,
            ..signature
        });
        self.step(label, Op::Points(vec![point]), input, output);
        output
    }

    /// The slot itself; or, for labels and masks that a command does not take as they are, the same as real numbers.
    fn numbers(&mut self, spec: &Spec, slot: Slot) -> Slot {
        let signature = &self.slots[slot.0];
        if !matches!(signature.kind, Kind::Label | Kind::Mask) || spec.takes(signature.kind) {
            return slot;
        }
        let known = self
            .steps
            .iter()
            .find(|s| s.step.inputs == [slot] && matches!(s.role, Role::Numbers));
        if let Some(known) = known {
            return known.step.outputs[0];
        }
        let output = self.slot(Signature {
            kind: Kind::Real,
            ..signature.clone()
        });
        self.step("to real", Op::Kernel(Arc::new(Numbers)), slot, output);
        self.steps.last_mut().expect("a step was added").role = Role::Numbers;
        output
    }

    fn step(&mut self, label: &str, op: Op, input: Slot, output: Slot) {
        let step = Step {
            label: label.into(),
            nodes: vec![self.node],
            op,
            inputs: vec![input],
            outputs: vec![output],
            rows: Rows::Independent,
            guard: None,
            hint: self.hint,
        };
        self.steps.push(DraftStep {
            step,
            role: Role::Opaque,
        });
    }

    fn slot(&mut self, signature: Signature) -> Slot {
        self.slots.push(signature);
        Slot(self.slots.len() - 1)
    }
}

/// The kinds that a command takes, in words.
fn kinds(spec: &Spec) -> String {
    let names: Vec<_> = spec
        .kinds
        .iter()
        .map(|(kind, _)| kind.to_string())
        .collect();
    names.join(" or ")
}

/// Labels and masks as real numbers.
#[derive(Debug)]
struct Numbers;

impl Kernel for Numbers {}

impl<T: Real> Cpu<T> for Numbers {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        Block::real(match &inputs[0].samples {
            Samples::Label(a) => a.mapv(|v| T::of(v as f64)),
            Samples::Mask(a) => a.mapv(|v| if v { T::one() } else { T::zero() }),
            _ => inputs[0].as_real().clone(),
        })
    }
}
