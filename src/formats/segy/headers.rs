//! Headers as JSON: the file's as one object, the traces' as columns or one object each, under distpy's names.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::Value;

use super::fields::{BINARY, EXTENSION, Field, Raw, TRACE};
use super::layout::{HEADERS, Layout, binary_header};
use super::text::{self, TEXT_HEADER};
use crate::formats::mapped::View;

/// Bytes of columns that are held at a time.
const HELD: usize = 32 << 20;

/// The binary header and the texts, sorted; `extended_text_headers` where there are any.
pub fn of_file(file: &View, layout: &Layout) -> Value {
    let binary = binary_header(file, layout.order);
    let mut entries: BTreeMap<&str, Value> =
        BINARY.iter().map(|f| (f.name, binary.json(f))).collect();
    entries.insert("ascii_header", text::decode(&file[0..TEXT_HEADER]).into());
    // distpy's JSON has the counts that it went by, not those that it found.
    entries.insert("extended_samples_per_trace", layout.samples.into());
    entries.insert("number_of_traces_in_file", layout.traces.into());
    if layout.texts > 0 {
        let records = file.upto(HEADERS, layout.texts.saturating_mul(TEXT_HEADER));
        let texts: Value = records
            .chunks_exact(TEXT_HEADER)
            .map(text::decode)
            .collect();
        entries.insert("extended_text_headers", texts);
    }
    entries.into_iter().collect()
}

/// The headers of a trace, sorted, every field.
pub fn of_trace(file: &View, layout: &Layout, channel: usize) -> Value {
    let header = layout.headers(file, channel);
    let fields = TRACE.iter().chain(extension(&header));
    let entries: BTreeMap<&str, Value> = fields.map(|f| (f.name, header.json(f))).collect();
    entries.into_iter().collect()
}

/// The headers of all traces as a JSON object with one list per field, of those that are not zero in every trace.
///
/// Traces are passed over as often as the columns need to be held in [`HELD`] bytes: once up to 139,000 traces.
///
/// # Errors
/// When it cannot be written.
pub fn write_columns(file: &View, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let extension = if layout.extended(file) {
        EXTENSION
    } else {
        &[]
    };
    let fields: Vec<&Field> = TRACE.iter().chain(extension).collect();
    let mut separator = "{\n    ";
    let mut rest = &fields[..];
    while !rest.is_empty() {
        let (group, others) = rest.split_at(held(rest, layout.traces));
        rest = others;
        let mut columns: Vec<Vec<u8>> = group
            .iter()
            .map(|field| Vec::with_capacity(field.size() * layout.traces))
            .collect();
        for channel in 0..layout.traces {
            let header = layout.headers(file, channel);
            for (field, column) in group.iter().zip(&mut columns) {
                column.extend(&header.bytes[field.at..field.at + field.size()]);
            }
        }
        for (field, column) in group.iter().zip(&columns) {
            if column.iter().any(|byte| *byte != 0) {
                write!(out, "{separator}\"{}\": ", field.name)?;
                write_list(field, column, layout, out)?;
                separator = ",\n    ";
            }
        }
    }
    out.write_all(match separator {
        "{\n    " => b"{}",
        _ => b"\n}",
    })
}

/// How many of the fields are held at a time, at least one.
fn held(fields: &[&Field], traces: usize) -> usize {
    let mut bytes = 0;
    let fits = fields.iter().take_while(|field| {
        bytes += field.size() * traces;
        bytes <= HELD
    });
    fits.count().max(1)
}

fn write_list(
    field: &Field,
    column: &[u8],
    layout: &Layout,
    out: &mut dyn Write,
) -> io::Result<()> {
    let at_start = field.at_start();
    for (k, bytes) in column.chunks_exact(field.size()).enumerate() {
        let raw = Raw {
            bytes,
            order: layout.order,
        };
        let separator = if k == 0 { "[" } else { ", " };
        write!(out, "{separator}{}", raw.json(&at_start))?;
    }
    out.write_all(b"]")
}

fn extension(header: &Raw) -> &'static [Field] {
    if header.is_extended() { EXTENSION } else { &[] }
}
