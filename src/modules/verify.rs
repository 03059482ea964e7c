//! `-m verify`: checks results by computing some of them again, or by the hashes that were recorded.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::diff::{self, Compared, Outcome, Tolerance};
use super::{Failure, list, output_folder, strainrate2summary, system};
use crate::cli::Cli;
use crate::exit::{self, Code};
use crate::pipeline::monitor::{MANIFESTS, Monitor};
use crate::pipeline::output::{self, BOOKKEEPING, OutputError, digest};
use crate::store;

/// Lines of a table that are printed; all are in the JSON.
const SHOWN: usize = 50;

/// The state of a file against its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Same,
    Changed,
    Missing,
    /// It has no hash: it was written by another program, or by a run that ended before it could tell.
    Unknown,
}

#[derive(Debug, Serialize)]
struct File {
    #[serde(serialize_with = "crate::store::path_as_text")]
    path: PathBuf,
    state: State,
}

#[derive(Debug, Default, Serialize)]
struct Found {
    results: Vec<File>,
    inputs: Vec<File>,
}

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    match cli.verify.hashes {
        true => hashes(cli, monitor),
        false => recompute(cli, monitor),
    }
}

/// Computes chunks again and compares their results with those that are there. Summaries have all chunks, and are compared by
/// their parts.
fn recompute(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let system = system(cli, monitor)?;
    let results = output_folder(cli, &system)?;
    let scratch = tempfile::tempdir().map_err(|e| {
        let folder = std::env::temp_dir();
        Failure::Io(format!("{}: {e}", folder.display()))
    })?;
    let mut again = cli.clone();
    again.module = "strainrate2summary".into();
    again.output = Some(scratch.path().to_path_buf());
    again.job.no_sync = true;
    again.json = None;
    again.quiet = true;
    {
        // The run has a manifest of its own, which goes with the folder.
        let mut inner = Monitor::default();
        inner.stop = monitor.stop.clone();
        let code = strainrate2summary::run_on(&again, &inner, Some(cli.verify.sample.into()))?;
        if ![exit::OK, exit::DATA].contains(&code) {
            return Ok(code);
        }
    }
    let tolerance = Tolerance::of(cli);
    let is_summary = |path: &Path| {
        let ends = |it: &std::ffi::OsStr| {
            let name = it.to_string_lossy();
            name.ends_with(".zarr") || name == "summary.h5"
        };
        path.iter().any(ends)
    };
    let mut all = Vec::new();
    for path in diff::items(scratch.path())?.unwrap_or_default() {
        if is_summary(&path) {
            continue;
        }
        let there = store::join(&results, &path);
        let outcome = match store::exists(&there) {
            true => diff::pair(&there, &scratch.path().join(&path), tolerance)?,
            false => Outcome::Missing {
                tree: results.clone(),
            },
        };
        all.push(Compared { path, outcome });
    }
    if all.is_empty() {
        return Err(Failure::Data(format!(
            "{}: found no result of a chunk to compare, expected a flow with a writer and chunks that it fits",
            system.file.display()
        )));
    }
    diff::report(cli, &all, tolerance)
}

/// Compares files with their recorded hashes.
fn hashes(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let folder = folder(cli, monitor)?;
    let records = output::records(&folder)?;
    if records.is_empty() {
        return Err(Failure::Data(format!(
            "{}: found no record of results, expected a folder that this program wrote results to",
            folder.display()
        )));
    }
    let mut found = Found::default();
    let known: BTreeMap<&Path, &str> = records
        .iter()
        .map(|it| (it.path.as_path(), it.digest.as_str()))
        .collect();
    monitor.meter.begin("files", known.len(), 0, cli.quiet);
    for (path, digest) in &known {
        if monitor.stop.wanted() {
            return Ok(monitor.stop.code());
        }
        let state = state(&store::join(&folder, path), digest)?;
        found.results.push(File {
            path: path.to_path_buf(),
            state,
        });
        monitor.meter.done(1);
    }
    for path in files_below(&folder)? {
        if !known.contains_key(path.as_path()) {
            let state = State::Unknown;
            found.results.push(File { path, state });
        }
    }
    for (path, digest) in inputs(&folder)? {
        if monitor.stop.wanted() {
            return Ok(monitor.stop.code());
        }
        let state = state(&path, &digest)?;
        found.inputs.push(File { path, state });
    }
    monitor.meter.finish();
    let bad = |files: &[File]| files.iter().any(|it| it.state == State::Changed);
    let lost = found.results.iter().any(|it| it.state == State::Missing);
    list::show(cli, &text(&folder, &found), &found)?;
    Ok(match bad(&found.results) || bad(&found.inputs) || lost {
        true => exit::DATA,
        false => exit::OK,
    })
}

