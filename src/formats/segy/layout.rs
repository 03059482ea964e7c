//! How a file is stored: byte order, sample format, interval, and where its traces lie.

use std::path::Path;

use super::fields::{BINARY_HEADER, ByteOrder, Raw, TRACE_HEADER};
use super::places::{Places, Search};
use super::sample::{Format, Gain};
use super::text::TEXT_HEADER;
use crate::formats::FormatError;
use crate::formats::mapped::Pieces;

/// Bytes of both fixed headers.
pub const HEADERS: usize = TEXT_HEADER + BINARY_HEADER;
/// Bytes of samples that are looked at together.
const LOOK: usize = 1 << 16;
/// What the binary header says of the byte order from revision 2 on.
const ORDER_CONSTANTS: [(u32, ByteOrder); 3] = [
    (0x0102_0304, ByteOrder::Big),
    (0x0403_0201, ByteOrder::Little),
    (0x0201_0403, ByteOrder::Pairs),
];

/// What is known of a file's traces.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Byte order of every number.
    pub order: ByteOrder,
    /// How samples are stored.
    pub format: Format,
    /// Samples of a trace.
    pub samples: usize,
    /// Number of traces.
    pub traces: usize,
    /// Number of extended textual headers.
    pub texts: usize,
    /// Sample interval in microseconds.
    pub interval: f64,
    /// What was assumed or corrected.
    pub warnings: Vec<String>,
    /// The textual and the binary header.
    head: Vec<u8>,
    places: Places,
}

impl Layout {
    /// Reads the layout of a file.
    ///
    /// # Errors
    /// When it cannot be read, is no SEG-Y file, has not one whole trace, or its counts make no sense.
    pub fn find(file: &Pieces) -> Result<Self, FormatError> {
        let path = file.path();
        let fail =
            |place: &str, found, expected: &str| FormatError::content(path, place, found, expected);
        if file.size() < HEADERS + TRACE_HEADER {
            return Err(fail(
                "size of the file",
                format!("{} bytes", file.size()),
                "at least 3840 bytes: text header, binary header and a trace",
            ));
        }
        let mut warnings = Vec::new();
        let head = file.bytes(0..HEADERS)?;
        let order = byte_order(path, &head, &mut warnings)?;
        let binary = binary_header(&head, order);
        let format = sample_format(path, &binary, &mut warnings)?;
        let search = Search::new(file, binary, format);
        let found = search.find(&mut warnings)?;
        let bytes = file.bytes(found.places.headers(0))?;
        let trace = Raw {
            bytes: &bytes,
            order,
        };
        let interval = interval(&binary, &trace, &mut warnings).ok_or_else(|| {
            fail(
                "sample interval (bytes 3216 and 3272, trace byte 116)",
                "0".into(),
                "microseconds above 0",
            )
        })?;
        let layout = Self {
            order,
            format,
            samples: found.samples,
            traces: found.traces,
            texts: found.texts,
            interval,
            warnings,
            head,
            places: found.places,
        };
        layout.check_gain(file)?;
        Ok(layout)
    }

    /// The textual header as it is stored.
    pub fn text(&self) -> &[u8] {
        &self.head[..TEXT_HEADER]
    }

