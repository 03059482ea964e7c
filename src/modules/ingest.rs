//! `-m ingest`, and distpy's names for it (`segy_ingest`, `ingest_h5`) and ours (`ingest_tdms`): recordings into chunks.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::chunks::{CutRecordings, Recordings, cut_recordings, cutting, opening};
use super::tally::Tally;
use super::{Failure, compat, given, join, output_folder, set_threads, share, system};
use crate::block::DType;
use crate::cli::Cli;
use crate::command::ChunkName;
use crate::config::{Problems, System};
use crate::exit::Code;
use crate::formats::Header;
use crate::formats::open::extensions;
use crate::pipeline::balance::{Balance, Reason};
use crate::pipeline::index::Place;
use crate::pipeline::ingest::{self, Ingest, IngestError, Report, Run, TraceFiles};
use crate::pipeline::inputs::{self, Input};
use crate::pipeline::limits::Limits;
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output::Protected;
use crate::pipeline::share::{Turn, Turns};
use crate::pipeline::sources::Sources;
use crate::pipeline::timeline::{Cut, Cutting};

/// Rule for a last chunk that is not full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastChunk {
    /// It is made, with fewer samples than the others.
    Keep,
    /// Its samples are left out, with a warning.
    Drop,
}

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let system = system(cli, monitor)?;
    let out = output_folder(cli, &system)?;
    let compat = compat(cli, &system, None)?;
    set_threads(cli, &system)?;
    let options = Ingest {
        dtype: dtype(&system)?,
        overwrite: cli.overwrite.is_some(),
        traces: trace_files(&system)?,
        limits: Limits::new(cli.max_memory),
    };
    // Runs on chunk files take edges from the neighbours.
    let cutting = Cutting {
        edge: 0,
        ..cutting(&system, compat)?
    };
    let given = given(cli, &system, "the recordings")?;
    let found =
        inputs::find(&given, &extensions()).map_err(|lines| Failure::Io(lines.join("\n")))?;
    monitor.manifest.set_compat(compat.name());
    let opening = opening(&system, compat);
    let CutRecordings {
        mut cuts,
        fibre,
        recordings,
    } = cut_recordings(&system, &opening, cutting, found)?;
    let folder = join(cli, monitor, &out, Protected::of(&given))?;
    let stop = monitor.stop.flag();
    let prepared = ingest::prepare(&fibre, &folder, &options, stop)
        .and_then(|()| ingest::index(&mut cuts, &folder, &options, stop));
    let places = match prepared {
        Ok(places) => places,
        Err(IngestError::Stopped) => return Ok(monitor.stop.code()),
        Err(IngestError::Output(error)) => return Err(error.into()),
        Err(IngestError::Format(error)) => return Err(error.into()),
        Err(error) => return Err(Failure::Data(error.to_string())),
    };
    // A chunk is made where its first sample lies, whichever recordings it goes on into.
    let mut chunks: HashMap<Arc<Path>, Vec<(&Cut, Place)>> = HashMap::new();
    for (cut, place) in cuts.iter().zip(&places) {
        let first = cut.pieces[0].path.clone();
        chunks.entry(first).or_default().push((cut, *place));
    }
    let labels = labels(&recordings, &chunks);
    let mut balance = recordings.balance.clone();
    let mut mine = share(cli, monitor, recordings.taken.clone())?;
    if cli.job.reverse {
        mine.reverse();
    }
    let total = mine.iter().map(Input::size).sum();
    monitor.meter.begin("recordings", 0, total, cli.quiet);
    let run = Run {
        progress: &|bytes| monitor.meter.advance(bytes),
        skipped: &|chunks| monitor.meter.skipped(chunks),
        written: &|chunks| monitor.meter.done(chunks),
        stop,
    };
    let mut sources = Sources::new(opening);
    let mut tally = Tally::default();
    for line in &recordings.bad {
        tally.bad += 1;
        monitor.meter.failed(line);
    }
    for line in &recordings.unread {
        tally.unread += 1;
        monitor.meter.failed(line);
    }
    // A recording is claimed by its name, as it may be mounted at other places elsewhere.
    let name = |it: &&Input| {
        it.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let mut written = 0;
    let all = mine.iter().map(Some);
    for turn in Turns::new(&folder, monitor, all, name, |_| false) {
        let (Turn::Mine(recording) | Turn::Finished(recording)) = turn?;
        let of_recording = chunks.get(&*recording.path).map_or(&[][..], |it| it);
        let samples: usize = of_recording.iter().map(|(cut, _)| fresh(cut)).sum();
        let headers = sources.source(&recording.path).map_err(IngestError::from);
        let done = headers
            .and_then(|source| {
                log_header(&recording.path, source.header());
                match labels.get(&*recording.path) {
                    Some(label) => ingest::write_headers(source, &folder, *label, &options, &run),
                    // Another recording of the same time has this name.
                    None => Ok(Vec::new()),
                }
            })
            .and_then(|warnings| {
                log_warnings(&recording.path, &warnings);
                ingest::write_chunks(of_recording, &mut sources, &folder, &options, &run)
            });
        folder.release(&name(&recording));
        match done {
            Ok(report) => {
                log_report(&recording.path, &report, of_recording);
                written += 1;
                balance.in_results += samples as u64;
                continue;
            }
            Err(IngestError::Stopped) => {
                balance.left_out(Reason::NotReached, samples);
                break;
            }
            Err(IngestError::Output(error)) => return Err(error.into()),
            Err(IngestError::Format(error)) => tally.refuse(monitor, &error),
            Err(error) => {
                tally.bad += 1;
                let line = format!("{}: {error}", recording.path.display());
                monitor.meter.failed(&line);
            }
        }
        balance.left_out(Reason::Failed, samples);
    }
    let all_mine = mine.iter().flat_map(|it| chunks.get(&*it.path));
    let all_mine: usize = all_mine.flatten().map(|(cut, _)| fresh(cut)).sum();
    balance.left_out(Reason::Elsewhere, balance.in_chunks as usize - all_mine);
    if monitor.stop.wanted() {
        balance.stopped();
    }
    end_balance(monitor, &balance)?;
    Ok(tally.end(monitor, |seconds| {
        format!(
            "{written} recordings done, {} failed; {seconds:.2} s; chunks in {}; {}",
            tally.failed(),
            out.display(),
            balance.text()
        )
    }))
}

