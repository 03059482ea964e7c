//! Going through files that do not depend on each other: what the modules beside the processing have in common.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Component, Path, PathBuf};

use super::tally::Tally;
use super::{Failure, config_path, given, join, output_folder, read_text, share_by, system};
use crate::cli::Cli;
use crate::config::System;
use crate::config::companions::Settings;
use crate::exit::Code;
use crate::formats::FormatError;
use crate::pipeline::inputs::{self, Depth, Input};
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output::{Folder, OutputError, Protected};
use crate::pipeline::share::{Turn, Turns};
pub use crate::pipeline::tables::Fault;
use crate::store::{self, Local};

/// The settings that a system configuration names as its `config`; without one, none.
pub fn settings(monitor: &Monitor, system: &System) -> Result<Settings, Failure> {
    let Some(path) = config_path(system) else {
        return Ok(Settings {
            file: system.file.clone(),
            object: Default::default(),
        });
    };
    let text = read_text(&path)?;
    monitor.manifest.configuration(&path, &text);
    Ok(Settings::parse(&path, &text)?)
}

/// The folders that a module works between, and its settings.
pub struct Ends {
    pub system: System,
    pub settings: Settings,
    pub out: PathBuf,
}

impl Ends {
    pub fn read(cli: &Cli, monitor: &Monitor) -> Result<Self, Failure> {
        let system = system(cli, monitor)?;
        let settings = settings(monitor, &system)?;
        let out = output_folder(cli, &system)?;
        Ok(Self {
            system,
            settings,
            out,
        })
    }

    /// The files with some endings, and this process's share of them.
    pub fn files(
        &self,
        cli: &Cli,
        monitor: &Monitor,
        (what, endings, depth): (&str, &[&str], Depth),
    ) -> Result<Found, Failure> {
        let given = given(cli, &self.system, what)?;
        let all = inputs::find_in(&given, endings, depth)
            .map_err(|lines| Failure::Io(lines.join("\n")))?;
        let mut mine = share_by(cli, monitor, all.clone(), Input::size)?;
        monitor.manifest.inputs(mine.iter().map(|file| &*file.path));
        if cli.job.reverse {
            mine.reverse();
        }
        Ok(Found { all, mine })
    }
}

/// Files, and this process's share of them: the names of results hang on all files, so that shards do not take one name twice.
pub struct Found {
    all: Vec<Input>,
    mine: Vec<Input>,
}

/// This process's share of files and of the places of their results below the output folder.
///
/// # Errors
/// [`Failure::Usage`] where two inputs have one result, or a result would take the place of an input or a configuration.
pub fn plan(
    cli: &Cli,
    monitor: &Monitor,
    out: &Path,
    configurations: &[&Path],
    moves: Vec<(Input, PathBuf)>,
) -> Result<Vec<(Input, PathBuf)>, Failure> {
    let inputs = moves.iter().map(|(file, _)| &*file.path);
    let kept: HashSet<PathBuf> = inputs
        .chain(configurations.iter().copied())
        .chain(cli.config.as_deref())
        .map(store::real)
        .collect();
    let mut sources: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut planned = Vec::with_capacity(moves.len());
    for (file, to) in moves {
        let target = out.join(&to);
        let place = store::real(&target);
        if kept.contains(&place) {
            return Err(Failure::Usage(format!(
                "{}: found an input of this run where the result of {} goes, expected another output folder",
                target.display(),
                file.path.display()
            )));
        }
        match sources.get(&place) {
            Some(other) if store::real(other) == store::real(&file.path) => continue,
            Some(other) => return Err(Failure::Usage(shared(other, &file.path, &target))),
            None => {
                sources.insert(place, file.path.clone());
                planned.push((file, to));
            }
        }
    }
    let mine = share_by(cli, monitor, planned, |(file, _)| file.size())?;
    monitor
        .manifest
        .inputs(mine.iter().map(|(file, _)| &*file.path));
    Ok(mine)
}

/// Says that two inputs have one result.
pub fn shared(one: &Path, other: &Path, target: &Path) -> String {
    format!(
        "{}: found {} and {} with this result, expected one input for each",
        target.display(),
        one.display(),
        other.display()
    )
}

/// Works on each file and its name in turn; a bad one is told of, and the others are done.
pub fn each(
    cli: &Cli,
    monitor: &Monitor,
    out: &Path,
    what: &'static str,
    files: &[(Input, PathBuf)],
    mut work: impl FnMut(&Folder, &Input, &Path) -> Result<(), Fault>,
) -> Result<Code, Failure> {
    let folder = join(cli, monitor, out, Protected::default())?;
    let total = files.iter().map(|(file, _)| file.size()).sum();
    monitor.meter.begin(what, 0, total, cli.quiet);
    let mut tally = Tally::default();
    let name = |(_, name): &&(Input, PathBuf)| name.to_string_lossy().replace(['/', '\\'], "_");
    for turn in Turns::new(&folder, monitor, files.iter().map(Some), name, |_| false) {
        let (Turn::Mine(piece) | Turn::Finished(piece)) = turn?;
        let done = work(&folder, &piece.0, &piece.1);
        folder.release(&name(&piece));
        match done {
            Ok(()) => {}
            Err(Fault::Stopped) => break,
            Err(Fault::Output(error)) => return Err(error.into()),
            Err(Fault::Format(error)) => tally.refuse(monitor, &error),
        }
    }
    Ok(ended(monitor, out, (what, files.len()), tally))
}

