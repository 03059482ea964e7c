//! `-m segy_ingest` and `-m ingest_h5`: recordings into chunks.

use std::path::Path;

use super::{Failure, compat, output_folder, system};
use crate::block::DType;
use crate::cli::Cli;
use crate::command::Compat;
use crate::config::{Problems, System};
use crate::exit::{self, Code};
use crate::formats::{self, FormatError, Source};
use crate::pipeline::ingest::{DepthShape, Ingest, IngestError, LastChunk, Run, ingest};
use crate::pipeline::progress::Progress;
use crate::pipeline::stop::Stop;
use crate::pipeline::{inputs, output};

/// `-m segy_ingest`.
pub fn segy(cli: &Cli, stop: &Stop) -> Result<Code, Failure> {
    let open = |path: &Path, compat_distpy: bool| {
        let options = formats::segy::Options { compat_distpy };
        formats::segy::open(path, &options).map(|source| Box::new(source) as Box<dyn Source>)
    };
    run(cli, stop, &["sgy", "segy"], DepthShape::Column, open)
}

/// `-m ingest_h5`.
#[cfg(feature = "hdf5")]
pub fn hdf5(cli: &Cli, stop: &Stop) -> Result<Code, Failure> {
    let open = |path: &Path, _: bool| {
        formats::hdf5::open(path).map(|source| Box::new(source) as Box<dyn Source>)
    };
    run(cli, stop, &["h5", "hdf5", "hdf"], DepthShape::Flat, open)
}

fn run(
    cli: &Cli,
    stop: &Stop,
    extensions: &[&str],
    depth: DepthShape,
    open: impl Fn(&Path, bool) -> Result<Box<dyn Source>, FormatError>,
) -> Result<Code, Failure> {
    let system = system(cli)?;
    let out = output_folder(cli, &system)?;
    let options = Ingest {
        dtype: dtype(&system)?,
        last_chunk: last_chunk(&system)?,
        overwrite: cli.overwrite,
        depth,
    };
    let given = match (&cli.files[..], &system.input) {
        ([], Some(folder)) => vec![folder.display().to_string()],
        ([], None) => {
            let expected = "missing; expected the folder of the recordings, or files after -f";
            return Err(Problems::single(&system.file, "in_directory", expected).into());
        }
        (files, _) => files.to_vec(),
    };
    let recordings =
        inputs::find(&given, extensions).map_err(|lines| Failure::Io(lines.join("\n")))?;
    let compat = compat(cli, &system, None)? == Compat::Distpy;
    let _lock = output::lock(&out)?;
    let total = recordings
        .iter()
        .filter_map(|r| std::fs::metadata(&r.path).ok())
        .map(|m| m.len())
        .sum();
    let progress = Progress::new("recordings", total, cli.quiet);
    let mut failed = 0;
    for recording in &recordings {
        let done = open(&recording.path, compat)
            .map_err(IngestError::from)
            .and_then(|source| {
                tell_header(&recording.path, source.as_ref());
                let run = Run {
                    progress: &|bytes| progress.advance(bytes),
                    stop: stop.flag(),
                };
                ingest(source.as_ref(), &out, &options, &run)
            });
        match done {
            Ok(report) => {
                report
                    .warnings
                    .iter()
                    .for_each(|w| tracing::warn!("{}: {w}", recording.path.display()));
                let (written, skipped) = (report.written, report.skipped);
                let rest = if skipped > 0 {
                    format!(", {skipped} skipped, as they exist")
                } else {
                    String::new()
                };
                tracing::info!(
                    "{}: {written} chunks from {}{rest}",
                    recording.path.display(),
                    report.first
                );
            }
            Err(IngestError::Stopped) => {
                tracing::warn!(
                    "ended early as asked; the same command goes on where this one ended"
                );
                return Ok(stop.code());
            }
            Err(IngestError::Output(error)) => return Err(error.into()),
            Err(error) => {
                // The file's own errors name it already.
                let known = matches!(error, IngestError::Format(_) | IngestError::Depth { .. });
                let file = if known {
                    String::new()
                } else {
                    format!("{}: ", recording.path.display())
                };
                tracing::error!("{file}{error}");
                failed += 1;
            }
        }
    }
    let seconds = progress.finish();
    let done = recordings.len() - failed;
    tracing::info!(
        "{done} recordings done, {failed} failed; {seconds:.2} s; chunks in {}",
        out.display()
    );
    Ok(if failed == 0 { exit::OK } else { exit::DATA })
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

fn last_chunk(system: &System) -> Result<LastChunk, Failure> {
    match system.gpu.last_chunk.as_deref() {
        None | Some("keep") => Ok(LastChunk::Keep),
        Some("drop") => Ok(LastChunk::Drop),
        Some(other) => {
            let found = format!("found \"{other}\", expected \"keep\" or \"drop\"");
            Err(Problems::single(&system.file, "distpy_gpu.last_chunk", found).into())
        }
    }
}
