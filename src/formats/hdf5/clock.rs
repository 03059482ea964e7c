//! The times of rows as datasets hold them, and the segments and rate that these give.

use hdf5::Dataset;
use jiff::Timestamp;
use ndarray::s;

use super::Place;
use super::values::{stored_as_integers, written};
use crate::formats::FormatError;
use crate::formats::properties::YEAR_1971;
use crate::formats::segment::stamps::{Stamped, Stamps};
use crate::formats::segment::{Rate, SECOND, Segment};

/// Times that are read together: 512 kB.
const BLOCK: usize = 1 << 16;
/// Half a microsecond: doubles hold the seconds since 1970 to a quarter of one.
const OF_DOUBLES: i64 = 500;

/// The meaning of stored times: how many nanoseconds one is, and how many nanoseconds after 1970 zero is.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    /// Nanoseconds of one.
    pub unit: i128,
    /// Nanoseconds since 1970 of zero.
    pub zero: i128,
}

impl Since {
    /// Seconds since 1970.
    pub const SECONDS: Self = Self::units(1_000_000_000);
    /// Microseconds since 1970.
    pub const MICROSECONDS: Self = Self::units(1_000);
    /// Nanoseconds since 1970.
    pub const NANOSECONDS: Self = Self::units(1);

    /// Units of some nanoseconds since 1970.
    pub const fn units(unit: i128) -> Self {
        Self { unit, zero: 0 }
    }

    /// Nanoseconds since 1970 of a whole number, without rounding.
    pub fn of_integer(self, value: i64) -> i64 {
        bounded(self.zero + i128::from(value) * self.unit)
    }

    /// Nanoseconds since 1970 of a double, to the nearest.
    pub fn of_double(self, value: f64) -> i64 {
        // The whole part times the unit would lose digits as a double.
        let whole = value.floor();
        let part = ((value - whole) * self.unit as f64).round() as i128;
        bounded(
            (whole as i128)
                .saturating_mul(self.unit)
                .saturating_add(self.zero)
                .saturating_add(part),
        )
    }

    /// The same, to the microsecond where doubles of this size are too coarse for nanoseconds.
    pub fn start_of_double(self, value: f64) -> i64 {
        let exact = self.of_double(value);
        match self.is_coarse(value) {
            true => whole_microseconds(exact),
            false => exact,
        }
    }

    /// Whether doubles of this size are more than a nanosecond apart.
    fn is_coarse(self, value: f64) -> bool {
        let size = value.abs();
        let next = f64::from_bits(size.to_bits().saturating_add(1));
        (next - size) * self.unit as f64 > 1.0
    }
}

fn bounded(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn whole_microseconds(nanoseconds: i64) -> i64 {
    let micro = 1_000;
    (nanoseconds.saturating_add(micro / 2)).div_euclid(micro) * micro
}

/// A time in nanoseconds since 1970; `None` for fillers, which lie before 1971, and for times that no calendar has.
pub fn after_1970(nanoseconds: i64) -> Option<i64> {
    (nanoseconds as f64 >= YEAR_1971 * SECOND as f64).then_some(nanoseconds)
}

/// Rule for a time that is 0, negative or NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fillers {
    /// The rows from there on were allocated and not written: they have no time.
    End,
    /// It is a time like others: times may count from the start of the recording.
    Kept,
}

/// The times of rows.
#[derive(Debug, Clone)]
pub struct Clock {
    name: String,
    stamped: Stamped,
    /// Nanoseconds to which times are exact.
    resolution: i64,
}

impl Clock {
    /// Reads an array of times, in blocks; the file may state a rate.
    ///
    /// # Errors
    /// When it has another number of dimensions than one, was never written, or holds no numbers.
    pub fn read(
        at: Place,
        dataset: &Dataset,
        since: Since,
        stated: Option<Rate>,
    ) -> Result<Self, FormatError> {
        Self::read_with(at, dataset, since, stated, Fillers::End)
    }

