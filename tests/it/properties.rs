//! What holds for any chunk: Parseval, round trips, linearity, independence of channels, and that no device, number of
//! threads or size of tiles matters.

use distpy_gpu::block::{Block, Kind, Precision};
use ndarray::{Array2, Axis};
use num_complex::Complex;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::backend::{self, Backend, Case};
use crate::commands::stored;
use crate::graphs::naive::to_f64;

/// Few cases: each compiles shaders for its own shape.
fn few(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

const PRF: f64 = 1000.0;

/// Numbers of samples: small, prime, smooth.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![
        2..40usize,
        prop::sample::select(vec![53, 97, 127, 251, 509, 1009]),
        prop::sample::select(vec![64, 100, 128, 360, 500, 1000, 1024]),
    ]
}

/// Noise in steps of 1/16, which single precision holds exactly.
fn noise(seed: u64, rows: usize, cols: usize) -> Array2<f64> {
    let mut state = seed;
    Array2::from_shape_simple_fn((rows, cols), || {
        // Knuth's generator; its high bits are good.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 52) as f64 - 2048.0) / 16.0
    })
}

fn chunks() -> impl Strategy<Value = Array2<f64>> {
    (any::<u64>(), 1..8usize, lengths()).prop_map(|(seed, rows, cols)| noise(seed, rows, cols))
}

/// Of the output's scale: rounding grows with the logarithm of the length.
fn tolerance(on: Backend) -> f64 {
    if on.double() { 1e-12 } else { 1e-5 }
}

/// Commands in a row, the last of which is written.
fn flow(commands: &[Value], x: &Array2<f64>) -> Case {
    let mut list: Vec<Value> = commands.to_vec();
    list.push(json!({"name": "write_npy", "directory_out": "out"}));
    for (k, command) in list.iter_mut().enumerate() {
        command["uid"] = json!(k + 1);
        command["in_uid"] = json!(k);
    }
    let mut case = Case::of_command(json!({"name": "NONE"}), stored(x), vec![]);
    case.flow = json!({ "command_list": list });
    case.prf = PRF;
    case
}

fn apply(commands: &[Value], x: &Array2<f64>, on: Backend) -> Block<f64> {
    flow(commands, x).result(on).unwrap()
}

#[track_caller]
fn close(got: &Block<f64>, want: &Block<f64>, on: Backend, what: &str) {
    let error = backend::difference(got, want);
    let shape = want.shape();
    assert!(
        error <= tolerance(on),
        "{what} {shape:?} on {on:?}: {error:.1e} of scale"
    );
}

fn scaled(block: &Block<f64>, factor: f64) -> Block<f64> {
    match block.kind() {
        Kind::Complex => Block::complex(block.as_complex().mapv(|v| v * factor)),
        _ => Block::real(block.as_real() * factor),
    }
}

fn largest(block: &Block<f64>) -> f64 {
    let magnitudes: Vec<f64> = match block.kind() {
        Kind::Complex => block.as_complex().iter().map(|v| v.norm()).collect(),
        _ => block.as_real().iter().map(|v| v.abs()).collect(),
    };
    magnitudes.into_iter().fold(0.0, f64::max)
}

fn added(a: &Block<f64>, b: &Block<f64>) -> Block<f64> {
    match a.kind() {
        Kind::Complex => Block::complex(a.as_complex() + b.as_complex()),
        _ => Block::real(a.as_real() + b.as_real()),
    }
}

fn fft() -> Value {
    json!({"name": "fft"})
}

fn energies(low: &[f64], high: &[f64]) -> Value {
    json!({"name": "multiple_calcs", "func": "te_from_fft", "low_freq": low, "high_freq": high})
}