/// The one folder that was given, or that of the configuration's results.
fn folder(cli: &Cli, monitor: &Monitor) -> Result<PathBuf, Failure> {
    match &cli.files[..] {
        [folder] => Ok(PathBuf::from(folder)),
        [] if cli.config.is_none() => cli.output.clone().ok_or_else(|| {
            Failure::Usage(
                "`-m verify` needs the folder of results: -f FOLDER or -c CONFIG.json".into(),
            )
        }),
        [] => output_folder(cli, &system(cli, monitor)?),
        several => Err(Failure::Usage(format!(
            "-f: found {} paths, expected one folder of results",
            several.len()
        ))),
    }
}

fn state(path: &Path, hash: &str) -> Result<State, Failure> {
    match digest::has(path, hash) {
        Ok(true) => Ok(State::Same),
        Ok(false) => Ok(State::Changed),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(State::Missing),
        Err(e) => Err(OutputError::io(path, e).into()),
    }
}

/// The inputs that manifests have hashes of, each as the last run had it.
fn inputs(folder: &Path) -> Result<BTreeMap<PathBuf, String>, Failure> {
    let place = folder.join(BOOKKEEPING).join(MANIFESTS);
    let entries = match store::list(&place) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        entries => entries.map_err(|e| OutputError::io(&place, e))?,
    };
    let mut manifests = Vec::new();
    for path in entries.into_iter().map(|it| it.path) {
        let bytes = store::read(&path).map_err(|e| OutputError::io(&path, e))?;
        let manifest: Value = serde_json::from_slice(&bytes).map_err(|e| {
            Failure::Data(format!(
                "{}: found {e}, expected a manifest",
                path.display()
            ))
        })?;
        manifests.push(manifest);
    }
    manifests.sort_by(|a, b| a["started"].as_str().cmp(&b["started"].as_str()));
    let mut inputs = BTreeMap::new();
    for manifest in &manifests {
        for file in manifest["inputs"]["files"].as_array().into_iter().flatten() {
            if let (Some(path), Some(hash)) = (file["path"].as_str(), file["hash"].as_str()) {
                inputs.insert(PathBuf::from(path), hash.to_string());
            }
        }
    }
    Ok(inputs)
}

/// All files below a folder but the bookkeeping, by their paths in it.
fn files_below(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in store::list(&folder).map_err(|e| OutputError::io(&folder, e))? {
            let inner = entry.path.strip_prefix(root).unwrap_or(&entry.path);
            if inner.starts_with(BOOKKEEPING) {
                continue;
            }
            match entry.is_dir() {
                true => folders.push(entry.path.clone()),
                false => files.push(inner.to_path_buf()),
            }
        }
    }
    files.sort();
    Ok(files)
}

fn text(folder: &Path, found: &Found) -> String {
    let mut text = String::new();
    let count = |files: &[File], state| files.iter().filter(|it| it.state == state).count();
    for (name, files) in [("results", &found.results), ("inputs", &found.inputs)] {
        let [same, changed, missing, unknown] =
            [State::Same, State::Changed, State::Missing, State::Unknown]
                .map(|it| count(files, it));
        let _ = writeln!(
            text,
            "{name}: {same} as recorded, {changed} changed, {missing} missing, {unknown} without a hash"
        );
        let odd = || files.iter().filter(|it| it.state != State::Same);
        for file in odd().take(SHOWN) {
            let state = format!("{:?}", file.state).to_lowercase();
            let _ = writeln!(text, "  {state:<8} {}", file.path.display());
        }
        let more = odd().count().saturating_sub(SHOWN);
        if more > 0 {
            let _ = writeln!(text, "  and {more} more; --json lists all");
        }
    }
    let _ = writeln!(text, "in {}", folder.display());
    text
}
