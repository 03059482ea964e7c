//! Going through files that do not depend on each other: what the modules beside the processing have in common.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Failure, config_path, join, output_folder, read_text, share, system};
use crate::cli::Cli;
use crate::config::companions::Settings;
use crate::config::{Problems, System};
use crate::exit::{self, Code};
use crate::formats::FormatError;
use crate::pipeline::inputs::{self, Depth, Input};
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output::{Folder, OutputError};
use crate::pipeline::share::{Turn, Turns};
use crate::pipeline::tables::TableError;

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

    /// What the user gave: files, or the configuration's input folder.
    pub fn given(&self, cli: &Cli, what: &str) -> Result<Vec<String>, Failure> {
        match (&cli.files[..], &self.system.input) {
            ([], Some(folder)) => Ok(vec![folder.display().to_string()]),
            ([], None) => {
                let expected = format!("missing; expected the folder of {what}, or files after -f");
                Err(Problems::single(&self.system.file, "in_directory", expected).into())
            }
            (files, _) => Ok(files.to_vec()),
        }
    }

    /// This process's share of the files with some endings.
    pub fn files(
        &self,
        cli: &Cli,
        monitor: &Monitor,
        (what, endings, depth): (&str, &[&str], Depth),
    ) -> Result<Vec<Input>, Failure> {
        let given = self.given(cli, what)?;
        let files = inputs::find_in(&given, endings, depth)
            .map_err(|lines| Failure::Io(lines.join("\n")))?;
        let mut files = share(cli, monitor, files)?;
        if cli.job.reverse {
            files.reverse();
        }
        Ok(files)
    }
}

/// Why one file was not done.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It is bad, or cannot be read.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// Results cannot be written.
    #[error("{0}")]
    Output(#[from] OutputError),
    /// The run was asked to end.
    #[error("ended as asked")]
    Stopped,
}

impl From<TableError> for Fault {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Format(error) => Self::Format(error),
            TableError::Output(error) => Self::Output(error),
            TableError::Stopped => Self::Stopped,
        }
    }
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
    let folder = join(cli, monitor, out)?;
    let total = files.iter().map(|(file, _)| file.size()).sum();
    monitor.meter.begin(what, 0, total, cli.quiet);
    let (mut failed, mut unread) = (0, 0);
    let name = |(_, name): &&(Input, PathBuf)| name.to_string_lossy().replace(['/', '\\'], "_");
    for turn in Turns::new(&folder, monitor, files.iter(), name, |_| false) {
        let (Turn::Mine(piece) | Turn::Finished(piece)) = turn?;
        let done = work(&folder, &piece.0, &piece.1);
        folder.release(&name(&piece));
        match done {
            Ok(()) => {}
            Err(Fault::Stopped) => break,
            Err(Fault::Output(error)) => return Err(error.into()),
            Err(Fault::Format(error)) => {
                match &error {
                    FormatError::Io { .. } => unread += 1,
                    FormatError::Content { .. } => failed += 1,
                }
                monitor.meter.failed(&error.to_string());
            }
        }
    }
    Ok(ended(monitor, out, (what, files.len()), (failed, unread)))
}

/// Says how a run ended: how many files of a kind it had, how many of them were bad and how many could not be read.
pub fn ended(
    monitor: &Monitor,
    out: &Path,
    (what, count): (&str, usize),
    (failed, unread): (usize, usize),
) -> Code {
    let seconds = monitor.meter.finish();
    if monitor.stop.wanted() {
        tracing::warn!("ended early as asked; the same command goes on where this one ended");
        return monitor.stop.code();
    }
    let bad = failed + unread;
    tracing::info!(
        "{} {what} done, {bad} failed; {seconds:.2} s; results in {}",
        count - bad.min(count),
        out.display()
    );
    match (failed, unread) {
        (0, 0) => exit::OK,
        (0, _) => exit::IO,
        _ => exit::DATA,
    }
}

/// Files with the names of their results: their own without ending, and before it the path from where all of them are to those
/// whose name another one has.
pub fn named(files: Vec<Input>) -> Vec<(Input, PathBuf)> {
    let stem = |file: &Input| PathBuf::from(file.path.file_stem().unwrap_or_default());
    let mut counts: HashMap<PathBuf, usize> = HashMap::new();
    for file in &files {
        *counts.entry(stem(file)).or_default() += 1;
    }
    let shared = common(&files);
    files
        .into_iter()
        .map(|file| {
            let stem = stem(&file);
            let below = file.path.strip_prefix(&shared).ok().and_then(Path::parent);
            let name = match below {
                Some(below) if counts[&stem] > 1 => below.join(&stem),
                _ => stem,
            };
            (file, name)
        })
        .collect()
}

/// The folder that all files are in or below.
fn common(files: &[Input]) -> PathBuf {
    let mut folders = files.iter().filter_map(|file| file.path.parent());
    let Some(first) = folders.next() else {
        return PathBuf::new();
    };
    folders.fold(first.to_path_buf(), |shared, folder| {
        let pairs = shared.components().zip(folder.components());
        pairs.take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    })
}

/// Copies a file to its place below the output folder, unless it is there in its full size.
pub fn copy(
    cli: &Cli,
    monitor: &Monitor,
    output: &Folder,
    from: &Path,
    to: &Path,
) -> Result<(), Fault> {
    let io = |e: std::io::Error| FormatError::io(from, e);
    let mut file = std::fs::File::open(from).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let there = std::fs::metadata(output.path().join(to)).map(|there| there.len());
    if !cli.overwrite && there.is_ok_and(|there| there == size) {
        monitor.meter.skipped(1);
        monitor.meter.advance(size);
        return Ok(());
    }
    let mut copy = output.create(to)?;
    std::io::copy(&mut file, &mut copy).map_err(|e| OutputError::io(copy.path(), e))?;
    copy.commit()?;
    monitor.meter.done(1);
    monitor.meter.advance(size);
    Ok(())
}
