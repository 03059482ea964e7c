//! Time in a recording: the exact rate, segments without a pause, and how time stamps become segments.
//!
//! Times are whole nanoseconds since 1970-01-01T00:00:00Z, and rates are fractions, so that a sample's time does not depend on
//! how many samples precede it or on how they are cut.

use std::collections::VecDeque;
use std::ops::Range;

use jiff::Timestamp;

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;

/// The rates that can be, for messages.
pub const RATES: &str = "a rate above 0 in Hz";

/// A sampling rate as a fraction in lowest terms: `samples` of each channel in `nanoseconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    samples: u64,
    nanoseconds: u64,
}

impl Rate {
    /// Both parts stay below this, so that sample numbers up to 2^40 and times of 290 years multiply in 128 bits.
    const MOST: u64 = 1 << 62;

    /// The rate at which `samples` take `nanoseconds`; `None` where either is 0 or too large.
    pub fn of_span(samples: u64, nanoseconds: u64) -> Option<Self> {
        if samples == 0 || nanoseconds == 0 {
            return None;
        }
        let common = greatest_common_divisor(samples, nanoseconds);
        let [samples, nanoseconds] = [samples / common, nanoseconds / common];
        (samples < Self::MOST && nanoseconds < Self::MOST).then_some(Self {
            samples,
            nanoseconds,
        })
    }

    /// The rate of a number of hertz: the simplest fraction that this double stands for. `None` unless it is above 0 and finite.
    pub fn of_hertz(hertz: f64) -> Option<Self> {
        let (samples, seconds) = simplest_fraction(hertz)?;
        Self::of_span(samples, seconds.checked_mul(SECOND as u64)?)
    }

    /// The rate of a step in seconds: the simplest fraction that this double stands for. `None` unless it is above 0 and finite.
    pub fn of_step(seconds: f64) -> Option<Self> {
        let (seconds, samples) = simplest_fraction(seconds)?;
        Self::of_span(samples, seconds.checked_mul(SECOND as u64)?)
    }

    /// Samples per second.
    pub fn hertz(self) -> f64 {
        // In lowest terms both parts are exact doubles, as a rule, so that a rate stated in hertz comes back as it was.
        let common = greatest_common_divisor(self.nanoseconds, SECOND as u64);
        let [seconds, parts] = [self.nanoseconds / common, SECOND as u64 / common];
        let common = greatest_common_divisor(self.samples, seconds);
        (self.samples / common) as f64 * parts as f64 / (seconds / common) as f64
    }

    /// Samples and the nanoseconds that they take, in lowest terms.
    pub fn parts(self) -> (u64, u64) {
        (self.samples, self.nanoseconds)
    }

    /// Nanoseconds from sample 0 to a sample, to the nearest.
    pub fn time_of(self, sample: i64) -> i64 {
        let [samples, nanoseconds] = [i128::from(self.samples), i128::from(self.nanoseconds)];
        let doubled = 2 * i128::from(sample) * nanoseconds + samples;
        clamp(doubled.div_euclid(2 * samples))
    }

    /// The first sample whose [`time_of`](Self::time_of) is not before `time`, in nanoseconds after sample 0.
    pub fn first_at(self, time: i64) -> i64 {
        let [samples, nanoseconds] = [i128::from(self.samples), i128::from(self.nanoseconds)];
        let doubled = 2 * i128::from(time) * samples - samples;
        // Rounded up.
        clamp(-(-doubled).div_euclid(2 * nanoseconds))
    }

