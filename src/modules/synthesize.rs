//! `-m synthesize`: a realistic recording, as SEG-Y, HDF5 or chunks.

use std::path::Path;
use std::sync::Arc;

use super::{Failure, join, read_text, start_threads};
use crate::block::DType;
use crate::cli::Cli;
use crate::config::{self, Problems, System};
use crate::exit::{self, Code};
use crate::formats::{Source, segy};
use crate::pipeline::ingest::{Ingest, IngestError, Run, ingest};
use crate::pipeline::limits::Limits;
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output::{AtomicFile, Protected};
use crate::pipeline::timeline::Cutting;
use crate::store;
use crate::synth::{Recipe, Recording};

/// Bytes of the window of samples that is in memory while a file is written.
const WINDOW: usize = 16 << 20;

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let recipe = recipe(cli)?;
    start_threads(cli.threads)?;
    let Some(target) = cli.output.as_deref() else {
        let expected = "-o FILE.sgy, -o FILE.h5, or -o FOLDER for chunks";
        return Err(Failure::Usage(format!(
            "module `synthesize` needs to know what to make; expected {expected}"
        )));
    };
    if store::is_file(target) && cli.overwrite.is_none() {
        tracing::info!(
            "{}: exists, kept; --overwrite makes it again",
            target.display()
        );
        return Ok(exit::OK);
    }
    let source = Recording::new(&recipe).map_err(|list| {
        let file = cli.config.clone().unwrap_or_else(|| "recipe".into());
        Failure::Config(Problems { file, list })
    })?;
    let source = Arc::new(source);
    let header = source.header();
    let total = (header.channels * header.samples * header.dtype.size()) as u64;
    let meter = &monitor.meter;
    meter.begin("samples", 0, total, cli.quiet);
    let extension = target
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let finished = match extension.as_str() {
        "sgy" | "segy" => write_segy(&source, target, &recipe, monitor),
        #[cfg(feature = "hdf5")]
        "h5" | "hdf5" => write_hdf5(&source, target, &recipe),
        "" => write_chunks(source.clone(), target, cli, monitor),
        other => {
            let expected = "expected .sgy, .h5, or a folder without an extension for chunks";
            return Err(Failure::Usage(format!(
                "{}: found the extension .{other}, {expected}",
                target.display()
            )));
        }
    }?;
    let seconds = meter.finish();
    if !finished {
        return Ok(monitor.stop.code());
    }
    let rate = total as f64 / 1e6 / seconds.max(1e-9);
    tracing::info!(
        "{}: {} channels, {} samples at {} Hz from {}; {seconds:.1} s, {rate:.0} MB/s",
        target.display(),
        header.channels,
        header.samples,
        header.prf(),
        header.start_time()
    );
    Ok(exit::OK)
}

/// The recipe: the configuration itself, or what a system configuration holds under `distpy_gpu.synthesize`.
fn recipe(cli: &Cli) -> Result<Recipe, Failure> {
    let Some(path) = cli.config.as_deref() else {
        return Ok(Recipe::default());
    };
    let text = read_text(path)?;
    let root = config::json(path, &text)?;
    let is_system = [
        "in_directory",
        "out_directory",
        "in_drive",
        "out_drive",
        "distpy_gpu",
    ]
    .iter()
    .any(|k| root.get(k).is_some());
    let (value, prefix) = if is_system {
        let system = System::parse(path, &text)?;
        (
            system
                .gpu
                .synthesize
                .unwrap_or_else(|| serde_json::json!({})),
            "distpy_gpu.synthesize.",
        )
    } else {
        (root, "")
    };
    serde_path_to_error::deserialize(value).map_err(|e| {
        Problems::single(
            path,
            &format!("{prefix}{}", e.path()),
            e.inner().to_string(),
        )
        .into()
    })
}

