//! Segments and a rate from the time stamps of samples.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::{Rate, SECOND, Segment};

/// Stamps from which the step is estimated before the first segment is looked for.
const ESTIMATE: usize = 1 << 16;
/// Stamps before and after a long step that decide whether it is a pause or the jitter of single stamps.
const AROUND: usize = 64;
/// A pause is longer than this part of a step: a single missing sample is a whole step.
const PART_OF_STEP: f64 = 0.75;
/// A pause is longer than this multiple of the deviation that 95 of 100 steps stay below.
const TIMES_JITTER: f64 = 4.0;
/// Stamps that tell no rate against the one that the file states: the median of so few steps may be a pause.
const FEW: usize = 4;
/// The share of a rate by which its rounding to a whole number of hertz may change it, however coarse the stamps are.
const MOST_ROUNDING: f64 = 1e-3;
/// The largest denominator of a rate in hertz that stamps are rounded to: rates are set to tenths or thirds, not to thousandths.
const MOST_PARTS: u8 = 10;

/// Time stamps of samples, one by one, which become segments.
///
/// A stamp's lateness is its time minus its time on an even grid. A long step is a pause if the stamps after it stay late: the
/// smallest lateness of the next 64 stamps exceeds the largest lateness of the 64 before by more than a tolerance. The
/// tolerance is the larger of three quarters of a step and four times the deviation that 95 of 100 steps stay below. So the
/// jitter of stamps makes no segments, and one missing sample between exact stamps does. Stamps that go back in time make
/// none either: they mean that a clock was set back, not that samples were recorded twice.
#[derive(Debug)]
pub struct Stamps {
    /// The step that the file states, in nanoseconds.
    stated: Option<f64>,
    /// Stamps before the step is known.
    early: Vec<i64>,
    grid: Option<Grid>,
    count: usize,
    last: i64,
    first: i64,
    not_rising: Option<usize>,
    /// Late stamps for which it is not yet decided whether a pause precedes them.
    open: VecDeque<Late>,
    /// The lateness of the last stamps.
    recent: VecDeque<f64>,
    segments: Vec<Segment>,
    /// Samples and nanoseconds within finished segments, which give the rate.
    within: (u64, u64),
}

/// The grid that stamps are compared with, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Grid {
    step: f64,
    jitter: f64,
    tolerance: f64,
}

/// A stamp after a long step.
#[derive(Debug)]
struct Late {
    sample: usize,
    time: i64,
    before: i64,
    latest_before: f64,
    earliest_after: f64,
}

/// The segments and the rate that time stamps give.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
    /// Number of stamps.
    pub count: usize,
    /// The segments, in order; none without a stamp.
    pub segments: Vec<Segment>,
    /// Rate within segments; `None` where no segment has two stamps.
    pub rate: Option<Rate>,
    /// Nanoseconds that the rate was measured over.
    pub measured: u64,
    /// Nanoseconds by which stamps may be off an even grid.
    pub jitter: i64,
    /// The first stamp that is not later than the stamp before it.
    pub not_rising: Option<usize>,
}

impl Stamps {
    /// Starts without stamps. The file may state a rate.
    pub fn new(stated: Option<Rate>) -> Self {
        Self {
            stated: stated.map(|rate| SECOND as f64 / rate.hertz()),
            early: Vec::new(),
            grid: None,
            count: 0,
            last: 0,
            first: 0,
            not_rising: None,
            open: VecDeque::new(),
            recent: VecDeque::new(),
            segments: Vec::new(),
            within: (0, 0),
        }
    }

    /// Starts without stamps, which are of blocks on a grid of a known step in nanoseconds: a pause is three quarters of it or
    /// longer, however much the stamps jitter.
    pub fn of_blocks(step: f64) -> Self {
        Self {
            grid: Some(Grid {
                step,
                jitter: 0.0,
                tolerance: PART_OF_STEP * step,
            }),
            ..Self::new(None)
        }
    }

    /// Takes the next stamp, in nanoseconds.
    pub fn push(&mut self, time: i64) {
        if self.grid.is_some() {
            self.take(time);
            return;
        }
        self.early.push(time);
        if self.early.len() == ESTIMATE {
            self.take_early();
        }
    }

    fn take_early(&mut self) {
        let early = std::mem::take(&mut self.early);
        self.grid = Some(grid(&early, self.stated));
        early.into_iter().for_each(|time| self.take(time));
    }

