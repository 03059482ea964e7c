//! `resample`: another sampling rate, by a ratio of whole numbers.

use std::f64::consts::PI;

use crate::block::numbers;
use crate::command::prelude::*;
use crate::dsp::rows;
use crate::dsp::stencil::Weighted;

/// The command.
pub static SPEC: Spec = Spec {
    name: "resample",
    summary: "Samples at `up / down` times the rate along an axis, or at a new rate, with a filter against aliasing.",
    notes: "\
            `scipy.signal.resample_poly`: `up - 1` zeros after each sample, a zero-phase filter (sinc with a Kaiser window, beta 5, ten zero \
            crossings of the slower rate on each side), every `down`-th sample; zeros lie beyond the ends. Later commands see the new rate. A \
            NaN reaches as far as the filter.\n\n\
            The samples along time are counted from the first sample of the recording, or from the first after a gap, so that the chunks \
            of a run have one grid; in compat mode they are counted from the chunk's first.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(50.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[
        Example {
            args: r#"{"up": 3, "down": 3}"#,
            inputs: &["1 2 3"],
            output: "1 2 3",
        },
        Example {
            args: r#"{"up": 2, "down": 1}"#,
            inputs: &["1 2"],
            output: "1.0005174705960604 1.9002020740818042 2.001034941192121 1.064940987925735",
        },
    ],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Numerator of the ratio of the rates.
    #[schemars(range(min = 1, max = 10000))]
    up: usize,
    /// Denominator of the ratio of the rates.
    #[schemars(range(min = 1, max = 10000))]
    down: usize,
    /// The new rate, in place of `up` and `down`: samples a second (a metre along depth).
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "Hz"))]
    rate: Option<f64>,
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            up: 1,
            down: 1,
            rate: None,
            axis: Axis::Time,
        }
    }
}

/// Largest numerator and denominator that a rate is taken apart into.
const LARGEST: usize = 1000;

fn build(args: Args) -> Result<Command, ArgProblem> {
    if args.rate.is_some() && (args.up, args.down) != (1, 1) {
        return Err(ArgProblem::new(
            "rate",
            "found a rate and a ratio, expected one of them",
        ));
    }
    Ok(Command::Block(Arc::new(args)))
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let old = super::bandpass::rate(env, x, self.axis);
        let (up, down) = match self.rate {
            None => (self.up, self.down),
            Some(rate) => ratio(rate / old).ok_or_else(|| {
                let found = format!("found {rate}, which is no ratio of whole numbers up to {LARGEST} of the present {old}");
                Mismatch::argument("rate", found)
            })?,
        };
        let common = gcd(up, down);
        let (up, down) = (up / common, down / common);
        if (up, down) == (1, 1) {
            return Ok(Prepared::same(x));
        }
        let along = self.axis.of(x);
        let lattice = env.lattice(x).filter(|_| self.axis == Axis::Time);
        let (lead, period) = lattice.map_or((0, 1), |it| it.start(up, down));
        let length = (along.len() * up).saturating_sub(lead).div_ceil(down);
        if length == 0 {
            let found = format!(
                "found {down}, expected less than the {} samples",
                along.len()
            );
            return Err(Mismatch::argument("down", found));
        }
        let start = along.values.first().copied().unwrap_or(0.0);
        // From whole multiples of the new step, which are exact where the old ones are.
        let coords = Coords {
            unit: along.unit,
            values: (0..length)
                .map(|k| start + along.spacing() * (lead + k * down) as f64 / up as f64)
                .collect(),
        };
        let signature = self.axis.replaced(&x.of_kind(x.kind), coords);
        let kernel = Polyphase {
            up,
            down,
            lead,
            length,
            filter: filter(up, down),
            axis: self.axis,
        };
        let reach = half_length(up, down).div_ceil(up);
        let prepared = Prepared::new(signature, self.axis.rows(), kernel);
        Ok(prepared.near(self.axis, reach, reach).with_period(period))
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A number as a ratio of small whole numbers.
fn ratio(value: f64) -> Option<(usize, usize)> {
    (1..=LARGEST).find_map(|down| {
        let up = (value * down as f64).round();
        let close = (up / down as f64 / value - 1.0).abs() < 1e-9;
        (close && up >= 1.0 && up <= LARGEST as f64).then_some((up as usize, down))
    })
}

/// Half the length of the filter.
fn half_length(up: usize, down: usize) -> usize {
    10 * up.max(down)
}

/// The filter at `up` times the rate, symmetric about its middle; its sum is `up`.
fn filter(up: usize, down: usize) -> Vec<f64> {
    let half = half_length(up, down) as f64;
    let cutoff = 1.0 / up.max(down) as f64;
    let count = 2 * half_length(up, down) + 1;
    let tap = |k: usize| {
        let t = k as f64 - half;
        let sinc = if t == 0.0 {
            1.0
        } else {
            (PI * cutoff * t).sin() / (PI * cutoff * t)
        };
        let window = (1.0 - (t / half).powi(2)).max(0.0).sqrt();
        sinc * bessel_i0(5.0 * window)
    };
    let taps: Vec<f64> = (0..count).map(tap).collect();
    let total: f64 = taps.iter().sum();
    taps.iter().map(|tap| tap / total * up as f64).collect()
}

/// The modified Bessel function of order 0, by its series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = 0.25 * x * x;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..100 {
        term *= quarter / (k * k) as f64;
        sum += term;
    }
    sum
}

