//! Where the traces lie. Every count is held against the size of the file: the file decides, and what it contradicts is said.

mod walk;

use std::path::Path;

use super::fields::{ByteOrder, Raw, TRACE_HEADER};
use super::layout::{HEADERS, second_revision};
use super::sample::Format;
use super::text::{self, TEXT_HEADER};
use crate::formats::FormatError;
use crate::formats::mapped::View;

/// A signed -9999 that one vendor writes for a count that does not fit.
const UNSET_SAMPLES: u16 = 55_537;

/// Offsets of the traces.
#[derive(Debug, Clone)]
pub enum Places {
    /// All traces alike: offset of the first, bytes of a trace's headers, bytes from one trace to the next.
    Even {
        first: usize,
        headers: usize,
        stride: usize,
    },
    /// Offset and bytes of the headers of each trace.
    Listed(Vec<(usize, usize)>),
}

impl Places {
    /// All headers of a trace.
    pub fn headers<'a>(&self, channel: usize, file: &'a View, order: ByteOrder) -> Raw<'a> {
        let (at, size) = self.place(channel);
        Raw {
            bytes: &file[at..at + size],
            order,
        }
    }

    /// Where they lie.
    pub fn headers_at(&self, channel: usize) -> std::ops::Range<usize> {
        let (at, size) = self.place(channel);
        at..at + size
    }

    /// Offset of a trace's first sample.
    pub fn samples_at(&self, channel: usize) -> usize {
        let (at, size) = self.place(channel);
        at + size
    }

    fn place(&self, channel: usize) -> (usize, usize) {
        match self {
            Places::Even {
                first,
                headers,
                stride,
            } => (first + channel * stride, *headers),
            Places::Listed(places) => places[channel],
        }
    }
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    pub places: Places,
    pub samples: usize,
    pub traces: usize,
    /// Number of extended textual headers.
    pub texts: usize,
}

/// A way in which the traces may lie, all alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Guess {
    first: usize,
    samples: usize,
    headers: usize,
}

/// A file whose counts are not believed yet.
pub struct Search<'a> {
    path: &'a Path,
    file: &'a View,
    binary: Raw<'a>,
    format: Format,
}

impl<'a> Search<'a> {
    pub fn new(path: &'a Path, file: &'a View, binary: Raw<'a>, format: Format) -> Self {
        Self {
            path,
            file,
            binary,
            format,
        }
    }

    /// Finds the traces: the first way of these with which the file ends where a trace does,
    ///
    /// 1. traces all alike, with the counts of the headers in the order in which these are believed, and headers that agree
    ///    with each other;
    /// 2. traces of which each says its own size;
    /// 3. traces all alike, whatever their headers say;
    ///
    /// and where it ends inside a trace with all of them, the first way that has a whole trace and headers that agree.
    ///
    /// # Errors
    /// When there is no whole trace, or no way makes sense.
    pub fn find(&self, warnings: &mut Vec<String>) -> Result<Found, FormatError> {
        let (firsts, problem) = self.firsts();
        let guesses = self.guesses(&firsts);
        if guesses.is_empty() {
            return Err(self.fail(
                "samples per trace (bytes 3220 and 3268, trace byte 114)",
                "0".into(),
                "at least 1".into(),
            ));
        }
        let exact = |guess: &&Guess| self.count(guess).is_some() && !self.overlooks(guess);
        // Only the most believed guess needs no second trace that bears it out.
        let whole = |guess: &&Guess| {
            self.whole(guess) > usize::from(**guess != guesses[0]) && !self.overlooks(guess)
        };
        // Another place than the header's counts only where everything fits.
        let believed = |guess: &&Guess| problem.is_none() && guess.first == firsts[0];
        let alike = |guess: &&Guess| self.alike(guess);
        let chosen = guesses
            .iter()
            .find(|g| exact(g) && alike(g) && (believed(g) || self.says(g)));
        let walked = match chosen {
            Some(_) => None,
            None => self.walk(firsts[0]),
        };
        if let Some(walk) = walked.as_ref().filter(|walk| walk.rest == 0) {
            return Ok(self.listed(walk, warnings));
        }
        let chosen = chosen
            .or_else(|| guesses.iter().find(|g| exact(g) && believed(g)))
            .or_else(|| guesses.iter().find(|g| whole(g) && believed(g) && alike(g)));
        if let Some(guess) = chosen {
            if let Some(problem) = problem {
                warnings.push(format!(
                    "{}; the first trace is taken to be at byte {}",
                    said(&problem),
                    guess.first
                ));
            } else if guess.first != firsts[0] {
                warnings.push(format!(
                    "the first trace is at byte {}, and not at {}, where the header has it: only so the file is whole traces",
                    guess.first, firsts[0]
                ));
            }
            return Ok(self.even(guess, &guesses, warnings));
        }
        if let Some(walk) = walked.filter(|walk| walk.places.len() > 1) {
            return Ok(self.listed(&walk, warnings));
        }
        Err(problem.unwrap_or_else(|| self.senseless(&guesses[0])))
    }

