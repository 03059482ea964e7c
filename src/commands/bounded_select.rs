//! `bounded_select`: marks the values inside an interval. A NaN is outside.

use crate::command::prelude::*;
use crate::point::{Point, Rule, real};

/// The command.
pub static SPEC: Spec = Spec {
    name: "bounded_select",
    summary: "1 where a value lies above `min_val` and not above `max_val`, else 0.",
    notes: "",
    family: Family::Arithmetic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(2.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"min_val": 1, "max_val": 3}"#,
        inputs: &["0 1 2; 3 4 -1"],
        output: "0 0 1; 1 0 0",
    }],
};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Lower end of the interval, excluded.
    min_val: f64,
    /// Upper end of the interval, included.
    max_val: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            min_val: 0.0,
            max_val: 1.0,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        select(
            env,
            inputs[0],
            ("min_val", self.min_val),
            ("max_val", self.max_val),
        )
    }
}

static INSIDE: &[Rule] = &[real!(
    "select(real(0.0), real(1.0), x > p.x && !(x > p.y))",
    |x, p| if x > p[0] && x <= p[1] { 1.0 } else { 0.0 }
)];

/// Marks values inside an interval whose ends are arguments of these names.
pub(super) fn select(
    env: &Env,
    x: &Signature,
    (low_name, low): (&'static str, f64),
    (high_name, high): (&'static str, f64),
) -> Result<Prepared, Mismatch> {
    if low >= high && env.compat == Compat::Exact {
        let found = format!("found {high}, expected more than `{low_name}`, which is {low}");
        return Err(Mismatch::argument(high_name, found));
    }
    let single = env.compat == Compat::Distpy && x.held == Held::Single;
    let end = |v: f64| if single { f64::from(v as f32) } else { v };
    let point = Point {
        rules: INSIDE,
        p: [end(low), end(high), 0.0, 0.0],
    };
    // The rank remains, as in numpy.
    let signature = Signature {
        held: Held::Double,
        ..x.clone()
    };
    Ok(Prepared::point(signature, point))
}
