//! The name and time of a chunk.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;

use super::Compat;
use crate::formats::segment::SECOND;

/// Which chunk: its name, which names its results, and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId {
    /// Its name.
    pub name: ChunkName,
    /// Time of its first sample, in nanoseconds since 1970.
    pub start: i64,
}

impl ChunkId {
    /// A chunk that starts with a second, as the name of a file tells.
    pub fn of_second(second: i64) -> Self {
        Self::of_name(ChunkName::whole(second))
    }

    /// Its time; distpy knows no more than the whole second.
    pub fn time(&self, compat: Compat) -> Timestamp {
        let nanoseconds = match compat {
            Compat::Exact => self.start,
            Compat::Distpy => self.name.second().saturating_mul(SECOND),
        };
        Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// A chunk that starts when its name says.
    pub fn of_name(name: ChunkName) -> Self {
        Self {
            name,
            start: name.time(),
        }
    }
}

/// A chunk's name: the Unix time of its first sample in whole seconds, or with the fraction where another chunk has that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkName {
    second: i64,
    nanosecond: Option<u32>,
}

impl ChunkName {
    /// A whole second.
    pub fn whole(second: i64) -> Self {
        Self {
            second,
            nanosecond: None,
        }
    }

    /// A time in nanoseconds since 1970, with its fraction.
    pub fn exact(time: i64) -> Self {
        Self {
            second: time.div_euclid(SECOND),
            nanosecond: u32::try_from(time.rem_euclid(SECOND)).ok(),
        }
    }

    /// The whole second.
    pub fn second(self) -> i64 {
        self.second
    }

    /// The time that it states, in nanoseconds since 1970.
    pub fn time(self) -> i64 {
        let nanosecond = self.nanosecond.unwrap_or(0);
        self.second
            .saturating_mul(SECOND)
            .saturating_add(nanosecond.into())
    }

    /// The name of a file without its ending; `None` where that is no Unix time.
    pub fn of_file(path: &Path) -> Option<Self> {
        path.file_stem()?.to_str()?.parse().ok()
    }
}

impl fmt::Display for ChunkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(nanosecond) = self.nanosecond else {
            return write!(f, "{}", self.second);
        };
        let digits = format!("{nanosecond:09}");
        let digits = match digits.trim_end_matches('0') {
            "" => "0",
            digits => digits,
        };
        write!(f, "{}.{digits}", self.second)
    }
}

impl FromStr for ChunkName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("found \"{text}\", expected a Unix time such as 1500000000 or 1500000000.25")
        };
        let (second, fraction) = match text.split_once('.') {
            None => (text, None),
            Some((second, fraction)) => (second, Some(fraction)),
        };
        let second = second.parse().map_err(|_| wrong())?;
        let Some(fraction) = fraction else {
            return Ok(Self::whole(second));
        };
        let digits =
            (1..=9).contains(&fraction.len()) && fraction.bytes().all(|it| it.is_ascii_digit());
        let nanosecond = format!("{fraction:0<9}").parse().ok().filter(|_| digits);
        Ok(Self {
            second,
            nanosecond: Some(nanosecond.ok_or_else(wrong)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in [
            "0",
            "1500000000",
            "-3",
            "1500000000.25",
            "1500000000.0",
            "7.000000001",
        ] {
            let name: ChunkName = text.parse().expect(text);
            assert_eq!(name.to_string(), text);
        }
        let [whole, half] = ["7", "7.5"].map(|text| text.parse::<ChunkName>().expect(text));
        assert!(whole < half && half < ChunkName::whole(8));
        assert_eq!(half.time(), 7_500_000_000);
        assert_eq!(ChunkName::exact(7_500_000_000), half);
        assert_eq!(ChunkName::exact(-500_000_000).time(), -500_000_000);
        for wrong in [
            "",
            "x",
            "1.",
            ".5",
            "1.5.5",
            "1.-5",
            "1.+5",
            "1.0000000001",
            "1e9",
        ] {
            assert!(wrong.parse::<ChunkName>().is_err(), "{wrong}");
        }
    }
}
