//! The recursion, on several rows side by side: sample `t` of eight rows is one `[f64; 8]`.

use super::Padding;
use super::design::{Cascade, Section, Tap};
use crate::block::Real;

/// Rows filtered side by side: a recursion along one row waits for itself. Measured on 128-bit registers: four take
/// twice the time, sixteen a tenth more.
const L: usize = 8;

/// Samples of each row that go through all sections before the next ones: 4 kB, in the first-level cache.
const TILE: usize = 64;

/// Filters rows in groups of `L`; a last group that is not full runs with lanes of zeros.
pub(super) fn filtfilt_rows<T: Real>(
    cascade: &Cascade,
    rows: &mut [T],
    cols: usize,
    padding: Padding,
    scratch: &mut Vec<f64>,
) {
    let pad = cascade.extension(cols, padding);
    let states = 2 * cascade.sections.len();
    scratch.resize((states + cols + 2 * pad) * L, 0.0);
    let (lanes, _) = scratch.as_chunks_mut::<L>();
    let (states, signal) = lanes.split_at_mut(states);
    for group in rows.chunks_mut(L * cols) {
        interleave(group, cols, &mut signal[pad..pad + cols]);
        extend(signal, pad, padding);

        start(cascade, states, &signal[0]);
        for tile in signal.chunks_mut(TILE) {
            for (section, state) in cascade.sections.iter().zip(states.chunks_exact_mut(2)) {
                run(section, state, tile.iter_mut());
            }
        }
        start(cascade, states, &signal[signal.len() - 1]);
        for tile in signal.rchunks_mut(TILE) {
            for (section, state) in cascade.sections.iter().zip(states.chunks_exact_mut(2)) {
                run(section, state, tile.iter_mut().rev());
            }
        }

        deinterleave(&signal[pad..pad + cols], group, cols);
    }
}

/// Copies rows to lanes; lanes without a row become zero.
fn interleave<T: Real>(group: &[T], cols: usize, signal: &mut [[f64; L]]) {
    if group.len() < L * cols {
        signal.fill([0.0; L]);
    }
    for (tile, signal) in signal.chunks_mut(TILE).enumerate() {
        for (lane, row) in group.chunks_exact(cols).enumerate() {
            for (lanes, sample) in signal.iter_mut().zip(&row[tile * TILE..]) {
                lanes[lane] = sample.wide();
            }
        }
    }
}

/// Copies lanes to rows.
fn deinterleave<T: Real>(signal: &[[f64; L]], group: &mut [T], cols: usize) {
    for (tile, signal) in signal.chunks(TILE).enumerate() {
        for (lane, row) in group.chunks_exact_mut(cols).enumerate() {
            for (sample, lanes) in row[tile * TILE..].iter_mut().zip(signal) {
                *sample = T::of(lanes[lane]);
            }
        }
    }
}

/// Fills `pad` samples before and after the signal.
fn extend(signal: &mut [[f64; L]], pad: usize, padding: Padding) {
    let (first, last) = (pad, signal.len() - 1 - pad);
    for i in 1..=pad {
        let (before, after) = match padding {
            Padding::Even => (signal[first + i], signal[last - i]),
            Padding::Odd => (
                turned(&signal[first + i], &signal[first]),
                turned(&signal[last - i], &signal[last]),
            ),
            Padding::Constant | Padding::None => (signal[first], signal[last]),
        };
        signal[first - i] = before;
        signal[last + i] = after;
    }
}

/// `value` turned about `centre`.
fn turned(value: &[f64; L], centre: &[f64; L]) -> [f64; L] {
    std::array::from_fn(|l| centre[l] + centre[l] - value[l])
}

/// States for an input that has been `sample` for ever.
fn start(cascade: &Cascade, states: &mut [[f64; L]], sample: &[f64; L]) {
    let mut level = *sample;
    for (section, state) in cascade.sections.iter().zip(states.chunks_exact_mut(2)) {
        state[0] = [0.0; L];
        state[1] = level;
        level = level.map(|v| v * section.tap.at_zero());
    }
}

/// Runs one section over some samples, in place.
fn run<'a>(
    section: &Section,
    state: &mut [[f64; L]],
    signal: impl Iterator<Item = &'a mut [f64; L]>,
) {
    // One loop per kind of section: the choice is made here, outside of it.
    match section.tap {
        Tap::Low(gain) => {
            each(section, state, signal, |_, _, lp| gain * lp);
        }
        Tap::High(gain) => {
            each(section, state, signal, |hp, _, _| gain * hp);
        }
        Tap::Band(gain) => {
            each(section, state, signal, |_, bp, _| gain * bp);
        }
        Tap::Notch(gain) => {
            each(section, state, signal, |hp, _, lp| hp + gain * lp);
        }
    }
}

/// `tap` picks from the section's outputs `hp`, `bp` and `lp`; a first-order section has no `bp`, which is then zero.
fn each<'a>(
    section: &Section,
    state: &mut [[f64; L]],
    signal: impl Iterator<Item = &'a mut [f64; L]>,
    tap: impl Fn(f64, f64, f64) -> f64,
) {
    match section.damping {
        Some(k) => second_order(section.g, k, state, signal, tap),
        None => first_order(section.g, state, signal, |hp, lp| tap(hp, 0.0, lp)),
    }
}

fn second_order<'a>(
    g: f64,
    k: f64,
    state: &mut [[f64; L]],
    signal: impl Iterator<Item = &'a mut [f64; L]>,
    tap: impl Fn(f64, f64, f64) -> f64,
) {
    let scale = 1.0 / (1.0 + g * (g + k));
    let (a, b) = (scale, scale * (g + k));
    let (mut s1, mut s2) = (state[0], state[1]);
    for lanes in signal {
        for l in 0..L {
            let hp = a * (lanes[l] - s2[l]) - b * s1[l];
            let d1 = g * hp;
            let bp = s1[l] + d1;
            let d2 = g * bp;
            let lp = s2[l] + d2;
            s1[l] = bp + d1;
            s2[l] = lp + d2;
            lanes[l] = tap(hp, bp, lp);
        }
    }
    (state[0], state[1]) = (s1, s2);
}

fn first_order<'a>(
    g: f64,
    state: &mut [[f64; L]],
    signal: impl Iterator<Item = &'a mut [f64; L]>,
    tap: impl Fn(f64, f64) -> f64,
) {
    let a = 1.0 / (1.0 + g);
    let mut s = state[1];
    for lanes in signal {
        for l in 0..L {
            let hp = a * (lanes[l] - s[l]);
            let d = g * hp;
            let lp = s[l] + d;
            s[l] = lp + d;
            lanes[l] = tap(hp, lp);
        }
    }
    state[1] = s;
}
