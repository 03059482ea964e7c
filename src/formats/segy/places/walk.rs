//! Traces of which each has its own size, as revisions 1 and 2 allow: the headers are followed from one to the next.

use super::{Search, TEXT_HEADER, TRACE_HEADER};
use crate::formats::segy::fields::Raw;
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
    pub fn walk(&self, first: usize) -> Option<Walk> {
        let itself = self.walk_as(first, Counted::Itself);
        match itself {
            Some(walk) if walk.rest == 0 => Some(walk),
            _ => self
                .walk_as(first, Counted::Others)
                .filter(|walk| walk.rest == 0)
                .or(itself),
        }
    }

    fn walk_as(&self, first: usize, counted: Counted) -> Option<Walk> {
        let mut places = Vec::new();
        let (mut shortest, mut longest) = (None::<Length>, None::<Length>);
        let mut at = first;
        while at < self.file.len() && !self.is_trailer(at) {
            let Some((headers, samples)) = self.trace_at(at, counted) else {
                // Headers that say nothing are none; those of a cut file end with it.
                if self.file.len() - at >= TRACE_HEADER {
                    return None;
                }
                break;
            };
            let size = headers.saturating_add(samples.saturating_mul(self.format.size()));
            if size > self.file.len() - at {
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
        let rest = if self.is_trailer(at) {
            0
        } else {
            self.file.len() - at
        };
        Some(Walk {
            places,
            shortest: shortest?,
            longest: longest?,
            rest,
        })
    }

    /// Bytes of the headers of a trace and its samples, as it says itself.
    fn trace_at(&self, at: usize, counted: Counted) -> Option<(usize, usize)> {
        let trace = Raw {
            bytes: self.file.get(at..at.checked_add(TRACE_HEADER)?)?,
            order: self.binary.order,
        };
        let short = usize::from(trace.u16(114));
        let both = Raw {
            bytes: self.file.upto(at, 2 * TRACE_HEADER),
            order: self.binary.order,
        };
        if !second_revision(&self.binary) || !both.names_extension() {
            return (short > 0).then_some((TRACE_HEADER, short));
        }
        let stated = both.i16(TRACE_HEADER + 156);
        let additional = match (usize::try_from(stated).ok()?, counted) {
            (0, _) => self
                .headers(at)
                .first()
                .map_or(1, |size| size / TRACE_HEADER - 1),
            (n, Counted::Itself) => n,
            (n, Counted::Others) => n + 1,
        };
        let samples = match both.u32(TRACE_HEADER + 136) {
            0 => short,
            n => n as usize,
        };
        (samples > 0).then_some(((1 + additional) * TRACE_HEADER, samples))
    }

    /// Whether the rest of the file is the stanzas of a trailer that the header speaks of.
    fn is_trailer(&self, at: usize) -> bool {
        let rest = self.file.len() - at;
        let stanzas = self.binary.i32(328);
        let all = rest / TEXT_HEADER;
        second_revision(&self.binary)
            && rest > 0
            && rest.is_multiple_of(TEXT_HEADER)
            && (usize::try_from(stanzas).is_ok_and(|n| n == all)
                || (stanzas == -1 && super::text::begins_stanza(&self.file[at..at + TEXT_HEADER])))
    }
}
