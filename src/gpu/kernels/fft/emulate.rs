//! The shaders' index arithmetic in f64, so that plans are proven before a device runs them.

use num_complex::Complex;

use super::bluestein::{chirp, convolution_length, filter};
use super::passes::{Kind, Pass, passes};
use super::stages::{Stages, root};
use super::{Packing, roots};

type Row = Vec<Complex<f64>>;

/// `transform_slots` of `import/fft_stages.wgsl`; the butterflies are sums.
fn transform_slots(
    slots: &mut [Complex<f64>],
    shift: u32,
    stages: &Stages,
    twiddles: &[Complex<f64>],
) {
    let length = stages.length;
    let mut len = length;
    for radix in [4, 2, 3, 5, 7] {
        for _ in 0..stages.count(radix) {
            let part = len / radix;
            let step = part << shift;
            for j in 0..slots.len() / radix {
                let k = j - quotient(j, 1.0 / step as f32) * step;
                let first = (j - k) * radix + k;
                let factors = (length - len) + (k >> shift);
                let inputs: Row = (0..radix).map(|i| slots[first + i * step]).collect();
                for q in 0..radix {
                    let sum: Complex<f64> = inputs
                        .iter()
                        .enumerate()
                        .map(|(i, x)| x * root(i * q, radix))
                        .sum();
                    let factor = if q == 0 {
                        Complex::ONE
                    } else {
                        twiddles[factors + (q - 1) * part]
                    };
                    slots[first + q * step] = sum * factor;
                }
            }
            len = part;
        }
    }
}

fn quotient(e: usize, per_d: f32) -> usize {
    ((e as f32 + 0.5) * per_d) as usize
}

fn load(kind: Kind, x: &[f64], row: usize, k: usize, len: usize, rows: usize) -> Complex<f64> {
    match kind {
        Kind::Real => Complex::from(x[row * len + k]),
        Kind::Pairs => {
            let first = 2 * row * len + k;
            Complex::new(
                x[first],
                if 2 * row + 1 < rows {
                    x[first + len]
                } else {
                    0.0
                },
            )
        }
        Kind::Complex => Complex::new(x[2 * (row * len + k)], x[2 * (row * len + k) + 1]),
    }
}

/// `fft_pass.wgsl`, from `rows` rows of `x` to `transforms` complex rows.
fn run_pass(pass: &Pass, kind: Kind, transforms: usize, rows: usize, x: &[f64]) -> Row {
    let (length, part, step, shift) = (pass.stages.length, pass.part, pass.step, pass.shift);
    let (twiddles, places) = (pass.twiddles(), pass.stages.places());
    let stride = part * step;
    let columns = transforms * stride;
    let lane = (1 << shift) - 1;
    let mut y = vec![Complex::new(f64::NAN, 0.0); columns * length];
    for first in (0..columns).step_by(pass.slots() / length) {
        let mut slots = vec![Complex::ZERO; pass.slots()];
        for (e, slot) in slots.iter_mut().enumerate() {
            let deep = e >> shift;
            let column = first + ((deep / length) << shift) + (e & lane);
            if column < columns {
                let k = column % stride + deep % length * stride;
                *slot = load(kind, x, column / stride, k, length * stride, rows);
            }
        }
        transform_slots(&mut slots, shift, &pass.stages, &twiddles);
        for e in 0..slots.len() {
            let (mut j, mut c) = (e % length, e / length);
            if step >= 4 {
                let deep = e >> shift;
                (j, c) = (deep % length, ((deep / length) << shift) + (e & lane));
            }
            let column = first + c;
            if column < columns {
                let t = column % stride;
                let p = t / step;
                let mut value =
                    slots[(((c >> shift) * length + places[j] as usize) << shift) + (c & lane)];
                if part > 1 {
                    value *= twiddles[length - 1 + p * length + j];
                }
                y[(column - t) * length + (p * length + j) * step + t % step] = value;
            }
        }
    }
    y
}

fn flat(row: &[Complex<f64>]) -> Vec<f64> {
    row.iter().flat_map(|z| [z.re, z.im]).collect()
}

fn smooth(x: &[Complex<f64>], length: usize, inner: usize, slots: usize) -> Option<Row> {
    let transforms = x.len() / (length * inner);
    let run =
        |row: Row, pass: Pass| run_pass(&pass, Kind::Complex, transforms, transforms, &flat(&row));
    Some(
        passes(length, inner, slots)?
            .into_iter()
            .fold(x.to_vec(), run),
    )
}

fn bluestein(x: &[Complex<f64>], slots: usize) -> Row {
    let (n, m) = (x.len(), convolution_length(x.len()));
    let chirp = chirp(n);
    let mut padded: Row = x.iter().zip(&chirp).map(|(x, c)| x * c).collect();
    padded.resize(m, Complex::ZERO);
    let spectrum = smooth(&padded, m, 1, slots).expect("smooth");
    let product: Row = spectrum
        .iter()
        .zip(filter(n, m))
        .map(|(x, f)| (x * f).conj())
        .collect();
    let sum = smooth(&product, m, 1, slots).expect("smooth");
    sum.iter().zip(&chirp).map(|(x, c)| x.conj() * c).collect()
}

