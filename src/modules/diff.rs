//! `-m diff`: two trees of results by their numbers, in a table and a picture.

mod judge;
mod picture;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::{Failure, list, start_threads};
use crate::cli::Cli;
use crate::exit::{self, Code};
use crate::formats::{self, FormatError, numbers};
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output::{self, BOOKKEEPING, OutputError};
use crate::store;

pub use judge::{Difference, Tolerance};

/// Lines of a table that are printed; the JSON has all.
const SHOWN: usize = 40;
/// Names of the headers of Zarr arrays; their folder is compared as one.
const ZARR: [&str; 2] = ["zarr.json", ".zarray"];
/// Names of the headers of Zarr groups, which repeat those of their arrays.
const GROUPS: [&str; 4] = ["zarr.json", ".zgroup", ".zattrs", ".zmetadata"];

/// The outcome for a file, or a Zarr array.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// All bytes are the same.
    Same,
    /// Numbers are the same within the tolerance.
    Close(Difference),
    /// Numbers differ.
    Different(Difference),
    /// Arrays differ in their names or shapes, or bytes in a file without numbers.
    Other {
        /// The difference.
        reason: String,
    },
    /// One tree has no such file.
    Missing {
        /// The tree without it.
        #[serde(serialize_with = "crate::store::path_as_text")]
        tree: PathBuf,
    },
}

/// A file of both trees, or one.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// Its path in the trees.
    #[serde(serialize_with = "crate::store::path_as_text")]
    pub path: PathBuf,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Compared {
    /// True if numbers are the same within the tolerance.
    pub fn holds(&self) -> bool {
        matches!(self.outcome, Outcome::Same | Outcome::Close(_))
    }
}

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let [a, b] = &cli.files[..] else {
        return Err(Failure::Usage(format!(
            "-f: found {} paths, expected two folders or files to compare: -f A B",
            cli.files.len()
        )));
    };
    let [a, b] = [a, b].map(PathBuf::from);
    start_threads(cli.threads)?;
    let tolerance = Tolerance::of(cli);
    let Some(all) = compare(&a, &b, tolerance, monitor)? else {
        return Ok(monitor.stop.code());
    };
    report(cli, &all, tolerance)
}

/// Prints the table and draws the picture.
pub(super) fn report(cli: &Cli, all: &[Compared], tolerance: Tolerance) -> Result<Code, Failure> {
    if let Some(path) = &cli.benchmark.plot {
        let picture = picture::draw(all, path, tolerance).map_err(Failure::Io)?;
        output::write_file(path, &picture)?;
    }
    list::show(cli, &text(all, tolerance), &all)?;
    Ok(match all.iter().all(Compared::holds) {
        true => exit::OK,
        false => exit::DATA,
    })
}

/// Compares two trees, or two files; `None` if the run was asked to end.
fn compare(
    a: &Path,
    b: &Path,
    tolerance: Tolerance,
    monitor: &Monitor,
) -> Result<Option<Vec<Compared>>, Failure> {
    let trees = [a, b];
    let [in_a, in_b] = [items(a)?, items(b)?];
    // Two single files are compared whatever their names are.
    let pairs: Vec<(PathBuf, Option<PathBuf>, Option<PathBuf>)> = match (&in_a, &in_b) {
        (None, None) => vec![(
            a.to_path_buf(),
            Some(a.to_path_buf()),
            Some(b.to_path_buf()),
        )],
        (Some(in_a), Some(in_b)) => {
            let mut pairs: BTreeMap<&PathBuf, [bool; 2]> = BTreeMap::new();
            in_a.iter()
                .for_each(|it| pairs.entry(it).or_default()[0] = true);
            in_b.iter()
                .for_each(|it| pairs.entry(it).or_default()[1] = true);
            let pair = |(path, there): (&PathBuf, [bool; 2])| {
                let [in_a, in_b] = [0, 1].map(|k| there[k].then(|| store::join(trees[k], path)));
                (path.clone(), in_a, in_b)
            };
            pairs.into_iter().map(pair).collect()
        }
        _ => {
            let what = |it: &Option<Vec<PathBuf>>| if it.is_some() { "folder" } else { "file" };
            return Err(Failure::Usage(format!(
                "-f: found a {} and a {}, expected two folders or two files",
                what(&in_a),
                what(&in_b)
            )));
        }
    };
    monitor.meter.begin("files", pairs.len(), 0, true);
    let compared: Result<Vec<_>, Failure> = pairs
        .into_par_iter()
        .map(|(path, in_a, in_b)| {
            if monitor.stop.wanted() {
                return Ok(None);
            }
            let outcome = match (in_a, in_b) {
                (Some(a), Some(b)) => pair(&a, &b, tolerance)?,
                (None, _) => Outcome::Missing { tree: a.into() },
                (_, None) => Outcome::Missing { tree: b.into() },
            };
            monitor.meter.done(1);
            Ok(Some(Compared { path, outcome }))
        })
        .collect();
    monitor.meter.finish();
    Ok(compared?.into_iter().collect())
}

