//! `-m strainrate2summary`: a command file over every chunk.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::chunks::{self, Chunks};
use super::device::Work;
use super::document::document;
use super::ingest::end_balance;
use super::{Failure, compat, flow, given, join, output_folder, set_threads, share_by, system};
use crate::block::Precision;
use crate::cli::{Cli, OverwriteArg, PrecisionArg};
use crate::command::{ChunkId, Compat};
use crate::config::{Problems, Severity, System, Workflow};
use crate::execute::cpu::CpuExecutor;
use crate::execute::{CpuPrecision, DeviceFault, Executor, Job};
use crate::exit::{self, Code};
use crate::formats::Calibration;
use crate::graph::{Graph, Reading};
use crate::pipeline::balance::{Balance, Reason};
use crate::pipeline::chunk::Chunk;
use crate::pipeline::limits::Limits;
use crate::pipeline::monitor::Monitor;
use crate::pipeline::origin::{self, Existing, Flow, Origins};
use crate::pipeline::output::{Protected, run_id};
use crate::pipeline::process::{Broken, Expected, IN_FLIGHT, Report, Run, SAMPLE};
use crate::pipeline::reader::{Reader, Settings};
use crate::pipeline::watch::Watch;

/// Chunks that a device is chosen for where nobody knows how many there will be.
const A_DAY: usize = 86_400;

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    run_on(cli, monitor, None)
}

