//! `to_gpu`: marks where data should move to the GPU: a placement hint, the numbers stay the same.

use crate::command::Place;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "to_gpu",
    summary: "Marks where data should move to the GPU: a placement hint, the numbers stay the same.",
    notes: "What follows stays on the GPU wherever a measurement would have moved it to the CPU.",
    family: Family::Shape,
    kinds: ANY,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Hint(Place::Gpu)),
    examples: &[Example {
        args: "{}",
        inputs: &["1 -2; 3 4"],
        output: "1 -2; 3 4",
    }],
};
