//! `copy`: gives its input unchanged; commands never modify their inputs, so nothing needs protection.

use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "copy",
    summary: "Gives its input unchanged; commands never modify their inputs, so nothing needs protection.",
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
