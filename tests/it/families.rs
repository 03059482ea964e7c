//! What families of commands have in common: linear ones are linear, filters commute with shifts, repeated ones change nothing, and
//! either axis is treated alike.

use distpy_gpu::block::{Block, Kind, Samples};
use distpy_gpu::commands;
use ndarray::Array2;
use num_complex::Complex;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::backend::{self, Backend, Case};
use crate::commands::stored;

/// Small arrays with room for the windows below.
fn arrays() -> impl Strategy<Value = Array2<f64>> {
    (
        any::<u64>(),
        12..16usize,
        prop::sample::select(vec![23, 36, 41]),
    )
        .prop_map(|(seed, rows, cols)| {
            let mut state = seed | 1;
            Array2::from_shape_simple_fn((rows, cols), || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                ((state >> 52) as f64 - 2048.0) / 64.0
            })
        })
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        cases: count,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A chunk of one sample a second, so that both axes are counted alike.
fn apply(args: &Value, x: &Array2<f64>, on: Backend) -> Block<f64> {
    let mut case = Case::of_command(args.clone(), stored(x), vec![]);
    case.prf = 1.0;
    case.result(on).unwrap_or_else(|p| panic!("{args}: {p}"))
}

fn tolerance(on: Backend) -> f64 {
    if on.double() { 1e-10 } else { 2e-4 }
}

fn check(got: &Block<f64>, want: &Block<f64>, on: Backend, what: &Value) {
    let error = backend::difference(got, want);
    assert!(
        error <= tolerance(on),
        "{what} on {on:?}: {error:.1e} of scale"
    );
}

/// `a x + b y`.
fn combined(x: &Block<f64>, a: f64, y: &Block<f64>, b: f64) -> Block<f64> {
    match x.kind() {
        Kind::Complex => {
            Block::complex(x.as_complex() * Complex::from(a) + y.as_complex() * Complex::from(b))
        }
        _ => Block::real(x.as_real() * a + y.as_real() * b),
    }
}

/// Commands with arguments that suit a sampling rate of 1 Hz and a dozen channels.
fn linear() -> Vec<Value> {
    let kernel = json!([[0.5, -1.0, 0.25, 2.0], [1.0, 0.0, -0.5, 0.125]]);
    vec![
        json!({"name": "bandpass", "design": "bessel", "low_freq": 0.1, "high_freq": 0.3}),
        json!({"name": "butter", "freq": 0.2, "order": 3}),
        json!({"name": "butter", "freq": [0.1, 0.3], "type": "bandpass", "axis": 0, "order": 2}),
        json!({"name": "conj"}),
        json!({"name": "convolve", "coeffs": kernel, "mode": "mirror"}),
        json!({"name": "correlate", "coeffs": kernel}),
        json!({"name": "decimate"}),
        json!({"name": "destripe"}),
        json!({"name": "detrend"}),
        json!({"name": "diff", "window_length": 3}),
        json!({"name": "dip_filter", "velocity": 2.0}),
        json!({"name": "down_wave"}),
        json!({"name": "downsample", "xsample": 2, "tsample": 3}),
        json!({"name": "extract", "index": 4}),
        json!({"name": "fft"}),
        json!({"name": "gaussian", "mode": "reflect"}),
        json!({"name": "gradient", "axis": 1, "edge_order": 2}),
        json!({"name": "ifft", "axis": 0}),
        json!({"name": "integrate", "axis": 0}),
        json!({"name": "lin_transform", "m": -3.0}),
        json!({"name": "mean"}),
        json!({"name": "notch", "freq": 0.2}),
        json!({"name": "resample", "up": 3, "down": 2}),
        json!({"name": "roll", "window_length": 5, "axis": null}),
        json!({"name": "running_mean", "window_length": 4}),
        json!({"name": "sobel"}),
        json!({"name": "strain_rate_to_velocity"}),
        json!({"name": "sum", "axis": null}),
        json!({"name": "taper", "fraction": 0.5}),
        json!({"name": "up_wave"}),
    ]
}

