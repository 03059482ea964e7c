//! `RawDataTime`, and `FbeDataTime` of bands: microseconds since 1970, one for each time sample.

use hdf5::{Dataset, Group};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ndarray::s;
use serde_json::{Map, Value};

use crate::formats::FormatError;
use crate::formats::hdf5::values::written;
use crate::formats::hdf5::{Place, attributes};

/// Times that are read together: 512 kB.
const BLOCK: usize = 1 << 16;

/// What the time array says.
#[derive(Debug)]
pub struct Times {
    name: &'static str,
    /// Number of times.
    pub count: usize,
    /// Attributes of the dataset.
    pub attributes: Map<String, Value>,
    first: i64,
    last: i64,
    /// The longest step, in microseconds, and the sample after it.
    longest: (i64, usize),
    /// The first sample that is not later than the one before.
    not_rising: Option<usize>,
}

impl Times {
    /// Reads the time array of a raw group; `None` if there is none, or an empty one.
    pub fn of(at: Place, raw: &Group, name: &'static str) -> Result<Option<Self>, FormatError> {
        if !raw.link_exists(name) {
            return Ok(None);
        }
        let dataset = at.dataset(raw, name)?;
        let shape = dataset.shape();
        let [count] = shape[..] else {
            let found = format!("{} dimensions {shape:?}", shape.len());
            return Err(at.content(dataset.name(), found, "1 dimension"));
        };
        if count == 0 {
            return Ok(None);
        }
        written(at, &dataset)?;
        let times = scan(name, &dataset, count)
            .map_err(|e| at.library(&dataset.name(), "integer microseconds", &e))?;
        Ok(Some(times))
    }

    /// Time of the first sample; `None` for a filler (an array of zeros, or times before 1971).
    pub fn start(&self) -> Option<Timestamp> {
        const YEAR_1971: i64 = 365 * 86_400 * 1_000_000;
        (self.first >= YEAR_1971)
            .then(|| Timestamp::from_microsecond(self.first).ok())
            .flatten()
    }

    /// Samples per second from the first and last time. Times are whole microseconds, so the rate is known to one part in
    /// their span: a whole number of hertz within that is taken as meant.
    pub fn rate(&self) -> Option<f64> {
        let span = self.last.checked_sub(self.first).filter(|span| *span > 0)? as f64;
        let rate = (self.count - 1) as f64 * 1e6 / span;
        let whole = rate.round();
        let known_to = rate * 2.0 / span;
        Some(if whole > 0.0 && (rate - whole).abs() <= known_to {
            whole
        } else {
            rate
        })
    }

    /// Says where the array disagrees with the samples or the rate.
    pub fn check(&self, samples: usize, prf: f64, warnings: &mut Vec<String>) {
        if self.count != samples {
            warnings.push(format!(
                "{} has {} times for {samples} samples",
                self.name, self.count
            ));
        }
        if let Some(rate) = self.rate()
            && (rate / prf - 1.0).abs() > 1e-3
        {
            warnings.push(format!(
                "{} gives {rate} samples per second, but the prf is {prf} Hz",
                self.name
            ));
        }
        let step = 1e6 / prf;
        let (longest, after) = self.longest;
        if longest as f64 > 1.5 * step {
            warnings.push(format!(
                "{} has a gap of {longest} us before sample {after}; samples are taken as evenly spaced",
                self.name
            ));
        }
        if let Some(sample) = self.not_rising {
            warnings.push(format!("{} does not rise at sample {sample}", self.name));
        }
    }
}

fn scan(name: &'static str, dataset: &Dataset, count: usize) -> hdf5::Result<Times> {
    let mut times = Times {
        name,
        count,
        attributes: attributes::of(dataset),
        first: 0,
        last: 0,
        longest: (0, 0),
        not_rising: None,
    };
    for from in (0..count).step_by(BLOCK) {
        let block = dataset.read_slice_1d::<i64, _>(s![from..(from + BLOCK).min(count)])?;
        for (k, time) in block.iter().copied().enumerate() {
            let sample = from + k;
            if sample == 0 {
                times.first = time;
            } else {
                let step = time.saturating_sub(times.last);
                if step > times.longest.0 {
                    times.longest = (step, sample);
                }
                if step <= 0 {
                    times.not_rising.get_or_insert(sample);
                }
            }
            times.last = time;
        }
    }
    Ok(times)
}

/// An ISO 8601 time, with `Z`, an offset, or nothing (then UTC); `None` for anything else and for fillers of 1970.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })?;
    (time.as_second() >= 365 * 86_400).then_some(time)
}
