//! The flow that is measured.

use std::path::PathBuf;

use serde_json::json;

use super::super::chunks::DISTPY_PRF;
use super::super::{Failure, compat, flow};
use crate::cli::Cli;
use crate::command::{Command, Compat};
use crate::config::{Problems, Severity, System, Workflow};
use crate::graph::{Graph, Reading};
use crate::pipeline::monitor::Monitor;

/// A checked flow.
pub struct Flow {
    /// Where it is from, for people.
    pub file: PathBuf,
    /// Its commands.
    pub graph: Graph,
    /// Whose numbers.
    pub compat: Compat,
}

impl Flow {
    /// The configuration's command file, else the noise log.
    pub fn read(cli: &Cli, monitor: &Monitor, system: &System) -> Result<Self, Failure> {
        let workflow = match flow(monitor, system)? {
            Some(workflow) => workflow,
            None => Workflow::parse(
                "noise log".as_ref(),
                &noise_log(system.prf.unwrap_or(DISTPY_PRF)),
            )?,
        };
        let compat = compat(cli, system, Some(&workflow))?;
        let reading = Reading {
            compat,
            strict: cli.strict,
        };
        let (graph, findings) = Graph::build(&workflow, reading)?;
        findings
            .lines(Severity::Warning)
            .iter()
            .for_each(|line| tracing::warn!("{line}"));
        let writes = |command: &Command| command.sink().is_some();
        if !graph.nodes.iter().any(|node| writes(&node.command)) {
            let expected =
                "found no command that writes, expected one, as only what is written is computed";
            return Err(Problems::single(&workflow.file, "command_list", expected).into());
        }
        Ok(Self {
            file: workflow.file,
            graph,
            compat,
        })
    }

    /// The commands by name.
    pub fn commands(&self) -> Vec<&'static str> {
        let nodes = self.graph.nodes.iter();
        nodes.map(|node| node.spec.name).collect()
    }
}

/// Full-band RMS and three bands, from 2, 6 and 10 % of the prf to the Nyquist frequency.
fn noise_log(prf: f64) -> String {
    let low = [0.02 * prf, 0.06 * prf, 0.1 * prf];
    let high = [-1, -1, -1];
    json!({ "command_list": [
        { "name": "fft", "uid": 1, "in_uid": 0 },
        { "name": "rms_from_fft", "uid": 2, "in_uid": 1, "low_freq": 0, "high_freq": -1 },
        { "name": "multiple_calcs", "uid": 3, "in_uid": 1, "func": "te_from_fft", "low_freq": low, "high_freq": high },
        { "name": "write_witsml", "uid": 4, "in_uid": 3, "gather_uids": [2], "low_freq": low, "high_freq": high,
          "directory_out": "NoiseLog", "data_style": "NoiseLog" },
    ]})
    .to_string()
}
