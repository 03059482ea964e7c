//! `despike`: replaces outliers by the median of their channel.

use crate::command::prelude::*;
use crate::dsp::{reduce, rows};

/// The command.
pub static SPEC: Spec = Spec {
    name: "despike",
    summary: "Replaces samples that lie too far from the median of their channel by that median.",
    notes: "\
            Too far is more than `m` times the median absolute deviation from the median. A channel of which more than half \
            the samples are equal has none, and stays. NaNs count as outliers, unless all samples are NaN.\n\n\
            distpy's library drops the outliers, which leaves an array of another shape.",
    family: Family::Filter,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(20.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["1 2 3 90 2"],
        output: "1 2 3 2 2",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// How many median absolute deviations are too far.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    m: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self { m: 2.0 }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        Ok(Prepared::new(
            inputs[0].of_kind(Kind::Real),
            Rows::Independent,
            *self,
        ))
    }
}

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let median = kernels::median::of_rows(rec, x)?;
        let rule = "fn value(i: u32, j: u32) -> Y { return abs(a(i, j) - b(i, 0u)); }";
        let distances = map_like(rec, &Rule::new(rule, [x, median]), Element::Real);
        let deviation = kernels::median::of_rows(rec, distances)?;
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let v = a(i, j);
    let median = b(i, 0u);
    let deviation = c(i, 0u);
    let far = deviation > 0.0 && abs(v - median) > number(0u) * deviation;
    return select(v, median, far || is_nan(v));
}";
        let rule = Rule::new(rule, [x, median, deviation]).numbers([self.m]);
        Some(map_like(rec, &rule, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        Block::real(rows::each(
            x,
            x.ncols(),
            Vec::new,
            |row, out, values: &mut Vec<f64>| {
                out.copy_from_slice(row);
                values.clear();
                values.extend(row.iter().map(|v| v.wide()).filter(|v| !v.is_nan()));
                let Some(median) = reduce::median(values) else {
                    return;
                };
                values.iter_mut().for_each(|v| *v = (*v - median).abs());
                let deviation = reduce::median(values).expect("as many values as before");
                for to in out {
                    let far = (to.wide() - median).abs() > self.m * deviation;
                    if to.is_nan() || (far && deviation > 0.0) {
                        *to = T::of(median);
                    }
                }
            },
        ))
    }
}
