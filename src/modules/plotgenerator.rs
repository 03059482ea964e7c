//! `-m plotgenerator`: pictures of results, as a plots file asks for them.

use std::path::{Path, PathBuf};

use super::{Failure, compat, join, output_folder, read_text, set_threads, shard, system};
use crate::cli::Cli;
use crate::config::{Plots, Problems, System};
use crate::exit::{self, Code};
use crate::formats::FormatError;
use crate::picture::render;
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output::Protected;
use crate::pipeline::section::{Axes, Faults, axis};
use crate::plots::{self, Context, PlotError, Zone};
use crate::store;

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let system = system(cli, monitor)?;
    let out = output_folder(cli, &system)?;
    let mut plots = read_plots(monitor, &system)?;
    plots
        .warnings
        .iter()
        .for_each(|line| tracing::warn!("{line}"));
    let mut problems = Problems::new(&plots.file);
    for plot in &plots.list {
        if let Err(PlotError::Config { path, message }) = plots::find(plot) {
            problems.push(crate::config::Problem::error(path, message));
        }
    }
    if problems.has_errors() {
        return Err(problems.into());
    }
    if let Some(shard) = shard(cli)? {
        monitor.meter.set_shard(shard);
        let mut mine = shard.of(&vec![1; plots.list.len()]).into_iter();
        plots.list.retain(|_| mine.next().unwrap_or(true));
    }
    let input = input(cli, &system)?;
    set_threads(cli, &system)?;
    let zones = zones(&plots)?;
    let axes = Axes {
        depths: axis(&input.join(&plots.depth_reference))?,
        times: axis(&input.join(&plots.time_reference))?,
    };
    let context = Context {
        folder: &input,
        axes,
        prf: system.prf,
        marks: &plots.marks,
        zones: &zones,
        compat: compat(cli, &system, None)?,
        faults: Faults::default(),
    };
    monitor.manifest.inputs([&*input].into_iter());
    let folder = join(
        cli,
        monitor,
        &out,
        Protected::of(&[input.to_string_lossy()]),
    )?;
    monitor.meter.begin("plots", plots.list.len(), 0, cli.quiet);
    let (mut failed, mut unread, mut wrong) = (0, 0, 0);
    for plot in &plots.list {
        if monitor.stop.wanted() {
            break;
        }
        let canvas = match plots::draw(&context, plot) {
            Ok(canvas) => canvas,
            Err(error) => {
                match &error {
                    PlotError::Data(FormatError::Io { .. }) => unread += 1,
                    PlotError::Data(_) => failed += 1,
                    PlotError::Config { .. } => wrong += 1,
                }
                monitor.meter.failed(&complaint(&plots, &plot.out, &error));
                continue;
            }
        };
        let bytes = render(&canvas, plot.format, &plots::title(plot))
            .map_err(|reason| Failure::Io(format!("{}: {reason}", plot.out)))?;
        let name = format!("{}.{}", plot.out, plot.ending);
        folder.write(Path::new(&name), &bytes)?;
        monitor.meter.done(1);
        tracing::info!("{}: {} kB", out.join(&name).display(), bytes.len() >> 10);
    }
    let seconds = monitor.meter.finish();
    if monitor.stop.wanted() {
        tracing::warn!("ended early as asked");
        return Ok(monitor.stop.code());
    }
    let done = plots.list.len() - failed - unread - wrong;
    tracing::info!(
        "{done} plots done, {} failed; {seconds:.2} s; pictures in {}",
        failed + unread + wrong,
        out.display()
    );
    Ok(match (wrong, failed, unread) {
        (0, 0, 0) => exit::OK,
        (0, 0, _) => exit::IO,
        (0, ..) => exit::DATA,
        _ => exit::CONFIG,
    })
}

fn complaint(plots: &Plots, plot: &str, error: &PlotError) -> String {
    match error {
        PlotError::Data(error) => format!("{plot}: {error}"),
        PlotError::Config { .. } => format!("{}: {error}", plots.file.display()),
    }
}

fn read_plots(monitor: &Monitor, system: &System) -> Result<Plots, Failure> {
    let path = super::config_path(system).ok_or_else(|| {
        let expected = "missing; expected the path of a plots file";
        Problems::single(&system.file, "config", expected)
    })?;
    let text = read_text(&path)?;
    monitor.manifest.configuration(&path, &text);
    Ok(Plots::parse(&path, &text)?)
}

/// The folder of the data: after -f, else the configuration's.
fn input(cli: &Cli, system: &System) -> Result<PathBuf, Failure> {
    let folder = match (&cli.files[..], &system.input) {
        ([], Some(folder)) => folder.clone(),
        ([], None) => {
            let expected = "missing; expected the folder of the data, or the folder after -f";
            return Err(Problems::single(&system.file, "in_directory", expected).into());
        }
        ([folder], _) => PathBuf::from(folder),
        (several, _) => {
            let found = format!("-f: found {} paths, expected one folder", several.len());
            return Err(Failure::Usage(found));
        }
    };
    if store::is_dir(&folder) {
        Ok(folder)
    } else {
        Err(Failure::Io(format!("{}: no such folder", folder.display())))
    }
}

fn zones(plots: &Plots) -> Result<Vec<Zone>, Failure> {
    let Some(path) = &plots.well_segments else {
        return Ok(Vec::new());
    };
    let beside = plots.file.parent().map(|folder| folder.join(path));
    let beside = beside.filter(|beside| !store::exists(path) && store::exists(beside));
    let path = beside.as_deref().unwrap_or(path);
    let text = store::read_to_string(path).map_err(|e| {
        Problems::single(
            &plots.file,
            "well_segments",
            format!("{}: {e}", path.display()),
        )
    })?;
    Ok(plots::zones(path, &text)?)
}