fn samples(count: usize) -> Row {
    (0..count)
        .map(|i| Complex::new((i * 37 % 101) as f64 - 50.0, (i * i % 89) as f64 - 44.0))
        .collect()
}

fn reference(x: &[Complex<f64>]) -> Row {
    let mut y = x.to_vec();
    rustfft::FftPlanner::new()
        .plan_fft_forward(x.len())
        .process(&mut y);
    y
}

fn check(name: &str, got: &[Complex<f64>], expected: &[Complex<f64>]) {
    let error: f64 = got
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).norm_sqr())
        .sum();
    let norm: f64 = expected.iter().map(|b| b.norm_sqr()).sum();
    // f64 rounding over the stages; a wrong index gives 1.
    assert!(
        error.sqrt() <= 1e-11 * norm.sqrt(),
        "{name}: off by {:e}",
        (error / norm).sqrt()
    );
}

#[test]
fn every_short_length() {
    for n in 1..=512 {
        let x = samples(n);
        for slots in [32, 2048] {
            let y = smooth(&x, n, 1, slots).unwrap_or_else(|| bluestein(&x, slots));
            check(&format!("{n} in {slots}"), &y, &reference(&x));
        }
    }
}

#[test]
fn long_lengths_in_passes() {
    for n in [
        1000,
        4096,
        5000,
        10000,
        16384,
        30000,
        46875,
        1 << 17,
        117_649,
        10007,
        4093,
    ] {
        let x = samples(n);
        for slots in [2048, 4096] {
            let y = smooth(&x, n, 1, slots).unwrap_or_else(|| bluestein(&x, slots));
            check(&format!("{n} in {slots}"), &y, &reference(&x));
        }
    }
}

#[test]
fn many_rows_and_both_axes() {
    for (rows, cols) in [(5, 12), (7, 60), (64, 3), (100, 35), (360, 5), (3, 2048)] {
        for slots in [64, 2048] {
            let x = samples(rows * cols);
            let expected: Row = x.chunks(cols).flat_map(reference).collect();
            check(
                &format!("{rows}x{cols} along 1"),
                &smooth(&x, cols, 1, slots).expect("smooth"),
                &expected,
            );
            let column =
                |c: usize| reference(&x.iter().skip(c).step_by(cols).copied().collect::<Row>());
            let columns: Vec<Row> = (0..cols).map(column).collect();
            let expected: Row = (0..rows * cols)
                .map(|e| columns[e % cols][e / cols])
                .collect();
            if let Some(y) = smooth(&x, rows, cols, slots) {
                check(&format!("{rows}x{cols} along 0"), &y, &expected);
            }
        }
    }
}

#[test]
fn real_rows_one_by_one_and_in_pairs() {
    let (rows, n) = (5, 21);
    let x: Vec<f64> = samples(rows * n).iter().map(|z| z.re).collect();
    let pass = &passes(n, 1, 2048).expect("smooth")[0];
    let expected: Row = x
        .chunks(n)
        .flat_map(|row| reference(&row.iter().map(|&re| re.into()).collect::<Row>()))
        .collect();
    check(
        "real",
        &run_pass(pass, Kind::Real, rows, rows, &x),
        &expected,
    );
    let z = run_pass(pass, Kind::Pairs, rows.div_ceil(2), rows, &x);
    let unpacked: Row = (0..rows * n)
        .map(|e| {
            let (row, k) = (e / n, e % n);
            let (a, b) = (z[row / 2 * n + k], z[row / 2 * n + (n - k) % n].conj());
            if row % 2 == 0 {
                (a + b) / 2.0
            } else {
                (a - b) / Complex::new(0.0, 2.0)
            }
        })
        .collect();
    check("pairs", &unpacked, &expected);
}

#[test]
fn real_rows_by_halves() {
    for n in [2, 4, 30, 98] {
        let (m, x) = (n / 2, samples(n));
        let x: Vec<f64> = x.iter().map(|z| z.re).collect();
        let z = run_pass(
            &passes(m, 1, 2048).expect("smooth")[0],
            Kind::Complex,
            1,
            1,
            &x,
        );
        let roots = roots(Packing::Halves, n);
        let bin = |k: usize| {
            let (a, b) = (z[k % m], z[(m - k) % m].conj());
            (a + b) / 2.0 + roots[k] * (a - b) / Complex::new(0.0, 2.0)
        };
        let unpacked: Row = (0..n)
            .map(|k| if k > m { bin(n - k).conj() } else { bin(k) })
            .collect();
        let row: Row = x.iter().map(|&re| re.into()).collect();
        check("halves", &unpacked, &reference(&row));
    }
}
