//! Recordings that follow one another in time, cut into chunks without a detour through files.
//!
//! The rules, which docs/recordings.md tells users:
//!
//! - Recordings come in the order of their starts. The first says what a recording has: channels, samples per second, sample
//!   type, depths and calibration; another that differs is refused.
//! - A recording that begins where the one before ends, within [`Cutting::join`], goes on with it, and chunks span both. So
//!   does one that fits the end of the one before by that one's own start: clocks drift, and from here on this start counts.
//! - Of an overlap the earlier recording's samples are taken.
//! - A gap ends a chunk early; the next begins with the first sample behind the gap that has a second of its own.
//! - Chunk k begins with the sample nearest to the run's start and k steps; its name is that time's whole second.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::block::DType;
use crate::command::{AxisFile, ChunkId};
use crate::formats::{Calibration, FormatError, Header};

/// Nanoseconds in a second.
const SECOND: f64 = 1e9;
/// Rates that differ by less are one: instruments state them, or clocks measure them.
const SAME_RATE: f64 = 1e-3;
/// What times may differ by, in samples, where two recordings touch.
const SAME_SAMPLE: f64 = 1.5;

/// How recordings are cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cutting {
    /// Seconds of a chunk.
    pub length: f64,
    /// Seconds that a chunk shares with the next.
    pub overlap: f64,
    /// Seconds by which starts may be off; at least one and a half samples.
    pub join: f64,
    /// Whether a chunk that a gap or the end cuts short is made.
    pub keep_short: bool,
    /// Whether chunks longer than a second begin at whole multiples of their step since 1970, so that runs that began with
    /// different recordings make the same chunks.
    pub grid: bool,
}

impl Cutting {
    /// Nanoseconds from a chunk's start to the next one's.
    fn step(&self) -> i128 {
        nanoseconds(self.length - self.overlap)
    }
}

impl Default for Cutting {
    /// distpy's chunks of a second.
    fn default() -> Self {
        Self {
            length: 1.0,
            overlap: 0.0,
            join: 1e-3,
            keep_short: true,
            grid: false,
        }
    }
}

/// What recordings of one fibre have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Fibre {
    /// Number of channels.
    pub channels: usize,
    /// Samples per second of a channel.
    pub prf: f64,
    /// Type of a sample.
    pub dtype: DType,
    /// Depth of each channel in metres.
    pub depth: Arc<[f64]>,
    /// How the depths are stored beside results.
    pub depth_file: AxisFile,
    /// What a stored sample stands for.
    pub calibration: Option<Calibration>,
}

impl Fibre {
    /// In what another recording differs, what that one has, and what this one has.
    fn differs(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let prf = |fibre: &Self| format!("{} Hz", fibre.prf);
        let calibration = |fibre: &Self| match &fibre.calibration {
            Some(it) => format!("{} {} a count", it.factor, it.unit),
            None => "none".into(),
        };
        let same_rate = (other.prf / self.prf - 1.0).abs() <= SAME_RATE;
        let told: (_, fn(&Self) -> String) = if self.channels != other.channels {
            ("channels", |fibre| fibre.channels.to_string())
        } else if !same_rate {
            ("rate", prf)
        } else if self.dtype != other.dtype {
            ("sample type", |fibre| fibre.dtype.name().to_string())
        } else if !same_numbers(&self.depth, &other.depth) {
            ("depths", |fibre| ends(&fibre.depth))
        } else if !same_calibration(self.calibration.as_ref(), other.calibration.as_ref()) {
            ("calibration", calibration)
        } else {
            return None;
        };
        let (what, text) = told;
        Some((what, text(other), text(self)))
    }
}

/// A recording, without its samples.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The file.
    pub path: PathBuf,
    /// Time of the first sample.
    pub start: Timestamp,
    /// Samples of each channel.
    pub samples: usize,
    /// What it has in common with others.
    pub fibre: Fibre,
}

impl Recorded {
    /// What a file's header says. Depths that are the `known` ones are not kept twice.
    pub fn new(path: &Path, header: &Header, column: bool, known: &mut Option<Arc<[f64]>>) -> Self {
        let same = known.as_ref();
        let same = same.filter(|depth| same_numbers(depth, &header.depth));
        let depth = same.cloned().unwrap_or_else(|| header.depth.clone().into());
        known.get_or_insert_with(|| depth.clone());
        Self {
            path: path.to_path_buf(),
            start: header.start,
            samples: header.samples,
            fibre: Fibre {
                channels: header.channels,
                prf: header.prf,
                dtype: header.dtype,
                depth,
                depth_file: AxisFile {
                    dtype: DType::F64,
                    column,
                },
                calibration: header.calibration.clone(),
            },
        }
    }
}

