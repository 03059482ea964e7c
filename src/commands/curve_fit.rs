//! `curve_fit`: fits a line, or one or two exponentials, to each time (or channel).

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt, TerminationReason};
use nalgebra::{DMatrix, DVector, Dyn, Owned};

use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "curve_fit",
    summary: "Fits a line, or one or two exponentials, along depth (or time): the curve, its coefficients, or what is left.",
    notes: "\
            Least squares. `x` is the distance from the first sample in metres (along time: in seconds). `lin_fit` is `a x + b` in closed \
            form; `exp_fit` is `a exp(b x) + c`, `sum2exp_fit` is `a exp(b x) + c exp(d x) + e`, by Levenberg and Marquardt's method \
            (MINPACK's, as `scipy.optimize.curve_fit`; with bounds in the variables of MINUIT, whose images stay inside). Where `initSlopes` \
            are not given, fits start from the best of a table of slopes, with the other coefficients by linear least squares. \
            What does not converge, or holds a NaN, becomes NaN. \
            Works on the CPU: each fit takes another number of steps, in double precision.\n\n\
            distpy has the command's code but does not know its name, so that its result is the input: in compat mode. Its text has bounds of \
            -5 to 0 and 0 to 400 by default, here there are none.",
    family: Family::Model,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(10.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[
        Example {
            args: r#"{"axis": 1, "output": "residual"}"#,
            inputs: &["1 2 3 4; 0 1 1 0"],
            output: "0 0 0 0; -0.5 0.5 0.5 -0.5",
        },
        Example {
            args: r#"{"output": "coefficients"}"#,
            inputs: &["5 0; 3 4; 1 8"],
            output: "-2 4; 5 0",
        },
        Example {
            args: r#"{"bounds": [[-1, null], [0, null]]}"#,
            inputs: &["5; 3; 1"],
            output: "4; 3; 2",
        },
    ],
};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// What is fitted.
    method: Method,
    /// 0 along depth, 1 (or -1) along time.
    axis: Axis,
    /// What the command gives.
    output: Output,
    /// First guess of the slopes: `b` of `exp_fit`, `b` and `d` of `sum2exp_fit` (in 1/s along time).
    #[serde(rename = "initSlopes")]
    #[schemars(extend("unit" = "1/m"))]
    init_slopes: Option<Vec<f64>>,
    /// The least and the largest values of the coefficients, `[[a, b, ...], [a, b, ...]]`; `null` for a coefficient without a bound.
    bounds: Option<[Vec<Option<f64>>; 2]>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            method: Method::Line,
            axis: Axis::Depth,
            output: Output::Fit,
            init_slopes: None,
            bounds: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
enum Method {
    /// A line.
    #[serde(rename = "lin_fit")]
    Line,
    /// An exponential and a constant.
    #[serde(rename = "exp_fit")]
    Exponential,
    /// Two exponentials and a constant.
    #[serde(rename = "sum2exp_fit")]
    TwoExponentials,
}

impl Method {
    fn coefficients(self) -> usize {
        match self {
            Method::Line => 2,
            Method::Exponential => 3,
            Method::TwoExponentials => 5,
        }
    }

