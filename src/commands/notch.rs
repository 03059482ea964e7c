//! `notch`: takes single frequencies out, such as mains hum.

use super::bandpass::{Extension, padding, rate};
use super::butter::Filter;
use crate::command::prelude::*;
use crate::dsp::sos::Cascade;

/// The command.
pub static SPEC: Spec = Spec {
    name: "notch",
    summary: "Takes a frequency, and its multiples where wanted, out of each channel, without a shift in time.",
    notes: "\
            Each notch is `scipy.signal.iirnotch`, applied forward and backward as sections (`sosfiltfilt`), so that its gain is squared. \
            Multiples from the Nyquist frequency on are left out. A NaN makes its channel NaN.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(30.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"padtype": "constant"}"#,
        inputs: &["3 3 3 3"],
        output: "3 3 3 3",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The frequency (per metre along depth).
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "Hz"))]
    freq: f64,
    /// The frequency by the width of the notch (at -3 dB of one pass): the larger, the narrower.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    quality: f64,
    /// How many multiples of the frequency are taken out, itself counted.
    #[schemars(range(min = 1, max = 1000))]
    harmonics: usize,
    /// How a row is extended at its ends before filtering; null for not at all.
    padtype: Option<Extension>,
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            freq: 50.0,
            quality: 30.0,
            harmonics: 1,
            padtype: Some(Extension::Odd),
            axis: Axis::Time,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let rate = rate(env, x, self.axis);
        let multiples = (1..=self.harmonics).map(|k| k as f64 * self.freq);
        let mut frequencies: Vec<f64> = multiples.take_while(|&f| f < rate / 2.0).collect();
        if frequencies.is_empty() {
            // For the message: the one that was asked for.
            frequencies.push(self.freq);
        }
        let design = Cascade::notches(&frequencies, self.quality, rate)
            .map_err(|e| Mismatch::argument("freq", e.to_string()))?;
        Ok(Filter::prepare(x, design, padding(self.padtype), self.axis))
    }
}
