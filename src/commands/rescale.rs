//! `rescale`: to the range of the data. A NaN anywhere makes the whole result NaN.

use rayon::prelude::*;

use crate::command::prelude::*;
use crate::dsp::reduce;

/// The command.
pub static SPEC: Spec = Spec {
    name: "rescale",
    summary: "(x - min) / (max - min) over the whole block; minimum and maximum are those of the gathered array where there is one.",
    notes: "\
            Where all values are equal, distpy divides zero by zero; here the result is 0. distpy also takes complex data, \
            whose smallest value it finds by real parts, then imaginary parts: in compat mode only.",
    family: Family::Arithmetic,
    kinds: NUMBERS,
    gathers: Gathers::Optional,
    cost: Cost::Sample(4.0),
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Block(Arc::new(Rescale))),
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 2; 3 5"],
            output: "0 0.25; 0.5 1",
        },
        Example {
            args: "{}",
            inputs: &["1 2; 3 5", "0 10"],
            output: "0.1 0.2; 0.3 0.5",
        },
    ],
};

#[derive(Debug)]
struct Rescale;

impl BlockCommand for Rescale {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        if env.compat == Compat::Exact {
            for x in inputs {
                if x.kind == Kind::Complex {
                    return Err(Mismatch::input(format!(
                        "takes real input, found {x}: complex numbers have no smallest one"
                    )));
                }
            }
        }
        let complex = inputs.iter().any(|x| x.kind == Kind::Complex);
        let kind = if complex { Kind::Complex } else { Kind::Real };
        let signature = inputs[0].of_kind(kind);
        Ok(Prepared::new(signature, Rows::Coupled, ToRange(env.compat)))
    }
}

#[derive(Debug)]
struct ToRange(Compat);

impl Kernel for ToRange {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let (x, of) = (inputs[0], inputs[inputs.len() - 1]);
        if [x, of].iter().any(|t| t.element() == Element::Complex) {
            return None;
        }
        let extremes = kernels::fold::extremes(rec, of);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let ends = b(0u, 0u);
    let span = ends.y - ends.x;
    if span == 0.0 && word(0u) == 1u {
        return 0.0;
    }
    return (a(i, j) - ends.x) / span;
}";
        let exact = usize::from(self.0 == Compat::Exact);
        let rule = Rule::new(rule, [x, extremes]).words([exact]);
        Some(map_like(rec, &rule, Element::Real))
    }
}

impl<T: Real> Cpu<T> for ToRange {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let of = inputs[inputs.len() - 1];
        if let (Samples::Real(x), Samples::Real(y)) = (&inputs[0].samples, &of.samples) {
            let values = y.as_slice().expect("blocks are contiguous");
            let parts = values.par_chunks(1 << 16).map(reduce::extremes);
            let wider = |a: (T, T), b: (T, T)| (a.0.minimum(b.0), a.1.maximum(b.1));
            let (min, max) = parts.reduce_with(wider).expect("a block has samples");
            let span = max - min;
            let mut out = x.clone();
            let samples = out.as_slice_mut().expect("blocks are contiguous");
            samples.par_chunks_mut(1 << 16).for_each(|part| {
                part.iter_mut().for_each(|v| *v = (*v - min) / span);
            });
            if span.is_zero() && self.0 == Compat::Exact {
                out.fill(T::zero());
            }
            return Block::real(out);
        }
        let (x, y) = (inputs[0].to_complex(), of.to_complex());
        let before = |a: &Complex<T>, b: &Complex<T>| {
            a.re.partial_cmp(&b.re)
                .unwrap_or(std::cmp::Ordering::Equal)
                .then(a.im.partial_cmp(&b.im).unwrap_or(std::cmp::Ordering::Equal))
        };
        let min = *y.iter().min_by(|a, b| before(a, b)).expect("samples");
        let max = *y.iter().max_by(|a, b| before(a, b)).expect("samples");
        Block::complex(x.mapv(|v| (v - min) / (max - min)))
    }
}
