//! `source`: where up- and down-going waves meet.

use super::add::Pair;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "source",
    summary: "|up conj(down)|: large where up- and down-going waves begin together, at sources. The input is `up_wave`, gathered `down_wave`.",
    notes: "Where a sample of either is NaN, the result is.",
    family: Family::Wave,
    kinds: TO_REAL,
    gathers: Gathers::One,
    cost: Cost::Sample(8.0),
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Block(Arc::new(Source))),
    examples: &[Example {
        args: "{}",
        inputs: &["3+4j 2+0j", "2+0j 0-1j"],
        output: "10 2",
    }],
};

#[derive(Debug)]
struct Source;

impl BlockCommand for Source {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let pair = Pair::new(inputs[0], inputs[1])?;
        let signature = pair.signature.of_kind(Kind::Real);
        Ok(Prepared::new(signature, pair.rows, Product(pair)).near(Axis::Time, 0, 0))
    }
}

#[derive(Debug)]
struct Product(Pair);

impl Kernel for Product {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let (x, y) = (inputs[0], inputs[1]);
        let (both, shape) = self.0.beside(x, y);
        let rule = match self.0.element() {
            Element::Complex => {
                "\
fn value(i: u32, j: u32) -> Y { return modulus(complex_mul(a_c(i, j), complex_conj(b_c(i, j)))); }"
            }
            _ => "fn value(i: u32, j: u32) -> Y { return abs(a_y(i, j) * b_y(i, j)); }",
        };
        Some(map(rec, &Rule::new(rule, both), shape, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Product {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let product = self
            .0
            .apply(inputs[0], inputs[1], |a, b| a * b, |a, b| a * b.conj());
        Block::real(match product.samples {
            Samples::Complex(a) => a.mapv(|v| v.re.hypot(v.im)),
            _ => product.as_real().mapv(|v| v.abs()),
        })
    }
}
