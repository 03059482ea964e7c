//! The example's noise log: planned once, then chunk after chunk from memory, in bytes of stored samples.
#![allow(clippy::print_stdout, reason = "a bench reports on the console")]

#[cfg(feature = "gpu")]
mod adapter;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput};
use distpy_gpu::block::{Bytes, DType, Endian, Order, Precision, Stored};
use distpy_gpu::command::{ChunkId, Compat, Env};
use distpy_gpu::config::Workflow;
use distpy_gpu::execute::cpu::CpuExecutor;
use distpy_gpu::execute::{CpuPrecision, Executor, Job};
use distpy_gpu::graph::{Graph, Reading};
use distpy_gpu::plan::Plan;

const SAMPLES: usize = 10_000;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for precision in [Precision::F32, Precision::F64] {
        let name = match precision {
            Precision::F32 => "noise log/cpu f32",
            Precision::F64 => "noise log/cpu f64",
        };
        let mut executor = CpuExecutor::new(CpuPrecision::Always(precision));
        flow(&mut criterion, name, &mut executor, 1000);
    }
    #[cfg(feature = "gpu")]
    if let Some(engine) = adapter::engine() {
        use distpy_gpu::execute::gpu::GpuExecutor;
        let channels = adapter::channels(&engine, 1000);
        let name = format!("noise log/gpu {}", engine.info().name);
        flow(
            &mut criterion,
            &name,
            &mut GpuExecutor::new(engine),
            channels,
        );
    }
    criterion.final_summary();
}

/// Keeps the executor full, as a run does.
fn flow(criterion: &mut Criterion, name: &str, executor: &mut dyn Executor, channels: usize) {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat);
    for dtype in [DType::I16, DType::F32, DType::F64] {
        let make = jobs(dtype, channels);
        group.throughput(Throughput::Bytes(
            (channels * SAMPLES * dtype.size()) as u64,
        ));
        group.bench_function(dtype.name(), |b| {
            b.iter_custom(|count| {
                let start = Instant::now();
                let mut waiting = count;
                for _ in 0..count {
                    while waiting > 0 && executor.in_flight() < executor.capacity() {
                        executor.submit(make());
                        waiting -= 1;
                    }
                    executor.collect().expect("a device");
                }
                start.elapsed()
            });
        });
    }
}

/// Makes the same chunk again and again, as a job.
fn jobs(dtype: DType, channels: usize) -> impl Fn() -> Job {
    let file = Path::new("docs/examples/noiselog.json");
    let text = include_str!("../docs/examples/noiselog.json");
    let reading = Reading {
        compat: Compat::Exact,
        strict: true,
    };
    let workflow = Workflow::parse(file, text).expect("the example is right");
    let (graph, _) = Graph::build(&workflow, reading).expect("the example is right");
    let shape = [channels, SAMPLES];
    let bytes = Bytes::Owned(Arc::new(vec![1; channels * SAMPLES * dtype.size()]));
    let stored = Stored::new(dtype, shape, Order::C, Endian::NATIVE, bytes)
        .expect("as many bytes as samples need");
    let env = Env::without_axes(Compat::Exact, SAMPLES as f64, graph.box_rows, &stored);
    let plan = Arc::new(Plan::new(&graph, file, &env, &HashMap::new()).expect("the example fits"));
    move || Job {
        id: ChunkId::of_second(0),
        path: "chunk.npy".into(),
        plan: plan.clone(),
        sources: vec![stored.clone()],
        samples: 0,
        identity: String::new(),
    }
}
