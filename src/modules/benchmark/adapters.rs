//! The GPUs that are measured.

use super::chunks::Batch;
use super::report::{Adapter, Measurement, Rates, Row};
use super::timing::{Timing, stream};
use crate::cli::{Cli, DeviceArg};
use crate::execute::gpu::GpuExecutor;
use crate::gpu::GpuError;
use crate::gpu::adapter::{self, AdapterInfo, Choice, DeviceType, Want, choose};
use crate::gpu::engine::Engine;
use crate::pipeline::stop::Stop;

/// The adapters that were asked for, or why there is none.
pub struct Gpus(Result<Vec<Gpu>, String>);

/// One adapter: open, or why it is not.
struct Gpu {
    info: AdapterInfo,
    open: Result<(GpuExecutor, Rates), String>,
}

impl Gpus {
    /// Opens every hardware adapter; the one that `--adapter` names, of whatever kind; or a software adapter.
    pub fn open(cli: &Cli, device: DeviceArg) -> Self {
        let selector = cli.adapter.as_deref();
        let choices = match (device, selector) {
            (DeviceArg::Cpu, _) => Ok(Vec::new()),
            (DeviceArg::Software, _) => choose(Want::Software, selector).map(|c| vec![c]),
            (_, Some(_)) => choose(Want::Gpu, selector)
                .or_else(|_| choose(Want::Software, selector))
                .map(|c| vec![c]),
            (_, None) => every_hardware(),
        };
        Self(
            choices
                .map(|choices| choices.iter().map(Gpu::open).collect())
                .map_err(|e| e.to_string()),
        )
    }

    /// What they are.
    pub fn described(&self) -> Vec<Adapter> {
        match &self.0 {
            Ok(gpus) => gpus.iter().map(Gpu::described).collect(),
            Err(reason) => vec![Adapter::missing(reason.clone())],
        }
    }

    /// A row for each. `cpu` is the CPU in single precision; `difference` compares with it in double precision.
    pub fn rows(
        &mut self,
        batch: &Batch,
        cpu: &Timing,
        difference: &dyn Fn(&Timing) -> Option<f64>,
        stop: &Stop,
    ) -> Vec<Row> {
        let gpus = self.0.iter_mut().flatten();
        gpus.map(|gpu| gpu.row(batch, cpu, difference, stop))
            .collect()
    }
}

/// Every adapter but software ones; an error where there is none.
fn every_hardware() -> Result<Vec<Choice>, GpuError> {
    let hardware: Vec<Choice> = adapter::list()
        .iter()
        .filter(|info| info.device_type != DeviceType::Software)
        .map(|info| choose(Want::Gpu, Some(&info.index.to_string())))
        .collect::<Result<_, _>>()?;
    if hardware.is_empty() {
        choose(Want::Gpu, None).map(|choice| vec![choice])
    } else {
        Ok(hardware)
    }
}

impl Gpu {
    fn open(choice: &Choice) -> Self {
        let opened = Engine::open(choice).and_then(|engine| {
            let measured = engine.measure()?;
            let rates = Rates {
                copy: measured.copy_bytes_per_s,
                upload: measured.upload_bytes_per_s,
                download: measured.download_bytes_per_s,
            };
            Ok((GpuExecutor::new(engine), rates))
        });
        Self {
            info: choice.info.clone(),
            open: opened.map_err(|e| e.to_string()),
        }
    }

    fn described(&self) -> Adapter {
        Adapter {
            device: self.info.to_string(),
            info: serde_json::to_value(&self.info).expect("plain data"),
            rates: self.open.as_ref().ok().map(|(_, rates)| *rates),
            error: self.open.as_ref().err().cloned(),
        }
    }

    fn row(
        &mut self,
        batch: &Batch,
        cpu: &Timing,
        difference: &dyn Fn(&Timing) -> Option<f64>,
        stop: &Stop,
    ) -> Row {
        let AdapterInfo { name, index, .. } = &self.info;
        let (executor, rates) = match &mut self.open {
            Ok(open) => open,
            Err(reason) => return Row::failed(name, *index, reason),
        };
        match stream(executor, batch, GpuExecutor::kernel_seconds, stop) {
            Ok(timing) => {
                let moved = executor.transfer_bytes(&batch.jobs[0].plan);
                let measurement = Measurement::new(batch, &timing, cpu, difference(&timing))
                    .on_device(batch, &timing, moved, *rates);
                Row::done(name, Some(*index), "f32", measurement)
            }
            Err(fault) => {
                let reason = fault.to_string();
                let row = Row::failed(name, *index, &reason);
                self.open = Err(reason);
                row
            }
        }
    }
}
