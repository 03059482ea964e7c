//! `butter`: zero-phase Butterworth filter.

use crate::command::prelude::*;
use crate::dsp::sos::{Cascade, Corner, Padding};
use crate::dsp::transfer::{Side, TransferFunction};

/// The command.
pub static SPEC: Spec = Spec {
    name: "butter",
    summary: "Butterworth low-, high-, band-pass or band-stop filter, forward and backward (zero phase, twice the order).",
    notes: "\
            The filter is designed as second-order sections. distpy has the transfer function, which is ill-conditioned at \
            low corners: at 5 Hz of 10 kHz and order 5 it is off by 2e-3 (high pass) and 8e-3 (low pass), and lower still it \
            is unstable. Compat mode filters as distpy does, in double precision; band filters and short rows, at which \
            distpy fails, are sections there too.",
    family: Family::Filter,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(60.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[
        Example {
            args: r#"{"freq": 100, "padtype": "constant"}"#,
            inputs: &["2 2 2 2; -1 -1 -1 -1"],
            output: "2 2 2 2; -1 -1 -1 -1",
        },
        Example {
            args: r#"{"freq": 100, "type": "highpass", "padtype": "constant"}"#,
            inputs: &["2 2 2 2; -1 -1 -1 -1"],
            output: "0 0 0 0; 0 0 0 0",
        },
    ],
};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Corner frequency (per metre along depth); a list of two for band-pass and band-stop.
    #[schemars(extend("unit" = "Hz"))]
    freq: Frequencies,
    /// Order of one pass.
    #[schemars(range(min = 1, max = 24))]
    order: usize,
    /// What passes.
    r#type: Pass,
    /// How a row is extended at its ends before filtering; null for not at all.
    padtype: Option<Extension>,
    /// 1 (or -1) along time, 0 along depth.
    #[schemars(range(min = -2, max = 1))]
    axis: i64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            freq: Frequencies::One(200.0),
            order: 5,
            r#type: Pass::Lowpass,
            padtype: Some(Extension::Even),
            axis: 1,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a frequency, or a list of two")]
enum Frequencies {
    One(f64),
    Two([f64; 2]),
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Pass {
    #[serde(alias = "low", alias = "lp")]
    Lowpass,
    #[serde(alias = "high", alias = "hp")]
    Highpass,
    #[serde(alias = "band", alias = "bp", alias = "pass")]
    Bandpass,
    #[serde(alias = "stop", alias = "bs")]
    Bandstop,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Extension {
    /// Mirrored, without repeating the end.
    Even,
    /// Mirrored and turned about the end's value.
    Odd,
    /// The end's value repeated.
    Constant,
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    let corner = match (args.r#type, args.freq) {
        (Pass::Lowpass, Frequencies::One(f)) => Corner::Low(f),
        (Pass::Highpass, Frequencies::One(f)) => Corner::High(f),
        (Pass::Bandpass, Frequencies::Two([low, high])) => Corner::Band(low, high),
        (Pass::Bandstop, Frequencies::Two([low, high])) => Corner::Stop(low, high),
        (Pass::Lowpass | Pass::Highpass, Frequencies::Two(_)) => {
            return Err(ArgProblem::new(
                "freq",
                "found two frequencies, expected one for a low- or high-pass filter",
            ));
        }
        (Pass::Bandpass | Pass::Bandstop, Frequencies::One(_)) => {
            return Err(ArgProblem::new(
                "freq",
                "found one frequency, expected a list of two for a band filter",
            ));
        }
    };
    let padding = match args.padtype {
        None => Padding::None,
        Some(Extension::Even) => Padding::Even,
        Some(Extension::Odd) => Padding::Odd,
        Some(Extension::Constant) => Padding::Constant,
    };
    Ok(Command::Block(Arc::new(Butter {
        corner,
        order: args.order,
        padding,
        axis: args.axis.rem_euclid(2) as usize,
    })))
}

#[derive(Debug, Clone)]
struct Butter {
    corner: Corner,
    order: usize,
    padding: Padding,
    axis: usize,
}

impl BlockCommand for Butter {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0].require_numbers()?;
        let rate = match self.axis {
            1 => env.rate(x),
            // distpy takes the spacing itself for the rate.
            _ if env.compat == Compat::Distpy => x.depth.spacing(),
            _ => 1.0 / x.depth.spacing(),
        };
        let design = Cascade::butter(self.order, self.corner, rate)
            .map_err(|e| Mismatch::argument("freq", e.to_string()))?;
        let length = if self.axis == 1 { x.cols() } else { x.rows() };
        let compat = match env.compat {
            Compat::Distpy => self.transfer_function(rate, length),
            Compat::Exact => None,
        };
        let axis = if self.axis == 1 {
            Axis::Time
        } else {
            Axis::Depth
        };
        let design = compat.map_or(Design::Sections(design), Design::TransferFunction);
        let filter = Filter {
            design,
            padding: self.padding,
            axis,
        };
        Ok(filter.prepared(x))
    }
}

impl Butter {
    /// distpy's own filter, where it has one for these arguments and rows.
    fn transfer_function(&self, rate: f64, length: usize) -> Option<TransferFunction> {
        let (corner, side) = match self.corner {
            Corner::Low(corner) => (corner, Side::Low),
            Corner::High(corner) => (corner, Side::High),
            Corner::Band(..) | Corner::Stop(..) => return None,
        };
        let filter = TransferFunction::butter(self.order, corner / (0.5 * rate), side);
        (length > filter.extension(self.padding)).then_some(filter)
    }
}

/// A designed filter along an axis.
#[derive(Debug)]
pub(super) struct Filter {
    design: Design,
    padding: Padding,
    axis: Axis,
}

#[derive(Debug)]
enum Design {
    Sections(Cascade),
    TransferFunction(TransferFunction),
}

impl Filter {
    /// Sections, applied forward and backward along an axis.
    pub(super) fn new(design: Cascade, padding: Padding, axis: Axis) -> Self {
        Self {
            design: Design::Sections(design),
            padding,
            axis,
        }
    }

    /// The same, prepared for an input.
    pub(super) fn prepare(
        x: &Signature,
        design: Cascade,
        padding: Padding,
        axis: Axis,
    ) -> Prepared {
        Self::new(design, padding, axis).prepared(x)
    }

    fn prepared(self, x: &Signature) -> Prepared {
        let (axis, reach) = (self.axis, self.reach());
        Prepared::new(x.of_kind(x.kind), axis.rows(), self).near(axis, reach, reach)
    }

    /// Samples to either side on which a sample of the result depends.
    pub(super) fn reach(&self) -> usize {
        match &self.design {
            Design::Sections(cascade) => cascade.decay(),
            // distpy knows no chunk but its own.
            Design::TransferFunction(_) => 0,
        }
    }

    fn along_rows<T: Real>(&self, block: &Block<T>) -> Block<T> {
        match &block.samples {
            Samples::Complex(x) => {
                let (re, im) = (
                    self.filtered(x.mapv(|v| v.re)),
                    self.filtered(x.mapv(|v| v.im)),
                );
                let parts = re
                    .into_iter()
                    .zip(im)
                    .map(|(re, im)| Complex::new(re, im))
                    .collect();
                Block::complex(
                    Array2::from_shape_vec(x.dim(), parts).expect("as many samples as before"),
                )
            }
            _ => Block::real(self.filtered(block.as_real().clone())),
        }
    }

    fn filtered<T: Real>(&self, mut x: Array2<T>) -> Array2<T> {
        match &self.design {
            Design::Sections(cascade) => {
                let cols = x.ncols();
                let samples = x.as_slice_mut().expect("blocks are contiguous");
                cascade.filtfilt_rows(samples, cols, self.padding, &mut Vec::new());
            }
            Design::TransferFunction(filter) => {
                for mut row in x.rows_mut() {
                    let wide: Vec<f64> = row.iter().map(|v| v.wide()).collect();
                    let done = filter.filtfilt(&wide, self.padding);
                    row.iter_mut().zip(done).for_each(|(to, y)| *to = T::of(y));
                }
            }
        }
        x
    }
}

impl Kernel for Filter {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        match &self.design {
            Design::Sections(cascade) => {
                kernels::filter::filtfilt(rec, inputs[0], cascade, self.padding, self.axis.number())
            }
            // distpy's polynomials need double precision.
            Design::TransferFunction(_) => None,
        }
    }
}

impl<T: Real> Cpu<T> for Filter {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.axis.along(inputs[0], |block| self.along_rows(block))
    }
}
