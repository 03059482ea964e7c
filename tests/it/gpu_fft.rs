//! Fourier transforms and bands on the GPU against rustfft in f64.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use bytemuck::{AnyBitPattern, NoUninit};
use distpy_gpu::block::Precision;
use distpy_gpu::dsp::bands::{Band, BandSums, Measure};
use distpy_gpu::gpu::adapter::{self, Want};
use distpy_gpu::gpu::engine::Engine;
use distpy_gpu::gpu::kernels::{bands, fft};
use distpy_gpu::gpu::{Element, Limits, Recorder, Recording, Tensor};
use num_complex::Complex;
use rustfft::FftPlanner;

/// Lengths with the primes that have butterflies, others for Bluestein's transform, and what fits no workgroup.
const LENGTHS: &[usize] = &[
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    11,
    13,
    30,
    97,
    120,
    210,
    227,
    256,
    1000,
    1009,
    2000,
    4096,
    10000,
    10007,
    16384,
    30000,
    65536,
    1 << 20,
];

/// f32 rounding over up to twenty stages, as relative L2: rustfft and realfft in f32 reach 1.2e-7 to 1.4e-7.
const SMOOTH: f64 = 5e-7;
/// Bluestein's transform goes through two transforms of twice the length and three products.
const BLUESTEIN: f64 = 1e-6;

/// The software adapter, the same everywhere. Without one tests are skipped, unless `DISTPY_GPU_TESTS=require`.
fn engine() -> Option<&'static Engine> {
    static ENGINE: LazyLock<Option<Engine>> = LazyLock::new(|| {
        let choice = adapter::choose(Want::Software, None);
        let choice = choice.or_else(|none| adapter::choose(Want::Gpu, None).map_err(|_| none));
        match choice.and_then(|choice| Engine::open(&choice)) {
            Ok(engine) => Some(engine),
            Err(error) => {
                let required = std::env::var("DISTPY_GPU_TESTS").is_ok_and(|v| v == "require");
                assert!(!required, "DISTPY_GPU_TESTS=require: {error}");
                eprintln!("GPU tests are skipped: {error}");
                None
            }
        }
    });
    ENGINE.as_ref()
}

/// Runs a recording of one input and returns its outputs.
fn run<T: AnyBitPattern + NoUninit>(
    engine: &Engine,
    recording: &Recording,
    input: &[T],
) -> Vec<Vec<T>> {
    let program = engine.load(recording).unwrap();
    let ticket = engine.submit(&program, &mut |_, mut staging| {
        staging.write(0, bytemuck::cast_slice(input))
    });
    let finished = engine.finish(ticket.unwrap()).unwrap();
    finished
        .outputs
        .iter()
        .map(|bytes| bytemuck::pod_collect_to_vec(bytes))
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction {
    Forward,
    Inverse,
}

/// One transform: shape, element, axis and direction.
#[derive(Debug, Clone, Copy)]
struct Case {
    rows: usize,
    cols: usize,
    element: Element,
    axis: usize,
    direction: Direction,
}

impl Case {
    fn length(self) -> usize {
        if self.axis == 0 { self.rows } else { self.cols }
    }

    fn samples(self) -> Vec<Complex<f64>> {
        let real = self.element == Element::Real;
        let samples = noise(self.rows * self.cols, self.length());
        samples
            .map(|z| if real { z.re.into() } else { z })
            .collect()
    }

    fn upload(self) -> Vec<f32> {
        let samples = self.samples();
        match self.element {
            Element::Real => samples.iter().map(|z| z.re as f32).collect(),
            _ => flat(&samples),
        }
    }

    fn record(self, rec: &mut Recorder, x: Tensor) -> Tensor {
        match self.direction {
            Direction::Forward => fft::forward(rec, x, self.axis),
            Direction::Inverse => fft::inverse(rec, x, self.axis),
        }
    }

    fn expected(self) -> Vec<Complex<f64>> {
        let samples = self.samples();
        if self.axis == 1 {
            return samples
                .chunks(self.cols)
                .flat_map(|row| self.line(row.to_vec()))
                .collect();
        }
        let column =
            |c: usize| self.line(samples.iter().skip(c).step_by(self.cols).copied().collect());
        let columns: Vec<_> = (0..self.cols).map(column).collect();
        (0..samples.len())
            .map(|e| columns[e % self.cols][e / self.cols])
            .collect()
    }

    fn line(self, mut line: Vec<Complex<f64>>) -> Vec<Complex<f64>> {
        let length = line.len() as f64;
        let mut planner = FftPlanner::new();
        match self.direction {
            Direction::Forward => planner.plan_fft_forward(line.len()).process(&mut line),
            Direction::Inverse => {
                planner.plan_fft_inverse(line.len()).process(&mut line);
                line.iter_mut().for_each(|z| *z /= length);
            }
        }
        line
    }
}

/// Uniform noise in -1..1 and a tone, all exact in f32.
fn noise(count: usize, period: usize) -> impl Iterator<Item = Complex<f64>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from((state >> 40) as f32 / (1 << 23) as f32 - 1.0)
    };
    (0..count)
        .map(move |i| Complex::new(next() + f64::from((i % period).is_multiple_of(5)), next()))
}

