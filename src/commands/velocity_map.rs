//! `velocity_map`: the phase velocity `f / k` of each bin of a two-dimensional spectrum.

use super::destripe::folded;
use super::fft::frequencies_of_both;
use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "velocity_map",
    summary: "Phase velocity (frequency over wavenumber) at each place of the two-dimensional spectrum of a block of this shape.",
    notes: "\
            The phase velocity `f / k` of each bin of a two-dimensional spectrum.\n\n\
            Infinite at `k = 0`, and 0 at `f = 0`. By default without a sign, so that a mask made of it takes waves in both \
            directions. distpy's axes are not those of a discrete transform (see `destripe`), and its `f / (k + 1e-7)` stays \
            finite: in compat mode.",
    family: Family::Wave,
    kinds: TO_REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(2.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["0 0 0 0; 0 0 0 0; 0 0 0 0; 0 0 0 0"],
        output: "0 inf inf inf; 0 1000 2000 1000; 0 500 1000 500; 0 1000 2000 1000",
    }],
};

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Whether down-going waves have a positive velocity and up-going ones a negative one.
    signed: bool,
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let spectrum = frequencies_of_both(env, x);
        let signature = Signature {
            kind: Kind::Real,
            ..spectrum.clone()
        };
        let kernel = match env.compat {
            Compat::Distpy => Velocity {
                wavenumbers: folded(x.rows(), 0.5 / env.source.depth.spacing()),
                frequencies: folded(x.cols(), env.prf / 2.0),
                rule: Rule::Distpy,
            },
            Compat::Exact => Velocity {
                wavenumbers: spectrum.depth.values.to_vec(),
                frequencies: spectrum.time.values.to_vec(),
                rule: if self.signed {
                    Rule::Signed
                } else {
                    Rule::Unsigned
                },
            },
        };
        Ok(Prepared::new(signature, Rows::Independent, kernel))
    }
}

#[derive(Debug)]
struct Velocity {
    wavenumbers: Vec<f64>,
    frequencies: Vec<f64>,
    rule: Rule,
}

#[derive(Debug, Clone, Copy)]
enum Rule {
    Distpy,
    Signed,
    Unsigned,
}

impl Rule {
    fn velocity(self, f: f64, k: f64) -> f64 {
        match self {
            Rule::Distpy => f / (k + 1e-7),
            _ if f == 0.0 => 0.0,
            Rule::Unsigned => (f / k).abs(),
            Rule::Signed => -f / k,
        }
    }
}

impl Kernel for Velocity {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], first: usize) -> Option<Tensor> {
        let x = inputs[0];
        let wavenumbers = &self.wavenumbers[first..first + x.rows()];
        let inverse = |&k: &f64| match self.rule {
            Rule::Distpy => 1.0 / (k + 1e-7),
            Rule::Unsigned => (1.0 / k).abs(),
            Rule::Signed => -1.0 / k,
        };
        let inverse = rec.table_real(&wavenumbers.iter().map(inverse).collect::<Vec<_>>());
        let inverse = inverse.view(x.rows(), 1, inverse.element());
        let frequency = |&f: &f64| match self.rule {
            Rule::Unsigned => f.abs(),
            _ => f,
        };
        let frequencies =
            rec.table_real(&self.frequencies.iter().map(frequency).collect::<Vec<_>>());
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let f = c(0u, j);
    if f == 0.0 {
        return 0.0;
    }
    return f * b(i, 0u);
}";
        let rule = kernels::rule::Rule::new(rule, [x, inverse, frequencies]);
        Some(map_like(rec, &rule, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Velocity {
    fn cpu(&self, inputs: &[&Block<T>], first: usize) -> Block<T> {
        let (rows, cols) = inputs[0].shape();
        Block::real(rows::make(
            rows,
            cols,
            || (),
            |i, row, ()| {
                let k = self.wavenumbers[first + i];
                for (to, &f) in row.iter_mut().zip(&self.frequencies) {
                    *to = T::of(self.rule.velocity(f, k));
                }
            },
        ))
    }
}
