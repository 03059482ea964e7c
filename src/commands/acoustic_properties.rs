//! `acoustic_properties`: how much energy is lost between channels, from up- and down-going waves.

use super::scattering_matrix::{check, matrix};
use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "acoustic_properties",
    summary: "An eigenvalue of 1 - S^H S with the scattering matrix S: 0 where waves keep their energy. The input is the spectrum of up-going waves, gathered that of down-going ones.",
    notes: "\
            The matrix is that of `scattering_matrix`. `1 - S^H S` is Hermitian, so its two eigenvalues are real: \
            `(a + b) / 2 +- sqrt((a - b)^2 / 4 + |c|^2)` with diagonal `a`, `b` and off-diagonal `c`. Works on the CPU, as \
            the matrix does.\n\n\
            distpy's library has the off-diagonal's sign the other way round, which changes nothing, and does not run.",
    family: Family::Wave,
    kinds: TO_REAL,
    gathers: Gathers::One,
    cost: Cost::Sample(70.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"tolerance": 0}"#,
        inputs: &["0; 0", "3; 3"],
        output: "0; 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Distance of the two channels.
    #[schemars(range(min = 1), extend("unit" = "channels"))]
    span: usize,
    /// Which eigenvalue.
    eigenvalue: Eigenvalue,
    /// Water level of the scattering matrix, relative to the largest |q|^2.
    #[schemars(range(min = 0.0))]
    tolerance: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Eigenvalue {
    /// The larger one.
    First,
    /// The smaller one.
    Second,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            span: 1,
            eigenvalue: Eigenvalue::First,
            tolerance: 1e-6,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        check(inputs[0], inputs[1], self.span)?;
        Ok(Prepared::new(
            inputs[0].of_kind(Kind::Real),
            Rows::Coupled,
            *self,
        ))
    }
}

impl Kernel for Args {}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let (up, down) = (inputs[0].to_complex(), inputs[1].to_complex());
        let entries = matrix(&up, &down, self.span, self.tolerance);
        let (nx, nt) = up.dim();
        Block::real(rows::make(
            nx,
            nt,
            || (),
            |i, row, ()| {
                for (t, to) in row.iter_mut().enumerate() {
                    let [rdown, tup, tdown, rup] = entries(i, t);
                    let a = 1.0 - (rdown.norm_sqr() + tdown.norm_sqr());
                    let b = 1.0 - (tup.norm_sqr() + rup.norm_sqr());
                    let c = rdown.conj() * tup + tdown.conj() * rup;
                    let root = (0.25 * (a - b).powi(2) + c.norm_sqr()).sqrt();
                    let half = 0.5 * (a + b);
                    *to = T::of(match self.eigenvalue {
                        Eigenvalue::First => half + root,
                        Eigenvalue::Second => half - root,
                    });
                }
            },
        ))
    }
}
