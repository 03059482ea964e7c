//! `-m commands`: the commands that a command file may use.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Failure, list};
use crate::cli::Cli;
use crate::commands;
use crate::exit::Code;
use crate::pipeline::monitor::Monitor;

pub fn run(cli: &Cli, _: &Monitor) -> Result<Code, Failure> {
    let mut text = String::new();
    for spec in commands::ALL {
        let _ = writeln!(text, "  {:<16} {}", spec.name, spec.summary);
    }
    let row = |spec: &&'static crate::command::Spec| json!({ "name": spec.name, "summary": spec.summary, "family": spec.family, "arguments": (spec.schema)() });
    let rows: Vec<Value> = commands::ALL.iter().map(row).collect();
    list::show(cli, &text, &rows)
}
