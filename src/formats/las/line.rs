//! The lines of a header: `MNEM.UNIT DATA : DESCRIPTION`.

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its line in the file, from 1.
    pub line: usize,
    /// What it is called.
    pub mnemonic: String,
    /// Its unit as it is written; empty without one.
    pub unit: String,
    /// Its data.
    pub value: String,
    /// What it is, for a person.
    pub description: String,
}

impl Item {
    /// Takes a line apart.
    pub(super) fn parse(line: usize, text: &str) -> Self {
        let (fields, description) = match colon(text) {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, ""),
        };
        let (mnemonic, unit, value) = match point(fields) {
            Some(at) => {
                let behind = &fields[at + 1..];
                let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
                (&fields[..at], &behind[..end], &behind[end..])
            }
            // Without a point a unit stands apart: `DEPT         m`.
            None => match fields.trim().split_once("  ") {
                Some((mnemonic, unit)) => (mnemonic, unit, ""),
                None => (fields, "", ""),
            },
        };
        let owned = |text: &str| text.trim().to_string();
        Self {
            line,
            mnemonic: owned(mnemonic),
            unit: owned(unit),
            value: owned(value),
            description: owned(description),
        }
    }

    /// Its unit as WITSML names it, where that is a length: `m` or `ft`.
    pub fn length_unit(&self) -> Option<&'static str> {
        match self.unit.to_ascii_uppercase().as_str() {
            "M" | "METER" | "METERS" | "METRE" | "METRES" => Some("m"),
            "F" | "FT" | "FEET" | "FOOT" => Some("ft"),
            _ => None,
        }
    }
}

/// The colon before the description: the first behind a blank, else the last one that is not between digits, as data may be
/// times and descriptions may have colons of their own.
fn colon(text: &str) -> Option<usize> {
    let blank = text.find(" :").or_else(|| text.find("\t:"));
    blank.map(|at| at + 1).or_else(|| {
        let mut colons = text.rmatch_indices(':').map(|(at, _)| at);
        colons.find(|&at| !between_digits(text, at))
    })
}

/// The point between mnemonic and unit: the first that is not a decimal point.
fn point(text: &str) -> Option<usize> {
    let mut points = text.match_indices('.').map(|(at, _)| at);
    points.find(|&at| !between_digits(text, at))
}

fn between_digits(text: &str, at: usize) -> bool {
    let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    at.checked_sub(1).is_some_and(digit) && digit(at + 1)
}
