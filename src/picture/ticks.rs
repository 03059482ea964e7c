//! Ticks: round places on an axis and what is written beside them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Marks of an axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ticks {
    /// Places and their labels.
    pub marks: Vec<(f64, String)>,
    /// What all labels have in common, to stand beside the axis: a power of ten, or the date.
    pub note: String,
}

/// Marks at round numbers, at most so many (and no fewer than two where there is room for them).
pub fn numbers(from: f64, to: f64, most: usize) -> Ticks {
    let (low, high) = (from.min(to), from.max(to));
    if !(low.is_finite() && high.is_finite()) || low == high {
        let marks = vec![(low, format!("{low}"))];
        return Ticks {
            marks: if low.is_finite() { marks } else { vec![] },
            note: String::new(),
        };
    }
    let step = step(high - low, most.max(2));
    let largest = low.abs().max(high.abs());
    let power = (largest * (1.0 + 1e-12)).log10().floor() as i32;
    // A range far from zero is told by all its digits, whatever its size.
    let plain = (-3..6).contains(&power) || largest / step > 1e5;
    let power = if plain { 0 } else { power };
    let unit = 10f64.powi(power);
    let exact = |decimals: &usize| {
        let scaled = step / unit * 10f64.powi(*decimals as i32);
        scaled > 0.5 && (scaled - scaled.round()).abs() < 1e-6 * scaled
    };
    let decimals = (0..=12).find(exact).unwrap_or(12);
    let label = |value: f64| {
        let text = format!("{:.decimals$}", value / unit);
        match text.strip_prefix('-') {
            Some(rest) if rest.bytes().all(|b| b == b'0' || b == b'.') => rest.into(),
            Some(rest) => format!("−{rest}"),
            None => text,
        }
    };
    Ticks {
        marks: round(low, high, step)
            .map(|value| (value, label(value)))
            .collect(),
        note: match power {
            0 => String::new(),
            power => format!("×10{}", raised(power)),
        },
    }
}

/// Marks of a logarithmic axis, whose places are powers of ten.
pub fn decades(from: f64, to: f64, most: usize) -> Ticks {
    let step = step((to - from).abs(), most.max(2));
    if step < 1.0 {
        // Less than a few decades: round places have no round values, so they are told in full.
        let marks = round(from.min(to), from.max(to), step);
        let label = |place: f64| significant(10f64.powf(place));
        return Ticks {
            marks: marks.map(|place| (place, label(place))).collect(),
            note: String::new(),
        };
    }
    let marks = round(from.min(to), from.max(to), step.ceil());
    Ticks {
        marks: marks
            .map(|place| (place, format!("10{}", raised(place as i32))))
            .collect(),
        note: String::new(),
    }
}

/// Two digits of a number, with its power of ten where it is far from one.
pub fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let power = value.abs().log10().floor() as i32;
    if (-2..5).contains(&power) {
        let decimals = (1 - power).max(0) as usize;
        let text = format!("{value:.decimals$}");
        let text = if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            &text
        };
        return text.replace('-', "−");
    }
    let mantissa = format!("{:.1}", value / 10f64.powi(power));
    let mantissa = mantissa.trim_end_matches(".0").replace('-', "−");
    format!("{mantissa}×10{}", raised(power))
}

/// A whole number in superscript.
pub fn raised(number: i32) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32('⁰' as u32 + digit.to_digit(10).unwrap_or(0)).unwrap_or('⁰'),
    };
    number.to_string().chars().map(digit).collect()
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86400.0;

/// Distances of times that people count in.
const STEPS: &[f64] = &[
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    10.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
    28.0 * DAY,
    91.0 * DAY,
    365.0 * DAY,
];

/// Marks at round times, given as Unix times and told in UTC: at most so many.
pub fn times(from: f64, to: f64, most: usize) -> Ticks {
    let (low, high) = (from.min(to), from.max(to));
    let fits = |step: &&f64| (high - low) / **step <= most.max(2) as f64;
    let step = STEPS.iter().find(fits).copied();
    let (Some(first), Some(last)) = (civil(low), civil(high)) else {
        return numbers(from, to, most);
    };
    let Some(step) = step.filter(|_| low < high) else {
        return numbers(from, to, most);
    };
    let format = match step {
        s if s >= DAY => "%Y-%m-%d",
        s if s >= MINUTE => "%H:%M",
        s if s >= 1.0 => "%H:%M:%S",
        _ => "%H:%M:%S%.3f",
    };
    let marks = round(low, high, step).filter_map(|time| {
        let at = civil(time)?;
        let midnight = step < DAY && time.rem_euclid(DAY) == 0.0 && time > low;
        let format = if midnight { "%Y-%m-%d" } else { format };
        Some((time, at.strftime(format).to_string()))
    });
    let day = |at: &DateTime| at.strftime("%Y-%m-%d").to_string();
    let note = match (day(&first), day(&last)) {
        _ if step >= DAY => "UTC".to_string(),
        (first, last) if first == last => format!("{first}, UTC"),
        (first, last) => format!("{first} to {last}, UTC"),
    };
    Ticks {
        marks: marks.collect(),
        note,
    }
}

