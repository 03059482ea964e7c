//! `-m averageFBE`: the mean and the standard deviation of WITSML logs up to each of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::each::{ended, shared};
use super::tally::Tally;
use super::{
    Failure, compat, given, ingest_witsml, join, output_folder, set_threads, share_by, system,
};
use crate::cli::Cli;
use crate::exit::Code;
use crate::formats::witsml::{self, Log};
use crate::formats::{self, FormatError};
use crate::pipeline::average::Average;
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output::{Folder, OutputError, Protected};
use crate::pipeline::tables::dialect;
use crate::store;

/// Logs in memory at once.
const TOGETHER: usize = 64;
/// The folders of the results.
const FOLDERS: [&str; 2] = ["mean", "std"];

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let system = system(cli, monitor)?;
    let out = output_folder(cli, &system)?;
    set_threads(cli, &system)?;
    let compat = compat(cli, &system, None)?;
    monitor.manifest.set_compat(compat.name());
    let given = given(cli, &system, "the logs")?;
    let paths: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
    let mut sets = ingest_witsml::sets(&paths)?;
    sets.retain(|(_, logs)| logs.are_witsml());
    // Results of an earlier run are no logs to average.
    sets.retain(|(name, _)| !FOLDERS.iter().any(|folder| name.ends_with(folder)));
    if sets.is_empty() {
        let expected =
            "found no WITSML logs, expected files such as .fbe, in it or in folders below";
        return Err(Failure::Data(format!("{}: {expected}", given.join(", "))));
    }
    let mut targets: HashMap<PathBuf, &Path> = HashMap::new();
    for (name, logs) in &sets {
        for path in logs.paths() {
            let target = result(name, FOLDERS[0], path);
            if let Some(other) = targets.insert(target.clone(), path) {
                return Err(Failure::Usage(shared(other, path, &out.join(target))));
            }
        }
    }
    // A shard takes whole folders, as each log counts for those after it.
    let sets = share_by(cli, monitor, sets, |(_, logs)| logs.len() as u64)?;
    let folder = join(cli, monitor, &out, Protected::of(&given))?;
    monitor
        .manifest
        .inputs(sets.iter().flat_map(|(_, logs)| logs.paths()));
    let files = sets
        .iter()
        .map(|(_, logs)| logs.len() + logs.undated.len())
        .sum();
    monitor.meter.begin("logs", files, 0, cli.quiet);
    let mut tally = Tally::default();
    let mut complain = |error: &FormatError| tally.refuse(monitor, error);
    for (name, logs) in &sets {
        logs.undated.iter().for_each(&mut complain);
        let place: PathBuf = out.join(name).components().collect();
        let paths: Vec<&Path> = logs.paths().collect();
        let mut average: Option<Average> = None;
        let mut done = 0;
        'logs: for part in paths.chunks(TOGETHER) {
            let read: Vec<Result<Log, FormatError>> = part
                .par_iter()
                .map(|path| witsml::parse(path, &formats::bytes(path)?))
                .collect();
            for (path, log) in part.iter().zip(read) {
                if monitor.stop.wanted() {
                    break 'logs;
                }
                let both = log.and_then(|log| {
                    let average = average.get_or_insert_with(|| Average::like(&log, compat));
                    average.add(path, &log)
                });
                match both {
                    Err(error) => complain(&error),
                    Ok(both) => {
                        for (log, kind) in both.iter().zip(FOLDERS) {
                            let to = result(name, kind, path);
                            put(&folder, &to, &witsml::write(log, dialect(None, compat)))?;
                        }
                        done += 1;
                        monitor.meter.done(1);
                    }
                }
            }
        }
        tracing::info!(
            "{}: {done} logs, their means and standard deviations",
            place.display()
        );
    }
    Ok(ended(monitor, &out, ("logs", files), tally))
}

/// Where the result of a log goes, below the output folder.
fn result(name: &Path, kind: &str, log: &Path) -> PathBuf {
    let stem = PathBuf::from(log.file_stem().unwrap_or_default());
    name.join(kind).join(stem.with_added_extension("fbe"))
}

/// Writes a file unless it is there already: each result hangs on all logs before it, so that only its bytes tell.
fn put(output: &Folder, path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let there = store::read(&output.path().join(path));
    match there.is_ok_and(|there| there == bytes) {
        true => Ok(()),
        false => output.write(path, bytes),
    }
}
