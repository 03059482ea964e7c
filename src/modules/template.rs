//! `-m template`: a text file with its variables filled in.

use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, MatchKind};

use super::each::{Ends, each, plan};
use super::{Failure, read_text};
use crate::cli::Cli;
use crate::config::Problems;
use crate::config::companions::{Settings, TemplateKeys};
use crate::exit::Code;
use crate::formats::{self, FormatError};
use crate::pipeline::inputs::{self, Input};
use crate::pipeline::monitor::Monitor;
use crate::store;

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let (settings, out) = settings(cli, monitor)?;
    let keys = TemplateKeys::of(&settings)?;
    let files = match (&cli.files[..], &keys.filename) {
        ([], None) => {
            let expected = "missing; expected the file with the text, or files after -f";
            return Err(Problems::single(&settings.file, "filename", expected).into());
        }
        ([], Some(name)) => vec![Input {
            path: found(name, &settings.file),
            named: true,
        }],
        (given, _) => {
            inputs::find(given, &["json", "txt"]).map_err(|lines| Failure::Io(lines.join("\n")))?
        }
    };
    let to = |file: Input| {
        let name = PathBuf::from(file.path.file_name().unwrap_or_default());
        (file, name)
    };
    let names = keys.variables.iter().map(|(name, _)| name);
    let finder = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(names)
        .map_err(|e| {
            Problems::single(&settings.file, "variables", format!("found too many: {e}"))
        })?;
    let files = files.into_iter().map(to).collect();
    let files = plan(cli, monitor, &out, &[&settings.file], files)?;
    each(
        cli,
        monitor,
        &out,
        "templates",
        &files,
        |output, file, name| {
            let path = &file.path;
            let bytes = formats::bytes(path)?;
            let text = std::str::from_utf8(&bytes).map_err(|e| {
                let place = format!("byte {}", e.valid_up_to());
                FormatError::content(path, place, "bytes that are no UTF-8", "UTF-8 text")
            })?;
            let (filled, unused) = filled(&finder, text, &keys.variables);
            for key in unused {
                tracing::warn!("{}: found no `{key}` to replace", path.display());
            }
            output.write(name, filled.as_bytes())?;
            monitor.meter.done(1);
            monitor.meter.advance(file.size());
            Ok(())
        },
    )
}

/// The variables, which stand in the configuration itself or in the file that it names, and the folder of the result.
fn settings(cli: &Cli, monitor: &Monitor) -> Result<(Settings, PathBuf), Failure> {
    if let Some(path) = &cli.config {
        let text = read_text(path)?;
        let settings = Settings::parse(path, &text)?;
        let own = ["filename", "variables"]
            .iter()
            .any(|key| settings.object.contains_key(*key));
        if own {
            monitor.manifest.configuration(path, &text);
            let named = settings
                .object
                .get("out_directory")
                .and_then(serde_json::Value::as_str);
            let named = named.map(|name| PathBuf::from(name.replace('\\', "/")));
            return match cli.output.clone().or(named) {
                Some(out) => Ok((settings, out)),
                None => {
                    let expected = "missing; expected a folder for the result, or -o FOLDER";
                    Err(Problems::single(path, "out_directory", expected).into())
                }
            };
        }
    }
    let ends = Ends::read(cli, monitor)?;
    Ok((ends.settings, ends.out))
}

/// A file as the configuration names it: from the working directory, or from the configuration's own folder.
fn found(name: &Path, configuration: &Path) -> PathBuf {
    let beside = configuration.with_file_name("").join(name);
    match !store::exists(name) && store::exists(&beside) {
        true => beside,
        false => name.to_path_buf(),
    }
}

/// The text with each name replaced by its value, and the names that do not occur. Of names that begin alike the longest is
/// meant, and what was filled in is not looked at again.
fn filled<'k>(
    finder: &AhoCorasick,
    text: &str,
    variables: &'k [(String, String)],
) -> (String, Vec<&'k str>) {
    let mut used = vec![false; variables.len()];
    let mut out = String::with_capacity(text.len());
    finder.replace_all_with(text, &mut out, |found, _, out| {
        let k = found.pattern().as_usize();
        used[k] = true;
        out.push_str(&variables[k].1);
        true
    });
    let unused = variables.iter().zip(used).filter(|(_, used)| !used);
    (out, unused.map(|((name, _), _)| name.as_str()).collect())
}
