//! `dip_filter`: takes out what moves along the fibre at a velocity, by subtracting the mean along its ray.

use super::correlate::Stencil;
use crate::command::prelude::*;
use crate::dsp::edge::Edge;

/// The command.
pub static SPEC: Spec = Spec {
    name: "dip_filter",
    summary: "Subtracts the mean along the ray of an apparent velocity, which takes such waves out.",
    notes: "\
            The ray through each sample has Gaussian weights `exp(-d^2 / bandwidth^2)`, where `d = t + x / velocity` is the \
            distance from it in samples of time: a positive velocity takes out waves that reach shallower channels later \
            (up-going), a negative one down-going ones. The ends are repeated beyond. distpy takes a window of 9 by 9 and a \
            width of 0.1 s, whatever its arguments, which at 1 kHz is the whole window: in compat mode. A NaN reaches the \
            samples whose window holds it.",
    family: Family::Wave,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(162.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[Example {
        args: r#"{"velocity": 1000, "shape": [3, 3], "bandwidth": 0.1}"#,
        inputs: &["0 0 3; 0 3 0; 3 0 0"],
        output: "0 -1 0; -1 0 -1; 0 -1 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Apparent velocity along the fibre: positive for up-going waves, negative for down-going ones.
    #[schemars(extend("unit" = "m/s"))]
    velocity: f64,
    /// Width of the ray.
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "samples"))]
    bandwidth: f64,
    /// Size of the window, channels and samples, odd both.
    shape: [usize; 2],
}

impl Default for Args {
    fn default() -> Self {
        Self {
            velocity: 100.0,
            bandwidth: 1.0,
            shape: [9, 9],
        }
    }
}

/// Largest side of the window.
const LARGEST: usize = 1001;

fn build(args: Args) -> Result<Command, ArgProblem> {
    if args.velocity == 0.0 || !args.velocity.is_finite() {
        let found = format!("found {}, expected a velocity other than 0", args.velocity);
        return Err(ArgProblem::new("velocity", found));
    }
    if let Some(&even) = args.shape.iter().find(|&&n| n % 2 == 0 || n > LARGEST) {
        let found = format!("found {even}, expected odd numbers up to {LARGEST}");
        return Err(ArgProblem::new("shape", found));
    }
    Ok(Command::Block(Arc::new(args)))
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let [height, width] = match env.compat {
            Compat::Distpy => [9, 9],
            Compat::Exact => self.shape,
        };
        let (dt, dx) = match env.compat {
            Compat::Distpy => (1.0 / env.prf, env.source.depth.spacing()),
            Compat::Exact => (1.0 / env.rate(x), x.depth.spacing()),
        };
        // The width of the ray in seconds.
        let bandwidth = match env.compat {
            Compat::Distpy => 0.1,
            Compat::Exact => self.bandwidth * dt,
        };
        let c = self.velocity;
        let centre = (height / 2, width / 2);
        let weight = |(a, b): (usize, usize)| {
            let (a, b) = (a as f64 - centre.0 as f64, b as f64 - centre.1 as f64);
            let distance = (c * dt * b + dx * a) / c;
            (-(distance * distance) / (bandwidth * bandwidth)).exp()
        };
        let ray = Array2::from_shape_fn((height, width), weight);
        let total: f64 = ray.sum();
        let mut weights = ray.mapv(|w| -w / total);
        weights[centre] += 1.0;
        // The window is symmetric about its centre: convolution and correlation are the same.
        let stencil = Stencil {
            weights,
            origin: centre,
            edge: Edge::Nearest,
        };
        stencil.prepare(env, inputs)
    }
}
