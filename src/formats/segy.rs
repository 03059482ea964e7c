//! SEG-Y, revisions 0 to 2.1, either byte order: a recording stored trace by trace.
//!
//! The standard is the SEG Technical Standards Committee's; offsets here are 0-based. Where files and standard differ, files
//! win: the number of traces comes from the size of the file, unassigned bytes of old revisions are not believed, and what
//! had to be assumed is said in the header's warnings.

mod depth;
mod fields;
mod layout;
mod sample;
mod text;
mod time;
mod writer;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;
use serde_json::{Map, Value};

use super::{FormatError, Header, Layout as Sequence, Source, mapped};
use fields::{BINARY, Raw, TRACE};
use layout::{Layout, binary_header};
pub use sample::Format;
pub use writer::{Recording, SegyWriter, WriteError};

/// How a file is read where programs differ.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The depth axis is distpy's: elevation divided by the scalar of the coordinates, negative scalars ignored.
    pub compat_distpy: bool,
}

/// An open SEG-Y file.
#[derive(Debug)]
pub struct SegySource {
    file: Arc<Mmap>,
    layout: Layout,
    header: Header,
}

/// Opens a file: reads its headers, not its samples.
///
/// # Errors
/// When it cannot be read, is no SEG-Y file, has samples in the obsolete format 4, or its counts disagree with its size.
pub fn open(path: &Path, options: &Options) -> Result<SegySource, FormatError> {
    let file = mapped::map(path)?;
    let layout = Layout::find(path, &file)?;
    let mut warnings = layout.warnings.clone();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let header = Header {
        channels: layout.traces,
        samples: layout.samples,
        prf: 1e6 / layout.interval,
        dtype: layout.format.dtype(),
        start: time::start(&first_trace(&file, &layout), &name, &mut warnings),
        depth: if options.compat_distpy {
            depth::distpy(&file, &layout)
        } else {
            depth::measured(&file, &layout, &mut warnings)
        },
        layout: Sequence::ChannelMajor,
        calibration: None,
        metadata: metadata(&file, &layout),
        warnings,
    };
    Ok(SegySource {
        file,
        layout,
        header,
    })
}

impl Source for SegySource {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(
        &self,
        channels: Range<usize>,
        times: Range<usize>,
        dst: &mut [u8],
    ) -> Result<(), FormatError> {
        let Layout { format, endian, .. } = self.layout;
        let row = times.len() * format.dtype().size();
        if row == 0 {
            return Ok(());
        }
        for (channel, to) in channels.zip(dst.chunks_exact_mut(row)) {
            let samples = self.layout.trace(channel) + self.layout.headers;
            let from = samples + times.start * format.size()..samples + times.end * format.size();
            sample::decode(format, endian, &self.file[from], to);
        }
        Ok(())
    }
}

/// All headers of a trace.
fn trace<'a>(file: &'a [u8], layout: &Layout, channel: usize) -> Raw<'a> {
    let at = layout.trace(channel);
    Raw {
        bytes: &file[at..at + layout.headers],
        endian: layout.endian,
    }
}

fn first_trace<'a>(file: &'a [u8], layout: &Layout) -> Raw<'a> {
    trace(file, layout, 0)
}

/// The binary header and the text under distpy's names, sorted; under `trace_headers` one list per field, of those that are
/// not zero in every trace.
fn metadata(file: &[u8], layout: &Layout) -> Value {
    let binary = binary_header(file, layout.endian);
    let mut entries: BTreeMap<&str, Value> =
        BINARY.iter().map(|f| (f.name, binary.json(f))).collect();
    entries.insert(
        "ascii_header",
        text::decode(&file[..text::TEXT_HEADER]).into(),
    );
    // distpy's JSON has the counts that it went by, not those that it found.
    entries.insert("extended_samples_per_trace", layout.samples.into());
    entries.insert("number_of_traces_in_file", layout.traces.into());
    let traces: Vec<_> = (0..layout.traces)
        .map(|channel| trace(file, layout, channel))
        .collect();
    let columns: Map<String, Value> = TRACE
        .iter()
        .filter(|field| !traces.iter().all(|trace| trace.is_zero(field)))
        .map(|field| {
            let column: Value = traces.iter().map(|trace| trace.json(field)).collect();
            (field.name.to_string(), column)
        })
        .collect();
    entries.insert("trace_headers", columns.into());
    entries.into_iter().collect()
}
