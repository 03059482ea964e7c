//! `down_wave`: the down-going part of a wave field, from its two-dimensional spectrum; [`super::up_wave`] has the convention.

use super::up_wave::Going;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "down_wave",
    summary: "The down-going waves of a two-dimensional spectrum (`fft` along both axes), back in depth and time.",
    notes: "The down-going part of a wave field, from its two-dimensional spectrum; `up_wave` has the convention.",
    family: Family::Wave,
    kinds: TO_COMPLEX,
    gathers: Gathers::None,
    cost: Cost::Transforms(4.0),
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Block(Arc::new(Going::Down))),
    examples: &[Example {
        args: "{}",
        inputs: &["0 0 0; 0 0 9; 0 9 0"],
        output: "2 -1 -1; -1 2 -1; -1 -1 2",
    }],
};