fn flat(samples: &[Complex<f64>]) -> Vec<f32> {
    samples
        .iter()
        .flat_map(|z| [z.re as f32, z.im as f32])
        .collect()
}

fn complex(values: &[f32]) -> Vec<Complex<f64>> {
    values
        .chunks(2)
        .map(|z| Complex::new(z[0].into(), z[1].into()))
        .collect()
}

fn distance(got: &[Complex<f64>], expected: &[Complex<f64>]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let error: f64 = got
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).norm_sqr())
        .sum();
    let norm: f64 = expected.iter().map(|b| b.norm_sqr()).sum();
    (error / norm).sqrt()
}

fn tolerance(length: usize) -> f64 {
    let mut rest = length;
    for prime in [2, 3, 5, 7] {
        while rest.is_multiple_of(prime) {
            rest /= prime;
        }
    }
    if rest == 1 { SMOOTH } else { BLUESTEIN }
}

fn check(engine: &Engine, limits: Limits, case: Case) {
    let mut rec = Recorder::new(limits, Precision::F32);
    let x = rec.input(case.rows, case.cols, case.element);
    let y = case.record(&mut rec, x);
    assert_eq!(
        (y.rows(), y.cols(), y.element()),
        (case.rows, case.cols, Element::Complex)
    );
    let got = run(engine, &rec.finish(&[y]), &case.upload()).remove(0);
    let error = distance(&complex(&got), &case.expected());
    let allowed = tolerance(case.length());
    assert!(
        error <= allowed,
        "{case:?} with {} B: error {error:e}, allowed {allowed:e}",
        limits.workgroup_storage
    );
}

/// The device's limits, and the least that WebGPU allows where they make a difference: rows beyond 16 KiB, or padded ones.
fn limits_for(engine: &Engine, length: usize) -> Vec<Limits> {
    let own = *engine.limits();
    if length < 1000 {
        vec![own]
    } else {
        vec![own, Limits::DOWNLEVEL]
    }
}

#[test]
fn every_length_along_time() {
    let Some(engine) = engine() else { return };
    for &length in LENGTHS {
        // Three rows: an odd number for pairs of rows.
        let rows = if length > 30000 { 1 } else { 3 };
        for limits in limits_for(engine, length) {
            for element in [Element::Real, Element::Complex] {
                check(
                    engine,
                    limits,
                    Case {
                        rows,
                        cols: length,
                        element,
                        axis: 1,
                        direction: Direction::Forward,
                    },
                );
            }
            let element = Element::Complex;
            check(
                engine,
                limits,
                Case {
                    rows,
                    cols: length,
                    element,
                    axis: 1,
                    direction: Direction::Inverse,
                },
            );
        }
    }
}

#[test]
fn a_prime_length_near_the_longest() {
    let Some(engine) = engine() else { return };
    let case = Case {
        rows: 1,
        cols: (1 << 20) - 3,
        element: Element::Real,
        axis: 1,
        direction: Direction::Forward,
    };
    check(engine, *engine.limits(), case);
}

#[test]
fn many_short_rows_fill_workgroups() {
    let Some(engine) = engine() else { return };
    for (rows, cols) in [(32, 97), (32, 105), (31, 256), (29, 63)] {
        for element in [Element::Real, Element::Complex] {
            let case = Case {
                rows,
                cols,
                element,
                axis: 1,
                direction: Direction::Forward,
            };
            check(engine, *engine.limits(), case);
        }
    }
}

#[test]
fn along_depth() {
    let Some(engine) = engine() else { return };
    let shapes = [
        (1, 8),
        (5, 3),
        (32, 7),
        (97, 20),
        (120, 33),
        (210, 1),
        (1000, 6),
        (1009, 2),
        (4096, 5),
        (10000, 2),
    ];
    for (rows, cols) in shapes {
        for limits in limits_for(engine, rows) {
            let forward = Case {
                rows,
                cols,
                element: Element::Real,
                axis: 0,
                direction: Direction::Forward,
            };
            check(engine, limits, forward);
            check(
                engine,
                limits,
                Case {
                    element: Element::Complex,
                    direction: Direction::Inverse,
                    ..forward
                },
            );
        }
    }
}

