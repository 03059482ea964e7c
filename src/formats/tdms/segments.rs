//! Segments: where a recording's samples lie in the file. No sample is read, and every count is held against the file's size.

use std::path::Path;

use super::cursor::Cursor;
use super::objects::{Index, Object, Objects};
use super::order::{Order, Piece, Run, Runs};
use crate::block::{DType, Endian};
use crate::formats::FormatError;
use crate::formats::mapped::View;

/// Bytes of a segment's lead-in.
const LEAD_IN: usize = 28;
/// The size of a segment that was never completed.
const OPEN: u64 = u64::MAX;
/// Versions of the format that are alike.
const VERSIONS: [u32; 2] = [4712, 4713];
/// Warnings that are kept: a file may have very many segments.
const MOST_WARNINGS: usize = 20;
/// Bits of the table of contents.
const METADATA: u32 = 0x02;
const NEW_LIST: u32 = 0x04;
const SAMPLES: u32 = 0x08;
const INTERLEAVED: u32 = 0x20;
const BIG_ENDIAN: u32 = 0x40;
const DAQMX: u32 = 0x80;

/// What a file holds.
#[derive(Debug)]
pub struct Contents {
    /// Version of the format.
    pub version: u32,
    /// The file, its groups and channels.
    pub objects: Vec<Object>,
    /// Type of the recording's samples; `None` where there are none.
    pub dtype: Option<DType>,
    /// In which order samples lie in pieces.
    pub orders: Vec<Order>,
    /// Where samples lie, in the order of the file.
    pub pieces: Vec<Piece>,
    /// What was assumed or left out.
    pub warnings: Vec<String>,
}

/// Reads all lead-ins and metadata.
///
/// # Errors
/// When it is no TDMS file, is cut in the metadata of its first segment, or says what cannot be.
pub fn read(path: &Path, file: &View) -> Result<Contents, FormatError> {
    let mut walk = Walk {
        path,
        file,
        objects: Objects::default(),
        number: 0,
        layout: None,
        contents: Contents {
            version: 0,
            objects: Vec::new(),
            dtype: None,
            orders: Vec::new(),
            pieces: Vec::new(),
            warnings: Vec::new(),
        },
    };
    let mut at = 0;
    while let Some(next) = walk.segment(at)? {
        at = next;
    }
    let Walk {
        objects,
        mut contents,
        ..
    } = walk;
    contents.objects = objects.all;
    Ok(contents)
}

/// A lead-in, its offsets counted from the start of the file.
struct LeadIn {
    contents: u32,
    /// First byte of the samples.
    samples: usize,
    /// First byte of the next segment: at most the size of the file.
    next: usize,
    /// Whether the segment should go on beyond the end of the file.
    cut: bool,
}

impl LeadIn {
    fn has(&self, bit: u32) -> bool {
        self.contents & bit != 0
    }
}

struct Walk<'a> {
    path: &'a Path,
    file: &'a View,
    objects: Objects,
    /// Number of the segment, from 1.
    number: usize,
    /// That of the last segment with samples: as a rule the next one has the same, and many segments may have many channels.
    layout: Option<Layout>,
    contents: Contents,
}

/// How the samples of segments lie that have the same objects.
struct Layout {
    revision: usize,
    interleaved: bool,
    runs: Runs,
    recorded: Option<Recorded>,
}

/// The recording's part of a layout.
struct Recorded {
    index: Index,
    /// The order, until a piece has it.
    order: Option<Order>,
    /// Its number, once a piece has it.
    number: usize,
    stride: usize,
    /// Bytes of a chunk, or of all channels' samples of a time.
    chunk: usize,
}

