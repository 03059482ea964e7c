//! Where the traces lie in a file: byte order, sample format, counts. Every count is held against the size of the file.

use std::path::Path;

use super::fields::{BINARY_HEADER, Raw, TRACE_HEADER};
use super::sample::Format;
use super::text::{self, TEXT_HEADER};
use crate::block::Endian;
use crate::formats::FormatError;

/// Bytes of both fixed headers.
pub const HEADERS: usize = TEXT_HEADER + BINARY_HEADER;
/// What the binary header says of the byte order from revision 2 on.
const ORDER_CONSTANT: u32 = 0x0102_0304;
/// A signed -9999 that one vendor writes for a count that does not fit.
const UNSET_SAMPLES: u16 = 55_537;

/// What is known of a file's traces.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Byte order of every number.
    pub endian: Endian,
    /// How samples are stored.
    pub format: Format,
    /// Samples of a trace.
    pub samples: usize,
    /// Number of traces.
    pub traces: usize,
    /// Offset of the first trace header.
    pub first: usize,
    /// Bytes of a trace's headers.
    pub headers: usize,
    /// Sample interval in microseconds.
    pub interval: f64,
    /// What was assumed or corrected.
    pub warnings: Vec<String>,
}

impl Layout {
    /// Reads the layout from a whole file.
    ///
    /// # Errors
    /// When it is too short, no SEG-Y file, or its counts disagree with its size.
    pub fn find(path: &Path, file: &[u8]) -> Result<Self, FormatError> {
        let fail =
            |place: &str, found, expected: &str| FormatError::content(path, place, found, expected);
        if file.len() < HEADERS + TRACE_HEADER {
            return Err(fail(
                "size of the file",
                format!("{} bytes", file.len()),
                "at least 3840 bytes: text header, binary header and a trace",
            ));
        }
        let endian = byte_order(path, file)?;
        let binary = binary_header(file, endian);
        let format = sample_format(path, &binary)?;
        let first = first_trace(path, file, &binary)?;
        if file.len() < first + TRACE_HEADER {
            return Err(fail(
                &format!("first trace (byte {first})"),
                format!("the end of the file at byte {}", file.len()),
                "a trace",
            ));
        }
        let mut warnings = Vec::new();
        let trace = Raw {
            bytes: &file[first..],
            endian,
        };
        let samples = samples(&binary, &trace).ok_or_else(|| {
            fail(
                "samples per trace (bytes 3220 and 3268, trace byte 114)",
                "0".into(),
                "at least 1",
            )
        })?;
        let interval = interval(&binary, &trace, &mut warnings).ok_or_else(|| {
            fail(
                "sample interval (bytes 3216 and 3272, trace byte 116)",
                "0".into(),
                "microseconds above 0",
            )
        })?;
        let body = Body {
            path,
            size: file.len() - first,
            samples,
            format,
            binary: &binary,
        };
        let (headers, traces) = body.divide(&mut warnings)?;
        Ok(Self {
            endian,
            format,
            samples,
            traces,
            first,
            headers,
            interval,
            warnings,
        })
    }

    /// Bytes from one trace to the next.
    pub fn stride(&self) -> usize {
        self.headers + self.samples * self.format.size()
    }

    /// Offset of a trace's first header.
    pub fn trace(&self, channel: usize) -> usize {
        self.first + channel * self.stride()
    }

    /// Whether traces have the header extension of revision 2.
    pub fn extended(&self) -> bool {
        self.headers > TRACE_HEADER
    }
}

/// The binary header of a file that is long enough to have one.
pub fn binary_header(file: &[u8], endian: Endian) -> Raw<'_> {
    Raw {
        bytes: &file[TEXT_HEADER..HEADERS],
        endian,
    }
}

/// Revision 2 gave a meaning to bytes that older writers may leave undefined.
fn second_revision(binary: &Raw) -> bool {
    binary.u8(300) >= 2
}