/// Consecutive samples of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The file.
    pub path: PathBuf,
    /// Which of its samples.
    pub times: Range<usize>,
}

/// A chunk of recordings.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// Whole seconds of the time of its first sample.
    pub id: ChunkId,
    /// What the recordings have in common.
    pub fibre: Arc<Fibre>,
    /// Where its samples are, in their order.
    pub pieces: Vec<Piece>,
}

impl Cut {
    /// Samples of each channel.
    pub fn samples(&self) -> usize {
        self.pieces.iter().map(|piece| piece.times.len()).sum()
    }

    /// Bytes of all samples.
    pub fn bytes(&self) -> u64 {
        (self.samples() * self.fibre.channels * self.fibre.dtype.size()) as u64
    }
}

/// A recording on the timeline.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    /// Number in its run of the first sample that is taken.
    first: usize,
    /// Which samples of the file are taken.
    times: Range<usize>,
}

/// Recordings without a gap.
#[derive(Debug)]
struct Run {
    /// Time of the first chunk, in nanoseconds since 1970.
    start: i128,
    /// Samples, of which a later one has a time of its own.
    anchors: VecDeque<(usize, i128)>,
    parts: VecDeque<Part>,
    /// Number of samples.
    end: usize,
    /// Number of the next chunk.
    next: usize,
    /// Number of the first sample that is in no chunk.
    covered: usize,
    /// Where the last recording ends by its own start.
    last_end: i128,
}

/// Recordings, added in the order of their starts, and how far they are cut.
#[derive(Debug)]
pub struct Timeline {
    cutting: Cutting,
    fibre: Option<(Arc<Fibre>, PathBuf)>,
    run: Option<Run>,
    /// The last chunk's name.
    last: Option<i64>,
    warnings: Vec<String>,
}

impl Timeline {
    /// A timeline without a recording.
    pub fn new(cutting: Cutting) -> Self {
        Self {
            cutting,
            fibre: None,
            run: None,
            last: None,
            warnings: Vec::new(),
        }
    }

    /// What the recordings have in common; `None` before the first.
    pub fn fibre(&self) -> Option<&Arc<Fibre>> {
        self.fibre.as_ref().map(|(fibre, _)| fibre)
    }

    /// What is worth telling since the last call: gaps, overlaps, recordings that are there twice.
    pub fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Adds the next recording, and gives the chunks that are complete.
    ///
    /// # Errors
    /// When it differs from the first in what recordings of one fibre have in common, or has too few samples a second.
    pub fn add(&mut self, recorded: &Recorded) -> Result<Vec<Cut>, FormatError> {
        let path = &recorded.path;
        let samples = recorded.samples;
        let fibre = self.same_fibre(recorded)?;
        let start = recorded.start.as_nanosecond();
        // By its own rate: measured ones differ a little.
        let duration = nanoseconds(samples as f64 / recorded.fibre.prf);
        let mut cuts = Vec::new();
        let mut from = 0;
        if let Some(run) = &mut self.run {
            // A whole file that is missing, or there twice, is no matter of clocks.
            let before = run.parts.back().map_or(0, |part| part.times.len());
            let half = 0.5 * samples.min(before) as f64 / fibre.prf;
            let join = self.cutting.join.min(half).max(SAME_SAMPLE / fibre.prf);
            let late = seconds(start - run.time(run.end, &fibre));
            let drifted = seconds(start - run.last_end);
            let goes_on = late.abs() <= join;
            let drifts = !goes_on && drifted.abs() <= join;
            let name = path.display();
            if drifts {
                tracing::debug!("{name}: clocks differ by {late:.6} s");
                run.anchors.push_back((run.end, start));
            } else if !goes_on && late < 0.0 {
                from = (-late * fibre.prf).round() as usize;
                let earlier = run.parts.back().map(|part| part.path.display());
                let earlier = earlier.map(|it| it.to_string()).unwrap_or_default();
                if from >= samples {
                    self.warnings.push(format!(
                        "{name}: all of its {samples} samples are before the end of {earlier}: left out"
                    ));
                    return Ok(cuts);
                }
                self.warnings.push(format!(
                    "{name}: begins {:.6} s before the end of {earlier}: its first {from} samples are left out",
                    -late
                ));
            } else if !goes_on {
                self.warnings.push(format!(
                    "{name}: begins {late:.6} s after the end of the recording before it: a gap"
                ));
                cuts = self.finish();
            }
        }
        if self.run.is_none() {
            match self.first_of_run(start, samples, &fibre) {
                Some(first) => from = first,
                None => {
                    self.warnings.push(format!(
                        "{}: the second that it is in is taken by the chunk before it: left out",
                        path.display()
                    ));
                    return Ok(cuts);
                }
            }
            let start = start + nanoseconds(from as f64 / fibre.prf);
            let run = Run::new(start, &self.cutting);
            if run.start > start {
                let left = seconds(run.start - start);
                self.warnings.push(format!(
                    "{}: its first {left:.6} s are before a whole step: left out",
                    path.display()
                ));
            }
            self.run = Some(run);
        }
        if let Some(run) = &mut self.run {
            run.parts.push_back(Part {
                path: path.clone(),
                first: run.end,
                times: from..samples,
            });
            run.end += samples - from;
            run.last_end = start + duration;
            self.last = run.complete(&self.cutting, &fibre, &mut cuts).or(self.last);
        }
        Ok(cuts)
    }

