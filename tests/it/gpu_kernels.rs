//! Shared kernels against double-precision references, on shapes that do not fit workgroups.

use std::sync::Arc;

use distpy_gpu::block::{Block, Bytes, DType, Endian, Order, Precision, Real, Samples, Stored};
use distpy_gpu::gpu::kernels::{self, convert, fold, point};
use distpy_gpu::gpu::{Element, Limits, Recorder};
use distpy_gpu::point::{Point, Rule, complex, complex_to_real, real};
use ndarray::Array2;

use crate::gpu_engine::{each_precision, engine, noise, recorder, run, widened};

const SHAPES: [(usize, usize); 8] = [
    (1, 1),
    (1, 7),
    (13, 1),
    (3, 5),
    (17, 31),
    (257, 33),
    (2, 40_009),
    (9_001, 2),
];

const KINDS: [Element; 2] = [Element::Real, Element::Complex];

fn parts(element: Element) -> usize {
    if element == Element::Complex { 2 } else { 1 }
}

fn flat<T: Real>(block: &Block<T>) -> Vec<f64> {
    match &block.samples {
        Samples::Real(a) => a.iter().map(|v| v.wide()).collect(),
        Samples::Complex(a) => a.iter().flat_map(|v| [v.re.wide(), v.im.wide()]).collect(),
        other => panic!("{other:?}"),
    }
}

/// Samples of every stored type, as bytes in this machine's order.
fn stored_bytes(dtype: DType, values: &[f64]) -> Vec<u8> {
    macro_rules! cast {
        ($type:ty, $least:expr, $most:expr) => {
            values
                .iter()
                .flat_map(|v| {
                    (($least + ($most - $least) * 0.5 * (v + 1.0)) as $type).to_ne_bytes()
                })
                .collect()
        };
    }
    match dtype {
        DType::Bool => values
            .iter()
            .map(|v| if *v > 0.3 { 2 } else { 0 })
            .collect(),
        DType::I8 => cast!(i8, -128.0, 127.0),
        DType::U8 => cast!(u8, 0.0, 255.0),
        DType::I16 => cast!(i16, -32_768.0, 32_767.0),
        DType::U16 => cast!(u16, 0.0, 65_535.0),
        DType::I32 => cast!(i32, -2_147_483_648.0, 2_147_483_647.0),
        DType::U32 => cast!(u32, 0.0, 4_294_967_295.0),
        DType::F16 => values
            .iter()
            .flat_map(|v| half::f16::from_f64(*v).to_ne_bytes())
            .collect(),
        DType::F32 | DType::C64 => cast!(f32, -1.0, 1.0),
        DType::F64 | DType::C128 => cast!(f64, -1.0, 1.0),
        DType::I64 | DType::U64 => panic!("converted by the host"),
    }
}

#[test]
fn stored_samples_are_converted_exactly() {
    use DType::*;
    let Some(engine) = engine() else { return };
    for dtype in [Bool, I8, U8, I16, U16, I32, U32, F16, F32, C64, F64, C128] {
        for precision in [Precision::F32, Precision::F64] {
            let uploaded = convert::upload_element(dtype, precision);
            let possible = engine.limits().f64 || precision == Precision::F32;
            if uploaded != Element::Stored(dtype) || !possible {
                continue;
            }
            for (rows, cols) in [(1, 1), (3, 7), (31, 257)] {
                let parts = if dtype.is_complex() { 2 } else { 1 };
                let bytes = stored_bytes(dtype, &noise(1, rows * cols * parts));
                let owned = Bytes::Owned(Arc::new(bytes.clone()));
                let stored = Stored::new(dtype, [rows, cols], Order::C, Endian::NATIVE, owned)
                    .expect("as many bytes as samples");
                let expected = match precision {
                    Precision::F32 => flat(&stored.block::<f32>(0..rows)),
                    Precision::F64 => flat(&stored.block::<f64>(0..rows)),
                };
                let mut rec = recorder(engine, precision);
                let x = rec.input(rows, cols, uploaded);
                let y = convert::to_real(&mut rec, x);
                let found = run(engine, &rec.finish(&[y]), &[&bytes]);
                assert_eq!(
                    widened(&found[0], precision),
                    expected,
                    "{} {rows}x{cols} {precision:?}",
                    dtype.name()
                );
            }
        }
    }
}

