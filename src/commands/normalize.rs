//! `normalize`: brings channels to a common size.

use crate::command::prelude::*;
use crate::dsp::{reduce, rows};
use crate::gpu::kernels::fold::Fold;

/// The command.
pub static SPEC: Spec = Spec {
    name: "normalize",
    summary: "Divides each channel (or time, or the whole block) by its largest modulus, its norm or its root mean square.",
    notes: "\
            `max` divides by the largest |x|, `l1` by the sum of |x|, `l2` by the root of the sum of |x|^2, `rms` by the root of its \
            mean; `zscore` takes the mean out and divides by the standard deviation of the population. Zeros stay zeros. A NaN makes \
            its channel NaN.",
    family: Family::Arithmetic,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(4.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 -4 2; 0 0 0"],
            output: "0.25 -1 0.5; 0 0 0",
        },
        Example {
            args: r#"{"method": "zscore"}"#,
            inputs: &["1 3 5 3"],
            output: "-1.414213562373095 0 1.414213562373095 0",
        },
    ],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// What is divided by.
    method: Method,
    /// 1 (or -1) for each channel, 0 for each time, null for the whole block.
    axis: Option<Axis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Method {
    Max,
    L1,
    L2,
    Rms,
    Zscore,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            method: Method::Max,
            axis: Some(Axis::Time),
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let rows = self.axis.map_or(Rows::Coupled, Axis::rows);
        let prepared = Prepared::new(x.of_kind(x.kind), rows, *self);
        Ok(prepared.across(self.axis.unwrap_or(Axis::Time)))
    }
}

impl Args {
    /// What is subtracted from samples, and what they are divided by.
    fn scale(&self, run: &[Complex<f64>]) -> (Complex<f64>, f64) {
        let n = run.len() as f64;
        let mean = match self.method {
            Method::Zscore => run.iter().sum::<Complex<f64>>() / n,
            _ => Complex::default(),
        };
        let sizes: Vec<f64> = match self.method {
            Method::Max | Method::L1 => run.iter().map(|v| v.norm()).collect(),
            _ => run.iter().map(|v| (v - mean).norm_sqr()).collect(),
        };
        let size = match self.method {
            Method::Max => sizes.iter().copied().fold(0.0, Real::maximum),
            Method::L1 => reduce::total(&sizes),
            Method::L2 => reduce::total(&sizes).sqrt(),
            Method::Rms | Method::Zscore => (reduce::total(&sizes) / n).sqrt(),
        };
        (mean, if size == 0.0 { 1.0 } else { size })
    }
}

const SIZE: &str = "fn item(i: u32, j: u32) -> Y { return a_size(i, j); }\n";
const POWER: &str = "fn item(i: u32, j: u32) -> Y { return a_power(i, j); }\n";
const ROOT: &str = "fn finish(p: Y) -> Y { return sqrt(p); }\n";
const MEAN_ROOT: &str = "fn finish(p: Y) -> Y { return sqrt(p / number(0u)); }\n";

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let whole = inputs[0];
        let (x, axis) = match self.axis {
            None => (whole.view(1, whole.len(), whole.element()), 1),
            Some(axis) => (whole, axis.number()),
        };
        let count = [x.rows(), x.cols()][axis] as f64;
        let mean = match self.method {
            Method::Zscore => Some(kernels::fold::mean(rec, x, Some(axis))),
            _ => None,
        };
        let centred = match mean {
            Some(mean) => {
                let rule = "fn value(i: u32, j: u32) -> Y { return a(i, j) - b_wide(i, j); }";
                map_like(rec, &Rule::new(rule, [x, mean]), x.element())
            }
            None => x,
        };
        let (item, how) = match self.method {
            Method::Max => (SIZE, kernels::fold::HIGHEST),
            Method::L1 => (SIZE, kernels::fold::SUM),
            Method::L2 => (
                POWER,
                Fold {
                    finish: ROOT,
                    ..kernels::fold::SUM
                },
            ),
            Method::Rms | Method::Zscore => (
                POWER,
                Fold {
                    finish: MEAN_ROOT,
                    ..kernels::fold::SUM
                },
            ),
        };
        let size =
            kernels::fold::samples(rec, item, centred, &[count], how, Some(axis), Element::Real);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let size = b_wide(i, j);
    return a(i, j) / select(size, 1.0, size == 0.0);
}";
        let y = map_like(rec, &Rule::new(rule, [centred, size]), x.element());
        Some(y.view(whole.rows(), whole.cols(), whole.element()))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let (rows, cols) = inputs[0].shape();
        // The whole block is one long row.
        let shape = match self.axis {
            None => (1, rows * cols),
            Some(Axis::Time) => (rows, cols),
            Some(Axis::Depth) => (cols, rows),
        };
        let fits = "as many samples as before";
        let run = |block: &Block<T>| match &block.samples {
            Samples::Complex(x) => {
                let x = x.clone().into_shape_with_order(shape).expect(fits);
                let wide = |v: &Complex<T>| Complex::new(v.re.wide(), v.im.wide());
                Block::complex(rows::each(
                    &x,
                    shape.1,
                    Vec::new,
                    |row, out, run: &mut Vec<_>| {
                        run.clear();
                        run.extend(row.iter().map(wide));
                        let (mean, size) = self.scale(run);
                        for (to, v) in out.iter_mut().zip(run.iter()) {
                            let v = (v - mean) / size;
                            *to = Complex::new(T::of(v.re), T::of(v.im));
                        }
                    },
                ))
            }
            _ => {
                let x = block
                    .as_real()
                    .clone()
                    .into_shape_with_order(shape)
                    .expect(fits);
                Block::real(rows::each(
                    &x,
                    shape.1,
                    Vec::new,
                    |row, out, run: &mut Vec<_>| {
                        run.clear();
                        run.extend(row.iter().map(|v| Complex::new(v.wide(), 0.0)));
                        let (mean, size) = self.scale(run);
                        for (to, v) in out.iter_mut().zip(run.iter()) {
                            *to = T::of((v.re - mean.re) / size);
                        }
                    },
                ))
            }
        };
        let done = self.axis.unwrap_or(Axis::Time).along(inputs[0], run);
        let shape = (rows, cols);
        Block {
            samples: match done.samples {
                Samples::Complex(a) => {
                    Samples::Complex(a.into_shape_with_order(shape).expect(fits))
                }
                Samples::Real(a) => Samples::Real(a.into_shape_with_order(shape).expect(fits)),
                other => other,
            },
        }
    }
}
