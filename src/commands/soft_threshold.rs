//! `soft_threshold`: limits values that lie beyond a threshold. A NaN stays.

use crate::command::prelude::*;
use crate::point::{Point, Rule, real};

/// The command.
pub static SPEC: Spec = Spec {
    name: "soft_threshold",
    summary: "Limits values beyond `threshold`, on the side given by `direction`, to the threshold.",
    notes: "distpy changes its input in place, so that other readers of the input see it too; inputs never change here.",
    family: Family::Arithmetic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(2.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"threshold": 1.5}"#,
        inputs: &["0 1 2; 3 -4 1.5"],
        output: "0 1 1.5; 1.5 -4 1.5",
    }],
};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Which side of the threshold is limited: `>` above it, `<` below it.
    direction: String,
    /// The limit, in the unit of the data.
    threshold: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            direction: ">".into(),
            threshold: 0.0,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let side = side(&self.direction, env)?;
        Ok(beyond(env, inputs[0], side, self.threshold, self.threshold))
    }
}

/// A side of a threshold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    /// Above it.
    Above,
    /// Below it.
    Below,
}

/// Reads a direction. distpy takes anything but `>` for "below", its own documented `greater` too.
pub(super) fn side(direction: &str, env: &Env) -> Result<Side, Mismatch> {
    match direction {
        ">" => Ok(Side::Above),
        "<" => Ok(Side::Below),
        _ if env.compat == Compat::Distpy => Ok(Side::Below),
        other => Err(Mismatch::argument(
            "direction",
            format!("found \"{other}\", expected \">\" (above) or \"<\" (below)"),
        )),
    }
}

static ABOVE: &[Rule] = &[real!("select(x, p.y, x > p.x)", |x, p| if x > p[0] {
    p[1]
} else {
    x
})];
static BELOW: &[Rule] = &[real!("select(x, p.y, x < p.x)", |x, p| if x < p[0] {
    p[1]
} else {
    x
})];

/// Values beyond `threshold` become `value`.
pub(super) fn beyond(env: &Env, x: &Signature, side: Side, threshold: f64, value: f64) -> Prepared {
    let single = |v: f64| f64::from(v as f32);
    // numpy compares and stores in the array's own type.
    let (threshold, value) = match (env.compat, x.held) {
        (Compat::Distpy, Held::Single) => (single(threshold), single(value)),
        (Compat::Distpy, Held::Integer) => (threshold, value.trunc()),
        _ => (threshold, value),
    };
    let rules = match side {
        Side::Above => ABOVE,
        Side::Below => BELOW,
    };
    let point = Point {
        rules,
        p: [threshold, value, 0.0, 0.0],
    };
    Prepared::point(x.clone(), point)
}
