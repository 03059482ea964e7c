//! `reflection`: up-going waves by down-going ones.

use super::add::Pair;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "reflection",
    summary: "|up conj(down)| / (|down|^2 + tolerance): large where waves are reflected. The input is `up_wave`, gathered `down_wave`.",
    notes: "\
            The tolerance is relative to the largest |down|^2; distpy's library adds 1e-7 whatever the unit of the data. Where a \
            sample of either is NaN, the result is.",
    family: Family::Wave,
    kinds: TO_REAL,
    gathers: Gathers::One,
    cost: Cost::Sample(12.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"tolerance": 0}"#,
        inputs: &["3+4j 2+0j", "2+0j 0-1j"],
        output: "2.5 2",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Water level, relative to the largest |down|^2.
    #[schemars(range(min = 0.0))]
    tolerance: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self { tolerance: 1e-6 }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let pair = Pair::new(inputs[0], inputs[1])?;
        let signature = pair.signature.of_kind(Kind::Real);
        let kernel = Quotient {
            pair,
            tolerance: self.tolerance,
        };
        Ok(Prepared::new(signature, Rows::Coupled, kernel))
    }
}

#[derive(Debug)]
struct Quotient {
    pair: Pair,
    tolerance: f64,
}

impl Kernel for Quotient {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let ([x, y], shape) = self.pair.beside(inputs[0], inputs[1]);
        let level = kernels::fold::highest_power(rec, y, self.tolerance);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let d = b_c(i, j);
    return modulus(complex_mul(a_c(i, j), complex_conj(d))) / (dot(d, d) + c(0u, 0u));
}";
        Some(map(
            rec,
            &Rule::new(rule, [x, y, level]),
            shape,
            Element::Real,
        ))
    }
}

impl<T: Real> Cpu<T> for Quotient {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let down = inputs[1].to_complex();
        let largest = down
            .iter()
            .map(|v| v.norm_sqr())
            .fold(T::zero(), T::maximum);
        let level = T::of(self.tolerance) * largest;
        let real = |a: T, b: T| (a * b).abs() / (b * b + level);
        let complex = |a: Complex<T>, b: Complex<T>| {
            let product = a * b.conj();
            let size = product.re.hypot(product.im) / (b.norm_sqr() + level);
            Complex::new(size, T::zero())
        };
        let quotient = self.pair.apply(inputs[0], inputs[1], real, complex);
        Block::real(match quotient.samples {
            Samples::Complex(a) => a.mapv(|v| v.re),
            _ => quotient.as_real().clone(),
        })
    }
}