#[test]
fn a_chain_of_points_is_one_kernel() {
    static ABS: &[Rule] = &[
        real!("abs(x)", |x, _p| x.abs()),
        complex_to_real!("length(x)", |x, _p| x.re.hypot(x.im)),
    ];
    static AFFINE: &[Rule] = &[
        real!("p.x * x + p.y", |x, p| p[0] * x + p[1]),
        complex!("p.x * x + vec2<real>(p.y, 0.0)", |x, p| x * p[0] + p[1]),
    ];
    let points = |rules: &[&'static [Rule]]| -> Vec<Point> {
        let rules = rules.iter().zip([0.75, -3.0, 2.0]);
        rules
            .map(|(rules, p)| Point {
                rules,
                p: [p, 0.25, 0.0, 0.0],
            })
            .collect()
    };
    let chains = [
        points(&[AFFINE]),
        points(&[ABS]),
        points(&[AFFINE, ABS, AFFINE]),
    ];
    for chain in chains {
        for element in KINDS {
            for (rows, cols) in [(1, 1), (3, 5), (17, 257)] {
                let values = noise(2, rows * cols * parts(element));
                let shape = (rows, cols);
                let block = if element == Element::Complex {
                    let pairs = values
                        .chunks(2)
                        .map(|v| num_complex::Complex::new(v[0], v[1]));
                    Block::complex(array(shape, pairs.collect()))
                } else {
                    Block::real(array(shape, values.clone()))
                };
                let expected = flat(&chain.iter().fold(block, |block, p| p.apply(block)));
                each_precision(
                    &values,
                    shape,
                    element,
                    |rec, x| point::chain(rec, x, &chain),
                    |precision, _, found| {
                        // Three steps of a few roundings each, on values up to about 5.
                        let tolerance = if precision == Precision::F32 {
                            2e-6
                        } else {
                            1e-14
                        };
                        close(&found, &expected, |_| tolerance);
                    },
                );
            }
        }
    }
}

fn array<T>(shape: (usize, usize), values: Vec<T>) -> Array2<T> {
    Array2::from_shape_vec(shape, values).expect("as many values as the shape has")
}

fn close(found: &[f64], expected: &[f64], tolerance: impl Fn(usize) -> f64) {
    assert_eq!(found.len(), expected.len());
    for (k, (f, e)) in found.iter().zip(expected).enumerate() {
        let limit = tolerance(k);
        assert!(
            (f - e).abs() <= limit,
            "at {k}: found {f}, expected {e} within {limit:e}"
        );
    }
}

/// Sums along an axis in double precision: of the values, of their magnitudes, and how many each has.
fn reference(
    values: &[f64],
    (rows, cols): (usize, usize),
    parts: usize,
    axis: Option<usize>,
) -> (Vec<f64>, Vec<f64>, usize) {
    let (height, width, count) = match axis {
        Some(0) => (1, cols, rows),
        Some(_) => (rows, 1, cols),
        None => (1, 1, rows * cols),
    };
    let mut sums = vec![0.0; height * width * parts];
    let mut magnitudes = sums.clone();
    for row in 0..rows {
        for col in 0..cols {
            for part in 0..parts {
                let value = values[(row * cols + col) * parts + part];
                let to = ((row % height) * width + col % width) * parts + part;
                sums[to] += value;
                magnitudes[to] += value.abs();
            }
        }
    }
    (sums, magnitudes, count)
}

