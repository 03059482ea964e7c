//! `broaden`: broadens maxima toward earlier times, which keeps the slope of events: `y[t] = max x[t .. t + n - 1]`.

use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::window::{self, Window};

/// The command.
pub static SPEC: Spec = Spec {
    name: "broaden",
    summary: "Largest value of the `window_length` samples from each sample on.",
    notes: "\
            Broadens maxima toward earlier times, which keeps the slope of events: `y[t] = max x[t .. t + n - 1]`.\n\n\
            At the end of the row the window is what is left. A NaN makes the samples NaN whose window holds it. Its cost \
            does not depend on the window.",
    family: Family::Filter,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(4.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"window_length": 2}"#,
        inputs: &["0 1 5 2; 3 -3 -3 -4"],
        output: "1 5 5 2; 3 -3 -3 -4",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Length of the window.
    #[schemars(range(min = 1), extend("unit" = "samples"))]
    window_length: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { window_length: 50 }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        x.require_window(env, "window_length", self.window_length, Axis::Time)?;
        let kernel = Args {
            window_length: self.window_length.min(x.cols()),
        };
        let after = kernel.window_length - 1;
        Ok(Prepared::new(x.clone(), Rows::Independent, kernel).near(Axis::Time, 0, after))
    }
}

impl Kernel for Args {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let window = Window::forward(self.window_length);
        let join = kernels::window::Join::Largest;
        Some(kernels::window::windows(
            rec,
            inputs[0],
            window,
            Edge::Nearest,
            join,
            1,
        ))
    }
}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let window = Window::forward(self.window_length);
        Block::real(window::maxima(inputs[0].as_real(), window, Edge::Nearest))
    }
}
