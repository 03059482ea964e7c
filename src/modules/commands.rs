//! `-m commands`: the commands that a command file may use, the page of one of them, and the JSON Schema of such files.

use super::{Failure, list};
use crate::cli::Cli;
use crate::commands;
use crate::exit::Code;
use crate::pipeline::monitor::Monitor;
use crate::reference;

pub fn run(cli: &Cli, _: &Monitor) -> Result<Code, Failure> {
    if cli.schema {
        let text = serde_json::to_string_pretty(&reference::command_file());
        return list::print((text.expect("a schema is plain data") + "\n").as_bytes());
    }
    let rows = reference::listing_for_tools();
    if cli.names.is_empty() {
        return list::show(cli, &reference::listing(), &rows);
    }
    let mut pages = Vec::new();
    let mut wanted = Vec::new();
    for name in &cli.names {
        let spec = commands::find(name).ok_or_else(|| unknown(name))?;
        pages.push(reference::page(spec));
        wanted.extend(rows.iter().filter(|row| row["name"] == spec.name));
    }
    list::show(cli, &pages.join("\n"), &wanted)
}

fn unknown(name: &str) -> Failure {
    let hint = match commands::nearest(name) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "`-m commands` lists the known ones".into(),
    };
    Failure::Usage(format!("unknown command \"{name}\"; {hint}"))
}