    fn fail(&self, place: &str, found: String, expected: String) -> FormatError {
        FormatError::content(self.path, place, found, expected)
    }

    /// Where the first trace may be, at least one place, most believed first, and why the header's own statement is not among these.
    fn firsts(&self) -> (Vec<usize>, Option<FormatError>) {
        let last = self.file.len() - TRACE_HEADER;
        let mut problem = None;
        let mut firsts = Vec::new();
        let stated = self.binary.u64(320);
        if second_revision(&self.binary) && stated != 0 {
            match usize::try_from(stated) {
                Ok(at) if (HEADERS..=last).contains(&at) => firsts.push(at),
                _ => {
                    problem = Some(self.fail(
                        "offset of the first trace (byte 3520)",
                        stated.to_string(),
                        format!("{HEADERS} to {last}, where the file has room for a trace"),
                    ));
                }
            }
        }
        match self.texts() {
            Ok(count) => firsts.push(HEADERS + count * TEXT_HEADER),
            Err(error) => problem = problem.or(firsts.is_empty().then_some(error)),
        }
        firsts.push(HEADERS);
        let mut seen = Vec::new();
        firsts.retain(|at| {
            let new = !seen.contains(at);
            seen.push(*at);
            new
        });
        (firsts, problem)
    }

    /// The number of extended textual headers, where a trace can follow them.
    fn texts(&self) -> Result<usize, FormatError> {
        let place = "number of extended textual headers (byte 3504)";
        let count = match self.binary.i16(304) {
            -1 => {
                let records = self.file.len().saturating_sub(HEADERS) / TEXT_HEADER;
                let record = |k: usize| self.file.upto(HEADERS + k * TEXT_HEADER, TEXT_HEADER);
                let last = (0..records).position(|k| text::ends_extended(record(k)));
                let missing = || {
                    self.fail(
                        place,
                        "-1, and no header with ((SEG: EndText))".into(),
                        "an end of the textual headers".into(),
                    )
                };
                last.ok_or_else(missing)? + 1
            }
            n => usize::try_from(n)
                .map_err(|_| self.fail(place, n.to_string(), "0 or more, or -1".into()))?,
        };
        let least = HEADERS + count * TEXT_HEADER + TRACE_HEADER;
        if least > self.file.len() {
            return Err(self.fail(
                place,
                format!("{count} in a file of {} bytes", self.file.len()),
                format!("at least {least} bytes, which a trace behind them needs"),
            ));
        }
        Ok(count)
    }

    /// All ways that the headers speak of, most believed first.
    fn guesses(&self, firsts: &[usize]) -> Vec<Guess> {
        let mut guesses = Vec::new();
        for first in firsts {
            for samples in self.samples(*first) {
                for headers in self.headers(*first) {
                    let guess = Guess {
                        first: *first,
                        samples,
                        headers,
                    };
                    if !guesses.contains(&guess) {
                        guesses.push(guess);
                    }
                }
            }
        }
        guesses
    }

    /// Samples of a trace as each header has them. The extended count goes first where the revision knows it or the old field
    /// is empty; a revision 0 file had 51488 there.
    fn samples(&self, first: usize) -> Vec<usize> {
        let binary = &self.binary;
        let trace = Raw {
            bytes: self.file.upto(first, 2 * TRACE_HEADER),
            order: binary.order,
        };
        let (short, extended, vendor) = (binary.u16(20), binary.i32(68), binary.i32(306));
        let is_second = second_revision(binary);
        let mut counts = Vec::new();
        if extended > 0 && (is_second || short == 0) {
            counts.push(extended.cast_unsigned());
        }
        if short == UNSET_SAMPLES && vendor > i32::from(UNSET_SAMPLES) {
            counts.push(vendor.cast_unsigned());
        }
        counts.extend([u32::from(short), u32::from(trace.u16(114))]);
        if is_second && trace.bytes.len() >= 2 * TRACE_HEADER {
            counts.push(trace.u32(TRACE_HEADER + 136));
        }
        let counts = counts.into_iter().filter(|n| *n > 0);
        counts.map(|n| n as usize).collect()
    }