/// Samples of a chunk that no chunk before has.
fn fresh(cut: &Cut) -> usize {
    cut.own_samples() - cut.shared
}

/// Puts the balance into the manifest.
///
/// # Errors
/// When it does not close, which is a defect.
pub(super) fn end_balance(monitor: &Monitor, balance: &Balance) -> Result<(), Failure> {
    monitor.manifest.set_balance(balance);
    match balance.closes() {
        true => Ok(()),
        false => Err(Failure::Defect(format!(
            "a defect of distpy-gpu: samples are unaccounted for: {}",
            balance.text()
        ))),
    }
}

/// File names of the recordings' headers: each its first chunk's, or its start if all of its samples are in chunks of other
/// recordings. Of recordings with one name, one has it, whoever looks: the one with chunks, or the first.
fn labels<'a>(
    recordings: &'a Recordings,
    chunks: &HashMap<Arc<Path>, Vec<(&Cut, Place)>>,
) -> HashMap<&'a Path, ChunkName> {
    let first = |path: &Path| Some(chunks.get(path)?.first()?.0.id.name);
    let start = |path: &Path| recordings.starts.get(path).copied().unwrap_or(0);
    let (with, without): (Vec<&Path>, Vec<&Path>) = recordings
        .taken
        .iter()
        .map(|it| &*it.path)
        .partition(|path| first(path).is_some());
    let mut taken = HashSet::new();
    let named = with.into_iter().chain(without).map(|path| {
        let label = first(path).unwrap_or_else(|| ChunkName::exact(start(path)));
        (path, label)
    });
    named.filter(|(_, label)| taken.insert(*label)).collect()
}

fn log_header(path: &Path, header: &Header) {
    let pauses = match header.segments.len() {
        0 | 1 => String::new(),
        count => format!(", {} pauses", count - 1),
    };
    tracing::info!(
        "{}: {} channels, {} samples at {} Hz from {}, {}{pauses}",
        path.display(),
        header.channels,
        header.samples,
        header.prf(),
        header.start_time(),
        header.dtype.name()
    );
}

fn log_warnings(path: &Path, warnings: &[String]) {
    let path = path.display();
    warnings.iter().for_each(|w| tracing::warn!("{path}: {w}"));
}

fn log_report(path: &Path, report: &Report, chunks: &[(&Cut, Place)]) {
    let path = path.display();
    let Report { written, skipped } = report;
    let rest = match skipped {
        0 => String::new(),
        _ => format!(", {skipped} skipped, as they exist"),
    };
    let replaced = chunks.iter().filter(|(_, it)| *it == Place::Replaced);
    let replaced = match replaced.count() {
        0 => String::new(),
        count => format!(", {count} of them replaced, as they had other samples"),
    };
    let from = match chunks.first() {
        Some((cut, _)) => format!(" from {}", cut.id.name),
        None => String::new(),
    };
    tracing::info!("{path}: {written} chunks{from}{rest}{replaced}");
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
