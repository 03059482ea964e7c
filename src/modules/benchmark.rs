//! `-m benchmark`: a flow, single commands, and chunks of growing size on the CPU and on every GPU, and how they compare.
//!
//! Chunks lie in memory as they are stored. They stream through each backend's executor as in a real run, as many in flight as
//! it takes at once; reading files and writing results is left out.

#[cfg(feature = "gpu")]
mod adapters;
mod chunks;
mod commands;
mod flow;
mod plot;
#[cfg_attr(
    not(feature = "gpu"),
    expect(dead_code, reason = "only GPUs have kernels, and only they fail")
)]
mod report;
mod sizes;
#[cfg_attr(
    not(feature = "gpu"),
    expect(dead_code, reason = "only GPUs have kernels")
)]
mod timing;

use super::{Failure, list, set_threads, system};
use crate::block::Precision;
use crate::cli::{Cli, DeviceArg, Measure};
use crate::config::System;
use crate::execute::CpuPrecision;
use crate::execute::cpu::CpuExecutor;
use crate::exit::{self, Code};
use crate::pipeline::monitor::Monitor;
use crate::pipeline::stop::Stop;
use chunks::{Batch, Chunks};
use flow::Flow;
use report::{Measurement, Report, Row, Table};
use timing::{Effort, Timing, largest_difference, stream};

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let stop = &monitor.stop;
    let plot = cli.benchmark.plot.as_deref();
    commands::check(&cli.benchmark.only).map_err(Failure::Usage)?;
    if let Some(path) = plot {
        plot::check(path).map_err(Failure::Usage)?;
        if !cli.benchmark.measure.contains(&Measure::Sizes) {
            let found = "--plot: found no `sizes` in --measure, expected it, as times by size are what is drawn";
            return Err(Failure::Usage(found.into()));
        }
    }
    let system = match cli.config {
        Some(_) => system(cli, monitor)?,
        None => System::parse("defaults".as_ref(), "{}")?,
    };
    set_threads(cli, &system)?;
    let device = super::device::wanted(cli, &system)?;
    let flow = Flow::read(cli, monitor, &system)?;
    let chunks = Chunks::new(cli, &system, &flow)?;
    let mut gpus = Gpus::open(cli, device, super::device::on_gpu(cli, &system));
    let mut report = Report::new(&flow, &chunks, gpus.described());
    let wanted = |what| cli.benchmark.measure.contains(&what) && !stop.wanted();
    if wanted(Measure::Flow) {
        for dtype in chunks.types() {
            if stop.wanted() {
                break;
            }
            let batch = chunks.batch(dtype, &flow)?;
            report
                .tables
                .push(table(&batch, &mut gpus, Effort::Full, stop));
        }
    }
    let recorded = chunks.first(&system);
    if wanted(Measure::Commands) {
        let only = &cli.benchmark.only;
        report.commands = commands::measure(recorded, only, &flow, &mut gpus, stop)?;
    }
    if wanted(Measure::Sizes) {
        let most = cli.benchmark.max_samples;
        report.sizes = Some(sizes::measure(recorded, most, &flow, &mut gpus, stop)?);
    }
    if stop.wanted() {
        return Ok(stop.code());
    }
    if let (Some(path), Some(sizes)) = (plot, &report.sizes) {
        let picture = plot::draw(sizes, path).map_err(Failure::Io)?;
        crate::pipeline::output::write_file(path, &picture)?;
    }
    list::show(cli, &report.to_string(), &report)?;
    let asked = matches!(device, DeviceArg::Gpu | DeviceArg::Software);
    Ok(match report.failure() {
        Some(reason) if asked => {
            tracing::error!("{reason}");
            exit::DEVICE
        }
        _ => exit::OK,
    })
}

/// Every backend on the same chunks. The CPU in double precision comes first, as the others are compared with its numbers.
fn table(batch: &Batch, gpus: &mut Gpus, effort: Effort, stop: &Stop) -> Table {
    let exact = on_cpu(batch, Precision::F64, effort, stop);
    let single = on_cpu(batch, Precision::F32, effort, stop);
    let difference =
        |timing: &Timing| largest_difference(&batch.jobs[0].plan, &timing.first, &exact.first);
    let cpu = |precision, timing: &Timing, difference| {
        let measurement = Measurement::new(batch, timing, timing, difference);
        Row::done("CPU", None, precision, measurement)
    };
    let mut rows = vec![
        cpu("f64", &exact, None),
        cpu("f32", &single, difference(&single)),
    ];
    let same = match gpus.precision() {
        Precision::F64 => &exact,
        Precision::F32 => &single,
    };
    rows.extend(gpus.rows(batch, same, &difference, effort, stop));
    Table::new(batch, rows)
}

fn on_cpu(batch: &Batch, precision: Precision, effort: Effort, stop: &Stop) -> Timing {
    let mut executor = CpuExecutor::new(CpuPrecision::Always(precision));
    stream(&mut executor, batch, |_| 0.0, effort, stop).expect("the CPU is there")
}

#[cfg(feature = "gpu")]
use adapters::Gpus;

/// A build without GPU support has none.
#[cfg(not(feature = "gpu"))]
struct Gpus;

#[cfg(not(feature = "gpu"))]
impl Gpus {
    fn open(_: &Cli, _: DeviceArg, _: Precision) -> Self {
        Self
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn described(&self) -> Vec<report::Adapter> {
        let reason = "found no GPU support in this build, expected the feature `gpu`";
        vec![report::Adapter::missing(reason.into())]
    }

    fn rows(
        &mut self,
        _: &Batch,
        _: &Timing,
        _: &dyn Fn(&Timing) -> Option<f64>,
        _: Effort,
        _: &Stop,
    ) -> Vec<Row> {
        Vec::new()
    }
}