proptest! {
    #![proptest_config(few(8))]

    /// Rows of several lengths in one go: sum x^2 = E / n, and what the spectrum says of the RMS is what the samples say.
    #[test]
    fn energy_is_the_same_in_time_and_frequency(x in chunks()) {
        let n = x.ncols() as f64;
        let squares = x.mapv(|v| v * v).sum_axis(Axis(1)).insert_axis(Axis(1));
        for &on in backend::all() {
            let energy = apply(&[fft(), energies(&[0.0], &[-1.0])], &x, on);
            close(&energy, &Block::real(&squares * n), on, "energy");
            let rms = apply(&[fft(), json!({"name": "rms_from_fft"})], &x, on);
            close(&rms, &Block::real((&squares / n).mapv(f64::sqrt)), on, "rms");
        }
    }

    #[test]
    fn adjacent_bands_add_up_to_the_whole(x in chunks(), cuts in any::<[prop::sample::Index; 2]>()) {
        let bins = x.ncols() / 2 + 1;
        prop_assume!(bins >= 4);
        // Each band holds a bin: 0 < first cut < second cut <= Nyquist.
        let first = 1 + cuts[0].index(bins - 3);
        let second = first + 1 + cuts[1].index(bins - first - 2);
        let [a, b] = [first, second].map(|bin| bin as f64 * PRF / x.ncols() as f64);
        let bands = energies(&[0.0, a, b, 0.0], &[a, b, -1.0, -1.0]);
        for &on in backend::all() {
            let energies = apply(&[fft(), bands.clone()], &x, on);
            let table = energies.as_real();
            let parts = table.slice(ndarray::s![.., ..3]).sum_axis(Axis(1)).insert_axis(Axis(1));
            let whole = table.slice(ndarray::s![.., 3..]).to_owned();
            close(&Block::real(parts), &Block::real(whole), on, "bands");
            assert!(table.iter().all(|energy| *energy >= 0.0));
        }
    }

    #[test]
    fn a_transform_there_and_back_changes_nothing(x in chunks(), axis in 0..2i64) {
        let there = json!({"name": "fft", "axis": axis});
        let back = json!({"name": "ifft", "axis": axis});
        let want = Block::complex(x.mapv(|v| Complex::new(v, 0.0)));
        for &on in backend::all() {
            close(&apply(&[there.clone(), back.clone()], &x, on), &want, on, "fft, ifft");
            close(&apply(&[back.clone(), there.clone()], &x, on), &want, on, "ifft, fft");
        }
    }

    #[test]
    fn linear_commands_are_linear(x in chunks(), seed in any::<u64>(), factor in -8..8i32, axis in 0..2i64) {
        let y = noise(seed, x.nrows(), x.ncols());
        let both = &x * f64::from(factor) + &y;
        let mut commands = vec![
            json!({"name": "fft", "axis": axis}),
            json!({"name": "ifft", "axis": axis}),
            json!({"name": "sum", "axis": axis}),
            json!({"name": "mean", "axis": axis}),
            json!({"name": "mean", "axis": null}),
            json!({"name": "real"}),
        ];
        // The filter extends a row by 18 samples at either end.
        if x.ncols() > 18 {
            commands.push(json!({"name": "butter", "freq": 130}));
            commands.push(json!({"name": "butter", "type": "bandpass", "freq": [90, 310], "order": 2, "padtype": "odd"}));
        }
        for command in commands {
            let command = std::slice::from_ref(&command);
            for &on in backend::all() {
                let [fx, fy, got] = [&x, &y, &both].map(|input| apply(command, input, on));
                let want = added(&scaled(&fx, factor.into()), &fy);
                // Sums may cancel: errors are of the terms' scale.
                let terms = largest(&fx) * f64::from(factor).abs() + largest(&fy);
                let error = backend::difference(&got, &want) * largest(&want) / terms;
                let command = &command[0];
                prop_assert!(error <= tolerance(on), "{command} on {on:?}: {error:.1e}");
            }
        }
    }

    #[test]
    fn channels_do_not_know_each_other(x in chunks(), turn in any::<prop::sample::Index>()) {
        let by = turn.index(x.nrows());
        let order: Vec<usize> = (0..x.nrows()).map(|row| (row + by) % x.nrows()).collect();
        let turned = x.select(Axis(0), &order);
        for command in [
            json!({"name": "fft"}),
            json!({"name": "ifft"}),
            json!({"name": "sum"}),
            json!({"name": "abs"}),
            json!({"name": "butter", "freq": 130, "padtype": null}),
        ] {
            let command = std::slice::from_ref(&command);
            for &on in backend::all() {
                let want = match apply(command, &x, on).samples {
                    distpy_gpu::block::Samples::Complex(a) => Block::complex(a.select(Axis(0), &order)),
                    other => Block::real(Block { samples: other }.as_real().select(Axis(0), &order)),
                };
                close(&apply(command, &turned, on), &want, on, &command[0].to_string());
            }
        }
    }

    #[test]
    fn depth_is_treated_like_time(x in chunks()) {
        let across = x.t().as_standard_layout().into_owned();
        for (along_depth, along_time) in [
            (json!({"name": "fft", "axis": 0}), json!({"name": "fft", "axis": 1})),
            (json!({"name": "ifft", "axis": 0}), json!({"name": "ifft", "axis": 1})),
            (json!({"name": "sum", "axis": 0}), json!({"name": "sum", "axis": 1})),
            (json!({"name": "mean", "axis": 0}), json!({"name": "mean", "axis": -1})),
            // Channels are counted where no depths are given: 0.13 of their rate is 130 Hz of 1 kHz.
            (
                json!({"name": "butter", "axis": 0, "freq": 0.13, "padtype": null}),
                json!({"name": "butter", "axis": 1, "freq": 130, "padtype": null}),
            ),
        ] {
            for &on in backend::all() {
                let got = apply(std::slice::from_ref(&along_depth), &across, on).transposed();
                let want = apply(std::slice::from_ref(&along_time), &x, on);
                close(&got, &want, on, &along_depth.to_string());
            }
        }
    }

    #[test]
    fn every_backend_gives_the_same_numbers(seed in any::<u64>(), rows in 1..40usize, cols in 1..400usize) {
        for (rows, cols) in [(rows, cols), (1, cols), (rows, 1)] {
            let x = noise(seed, rows, cols);
            let mut flows = vec![
                vec![json!({"name": "fft", "axis": 0}), json!({"name": "abs"})],
                vec![json!({"name": "ifft", "axis": 1})],
                vec![json!({"name": "abs"}), json!({"name": "mean", "axis": 0})],
                vec![json!({"name": "sum", "axis": null})],
                vec![fft(), json!({"name": "sum", "axis": 0}), json!({"name": "real"})],
            ];
            if cols > 1 {
                flows.push(vec![fft(), energies(&[0.0, 100.0], &[400.0, -1.0])]);
            }
            for commands in &flows {
                let want = apply(commands, &x, Backend::Cpu(Precision::F64));
                for &on in backend::all() {
                    close(&apply(commands, &x, on), &want, on, &json!(commands).to_string());
                }
            }
        }
    }
}

