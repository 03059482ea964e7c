//! `multiple_calcs`: energy or root mean square of several frequency bands, from a spectrum.

use crate::command::prelude::*;
use crate::dsp::bands::{self, Band, BandSums, Measure};
use crate::gpu::{Element, kernels};

/// The command.
pub static SPEC: Spec = Spec {
    name: "multiple_calcs",
    summary: "Energy (`te_from_fft`) or root mean square (`rms_from_fft`) of several bands, a column each.",
    notes: "\
            The bins `low <= f < high` of a one-sided spectrum: zero frequency and, of an even length, the Nyquist frequency count \
            once, all others twice, so that the energy of the full band is `n` times the sum of squares of the samples \
            (Parseval), and its root mean square that of the samples. A NaN makes its channel NaN.\n\n\
            distpy truncates frequencies to bins, counts both ends of any band half, leaves the Nyquist frequency out, takes a \
            band narrower than a bin for one up to Nyquist, and divides by twice the number of channels in a box less one where \
            the number of samples belongs: in compat mode.",
    family: Family::Spectral,
    kinds: TO_REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(4.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[Example {
        args: r#"{"func": "te_from_fft", "low_freq": [0, 200], "high_freq": [200, -1]}"#,
        inputs: &["4 0 0 0; 0 8 2 8"],
        output: "16 0; 0 132",
    }],
};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// What is computed of each band: `te_from_fft` (total energy) or `rms_from_fft`.
    func: String,
    /// Lower ends of the bands, included.
    #[schemars(extend("unit" = "Hz"))]
    low_freq: Vec<f64>,
    /// Upper ends of the bands, excluded; -1 stands for the Nyquist frequency, included.
    #[schemars(extend("unit" = "Hz"))]
    high_freq: Vec<f64>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            func: "NONE".into(),
            low_freq: vec![0.0],
            high_freq: vec![-1.0],
        }
    }
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    let measure = match args.func.as_str() {
        "te_from_fft" => Measure::Energy,
        "rms_from_fft" => Measure::Rms,
        "NONE" => return Ok(Command::Block(Arc::new(NoFunction))),
        other => {
            return Err(ArgProblem::new(
                "func",
                format!("found \"{other}\", expected \"te_from_fft\" or \"rms_from_fft\""),
            ));
        }
    };
    let (low, high) = (args.low_freq, args.high_freq);
    if low.len() != high.len() || low.is_empty() {
        let found = format!(
            "found {} lower and {} upper ends, expected as many of one as of the other",
            low.len(),
            high.len()
        );
        return Err(ArgProblem::new("high_freq", found));
    }
    let ranges = low.into_iter().zip(high).collect();
    Ok(Command::Block(Arc::new(Bands {
        ranges,
        measure,
        quirk: Quirk::NegativeIsNyquist,
    })))
}

/// Without `func` distpy gives the raw chunk, whatever the input; here it is an error.
#[derive(Debug, Clone)]
struct NoFunction;

impl BlockCommand for NoFunction {
    fn prepare(&self, env: &Env, _: &[&Signature]) -> Result<Prepared, Mismatch> {
        match env.compat {
            Compat::Exact => Err(Mismatch::argument(
                "func",
                "missing; expected \"te_from_fft\" or \"rms_from_fft\"",
            )),
            Compat::Distpy => {
                let prepared = Prepared::new(env.source.clone(), Rows::Independent, NoFunction);
                Ok(prepared.with_role(Role::RawChunk))
            }
        }
    }
}

impl Kernel for NoFunction {}

impl<T: Real> Cpu<T> for NoFunction {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        inputs[0].clone()
    }
}

/// Which upper bins distpy takes for "to Nyquist".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quirk {
    /// Zero and below.
    ZeroIsNyquist,
    /// Below zero.
    NegativeIsNyquist,
}

/// Bands in hertz and what is computed of them.
#[derive(Debug, Clone)]
pub(super) struct Bands {
    pub(super) ranges: Vec<(f64, f64)>,
    pub(super) measure: Measure,
    pub(super) quirk: Quirk,
}

impl BlockCommand for Bands {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0].require_numbers()?;
        let mut warnings = Vec::new();
        let bins = self.ranges.iter().map(|&(low, high)| match env.compat {
            Compat::Exact => physical_band(low, high, x, env.prf, &mut warnings),
            Compat::Distpy => distpy_band(low, high, x.cols(), env, self.quirk),
        });
        let bands = bins.collect::<Result<Vec<_>, _>>()?;
        let scale = match env.compat {
            Compat::Exact => vec![1.0 / x.cols() as f64; x.rows()],
            Compat::Distpy => distpy_scale(x.rows(), env.box_rows),
        };
        let sums = BandSums {
            bands,
            measure: self.measure,
            scale: scale.into(),
        };
        let columns = if self.ranges.len() == 1 {
            Coords::index(1)
        } else {
            Coords::index(self.ranges.len())
        };
        let signature = Signature {
            kind: Kind::Real,
            depth: x.depth.clone(),
            time: columns,
            rank: 2,
            held: Held::Double,
        };
        let prepared = Prepared::new(signature, Rows::Independent, FromSpectrum(sums.clone()));
        Ok(Prepared {
            warnings,
            ..prepared.with_role(Role::Bands(sums))
        })
    }
}

