//! `-m document`, and `"document": 1` in a command file: the flow for people, and nothing is run.

use std::path::Path;

use super::device::Work;
use super::{Failure, compat, flow, join, output_folder, system};
use crate::cli::Cli;
use crate::command::{Command, Place};
use crate::config::{Problems, Severity, System, Workflow};
use crate::execute::Job;
use crate::exit::{self, Code};
use crate::graph::document::{Flow, Look, files};
use crate::graph::{Graph, Reading};
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output::Protected;
use crate::plan::Stage;
use crate::reference;

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let system = system(cli, monitor)?;
    let flow = flow(monitor, &system)?.ok_or_else(|| {
        let expected = "missing; expected the path of a command file";
        Problems::single(&system.file, "config", expected)
    })?;
    let reading = Reading {
        compat: compat(cli, &system, Some(&flow))?,
        strict: cli.strict,
    };
    let (graph, findings) = Graph::build(&flow, reading)?;
    findings
        .lines(Severity::Warning)
        .iter()
        .for_each(|line| tracing::warn!("{line}"));
    document(cli, monitor, &system, &flow, &graph, None)
}

/// Writes a flow's documents. `job` is a chunk of it, where there is one.
pub fn document(
    cli: &Cli,
    monitor: &Monitor,
    system: &System,
    workflow: &Workflow,
    graph: &Graph,
    job: Option<&Job>,
) -> Result<Code, Failure> {
    let output = output_folder(cli, system)?;
    let found = match job {
        Some(_) => None,
        None => super::strainrate2summary::first_job(cli, system, workflow, graph),
    };
    let flow = described(
        cli,
        monitor,
        system,
        workflow,
        graph,
        job.or(found.as_ref()),
    )?;
    let files = files(&flow).map_err(Failure::Io)?;
    let folder = join(cli, monitor, &output, Protected::default())?;
    for (name, bytes) in files {
        folder.write(Path::new(name), &bytes)?;
    }
    tracing::info!(
        "{}: the flow as config.gv, config.tex, config.md, config.svg and config.pdf; nothing was run",
        output.display()
    );
    Ok(exit::OK)
}

/// What the plan for a chunk says of a flow; without a chunk, what is known of its commands.
pub fn described<'a>(
    cli: &Cli,
    monitor: &Monitor,
    system: &System,
    workflow: &'a Workflow,
    graph: &'a Graph,
    job: Option<&Job>,
) -> Result<Flow<'a>, Failure> {
    let Some(job) = job else {
        return Ok(Flow {
            workflow,
            graph,
            looks: graph.nodes.iter().map(known).collect(),
            plan: "Where the commands can run; there is no chunk here for which the flow could be planned.".into(),
        });
    };
    let compat = compat(cli, system, Some(workflow))?;
    let precision = super::strainrate2summary::precision(cli, system, compat)?;
    let work = Work::of(Some(job), 1);
    let (mut executor, _) = super::device::executor(cli, system, precision, &monitor.meter, work)?;
    let stages = executor
        .stages(job)
        .map_err(|fault| Failure::Device(fault.to_string()))?;
    let source = job.plan.signature(job.plan.sources[0].slot);
    Ok(Flow {
        workflow,
        graph,
        looks: planned(graph, job, &stages),
        plan: format!("As planned for {}, {source}.", job.path.display()),
    })
}

fn planned(graph: &Graph, job: &Job, stages: &[Stage]) -> Vec<Look> {
    let plan = &job.plan;
    let mut looks = vec![Look::default(); graph.nodes.len()];
    let mut count = 0;
    for stage in stages {
        for step in &plan.steps[stage.steps.clone()] {
            if step.nodes.len() > 1 {
                count += 1;
            }
            for &node in &step.nodes {
                looks[node].place = Some(stage.place);
                looks[node].fused = (step.nodes.len() > 1).then_some(count);
            }
            // A fused step's results are those of its last commands, one each.
            let last = step.nodes.iter().rev().zip(step.outputs.iter().rev());
            for (node, slot) in last {
                looks[*node].gives = Some(plan.signature(*slot).to_string());
            }
        }
    }
    looks
}

/// What is known of a command without a plan.
fn known(node: &crate::graph::Node) -> Look {
    let computes = matches!(
        node.command,
        Command::Point(_) | Command::Block(_) | Command::Written(..)
    );
    let place = match reference::on_gpu(node.spec) {
        Some(true) => Place::Gpu,
        _ => Place::Cpu,
    };
    Look {
        place: computes.then_some(place),
        ..Look::default()
    }
}