    /// Which coefficients are slopes: they have the unit of 1/x.
    fn slopes(self) -> &'static [usize] {
        match self {
            Method::Line => &[],
            Method::Exponential => &[1],
            Method::TwoExponentials => &[1, 3],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Output {
    /// The fitted curve at each sample.
    Fit,
    /// `a`, `b`, ... in the place of the samples.
    Coefficients,
    /// The samples less the curve.
    Residual,
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    let slopes = args.method.slopes().len();
    let given = args.init_slopes.as_ref().map_or(slopes, Vec::len);
    // distpy's default has one slope for a line, which needs none.
    if given < slopes {
        let found = format!("found {given}, expected {slopes} for this method");
        return Err(ArgProblem::new("initSlopes", found));
    }
    if let Some(bounds) = &args.bounds {
        let count = args.method.coefficients();
        for (k, side) in bounds.iter().enumerate() {
            if side.len() != count {
                let found = format!("found {} values, expected {count}", side.len());
                return Err(ArgProblem::new(&format!("bounds[{k}]"), found));
            }
        }
        let pairs = bounds[0].iter().zip(&bounds[1]);
        for (k, (low, high)) in pairs.enumerate() {
            if let (Some(low), Some(high)) = (low, high)
                && low >= high
            {
                let found = format!("found {high}, expected more than the lower bound {low}");
                return Err(ArgProblem::new(&format!("bounds[1][{k}]"), found));
            }
        }
    }
    Ok(Command::Block(Arc::new(args)))
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let axis = self.axis.of(inputs[0]);
        let (n, count) = (axis.len(), self.method.coefficients());
        if n < count {
            let found = format!("found {n} samples along the axis, expected at least {count}");
            return Err(Mismatch::argument("method", found));
        }
        let x: Vec<f64> = axis.values.iter().map(|v| v - axis.values[0]).collect();
        let extent = x.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
        if !(extent > 0.0 && extent.is_finite()) {
            return Err(Mismatch::input("found equal positions along the axis"));
        }
        let input = inputs[0].of_kind(Kind::Real);
        let signature = match self.output {
            Output::Fit | Output::Residual => input,
            Output::Coefficients => self.axis.replaced(&input, Coords::index(count)),
        };
        let kernel = Fit {
            method: self.method,
            axis: self.axis,
            output: self.output,
            // Slopes and positions of order one condition the problem.
            x: x.iter().map(|v| v / extent).collect(),
            extent,
            limits: self.limits(extent),
            starts: self.starts(&x, extent),
        };
        Ok(Prepared::new(signature, self.axis.rows(), kernel).across(self.axis))
    }
}

impl Args {
    /// The bounds of each coefficient, of slopes for positions from 0 to 1.
    fn limits(&self, extent: f64) -> Vec<Limits> {
        let none = || vec![None; self.method.coefficients()];
        let [low, high] = self.bounds.clone().unwrap_or_else(|| [none(), none()]);
        let unit = |k: usize| match self.method {
            Method::Line if k == 0 => extent,
            _ if self.method.slopes().contains(&k) => extent,
            _ => 1.0,
        };
        let pairs = low.into_iter().zip(high).enumerate();
        pairs
            .map(|(k, (low, high))| Limits {
                low: low.map_or(f64::NEG_INFINITY, |v| v * unit(k)),
                high: high.map_or(f64::INFINITY, |v| v * unit(k)),
            })
            .collect()
    }

    /// Where fits may start.
    fn starts(&self, x: &[f64], extent: f64) -> Vec<Start> {
        let x: Vec<f64> = x.iter().map(|v| v / extent).collect();
        let count = self.method.slopes().len();
        let table: Vec<Vec<f64>> = match (&self.init_slopes, self.method) {
            (_, Method::Line) => Vec::new(),
            (Some(slopes), _) => vec![slopes[..count].iter().map(|v| v * extent).collect()],
            (None, Method::Exponential) => TABLE.iter().map(|&b| vec![b]).collect(),
            (None, Method::TwoExponentials) => {
                let pairs = TABLE
                    .iter()
                    .enumerate()
                    .flat_map(|(k, &b)| TABLE[k + 1..].iter().map(move |&d| vec![b, d]));
                pairs.collect()
            }
        };
        table
            .into_iter()
            .map(|slopes| Start::new(&x, slopes))
            .collect()
    }
}

/// Slopes over the axis' extent that fits are started from: one decay within a thirtieth of it to a third of one.
const TABLE: [f64; 10] = [-30.0, -10.0, -3.0, -1.0, -0.3, 0.3, 1.0, 3.0, 10.0, 30.0];

/// Slopes, with what finds the other coefficients by linear least squares.
#[derive(Debug)]
struct Start {
    slopes: Vec<f64>,
    /// Orthonormal columns that span the exponentials and the constant.
    basis: DMatrix<f64>,
    /// From coefficients of exponentials and constant to those of the basis.
    upper: DMatrix<f64>,
}

impl Start {
    fn new(x: &[f64], slopes: Vec<f64>) -> Self {
        let columns = slopes.len() + 1;
        let functions = DMatrix::from_fn(x.len(), columns, |t, k| {
            slopes.get(k).map_or(1.0, |slope| (slope * x[t]).exp())
        });
        let qr = functions.qr();
        Self {
            slopes,
            basis: qr.q(),
            upper: qr.r(),
        }
    }

    /// How much of the data's sum of squares it explains.
    fn explained(&self, y: &DVector<f64>) -> f64 {
        self.basis.tr_mul(y).norm_squared()
    }

