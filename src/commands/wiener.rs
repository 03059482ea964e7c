//! `wiener`: Wiener's adaptive noise filter, `y = m + (x - m) (1 - noise / v)` with mean `m` and variance `v` of the window about
//! each sample, and `y = m` where `v` is not above the noise (`scipy.signal.wiener`).

use crate::command::prelude::*;
use crate::dsp::reduce;
use crate::dsp::window::{self, Window};

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
        Ok(Prepared::new(x.of_kind(Kind::Real), Rows::Coupled, kernel))
    }
}

#[derive(Debug)]
struct Adaptive {
    args: Args,
    compat: bool,
}

impl Kernel for Adaptive {}

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
