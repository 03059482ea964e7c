//! From nodes to steps: signatures are inferred, and commands that change nothing become other names of their input.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::edges::Need;
use super::{Op, Output, Slot, Source, Step};
use crate::block::{Block, Kind, Real, Samples, Signature};
use crate::command::{
    BlockCommand, Command, Compat, Cpu, Env, Kernel, Mismatch, Place, Prepared, Role, Rows,
    SinkCommand, Spec,
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
    /// For each slot that has the edges of the chunk, or would have them if the chunk had any: what its samples need of them.
    pub needs: Vec<Option<Need>>,
    /// The most that is needed where edges end.
    pub need: Option<Need>,
    /// Slots whose edges are cut off, and what is left.
    pub trimmed: HashMap<Slot, Slot>,
    /// See [`super::Plan::period`].
    pub period: usize,
    /// Whether some output needs the node in hand.
    pub used: bool,
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
            columns: None,
        }],
        steps: Vec::new(),
        sinks: Vec::new(),
        warnings: Vec::new(),
        // distpy knows no chunk but its own.
        needs: vec![(env.compat == Compat::Exact).then_some(Need::NONE)],
        need: None,
        trimmed: HashMap::new(),
        period: 1,
        used: false,
        hint: None,
        node: 0,
    };
    let used = used(graph);
    let mut problems = Problems::new(file);
    // The slot of each node's result, and the hint that holds there; none where the node or one of its inputs does not fit.
    let mut results: Vec<Option<(Slot, Option<Place>)>> = Vec::with_capacity(graph.nodes.len());
    for (place, node) in graph.nodes.iter().enumerate() {
        draft.node = place;
        draft.used = used[place];
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

/// For each node, whether an output needs it.
fn used(graph: &Graph) -> Vec<bool> {
    let nodes = &graph.nodes;
    let mut used: Vec<bool> = nodes.iter().map(|it| it.command.sink().is_some()).collect();
    // Inputs come before users.
    for (k, node) in nodes.iter().enumerate().rev() {
        let needed = used[k];
        for input in &node.inputs {
            if let Input::Node(before) = input {
                used[*before] |= needed;
            }
        }
    }
    used
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
        // Commands check how real and complex inputs go together; of the other kinds they know those that they list.
        let others = inputs[1..].iter().map(|slot| &self.slots[slot.0]);
        for other in others.filter(|it| !matches!(it.kind, Kind::Real | Kind::Complex)) {
            if !node.spec.takes(other.kind) {
                let kinds = kinds(node.spec);
                let found = format!("takes {kinds} input, found {other} in gather_uids");
                return Err(Mismatch::input(found));
            }
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
                let slot = self.slot(signature.clone(), None);
                self.sources.push(Source {
                    slot,
                    file: Some(path.clone()),
                    columns: None,
                });
                Ok(slot)
            }
            Command::Point(point) => {
                let signature = self.slots[inputs[0].0].clone();
                Ok(self.point(label, *point, inputs[0], signature))
            }
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
        let (inputs, prepared, need) = self.prepare(node, command, inputs, env)?;
        let Prepared {
            signature,
            rows,
            reach: _,
            period,
            role,
            kernel,
            warnings,
            guard,
        } = prepared;
        self.period = common_multiple(self.period, period);
        self.warnings.extend(
            warnings
                .iter()
                .map(|w| format!("{}: `{label}` (uid {}): {w}", node.path, node.uid)),
        );
        match role {
            Role::RawChunk => return Ok(Slot(0)),
            Role::Same => return Ok(inputs[0]),
            Role::Point(point) => return Ok(self.point(label, point, inputs[0], signature)),
            _ => {}
        }
        let output = self.slot(signature, need);
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

    /// Prepares a command for its inputs: with their edges, where it needs only neighbouring samples along time, and otherwise
    /// without. Gives the inputs that it gets, and what its result needs of the edges if it has any.
    fn prepare(
        &mut self,
        node: &Node,
        command: &dyn BlockCommand,
        inputs: Vec<Slot>,
        env: &Env,
    ) -> Result<(Vec<Slot>, Prepared, Option<Need>), Mismatch> {
        let name = format!("`{}` (uid {})", node.spec.name, node.uid);
        let prepared = self.prepared(command, &inputs, env);
        if let Ok(prepared) = &prepared
            && let Some(need) = self.need_of(&inputs, prepared.reach, env, &name)
        {
            return Ok((inputs, prepared.clone(), Some(need)));
        }
        let own = inputs.iter().map(|&slot| self.trim(slot, env));
        let own = own.collect::<Result<Vec<Slot>, Mismatch>>()?;
        let prepared = match own == inputs {
            true => prepared,
            false => self.prepared(command, &own, env),
        };
        Ok((own, prepared?, None))
    }

    fn prepared(
        &self,
        command: &dyn BlockCommand,
        inputs: &[Slot],
        env: &Env,
    ) -> Result<Prepared, Mismatch> {
        let signatures: Vec<&Signature> = inputs.iter().map(|s| &self.slots[s.0]).collect();
        command.prepare(env, &signatures)
    }

    fn sink(
        &mut self,
        label: &str,
        sink: &Arc<dyn SinkCommand>,
        inputs: Vec<Slot>,
        env: &Env,
    ) -> Result<Slot, Mismatch> {
        let result = inputs[0];
        let own = inputs.into_iter().map(|slot| self.trim(slot, env));
        let inputs = own.collect::<Result<Vec<Slot>, Mismatch>>()?;
        let signatures: Vec<&Signature> = inputs.iter().map(|s| &self.slots[s.0]).collect();
        sink.check(env, &signatures)?;
        self.sinks.push(Output {
            label: label.into(),
            node: self.node,
            sink: sink.clone(),
            inputs,
        });
        Ok(result)
    }

    /// Adds an element-wise step. `signature` is that of its result, except for the kind, which the point's rule gives.
    fn point(&mut self, label: &str, point: Point, input: Slot, signature: Signature) -> Slot {
        let rule = point
            .rule(self.slots[input.0].kind)
            .expect("a point has a rule for each kind that its command takes");
        let kind = rule.output;
        let output = self.slot(Signature { kind, ..signature }, self.needs[input.0].clone());
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
        let kind = Kind::Real;
        let signature = signature.clone();
        let output = self.slot(Signature { kind, ..signature }, self.needs[slot.0].clone());
        self.step("to real", Op::Kernel(Arc::new(Numbers)), slot, output);
        self.steps.last_mut().expect("a step was added").role = Role::Numbers;
        output
    }

    pub fn step(&mut self, label: &str, op: Op, input: Slot, output: Slot) {
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

    pub fn slot(&mut self, signature: Signature, need: Option<Need>) -> Slot {
        self.slots.push(signature);
        self.needs.push(need);
        Slot(self.slots.len() - 1)
    }
}

/// The least multiple of both; one that no chunks share where it is too large.
fn common_multiple(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
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
