//! Every command by itself, on a chunk of the benchmark's size.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::chunks::{Batch, complex, positive, repeated};
use super::flow::Flow;
use super::report::{Row, Table};
use super::timing::Effort;
use super::{Failure, Gpus, table};
use crate::block::{Coords, Held, Signature, Stored};
use crate::command::{Command, Compat, Env};
use crate::commands;
use crate::config::Workflow;
use crate::graph::{Graph, Reading};
use crate::pipeline::stop::Stop;
use crate::plan::Plan;

/// What is measured: `args` of a command, and what its input and gathered arrays are.
const CASES: &str = include_str!("commands.json");

/// Channels and samples of a chunk, at most.
const SHAPE: [usize; 2] = [500, 5000];

/// Channels where a command takes long for each.
const FEW: usize = 20;

/// A command and what it is applied to.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// As in a command file.
    pub args: Value,
    /// Of the chunk: real, complex, or real with few channels.
    pub input: Input,
    /// Of each gathered array.
    #[serde(default)]
    pub gather: Vec<Input>,
}

/// What an array is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// Samples as recorded.
    Noise,
    /// Other samples of the same shape.
    Other,
    /// Their magnitudes.
    Positive,
    /// Samples that stand for phases.
    Phase,
    /// Complex numbers.
    Spectrum,
    /// A few channels.
    Few,
}

/// A command on every backend.
#[derive(Debug, Serialize)]
pub struct CommandTable {
    command: String,
    args: Value,
    #[serde(flatten)]
    table: Table,
}

impl CommandTable {
    /// What was measured.
    pub fn table(&self) -> &Table {
        &self.table
    }
}

/// The cases.
pub fn cases() -> Vec<Case> {
    serde_json::from_str(CASES).expect("the cases are JSON")
}

/// Whether all names are of commands that can be measured.
pub fn check(names: &[String]) -> Result<(), String> {
    let cases = cases();
    let known = |name: &String| cases.iter().any(|case| case.args["name"] == **name);
    let Some(name) = names.iter().find(|name| !known(name)) else {
        return Ok(());
    };
    let expected = match (commands::find(name), commands::nearest(name)) {
        (Some(_), _) => "expected a command that computes something by itself".to_string(),
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) => "`-m commands` lists the known ones".to_string(),
    };
    Err(format!("--only: found `{name}`; {expected}"))
}

/// Measures each of those that are wanted: `only`, or all.
pub fn measure(
    (recorded, prf): (&Stored, f64),
    only: &[String],
    flow: &Flow,
    gpus: &mut Gpus,
    stop: &Stop,
) -> Result<Vec<CommandTable>, Failure> {
    let mut tables = Vec::new();
    let wanted =
        |case: &Case| only.is_empty() || only.iter().any(|name| case.args["name"] == **name);
    for case in cases().into_iter().filter(wanted) {
        if stop.wanted() {
            break;
        }
        let batch = batch(&case, recorded, flow.compat, prf)?;
        tables.push(CommandTable {
            command: case.args["name"].as_str().unwrap_or_default().into(),
            args: case.args,
            table: table(&batch, gpus, Effort::Some, stop),
        });
    }
    Ok(tables)
}

