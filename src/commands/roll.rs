//! `roll`: circular shift toward higher positions, as `numpy.roll`; with a gathered array, a shift for each row or column.

use crate::block::numbers;
use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "roll",
    summary: "Shifts samples along an axis, those beyond the end come in at the beginning; by as much for all, or as the gathered array says.",
    notes: "\
            Circular shift toward higher positions, as `numpy.roll`; with a gathered array, a shift for each row or column.\n\n\
            Gathered shifts are rounded to whole samples, halves to even. distpy refuses those that are no integers, and \
            gives real numbers for complex data: in compat mode.",
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
            let prepared = Prepared::new(x.clone(), rows, *self);
            return Ok(prepared.across(self.axis.unwrap_or(Axis::Time)));
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

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let (seen, axis) = match self.axis {
            Some(axis) => (x, axis),
            None => (x.view(1, x.len(), x.element()), Axis::Time),
        };
        let n = [seen.rows(), seen.cols()][axis.number()];
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    return a_at(i, j, (place(i, j) + word(0u)) % a_len());
}";
        // What lies there now came from further on.
        let ahead = (-self.window_length).rem_euclid(n as i64) as usize;
        let rule = Rule::new(rule, [seen]).words([ahead]).axis(axis.number());
        let y = map_like(rec, &rule, x.element());
        Some(y.view(x.rows(), x.cols(), x.element()))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let shift = self.window_length;
        Block {
            samples: numbers!(&inputs[0].samples, a => match self.axis {
                Some(Axis::Time) => each_row(a, |_| shift),
                // Whole rows move.
                Some(Axis::Depth) => {
                    flat(a, shift.rem_euclid(a.nrows() as i64) * a.ncols() as i64)
                }
                None => flat(a, shift),
            }),
        }
    }
}

fn each_row<V: Copy + num_traits::Zero + Send + Sync>(
    a: &Array2<V>,
    shift: impl Fn(usize) -> i64 + Sync + Send,
) -> Array2<V> {
    let n = a.ncols();
    let samples = a.as_slice().expect("blocks are contiguous");
    rows::make(
        a.nrows(),
        n,
        || (),
        |i, out, ()| {
            turned(&samples[i * n..(i + 1) * n], shift(i), out);
        },
    )
}

fn flat<V: Copy + num_traits::Zero>(a: &Array2<V>, shift: i64) -> Array2<V> {
    let mut out = Array2::zeros(a.dim());
    turned(
        a.as_slice().expect("blocks are contiguous"),
        shift,
        out.as_slice_mut().expect("a new array is contiguous"),
    );
    out
}

fn turned<V: Copy>(from: &[V], shift: i64, to: &mut [V]) {
    let at = shift.rem_euclid(from.len() as i64) as usize;
    let (before, after) = from.split_at(from.len() - at);
    to[..at].copy_from_slice(after);
    to[at..].copy_from_slice(before);
}

/// Rows (or columns) with a shift each.
#[derive(Debug)]
struct Shifted {
    axis: Axis,
    kind: Kind,
}

impl Kernel for Shifted {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let (x, shifts) = (inputs[0], inputs[1]);
        let real = self.kind == Kind::Real;
        if real != (x.element() == Element::Real) || shifts.element() != Element::Real {
            return None;
        }
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let n = i32(a_len());
    let shift = i32(round(b(0u, across(i, j)))) % n;
    return a_at(i, j, u32((i32(place(i, j)) - shift + n) % n));
}";
        let shifts = shifts.view(1, shifts.len(), shifts.element());
        let rule = Rule::new(rule, [x, shifts]).axis(self.axis.number());
        Some(map_like(rec, &rule, x.element()))
    }
}

impl<T: Real> Cpu<T> for Shifted {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let shifts: Vec<i64> = inputs[1]
            .as_real()
            .iter()
            .map(|v| v.wide().round_ties_even() as i64)
            .collect();
        let out = self.axis.along(inputs[0], |block| Block {
            samples: numbers!(&block.samples, a => each_row(a, |i| shifts[i])),
        });
        match (&out.samples, self.kind) {
            (Samples::Complex(a), Kind::Real) => Block::real(a.mapv(|v| v.re)),
            _ => out,
        }
    }
}
