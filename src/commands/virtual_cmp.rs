//! `virtual_cmp`: products of each sample with the conjugate of its mirror image: a common-midpoint gather of virtual sources.

use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "virtual_cmp",
    summary: "x conj(x mirrored along an axis): of a spectrum, a common-midpoint gather from virtual sources.",
    notes: "",
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

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let t = place(i, j);
    return times(a_at(i, j, t), conj(a_at(i, j, a_len() - 1u - t)));
}";
        let rule = Rule::new(rule, [inputs[0]]).axis(self.axis.number());
        Some(map_like(rec, &rule, inputs[0].element()))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        match &inputs[0].samples {
            Samples::Complex(x) => Block::complex(mirrored(x, self.axis, |a, b| a * b.conj())),
            _ => Block::real(mirrored(inputs[0].as_real(), self.axis, |a, b| a * b)),
        }
    }
}

fn mirrored<S: Copy + num_traits::Zero + Send + Sync>(
    x: &Array2<S>,
    axis: Axis,
    op: impl Fn(S, S) -> S + Sync + Send,
) -> Array2<S> {
    let (rows, n) = x.dim();
    let samples = x.as_slice().expect("blocks are contiguous");
    let row = |i: usize| &samples[i * n..(i + 1) * n];
    rows::make(
        rows,
        n,
        || (),
        |i, out, ()| match axis {
            Axis::Time => {
                let both = row(i).iter().zip(row(i).iter().rev());
                out.iter_mut()
                    .zip(both)
                    .for_each(|(to, (&a, &b))| *to = op(a, b));
            }
            Axis::Depth => {
                let both = row(i).iter().zip(row(rows - 1 - i));
                out.iter_mut()
                    .zip(both)
                    .for_each(|(to, (&a, &b))| *to = op(a, b));
            }
        },
    )
}
