//! `sta_lta`: short-term over long-term average, which rises at the onset of an event (Allen 1978).

use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::rows;
use crate::dsp::window::{self, Scratch, Window};
use crate::gpu::kernels::window::Join;

/// The command.
pub static SPEC: Spec = Spec {
    name: "sta_lta",
    summary: "Short-term average (forward) over long-term average (backward) of |x| or x^2: large at the onset of an event.",
    notes: "\
            `mean a[t .. t + sta - 1] / mean a[t - lta + 1 .. t]` of the attribute `a = |x|` or `x^2`: the short window \
            looks forward, the long one backward, as distpy's own comment says. At the ends both are shortened to the \
            samples that exist. The long-term average is at least a millionth of the row's mean, so that silence does not \
            become an event; a row of zeros gives 0. A NaN reaches the windows that hold it, and through the row's mean \
            nothing else. Its cost does not depend on the windows.\n\n\
            distpy takes averages of the signed samples, both windows centred, each divided by its length once more (so that \
            the result is `lta / sta` times too large), with a floor of 1e-6 whatever the unit: in compat mode.",
    family: Family::Filter,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(12.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"sta": 1, "lta": 2}"#,
        inputs: &["1 -1 3 3"],
        output: "1 1 1.5 1",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Length of the short window.
    #[schemars(range(min = 1, max = 10000000), extend("unit" = "samples"))]
    sta: usize,
    /// Length of the long window.
    #[schemars(range(min = 1, max = 10000000), extend("unit" = "samples"))]
    lta: usize,
    /// What is averaged; compat mode averages the samples themselves.
    attribute: Attribute,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Attribute {
    /// The modulus.
    Abs,
    /// The square.
    Square,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            sta: 50,
            lta: 200,
            attribute: Attribute::Abs,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let held = match (env.compat, x.held) {
            (Compat::Distpy, Held::Single) => Held::Single,
            _ => Held::Double,
        };
        let signature = Signature { held, ..x.clone() };
        if env.compat == Compat::Distpy {
            let kernel = Centred {
                sta: self.sta,
                lta: self.lta,
                held: x.held,
            };
            return Ok(Prepared::new(signature, Rows::Independent, kernel));
        }
        if self.sta >= self.lta {
            let found = format!(
                "found {}, expected more than `sta`, which is {}",
                self.lta, self.sta
            );
            return Err(Mismatch::argument("lta", found));
        }
        x.require_window(env, "lta", self.lta, Axis::Time)?;
        // The row's mean, of which the floor is a millionth, matters to silence only.
        let prepared = Prepared::new(signature, Rows::Independent, *self);
        Ok(prepared.near(Axis::Time, self.lta - 1, self.sta - 1))
    }
}

/// The floor of the long-term average, of the row's mean.
const FLOOR: f64 = 1e-6;

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let rule = match self.attribute {
            Attribute::Square => "fn value(i: u32, j: u32) -> Y { return a_power(i, j); }",
            _ => "fn value(i: u32, j: u32) -> Y { return a_size(i, j); }",
        };
        let values = map_like(rec, &Rule::new(rule, [inputs[0]]), Element::Real);
        let mut sums =
            |window| kernels::window::windows(rec, values, window, Edge::Constant, Join::Sum, 1);
        let short = sums(Window::forward(self.sta));
        let long = sums(Window::trailing(self.lta));
        // What is known of the row: without infinities and NaN.
        let item = "\
fn item(i: u32, j: u32) -> Y {
    let v = a(i, j);
    return select(v, 0.0, is_nan(v - v));
}\n";
        let floor = kernels::fold::Fold {
            finish: "fn finish(p: Y) -> Y { return p * number(0u); }\n",
            ..kernels::fold::SUM
        };
        let scale = FLOOR / values.cols() as f64;
        let floor =
            kernels::fold::samples(rec, item, values, &[scale], floor, Some(1), Element::Real);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let short = a(i, j) / real(min(word(0u), a_cols() - j));
    let long = b(i, j) / real(min(word(1u), j + 1u));
    let floor = c(i, 0u);
    if short == 0.0 {
        return 0.0;
    }
    return short / select(long, floor, long < floor);
}";
        let rule = Rule::new(rule, [short, long, floor]).words([self.sta, self.lta]);
        Some(map_like(rec, &rule, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        let scratch = || (Vec::new(), Scratch::default(), Vec::new(), Vec::new());
        let squared = self.attribute == Attribute::Square;
        Block::real(rows::each(
            x,
            x.ncols(),
            scratch,
            |row, out, (values, scratch, short, long)| {
                values.clear();
                values.extend(row.iter().map(|v| {
                    let v = v.wide();
                    if squared { v * v } else { v.abs() }
                }));
                window::sums(
                    values,
                    Window::forward(self.sta),
                    Edge::Constant,
                    scratch,
                    short,
                );
                window::sums(
                    values,
                    Window::trailing(self.lta),
                    Edge::Constant,
                    scratch,
                    long,
                );
                let n = row.len();
                let known = values.iter().filter(|v| v.is_finite());
                let floor = FLOOR * known.sum::<f64>() / n as f64;
                for (t, to) in out.iter_mut().enumerate() {
                    let short = short[t] / self.sta.min(n - t) as f64;
                    let long = long[t] / self.lta.min(t + 1) as f64;
                    let ratio = short / if long < floor { floor } else { long };
                    // Zero over zero is a row of silence.
                    *to = T::of(if short == 0.0 { 0.0 } else { ratio });
                }
            },
        ))
    }
}

/// distpy's.
#[derive(Debug)]
struct Centred {
    sta: usize,
    lta: usize,
    held: Held,
}

// Averages of a signed signal nearly vanish now and then, and divide: single precision does not hold them, so that there is no
// GPU side.
impl Kernel for Centred {}

impl<T: Real> Cpu<T> for Centred {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        let scratch = || (Scratch::default(), Vec::new(), Vec::new());
        // scipy stores averages in the array's own type; numpy divides float32 in single precision.
        let stored = |v: f64| match self.held {
            Held::Single => f64::from(v as f32),
            Held::Integer => v.trunc(),
            Held::Double => v,
        };
        let rounded = |v: f64| match self.held {
            Held::Single => f64::from(v as f32),
            _ => v,
        };
        Block::real(rows::each(
            x,
            x.ncols(),
            scratch,
            |row, out, (scratch, short, long)| {
                window::sums(
                    row,
                    Window::centred(self.sta),
                    Edge::Nearest,
                    scratch,
                    short,
                );
                window::sums(row, Window::centred(self.lta), Edge::Nearest, scratch, long);
                let average = |sum: f64, n: usize| rounded(stored(sum / n as f64) / n as f64);
                let floor = rounded(1e-6);
                for ((to, &s), &l) in out.iter_mut().zip(short.iter()).zip(long.iter()) {
                    let (s, l) = (average(s, self.sta), average(l, self.lta));
                    *to = T::of(rounded(s / if l.abs() < floor { floor } else { l }));
                }
            },
        ))
    }
}
