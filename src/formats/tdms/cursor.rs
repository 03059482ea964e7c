//! Metadata, number by number; every length is held against the bytes that are left.

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::formats::FormatError;

/// Seconds from 1904-01-01, where TDMS counts from, to 1970-01-01.
const EPOCH: i128 = 2_082_844_800;

/// A place in a part of the file.
#[derive(Debug)]
pub struct Cursor<'a> {
    /// The file's name.
    pub path: &'a Path,
    /// The part.
    pub bytes: &'a [u8],
    /// Where in the file it begins.
    pub start: usize,
    /// The next byte of the file.
    pub at: usize,
    /// Whether numbers begin with their most significant byte.
    pub big: bool,
}

impl<'a> Cursor<'a> {
    /// The next bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], FormatError> {
        let at = self.at - self.start;
        let left = self.bytes.len() - at;
        if count > left {
            let found = format!("{left} bytes to the end of the metadata");
            return Err(self.content(found, format!("{what} of {count} bytes")));
        }
        self.at += count;
        Ok(&self.bytes[at..at + count])
    }

    /// An error at the next byte.
    pub fn content(&self, found: impl Into<String>, expected: impl Into<String>) -> FormatError {
        FormatError::content(self.path, format!("byte {}", self.at), found, expected)
    }

    /// The next number, least significant byte first.
    fn number<const N: usize>(&mut self, what: &str) -> Result<[u8; N], FormatError> {
        let mut number = [0; N];
        number.copy_from_slice(self.take(N, what)?);
        if self.big {
            number.reverse();
        }
        Ok(number)
    }

    /// An unsigned 32-bit number.
    pub fn u32(&mut self, what: &str) -> Result<u32, FormatError> {
        self.number(what).map(u32::from_le_bytes)
    }

    /// An unsigned 64-bit number.
    pub fn u64(&mut self, what: &str) -> Result<u64, FormatError> {
        self.number(what).map(u64::from_le_bytes)
    }

    /// Text behind its length. Bytes that are not UTF-8 are replaced.
    pub fn text(&mut self, what: &str) -> Result<String, FormatError> {
        let length = self.u32(&format!("the length of {what}"))?;
        // A length beyond a 32-bit machine's memory is beyond the file, too.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let bytes = self.take(length, what)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// A property's type and value. Times become ISO 8601 in UTC; numbers that JSON has not are null.
    pub fn value(&mut self, name: &str) -> Result<Value, FormatError> {
        let at = self.at;
        let code = self.u32(&format!("the type of {name}"))?;
        let what = format!("the value of {name}");
        Ok(match code {
            0x00 => Value::Null,
            0x01 => i8::from_le_bytes(self.number(&what)?).into(),
            0x02 => i16::from_le_bytes(self.number(&what)?).into(),
            0x03 => i32::from_le_bytes(self.number(&what)?).into(),
            0x04 => i64::from_le_bytes(self.number(&what)?).into(),
            0x05 => u8::from_le_bytes(self.number(&what)?).into(),
            0x06 => u16::from_le_bytes(self.number(&what)?).into(),
            0x07 => self.u32(&what)?.into(),
            0x08 => self.u64(&what)?.into(),
            0x09 | 0x19 => f32::from_le_bytes(self.number(&what)?).into(),
            0x0a | 0x1a => f64::from_le_bytes(self.number(&what)?).into(),
            0x20 => self.text(&what)?.into(),
            0x21 => (self.number::<1>(&what)? != [0]).into(),
            0x44 => {
                let number = u128::from_le_bytes(self.number(&what)?);
                time(number).map_or(Value::Null, |time| time.to_string().into())
            }
            _ => {
                self.at = at;
                let found = format!("type {code:#x} of {name}");
                return Err(self.content(found, "a number, text, true or false, or a time"));
            }
        })
    }
}

/// 2^-64 of a second since 1904, as a signed number of 128 bits.
fn time(number: u128) -> Option<Timestamp> {
    let fraction = u128::from(number as u64);
    let nanoseconds = (fraction * 1_000_000_000 + (1 << 63)) >> 64;
    let seconds = (number.cast_signed() >> 64) - EPOCH;
    let whole = seconds * 1_000_000_000;
    Timestamp::from_nanosecond(whole + nanoseconds.cast_signed()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_1904() {
        let text = |seconds: i64, fraction: u64| {
            let number = (i128::from(seconds) << 64 | i128::from(fraction)).cast_unsigned();
            time(number).map(|time| time.to_string())
        };
        let cases = [
            (0, 0, "1904-01-01T00:00:00Z"),
            (-1, 1 << 63, "1903-12-31T23:59:59.5Z"),
            // The start of a public recording.
            (
                3_638_144_015,
                14_979_389_169_428_301_824,
                "2019-04-15T03:33:35.812034314Z",
            ),
            // The fraction rounds up to a whole second.
            (3_638_144_015, u64::MAX, "2019-04-15T03:33:36Z"),
        ];
        for (seconds, fraction, expected) in cases {
            assert_eq!(text(seconds, fraction).as_deref(), Some(expected));
        }
        assert_eq!(text(i64::MAX, 0), None);
        assert_eq!(text(i64::MIN, u64::MAX), None);
    }
}
