//! `-m modules`: the modules that this program has.

use std::fmt::Write;

use serde::Serialize;

use super::{ALL, Failure};
use crate::cli::Cli;
use crate::exit::{self, Code};
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output;

#[derive(Serialize)]
struct Row {
    name: &'static str,
    summary: &'static str,
}

pub fn run(cli: &Cli, _: &Monitor) -> Result<Code, Failure> {
    let rows: Vec<Row> = ALL
        .iter()
        .map(|m| Row {
            name: m.name,
            summary: m.summary,
        })
        .collect();
    let mut text = String::new();
    for Row { name, summary } in &rows {
        let _ = writeln!(text, "  {name:<20} {summary}");
    }
    show(cli, &text, &rows)
}

/// Prints a listing: text, or the value as JSON where that is asked for.
pub fn show(cli: &Cli, text: &str, value: &impl Serialize) -> Result<Code, Failure> {
    let json = || serde_json::to_string_pretty(value).expect("listings are plain data") + "\n";
    match &cli.json {
        Some(path) if path.as_os_str() == "-" => print(json().as_bytes()),
        Some(path) => {
            output::write_file(path, json().as_bytes())?;
            print(text.as_bytes())
        }
        None => print(text.as_bytes()),
    }
}

/// Writes to standard output.
pub fn print(text: &[u8]) -> Result<Code, Failure> {
    use std::io::Write;
    match std::io::stdout().lock().write_all(text) {
        // A reader that has seen enough, such as `head`, is no failure.
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Io(format!("standard output: {e}")))
        }
        _ => Ok(exit::OK),
    }
}
