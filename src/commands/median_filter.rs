//! `median_filter`: median of a sliding window, as `scipy.ndimage.median_filter` with mirrored ends (mode `reflect`).

use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::median;

/// The command.
pub static SPEC: Spec = Spec {
    name: "median_filter",
    summary: "Median of a sliding window of channels by samples.",
    notes: "\
            Median of a sliding window, as `scipy.ndimage.median_filter` with mirrored ends (mode `reflect`).\n\n\
            Of an even number of samples the upper of the two in the middle. NaNs count as largest. The cost does not depend \
            on the width of the window along time, and grows with its height.",
    family: Family::Filter,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(60.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[Example {
        args: r#"{"distance": [1, 3]}"#,
        inputs: &["1 9 2 3 8"],
        output: "1 2 3 3 8",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Size of the window along both axes, or a list of channels and samples.
    #[schemars(range(min = 1, max = 100000), extend("unit" = "samples"))]
    distance: Size,
}

/// One size for both axes, or one for each.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a size of at least 1, or a list of two"
)]
#[schemars(inline)]
pub(super) enum Size {
    /// Of both axes.
    Both(usize),
    /// Of depth and of time.
    Each([usize; 2]),
}

impl Size {
    /// Channels and samples.
    pub(super) fn channels_and_samples(self) -> (usize, usize) {
        match self {
            Size::Both(n) => (n, n),
            Size::Each([channels, samples]) => (channels, samples),
        }
    }
}

impl Default for Args {
    fn default() -> Self {
        Self {
            distance: Size::Both(3),
        }
    }
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    let size = args.distance.channels_and_samples();
    if size.0 == 0 || size.1 == 0 {
        return Err(ArgProblem::new("distance", "found 0, expected at least 1"));
    }
    Ok(Command::Block(Arc::new(args)))
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let (channels, samples) = self.distance.channels_and_samples();
        // In compat mode too: scipy mirrors the data over and over there, which smooths nothing that anybody wants.
        let strict = Env {
            compat: Compat::Exact,
            ..env.clone()
        };
        x.require_window(&strict, "distance", channels, Axis::Depth)?;
        x.require_window(&strict, "distance", samples, Axis::Time)?;
        let rows = Rows::near(channels / 2, Edge::Reflect);
        let prepared = Prepared::new(x.clone(), rows, *self);
        Ok(prepared.near(Axis::Time, samples / 2, samples - 1 - samples / 2))
    }
}

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let size = self.distance.channels_and_samples();
        kernels::median::filter(rec, inputs[0], size, Edge::Reflect)
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let size = self.distance.channels_and_samples();
        Block::real(median::median(inputs[0].as_real(), size, Edge::Reflect))
    }
}
