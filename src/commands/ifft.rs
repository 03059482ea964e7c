//! `ifft`: inverse discrete Fourier transform along an axis.

use super::fft::Transform;
use crate::command::prelude::*;
use crate::dsp::fft::Direction;

/// The command.
pub static SPEC: Spec = Spec {
    name: "ifft",
    summary: "Inverse discrete Fourier transform along an axis, scaled by 1/n; the result is complex.",
    notes: "",
    family: Family::Spectral,
    kinds: TO_COMPLEX,
    gathers: Gathers::None,
    cost: Cost::Transforms(2.0),
    schema: schema_of::<super::fft::Args>,
    build: |args| {
        Ok(Command::Block(Arc::new(Transform::new(
            parse(args)?,
            Direction::Inverse,
        ))))
    },
    examples: &[Example {
        args: "{}",
        inputs: &["4 0 0 0; 1 1 1 1"],
        output: "1 1 1 1; 1 0 0 0",
    }],
};
