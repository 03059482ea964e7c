//! The GPUs that are measured.

use super::chunks::Batch;
use super::report::{Adapter, Measurement, Rates, Row};
use super::timing::{Effort, Timing, stream};
use crate::block::Precision;
use crate::cli::{Cli, DeviceArg};
use crate::execute::gpu::{GpuExecutor, Traffic};
use crate::gpu::GpuError;
use crate::gpu::adapter::{self, AdapterInfo, Choice, DeviceType, Want, choose};
use crate::gpu::engine::Engine;
use crate::pipeline::stop::Stop;

/// The adapters that were asked for, or why there is none.
pub struct Gpus {
    precision: Precision,
    gpus: Result<Vec<Gpu>, String>,
}

/// One adapter: open, or why it is not.
struct Gpu {
    info: AdapterInfo,
    precision: &'static str,
    open: Result<(GpuExecutor, Rates), String>,
}

impl Gpus {
    /// Opens every hardware adapter; the one that `--adapter` names, of whatever kind; or a software adapter.
    pub fn open(cli: &Cli, device: DeviceArg, precision: Precision) -> Self {
        let selector = cli.adapter.as_deref().filter(|text| *text != adapter::ALL);
        let choices = match (device, selector) {
            (DeviceArg::Cpu, _) => Ok(Vec::new()),
            (DeviceArg::Software, _) => choose(Want::Software, selector).map(|c| vec![c]),
            (_, Some(_)) => choose(Want::Gpu, selector)
                .or_else(|_| choose(Want::Software, selector))
                .map(|c| vec![c]),
            (_, None) => every_hardware(),
        };
        let open = |choice: &Choice| Gpu::open(choice, precision);
        Self {
            precision,
            gpus: choices
                .map(|choices| choices.iter().map(open).collect())
                .map_err(|e| e.to_string()),
        }
    }

    /// In which they compute.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What they are.
    pub fn described(&self) -> Vec<Adapter> {
        match &self.gpus {
            Ok(gpus) => gpus.iter().map(Gpu::described).collect(),
            Err(reason) => vec![Adapter::missing(reason.clone())],
        }
    }

    /// A row for each that has something to do. `cpu` is the CPU in the same precision; `difference` compares with it in double precision.
    pub fn rows(
        &mut self,
        batch: &Batch,
        cpu: &Timing,
        difference: &dyn Fn(&Timing) -> Option<f64>,
        effort: Effort,
        stop: &Stop,
    ) -> Vec<Row> {
        let gpus = self.gpus.iter_mut().flatten();
        gpus.filter_map(|gpu| gpu.row(batch, cpu, difference, effort, stop))
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
    fn open(choice: &Choice, precision: Precision) -> Self {
        let opened = Engine::open(choice).and_then(|engine| {
            let measured = engine.measure()?;
            let rates = Rates {
                copy: measured.copy_bytes_per_s,
                upload: measured.upload_bytes_per_s,
                download: measured.download_bytes_per_s,
            };
            Ok((GpuExecutor::in_precision(engine, precision)?, rates))
        });
        Self {
            info: choice.info.clone(),
            precision: match precision {
                Precision::F32 => "f32",
                Precision::F64 => "f64",
            },
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
        effort: Effort,
        stop: &Stop,
    ) -> Option<Row> {
        let AdapterInfo { name, index, .. } = &self.info;
        let (executor, rates) = match &mut self.open {
            Ok(open) => open,
            Err(reason) => return Some(Row::failed(name, *index, reason)),
        };
        let job = &batch.jobs[0];
        let measured = match executor.traffic(job) {
            Ok(traffic) if traffic == Traffic::default() => return None,
            Ok(traffic) => stream(executor, batch, GpuExecutor::kernel_seconds, effort, stop)
                .map(|timing| (traffic, timing)),
            Err(fault) => Err(fault),
        };
        Some(match measured {
            Ok((traffic, timing)) => {
                let measurement = Measurement::new(batch, &timing, cpu, difference(&timing))
                    .on_device(batch, &timing, traffic, *rates);
                Row::done(name, Some(*index), self.precision, measurement)
            }
            Err(fault) => {
                let reason = fault.to_string();
                let row = Row::failed(name, *index, &reason);
                self.open = Err(reason);
                row
            }
        })
    }
}
