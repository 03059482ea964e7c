//! `mean`: arithmetic mean along an axis.

use crate::command::prelude::*;
use crate::dsp::reduce::{self, Summand};
use crate::gpu::kernels;

/// The command.
pub static SPEC: Spec = Spec {
    name: "mean",
    summary: "Arithmetic mean along an axis, which stays with length 1.",
    notes: "",
    family: Family::Statistic,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(1.0),
    schema: schema_of::<Args>,
    build: |args| {
        Ok(Command::Block(Arc::new(Reduce::new(
            parse(args)?,
            Scale::Count,
        )?)))
    },
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 2 3; 4 5 6"],
            output: "2; 5",
        },
        Example {
            args: r#"{"axis": 0}"#,
            inputs: &["1 2 3; 4 5 6"],
            output: "2.5 3.5 4.5",
        },
        Example {
            args: r#"{"axis": null}"#,
            inputs: &["1 2 3; 4 5 6"],
            output: "3.5",
        },
    ],
};

/// Arguments of a reduction.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Args {
    /// 1 (or -1) along time, 0 along depth, null over the whole block.
    #[schemars(range(min = -2, max = 1))]
    axis: Option<i64>,
}

impl Args {
    /// 1 along time, 0 along depth, none over the whole block.
    pub(super) fn axis(&self) -> Option<usize> {
        self.axis.map(|axis| axis.rem_euclid(2) as usize)
    }
}

impl Default for Args {
    fn default() -> Self {
        Self { axis: Some(1) }
    }
}

/// What a sum is divided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Nothing.
    One,
    /// The number of samples summed.
    Count,
}

/// A sum along an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reduce {
    axis: Option<usize>,
    scale: Scale,
    /// Whether sums round as numpy's do in single precision.
    single: bool,
}

impl Reduce {
    pub(super) fn new(args: Args, scale: Scale) -> Result<Self, ArgProblem> {
        Ok(Self {
            axis: args.axis(),
            scale,
            single: false,
        })
    }

    fn factor(&self, rows: usize, cols: usize) -> f64 {
        match (self.scale, self.axis) {
            (Scale::One, _) => 1.0,
            (Scale::Count, Some(1)) => 1.0 / cols as f64,
            (Scale::Count, Some(_)) => 1.0 / rows as f64,
            (Scale::Count, None) => 1.0 / (rows * cols) as f64,
        }
    }

    /// numpy's result for single-precision samples, which both precisions here hold exactly.
    fn apply_single<T: Real>(&self, x: &Array2<T>) -> Array2<T> {
        let sums = reduce::numpy_single(&x.mapv(|v| v.wide() as f32), self.axis);
        let count = (1.0 / self.factor(x.nrows(), x.ncols())) as f32;
        sums.mapv(|sum| T::of(f64::from(sum / count)))
    }

    fn apply<S: Summand>(&self, x: &Array2<S>) -> Array2<S> {
        reduce::sum(x, self.axis, self.factor(x.nrows(), x.ncols()))
    }
}

impl BlockCommand for Reduce {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0].require_numbers()?;
        let one = Coords::index(1);
        let (depth, time, rows) = match self.axis {
            Some(1) => (x.depth.clone(), one, Rows::Independent),
            Some(_) => (one, x.time.clone(), Rows::Coupled),
            None => (one.clone(), one, Rows::Coupled),
        };
        let prepared = Prepared::new(
            Signature {
                kind: x.kind,
                depth,
                time,
                rank: 2,
                held: if x.held == Held::Single {
                    Held::Single
                } else {
                    Held::Double
                },
            },
            rows,
            Self {
                single: x.held == Held::Single
                    && x.kind == Kind::Real
                    && env.compat == Compat::Distpy,
                ..*self
            },
        );
        // Along depth each time is by itself.
        Ok(match self.axis {
            Some(0) => prepared.near(Axis::Time, 0, 0),
            _ => prepared,
        })
    }
}

impl Kernel for Reduce {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        Some(match self.scale {
            Scale::One => kernels::fold::sum(rec, inputs[0], self.axis),
            Scale::Count => kernels::fold::mean(rec, inputs[0], self.axis),
        })
    }
}

impl<T: Real> Cpu<T> for Reduce
where
    T: Summand,
    Complex<T>: Summand,
{
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        match &inputs[0].samples {
            Samples::Complex(x) => Block::complex(self.apply(x)),
            Samples::Real(x) if self.single => Block::real(self.apply_single(x)),
            _ => Block::real(self.apply(inputs[0].as_real())),
        }
    }
}
