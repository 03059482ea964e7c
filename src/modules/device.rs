//! Which device a run computes on.

use super::Failure;
use crate::cli::{Cli, DeviceArg};
use crate::config::{Problems, System};
use crate::execute::cpu::CpuExecutor;
use crate::execute::{CpuPrecision, Executor};

/// What computes, and whether the CPU may take over where it fails.
pub fn executor(
    cli: &Cli,
    system: &System,
    precision: CpuPrecision,
) -> Result<(Box<dyn Executor>, bool), Failure> {
    let _ = wanted(cli, system)?;
    Ok((Box::new(CpuExecutor::new(precision)), false))
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
