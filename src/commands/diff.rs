//! `diff`: differences of samples some way apart.

use crate::block::numbers;
use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "diff",
    summary: "Differences of samples `window_length` apart along an axis; the last one is repeated to the end.",
    notes: "\
            `y[t] = x[t + n] - x[t]`; the last `n` samples repeat the last difference, so that the shape stays. distpy's \
            `window_length` is the order of the difference, with one zero appended to the data, so that its result shrinks \
            for orders above 1; along `axis` 0 or 1, but not -1, the last difference is overwritten by the one before: in \
            compat mode.",
    family: Family::Shape,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(1.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 3 6 10"],
            output: "2 3 4 4",
        },
        Example {
            args: r#"{"axis": 0, "window_length": 2}"#,
            inputs: &["1; 3; 6; 10"],
            output: "5; 7; 7; 7",
        },
    ],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 1 (or -1) along time, 0 along depth.
    #[schemars(range(min = -2, max = 1))]
    axis: i64,
    /// How far apart the samples are (in compat mode the order of the difference).
    #[schemars(range(min = 1), extend("unit" = "samples"))]
    window_length: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            axis: -1,
            window_length: 1,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let axis = match self.axis.rem_euclid(2) {
            1 => Axis::Time,
            _ => Axis::Depth,
        };
        let (along, lag) = (axis.of(x), self.window_length);
        let n = along.len();
        let compat = env.compat == Compat::Distpy;
        // distpy needs a second value to repeat, and one to be left.
        let repeat = compat && self.axis >= 0;
        let least = if compat { usize::from(repeat) } else { 1 };
        let most = n.saturating_sub(least);
        if lag > most {
            let found = format!("found {lag}, expected at most {most} for an axis of {n} samples");
            return Err(Mismatch::argument("window_length", found));
        }
        let held = match x.held {
            Held::Integer => Held::Integer,
            _ => Held::Double,
        };
        let length = if compat { n + 1 - lag } else { n };
        let coords = Coords::new(along.unit, &along.values[..length]);
        let signature = Signature {
            rank: 2,
            held,
            ..axis.replaced(x, coords)
        };
        let kernel = Differences {
            axis,
            lag,
            length,
            order: compat.then_some(repeat),
        };
        Ok(Prepared::new(signature, axis.rows(), kernel).near(axis, 0, lag))
    }
}

#[derive(Debug)]
struct Differences {
    axis: Axis,
    lag: usize,
    length: usize,
    /// distpy's: `lag` is the order, and whether the last difference is overwritten.
    order: Option<bool>,
}

impl Kernel for Differences {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let axis = self.axis.number();
        let shape = |n: usize| match self.axis {
            Axis::Depth => (n, x.cols()),
            Axis::Time => (x.rows(), n),
        };
        let Some(repeat) = self.order else {
            let rule = "\
fn value(i: u32, j: u32) -> Y {
    let t = min(place(i, j), a_len() - 1u - word(0u));
    return a_at(i, j, t + word(0u)) - a_at(i, j, t);
}";
            let rule = Rule::new(rule, [x]).words([self.lag]).axis(axis);
            return Some(map(rec, &rule, shape(self.length), x.element()));
        };
        // A zero stands behind the end.
        let first = "\
fn at(i: u32, j: u32, t: u32) -> Y {
    if t < a_len() {
        return a_at(i, j, t);
    }
    return Y();
}
fn value(i: u32, j: u32) -> Y {
    return at(i, j, place(i, j) + 1u) - at(i, j, place(i, j));
}";
        let next = "\
fn value(i: u32, j: u32) -> Y {
    return a_at(i, j, place(i, j) + 1u) - a_at(i, j, place(i, j));
}";
        let mut y = x;
        for order in 1..=self.lag {
            let rule = Rule::new(if order == 1 { first } else { next }, [y]).axis(axis);
            y = map(
                rec,
                &rule,
                shape(self.length + self.lag - order),
                x.element(),
            );
        }
        if repeat {
            let last = "\
fn value(i: u32, j: u32) -> Y {
    return a_at(i, j, min(place(i, j), a_len() - 2u));
}";
            y = map_like(rec, &Rule::new(last, [y]).axis(axis), x.element());
        }
        Some(y)
    }
}

impl<T: Real> Cpu<T> for Differences {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.axis.along(inputs[0], |block| Block {
            samples: numbers!(&block.samples, x => {
                rows::each(x, self.length, Vec::new, |row, out, work| match self.order {
                    None => lagged(row, self.lag, out),
                    Some(repeat) => of_order(row, self.lag, repeat, work, out),
                })
            }),
        })
    }
}

fn lagged<S: Copy + std::ops::Sub<Output = S>>(row: &[S], lag: usize, out: &mut [S]) {
    let valid = row.len() - lag;
    for ((to, &a), &b) in out[..valid].iter_mut().zip(row).zip(&row[lag..]) {
        *to = b - a;
    }
    let last = out[valid - 1];
    out[valid..].fill(last);
}

fn of_order<S: Copy + num_traits::Zero + std::ops::Sub<Output = S>>(
    row: &[S],
    order: usize,
    repeat: bool,
    work: &mut Vec<S>,
    out: &mut [S],
) {
    work.clear();
    work.extend_from_slice(row);
    work.push(S::zero());
    for _ in 0..order {
        for t in 0..work.len() - 1 {
            work[t] = work[t + 1] - work[t];
        }
        work.pop();
    }
    out.copy_from_slice(work);
    if repeat {
        let last = out.len() - 1;
        out[last] = out[last - 1];
    }
}
