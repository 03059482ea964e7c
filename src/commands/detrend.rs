//! `detrend`: takes a mean or a straight line out of each channel.

use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "detrend",
    summary: "Takes the mean, or the straight line of least squares, out of each channel (or time).",
    notes: "\
            As `scipy.signal.detrend`; with breakpoints each part has its own mean or line. A NaN makes its part NaN.",
    family: Family::Filter,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(6.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 2 3 4; 0 1 1 0"],
            output: "0 0 0 0; -0.5 0.5 0.5 -0.5",
        },
        Example {
            args: r#"{"type": "constant"}"#,
            inputs: &["1 2 3 4"],
            output: "-1.5 -0.5 0.5 1.5",
        },
    ],
};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// What is taken out.
    r#type: Trend,
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
    /// Where parts begin that have a trend of their own, from the first sample on (metres along depth).
    #[schemars(extend("unit" = "s"))]
    breakpoints: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Trend {
    /// The mean.
    Constant,
    /// The line of least squares.
    Linear,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            r#type: Trend::Linear,
            axis: Axis::Time,
            breakpoints: Vec::new(),
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let n = self.axis.of(x).len();
        let step = match self.axis {
            Axis::Time => 1.0 / env.rate(x),
            Axis::Depth => x.depth.spacing(),
        };
        let mut bounds = vec![0];
        for at in &self.breakpoints {
            let sample = (at / step).round();
            let last = bounds[bounds.len() - 1];
            if !(sample > last as f64 && sample < n as f64) {
                let (low, high) = (last as f64 * step, n as f64 * step);
                let found =
                    format!("found {at}, expected values that ascend between {low} and {high}");
                return Err(Mismatch::argument("breakpoints", found));
            }
            bounds.push(sample as usize);
        }
        bounds.push(n);
        let kernel = Detrend {
            trend: self.r#type,
            axis: self.axis,
            bounds,
        };
        Ok(Prepared::new(x.of_kind(Kind::Real), self.axis.rows(), kernel).across(self.axis))
    }
}

#[derive(Debug)]
struct Detrend {
    trend: Trend,
    axis: Axis,
    /// Where parts begin, and the end.
    bounds: Vec<usize>,
}

impl Kernel for Detrend {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        if self.bounds.len() > 2 {
            return None;
        }
        let x = inputs[0];
        let axis = self.axis.number();
        let shape = (x.rows(), x.cols());
        let n = [x.rows(), x.cols()][axis] as f64;
        let mean = kernels::fold::mean(rec, x, Some(axis));
        let rule = "fn value(i: u32, j: u32) -> Y { return a(i, j) - b_wide(i, j); }";
        let centred = map_like(rec, &Rule::new(rule, [x, mean]), Element::Real);
        // What rounding left of a large mean.
        let rest = kernels::fold::mean(rec, centred, Some(axis));
        let slope = match self.trend {
            Trend::Linear if n > 1.0 => {
                let item = "fn item(i: u32, j: u32) -> Y { return (real(place(i, j)) - number(0u)) * (a(i, j) - b_wide(i, j)); }\n";
                let rule = Rule::new(item, [centred, rest])
                    .numbers([0.5 * (n - 1.0), n * (n * n - 1.0) / 12.0])
                    .axis(axis);
                let how = kernels::fold::Fold {
                    finish: "fn finish(p: Y) -> Y { return p / number(1u); }\n",
                    ..kernels::fold::SUM
                };
                kernels::fold::fold(rec, &rule, how, shape, axis, Element::Real)
            }
            _ => rec.table_real(&[0.0]),
        };
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    return a(i, j) - b_wide(i, j) - c_wide(i, j) * (real(place(i, j)) - number(0u));
}";
        let rule = Rule::new(rule, [centred, rest, slope])
            .numbers([0.5 * (n - 1.0)])
            .axis(axis);
        Some(map_like(rec, &rule, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Detrend {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.axis.along(inputs[0], |block| {
            let x = block.as_real();
            Block::real(rows::each(
                x,
                x.ncols(),
                || (),
                |row, out, ()| {
                    for bounds in self.bounds.windows(2) {
                        let part = bounds[0]..bounds[1];
                        flat(&row[part.clone()], self.trend, &mut out[part]);
                    }
                },
            ))
        })
    }
}

fn flat<T: Real>(row: &[T], trend: Trend, out: &mut [T]) {
    let n = row.len() as f64;
    let mean = row.iter().map(|v| v.wide()).sum::<f64>() / n;
    // About the middle, where mean and slope do not depend on each other.
    let centre = 0.5 * (n - 1.0);
    let slope = match trend {
        Trend::Constant => 0.0,
        Trend::Linear if row.len() < 2 => 0.0,
        Trend::Linear => {
            let moments = row.iter().enumerate();
            let moments = moments.map(|(t, v)| (t as f64 - centre) * (v.wide() - mean));
            moments.sum::<f64>() / (n * (n * n - 1.0) / 12.0)
        }
    };
    for (t, (to, v)) in out.iter_mut().zip(row).enumerate() {
        *to = T::of(v.wide() - mean - slope * (t as f64 - centre));
    }
}
