//! SEG-Y, revisions 0 to 2.1, either byte order: a recording stored trace by trace.
//!
//! The standard is the SEG Technical Standards Committee's; offsets here are 0-based. Where files and standard differ, files
//! win: the number of traces comes from the size of the file, unassigned bytes of old revisions are not believed, and what
//! had to be assumed is said in the header's warnings.

mod depth;
mod fields;
mod headers;
mod layout;
mod places;
mod sample;
mod text;
mod time;
mod writer;

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use super::mapped::{Pieces, SAMPLES};
use super::segment::{Rate, Segment};
use super::{FormatError, Header, Layout as Sequence, Source, TraceHeaders, Unchanged};
use layout::Layout;
pub use sample::{Format, Gain};
pub use writer::{Recording, SegyWriter, WriteError};

/// How a file is read where programs differ.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The depth axis is distpy's: elevation divided by the scalar of the coordinates, negative scalars ignored. So is the
    /// number of traces, where the header states less than the file holds (byte 3512).
    pub compat_distpy: bool,
}

/// An open SEG-Y file.
#[derive(Debug)]
pub struct SegySource {
    file: Pieces,
    layout: Layout,
    header: Header,
}

/// Opens a file: reads its headers, not its samples.
///
/// # Errors
/// When it cannot be read, is no SEG-Y file, holds no whole trace, or its counts make no sense with its size.
pub fn open(path: &Path, options: &Options) -> Result<SegySource, FormatError> {
    let file = Pieces::open(path)?;
    let mut layout = Layout::find(&file)?;
    let mut warnings = std::mem::take(&mut layout.warnings);
    if options.compat_distpy {
        let stated = layout.binary().u64(312);
        let stated = usize::try_from(stated).unwrap_or(usize::MAX);
        if (1..layout.traces).contains(&stated) {
            layout.traces = stated;
            warnings.push(format!("only {stated} traces are read, as distpy does"));
        }
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let start = layout.trace(&file, 0, |it| time::start(it, &name, &mut warnings))?;
    let header = Header {
        channels: layout.traces,
        samples: layout.samples,
        rate: Rate::of_step(layout.interval * 1e-6).ok_or_else(|| {
            let found = format!("{} us", layout.interval);
            FormatError::content(path, "sample interval", found, "microseconds above 0")
        })?,
        dtype: layout.format.dtype(),
        segments: Segment::whole(start.time, layout.samples),
        time_tolerance: start.tolerance,
        depth: if options.compat_distpy {
            depth::distpy(&file, &layout)?
        } else {
            depth::measured(&file, &layout, &mut warnings)?
        },
        layout: Sequence::ChannelMajor,
        calibration: None,
        metadata: headers::of_file(&file, &layout)?,
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
        let Layout { format, order, .. } = self.layout;
        let row = times.len() * format.dtype().size();
        if row == 0 {
            return Ok(());
        }
        let from = |channel| self.layout.samples_at(channel) + times.start * format.size();
        let stored = |channel| from(channel)..from(channel) + times.len() * format.size();
        self.file.want(channels.clone().map(stored), SAMPLES)?;
        let rows = channels.zip(dst.chunks_exact_mut(row));
        if let Some(size) = sample::reversed(format, order) {
            for (channel, to) in rows {
                self.file.read(from(channel), to)?;
                sample::reverse(size, to);
            }
            return Ok(());
        }
        let mut stored = vec![0; times.len() * format.size()];
        for (channel, to) in rows {
            self.file.read(from(channel), &mut stored)?;
            sample::decode(format, order, &stored, to);
        }
        Ok(())
    }

    fn file(&self) -> Option<&dyn Unchanged> {
        Some(&self.file)
    }

    fn traces(&self) -> Result<Option<Box<dyn TraceHeaders + '_>>, FormatError> {
        Ok(Some(Box::new(Traces {
            file: &self.file,
            layout: &self.layout,
        })))
    }
}

/// The headers of a file's traces.
struct Traces<'a> {
    file: &'a Pieces,
    layout: &'a Layout,
}

impl TraceHeaders for Traces<'_> {
    fn write_columns(&self, out: &mut dyn Write) -> io::Result<()> {
        headers::write_columns(self.file, self.layout, out)
    }

    fn of_trace(&self, channel: usize) -> Result<Value, FormatError> {
        headers::of_trace(self.file, self.layout, channel)
    }
}
