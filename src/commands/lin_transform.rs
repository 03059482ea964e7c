//! `lin_transform`: a factor and an offset.

use crate::command::prelude::*;
use crate::point::{Point, Rule, complex, real};

/// The command.
pub static SPEC: Spec = Spec {
    name: "lin_transform",
    summary: "Multiplies each sample by `m` and adds `c`.",
    notes: "",
    family: Family::Arithmetic,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(2.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"m": 2, "c": -1}"#,
        inputs: &["1 -2; 0.5 0"],
        output: "1 -5; 0 -1",
    }],
};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The factor.
    m: f64,
    /// What is added, in the unit of the result.
    c: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self { m: 1.0, c: 0.0 }
    }
}

static RULES: &[Rule] = &[
    real!("p.x * x + p.y", |x, p| p[0] * x + p[1]),
    complex!("p.x * x + vec2(p.y, 0.0)", |x, p| x.scale(p[0]) + p[1]),
];

/// As numpy computes on single precision: the factor, the product and the sum are rounded.
static SINGLE: &[Rule] = &[
    real!("p.x * x + p.y", |x, p| {
        let product = (p[0].to_single() * x).to_single();
        (product + p[1].to_single()).to_single()
    }),
    complex!("p.x * x + vec2(p.y, 0.0)", |x, p| x.scale(p[0]) + p[1]),
];

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let whole = self.m.fract() == 0.0 && self.c.fract() == 0.0;
        let held = match x.held {
            Held::Integer if !whole => Held::Single,
            held => held,
        };
        let single = env.compat == Compat::Distpy && held == Held::Single;
        let point = Point {
            rules: if single { SINGLE } else { RULES },
            p: [self.m, self.c, 0.0, 0.0],
        };
        Ok(Prepared::point(Signature { held, ..x.clone() }, point))
    }
}
