//! `macro`: a list of small image operations in one command.

use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::{median, reduce, rows, stencil};

/// The command.
pub static SPEC: Spec = Spec {
    name: "macro",
    summary: "A list of small operations: abs, normalize, gaussian_filter, gradient, threshold, median_filter, percentage_on, sum.",
    notes: "\
            Each step has a name and its own arguments; one that is not known changes nothing, which is worth a warning. \
            distpy evaluates every operation for every step, so that one that cannot run stops it, and filters a mask after \
            `threshold` as true and false values, which cuts its weighted sums to whole numbers; here a mask becomes 0 and 1 \
            before a filter. `percentage_on` and `sum` drop their axis: a block has two axes, its sum one, and the sum of \
            that is a number. A NaN behaves as in the single commands.",
    family: Family::Shape,
    kinds: TO_REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(120.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: r#"{"command_list": [{"name": "abs"}, {"name": "sum", "axis": 1}]}"#,
            inputs: &["1 -2 3; -4 5 -6"],
            output: "6; 15",
        },
        Example {
            args: r#"{"command_list": [{"name": "threshold", "threshold": 1}, {"name": "percentage_on", "axis": 1}]}"#,
            inputs: &["0 1 2 3; 5 5 5 5"],
            output: "50; 100",
        },
    ],
};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The steps, in order.
    command_list: Vec<Step>,
}

/// One operation; each reads the arguments that it needs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
struct Step {
    /// Which: abs, normalize, gaussian_filter, gradient, threshold, median_filter, percentage_on, sum.
    name: String,
    /// 0 along depth, 1 (or -1) along time: of normalize, gradient, percentage_on and sum.
    #[serde(default = "depth")]
    axis: Axis,
    /// Spacing of the samples for gradient, size of the window for median_filter.
    #[serde(default = "distance")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    distance: f64,
    /// Standard deviation of gaussian_filter, in samples.
    #[serde(default = "sigma")]
    #[schemars(range(min = 0.0, max = 10000.0))]
    sigma: f64,
    /// What values must exceed, for threshold.
    #[serde(default)]
    threshold: f64,
}

fn depth() -> Axis {
    Axis::Depth
}

fn distance() -> f64 {
    5.0
}

fn sigma() -> f64 {
    2.0
}

