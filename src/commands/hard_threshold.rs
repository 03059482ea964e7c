//! `hard_threshold`: replaces values that lie beyond a threshold.

use super::soft_threshold::{beyond, side};
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "hard_threshold",
    summary: "Replaces values beyond `threshold`, on the side given by `direction`, by `value`.",
    notes: "",
    family: Family::Arithmetic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(2.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"direction": "<", "threshold": 1, "value": 9}"#,
        inputs: &["0 1 2; -3 4 1.5"],
        output: "9 1 2; 9 4 1.5",
    }],
};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Which side of the threshold is replaced: `>` above it, `<` below it.
    direction: String,
    /// The threshold, in the unit of the data.
    threshold: f64,
    /// What stands there afterwards.
    value: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            direction: ">".into(),
            threshold: 0.0,
            value: 0.0,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let side = side(&self.direction, env)?;
        Ok(beyond(env, inputs[0], side, self.threshold, self.value))
    }
}