#[test]
fn sums_and_means_are_as_good_as_pairwise_ones() {
    for element in KINDS {
        for shape in SHAPES {
            for axis in [None, Some(0), Some(1)] {
                // An offset makes the running sums large, which plain f32 sums do not survive.
                let mut values = noise(3, shape.0 * shape.1 * parts(element));
                values
                    .iter_mut()
                    .for_each(|v| *v = f64::from((*v + 10.0) as f32));
                let (sums, magnitudes, count) = reference(&values, shape, parts(element), axis);
                let means: Vec<f64> = sums.iter().map(|s| s / count as f64).collect();
                for (expected, divisor) in [(&sums, 1), (&means, count)] {
                    let record = |rec: &mut Recorder, x| match divisor {
                        1 => fold::sum(rec, x, axis),
                        _ => fold::mean(rec, x, axis),
                    };
                    each_precision(&values, shape, element, record, |precision, y, found| {
                        let kept = match axis {
                            Some(0) => (1, shape.1),
                            Some(_) => (shape.0, 1),
                            None => (1, 1),
                        };
                        assert_eq!((y.rows(), y.cols()), kept);
                        // In double precision the reference's own running sum is the worse of the two.
                        let relative = if precision == Precision::F32 {
                            1e-6
                        } else {
                            1e-12
                        };
                        close(&found, expected, |k| {
                            relative * magnitudes[k] / divisor as f64
                        });
                    });
                }
            }
        }
    }
}

#[test]
fn nan_and_infinity_propagate_through_sums() {
    let (rows, cols) = (5, 300);
    let mut values = vec![1.0; rows * cols];
    values[2 * cols + 257] = f64::NAN;
    values[3 * cols + 1] = f64::INFINITY;
    each_precision(
        &values,
        (rows, cols),
        Element::Real,
        |rec, x| fold::sum(rec, x, Some(1)),
        |_, _, found| {
            assert_eq!([found[0], found[1], found[4]], [300.0; 3]);
            assert!(found[2].is_nan() && found[3] == f64::INFINITY, "{found:?}");
        },
    );
}

#[test]
fn more_workgroups_than_one_dimension_holds() {
    // One workgroup per row: 65,537 rows are two too many for one dimension.
    let (rows, cols) = (65_537, 2);
    let values: Vec<f64> = (0..rows * cols).map(|k| (k % 1_000) as f64).collect();
    let (expected, _, _) = reference(&values, (rows, cols), 1, Some(1));
    each_precision(
        &values,
        (rows, cols),
        Element::Real,
        |rec, x| fold::sum(rec, x, Some(1)),
        |_, _, found| assert_eq!(found, expected),
    );
}

#[test]
fn transposes_are_exact() {
    for element in KINDS {
        for (rows, cols) in [(1, 9), (9, 1), (2, 3), (16, 16), (17, 31), (257, 33)] {
            let parts = parts(element);
            let values: Vec<f64> = (0..rows * cols * parts).map(|k| k as f64).collect();
            let mut expected = Vec::new();
            for col in 0..cols {
                for row in 0..rows {
                    let at = (row * cols + col) * parts;
                    expected.extend_from_slice(&values[at..at + parts]);
                }
            }
            each_precision(
                &values,
                (rows, cols),
                element,
                kernels::transpose,
                |_, y, found| {
                    assert_eq!((y.rows(), y.cols()), (cols, rows));
                    assert_eq!(found, expected);
                },
            );
        }
    }
}

#[test]
fn a_recording_reads_as_text() {
    let mut rec = Recorder::new(Limits::DOWNLEVEL, Precision::F32);
    let x = rec.input(500, 30_000, Element::Stored(DType::I16));
    let y = convert::to_real(&mut rec, x);
    let mean = fold::mean(&mut rec, y, Some(1));
    let depth = fold::sum(&mut rec, y, Some(0));
    let recording = rec.finish(&[mean, depth]);
    crate::shaders::check(&recording);
    let expected = "\
%0 int16 500x30000 <- input in slot 0
%1 real 500x30000 in slot 1
  <- convert(%0) {threads 256, stored 3} [15000000] x 58594, free %0
%2 real 500x2 in slot 0
  <- fold_rows(%1) {threads 256} [0x46ea6000 0 0 0 0 0 0 0 500 30000 0 0 0 0 0 0 500 2 0 0 30000 16384 0 0] x 1000, 1024 B shared
%3 real 500x1 in slot 2
  <- fold_rows(%2) {threads 32} [0x46ea6000 0 0 0 0 0 0 0 500 2 0 0 0 0 0 0 500 1 0 0 2 2048 0 0] x 500, 128 B shared, free %2
%4 real 8x30000 in slot 0
  <- fold_columns(%1) {threads 256} [0 0 0 0 0 0 0 0 500 30000 0 0 0 0 0 0 8 30000 0 0 500 64 0 0] x 938, free %1
%5 real 1x30000 in slot 1
  <- fold_columns(%4) {threads 256} [0 0 0 0 0 0 0 0 8 30000 0 0 0 0 0 0 1 30000 0 0 8 64 0 0] x 118, free %4
outputs %3 %5
peak 90002000 B";
    assert_eq!(recording.to_string(), expected);
}

