//! distpy's type 0: root datasets `data` (times x channels) and `depth`, the start in the file's name, a second a chunk.

use hdf5::File;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::json;

use super::clock::{Clock, Fillers, Since};
use super::values::for_each_channel;
use super::{Found, Place, attributes, samples};
use crate::formats::segment::{Rate, SECOND, Segment, nanoseconds};
use crate::formats::{FormatError, Header, Layout};

/// Whether the file has this layout. Other makers' files with `data` and `depth` carry their own time stamps.
pub fn recognise(file: &File) -> bool {
    file.dataset("data").is_ok() && file.dataset("depth").is_ok() && !file.link_exists("stamps")
}

/// Reads everything but the samples.
pub fn header(at: Place, file: &File) -> Result<Found, FormatError> {
    let data = at.dataset(file, "data")?;
    let [times, channels] = samples::shape(at, &data)?;
    let mut warnings = Vec::new();
    let depth = for_each_channel(at, &at.dataset(file, "depth")?, channels)?;
    let start = start_in_name(at)?;
    let (rate, segments) = match data.chunk() {
        Some(chunk) => (at.rate(chunk[0] as f64)?, Segment::whole(start, times)),
        None => {
            warnings.push("/data has no HDF5 chunks: the rate is that of /time".into());
            let (rate, clock) = times_of_rows(at, file)?;
            clock.check(&mut warnings);
            (rate, clock.segments_from(nanoseconds(start), times))
        }
    };
    let attributes: serde_json::Map<_, _> = [
        ("/", attributes::of(file)),
        ("/data", attributes::of(&data)),
    ]
    .into_iter()
    .map(|(name, attributes)| (name.to_owned(), attributes.into()))
    .collect();
    let header = Header {
        channels,
        samples: times,
        rate,
        dtype: samples::dtype(at, &data)?,
        segments,
        // The name has whole seconds.
        time_tolerance: SECOND - 1,
        depth,
        layout: Layout::TimeMajor,
        calibration: None,
        metadata: json!({ "format": "distpy type 0", "attributes": attributes }),
        warnings,
    };
    Ok(Found::plain(data, header))
}

/// The times of the rows in seconds, which count from whenever, and their rate.
fn times_of_rows(at: Place, file: &File) -> Result<(Rate, Clock), FormatError> {
    let time = at.dataset(file, "time")?;
    let expected = "rising seconds";
    if time.ndim() != 1 || time.size() < 2 {
        let found = format!("values of shape {:?}", time.shape());
        return Err(at.content("/time", found, expected));
    }
    let clock = Clock::read_with(at, &time, Since::SECONDS, None, Fillers::Kept)?;
    match clock.rate() {
        Some(rate) => Ok((rate, clock)),
        None => Err(at.content("/time", clock.found(), expected)),
    }
}

/// UTC, from the last 16 characters of the file's name: `DDMMYY_HHMMSS.h5`, in the years 2000 to 2099.
fn start_in_name(at: Place) -> Result<Timestamp, FormatError> {
    let name = at.path.file_name().unwrap_or_default().to_string_lossy();
    let parsed = name
        .strip_suffix(".h5")
        .and_then(|stem| stem.get(stem.len().checked_sub(13)?..))
        .and_then(civil);
    parsed.ok_or_else(|| {
        at.content(
            "file name",
            name.as_ref(),
            "a start time at its end: DDMMYY_HHMMSS.h5 (UTC)",
        )
    })
}

fn civil(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('_')?;
    let pairs = |digits: &str| -> Option<[i8; 3]> {
        let two = |k: usize| digits.get(2 * k..2 * k + 2)?.parse().ok();
        let all_digits = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit());
        all_digits.then_some([two(0)?, two(1)?, two(2)?])
    };
    let ([day, month, year], [hour, minute, second]) = (pairs(date)?, pairs(time)?);
    let year = 2000 + i16::from(year);
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}