/// Bins `low <= f < high` of a one-sided spectrum: DC and, for an even length, Nyquist count once, all others twice, so that
/// the full band's energy is `n` times the sum of squares of the samples (Parseval).
fn physical_band(
    low: f64,
    high: f64,
    x: &Signature,
    prf: f64,
    warnings: &mut Vec<String>,
) -> Result<Band, Mismatch> {
    let n = x.cols();
    let step = if x.time.unit == Unit::Hertz {
        x.time.spacing()
    } else {
        prf / n as f64
    };
    let nyquist = step * n as f64 / 2.0;
    if low >= nyquist {
        return Err(Mismatch::argument(
            "low_freq",
            format!("found {low} Hz, expected less than the Nyquist frequency {nyquist} Hz"),
        ));
    }
    let to_nyquist = high == -1.0 || high > nyquist;
    if !to_nyquist && high <= low {
        let expected = "expected an upper end above the lower one, or -1 for the Nyquist frequency";
        return Err(Mismatch::argument(
            "high_freq",
            format!("found a band from {low} Hz to {high} Hz, {expected}"),
        ));
    }
    if high > nyquist {
        warnings.push(format!(
            "band {low} to {high} Hz is cut at the Nyquist frequency {nyquist} Hz"
        ));
    }
    // Rounding in `k * step` must not move a bin across an end that the user put on it.
    let at = |f: f64| (f / step - 1e-9).ceil().max(0.0) as usize;
    let first = at(low).min(n / 2);
    let mut end = if to_nyquist {
        n / 2 + 1
    } else {
        at(high).min(n / 2 + 1)
    };
    if end <= first {
        end = first + 1;
        warnings.push(format!(
            "band {low} to {high} Hz holds no bin; the nearest, {} Hz, is taken",
            first as f64 * step
        ));
    }
    let once = |bin: usize| if bin == 0 || 2 * bin == n { 1.0 } else { 2.0 };
    Ok(Band {
        bins: first..end,
        first: once(first),
        inner: 2.0,
        last: once(end - 1),
    })
}

/// distpy's bins: frequencies truncate to bins by the chunk's length, a band narrower than a bin reaches to Nyquist, Nyquist
/// itself is left out, and both ends of any band count half.
fn distpy_band(low: f64, high: f64, n: usize, env: &Env, quirk: Quirk) -> Result<Band, Mismatch> {
    let rescale = env.source.cols() as f64 / env.prf;
    let first = (low * rescale) as i64;
    let mut end = if high > 0.0 {
        (high * rescale) as i64
    } else {
        high as i64
    };
    if end == first {
        end = -1;
    }
    let nyquist = match quirk {
        Quirk::ZeroIsNyquist => end < 1,
        Quirk::NegativeIsNyquist => end < 0,
    };
    let end = if nyquist {
        n / 2
    } else {
        (end as usize).min(n)
    };
    if first < 0 || first as usize >= end {
        let found = format!(
            "found a band from {low} Hz to {high} Hz, which holds no bin below {} Hz",
            env.prf / 2.0
        );
        return Err(Mismatch::argument(
            "low_freq",
            format!("{found}; distpy stops here too"),
        ));
    }
    let bins = first as usize..end;
    // The one bin of a band is both its first and its last.
    let edge = if bins.len() == 1 { 2.0 } else { 1.0 };
    Ok(Band {
        bins,
        first: edge,
        inner: 2.0,
        last: edge,
    })
}

/// distpy divides by twice the rows of the box less one, not by the number of samples.
fn distpy_scale(rows: usize, box_rows: usize) -> Vec<f64> {
    let mut scale = Vec::with_capacity(rows);
    while scale.len() < rows {
        let left = rows - scale.len();
        // A last box is never empty: a full one is split off only while more rows follow.
        let height = if left > box_rows { box_rows } else { left };
        scale.extend(std::iter::repeat_n(
            1.0 / (2.0 * (height as f64 - 1.0)),
            height,
        ));
    }
    scale
}

/// Bands of a spectrum that exists.
#[derive(Debug)]
struct FromSpectrum(BandSums);

impl Kernel for FromSpectrum {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], first: usize) -> Option<Tensor> {
        // A real spectrum is so rare that the CPU does for it.
        if inputs[0].element() != Element::Complex {
            return None;
        }
        kernels::bands::from_spectrum(rec, inputs[0], std::slice::from_ref(&self.0), first).pop()
    }
}

impl<T: Real> Cpu<T> for FromSpectrum {
    fn cpu(&self, inputs: &[&Block<T>], first: usize) -> Block<T> {
        let groups = std::slice::from_ref(&self.0);
        let tables = match &inputs[0].samples {
            Samples::Complex(x) => bands::of_spectrum(x, groups, first),
            // A real spectrum, for example of a symmetric signal or after `abs`.
            _ => bands::of_spectrum(
                &inputs[0].as_real().mapv(|v| Complex::new(v, T::zero())),
                groups,
                first,
            ),
        };
        Block::real(tables.into_iter().next().expect("one table a group"))
    }
}
