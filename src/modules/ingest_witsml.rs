//! `-m ingest_witsml`: logs along the fibre, one file for each time, into one array for each curve.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::each::{below, common};
use super::tally::Tally;
use super::{Failure, given, join, output_folder, set_threads, share_by, system};
use crate::cli::Cli;
use crate::exit::Code;
use crate::formats::FormatError;
use crate::picture::ticks;
use crate::pipeline::logs::{ENDINGS, Logs, LogsError, Report, Settings};
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output::Protected;
use crate::store;

/// Pictures of an earlier run are no logs.
const NO_LOGS: &str = "png";

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let system = system(cli, monitor)?;
    let out = output_folder(cli, &system)?;
    set_threads(cli, &system)?;
    let given = given(cli, &system, "the logs")?;
    let inputs = Protected::of(&given);
    let given: Vec<PathBuf> = given.into_iter().map(PathBuf::from).collect();
    // A shard takes whole folders, as their packages follow one another.
    let sets = share_by(cli, monitor, sets(&given)?, |(_, logs)| logs.len() as u64)?;
    let folder = join(cli, monitor, &out, inputs)?;
    let paths = sets.iter().flat_map(|(_, logs)| logs.paths());
    monitor.manifest.inputs(paths);
    let files = sets.iter().map(|(_, logs)| logs.len()).sum();
    monitor.meter.begin("logs", files, 0, cli.quiet);
    let mut tally = Tally::default();
    let mut complain = |error: &FormatError| tally.refuse(monitor, error);
    for (name, logs) in &sets {
        logs.undated.iter().for_each(&mut complain);
        if logs.is_empty() {
            continue;
        }
        let settings = Settings {
            size: system.box_size,
            stem: name.file_name().and_then(|n| n.to_str()).unwrap_or("curve"),
            overwrite: cli.overwrite.is_some(),
            stop: monitor.stop.flag(),
            advance: &|files| monitor.meter.done(files),
        };
        match logs.write(&folder, name, &settings) {
            Ok(report) => {
                report.bad.iter().for_each(&mut complain);
                // The output folder itself, where the logs lie in the input folder itself.
                let place = if name == Path::new("") {
                    out.clone()
                } else {
                    out.join(name)
                };
                tell(&place, logs, &report);
            }
            Err(LogsError::Unreadable(errors)) => errors.iter().for_each(&mut complain),
            Err(LogsError::Output(error)) => return Err(error.into()),
        }
    }
    Ok(tally.end(monitor, |seconds| {
        format!(
            "{files} logs in {} folders, {} failed; {seconds:.2} s; curves in {}",
            sets.len(),
            tally.failed(),
            out.display()
        )
    }))
}

/// The logs by the folder of their curves below the output: their own folder's name, or the path to it where two folders have
/// one name; nothing for files that were given, or that lie in the only input folder itself.
pub(super) fn sets(given: &[PathBuf]) -> Result<Vec<(PathBuf, Logs)>, Failure> {
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    let inputs: BTreeSet<PathBuf> = given
        .iter()
        .filter(|path| store::is_dir(path))
        .map(|path| store::real(path))
        .collect();
    let parent = |folder: &PathBuf| folder.parent().unwrap_or(folder).to_path_buf();
    let parents: Vec<PathBuf> = inputs.iter().map(parent).collect();
    let around = common(&parents);
    let mut seen = HashSet::new();
    for path in given {
        let io = |error: std::io::Error| Failure::Io(format!("{}: {error}", path.display()));
        let kind = store::kind(path).map_err(io)?;
        let none = || Failure::Io(format!("{}: no such file or folder", path.display()));
        let kind = kind.ok_or_else(none)?;
        if kind == store::Kind::Folder {
            let key = match inputs.len() {
                1 => PathBuf::new(),
                _ => below(&store::real(path), &around),
            };
            walk(path, &key, &mut folders, &mut seen)?;
        } else {
            folders
                .entry(PathBuf::new())
                .or_default()
                .push(path.clone());
        }
    }
    // A file may be given beside its folder.
    for files in folders.values_mut() {
        let mut once = HashSet::new();
        files.retain(|file| once.insert(store::real(file)));
    }
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for name in folders.keys().filter_map(|path| path.file_name()?.to_str()) {
        *names.entry(name).or_default() += 1;
    }
    let shared: BTreeSet<String> = names
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(name, _)| name.to_string())
        .collect();
    let mut found = Vec::new();
    for (path, files) in folders {
        let Some(logs) = Logs::find(&files) else {
            continue;
        };
        if logs.are_chunks() {
            tracing::info!(
                "{}: skipped, these are chunks and no results",
                path.display()
            );
            continue;
        }
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        let unique = !name.to_str().is_some_and(|name| shared.contains(name));
        found.push((if unique { name } else { path }, logs));
    }
    if found.is_empty() {
        let given: Vec<String> = given.iter().map(|p| p.display().to_string()).collect();
        return Err(Failure::Data(format!(
            "{}: found no logs, expected files that end in .{}, or results of write_npy named by their Unix times, in it or in \
             folders below",
            given.join(", "),
            ENDINGS.join(", .")
        )));
    }
    Ok(found)
}

/// The files of a folder and of those below, by their paths from where it began.
fn walk(
    folder: &Path,
    below: &Path,
    folders: &mut BTreeMap<PathBuf, Vec<PathBuf>>,
    seen: &mut HashSet<PathBuf>,
) -> Result<(), Failure> {
    // Links may lead back to a folder.
    if !seen.insert(store::real(folder)) {
        return Ok(());
    }
    let io = |error: std::io::Error| Failure::Io(format!("{}: {error}", folder.display()));
    let (mut files, mut inner) = (Vec::new(), Vec::new());
    for entry in store::list(folder).map_err(io)? {
        let folder = entry.is_dir();
        let path = entry.path;
        let name = path.file_name().unwrap_or_default().to_os_string();
        let hidden = name.to_string_lossy().starts_with('.');
        if !folder {
            files.push(path);
        } else if !hidden && name != NO_LOGS {
            inner.push((path.is_symlink(), path, name));
        }
    }
    // Of a folder and links to it, the folder.
    inner.sort();
    for (_, path, name) in inner {
        walk(&path, &below.join(name), folders, seen)?;
    }
    folders
        .entry(below.to_path_buf())
        .or_default()
        .extend(files);
    Ok(())
}

fn tell(folder: &Path, logs: &Logs, report: &Report) {
    let Report {
        curves,
        channels,
        written,
        skipped,
        gaps,
        ..
    } = report;
    let folder = folder.display();
    let rest = match skipped {
        0 => String::new(),
        _ => format!(", {skipped} skipped, as they exist"),
    };
    tracing::info!(
        "{folder}: {} curves of {channels} channels and {} times; {written} packages{rest}",
        curves.len(),
        logs.len()
    );
    let longest = gaps
        .list
        .iter()
        .max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
    if let Some((from, to)) = longest {
        let said = |time: f64| match ticks::civil(time) {
            Some(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            None => time.to_string(),
        };
        tracing::warn!(
            "{folder}: gaps in time: {}, logs missing: {}; the longest is from {} to {} UTC",
            gaps.list.len(),
            gaps.missing,
            said(*from),
            said(*to)
        );
    }
    if gaps.repeated > 0 {
        tracing::warn!("{folder}: {} logs have the time of another", gaps.repeated);
    }
}
