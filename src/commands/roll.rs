//! `roll`: circular shift toward higher positions, as `numpy.roll`; with a gathered array, a shift for each row or column.
//!
//! Gathered shifts are rounded to whole samples, halves to even. distpy refuses those that are no integers, and gives real numbers
//! for complex data: in compat mode.

use crate::block::numbers;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "roll",
    summary: "Shifts samples along an axis, those beyond the end come in at the beginning; by as much for all, or as the gathered array says.",
    family: Family::Shape,
    kinds: NUMBERS,
    gathers: Gathers::Optional,
    cost: Cost::Sample(1.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 2 3; 4 5 6"],
            output: "3 1 2; 6 4 5",
        },
        Example {
            args: "{}",
            inputs: &["1 2 3; 4 5 6", "0; -1"],
            output: "1 2 3; 5 6 4",
        },
    ],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The shift, negative toward lower positions; without effect where shifts are gathered.
    #[schemars(extend("unit" = "samples"))]
    window_length: i64,
    /// 1 (or -1) along time, 0 along depth; null over the whole block, row after row.
    axis: Option<Axis>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            window_length: 1,
            axis: Some(Axis::Time),
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let Some(shifts) = inputs.get(1) else {
            let rows = self.axis.map_or(Rows::Coupled, Axis::rows);
            return Ok(Prepared::new(x.clone(), rows, *self));
        };
        let axis = match (self.axis, env.compat) {
            (Some(axis), _) => axis,
            (None, Compat::Distpy) => Axis::Depth,
            (None, Compat::Exact) => {
                let found = "found null, expected 0 or 1 where the shifts are gathered";
                return Err(Mismatch::argument("axis", found));
            }
        };
        let across = match axis {
            Axis::Time => x.rows(),
            Axis::Depth => x.cols(),
        };
        let compat = env.compat == Compat::Distpy;
        let fractions = compat && shifts.held != Held::Integer;
        if shifts.kind != Kind::Real || fractions || shifts.rows() * shifts.cols() != across {
            let what = if compat { "whole shifts" } else { "shifts" };
            let found = format!("found {shifts}, expected {across} {what}");
            return Err(Mismatch::argument("gather_uids", found));
        }
        let kind = if compat { Kind::Real } else { x.kind };
        // Along time each row needs its own shift, which a tile has where shifts are a column.
        let aligned = axis == Axis::Time && shifts.rows() == x.rows();
        let rows = if aligned {
            Rows::Independent
        } else {
            Rows::Coupled
        };
        let kernel = Shifted { axis, kind };
        Ok(Prepared::new(x.of_kind(kind), rows, kernel))
    }
}

impl Kernel for Args {}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let shift = self.window_length;
        let mut out = inputs[0].clone();
        out.samples = numbers!(out.samples, a => match self.axis {
            Some(Axis::Time) => each_row(a, |_| shift),
            Some(Axis::Depth) => {
                // Whole rows move.
                let cols = a.ncols() as i64;
                flat(a, shift * cols)
            }
            None => flat(a, shift),
        });
        out
    }
}

fn each_row<V>(mut a: Array2<V>, shift: impl Fn(usize) -> i64) -> Array2<V> {
    let n = a.ncols() as i64;
    for (i, mut row) in a.rows_mut().into_iter().enumerate() {
        let row = row.as_slice_mut().expect("blocks are contiguous");
        row.rotate_right(shift(i).rem_euclid(n) as usize);
    }
    a
}

fn flat<V>(mut a: Array2<V>, shift: i64) -> Array2<V> {
    let n = a.len() as i64;
    let samples = a.as_slice_mut().expect("blocks are contiguous");
    samples.rotate_right(shift.rem_euclid(n) as usize);
    a
}

/// Rows (or columns) with a shift each.
#[derive(Debug)]
struct Shifted {
    axis: Axis,
    kind: Kind,
}

impl Kernel for Shifted {}

impl<T: Real> Cpu<T> for Shifted {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let shifts: Vec<i64> = inputs[1]
            .as_real()
            .iter()
            .map(|v| v.wide().round_ties_even() as i64)
            .collect();
        let out = self.axis.along(inputs[0], |block| Block {
            samples: numbers!(block.samples.clone(), a => each_row(a, |i| shifts[i])),
        });
        match (&out.samples, self.kind) {
            (Samples::Complex(a), Kind::Real) => Block::real(a.mapv(|v| v.re)),
            _ => out,
        }
    }
}
