//! `-m dirswap`: results in a folder for each time into a folder for each result.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::each::{Ends, copy, each, plan};
use super::{Failure, given};
use crate::cli::Cli;
use crate::exit::Code;
use crate::pipeline::inputs::Input;
use crate::pipeline::monitor::Monitor;
use crate::store;

/// The axis that every folder of results has.
const DEPTH: &str = "measured_depth";

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let ends = Ends::read(cli, monitor)?;
    let mut moves: Vec<(Input, PathBuf)> = Vec::new();
    let mut with_depth = BTreeSet::new();
    let given = given(cli, &ends.system, "the folders of results")?;
    for (time, folder) in given
        .iter()
        .map(|given| folders(Path::new(given)))
        .collect::<Result<Vec<_>, _>>()?
        .concat()
    {
        let depth = folder.join(DEPTH).with_extension("npy");
        for path in arrays(&folder)? {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name != DEPTH
                && name != "time"
                && store::is_file(&depth)
                && with_depth.insert(name.clone())
            {
                let beside = Path::new(&name).join(DEPTH).with_extension("npy");
                moves.push((named(depth.clone()), beside));
            }
            moves.push((named(path), Path::new(&name).join(format!("{time}.npy"))));
        }
    }
    if moves.is_empty() {
        return Err(Failure::Data(format!(
            "{}: found no results, expected folders named by their Unix times with .npy files in them",
            given.join(", ")
        )));
    }
    let configurations = [&*ends.system.file, &*ends.settings.file];
    let moves = plan(cli, monitor, &ends.out, &configurations, moves)?;
    each(
        cli,
        monitor,
        &ends.out,
        "results",
        &moves,
        |output, file, to| copy(cli, monitor, output, &file.path, to),
    )
}

fn named(path: PathBuf) -> Input {
    Input { path, named: true }
}

/// The folders of a folder that are named by Unix times, in the order of the times.
fn folders(folder: &Path) -> Result<Vec<(i64, PathBuf)>, Failure> {
    let mut found: Vec<(i64, PathBuf)> = entries(folder)?
        .into_iter()
        .filter(store::Entry::is_dir)
        .filter_map(|entry| {
            let path = entry.path;
            Some((path.file_name()?.to_str()?.parse().ok()?, path))
        })
        .collect();
    found.sort();
    Ok(found)
}

fn arrays(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let named = |path: &Path| path.extension().is_some_and(|ending| ending == "npy");
    let mut found: Vec<PathBuf> = entries(folder)?
        .into_iter()
        .filter(|entry| named(&entry.path) && entry.is_file())
        .map(|entry| entry.path)
        .collect();
    found.sort();
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<store::Entry>, Failure> {
    store::list(folder).map_err(|e| Failure::Io(format!("{}: {e}", folder.display())))
}
