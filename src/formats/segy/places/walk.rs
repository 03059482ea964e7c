//! Traces of which each has its own size, as revisions 1 and 2 allow: the headers are followed from one to the next.

use super::{Search, TEXT_HEADER, TRACE_HEADER};
use crate::formats::FormatError;
use crate::formats::segy::layout::second_revision;

/// Traces found one after the other.
pub struct Walk {
    /// Offset and bytes of the headers of each.
    pub places: Vec<(usize, usize)>,
    pub shortest: Length,
    pub longest: Length,
    /// Bytes behind the last whole one that are no trailer.
    pub rest: usize,
}

/// Samples of a trace.
#[derive(Debug, Clone, Copy)]
pub struct Length {
    /// Its number, from 0.
    pub trace: usize,
    pub samples: usize,
}

/// Whether the number of additional headers that a trace states counts the header that states it; files have both.
#[derive(Debug, Clone, Copy)]
enum Counted {
    Itself,
    Others,
}

impl Search<'_> {
    /// The traces from a place on, by what their own headers say; `None` where that leads nowhere.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn walk(&self, first: usize) -> Result<Option<Walk>, FormatError> {
        let itself = self.walk_as(first, Counted::Itself)?;
        Ok(match itself {
            Some(walk) if walk.rest == 0 => Some(walk),
            _ => self
                .walk_as(first, Counted::Others)?
                .filter(|walk| walk.rest == 0)
                .or(itself),
        })
    }

    fn walk_as(&self, first: usize, counted: Counted) -> Result<Option<Walk>, FormatError> {
        let mut places = Vec::new();
        let (mut shortest, mut longest) = (None::<Length>, None::<Length>);
        let mut at = first;
        while at < self.file.size() && !self.is_trailer(at)? {
            let Some((headers, samples)) = self.trace_at(at, counted)? else {
                // Headers that say nothing are none; those of a cut file end with it.
                if self.file.size() - at >= TRACE_HEADER {
                    return Ok(None);
                }
                break;
            };
            let size = headers.saturating_add(samples.saturating_mul(self.format.size()));
            if size > self.file.size() - at {
                break;
            }
            let length = Length {
                trace: places.len(),
                samples,
            };
            if shortest.is_none_or(|it| samples < it.samples) {
                shortest = Some(length);
            }
            if longest.is_none_or(|it| samples > it.samples) {
                longest = Some(length);
            }
            places.push((at, headers));
            at += size;
        }
        let rest = if self.is_trailer(at)? {
            0
        } else {
            self.file.size() - at
        };
        let lengths = shortest.zip(longest);
        Ok(lengths.map(|(shortest, longest)| Walk {
            places,
            shortest,
            longest,
            rest,
        }))
    }

    /// Bytes of the headers of a trace and its samples, as it says itself.
    fn trace_at(&self, at: usize, counted: Counted) -> Result<Option<(usize, usize)>, FormatError> {
        let bytes = self.trace(at)?;
        if bytes.len() < TRACE_HEADER {
            return Ok(None);
        }
        let trace = self.raw(&bytes);
        let short = usize::from(trace.u16(114));
        if !second_revision(&self.binary) || !trace.names_extension() {
            return Ok((short > 0).then_some((TRACE_HEADER, short)));
        }
        let Ok(stated) = usize::try_from(trace.i16(TRACE_HEADER + 156)) else {
            return Ok(None);
        };
        let additional = match (stated, counted) {
            (0, _) => self
                .headers(&trace)
                .first()
                .map_or(1, |size| size / TRACE_HEADER - 1),
            (n, Counted::Itself) => n,
            (n, Counted::Others) => n + 1,
        };
        let samples = match trace.u32(TRACE_HEADER + 136) {
            0 => short,
            n => n as usize,
        };
        Ok((samples > 0).then_some(((1 + additional) * TRACE_HEADER, samples)))
    }

    /// Whether the rest of the file is the stanzas of a trailer that the header speaks of.
    fn is_trailer(&self, at: usize) -> Result<bool, FormatError> {
        let rest = self.file.size() - at;
        let stanzas = self.binary.i32(328);
        let all = rest / TEXT_HEADER;
        let may_be = second_revision(&self.binary) && rest > 0 && rest.is_multiple_of(TEXT_HEADER);
        Ok(may_be
            && (usize::try_from(stanzas).is_ok_and(|n| n == all)
                || (stanzas == -1 && self.begins_stanza(at)?)))
    }
}
