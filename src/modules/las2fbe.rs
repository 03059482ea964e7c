//! `-m las2fbe`: LAS 2.0 files into WITSML logs.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;

use super::each::{Ends, each, named};
use super::{Failure, compat};
use crate::cli::Cli;
use crate::command::Compat;
use crate::config::Problems;
use crate::config::companions::LasKeys;
use crate::exit::Code;
use crate::formats::bytes;
use crate::formats::las::{self, Item, Las};
use crate::formats::stamp::{HalfDays, TimeFormat};
use crate::formats::witsml::{self, Curve, DepthText, Log};
use crate::pipeline::inputs::Depth;
use crate::pipeline::monitor::Monitor;
use crate::pipeline::tables::dialect;
use crate::store;

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let ends = Ends::read(cli, monitor)?;
    let keys = LasKeys::of(&ends.settings)?;
    let usual = date(&keys, &ends.settings.file)?;
    let compat = compat(cli, &ends.system, None)?;
    monitor.manifest.set_compat(compat.name());
    let files = ends.files(cli, monitor, ("the LAS files", &["las"], Depth::Flat))?;
    each(
        cli,
        monitor,
        &ends.out,
        "LAS files",
        &named(files),
        |output, file, name| {
            let path = &file.path;
            let to = name.with_added_extension("fbe");
            if cli.overwrite.is_none() && store::is_file(&output.path().join(&to)) {
                monitor.meter.skipped(1);
                monitor.meter.advance(file.size());
                tracing::info!("{}: skipped, as {} exists", path.display(), to.display());
                return Ok(());
            }
            let bytes = bytes(path)?;
            let options = las::Options {
                keep_null: compat == Compat::Distpy,
            };
            let las = las::parse(path, &bytes, options)?;
            las.warnings
                .iter()
                .for_each(|line| tracing::warn!("{}: {line}", path.display()));
            let time = match (las.date(path, keys.time_format.as_deref()), usual) {
                (Ok(time), _) => time,
                (Err(_), Some(usual))
                    if las.item("DATE").is_none_or(|date| date.value.is_empty()) =>
                {
                    usual
                }
                (Err(error), _) => return Err(error.into()),
            };
            let log = log(&las, time, &keys, compat);
            output.write(&to, &witsml::write(&log, dialect(keys.format, compat)))?;
            monitor.meter.done(1);
            monitor.meter.advance(file.size());
            tracing::info!(
                "{}: {} curves of {} depths at {time}",
                path.display(),
                log.curves.len(),
                las.rows
            );
            Ok(())
        },
    )
}

/// The time of files without one.
fn date(keys: &LasKeys, file: &Path) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = &keys.date else {
        return Ok(None);
    };
    let format = keys.time_format.as_deref().unwrap_or("%Y-%m-%d %H:%M:%S");
    let read = || TimeFormat::new(format, HalfDays::Meant).parse(text);
    let time = text
        .parse()
        .ok()
        .or_else(read)
        .or_else(|| TimeFormat::new("%Y-%m-%d", HalfDays::Meant).parse(text));
    match time {
        Some(time) => Ok(Some(time)),
        None => {
            let found = format!("found \"{text}\", expected a time such as 2016-12-13T07:13:49Z");
            Err(Problems::single(file, "date", found).into())
        }
    }
}

fn log(las: &Las, time: Timestamp, keys: &LasKeys, compat: Compat) -> Log {
    let distpy = compat == Compat::Distpy;
    let depths = las.column(0);
    let depths = match keys.depth_convert {
        Some(convert) => depths
            .into_iter()
            .map(|depth| convert.apply(depth, distpy))
            .collect(),
        None => depths,
    };
    let unit = match (keys.depth_convert, las.curves[0].length_unit()) {
        (Some(convert), _) => convert.unit(),
        (None, unit) => unit.unwrap_or("m"),
    };
    let mut names = Names::default();
    let curves = las.curves.iter().enumerate().skip(1).map(|(k, item)| {
        let values = las.column(k);
        if distpy {
            return Curve {
                mnemonic: format!("BAND-{k:02}"),
                unit: None,
                description: String::new(),
                values,
            };
        }
        Curve {
            mnemonic: names.unique(item),
            unit: Some(item.unit.clone()).filter(|unit| !unit.is_empty()),
            description: item.description.clone(),
            values,
        }
    });
    let curves = curves.collect();
    Log {
        style: keys.data_style.clone().unwrap_or_else(|| "UNKNOWN".into()),
        created: time,
        depth: Curve {
            unit: Some(unit.into()),
            ..Curve::depth(depths)
        },
        depth_text: DepthText::F64,
        curves,
    }
}

/// Names of curves, each of them once: LAS lets several columns have one name.
#[derive(Default)]
struct Names {
    taken: HashMap<String, usize>,
}

impl Names {
    fn unique(&mut self, item: &Item) -> String {
        let name = match item.mnemonic.as_str() {
            "" => "unnamed",
            name => name,
        };
        let count = self.taken.entry(name.to_string()).or_default();
        *count += 1;
        match *count {
            1 => name.to_string(),
            more => self.unique(&Item {
                mnemonic: format!("{name}_{more}"),
                ..item.clone()
            }),
        }
    }
}
