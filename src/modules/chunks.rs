//! Which chunks a run computes: chunk files, or chunks cut from recordings as they come.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ingest::{LastChunk, last_chunk};
use super::{Failure, compat, given};
use crate::cli::Cli;
use crate::command::{ChunkName, Compat};
use crate::config::{Problems, System, Workflow};
use crate::formats::open::{self, Format};
use crate::formats::segment::{Rate, SECOND};
use crate::formats::{Calibration, FormatError, Header};
use crate::pipeline::balance::Balance;
use crate::pipeline::chunk::{Chunk, Origin};
use crate::pipeline::index::{self, Index};
use crate::pipeline::inputs::{self, Input};
use crate::pipeline::listed::Listing;
use crate::pipeline::monitor::Monitor;
use crate::pipeline::sources::Sources;
use crate::pipeline::timeline::{Cut, Cutting, Fibre, Recorded, Rule, Timeline};
use crate::pipeline::watch::Watch;
use crate::store;

/// Samples per second where a configuration has none, in distpy.
pub const DISTPY_PRF: f64 = 10_000.0;
/// Warnings of headers that a run logs, each once; more say nothing new.
const MOST_LOGGED: usize = 200;
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
    /// Their starts, in nanoseconds since 1970.
    pub starts: HashMap<PathBuf, i64>,
    /// Those that are bad or no part of the others' fibre: one line each.
    pub bad: Vec<String>,
    /// Those that the system could not read: one line each.
    pub unread: Vec<String>,
    /// Their samples, and which of them are in chunks.
    pub balance: Balance,
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
    let compat = compat(cli, system, flow)?;
    let mut indexes = Indexes {
        known: HashMap::new(),
        edge: cutting(system, compat)?.edge,
    };
    let (mut list, mut others) = (Vec::new(), Vec::new());
    for text in &given {
        // Files that an index lists need no look-up.
        match indexes.of_folder(Path::new(text))? {
            Some(index) => list.extend(index.chunks().map(|it| Chunk::listed(Path::new(text), it))),
            None => others.push(text.clone()),
        }
    }
    let (mut files, mut recordings) = (Vec::new(), Vec::new());
    if !others.is_empty() {
        let extensions: Vec<&str> = ["npy"].into_iter().chain(open::extensions()).collect();
        let found =
            inputs::find(&others, &extensions).map_err(|lines| Failure::Io(lines.join("\n")))?;
        let arrays;
        (arrays, recordings) = found.into_iter().partition(is_array);
        files = chunk_files(cli, system, arrays);
    }
    if !(files.is_empty() && list.is_empty()) {
        // The recordings that chunks were cut from may lie in the same folder.
        recordings.retain(|input| input.named);
    }
    let sizes = inputs::sizes(&files);
    for (input, bytes) in files.into_iter().zip(sizes) {
        list.push(indexes.chunk(input.path, bytes)?);
    }
    match (list.is_empty(), recordings.is_empty()) {
        (false, true) => {
            check_rate(cli, system, flow, &list)?;
            Ok(Chunks {
                calibration: calibration(&list[0].path, system)?,
                list: in_order(cli, list)?,
                later: None,
                recordings: None,
            })
        }
        (true, false) => cut(cli, system, flow, recordings),
        (true, true) => Err(Failure::Data(format!(
            "{}: found no chunk, expected files such as 1500000000.npy, or recordings",
            given.join(", ")
        ))),
        (false, false) => Err(Failure::Usage(format!(
            "found chunks such as {} and recordings such as {}, expected one or the other; name them after -f",
            list[0].path.display(),
            recordings[0].path.display()
        ))),
    }
}

/// The indexes of folders, each read once.
struct Indexes {
    known: HashMap<PathBuf, Option<Arc<Listing>>>,
    /// Nanoseconds of the neighbouring samples that are read with a chunk.
    edge: i64,
}

impl Indexes {
    /// The index of a folder; `None` where it is no folder, or has none.
    fn of_folder(&mut self, folder: &Path) -> Result<Option<Arc<Listing>>, Failure> {
        if let Some(known) = self.known.get(folder) {
            return Ok(known.clone());
        }
        let text = folder.as_os_str().to_string_lossy();
        // To ask a store takes a request each time, so names of files are not asked for.
        let is_folder = match store::is_remote(folder) {
            true => folder.extension().is_none() && !text.contains(['*', '?', '[']),
            false => store::is_dir(folder),
        };
        let index = match is_folder {
            true => Index::read(folder)?.map(|index| Listing::of(&index, self.edge)),
            false => None,
        };
        self.known.insert(folder.to_path_buf(), index.clone());
        Ok(index)
    }

    /// A chunk file, with its row where its folder's index has one.
    fn chunk(&mut self, path: PathBuf, bytes: u64) -> Result<Chunk, Failure> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let index = self.of_folder(folder)?;
        let mut chunk = Chunk::file(path, bytes);
        let listed = index.zip(chunk.id());
        let listed = listed.and_then(|(index, id)| index.find(id.name));
        if let Some(listed) = listed {
            chunk.origin = Origin::Listed(listed);
        }
        Ok(chunk)
    }
}

