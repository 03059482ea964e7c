//! `from_gpu`: marks where data should come back from the GPU: a placement hint, the numbers stay the same.

use crate::command::Place;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "from_gpu",
    summary: "Marks where data should come back from the GPU: a placement hint, the numbers stay the same.",
    notes: "What follows moves to the CPU if the first chunk is done faster in that way; else it stays where it is.",
    family: Family::Shape,
    kinds: ANY,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Hint(Place::Cpu)),
    examples: &[Example {
        args: "{}",
        inputs: &["1 -2; 3 4"],
        output: "1 -2; 3 4",
    }],
};