#[test]
fn real_input_of_an_inverse_has_no_imaginary_part() {
    let Some(engine) = engine() else { return };
    for cols in [15, 64, 22] {
        let case = Case {
            rows: 4,
            cols,
            element: Element::Real,
            axis: 1,
            direction: Direction::Inverse,
        };
        check(engine, *engine.limits(), case);
    }
}

#[test]
fn round_trips_keep_samples_and_energy() {
    let Some(engine) = engine() else { return };
    for length in [360, 1001, 10000, 46875] {
        let case = Case {
            rows: 2,
            cols: length,
            element: Element::Real,
            axis: 1,
            direction: Direction::Forward,
        };
        let mut rec = Recorder::new(*engine.limits(), Precision::F32);
        let x = rec.input(case.rows, case.cols, case.element);
        let spectrum = fft::forward(&mut rec, x, 1);
        let back = fft::inverse(&mut rec, spectrum, 1);
        let got = run(engine, &rec.finish(&[spectrum, back]), &case.upload());
        let samples = case.samples();
        let error = distance(&complex(&got[1]), &samples);
        assert!(
            error <= 2.0 * tolerance(length),
            "length {length}: {error:e}"
        );
        let energy: f64 = samples.iter().map(|z| z.norm_sqr()).sum();
        let power: f64 = complex(&got[0]).iter().map(|z| z.norm_sqr()).sum::<f64>() / length as f64;
        assert!(
            (power - energy).abs() <= 1e-6 * energy,
            "Parseval, length {length}: {power} for {energy}"
        );
    }
}

#[test]
fn transforms_are_linear() {
    let Some(engine) = engine() else { return };
    for length in [300, 331, 8192] {
        let samples: Vec<_> = noise(3 * length, length).collect();
        // The third row is a sum of the others.
        let sum = (0..length).map(|i| 0.5 * samples[i] - 2.0 * samples[length + i]);
        let rows: Vec<_> = samples[..2 * length].iter().copied().chain(sum).collect();
        let mut rec = Recorder::new(*engine.limits(), Precision::F32);
        let x = rec.input(3, length, Element::Complex);
        let y = fft::forward(&mut rec, x, 1);
        let got = complex(&run(engine, &rec.finish(&[y]), &flat(&rows))[0]);
        let sum: Vec<_> = (0..length)
            .map(|i| 0.5 * got[i] - 2.0 * got[length + i])
            .collect();
        let error = distance(&got[2 * length..], &sum);
        assert!(
            error <= 2.0 * tolerance(length),
            "length {length}: {error:e}"
        );
    }
}

#[test]
fn double_precision_where_the_device_has_it() {
    let Some(engine) = engine().filter(|engine| engine.limits().f64) else {
        return;
    };
    for length in [1000, 1009, 2310, 10000] {
        let case = Case {
            rows: 3,
            cols: length,
            element: Element::Real,
            axis: 1,
            direction: Direction::Forward,
        };
        let mut rec = Recorder::new(*engine.limits(), Precision::F64);
        let x = rec.input(case.rows, case.cols, case.element);
        let y = fft::forward(&mut rec, x, 1);
        let samples: Vec<f64> = case.samples().iter().map(|z| z.re).collect();
        let got: Vec<f64> = run(engine, &rec.finish(&[y]), &samples).remove(0);
        let got: Vec<_> = got.chunks(2).map(|z| Complex::new(z[0], z[1])).collect();
        let error = distance(&got, &case.expected());
        // As for f32, in units of the last place.
        let allowed = tolerance(length) * f64::EPSILON / f64::from(f32::EPSILON);
        assert!(
            error <= allowed,
            "length {length}: {error:e}, allowed {allowed:e}"
        );
    }
}

fn group(bins: &[Range<usize>], measure: Measure, rows: usize) -> BandSums {
    let band = |(i, bins): (usize, &Range<usize>)| Band {
        bins: bins.clone(),
        first: 1.0,
        inner: 2.0,
        last: 1.0 + i as f64,
    };
    BandSums {
        bands: bins.iter().enumerate().map(band).collect(),
        measure,
        scale: (0..rows)
            .map(|row| 0.5 + row as f64)
            .collect::<Arc<[f64]>>(),
    }
}

