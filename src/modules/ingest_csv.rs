//! `-m ingest_csv`, `-m csv2fbe` and `-m csv2dts`: tables of comma-separated values into logs or arrays.

use std::cell::Cell;
use std::path::Path;

use super::each::{Ends, each, named};
use super::{Failure, compat};
use crate::cli::Cli;
use crate::config::Problems;
use crate::config::companions::{Csv, Layout};
use crate::exit::Code;
use crate::pipeline::inputs::Depth;
use crate::pipeline::monitor::Monitor;
use crate::pipeline::tables::{CELLS, Job, Report, convert};

/// The endings of tables; distpy takes every file.
const ENDINGS: &[&str] = &["csv", "txt", "dat"];

/// `-m ingest_csv`: whatever the configuration describes.
pub fn any(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    run(cli, monitor, |_| None)
}

/// `-m csv2fbe`: rows for each time and depth, or a grid where `time_row` says so, as in distpy.
pub fn fbe(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    run(cli, monitor, |settings| {
        let known = [
            "time_row",
            "csv_labels",
            "time_label",
            "depth_label",
            "curves",
        ];
        let none = !known.iter().any(|key| settings.contains_key(*key));
        none.then_some((
            "csv_labels",
            "missing; expected the names of the columns of values (or `time_row`, for a grid)",
        ))
    })
}

/// `-m csv2dts`: a grid.
pub fn dts(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    run(cli, monitor, |settings| {
        let row = settings.get("time_row").and_then(serde_json::Value::as_i64);
        let grid = row.is_some_and(|row| row >= 0);
        (!grid).then_some((
            "time_row",
            "missing; expected the line of times, counted from 0",
        ))
    })
}

fn run(
    cli: &Cli,
    monitor: &Monitor,
    lacks: impl Fn(&serde_json::Map<String, serde_json::Value>) -> Option<(&'static str, &'static str)>,
) -> Result<Code, Failure> {
    let ends = Ends::read(cli, monitor)?;
    if let Some((key, expected)) = lacks(&ends.settings.object) {
        return Err(Problems::single(&ends.settings.file, key, expected).into());
    }
    let csv = Csv::of(&ends.settings)?;
    let compat = compat(cli, &ends.system, None)?;
    monitor.manifest.set_compat(compat.name());
    let tables = ends.files(cli, monitor, ("the tables", ENDINGS, Depth::Below))?;
    each(
        cli,
        monitor,
        &ends.out,
        "tables",
        &named(tables),
        |output, file, name| {
            let told = Cell::new(0);
            let job = Job {
                csv: &csv,
                compat,
                output,
                below: name,
                overwrite: cli.overwrite.is_some(),
                cells: CELLS,
                stop: monitor.stop.flag(),
                advance: &|bytes| {
                    told.set(told.get() + bytes);
                    monitor.meter.advance(bytes);
                },
                written: &|count| monitor.meter.done(count),
                skipped: &|count| monitor.meter.skipped(count),
            };
            let report = convert(&file.path, &job)?;
            monitor
                .meter
                .advance(file.size().saturating_sub(told.get()));
            tell(&file.path, &csv, &report);
            Ok(())
        },
    )
}

fn tell(path: &Path, csv: &Csv, report: &Report) {
    let path = path.display();
    let Report {
        times,
        rows,
        written,
        skipped,
        ..
    } = report;
    report
        .warnings
        .iter()
        .for_each(|line| tracing::warn!("{path}: {line}"));
    let what = match csv.layout {
        Layout::Grid { array: true, .. } => "arrays",
        _ => "logs",
    };
    let of = match csv.layout {
        Layout::Grid { .. } => "depths",
        Layout::Long { .. } => "rows",
    };
    let rest = match skipped {
        0 => String::new(),
        _ => format!(", {skipped} skipped, as they exist"),
    };
    tracing::info!("{path}: {times} times, {rows} {of}; {written} {what}{rest}");
}
