//! `correlate`: correlation with a small kernel, as `scipy.ndimage.correlate`.

use super::gaussian::{Settle, Settled};
use crate::block::numbers;
use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::stencil;

/// The command.
pub static SPEC: Spec = Spec {
    name: "correlate",
    summary: "Correlates with a small kernel of weights (rows along depth, columns along time).",
    notes: "\
            Correlation with a small kernel, as `scipy.ndimage.correlate`: `y[i, t] = sum over k, l of w[k, l] x[i + k - \
            K/2, t + l - L/2]`.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(10.0),
    schema: schema_of::<Args>,
    build: |args| {
        let args: Args = parse(args)?;
        let weights = kernel(args.coeffs)?;
        let origin = (weights.nrows() / 2, weights.ncols() / 2);
        Ok(Command::Block(Arc::new(Stencil {
            weights,
            origin,
            edge: args.mode,
        })))
    },
    examples: &[Example {
        args: r#"{"coeffs": [[1, 10, 100]]}"#,
        inputs: &["1 2 3"],
        output: "210 321 32",
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
        let diagonal = [[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]];
        Self {
            coeffs: diagonal.map(|row| row.map(f64::from).to_vec()).to_vec(),
            mode: Edge::Constant,
        }
    }
}

/// Weights as an array.
pub(super) fn kernel(coeffs: Vec<Vec<f64>>) -> Result<Array2<f64>, ArgProblem> {
    let (rows, cols) = (coeffs.len(), coeffs.first().map_or(0, Vec::len));
    if cols == 0 {
        return Err(ArgProblem::new(
            "coeffs",
            "found no weights, expected a list of rows",
        ));
    }
    if let Some(k) = coeffs.iter().position(|row| row.len() != cols) {
        let found = format!(
            "found {} weights, expected {cols} as in the first row",
            coeffs[k].len()
        );
        return Err(ArgProblem::new(&format!("coeffs[{k}]"), found));
    }
    Ok(Array2::from_shape_vec((rows, cols), coeffs.concat()).expect("rows of equal length"))
}

/// Weights about a sample.
#[derive(Debug, Clone)]
pub(super) struct Stencil {
    pub(super) weights: Array2<f64>,
    /// The weight of the sample itself.
    pub(super) origin: (usize, usize),
    pub(super) edge: Edge,
}

impl BlockCommand for Stencil {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let settled = Settled::of(env, inputs[0]);
        let (above, height) = (self.origin.0, self.weights.nrows());
        let rows = Rows::near(above.max(height - 1 - above), self.edge);
        let kernel = Weighting {
            stencil: self.clone(),
            settled,
        };
        let (before, width) = (self.origin.1, self.weights.ncols());
        let reach = before.max(width - 1 - before);
        let prepared = Prepared::new(settled.signature(inputs[0]), rows, kernel);
        Ok(prepared.near(Axis::Time, reach, reach))
    }
}

#[derive(Debug)]
struct Weighting {
    stencil: Stencil,
    settled: Settled,
}

impl Kernel for Weighting {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let Stencil {
            weights,
            origin,
            edge,
        } = &self.stencil;
        let device = self.settled.on_device();
        device.then(|| kernels::stencil::correlate(rec, inputs[0], weights, *origin, *edge))
    }
}

impl<T: Real + Settle> Cpu<T> for Weighting
where
    Complex<T>: Settle,
{
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let Stencil {
            weights,
            origin,
            edge,
        } = &self.stencil;
        Block {
            samples: numbers!(&inputs[0].samples, x => {
                let mut y = stencil::correlate::<T, _>(x, weights, *origin, *edge);
                self.settled.apply(&mut y);
                y
            }),
        }
    }
}
