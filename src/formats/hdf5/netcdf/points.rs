//! Axes of which few values are stored: the others lie on lines between these points.

use hdf5::Dataset;

use super::{Coordinate, Ties};
use crate::formats::FormatError;
use crate::formats::hdf5::Place;
use crate::formats::hdf5::clock::{Clock, Since};
use crate::formats::hdf5::values::{integers, numbers, stored_as_integers};
use crate::formats::segment::stamps::Stamped;
use crate::formats::segment::{Rate, Segment};

/// More tie points than an axis has that is stored by few of them.
const MOST_TIES: usize = 1 << 20;
/// A line whose steps are longer than this multiple of the usual one has a pause in it.
const PAUSE: f64 = 1.75;

/// Stored values of an axis.
#[derive(Debug)]
pub struct Points<T> {
    /// Where on the axis, from 0 to its end.
    at: Vec<usize>,
    /// The values there: metres or another unit of length, or nanoseconds since 1970.
    values: Vec<T>,
    /// Nanoseconds to which times are exact.
    resolution: i64,
}

impl Points<f64> {
    /// Those of an axis of `count` places; `None` where all are stored.
    ///
    /// # Errors
    /// When they do not begin and end where the axis does, do not follow each other, or are no numbers.
    pub fn of_places(
        at: Place,
        of: &Coordinate,
        count: usize,
    ) -> Result<Option<Self>, FormatError> {
        let Some(ties) = ties(at, of, count)? else {
            return Ok(None);
        };
        let values = finite(at, &of.values)?;
        let step = of.step();
        let points = Self::new(&of.ties, &ties, &values, count, |first, steps| {
            first + steps * step
        });
        points.ok_or_else(|| uncovered(at, of, count)).map(Some)
    }

    /// Every value of the axis, by lines between those that are stored.
    pub fn all(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.values.iter().copied().take(1).collect();
        for (at, values) in self.at.windows(2).zip(self.values.windows(2)) {
            let step = (values[1] - values[0]) / (at[1] - at[0]) as f64;
            all.extend((1..=at[1] - at[0]).map(|k| values[0] + k as f64 * step));
        }
        all
    }
}

impl Points<i64> {
    /// Those of an axis of `count` times, whole numbers without rounding; `None` where all are stored.
    ///
    /// # Errors
    /// When they do not begin and end where the axis does, do not follow each other, or are no numbers.
    pub fn of_times(
        at: Place,
        of: &Coordinate,
        since: Since,
        count: usize,
    ) -> Result<Option<Self>, FormatError> {
        let Some(ties) = ties(at, of, count)? else {
            return Ok(None);
        };
        let (values, resolution): (Vec<i64>, i64) = if stored_as_integers(&of.values) {
            let stored = integers(at, &of.values)?;
            let unit = i64::try_from(since.unit).unwrap_or(i64::MAX);
            (
                stored.iter().map(|it| since.of_integer(*it)).collect(),
                unit,
            )
        } else {
            let stored = finite(at, &of.values)?;
            let times = stored.iter().map(|it| since.start_of_double(*it));
            (times.collect(), 500)
        };
        let step = of.step() * since.unit as f64;
        let points = Self::new(&of.ties, &ties, &values, count, |first: i64, steps| {
            first.saturating_add((steps * step).round() as i64)
        });
        let points = points.ok_or_else(|| uncovered(at, of, count))?;
        Ok(Some(Self {
            resolution,
            ..points
        }))
    }

    /// The segments between the points, and their rate.
    ///
    /// A line of long steps has a pause before its last value, the only one of these that is stored: the line between two
    /// neighbouring samples, as a rule.
    pub fn clock(&self, name: String) -> Clock {
        let lines = || self.at.windows(2).zip(self.values.windows(2));
        let step = |at: &[usize], times: &[i64]| {
            times[1].saturating_sub(times[0]) as f64 / (at[1] - at[0]) as f64
        };
        // The longest of the rising lines has the usual step.
        let rising = lines().filter(|(_, times)| times[1] > times[0]);
        let longest = rising.min_by_key(|(at, _)| std::cmp::Reverse(at[1] - at[0]));
        let usual = longest.map_or(f64::INFINITY, |(at, times)| step(at, times));
        let mut segments = vec![Segment {
            start: self.values.first().copied().unwrap_or(0),
            samples: 0..1,
        }];
        let mut not_rising = None;
        let mut within = (0_u64, 0_u64);
        for (at, times) in lines() {
            let [from, to] = [at[0], at[1]];
            if times[1] <= times[0] {
                not_rising.get_or_insert(from + 1);
            }
            let paused = step(at, times) > PAUSE * usual;
            if let Some(last) = segments.last_mut() {
                last.samples.end = to + usize::from(!paused);
            }
            if paused {
                segments.push(Segment {
                    start: times[1],
                    samples: to..to + 1,
                });
            } else if let Ok(span) = u64::try_from(times[1].saturating_sub(times[0])) {
                within.0 += (to - from) as u64;
                within.1 = within.1.saturating_add(span);
            }
        }
        let stamped = Stamped {
            count: self.at.last().map_or(0, |last| last + 1),
            segments,
            rate: Rate::of_span(within.0, within.1),
            measured: within.1,
            jitter: 0,
            not_rising,
        };
        Clock::of(name, stamped, self.resolution)
    }
}

