//! `analytic_signal`: the analytic signal about a frequency: a spectrum times that of a short wave train.

use std::f64::consts::TAU;

use crate::command::prelude::*;
use crate::dsp::fft::{self, Direction};

/// The command.
pub static SPEC: Spec = Spec {
    name: "analytic_signal",
    summary: "Multiplies a spectrum by that of a short wave train: after `ifft`, the analytic signal in a narrow band.",
    notes: "\
            The train `exp(2 pi i freq (n - N/2) / rate) hann(N)` is moved back by half its length, so that the result is \
            not delayed; `rate` is samples per second along time, per metre along depth. distpy takes the spacing of \
            channels for the rate along time and the pulse repetition frequency along depth, keeps the train in single \
            precision, and along depth multiplies in the wrong direction: in compat mode.",
    family: Family::Spectral,
    kinds: TO_COMPLEX,
    gathers: Gathers::None,
    cost: Cost::Sample(6.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"freq": 0, "window_length": 3}"#,
        inputs: &["1 1 1 1"],
        output: "1 0 -1 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Centre of the band (per metre along depth).
    #[schemars(extend("unit" = "Hz"))]
    freq: f64,
    /// Length of the wave train: the longer, the narrower the band.
    #[schemars(range(min = 2), extend("unit" = "samples"))]
    window_length: usize,
    /// The axis that was transformed: 1 (or -1) time, 0 depth.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            freq: 200.0,
            window_length: 64,
            axis: Axis::Time,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let (n, length) = (self.axis.of(x).len(), self.window_length);
        if length > n {
            let found =
                format!("found {length} samples, expected at most {n}, the length of the axis");
            return Err(Mismatch::argument("window_length", found));
        }
        let compat = env.compat == Compat::Distpy;
        let rate = match (env.compat, self.axis) {
            (Compat::Distpy, Axis::Time) => env.source.depth.spacing(),
            (Compat::Distpy, Axis::Depth) => env.prf,
            (Compat::Exact, Axis::Time) => spectrum_rate(&x.time, Unit::Hertz, env.rate(x)),
            (Compat::Exact, Axis::Depth) => {
                spectrum_rate(&x.depth, Unit::PerMetre, 1.0 / x.depth.spacing())
            }
        };
        let nyquist = rate / 2.0;
        if !compat && self.freq.abs() > nyquist {
            let found = format!(
                "found {}, expected at most the Nyquist frequency {nyquist}",
                self.freq
            );
            return Err(Mismatch::argument("freq", found));
        }
        let estimator = estimator(self.freq / rate, length, n, compat);
        // distpy multiplies along time whatever the axis, where the lengths allow it.
        let axis = match (compat, self.axis) {
            (true, Axis::Depth) if x.rows() == x.cols() => Axis::Time,
            (_, axis) => axis,
        };
        let signature = x.of_kind(Kind::Complex);
        Ok(Prepared::new(
            signature,
            Rows::Independent,
            Narrow { estimator, axis },
        ))
    }
}

/// Samples a unit of the axis that was transformed: of a spectrum's axis by its spacing.
fn spectrum_rate(axis: &Coords, spectral: Unit, otherwise: f64) -> f64 {
    if axis.unit == spectral && axis.len() > 1 {
        axis.spacing() * axis.len() as f64
    } else {
        otherwise
    }
}

/// The spectrum of the wave train, `freq` in cycles a sample.
fn estimator(freq: f64, length: usize, n: usize, single: bool) -> Vec<Complex<f64>> {
    let half = 0.5 * length as f64;
    let mut train = Array2::<Complex<f64>>::zeros((1, n));
    // Python's round: halves to even.
    let shift = half.round_ties_even() as usize;
    for k in 0..length {
        let hann = 0.5 - 0.5 * (TAU * k as f64 / (length - 1) as f64).cos();
        let sample = Complex::from_polar(hann, TAU * freq * (k as f64 - half));
        let sample = match single {
            true => Complex::new(f64::from(sample.re as f32), f64::from(sample.im as f32)),
            false => sample,
        };
        train[(0, (k + n - shift) % n)] = sample;
    }
    fft::complex_rows(&mut train, Direction::Forward);
    train.into_raw_vec_and_offset().0
}

#[derive(Debug)]
struct Narrow {
    estimator: Vec<Complex<f64>>,
    axis: Axis,
}

impl Kernel for Narrow {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], first: usize) -> Option<Tensor> {
        let x = inputs[0];
        let table = match self.axis {
            Axis::Time => rec.table_complex(&self.estimator),
            Axis::Depth => {
                let table = rec.table_complex(&self.estimator[first..first + x.rows()]);
                table.view(x.rows(), 1, table.element())
            }
        };
        let rule = "fn value(i: u32, j: u32) -> Y { return complex_mul(a_y(i, j), b_wide(i, j)); }";
        Some(map_like(
            rec,
            &Rule::new(rule, [x, table]),
            Element::Complex,
        ))
    }
}

impl<T: Real> Cpu<T> for Narrow {
    fn cpu(&self, inputs: &[&Block<T>], first: usize) -> Block<T> {
        let mut x = inputs[0].to_complex();
        let factor = |v: Complex<f64>| Complex::new(T::of(v.re), T::of(v.im));
        for (i, mut row) in x.rows_mut().into_iter().enumerate() {
            match self.axis {
                Axis::Time => row
                    .iter_mut()
                    .zip(&self.estimator)
                    .for_each(|(v, &e)| *v *= factor(e)),
                Axis::Depth => {
                    let e = factor(self.estimator[first + i]);
                    row.iter_mut().for_each(|v| *v *= e);
                }
            }
        }
        Block::complex(x)
    }
}
