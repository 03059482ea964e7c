//! Recordings in the order of time, cut into chunks. Ingest writes these chunks to files, and a run on recordings computes them.
//!
//! The rules, which docs/recordings.md explains to users:
//!
//! - The segments of all recordings come in the order of their starts. The first recording decides the number of channels, the
//!   rate, the sample type, depths and calibration; a recording that differs is refused.
//! - A segment that starts where the one before ends, within the tolerance, continues its run, and chunks span both. So does
//!   one that starts where the one before ends by that one's own clock: clocks drift, and from there on its own times count.
//! - A segment that starts exactly at the time of an earlier sample repeats it, however few samples that are.
//! - Of an overlap the earlier segment's samples are used.
//! - A gap ends a run and its last chunk. The next run starts with the first sample after the gap.
//! - Chunk k of a run has the samples whose times lie in [k, k + 1) steps after the run's first sample. So every sample is in
//!   exactly one chunk, whatever the rate. With an overlap, a chunk also has the samples up to its length.
//! - A chunk is named by the whole second of its first sample, with the fraction where the chunk before has that name.

mod fibre;
mod run;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::balance::{Balance, Reason};
use crate::command::{ChunkId, ChunkName};
use crate::formats::FormatError;
use crate::formats::segment::{Rate, SECOND, Segment};
pub use fibre::{Fibre, Recorded};
use run::{Anchor, Part, Run};

/// By how much clocks of recordings that follow one another may differ, in nanoseconds.
const JOIN: i64 = 500_000;
/// Segments that are remembered, to find out whether an overlap repeats their samples.
const REMEMBERED: usize = 64;

/// Rules for cutting recordings. Durations are in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cutting {
    /// Duration of a chunk.
    pub length: i64,
    /// Duration that a chunk shares with the next.
    pub overlap: i64,
    /// Duration of the samples before and after a chunk that its computation sees and its results leave out.
    pub edge: i64,
    /// By how much the jitter of starts may be off; `None` for half a millisecond, within which clocks are believed. At least three
    /// quarters of a sample, and what the file's times resolve.
    pub join: Option<i64>,
    /// Whether a chunk that a gap or the end cuts short is made.
    pub keep_short: bool,
    /// Whether chunks longer than a second start at whole multiples of their step since 1970, so that runs that started with
    /// different recordings make the same chunks.
    pub grid: bool,
    /// Where a chunk ends.
    pub rule: Rule,
}

/// Where a chunk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// By the times of samples: each sample is in the chunk of its time.
    Time,
    /// By number, as distpy cuts each recording by itself: every chunk has the rate's nearest whole number of samples, and
    /// names count on from the first one's whole second.
    Count,
}

impl Cutting {
    /// Nanoseconds from a chunk's start to the next one's.
    fn step(&self) -> i64 {
        self.length - self.overlap
    }
}

impl Default for Cutting {
    /// Chunks of a second.
    fn default() -> Self {
        Self {
            length: SECOND,
            overlap: 0,
            edge: 0,
            join: None,
            keep_short: true,
            grid: false,
            rule: Rule::Time,
        }
    }
}

/// Consecutive samples of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The file.
    pub path: Arc<Path>,
    /// Its bytes.
    pub bytes: u64,
    /// Which of its samples.
    pub times: Range<usize>,
}

/// A chunk of recordings.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// Its name and the time of its first sample, which is the first one after the edge.
    pub id: ChunkId,
    /// Properties that the recordings share.
    pub fibre: Arc<Fibre>,
    /// Samples per second by the recording's own clock.
    pub rate: Rate,
    /// Where its samples are, in their order, those of the edges included.
    pub pieces: Vec<Piece>,
    /// Samples of the edge before and after the chunk's own; fewer than asked for where a run starts or ends.
    pub edge: [usize; 2],
    /// Number of its first own sample in the run.
    pub first: usize,
    /// Own samples that the chunk before has too.
    pub shared: usize,
    /// Nanoseconds between the end of the run before and this chunk, where it is the first of a run; `None` for the first of all.
    pub gap: Option<i64>,
}

impl Cut {
    /// Samples of each channel, those of the edges included.
    pub fn samples(&self) -> usize {
        self.pieces.iter().map(|piece| piece.times.len()).sum()
    }

    /// Samples of each channel without the edges.
    pub fn own_samples(&self) -> usize {
        self.samples() - self.edge[0] - self.edge[1]
    }

    /// Bytes of all samples.
    pub fn bytes(&self) -> u64 {
        (self.samples() * self.fibre.channels * self.fibre.dtype.size()) as u64
    }
}

