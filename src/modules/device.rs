//! Which device a run computes on.

use super::Failure;
use crate::block::Precision;
use crate::cli::{Cli, DeviceArg, PrecisionArg};
use crate::config::{Problems, System};
use crate::execute::cpu::CpuExecutor;
use crate::execute::{CpuPrecision, Executor};
use crate::pipeline::monitor::Meter;

/// What computes, and whether the CPU may take over where it fails.
pub fn executor(
    cli: &Cli,
    system: &System,
    precision: CpuPrecision,
    meter: &Meter,
) -> Result<(Box<dyn Executor>, bool), Failure> {
    let cpu = || {
        meter.set_device("CPU");
        Ok((
            Box::new(CpuExecutor::new(precision)) as Box<dyn Executor>,
            false,
        ))
    };
    match wanted(cli, system)? {
        DeviceArg::Cpu => cpu(),
        DeviceArg::Auto => match open(cli, system, DeviceArg::Auto, meter) {
            Ok(gpu) => Ok((gpu, true)),
            Err(reason) => {
                tracing::debug!("the CPU computes: {reason}");
                cpu()
            }
        },
        // A software adapter is asked for to check the GPU path, so it must not quietly become the CPU's.
        device @ (DeviceArg::Gpu | DeviceArg::Software) => open(cli, system, device, meter)
            .map(|gpu| (gpu, false))
            .map_err(Failure::Device),
    }
}

/// The device as the command line or the configuration asks for it.
pub fn wanted(cli: &Cli, system: &System) -> Result<DeviceArg, Failure> {
    match (cli.device, system.gpu.device.as_deref()) {
        (Some(device), _) => Ok(device),
        (None, None | Some("auto")) => Ok(DeviceArg::Auto),
        (None, Some("gpu")) => Ok(DeviceArg::Gpu),
        (None, Some("cpu")) => Ok(DeviceArg::Cpu),
        (None, Some("software")) => Ok(DeviceArg::Software),
        (None, Some(other)) => {
            let found =
                format!("found \"{other}\", expected \"auto\", \"gpu\", \"cpu\" or \"software\"");
            Err(Problems::single(&system.file, "distpy_gpu.device", found).into())
        }
    }
}

#[cfg(feature = "gpu")]
fn open(
    cli: &Cli,
    system: &System,
    device: DeviceArg,
    meter: &Meter,
) -> Result<Box<dyn Executor>, String> {
    use crate::execute::gpu::GpuExecutor;
    use crate::gpu::adapter::{Want, choose};
    use crate::gpu::engine::Engine;
    let want = match device {
        DeviceArg::Software => Want::Software,
        DeviceArg::Gpu => Want::Gpu,
        DeviceArg::Auto | DeviceArg::Cpu => Want::Auto,
    };
    let choice = choose(want, cli.adapter.as_deref()).map_err(|e| e.to_string())?;
    let engine = Engine::open(&choice).map_err(|e| e.to_string())?;
    let opened = GpuExecutor::in_precision(engine, on_gpu(cli, system));
    let gpu = opened.map_err(|error| {
        if device == DeviceArg::Auto {
            tracing::warn!("{error}; the CPU computes");
        }
        error.to_string()
    })?;
    meter.set_device(&choice.info.name);
    tracing::info!("computing on {}: {}", choice.info, choice.why);
    Ok(Box::new(gpu))
}

/// The precision on a GPU: single unless double is asked for, as most have little of that.
pub fn on_gpu(cli: &Cli, system: &System) -> Precision {
    match (cli.precision, system.gpu.precision.as_deref()) {
        (Some(PrecisionArg::F64), _) | (None, Some("f64")) => Precision::F64,
        _ => Precision::F32,
    }
}

#[cfg(not(feature = "gpu"))]
fn open(_: &Cli, _: &System, _: DeviceArg, _: &Meter) -> Result<Box<dyn Executor>, String> {
    Err("found no GPU support in this build, expected the feature `gpu`".into())
}
