//! Segments without a gap between them: which sample has which time, and which samples a chunk has.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::{Cutting, Fibre, Piece, Rule};
use crate::formats::segment::{Rate, SECOND};

/// A segment on the timeline.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) path: Arc<Path>,
    pub(super) bytes: u64,
    /// Number in its run of the first sample that is used.
    pub(super) first: usize,
    /// Time of that sample by the recording's own clock.
    pub(super) start: i64,
    pub(super) rate: Rate,
    /// Which samples of the file are used.
    pub(super) times: Range<usize>,
}

impl Part {
    pub(super) fn end(&self) -> usize {
        self.first + self.times.len()
    }

    /// The samples of the file that have some numbers in the run.
    pub(super) fn piece(&self, samples: &Range<usize>) -> Option<Piece> {
        let [from, to] = [samples.start.max(self.first), samples.end.min(self.end())];
        let in_file = |sample: usize| sample - self.first + self.times.start;
        (from < to).then(|| Piece {
            path: self.path.clone(),
            bytes: self.bytes,
            times: in_file(from)..in_file(to),
        })
    }
}

/// A sample whose time is known, and the rate from there on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    pub(super) sample: usize,
    pub(super) time: i64,
    pub(super) rate: Rate,
}

/// Segments without a gap.
#[derive(Debug)]
pub(super) struct Run {
    /// Time of the first chunk, in nanoseconds since 1970.
    pub(super) origin: i64,
    /// In order: the first is that of the first sample that is still needed.
    pub(super) anchors: VecDeque<Anchor>,
    /// Segments that a chunk may still need.
    pub(super) parts: VecDeque<Part>,
    /// The last segments, needed or not.
    pub(super) remembered: VecDeque<Part>,
    /// Number of samples.
    pub(super) end: usize,
    /// Number of the next chunk.
    pub(super) next: usize,
    /// Number of the first sample that is in no chunk.
    pub(super) covered: usize,
    /// The same before the first chunk: samples before it are before the grid.
    pub(super) first_covered: usize,
    /// Where the last segment ends by its own start and rate.
    pub(super) last_end: i64,
    /// Tolerance of the last segment's times.
    pub(super) last_tolerance: i64,
    /// Samples of the last segment.
    pub(super) last_samples: usize,
    /// Nanoseconds since the run before.
    pub(super) gap: Option<i64>,
}

impl Run {
    /// A run of a first sample.
    pub(super) fn new(first: Anchor, cutting: &Cutting, fibre: &Fibre, gap: Option<i64>) -> Self {
        let step = cutting.step();
        let origin = if cutting.grid && step > SECOND {
            -(-first.time).div_euclid(step) * step
        } else {
            first.time
        };
        let mut run = Self {
            origin,
            anchors: VecDeque::from([first]),
            parts: VecDeque::new(),
            remembered: VecDeque::new(),
            end: 0,
            next: 0,
            covered: 0,
            first_covered: 0,
            last_end: first.time,
            last_tolerance: 0,
            last_samples: 0,
            gap,
        };
        run.covered = run.begin(0, cutting, fibre);
        run.first_covered = run.covered;
        run
    }

    /// The rate of the last segment.
    pub(super) fn rate(&self) -> Rate {
        self.anchors[self.anchors.len() - 1].rate
    }

    pub(super) fn anchor(&self, is_before: impl Fn(&Anchor) -> bool) -> usize {
        let last = self.anchors.iter().rposition(is_before);
        last.unwrap_or(0)
    }

    pub(super) fn rate_at(&self, sample: usize) -> Rate {
        self.anchors[self.anchor(|it| it.sample <= sample)].rate
    }

    /// Time of a sample, in nanoseconds since 1970.
    pub(super) fn time(&self, sample: usize) -> i64 {
        let anchor = self.anchors[self.anchor(|it| it.sample <= sample)];
        let since = sample as i64 - anchor.sample as i64;
        anchor.time.saturating_add(anchor.rate.time_of(since))
    }

    /// Time of a sample by its recording's own clock, where that is within a quarter of a sample of the run's.
    pub(super) fn own_time(&self, sample: usize) -> i64 {
        let time = self.time(sample);
        let Some(part) = self.parts.iter().rev().find(|it| it.first <= sample) else {
            return time;
        };
        let since = part.rate.time_of((sample - part.first) as i64);
        let own = part.start.saturating_add(since);
        match own.saturating_sub(time).abs() <= part.rate.time_of(1) / 4 {
            true => own,
            false => time,
        }
    }

    /// The first sample at or after a time.
    pub(super) fn sample_at(&self, time: i64) -> usize {
        let at = self.anchor(|it| it.time <= time);
        let anchor = self.anchors[at];
        let since = anchor.rate.first_at(time.saturating_sub(anchor.time));
        let sample = usize::try_from(anchor.sample as i64 + since).unwrap_or(0);
        // Where clocks were corrected, samples before the correction are before what follows it.
        match self.anchors.get(at + 1) {
            Some(next) => sample.min(next.sample),
            None => sample,
        }
    }

    /// The first sample of a chunk.
    pub(super) fn begin(&self, k: usize, cutting: &Cutting, fibre: &Fibre) -> usize {
        match cutting.rule {
            Rule::Time => self.sample_at(self.origin.saturating_add(k as i64 * cutting.step())),
            Rule::Count => k * width(cutting.step(), fibre),
        }
    }

    /// The samples of a chunk without its edges, as if the run did not end.
    pub(super) fn own(&self, k: usize, cutting: &Cutting, fibre: &Fibre) -> Range<usize> {
        // Never behind the last chunk's end, whatever clocks do: no sample may be in no chunk.
        let begin = self.begin(k, cutting, fibre).min(self.covered);
        let end = match cutting.rule {
            Rule::Time => {
                let start = self.origin.saturating_add(k as i64 * cutting.step());
                self.sample_at(start.saturating_add(cutting.length))
            }
            Rule::Count => begin + width(cutting.length, fibre),
        };
        begin..end.max(begin)
    }

    pub(super) fn with_edge(&self, own: &Range<usize>, cutting: &Cutting) -> Range<usize> {
        let edge = self.rate_at(own.start).first_at(cutting.edge).max(0) as usize;
        own.start.saturating_sub(edge)..own.end + edge
    }

    /// Drops what no later chunk needs.
    pub(super) fn forget(&mut self, cutting: &Cutting, fibre: &Fibre) {
        let own = self.own(self.next, cutting, fibre);
        let needed = self.with_edge(&own, cutting).start.min(self.covered);
        while self.parts.len() > 1 && self.parts[1].first <= needed {
            self.parts.pop_front();
        }
        let next = self
            .origin
            .saturating_add(self.next as i64 * cutting.step());
        let passed = |it: Anchor| it.sample <= needed && it.time <= next - cutting.edge;
        while self.anchors.len() > 1 && passed(self.anchors[1]) {
            self.anchors.pop_front();
        }
    }
}

/// Samples in a duration, to the nearest.
fn width(duration: i64, fibre: &Fibre) -> usize {
    usize::try_from(fibre.rate.nearest(duration))
        .unwrap_or(0)
        .max(1)
}