impl Default for Args {
    fn default() -> Self {
        let all =
            "abs normalize gaussian_filter gradient threshold median_filter percentage_on sum";
        let step = |name: &str| Step {
            name: name.into(),
            axis: depth(),
            distance: distance(),
            sigma: sigma(),
            threshold: 0.0,
        };
        Self {
            command_list: all.split(' ').map(step).collect(),
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let mut x = inputs[0].clone();
        let mut steps = Vec::with_capacity(self.command_list.len());
        let mut warnings = Vec::new();
        for step in &self.command_list {
            let Some(operation) = step.operation()? else {
                warnings.push(format!(
                    "step \"{}\" is not known and changes nothing",
                    step.name
                ));
                continue;
            };
            x = operation.signature(&x, env)?;
            steps.push(operation);
        }
        if x.kind == Kind::Complex {
            return Err(Mismatch::input(format!(
                "takes real input, found {x}, which only a step `abs` makes real"
            )));
        }
        let kernel = Steps {
            steps,
            cut: env.compat == Compat::Distpy,
        };
        let prepared = Prepared::new(x, Rows::Coupled, kernel);
        Ok(Prepared {
            warnings,
            ..prepared
        })
    }
}

#[derive(Debug, Clone)]
enum Operation {
    Abs,
    Normalize(Axis),
    Gaussian(Vec<f64>),
    Gradient(Axis, f64),
    Threshold(f64),
    Median(usize),
    Sum { axis: Axis, percentage: bool },
}

impl Step {
    fn operation(&self) -> Result<Option<Operation>, Mismatch> {
        let bad = |argument: &str, found: f64, expected: &str| {
            let what = format!(
                "step `{}`: `{argument}`: found {found}, expected {expected}",
                self.name
            );
            Err(Mismatch::argument("command_list", what))
        };
        if self.distance <= 0.0 || !self.distance.is_finite() {
            return bad("distance", self.distance, "more than 0");
        }
        if !(0.0..=1e4).contains(&self.sigma) {
            return bad("sigma", self.sigma, "0 to 10000");
        }
        Ok(Some(match self.name.as_str() {
            "abs" => Operation::Abs,
            "normalize" => Operation::Normalize(self.axis),
            "gaussian_filter" if self.sigma <= 1e-15 => return Ok(None),
            "gaussian_filter" => Operation::Gaussian(stencil::gaussian(self.sigma, 0)),
            "gradient" => Operation::Gradient(self.axis, self.distance),
            "threshold" => Operation::Threshold(self.threshold),
            "median_filter" if self.distance.fract() != 0.0 || self.distance > 1e5 => {
                return bad("distance", self.distance, "a whole number up to 100000");
            }
            "median_filter" => Operation::Median(self.distance as usize),
            "percentage_on" | "sum" => Operation::Sum {
                axis: self.axis,
                percentage: self.name == "percentage_on",
            },
            _ => return Ok(None),
        }))
    }
}

impl Operation {
    /// What the result is; a block of one dimension is held as a column.
    fn signature(&self, x: &Signature, env: &Env) -> Result<Signature, Mismatch> {
        let name = self.name();
        if x.kind == Kind::Complex && !matches!(self, Operation::Abs) {
            return Err(Mismatch::input(format!(
                "takes real input, found {x} for step `{name}`"
            )));
        }
        let along = match self {
            Operation::Normalize(axis)
            | Operation::Gradient(axis, _)
            | Operation::Sum { axis, .. } => Some(*axis),
            _ => None,
        };
        if let (Some(Axis::Time), true) = (along, x.rank < 2) {
            let found = format!(
                "step `{name}`: found axis 1, but an earlier step dropped an axis; expected 0"
            );
            return Err(Mismatch::argument("command_list", found));
        }
        let keeps_mask = env.compat == Compat::Distpy && x.kind == Kind::Mask;
        let kind = match self {
            Operation::Threshold(_) => Kind::Mask,
            Operation::Abs | Operation::Median(_) if x.kind == Kind::Mask => Kind::Mask,
            Operation::Gaussian(_) if keeps_mask => Kind::Mask,
            _ => Kind::Real,
        };
        let out = Signature {
            rank: x.rank,
            ..x.of_kind(kind)
        };
        let one = Coords::index(1);
        match self {
            Operation::Median(size) if *size > 2 * x.rows().max(x.cols()) => {
                let found = format!(
                    "step `{name}`: found {size} samples, expected at most {}",
                    2 * x.rows().max(x.cols())
                );
                Err(Mismatch::argument("command_list", found))
            }
            Operation::Gradient(axis, _) if axis.of(x).len() < 2 => {
                let found = format!(
                    "step `{name}`: found one sample along the axis, expected at least two"
                );
                Err(Mismatch::argument("command_list", found))
            }
            Operation::Sum { axis, .. } => Ok(match (x.rank, axis) {
                (2, Axis::Time) => Signature {
                    time: one,
                    rank: 1,
                    ..out
                },
                (2, Axis::Depth) => Signature {
                    depth: x.time.clone(),
                    time: one,
                    rank: 1,
                    ..out
                },
                _ => Signature {
                    depth: one,
                    rank: 0,
                    ..out
                },
            }),
            _ => Ok(out),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Operation::Abs => "abs",
            Operation::Normalize(_) => "normalize",
            Operation::Gaussian(_) => "gaussian_filter",
            Operation::Gradient(..) => "gradient",
            Operation::Threshold(_) => "threshold",
            Operation::Median(_) => "median_filter",
            Operation::Sum {
                percentage: true, ..
            } => "percentage_on",
            Operation::Sum { .. } => "sum",
        }
    }

