//! `approx_vlf`: an average of each channel that is robust against fading channels: very low frequency.

use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "approx_vlf",
    summary: "Gaussian-weighted mean of each channel, then the median over three neighbouring channels.",
    notes: "\
            Samples are averaged with Gaussian weights about the middle of the chunk, then each channel takes the median of \
            itself and its two neighbours; the first and last channel are repeated beyond the ends. distpy's Gaussian has a \
            width of 1732 samples whatever the pulse repetition frequency, and its channels beyond the ends are zeros: in \
            compat mode. A NaN makes its channel NaN.",
    family: Family::Statistic,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(2.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["2 2 2; 9 9 9; 4 4 4; 5 5 5"],
        output: "2; 4; 5; 5",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Standard deviation of the Gaussian.
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "s"))]
    sigma: f64,
}

impl Default for Args {
    fn default() -> Self {
        // distpy's at its default pulse repetition frequency, 10 kHz.
        Self { sigma: 0.1732 }
    }
}

/// distpy's variance, in squared samples.
const VARIANCE: f64 = 3e6;

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let n = x.cols() as f64;
        let (centre, variance) = match env.compat {
            Compat::Distpy => (0.5 * n, VARIANCE),
            Compat::Exact => (0.5 * (n - 1.0), (self.sigma * env.rate(x)).powi(2)),
        };
        let bell = |t: usize| (-(t as f64 - centre).powi(2) / (2.0 * variance)).exp();
        let weights: Vec<f64> = (0..x.cols()).map(bell).collect();
        let total: f64 = weights.iter().sum();
        let kernel = Robust {
            weights: weights.iter().map(|w| w / total).collect(),
            beyond: env.compat == Compat::Distpy,
        };
        let signature = Reduction::new(env, Axis::Time).signature(x, Kind::Real);
        Ok(Prepared::new(signature, Rows::Coupled, kernel))
    }
}

#[derive(Debug)]
struct Robust {
    weights: Vec<f64>,
    /// Whether zeros lie beyond the ends.
    beyond: bool,
}

impl Kernel for Robust {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let weights = rec.table_real(&self.weights);
        let item = "fn item(i: u32, j: u32) -> Y { return a(i, j) * b(0u, j); }\n";
        let rule = Rule::new(item, [x, weights]);
        let shape = (x.rows(), x.cols());
        let means = kernels::fold::fold(rec, &rule, kernels::fold::SUM, shape, 1, Element::Real);
        let rule = "\
fn mean(i: i32) -> Y {
    let last = i32(a_rows()) - 1;
    if word(0u) == 1u && (i < 0 || i > last) {
        return 0.0;
    }
    return a(u32(clamp(i, 0, last)), 0u);
}
fn value(i: u32, j: u32) -> Y {
    let p = mean(i32(i) - 1);
    let q = mean(i32(i));
    let r = mean(i32(i) + 1);
    return higher(lower(p, q), lower(higher(p, q), r));
}";
        let rule = Rule::new(rule, [means]).words([usize::from(self.beyond)]);
        Some(map_like(rec, &rule, Element::Real))
    }
}

impl<T: Real> Cpu<T> for Robust {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let means = rows::column(inputs[0].as_real(), |row| {
            let products = row.iter().zip(&self.weights).map(|(v, w)| v.wide() * w);
            products.sum::<f64>()
        });
        let n = means.len();
        let at = |k: Option<usize>| match k.filter(|&k| k < n) {
            Some(k) => means[(k, 0)],
            None if self.beyond => 0.0,
            None if k.is_none() => means[(0, 0)],
            None => means[(n - 1, 0)],
        };
        let median = |k: usize| {
            let three = [at(k.checked_sub(1)), at(Some(k)), at(Some(k + 1))];
            if three.iter().any(|v| v.is_nan()) {
                return f64::NAN;
            }
            let [a, b, c] = three;
            a.max(b).min(a.min(b).max(c))
        };
        Block::real(Array2::from_shape_fn((n, 1), |(k, _)| T::of(median(k))))
    }
}