/// A Unix time as a date and time of day.
pub fn civil(time: f64) -> Option<DateTime> {
    // Double precision holds Unix times to a quarter of a microsecond.
    let microseconds = (time * 1e6).round();
    let stamp = Timestamp::from_microsecond(microseconds as i64).ok()?;
    microseconds
        .is_finite()
        .then(|| TimeZone::UTC.to_datetime(stamp))
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that makes at most so many steps.
fn step(range: f64, most: usize) -> f64 {
    let least = range / most as f64;
    let power = 10f64.powf(least.log10().floor());
    let fits = |s: &f64| range / s <= most as f64 * (1.0 + 1e-9);
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|k| k * power);
    steps.into_iter().find(fits).unwrap_or(10.0 * power)
}

/// The multiples of a step between two values.
fn round(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let slack = 1e-9 * (high - low) / step;
    let first = (low / step - slack).ceil() as i64;
    let last = (high / step + slack).floor() as i64;
    (first..=last).map(move |k| k as f64 * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: Ticks) -> (Vec<String>, String) {
        (ticks.marks.into_iter().map(|m| m.1).collect(), ticks.note)
    }

    #[test]
    fn numbers_are_round() {
        let cases: &[(f64, f64, &[&str], &str)] = &[
            (0.0, 10.0, &["0", "2", "4", "6", "8", "10"], ""),
            (-1.0, 1.0, &["−1.0", "−0.5", "0.0", "0.5", "1.0"], ""),
            (500.0, 100.0, &["100", "200", "300", "400", "500"], ""),
            (0.0, 3.1e-9, &["0", "1", "2", "3"], "×10⁻⁹"),
            (0.0, 2.1e7, &["0.0", "0.5", "1.0", "1.5", "2.0"], "×10⁷"),
            (0.0, 1.0, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], ""),
            (0.0, 1.2, &["0.00", "0.25", "0.50", "0.75", "1.00"], ""),
            (7.0, 7.0, &["7"], ""),
        ];
        for (from, to, expected, note) in cases {
            let (found, found_note) = labels(numbers(*from, *to, 5));
            assert_eq!(
                (&found[..], found_note.as_str()),
                (&expected.map_owned()[..], *note)
            );
        }
    }

    trait Owned {
        fn map_owned(&self) -> Vec<String>;
    }

    impl Owned for &[&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|s| s.to_string()).collect()
        }
    }

    #[test]
    fn times_are_told_in_utc() {
        let new_year = 1_767_225_600.0;
        let (found, note) = labels(times(new_year, new_year + 30.0, 6));
        assert_eq!(found[..3], ["00:00:00", "00:00:05", "00:00:10"]);
        assert_eq!(note, "2026-01-01, UTC");
        let (found, note) = labels(times(new_year - HOUR, new_year + HOUR, 4));
        assert_eq!(found, ["23:00", "23:30", "2026-01-01", "00:30", "01:00"]);
        assert_eq!(note, "2025-12-31 to 2026-01-01, UTC");
        let (found, note) = labels(times(new_year, new_year + 3.0 * DAY, 3));
        assert_eq!(
            found,
            ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]
        );
        assert_eq!(note, "UTC");
        let (found, _) = labels(times(new_year, new_year + 0.004, 4));
        assert_eq!(found[1], "00:00:00.001");
    }

    #[test]
    fn decades_are_powers() {
        let (found, _) = labels(decades(-3.0, 1.0, 5));
        assert_eq!(found, ["10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹"]);
        let (found, _) = labels(decades(0.0, 1.0, 3));
        assert_eq!(found, ["1", "3.2", "10"]);
        assert_eq!(significant(-1.25e-7), "−1.2×10⁻⁷");
        assert_eq!(significant(0.0123), "0.012");
    }
}