/// Commands that know no place on a circle: what is shifted before is shifted after.
fn invariant() -> Vec<Value> {
    let kernel = json!([[0.5, -1.0, 0.25], [1.0, 0.0, -0.5], [0.0, 3.0, 0.125]]);
    vec![
        json!({"name": "abs"}),
        json!({"name": "bounded_select", "min_val": -5, "max_val": 9}),
        json!({"name": "convolve", "coeffs": kernel, "mode": "wrap"}),
        json!({"name": "correlate", "coeffs": kernel, "mode": "wrap"}),
        json!({"name": "destripe"}),
        json!({"name": "gaussian", "mode": "wrap"}),
        json!({"name": "hard_threshold", "threshold": 3, "value": -1}),
        json!({"name": "rescale"}),
        json!({"name": "sobel", "mode": "wrap"}),
        json!({"name": "soft_threshold", "threshold": 3}),
    ]
}

/// Commands that change nothing when they are repeated.
fn idempotent() -> Vec<Value> {
    vec![
        json!({"name": "abs"}),
        json!({"name": "clip", "xmin": 0, "xmax": 9, "tmin": 0, "tmax": 20}),
        json!({"name": "detrend"}),
        json!({"name": "mean"}),
        json!({"name": "median_subtract"}),
        json!({"name": "normalize", "method": "zscore"}),
        json!({"name": "real"}),
        json!({"name": "rescale"}),
        json!({"name": "soft_threshold", "threshold": 3}),
        json!({"name": "unwrap"}),
    ]
}

/// Arguments that commands with an axis need here; the defaults of others suit.
fn with_axis(name: &str) -> Option<Value> {
    Some(match name {
        // Two arrays, of which one has another shape, are compared with numpy.
        "multiply" => return None,
        "analytic_signal" => json!({"freq": 0.2, "window_length": 8}),
        "bandpass" => json!({"low_freq": 0.1, "high_freq": 0.3, "order": 2}),
        "butter" => json!({"freq": 0.2, "order": 2}),
        "diff" | "roll" | "running_mean" => json!({"window_length": 3}),
        "moment" => json!({"moment": 3}),
        "notch" => json!({"freq": 0.2, "quality": 2}),
        "resample" => json!({"up": 2, "down": 3}),
        _ => json!({}),
    })
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn linear_commands_are_linear(x in arrays(), seed in any::<u64>()) {
        let y = x.mapv(|v| ((v * 64.0) as i64 as f64 * 7.0 + (seed % 97) as f64) % 53.0);
        for args in linear() {
            for &on in backend::all() {
                let sum = apply(&args, &(&x * 2.0 - &y * 0.5), on);
                let parts = combined(&apply(&args, &x, on), 2.0, &apply(&args, &y, on), -0.5);
                check(&sum, &parts, on, &args);
            }
        }
    }

    #[test]
    fn shifts_may_come_before_or_after(x in arrays(), shift in 1..11usize) {
        let roll = |a: &Array2<f64>| {
            let (rows, cols) = a.dim();
            Array2::from_shape_fn((rows, cols), |(i, t)| {
                a[((i + rows - shift) % rows, (t + cols - shift) % cols)]
            })
        };
        for args in invariant() {
            for &on in backend::all() {
                let before = apply(&args, &roll(&x), on);
                let after = Block::real(roll(apply(&args, &x, on).as_real()));
                check(&before, &after, on, &args);
            }
        }
    }

    #[test]
    fn repeating_changes_nothing(x in arrays()) {
        for args in idempotent() {
            for &on in backend::all() {
                let once = apply(&args, &x, on);
                let twice = apply(&args, once.as_real(), on);
                check(&twice, &once, on, &args);
            }
        }
    }

    /// Every command with an axis, along depth and along time of the transposed block.
    #[test]
    fn axes_are_alike(x in arrays()) {
        let mut tried = 0;
        for spec in commands::ALL {
            let schema = (spec.schema)();
            let axis = schema.pointer("/properties/axis");
            let Some(mut args) = axis.and_then(|_| with_axis(spec.name)) else {
                continue;
            };
            tried += 1;
            args["name"] = spec.name.into();
            for &on in backend::all() {
                args["axis"] = 0.into();
                let down = apply(&args, &x, on);
                args["axis"] = 1.into();
                let across = apply(&args, &x.t().as_standard_layout().into_owned(), on);
                // One value a row (or column) may stand as a column either way.
                let across = if down.shape() == across.shape() && down.shape().1 == 1 { across } else { across.transposed() };
                check(&down, &across, on, &args);
            }
        }
        prop_assert!(tried >= 20, "only {tried} commands have an axis");
    }
}

