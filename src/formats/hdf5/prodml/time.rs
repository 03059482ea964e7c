//! `RawDataTime`, and `FbeDataTime` of bands: microseconds since 1970, one for each time sample.

use hdf5::Group;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::formats::FormatError;
use crate::formats::hdf5::clock::{Clock, Fillers, Since};
use crate::formats::hdf5::{Place, attributes};
use crate::formats::segment::Rate;

/// The time array of a group.
#[derive(Debug)]
pub struct Times {
    name: &'static str,
    /// Number of times.
    pub count: usize,
    /// Attributes of the dataset.
    pub attributes: Map<String, Value>,
    /// The times. An array of fillers, or one that counts from the start of the recording, has none since 1970.
    pub clock: Clock,
}

impl Times {
    /// Reads the time array of a group; `None` if there is none, or an empty one. The group may state a rate.
    pub fn of(
        at: Place,
        raw: &Group,
        name: &'static str,
        stated: Option<Rate>,
    ) -> Result<Option<Self>, FormatError> {
        if !raw.link_exists(name) {
            return Ok(None);
        }
        let dataset = at.dataset(raw, name)?;
        if dataset.shape() == [0] {
            return Ok(None);
        }
        let clock = Clock::read_with(at, &dataset, Since::MICROSECONDS, stated, Fillers::Kept)?;
        Ok(Some(Self {
            name,
            count: dataset.size(),
            attributes: attributes::of(&dataset),
            clock,
        }))
    }

    /// Warns where the array disagrees with the samples or with itself.
    pub fn check(&self, samples: usize, warnings: &mut Vec<String>) {
        if self.count != samples {
            warnings.push(format!(
                "{} has {} times for {samples} samples",
                self.name, self.count
            ));
        }
        self.clock.check(warnings);
    }
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
