//! Where the traces lie. Every count is held against the size of the file: the file decides, and what it contradicts is said.

mod walk;

use std::ops::Range;

use super::fields::{Raw, TRACE_HEADER};
use super::layout::{HEADERS, second_revision};
use super::sample::Format;
use super::text::{self, TEXT_HEADER};
use crate::formats::FormatError;
use crate::formats::mapped::Pieces;

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
    /// Where all headers of a trace are.
    pub fn headers(&self, channel: usize) -> Range<usize> {
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
    file: &'a Pieces,
    binary: Raw<'a>,
    format: Format,
}

impl<'a> Search<'a> {
    pub fn new(file: &'a Pieces, binary: Raw<'a>, format: Format) -> Self {
        Self {
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
    /// When there is no whole trace, no way makes sense, or the file cannot be read.
    pub fn find(&self, warnings: &mut Vec<String>) -> Result<Found, FormatError> {
        let (firsts, problem) = self.firsts()?;
        let guesses = self.guesses(&firsts)?;
        if guesses.is_empty() {
            return Err(self.fail(
                "samples per trace (bytes 3220 and 3268, trace byte 114)",
                "0".into(),
                "at least 1".into(),
            ));
        }
        let exact = |g: &Guess| Ok(self.count(g)?.is_some() && !self.overlooks(g)?);
        // Only the most believed guess needs no second trace that bears it out.
        let whole = |g: &Guess| {
            let borne_out = self.whole(g) > usize::from(*g != guesses[0]);
            Ok(borne_out && !self.overlooks(g)?)
        };
        // Another place than the header's counts only where everything fits.
        let believed = |g: &Guess| problem.is_none() && g.first == firsts[0];
        let mut chosen = first(&guesses, |g| {
            Ok(exact(g)? && self.alike(g)? && (believed(g) || self.says(g)?))
        })?;
        let walked = match chosen {
            Some(_) => None,
            None => self.walk(firsts[0])?,
        };
        if let Some(walk) = walked.as_ref().filter(|walk| walk.rest == 0) {
            return self.listed(walk, warnings);
        }
        if chosen.is_none() {
            chosen = first(&guesses, |g| Ok(believed(g) && exact(g)?))?;
        }
        if chosen.is_none() {
            chosen = first(&guesses, |g| {
                Ok(believed(g) && whole(g)? && self.alike(g)?)
            })?;
        }
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
            return self.even(guess, &guesses, warnings);
        }
        if let Some(walk) = walked.filter(|walk| walk.places.len() > 1) {
            return self.listed(&walk, warnings);
        }
        match problem {
            Some(problem) => Err(problem),
            None => Err(self.senseless(&guesses[0])?),
        }
    }

    /// The headers of a trace, and as much behind them as the first extension takes.
    fn trace(&self, at: usize) -> Result<Vec<u8>, FormatError> {
        self.file.bytes(at..at.saturating_add(2 * TRACE_HEADER))
    }

    fn raw<'b>(&self, bytes: &'b [u8]) -> Raw<'b> {
        Raw {
            bytes,
            order: self.binary.order,
        }
    }

    fn begins_stanza(&self, at: usize) -> Result<bool, FormatError> {
        let record = self.file.bytes(at..at + TEXT_HEADER)?;
        Ok(text::begins_stanza(&record))
    }

    fn fail(&self, place: &str, found: String, expected: String) -> FormatError {
        FormatError::content(self.file.path(), place, found, expected)
    }

    /// Where the first trace may be, at least one place, most believed first, and why the header's own statement is not among these.
    fn firsts(&self) -> Result<(Vec<usize>, Option<FormatError>), FormatError> {
        let last = self.file.size() - TRACE_HEADER;
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
            Err(error @ FormatError::Io { .. }) => return Err(error),
            Err(error) => problem = problem.or(firsts.is_empty().then_some(error)),
        }
        firsts.push(HEADERS);
        let mut seen = Vec::new();
        firsts.retain(|at| {
            let new = !seen.contains(at);
            seen.push(*at);
            new
        });
        Ok((firsts, problem))
    }

    /// The number of extended textual headers, where a trace can follow them.
    fn texts(&self) -> Result<usize, FormatError> {
        let place = "number of extended textual headers (byte 3504)";
        let count = match self.binary.i16(304) {
            -1 => self.texts_to_end()?.ok_or_else(|| {
                self.fail(
                    place,
                    "-1, and no header with ((SEG: EndText))".into(),
                    "an end of the textual headers".into(),
                )
            })?,
            n => usize::try_from(n)
                .map_err(|_| self.fail(place, n.to_string(), "0 or more, or -1".into()))?,
        };
        let least = HEADERS + count * TEXT_HEADER + TRACE_HEADER;
        if least > self.file.size() {
            return Err(self.fail(
                place,
                format!("{count} in a file of {} bytes", self.file.size()),
                format!("at least {least} bytes, which a trace behind them needs"),
            ));
        }
        Ok(count)
    }

    /// The number of extended textual headers up to the one that says that it is the last.
    fn texts_to_end(&self) -> Result<Option<usize>, FormatError> {
        // As many as the field could have counted: whoever left the end out need not have the whole file read for it.
        let most = i16::MAX as usize;
        for k in 0..((self.file.size() - HEADERS) / TEXT_HEADER).min(most) {
            let at = HEADERS + k * TEXT_HEADER;
            let record = self.file.bytes(at..at + TEXT_HEADER)?;
            if text::ends_extended(&record) {
                return Ok(Some(k + 1));
            }
        }
        Ok(None)
    }

    /// All ways that the headers speak of, most believed first.
    fn guesses(&self, firsts: &[usize]) -> Result<Vec<Guess>, FormatError> {
        let mut guesses = Vec::new();
        for first in firsts {
            let trace = self.trace(*first)?;
            for samples in self.samples(&self.raw(&trace)) {
                for headers in self.headers(&self.raw(&trace)) {
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
        Ok(guesses)
    }

    /// Samples of a trace as each header has them. The extended count goes first where the revision knows it or the old field
    /// is empty; a revision 0 file had 51488 there.
    fn samples(&self, trace: &Raw) -> Vec<usize> {
        let binary = &self.binary;
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
    fn headers(&self, trace: &Raw) -> Vec<usize> {
        let additional = if second_revision(&self.binary) {
            vec![self.binary.i32(306), i32::from(self.binary.i16(306)), 0]
        } else {
            vec![0]
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
            .filter(|headers| (least..=self.file.size()).contains(headers))
            .collect();
        if sizes.is_empty() {
            sizes.push(least);
        }
        sizes
    }

    /// Whether the second trace names an additional header where a guess has none.
    fn overlooks(&self, guess: &Guess) -> Result<bool, FormatError> {
        let plain = guess.headers == TRACE_HEADER && second_revision(&self.binary);
        let second = self.trace(guess.first.saturating_add(self.stride(guess)))?;
        Ok(plain && self.raw(&second).names_extension())
    }

    fn stride(&self, guess: &Guess) -> usize {
        guess
            .headers
            .saturating_add(guess.samples.saturating_mul(self.format.size()))
    }

    /// Whole traces behind a guess's first byte.
    fn whole(&self, guess: &Guess) -> usize {
        (self.file.size() - guess.first) / self.stride(guess)
    }

    /// The number of traces, where the file ends with one or with the stanzas of a trailer.
    fn count(&self, guess: &Guess) -> Result<Option<usize>, FormatError> {
        let size = self.file.size() - guess.first;
        let stride = self.stride(guess);
        let traces = |body: usize| {
            let whole = body >= stride && body.is_multiple_of(stride);
            whole.then_some(body / stride)
        };
        if !second_revision(&self.binary) {
            return Ok(traces(size));
        }
        let stanzas = self.binary.i32(328);
        let without = |n: usize| size.checked_sub(n.checked_mul(TEXT_HEADER)?);
        if let Some(count) = usize::try_from(stanzas)
            .ok()
            .filter(|n| *n > 0)
            .and_then(|n| traces(without(n)?))
        {
            return Ok(Some(count));
        }
        let stated = usize::try_from(self.binary.u64(312)).unwrap_or(usize::MAX);
        let behind = stated.checked_mul(stride).and_then(|b| size.checked_sub(b));
        let trailer = stated > 0 && behind.is_some_and(|rest| rest.is_multiple_of(TEXT_HEADER));
        let count = traces(size).or_else(|| trailer.then_some(stated));
        if count.is_some() || stanzas != -1 {
            return Ok(count);
        }
        // An unknown number of stanzas: the first of them says what it is.
        for n in 1..=size / TEXT_HEADER {
            let body = size - n * TEXT_HEADER;
            if let Some(count) = traces(body)
                && self.begins_stanza(guess.first + body)?
            {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    /// Whether the second trace has the number and the interval of samples that the first one has, as far as they say so.
    fn alike(&self, guess: &Guess) -> Result<bool, FormatError> {
        self.is_like_first(guess, 1)
    }

    fn is_like_first(&self, guess: &Guess, trace: usize) -> Result<bool, FormatError> {
        let at = guess
            .first
            .saturating_add(self.stride(guess).saturating_mul(trace));
        let counts = |at: usize| {
            let counts = at.saturating_add(114)..at.saturating_add(118);
            self.file.bytes(counts)
        };
        let (one, other) = (counts(guess.first)?, counts(at)?);
        let both = one.len() == 4 && other.len() == 4;
        Ok(!both || one == other || one == [0; 4])
    }

    /// Whether the first trace's own header has the number of samples, or none.
    fn says(&self, guess: &Guess) -> Result<bool, FormatError> {
        let trace = self.trace(guess.first)?;
        let own = usize::from(self.raw(&trace).u16(114));
        Ok(own == 0 || own == guess.samples)
    }

    fn even(
        &self,
        guess: &Guess,
        guesses: &[Guess],
        warnings: &mut Vec<String>,
    ) -> Result<Found, FormatError> {
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
        let exact = self.count(guess)?;
        let traces = match exact {
            Some(traces) => traces,
            None => self.leading(guess)?,
        };
        if exact.is_none() {
            let rest = self.file.size() - first - traces * stride;
            warnings.push(format!(
                "the file holds {traces} whole traces of {stride} bytes ({headers} of header, {} of samples) and {rest} more bytes, which are not read: it is cut, or its counts are wrong",
                stride - headers
            ));
        }
        self.compare(traces, warnings);
        Ok(Found {
            places: Places::Even {
                first,
                headers,
                stride,
            },
            samples,
            traces,
            texts: self.texts_before(first)?,
        })
    }

    /// Traces up to one that is not like the first: behind the last trace of a file that does not end with one there may be
    /// anything, such as half a trailer.
    fn leading(&self, guess: &Guess) -> Result<usize, FormatError> {
        let whole = self.whole(guess);
        for trace in 1..whole {
            if !self.is_like_first(guess, trace)? {
                return Ok(trace);
            }
        }
        Ok(whole)
    }

    fn listed(&self, walk: &walk::Walk, warnings: &mut Vec<String>) -> Result<Found, FormatError> {
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
        Ok(Found {
            samples: shortest.samples,
            traces,
            texts: self.texts_before(walk.places[0].0)?,
            places: Places::Listed(walk.places.clone()),
        })
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
    fn texts_before(&self, first: usize) -> Result<usize, FormatError> {
        let room = (first - HEADERS) / TEXT_HEADER;
        match self.texts() {
            Ok(count) => Ok(count.min(room)),
            Err(FormatError::Content { .. }) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// No way makes sense: what the most believed one meets.
    fn senseless(&self, guess: &Guess) -> Result<FormatError, FormatError> {
        let stride = self.stride(guess);
        let size = self.file.size() - guess.first;
        let form = format!(
            "traces of {stride} bytes ({} of header, {} of samples)",
            guess.headers,
            stride - guess.headers
        );
        if self.whole(guess) == 0 {
            return Ok(self.fail(
                "number of traces",
                format!("{size} bytes behind the headers"),
                format!("whole {form}; the file is cut, or its header is wrong"),
            ));
        }
        let second = guess.first + stride;
        let trace = self.trace(second)?;
        let found = self.raw(&trace);
        Ok(self.fail(
            &format!("second trace (byte {second})"),
            format!("{} samples every {} us", found.u16(114), found.u16(116)),
            format!("what the first one says, as the header speaks of {form}"),
        ))
    }
}

/// The first guess of which something holds.
fn first(
    guesses: &[Guess],
    holds: impl Fn(&Guess) -> Result<bool, FormatError>,
) -> Result<Option<&Guess>, FormatError> {
    for guess in guesses {
        if holds(guess)? {
            return Ok(Some(guess));
        }
    }
    Ok(None)
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
