//! `NONE`: gives its input unchanged.

use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "NONE",
    summary: "Gives its input unchanged.",
    notes: "",
    family: Family::Shape,
    kinds: ANY,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Passthrough),
    examples: &[Example {
        args: "{}",
        inputs: &["1 -2; 3 4"],
        output: "1 -2; 3 4",
    }],
};
