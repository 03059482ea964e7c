//! `argmax`: position of the largest value along an axis; the first of several, or of a NaN where there is one.

use std::cmp::Ordering;

use crate::command::prelude::*;
use crate::dsp::{reduce, rows};

/// The command.
pub static SPEC: Spec = Spec {
    name: "argmax",
    summary: "Position of the first largest value along an axis, which stays with length 1.",
    notes: "distpy drops the axis, and orders complex numbers by real part, then imaginary part: in compat mode.",
    family: Family::Statistic,
    kinds: &[(Kind::Real, Kind::Label), (Kind::Complex, Kind::Label)],
    gathers: Gathers::None,
    cost: Cost::Sample(1.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 9 3; 4 5 3"],
            output: "1 0 0",
        },
        Example {
            args: r#"{"axis": 1}"#,
            inputs: &["1 9 3; 4 5 3"],
            output: "1; 1",
        },
    ],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 0 along depth, 1 (or -1) along time.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self { axis: Axis::Depth }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        if x.kind == Kind::Complex && env.compat == Compat::Exact {
            let found = format!("takes real input, found {x}: take `abs` of complex numbers first");
            return Err(Mismatch::input(found));
        }
        let reduction = Reduction::new(env, self.axis);
        let signature = reduction.signature(x, Kind::Label);
        Ok(Prepared::new(signature, self.axis.rows(), Largest(reduction)).across(self.axis))
    }
}

#[derive(Debug)]
struct Largest(Reduction);

impl Kernel for Largest {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let (x, axis) = (inputs[0], self.0.axis().number());
        let n = [x.rows(), x.cols()][axis];
        // Positions are counted in single precision.
        if x.element() == Element::Complex || n > 1 << 24 {
            return None;
        }
        let item = "fn item(i: u32, j: u32) -> Y { return Y(a(i, j), real(place(i, j))); }\n";
        let first = kernels::fold::Fold {
            join: "\
fn nothing(i: u32, j: u32) -> Y { return item(i, j); }
fn join(p: Y, q: Y) -> Y {
    let odd = is_nan(p.x);
    if odd != is_nan(q.x) {
        return select(q, p, odd);
    }
    if odd || p.x == q.x {
        return select(q, p, p.y <= q.y);
    }
    return select(q, p, p.x > q.x);
}\n",
            ..kernels::fold::SUM
        };
        let rule = Rule::new(item, [x]).axis(axis);
        let shape = (x.rows(), x.cols());
        let found = kernels::fold::fold(rec, &rule, first, shape, axis, Element::Complex);
        let rule = "fn value(i: u32, j: u32) -> Y { return u32(a(i, j).y); }";
        let y = map_like(rec, &Rule::new(rule, [found]), Element::Index);
        Some(self.0.shaped(y))
    }
}

impl<T: Real> Cpu<T> for Largest {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.0.apply(inputs[0], |block| {
            let positions = match &block.samples {
                Samples::Complex(x) => rows::column(x, |row| {
                    first(
                        row,
                        |v| v.re.is_nan() || v.im.is_nan(),
                        |a, b| {
                            let parts = (a.re, a.im).partial_cmp(&(b.re, b.im));
                            parts == Some(Ordering::Greater)
                        },
                    )
                }),
                _ => rows::column(block.as_real(), |row| {
                    reduce::largest(row).expect("a row has samples") as i64
                }),
            };
            Block {
                samples: Samples::Label(positions),
            }
        })
    }
}

fn first<S: Copy>(row: &[S], nan: impl Fn(S) -> bool, above: impl Fn(S, S) -> bool) -> i64 {
    let mut best = 0;
    for (t, &v) in row.iter().enumerate() {
        if nan(v) {
            return t as i64;
        }
        if above(v, row[best]) {
            best = t;
        }
    }
    best as i64
}
