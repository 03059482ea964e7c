//! `strain_rate_to_velocity`: particle velocity along the fibre.

use super::integrate::{Integral, half_steps};
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "strain_rate_to_velocity",
    summary: "Particle velocity along the fibre from strain rate, by integration along the fibre or for waves of one apparent velocity.",
    notes: "\
            Strain rate is the derivative of particle velocity along the fibre. `spatial` integrates it over depth by the trapezoidal \
            rule, from `reference_depth` on, where the fibre is taken to be at rest: exact for any wave field, but offsets of single \
            channels reach all that follow. `slowness` takes all waves to travel at `apparent_velocity` c, so that the displacement is \
            u(x - c t) and the velocity -c times the strain, the integral of strain rate over time from the first sample on. After a \
            NaN the rest of a channel (or time) is NaN. Strain rates over a gauge length are averages over it: wavelengths near the \
            gauge length and below come out too small.",
    family: Family::Wave,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(5.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 0; 1 2; 3 2"],
            output: "0 0; 1 1; 3 3",
        },
        Example {
            args: r#"{"method": "slowness", "apparent_velocity": 2000}"#,
            inputs: &["1 1 3"],
            output: "0 -2 -6",
        },
    ],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// How.
    method: Method,
    /// For `spatial`: where the velocity is 0, the nearest channel; null for the first channel.
    #[schemars(extend("unit" = "m"))]
    reference_depth: Option<f64>,
    /// For `slowness`: positive for waves toward larger depth, negative for others.
    #[schemars(extend("unit" = "m/s"))]
    apparent_velocity: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Method {
    /// The integral along the fibre.
    Spatial,
    /// For waves of one apparent velocity.
    Slowness,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            method: Method::Spatial,
            reference_depth: None,
            apparent_velocity: None,
        }
    }
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    let velocity = args.apparent_velocity;
    if args.method == Method::Slowness && velocity.is_none_or(|c| c == 0.0 || !c.is_finite()) {
        let found = velocity.map_or("missing".into(), |c| format!("found {c}"));
        let text = format!("{found}; expected a velocity other than 0 for the method `slowness`");
        return Err(ArgProblem::new("apparent_velocity", text));
    }
    Ok(Command::Block(Arc::new(args)))
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let axis = match self.method {
            Method::Spatial => Axis::Depth,
            Method::Slowness => Axis::Time,
        };
        let integral = Integral {
            halves: half_steps(env, x, axis),
            axis,
        };
        let reference = self.reference_depth.map_or(0, |depth| {
            let far = |k: &usize| (x.depth.values[*k] - depth).abs();
            (0..x.rows())
                .min_by(|a, b| far(a).total_cmp(&far(b)))
                .unwrap_or(0)
        });
        let kernel = Velocity {
            integral,
            factor: self.apparent_velocity.map_or(1.0, |c| -c),
            reference: (self.method == Method::Spatial).then_some(reference),
        };
        Ok(Prepared::new(x.of_kind(Kind::Real), axis.rows(), kernel).across(axis))
    }
}

#[derive(Debug)]
struct Velocity {
    integral: Integral,
    factor: f64,
    /// The channel at rest, for an integral along depth.
    reference: Option<usize>,
}

impl Kernel for Velocity {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], first: usize) -> Option<Tensor> {
        let integral = self.integral.gpu(rec, inputs, first)?;
        let rule = match self.reference {
            Some(_) => "fn value(i: u32, j: u32) -> Y { return a(i, j) - a(word(0u), j); }",
            None => "fn value(i: u32, j: u32) -> Y { return a(i, j) * number(0u); }",
        };
        let rule = Rule::new(rule, [integral])
            .words([self.reference.unwrap_or(0)])
            .numbers([self.factor]);
        Some(map_like(rec, &rule, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Velocity {
    fn cpu(&self, inputs: &[&Block<T>], first: usize) -> Block<T> {
        let integral = Cpu::<T>::cpu(&self.integral, inputs, first);
        let mut out = integral.as_real().clone();
        match self.reference {
            Some(reference) => {
                let rest = out.row(reference).to_owned();
                out -= &rest;
            }
            None => out.mapv_inplace(|v| T::of(v.wide() * self.factor)),
        }
        Block::real(out)
    }
}
