//! Which chunks a run computes: chunk files, or chunks cut from recordings as they come.

use std::path::Path;
use std::sync::Arc;

use super::ingest::last_chunk;
use super::{Failure, compat, given};
use crate::cli::Cli;
use crate::command::Compat;
use crate::config::{Problems, System, Workflow};
use crate::formats::open::{self, EXTENSIONS, Format};
use crate::formats::{Calibration, FormatError, Header};
use crate::pipeline::chunk::Chunk;
use crate::pipeline::ingest::LastChunk;
use crate::pipeline::inputs::{self, Input};
use crate::pipeline::monitor::Monitor;
use crate::pipeline::timeline::{Cutting, Recorded, Timeline};
use crate::pipeline::watch::Watch;
use crate::store;

/// Warnings of headers that a run tells, each once; more say nothing new.
const MOST_TOLD: usize = 200;
/// The axes that lie beside chunks.
const AXES: &[&str] = &["measured_depth", "time", "none"];

/// What a run takes.
#[derive(Debug, Default)]
pub struct Chunks<'a> {
    /// The chunks, in the order of their times.
    pub list: Vec<Chunk>,
    /// A folder that gives more, as long as the run lasts.
    pub later: Option<Watch<'a>>,
    /// What the recordings are that they are cut from; `None` for chunk files.
    pub recordings: Option<Recordings>,
    /// What a stored sample stands for, where that is known.
    pub calibration: Option<Calibration>,
}

/// Recordings that chunks are cut from.
#[derive(Debug, Default)]
pub struct Recordings {
    /// Those that are read.
    pub taken: Vec<Input>,
    /// Those that are bad or no part of the others' fibre: one line each.
    pub bad: Vec<String>,
    /// Those that the system could not read: one line each.
    pub unread: Vec<String>,
}

/// The chunks: what the user names, else the input folder's.
///
/// # Errors
/// When there are none, or their names are no times of their own.
pub fn find(
    cli: &Cli,
    system: &System,
    flow: Option<&Workflow>,
) -> Result<Chunks<'static>, Failure> {
    let given = given(cli, system, "the chunks or recordings")?;
    let extensions: Vec<&str> = ["npy"].iter().chain(EXTENSIONS).copied().collect();
    let found = inputs::find(&given, &extensions).map_err(|lines| Failure::Io(lines.join("\n")))?;
    let (arrays, mut recordings): (Vec<_>, Vec<_>) = found.into_iter().partition(is_array);
    let files = chunk_files(cli, system, arrays);
    if !files.is_empty() {
        // The recordings that chunks were cut from may lie in the same folder.
        recordings.retain(|input| input.named);
    }
    match (files.is_empty(), recordings.is_empty()) {
        (false, true) => Ok(Chunks {
            calibration: calibration(&files[0].path, system)?,
            list: in_order(cli, files)?,
            later: None,
            recordings: None,
        }),
        (true, false) => cut(cli, system, flow, recordings),
        (true, true) => Err(Failure::Data(format!(
            "{}: found no chunk, expected files such as 1500000000.npy, or recordings",
            given.join(", ")
        ))),
        (false, false) => Err(Failure::Usage(format!(
            "found chunks such as {} and recordings such as {}, expected one or the other; name them after -f",
            files[0].path.display(),
            recordings[0].path.display()
        ))),
    }
}

/// Whether a file is an array rather than a recording. A file that cannot be read is told by its name.
fn is_array(input: &Input) -> bool {
    let extension = input.path.extension().unwrap_or_default();
    if EXTENSIONS.iter().any(|e| extension.eq_ignore_ascii_case(e)) {
        return false;
    }
    // Looked into only where its name says nothing: opening a pipe waits for who writes to it.
    if extension.eq_ignore_ascii_case("npy") || !input.named {
        return true;
    }
    open::format(&input.path).map_or(true, |format| format == Format::Npy)
}

fn stem(input: &Input) -> &str {
    let stem = input.path.file_stem();
    stem.and_then(|s| s.to_str()).unwrap_or_default()
}

/// Arrays that are chunks: axes lie beside them.
fn chunk_files(cli: &Cli, system: &System, mut found: Vec<Input>) -> Vec<Input> {
    let axes: Vec<&str> = [&system.measured_depth, &system.time_scale]
        .into_iter()
        .flatten()
        .map(|name| name.trim_end_matches(".npy"))
        .collect();
    found.retain(|input| {
        let stem = stem(input);
        let axis = AXES.contains(&stem) || axes.contains(&stem);
        let stray = stem.parse::<i64>().is_err() && cli.timestamp.is_none();
        if !input.named && !axis && stray {
            tracing::warn!(
                "{}: skipped, its name is no Unix time in whole seconds",
                input.path.display()
            );
        }
        input.named || !(axis || stray)
    });
    found
}