    /// All coefficients, those of slopes too.
    fn coefficients(&self, y: &DVector<f64>) -> Option<Vec<f64>> {
        let linear = self.upper.solve_upper_triangular(&self.basis.tr_mul(y))?;
        let exponentials = self.slopes.iter().zip(linear.iter());
        let exponentials = exponentials.flat_map(|(&slope, &factor)| [factor, slope]);
        Some(
            exponentials
                .chain(linear.iter().next_back().copied())
                .collect(),
        )
    }
}

/// Bounds of a coefficient, which may be infinite, and the variable that the fit moves freely: MINUIT's transformation.
#[derive(Debug, Clone, Copy)]
struct Limits {
    low: f64,
    high: f64,
}

impl Limits {
    /// The coefficient for a value of the free variable, with its derivative.
    fn inside(self, free: f64) -> (f64, f64) {
        match (self.low.is_finite(), self.high.is_finite()) {
            (false, false) => (free, 1.0),
            (true, true) => {
                let half = 0.5 * (self.high - self.low);
                (self.low + half * (free.sin() + 1.0), half * free.cos())
            }
            (true, false) => {
                let root = free.hypot(1.0);
                (self.low - 1.0 + root, free / root)
            }
            (false, true) => {
                let root = free.hypot(1.0);
                (self.high + 1.0 - root, -free / root)
            }
        }
    }

    /// The free variable for a coefficient, which is moved off the bounds: the derivative is zero there.
    fn free(self, coefficient: f64) -> f64 {
        match (self.low.is_finite(), self.high.is_finite()) {
            (false, false) => coefficient,
            (true, true) => {
                let share = 2.0 * (coefficient - self.low) / (self.high - self.low) - 1.0;
                share.clamp(-0.98, 0.98).asin()
            }
            (true, false) => self.distance(coefficient - self.low),
            (false, true) => self.distance(self.high - coefficient),
        }
    }

    fn distance(self, distance: f64) -> f64 {
        let root = distance.max(1e-2) + 1.0;
        (root * root - 1.0).sqrt()
    }

    fn clamp(self, coefficient: f64) -> f64 {
        coefficient.clamp(self.low, self.high)
    }

    fn holds(self, coefficient: f64) -> bool {
        (self.low..=self.high).contains(&coefficient)
    }
}

#[derive(Debug)]
struct Fit {
    method: Method,
    axis: Axis,
    output: Output,
    /// Positions from 0 to 1.
    x: Vec<f64>,
    /// Their extent in the axis' unit.
    extent: f64,
    limits: Vec<Limits>,
    starts: Vec<Start>,
}

impl Kernel for Fit {}

impl<T: Real> Cpu<T> for Fit {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.axis.along(inputs[0], |block| {
            let x = block.as_real();
            let cols = match self.output {
                Output::Fit | Output::Residual => x.ncols(),
                Output::Coefficients => self.method.coefficients(),
            };
            Block::real(rows::each(
                x,
                cols,
                || (),
                |row, out, ()| self.row(row, out),
            ))
        })
    }
}

impl Fit {
    fn row<T: Real>(&self, row: &[T], out: &mut [T]) {
        let y = DVector::from_iterator(row.len(), row.iter().map(|v| v.wide()));
        let found = match self.method {
            _ if y.iter().any(|v| !v.is_finite()) => None,
            Method::Line => Some(self.line(&y)),
            Method::Exponential | Method::TwoExponentials => self.exponentials(&y),
        };
        let Some(found) = found else {
            out.fill(T::of(f64::NAN));
            return;
        };
        match self.output {
            Output::Coefficients => {
                for (k, (to, &value)) in out.iter_mut().zip(&found).enumerate() {
                    let slope = match self.method {
                        Method::Line => k == 0,
                        _ => self.method.slopes().contains(&k),
                    };
                    *to = T::of(if slope { value / self.extent } else { value });
                }
            }
            Output::Fit => {
                for (to, &x) in out.iter_mut().zip(&self.x) {
                    *to = T::of(self.at(x, &found));
                }
            }
            Output::Residual => {
                for ((to, &x), y) in out.iter_mut().zip(&self.x).zip(row) {
                    *to = T::of(y.wide() - self.at(x, &found));
                }
            }
        }
    }

    fn at(&self, x: f64, p: &[f64]) -> f64 {
        match self.method {
            Method::Line => p[0] * x + p[1],
            Method::Exponential => p[0] * (p[1] * x).exp() + p[2],
            Method::TwoExponentials => p[0] * (p[1] * x).exp() + p[2] * (p[3] * x).exp() + p[4],
        }
    }