    /// Applies it on a device; `flat` for a block of one dimension.
    fn record(&self, rec: &mut Recorder, x: Tensor, flat: bool) -> Option<Tensor> {
        let real = |rec: &mut Recorder, rule: Rule| map_like(rec, &rule, Element::Real);
        Some(match self {
            Operation::Abs => {
                let rule = "fn value(i: u32, j: u32) -> Y { return a_size(i, j); }";
                real(rec, Rule::new(rule, [x]))
            }
            Operation::Threshold(level) => {
                let rule = "fn value(i: u32, j: u32) -> Y { return select(real(0.0), real(1.0), a(i, j) > number(0u)); }";
                real(rec, Rule::new(rule, [x]).numbers([*level]))
            }
            Operation::Median(size) => {
                let size = if flat { (*size, 1) } else { (*size, *size) };
                kernels::median::filter(rec, x, size, Edge::Reflect)?
            }
            Operation::Gaussian(weights) => {
                let along = |rec: &mut Recorder, x, axis| {
                    let origin = weights.len() / 2;
                    kernels::stencil::correlate_along(rec, x, weights, origin, axis, Edge::Reflect)
                };
                let y = along(rec, x, 0);
                if flat { y } else { along(rec, y, 1) }
            }
            Operation::Normalize(axis) => {
                let item = "fn item(i: u32, j: u32) -> Y { return a_power(i, j); }\n";
                let root = kernels::fold::Fold {
                    finish: "fn finish(p: Y) -> Y { return sqrt(p); }\n",
                    ..kernels::fold::SUM
                };
                let axis = Some(axis.number());
                let size = kernels::fold::samples(rec, item, x, &[], root, axis, Element::Real);
                let rule = "\
fn value(i: u32, j: u32) -> Y {
    let size = b_wide(i, j);
    return a(i, j) / select(size, 1.0, size == 0.0);
}";
                real(rec, Rule::new(rule, [x, size]))
            }
            Operation::Gradient(axis, spacing) => {
                let rule = "\
fn value(i: u32, j: u32) -> Y {
    let t = place(i, j);
    let before = max(t, 1u) - 1u;
    let after = min(t + 1u, a_len() - 1u);
    return (a_at(i, j, after) - a_at(i, j, before)) / (number(0u) * real(after - before));
}";
                let rule = Rule::new(rule, [x]).numbers([*spacing]).axis(axis.number());
                real(rec, rule)
            }
            Operation::Sum { axis, percentage } => {
                let n = [x.rows(), x.cols()][axis.number()];
                let factor = if *percentage { 100.0 / n as f64 } else { 1.0 };
                let item = "fn item(i: u32, j: u32) -> Y { return a(i, j) * number(0u); }\n";
                let (sum, axis) = (kernels::fold::SUM, Some(axis.number()));
                let y = kernels::fold::samples(rec, item, x, &[factor], sum, axis, Element::Real);
                y.view(y.len(), 1, Element::Real)
            }
        })
    }

    /// Applies it to real samples; `flat` for a block of one dimension, `cut` where results lose their fractions, as distpy's masks do.
    fn apply<T: Real>(&self, x: Array2<T>, flat: bool, cut: bool) -> Array2<T> {
        let block = Block::real(x);
        let along = |axis: Axis, run: &dyn Fn(&Array2<T>) -> Array2<T>| {
            axis.along(&block, |block| Block::real(run(block.as_real())))
                .as_real()
                .clone()
        };
        let x = block.as_real();
        match self {
            Operation::Abs => x.mapv(|v| v.abs()),
            Operation::Threshold(level) => x.mapv(|v| {
                if v.wide() > *level {
                    T::one()
                } else {
                    T::zero()
                }
            }),
            Operation::Median(size) => {
                let size = if flat { (*size, 1) } else { (*size, *size) };
                median::median(x, size, Edge::Reflect)
            }
            Operation::Gaussian(weights) => {
                let stored = |y: Array2<T>| {
                    if cut {
                        y.mapv(|v| T::of(v.wide().trunc()))
                    } else {
                        y
                    }
                };
                let origin = weights.len() / 2;
                let y = stored(stencil::correlate_depth::<T, T>(
                    x,
                    weights,
                    origin,
                    Edge::Reflect,
                ));
                if flat {
                    return y;
                }
                stored(stencil::correlate_time::<T, T>(
                    &y,
                    weights,
                    origin,
                    Edge::Reflect,
                ))
            }
            Operation::Normalize(axis) => along(*axis, &normalized),
            Operation::Gradient(axis, spacing) => along(*axis, &|x| {
                rows::each(
                    x,
                    x.ncols(),
                    || (),
                    |row, out, ()| derivative(row, *spacing, out),
                )
            }),
            Operation::Sum { axis, percentage } => {
                let factor = match percentage {
                    true => {
                        100.0
                            / if *axis == Axis::Time {
                                x.ncols()
                            } else {
                                x.nrows()
                            } as f64
                    }
                    false => 1.0,
                };
                // The axis is dropped: what is left stands as a column.
                along(*axis, &|x| {
                    rows::column(x, |row| {
                        let wide: Vec<f64> = row.iter().map(|v| v.wide()).collect();
                        T::of(reduce::total(&wide) * factor)
                    })
                })
                .into_shape_with_order((
                    if *axis == Axis::Time {
                        x.nrows()
                    } else {
                        x.ncols()
                    },
                    1,
                ))
                .expect("one value for each position along the other axis")
            }
        }
    }
}