/// The rate of chunks is the one that they were recorded at. distpy uses the configuration's whatever it is.
fn check_rate(
    cli: &Cli,
    system: &System,
    flow: Option<&Workflow>,
    chunks: &[Chunk],
) -> Result<(), Failure> {
    let compat = compat(cli, system, flow)?;
    let file = &system.file;
    let recorded = chunks.iter().find_map(Chunk::rate).map(Rate::hertz);
    match (recorded, system.prf, compat) {
        (Some(recorded), Some(stated), _) if (stated / recorded - 1.0).abs() > 1e-6 => {
            let used = match compat {
                Compat::Exact => format!("{recorded} Hz, which is used"),
                Compat::Distpy => format!("{recorded} Hz, which distpy does not know"),
            };
            tracing::warn!(
                "{}: prf: found {stated} Hz; the chunks were recorded at {used}",
                file.display()
            );
        }
        (None, None, Compat::Distpy) => tracing::warn!(
            "{}: prf: missing; distpy takes {DISTPY_PRF} Hz",
            file.display()
        ),
        _ => {}
    }
    let unknown = chunks.iter().find(|chunk| chunk.rate().is_none());
    if let (Some(chunk), None, Compat::Exact) = (unknown, system.prf, compat) {
        let expected = format!(
            "missing; expected samples per second of a channel, as no {} states the rate of {}",
            index::FILE,
            chunk.path.display()
        );
        return Err(Problems::single(file, "prf", expected).into());
    }
    Ok(())
}

