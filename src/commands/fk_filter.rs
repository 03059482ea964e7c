//! `fk_filter`: passes or rejects apparent velocities.

use std::f64::consts::PI;

use super::fft::frequencies_of_both;
use crate::command::prelude::*;
use crate::dsp::fft::{self, Direction as Way, Planned};
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "fk_filter",
    summary: "Fan filter in frequency and wavenumber: passes (or rejects) the waves between two apparent velocities, in one direction or both.",
    notes: "\
            The block is transformed along both axes, multiplied by a real mask and transformed back. The mask is 1 where the apparent \
            velocity |f / k| lies between the two, and falls with a cosine over `taper` of either beyond them. Down-going waves (toward \
            larger depth) have f and k of opposite sign in numpy's convention. What has no direction, the lines f = 0, k = 0 and Nyquist's, \
            counts for both; k = 0 is an infinite velocity, f = 0 a velocity of 0. The block counts as periodic: `taper` its ends where \
            they matter. A NaN makes the whole block NaN.",
    family: Family::Wave,
    kinds: REAL,
    gathers: Gathers::None,
    cost: Cost::Transforms(4.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[Example {
        args: r#"{"min_velocity": 0, "max_velocity": null}"#,
        inputs: &["1 2; 3 4"],
        output: "1 2; 3 4",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Slowest apparent velocity.
    #[schemars(range(min = 0.0), extend("unit" = "m/s"))]
    min_velocity: f64,
    /// Fastest apparent velocity; null for no limit.
    #[schemars(extend("exclusiveMinimum" = 0.0, "unit" = "m/s"))]
    max_velocity: Option<f64>,
    /// Which way the waves go.
    direction: Direction,
    /// Whether they pass or are rejected.
    mode: Mode,
    /// Width of the edges, as a share of each velocity.
    #[schemars(range(min = 0.0, max = 1.0))]
    taper: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Direction {
    Both,
    /// Toward smaller depth.
    Up,
    /// Toward larger depth.
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Mode {
    Pass,
    Reject,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            min_velocity: 1000.0,
            max_velocity: Some(8000.0),
            direction: Direction::Both,
            mode: Mode::Pass,
            taper: 0.1,
        }
    }
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    if let Some(most) = args.max_velocity.filter(|&most| most <= args.min_velocity) {
        let found = format!(
            "found {most}, expected more than `min_velocity`, which is {}",
            args.min_velocity
        );
        return Err(ArgProblem::new("max_velocity", found));
    }
    Ok(Command::Block(Arc::new(args)))
}

impl Args {
    /// The mask of a velocity.
    fn fan(&self, velocity: f64) -> f64 {
        let fall = |beyond: f64, width: f64| match beyond / width {
            _ if beyond <= 0.0 => 1.0,
            share if share < 1.0 => 0.5 + 0.5 * (PI * share).cos(),
            _ => 0.0,
        };
        let slow = fall(self.min_velocity - velocity, self.taper * self.min_velocity);
        let fast = self
            .max_velocity
            .map_or(1.0, |most| fall(velocity - most, self.taper * most));
        slow * fast
    }

    /// The factor of a frequency and a wavenumber; `sign` is that of their product, 0 on the lines without a direction.
    fn factor(&self, f: f64, k: f64, sign: f64) -> f64 {
        let velocity = if f == 0.0 { 0.0 } else { (f / k).abs() };
        let goes = match self.direction {
            Direction::Both => true,
            Direction::Up => sign >= 0.0,
            Direction::Down => sign <= 0.0,
        };
        // The mean of the block goes with waves of any velocity.
        let fan = if f == 0.0 && k == 0.0 {
            1.0
        } else {
            self.fan(velocity)
        };
        let passes = if goes { fan } else { 0.0 };
        match self.mode {
            Mode::Pass => passes,
            Mode::Reject => 1.0 - passes,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let spectrum = frequencies_of_both(env, x);
        let axis = |coords: &Coords| {
            let n = coords.len();
            // The Nyquist frequency of an even length has no sign.
            let signed = |(k, &v): (usize, &f64)| (v, if 2 * k == n { 0.0 } else { v });
            coords.values.iter().enumerate().map(signed).collect()
        };
        let kernel = Fan {
            args: *self,
            frequencies: axis(&spectrum.time),
            wavenumbers: axis(&spectrum.depth),
        };
        Ok(Prepared::new(x.of_kind(Kind::Real), Rows::Coupled, kernel))
    }
}

#[derive(Debug)]
struct Fan {
    args: Args,
    /// Each with what its sign is taken from.
    frequencies: Vec<(f64, f64)>,
    wavenumbers: Vec<(f64, f64)>,
}

impl Kernel for Fan {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let spectrum = kernels::fft::forward(rec, x, 1);
        let spectrum = kernels::fft::forward(rec, spectrum, 0);
        // The fan's weights do not depend on the chunk.
        let weights = self.wavenumbers.iter().flat_map(|&(k, k_sign)| {
            let row = self.frequencies.iter();
            row.map(move |&(f, f_sign)| self.args.factor(f, k, f_sign * k_sign))
        });
        let weights = rec.table_real(&weights.collect::<Vec<_>>());
        let weights = weights.view(x.rows(), x.cols(), weights.element());
        let rule = "fn value(i: u32, j: u32) -> Y { return a(i, j) * b(i, j); }";
        let spectrum = map_like(rec, &Rule::new(rule, [spectrum, weights]), Element::Complex);
        let y = kernels::fft::inverse(rec, spectrum, 0);
        let y = kernels::fft::inverse(rec, y, 1);
        Some(kernels::map::real_part(rec, y))
    }
}

impl<T: Planned> Cpu<T> for Fan {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let spectrum = fft::real_rows(inputs[0].as_real());
        let mut columns = fft::transposed(spectrum.view());
        fft::complex_rows(&mut columns, Way::Forward);
        rows::in_place(
            &mut columns,
            || (),
            |t, column, ()| {
                let (f, f_sign) = self.frequencies[t];
                for (v, &(k, k_sign)) in column.iter_mut().zip(&self.wavenumbers) {
                    *v = v.scale(T::of(self.args.factor(f, k, f_sign * k_sign)));
                }
            },
        );
        fft::complex_rows(&mut columns, Way::Inverse);
        let mut spectrum = fft::transposed(columns.view());
        fft::complex_rows(&mut spectrum, Way::Inverse);
        Block::real(spectrum.mapv(|v| v.re))
    }
}