/// Compares two files, or two Zarr arrays.
pub(super) fn pair(a: &Path, b: &Path, tolerance: Tolerance) -> Result<Outcome, Failure> {
    if same_bytes(a, b)? {
        return Ok(Outcome::Same);
    }
    let other = |reason: String| Ok(Outcome::Other { reason });
    let [in_a, in_b] = [numbers::read(a), numbers::read(b)];
    let (in_a, in_b) = match (in_a, in_b) {
        (Ok(Some(in_a)), Ok(Some(in_b))) => (in_a, in_b),
        (Ok(None), Ok(None)) => return other("other bytes".into()),
        (Err(error @ FormatError::Io { .. }), _) | (_, Err(error @ FormatError::Io { .. })) => {
            return Err(error.into());
        }
        (Err(error), _) | (_, Err(error)) => return other(error.to_string()),
        _ => return other("files of two formats".into()),
    };
    let names = |arrays: &[numbers::Numbers]| -> Vec<String> {
        let named = arrays
            .iter()
            .map(|it| format!("{} {:?}", it.name, it.shape));
        named.collect()
    };
    if names(&in_a) != names(&in_b) {
        let [in_a, in_b] = [names(&in_a), names(&in_b)].map(|it| it.join(", "));
        return other(format!("arrays {in_a} against {in_b}"));
    }
    let differences = in_a
        .iter()
        .zip(&in_b)
        .map(|(a, b)| judge::difference(a, b, tolerance));
    let Some(worst) = differences.reduce(Difference::worse) else {
        return other("files without numbers and other bytes".into());
    };
    Ok(match worst.beyond {
        0 => Outcome::Close(worst),
        _ => Outcome::Different(worst),
    })
}

/// True if two files, or the files below two folders, have the same bytes.
fn same_bytes(a: &Path, b: &Path) -> Result<bool, Failure> {
    if !store::is_dir(a) {
        return Ok(formats::bytes(a)? == formats::bytes(b)?);
    }
    let names = |folder: &Path| -> Result<Vec<std::ffi::OsString>, Failure> {
        let entries = store::list(folder).map_err(|e| OutputError::io(folder, e))?;
        let names = entries.iter().filter_map(|it| it.path.file_name());
        let mut names: Vec<_> = names.map(ToOwned::to_owned).collect();
        names.sort();
        Ok(names)
    };
    let [in_a, in_b] = [names(a)?, names(b)?];
    if in_a != in_b {
        return Ok(false);
    }
    for name in in_a {
        if !same_bytes(&a.join(&name), &b.join(&name))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Files below a folder, by their paths in it; Zarr arrays are one each. `None` for a single file or array.
pub(super) fn items(root: &Path) -> Result<Option<Vec<PathBuf>>, Failure> {
    if !store::is_dir(root) {
        store::metadata(root).map_err(|e| OutputError::io(root, e))?;
        return Ok(None);
    }
    if is_zarr_array(root) {
        return Ok(None);
    }
    let mut items = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in store::list(&folder).map_err(|e| OutputError::io(&folder, e))? {
            let inner = entry.path.strip_prefix(root).unwrap_or(&entry.path);
            let name = inner.file_name().unwrap_or_default().to_string_lossy();
            // The state of a summary has the times of its parts.
            let bookkeeping = inner.starts_with(BOOKKEEPING)
                || (name == "summary.json" && folder.to_string_lossy().ends_with(".parts"));
            if bookkeeping || name.contains(".tmp-") || GROUPS.contains(&&*name) {
                continue;
            }
            match entry.is_dir() && !is_zarr_array(&entry.path) {
                true => folders.push(entry.path.clone()),
                false => items.push(inner.to_path_buf()),
            }
        }
    }
    items.sort();
    Ok(Some(items))
}

fn is_zarr_array(folder: &Path) -> bool {
    let read = |name: &str| store::read(&folder.join(name)).ok();
    let array = |bytes: Vec<u8>| {
        serde_json::from_slice::<serde_json::Value>(&bytes)
            .is_ok_and(|it| it["node_type"] == "array" || it.get("zarr_format") == Some(&2.into()))
    };
    ZARR.iter().any(|name| read(name).is_some_and(array))
}

fn text(all: &[Compared], tolerance: Tolerance) -> String {
    let mut text = String::new();
    let count = |test: fn(&Outcome) -> bool| all.iter().filter(|it| test(&it.outcome)).count();
    let _ = writeln!(
        text,
        "{} files: {} same, {} close, {} different, {} missing (tolerance {:e} of each row's scale)",
        all.len(),
        count(|it| matches!(it, Outcome::Same)),
        count(|it| matches!(it, Outcome::Close(_))),
        count(|it| matches!(it, Outcome::Different(_) | Outcome::Other { .. })),
        count(|it| matches!(it, Outcome::Missing { .. })),
        tolerance.relative
    );
    let mut odd: Vec<&Compared> = all
        .iter()
        .filter(|it| !matches!(it.outcome, Outcome::Same))
        .collect();
    let rank = |it: &Compared| match &it.outcome {
        Outcome::Missing { .. } => f64::INFINITY,
        Outcome::Other { .. } => f64::MAX,
        Outcome::Different(it) | Outcome::Close(it) => it.relative,
        Outcome::Same => 0.0,
    };
    odd.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    if odd
        .iter()
        .any(|it| matches!(it.outcome, Outcome::Different(_) | Outcome::Close(_)))
    {
        let _ = writeln!(
            text,
            "  {:>10} {:>10} {:>10} {:>10}  place",
            "values", "beyond", "largest", "relative"
        );
    }
    for it in odd.iter().take(SHOWN) {
        let path = it.path.display();
        let _ = match &it.outcome {
            Outcome::Different(by) | Outcome::Close(by) => writeln!(
                text,
                "  {:>10} {:>10} {:>10.3e} {:>10.3e}  {path}{}{} row {} column {}",
                by.values,
                by.beyond,
                by.largest,
                by.relative,
                if by.array.is_empty() { "" } else { " " },
                by.array,
                by.place[0],
                by.place[1]
            ),
            Outcome::Other { reason } => writeln!(text, "  {path}: {reason}"),
            Outcome::Missing { tree } => writeln!(text, "  {path}: missing in {}", tree.display()),
            Outcome::Same => Ok(()),
        };
    }
    if odd.len() > SHOWN {
        let _ = writeln!(text, "  and {} more; --json lists all", odd.len() - SHOWN);
    }
    text
}
