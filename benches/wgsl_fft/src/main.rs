//! Fourier transforms of real rows: the wgsl-fft crate against this program's kernels, on one adapter in one run.
//!
//! `compare-wgsl-fft gpu|software ROWS [ADAPTER]` prints JSON; ADAPTER is what `--adapter` takes. Rows lie on the device, in single precision;
//! the crate knows complex rows only, so its rows have zeros for imaginary parts. On the device, our time is by the device's
//! clock, and the crate's is that of many transforms queued before one wait (its pipelines of radix 2, the only ones that
//! can be queued). End to end, rows go up and spectra come down as each side offers it (there the crate takes radix 4).

use std::time::Instant;

use distpy_gpu::block::Precision;
use distpy_gpu::gpu::adapter::{Choice, DeviceType, Want, choose};
use distpy_gpu::gpu::engine::Engine;
use distpy_gpu::gpu::{Element, Recorder, kernels};
use num_complex::Complex;
use serde_json::{Value, json};
use wgsl_fft::{FftDirection, FftPipelines, GpuFft};

/// Samples of a row: the crate's kernels transform powers of two.
const LENGTHS: [usize; 4] = [1024, 4096, 8192, 16384];

/// The least time of so many runs counts.
const TRIALS: usize = 5;

/// So long is the work on the device that is queued before one wait.
const QUEUED_SECONDS: f64 = 0.1;

/// The crate's buffers hold so many rows.
const MOST_ROWS: usize = 1024;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (want, rows, adapter) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["gpu", rows] => (Want::Gpu, rows, None),
        ["gpu", rows, adapter] => (Want::Gpu, rows, Some(adapter)),
        ["software", rows] => (Want::Software, rows, None),
        ["software", rows, adapter] => (Want::Software, rows, Some(adapter)),
        _ => return Err(format!("found {args:?}, expected gpu|software ROWS [ADAPTER]").into()),
    };
    let rows: usize = rows.parse()?;
    let choice = choose(want, adapter)?;
    let engine = Engine::open(&choice)?;
    let (device, queue) = device_of_the_same(&choice)?;
    let theirs = Theirs {
        radix_2: FftPipelines::from_device_queue(device.clone(), queue.clone()),
        radix_4: GpuFft::from_device_queue(device.clone(), queue.clone())?,
        device,
        queue,
    };
    let mut cases = Vec::new();
    for n in LENGTHS {
        cases.push(case(&engine, &theirs, rows, n)?);
    }
    let report = json!({
        "adapter": choice.info.name,
        "software": choice.info.device_type == DeviceType::Software,
        "wgsl_fft": "0.5",
        "cases": cases,
    });
    println!("{report:#}");
    Ok(())
}

/// The crate's two ways of transforming on one device.
struct Theirs {
    radix_2: FftPipelines,
    radix_4: GpuFft,
    device: wgpu::Device,
    queue: wgpu::Queue,
}

/// Opens the adapter once more, with the version of wgpu that the crate has.
fn device_of_the_same(choice: &Choice) -> Outcome<(wgpu::Device, wgpu::Queue)> {
    let instance = wgpu::Instance::default();
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let same = |adapter: &wgpu::Adapter| adapter.get_info().name == choice.info.name;
    let adapter = adapters
        .into_iter()
        .find(same)
        .ok_or("the other wgpu does not find the adapter")?;
    let descriptor = wgpu::DeviceDescriptor {
        required_limits: adapter.limits(),
        ..Default::default()
    };
    Ok(pollster::block_on(adapter.request_device(&descriptor))?)
}

