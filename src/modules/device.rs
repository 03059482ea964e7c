//! Which device a run computes on.

mod pays;

use super::Failure;
use crate::block::Precision;
use crate::cli::{Cli, DeviceArg, PrecisionArg};
use crate::config::{Problems, System};
use crate::execute::cpu::CpuExecutor;
use crate::execute::{CpuPrecision, Executor, Job};
use crate::pipeline::monitor::Meter;

/// What there is to do.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    first: Option<&'a Job>,
    chunks: usize,
}

impl<'a> Work<'a> {
    /// So many chunks, of which one is at hand unless it cannot be read.
    pub fn of(first: Option<&'a Job>, chunks: usize) -> Self {
        Self { first, chunks }
    }
}

/// What computes, and whether the CPU may take over where it fails.
pub fn executor(
    cli: &Cli,
    system: &System,
    precision: CpuPrecision,
    meter: &Meter,
    work: Work<'_>,
) -> Result<(Box<dyn Executor>, bool), Failure> {
    let cpu = || Box::new(CpuExecutor::new(precision)) as Box<dyn Executor>;
    match wanted(cli, system)? {
        DeviceArg::Cpu => {
            meter.set_device("CPU");
            Ok((cpu(), false))
        }
        DeviceArg::Auto => {
            // Without an adapter there is nothing to try.
            let gpu = find(cli, DeviceArg::Auto)
                .inspect_err(|reason| tracing::debug!("the CPU computes: {reason}"))
                .and_then(|found| {
                    let open = || open(cli, system, &found, work.chunks, meter);
                    pays::faster(precision, work, open)
                        .inspect_err(|reason| tracing::info!("the CPU computes: {reason}"))
                });
            Ok(gpu.map_or_else(
                |_| {
                    meter.set_device("CPU");
                    (cpu(), false)
                },
                |gpu| (gpu, true),
            ))
        }
        // A software adapter is asked for to check the GPU path, so it must not quietly become the CPU's.
        device @ (DeviceArg::Gpu | DeviceArg::Software) => find(cli, device)
            .and_then(|found| open(cli, system, &found, work.chunks, meter))
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

/// The adapters to open.
#[cfg(feature = "gpu")]
type Found = Vec<crate::gpu::adapter::Choice>;

#[cfg(feature = "gpu")]
fn find(cli: &Cli, device: DeviceArg) -> Result<Found, String> {
    use crate::gpu::adapter::{ALL, Want, choose, choose_all};
    let want = match device {
        DeviceArg::Software => Want::Software,
        DeviceArg::Gpu => Want::Gpu,
        DeviceArg::Auto | DeviceArg::Cpu => Want::Auto,
    };
    match cli.adapter.as_deref() {
        Some(ALL) => choose_all(want),
        selector => choose(want, selector).map(|choice| vec![choice]),
    }
    .map_err(|error| error.to_string())
}

#[cfg(feature = "gpu")]
fn open(
    cli: &Cli,
    system: &System,
    found: &Found,
    chunks: usize,
    meter: &Meter,
) -> Result<Box<dyn Executor>, String> {
    use crate::execute::gpu::GpuExecutor;
    use crate::execute::several::Several;
    use crate::gpu::engine::Engine;
    let mut gpus: Vec<Box<dyn Executor>> = Vec::with_capacity(found.len());
    for choice in found {
        let engine = Engine::open_within(choice, cli.max_device_memory)
            .map_err(|error| error.to_string())?;
        let gpu = GpuExecutor::in_precision(engine, on_gpu(cli, system))
            .map_err(|error| error.to_string())?;
        tracing::info!("computing on {}: {}", choice.info, choice.why);
        gpus.push(Box::new(gpu.expecting(chunks)));
    }
    let names: Vec<&str> = found.iter().map(|c| c.info.name.as_str()).collect();
    meter.set_device(&names.join(", "));
    Ok(match gpus.len() {
        1 => gpus.remove(0),
        _ => Box::new(Several::new(gpus)),
    })
}

/// The precision on a GPU: single unless double is asked for, as most have little of that.
pub fn on_gpu(cli: &Cli, system: &System) -> Precision {
    match (cli.precision, system.gpu.precision.as_deref()) {
        (Some(PrecisionArg::F64), _) | (None, Some("f64")) => Precision::F64,
        _ => Precision::F32,
    }
}

/// A build without GPU support finds none.
#[cfg(not(feature = "gpu"))]
type Found = std::convert::Infallible;

#[cfg(not(feature = "gpu"))]
fn find(_: &Cli, _: DeviceArg) -> Result<Found, String> {
    Err("found no GPU support in this build, expected the feature `gpu`".into())
}

#[cfg(not(feature = "gpu"))]
fn open(
    _: &Cli,
    _: &System,
    found: &Found,
    _: usize,
    _: &Meter,
) -> Result<Box<dyn Executor>, String> {
    match *found {}
}
