//! The check of random flows: a plan gives the results of the naive evaluation, and both refuse the same flows.

use std::collections::HashMap;
use std::path::Path;

use distpy_gpu::block::{Precision, Stored};
use distpy_gpu::command::{Compat, Env};
use distpy_gpu::config::{Problems, Severity, Workflow};
use distpy_gpu::execute::{Results, cpu};
use distpy_gpu::graph::{Graph, Input, Reading};
use distpy_gpu::plan::{Plan, Source};
use serde_json::{Value, json};

use super::drawn::Drawn;
use super::naive::{self, Outcome, Stop};

/// Relative error of a row in double precision, of which the fused transforms need a part.
const TOLERANCE: f64 = 1e-9;
/// Part of a row's scale by which rounding may change any result in double precision.
const ROUNDING: f64 = 1e-13;

/// Relative effect of rounding from which on a row means nothing.
const NOISE: f64 = 0.01;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Both refuse the flow.
    Refused,
    /// The naive evaluation takes too long.
    TooLarge,
    /// All rows are equal but for rounding.
    Equal(Rows),
}

/// Rows that were compared.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rows {
    pub all: usize,
    /// Rows in which rounding alone may exceed the tolerance.
    pub sensitive: usize,
}

impl std::ops::AddAssign for Rows {
    fn add_assign(&mut self, other: Self) {
        self.all += other.all;
        self.sensitive += other.sensitive;
    }
}

/// Checks the flow that some bytes decide.
///
/// # Panics
/// When the plan's results differ from the naive evaluation, or only one of both refuses the flow.
pub fn check(bytes: &[u8]) -> Verdict {
    let drawn = Drawn::new(bytes);
    let Some((graph, env)) = drawn.graph() else {
        return Verdict::Refused;
    };
    let wanted = naive::evaluate(&graph, &env, &drawn.chunk, 0.0);
    if wanted.as_ref().err() == Some(&Stop::TooLarge) {
        return Verdict::TooLarge;
    }
    let (plan, want) = match (drawn.plan(&graph, &env), wanted) {
        (Err(problems), Err(_)) => {
            is_sensible(&problems);
            return Verdict::Refused;
        }
        (Ok(plan), Ok(want)) => (plan, want),
        (plan, want) => panic!(
            "the plan: {:?}\nthe naive evaluation: {:?}\n{drawn:?}",
            plan.map(|it| it.to_string()),
            want.map(|_| "accepted")
        ),
    };
    let results = cpu::run(&plan, &drawn.sources(&plan), Precision::F64);
    let changed = || Vec::from_iter(naive::evaluate(&graph, &env, &drawn.chunk, ROUNDING));
    match compare(&plan, &results, &want, TOLERANCE, changed) {
        Ok(rows) => Verdict::Equal(rows),
        Err(found) => panic!("{found}\n{plan}{drawn:?}"),
    }
}

/// Compares a plan's results with the outcome of the naive evaluation. `changed` gives outcomes with other rounding errors; it is
/// called when a row exceeds the tolerance.
///
/// # Errors
/// The first difference.
pub fn compare(
    plan: &Plan,
    results: &Results,
    want: &Outcome,
    tolerance: f64,
    changed: impl Fn() -> Vec<Outcome>,
) -> Result<Rows, String> {
    let single = tolerance > TOLERANCE;
    if plan.sinks.len() != want.sinks.len() {
        return Err(format!("{} sinks", plan.sinks.len()));
    }
    match &results.fault {
        Some(fault) if !want.faults.iter().any(|it| fault.ends_with(it)) => {
            return Err(format!("{fault}, expected {:?}", want.faults));
        }
        // In compat mode a command may give the chunk as it is, and what its inputs would be does not matter.
        None if !want.faults.is_empty() && !single && plan.env.compat == Compat::Exact => {
            return Err(format!("no fault, expected {:?}", want.faults));
        }
        _ => {}
    }
    let mut rows = Rows::default();
    for sink in &plan.sinks {
        let inputs = &want.sinks[&sink.node];
        for (k, (slot, want)) in sink.inputs.iter().zip(inputs).enumerate() {
            let at = format!("{} at {}, input {k}", sink.label, sink.node);
            let (found, expected) = (plan.signature(*slot), &want.signature);
            if (found.kind, &found.depth, &found.time, found.rank)
                != (
                    expected.kind,
                    &expected.depth,
                    &expected.time,
                    expected.rank,
                )
            {
                return Err(format!("{at}: found {found:?}, expected {expected:?}"));
            }
            let got = naive::to_f64(&results.blocks[slot]);
            let errors =
                naive::errors(&got, &want.block, single).map_err(|it| format!("{at}: {it}"))?;
            rows.all += errors.len();
            if errors.iter().all(|error| *error <= tolerance) {
                continue;
            }
            let mut rounding = vec![0.0_f64; errors.len()];
            for outcome in changed() {
                let changed = &outcome.sinks[&sink.node][k].block;
                let more = naive::errors(changed, &want.block, single)?;
                let pairs = rounding.iter_mut().zip(more);
                pairs.for_each(|(most, more)| *most = most.max(more));
            }
            for (row, (error, rounding)) in errors.iter().zip(rounding).enumerate() {
                // Rounding alone makes such a row.
                let noise = rounding > NOISE;
                if *error > tolerance.max(100.0 * rounding) && !noise {
                    return Err(format!(
                        "{at}, row {row}: {error:.1e} of its scale, {rounding:.1e} from rounding"
                    ));
                }
                rows.sensitive += usize::from(*error > tolerance);
            }
        }
    }
    Ok(rows)
}

