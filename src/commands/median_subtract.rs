//! `median_subtract`: takes out what all channels share.

use crate::command::prelude::*;
use crate::dsp::{reduce, rows};

/// The command.
pub static SPEC: Spec = Spec {
    name: "median_subtract",
    summary: "Subtracts at each time the median over all channels (common mode, such as laser noise), or from each channel its median.",
    notes: "\
            The median of an even number is the mean of the two in the middle, as `numpy.median`. NaNs are left out, and stay.",
    family: Family::Filter,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(12.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["1 5; 2 6; 9 7"],
        output: "-1 -1; 0 0; 7 1",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 0 over the channels, 1 (or -1) over time.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self { axis: Axis::Depth }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        Ok(Prepared::new(inputs[0].of_kind(Kind::Real), self.axis.rows(), *self).across(self.axis))
    }
}

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let median = match self.axis {
            Axis::Time => kernels::median::of_rows(rec, x)?,
            Axis::Depth => {
                let upright = kernels::transpose(rec, x);
                let median = kernels::median::of_rows(rec, upright)?;
                median.view(1, x.cols(), Element::Real)
            }
        };
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let median = b_wide(i, j);
    return a(i, j) - select(median, 0.0, is_nan(median));
}";
        Some(map_like(rec, &Rule::new(rule, [x, median]), Element::Real))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.axis.along(inputs[0], |block| {
            let x = block.as_real();
            Block::real(rows::each(
                x,
                x.ncols(),
                Vec::new,
                |row, out, values: &mut Vec<f64>| {
                    values.clear();
                    values.extend(row.iter().map(|v| v.wide()).filter(|v| !v.is_nan()));
                    let median = reduce::median(values).unwrap_or(0.0);
                    for (to, v) in out.iter_mut().zip(row) {
                        *to = T::of(v.wide() - median);
                    }
                },
            ))
        })
    }
}
