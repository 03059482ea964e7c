//! `conj`: complex conjugate of each sample.

use crate::command::prelude::*;
use crate::point::{Point, Rule, complex, real};

/// The command.
pub static SPEC: Spec = Spec {
    name: "conj",
    summary: "Complex conjugate of each sample; real samples stay as they are.",
    notes: "",
    family: Family::Arithmetic,
    kinds: NUMBERS,
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
        inputs: &["1+2j -3-4j"],
        output: "1-2j -3+4j",
    }],
};

static RULES: &[Rule] = &[
    real!("x", |x, _p| x),
    complex!("vec2(x.x, -x.y)", |x, _p| x.conj()),
];