    /// The binary header.
    pub fn binary(&self) -> Raw<'_> {
        binary_header(&self.head, self.order)
    }

    /// Looks at all headers of a trace.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn trace<T>(
        &self,
        file: &Pieces,
        channel: usize,
        look: impl FnOnce(&Raw) -> T,
    ) -> Result<T, FormatError> {
        let bytes = file.bytes(self.places.headers(channel))?;
        Ok(look(&Raw {
            bytes: &bytes,
            order: self.order,
        }))
    }

    /// Looks at the headers of one trace after the other, read one by one: what lies between is not touched.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn each(&self, file: &Pieces, mut look: impl FnMut(&Raw)) -> Result<(), FormatError> {
        let all = (0..self.traces).map(|channel| self.places.headers(channel));
        file.want(all, 0)?;
        let mut bytes = Vec::new();
        for channel in 0..self.traces {
            let place = self.places.headers(channel);
            bytes.resize(place.len(), 0);
            file.read(place.start, &mut bytes)?;
            look(&Raw {
                bytes: &bytes,
                order: self.order,
            });
        }
        Ok(())
    }

    /// Offset of a trace's first sample.
    pub fn samples_at(&self, channel: usize) -> usize {
        self.places.samples_at(channel)
    }

    /// Samples of format 4 begin with an empty byte: a file whose samples do not has another format.
    fn check_gain(&self, file: &Pieces) -> Result<(), FormatError> {
        if !matches!(self.format, Format::Gain(_)) {
            return Ok(());
        }
        let first = self.samples_at(0);
        let end = first + self.samples * 4;
        for from in (first..end).step_by(LOOK) {
            let words = file.bytes(from..end.min(from + LOOK))?;
            for (k, word) in words.chunks_exact(4).enumerate() {
                let raw = Raw {
                    bytes: word,
                    order: self.order,
                };
                let first = raw.u32(0) >> 24;
                if first != 0 {
                    return Err(FormatError::content(
                        file.path(),
                        format!("sample (byte {})", from + 4 * k),
                        format!("a first byte of {first}"),
                        "0, as the sample format is 4 (fixed point with gain): the samples have another format",
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The binary header behind the textual one.
fn binary_header(head: &[u8], order: ByteOrder) -> Raw<'_> {
    Raw {
        bytes: &head[TEXT_HEADER..HEADERS],
        order,
    }
}

/// Revision 2 gave a meaning to bytes that older writers may leave undefined.
///
/// The bytes of the revision are two numbers; where a writer took them for one and wrote it little-endian, they are 0 and 2.
pub fn second_revision(binary: &Raw) -> bool {
    let [major, minor] = [300, 301].map(|at| binary.u8(at));
    major >= 2 || (major == 0 && minor == 2 && binary.order == ByteOrder::Little)
}

/// The constant where there is one, else the order in which the sample format is a code.
fn byte_order(
    path: &Path,
    head: &[u8],
    warnings: &mut Vec<String>,
) -> Result<ByteOrder, FormatError> {
    let code = |order| binary_header(head, order).i16(24);
    let is_code = |order| (1..=16).contains(&code(order));
    let constant = binary_header(head, ByteOrder::Big).u32(96);
    let stated = ORDER_CONSTANTS
        .into_iter()
        .find_map(|(value, order)| (value == constant).then_some(order));
    let orders = stated
        .into_iter()
        .chain([ByteOrder::Big, ByteOrder::Little]);
    let Some(order) = orders.into_iter().find(|order| is_code(*order)) else {
        return Err(FormatError::content(
            path,
            "sample format (byte 3224)",
            format!(
                "{} (big-endian) or {} (little-endian)",
                code(ByteOrder::Big),
                code(ByteOrder::Little)
            ),
            "a code from 1 to 16; this is no SEG-Y file",
        ));
    };
    if stated.is_some_and(|stated| stated != order) {
        warnings.push(format!(
            "the byte-order constant {constant:#010x} (byte 3296) contradicts the sample format, which is a code in another order: ignored"
        ));
    }
    Ok(order)
}

fn sample_format(
    path: &Path,
    binary: &Raw,
    warnings: &mut Vec<String>,
) -> Result<Format, FormatError> {
    let code = binary.i16(24);
    let wrong = |expected: &str| {
        FormatError::content(
            path,
            "sample format (byte 3224)",
            format!("code {code}"),
            expected,
        )
    };
    let format = match Format::from_code(code).ok_or_else(|| wrong("1 to 12, 15 or 16"))? {
        Format::Gain(_) if second_revision(binary) => {
            warnings.push("samples have format 4: read as m * 2^-gain, as revision 2 has it; revisions 0 and 1 have m * 2^gain".into());
            Format::Gain(Gain::Divides)
        }
        Format::Gain(_) => {
            warnings.push("samples have format 4: read as m * 2^gain, as revisions 0 and 1 have it; revision 2 has m * 2^-gain".into());
            Format::Gain(Gain::Multiplies)
        }
        format => format,
    };
    if binary.order == ByteOrder::Pairs && !format.size().is_multiple_of(2) {
        return Err(wrong(
            "samples of 2, 4 or 8 bytes, as bytes are swapped in pairs (byte 3296)",
        ));
    }
    Ok(format)
}

/// The interval in microseconds: the extended field on the terms of the extended count, then that of the trace header's
/// extension, the binary header's, the trace header's. A negative number has no meaning in the standard: intervals above
/// 32767 us are written so.
fn interval(binary: &Raw, trace: &Raw, warnings: &mut Vec<String>) -> Option<f64> {
    let (stated, of_trace, extended) = (binary.u16(16), trace.u16(116), binary.f64(72));
    let trusted = second_revision(binary) || stated == 0;
    let is_interval = |interval: &f64| interval.is_finite() && *interval > 0.0;
    let of_extension = || trace.is_extended().then(|| trace.f64(TRACE_HEADER + 144));
    let double = Some(extended)
        .filter(|it| trusted && is_interval(it))
        .or_else(|| of_extension().filter(is_interval));
    if double.is_some() {
        return double;
    }
    let positive = |field: u16| field > 0 && field.cast_signed() > 0;
    let chosen = match (positive(stated), positive(of_trace)) {
        (false, true) => of_trace,
        _ if stated > 0 => stated,
        _ => of_trace,
    };
    if chosen == 0 {
        return None;
    }
    if chosen != stated || (of_trace > 0 && of_trace != stated) {
        warnings.push(format!(
            "the sample interval is {stated} us in the binary header and {of_trace} us in the first trace: taken as {chosen} us"
        ));
    } else if !positive(stated) {
        warnings.push(format!(
            "the sample interval is negative as a signed number: taken as {chosen} us"
        ));
    }
    Some(f64::from(chosen))
}
