//! `add`: sums of samples at the same place.

use crate::command::prelude::*;
use crate::dsp::broadcast;

/// The command.
pub static SPEC: Spec = Spec {
    name: "add",
    summary: "Adds the gathered arrays to the input, sample by sample; a single row or column counts for all.",
    notes: "\
            Arrays of one row, one column or one dimension count for every row or column, as numpy broadcasts them. distpy \
            adds the first gathered array only.",
    family: Family::Arithmetic,
    kinds: NUMBERS,
    gathers: Gathers::Many,
    cost: Cost::Sample(1.0),
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Block(Arc::new(Add))),
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 2; 3 4", "10 20; 30 40", "1 1; 1 1"],
            output: "12 23; 34 45",
        },
        Example {
            args: "{}",
            inputs: &["1 2; 3 4", "10; 20"],
            output: "11 12; 23 24",
        },
    ],
};

#[derive(Debug)]
struct Add;

impl BlockCommand for Add {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let count = match env.compat {
            Compat::Distpy => 1,
            Compat::Exact => inputs.len() - 1,
        };
        let mut pairs = Vec::with_capacity(count);
        let mut sum = inputs[0].clone();
        for other in &inputs[1..=count] {
            let pair = Pair::new(&sum, other)?;
            sum = pair.signature.clone();
            pairs.push(pair);
        }
        let rows = pairs
            .iter()
            .map(|pair| pair.rows)
            .find(|&r| r == Rows::Coupled);
        let rows = rows.unwrap_or(Rows::Independent);
        Ok(Prepared::new(sum, rows, Sum(pairs)).near(Axis::Time, 0, 0))
    }
}

#[derive(Debug)]
struct Sum(Vec<Pair>);

impl Kernel for Sum {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let mut sum = inputs[0];
        for (pair, &other) in self.0.iter().zip(&inputs[1..]) {
            let rule = "fn value(i: u32, j: u32) -> Y { return a_y(i, j) + b_y(i, j); }";
            sum = pair.record(rec, rule, sum, other);
        }
        Some(sum)
    }
}

impl<T: Real> Cpu<T> for Sum {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let mut sum = inputs[0].clone();
        for (pair, other) in self.0.iter().zip(&inputs[1..]) {
            sum = pair.apply(&sum, other, |a, b| a + b, |a, b| a + b);
        }
        sum
    }
}

/// Two arrays that are combined sample by sample.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) signature: Signature,
    pub(super) rows: Rows,
    /// Whether an array of one dimension, which is held as a column, stands for a row.
    turned: [bool; 2],
}

impl Pair {
    /// Checks that the shapes fit.
    pub(super) fn new(x: &Signature, y: &Signature) -> Result<Self, Mismatch> {
        // Two of one dimension lie side by side; beside a table one of them is a row.
        let both = x.rank < 2 && y.rank < 2;
        let seen = |s: &Signature| {
            if both {
                (s.rows(), s.cols())
            } else {
                s.numpy_shape()
            }
        };
        let turned = |s: &Signature| !both && s.rank == 1;
        let (a, b) = (seen(x), seen(y));
        let Some((rows, cols)) = broadcast::shape(a, b) else {
            let found = format!(
                "found {}x{}, expected the input's {}x{}, or a single row or column",
                b.0, b.1, a.0, a.1
            );
            return Err(Mismatch::argument("gather_uids", found));
        };
        let axis = |n: usize, of: fn(&Signature) -> &Coords| {
            let fits = [x, y].into_iter().find(|s| of(s).len() == n && !turned(s));
            fits.map_or(Coords::index(n), |s| of(s).clone())
        };
        let complex = x.kind == Kind::Complex || y.kind == Kind::Complex;
        let signature = Signature {
            kind: if complex { Kind::Complex } else { Kind::Real },
            depth: axis(rows, |s| &s.depth),
            time: axis(cols, |s| &s.time),
            rank: if both { x.rank } else { 2 },
            held: wider(x.held, y.held),
        };
        // A tile holds the same rows of every input that has as many rows as the first, and other inputs whole.
        let coupled = x.rows() != rows || turned(x) || (turned(y) && y.rows() == rows && rows > 1);
        Ok(Self {
            signature,
            rows: if coupled {
                Rows::Coupled
            } else {
                Rows::Independent
            },
            turned: [turned(x), turned(y)],
        })
    }

    /// Both inputs as they lie side by side on a device, with the shape of what they make there.
    pub(super) fn beside(&self, x: Tensor, y: Tensor) -> ([Tensor; 2], (usize, usize)) {
        let seen = |t: Tensor, turn: bool| match turn {
            true => t.view(t.cols(), t.rows(), t.element()),
            false => t,
        };
        let both = [seen(x, self.turned[0]), seen(y, self.turned[1])];
        let shape = (
            both[0].rows().max(both[1].rows()),
            both[0].cols().max(both[1].cols()),
        );
        (both, shape)
    }

    /// What the result is on a device.
    pub(super) fn element(&self) -> Element {
        match self.signature.kind {
            Kind::Complex => Element::Complex,
            _ => Element::Real,
        }
    }

    /// Combines the samples on a device.
    pub(super) fn record(
        &self,
        rec: &mut Recorder,
        rule: &'static str,
        x: Tensor,
        y: Tensor,
    ) -> Tensor {
        let (both, shape) = self.beside(x, y);
        map(rec, &Rule::new(rule, both), shape, self.element())
    }

    /// Combines the samples.
    pub(super) fn apply<T: Real>(
        &self,
        x: &Block<T>,
        y: &Block<T>,
        real: impl Fn(T, T) -> T + Sync + Send,
        complex: impl Fn(Complex<T>, Complex<T>) -> Complex<T> + Sync + Send,
    ) -> Block<T> {
        let [turn_x, turn_y] = self.turned;
        if self.signature.kind == Kind::Real {
            let (x, y) = (x.as_real().view(), y.as_real().view());
            let (x, y) = (turned(x, turn_x), turned(y, turn_y));
            return Block::real(broadcast::zip(x, y, real));
        }
        let (x, y) = (x.to_complex(), y.to_complex());
        let (x, y) = (turned(x.view(), turn_x), turned(y.view(), turn_y));
        Block::complex(broadcast::zip(x, y, complex))
    }
}

fn turned<V>(x: ndarray::ArrayView2<'_, V>, turn: bool) -> ndarray::ArrayView2<'_, V> {
    if turn { x.reversed_axes() } else { x }
}

fn wider(a: Held, b: Held) -> Held {
    match (a, b) {
        _ if a == b => a,
        _ => Held::Double,
    }
}
