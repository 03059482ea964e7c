//! `-m exit-codes`: the list of exit codes, for people and for an orchestrator's failure policy.

use std::fmt::Write;

use super::{Failure, list};
use crate::cli::Cli;
use crate::exit::{self, Code};
use crate::pipeline::monitor::Monitor;

pub fn run(cli: &Cli, _: &Monitor) -> Result<Code, Failure> {
    let mut text = String::new();
    for Code {
        code,
        name,
        meaning,
        retry,
        policy,
    } in exit::ALL
    {
        let again = if *retry { ", worth a retry" } else { "" };
        let _ = writeln!(
            text,
            "{code:>4}  {name:<12} {meaning}  (Job: {policy:?}{again})"
        );
    }
    list::show(cli, &text, &exit::ALL)
}