    /// The same for arrays whose fillers may be meant.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_with(
        at: Place,
        dataset: &Dataset,
        since: Since,
        stated: Option<Rate>,
        fillers: Fillers,
    ) -> Result<Self, FormatError> {
        let name = dataset.name();
        let shape = dataset.shape();
        let [count] = shape[..] else {
            let found = format!("{} dimensions {shape:?}", shape.len());
            return Err(at.content(name, found, "1 dimension"));
        };
        written(at, dataset)?;
        let whole = stored_as_integers(dataset);
        let mut stamps = Stamps::new(stated);
        let mut first = None;
        for from in (0..count).step_by(BLOCK) {
            let rows = s![from..(from + BLOCK).min(count)];
            let failed = |e: hdf5::Error| at.library(&name, "times as numbers", &e);
            let written = if whole {
                let block = dataset.read_slice_1d::<i64, _>(rows).map_err(failed)?;
                let times = block.iter().map(|value| Some(since.of_integer(*value)));
                take(&mut stamps, times, fillers)
            } else {
                let block = dataset.read_slice_1d::<f64, _>(rows).map_err(failed)?;
                first = first.or_else(|| block.first().copied());
                let times = block
                    .iter()
                    .map(|value| (!value.is_nan()).then(|| since.of_double(*value)));
                take(&mut stamps, times, fillers)
            };
            if !written {
                break;
            }
        }
        let mut stamped = stamps.finish();
        let resolution = if whole {
            i64::try_from(since.unit).unwrap_or(i64::MAX)
        } else {
            let coarse = first.is_some_and(|it| since.is_coarse(it));
            for segment in stamped.segments.iter_mut().filter(|_| coarse) {
                segment.start = whole_microseconds(segment.start);
            }
            OF_DOUBLES
        };
        Ok(Self {
            name,
            stamped,
            resolution,
        })
    }

    /// Of times that a reader found itself, exact to `resolution` nanoseconds.
    pub fn of(name: String, stamped: Stamped, resolution: i64) -> Self {
        Self {
            name,
            stamped,
            resolution,
        }
    }

    /// Rows that have a time: later ones were never written.
    pub fn rows(&self) -> usize {
        self.stamped.count
    }

    /// Nanoseconds since 1970 of the first row; `None` without rows, and for times before 1971, which are fillers.
    pub fn start(&self) -> Option<i64> {
        after_1970(self.first()?)
    }

    fn first(&self) -> Option<i64> {
        self.stamped.segments.first().map(|it| it.start)
    }

    /// Rows per second within segments: a whole number where the times are too coarse to exclude it. `None` for fewer than two
    /// rows, and for times that do not rise.
    pub fn rate(&self) -> Option<Rate> {
        self.stamped.rate_within(self.resolution as f64)
    }

    /// The segments of a recording of so many samples. Samples without a time continue the last segment.
    pub fn segments(&self, samples: usize) -> Vec<Segment> {
        self.stamped.segments_of(samples)
    }

    /// The segments of a recording whose start is stated elsewhere: these times count from it. Where some are since 1970 and
    /// the first are not, those are fillers, and there is one segment.
    pub fn segments_from(&self, start: i64, samples: usize) -> Vec<Segment> {
        let mut segments = self.segments(samples);
        if segments.is_empty() || segments.iter().any(|it| after_1970(it.start).is_some()) {
            let samples = 0..samples;
            return vec![Segment { start, samples }];
        }
        let first = segments[0].start;
        for segment in &mut segments {
            segment.start = segment.start.saturating_sub(first).saturating_add(start);
        }
        segments
    }

    /// Nanoseconds by which the times may be off.
    pub fn tolerance(&self) -> i64 {
        self.resolution.max(self.stamped.jitter)
    }

    /// Warns of times that do not rise.
    pub fn check(&self, warnings: &mut Vec<String>) {
        if let Some(row) = self.stamped.not_rising {
            let name = &self.name;
            warnings.push(format!(
                "{name}: the time at row {row} is not later than at the row before"
            ));
        }
    }

    /// Warns of a stated rate that differs from that of the times by more than a thousandth.
    pub fn compare(&self, stated: Rate, stated_in: &str, used: Rate, warnings: &mut Vec<String>) {
        const DIFFERENT: f64 = 1e-3;
        let Some(rate) = self.rate().map(Rate::hertz) else {
            return;
        };
        let [stated, used] = [stated, used].map(Rate::hertz);
        if (rate / stated - 1.0).abs() > DIFFERENT {
            let name = &self.name;
            warnings.push(format!(
                "{stated_in} is {stated} Hz, but {name} gives {rate} Hz: {used} Hz is used"
            ));
        }
    }

    /// Description of the found value, for messages.
    pub fn found(&self) -> String {
        let rows = self.rows();
        match self.first() {
            None => format!("{rows} times"),
            Some(first) => {
                // Of more decimals, a double of today's seconds has none.
                let seconds = format!("{:.6}", first as f64 / SECOND as f64);
                let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
                format!("{rows} times from {seconds} s on")
            }
        }
    }
}

/// Takes times up to the first filler; gives whether there was none.
fn take(stamps: &mut Stamps, times: impl Iterator<Item = Option<i64>>, fillers: Fillers) -> bool {
    for time in times {
        match time {
            Some(time) if time > 0 || fillers == Fillers::Kept => stamps.push(time),
            _ => return false,
        }
    }
    true
}

/// A Unix time in seconds; `None` for fillers.
pub fn unix(seconds: f64) -> Option<Timestamp> {
    if seconds.is_nan() || seconds < YEAR_1971 {
        return None;
    }
    // Doubles hold today's times to a quarter of a microsecond.
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_exact_and_doubles_are_rounded_to_what_they_hold() {
        let ns = 1_695_407_366_500_000_001;
        assert_eq!(Since::NANOSECONDS.of_integer(ns), ns);
        let us = 1_695_407_366_500_001;
        assert_eq!(Since::MICROSECONDS.of_integer(us), us * 1000);
        let seconds = Since::SECONDS;
        assert_eq!(
            seconds.start_of_double(1_661_296_194.373_836_3),
            1_661_296_194_373_836_000
        );
        assert_eq!(
            seconds.start_of_double(1_695_407_366.5),
            1_695_407_366_500_000_000
        );
        // Since a date of this minute, doubles hold nanoseconds.
        let minute = Since {
            unit: 1_000_000_000,
            zero: 1_695_407_340_000_000_000,
        };
        assert_eq!(minute.start_of_double(26.500_000_001), ns);
        assert_eq!(seconds.of_double(f64::MAX), i64::MAX);
        assert_eq!(seconds.of_double(f64::NEG_INFINITY), i64::MIN);
    }
}