    fn take(&mut self, time: i64) {
        let grid = self
            .grid
            .expect("it is known before the first stamp is taken");
        let sample = self.count;
        self.count += 1;
        if sample == 0 {
            self.first = time;
            self.segments.push(Segment {
                start: time,
                samples: 0..0,
            });
        }
        let lateness = time.saturating_sub(self.first) as f64 - sample as f64 * grid.step;
        let step = time.saturating_sub(self.last);
        if sample > 0 {
            if step <= 0 {
                self.not_rising.get_or_insert(sample);
            }
            if step as f64 - grid.step > grid.tolerance {
                self.open.push_back(Late {
                    sample,
                    time,
                    before: self.last,
                    latest_before: self.recent.iter().copied().fold(f64::MIN, f64::max),
                    earliest_after: f64::MAX,
                });
            }
        }
        for late in &mut self.open {
            late.earliest_after = late.earliest_after.min(lateness);
        }
        if self
            .open
            .front()
            .is_some_and(|late| sample + 1 - late.sample >= AROUND)
        {
            self.decide(grid);
        }
        if self.recent.len() == AROUND {
            self.recent.pop_front();
        }
        self.recent.push_back(lateness);
        self.last = time;
    }

    /// Decides on the oldest long step.
    fn decide(&mut self, grid: Grid) {
        let Some(late) = self.open.pop_front() else {
            return;
        };
        if late.earliest_after - late.latest_before > grid.tolerance {
            self.end_segment(late.sample, late.before);
            self.segments.push(Segment {
                start: late.time,
                samples: late.sample..late.sample,
            });
        }
    }

    fn end_segment(&mut self, end: usize, last: i64) {
        if let Some(segment) = self.segments.last_mut() {
            segment.samples.end = end;
            let span = u64::try_from(last.saturating_sub(segment.start)).unwrap_or(0);
            if span > 0 {
                self.within.0 += segment.samples.len() as u64 - 1;
                self.within.1 += span;
            }
        }
    }

    /// Ends the last segment.
    pub fn finish(mut self) -> Stamped {
        if self.grid.is_none() {
            self.take_early();
        }
        if let Some(grid) = self.grid {
            while !self.open.is_empty() {
                self.decide(grid);
            }
        }
        self.end_segment(self.count, self.last);
        let (samples, measured) = self.within;
        Stamped {
            count: self.count,
            segments: self.segments,
            rate: Rate::of_span(samples, measured),
            measured,
            // A double becomes the nearest integer that there is.
            jitter: self
                .grid
                .map_or(0, |grid| (TIMES_JITTER * grid.jitter).ceil() as i64),
            not_rising: self.not_rising,
        }
    }
}

impl Stamped {
    /// The rate. It is rounded to the number of hertz with the smallest denominator that the stamps, which are exact to
    /// `resolution` nanoseconds, are too coarse to exclude: 1000 rather than 999.998, and 193.5 rather than 193.500004.
    pub fn rate_within(&self, resolution: f64) -> Option<Rate> {
        let rate = self.rate?;
        let hertz = rate.hertz();
        // Each segment's first and last stamp are off by the resolution at most.
        let off = 2.0 * resolution * self.segments.len() as f64 / self.measured as f64;
        let simplest = |parts: RangeInclusive<u8>, off: f64| {
            parts.map(f64::from).find_map(|parts| {
                let simple = (hertz * parts).round() / parts;
                let excluded = (hertz - simple).abs() > hertz * off.min(MOST_ROUNDING);
                (simple > 0.0 && !excluded).then_some(simple)
            })
        };
        // Stamps are rarely as far off as they may be, and a quarter of that tells 3217.8 from 3217.75.
        let near = simplest(1..=1, off)
            .or_else(|| simplest(2..=MOST_PARTS, off / 4.0))
            .or_else(|| simplest(2..=MOST_PARTS, off));
        near.map_or(Some(rate), Rate::of_hertz)
    }

    /// The segments of a recording of so many samples. Samples after the last stamp continue the last segment.
    pub fn segments_of(&self, samples: usize) -> Vec<Segment> {
        let mut segments = self.segments.clone();
        segments.retain(|segment| segment.samples.start < samples);
        if let Some(last) = segments.last_mut() {
            last.samples.end = samples;
        }
        segments
    }
}

