//! `cross_correlate`: correlation of every channel with a virtual source.

use super::stft::channel;
use crate::command::prelude::*;
use crate::dsp::fft::{self, Direction, Planned};
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "cross_correlate",
    summary: "Cross-correlation of every channel with one channel, or with the gathered row, by lag.",
    notes: "\
            `c[lag] = sum over t of x[t + lag] s[t]` without wrap-around (`scipy.signal.correlate` with mode `full`): what arrives at a \
            channel after the source has a positive lag. Normalised, it is divided by the roots of both energies, so that equal signals \
            give 1; silence gives 0. A NaN makes its channel NaN, in the source all of them.",
    family: Family::Wave,
    kinds: REAL,
    gathers: Gathers::Optional,
    cost: Cost::Transforms(5.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"max_lag": 0.002}"#,
        inputs: &["1 0 0 0; 0 2 0 0; 0 0 0 3"],
        output: "0 0 1 0 0; 0 0 0 2 0; 0 0 0 0 0",
    }],
};

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The source: a row from 0, negative from the end; without effect where a row is gathered.
    channel: i64,
    /// The channel nearest to this depth, in place of `channel`.
    #[schemars(extend("unit" = "m"))]
    depth: Option<f64>,
    /// Largest lag to both sides; null for all there are.
    #[schemars(range(min = 0.0), extend("unit" = "s"))]
    max_lag: Option<f64>,
    /// Whether correlations are divided by the roots of both energies.
    normalize: bool,
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let n = x.cols();
        let source = match inputs.get(1) {
            None => Some(channel(x, self.channel, self.depth)?),
            Some(row) if row.kind == Kind::Real && row.rows() * row.cols() == n => None,
            Some(row) => {
                let found =
                    format!("found {row}, expected {n} real samples, as many as a channel has");
                return Err(Mismatch::argument("gather_uids", found));
            }
        };
        let step = 1.0 / env.rate(x);
        let lags = self
            .max_lag
            .map_or(n - 1, |lag| ((lag / step).round() as usize).min(n - 1));
        let signature = Signature {
            time: Coords::regular(Unit::Second, -(lags as f64) * step, step, 2 * lags + 1),
            ..x.of_kind(Kind::Real)
        };
        let kernel = Correlation {
            source,
            lags,
            normalize: self.normalize,
        };
        Ok(Prepared::new(signature, Rows::Coupled, kernel))
    }
}

#[derive(Debug)]
struct Correlation {
    /// The row of the source; none where it is gathered.
    source: Option<usize>,
    lags: usize,
    normalize: bool,
}

impl Kernel for Correlation {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let n = x.cols();
        let length = (2 * n - 1).next_power_of_two();
        let source = match self.source {
            Some(row) => {
                let rule = "fn value(i: u32, j: u32) -> Y { return a(word(0u), j); }";
                map(
                    rec,
                    &Rule::new(rule, [x]).words([row]),
                    (1, n),
                    Element::Real,
                )
            }
            None => inputs[1].view(1, n, Element::Real),
        };
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    if j < a_cols() {
        return a(i, j);
    }
    return 0.0;
}";
        let mut spectrum = |x: Tensor| {
            let padded = map(
                rec,
                &Rule::new(rule, [x]),
                (x.rows(), length),
                Element::Real,
            );
            kernels::fft::forward(rec, padded, 1)
        };
        let (all, reference) = (spectrum(x), spectrum(source));
        let rule = "fn value(i: u32, j: u32) -> Y { return complex_mul(a(i, j), complex_conj(b(0u, j))); }";
        let product = map_like(rec, &Rule::new(rule, [all, reference]), Element::Complex);
        let lags = kernels::fft::inverse(rec, product, 1);
        let item = "fn item(i: u32, j: u32) -> Y { return a_power(i, j); }\n";
        let sum = kernels::fold::SUM;
        let mut energy = |x| kernels::fold::samples(rec, item, x, &[], sum, Some(1), Element::Real);
        let (energies, loudness) = (energy(x), energy(source));
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    // Negative lags stand at the end.
    let at = (j + a_cols() - word(0u)) % a_cols();
    let norm = sqrt(b(i, 0u)) * sqrt(c(0u, 0u));
    return a(i, at).x / select(norm, 1.0, norm == 0.0 || word(1u) == 0u);
}";
        let rule = Rule::new(rule, [lags, energies, loudness])
            .words([self.lags, usize::from(self.normalize)]);
        Some(map(
            rec,
            &rule,
            (x.rows(), 2 * self.lags + 1),
            Element::Real,
        ))
    }
}

impl<T: Planned> Cpu<T> for Correlation {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        let n = x.ncols();
        // Zeros keep what wraps around away from the lags that are wanted; transforms like such lengths.
        let length = (2 * n - 1).next_power_of_two();
        let padded = |row: &[T], out: &mut [T]| out[..n].copy_from_slice(row);
        let source = match self.source {
            Some(row) => x.row(row).to_vec(),
            None => inputs[1].as_real().iter().copied().collect(),
        };
        let energy = |row: &[T]| row.iter().map(|v| v.wide() * v.wide()).sum::<f64>();
        let loudness = energy(&source);
        let mut alone = Array2::zeros((1, length));
        padded(
            &source,
            alone.as_slice_mut().expect("a new array is contiguous"),
        );
        let reference = fft::real_rows(&alone);
        let reference = reference.as_slice().expect("blocks are contiguous");
        let all = rows::each(x, length, || (), |row, out, ()| padded(row, out));
        let mut spectrum = fft::real_rows(&all);
        rows::in_place(
            &mut spectrum,
            || (),
            |_, row, ()| {
                row.iter_mut()
                    .zip(reference)
                    .for_each(|(v, s)| *v *= s.conj());
            },
        );
        fft::complex_rows(&mut spectrum, Direction::Inverse);
        let samples = x.as_slice().expect("blocks are contiguous");
        let lags = self.lags;
        Block::real(rows::make(
            x.nrows(),
            2 * lags + 1,
            || (),
            |i, out, ()| {
                let norm = match self.normalize {
                    true => (loudness * energy(&samples[i * n..(i + 1) * n])).sqrt(),
                    false => 1.0,
                };
                let norm = T::of(if norm == 0.0 { 1.0 } else { norm });
                for (k, to) in out.iter_mut().enumerate() {
                    // Negative lags stand at the end.
                    let at = (k + length - lags) % length;
                    *to = spectrum[(i, at)].re / norm;
                }
            },
        ))
    }
}