/// Samples that two recordings have of one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The samples that are left out.
    pub left_out: Piece,
    /// The earlier recording.
    pub earlier: Arc<Path>,
    /// As many samples of the earlier and of the later recording at one time; `None` where the earlier ones are forgotten.
    pub same_time: Option<[Piece; 2]>,
    /// Whether the later recording's segment ends within the overlap.
    pub covered: bool,
}

/// Recordings, added in the order of their starts, and how far they are cut.
#[derive(Debug)]
pub struct Timeline {
    cutting: Cutting,
    fibre: Option<(Arc<Fibre>, Arc<Path>)>,
    run: Option<Run>,
    /// Where the run before ended.
    ended: Option<i64>,
    /// The last chunk's whole second, and the names of that second.
    last: Option<i64>,
    balance: Balance,
    overlaps: Vec<Overlap>,
    warnings: Vec<String>,
}

impl Timeline {
    /// A timeline without a recording.
    pub fn new(cutting: Cutting) -> Self {
        Self {
            cutting,
            fibre: None,
            run: None,
            ended: None,
            last: None,
            balance: Balance::default(),
            overlaps: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// What the recordings have in common; `None` before the first.
    pub fn fibre(&self) -> Option<&Arc<Fibre>> {
        self.fibre.as_ref().map(|(fibre, _)| fibre)
    }

    /// Samples of each channel that were added, and what became of them.
    pub fn balance(&self) -> &Balance {
        &self.balance
    }

    /// Gaps and overlaps since the last call, as warnings.
    pub fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Overlaps since the last call.
    pub fn overlaps(&mut self) -> Vec<Overlap> {
        std::mem::take(&mut self.overlaps)
    }

    /// Counts the samples that an overlap left out as refused: they are no duplicates.
    pub fn refuse(&mut self, overlap: &Overlap) {
        let samples = overlap.left_out.times.len();
        self.balance
            .moves(Reason::Duplicate, Reason::Refused, samples);
    }

    /// Adds recordings, in any order, and gives the chunks that are complete; and for each recording whether it is refused.
    ///
    /// A recording is refused when it differs from the first in what recordings of one fibre have in common, or has too few
    /// samples a second.
    pub fn add(&mut self, mut recordings: Vec<Recorded>) -> (Vec<Cut>, Vec<FormatError>) {
        recordings.sort_by(|a, b| (a.start(), &a.path).cmp(&(b.start(), &b.path)));
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for recorded in &recordings {
            match self.same_fibre(recorded) {
                Ok(()) => taken.extend(recorded.segments.iter().map(|it| (it, recorded))),
                Err(error) => refused.push(error),
            }
        }
        taken.sort_by_key(|(segment, recorded)| (segment.start, recorded.path.clone()));
        let mut cuts = Vec::new();
        for (segment, recorded) in taken {
            self.add_segment(segment, recorded, &mut cuts);
        }
        (cuts, refused)
    }

    fn add_segment(&mut self, segment: &Segment, recorded: &Recorded, cuts: &mut Vec<Cut>) {
        let Some(fibre) = self.fibre().cloned() else {
            return;
        };
        let samples = segment.samples.len();
        if samples == 0 {
            return;
        }
        self.balance.read(samples);
        let rate = recorded.fibre.rate;
        let start = segment.start;
        let name = recorded.path.display();
        let mut skip = 0;
        let mut own_clock = false;
        if let Some(run) = &self.run {
            let tolerance = self.tolerance(run, samples, recorded);
            let late = start.saturating_sub(run.time(run.end));
            let drifted = start.saturating_sub(run.last_end);
            let resolved = recorded.time_tolerance.max(run.last_tolerance);
            // Starts that jitter within `join_seconds` may do so by whole samples.
            let wished = self.cutting.join.is_some_and(|join| late.abs() <= join);
            if self.cutting.rule == Rule::Count {
                // distpy cuts each recording by itself.
                self.end_run(cuts);
            } else if !(late < 0 && !wished && repeats(rate, drifted, resolved))
                && (late.abs() <= tolerance || drifted.abs() <= tolerance)
            {
                // It stays on the run's grid, so that the jitter of starts does not change the number of samples in chunks,
                // unless its own times are known better than that. They never go back by a sample.
                let step = rate.time_of(1);
                let jitter = resolved.max(step / 4).max(self.cutting.join.unwrap_or(0));
                let goes_back = late < -step / 2 && late.abs() <= tolerance;
                own_clock = late.abs() > jitter && !goes_back;
                if own_clock {
                    tracing::debug!("{name}: clocks differ by {} s", seconds(late));
                }
            } else if late < 0 {
                skip = usize::try_from(rate.nearest(-late))
                    .unwrap_or(0)
                    .min(samples);
                self.overlap(segment, recorded, skip, late);
            } else {
                self.warnings.push(format!(
                    "{name}: starts {} s after the end of the samples before it: a gap",
                    seconds(late)
                ));
                self.end_run(cuts);
            }
        }
        if skip == samples {
            return;
        }
        let first = Anchor {
            sample: 0,
            time: start.saturating_add(rate.time_of(skip as i64)),
            rate,
        };
        if self.run.is_none() {
            let gap = self.ended.map(|ended| first.time.saturating_sub(ended));
            let run = Run::new(first, &self.cutting, &fibre, gap);
            if run.covered > 0 {
                self.warnings.push(format!(
                    "{name}: its first {} s are before a whole step: left out",
                    seconds(run.origin - first.time)
                ));
            }
            self.run = Some(run);
        }
        if let Some(run) = &mut self.run {
            if own_clock || run.rate() != rate {
                let time = if own_clock {
                    first.time
                } else {
                    run.time(run.end)
                };
                run.anchors.push_back(Anchor {
                    sample: run.end,
                    time,
                    rate,
                });
            }
            let part = Part {
                path: recorded.path.clone(),
                bytes: recorded.bytes,
                first: run.end,
                start: first.time,
                rate,
                times: segment.samples.start + skip..segment.samples.end,
            };
            run.end = part.end();
            run.last_end = start.saturating_add(rate.time_of(samples as i64));
            run.last_tolerance = recorded.time_tolerance;
            run.last_samples = samples;
            if run.remembered.len() == REMEMBERED {
                run.remembered.pop_front();
            }
            run.remembered.push_back(part.clone());
            run.parts.push_back(part);
        }
        self.complete(&fibre, cuts);
    }

    /// By how much the start of a segment may be off the end of the run, in nanoseconds.
    fn tolerance(&self, run: &Run, samples: usize, recorded: &Recorded) -> i64 {
        let step = recorded.fibre.rate.time_of(1);
        let resolved = recorded.time_tolerance.max(run.last_tolerance);
        let join = self.cutting.join.unwrap_or(JOIN);
        let tolerance = join.max(resolved).max(step / 4 * 3);
        // A whole segment that is missing, or there twice, is no matter of clocks.
        let shorter = samples.min(run.last_samples) as i64;
        tolerance.min((recorded.fibre.rate.time_of(shorter) / 2).max(step / 4 * 3))
    }

    /// Notes that a segment starts before the end of the run.
    fn overlap(&mut self, segment: &Segment, recorded: &Recorded, skip: usize, late: i64) {
        let Some(run) = &self.run else { return };
        let name = recorded.path.display();
        let samples = segment.samples.len();
        let Some(last) = run.parts.back() else { return };
        let earlier = last.path.display();
        self.balance.left_out(Reason::Duplicate, skip);
        self.warnings.push(match skip == samples {
            true => format!(
                "{name}: all of its {samples} samples are before the end of {earlier}: left out"
            ),
            false => format!(
                "{name}: starts {} s before the end of {earlier}: its first {skip} samples are left out",
                seconds(-late)
            ),
        });
        // The numbers in the run of the samples of the same time, by whole samples from the end.
        let behind = usize::try_from(recorded.fibre.rate.nearest(-late)).unwrap_or(0);
        let from = run.end.saturating_sub(behind);
        let window = from..from + skip;
        let left_out = Piece {
            path: recorded.path.clone(),
            bytes: recorded.bytes,
            times: segment.samples.start..segment.samples.start + skip,
        };
        let known = run
            .remembered
            .iter()
            .find_map(|part| Some((part.first, part.piece(&window)?)));
        let same_time = known.map(|(first, known)| {
            let at = left_out.times.start + first.max(from) - from;
            let same = Piece {
                times: at..at + known.times.len(),
                ..left_out.clone()
            };
            [known, same]
        });
        self.overlaps.push(Overlap {
            left_out,
            earlier: last.path.clone(),
            same_time,
            covered: skip == samples,
        });
    }

    /// Cuts off what is complete: chunks whose edge after them is there too.
    fn complete(&mut self, fibre: &Arc<Fibre>, cuts: &mut Vec<Cut>) {
        while let Some(run) = &mut self.run {
            let own = run.own(run.next, &self.cutting, fibre);
            let needed = run.with_edge(&own, &self.cutting).end;
            if own.end > run.end || (needed > run.end && self.cutting.edge > 0) {
                break;
            }
            self.cut(own, fibre, cuts);
        }
        if let Some(run) = &mut self.run {
            run.forget(&self.cutting, fibre);
        }
    }

    /// Ends the run: gives the chunks that waited for an edge, and what is left as a chunk that is shorter than the others.
    fn end_run(&mut self, cuts: &mut Vec<Cut>) {
        let Some(fibre) = self.fibre().cloned() else {
            return;
        };
        while let Some(run) = &self.run {
            let own = run.own(run.next, &self.cutting, &fibre);
            let left = run.end.saturating_sub(run.covered);
            if own.end <= run.end && own.start < run.end {
                self.cut(own, &fibre, cuts);
            } else if left > 0 && own.start < run.end && self.cutting.keep_short {
                let own = own.start..run.end;
                self.cut(own, &fibre, cuts);
            } else {
                self.balance
                    .left_out(Reason::BeforeGrid, run.first_covered.min(run.end));
                if left > 0 {
                    let from = chrono(run.time(run.covered));
                    self.balance.left_out(Reason::ShortEnd, left);
                    self.warnings.push(format!(
                        "{left} samples at the end of a run, from {from}, fill no chunk: left out"
                    ));
                }
                self.ended = Some(run.time(run.end));
                self.run = None;
            }
        }
    }

    /// Ends the timeline: gives the chunks that are left.
    pub fn finish(&mut self) -> Vec<Cut> {
        let mut cuts = Vec::new();
        self.end_run(&mut cuts);
        cuts
    }

    fn cut(&mut self, own: Range<usize>, fibre: &Arc<Fibre>, cuts: &mut Vec<Cut>) {
        let Some(run) = &mut self.run else { return };
        if own.is_empty() {
            // Samples are farther apart than chunks are long.
            run.next += 1;
            return;
        }
        let with = run.with_edge(&own, &self.cutting);
        let with = with.start..with.end.min(run.end);
        let start = run.own_time(own.start);
        let second = match self.cutting.rule {
            Rule::Time => run.time(own.start).div_euclid(SECOND),
            Rule::Count => run.origin.div_euclid(SECOND) + run.next as i64,
        };
        let taken = self.last.is_some_and(|last| second <= last);
        self.last = self.last.max(Some(second));
        let shared = run.covered.saturating_sub(own.start);
        self.balance.in_chunk(own.len() - shared);
        self.balance.twice(shared);
        cuts.push(Cut {
            id: ChunkId {
                name: match taken {
                    true => ChunkName::exact(start),
                    false => ChunkName::whole(second),
                },
                start,
            },
            fibre: fibre.clone(),
            rate: run.rate_at(own.start),
            pieces: run
                .parts
                .iter()
                .filter_map(|part| part.piece(&with))
                .collect(),
            edge: [own.start - with.start, with.end - own.end],
            first: own.start,
            shared,
            gap: match own.start == run.first_covered {
                true => run.gap,
                false => Some(0),
            },
        });
        run.next += 1;
        run.covered = own.end;
    }

    /// Whether a recording is of the fibre of all.
    fn same_fibre(&mut self, recorded: &Recorded) -> Result<(), FormatError> {
        let path = &recorded.path;
        let Some((fibre, first)) = &self.fibre else {
            let hertz = recorded.fibre.rate.hertz();
            if hertz * seconds(self.cutting.length) < 1.0 {
                self.warnings.push(format!(
                    "{}: at {hertz} Hz a chunk of {} s has one sample or none; set distpy_gpu.chunk_seconds to more than {}",
                    path.display(),
                    seconds(self.cutting.length),
                    1.0 / hertz
                ));
            }
            self.fibre = Some((Arc::new(recorded.fibre.clone()), path.clone()));
            return Ok(());
        };
        match fibre.differs(&recorded.fibre) {
            None => Ok(()),
            Some((what, found, expected)) => {
                let expected = format!("{expected}, as {} has", first.display());
                Err(FormatError::content(path, what, found, expected))
            }
        }
    }
}

/// Seconds of nanoseconds, for messages.
/// True if a segment that starts so late after another repeats its last samples: it starts at the time of one of them, as exactly as
/// times are resolved. Clocks that differ are off by a part of a step, and a file may begin with the last sample of the one before.
fn repeats(rate: Rate, late: i64, resolved: i64) -> bool {
    let samples = rate.nearest(-late);
    let off = rate.time_of(samples).saturating_add(late).abs();
    samples >= 1 && resolved < rate.time_of(1) / 4 && off <= resolved + 1
}

fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / SECOND as f64
}

/// A time as messages show it.
pub fn chrono(nanoseconds: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanoseconds))
        .map_or_else(|_| format!("{nanoseconds} ns"), |time| time.to_string())
}
