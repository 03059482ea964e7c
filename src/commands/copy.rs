//! `copy`: gives its input unchanged; commands never modify their inputs, so nothing needs protection.

use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "copy",
    summary: "Gives its input unchanged; commands never modify their inputs, so nothing needs protection.",
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
