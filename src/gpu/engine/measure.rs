//! Rates of a device's memory and of transfers to and from it.

use std::time::Instant;

use wgpu::BufferUsages as Usage;

use super::super::adapter::DeviceType;
use super::{Engine, GpuError};

/// Bytes that the device copies in its own memory: beyond the largest caches.
const DEVICE_BYTES: u64 = 256 << 20;

/// Bytes that go up or down at a time, and that a software adapter copies.
const HOST_BYTES: u64 = 64 << 20;

/// A submission copies as often as takes about so many seconds, beside which starting it is nothing; at most so often.
const SECONDS: f64 = 0.02;
const MOST: f64 = 200.0;

/// Each rate is the best of this many trials, as anything else on the machine only slows them.
const TRIALS: usize = 4;

/// Measured rates in bytes per second.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Measured {
    /// Bytes read plus bytes written when the device copies its own memory.
    pub copy_bytes_per_s: f64,
    /// From memory that the host and the device share to the device's own. Filling that memory, which several threads do while
    /// earlier bytes go up, is not counted.
    pub upload_bytes_per_s: f64,
    /// From the device's memory to memory that it shares with the host.
    pub download_bytes_per_s: f64,
}

/// Measures an engine's device.
pub(super) fn measure(engine: &Engine) -> Result<Measured, GpuError> {
    let most = match engine.info.device_type {
        DeviceType::Software => HOST_BYTES,
        _ => DEVICE_BYTES,
    };
    let bytes = |wanted: u64| wanted.min(engine.info.limits.buffer) / 4 * 4;
    let (large, small) = (bytes(most), bytes(HOST_BYTES));
    let buffer = |size, usage| {
        engine.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("measure"),
            size,
            usage,
            mapped_at_creation: false,
        })
    };
    let [one, other, staging, readback] = engine.health.scoped(&engine.device, || {
        [
            buffer(large, Usage::COPY_SRC | Usage::COPY_DST),
            buffer(large, Usage::COPY_SRC | Usage::COPY_DST),
            buffer(small, Usage::MAP_WRITE | Usage::COPY_SRC),
            buffer(small, Usage::MAP_READ | Usage::COPY_DST),
        ]
    })?;
    Ok(Measured {
        copy_bytes_per_s: 2.0 * rate(engine, &one, &other, large)?,
        upload_bytes_per_s: rate(engine, &staging, &one, small)?,
        download_bytes_per_s: rate(engine, &other, &readback, small)?,
    })
}

/// Bytes per second from one buffer to another.
fn rate(
    engine: &Engine,
    from: &wgpu::Buffer,
    to: &wgpu::Buffer,
    bytes: u64,
) -> Result<f64, GpuError> {
    // The first copy also clears what was never written.
    copy(engine, from, to, bytes, 1)?;
    let once = copy(engine, from, to, bytes, 1)?;
    let count = (SECONDS / once).clamp(1.0, MOST).round();
    let mut best = f64::INFINITY;
    for _ in 0..TRIALS {
        best = best.min(copy(engine, from, to, bytes, count as usize)? / count);
    }
    Ok(bytes as f64 / best)
}

/// Seconds that so many copies in one submission take.
fn copy(
    engine: &Engine,
    from: &wgpu::Buffer,
    to: &wgpu::Buffer,
    bytes: u64,
    count: usize,
) -> Result<f64, GpuError> {
    let Engine { health, device, .. } = engine;
    let start = Instant::now();
    let index = health.scoped(device, || {
        let mut encoder = device.create_command_encoder(&Default::default());
        for _ in 0..count {
            encoder.copy_buffer_to_buffer(from, 0, to, 0, bytes);
        }
        engine.queue.submit([encoder.finish()])
    })?;
    health.wait(device, index)?;
    Ok(start.elapsed().as_secs_f64())
}