    /// The sample nearest to a time, in nanoseconds after sample 0.
    pub fn nearest(self, time: i64) -> i64 {
        let [samples, nanoseconds] = [i128::from(self.samples), i128::from(self.nanoseconds)];
        let doubled = 2 * i128::from(time) * samples + nanoseconds;
        clamp(doubled.div_euclid(2 * nanoseconds))
    }
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The first fraction of a double's continued fraction that is rounded to that double.
fn simplest_fraction(value: f64) -> Option<(u64, u64)> {
    if !(value.is_finite() && value > 0.0) {
        return None;
    }
    // Convergents p/q: each is closer than the one before.
    let (mut before, mut now) = ((0_u64, 1_u64), (1_u64, 0_u64));
    let mut rest = value;
    for _ in 0..64 {
        let whole = rest.floor();
        if whole >= u32::MAX as f64 * u32::MAX as f64 {
            return None;
        }
        let whole = whole as u64;
        let next = |before: u64, now: u64| whole.checked_mul(now)?.checked_add(before);
        let fraction = (next(before.0, now.0)?, next(before.1, now.1)?);
        (before, now) = (now, fraction);
        if now.0 as f64 / now.1 as f64 == value {
            return (now.0 > 0).then_some(now);
        }
        rest = 1.0 / (rest - whole as f64);
    }
    None
}

/// Consecutive samples of a recording without a pause between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Time of its first sample, in nanoseconds since 1970.
    pub start: i64,
    /// Which samples of the recording it has.
    pub samples: Range<usize>,
}

impl Segment {
    /// A recording without a pause.
    pub fn whole(start: Timestamp, samples: usize) -> Vec<Self> {
        vec![Self {
            start: nanoseconds(start),
            samples: 0..samples,
        }]
    }
}

/// Nanoseconds since 1970 of a time; the nearest that 64 bits hold (they hold the years 1677 to 2262).
pub fn nanoseconds(time: Timestamp) -> i64 {
    clamp(time.as_nanosecond())
}

/// Stamps from which the step is estimated before the first segment is looked for.
const ESTIMATE: usize = 1 << 16;
/// Stamps on either side of a long step that decide whether it is a pause or the jitter of single stamps.
const AROUND: usize = 64;
/// A pause is longer than this part of a step: a single missing sample is a whole one.
const PART_OF_STEP: f64 = 0.75;
/// A pause is longer than so many times what 95 of 100 steps deviate by.
const TIMES_JITTER: f64 = 4.0;

/// Time stamps of samples, one by one, which become segments.
///
/// A long step is a pause where the stamps behind it stay late: the earliest of the next 64 lies later than the latest of the
/// 64 before it, each reduced by its place on the grid, by more than a tolerance. The tolerance is the larger of three quarters of a step and four times
/// what 95 of 100 steps deviate by, so that the jitter of stamps makes no segments and one missing sample between exact
/// stamps does. Stamps that go back in time make none: clocks are set back, samples are not recorded twice.
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
    /// Late stamps, of which it is not decided yet whether a pause precedes them.
    open: VecDeque<Late>,
    /// The last stamps, each less its place on the grid.
    recent: VecDeque<f64>,
    segments: Vec<Segment>,
    /// Samples and nanoseconds within finished segments, which give the rate.
    within: (u64, u64),
}

/// The grid that stamps are compared with.
#[derive(Debug, Clone, Copy)]
struct Grid {
    step: f64,
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

/// What time stamps say.
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
    /// The first stamp that is not later than the one before.
    pub not_rising: Option<usize>,
}

impl Stamps {
    /// No stamps yet, of a recording whose file may state a rate.
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

    /// What the stamps say.
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
            not_rising: self.not_rising,
        }
    }
}

impl Stamped {
    /// The rate, or a whole number of hertz where the stamps, which are known to `resolution` nanoseconds, cannot tell it from that.
    pub fn rate_within(&self, resolution: f64) -> Option<Rate> {
        let rate = self.rate?;
        let hertz = rate.hertz();
        let known_to = hertz * 2.0 * resolution / self.measured as f64;
        let whole = hertz.round();
        match whole > 0.0 && (hertz - whole).abs() <= known_to {
            true => Rate::of_hertz(whole),
            false => Some(rate),
        }
    }
}