    /// Slope and value at the first sample.
    fn line(&self, y: &DVector<f64>) -> Vec<f64> {
        let n = y.len() as f64;
        let (mean_x, mean_y) = (self.x.iter().sum::<f64>() / n, y.mean());
        let pairs = || self.x.iter().zip(y.iter());
        let covariance: f64 = pairs().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let variance: f64 = self.x.iter().map(|x| (x - mean_x) * (x - mean_x)).sum();
        let slope = covariance / variance;
        let free = vec![slope, mean_y - slope * mean_x];
        let [a, b] = [self.limits[0], self.limits[1]];
        if a.holds(free[0]) && b.holds(free[1]) {
            return free;
        }
        // The problem is convex: its solution lies on a bound that the free one breaks, with the other coefficient the best there.
        let squares: f64 = self.x.iter().map(|x| x * x).sum();
        let products: f64 = pairs().map(|(x, y)| x * y).sum();
        let sum: f64 = self.x.iter().sum();
        let on_slope = [a.low, a.high].map(|fixed| [fixed, b.clamp(mean_y - fixed * mean_x)]);
        let on_value =
            [b.low, b.high].map(|fixed| [a.clamp((products - fixed * sum) / squares), fixed]);
        let misfit = |p: &[f64; 2]| -> f64 {
            let residuals = pairs().map(|(x, y)| p[0] * x + p[1] - y);
            residuals.map(|r| r * r).sum()
        };
        let candidates = on_slope.into_iter().chain(on_value);
        let candidates = candidates.filter(|p| p.iter().all(|v| v.is_finite()));
        let best = candidates.min_by(|p, q| misfit(p).total_cmp(&misfit(q)));
        best.map_or(free, |p| p.to_vec())
    }

    fn exponentials(&self, y: &DVector<f64>) -> Option<Vec<f64>> {
        // Samples of order one, and so factors: the variables of one-sided bounds have a scale.
        let scale = Some(y.amax()).filter(|&largest| largest > 0.0);
        let scale = scale.unwrap_or(1.0);
        let scales = |k: usize| match self.method.slopes().contains(&k) {
            true => 1.0,
            false => scale,
        };
        let y = y / scale;
        let start = self
            .starts
            .iter()
            .max_by(|p, q| p.explained(&y).total_cmp(&q.explained(&y)))?;
        let start = start.coefficients(&y)?;
        let limits = self.limits.iter().enumerate();
        let limits: Vec<Limits> = limits
            .map(|(k, l)| Limits {
                low: l.low / scales(k),
                high: l.high / scales(k),
            })
            .collect();
        let free = start.iter().zip(&limits).map(|(&v, l)| l.free(v));
        let problem = Problem {
            free: DVector::from_iterator(start.len(), free),
            fit: self,
            limits,
            y,
        };
        let (solved, report) = LevenbergMarquardt::new()
            .with_patience(PATIENCE)
            .minimize(problem);
        let converged = match report.termination {
            // As close as double precision gets.
            TerminationReason::NoImprovementPossible(_) => true,
            reason => reason.was_successful(),
        };
        let found = solved.coefficients().into_iter().enumerate();
        let found: Vec<f64> = found.map(|(k, v)| v * scales(k)).collect();
        (converged && found.iter().all(|v| v.is_finite())).then_some(found)
    }
}

/// Evaluations for each coefficient after which a fit counts as not converging: scipy's limit.
const PATIENCE: usize = 200;

/// One row's problem.
struct Problem<'a> {
    fit: &'a Fit,
    limits: Vec<Limits>,
    free: DVector<f64>,
    y: DVector<f64>,
}

impl Problem<'_> {
    fn coefficients(&self) -> Vec<f64> {
        let pairs = self.free.iter().zip(&self.limits);
        pairs.map(|(&free, limits)| limits.inside(free).0).collect()
    }
}

impl LeastSquaresProblem<f64, Dyn, Dyn> for Problem<'_> {
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, Dyn>;
    type ParameterStorage = Owned<f64, Dyn>;

    fn set_params(&mut self, free: &DVector<f64>) {
        self.free.copy_from(free);
    }

    fn params(&self) -> DVector<f64> {
        self.free.clone()
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        let p = self.coefficients();
        let pairs = self.fit.x.iter().zip(self.y.iter());
        let residuals = pairs.map(|(&x, y)| self.fit.at(x, &p) - y);
        Some(DVector::from_iterator(self.y.len(), residuals))
    }

    fn jacobian(&self) -> Option<DMatrix<f64>> {
        let p = self.coefficients();
        let pairs = self.free.iter().zip(&self.limits);
        let inner: Vec<f64> = pairs.map(|(&free, limits)| limits.inside(free).1).collect();
        let mut out = DMatrix::from_element(self.y.len(), p.len(), inner[p.len() - 1]);
        // Pairs of factor and slope, then the constant.
        for k in (0..p.len() - 1).step_by(2) {
            for (t, &x) in self.fit.x.iter().enumerate() {
                let value = (p[k + 1] * x).exp();
                out[(t, k)] = value * inner[k];
                out[(t, k + 1)] = p[k] * x * value * inner[k + 1];
            }
        }
        Some(out)
    }
}
