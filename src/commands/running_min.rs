//! `running_min`: smallest value of a sliding window along an axis.

use super::running_max::{Args, Extreme, build};
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "running_min",
    summary: "Smallest value of a sliding window of `window_length` samples along an axis.",
    notes: "\
            At the ends the window is what is left of it. A NaN reaches the windows that hold it. The cost does not depend on \
            the window.",
    family: Family::Filter,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(4.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?, Extreme::Smallest),
    examples: &[Example {
        args: r#"{"window_length": 2, "align": "forward"}"#,
        inputs: &["1 5 2 0 3"],
        output: "1 2 0 0 3",
    }],
};