/// Row-by-row steps, steps that need all rows, and both in turn.
fn mixed() -> Vec<Vec<Value>> {
    let butter = json!({"name": "butter", "freq": 130});
    let columns = json!({"name": "fft", "axis": 0});
    vec![
        vec![fft(), energies(&[0.0, 100.0], &[100.0, -1.0])],
        vec![
            json!({"name": "abs"}),
            butter,
            columns.clone(),
            json!({"name": "abs"}),
            json!({"name": "mean"}),
        ],
        vec![
            fft(),
            json!({"name": "mean", "axis": 0}),
            json!({"name": "abs"}),
        ],
        vec![
            columns,
            json!({"name": "ifft", "axis": 1}),
            json!({"name": "real"}),
        ],
    ]
}

#[test]
fn threads_do_not_matter() {
    let x = noise(5, 67, 500);
    for commands in mixed() {
        for precision in [Precision::F64, Precision::F32] {
            let on = Backend::Cpu(precision);
            let with = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                pool.install(|| apply(&commands, &x, on))
            };
            // One thread has tiles of 24 rows, eight have tiles of 3: rows that are filtered together in other groups round alike.
            assert_eq!(
                backend::difference(&with(8), &with(1)),
                0.0,
                "{commands:?} in {precision:?}"
            );
        }
    }
}

/// A device of little memory works in tiles of rows, or leaves a step to the CPU.
#[cfg(feature = "gpu")]
#[test]
fn tiles_on_the_device_do_not_matter() {
    use distpy_gpu::execute::gpu::GpuExecutor;
    use distpy_gpu::execute::{Executor, Job};
    use distpy_gpu::gpu::engine::Engine;
    use std::sync::Arc;

    let Some(mut choice) = backend::choose_adapter() else {
        return;
    };
    let x = noise(5, 67, 500);
    let whole = choice.info.limits.binding;
    for commands in mixed() {
        let case = flow(&commands, &x);
        let want = case.result(Backend::Cpu(Precision::F64)).unwrap();
        let mut texts = Vec::new();
        // A row of complex numbers has 4000 bytes, so tiles have 16 rows, then 2.
        for binding in [whole, 64_000, 9_000] {
            choice.info.limits.binding = binding;
            let mut gpu = GpuExecutor::new(Engine::open(&choice).unwrap());
            let plan = Arc::new(case.plan().unwrap().1);
            let slot = plan.sinks[0].inputs[0];
            let id = distpy_gpu::command::ChunkId::of_second(0);
            let job = Job {
                id,
                path: "chunk.npy".into(),
                plan,
                sources: vec![stored(&x)],
                samples: 0,
                identity: String::new(),
            };
            texts.push(gpu.explain(&job).unwrap());
            gpu.submit(job);
            let (_, results) = gpu.collect().unwrap();
            let got = to_f64(&results.blocks[&slot]);
            close(
                &got,
                &want,
                Backend::Gpu(Precision::F32),
                &format!("{commands:?} with {binding} bytes"),
            );
        }
        assert!(texts[0] != texts[1] && texts[1] != texts[2], "{texts:?}");
    }
}
