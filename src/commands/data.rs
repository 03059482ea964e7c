//! `data`: the chunk itself; uid 0 needs no entry, an explicit one gives its input unchanged.

use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "data",
    summary: "The chunk itself; uid 0 needs no entry, an explicit one gives its input unchanged.",
    family: Family::Shape,
    schema: schema_of::<Args>,
    build: |args| parse::<Args>(args).map(|_| Command::Passthrough),
    examples: &[Example {
        args: "{}",
        inputs: &["1 -2; 3 4"],
        output: "1 -2; 3 4",
    }],
};

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
struct Args {}
