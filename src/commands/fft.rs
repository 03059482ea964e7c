//! `fft`: discrete Fourier transform along an axis.

use crate::command::prelude::*;
use crate::dsp::fft::{self, Direction, Planned};
use crate::gpu::kernels;

/// The command.
pub static SPEC: Spec = Spec {
    name: "fft",
    summary: "Full complex discrete Fourier transform along an axis, unscaled (numpy's convention).",
    notes: "",
    family: Family::Spectral,
    kinds: TO_COMPLEX,
    gathers: Gathers::None,
    cost: Cost::Transforms(1.0),
    schema: schema_of::<Args>,
    build: |args| {
        Ok(Command::Block(Arc::new(Transform::new(
            parse(args)?,
            Direction::Forward,
        ))))
    },
    examples: &[
        Example {
            args: "{}",
            inputs: &["1 0 0 0; 1 1 1 1"],
            output: "1 1 1 1; 4 0 0 0",
        },
        Example {
            args: r#"{"axis": 0}"#,
            inputs: &["1 2; 3 5"],
            output: "4 7; -2 -3",
        },
    ],
};

/// Arguments of a transform.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Args {
    /// 1 (or -1) along time, 0 along depth.
    #[schemars(range(min = -2, max = 1))]
    axis: i64,
}

impl Default for Args {
    fn default() -> Self {
        Self { axis: 1 }
    }
}

/// A transform along an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transform {
    axis: usize,
    direction: Direction,
}

impl Transform {
    pub(super) fn new(args: Args, direction: Direction) -> Self {
        Self {
            axis: args.axis.rem_euclid(2) as usize,
            direction,
        }
    }
}

impl BlockCommand for Transform {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0].require_numbers()?;
        let mut signature = Signature {
            kind: Kind::Complex,
            rank: 2,
            held: Held::Double,
            ..x.clone()
        };
        let (axis, unit) = match self.axis {
            1 => (&mut signature.time, [Unit::Second, Unit::Hertz]),
            _ => (&mut signature.depth, [Unit::Metre, Unit::PerMetre]),
        };
        let rate = if self.axis == 1 { env.rate(x) } else { 1.0 };
        *axis = match self.direction {
            Direction::Forward => frequencies(axis, unit, rate),
            Direction::Inverse => positions(axis, unit, rate),
        };
        let rows = if self.axis == 1 {
            Rows::Independent
        } else {
            Rows::Coupled
        };
        let fusable =
            self.axis == 1 && self.direction == Direction::Forward && x.kind == Kind::Real;
        let role = if fusable { Role::Fft } else { Role::Opaque };
        Ok(Prepared::new(signature, rows, *self).with_role(role))
    }
}

/// The axis of a spectrum: 0, 1, .., then the negative frequencies, as numpy orders them. Time is sampled at `rate`, depth as its
/// axis says, or at `rate` where it only counts.
fn frequencies(axis: &Coords, [from, to]: [Unit; 2], rate: f64) -> Coords {
    let n = axis.len();
    let by_depth = from == Unit::Metre && axis.unit == from && n > 1;
    let rate = if by_depth { 1.0 / axis.spacing() } else { rate };
    let step = rate / n as f64;
    let signed = |k: usize| {
        if k <= n / 2 && 2 * k != n {
            k as f64
        } else {
            k as f64 - n as f64
        }
    };
    Coords::new(to, (0..n).map(|k| step * signed(k)).collect::<Vec<_>>())
}

/// The signature of the two-dimensional spectrum of a block; its own where it is one already.
pub(super) fn frequencies_of_both(env: &Env, x: &Signature) -> Signature {
    let mut out = x.of_kind(Kind::Complex);
    if x.time.unit != Unit::Hertz {
        out.time = frequencies(&x.time, [Unit::Second, Unit::Hertz], env.rate(x));
    }
    if x.depth.unit != Unit::PerMetre {
        out.depth = frequencies(&x.depth, [Unit::Metre, Unit::PerMetre], 1.0);
    }
    out
}

/// The signature of the block whose two-dimensional spectrum this is.
pub(super) fn positions_of_both(env: &Env, x: &Signature) -> Signature {
    Signature {
        depth: positions(&x.depth, [Unit::Metre, Unit::PerMetre], 1.0),
        time: positions(&x.time, [Unit::Second, Unit::Hertz], env.rate(x)),
        ..x.of_kind(Kind::Complex)
    }
}

/// The axis of an inverse transform, from 0.
fn positions(axis: &Coords, [from, to]: [Unit; 2], rate: f64) -> Coords {
    let n = axis.len();
    let step = if axis.unit == to && n > 1 {
        1.0 / (axis.spacing() * n as f64)
    } else {
        1.0 / rate
    };
    Coords::regular(from, 0.0, step, n)
}

impl Kernel for Transform {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        Some(match self.direction {
            Direction::Forward => kernels::fft::forward(rec, inputs[0], self.axis),
            Direction::Inverse => kernels::fft::inverse(rec, inputs[0], self.axis),
        })
    }
}

impl<T: Planned> Cpu<T> for Transform {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let along_time = |samples: &Samples<T>| match (samples, self.direction) {
            (Samples::Complex(x), direction) => {
                let mut out = x.clone();
                fft::complex_rows(&mut out, direction);
                out
            }
            (Samples::Real(x), Direction::Forward) => fft::real_rows(x),
            (Samples::Real(x), Direction::Inverse) => {
                let mut out = x.mapv(|v| Complex::new(v, T::zero()));
                fft::complex_rows(&mut out, Direction::Inverse);
                out
            }
            (other, _) => unreachable!("planned as numbers, computed as {other:?}"),
        };
        Block::complex(match self.axis {
            1 => along_time(&inputs[0].samples),
            _ => fft::transposed(along_time(&inputs[0].transposed().samples).view()),
        })
    }
}
