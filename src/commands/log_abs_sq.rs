//! `log_abs_sq`: natural logarithm of the power of each sample.

use crate::command::prelude::*;
use crate::point::{Point, Rule, complex_to_real, real};

/// The command.
pub static SPEC: Spec = Spec {
    name: "log_abs_sq",
    summary: "ln |x|^2 of each sample; `fft`, `log_abs_sq`, `ifft`, `abs` give the cepstrum.",
    notes: "A power below `floor` counts as the floor, so that silence gives a finite number. A NaN stays.",
    family: Family::Spectral,
    kinds: TO_REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(20.0),
    schema: schema_of::<Args>,
    build: |args| {
        let args: Args = parse(args)?;
        Ok(Command::Point(Point {
            rules: RULES,
            p: [args.floor, 0.0, 0.0, 0.0],
        }))
    },
    examples: &[Example {
        args: "{}",
        inputs: &["1 -2.718281828459045 0"],
        output: "0 2 -69.07755278982137",
    }],
};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The smallest power, in the squared unit of the data.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    floor: f64,
}

impl Default for Args {
    fn default() -> Self {
        // Single precision holds it.
        Self { floor: 1e-30 }
    }
}

static RULES: &[Rule] = &[
    real!("log(max(x * x, p.x))", |x, p| if x.is_nan() {
        x
    } else {
        (x * x).max(p[0]).ln()
    }),
    complex_to_real!("log(max(dot(x, x), p.x))", |x, p| {
        let power = x.norm_sqr();
        if power.is_nan() {
            power
        } else {
            power.max(p[0]).ln()
        }
    }),
];