/// Whether a file is an array rather than a recording. A file that cannot be read is judged by its name.
fn is_array(input: &Input) -> bool {
    if open::is_recording(&input.path) {
        return false;
    }
    let extension = input.path.extension().unwrap_or_default();
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
        let stray = stem.parse::<ChunkName>().is_err() && cli.timestamp.is_none();
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

fn in_order(cli: &Cli, mut chunks: Vec<Chunk>) -> Result<Vec<Chunk>, Failure> {
    if cli.timestamp.is_some() && chunks.len() > 1 {
        return Err(Failure::Usage(format!(
            "--timestamp names one chunk, found {}",
            chunks.len()
        )));
    }
    let time = |chunk: &Chunk| chunk.id().map_or(i64::MAX, |id| id.start);
    let by_time = |a: &Chunk, b: &Chunk| (time(a), &a.path).cmp(&(time(b), &b.path));
    if !chunks.is_sorted_by(|a, b| by_time(a, b).is_le()) {
        chunks.sort_by(by_time);
    }
    let same = |pair: &&[Chunk]| pair[0].id().is_some() && pair[0].id() == pair[1].id();
    if let Some(pair) = chunks.windows(2).find(same) {
        return Err(Failure::Data(format!(
            "{} and {}: found two chunks of one time, expected one, as their results have one name",
            pair[0].path.display(),
            pair[1].path.display()
        )));
    }
    Ok(chunks)
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
pub fn cutting(system: &System, compat: Compat) -> Result<Cutting, Failure> {
    let default = Cutting::default();
    let duration = |key: &str, value: Option<f64>, default: i64, least: f64| match value {
        Some(value) if !(least..=86_400.0).contains(&value) => {
            Err(Failure::from(Problems::single(
                &system.file,
                &format!("distpy_gpu.{key}"),
                format!("found {value}, expected seconds from {least} to 86400"),
            )))
        }
        Some(value) => Ok((value * SECOND as f64).round() as i64),
        None => Ok(default),
    };
    let keys = &system.gpu;
    let cutting = Cutting {
        length: duration("chunk_seconds", keys.chunk_seconds, default.length, 1.0)?,
        overlap: duration(
            "overlap_seconds",
            keys.overlap_seconds,
            default.overlap,
            0.0,
        )?,
        edge: match compat {
            Compat::Exact => duration("edge_seconds", keys.edge_seconds, default.edge, 0.0)?,
            // distpy knows no chunk but its own.
            Compat::Distpy => 0,
        },
        join: match keys.join_seconds {
            Some(_) => Some(duration("join_seconds", keys.join_seconds, 0, 0.0)?),
            None => None,
        },
        keep_short: last_chunk(system)? == LastChunk::Keep,
        grid: false,
        rule: match compat {
            Compat::Exact => Rule::Time,
            Compat::Distpy => Rule::Count,
        },
    };
    if cutting.length - cutting.overlap < SECOND {
        let found = format!(
            "found {}, expected at most chunk_seconds less 1: chunks are named by whole seconds",
            cutting.overlap as f64 / SECOND as f64
        );
        return Err(Problems::single(&system.file, "distpy_gpu.overlap_seconds", found).into());
    }
    Ok(cutting)
}

/// Options for opening recordings.
pub fn opening(system: &System, compat: Compat) -> open::Options {
    open::Options {
        compat_distpy: compat == Compat::Distpy,
        hdf5: system.gpu.hdf5.clone(),
    }
}

/// Recordings, cut.
pub struct CutRecordings {
    /// The chunks, in the order of their times.
    pub cuts: Vec<Cut>,
    /// Properties that the recordings share.
    pub fibre: Arc<Fibre>,
    /// The recordings.
    pub recordings: Recordings,
}

/// Cuts recordings into chunks, in the order of their starts. Of samples, only those that two recordings have of one time are
/// read.
///
/// # Errors
/// When there is no chunk.
pub fn cut_recordings(
    system: &System,
    options: &open::Options,
    cutting: Cutting,
    found: Vec<Input>,
) -> Result<CutRecordings, Failure> {
    let mut recordings = Recordings::default();
    let (mut known, mut logged) = (None, Vec::new());
    let mut recorded = Vec::new();
    let mut inputs = HashMap::new();
    for input in found {
        match look(&input.path, options, &mut known, &mut logged) {
            Ok(it) => {
                let start = it.segments.first().map_or(0, |segment| segment.start);
                recordings.starts.insert(input.path.clone(), start);
                inputs.insert(it.path.clone(), input);
                recorded.push(it);
            }
            Err(error) => recordings.refuse(&error),
        }
    }
    let mut timeline = Timeline::new(cutting);
    let (mut cuts, refused) = timeline.add(recorded);
    cuts.extend(timeline.finish());
    for error in refused {
        if let FormatError::Content { path, .. } = &error {
            inputs.remove(&**path);
        }
        recordings.refuse(&error);
    }
    recordings.taken = inputs.into_values().collect();
    recordings.taken.sort();
    timeline
        .warnings()
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    if let Some(fibre) = timeline.fibre().cloned() {
        let mut sources = Sources::new(options.clone());
        for overlap in timeline.overlaps() {
            match sources.differs(&overlap, &fibre) {
                Ok(None) => {}
                Ok(Some(error)) if overlap.covered => {
                    timeline.refuse(&overlap);
                    recordings.refuse(&error);
                }
                Ok(Some(error)) => tracing::warn!("{error}; the earlier recording's are used"),
                Err(error) => recordings.refuse(&error),
            }
        }
    }
    recordings.balance = timeline.balance().clone();
    log_rate(&timeline, system);
    match timeline.fibre() {
        Some(fibre) if !cuts.is_empty() => Ok(CutRecordings {
            cuts,
            fibre: fibre.clone(),
            recordings,
        }),
        _ => {
            let all = recordings.unread.iter().chain(&recordings.bad);
            let lines: Vec<&str> = all.map(String::as_str).collect();
            let lines = match lines.is_empty() {
                true => "the recordings: found no whole chunk".to_string(),
                false => lines.join("\n"),
            };
            let unread = recordings.bad.is_empty() && !recordings.unread.is_empty();
            Err(match unread {
                true => Failure::Io(lines),
                false => Failure::Data(lines),
            })
        }
    }
}

/// The chunks that a run computes from recordings.
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
    let compat = compat(cli, system, flow)?;
    let options = opening(system, compat);
    let CutRecordings {
        cuts,
        fibre,
        recordings,
    } = cut_recordings(system, &options, cutting(system, compat)?, found)?;
    Ok(Chunks {
        calibration: fibre.calibration.clone(),
        list: cuts.into_iter().map(Chunk::from).collect(),
        later: None,
        recordings: Some(recordings),
    })
}

/// Warns where the configuration has another rate than the recordings.
fn log_rate(timeline: &Timeline, system: &System) {
    let (Some(fibre), Some(stated)) = (timeline.fibre(), system.prf) else {
        return;
    };
    let recorded = fibre.rate.hertz();
    if (stated / recorded - 1.0).abs() > 1e-6 {
        tracing::warn!(
            "{}: prf: found {stated} Hz; recordings have {recorded} Hz, which is used",
            system.file.display()
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
    let compat = compat(cli, system, Some(flow))?;
    let options = opening(system, compat);
    let sources = Sources::new(options.clone());
    let (mut known, mut logged) = (None, Vec::new());
    let look = move |path: &Path| look(path, &options, &mut known, &mut logged);
    let cutting = Cutting {
        grid: true,
        ..cutting(system, compat)?
    };
    let timeline = Timeline::new(cutting);
    let look = Box::new(look);
    let mut watch = Watch::new(folder, cli.settle, timeline, look, sources, monitor);
    tracing::info!("following {}; SIGTERM or SIGINT ends it", folder.display());
    let Some(first) = watch.by_ref().flatten().next() else {
        return Ok(Chunks::default());
    };
    log_rate(watch.timeline(), system);
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
    logged: &mut Vec<String>,
) -> Result<Recorded, FormatError> {
    let (format, source) = open::open(path, options)?;
    let bytes = store::listed(path)
        .map_err(|e| FormatError::io(path, e))?
        .len;
    let header: &Header = source.header();
    for warning in &header.warnings {
        if logged.len() < MOST_LOGGED && !logged.contains(warning) {
            tracing::warn!("{}: {warning}", path.display());
            logged.push(warning.clone());
        }
    }
    // As the chunks of an ingest have them.
    let column = format == Format::Segy;
    Ok(Recorded::new(path, bytes, header, column, known))
}