    /// Bytes of a trace's headers. The number of additional ones is 32 bits wide in revision 2.0 and 16 in 2.1, and files mix
    /// them up. There is at least one where the first trace names it.
    fn headers(&self, first: usize) -> Vec<usize> {
        let additional = if second_revision(&self.binary) {
            vec![self.binary.i32(306), i32::from(self.binary.i16(306)), 0]
        } else {
            vec![0]
        };
        let trace = Raw {
            bytes: self.file.upto(first, 2 * TRACE_HEADER),
            order: self.binary.order,
        };
        let least = if second_revision(&self.binary) && trace.names_extension() {
            2 * TRACE_HEADER
        } else {
            TRACE_HEADER
        };
        let mut sizes: Vec<usize> = additional
            .into_iter()
            .filter_map(|n| {
                usize::try_from(n)
                    .ok()?
                    .checked_add(1)?
                    .checked_mul(TRACE_HEADER)
            })
            .filter(|headers| (least..=self.file.len()).contains(headers))
            .collect();
        if sizes.is_empty() {
            sizes.push(least);
        }
        sizes
    }

    /// Whether the second trace names an additional header where a guess has none.
    fn overlooks(&self, guess: &Guess) -> bool {
        let second = guess.first.saturating_add(self.stride(guess));
        let trace = Raw {
            bytes: self.file.upto(second, 2 * TRACE_HEADER),
            order: self.binary.order,
        };
        let plain = guess.headers == TRACE_HEADER && second_revision(&self.binary);
        plain && trace.names_extension()
    }

    fn stride(&self, guess: &Guess) -> usize {
        guess
            .headers
            .saturating_add(guess.samples.saturating_mul(self.format.size()))
    }

    /// Whole traces behind a guess's first byte.
    fn whole(&self, guess: &Guess) -> usize {
        (self.file.len() - guess.first) / self.stride(guess)
    }

    /// The number of traces, where the file ends with one or with the stanzas of a trailer.
    fn count(&self, guess: &Guess) -> Option<usize> {
        let size = self.file.len() - guess.first;
        let stride = self.stride(guess);
        let traces = |body: usize| {
            let whole = body >= stride && body.is_multiple_of(stride);
            whole.then_some(body / stride)
        };
        if !second_revision(&self.binary) {
            return traces(size);
        }
        let stanzas = self.binary.i32(328);
        let without = |n: usize| size.checked_sub(n.checked_mul(TEXT_HEADER)?);
        if let Some(count) = usize::try_from(stanzas)
            .ok()
            .filter(|n| *n > 0)
            .and_then(|n| traces(without(n)?))
        {
            return Some(count);
        }
        let stated = usize::try_from(self.binary.u64(312)).unwrap_or(usize::MAX);
        let behind = stated.checked_mul(stride).and_then(|b| size.checked_sub(b));
        let trailer = stated > 0 && behind.is_some_and(|rest| rest.is_multiple_of(TEXT_HEADER));
        traces(size)
            .or_else(|| trailer.then_some(stated))
            .or_else(|| {
                // An unknown number of stanzas: the first of them says what it is.
                let most = if stanzas == -1 { size / TEXT_HEADER } else { 0 };
                (1..=most).find_map(|n| {
                    let at = guess.first + without(n)?;
                    let begins = || text::begins_stanza(&self.file[at..at + TEXT_HEADER]);
                    traces(without(n)?).filter(|_| begins())
                })
            })
    }

    /// Whether the second trace has the number and the interval of samples that the first one has, as far as they say so.
    fn alike(&self, guess: &Guess) -> bool {
        self.is_like_first(guess, 1)
    }

    fn is_like_first(&self, guess: &Guess, trace: usize) -> bool {
        let at = guess
            .first
            .saturating_add(self.stride(guess).saturating_mul(trace));
        let counts = |at: usize| {
            self.file
                .get(at.saturating_add(114)..at.saturating_add(118))
        };
        match (counts(guess.first), counts(at)) {
            (Some(one), Some(other)) => one == other || one == [0; 4],
            _ => true,
        }
    }