/// The constant where there is one, else the order in which the sample format is a code.
fn byte_order(path: &Path, file: &[u8]) -> Result<Endian, FormatError> {
    let big = binary_header(file, Endian::Big);
    match big.u32(96) {
        ORDER_CONSTANT => return Ok(Endian::Big),
        0x0403_0201 => return Ok(Endian::Little),
        0x0201_0403 => {
            return Err(FormatError::content(
                path,
                "byte order (byte 3296)",
                "pairs of bytes swapped",
                "big-endian or little-endian",
            ));
        }
        _ => {}
    }
    let code = |endian| binary_header(file, endian).i16(24);
    let is_code = |endian| (1..=16).contains(&code(endian));
    match (is_code(Endian::Big), is_code(Endian::Little)) {
        (true, _) => Ok(Endian::Big),
        (false, true) => Ok(Endian::Little),
        (false, false) => Err(FormatError::content(
            path,
            "sample format (byte 3224)",
            format!(
                "{} (big-endian) or {} (little-endian)",
                code(Endian::Big),
                code(Endian::Little)
            ),
            "a code from 1 to 16; this is no SEG-Y file",
        )),
    }
}

fn sample_format(path: &Path, binary: &Raw) -> Result<Format, FormatError> {
    let code = binary.i16(24);
    Format::from_code(code).ok_or_else(|| {
        FormatError::content(
            path,
            "sample format (byte 3224)",
            format!("code {code}"),
            "1, 2, 3, 5 to 12, 15 or 16",
        )
    })
}

/// Behind the extended textual headers, or where revision 2 says.
fn first_trace(path: &Path, file: &[u8], binary: &Raw) -> Result<usize, FormatError> {
    let stated = binary.u64(320);
    if second_revision(binary) && stated != 0 {
        return match usize::try_from(stated) {
            Ok(at) if at >= HEADERS && at < file.len() => Ok(at),
            _ => Err(FormatError::content(
                path,
                "offset of the first trace (byte 3520)",
                stated.to_string(),
                format!("{HEADERS} to the size of the file, {}", file.len()),
            )),
        };
    }
    let records = match binary.i16(304) {
        -1 => {
            let last = file[HEADERS..]
                .chunks_exact(TEXT_HEADER)
                .position(text::ends_extended);
            last.map(|n| n + 1).ok_or_else(|| {
                FormatError::content(
                    path,
                    "extended textual headers (byte 3504)",
                    "-1, and no header with ((SEG: EndText))",
                    "an end of the textual headers",
                )
            })?
        }
        n => usize::try_from(n).map_err(|_| {
            FormatError::content(
                path,
                "number of extended textual headers (byte 3504)",
                n.to_string(),
                "0 or more, or -1",
            )
        })?,
    };
    let first = HEADERS + records * TEXT_HEADER;
    if first > file.len() {
        return Err(FormatError::content(
            path,
            "number of extended textual headers (byte 3504)",
            format!("{records} in a file of {} bytes", file.len()),
            format!("at least {first} bytes"),
        ));
    }
    Ok(first)
}

/// The extended count counts where the revision knows it or the old field is empty; a revision 0 file had 51488 there.
fn samples(binary: &Raw, trace: &Raw) -> Option<usize> {
    let (short, extended, vendor) = (binary.u16(20), binary.i32(68), binary.i32(306));
    let count = if extended > 0 && (second_revision(binary) || short == 0) {
        extended
    } else if short == UNSET_SAMPLES && vendor > i32::from(UNSET_SAMPLES) {
        vendor
    } else if short > 0 {
        i32::from(short)
    } else {
        i32::from(trace.u16(114))
    };
    usize::try_from(count).ok().filter(|n| *n > 0)
}