/// The grid that the first stamps lie on: the mean of the steps near the median one, unless the file states a step.
fn grid(stamps: &[i64], stated: Option<f64>) -> Grid {
    let steps = || {
        stamps
            .windows(2)
            .map(|pair| pair[1].saturating_sub(pair[0]) as f64)
    };
    let median = |mut values: Vec<f64>, part: f64| {
        let at = (values.len() as f64 * part) as usize;
        let at = at.min(values.len().saturating_sub(1));
        (!values.is_empty()).then(|| *values.select_nth_unstable_by(at, f64::total_cmp).1)
    };
    let middle = median(steps().collect(), 0.5).unwrap_or(0.0);
    // Stamps in bursts have a median step of 0: all steps count then.
    let near = || steps().filter(|step| middle <= 0.0 || (0.5..=1.5).contains(&(step / middle)));
    let mean = near().sum::<f64>() / near().count().max(1) as f64;
    let step = match stated {
        // Stamps of another rate than the file states: their own pauses are meant.
        Some(stated) if middle <= 0.0 || (middle / stated - 1.0).abs() < 0.1 => stated,
        _ => mean,
    };
    let jitter = median(steps().map(|it| (it - step).abs()).collect(), 0.95).unwrap_or(0.0);
    // Where pauses are more than 5 of 100 steps, they are no jitter: stamps that jitter by more than a step are not in order.
    let jitter = if jitter > step { 0.0 } else { jitter };
    Grid {
        step,
        tolerance: (PART_OF_STEP * step).max(TIMES_JITTER * jitter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(hertz: f64) -> Rate {
        Rate::of_hertz(hertz).expect("a rate")
    }

    #[test]
    fn rates_are_the_simplest_fractions() {
        for (hertz, expected) in [
            (1000.0, (1, 1_000_000)),
            (0.2, (1, 5_000_000_000)),
            (1000.0 / 3.0, (1, 3_000_000)),
            (193.5, (387, 2_000_000_000)),
            (3217.8, (16089, 5_000_000_000)),
            (333.33333333, (33333333333, 100_000_000_000_000_000)),
        ] {
            assert_eq!(rate(hertz).parts(), expected, "{hertz}");
        }
        assert_eq!(Rate::of_step(0.0005), Some(rate(2000.0)));
        assert_eq!(Rate::of_step(1.0 / 193.5), Some(rate(193.5)));
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-300] {
            assert_eq!(Rate::of_hertz(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_sample_at_a_time_is_the_first_whose_time_is_not_before_it() {
        for hertz in [
            0.2,
            1.0,
            193.5,
            333.33333333,
            3217.8,
            20_000.0,
            1000.0 / 3.0,
        ] {
            let rate = rate(hertz);
            for time in [
                -7 * SECOND,
                0,
                1,
                5,
                SECOND - 1,
                SECOND,
                3 * SECOND,
                86_399 * SECOND + 17,
            ] {
                let sample = rate.first_at(time);
                assert!(rate.time_of(sample) >= time, "{hertz} {time}");
                assert!(rate.time_of(sample - 1) < time, "{hertz} {time}");
            }
        }
    }

    fn segments(stamps: &[i64]) -> Vec<Segment> {
        let mut all = Stamps::new(None);
        stamps.iter().for_each(|time| all.push(*time));
        all.finish().segments
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
        // One late stamp, stamps in bursts, a drift of a tenth, and noise of 0.3 steps.
        let one: Vec<i64> = (0..1000)
            .map(|k| even(k) + i64::from(k == 400) * 5_000_000)
            .collect();
        let bursts: Vec<i64> = (0..1000).map(|k| even(k / 100 * 100)).collect();
        let noise: Vec<i64> = (0..1000_i64)
            .map(|k| even(k) + k.wrapping_mul(7_919_333) % 300_000)
            .collect();
        for stamps in [one, bursts, noise] {
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
}
