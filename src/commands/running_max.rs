//! `running_max`: largest value of a sliding window along an axis.

use super::running_mean::Align;
use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::window;
use crate::gpu::kernels::window::Join;

/// The command.
pub static SPEC: Spec = Spec {
    name: "running_max",
    summary: "Largest value of a sliding window of `window_length` samples along an axis.",
    notes: "\
            At the ends the window is what is left of it. A NaN reaches the windows that hold it. The cost does not depend on \
            the window.\n\n\
            distpy's library has a function of this name that fills every `window_length`-th row only; no command uses it.",
    family: Family::Filter,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(4.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?, Extreme::Largest),
    examples: &[Example {
        args: r#"{"window_length": 3}"#,
        inputs: &["1 5 2 0 0"],
        output: "5 5 5 2 0",
    }],
};

/// A window along an axis.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Args {
    /// Length of the window.
    #[schemars(range(min = 1), extend("unit" = "samples"))]
    window_length: usize,
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
    /// Where the window lies about each sample.
    align: Align,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            window_length: 5,
            axis: Axis::Time,
            align: Align::Centred,
        }
    }
}

/// Which value of a window.
#[derive(Debug, Clone, Copy)]
pub(super) enum Extreme {
    Largest,
    Smallest,
}

pub(super) fn build(args: Args, extreme: Extreme) -> Result<Command, ArgProblem> {
    Ok(Command::Block(Arc::new(Running { args, extreme })))
}

#[derive(Debug, Clone, Copy)]
struct Running {
    args: Args,
    extreme: Extreme,
}

impl BlockCommand for Running {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let Args {
            window_length,
            axis,
            ..
        } = self.args;
        let strict = Env {
            compat: Compat::Exact,
            ..env.clone()
        };
        x.require_window(&strict, "window_length", window_length, axis)?;
        let window = self.args.align.window(window_length);
        let prepared = Prepared::new(x.of_kind(Kind::Real), axis.rows(), *self);
        Ok(prepared.near(axis, window.before, window.after()))
    }
}

impl Kernel for Running {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let window = self.args.align.window(self.args.window_length);
        let join = match self.extreme {
            Extreme::Largest => Join::Largest,
            Extreme::Smallest => Join::Smallest,
        };
        let axis = self.args.axis.number();
        Some(kernels::window::windows(
            rec,
            inputs[0],
            window,
            Edge::Nearest,
            join,
            axis,
        ))
    }
}

impl<T: Real> Cpu<T> for Running {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let window = self.args.align.window(self.args.window_length);
        self.args.axis.along(inputs[0], |block| {
            let x = block.as_real();
            // The end's sample, repeated, is one of the window's already.
            Block::real(match self.extreme {
                Extreme::Largest => window::maxima(x, window, Edge::Nearest),
                Extreme::Smallest => window::minima(x, window, Edge::Nearest),
            })
        })
    }
}
