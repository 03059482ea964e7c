//! `wiener`: Wiener's adaptive noise filter, `y = m + (x - m) (1 - noise / v)` with mean `m` and variance `v` of the window about
//! each sample, and `y = m` where `v` is not above the noise (`scipy.signal.wiener`).

use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::reduce;
use crate::dsp::window::{self, Window};
use crate::gpu::kernels::window::Join;

/// The command.
pub static SPEC: Spec = Spec {
    name: "wiener",
    summary: "Wiener's adaptive filter: smooths where the local variance is that of noise, keeps what stands out.",
    notes: "\
            Wiener's adaptive noise filter, `y = m + (x - m) (1 - noise / v)` with mean `m` and variance `v` of the window \
            about each sample, and `y = m` where `v` is not above the noise (`scipy.signal.wiener`).\n\n\
            The noise is given, or the mean of all variances. At the ends mean and variance are those of the samples that \
            exist; scipy, and so distpy, divides by the window's full size there, which darkens the edges, and has NaN where \
            a variance is zero: in compat mode. A NaN reaches the windows that hold it, and through the noise everything \
            unless the noise is given. The cost does not depend on the window.",
    family: Family::Filter,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(40.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"xdir": 1, "tdir": 3, "noisePower": 2}"#,
        inputs: &["0 0 6 0 0"],
        output: "0 0.5 5 0.5 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
struct Args {
    /// Size of the window along depth.
    #[schemars(range(min = 1, max = 10000000), extend("unit" = "channels"))]
    xdir: usize,
    /// Size of the window along time.
    #[schemars(range(min = 1, max = 10000000), extend("unit" = "samples"))]
    tdir: usize,
    /// Variance of the noise, in the squared unit of the data; null for the mean of the local variances.
    #[schemars(range(min = 0.0))]
    noise_power: Option<f64>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            xdir: 5,
            tdir: 5,
            noise_power: None,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        x.require_window(env, "xdir", self.xdir, Axis::Depth)?;
        x.require_window(env, "tdir", self.tdir, Axis::Time)?;
        let kernel = Adaptive {
            args: *self,
            compat: env.compat == Compat::Distpy,
        };
        let prepared = Prepared::new(x.of_kind(Kind::Real), Rows::Coupled, kernel);
        let window = Window::centred(self.tdir);
        Ok(match self.noise_power {
            Some(_) => prepared.near(Axis::Time, window.before, window.after()),
            // Without it the noise is that of the whole chunk.
            None => prepared,
        })
    }
}

#[derive(Debug)]
struct Adaptive {
    args: Args,
    compat: bool,
}

