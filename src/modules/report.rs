//! `-m report`: a run as one HTML page that needs nothing else: its logs to look into, its pictures, its flow, its warnings.

mod page;
mod runs;

use std::path::Path;

use super::ingest_witsml::sets;
use super::{Failure, compat, flow, join, output_folder, read_text, set_threads, system};
use crate::cli::Cli;
use crate::config::{Severity, System, Workflow};
use crate::exit::{self, Code};
use crate::graph::document::svg;
use crate::graph::{Graph, Reading};
use crate::pipeline::logs::LogsError;
use crate::pipeline::monitor::Monitor;
use crate::pipeline::origin;
use crate::pipeline::output::Protected;
use crate::store;
use page::{Log, Page, Picture};

/// Cells of all maps of a page together: what a browser shows without delay, a few megabytes of text.
const CELLS: usize = 1_200_000;
/// Cells of a map from left to right and from top to bottom, at most.
const WIDEST: usize = 1440;
const HIGHEST: usize = 1000;
/// A larger picture is left out, in bytes.
const LARGEST: u64 = 16 << 20;

/// The page's name below the output folder.
const NAME: &str = "report.html";

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let system = system(cli, monitor)?;
    let results = output_folder(cli, &system)?;
    set_threads(cli, &system)?;
    let mut page = Page {
        title: results.display().to_string(),
        system: read_text(&system.file)?,
        warnings: system.warnings.clone(),
        ..Page::default()
    };
    logs(&results, &mut page)?;
    runs::read(system.input.as_deref(), &results, &mut page);
    describe(cli, monitor, &system, &results, &mut page)?;
    pictures(cli, &mut page)?;
    let html = page.html();
    let folder = join(cli, monitor, &results, Protected::default())?;
    folder.write(Path::new(NAME), html.as_bytes())?;
    tracing::info!(
        "{}: {} logs, {} pictures, {} warnings, {} kB",
        results.join(NAME).display(),
        page.logs.len(),
        page.pictures.len(),
        page.warnings.len(),
        html.len() >> 10
    );
    Ok(exit::OK)
}

/// The logs below the results, each as a map for each curve.
fn logs(results: &Path, page: &mut Page) -> Result<(), Failure> {
    if !store::is_dir(results) {
        return Ok(());
    }
    let found = match sets(&[results.to_path_buf()]) {
        Ok(found) => found,
        // A run that wrote no logs has pictures, or a flow, to tell of.
        Err(Failure::Data(_)) => Vec::new(),
        Err(other) => return Err(other),
    };
    let count = found.len().max(1);
    for (name, logs) in found {
        let name = name.display().to_string();
        let stem = name.rsplit('/').next().unwrap_or("curve").to_string();
        // Curves and folders share the page's cells.
        let most = |curves: usize, channels: usize| {
            let cells = CELLS / count / curves.max(1);
            let height = channels.clamp(1, HIGHEST);
            ((cells / height).clamp(64, WIDEST), height)
        };
        match logs.overview(&stem, most) {
            Ok(overview) => {
                page.warnings
                    .extend(overview.bad.iter().map(ToString::to_string));
                if !overview.gaps.list.is_empty() {
                    page.warnings.push(format!(
                        "{name}: gaps in time: {}, logs missing: {}",
                        overview.gaps.list.len(),
                        overview.gaps.missing
                    ));
                }
                page.warnings
                    .extend(logs.undated.iter().map(ToString::to_string));
                page.logs.push(Log { name, overview });
            }
            Err(LogsError::Output(error)) => return Err(error.into()),
            Err(LogsError::Unreadable(errors)) => {
                page.warnings.extend(errors.iter().map(ToString::to_string));
            }
        }
    }
    Ok(())
}

/// The flow: what it is called, its drawing, its file.
fn describe(
    cli: &Cli,
    monitor: &Monitor,
    system: &System,
    results: &Path,
    page: &mut Page,
) -> Result<(), Failure> {
    let configured = flow(monitor, system)?;
    let Some(workflow) = made_by(results, configured, page)? else {
        return Ok(());
    };
    let reading = Reading {
        compat: compat(cli, system, Some(&workflow))?,
        strict: false,
    };
    let (graph, findings) = Graph::build(&workflow, reading)?;
    page.warnings.extend(findings.lines(Severity::Warning));
    // What stands after -f are pictures; the chunks are those of the configuration.
    let chunks = Cli {
        files: Vec::new(),
        ..cli.clone()
    };
    let job = super::strainrate2summary::first_job(&chunks, system, &workflow, &graph);
    if let Some(job) = &job {
        page.warnings.extend(job.plan.warnings.iter().cloned());
    }
    let described =
        super::document::described(cli, monitor, system, &workflow, &graph, job.as_ref())?;
    page.title.clone_from(&workflow.name);
    page.description.clone_from(&workflow.description);
    page.plan.clone_from(&described.plan);
    let drawn = svg(&described).map_err(Failure::Io)?;
    page.graph = String::from_utf8_lossy(&drawn).into_owned();
    page.flow.clone_from(&workflow.text);
    Ok(())
}

/// The flow that made the results, else the one that the configuration names.
fn made_by(
    results: &Path,
    configured: Option<Workflow>,
    page: &mut Page,
) -> Result<Option<Workflow>, Failure> {
    let Some(last) = origin::last_flow(results)? else {
        return Ok(configured);
    };
    if configured.as_ref().is_some_and(|it| it.text != last.text) {
        page.warnings.push(format!(
            "{}: has changed since it made the results; the flow below is the one that made them",
            last.file.display()
        ));
    }
    Ok(Some(Workflow::parse(&last.file, &last.text)?))
}

/// The pictures after -f: files, folders and globs.
fn pictures(cli: &Cli, page: &mut Page) -> Result<(), Failure> {
    if cli.files.is_empty() {
        return Ok(());
    }
    let found = crate::pipeline::inputs::find(&cli.files, &["png", "jpg", "jpeg", "svg"]);
    let found = found.map_err(|lines| Failure::Io(lines.join("\n")))?;
    for input in found {
        let path = &input.path;
        if input.size() > LARGEST {
            let line = format!("{}: left out, as it is larger than 16 MiB", path.display());
            page.warnings.push(line);
            continue;
        }
        let ending = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        let kind = match ending.to_ascii_lowercase().as_str() {
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "svg" => "image/svg+xml",
            _ => {
                return Err(Failure::Data(format!(
                    "{}: found the ending \"{ending}\", expected a picture that ends in .png, .jpg or .svg",
                    path.display()
                )));
            }
        };
        let bytes =
            store::read(path).map_err(|e| Failure::Io(format!("{}: {e}", path.display())))?;
        let name = path
            .file_stem()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        page.pictures.push(Picture {
            name: name.to_string(),
            kind,
            bytes,
        });
    }
    Ok(())
}
