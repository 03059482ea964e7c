//! LAS 2.0, the Log ASCII Standard of the Canadian Well Logging Society: curves along a well at one time, as text.
//!
//! Sections begin with `~` and a letter: `~V` comes first, `~A` with the values last. The lines of the others have the form
//! `MNEM.UNIT DATA : DESCRIPTION`: the unit stands right behind the first point, the data reach to the colon. Lines
//! without a point or a colon, which other programs write, are taken for what they have.

mod line;

use std::borrow::Cow;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::FormatError;
use super::stamp::{HalfDays, TimeFormat};
pub use line::Item;

/// The forms of dates that logging companies write, beside ISO 8601. All of them name the month, or begin with the year.
const DATES: &[&str] = &[
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
    "%d %b %y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %B %Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d",
];

/// A file.
#[derive(Debug, Clone, PartialEq)]
pub struct Las {
    /// `~W`: the well.
    pub well: Vec<Item>,
    /// `~P`: parameters, where there are any.
    pub parameters: Vec<Item>,
    /// `~C`: a curve for each column; the first is the depth.
    pub curves: Vec<Item>,
    /// Number of depths.
    pub rows: usize,
    /// Rows of a value for each curve; NaN where there is none.
    pub values: Vec<f64>,
    /// What is odd and could be read all the same, one sentence each.
    pub warnings: Vec<String>,
}

/// How a file is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether the null value is a number like others, as distpy has it.
    pub keep_null: bool,
}

/// Reads a file of version 2.0, wrapped or not. Text that is no UTF-8 is taken for Latin-1.
///
/// # Errors
/// By its line: what has no place, rows that do not fit the curves, values that are no numbers. `path` is for the message only.
pub fn parse(path: &Path, bytes: &[u8], options: Options) -> Result<Las, FormatError> {
    let text = decoded(bytes);
    let mut sections = Sections::default();
    let mut lines = text.lines().enumerate().map(|(k, text)| (k + 1, text));
    let wrong = |line: usize, found: String, expected: &str| {
        FormatError::content(path, format!("line {line}"), found, expected)
    };
    let mut letter = None;
    let mut last = 0;
    for (number, line) in lines.by_ref() {
        last = number;
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('~') {
            let next = name.chars().next().unwrap_or_default().to_ascii_uppercase();
            if letter.is_none() && next != 'V' {
                return Err(wrong(
                    number,
                    quoted(trimmed),
                    "~V, the version, as the first section",
                ));
            }
            letter = Some(next);
            if next == 'A' {
                break;
            }
            continue;
        }
        match letter {
            None => {
                return Err(wrong(
                    number,
                    quoted(trimmed),
                    "~V, the version, as the first section",
                ));
            }
            Some('V') => sections.version.push(Item::parse(number, trimmed)),
            Some('W') => sections.well.push(Item::parse(number, trimmed)),
            Some('C') => sections.curves.push(Item::parse(number, trimmed)),
            Some('P') => sections.parameters.push(Item::parse(number, trimmed)),
            Some(_) => {}
        }
    }
    if letter != Some('A') {
        let found = "the end of the file".to_string();
        return Err(wrong(
            last + 1,
            found,
            "~A, the values, as the last section",
        ));
    }
    sections.check(path, last)?;
    let data = Data {
        path,
        wrapped: sections.wrapped(),
        width: sections.curves.len(),
        null: match options.keep_null {
            true => None,
            false => item(&sections.well, "NULL").map(|item| item.value.as_str()),
        },
    };
    let values = data.read(lines, last)?;
    let rows = values.len() / data.width;
    let mut las = Las {
        rows,
        values,
        warnings: Vec::new(),
        well: sections.well,
        parameters: sections.parameters,
        curves: sections.curves,
    };
    las.warnings = las.odd();
    Ok(las)
}

/// Of some lines the first that has a mnemonic.
fn item<'a>(items: &'a [Item], mnemonic: &str) -> Option<&'a Item> {
    items
        .iter()
        .find(|item| item.mnemonic.eq_ignore_ascii_case(mnemonic))
}

fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes
            .iter()
            .map(|&byte| char::from(byte))
            .collect::<String>()
            .into(),
    }
}

/// A part of a line for a message.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}...`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[derive(Default)]
struct Sections {
    version: Vec<Item>,
    well: Vec<Item>,
    curves: Vec<Item>,
    parameters: Vec<Item>,
}

impl Sections {
    /// Checks what reading the values rests on; `end` is the line of `~A`.
    fn check(&self, path: &Path, end: usize) -> Result<(), FormatError> {
        let wrong = |line: usize, found: String, expected: &str| {
            Err(FormatError::content(
                path,
                format!("line {line}"),
                found,
                expected,
            ))
        };
        let Some(version) = item(&self.version, "VERS") else {
            return wrong(end, "no VERS in ~V".into(), "VERS. 2.0");
        };
        if version.value.parse() != Ok(2.0) {
            return wrong(version.line, format!("version `{}`", version.value), "2.0");
        }
        if let Some(wrap) = item(&self.version, "WRAP") {
            let known = ["YES", "NO"]
                .iter()
                .any(|word| wrap.value.eq_ignore_ascii_case(word));
            if !known {
                return wrong(wrap.line, format!("WRAP `{}`", wrap.value), "YES or NO");
            }
        }
        let Some(index) = self.curves.first() else {
            return wrong(end, "no curve in ~C".into(), "a line for each column of ~A");
        };
        if !index.mnemonic.to_ascii_uppercase().starts_with("DEPT") && index.length_unit().is_none()
        {
            let found = format!("{}.{} as the first curve", index.mnemonic, index.unit);
            return wrong(index.line, found, "a depth: DEPT.M, DEPT.F or DEPT.FT");
        }
        Ok(())
    }

    fn wrapped(&self) -> bool {
        item(&self.version, "WRAP").is_some_and(|wrap| wrap.value.eq_ignore_ascii_case("YES"))
    }
}

/// The values' section.
struct Data<'a> {
    path: &'a Path,
    wrapped: bool,
    width: usize,
    null: Option<&'a str>,
}

impl Data<'_> {
    fn read<'t>(
        &self,
        lines: impl Iterator<Item = (usize, &'t str)>,
        end: usize,
    ) -> Result<Vec<f64>, FormatError> {
        let mut values = Vec::new();
        let mut last = end;
        for (number, line) in lines {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            last = number;
            if trimmed.starts_with('~') {
                return Err(self.wrong(
                    number,
                    quoted(trimmed),
                    "values, as ~A is the last section".into(),
                ));
            }
            let before = values.len() % self.width;
            let mut count = 0;
            for word in trimmed.split_ascii_whitespace() {
                let value = self.value(word).ok_or_else(|| {
                    let place = format!("line {number}, value {}", count + 1);
                    FormatError::content(self.path, place, quoted(word), "a number")
                })?;
                if (before + count).is_multiple_of(self.width) && !value.is_finite() {
                    return Err(self.wrong(
                        number,
                        format!("`{word}` as the depth"),
                        "a number".into(),
                    ));
                }
                count += 1;
                values.push(value);
            }
            let fits = match self.wrapped {
                true => before + count <= self.width,
                false => count == self.width,
            };
            if !fits {
                let left = match before {
                    0 => String::new(),
                    _ => format!(" after the {before} of the lines before"),
                };
                let expected = format!("{}, one for each curve", self.width);
                return Err(self.wrong(number, format!("{count} values{left}"), expected));
            }
        }
        if values.is_empty() {
            return Err(self.wrong(
                last,
                "no values in ~A".into(),
                "a row for each depth".into(),
            ));
        }
        match values.len() % self.width {
            0 => Ok(values),
            part => {
                let found = format!("the end of the file after {part} values of the last depth");
                Err(self.wrong(last, found, format!("{}, one for each curve", self.width)))
            }
        }
    }

    fn value(&self, word: &str) -> Option<f64> {
        if self.null == Some(word) {
            return Some(f64::NAN);
        }
        let value: f64 = word.parse().ok()?;
        let null = self.null.and_then(|null| null.parse().ok()) == Some(value);
        Some(if null { f64::NAN } else { value })
    }

    fn wrong(&self, line: usize, found: String, expected: String) -> FormatError {
        FormatError::content(self.path, format!("line {line}"), found, expected)
    }
}