/// Rows by their Euclidean length; rows of zeros stay.
fn normalized<T: Real>(x: &Array2<T>) -> Array2<T> {
    rows::each(
        x,
        x.ncols(),
        || (),
        |row, out, ()| {
            let square: f64 = row.iter().map(|v| v.wide() * v.wide()).sum();
            let length = if square == 0.0 { 1.0 } else { square.sqrt() };
            for (to, v) in out.iter_mut().zip(row) {
                *to = T::of(v.wide() / length);
            }
        },
    )
}

/// Central differences, one-sided at the ends.
fn derivative<T: Real>(row: &[T], spacing: f64, out: &mut [T]) {
    let last = row.len() - 1;
    let step =
        |a: usize, b: usize| T::of((row[b].wide() - row[a].wide()) / (spacing * (b - a) as f64));
    for (t, to) in out.iter_mut().enumerate() {
        *to = step(t.saturating_sub(1), (t + 1).min(last));
    }
}

#[derive(Debug)]
struct Steps {
    steps: Vec<Operation>,
    /// Whether a filter of a mask gives a mask.
    cut: bool,
}

impl Kernel for Steps {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let mut x = inputs[0];
        let mut mask = false;
        let mut sums = 0;
        for step in &self.steps {
            if mask && self.cut && matches!(step, Operation::Gaussian(_)) {
                return None;
            }
            x = step.record(rec, x, sums > 0)?;
            sums += usize::from(matches!(step, Operation::Sum { .. }));
            mask = match step {
                Operation::Threshold(_) => true,
                Operation::Abs | Operation::Median(_) => mask,
                _ => false,
            };
        }
        if x == inputs[0] {
            let rule = "fn value(i: u32, j: u32) -> Y { return a_y(i, j); }";
            x = map_like(rec, &Rule::new(rule, [x]), Element::Real);
        }
        Some(x)
    }
}

impl<T: Real> Cpu<T> for Steps {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let mut mask = false;
        let mut sums = 0;
        let mut steps = self.steps.iter();
        let mut x = match &inputs[0].samples {
            Samples::Complex(a) => {
                steps.next();
                a.mapv(|v| v.re.hypot(v.im))
            }
            _ => inputs[0].as_real().clone(),
        };
        for step in steps {
            x = step.apply(x, sums > 0, mask && self.cut);
            sums += usize::from(matches!(step, Operation::Sum { .. }));
            mask = match step {
                Operation::Threshold(_) => true,
                Operation::Abs | Operation::Median(_) => mask,
                Operation::Gaussian(_) => mask && self.cut,
                _ => false,
            };
        }
        match mask {
            true => Block {
                samples: Samples::Mask(x.mapv(|v| v != T::zero())),
            },
            false => Block::real(x),
        }
    }
}