#[test]
fn a_shift_back_undoes_a_shift() {
    let x = Array2::from_shape_fn((5, 9), |(i, t)| (i * 10 + t) as f64);
    for axis in [json!(0), json!(1), Value::Null] {
        for &on in backend::all() {
            let there = apply(
                &json!({"name": "roll", "axis": axis, "window_length": 7}),
                &x,
                on,
            );
            let back = json!({"name": "roll", "axis": axis, "window_length": -7});
            assert_eq!(apply(&back, there.as_real(), on).as_real(), &x);
        }
    }
}

/// The two parts of a wave field add up to it, and each takes the waves of its direction.
#[test]
fn up_and_down_make_the_whole() {
    let wave = |i: usize, t: usize, way: f64| {
        let phase = 3.0 * t as f64 / 32.0 + way * 2.0 * i as f64 / 16.0;
        (std::f64::consts::TAU * phase).cos()
    };
    // A wave toward larger depth is later at larger depth.
    let down = Array2::from_shape_fn((16, 32), |(i, t)| wave(i, t, -1.0));
    let up = Array2::from_shape_fn((16, 32), |(i, t)| wave(i, t, 1.0)) * 3.0;
    for &on in backend::all() {
        for (name, want) in [("up_wave", &up), ("down_wave", &down)] {
            let mut case = Case::of_command(json!({"name": "fft"}), stored(&(&up + &down)), vec![]);
            case.flow = json!({"command_list": [
                {"name": "fft", "uid": 1, "in_uid": 0}, {"name": "fft", "axis": 0, "uid": 2, "in_uid": 1},
                {"name": name, "uid": 3, "in_uid": 2}, {"name": "real", "uid": 4, "in_uid": 3},
                {"name": "write_npy", "uid": 5, "in_uid": 4, "directory_out": "out"}]});
            let got = case.result(on).expect("a part");
            check(&got, &Block::real(want.clone()), on, &json!(name));
        }
    }
}

/// `hash` gives 64 bits, which no floating-point number holds.
#[test]
fn hashes_keep_all_bits() {
    let x = Array2::from_shape_fn(
        (2, 64),
        |(i, t)| if i == 0 || t % 2 == 0 { 1.0 } else { 0.0 },
    );
    for &on in backend::all() {
        let Samples::Hash(bits) = apply(&json!({"name": "hash"}), &x, on).samples else {
            panic!("not a hash");
        };
        assert_eq!(
            bits.as_slice(),
            Some(&[u64::MAX, 0xAAAA_AAAA_AAAA_AAAA][..])
        );
    }
}

/// A NaN reaches the windows that hold it, and no others.
#[test]
fn a_nan_stays_in_its_windows() {
    let mut x = Array2::from_shape_fn((1, 40), |(_, t)| (t % 7) as f64);
    x[(0, 20)] = f64::NAN;
    let reach: &[(Value, std::ops::RangeInclusive<usize>)] = &[
        (json!({"name": "broaden", "window_length": 6}), 15..=20),
        (
            json!({"name": "running_mean", "axis": 1, "window_length": 7}),
            17..=23,
        ),
        (json!({"name": "sta_lta", "sta": 3, "lta": 5}), 18..=24),
        (
            json!({"name": "gaussian", "xsigma": 0, "tsigma": 1}),
            16..=24,
        ),
    ];
    for (args, bad) in reach {
        for &on in backend::all() {
            let got = apply(args, &x, on);
            for (t, v) in got.as_real().iter().enumerate() {
                assert_eq!(v.is_nan(), bad.contains(&t), "{args} on {on:?} at {t}: {v}");
            }
        }
    }
}
