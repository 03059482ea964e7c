//! `whiten`: gives all frequencies of a band the same size.

use std::f64::consts::PI;

use crate::command::prelude::*;
use crate::dsp::edge::Edge;
use crate::dsp::fft::{self, Direction, Planned};
use crate::dsp::rows;
use crate::dsp::window::{self, Scratch, Window};

/// The command.
pub static SPEC: Spec = Spec {
    name: "whiten",
    summary: "Divides the spectrum of each channel by its own smoothed modulus inside a band, and drops what is outside.",
    notes: "\
            As in ambient noise processing (Bensen et al. 2007): the modulus is averaged over `smoothing` Hz to both sides (at 0 and \
            Nyquist over what there is), and is at least a millionth of its largest value, so that silence stays silent; the edges of the \
            band fall with a cosine over `taper` Hz outside of it. The channel counts as periodic. A NaN makes its channel NaN.",
    family: Family::Spectral,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Transforms(2.5),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[Example {
        args: r#"{"smoothing": 0}"#,
        inputs: &["5 0 0 0; 0 0 0 0"],
        output: "1 0 0 0; 0 0 0 0",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Lower end of the band.
    #[schemars(range(min = 0.0), extend("unit" = "Hz"))]
    low_freq: f64,
    /// Upper end of the band; null for the Nyquist frequency.
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "Hz"))]
    high_freq: Option<f64>,
    /// How far to both sides the modulus is averaged.
    #[schemars(range(min = 0.0), extend("unit" = "Hz"))]
    smoothing: f64,
    /// Width of the band's edges.
    #[schemars(range(min = 0.0), extend("unit" = "Hz"))]
    taper: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            low_freq: 0.0,
            high_freq: None,
            smoothing: 5.0,
            taper: 0.0,
        }
    }
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    if let Some(high) = args.high_freq.filter(|&high| high <= args.low_freq) {
        let found = format!(
            "found {high}, expected more than `low_freq`, which is {}",
            args.low_freq
        );
        return Err(ArgProblem::new("high_freq", found));
    }
    Ok(Command::Block(Arc::new(args)))
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let n = x.cols();
        let step = env.rate(x) / n as f64;
        let nyquist = env.rate(x) / 2.0;
        if self.low_freq >= nyquist {
            let found = format!(
                "found {}, expected less than the Nyquist frequency {nyquist}",
                self.low_freq
            );
            return Err(Mismatch::argument("low_freq", found));
        }
        let fall = |beyond: f64| match beyond {
            _ if beyond <= 0.0 => 1.0,
            _ if beyond < self.taper => 0.5 + 0.5 * (PI * beyond / self.taper).cos(),
            _ => 0.0,
        };
        let weight = |bin: usize| {
            let f = bin as f64 * step;
            fall(self.low_freq - f) * self.high_freq.map_or(1.0, |high| fall(f - high))
        };
        let bins = n / 2 + 1;
        let reach = ((self.smoothing / step) as usize).min(bins - 1);
        let kernel = White {
            weights: (0..bins).map(weight).collect(),
            reach,
        };
        Ok(Prepared::new(
            x.of_kind(Kind::Real),
            Rows::Independent,
            kernel,
        ))
    }
}

/// The smallest modulus that counts, of the largest one.
const FLOOR: f64 = 1e-6;

#[derive(Debug)]
struct White {
    /// The band, from zero frequency to Nyquist's.
    weights: Vec<f64>,
    /// Bins to both sides that the modulus is averaged over.
    reach: usize,
}

impl Kernel for White {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let spectrum = kernels::fft::forward(rec, x, 1);
        let bins = self.weights.len();
        let rule = "fn value(i: u32, j: u32) -> Y { return a_size(i, j); }";
        let sizes = map(
            rec,
            &Rule::new(rule, [spectrum]),
            (x.rows(), bins),
            Element::Real,
        );
        let window = Window {
            length: 2 * self.reach + 1,
            before: self.reach,
        };
        let join = kernels::window::Join::Sum;
        let sums = kernels::window::windows(rec, sizes, window, Edge::Constant, join, 1);
        let item = "fn item(i: u32, j: u32) -> Y { return a(i, j); }\n";
        let highest = kernels::fold::HIGHEST;
        let largest =
            kernels::fold::samples(rec, item, sizes, &[], highest, Some(1), Element::Real);
        let weights = rec.table_real(&self.weights);
        // Both sides of the spectrum by the bins from zero frequency to Nyquist's.
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let bin = min(j, cols() - j);
    let reach = word(0u);
    let count = min(bin + reach + 1u, b_cols()) - (bin - min(bin, reach));
    let largest = c(i, 0u);
    let mean = max(b(i, bin) / real(count), number(0u) * largest);
    return a(i, j) * select(d(0u, bin) / mean, 0.0, largest == 0.0);
}";
        let rule = Rule::new(rule, [spectrum, sums, largest, weights])
            .words([self.reach])
            .numbers([FLOOR]);
        let spectrum = map_like(rec, &rule, Element::Complex);
        let y = kernels::fft::inverse(rec, spectrum, 1);
        Some(kernels::map::real_part(rec, y))
    }
}

impl<T: Planned> Cpu<T> for White {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let mut spectrum = fft::real_rows(inputs[0].as_real());
        let scratch = || (Vec::new(), Scratch::default(), Vec::new());
        let bins = self.weights.len();
        let window = Window {
            length: 2 * self.reach + 1,
            before: self.reach,
        };
        rows::in_place(
            &mut spectrum,
            scratch,
            |_, row, (sizes, scratch, sums): &mut (Vec<f64>, _, _)| {
                sizes.clear();
                sizes.extend(row[..bins].iter().map(|v| v.re.wide().hypot(v.im.wide())));
                window::sums(sizes, window, Edge::Constant, scratch, sums);
                let largest = sizes.iter().copied().fold(0.0, Real::maximum);
                let n = row.len();
                for bin in 0..bins {
                    let count = (bin + self.reach + 1).min(bins) - bin.saturating_sub(self.reach);
                    let mean = f64::max(sums[bin] / count as f64, FLOOR * largest);
                    let factor = if largest == 0.0 {
                        0.0
                    } else {
                        self.weights[bin] / mean
                    };
                    row[bin] = row[bin].scale(T::of(factor));
                    if bin > 0 && bin < n - bin {
                        row[n - bin] = row[bin].conj();
                    }
                }
            },
        );
        fft::complex_rows(&mut spectrum, Direction::Inverse);
        Block::real(spectrum.mapv(|v| v.re))
    }
}