/// Says how a run over so many files of a kind ended.
pub fn ended(monitor: &Monitor, out: &Path, (what, count): (&str, usize), tally: Tally) -> Code {
    tally.end(monitor, |seconds| {
        let bad = tally.failed();
        format!(
            "{} {what} done, {bad} failed; {seconds:.2} s; results in {}",
            count - bad.min(count),
            out.display()
        )
    })
}

/// This process's files with the names of their results: their own without ending; before it the path from where all files are,
/// to those whose name another one has; with their ending where that is not enough.
pub fn named(found: Found) -> Vec<(Input, PathBuf)> {
    let folders: Vec<PathBuf> = found.all.iter().map(folder_of).collect();
    let shared = common(&folders);
    let forms: Vec<[PathBuf; 3]> = found
        .all
        .iter()
        .zip(&folders)
        .map(|(file, folder)| {
            let stem = PathBuf::from(file.path.file_stem().unwrap_or_default());
            let name = file.path.file_name().unwrap_or_default();
            let below = below(folder, &shared);
            [stem.clone(), below.join(&stem), below.join(name)]
        })
        .collect();
    let mut chosen = vec![0; forms.len()];
    loop {
        let mut counts: HashMap<&Path, usize> = HashMap::new();
        for (forms, &form) in forms.iter().zip(&chosen) {
            *counts.entry(&forms[form]).or_default() += 1;
        }
        let mut changed = false;
        for (forms, form) in forms.iter().zip(&mut chosen) {
            if counts[&*forms[*form]] > 1 && *form + 1 < forms.len() {
                *form += 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let names = forms.iter().zip(chosen).map(|(forms, form)| &forms[form]);
    let names: HashMap<&Path, &PathBuf> = found.all.iter().map(|f| &*f.path).zip(names).collect();
    let mine = found.mine.into_iter();
    mine.map(|file| {
        let name = names[&*file.path].clone();
        (file, name)
    })
    .collect()
}

/// The folder of a file, without links: its path must not lead out of the output folder.
fn folder_of(file: &Input) -> PathBuf {
    store::real(file.path.parent().unwrap_or(Path::new("")))
}

/// The way from one folder to another one below it.
pub fn below(folder: &Path, from: &Path) -> PathBuf {
    let rest = folder.strip_prefix(from).unwrap_or(folder).components();
    rest.filter(|part| matches!(part, Component::Normal(_)))
        .collect()
}

/// The folder that all folders are or are below.
pub fn common(folders: &[PathBuf]) -> PathBuf {
    let Some((first, rest)) = folders.split_first() else {
        return PathBuf::new();
    };
    rest.iter().fold(first.clone(), |shared, folder| {
        let pairs = shared.components().zip(folder.components());
        pairs.take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    })
}

/// Copies a file to its place below the output folder, unless it is there already: size and time do not tell, as another shift
/// of times or another run may have left a file of the same size there.
pub fn copy(
    cli: &Cli,
    monitor: &Monitor,
    output: &Folder,
    from: &Path,
    to: &Path,
) -> Result<(), Fault> {
    let io = |e: std::io::Error| FormatError::io(from, e);
    let from = Local::of(from).map_err(io)?;
    let mut file = store::open(from.path()).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let there = match cli.overwrite.is_some() {
        true => None,
        false => Local::of(&output.path().join(to)).ok(),
    };
    let there = there.and_then(|there| store::open(there.path()).ok());
    if there.is_some_and(|mut there| same(&mut file, &mut there).unwrap_or(false)) {
        monitor.meter.skipped(1);
        monitor.meter.advance(size);
        return Ok(());
    }
    file.rewind().map_err(io)?;
    let mut copy = output.create(to)?;
    std::io::copy(&mut file, &mut copy).map_err(|e| OutputError::io(copy.path(), e))?;
    copy.commit()?;
    monitor.meter.done(1);
    monitor.meter.advance(size);
    Ok(())
}

/// Whether two files have the same bytes.
fn same(one: &mut File, other: &mut File) -> std::io::Result<bool> {
    const BLOCK: u64 = 64 << 10;
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    loop {
        a.clear();
        b.clear();
        one.take(BLOCK).read_to_end(&mut a)?;
        other.take(BLOCK).read_to_end(&mut b)?;
        if a != b || a.is_empty() {
            return Ok(a == b);
        }
    }
}