fn write_segy(
    source: &Recording,
    target: &Path,
    recipe: &Recipe,
    monitor: &Monitor,
) -> Result<bool, Failure> {
    let header = source.header();
    let recording = segy::Recording {
        format: if header.dtype == DType::I16 {
            segy::Format::I16
        } else {
            segy::Format::F32
        },
        samples: header.samples,
        prf: header.prf(),
        start: header.start_time(),
        depth: header.depth.clone(),
        text: vec![
            "C 1 SYNTHETIC DISTRIBUTED ACOUSTIC SENSING RECORDING".into(),
            format!(
                "C 2 SEED {} GAUGE LENGTH {} M CHANNEL SPACING {} M",
                recipe.seed, recipe.gauge_length, recipe.channel_spacing
            ),
            format!("C 3 ONE COUNT IS {} NANOSTRAIN PER SECOND", source.scale()),
        ],
    };
    let io = |e: std::io::Error| Failure::Io(format!("{}: {e}", target.display()));
    let mut writer =
        segy::SegyWriter::new(AtomicFile::create(target)?, recording).map_err(|e| match e {
            segy::WriteError::Io(e) => io(e),
            other => Failure::Usage(format!("{}: {other}", target.display())),
        })?;
    // A trace is whole before the next begins: the file is written front to back.
    let row = header.samples * header.dtype.size();
    let step = (WINDOW / row.max(1)).clamp(1, header.channels.max(1));
    let mut samples = vec![0; step * row];
    for first in (0..header.channels).step_by(step) {
        if monitor.stop.wanted() {
            return Ok(false);
        }
        let channels = first..(first + step).min(header.channels);
        let window = &mut samples[..channels.len() * row];
        source.read(channels.clone(), 0..header.samples, window)?;
        writer
            .write(channels, 0..header.samples, window)
            .map_err(io)?;
        monitor.meter.advance(window.len() as u64);
    }
    writer.finish().map_err(io)?.commit()?;
    Ok(true)
}

#[cfg(feature = "hdf5")]
fn write_hdf5(source: &Recording, target: &Path, recipe: &Recipe) -> Result<bool, Failure> {
    use crate::formats::hdf5::{Acquisition, write_prodml};
    let acquisition = Acquisition {
        gauge_length: recipe.gauge_length,
        pulse_rate: recipe.prf,
        pulse_width: 50.0,
        unit: "nm/m/s".into(),
        description: format!(
            "synthetic strain rate, one count is {} nanostrain per second",
            source.scale()
        ),
        facility: "synthetic".into(),
        vendor: "distpy-gpu".into(),
    };
    // HDF5 opens files by name, so the temporary is made here and given to it.
    let file = AtomicFile::create(target)?;
    write_prodml(file.temporary(), source, &acquisition)?;
    file.commit()?;
    Ok(true)
}

fn write_chunks(
    source: Arc<Recording>,
    target: &Path,
    cli: &Cli,
    monitor: &Monitor,
) -> Result<bool, Failure> {
    let folder = join(cli, monitor, target, Protected::default())?;
    let options = Ingest {
        overwrite: cli.overwrite.is_some(),
        limits: Limits::new(cli.max_memory),
        ..Ingest::default()
    };
    let run = Run {
        progress: &|bytes| monitor.meter.advance(bytes),
        skipped: &|chunks| monitor.meter.skipped(chunks),
        written: &|chunks| monitor.meter.done(chunks),
        stop: monitor.stop.flag(),
    };
    let name = Path::new("synthetic");
    match ingest(source, name, Cutting::default(), &folder, &options, &run) {
        Ok(report) => {
            if report.skipped > 0 {
                let (skipped, folder) = (report.skipped, target.display());
                tracing::info!(
                    "{folder}: {skipped} chunks exist, kept; --overwrite makes them again"
                );
            }
            Ok(true)
        }
        Err(IngestError::Stopped) => Ok(false),
        Err(IngestError::Output(error)) => Err(error.into()),
        Err(error) => Err(Failure::Data(error.to_string())),
    }
}
