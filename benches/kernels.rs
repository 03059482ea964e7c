//! Kernels on the CPU, in bytes of the rows that they read, and on the GPU, by the device's own clock where it has one.
#![allow(clippy::print_stdout, reason = "a bench reports on the console")]

#[cfg(feature = "gpu")]
mod adapter;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use distpy_gpu::block::{Bytes, DType, Endian, Order, Stored};
use distpy_gpu::dsp::bands::{self, Band, BandSums, Measure};
use distpy_gpu::dsp::fft::{Planned, real_rows};
use distpy_gpu::dsp::reduce::{Summand, sum};
use distpy_gpu::dsp::sos::{Cascade, Corner, Padding};
use ndarray::Array2;

/// Samples of a row: a power of two, 2^4 x 5^4, and a prime.
const LENGTHS: [usize; 3] = [8192, 10_000, 10_007];

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .configure_from_args();
    stored(&mut criterion);
    cpu::<f32>(&mut criterion, "f32");
    cpu::<f64>(&mut criterion, "f64");
    #[cfg(feature = "gpu")]
    gpu::kernels(&mut criterion);
    criterion.final_summary();
}

/// Stored samples to single precision: a tile of 16 rows.
fn stored(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cpu/stored to f32");
    let shape = [16, 10_000];
    for dtype in [DType::I16, DType::F32, DType::F64] {
        let size = shape[0] * shape[1] * dtype.size();
        let bytes = Bytes::Owned(Arc::new(vec![1; size]));
        let stored = Stored::new(dtype, shape, Order::C, Endian::NATIVE, bytes)
            .expect("as many bytes as samples need");
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(dtype.name(), |b| {
            b.iter(|| black_box(stored.block::<f32>(0..shape[0])));
        });
    }
}

/// Kernels on a tile of eight rows, on one thread.
fn cpu<T: Planned + Summand>(criterion: &mut Criterion, precision: &str) {
    let mut group = criterion.benchmark_group(format!("cpu/{precision}"));
    let filter = Cascade::butter(5, Corner::Low(200.0), 10_000.0).expect("a corner below Nyquist");
    for n in LENGTHS {
        let rows = Array2::from_shape_fn((8, n), |(r, t)| T::of(((r * 31 + t * 17) % 23) as f64));
        let groups = noise_log(n);
        group.throughput(Throughput::Bytes((rows.len() * size_of::<T>()) as u64));
        group.bench_function(BenchmarkId::new("fft", n), |b| b.iter(|| real_rows(&rows)));
        group.bench_function(BenchmarkId::new("fused bands", n), |b| {
            b.iter_batched(
                || rows.clone(),
                |rows| bands::of_real_rows(rows, &groups, 0),
                BatchSize::SmallInput,
            );
        });
        if n == 10_000 {
            group.bench_function(BenchmarkId::new("mean", n), |b| {
                b.iter(|| sum(&rows, Some(1), 1.0 / n as f64));
            });
            group.bench_function(BenchmarkId::new("butter", n), |b| {
                let (mut rows, mut scratch) = (rows.clone(), Vec::new());
                b.iter(|| {
                    let flat = rows.as_slice_mut().expect("contiguous");
                    filter.filtfilt_rows(flat, n, Padding::Even, &mut scratch);
                });
            });
        }
    }
}

/// Full-band RMS and three bands of rows of `n` samples.
fn noise_log(n: usize) -> Vec<BandSums> {
    let band = |low: usize| Band {
        bins: low..n / 2,
        first: 1.0,
        inner: 2.0,
        last: 1.0,
    };
    let sums = |bands: Vec<Band>, measure| BandSums {
        bands,
        measure,
        scale: vec![1.0 / n as f64; 10_000].into(),
    };
    let low = [n / 50, 3 * n / 50, n / 10];
    vec![
        sums(vec![band(0)], Measure::Rms),
        sums(low.map(band).to_vec(), Measure::Energy),
    ]
}

#[cfg(feature = "gpu")]
mod gpu {
    use std::time::Instant;

    use distpy_gpu::block::Precision;
    use distpy_gpu::gpu::engine::Engine;
    use distpy_gpu::gpu::{Element, Recorder, Tensor, kernels as launch};

    use super::*;

    /// Every kind of kernel, on whichever adapter there is.
    pub fn kernels(criterion: &mut Criterion) {
        let Some(engine) = adapter::engine() else {
            return;
        };
        let rows = adapter::channels(&engine, 1000);
        let mut group = criterion.benchmark_group(format!("gpu/{}", engine.info().name));
        group.sampling_mode(criterion::SamplingMode::Flat);
        let mut bench = |name: &str, n: usize, element: Element, record: Record<'_>| {
            let bytes = (rows * n * element.size(Precision::F32)) as u64;
            group.throughput(Throughput::Bytes(bytes));
            group.bench_function(BenchmarkId::new(name, n), |b| {
                let mut run = runner(&engine, rows, n, element, record);
                b.iter_custom(|count| (0..count).map(|_| run()).sum());
            });
        };
        for n in LENGTHS {
            let groups = noise_log(n);
            bench("fft", n, Element::Real, &|rec, x| {
                vec![launch::fft::forward(rec, x, 1)]
            });
            bench("fused bands", n, Element::Real, &|rec, x| {
                launch::fft::bands(rec, x, &groups, 0)
            });
        }
        bench("mean", 10_000, Element::Real, &|rec, x| {
            vec![launch::fold::mean(rec, x, Some(1))]
        });
        bench("transpose", 10_000, Element::Real, &|rec, x| {
            vec![launch::transpose(rec, x)]
        });
        let counts = Element::Stored(DType::I16);
        bench("int16 to f32", 10_000, counts, &|rec, x| {
            vec![launch::convert::to_real(rec, x)]
        });
    }

    /// Records a kernel on one input.
    type Record<'a> = &'a dyn Fn(&mut Recorder, Tensor) -> Vec<Tensor>;

    /// Runs a recording and gives the time of its kernels; where the device cannot tell, that of the whole run.
    fn runner<'a>(
        engine: &'a Engine,
        rows: usize,
        cols: usize,
        element: Element,
        record: Record<'_>,
    ) -> impl FnMut() -> Duration + 'a {
        let mut rec = Recorder::new(*engine.limits(), Precision::F32);
        let x = rec.input(rows, cols, element);
        let outputs = record(&mut rec, x);
        let program = engine.load(&rec.finish(&outputs)).expect("it fits");
        let input = vec![0; x.bytes()];
        move || {
            let start = Instant::now();
            let ticket = engine.submit(&program, &mut |_, mut staging| staging.write(0, &input));
            let seconds = engine
                .finish_into(ticket.expect("a device"), &mut |_, _| {})
                .expect("a device");
            seconds.map_or_else(|| start.elapsed(), Duration::from_secs_f64)
        }
    }
}
