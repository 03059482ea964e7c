//! `deconvolve`: stabilised spectral division, `x conj(d) / (|d|^2 + tolerance)`.

use super::add::Pair;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "deconvolve",
    summary: "Divides the input by the gathered array, both spectra, with a water level: x conj(d) / (|d|^2 + tolerance).",
    notes: "\
            Stabilised spectral division, `x conj(d) / (|d|^2 + tolerance)`.\n\n\
            distpy adds `tolerance` as it is, so that data of order 1e-9 vanish; here it is relative to the largest `|d|^2`.",
    family: Family::Spectral,
    kinds: NUMBERS,
    gathers: Gathers::One,
    cost: Cost::Sample(10.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"tolerance": 0}"#,
        inputs: &["2 6; 1 0", "2 3; 4 1"],
        output: "1 2; 0.25 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Water level, relative to the largest |d|^2 (in compat mode as it is).
    #[schemars(range(min = 0.0))]
    tolerance: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self { tolerance: 1e-6 }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let pair = Pair::new(inputs[0], inputs[1])?;
        let signature = Signature {
            held: Held::Double,
            ..pair.signature.clone()
        };
        let relative = env.compat == Compat::Exact;
        // The largest value is one of the whole array.
        let rows = if relative { Rows::Coupled } else { pair.rows };
        let kernel = Divide {
            pair,
            tolerance: self.tolerance,
            relative,
        };
        Ok(Prepared::new(signature, rows, kernel))
    }
}

#[derive(Debug)]
struct Divide {
    pair: Pair,
    tolerance: f64,
    relative: bool,
}

impl Kernel for Divide {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let ([x, y], shape) = self.pair.beside(inputs[0], inputs[1]);
        let level = match self.relative {
            true => kernels::fold::highest_power(rec, y, self.tolerance),
            false => rec.table_real(&[self.tolerance]),
        };
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let d = b_y(i, j);
    return times(a_y(i, j), conj(d)) / (power(d) + c(0u, 0u));
}";
        let rule = Rule::new(rule, [x, y, level]);
        Some(map(rec, &rule, shape, self.pair.element()))
    }
}

impl<T: Real> Cpu<T> for Divide {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let level = if self.relative {
            let largest = match &inputs[1].samples {
                Samples::Complex(d) => d.iter().map(|v| v.norm_sqr()).fold(T::zero(), T::maximum),
                _ => inputs[1]
                    .as_real()
                    .iter()
                    .map(|&v| v * v)
                    .fold(T::zero(), T::maximum),
            };
            T::of(self.tolerance) * largest
        } else {
            T::of(self.tolerance)
        };
        let quotient = |x: T, d: T| x * d / (d * d + level);
        let complex = |x: Complex<T>, d: Complex<T>| (x * d.conj()).unscale(d.norm_sqr() + level);
        self.pair.apply(inputs[0], inputs[1], quotient, complex)
    }
}