    /// Whether the first trace's own header has the number of samples, or none.
    fn says(&self, guess: &Guess) -> bool {
        let trace = Raw {
            bytes: self.file.upto(guess.first, 2 * TRACE_HEADER),
            order: self.binary.order,
        };
        let own = usize::from(trace.u16(114));
        own == 0 || own == guess.samples
    }

    fn even(&self, guess: &Guess, guesses: &[Guess], warnings: &mut Vec<String>) -> Found {
        let Guess {
            first,
            samples,
            headers,
        } = *guess;
        let stride = self.stride(guess);
        let stated = guesses[0].samples;
        if samples != stated {
            warnings.push(format!(
                "the header says {stated} samples per trace, with which the file is not whole traces: taken as {samples}, which other fields say"
            ));
        }
        let exact = self.count(guess);
        // Behind the last trace of a file that does not end with one there may be anything, such as half a trailer.
        let traces = exact.unwrap_or_else(|| {
            let whole = self.whole(guess);
            (1..whole)
                .find(|k| !self.is_like_first(guess, *k))
                .unwrap_or(whole)
        });
        if exact.is_none() {
            let rest = self.file.len() - first - traces * stride;
            warnings.push(format!(
                "the file holds {traces} whole traces of {stride} bytes ({headers} of header, {} of samples) and {rest} more bytes, which are not read: it is cut, or its counts are wrong",
                stride - headers
            ));
        }
        self.compare(traces, warnings);
        Found {
            places: Places::Even {
                first,
                headers,
                stride,
            },
            samples,
            traces,
            texts: self.texts_before(first),
        }
    }

    fn listed(&self, walk: &walk::Walk, warnings: &mut Vec<String>) -> Found {
        let traces = walk.places.len();
        let walk::Walk {
            shortest, longest, ..
        } = walk;
        if shortest.samples < longest.samples {
            warnings.push(format!(
                "traces have {} to {} samples: the first {} of each are read, as trace {} has no more",
                shortest.samples, longest.samples, shortest.samples, shortest.trace
            ));
        }
        if walk.rest > 0 {
            warnings.push(format!(
                "the file ends inside trace {traces}: {} bytes are not read",
                walk.rest
            ));
        }
        self.compare(traces, warnings);
        Found {
            samples: shortest.samples,
            traces,
            texts: self.texts_before(walk.places[0].0),
            places: Places::Listed(walk.places.clone()),
        }
    }

    /// Says where a stated number of traces is not the file's.
    fn compare(&self, traces: usize, warnings: &mut Vec<String>) {
        let stated = self.binary.u64(312);
        if stated != 0 && stated != traces as u64 {
            warnings.push(format!(
                "byte 3512 says {stated} traces, the file holds {traces}: all of these are read"
            ));
        }
    }

    /// Extended textual headers that lie before the first trace.
    fn texts_before(&self, first: usize) -> usize {
        let room = (first - HEADERS) / TEXT_HEADER;
        self.texts().map_or(0, |count| count.min(room))
    }

    /// No way makes sense: what the most believed one meets.
    fn senseless(&self, guess: &Guess) -> FormatError {
        let stride = self.stride(guess);
        let size = self.file.len() - guess.first;
        let form = format!(
            "traces of {stride} bytes ({} of header, {} of samples)",
            guess.headers,
            stride - guess.headers
        );
        if self.whole(guess) == 0 {
            return self.fail(
                "number of traces",
                format!("{size} bytes behind the headers"),
                format!("whole {form}; the file is cut, or its header is wrong"),
            );
        }
        let second = guess.first + stride;
        let bytes = &self.file[second + 114..second + 118];
        let found = Raw {
            bytes,
            order: self.binary.order,
        };
        self.fail(
            &format!("second trace (byte {second})"),
            format!("{} samples every {} us", found.u16(0), found.u16(2)),
            format!("what the first one says, as the header speaks of {form}"),
        )
    }
}

/// A problem without the path, which a warning is given with.
fn said(problem: &FormatError) -> String {
    match problem {
        FormatError::Content {
            place,
            found,
            expected,
            ..
        } => format!("{place}: found {found}, expected {expected}"),
        other => other.to_string(),
    }
}