/// The interval in microseconds: the extended field on the terms of the extended count, then the binary header's, then the
/// trace header's. A negative number has no meaning in the standard: intervals above 32767 us are written so.
fn interval(binary: &Raw, trace: &Raw, warnings: &mut Vec<String>) -> Option<f64> {
    let (stated, of_trace, extended) = (binary.u16(16), trace.u16(116), binary.f64(72));
    let trusted = second_revision(binary) || stated == 0;
    if trusted && extended.is_finite() && extended > 0.0 {
        return Some(extended);
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

/// The bytes from the first trace on.
struct Body<'a> {
    path: &'a Path,
    size: usize,
    samples: usize,
    format: Format,
    binary: &'a Raw<'a>,
}

impl Body<'_> {
    /// Bytes of a trace's headers, and the number of traces.
    ///
    /// The number of additional trace headers is 32 bits wide in revision 2.0 and 16 in 2.1, and files mix them up: the
    /// reading is taken with which the body is whole traces.
    fn divide(&self, warnings: &mut Vec<String>) -> Result<(usize, usize), FormatError> {
        let additional = if second_revision(self.binary) {
            vec![self.binary.i32(306), i32::from(self.binary.i16(306)), 0]
        } else {
            vec![0]
        };
        let mut reason = None;
        for count in additional {
            let headers = usize::try_from(count)
                .ok()
                .and_then(|n| n.checked_add(1)?.checked_mul(TRACE_HEADER));
            let Some(headers) = headers.filter(|h| *h <= self.size) else {
                continue;
            };
            match self.traces(headers) {
                Ok((traces, warning)) => {
                    warnings.extend(warning);
                    return Ok((headers, traces));
                }
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        Err(reason.expect("no additional header is always among the readings"))
    }

    /// The number of traces of a size, or how it disagrees with the body.
    ///
    /// The size of the file decides. A stated count (byte 3512) that is smaller leaves whole traces or a trailer of
    /// 3200-byte stanzas unread; one that is larger is an error from revision 2 on, and ignored before, where these bytes
    /// have no meaning.
    fn traces(&self, headers: usize) -> Result<(usize, Option<String>), FormatError> {
        let size = self.samples * self.format.size();
        let stride = headers + size;
        let whole = self.size / stride;
        let stated = usize::try_from(self.binary.u64(312)).unwrap_or(usize::MAX);
        let form = format!("traces of {stride} bytes ({headers} of header, {size} of samples)");
        let disagree = |found: String, expected: String| {
            FormatError::content(self.path, "number of traces", found, expected)
        };
        if (1..=whole).contains(&stated) {
            let rest = self.size - stated * stride;
            return if rest == 0 {
                Ok((stated, None))
            } else if rest.is_multiple_of(stride) {
                let warning = format!(
                    "the file holds {whole} traces and says {stated} (byte 3512): the last {} are not read",
                    whole - stated
                );
                Ok((stated, Some(warning)))
            } else if rest.is_multiple_of(TEXT_HEADER) {
                Ok((stated, None))
            } else {
                Err(disagree(
                    format!("{rest} bytes behind {stated} {form}"),
                    "nothing, or a trailer of 3200-byte stanzas".into(),
                ))
            };
        }
        if stated > whole && second_revision(self.binary) {
            return Err(disagree(
                format!("{whole} whole {form}"),
                format!("{stated} as byte 3512 says; the file is cut"),
            ));
        }
        let stanzas = match usize::try_from(self.binary.i32(328)) {
            Ok(n) if second_revision(self.binary) => n.saturating_mul(TEXT_HEADER),
            _ => 0,
        };
        let body = self.size.checked_sub(stanzas).unwrap_or(self.size);
        if body < stride || !body.is_multiple_of(stride) {
            return Err(disagree(
                format!(
                    "{body} bytes, {} and {} more bytes",
                    body / stride,
                    body % stride
                ),
                format!("whole {form}; the file is cut, or its header is wrong"),
            ));
        }
        let ignored = (stated > whole)
            .then(|| format!("byte 3512 says {stated} traces, the file holds {whole}: ignored, as the file is older than revision 2"));
        Ok((body / stride, ignored))
    }
}