/// Chunks of a case, out of a recording's.
fn batch(case: &Case, recorded: &Stored, compat: Compat, prf: f64) -> Result<Batch, Failure> {
    let [channels, length] = recorded.shape();
    let shape = [channels.min(SHAPE[0]), length.min(SHAPE[1])];
    let array = |input: Input| match input {
        Input::Positive => positive(recorded, shape),
        Input::Noise | Input::Other | Input::Phase => {
            repeated(recorded, shape).expect("a part of it")
        }
        Input::Few => repeated(recorded, [FEW, shape[1]]).expect("a part of it"),
        Input::Spectrum => complex(recorded, shape),
    };
    let gathered: Vec<Stored> = case.gather.iter().map(|&input| array(input)).collect();
    let mut list: Vec<Value> = (1..=gathered.len())
        .map(|k| json!({"name": "data_load", "uid": k, "in_uid": 0, "directory_in": "in", "filename": k.to_string()}))
        .collect();
    let uid = gathered.len() + 1;
    let mut args = case.args.clone();
    args["uid"] = json!(uid);
    args["in_uid"] = json!(0);
    args["gather_uids"] = json!((1..uid).collect::<Vec<_>>());
    list.push(args);
    list.push(json!({"name": "write_npy", "uid": uid + 1, "in_uid": uid, "directory_out": "out"}));
    let file = Path::new("command");
    let workflow = Workflow::parse(file, &json!({ "command_list": list }).to_string())?;
    let reading = Reading {
        compat,
        strict: true,
    };
    let (graph, _) = Graph::build(&workflow, reading)?;
    let loaded = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        let k: usize = name.and_then(|name| name.parse().ok()).unwrap_or(1);
        &gathered[k - 1]
    };
    let loads: HashMap<PathBuf, Signature> = graph
        .nodes
        .iter()
        .filter_map(|node| match &node.command {
            Command::Load(path) => Some((path.clone(), signature(loaded(path)))),
            _ => None,
        })
        .collect();
    let chunk = array(case.input);
    let env = Env::without_axes(compat, prf, graph.box_rows, &chunk);
    let plan = Plan::new(&graph, file, &env, &loads)?;
    let sources = plan.sources.iter().map(|source| match &source.file {
        None => chunk.clone(),
        Some(path) => loaded(path).clone(),
    });
    let sources: Vec<Stored> = sources.collect();
    Ok(Batch::with_sources(Arc::new(plan), vec![sources; 2]))
}

fn signature(stored: &Stored) -> Signature {
    let [rows, cols] = stored.shape();
    Signature {
        kind: stored.kind(),
        depth: Coords::index(rows),
        time: Coords::index(cols),
        rank: 2,
        held: Held::of(stored.dtype()),
    }
}

/// All of them as text.
pub struct Listing<'a>(pub &'a [CommandTable]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n  {:<24} {:>11} {:>10} {:>10} {:>10} {:>8} {:>7} {:>9} {:>10}",
            "command",
            "chunk",
            "CPU",
            "GPU",
            "kernels",
            "memory",
            "moved",
            "speed-up",
            "difference"
        )?;
        for CommandTable { command, table, .. } in self.0 {
            let chunk = format!("{} x {}", table.channels, table.samples);
            // The CPU in the GPU's precision.
            let precision = table.rows.last().map_or("f32", |row| row.precision);
            let mut rows = table.rows.iter();
            let row = rows.find(|row| row.adapter.is_none() && row.precision == precision);
            let seconds = row.and_then(Row::seconds).unwrap_or(f64::NAN);
            write!(f, "  {command:<24.24} {chunk:>11} {seconds:>10.6}")?;
            let mut gpus = table
                .rows
                .iter()
                .filter(|row| row.adapter.is_some())
                .peekable();
            if gpus.peek().is_none() {
                writeln!(f, " {:>10}", "-")?;
            }
            for (k, row) in gpus.enumerate() {
                if k > 0 {
                    write!(f, "  {:<47}", "")?;
                }
                row.brief(f)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_fits_its_command() {
        let recorded = crate::block::Stored::new(
            crate::block::DType::F32,
            SHAPE,
            crate::block::Order::C,
            crate::block::Endian::NATIVE,
            crate::block::Bytes::Owned(Arc::new(vec![0; SHAPE[0] * SHAPE[1] * 4])),
        )
        .expect("as many bytes as samples need");
        for case in cases() {
            for compat in [Compat::Exact, Compat::Distpy] {
                if let Err(problem) = batch(&case, &recorded, compat, 1000.0) {
                    panic!("{}: {problem}", case.args);
                }
            }
        }
    }

    /// What computes nothing by itself, or needs a file of its own.
    const LEFT_OUT: [&str; 15] = [
        "NONE",
        "copy",
        "data",
        "data_load",
        "from_gpu",
        "to_gpu",
        "keras",
        "thumbnail",
        "write_csv",
        "write_h5",
        "write_npy",
        "write_parquet",
        "write_witsml",
        "write_zarr",
        "hash",
    ];

    #[test]
    fn every_command_that_computes_is_measured() {
        let measured: Vec<String> = cases()
            .iter()
            .map(|case| case.args["name"].as_str().expect("a name").to_string())
            .collect();
        let missing: Vec<&str> = commands::ALL
            .iter()
            .map(|spec| spec.name)
            .filter(|name| !measured.iter().any(|m| m == name) && !LEFT_OUT.contains(name))
            .collect();
        assert!(missing.is_empty(), "not in commands.json: {missing:?}");
    }
}
