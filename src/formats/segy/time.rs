//! The time of the first sample: the date of trace 0, with the fraction of a second from wherever a vendor put it.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::fields::{Raw, TRACE_HEADER};
use crate::formats::segment::SECOND;

/// Nanoseconds by which a time in whole seconds may be off.
const WHOLE_SECONDS: i64 = SECOND - 1;

/// A start in UTC, and by how many nanoseconds it may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The time of the first sample.
    pub time: Timestamp,
    /// Resolution of the time in the file: a whole second, the last digit of a fraction, or a nanosecond.
    pub tolerance: i64,
}

/// The start of a recording.
///
/// Revisions 0 and 1 keep whole seconds; a fraction is taken from the header extension of revision 2, or from a file name
/// whose time is less than a second off. Without a date the file name decides, and without that the recording starts at 1970-01-01.
pub fn start(trace: &Raw, file_name: &str, warnings: &mut Vec<String>) -> Start {
    let named = in_file_name(file_name);
    let clock = [156, 158, 160, 162, 164].map(|at| trace.i16(at));
    if let Some(time) = stated(clock) {
        let whole = Start {
            time,
            tolerance: WHOLE_SECONDS,
        };
        match trace.i16(166) {
            1 => warnings.push("the time basis is local time: taken as UTC".into()),
            5 => warnings.push("the time basis is GPS time: taken as UTC".into()),
            _ => {}
        }
        let nanoseconds = if trace.is_extended() {
            trace.i32(TRACE_HEADER + 140)
        } else {
            0
        };
        if (1..1_000_000_000).contains(&nanoseconds) {
            let fraction = SignedDuration::from_nanos(i64::from(nanoseconds));
            let exact = time.checked_add(fraction);
            return exact.map_or(whole, |time| Start { time, tolerance: 1 });
        }
        // A writer may have rounded to the next second.
        return named
            .filter(|it| it.time.duration_since(time).abs() < SignedDuration::from_secs(1))
            .unwrap_or(whole);
    }
    let missing = if clock == [0; 5] {
        "the first trace has no date".to_string()
    } else {
        let [year, day, hour, minute, second] = clock;
        format!(
            "the first trace's date is invalid: year {year}, day {day}, {hour}:{minute}:{second}"
        )
    };
    let unknown = Start {
        time: Timestamp::UNIX_EPOCH,
        tolerance: WHOLE_SECONDS,
    };
    let (start, source) = match named {
        Some(named) => (named, "from the file name"),
        None => (unknown, "as the file name has no time either"),
    };
    warnings.push(format!("{missing}; the start is {}, {source}", start.time));
    start
}

/// Year, day of the year, hour, minute, second; years below 100 are 1970 to 2069.
fn stated([year, day, hour, minute, second]: [i16; 5]) -> Option<Timestamp> {
    let year = match year {
        1..70 => 2000 + year,
        70..100 => 1900 + year,
        _ => year,
    };
    if year < 1900 || day < 1 {
        return None;
    }
    let date = Date::new(year, 1, 1)
        .and_then(|d| d.checked_add((i64::from(day) - 1).days()))
        .ok()
        .filter(|d| d.year() == year)?;
    let part = |n: i16| i8::try_from(n).ok();
    instant(date, part(hour)?, part(minute)?, part(second)?, 0)
}

/// A time in a file name: `20190415_033335.812`, `20180828T140213.862+0000`, `20190428135038` or `UTC190428135038`; with an
/// offset of ISO 8601, which [`east`] reads.
fn in_file_name(name: &str) -> Option<Start> {
    (0..name.len())
        .filter(|at| name.is_char_boundary(*at))
        .filter(|at| !name[..*at].ends_with(|c: char| c.is_ascii_digit()))
        .find_map(|at| clock_at(&name[..at], &name[at..]))
}

fn clock_at(before: &str, text: &str) -> Option<Start> {
    let (first, rest) = digits(text);
    let (date, clock, rest) = match first.len() {
        8 => {
            let (clock, rest) = digits(rest.strip_prefix(['_', '-', 'T'])?);
            (first.to_string(), clock, rest)
        }
        12 if before.ends_with("UTC") => (format!("20{}", &first[..6]), &first[6..], rest),
        14 => (first[..8].to_string(), &first[8..], rest),
        _ => return None,
    };
    if clock.len() != 6 {
        return None;
    }
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    let nanoseconds: i32 = format!("{:0<9.9}", fraction).parse().ok()?;
    let two = |text: &str, at: usize| text[at..at + 2].parse::<i8>().ok();
    let date = Date::new(date[..4].parse().ok()?, two(&date, 4)?, two(&date, 6)?).ok()?;
    let local = instant(
        date,
        two(clock, 0)?,
        two(clock, 2)?,
        two(clock, 4)?,
        nanoseconds,
    )?;
    let digits = u32::try_from(fraction.len()).unwrap_or(9).min(9);
    Some(Start {
        time: local.checked_sub(east(rest)).ok()?,
        tolerance: 10_i64.pow(9 - digits).min(WHOLE_SECONDS),
    })
}

