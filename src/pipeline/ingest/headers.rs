//! The headers of a recording as JSON beside its chunks.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

use serde::Serialize;
use serde_json::Value;

use super::{Ingest, IngestError, Run, TraceFiles};
use crate::command::ChunkName;
use crate::formats::{Source, TraceHeaders};
use crate::pipeline::output::{Folder, OutputError};
use crate::store;

/// Writes the file's headers and the traces'.
pub fn write(
    source: &dyn Source,
    out: &Folder,
    first: ChunkName,
    options: &Ingest,
    run: &Run,
    warnings: &mut Vec<String>,
) -> Result<(), IngestError> {
    let header = source.header();
    let folder = Path::new("json").join(first.to_string());
    let mut metadata = header.metadata.clone();
    if let (Some(calibration), Some(entries)) = (&header.calibration, metadata.as_object_mut()) {
        let value = serde_json::to_value(calibration).expect("a factor and a unit are plain data");
        entries.insert("calibration".into(), value);
    }
    let of_file = format!("{first}.json");
    out.write(&folder.join(&of_file), &pretty(&metadata))?;
    let Some(traces) = source.traces()? else {
        return Ok(());
    };
    write_columns(&*traces, out, &folder.join("trace_headers.json"))?;
    if options.traces == TraceFiles::Columns {
        return Ok(());
    }
    for channel in 0..header.channels {
        if run.stop.load(Ordering::Relaxed) {
            return Err(IngestError::Stopped);
        }
        let name = format!("{channel}.json");
        if name == of_file {
            warnings.push(format!(
                "the header of trace {channel} has no file of its own, as {name} is the file's"
            ));
            continue;
        }
        let path = folder.join(name);
        if options.overwrite || !store::exists(&out.path().join(&path)) {
            out.write(&path, &pretty(&traces.of_trace(channel)?))?;
        }
    }
    Ok(())
}

fn write_columns(traces: &dyn TraceHeaders, out: &Folder, path: &Path) -> Result<(), OutputError> {
    let file = out.create(path)?;
    let io = |e| OutputError::io(&out.path().join(path), e);
    let mut buffered = BufWriter::new(file);
    traces.write_columns(&mut buffered).map_err(io)?;
    buffered.flush().map_err(io)?;
    let file = buffered.into_inner().map_err(|e| io(e.into_error()))?;
    file.commit()
}

/// distpy's indentation of four.
pub fn pretty(value: &Value) -> Vec<u8> {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    value
        .serialize(&mut serializer)
        .expect("a JSON value is written to memory");
    text
}
