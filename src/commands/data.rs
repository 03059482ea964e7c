//! `data`: the chunk itself; uid 0 needs no entry, an explicit one gives its input unchanged.

use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "data",
    summary: "The chunk itself; uid 0 needs no entry, an explicit one gives its input unchanged.",
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