/// Runs the flow on every chunk, or on so many of them, evenly from the first to the last.
pub fn run_on(cli: &Cli, monitor: &Monitor, sample: Option<usize>) -> Result<Code, Failure> {
    let system = system(cli, monitor)?;
    let output = output_folder(cli, &system)?;
    let flow = flow(monitor, &system)?.ok_or_else(|| {
        let expected = "missing; expected the path of a command file";
        Problems::single(&system.file, "config", expected)
    })?;
    let compat = compat(cli, &system, Some(&flow))?;
    let reading = Reading {
        compat,
        strict: cli.strict,
    };
    let (graph, findings) = Graph::build(&flow, reading)?;
    findings
        .lines(Severity::Warning)
        .iter()
        .for_each(|line| tracing::warn!("{line}"));
    if flow.document {
        return document(cli, monitor, &system, &flow, &graph, None);
    }
    if !graph.nodes.iter().any(|n| n.command.sink().is_some()) {
        let hint =
            "no command writes anything, so there is nothing to do; give one a `directory_out`";
        tracing::warn!("{}: {hint}", flow.file.display());
        return Ok(exit::OK);
    }
    let Chunks {
        list: chunks,
        later,
        recordings,
        calibration,
    } = match &cli.watch {
        Some(folder) => chunks::follow(cli, &system, &flow, folder, monitor)?,
        None => chunks::find(cli, &system, Some(&flow))?,
    };
    let chunks = match sample {
        Some(count) => evenly(chunks, count),
        None => chunks,
    };
    if cli.watch.is_some() && later.is_none() {
        tracing::info!("ended as asked, before the first chunk");
        return Ok(monitor.stop.code());
    }
    let graph = calibrated(monitor, graph, calibration, &system, compat);
    let settings = settings(cli, &system, compat, &output)?;
    if compat == Compat::Distpy && system.gpu.edge_seconds.is_some_and(|it| it > 0.0) {
        tracing::warn!(
            "{}: distpy_gpu.edge_seconds: ignored, as distpy computes each chunk by itself",
            system.file.display()
        );
    }
    let mut reader = Reader::new(&graph, &flow.file, settings)?;
    set_threads(cli, &system)?;
    let precision = precision(cli, &system, compat)?;
    let limits = Limits::new(cli.max_memory);
    monitor.manifest.set_compat(compat.name());
    monitor.manifest.set_cpu_precision(precision.name());
    if cli.explain {
        let job = reader.job(&chunks[0])?;
        let work = Work::of(Some(&job), chunks.len());
        let (mut executor, _) =
            super::device::executor(cli, &system, precision, &monitor.meter, work)?;
        let fault = |fault: DeviceFault| Failure::Device(fault.to_string());
        let places = executor.explain(&job).map_err(fault)?;
        let needs = executor.needs(&job).map_err(fault)?;
        let depth = limits.depth(Some(&needs), IN_FLIGHT);
        let mut text = format!("{}{places}{}", job.plan, needs.told(depth));
        if let Some(reason) = limits.refuses(&needs) {
            text += &format!("{}: {reason}\n", job.path.display());
        }
        return super::list::show(cli, &text, &text);
    }
    let from_recordings = chunks.first().is_some_and(|it| it.cut().is_some());
    let recorded = chunks.first().is_some_and(|it| it.rate().is_some());
    // The rate at which chunks were recorded is part of their identity.
    let prf = system.prf.filter(|_| !recorded || compat == Compat::Distpy);
    let depths = match chunks.first() {
        Some(first) => reader.depths(first)?,
        None => None,
    };
    let sample: Vec<Chunk> = chunks.iter().take(SAMPLE).cloned().collect();
    // Summaries are of all shares' chunks. What has no name is no chunk of anybody's.
    let names = reader.names();
    let all: Vec<ChunkId> = chunks
        .iter()
        .filter_map(|chunk| names.id(chunk).ok())
        .collect();
    let in_all: usize = chunks.iter().map(Chunk::samples).sum();
    let mut chunks = share_by(cli, monitor, chunks, |chunk| chunk.bytes)?;
    let elsewhere = in_all - chunks.iter().map(Chunk::samples).sum::<usize>();
    let inputs: Vec<&Path> = match (&recordings, &cli.watch) {
        (_, Some(folder)) => vec![folder],
        (Some(recordings), _) => recordings.taken.iter().map(|it| &*it.path).collect(),
        (None, None) => chunks.iter().map(|chunk| &*chunk.path).collect(),
    };
    monitor.manifest.inputs(inputs.into_iter());
    if cli.job.reverse {
        chunks.reverse();
    }
    // What is wrong with a chunk is told where it is processed.
    let first = chunks.first().and_then(|chunk| reader.job(chunk).ok());
    let ahead = if later.is_some() { A_DAY } else { chunks.len() };
    let work = Work::of(first.as_ref(), ahead);
    let (mut executor, may_fall_back) =
        super::device::executor(cli, &system, precision, &monitor.meter, work)?;
    let needs = match (&first, limits.bytes()) {
        // A device that cannot tell fails when it is given the chunk, and the CPU may take over then.
        (Some(job), Some(_)) => executor
            .needs(job)
            .inspect_err(|fault| tracing::debug!("memory cannot be told: {fault}"))
            .ok(),
        _ => None,
    };
    if let (Some(job), Some(needs)) = (&first, &needs)
        && let Some(reason) = limits.refuses(needs)
    {
        return Err(Failure::Usage(format!("{}: {reason}", job.path.display())));
    }
    drop(first);
    let inputs = match &cli.watch {
        Some(folder) => Protected::of(&[folder.to_string_lossy()]),
        None => Protected::of(&given(cli, &system, "the chunks or recordings")?),
    };
    let folder = join(cli, monitor, &output, inputs)?;
    for path in all
        .first()
        .into_iter()
        .flat_map(|id| origin::results(&graph, id))
    {
        let place = folder.place(&path);
        place.map_err(|e| Failure::Usage(e.to_string()))?;
    }
    let fallback =
        || may_fall_back.then(|| Box::new(CpuExecutor::new(precision)) as Box<dyn Executor>);
    let settings = changes(
        &system,
        compat,
        precision,
        prf,
        &depths,
        reader.loaded(),
        from_recordings,
    );
    let described = Flow::new(&flow.file, &flow.text, &graph, settings);
    let mine: Vec<ChunkId> = chunks.iter().filter_map(|it| names.id(it).ok()).collect();
    let existing = match cli.overwrite {
        None => Existing::Keep,
        Some(OverwriteArg::Changed) => Existing::Replace,
        Some(OverwriteArg::All) => Existing::Recompute,
    };
    let origins = Origins::begin(&folder, run_id(), described, &mine, existing)?;
    let run = Run {
        graph: &graph,
        output: &folder,
        sample: &sample,
        origins: &origins,
        limits,
        quiet: cli.quiet,
        latency: later.is_some(),
        all: later.is_none().then_some(&all[..]),
        monitor,
    };
    let mut expected = Expected {
        needs,
        ..Expected::of(&chunks)
    };
    if later.is_some() {
        (expected.chunks, expected.bytes) = (0, 0);
    }
    let refused = later.as_ref().map(Watch::shared_refused);
    let watched = later.as_ref().map(Watch::shared_balance);
    let in_chunks: usize = chunks.iter().map(Chunk::samples).sum();
    let chunks = chunks
        .into_iter()
        .map(Some)
        .chain(later.into_iter().flatten());
    let mut report = run
        .process(chunks, expected, reader, executor, &fallback)
        .map_err(|broken| match broken {
            Broken::Flow(problems) => Failure::Config(problems),
            Broken::Output(error) => error.into(),
            Broken::Device(fault) => Failure::Device(fault.to_string()),
            Broken::Thread(error) => Failure::Io(error.to_string()),
        })?;
    if let Some(recordings) = &recordings {
        for line in recordings.bad.iter().chain(&recordings.unread) {
            monitor.meter.failed(line);
        }
        report.failed += recordings.bad.len();
        report.unread += recordings.unread.len();
    }
    if let Some(refused) = refused {
        let refused = refused.lock().expect("no thread panics with it");
        let unread = refused.values().filter(|unread| **unread).count();
        report.failed += refused.len() - unread;
        report.unread += unread;
    }
    // Of samples that were read before chunks were cut, or else of the chunks.
    let mut balance = match (&recordings, watched) {
        (Some(recordings), _) => recordings.balance.clone(),
        (None, Some(watched)) => watched.lock().expect("no thread panics with it").clone(),
        (None, None) => Balance {
            read: (in_chunks + elsewhere) as u64,
            ..Balance::default()
        },
    };
    balance.left_out(Reason::Elsewhere, elsewhere);
    balance.add(&report.balance);
    if report.stopped {
        balance.stopped();
    }
    end_balance(monitor, &balance)?;
    log_report(&report, &balance, &output);
    Ok(match report {
        Report { stopped: true, .. } => monitor.stop.code(),
        Report { failed: 1.., .. } => exit::DATA,
        Report { unread: 1.., .. } => exit::IO,
        _ => exit::OK,
    })
}

