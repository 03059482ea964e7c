//! Segments: times without a pause, and the files that hold parts of them.

use std::ops::Range;

use distpy_gpu::formats::segment::{Rate, SECOND};

use super::writers::Form;

/// The second channel's samples are the first one's and so much more.
pub const APART: usize = 100_000;

/// Numbers that a seed decides (Steele, Lea and Flood, 2014: SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn within(&mut self, range: Range<usize>) -> usize {
        range.start + self.below((range.end - range.start) as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for end in (1..values.len()).rev() {
            values.swap(end, self.below(end as u64 + 1) as usize);
        }
    }
}

/// Consecutive samples without a pause.
#[derive(Debug, Clone)]
struct Piece {
    samples: Range<usize>,
    start: i64,
}

/// Samples, numbered in the order of time, and the files that have them.
#[derive(Debug)]
pub struct World {
    pub hertz: f64,
    pub rate: Rate,
    pieces: Vec<Piece>,
    /// Of each file, its parts: each without a pause inside.
    pub files: Vec<Vec<Range<usize>>>,
    pub chunk_seconds: f64,
}

impl World {
    pub fn new(form: &Form, random: &mut Random) -> Self {
        let hertz = random.one_of(form.rates);
        let rate = Rate::of_hertz(hertz).unwrap();
        // A few seconds, or a few samples.
        let most = ((6.0 * hertz) as usize).clamp(240, 24_000) / form.block;
        // No file is shorter than the tolerance of starts, so that one that is missing is a gap.
        let mut shortest = form.shortest.max(hertz as usize / 500 / form.block);
        if form.measured && hertz.fract() != 0.0 {
            // Two stamps in float64 seconds are off by half of 238 ns each, and rates are taken to be fractions with
            // denominators up to 10, which lie 1/90 Hz apart or more: the error must be less than half of that.
            shortest = shortest.max((90.0 * 2.0 * 238e-9 * hertz * hertz) as usize);
        }
        let blocks = random.within(most / 4..most).max(2 * shortest);
        let mut world = Self {
            hertz,
            rate,
            pieces: Vec::new(),
            files: Vec::new(),
            chunk_seconds: random.one_of(&[1.0, 1.0, 1.5, 10.0]),
        };
        world.draw_pieces(form, blocks, random);
        world.draw_files(form, blocks, shortest, random);
        world
    }

    /// A world of given pieces, each the start in nanoseconds and a number of samples, and files.
    pub fn of(hertz: f64, pieces: &[(i64, usize)], files: Vec<Vec<Range<usize>>>) -> Self {
        let mut end = 0;
        let pieces = pieces.iter().map(|&(start, count)| {
            let samples = end..end + count;
            end += count;
            Piece { samples, start }
        });
        Self {
            hertz,
            rate: Rate::of_hertz(hertz).unwrap(),
            pieces: pieces.collect(),
            files,
            chunk_seconds: 1.0,
        }
    }

    fn draw_pieces(&mut self, form: &Form, blocks: usize, random: &mut Random) {
        let mut start = 1_700_000_000 * SECOND + random.below(SECOND as u64) as i64;
        start -= start % form.unit;
        let mut cuts: Vec<usize> = (0..random.below(4))
            .map(|_| random.within(1..blocks))
            .collect();
        cuts.extend([0, blocks]);
        cuts.sort_unstable();
        cuts.dedup();
        for cut in cuts.windows(2) {
            let samples = cut[0] * form.block..cut[1] * form.block;
            let length = self.rate.time_of(samples.len() as i64);
            self.pieces.push(Piece { samples, start });
            // From 2 blocks, or 2 ms, to 20 s more.
            let least = self.rate.time_of(2 * form.block as i64).max(SECOND / 500);
            let pause = least + random.below(20 * SECOND as u64) as i64;
            start += length + pause;
            start += form.unit - start % form.unit;
        }
    }

    fn draw_files(&mut self, form: &Form, blocks: usize, shortest: usize, random: &mut Random) {
        let count = random.within(1..7).min(blocks / shortest).max(1);
        let mut cuts: Vec<usize> = (1..count).map(|_| random.within(1..blocks)).collect();
        cuts.extend([0, blocks]);
        cuts.sort_unstable();
        cuts.dedup();
        let mut ranges: Vec<Range<usize>> = cuts.windows(2).map(|cut| cut[0]..cut[1]).collect();
        for k in 0..ranges.len() {
            match random.below(6) {
                // An overlap with the file before.
                0 if k > 0 => {
                    let from = ranges[k].start;
                    ranges[k].start -= random.within(0..from + 1).min(ranges[k].len());
                }
                // A file that is there twice.
                1 => ranges.push(ranges[k].clone()),
                _ => {}
            }
        }
        for range in ranges {
            // Formats that state no rate need some samples to measure it.
            let range = match range.len() < shortest {
                true => {
                    range.start.min(blocks - shortest)
                        ..range.start.min(blocks - shortest) + shortest
                }
                false => range,
            };
            let samples = range.start * form.block..range.end * form.block;
            let parts = self.pieces.iter().map(|piece| {
                piece.samples.start.max(samples.start)..piece.samples.end.min(samples.end)
            });
            let parts: Vec<Range<usize>> = parts.filter(|it| it.start < it.end).collect();
            match form.pauses {
                true => self.files.push(parts),
                false => self.files.extend(parts.into_iter().map(|part| vec![part])),
            }
        }
        // A file may be missing: its samples are then in no file, unless others have them.
        if self.files.len() > 2 && random.below(4) == 0 {
            let missing = random.within(0..self.files.len());
            self.files.remove(missing);
        }
    }

    /// Nanoseconds since 1970 of a sample.
    pub fn time(&self, sample: usize) -> i64 {
        let piece = self
            .pieces
            .iter()
            .rfind(|it| it.samples.start <= sample)
            .unwrap();
        piece.start + self.rate.time_of((sample - piece.samples.start) as i64)
    }

    /// The samples that some file has, in order.
    pub fn recorded(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.files.iter().flatten().cloned().flatten().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