/// The formula of [`Band`] on a spectrum.
fn band_value(group: &BandSums, band: &Band, spectrum: &[Complex<f64>], row: usize) -> f64 {
    let power = |k: usize| spectrum[k].norm_sqr();
    let bins = band.bins.clone();
    let energy = match bins.len() {
        0 => 0.0,
        1 => band.first * power(bins.start),
        _ => {
            let inner: f64 = (bins.start + 1..bins.end - 1).map(power).sum();
            band.first * power(bins.start) + band.inner * inner + band.last * power(bins.end - 1)
        }
    };
    match group.measure {
        Measure::Energy => energy,
        Measure::Rms => energy.sqrt() * group.scale[row],
    }
}

/// Whole rows, halves, single bins, no bins, overlaps, and bins beyond half the length.
fn groups_for(n: usize, rows: usize) -> [BandSums; 2] {
    let half = n / 2 + 1;
    let whole = [
        0..n,
        0..half,
        0..1,
        n - 1..n,
        n / 3..n / 3,
        n / 4..n / 4 + 1,
        n / 4..(n / 4 + 2).min(n),
        n / 3..n - n / 8,
    ];
    let nested: Vec<_> = (0..12).map(|i| n * i / 40..half * (i + 4) / 16).collect();
    [
        group(&whole, Measure::Energy, rows),
        group(&nested, Measure::Rms, rows),
    ]
}

fn check_bands(engine: &Engine, limits: Limits, case: Case, from_spectrum: bool) {
    const OFFSET: usize = 7;
    let groups = groups_for(case.cols, OFFSET + case.rows);
    let mut rec = Recorder::new(limits, Precision::F32);
    let x = rec.input(case.rows, case.cols, case.element);
    let results = if from_spectrum {
        bands::from_spectrum(&mut rec, x, &groups, OFFSET)
    } else {
        fft::bands(&mut rec, x, &groups, OFFSET)
    };
    let got = run(engine, &rec.finish(&results), &case.upload());
    let spectra = if from_spectrum {
        case.samples()
    } else {
        case.expected()
    };
    for (group, got) in groups.iter().zip(got) {
        let expected: Vec<f64> = spectra
            .chunks(case.cols)
            .enumerate()
            .flat_map(|(row, spectrum)| {
                group
                    .bands
                    .iter()
                    .map(move |band| band_value(group, band, spectrum, OFFSET + row))
            })
            .collect();
        let scale = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        assert_eq!(got.len(), expected.len());
        for (i, (&got, &expected)) in got.iter().zip(&expected).enumerate() {
            let band = &group.bands[i % group.bands.len()];
            // f32 rounding of the spectrum, squared and summed; an empty band is exactly 0.
            let allowed = if band.bins.is_empty() {
                0.0
            } else {
                1e-5 * scale
            };
            let error = (f64::from(got) - expected).abs();
            assert!(
                error <= allowed,
                "{case:?}, {:?} {band:?}: {got}, expected {expected}",
                group.measure
            );
        }
    }
}

#[test]
fn bands_of_rows() {
    let Some(engine) = engine() else { return };
    for cols in [
        1, 2, 3, 4, 9, 30, 97, 210, 1000, 1001, 4096, 10000, 10007, 30000,
    ] {
        let case = Case {
            rows: 5,
            cols,
            element: Element::Real,
            axis: 1,
            direction: Direction::Forward,
        };
        for limits in limits_for(engine, cols) {
            check_bands(engine, limits, case, false);
        }
        if cols < 5000 {
            check_bands(
                engine,
                *engine.limits(),
                Case {
                    element: Element::Complex,
                    ..case
                },
                false,
            );
            check_bands(
                engine,
                *engine.limits(),
                Case {
                    element: Element::Complex,
                    ..case
                },
                true,
            );
        }
    }
}

#[test]
fn a_weak_band_beside_a_strong_tone_keeps_its_digits() {
    let Some(engine) = engine() else { return };
    // A spectrum with power 1e12 in one bin and 1 in others: sums that differ from prefix to prefix would lose every digit.
    let n = 4000;
    let spectrum: Vec<f32> = (0..n)
        .flat_map(|k| [if k == 10 { 1e6 } else { 1.0 }, 0.0])
        .collect();
    let group = group(&[0..n, 11..n, 100..200], Measure::Energy, 1);
    let mut rec = Recorder::new(*engine.limits(), Precision::F32);
    let x = rec.input(1, n, Element::Complex);
    let results = bands::from_spectrum(&mut rec, x, std::slice::from_ref(&group), 0);
    let got = run(engine, &rec.finish(&results), &spectrum).remove(0);
    let spectrum = complex(&spectrum);
    for (got, band) in got.iter().zip(&group.bands) {
        let expected = band_value(&group, band, &spectrum, 0);
        // Blocked sums of up to n positive numbers in f32.
        assert!(
            (f64::from(*got) - expected).abs() <= 1e-6 * expected,
            "{band:?}: {got}, expected {expected}"
        );
    }
}