/// A sensible refusal says where and why.
fn is_sensible(problems: &Problems) {
    let errors = problems.lines(Severity::Error);
    let names = |line: &String| line.contains("command_list") && line.len() > 40;
    assert!(!errors.is_empty() && errors.iter().all(names), "{errors:?}");
}

impl Drawn {
    /// The graph and the facts about its chunk; `None` where the program rightly refuses the flow.
    pub fn graph(&self) -> Option<(Graph, Env)> {
        let strict = self.compat == Compat::Exact;
        let reading = Reading {
            compat: self.compat,
            strict,
        };
        let built = Workflow::parse(Path::new("flow.json"), &self.flow.to_string())
            .and_then(|flow| Graph::build(&flow, reading));
        let graph = match built {
            Ok((graph, _)) => graph,
            Err(problems) => {
                is_sensible(&problems);
                return None;
            }
        };
        assert!(!self.wrong, "a wrong reference was accepted: {}", self.flow);
        self.has_links(&graph);
        let env = self.env(graph.box_rows);
        Some((graph, env))
    }

    /// The nodes of a graph have the inputs that the flow names; distpy resolves names in its own way.
    fn has_links(&self, graph: &Graph) {
        if self.compat == Compat::Distpy {
            return;
        }
        let list = self.flow["command_list"].as_array().expect("a list");
        assert_eq!(graph.nodes.len(), list.len());
        let uid = |input: &Input| match input {
            Input::Chunk => 0,
            Input::Node(place) => graph.nodes[*place].uid,
        };
        for (place, node) in graph.nodes.iter().enumerate() {
            let entry = list.iter().find(|entry| entry["uid"] == node.uid);
            let entry = entry.expect("an entry for each node");
            assert_eq!(entry["name"], node.spec.name);
            let gathered = entry["gather_uids"].as_array().into_iter().flatten();
            let named: Vec<&Value> = std::iter::once(&entry["in_uid"]).chain(gathered).collect();
            let inputs: Vec<i64> = node.inputs.iter().map(uid).collect();
            assert_eq!(json!(named), json!(inputs), "{}", self.flow);
            let before = |input: &Input| *input < Input::Node(place);
            assert!(node.inputs.iter().all(before), "inputs come before users");
        }
    }

    /// Plans the flow.
    ///
    /// # Errors
    /// Commands that do not take their inputs.
    pub fn plan(&self, graph: &Graph, env: &Env) -> Result<Plan, Problems> {
        Plan::new(graph, Path::new("flow.json"), env, &HashMap::new())
    }

    /// The chunk for each source of a plan.
    pub fn sources(&self, plan: &Plan) -> Vec<Stored> {
        let source = |source: &Source| match &source.columns {
            Some(columns) => self.chunk.columns(columns.clone()),
            None => self.chunk.clone(),
        };
        plan.sources.iter().map(source).collect()
    }
}