/// The grid that the first stamps lie on: the mean of the steps near the median, or the stated step where that explains them.
fn grid(stamps: &[i64], stated: Option<f64>) -> Grid {
    let steps = || {
        stamps
            .windows(2)
            .map(|pair| pair[1].saturating_sub(pair[0]) as f64)
    };
    let middle = quantile(steps().collect(), 0.5).unwrap_or(0.0);
    // Stamps in bursts have a median step of 0: all steps count then.
    let near = || steps().filter(|step| middle <= 0.0 || (0.5..=1.5).contains(&(step / middle)));
    let count = near().count().max(1) as f64;
    let mean = near().sum::<f64>() / count;
    let jitter_about = |step: f64| {
        let jitter = quantile(steps().map(|it| (it - step).abs()).collect(), 0.95);
        // Where more than 5 of 100 steps are pauses, these are no jitter: stamps that jitter by more than a step are not in
        // order.
        jitter.filter(|it| *it <= step).unwrap_or(0.0)
    };
    // A wrong step would move the grid by half a step within the stamps before and after a pause. So the stated one counts where
    // it is as close to the mean as instruments state it, or as the jitter of the first and last stamp lets the mean tell.
    let known_to = |stated: f64| 1e-3 * stated + 2.0 * jitter_about(mean) / count;
    // Of so few steps, each may be a pause.
    let may_pause = |stated: f64| stamps.len() <= FEW && steps().all(|step| step >= stated / 2.0);
    let usable = |stated: &f64| {
        let near = (mean - stated).abs() <= known_to(*stated);
        middle <= 0.0 || near || may_pause(*stated)
    };
    let step = stated.filter(usable).unwrap_or(mean);
    let jitter = jitter_about(step);
    // The lateness within a burst falls by nearly the time to the next burst, and a pause must exceed that.
    let burst = match middle <= 0.0 {
        true => quantile(steps().filter(|it| *it > 0.0).collect(), 0.5).unwrap_or(0.0),
        false => 0.0,
    };
    Grid {
        step,
        jitter,
        tolerance: (PART_OF_STEP * step + burst).max(TIMES_JITTER * jitter),
    }
}

