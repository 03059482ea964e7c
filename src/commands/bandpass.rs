//! `bandpass`: zero-phase filters of several designs, as second-order sections.

use super::butter::Filter;
use crate::command::prelude::*;
use crate::dsp::sos::{Cascade, Corner, Padding, Prototype};

/// The command.
pub static SPEC: Spec = Spec {
    name: "bandpass",
    summary: "Zero-phase band-, low- or high-pass filter: Butterworth, Chebyshev (first kind) or Bessel, as second-order sections.",
    notes: "\
            The filter is `scipy.signal.butter`, `cheby1` or `bessel` (normalised by phase) with `output=\"sos\"`, the result that of \
            `sosfiltfilt`: forward and backward, so that the order doubles and the gain is squared. A row that is not longer than the \
            extension is extended by as much as it has. A NaN makes its channel NaN.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(100.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[Example {
        args: r#"{"low_freq": null, "high_freq": 100, "padtype": "constant"}"#,
        inputs: &["2 2 2 2; -1 -1 -1 -1"],
        output: "2 2 2 2; -1 -1 -1 -1",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Lower corner (per metre along depth); null for a low-pass.
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "Hz"))]
    low_freq: Option<f64>,
    /// Upper corner (per metre along depth); null for a high-pass.
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "Hz"))]
    high_freq: Option<f64>,
    /// Order of the low-pass that the filter is made from, for one pass; up to 10 for Bessel.
    #[schemars(range(min = 1, max = 24))]
    order: usize,
    /// The family of filters.
    design: Shape,
    /// For `chebyshev1`: swing of the gain in the pass band, for one pass.
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "dB"), range(max = 20.0))]
    ripple: f64,
    /// How a row is extended at its ends before filtering; null for not at all.
    padtype: Option<Extension>,
    /// 1 (or -1) along time, 0 along depth.
    axis: Axis,
}

/// A family of filters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Shape {
    /// As flat as possible in the pass band.
    Butterworth,
    /// Steeper, with ripples in the pass band.
    Chebyshev1,
    /// The flattest delay: wave forms keep their shape.
    Bessel,
}

/// How a row continues beyond its ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Extension {
    /// Mirrored and turned about the end's value.
    Odd,
    /// Mirrored, without repeating the end.
    Even,
    /// The end's value repeated.
    Constant,
}

/// The extension of rows for an argument.
pub(super) fn padding(padtype: Option<Extension>) -> Padding {
    match padtype {
        None => Padding::None,
        Some(Extension::Odd) => Padding::Odd,
        Some(Extension::Even) => Padding::Even,
        Some(Extension::Constant) => Padding::Constant,
    }
}

impl Default for Args {
    fn default() -> Self {
        Self {
            low_freq: Some(1.0),
            high_freq: Some(100.0),
            order: 4,
            design: Shape::Butterworth,
            ripple: 1.0,
            padtype: Some(Extension::Odd),
            axis: Axis::Time,
        }
    }
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    if args.low_freq.is_none() && args.high_freq.is_none() {
        return Err(ArgProblem::new(
            "low_freq",
            "found no corner, expected `low_freq`, `high_freq` or both",
        ));
    }
    if args.design == Shape::Bessel && args.order > Prototype::BESSEL {
        let found = format!(
            "found {}, expected at most {} for Bessel",
            args.order,
            Prototype::BESSEL
        );
        return Err(ArgProblem::new("order", found));
    }
    Ok(Command::Block(Arc::new(args)))
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let rate = rate(env, x, self.axis);
        let prototype = match self.design {
            Shape::Butterworth => Prototype::butterworth(self.order),
            Shape::Chebyshev1 => Prototype::chebyshev1(self.order, self.ripple),
            Shape::Bessel => Prototype::bessel(self.order),
        };
        let (argument, corner) = match (self.low_freq, self.high_freq) {
            (Some(low), Some(high)) => ("high_freq", Corner::Band(low, high)),
            (Some(low), None) => ("low_freq", Corner::High(low)),
            (None, Some(high)) => ("high_freq", Corner::Low(high)),
            (None, None) => unreachable!("one corner is there when the command is built"),
        };
        let design = Cascade::new(&prototype, corner, rate)
            .map_err(|e| Mismatch::argument(argument, e.to_string()))?;
        Ok(Filter::prepare(x, design, padding(self.padtype), self.axis))
    }
}

/// Samples a second, or a metre.
pub(super) fn rate(env: &Env, x: &Signature, axis: Axis) -> f64 {
    match axis {
        Axis::Time => env.rate(x),
        Axis::Depth => 1.0 / x.depth.spacing(),
    }
}
