//! `destripe`: takes out stripes: what is the same in all channels (axis 0) or at all times (axis 1).

use crate::command::prelude::*;
use crate::dsp::fft::{self, Direction, Planned};
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "destripe",
    summary: "Takes out stripes, such as noise that all channels share, by a filter in wavenumber and frequency.",
    notes: "\
            In the wavenumber-frequency domain, times `max(k^2 / (f^2 + k^2 + 1e-6), 1e-6)` with `f` and `k` in cycles per \
            sample (Bouali 2010). distpy's `f` and `k` are not those of a discrete transform (they rise to 0.5 over half the \
            length and fall back), so that the highest frequencies are treated as the lowest: in compat mode. A NaN makes \
            the whole block NaN.",
    family: Family::Wave,
    kinds: TO_REAL,
    gathers: Gathers::None,
    cost: Cost::Transforms(4.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["1e6 2e6 3e6 2e6; 1e6 2e6 3e6 2e6"],
        output: "1 2 3 2; 1 2 3 2",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 0 for stripes across the channels, 1 (or -1) for stripes along time.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self { axis: Axis::Depth }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let axis = |n: usize| match env.compat {
            Compat::Distpy => folded(n, 0.5),
            Compat::Exact => (0..n).map(|k| k.min(n - k) as f64 / n as f64).collect(),
        };
        let (across, along) = match self.axis {
            Axis::Depth => (axis(x.rows()), axis(x.cols())),
            Axis::Time => (axis(x.cols()), axis(x.rows())),
        };
        let kernel = Destripe {
            // Wavenumbers by rows of the block as it is filtered, frequencies by columns.
            across,
            along,
            axis: self.axis,
        };
        Ok(Prepared::new(x.of_kind(Kind::Real), Rows::Coupled, kernel))
    }
}

/// distpy's axis of `n` frequencies: from 0 to `top` over half the length, and back; of an odd length the middle is 0.
pub(super) fn folded(n: usize, top: f64) -> Vec<f64> {
    let half = n / 2;
    let at = |k: usize| {
        if half > 1 {
            top * k as f64 / (half - 1) as f64
        } else {
            0.0
        }
    };
    let mut out = vec![0.0; n];
    for k in 0..half {
        out[k] = at(k);
        out[n - 1 - k] = at(k);
    }
    out
}

#[derive(Debug)]
struct Destripe {
    across: Vec<f64>,
    along: Vec<f64>,
    axis: Axis,
}

impl Kernel for Destripe {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let squares = |rec: &mut Recorder, values: &[f64]| {
            rec.table_real(&values.iter().map(|v| v * v).collect::<Vec<_>>())
        };
        let (across, along) = (squares(rec, &self.across), squares(rec, &self.along));
        let down = |t: Tensor| t.view(t.len(), 1, t.element());
        let (across, along) = match self.axis {
            Axis::Depth => (down(across), along),
            Axis::Time => (across, down(along)),
        };
        let spectrum = kernels::fft::forward(rec, x, 1);
        let spectrum = kernels::fft::forward(rec, spectrum, 0);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let k = b_wide(i, j);
    return a(i, j) * max(k / (c_wide(i, j) + k + 1e-6), 1e-6);
}";
        let rule = Rule::new(rule, [spectrum, across, along]);
        let spectrum = map_like(rec, &rule, Element::Complex);
        let y = kernels::fft::inverse(rec, spectrum, 0);
        let y = kernels::fft::inverse(rec, y, 1);
        Some(kernels::map::real_part(rec, y))
    }
}

impl<T: Planned> Cpu<T> for Destripe {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let filtered = |block: &Block<T>| {
            let spectrum = match &block.samples {
                Samples::Complex(x) => {
                    let mut x = x.clone();
                    fft::complex_rows(&mut x, Direction::Forward);
                    x
                }
                _ => fft::real_rows(block.as_real()),
            };
            // Each row is now one wavenumber's when it has been transformed along depth.
            let mut columns = fft::transposed(spectrum.view());
            fft::complex_rows(&mut columns, Direction::Forward);
            rows::in_place(
                &mut columns,
                || (),
                |at, column, ()| {
                    let f = self.along[at] * self.along[at];
                    for (v, k) in column.iter_mut().zip(&self.across) {
                        let k = k * k;
                        *v = v.scale(T::of((k / (f + k + 1e-6)).max(1e-6)));
                    }
                },
            );
            fft::complex_rows(&mut columns, Direction::Inverse);
            let mut spectrum = fft::transposed(columns.view());
            fft::complex_rows(&mut spectrum, Direction::Inverse);
            Block::real(spectrum.mapv(|v| v.re))
        };
        match self.axis {
            Axis::Depth => filtered(inputs[0]),
            Axis::Time => filtered(&inputs[0].transposed()).transposed(),
        }
    }
}
