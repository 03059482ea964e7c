//! `abs`: modulus of each sample.

use crate::command::prelude::*;
use crate::point::{Point, Rule, complex_to_real, real};

/// The command.
pub static SPEC: Spec = Spec {
    name: "abs",
    summary: "Modulus of each sample, real or complex.",
    notes: "",
    family: Family::Arithmetic,
    kinds: TO_REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(1.0),
    schema: schema_of::<NoArgs>,
    build: |_| {
        Ok(Command::Point(Point {
            rules: RULES,
            p: [0.0; 4],
        }))
    },
    examples: &[Example {
        args: "{}",
        inputs: &["1 -2; -3.5 0"],
        output: "1 2; 3.5 0",
    }],
};

static RULES: &[Rule] = &[
    real!("abs(x)", |x, _p| x.abs()),
    complex_to_real!("length(x)", |x, _p| x.re.hypot(x.im)),
];
