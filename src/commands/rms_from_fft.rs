//! `rms_from_fft`: root mean square of one frequency band, from a spectrum.

use super::multiple_calcs::{Bands, Quirk};
use crate::command::prelude::*;
use crate::dsp::bands::Measure;

/// The command.
pub static SPEC: Spec = Spec {
    name: "rms_from_fft",
    summary: "Root mean square of a frequency band, from the spectrum that `fft` gives.",
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
    build: |args| Ok(Command::Block(Arc::new(bands(parse(args)?)))),
    examples: &[Example {
        args: "{}",
        inputs: &["4 0 0 0; 0 8 0 8"],
        output: "1; 2.8284271247461903",
    }],
};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Lower end of the band, included.
    #[schemars(range(min = 0.0), extend("unit" = "Hz"))]
    low_freq: f64,
    /// Upper end of the band, excluded; -1 stands for the Nyquist frequency, included.
    #[schemars(range(min = -1.0), extend("unit" = "Hz"))]
    high_freq: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            low_freq: 0.0,
            high_freq: -1.0,
        }
    }
}

fn bands(args: Args) -> Bands {
    Bands {
        ranges: vec![(args.low_freq, args.high_freq)],
        measure: Measure::Rms,
        // distpy takes an upper bin of 0 for "to Nyquist" here, and for an empty band in `multiple_calcs`.
        quirk: Quirk::ZeroIsNyquist,
    }
}
