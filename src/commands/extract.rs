//! `extract`: one row or column.

use ndarray::{Axis as Dimension, s};

use crate::block::mapped;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "extract",
    summary: "One column (axis 1), or one row as a column (axis 0).",
    notes: "",
    family: Family::Shape,
    kinds: ANY,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: r#"{"index": -1}"#,
            inputs: &["1 2 3; 4 5 6"],
            output: "3; 6",
        },
        Example {
            args: r#"{"axis": 0, "index": 1}"#,
            inputs: &["1 2 3; 4 5 6"],
            output: "4; 5; 6",
        },
    ],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Which row or column, from 0; negative from the end.
    index: i64,
    /// 1 (or -1) for a column, 0 for a row.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            index: 0,
            axis: Axis::Time,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let n = self.axis.of(x).len();
        let index = position(self.index, n).map_err(|m| Mismatch::argument("index", m))?;
        let depth = match self.axis {
            Axis::Time => x.depth.clone(),
            Axis::Depth => x.time.clone(),
        };
        let signature = Signature {
            depth,
            time: Coords::index(1),
            rank: 2,
            ..x.clone()
        };
        let kernel = One {
            index,
            axis: self.axis,
        };
        Ok(Prepared::new(signature, self.axis.rows(), kernel))
    }
}

/// A position among `n`, counted from the end where it is negative; or what was found and expected.
pub(super) fn position(index: i64, n: usize) -> Result<usize, String> {
    let at = if index < 0 { index + n as i64 } else { index };
    usize::try_from(at)
        .ok()
        .filter(|&at| at < n)
        .ok_or_else(|| {
            format!(
                "found {index}, expected a position from {} to {}",
                -(n as i64),
                n as i64 - 1
            )
        })
}

#[derive(Debug)]
struct One {
    index: usize,
    axis: Axis,
}

impl Kernel for One {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let (rule, rows) = match self.axis {
            Axis::Time => (
                "fn value(i: u32, j: u32) -> Y { return a(i, word(0u)); }",
                x.rows(),
            ),
            Axis::Depth => (
                "fn value(i: u32, j: u32) -> Y { return a(word(0u), i); }",
                x.cols(),
            ),
        };
        let rule = Rule::new(rule, [x]).words([self.index]);
        Some(map(rec, &rule, (rows, 1), x.element()))
    }
}

impl<T: Real> Cpu<T> for One {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let k = self.index;
        let samples = match self.axis {
            Axis::Time => mapped!(&inputs[0].samples, a => a.slice(s![.., k..=k]).to_owned()),
            Axis::Depth => {
                mapped!(&inputs[0].samples, a => a.row(k).to_owned().insert_axis(Dimension(1)))
            }
        };
        Block { samples }
    }
}