/// The value that a part of all values stay below: of an even number, the lower of the two in question, so that a single pause
/// among few steps does not count as usual.
fn quantile(mut values: Vec<f64>, part: f64) -> Option<f64> {
    let at = (values.len().checked_sub(1)? as f64 * part) as usize;
    Some(*values.select_nth_unstable_by(at, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(hertz: f64) -> Rate {
        Rate::of_hertz(hertz).expect("a rate")
    }

    fn segments(stamps: &[i64]) -> Vec<Segment> {
        let mut all = Stamps::new(None);
        stamps.iter().for_each(|time| all.push(*time));
        all.finish().segments
    }

    #[test]
    fn a_stated_rate_counts_more_than_a_few_steps() {
        for stamps in [&[0, 17][..], &[0, 17, 40], &[0, 5, 22, 40]] {
            let mut all = Stamps::new(Some(rate(0.2)));
            stamps.iter().for_each(|time| all.push(*time * SECOND));
            let starts = all
                .finish()
                .segments
                .into_iter()
                .map(|it| it.start / SECOND);
            let pauses = stamps.iter().filter(|time| **time != 5).copied();
            assert_eq!(starts.collect::<Vec<i64>>(), pauses.collect::<Vec<i64>>());
        }
        // Steps that are shorter than stated are no pauses.
        let mut all = Stamps::new(Some(rate(0.2)));
        [0, 1].iter().for_each(|time| all.push(*time * SECOND));
        assert_eq!(all.finish().rate, Some(rate(1.0)));
    }

    #[test]
    fn a_pause_makes_a_segment_and_jitter_makes_none() {
        let even = |k: i64| k * 1_000_000;
        let late =
            |from: i64, by: i64| (0..1000).map(move |k| even(k) + if k < from { 0 } else { by });
        // One missing sample, a long pause, and a pause after the first and before the last sample.
        for (from, by) in [
            (500, 1_000_000),
            (500, 8 * SECOND),
            (1, 10_000_000),
            (999, 3_000_000),
        ] {
            let stamps: Vec<i64> = late(from, by).collect();
            let expected = [
                Segment {
                    start: 0,
                    samples: 0..from as usize,
                },
                Segment {
                    start: even(from) + by,
                    samples: from as usize..1000,
                },
            ];
            assert_eq!(segments(&stamps), expected, "{from} {by}");
        }
        // One late stamp, stamps in bursts, and noise of 0.3 steps.
        let one: Vec<i64> = (0..1000)
            .map(|k| even(k) + i64::from(k == 400) * 5_000_000)
            .collect();
        let bursts: Vec<i64> = (0..1000).map(|k| even(k / 100 * 100)).collect();
        let long_bursts: Vec<i64> = (0..9000).map(|k| even(k / 1000 * 1000)).collect();
        let noise: Vec<i64> = (0..1000_i64)
            .map(|k| even(k) + k.wrapping_mul(7_919_333) % 300_000)
            .collect();
        for stamps in [one, bursts, long_bursts, noise] {
            assert_eq!(segments(&stamps).len(), 1);
        }
    }

    #[test]
    fn the_rate_is_that_within_segments() {
        let mut stamps = Stamps::new(None);
        (0..4000).for_each(|k| stamps.push(k * 1_000_000 + i64::from(k >= 2000) * 8 * SECOND));
        let found = stamps.finish();
        assert_eq!(found.rate, Some(rate(1000.0)));
        assert_eq!(found.segments.len(), 2);
    }

    #[test]
    fn a_stated_rate_that_is_wrong_hides_no_pause() {
        for stated in [95.0, 99.0, 100.0, 100.05, 101.0, 105.0, 1000.0] {
            for from in [1, 50, 199] {
                let mut stamps = Stamps::new(Some(rate(stated)));
                (0..200).for_each(|k| stamps.push(10_000_000 * (k + i64::from(k >= from))));
                let found = stamps.finish();
                let ends: Vec<usize> = found.segments.iter().map(|it| it.samples.end).collect();
                assert_eq!(ends, [from as usize, 200], "{stated} {from}");
            }
        }
    }

    #[test]
    fn few_stamps_have_pauses_too() {
        let ends = |stamps: &[i64]| -> Vec<usize> {
            segments(stamps).iter().map(|it| it.samples.end).collect()
        };
        // A pause among two steps, one missing sample among ten, and segments of a single sample.
        assert_eq!(ends(&[0, 100, 8100]), [2, 3]);
        assert_eq!(ends(&[0, 8000, 8100]), [1, 3]);
        assert_eq!(
            ends(&[0, 10, 20, 30, 40, 60, 70, 80, 90, 100, 110]),
            [5, 11]
        );
        assert_eq!(ends(&[0, 10, 20, 500, 900, 910, 920]), [3, 4, 7]);
        assert_eq!(ends(&[7]), [1]);
        assert_eq!(ends(&[]), [0; 0]);
    }

    #[test]
    fn stamps_that_are_rounded_give_the_rate_and_one_segment() {
        for hertz in [0.2, 193.5, 333.33333333, 1000.0, 3217.8, 20_000.0] {
            let count = (hertz * 20.0_f64).max(50.0) as i64;
            let micro = |k: i64| (rate(hertz).time_of(k) + 500) / 1000 * 1000;
            let mut stamps = Stamps::new(None);
            (0..count).for_each(|k| stamps.push(1_700_000_000 * SECOND + micro(k)));
            let found = stamps.finish();
            assert_eq!(found.segments.len(), 1, "{hertz}");
            let measured = found.rate_within(500.0).expect("a rate");
            assert!((measured.hertz() / hertz - 1.0).abs() < 1e-7, "{hertz}");
            if hertz.fract() == 0.0 {
                assert_eq!(measured, rate(hertz));
            }
        }
    }

    #[test]
    fn samples_without_a_stamp_continue_the_last_segment() {
        let mut stamps = Stamps::new(None);
        (0..100).for_each(|k| stamps.push(k * 10 + i64::from(k >= 40) * 5000));
        let found = stamps.finish();
        let ends = |samples| -> Vec<usize> {
            let segments = found.segments_of(samples);
            segments.iter().map(|it| it.samples.end).collect()
        };
        assert_eq!(ends(150), [40, 150]);
        assert_eq!(ends(100), [40, 100]);
        assert_eq!(ends(41), [40, 41]);
        assert_eq!(ends(40), [40]);
    }

    #[test]
    fn clocks_that_go_back_are_noted_and_make_no_segment() {
        let mut stamps = Stamps::new(Some(rate(100.0)));
        (0..300).for_each(|k| stamps.push(k * 10_000_000 - i64::from(k >= 200) * 50_000_000));
        let found = stamps.finish();
        assert_eq!(found.segments.len(), 1);
        assert_eq!(found.not_rising, Some(200));
    }
}