/// So many of some values, from the first to the last.
fn evenly<T>(values: Vec<T>, count: usize) -> Vec<T> {
    let last = values.len().saturating_sub(1);
    let wanted: Vec<usize> = match count {
        _ if count > last => return values,
        0 | 1 => vec![0],
        _ => (0..count).map(|k| k * last / (count - 1)).collect(),
    };
    let values = values.into_iter().enumerate();
    let values = values.filter(|(k, _)| wanted.contains(k));
    values.map(|(_, value)| value).collect()
}

/// Everything but the flow that changes numbers, by its key in the configuration.
fn changes(
    system: &System,
    compat: Compat,
    precision: CpuPrecision,
    prf: Option<f64>,
    depths: &Option<Vec<f64>>,
    loaded: BTreeMap<String, String>,
    from_recordings: bool,
) -> BTreeMap<String, Value> {
    let keys = &system.gpu;
    let mut all = BTreeMap::from([
        ("distpy_gpu.compat".to_string(), compat.name().into()),
        ("distpy_gpu.precision".into(), precision.name().into()),
        ("time_scale".into(), system.time_scale.clone().into()),
    ]);
    let digest = depths.as_ref().map(|depths| {
        let digest = Sha256::digest(bytemuck::cast_slice::<f64, u8>(depths));
        let hex: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{} depths, SHA-256 {hex}", depths.len())
    });
    all.insert("measured_depth".into(), digest.into());
    for (path, digest) in loaded {
        all.insert(format!("content of {path}"), digest.into());
    }
    let edge = keys
        .edge_seconds
        .filter(|it| *it > 0.0 && compat == Compat::Exact);
    all.insert("distpy_gpu.edge_seconds".into(), edge.into());
    if from_recordings {
        // Rules for cutting recordings.
        let cutting = [
            ("chunk_seconds", keys.chunk_seconds.map(Value::from)),
            ("overlap_seconds", keys.overlap_seconds.map(Value::from)),
            ("join_seconds", keys.join_seconds.map(Value::from)),
            ("last_chunk", keys.last_chunk.clone().map(Value::from)),
        ];
        for (key, value) in cutting {
            all.insert(format!("distpy_gpu.{key}"), value.unwrap_or_default());
        }
    } else {
        all.insert("prf".into(), prf.into());
    }
    all
}