    /// Ends the run: gives what is left as a chunk that is shorter than the others, or tells of its loss.
    pub fn finish(&mut self) -> Vec<Cut> {
        let (Some(run), Some((fibre, _))) = (self.run.take(), &self.fibre) else {
            return Vec::new();
        };
        let left = run.end - run.covered;
        if left == 0 {
            return Vec::new();
        }
        let from = run.begin(run.next, &self.cutting, fibre);
        if !self.cutting.keep_short || from >= run.end {
            let from = chrono(run.time(run.covered, fibre));
            self.warnings.push(format!(
                "{left} samples at the end of a run, from {from}, fill no chunk: left out"
            ));
            return Vec::new();
        }
        let id = run.id(run.next, &self.cutting);
        self.last = Some(id.unix_time);
        vec![run.cut(id, from..run.end, fibre)]
    }

    /// The first sample of a new run: one in a second that no chunk has yet.
    fn first_of_run(&self, start: i128, samples: usize, fibre: &Fibre) -> Option<usize> {
        let second = i128::from(self.last.map_or(i64::MIN, |last| last.saturating_add(1)));
        let free = second.saturating_mul(1_000_000_000);
        if start >= free {
            return Some(0);
        }
        let first = (seconds(free - start) * fibre.prf).ceil();
        (first < samples as f64).then_some(first as usize)
    }

    /// The fibre of all recordings, where this one fits it.
    fn same_fibre(&mut self, recorded: &Recorded) -> Result<Arc<Fibre>, FormatError> {
        let path = &recorded.path;
        let Some((fibre, first)) = &self.fibre else {
            let prf = recorded.fibre.prf;
            let width = (prf * self.cutting.length).round();
            if !width.is_finite() || width < 1.0 {
                let expected = format!("a sample or more in a chunk of {} s", self.cutting.length);
                return Err(FormatError::content(
                    path,
                    "rate",
                    format!("{prf} Hz"),
                    expected,
                ));
            }
            let fibre = Arc::new(recorded.fibre.clone());
            self.fibre = Some((fibre.clone(), path.clone()));
            return Ok(fibre);
        };
        match fibre.differs(&recorded.fibre) {
            None => Ok(fibre.clone()),
            Some((what, found, expected)) => {
                let expected = format!("{expected}, as {} has", first.display());
                Err(FormatError::content(path, what, found, expected))
            }
        }
    }
}

impl Run {
    /// A run whose first sample has this time.
    fn new(first: i128, cutting: &Cutting) -> Self {
        let step = cutting.step();
        let start = if cutting.grid && step > 1_000_000_000 {
            (first + step - 1).div_euclid(step) * step
        } else {
            first
        };
        Self {
            start,
            anchors: VecDeque::from([(0, first)]),
            parts: VecDeque::new(),
            end: 0,
            next: 0,
            covered: 0,
            last_end: first,
        }
    }

