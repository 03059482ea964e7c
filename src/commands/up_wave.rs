//! `up_wave`: the up-going part of a wave field, from its two-dimensional spectrum.

use super::fft::positions_of_both;
use crate::command::prelude::*;
use crate::dsp::fft::{self, Direction, Planned};
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "up_wave",
    summary: "The up-going waves of a two-dimensional spectrum (`fft` along both axes), back in depth and time.",
    notes: "\
            A wave that moves toward larger depth has frequencies and wavenumbers of opposite sign (in numpy's convention), \
            one that moves up those of the same sign. Up- and down-going part add up to the field: what has no direction (`f \
            = 0`, `k = 0`, and the Nyquist frequency of an even length) goes by halves to both. distpy's `up_wave` and \
            `down_wave` are the same, both damp the same quadrants: in compat mode.",
    family: Family::Wave,
    kinds: TO_COMPLEX,
    gathers: Gathers::None,
    cost: Cost::Transforms(4.0),
    schema: schema_of::<NoArgs>,
    build: |_| Ok(Command::Block(Arc::new(Going::Up))),
    examples: &[Example {
        args: "{}",
        inputs: &["0 0 0; 0 9 0; 0 0 9"],
        output: "2 -1 -1; -1 -1 2; -1 2 -1",
    }],
};

/// A direction along the fibre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Going {
    /// Toward smaller depth.
    Up,
    /// Toward larger depth.
    Down,
}

impl BlockCommand for Going {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let signature = positions_of_both(env, x);
        let kernel = Part {
            going: *self,
            compat: env.compat == Compat::Distpy,
        };
        Ok(Prepared::new(signature, Rows::Coupled, kernel))
    }
}

#[derive(Debug)]
struct Part {
    going: Going,
    compat: bool,
}

impl Part {
    /// The factor of a wavenumber (row `i` of `m`) and frequency (column `t` of `n`).
    fn factor(&self, (i, m): (usize, usize), (t, n): (usize, usize)) -> f64 {
        if self.compat {
            let damped = (i >= m / 2) != (t >= n / 2);
            return if damped { 1e-6 * (1.0 - 1e-6) } else { 1.0 };
        }
        // The sign of a frequency; none for zero and for Nyquist.
        let sign = |k: usize, n: usize| match (2 * k).cmp(&n) {
            _ if k == 0 => 0,
            std::cmp::Ordering::Less => 1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => -1,
        };
        match (sign(i, m) * sign(t, n), self.going) {
            (0, _) => 0.5,
            (1, Going::Up) | (-1, Going::Down) => 1.0,
            _ => 0.0,
        }
    }
}

impl Kernel for Part {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let rule = match self.compat {
            true => {
                "\
fn value(i: u32, j: u32) -> Y {
    let damped = (i >= rows() / 2u) != (j >= cols() / 2u);
    return a_y(i, j) * select(1.0, number(0u), damped);
}"
            }
            false => {
                "\
fn side(k: u32, n: u32) -> i32 {
    if k == 0u || 2u * k == n {
        return 0;
    }
    return select(-1, 1, 2u * k < n);
}
fn value(i: u32, j: u32) -> Y {
    let going = side(i, rows()) * side(j, cols());
    if going == 0 {
        return a_y(i, j) * 0.5;
    }
    return a_y(i, j) * select(real(0.0), real(1.0), going == i32(word(0u)) - 1);
}"
            }
        };
        // 1 for waves that go up, -1 for the others, counted from -1.
        let wanted = match self.going {
            Going::Up => 2,
            Going::Down => 0,
        };
        let rule = Rule::new(rule, [inputs[0]])
            .words([wanted])
            .numbers([1e-6 * (1.0 - 1e-6)]);
        let spectrum = map_like(rec, &rule, Element::Complex);
        let y = kernels::fft::inverse(rec, spectrum, 1);
        Some(kernels::fft::inverse(rec, y, 0))
    }
}

impl<T: Planned> Cpu<T> for Part {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let mut x = inputs[0].to_complex();
        let (m, n) = x.dim();
        rows::in_place(&mut x, Vec::new, |i, row, factors| {
            factors.clear();
            factors.extend((0..n).map(|t| T::of(self.factor((i, m), (t, n)))));
            row.iter_mut()
                .zip(factors.iter())
                .for_each(|(v, &factor)| *v = v.scale(factor));
        });
        Block::complex(fft::both(x, Direction::Inverse))
    }
}