impl<T: Copy> Points<T> {
    fn new(
        of: &Ties,
        ties: &[i64],
        values: &[T],
        count: usize,
        later: impl Fn(T, f64) -> T,
    ) -> Option<Self> {
        let at: Option<Vec<usize>> = ties.iter().map(|it| usize::try_from(*it).ok()).collect();
        match of {
            Ties::Runs(..) => Self::of_runs(&at?, values, count, later),
            _ => Self::of_ties(at?, values, count),
        }
    }

    fn of_ties(at: Vec<usize>, values: &[T], count: usize) -> Option<Self> {
        let covers = at.is_sorted_by(|a, b| a < b)
            && at.first() == Some(&0)
            && at.last() == Some(&(count - 1));
        covers.then(|| Self {
            at,
            values: values.to_vec(),
            resolution: 0,
        })
    }

    fn of_runs(
        lengths: &[usize],
        values: &[T],
        count: usize,
        later: impl Fn(T, f64) -> T,
    ) -> Option<Self> {
        let mut points = Self {
            at: Vec::new(),
            values: Vec::new(),
            resolution: 0,
        };
        let mut begin = 0_usize;
        for (length, value) in lengths.iter().zip(values) {
            let end = begin.checked_add(*length);
            let end = end.filter(|end| *length > 0 && *end <= count)?;
            points.at.push(begin);
            points.values.push(*value);
            if *length > 1 {
                points.at.push(end - 1);
                points.values.push(later(*value, (length - 1) as f64));
            }
            begin = end;
        }
        (begin == count).then_some(points)
    }
}

impl Coordinate {
    /// The step of runs, in units of the values; 0 where there are none.
    fn step(&self) -> f64 {
        match self.ties {
            Ties::Runs(_, step) => step,
            _ => 0.0,
        }
    }
}

/// Where the ties lie, or how long the runs are; `None` where all values are stored.
fn ties(at: Place, of: &Coordinate, count: usize) -> Result<Option<Vec<i64>>, FormatError> {
    let (Ties::At(ties) | Ties::Runs(ties, _)) = &of.ties else {
        return Ok(None);
    };
    let (stored, wanted) = (of.values.size(), ties.size());
    if stored != wanted || stored == 0 || stored > MOST_TIES.min(count) {
        let found = format!("{stored} values for {wanted} ties, of an axis of {count}");
        let expected = format!("as many as ties, 1 to {}", MOST_TIES.min(count));
        return Err(at.content(of.values.name(), found, expected));
    }
    integers(at, ties).map(Some)
}

fn uncovered(at: Place, of: &Coordinate, count: usize) -> FormatError {
    let (Ties::At(ties) | Ties::Runs(ties, _)) = &of.ties else {
        return at.content(of.values.name(), "no ties", "ties");
    };
    let found = format!("{} ties that do not cover the axis once", ties.size());
    let expected = format!("ties from 0 to {}, one after the other", count - 1);
    at.content(ties.name(), found, expected)
}

fn finite(at: Place, values: &Dataset) -> Result<Vec<f64>, FormatError> {
    let all = numbers(at, values)?;
    match all.iter().all(|value| value.is_finite()) {
        true => Ok(all),
        false => Err(at.content(values.name(), "values that are no numbers", "numbers")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(at: &[usize], values: &[i64]) -> Clock {
        let points = Points {
            at: at.to_vec(),
            values: values.to_vec(),
            resolution: 1,
        };
        points.clock("time".into())
    }

    /// Where ties lie, their times, and the end and start of each segment.
    type Case<'a> = (&'a [usize], &'a [i64], &'a [(usize, i64)]);

    fn ends(clock: &Clock) -> Vec<(usize, i64)> {
        let segments = clock.segments(clock.rows());
        segments
            .iter()
            .map(|it| (it.samples.end, it.start))
            .collect()
    }

    #[test]
    fn a_jump_between_ties_is_a_pause_and_jitter_is_none() {
        const T: i64 = 1_695_407_366_500_000_000;
        // Without a pause, with a pause after the first and before the last sample, and with samples that are alone.
        let cases: [Case; 5] = [
            (&[0, 11], &[T, T + 22], &[(12, T)]),
            (
                &[0, 8, 9, 11],
                &[T, T + 16, T + 500, T + 504],
                &[(9, T), (12, T + 500)],
            ),
            (&[0, 1, 11], &[T, T + 90, T + 110], &[(1, T), (12, T + 90)]),
            (&[0, 10, 11], &[T, T + 20, T + 90], &[(11, T), (12, T + 90)]),
            (
                &[0, 5, 6, 7, 11],
                &[T, T + 10, T + 50, T + 90, T + 98],
                &[(6, T), (7, T + 50), (12, T + 90)],
            ),
        ];
        for (at, values, expected) in cases {
            let clock = clock(at, values);
            assert_eq!(ends(&clock), expected);
            assert_eq!(clock.rate(), Rate::of_span(1, 2));
        }
        // Times at the borders of files that jitter by half a step.
        let jitter = clock(&[0, 5, 6, 11], &[T, T + 10, T + 13, T + 23]);
        assert_eq!(ends(&jitter), [(12, T)]);
        let jitter = clock(&[0, 5, 6, 11], &[T, T + 10, T + 9, T + 19]);
        assert_eq!(ends(&jitter), [(12, T)]);
        assert_eq!(clock(&[0], &[T]).rate(), None);
    }
}
