//! `peak_to_peak`: the largest range that occurs within a window. A NaN makes its row NaN.

use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::rows;
use crate::dsp::window::{self, Window};
use crate::gpu::kernels::window::Join;

/// The command.
pub static SPEC: Spec = Spec {
    name: "peak_to_peak",
    summary: "Largest difference between maximum and minimum within a sliding window, for each channel.",
    notes: "\
            The window of `n` samples at `t` begins at `t - n / 2`; the ends of the row are repeated beyond it. Its cost \
            does not depend on the window.",
    family: Family::Statistic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(8.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"window_length": 2}"#,
        inputs: &["0 1 5 5; 3 3 3 2"],
        output: "4; 1",
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
        Self { window_length: 200 }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        x.require_window(env, "window_length", self.window_length, Axis::Time)?;
        let signature = Signature {
            held: x.held,
            ..Reduction::new(env, Axis::Time).signature(x, Kind::Real)
        };
        let single = env.compat == Compat::Distpy && x.held == Held::Single;
        // A longer window than twice the row sees the whole row everywhere.
        let length = self.window_length.min(2 * x.cols());
        Ok(Prepared::new(
            signature,
            Rows::Independent,
            Range { length, single },
        ))
    }
}

#[derive(Debug)]
struct Range {
    length: usize,
    /// Whether differences round to single precision, as numpy's do.
    single: bool,
}

impl Kernel for Range {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let window = Window::centred(self.length);
        let mut extreme =
            |join| kernels::window::windows(rec, inputs[0], window, Edge::Nearest, join, 1);
        let (high, low) = (extreme(Join::Largest), extreme(Join::Smallest));
        let item = "fn item(i: u32, j: u32) -> Y { return a(i, j) - b(i, j); }\n";
        let shape = (high.rows(), high.cols());
        let (rule, how) = (Rule::new(item, [high, low]), kernels::fold::HIGHEST);
        Some(kernels::fold::fold(
            rec,
            &rule,
            how,
            shape,
            1,
            Element::Real,
        ))
    }
}

impl<T: Real> Cpu<T> for Range {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        let window = Window::centred(self.length);
        let scratch = || [const { Vec::new() }; 4];
        Block::real(rows::each(x, 1, scratch, |row, out, buffers| {
            let [extended, suffix, high, low] = buffers;
            extended.resize(row.len() + window.length - 1, T::zero());
            Edge::Nearest.extend(row, window.before, T::zero(), extended);
            high.resize(row.len(), T::zero());
            low.resize(row.len(), T::zero());
            window::fold(extended, window.length, T::maximum, suffix, high);
            window::fold(extended, window.length, T::minimum, suffix, low);
            let ranges = high.iter().zip(low.iter()).map(|(&high, &low)| high - low);
            let largest = ranges.reduce(T::maximum).expect("a row has samples");
            out[0] = if self.single {
                largest.to_single()
            } else {
                largest
            };
        }))
    }
}
