//! `gaussian`: Gaussian smoothing, or derivatives of it, along both axes, as `scipy.ndimage.gaussian_filter`.

use crate::block::numbers;
use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::stencil::{self, Weighted};

/// The command.
pub static SPEC: Spec = Spec {
    name: "gaussian",
    summary: "Smooths with a Gaussian along depth and time, or takes derivatives of the smoothed data.",
    notes: "\
            Gaussian smoothing, or derivatives of it, along both axes, as `scipy.ndimage.gaussian_filter`.\n\n\
            A Gaussian cut at four standard deviations; of order `k` its derivative. distpy's default is the fifth \
            derivative along both axes, not a blur: in compat mode. A NaN reaches the samples within the kernel.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(36.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"xsigma": 0, "tsigma": 0.3}"#,
        inputs: &["0 0 1 0 0"],
        output: "0 0.0038362587991689332 0.992327482401662 0.0038362587991689332 0",
    }],
};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Standard deviation along depth; 0 leaves depth alone.
    #[schemars(range(min = 0.0, max = 10000.0), extend("unit" = "channels"))]
    xsigma: f64,
    /// Standard deviation along time; 0 leaves time alone.
    #[schemars(range(min = 0.0, max = 1000000.0), extend("unit" = "samples"))]
    tsigma: f64,
    /// Order of the derivative along depth; null for 0, smoothing (5 in compat mode).
    #[schemars(range(min = 0, max = 10))]
    xorder: Option<usize>,
    /// Order of the derivative along time; null for 0, smoothing (5 in compat mode).
    #[schemars(range(min = 0, max = 10))]
    torder: Option<usize>,
    /// What lies beyond the ends.
    mode: Edge,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            xsigma: 1.0,
            tsigma: 1.0,
            xorder: None,
            torder: None,
            mode: Edge::Constant,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let compat = env.compat == Compat::Distpy;
        let default = if compat { 5 } else { 0 };
        let weights = |sigma: f64, order: Option<usize>| {
            // scipy's own limit.
            (sigma > 1e-15).then(|| stencil::gaussian(sigma, order.unwrap_or(default)))
        };
        let kernel = Smooth {
            depth: weights(self.xsigma, self.xorder),
            time: weights(self.tsigma, self.torder),
            edge: self.mode,
            settled: Settled::of(env, x),
        };
        let reach = kernel.depth.as_ref().map_or(0, |weights| weights.len() / 2);
        let rows = Rows::near(reach, self.mode);
        let time = kernel.time.as_ref().map_or(0, |weights| weights.len() / 2);
        let prepared = Prepared::new(kernel.settled.signature(x), rows, kernel);
        Ok(prepared.near(Axis::Time, time, time))
    }
}

#[derive(Debug)]
struct Smooth {
    depth: Option<Vec<f64>>,
    time: Option<Vec<f64>>,
    edge: Edge,
    settled: Settled,
}

impl Smooth {
    fn apply<T: Real, S: Weighted<T> + Settle>(&self, x: &Array2<S>) -> Array2<S> {
        let depth = self.depth.as_ref().map(|weights| {
            let mut y = stencil::correlate_depth::<T, S>(x, weights, weights.len() / 2, self.edge);
            self.settled.apply(&mut y);
            y
        });
        let x = depth.as_ref().unwrap_or(x);
        match &self.time {
            Some(weights) => {
                let mut y =
                    stencil::correlate_time::<T, S>(x, weights, weights.len() / 2, self.edge);
                self.settled.apply(&mut y);
                y
            }
            None => x.clone(),
        }
    }
}

impl Kernel for Smooth {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        if !self.settled.on_device() {
            return None;
        }
        let mut y = inputs[0];
        for (axis, weights) in [&self.depth, &self.time].into_iter().enumerate() {
            if let Some(weights) = weights {
                let origin = weights.len() / 2;
                y = kernels::stencil::correlate_along(rec, y, weights, origin, axis, self.edge);
            }
        }
        let copy = Rule::new("fn value(i: u32, j: u32) -> Y { return a(i, j); }", [y]);
        Some(if y == inputs[0] {
            map_like(rec, &copy, y.element())
        } else {
            y
        })
    }
}

impl<T: Real + Settle> Cpu<T> for Smooth
where
    Complex<T>: Settle,
{
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        Block {
            samples: numbers!(&inputs[0].samples, x => self.apply::<T, _>(x)),
        }
    }
}

/// How scipy's filters store their results: in the type of the input. Integers lose their fractions, and intermediate results
/// are stored too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled(Held);

impl Settled {
    pub(super) fn of(env: &Env, x: &Signature) -> Self {
        match env.compat {
            Compat::Exact => Self(Held::Double),
            Compat::Distpy => Self(x.held),
        }
    }

    pub(super) fn signature(self, x: &Signature) -> Signature {
        Signature {
            held: self.0,
            ..x.clone()
        }
    }

    /// Whether a device stores them so: it has single precision anyway.
    pub(super) fn on_device(self) -> bool {
        self.0 != Held::Integer
    }

    pub(super) fn apply<S: Settle>(self, x: &mut Array2<S>) {
        match self.0 {
            Held::Double => {}
            Held::Single => x.mapv_inplace(Settle::single),
            Held::Integer => x.mapv_inplace(Settle::whole),
        }
    }
}

/// A sample that can be stored in another type.
pub(super) trait Settle: Copy + Send + Sync {
    /// As float32 has it.
    fn single(self) -> Self;
    /// Without its fraction.
    fn whole(self) -> Self;
}

macro_rules! settle {
    ($real:ty) => {
        impl Settle for $real {
            fn single(self) -> Self {
                self.to_single()
            }
            fn whole(self) -> Self {
                self.trunc()
            }
        }

        impl Settle for Complex<$real> {
            fn single(self) -> Self {
                Complex::new(self.re.single(), self.im.single())
            }
            fn whole(self) -> Self {
                Complex::new(self.re.trunc(), self.im.trunc())
            }
        }
    };
}
settle!(f32);
settle!(f64);