/// The offset from UTC that a text begins with, as ISO 8601 writes it: `+0130`, `-06:00`, `-06`, `Z`. Numbers that are no
/// offset of any place, such as those that count files, are none.
fn east(text: &str) -> SignedDuration {
    const FARTHEST: i64 = 14 * 60;
    let of = |text: &str| -> Option<i64> {
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let (first, rest) = digits(text.strip_prefix(['+', '-'])?);
        let (hours, minutes) = match first.len() {
            4 => first.split_at(2),
            2 => {
                let minutes = rest.strip_prefix(':').map(|rest| digits(rest).0);
                (first, minutes.filter(|it| it.len() == 2).unwrap_or("00"))
            }
            _ => return None,
        };
        let [hours, minutes]: [i64; 2] = [hours.parse().ok()?, minutes.parse().ok()?];
        let total = hours * 60 + minutes;
        let exists = [0, 15, 30, 45].contains(&minutes) && total <= FARTHEST;
        (exists && (hours > 0 || minutes == 0)).then_some(sign * total)
    };
    SignedDuration::from_mins(of(text).unwrap_or(0))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn instant(date: Date, hour: i8, minute: i8, second: i8, nanoseconds: i32) -> Option<Timestamp> {
    let time = Time::new(hour, minute, second, nanoseconds).ok()?;
    TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_of_the_field_have_their_time() {
        let cases = [
            (
                "a_UTC_20190415_033335.812.sgy",
                Some("2019-04-15T03:33:35.812Z"),
            ),
            (
                "x_S20180828_140213.862+0000_y.sgy",
                Some("2018-08-28T14:02:13.862Z"),
            ),
            ("x_20180828T140213+0130.sgy", Some("2018-08-28T12:32:13Z")),
            ("b_UTC190428135038.sgy", Some("2019-04-28T13:50:38Z")),
            ("20190428135038.sgy", Some("2019-04-28T13:50:38Z")),
            ("line_20191399_000000.sgy", None),
            ("120190428_135038.sgy", None),
            ("f3.sgy", None),
        ];
        for (name, expected) in cases {
            let found = in_file_name(name).map(|it| it.time.to_string());
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn offsets_in_file_names_are_those_of_iso_8601() {
        let cases = [
            ("Z", "2018-08-28T14:02:13.862Z"),
            ("+0000", "2018-08-28T14:02:13.862Z"),
            ("+0130", "2018-08-28T12:32:13.862Z"),
            ("+01:30", "2018-08-28T12:32:13.862Z"),
            ("-0600", "2018-08-28T20:02:13.862Z"),
            ("-06:00", "2018-08-28T20:02:13.862Z"),
            ("-06", "2018-08-28T20:02:13.862Z"),
            ("+14", "2018-08-28T00:02:13.862Z"),
            ("-03:30", "2018-08-28T17:32:13.862Z"),
            // Numbers of files.
            ("-0001", "2018-08-28T14:02:13.862Z"),
            ("-001", "2018-08-28T14:02:13.862Z"),
            ("-0612", "2018-08-28T14:02:13.862Z"),
            ("-2300", "2018-08-28T14:02:13.862Z"),
            ("-", "2018-08-28T14:02:13.862Z"),
        ];
        for (zone, expected) in cases {
            for end in ["_1.sgy", ".sgy"] {
                let name = format!("fibre_S20180828_140213.862{zone}{end}");
                let found = in_file_name(&name).map(|it| it.time.to_string());
                assert_eq!(found.as_deref(), Some(expected), "{name}");
            }
        }
    }

    #[test]
    fn file_names_resolve_what_their_digits_do() {
        for (fraction, expected) in [
            ("", 999_999_999),
            (".8", 100_000_000),
            (".862", 1_000_000),
            (".862123", 1_000),
            (".862123456", 1),
            (".8621234567", 1),
        ] {
            let name = format!("x_20180828T140213{fraction}Z.sgy");
            let found = in_file_name(&name).map(|it| it.tolerance);
            assert_eq!(found, Some(expected), "{name}");
        }
    }

    #[test]
    fn dates_count_days_from_one_and_take_short_years() {
        let cases = [
            ([2018, 240, 14, 2, 13], Some("2018-08-28T14:02:13Z")),
            ([18, 240, 14, 2, 13], Some("2018-08-28T14:02:13Z")),
            ([99, 1, 0, 0, 0], Some("1999-01-01T00:00:00Z")),
            ([2020, 366, 23, 59, 59], Some("2020-12-31T23:59:59Z")),
            ([2019, 366, 0, 0, 0], None),
            ([2019, 0, 0, 0, 0], None),
            ([0, 0, 0, 0, 0], None),
            ([2019, 1, 25, 0, 0], None),
            ([-7673, -4096, 3584, 512, 3328], None),
        ];
        for (clock, expected) in cases {
            let found = stated(clock).map(|t| t.to_string());
            assert_eq!(found.as_deref(), expected, "{clock:?}");
        }
    }
}