impl Walk<'_> {
    fn content(&self, found: impl Into<String>, expected: impl Into<String>) -> FormatError {
        let place = format!("segment {}", self.number);
        FormatError::content(self.path, place, found, expected)
    }

    fn warn(&mut self, warning: String) {
        let number = self.number;
        let warnings = &mut self.contents.warnings;
        match warnings.len() {
            0..MOST_WARNINGS => warnings.push(format!("segment {number}: {warning}")),
            MOST_WARNINGS => warnings.push("more segments have such faults".into()),
            _ => {}
        }
    }

    /// Reads a segment but for its samples; gives the place of the next one.
    fn segment(&mut self, at: usize) -> Result<Option<usize>, FormatError> {
        self.number += 1;
        let Some(lead) = self.lead_in(at)? else {
            return Ok(None);
        };
        if lead.has(DAQMX) {
            return Err(self.content("samples of DAQmx", "plain samples"));
        }
        if lead.has(METADATA) {
            let mut cursor = Cursor {
                path: self.path,
                bytes: &self.file[at + LEAD_IN..lead.samples.min(lead.next)],
                start: at + LEAD_IN,
                at: at + LEAD_IN,
                big: lead.has(BIG_ENDIAN),
            };
            let new_list = lead.has(NEW_LIST);
            let read = self.objects.read(&mut cursor, self.number, new_list);
            match read {
                Err(_) if lead.samples > self.file.len() && self.number > 1 => {
                    self.warn("the file ends in its metadata: it is left out".into());
                    return Ok(None);
                }
                other => other?,
            }
        } else if self.number == 1 {
            return Err(self.content("no metadata", "a list of objects in the first segment"));
        }
        if lead.has(SAMPLES) && lead.samples < lead.next {
            self.samples(&lead)?;
        }
        Ok(Some(lead.next))
    }

    /// `None` at the end of the file.
    fn lead_in(&mut self, at: usize) -> Result<Option<LeadIn>, FormatError> {
        let rest = self.file.upto(at, LEAD_IN);
        if rest.is_empty() && at > 0 {
            return Ok(None);
        }
        let place = |found: String, expected: &str| {
            FormatError::content(self.path, format!("byte {at}"), found, expected)
        };
        let tag = &rest[..rest.len().min(4)];
        if !b"TDSm".starts_with(tag) {
            let found = format!("\"{}\"", tag.escape_ascii());
            let expected = match (tag, at) {
                (b"TDSh", _) => "TDSm: the recording, not the index beside it",
                (_, 0) => "TDSm; this is no TDMS file",
                _ => "TDSm: the start of a segment",
            };
            return Err(place(found, expected));
        }
        if rest.len() < LEAD_IN {
            let left = rest.len();
            if at == 0 {
                let expected = "at least 28 bytes: the start of a segment";
                return Err(place(format!("{left} bytes"), expected));
            }
            self.warn(format!("the file ends after {left} bytes: it is left out"));
            return Ok(None);
        }
        let mut cursor = Cursor {
            path: self.path,
            bytes: rest,
            start: at,
            at: at + 4,
            big: false,
        };
        let contents = cursor.u32("a table of contents")?;
        cursor.big = contents & BIG_ENDIAN != 0;
        let version = cursor.u32("a version")?;
        let size = cursor.u64("the size of a segment")?;
        let metadata = cursor.u64("the size of metadata")?;
        if self.number == 1 {
            self.contents.version = version;
            if !VERSIONS.contains(&version) {
                self.warn(format!("version {version} is not known: read as 4713"));
            }
        }
        // Sizes beyond the address space are beyond the file, too.
        let end =
            |size: u64| usize::try_from(size).map_or(usize::MAX, |s| s.saturating_add(cursor.at));
        let (samples, stated) = (end(metadata), end(size));
        let cut = stated > self.file.len();
        if !cut && samples > stated {
            let found = format!("samples from byte {samples} on in a segment up to byte {stated}");
            return Err(self.content(found, "samples before the segment's end"));
        }
        if cut {
            let end = self.file.len();
            self.warn(match size {
                OPEN => format!(
                    "its writer did not complete it: it is read to the file's end, byte {end}"
                ),
                _ => format!(
                    "it should end at byte {stated}, the file ends at byte {end}: it is read to there"
                ),
            });
        }
        Ok(Some(LeadIn {
            contents,
            samples,
            next: stated.min(self.file.len()),
            cut,
        }))
    }

    /// Finds the recording's samples in a segment.
    fn samples(&mut self, lead: &LeadIn) -> Result<(), FormatError> {
        let key = (self.objects.revision(), lead.has(INTERLEAVED));
        let kept = self.layout.take();
        let mut layout = match kept.filter(|it| (it.revision, it.interleaved) == key) {
            Some(layout) => layout,
            None => self.layout(lead)?,
        };
        if let Some(recorded) = &mut layout.recorded {
            if layout.interleaved {
                self.interleaved(lead, recorded);
            } else {
                self.chunks(lead, &layout.runs, recorded);
            }
        }
        self.layout = Some(layout);
        Ok(())
    }

    /// Finds out how the samples of a segment lie.
    fn layout(&mut self, lead: &LeadIn) -> Result<Layout, FormatError> {
        let runs = Runs::of(&self.objects);
        let mut layout = Layout {
            revision: self.objects.revision(),
            interleaved: lead.has(INTERLEAVED),
            runs,
            recorded: None,
        };
        let runs = &layout.runs;
        if runs.all.is_empty() {
            let available = lead.next - lead.samples;
            let found = format!("{available} bytes of samples, but no channel that has any");
            return Err(self.content(found, "channels with samples"));
        }
        let Some(first) = runs.recorded().next() else {
            return Ok(layout);
        };
        if let Some(other) = runs.recorded().find(|run| run.index != first.index) {
            let what = |run: Run| {
                let path = &self.objects.all[run.object].path;
                let Index { values, code, .. } = run.index;
                format!("{values} samples of type {code:#x} in {path}")
            };
            return Err(self.content(what(other), format!("as in others: {}", what(first))));
        }
        let Some(dtype) = first.index.dtype() else {
            let found = format!("samples of type {:#x}", first.index.code);
            return Err(self.content(found, "integers or floating-point numbers"));
        };
        let known = *self.contents.dtype.get_or_insert(dtype);
        if dtype != known {
            let found = format!("samples of type {}", dtype.name());
            return Err(self.content(found, format!("{} as before", known.name())));
        }
        let (order, chunk) = if layout.interleaved {
            let Some(order) = runs.interleaved() else {
                let expected = "as many samples of a fixed size in each";
                return Err(self.content("interleaved channels of different lengths", expected));
            };
            let stride = order.stride;
            (order, stride)
        } else {
            let Some(chunked) = runs.chunked() else {
                let found = "chunks of more bytes than can be counted";
                return Err(self.content(found, "a size that fits a file"));
            };
            chunked
        };
        layout.recorded = Some(Recorded {
            index: first.index,
            stride: order.stride,
            order: Some(order),
            number: 0,
            chunk,
        });
        Ok(layout)
    }

    /// All channels of a time lie together.
    fn interleaved(&mut self, lead: &LeadIn, recorded: &mut Recorded) {
        let available = lead.next - lead.samples;
        let (count, rest) = (available / recorded.chunk, available % recorded.chunk);
        if rest > 0 {
            self.warn(format!(
                "its last {rest} bytes are no sample of every channel: they are left out"
            ));
        }
        self.known(lead, recorded, count);
    }

    /// Each channel's samples lie together, in chunks.
    fn chunks(&mut self, lead: &LeadIn, runs: &Runs, recorded: &mut Recorded) {
        let available = lead.next - lead.samples;
        let (whole, rest) = (available / recorded.chunk, available % recorded.chunk);
        let values = usize::try_from(recorded.index.values).unwrap_or(usize::MAX);
        let full = whole * values;
        if rest == 0 {
            self.known(lead, recorded, full);
            return;
        }
        // A file that is cut has the first channels' samples of its last chunk; in one that is not, every channel's are fewer.
        let mut shorter = None;
        let count = if lead.cut {
            let last = runs.chunked().and_then(|(order, _)| {
                let places = order.columns.iter().map(|column| column.at);
                places.max()
            });
            let after = rest.saturating_sub(last.unwrap_or(0));
            (after / recorded.stride).min(values)
        } else {
            // Where that is no sample of the recording, there is no need to go through all channels.
            let any = rest as u128 * values as u128 >= recorded.chunk as u128;
            let part = any.then(|| runs.part(rest, recorded.chunk)).flatten();
            shorter = part.and_then(|runs| runs.chunked());
            let chunk = shorter.as_ref().and_then(|(order, _)| order.chunk);
            chunk.map_or(0, |(values, _)| values)
        };
        self.warn(format!(
            "its last chunk has {count} of {values} samples of each channel"
        ));
        match shorter {
            Some((last, _)) => {
                self.known(lead, recorded, full);
                if count > 0 {
                    let number = self.order(last);
                    self.piece(lead, lead.next - rest, number, count);
                }
            }
            None => self.known(lead, recorded, full + count),
        }
    }

    /// Notes samples in a layout's order, from the first of a segment on.
    fn known(&mut self, lead: &LeadIn, recorded: &mut Recorded, count: usize) {
        if count == 0 {
            return;
        }
        if let Some(order) = recorded.order.take() {
            recorded.number = self.order(order);
        }
        self.piece(lead, lead.samples, recorded.number, count);
    }

    /// Notes an order; gives its number.
    fn order(&mut self, order: Order) -> usize {
        let orders = &mut self.contents.orders;
        if orders.last() != Some(&order) {
            orders.push(order);
        }
        orders.len() - 1
    }

    /// Notes where samples lie. Only what is there is kept: memory follows the size of the file.
    fn piece(&mut self, lead: &LeadIn, at: usize, order: usize, count: usize) {
        let endian = if lead.has(BIG_ENDIAN) {
            Endian::Big
        } else {
            Endian::Little
        };
        self.contents.pieces.push(Piece {
            segment: self.number,
            at,
            order,
            swapped: endian != Endian::NATIVE,
            times: 0..count,
        });
    }
}