/// The flow in the recording's unit, where that is known and wanted.
fn calibrated(
    monitor: &Monitor,
    graph: Graph,
    calibration: Option<Calibration>,
    system: &System,
    compat: Compat,
) -> Graph {
    let wanted = system.gpu.calibrate.unwrap_or(compat == Compat::Exact);
    if let Some(calibration) = &calibration {
        monitor.manifest.set_calibration(calibration, wanted);
    }
    match calibration {
        Some(Calibration { factor, unit }) if wanted => {
            tracing::info!("samples are multiplied by {factor}: they are in {unit}");
            if factor == 1.0 {
                graph
            } else {
                graph.scaled(factor)
            }
        }
        Some(Calibration { factor, unit }) => {
            tracing::info!("samples are as they are stored: {factor} times one is in {unit}");
            graph
        }
        None => graph,
    }
}

fn settings(
    cli: &Cli,
    system: &System,
    compat: Compat,
    output: &Path,
) -> Result<Settings, Failure> {
    Ok(Settings {
        prf: system.prf.unwrap_or(chunks::DISTPY_PRF),
        compat,
        measured_depth: system.measured_depth.clone(),
        time_scale: system.time_scale.clone(),
        input: system.input.clone(),
        output: output.to_path_buf(),
        timestamp: cli.timestamp,
        hdf5: system.gpu.hdf5.clone(),
        edge: chunks::cutting(system, compat)?.edge,
    })
}

/// The first chunk, planned; `None` where there is none that fits.
pub(super) fn first_job(cli: &Cli, system: &System, flow: &Workflow, graph: &Graph) -> Option<Job> {
    let chunks = chunks::find(cli, system, Some(flow)).ok()?.list;
    let output = output_folder(cli, system).ok()?;
    let compat = compat(cli, system, Some(flow)).ok()?;
    let settings = settings(cli, system, compat, &output).ok()?;
    let mut reader = Reader::new(graph, &flow.file, settings).ok()?;
    reader.job(&chunks[0]).ok()
}

/// The precision on the CPU.
pub(super) fn precision(
    cli: &Cli,
    system: &System,
    compat: Compat,
) -> Result<CpuPrecision, Failure> {
    match (cli.precision, system.gpu.precision.as_deref()) {
        (Some(PrecisionArg::F32), _) | (None, Some("f32")) => {
            Ok(CpuPrecision::Always(Precision::F32))
        }
        (Some(PrecisionArg::F64), _) | (None, Some("f64")) => {
            Ok(CpuPrecision::Always(Precision::F64))
        }
        // distpy computes in double precision whatever is stored.
        (Some(PrecisionArg::Auto), _) | (None, None | Some("auto")) => Ok(match compat {
            Compat::Distpy => CpuPrecision::Always(Precision::F64),
            Compat::Exact => CpuPrecision::Auto,
        }),
        (None, Some(other)) => {
            let found = format!("found \"{other}\", expected \"auto\", \"f32\" or \"f64\"");
            Err(Problems::single(&system.file, "distpy_gpu.precision", found).into())
        }
    }
}

fn log_report(report: &Report, balance: &Balance, output: &Path) {
    let Report {
        done,
        skipped,
        too_short,
        failed,
        unread,
        bytes,
        seconds,
        ..
    } = report;
    let rate = *bytes as f64 / 1e6 / seconds.max(1e-9);
    let mut parts = vec![format!("{done} chunks done")];
    if *skipped > 0 {
        parts.push(format!("{skipped} skipped, as their results exist"));
    }
    if *too_short > 0 {
        parts.push(format!("{too_short} left out, as they are too short"));
    }
    if failed + unread > 0 {
        parts.push(format!("{} failed", failed + unread));
    }
    let seconds = format!("{seconds:.2} s, {rate:.0} MB/s of input");
    // Chunk files that no index lists are not counted.
    let samples = match balance.read {
        0 => String::new(),
        _ => format!("; {}", balance.text()),
    };
    tracing::info!(
        "{}; {seconds}; results in {}{samples}",
        parts.join(", "),
        output.display()
    );
    if report.stopped {
        tracing::warn!("ended early as asked; the same command goes on where this one ended");
    }
}