fn in_order(cli: &Cli, mut found: Vec<Input>) -> Result<Vec<Chunk>, Failure> {
    if cli.timestamp.is_some() && found.len() > 1 {
        return Err(Failure::Usage(format!(
            "--timestamp names one chunk, found {}",
            found.len()
        )));
    }
    let time = |input: &Input| stem(input).parse::<i64>().ok();
    found.sort_by_key(|input| (time(input).unwrap_or(i64::MAX), input.path.clone()));
    if let Some(pair) = found
        .windows(2)
        .find(|pair| time(&pair[0]).is_some() && time(&pair[0]) == time(&pair[1]))
    {
        return Err(Failure::Data(format!(
            "{} and {}: found two chunks of one time, expected one, as their results have one name",
            pair[0].path.display(),
            pair[1].path.display()
        )));
    }
    Ok(found.into_iter().map(Chunk::from).collect())
}

/// What an ingest left beside a chunk, or in the input folder.
fn calibration(chunk: &Path, system: &System) -> Result<Option<Calibration>, Failure> {
    let beside = chunk.parent().map(|folder| folder.join(Calibration::FILE));
    let configured = system.input.as_ref();
    let configured = configured.map(|folder| folder.join(Calibration::FILE));
    let mut places = [beside, configured].into_iter().flatten();
    let Some(path) = places.find(|path| store::is_file(path)) else {
        return Ok(None);
    };
    let text = super::read_text(&path)?;
    Ok(Some(Calibration::parse(&path, &text)?))
}

/// How the configuration wants recordings to be cut.
pub fn cutting(system: &System) -> Result<Cutting, Failure> {
    let usual = Cutting::default();
    let seconds = |key: &str, value: Option<f64>, usual: f64, least: f64| match value {
        Some(value) if !(least..=86_400.0).contains(&value) => {
            Err(Failure::from(Problems::single(
                &system.file,
                &format!("distpy_gpu.{key}"),
                format!("found {value}, expected seconds from {least} to 86400"),
            )))
        }
        Some(value) => Ok(value),
        None => Ok(usual),
    };
    let keys = &system.gpu;
    let cutting = Cutting {
        length: seconds("chunk_seconds", keys.chunk_seconds, usual.length, 1.0)?,
        overlap: seconds("overlap_seconds", keys.overlap_seconds, usual.overlap, 0.0)?,
        join: seconds("join_seconds", keys.join_seconds, usual.join, 0.0)?,
        keep_short: last_chunk(system)? == LastChunk::Keep,
        grid: false,
    };
    if cutting.length - cutting.overlap < 1.0 {
        let found = format!(
            "found {}, expected at most chunk_seconds less 1: chunks are named by whole seconds",
            cutting.overlap
        );
        return Err(Problems::single(&system.file, "distpy_gpu.overlap_seconds", found).into());
    }
    Ok(cutting)
}

/// Cuts recordings into chunks, in the order of their starts. No sample is read.
fn cut(
    cli: &Cli,
    system: &System,
    flow: Option<&Workflow>,
    found: Vec<Input>,
) -> Result<Chunks<'static>, Failure> {
    if cli.timestamp.is_some() {
        let expected = "--timestamp names a chunk file; recordings have times of their own";
        return Err(Failure::Usage(expected.into()));
    }
    let options = open::Options {
        compat_distpy: compat(cli, system, flow)? == Compat::Distpy,
        hdf5: system.gpu.hdf5.clone(),
    };
    let cutting = cutting(system)?;
    let mut recordings = Recordings::default();
    let (mut known, mut told) = (None, Vec::new());
    let mut recorded = Vec::new();
    for input in found {
        match look(&input.path, &options, &mut known, &mut told) {
            Ok(it) => recorded.push((it, input)),
            Err(error) => recordings.refuse(&error),
        }
    }
    recorded.sort_by_key(|(it, input)| (it.start, input.path.clone()));
    let mut timeline = Timeline::new(cutting);
    let mut cuts = Vec::new();
    for (it, input) in recorded {
        match timeline.add(&it) {
            Ok(ready) => {
                cuts.extend(ready);
                recordings.taken.push(input);
            }
            Err(error) => recordings.refuse(&error),
        }
    }
    cuts.extend(timeline.finish());
    timeline
        .warnings()
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    tell_rate(&timeline, system);
    if cuts.is_empty() {
        let all = recordings.unread.iter().chain(&recordings.bad);
        let lines: Vec<&str> = all.map(String::as_str).collect();
        let lines = match lines.is_empty() {
            true => "the recordings: found no whole chunk".to_string(),
            false => lines.join("\n"),
        };
        let system = recordings.bad.is_empty() && !recordings.unread.is_empty();
        return Err(if system {
            Failure::Io(lines)
        } else {
            Failure::Data(lines)
        });
    }
    let fibre = timeline.fibre();
    Ok(Chunks {
        calibration: fibre.and_then(|fibre| fibre.calibration.clone()),
        list: cuts.into_iter().map(Chunk::from).collect(),
        later: None,
        recordings: Some(recordings),
    })
}