impl Kernel for Adaptive {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let (rows, cols) = (x.rows(), x.cols());
        // Averages of numbers about zero, without those that are none.
        let offset = match self.compat {
            true => rec.table_real(&[0.0]),
            false => {
                let item = "\
fn item(i: u32, j: u32) -> Y {
    let v = a(i, j);
    return select(vec2<real>(v, 1.0), vec2<real>(0.0, 0.0), is_nan(v - v));
}\n";
                let sum = kernels::fold::SUM;
                let sum = kernels::fold::samples(rec, item, x, &[], sum, None, Element::Complex);
                let rule =
                    "fn value(i: u32, j: u32) -> Y { return a(0u, 0u).x / max(a(0u, 0u).y, 1.0); }";
                map_like(rec, &Rule::new(rule, [sum]), Element::Real)
            }
        };
        let rule = "fn value(i: u32, j: u32) -> Y { return a(i, j) - b(0u, 0u); }";
        let centred = map_like(rec, &Rule::new(rule, [x, offset]), Element::Real);
        let rule = "fn value(i: u32, j: u32) -> Y { return a_power(i, j); }";
        let squares = map_like(rec, &Rule::new(rule, [centred]), Element::Real);
        let windows = [self.args.xdir, self.args.tdir].map(Window::centred);
        let mut sums = |x: Tensor| {
            let along = kernels::window::windows(rec, x, windows[1], Edge::Constant, Join::Sum, 1);
            kernels::window::windows(rec, along, windows[0], Edge::Constant, Join::Sum, 0)
        };
        let (sum, square) = (sums(centred), sums(squares));
        // The mean and the variance of each window, side by side.
        let rule = "\
fn count(t: u32, n: u32, k: u32) -> u32 {
    if word(4u) == 1u {
        return word(k) + word(k + 1u);
    }
    return min(t + word(k + 1u), n) - (t - min(t, word(k)));
}
fn value(i: u32, j: u32) -> Y {
    let size = real(count(i, a_rows(), 0u) * count(j, a_cols(), 2u));
    let mean = a(i, j) / size;
    return Y(mean, b(i, j) / size - mean * mean);
}";
        let [down, along] = windows.map(|w| [w.before, w.length - w.before]);
        let rule = Rule::new(rule, [sum, square]).words([
            down[0],
            down[1],
            along[0],
            along[1],
            usize::from(self.compat),
        ]);
        let local = map_like(rec, &rule, Element::Complex);
        let noise = match self.args.noise_power {
            Some(power) => rec.table_real(&[power]),
            None => {
                let item = "fn item(i: u32, j: u32) -> Y { return a(i, j).y; }\n";
                let count = (rows * cols) as f64;
                let mean = kernels::fold::MEAN;
                kernels::fold::samples(rec, item, local, &[count], mean, None, Element::Real)
            }
        };
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let mean = b(i, j).x;
    let variance = b(i, j).y;
    let noise = c(0u, 0u);
    let calm = variance < noise || (word(0u) == 0u && variance == noise);
    let rest = (a(i, j) - mean) * (1.0 - noise / variance);
    return mean + select(rest, 0.0, calm) + d(0u, 0u);
}";
        let rule =
            Rule::new(rule, [centred, local, noise, offset]).words([usize::from(self.compat)]);
        Some(map_like(rec, &rule, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Adaptive {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        let (rows, cols) = x.dim();
        // A constant more or less changes nothing, except that variances keep their digits about zero.
        let offset = match self.compat {
            true => 0.0,
            false => {
                let wide: Vec<f64> = x
                    .iter()
                    .map(|v| v.wide())
                    .filter(|v| v.is_finite())
                    .collect();
                reduce::total(&wide) / (wide.len().max(1) as f64)
            }
        };
        let centred = x.mapv(|v| v.wide() - offset);
        let windows = (
            Window::centred(self.args.xdir),
            Window::centred(self.args.tdir),
        );
        let mut mean = window::box_sums(&centred, windows);
        let mut variance = window::box_sums(&centred.mapv(|v| v * v), windows);
        let count = |window: Window, at: usize, n: usize| match self.compat {
            true => window.length as f64,
            false => {
                let after = window.length - window.before;
                ((at + after).min(n) - at.saturating_sub(window.before)) as f64
            }
        };
        for ((i, t), mean) in mean.indexed_iter_mut() {
            let size = count(windows.0, i, rows) * count(windows.1, t, cols);
            *mean /= size;
            let v = &mut variance[(i, t)];
            *v = *v / size - *mean * *mean;
        }
        let all =
            || reduce::total(variance.as_slice().expect("contiguous")) / variance.len() as f64;
        let noise = self.args.noise_power.unwrap_or_else(all);
        let filtered = |(i, t): (usize, usize)| {
            let (m, v) = (mean[(i, t)], variance[(i, t)]);
            let smooth = if self.compat { v < noise } else { v <= noise };
            let y = if smooth {
                m
            } else {
                m + (centred[(i, t)] - m) * (1.0 - noise / v)
            };
            T::of(y + offset)
        };
        Block::real(Array2::from_shape_fn((rows, cols), filtered))
    }
}
