//! Times as texts of a form that a `strptime` format describes, as Python has it.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The form of times, such as `%Y-%m-%d %H:%M:%S`. A blank in it stands for any number of blanks, none included.
#[derive(Debug, Clone)]
pub struct TimeFormat {
    text: String,
    /// jiff's formats for the same: offsets with and without a colon, and the names of UTC, which jiff does not read.
    forms: Vec<String>,
    half_days: HalfDays,
}

/// What `AM` and `PM` mean beside an hour that counts to 24 (`%H`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HalfDays {
    /// Hours up to 12 are of that half of the day.
    Meant,
    /// Nothing, as in Python: one in the afternoon is one in the morning.
    Ignored,
}

impl TimeFormat {
    /// The form that a format describes.
    pub fn new(text: &str, half_days: HalfDays) -> Self {
        let mut forms = vec![text.to_string()];
        if text.contains("%Z") {
            forms = ["UTC", "GMT", "Z"]
                .map(|zone| text.replace("%Z", zone))
                .into();
        }
        if text.contains("%z") {
            let with = |form: &String| ["%z", "%:z", "Z"].map(|zone| form.replace("%z", zone));
            forms = forms.iter().flat_map(with).collect();
        }
        let ignored = half_days == HalfDays::Ignored && text.contains("%H") && text.contains("%p");
        if ignored {
            forms
                .iter_mut()
                .for_each(|form| *form = form.replace("%p", ""));
        }
        Self {
            text: text.to_string(),
            forms,
            half_days: if ignored { half_days } else { HalfDays::Meant },
        }
    }

    /// The format, for messages.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Reads a time. One without an offset is in UTC. Behind a form that ends in seconds a point and up to nine digits are a
    /// fraction, though the format does not speak of it.
    pub fn parse(&self, text: &str) -> Option<Timestamp> {
        let text = text.trim();
        self.exactly(text).or_else(|| self.with_fraction(text))
    }

    /// Reads a time in the name of a column. What follows the first point is left out where the text has the form only
    /// without it: pandas appends numbers to names that occur twice.
    pub fn parse_name(&self, text: &str) -> Option<Timestamp> {
        let text = text.trim();
        let whole = || self.exactly(text.split_once('.')?.0);
        self.exactly(text).or_else(whole)
    }

    fn with_fraction(&self, text: &str) -> Option<Timestamp> {
        let seconds = ["%S", "%T", "%s"]
            .iter()
            .any(|it| self.text.trim_end().ends_with(it));
        let (whole, digits) = text.rsplit_once('.').filter(|_| seconds)?;
        if !(1..=9).contains(&digits.len()) || !digits.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let nanoseconds: i64 = format!("{digits:0<9}").parse().ok()?;
        // Only seconds since 1970 have a sign.
        let sign = if whole.starts_with('-') { -1 } else { 1 };
        let fraction = SignedDuration::from_nanos(sign * nanoseconds);
        self.exactly(whole)?.checked_add(fraction).ok()
    }

    fn exactly(&self, text: &str) -> Option<Timestamp> {
        let bare = match self.half_days {
            HalfDays::Meant => text,
            HalfDays::Ignored => text.trim_end_matches(|c: char| c.is_alphabetic() || c == ' '),
        };
        self.forms.iter().find_map(|form| {
            let time = strtime::parse(form, bare).ok()?;
            // `%Y` has four digits: `86` is another form.
            if form.contains("%Y") && time.year().is_none_or(|year| year < 1000) {
                return None;
            }
            match time.offset() {
                Some(_) => time.to_timestamp().ok(),
                None => TimeZone::UTC.to_timestamp(time.to_datetime().ok()?).ok(),
            }
        })
    }
}