impl Las {
    /// A line of the well or of the parameters, by its mnemonic in either case: the first that has data, else the first.
    pub fn item(&self, mnemonic: &str) -> Option<&Item> {
        let named = || {
            let all = self.well.iter().chain(&self.parameters);
            all.filter(|item| item.mnemonic.eq_ignore_ascii_case(mnemonic))
        };
        let filled = named().find(|item| !item.value.is_empty());
        filled.or_else(|| named().next())
    }

    /// The values of a curve, one for each depth.
    pub fn column(&self, curve: usize) -> Vec<f64> {
        let values = self.values.iter().skip(curve);
        values.step_by(self.curves.len()).copied().collect()
    }

    /// The time of the log: `DATE` of the well or the parameters, in a form that is given or in a usual one that cannot be
    /// misread. One without an offset is in UTC, one without a time at the beginning of its day.
    ///
    /// # Errors
    /// Where there is none, or it has another form. `path` is for the message only.
    pub fn date(&self, path: &Path, format: Option<&str>) -> Result<Timestamp, FormatError> {
        let Some(date) = self.item("DATE").filter(|date| !date.value.is_empty()) else {
            let expected = "the time of the log";
            return Err(FormatError::content(path, "~W", "no DATE", expected));
        };
        let time = match format {
            Some(format) => by_format(&date.value, format),
            None => usual(&date.value),
        };
        time.ok_or_else(|| {
            let expected = match format {
                Some(format) => format!("a time of the form {format}"),
                None => "a time such as 2016-12-13 07:13:49 or 13-DEC-2016 (`time_format` names another form)".into(),
            };
            let place = format!("line {}, DATE", date.line);
            FormatError::content(path, place, format!("`{}`", date.value), expected)
        })
    }

    /// What the header says otherwise than the values.
    fn odd(&self) -> Vec<String> {
        let index = &self.curves[0];
        let number = |name: &str| item(&self.well, name)?.value.parse::<f64>().ok();
        let step = number("STEP").unwrap_or(0.0).abs();
        let ends = [("STRT", 0), ("STOP", self.rows - 1)].map(|(name, row)| {
            let (told, is) = (number(name)?, self.values[row * self.curves.len()]);
            // Depths have a few decimals; a step less is a row that is missing.
            let near = (told - is).abs() <= (step / 2.0).max(1e-3);
            (!near).then(|| format!("{name} is {told}, but the values have {is}"))
        });
        let units = ["STRT", "STOP", "STEP"].map(|name| {
            let item = item(&self.well, name)?;
            let same = item.unit.eq_ignore_ascii_case(&index.unit)
                || item.length_unit() == index.length_unit();
            (!same).then(|| {
                format!(
                    "{name} is in `{}`, but {} in `{}`",
                    item.unit, index.mnemonic, index.unit
                )
            })
        });
        let none = index.length_unit().is_none().then(|| {
            format!(
                "{} is in `{}`, taken for metres",
                index.mnemonic, index.unit
            )
        });
        ends.into_iter()
            .chain(units)
            .chain([none])
            .flatten()
            .collect()
    }
}

fn by_format(text: &str, format: &str) -> Option<Timestamp> {
    TimeFormat::new(format, HalfDays::Meant).parse(text)
}

fn usual(text: &str) -> Option<Timestamp> {
    let civil = |time: DateTime| TimeZone::UTC.to_timestamp(time).ok();
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| civil(text.parse().ok()?))
        .or_else(|| civil(text.parse::<Date>().ok()?.into()))
        .or_else(|| DATES.iter().find_map(|format| by_format(text, format)))
}
