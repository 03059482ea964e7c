//! `-m timeshift`: results under names and times that are some hours later or earlier.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::each::{Ends, Fault, copy, each, plan};
use super::{Failure, given};
use crate::block::DType;
use crate::cli::Cli;
use crate::config::Problems;
use crate::config::companions::ShiftKeys;
use crate::exit::Code;
use crate::formats::{self, npy, witsml};
use crate::pipeline::inputs::{self, Depth, Input};
use crate::pipeline::logs::ENDINGS;
use crate::pipeline::monitor::Monitor;
use crate::store;

/// What of a folder of results is taken: arrays, logs and pictures.
const TAKEN: &[&str] = &[
    "npy", "fbe", "dts", "xml", "witsml", "png", "jpg", "jpeg", "svg", "pdf",
];
/// Axes, by their names.
const AXES: [&str; 2] = ["time.npy", "measured_depth.npy"];
/// An axis of times that begin later counts from 1970, not from the beginning of its chunk.
const UNIX: f64 = 1e8;

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let ends = Ends::read(cli, monitor)?;
    let seconds = ShiftKeys::seconds(&ends.settings)?;
    let given = given(cli, &ends.system, "the results")?;
    let out = store::real(&ends.out);
    // A second run could not tell which names were moved.
    let inside = |input: &dyn Display| {
        let found = format!(
            "found {}, which is in the input folder {input}, expected a folder beside it",
            ends.out.display()
        );
        Failure::from(Problems::single(&ends.system.file, "out_directory", found))
    };
    let mut moves: Vec<(Input, PathBuf)> = Vec::new();
    for folder in &given {
        if store::is_dir(Path::new(folder)) && out.starts_with(store::real(Path::new(folder))) {
            return Err(inside(folder));
        }
        let found = inputs::find_in(std::slice::from_ref(folder), TAKEN, Depth::Below)
            .map_err(|lines| Failure::Io(lines.join("\n")))?;
        for file in found {
            let own = file.path.parent().unwrap_or(Path::new(""));
            if file.named && store::real(own) == out {
                return Err(inside(&own.display()));
            }
            let below = file.path.strip_prefix(folder).ok();
            let below = below
                .and_then(Path::parent)
                .unwrap_or(Path::new(""))
                .to_path_buf();
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            match moved(&name, seconds) {
                Some(name) => moves.push((file, below.join(name))),
                None if AXES.contains(&&*name) => {
                    let to = below.join(&*name);
                    moves.push((file, to));
                }
                None => {
                    tracing::info!("{}: skipped, its name is no Unix time", file.path.display())
                }
            }
        }
    }
    if !moves.iter().any(|(file, _)| !is_axis(&file.path)) {
        return Err(Failure::Data(format!(
            "{}: found no results, expected files named by their Unix times",
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
        |output, file, to| {
            let path = &file.path;
            let ending = path
                .extension()
                .unwrap_or_default()
                .to_string_lossy()
                .to_ascii_lowercase();
            let bytes = if ENDINGS.contains(&&*ending) {
                witsml::redated(path, &formats::bytes(path)?, seconds)?
            } else if path.ends_with("time.npy") {
                match times(path, seconds)? {
                    Some(bytes) => bytes,
                    None => return copy(cli, monitor, output, path, to),
                }
            } else {
                return copy(cli, monitor, output, path, to);
            };
            output.write(to, &bytes)?;
            monitor.meter.done(1);
            monitor.meter.advance(file.size());
            Ok(())
        },
    )
}

fn is_axis(path: &Path) -> bool {
    AXES.iter().any(|axis| path.ends_with(axis))
}

/// The name of a file whose name begins with a Unix time, that many seconds later.
fn moved(name: &str, seconds: i64) -> Option<String> {
    let (time, rest) = name.split_once('.')?;
    let time: i64 = time.parse().ok()?;
    Some(format!("{}.{rest}", time.checked_add(seconds)?))
}

/// An axis of Unix times, moved; `None` for one that counts from the beginning of its chunk.
fn times(path: &Path, seconds: i64) -> Result<Option<Vec<u8>>, Fault> {
    let axis = npy::open(path)?;
    let times = axis
        .to_f64_vec()
        .filter(|times| times.iter().all(|time| time.abs() >= UNIX));
    let Some(times) = times else { return Ok(None) };
    let moved: Vec<u8> = times
        .iter()
        .flat_map(|time| (time + seconds as f64).to_ne_bytes())
        .collect();
    Ok(Some(npy::encode(DType::F64, &axis.header().shape, &moved)))
}
