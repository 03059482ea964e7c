//! `unwrap`: removes the jumps of a phase, as `numpy.unwrap`: differences of more than half a turn between neighbours are taken
//! for full turns.

use std::f64::consts::{PI, TAU};

use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "unwrap",
    summary: "Removes jumps of full turns from a phase in radians, along an axis.",
    notes: "\
            Removes the jumps of a phase, as `numpy.unwrap`: differences of more than half a turn between neighbours are \
            taken for full turns. After a NaN the rest of a row (or column) is NaN.",
    family: Family::Arithmetic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(10.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["3 -3; 0 1"],
        output: "3 3.2831853071795862; 0 1",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self { axis: Axis::Time }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let signature = inputs[0].clone();
        Ok(Prepared::new(signature, self.axis.rows(), *self).across(self.axis))
    }
}

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let axis = self.axis.number();
        // Whole turns: their sums are exact.
        let rule = "\
const PI = 3.14159265358979323846;
fn value(i: u32, j: u32) -> Y {
    let t = place(i, j);
    if t == 0u {
        return 0.0;
    }
    let step = a_at(i, j, t) - a_at(i, j, t - 1u);
    if abs(step) < PI {
        return 0.0;
    }
    let turns = floor((step + PI) / (2.0 * PI));
    // Half a turn keeps its sign.
    let half = step > 0.0 && step + PI == turns * 2.0 * PI;
    return select(-turns, 1.0 - turns, half);
}";
        let turns = map_like(rec, &Rule::new(rule, [x]).axis(axis), Element::Real);
        let turns = kernels::window::running_sums(rec, turns, axis);
        let rule =
            "fn value(i: u32, j: u32) -> Y { return a(i, j) + b(i, j) * 6.28318530717958647692; }";
        Some(map_like(rec, &Rule::new(rule, [x, turns]), Element::Real))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.axis.along(inputs[0], |block| {
            let x = block.as_real();
            Block::real(rows::each(
                x,
                x.ncols(),
                || (),
                |row, out, ()| unwrapped(row, out),
            ))
        })
    }
}

fn unwrapped<T: Real>(row: &[T], out: &mut [T]) {
    let mut turns = 0.0;
    out[0] = row[0];
    for t in 1..row.len() {
        let step = row[t].wide() - row[t - 1].wide();
        if step.abs() >= PI || step.is_nan() {
            let mut within = (step + PI).rem_euclid(TAU) - PI;
            // Half a turn keeps its sign.
            if within == -PI && step > 0.0 {
                within = PI;
            }
            turns += within - step;
        }
        out[t] = T::of(row[t].wide() + turns);
    }
}
