//! `convolve`: convolution with a small kernel, as `scipy.ndimage.convolve`.

use super::correlate::{Stencil, kernel};
use crate::command::prelude::*;
use crate::dsp::edge::Edge;

/// The command.
pub static SPEC: Spec = Spec {
    name: "convolve",
    summary: "Convolves with a small kernel of weights (rows along depth, columns along time).",
    notes: "\
            Convolution with a small kernel, as `scipy.ndimage.convolve`: `y[i, t] = sum over k, l of w[k, l] x[i - k + K/2, \
            t - l + L/2]`.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(12.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[Example {
        args: r#"{"coeffs": [[1, 10, 100]]}"#,
        inputs: &["1 2 3"],
        output: "12 123 230",
    }],
};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The weights, a list of rows of equal length.
    coeffs: Vec<Vec<f64>>,
    /// What lies beyond the ends.
    mode: Edge,
}

impl Default for Args {
    fn default() -> Self {
        let sobel = [[1, 0, -1], [2, 0, -2], [1, 0, -1]];
        Self {
            coeffs: sobel.map(|row| row.map(f64::from).to_vec()).to_vec(),
            mode: Edge::Constant,
        }
    }
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    let mut weights = kernel(args.coeffs)?;
    // A convolution is a correlation with the reversed kernel, whose origin moves with it.
    weights.invert_axis(ndarray::Axis(0));
    weights.invert_axis(ndarray::Axis(1));
    let origin = |n: usize| n - 1 - n / 2;
    Ok(Command::Block(Arc::new(Stencil {
        origin: (origin(weights.nrows()), origin(weights.ncols())),
        weights,
        edge: args.mode,
    })))
}
