//! `virtual_source`: products of all channels with the conjugate of one of them.

use super::extract::position;
use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "virtual_source",
    summary: "x conj(x of one channel): of a spectrum, the cross-spectra with a virtual source at that channel.",
    notes: "\
            After `fft` along time and back with `ifft` this is the circular cross-correlation of every channel with the \
            source channel; `cross_correlate` has the one without wrap-around. A NaN in the source channel reaches all channels.",
    family: Family::Wave,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(6.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"channel": -1}"#,
        inputs: &["1 2; 3 4"],
        output: "3 8; 9 16",
    }],
};

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The source: a row from 0, negative from the end.
    channel: i64,
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let source =
            position(self.channel, x.rows()).map_err(|m| Mismatch::argument("channel", m))?;
        Ok(Prepared::new(
            x.of_kind(x.kind),
            Rows::Coupled,
            Products { source },
        ))
    }
}

#[derive(Debug)]
struct Products {
    source: usize,
}

impl Products {
    fn apply<S: Copy + num_traits::Zero + Send + Sync>(
        &self,
        x: &Array2<S>,
        op: impl Fn(S, S) -> S + Sync + Send,
    ) -> Array2<S> {
        let source = x.row(self.source);
        let source = source.as_slice().expect("rows are contiguous");
        rows::each(
            x,
            x.ncols(),
            || (),
            |row, out, ()| {
                for ((to, &a), &b) in out.iter_mut().zip(row).zip(source) {
                    *to = op(a, b);
                }
            },
        )
    }
}

impl Kernel for Products {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let rule = "fn value(i: u32, j: u32) -> Y { return times(a(i, j), conj(a(word(0u), j))); }";
        let rule = Rule::new(rule, [inputs[0]]).words([self.source]);
        Some(map_like(rec, &rule, inputs[0].element()))
    }
}

impl<T: Real> Cpu<T> for Products {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        match &inputs[0].samples {
            Samples::Complex(x) => Block::complex(self.apply(x, |a, b| a * b.conj())),
            _ => Block::real(self.apply(inputs[0].as_real(), |a, b| a * b)),
        }
    }
}
