//! `angle`: argument of each sample, in radians from -pi to pi.

use std::f64::consts::PI;

use crate::command::prelude::*;
use crate::point::{Point, Rule, complex_to_real, real};

/// The command.
pub static SPEC: Spec = Spec {
    name: "angle",
    summary: "Argument of each complex sample in radians, above -pi and up to pi; of real samples 0 or pi.",
    notes: "",
    family: Family::Arithmetic,
    kinds: TO_REAL,
    gathers: Gathers::None,
    cost: Cost::Sample(20.0),
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Block(Arc::new(Angle))),
    examples: &[
        Example {
            args: "{}",
            inputs: &["1+0j 0+2j; 3+0j 0-1j"],
            output: "0 1.5707963267948966; 0 -1.5707963267948966",
        },
        Example {
            args: "{}",
            inputs: &["2 -2"],
            output: "0 3.141592653589793",
        },
    ],
};

static RULES: &[Rule] = &[
    real!("select(0.0, p.x, x < 0.0)", |x, p| if x.is_nan() {
        x
    } else if x.is_sign_negative() {
        p[0]
    } else {
        0.0
    }),
    complex_to_real!("atan2(x.y, x.x)", |x, _p| x.im.atan2(x.re)),
];

#[derive(Debug)]
struct Angle;

impl BlockCommand for Angle {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        // numpy has the angle of float32 and int16 samples in single precision, with its own pi.
        let single = env.compat == Compat::Distpy && x.kind == Kind::Real && x.held != Held::Double;
        let pi = if single { f64::from(PI as f32) } else { PI };
        let signature = Signature {
            kind: Kind::Real,
            held: if single { Held::Single } else { Held::Double },
            ..x.clone()
        };
        let point = Point {
            rules: RULES,
            p: [pi, 0.0, 0.0, 0.0],
        };
        Ok(Prepared::point(signature, point))
    }
}
