//! `-m segy_ingest`, `-m ingest_h5` and `-m ingest_tdms`: recordings into chunks.

use std::path::Path;

use super::tally::Tally;
use super::{Failure, compat, given, join, output_folder, share, system};
use crate::block::DType;
use crate::cli::Cli;
use crate::command::Compat;
use crate::config::{Problems, System};
use crate::exit::Code;
use crate::formats::open::Options;
use crate::formats::{self, FormatError, Source};
use crate::pipeline::ingest::{
    DepthShape, Ingest, IngestError, LastChunk, Report, Run, TraceFiles, ingest,
};
use crate::pipeline::inputs::{self, Input};
use crate::pipeline::monitor::Monitor;
use crate::pipeline::share::{Turn, Turns};

/// `-m segy_ingest`.
pub fn segy(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let open = |path: &Path, options: &Options| {
        let compat_distpy = options.compat_distpy;
        let options = formats::segy::Options { compat_distpy };
        formats::segy::open(path, &options).map(|source| Box::new(source) as Box<dyn Source>)
    };
    run(cli, monitor, &["sgy", "segy"], DepthShape::Column, open)
}

/// `-m ingest_h5`.
#[cfg(feature = "hdf5")]
pub fn hdf5(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let open = |path: &Path, options: &Options| {
        formats::hdf5::open_as(path, &options.hdf5)
            .map(|source| Box::new(source) as Box<dyn Source>)
    };
    run(
        cli,
        monitor,
        &["h5", "hdf5", "hdf", "nc", "nc4"],
        DepthShape::Flat,
        open,
    )
}

/// `-m ingest_tdms`.
pub fn tdms(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let open = |path: &Path, _: &Options| {
        formats::tdms::open(path).map(|source| Box::new(source) as Box<dyn Source>)
    };
    run(cli, monitor, &["tdms"], DepthShape::Flat, open)
}

fn run(
    cli: &Cli,
    monitor: &Monitor,
    extensions: &[&str],
    depth: DepthShape,
    open: impl Fn(&Path, &Options) -> Result<Box<dyn Source>, FormatError>,
) -> Result<Code, Failure> {
    let system = system(cli, monitor)?;
    let out = output_folder(cli, &system)?;
    let options = Ingest {
        dtype: dtype(&system)?,
        last_chunk: last_chunk(&system)?,
        overwrite: cli.overwrite,
        depth,
        traces: trace_files(&system)?,
    };
    let given = given(cli, &system, "the recordings")?;
    let recordings =
        inputs::find(&given, extensions).map_err(|lines| Failure::Io(lines.join("\n")))?;
    let compat = compat(cli, &system, None)?;
    monitor.manifest.set_compat(compat.name());
    let opening = Options {
        compat_distpy: compat == Compat::Distpy,
        hdf5: system.gpu.hdf5.clone(),
    };
    let mut recordings = share(cli, monitor, recordings)?;
    if cli.job.reverse {
        recordings.reverse();
    }
    let folder = join(cli, monitor, &out)?;
    let total = recordings.iter().map(Input::size).sum();
    monitor.meter.begin("recordings", 0, total, cli.quiet);
    let cut = |path: &Path| {
        let source = open(path, &opening)?;
        tell_header(path, source.as_ref());
        let run = Run {
            progress: &|bytes| monitor.meter.advance(bytes),
            skipped: &|chunks| monitor.meter.skipped(chunks),
            written: &|chunks| monitor.meter.done(chunks),
            stop: monitor.stop.flag(),
        };
        ingest(source.as_ref(), &folder, &options, &run)
    };
    let mut tally = Tally::default();
    // A recording is claimed by its name, as it may be mounted at other places elsewhere.
    let name = |it: &&Input| {
        it.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let all = recordings.iter().map(Some);
    for turn in Turns::new(&folder, monitor, all, name, |_| false) {
        let (Turn::Mine(recording) | Turn::Finished(recording)) = turn?;
        let done = cut(&recording.path);
        folder.release(&name(&recording));
        match done {
            Ok(report) => tell(&recording.path, &report),
            Err(IngestError::Stopped) => break,
            Err(IngestError::Output(error)) => return Err(error.into()),
            Err(IngestError::Format(error)) => tally.refuse(monitor, &error),
            Err(error) => {
                tally.bad += 1;
                let line = format!("{}: {error}", recording.path.display());
                monitor.meter.failed(&line);
            }
        }
    }
    Ok(tally.end(monitor, |seconds| {
        format!(
            "{} recordings done, {} failed; {seconds:.2} s; chunks in {}",
            recordings.len() - tally.failed(),
            tally.failed(),
            out.display()
        )
    }))
}

fn tell(path: &Path, report: &Report) {
    let path = path.display();
    let Report {
        warnings,
        written,
        skipped,
        first,
        ..
    } = report;
    warnings.iter().for_each(|w| tracing::warn!("{path}: {w}"));
    let rest = match skipped {
        0 => String::new(),
        _ => format!(", {skipped} skipped, as they exist"),
    };
    tracing::info!("{path}: {written} chunks from {first}{rest}");
}

fn tell_header(path: &Path, source: &dyn Source) {
    let header = source.header();
    header
        .warnings
        .iter()
        .for_each(|w| tracing::warn!("{}: {w}", path.display()));
    tracing::info!(
        "{}: {} channels, {} samples at {} Hz from {}, {}",
        path.display(),
        header.channels,
        header.samples,
        header.prf,
        header.start,
        header.dtype.name()
    );
}

fn dtype(system: &System) -> Result<Option<DType>, Failure> {
    let Some(text) = system.gpu.npy_dtype.as_deref() else {
        return Ok(None);
    };
    let known = [
        ("i16", DType::I16),
        ("i32", DType::I32),
        ("f32", DType::F32),
        ("f64", DType::F64),
    ];
    if text == "smallest" {
        return Ok(None);
    }
    match known
        .iter()
        .find(|(short, dtype)| *short == text || dtype.name() == text)
    {
        Some((_, dtype)) => Ok(Some(*dtype)),
        None => {
            let found = format!(
                "found \"{text}\", expected \"smallest\", \"i16\", \"i32\", \"f32\" or \"f64\""
            );
            Err(Problems::single(&system.file, "distpy_gpu.npy_dtype", found).into())
        }
    }
}

pub(super) fn last_chunk(system: &System) -> Result<LastChunk, Failure> {
    match system.gpu.last_chunk.as_deref() {
        None | Some("keep") => Ok(LastChunk::Keep),
        Some("drop") => Ok(LastChunk::Drop),
        Some(other) => {
            let found = format!("found \"{other}\", expected \"keep\" or \"drop\"");
            Err(Problems::single(&system.file, "distpy_gpu.last_chunk", found).into())
        }
    }
}

fn trace_files(system: &System) -> Result<TraceFiles, Failure> {
    match system.gpu.headers.as_deref() {
        None | Some("columns") => Ok(TraceFiles::Columns),
        Some("distpy") => Ok(TraceFiles::Each),
        Some(other) => {
            let found = format!("found \"{other}\", expected \"columns\" or \"distpy\"");
            Err(Problems::single(&system.file, "distpy_gpu.headers", found).into())
        }
    }
}