/// Says where the configuration has another rate than the recordings.
fn tell_rate(timeline: &Timeline, system: &System) {
    let (Some(fibre), Some(stated)) = (timeline.fibre(), system.prf_given) else {
        return;
    };
    if (stated / fibre.prf - 1.0).abs() > 1e-6 {
        tracing::warn!(
            "{}: prf: found {stated} Hz; recordings have {} Hz, which is used",
            system.file.display(),
            fibre.prf
        );
    }
}

impl Recordings {
    fn refuse(&mut self, error: &FormatError) {
        match error {
            FormatError::Io { .. } => self.unread.push(error.to_string()),
            FormatError::Content { .. } => self.bad.push(error.to_string()),
        }
    }
}

/// The chunks of a folder's recordings as they are completed; none where the run is to end before the first.
///
/// # Errors
/// When the configuration does not say how to cut, or there is no such folder.
pub fn follow<'a>(
    cli: &Cli,
    system: &System,
    flow: &Workflow,
    folder: &Path,
    monitor: &'a Monitor,
) -> Result<Chunks<'a>, Failure> {
    if cli.job.shard.is_some() || cli.job.reverse {
        let hint = "--watch takes no --shard and no --reverse; runs that watch one folder share its chunks by themselves";
        return Err(Failure::Usage(hint.into()));
    }
    // A store's folder may begin with its first object.
    match store::kind(folder) {
        Ok(Some(store::Kind::Folder)) => {}
        Ok(None) if store::is_remote(folder) => {}
        Err(e) if store::is_remote(folder) => {
            return Err(Failure::Io(format!("{}: {e}", folder.display())));
        }
        _ => return Err(Failure::Io(format!("{}: no such folder", folder.display()))),
    }
    let options = open::Options {
        compat_distpy: compat(cli, system, Some(flow))? == Compat::Distpy,
        hdf5: system.gpu.hdf5.clone(),
    };
    let (mut known, mut told) = (None, Vec::new());
    let look = move |path: &Path| look(path, &options, &mut known, &mut told);
    let cutting = Cutting {
        grid: true,
        ..cutting(system)?
    };
    let timeline = Timeline::new(cutting);
    let look = Box::new(look);
    let mut watch = Watch::new(folder, EXTENSIONS, cli.settle, timeline, look, monitor);
    tracing::info!("following {}; SIGTERM or SIGINT ends it", folder.display());
    let Some(first) = watch.by_ref().flatten().next() else {
        return Ok(Chunks::default());
    };
    tell_rate(watch.timeline(), system);
    let fibre = watch.timeline().fibre();
    Ok(Chunks {
        calibration: fibre.and_then(|fibre| fibre.calibration.clone()),
        list: vec![first],
        later: Some(watch),
        recordings: None,
    })
}

/// Reads a recording's header; what the reader had to assume is said once, however many recordings need it.
fn look(
    path: &Path,
    options: &open::Options,
    known: &mut Option<Arc<[f64]>>,
    told: &mut Vec<String>,
) -> Result<Recorded, FormatError> {
    let (format, source) = open::open(path, options)?;
    let header: &Header = source.header();
    for warning in &header.warnings {
        if told.len() < MOST_TOLD && !told.contains(warning) {
            tracing::warn!("{}: {warning}", path.display());
            told.push(warning.clone());
        }
    }
    // As the chunks of an ingest have them.
    let column = format == Format::Segy;
    Ok(Recorded::new(path, header, column, known))
}