/// The smallest device that kernels support runs every one of them.
#[test]
fn kernels_keep_to_the_smallest_limits() {
    let mut rec = Recorder::new(
        Limits {
            f64: true,
            ..Limits::DOWNLEVEL
        },
        Precision::F64,
    );
    for element in KINDS {
        let x = rec.input(70, 90, element);
        let y = kernels::transpose(&mut rec, x);
        for axis in [None, Some(0), Some(1)] {
            fold::sum(&mut rec, y, axis);
        }
    }
    let x = rec.input(1, 1, Element::Real);
    crate::shaders::check(&rec.finish(&[x]));
}

/// Windows that fit workgroup memory and others, longer than a row too, with every continuation, along both axes.
#[test]
fn windows_hold_what_they_say() {
    use distpy_gpu::dsp::edge::Edge;
    use distpy_gpu::dsp::window::Window;
    use distpy_gpu::gpu::kernels::window::{Join, windows};

    let edges = [
        Edge::Constant,
        Edge::Nearest,
        Edge::Reflect,
        Edge::Mirror,
        Edge::Wrap,
    ];
    let joins = [Join::Sum, Join::Largest, Join::Smallest];
    let cases = [
        (3, 1, 1),
        (3, 40, 5),
        (2, 7, 13),
        (2, 5000, 64),
        (1, 5000, 819),
        (1, 3000, 2500),
        (2, 4100, 2),
        (1, 2048, 1023),
        (1, 2500, 1999),
        (1, 900, 14_000),
    ];
    for (case, (lines, n, length)) in cases.into_iter().enumerate() {
        let window = Window {
            length,
            before: length / 3,
        };
        let values: Vec<f64> = noise(9, lines * n)
            .iter()
            .map(|v| f64::from(*v as f32))
            .collect();
        for join in joins {
            // Each case has its edge, a small one has all.
            for edge in if case < 3 {
                &edges[..]
            } else {
                &edges[case % 5..][..1]
            } {
                for axis in [0, 1] {
                    let at = |line: usize, t: usize| match axis {
                        1 => values[line * n + t],
                        _ => values[t * lines + line],
                    };
                    let sample = |line, t| edge.index(t, n).map_or(0.0, |t| at(line, t));
                    let fold = |line: usize, t: usize| {
                        let first = t as isize - window.before as isize;
                        let window = (first..first + length as isize).map(|t| sample(line, t));
                        match join {
                            Join::Sum => window.sum::<f64>(),
                            Join::Largest => window.fold(f64::NEG_INFINITY, f64::max),
                            Join::Smallest => window.fold(f64::INFINITY, f64::min),
                        }
                    };
                    let shape = if axis == 1 { (lines, n) } else { (n, lines) };
                    let cells = (0..shape.0).flat_map(|i| (0..shape.1).map(move |j| (i, j)));
                    let want: Vec<f64> = cells
                        .map(|(i, j)| if axis == 1 { fold(i, j) } else { fold(j, i) })
                        .collect();
                    let record = |rec: &mut Recorder, x| windows(rec, x, window, *edge, join, axis);
                    each_precision(
                        &values,
                        shape,
                        Element::Real,
                        record,
                        |precision, _, found| {
                            let relative = if precision == Precision::F32 {
                                1e-6
                            } else {
                                1e-13
                            };
                            close(&found, &want, |_| relative * length as f64);
                        },
                    );
                }
            }
        }
    }
}