    /// Time of a sample.
    fn time(&self, sample: usize, fibre: &Fibre) -> i128 {
        let known = self.anchors.iter().rev().find(|(at, _)| *at <= sample);
        let (at, time) = known.or(self.anchors.front()).copied().unwrap_or_default();
        time + nanoseconds((sample as f64 - at as f64) / fibre.prf)
    }

    /// Time of a chunk, exact whatever their number: a step is counted in nanoseconds.
    fn chunk_time(&self, k: usize, cutting: &Cutting) -> i128 {
        self.start + k as i128 * cutting.step()
    }

    fn id(&self, k: usize, cutting: &Cutting) -> ChunkId {
        let whole = self.chunk_time(k, cutting).div_euclid(1_000_000_000);
        ChunkId {
            unix_time: i64::try_from(whole).expect("timestamps are within the years -9999 to 9999"),
        }
    }

    /// The first sample of a chunk: the nearest to its time.
    fn begin(&self, k: usize, cutting: &Cutting, fibre: &Fibre) -> usize {
        let time = self.chunk_time(k, cutting);
        let known = self.anchors.iter().rev().find(|(_, at)| *at <= time);
        let (at, from) = known.or(self.anchors.front()).copied().unwrap_or_default();
        (at as f64 + (seconds(time - from) * fibre.prf).round()).max(0.0) as usize
    }

    /// Cuts off what is complete; gives the last chunk's name.
    fn complete(
        &mut self,
        cutting: &Cutting,
        fibre: &Arc<Fibre>,
        cuts: &mut Vec<Cut>,
    ) -> Option<i64> {
        let width = (cutting.length * fibre.prf).round() as usize;
        let mut last = None;
        loop {
            let begin = self.begin(self.next, cutting, fibre);
            if begin + width > self.end {
                break;
            }
            let id = self.id(self.next, cutting);
            last = Some(id.unix_time);
            cuts.push(self.cut(id, begin..begin + width, fibre));
            self.next += 1;
            self.covered = begin + width;
        }
        // What no later chunk needs: the next one begins no earlier than the next anchor allows.
        let begin = self.begin(self.next, cutting, fibre);
        while self.parts.len() > 1 && self.parts[1].first <= begin.min(self.covered) {
            self.parts.pop_front();
        }
        let time = self.chunk_time(self.next, cutting);
        let passed = |(at, from): (usize, i128)| at <= begin.min(self.covered) && from <= time;
        while self.anchors.len() > 1 && passed(self.anchors[1]) {
            self.anchors.pop_front();
        }
        last
    }

    fn cut(&self, id: ChunkId, samples: Range<usize>, fibre: &Arc<Fibre>) -> Cut {
        let pieces = self.parts.iter().filter_map(|part| {
            let end = part.first + part.times.len();
            let [from, to] = [samples.start.max(part.first), samples.end.min(end)];
            let in_file = |sample: usize| sample - part.first + part.times.start;
            (from < to).then(|| Piece {
                path: part.path.clone(),
                times: in_file(from)..in_file(to),
            })
        });
        Cut {
            id,
            fibre: fibre.clone(),
            pieces: pieces.collect(),
        }
    }
}

fn nanoseconds(seconds: f64) -> i128 {
    (seconds * SECOND).round() as i128
}

fn seconds(nanoseconds: i128) -> f64 {
    nanoseconds as f64 / SECOND
}

/// A time as messages show it.
fn chrono(nanoseconds: i128) -> String {
    jiff::Timestamp::from_nanosecond(nanoseconds)
        .map_or_else(|_| "an impossible time".into(), |time| time.to_string())
}

/// Equal numbers, of which some may be no numbers.
fn same_numbers(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// Equal units, and factors as close as rates, which some are made of.
fn same_calibration(a: Option<&Calibration>, b: Option<&Calibration>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let close = (a.factor - b.factor).abs() <= SAME_RATE * a.factor.abs();
            a.unit == b.unit && close
        }
        (None, None) => true,
        _ => false,
    }
}

fn ends(depth: &[f64]) -> String {
    match depth {
        [first, .., last] => format!("{first} to {last} m"),
        [only] => format!("{only} m"),
        [] => "none".into(),
    }
}
