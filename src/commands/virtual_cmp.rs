//! `virtual_cmp`: products of each sample with the conjugate of its mirror image: a common-midpoint gather of virtual sources.

use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "virtual_cmp",
    summary: "x conj(x mirrored along an axis): of a spectrum, a common-midpoint gather from virtual sources.",
    family: Family::Wave,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(6.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["1 2; 3 4; 5 6"],
        output: "5 12; 9 16; 5 12",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 0 along depth, 1 (or -1) along time.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self { axis: Axis::Depth }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        Ok(Prepared::new(inputs[0].clone(), self.axis.rows(), *self))
    }
}

impl Kernel for Args {}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let axis = ndarray::Axis(self.axis.number());
        match &inputs[0].samples {
            Samples::Complex(x) => {
                let mut mirrored = x.view();
                mirrored.invert_axis(axis);
                Block::complex(
                    ndarray::Zip::from(x)
                        .and(mirrored)
                        .map_collect(|a, b| a * b.conj()),
                )
            }
            _ => {
                let x = inputs[0].as_real();
                let mut mirrored = x.view();
                mirrored.invert_axis(axis);
                Block::real(x * &mirrored)
            }
        }
    }
}