#[derive(Debug)]
struct Polyphase {
    up: usize,
    down: usize,
    /// Place of the first sample, at `up` times the rate.
    lead: usize,
    length: usize,
    filter: Vec<f64>,
    axis: Axis,
}

impl Polyphase {
    fn apply<T: Real, S: Weighted<T>>(&self, x: &Array2<S>) -> Array2<S> {
        let half = half_length(self.up, self.down) as isize;
        let (up, n) = (self.up as isize, x.ncols() as isize);
        rows::each(
            x,
            self.length,
            || (),
            |row, out, ()| {
                for (k, to) in out.iter_mut().enumerate() {
                    // Samples whose places, `up` apart, lie under the filter about this one's.
                    let middle = (self.lead + k * self.down) as isize;
                    let first = (middle - half + up - 1).div_euclid(up).max(0);
                    let last = (middle + half).div_euclid(up).min(n - 1);
                    let mut sum = S::zero();
                    for i in first..=last {
                        let tap = self.filter[(middle - i * up + half) as usize];
                        sum += row[i as usize] * T::of(tap);
                    }
                    *to = sum;
                }
            },
        )
    }
}

impl Kernel for Polyphase {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let taps = rec.table_real(&self.filter);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let up = i32(word(0u));
    let half = i32(word(2u));
    let middle = i32(word(3u) + place(i, j) * word(1u));
    let first = max((middle - half + up - 1 + up * half) / up - half, 0);
    let last = min((middle + half) / up, i32(a_len()) - 1);
    var sum = Y();
    for (var k = first; k <= last; k++) {
        sum += b(0u, u32(middle - k * up + half)) * a_at(i, j, u32(k));
    }
    return sum;
}";
        let shape = match self.axis {
            Axis::Time => (x.rows(), self.length),
            Axis::Depth => (self.length, x.cols()),
        };
        let rule = Rule::new(rule, [x, taps])
            .words([
                self.up,
                self.down,
                half_length(self.up, self.down),
                self.lead,
            ])
            .axis(self.axis.number());
        Some(map(rec, &rule, shape, x.element()))
    }
}

impl<T: Real> Cpu<T> for Polyphase {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.axis.along(inputs[0], |block| Block {
            samples: numbers!(&block.samples, x => self.apply::<T, _>(x)),
        })
    }
}
