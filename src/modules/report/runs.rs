//! What runs left of themselves: manifests, and the progress of those that were cut off.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::page::Page;
use crate::pipeline::monitor::MANIFESTS;
use crate::pipeline::output::BOOKKEEPING;
use crate::store;

/// As many runs are shown, the last ones.
const MOST: usize = 24;
/// As many inputs of a run are listed.
const FILES: usize = 20;
/// Modules that look at results and make none.
const LOOKING: [&str; 2] = ["report", "document"];

/// Reads what stands beside the chunks and the results.
pub fn read(chunks: Option<&Path>, results: &Path, page: &mut Page) {
    let mut manifests = Vec::new();
    for folder in chunks.into_iter().chain([results]) {
        manifests.extend(objects(&folder.join(BOOKKEEPING).join(MANIFESTS)));
    }
    manifests.retain(|it| !LOOKING.contains(&text(it, "module")));
    manifests.sort_by(|a, b| text(a, "started").cmp(text(b, "started")));
    for progress in objects(&results.join(BOOKKEEPING).join("progress")) {
        let same = |it: &Map<String, Value>| {
            ["module", "shard"]
                .iter()
                .all(|key| it.get(*key) == progress.get(*key))
        };
        if !LOOKING.contains(&text(&progress, "module")) && !manifests.iter().any(same) {
            cut_off(progress, page);
        }
    }
    if manifests.len() > MOST {
        let line = format!(
            "{} runs, of which the last {MOST} are shown",
            manifests.len()
        );
        page.warnings.push(line);
        manifests.drain(..manifests.len() - MOST);
    }
    for manifest in manifests {
        told(&manifest, page);
        page.runs.push(summary(&manifest));
        page.manifests.push(short(manifest));
    }
}

/// The objects in a folder's JSON files, in the order of their names.
fn objects(folder: &Path) -> Vec<Map<String, Value>> {
    let Ok(entries) = store::list(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "json"));
    files.sort();
    let parsed = files.iter().filter_map(|path| {
        let bytes = store::read(path).ok()?;
        serde_json::from_slice(&bytes).ok()
    });
    parsed.collect()
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A run that left its progress and no manifest.
fn cut_off(mut run: Map<String, Value>, page: &mut Page) {
    let module = text(&run, "module");
    let line = format!("{module}: left no manifest, so it was cut off or still runs");
    page.warnings.push(line);
    // What passes from one moment to the next says nothing of the whole.
    let passing = |key: &str| key.starts_with("queue_") || key == "seconds_since_progress";
    run.retain(|key, value| !value.is_null() && !passing(key));
    page.runs.push(run);
}

/// Its warnings and errors.
fn told(manifest: &Map<String, Value>, page: &mut Page) {
    let module = text(manifest, "module");
    let lines = ["errors", "warnings"].into_iter().flat_map(|key| {
        let lines = manifest.get(key).and_then(Value::as_array);
        lines.into_iter().flatten().filter_map(Value::as_str)
    });
    for line in lines.map(|line| format!("{module}: {line}")) {
        if !page.warnings.contains(&line) {
            page.warnings.push(line);
        }
    }
    let left_out = manifest.get("lines_left_out").and_then(Value::as_u64);
    if let Some(more @ 1..) = left_out {
        page.warnings.push(format!("{module}: {more} lines more"));
    }
}

/// The run in a column of a table.
fn summary(manifest: &Map<String, Value>) -> Map<String, Value> {
    let at = |pointer: &str| {
        let mut parts = pointer.split('.');
        let first = parts.next().and_then(|key| manifest.get(key));
        parts.fold(first, |value, key| value?.get(key))
    };
    let rows = [
        ("module", "module"),
        ("version", "version"),
        ("host", "host"),
        ("shard", "shard"),
        ("started", "started"),
        ("ended", "outcome.name"),
        ("device", "device"),
        ("compat", "compat"),
        ("CPU precision", "cpu_precision"),
        ("inputs", "inputs.count"),
        ("bytes of input", "inputs.bytes"),
        ("inputs failed", "counts.inputs_failed"),
        ("chunks done", "counts.chunks_done"),
        ("chunks skipped", "counts.chunks_skipped"),
        ("seconds", "timings.seconds"),
        ("bytes per second", "timings.bytes_per_second"),
    ];
    let known = rows.iter().filter_map(|(name, pointer)| {
        let value = at(pointer).filter(|value| !value.is_null())?;
        Some(((*name).to_string(), rounded(value)))
    });
    known.collect()
}

/// A number as people read it.
fn rounded(value: &Value) -> Value {
    match value.as_f64() {
        Some(number) if value.is_f64() && number.abs() >= 100.0 => json!(number.round() as i64),
        Some(number) if value.is_f64() => json!((number * 1000.0).round() / 1000.0),
        _ => value.clone(),
    }
}

/// The manifest with its first inputs only.
fn short(mut manifest: Map<String, Value>) -> Value {
    if let Some(inputs) = manifest.get_mut("inputs").and_then(Value::as_object_mut) {
        let files = inputs.get_mut("files").and_then(Value::as_array_mut);
        let before = files.as_ref().map_or(0, |files| files.len());
        if let Some(files) = files {
            files.truncate(FILES);
        }
        let more = before.saturating_sub(FILES) as u64;
        let left_out = inputs.get("left_out").and_then(Value::as_u64).unwrap_or(0);
        inputs.insert("left_out".into(), json!(left_out + more));
    }
    Value::Object(manifest)
}
