//! The adapter that benches use.

use distpy_gpu::gpu::adapter::{DeviceType, Want, choose};
use distpy_gpu::gpu::engine::Engine;

/// Opens a hardware GPU, else a software adapter; without either says so.
pub fn engine() -> Option<Engine> {
    let choice = choose(Want::Gpu, None).or_else(|_| choose(Want::Software, None));
    match choice.and_then(|choice| Engine::open(&choice)) {
        Ok(engine) => Some(engine),
        Err(reason) => {
            println!("GPU benches are skipped: {reason}");
            None
        }
    }
}

/// Channels for this device: a software adapter takes as long for a tenth of them.
pub fn channels(engine: &Engine, channels: usize) -> usize {
    match engine.info().device_type {
        DeviceType::Software => channels.div_ceil(10),
        _ => channels,
    }
}
