//! Rates of a device's memory and of transfers to and from it.

use std::time::Instant;

use wgpu::BufferUsages as Usage;

use super::{Engine, GpuError};

/// Bytes moved at a time: beyond caches, within every device's limits.
const BYTES: u64 = 64 << 20;

/// Each rate is the best of this many trials, as anything else on the machine only slows them.
const TRIALS: usize = 4;

/// Measured rates in bytes per second.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Measured {
    /// Bytes read plus bytes written when the device copies its own memory.
    pub copy_bytes_per_s: f64,
    /// Host memory to device memory, the host's copy into staging memory included.
    pub upload_bytes_per_s: f64,
    /// Device memory to host memory, the host's copy out of readback memory included.
    pub download_bytes_per_s: f64,
}

pub(super) fn measure(engine: &Engine) -> Result<Measured, GpuError> {
    let trials = engine
        .health
        .scoped(&engine.device, || Trials::new(engine))?;
    let mut best = [f64::INFINITY; 3];
    for _ in 0..TRIALS {
        let seconds = [trials.copy()?, trials.upload()?, trials.download()?];
        best = std::array::from_fn(|k| best[k].min(seconds[k]));
    }
    let [copy, upload, download] = best.map(|seconds| trials.bytes as f64 / seconds);
    Ok(Measured {
        copy_bytes_per_s: 2.0 * copy,
        upload_bytes_per_s: upload,
        download_bytes_per_s: download,
    })
}

struct Trials<'a> {
    engine: &'a Engine,
    bytes: u64,
    host: Vec<u8>,
    device: [wgpu::Buffer; 2],
    staging: wgpu::Buffer,
    readback: wgpu::Buffer,
}

impl<'a> Trials<'a> {
    fn new(engine: &'a Engine) -> Self {
        let bytes = BYTES.min(engine.info.limits.buffer) / 4 * 4;
        let buffer = |usage| {
            engine.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("measure"),
                size: bytes,
                usage,
                mapped_at_creation: false,
            })
        };
        Self {
            engine,
            bytes,
            host: vec![1; bytes as usize],
            device: [(); 2].map(|()| buffer(Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST)),
            staging: buffer(Usage::MAP_WRITE | Usage::COPY_SRC),
            readback: buffer(Usage::MAP_READ | Usage::COPY_DST),
        }
    }

    fn copy(&self) -> Result<f64, GpuError> {
        let start = Instant::now();
        self.submit(&self.device[0], &self.device[1])?;
        Ok(start.elapsed().as_secs_f64())
    }

    fn upload(&self) -> Result<f64, GpuError> {
        let health = &self.engine.health;
        self.staging.map_async(wgpu::MapMode::Write, .., |_| {});
        self.submit(&self.device[0], &self.device[1])?;
        let start = Instant::now();
        self.staging
            .get_mapped_range_mut(..)
            .map_err(|error| health.unmapped(&error))?
            .copy_from_slice(&self.host);
        self.staging.unmap();
        self.submit(&self.staging, &self.device[0])?;
        Ok(start.elapsed().as_secs_f64())
    }

    fn download(&self) -> Result<f64, GpuError> {
        let health = &self.engine.health;
        let mut host = vec![1; self.bytes as usize];
        let start = Instant::now();
        self.submit(&self.device[1], &self.readback)?;
        self.readback.map_async(wgpu::MapMode::Read, .., |_| {});
        // Mapping completes with the next submission that is waited for.
        self.wait_for_mapping()?;
        host.copy_from_slice(
            &self
                .readback
                .get_mapped_range(..)
                .map_err(|error| health.unmapped(&error))?,
        );
        let seconds = start.elapsed().as_secs_f64();
        self.readback.unmap();
        Ok(seconds)
    }

    /// Copies one buffer to another and waits.
    fn submit(&self, from: &wgpu::Buffer, to: &wgpu::Buffer) -> Result<(), GpuError> {
        let Engine { health, device, .. } = self.engine;
        let index = health.scoped(device, || {
            let mut encoder = device.create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(from, 0, to, 0, self.bytes);
            self.engine.queue.submit([encoder.finish()])
        })?;
        health.wait(device, index)
    }

    fn wait_for_mapping(&self) -> Result<(), GpuError> {
        let Engine { health, device, .. } = self.engine;
        health.wait(device, self.engine.queue.submit([]))
    }
}
