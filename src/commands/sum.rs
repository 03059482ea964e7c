//! `sum`: sum along an axis.

use super::mean::{self, Reduce, Scale};
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "sum",
    summary: "Sum along an axis, which stays with length 1.",
    notes: "",
    family: Family::Statistic,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(1.0),
    schema: schema_of::<mean::Args>,
    build: |args| {
        Ok(Command::Block(Arc::new(Reduce::new(
            parse(args)?,
            Scale::One,
        )?)))
    },
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 2 3; 4 5 6"],
            output: "6; 15",
        },
        Example {
            args: r#"{"axis": 0}"#,
            inputs: &["1 2 3; 4 5 6"],
            output: "5 7 9",
        },
        Example {
            args: r#"{"axis": null}"#,
            inputs: &["1 2 3; 4 5 6"],
            output: "21",
        },
    ],
};
