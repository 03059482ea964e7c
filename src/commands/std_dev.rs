//! `std_dev`: standard deviation along an axis.

use crate::command::prelude::*;
use crate::dsp::reduce::{self, Summand};

/// The command.
pub static SPEC: Spec = Spec {
    name: "std_dev",
    summary: "Standard deviation (of the population) along an axis, which stays with length 1.",
    notes: "\
            The population's, `sqrt(mean |x - m|^2)`, computed in two passes: a large mean costs no digits. A NaN makes its \
            row NaN.",
    family: Family::Statistic,
    kinds: TO_REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(4.0),
    schema: schema_of::<super::mean::Args>,
    build: |args| {
        let args: super::mean::Args = parse(args)?;
        Ok(Command::Block(Arc::new(StdDev(args.axis()))))
    },
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 2 3 4; 5 5 5 5"],
            output: "1.118033988749895; 0",
        },
        Example {
            args: r#"{"axis": null}"#,
            inputs: &["1 3; 3 1"],
            output: "1",
        },
    ],
};

#[derive(Debug)]
struct StdDev(Option<usize>);

impl BlockCommand for StdDev {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let one = Coords::index(1);
        let (depth, time, rows) = match self.0 {
            Some(1) => (x.depth.clone(), one, Rows::Independent),
            Some(_) => (one, x.time.clone(), Rows::Coupled),
            None => (one.clone(), one, Rows::Coupled),
        };
        let single = x.held == Held::Single && x.kind == Kind::Real;
        let signature = Signature {
            kind: Kind::Real,
            depth,
            time,
            rank: 2,
            held: if single { Held::Single } else { Held::Double },
        };
        let kernel = Deviation {
            axis: self.0,
            single: single && env.compat == Compat::Distpy,
        };
        let prepared = Prepared::new(signature, rows, kernel);
        // Along depth each time is by itself.
        Ok(match self.0 {
            Some(0) => prepared.near(Axis::Time, 0, 0),
            _ => prepared,
        })
    }
}

#[derive(Debug)]
struct Deviation {
    axis: Option<usize>,
    /// Whether to round as numpy does in single precision.
    single: bool,
}

impl Deviation {
    fn of<S: Summand>(
        &self,
        x: &Array2<S>,
        square: impl Fn(S, S) -> f64 + Sync + Send,
    ) -> Array2<f64> {
        let count = match self.axis {
            Some(1) => x.ncols(),
            Some(_) => x.nrows(),
            None => x.len(),
        };
        let means = reduce::sum(x, self.axis, 1.0 / count as f64);
        let means = means.broadcast(x.dim()).expect("the axis has length 1");
        let mut squares = Array2::<f64>::zeros(x.dim());
        ndarray::Zip::from(&mut squares)
            .and(x)
            .and(means)
            .for_each(|to, &v, &mean| *to = square(v, mean));
        reduce::sum(&squares, self.axis, 1.0 / count as f64).mapv(f64::sqrt)
    }

    fn single(&self, x: &Array2<f32>) -> Array2<f32> {
        let mean = |x: &Array2<f32>| {
            let sums = reduce::numpy_single(x, self.axis);
            let count = (x.len() / sums.len()) as f32;
            sums.mapv(|sum| sum / count)
        };
        let centred = x - &mean(x);
        mean(&centred.mapv(|v| v * v)).mapv(f32::sqrt)
    }
}

impl Kernel for Deviation {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let (x, axis) = match self.axis {
            None => (
                inputs[0].view(1, inputs[0].len(), inputs[0].element()),
                Some(1),
            ),
            axis => (inputs[0], axis),
        };
        let axis = axis.unwrap_or(1);
        let mean = kernels::fold::mean(rec, x, Some(axis));
        // The mean of a large offset is rounded: what is left of it is taken out too.
        let shape = (x.rows(), x.cols());
        let count = [x.rows(), x.cols()][axis] as f64;
        let item = "fn item(i: u32, j: u32) -> Y { return a(i, j) - b_wide(i, j); }\n";
        let rule = Rule::new(item, [x, mean]).numbers([count]);
        let rest = kernels::fold::fold(rec, &rule, kernels::fold::MEAN, shape, axis, x.element());
        let item = match x.element() {
            Element::Complex => {
                "\
fn item(i: u32, j: u32) -> Y { let d = (a(i, j) - b_wide(i, j)) - c_wide(i, j); return dot(d, d); }\n"
            }
            _ => {
                "\
fn item(i: u32, j: u32) -> Y { let d = (a(i, j) - b_wide(i, j)) - c_wide(i, j); return d * d; }\n"
            }
        };
        let rule = Rule::new(item, [x, mean, rest]).numbers([count]);
        let root = kernels::fold::Fold {
            finish: "fn finish(p: Y) -> Y { return sqrt(p / number(0u)); }\n",
            ..kernels::fold::SUM
        };
        Some(kernels::fold::fold(
            rec,
            &rule,
            root,
            shape,
            axis,
            Element::Real,
        ))
    }
}

impl<T: Real + Summand> Cpu<T> for Deviation
where
    Complex<T>: Summand,
{
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let deviations = match &inputs[0].samples {
            Samples::Complex(x) => self.of(x, |v, mean| {
                let (re, im) = (v.re.wide() - mean.re.wide(), v.im.wide() - mean.im.wide());
                re * re + im * im
            }),
            Samples::Real(x) if self.single => {
                self.single(&x.mapv(|v| v.wide() as f32)).mapv(f64::from)
            }
            _ => self.of(inputs[0].as_real(), |v, mean| {
                let d = v.wide() - mean.wide();
                d * d
            }),
        };
        Block::real(deviations.mapv(T::of))
    }
}
