//! `running_mean`: mean of a sliding window along an axis. A NaN reaches the windows that hold it.

use crate::block::numbers;
use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::rows;
use crate::dsp::window::{self, Scratch, Window, Windowed};
use crate::gpu::kernels::window::Join;

/// The command.
pub static SPEC: Spec = Spec {
    name: "running_mean",
    summary: "Mean of a sliding window of `window_length` samples along an axis.",
    notes: "\
            At the ends the window is shortened to the samples that exist. Its cost does not depend on the window. distpy's \
            command has no result: it overwrites its input with the mean of the samples from each one on, leaves the last \
            `window_length - 1` as they are, and takes the axes the other way round; compat mode gives these numbers as the \
            result, and to later readers of the input.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(4.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: r#"{"axis": 1, "window_length": 3}"#,
            inputs: &["1 2 6 4"],
            output: "1.5 3 4 5",
        },
        Example {
            args: r#"{"window_length": 2, "align": "forward"}"#,
            inputs: &["1; 3; 7"],
            output: "2; 5; 7",
        },
    ],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Length of the window.
    #[schemars(range(min = 1), extend("unit" = "samples"))]
    window_length: usize,
    /// 0 along depth, 1 (or -1) along time.
    axis: Axis,
    /// Where the window lies about each sample.
    align: Align,
}

/// Where a window lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Align {
    /// About it; of an even number one sample more before it than after.
    Centred,
    /// From it on.
    Forward,
    /// Up to it.
    Trailing,
}

impl Align {
    /// A window of a length that lies so.
    pub(super) fn window(self, length: usize) -> Window {
        match self {
            Align::Centred => Window::centred(length),
            Align::Forward => Window::forward(length),
            Align::Trailing => Window::trailing(length),
        }
    }
}

impl Default for Args {
    fn default() -> Self {
        Self {
            window_length: 5,
            axis: Axis::Depth,
            align: Align::Centred,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let length = self.window_length;
        if env.compat == Compat::Distpy {
            let axis = match self.axis {
                Axis::Depth => Axis::Time,
                Axis::Time => Axis::Depth,
            };
            if length == 1 || length > axis.of(x).len() {
                return Ok(Prepared::same(x));
            }
            return Ok(Prepared::new(
                x.clone(),
                axis.rows(),
                Forward { length, axis },
            ));
        }
        x.require_window(env, "window_length", length, self.axis)?;
        let window = self.align.window(length);
        let signature = Signature {
            held: Held::Double,
            ..x.clone()
        };
        let axis = self.axis;
        let prepared = Prepared::new(signature, axis.rows(), Mean { window, axis });
        Ok(prepared.near(axis, window.before, window.after()))
    }
}

#[derive(Debug)]
struct Mean {
    window: Window,
    axis: Axis,
}

impl Kernel for Mean {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let axis = self.axis.number();
        let sums = kernels::window::windows(rec, x, self.window, Edge::Constant, Join::Sum, axis);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let t = place(i, j);
    let first = t - min(t, word(1u));
    return a(i, j) / real(min(t + word(0u), a_len()) - first);
}";
        let after = self.window.length - self.window.before;
        let rule = Rule::new(rule, [sums])
            .words([after, self.window.before])
            .axis(axis);
        Some(map_like(rec, &rule, x.element()))
    }
}

impl<T: Real> Cpu<T> for Mean {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let window = self.window;
        self.axis.along(inputs[0], |block| Block {
            samples: numbers!(&block.samples, x => window::shortened_means(x, window)),
        })
    }
}

/// distpy's: forward, the end as it was.
#[derive(Debug)]
struct Forward {
    length: usize,
    axis: Axis,
}

impl Kernel for Forward {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let axis = self.axis.number();
        let window = Window::forward(self.length);
        let sums = kernels::window::windows(rec, x, window, Edge::Constant, Join::Sum, axis);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    if place(i, j) + word(0u) > a_len() {
        return a(i, j);
    }
    return b(i, j) / real(word(0u));
}";
        let rule = Rule::new(rule, [x, sums]).words([self.length]).axis(axis);
        Some(map_like(rec, &rule, x.element()))
    }
}

impl<T: Real> Cpu<T> for Forward {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.axis.along(inputs[0], |block| Block {
            samples: numbers!(&block.samples, x => forward(x, self.length)),
        })
    }
}

fn forward<S: Windowed>(x: &Array2<S>, length: usize) -> Array2<S> {
    let scratch = || (Scratch::default(), Vec::new());
    rows::each(x, x.ncols(), scratch, |row, out, (scratch, sums)| {
        window::sums(row, Window::forward(length), Edge::Constant, scratch, sums);
        out.copy_from_slice(row);
        for (to, &sum) in out.iter_mut().zip(&sums[..row.len() + 1 - length]) {
            *to = S::narrow(sum, 1.0 / length as f64);
        }
    })
}
