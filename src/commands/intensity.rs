//! `intensity`: data between 0 and 1, as a picture takes them.

use crate::command::prelude::*;
use crate::dsp::{reduce, rows};

/// The command.
pub static SPEC: Spec = Spec {
    name: "intensity",
    summary: "(x - min) / (max - min) over the whole block, for pictures; a constant block gives 0.",
    notes: "\
            distpy's library adds 1e-6 to the divisor, whatever the unit of the data, which flattens strain rates; here only a \
            constant block is treated apart. A NaN anywhere makes the whole result NaN.",
    family: Family::Arithmetic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(4.0),
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Block(Arc::new(Intensity))),
    examples: &[Example {
        args: "{}",
        inputs: &["1 2; 3 5"],
        output: "0 0.25; 0.5 1",
    }],
};

#[derive(Debug, Clone, Copy)]
struct Intensity;

impl BlockCommand for Intensity {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let signature = inputs[0].of_kind(Kind::Real);
        Ok(Prepared::new(signature, Rows::Coupled, Intensity))
    }
}

impl Kernel for Intensity {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let extremes = kernels::fold::extremes(rec, inputs[0]);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let ends = b(0u, 0u);
    let span = ends.y - ends.x;
    return (a(i, j) - ends.x) / select(span, 1.0, span == 0.0);
}";
        Some(map_like(
            rec,
            &Rule::new(rule, [inputs[0], extremes]),
            Element::Real,
        ))
    }
}

impl<T: Real> Cpu<T> for Intensity {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        let (low, high) = reduce::extremes(x.as_slice().expect("blocks are contiguous"));
        let span = if high == low { T::one() } else { high - low };
        Block::real(rows::each(
            x,
            x.ncols(),
            || (),
            |row, out, ()| {
                out.iter_mut()
                    .zip(row)
                    .for_each(|(to, &v)| *to = (v - low) / span);
            },
        ))
    }
}