fn case(engine: &Engine, theirs: &Theirs, rows: usize, n: usize) -> Outcome<Value> {
    let samples: Vec<f32> = (0..rows * n)
        .map(|k| ((k * 7919) % 1009) as f32 / 504.0 - 1.0)
        .collect();
    let ours = our_transform(engine, rows, n, &samples)?;
    let their_rows: Vec<Vec<Complex<f32>>> = samples
        .chunks_exact(n)
        .map(|row| row.iter().map(|&x| Complex::new(x, 0.0)).collect())
        .collect();
    let end_to_end = least(|| {
        for rows in their_rows.chunks(MOST_ROWS) {
            theirs.radix_4.fft(rows)?;
        }
        Ok(())
    })?;
    let theirs_of_first = theirs.radix_4.fft(&their_rows[..1])?.remove(0);
    let largest = theirs_of_first.iter().map(|z| z.norm()).fold(0.0, f32::max);
    let pairs = ours.first.iter().zip(&theirs_of_first);
    let difference = pairs.map(|(a, b)| (a - b).norm()).fold(0.0, f32::max) / largest;
    let on_device = their_seconds(theirs, rows, n)?;
    Ok(json!({
        "rows": rows,
        "samples": n,
        "on_device": {
            "ours_seconds": ours.kernels,
            "theirs_seconds": on_device,
            "speedup": ours.kernels.map(|ours| on_device / ours),
        },
        "end_to_end": {
            "ours_seconds": ours.end_to_end,
            "theirs_seconds": end_to_end,
            "speedup": end_to_end / ours.end_to_end,
        },
        "largest_difference": difference,
    }))
}

/// What our side gave, and took.
struct Ours {
    /// The spectrum of the first row.
    first: Vec<Complex<f32>>,
    /// Seconds of kernels for all rows, by the device's clock if it has one.
    kernels: Option<f64>,
    end_to_end: f64,
}

fn our_transform(engine: &Engine, rows: usize, n: usize, samples: &[f32]) -> Outcome<Ours> {
    let mut rec = Recorder::new(*engine.limits(), Precision::F32);
    let x = rec.input(rows, n, Element::Real);
    let spectrum = kernels::fft::forward(&mut rec, x, 1);
    let program = engine.load(&rec.finish(&[spectrum]))?;
    let mut spectra = vec![0_u8; spectrum.bytes()];
    let mut kernels = f64::INFINITY;
    let end_to_end = least(|| {
        let ticket = engine.submit(&program, &mut |_, mut staging| {
            staging.write(0, bytemuck::cast_slice(samples));
        })?;
        let seconds = engine.finish_into(ticket, &mut |_, bytes| spectra.copy_from_slice(bytes))?;
        kernels = kernels.min(seconds.unwrap_or(f64::INFINITY));
        Ok(())
    })?;
    let numbers: &[f32] = bytemuck::cast_slice(&spectra[..n * 8]);
    Ok(Ours {
        first: numbers
            .chunks_exact(2)
            .map(|z| Complex::new(z[0], z[1]))
            .collect(),
        kernels: kernels.is_finite().then_some(kernels),
        end_to_end,
    })
}

/// Seconds for all rows on the device: what is already there is transformed many times before one wait.
fn their_seconds(theirs: &Theirs, rows: usize, n: usize) -> Outcome<f64> {
    let buffer = || {
        theirs.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: (rows * n * 8) as u64,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        })
    };
    let (input, output) = (buffer(), buffer());
    let transforms = |count: usize| -> Outcome<f64> {
        let start = Instant::now();
        let mut encoder = theirs.device.create_command_encoder(&Default::default());
        for _ in 0..count {
            let forward = FftDirection::Forward;
            theirs
                .radix_2
                .encode_fft(&mut encoder, n, rows as u32, forward, &input, &output);
        }
        theirs.queue.submit([encoder.finish()]);
        theirs.device.poll(wgpu::PollType::wait_indefinitely())?;
        Ok(start.elapsed().as_secs_f64())
    };
    transforms(1)?;
    let count = (QUEUED_SECONDS / transforms(1)?).clamp(1.0, 100.0) as usize;
    let mut best = f64::INFINITY;
    for _ in 0..TRIALS {
        best = best.min(transforms(count)? / count as f64);
    }
    Ok(best)
}

/// The least time of a few runs, after one that is not counted.
fn least(mut run: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    run()?;
    let mut best = f64::INFINITY;
    for _ in 0..TRIALS {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}
