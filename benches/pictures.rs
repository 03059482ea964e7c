//! Pictures from data in memory to the bytes of a file: a thumbnail of a large chunk.
//!
//! With `serve` as its only argument it draws one for each line of standard input and tells the seconds; `pictures.py` takes
//! turns with it.
#![allow(clippy::print_stdout, reason = "a bench reports on the console")]

use std::io::BufRead;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use distpy_gpu::block::{Block, Bytes, DType, Endian, Order, Real, Stored};
use distpy_gpu::command::{ChunkId, Command, Compat, Computed, Content, Env, SinkCommand};
use distpy_gpu::commands;
use ndarray::Array2;
use serde_json::json;

const CHANNELS: usize = 5000;
const SAMPLES: usize = 10_000;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let single = Computed::F32(Arc::new(chunk::<f32>()));
    if std::env::args().nth(1).as_deref() == Some("serve") {
        for _ in std::io::stdin().lock().lines() {
            let begun = Instant::now();
            thumbnail(&single);
            println!("{}", begun.elapsed().as_secs_f64());
        }
        return;
    }
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut group = criterion.benchmark_group("thumbnail 1200x800 of 5000x10000");
    group.throughput(Throughput::Elements((CHANNELS * SAMPLES) as u64));
    group.bench_function("f32", |bencher| bencher.iter(|| thumbnail(&single)));
    drop(single);
    let double = Computed::F64(Arc::new(chunk::<f64>()));
    group.bench_function("f64", |bencher| bencher.iter(|| thumbnail(&double)));
    group.finish();
    criterion.final_summary();
}

/// A wave that travels along the fibre, with noise that no encoder can shorten.
fn chunk<T: Real>() -> Block<T> {
    let value = |(row, col): (usize, usize)| {
        let hash = (row * SAMPLES + col).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let noise = hash as f64 / (1 << 24) as f64 - 0.5;
        T::of((row as f64 / 50.0 + col as f64 / 100.0).sin() + 2.0 * noise)
    };
    Block::real(Array2::from_shape_fn((CHANNELS, SAMPLES), value))
}

/// The bytes of a picture of 1200 by 800 pixels.
fn thumbnail(data: &Computed) -> Vec<u8> {
    let args = json!({"directory_out": "png", "figure_size": [12, 8], "dpi": 100});
    let spec = commands::find("thumbnail").expect("it is a command");
    let Ok(Command::Sink(sink)) = (spec.build)(args) else {
        unreachable!("it writes files");
    };
    draw(&*sink, data)
}

fn draw(sink: &dyn SinkCommand, data: &Computed) -> Vec<u8> {
    // Only the shape counts.
    let bytes = Bytes::Owned(Arc::new(vec![0; CHANNELS * SAMPLES]));
    let stored = Stored::new(
        DType::I8,
        [CHANNELS, SAMPLES],
        Order::C,
        Endian::NATIVE,
        bytes,
    )
    .expect("as many bytes as samples");
    let env = Env::without_axes(Compat::Exact, 10_000.0, 500, &stored);
    let chunk = ChunkId::of_second(1_500_000_000);
    let mut files = sink.files(&env, &chunk, &[(&env.source, data.clone())]);
    match files.remove(0).content {
        Content::Bytes(bytes) => bytes,
        Content::Npy { .. } | Content::Stream(_) => unreachable!("a picture is bytes"),
    }
}
