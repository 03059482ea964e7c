//! The time of the first sample: the date of trace 0, with the fraction of a second from wherever a vendor put it.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::fields::{Raw, TRACE_HEADER};

/// The start of a recording, in UTC.
///
/// Revisions 0 and 1 keep whole seconds; a fraction is taken from the header extension of revision 2, or from a file name
/// whose time is less than a second off. Without a date the file name decides, and without that the recording starts at 1970-01-01.
pub fn start(trace: &Raw, file_name: &str, warnings: &mut Vec<String>) -> Timestamp {
    let named = in_file_name(file_name);
    let clock = [156, 158, 160, 162, 164].map(|at| trace.i16(at));
    if let Some(whole) = stated(clock) {
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
            return whole.checked_add(fraction).unwrap_or(whole);
        }
        // A writer may have rounded to the next second.
        return named
            .filter(|n| n.duration_since(whole).abs() < SignedDuration::from_secs(1))
            .unwrap_or(whole);
    }
    let missing = if clock == [0; 5] {
        "the first trace has no date".to_string()
    } else {
        let [year, day, hour, minute, second] = clock;
        format!("the first trace's date is none: year {year}, day {day}, {hour}:{minute}:{second}")
    };
    let (start, source) = match named {
        Some(named) => (named, "from the file's name"),
        None => (Timestamp::UNIX_EPOCH, "as nothing else has it"),
    };
    warnings.push(format!("{missing}; the start is {start}, {source}"));
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

/// A time in a file name: `20190415_033335.812`, `20180828T140213.862+0000`, `20190428135038` or `UTC190428135038`.
fn in_file_name(name: &str) -> Option<Timestamp> {
    (0..name.len())
        .filter(|at| name.is_char_boundary(*at))
        .filter(|at| !name[..*at].ends_with(|c: char| c.is_ascii_digit()))
        .find_map(|at| clock_at(&name[..at], &name[at..]))
}

fn clock_at(before: &str, text: &str) -> Option<Timestamp> {
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
    let (zone, _) = rest.strip_prefix('+').map_or(("", rest), digits);
    if zone.len() != 4 {
        return Some(local);
    }
    let east = SignedDuration::from_mins(i64::from(two(zone, 0)?) * 60 + i64::from(two(zone, 2)?));
    local.checked_sub(east).ok()
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
            let found = in_file_name(name).map(|t| t.to_string());
            assert_eq!(found.as_deref(), expected, "{name}");
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
