//! Tables of comma-separated values, read row by row: a file may be larger than the memory.
//!
//! Fields may be quoted as RFC 4180 has it. Lines without anything are no rows. What a row holds is checked by whoever asks
//! for it, as the lines above a table may be anything.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FormatError, mapped};
use crate::store::map::Map;

/// What stands for a missing number, beside an empty field; as pandas has it, whatever the case.
const MISSING: &[&str] = &["na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none"];

/// Bytes of a row at most, in MiB: a quote that is not closed would make one row of all that follows.
const LONGEST: usize = 64;

/// A file of rows.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    bytes: Arc<Map>,
}

/// Where a row begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it.
    pub byte: usize,
    /// Its line, from 1.
    pub line: u64,
}

impl Place {
    /// Where a file begins.
    pub const START: Self = Self { byte: 0, line: 1 };
}

/// Opens a file; nothing is read yet.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> Result<Table, FormatError> {
    Ok(Table {
        path: path.to_path_buf(),
        bytes: mapped::map(path)?,
    })
}

impl Table {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's size in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The rows from one on, up to a byte.
    pub fn rows(&self, from: Place, to: usize) -> Rows<'_> {
        let bytes = self.bytes.get(from.byte..to).unwrap_or_default();
        let reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(Budget { bytes, left: 0 });
        Rows {
            table: self,
            from,
            bytes,
            reader,
            record: ::csv::ByteRecord::new(),
            place: from,
        }
    }

    /// Content of this file that is not as it should be.
    pub fn fault(&self, place: String, found: String, expected: String) -> FormatError {
        FormatError::content(&self.path, place, found, expected)
    }
}

/// Gives bytes up to a number that is set anew for each row.
#[derive(Debug)]
struct Budget<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl Read for Budget<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.bytes.is_empty() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let count = into.len().min(self.left);
        let count = self.bytes.read(&mut into[..count])?;
        self.left -= count;
        Ok(count)
    }
}

/// Goes through rows.
#[derive(Debug)]
pub struct Rows<'a> {
    table: &'a Table,
    from: Place,
    bytes: &'a [u8],
    reader: ::csv::Reader<Budget<'a>>,
    record: ::csv::ByteRecord,
    place: Place,
}

impl Rows<'_> {
    /// The next row.
    ///
    /// # Errors
    /// When it cannot be read; none for the sake of what it holds.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, FormatError> {
        Ok(self.next_line()?.map(|_| self.current()))
    }

    /// Goes to the next row, and gives its line, from 1; `None` behind the last one.
    ///
    /// # Errors
    /// When it cannot be read, or is too long.
    pub fn next_line(&mut self) -> Result<Option<u64>, FormatError> {
        let mut byte = self.reader.position().byte() as usize;
        let mut line = self.reader.position().line();
        self.reader.get_mut().left = LONGEST << 20;
        let more = self.reader.read_byte_record(&mut self.record);
        // Empty lines lie between the end of the last row and the beginning of this one.
        while let Some(end @ (b'\n' | b'\r')) = self.bytes.get(byte) {
            line += u64::from(*end == b'\n');
            byte += 1;
        }
        self.place = Place {
            byte: self.from.byte + byte,
            line: self.from.line + line - 1,
        };
        let more = more.map_err(|e| match self.reader.get_ref().left {
            0 => FormatError::content(
                &self.table.path,
                format!("line {}", self.place.line),
                format!("a row of more than {LONGEST} MiB (a quote that is not closed?)"),
                "a row",
            ),
            _ => FormatError::io(&self.table.path, e.into()),
        })?;
        if !more {
            let same = self.table.bytes.check();
            same.map_err(|e| FormatError::io(&self.table.path, e))?;
            return Ok(None);
        }
        Ok(Some(self.place.line))
    }

    /// The row that was gone to last.
    pub fn current(&self) -> Row<'_> {
        Row {
            path: &self.table.path,
            record: &self.record,
            place: self.place,
            end: self.from.byte + self.reader.position().byte() as usize,
        }
    }
}

/// One row.
#[derive(Debug)]
pub struct Row<'a> {
    path: &'a Path,
    record: &'a ::csv::ByteRecord,
    /// Where it begins.
    pub place: Place,
    /// Where it ends: the byte behind it.
    pub end: usize,
}

impl Row<'_> {
    /// The number of its fields.
    pub fn len(&self) -> usize {
        self.record.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.record.is_empty()
    }

    /// A field without blanks around it, by its column from 0; empty where the row ends before.
    ///
    /// # Errors
    /// Where it is no UTF-8 text.
    pub fn text(&self, column: usize) -> Result<&str, FormatError> {
        let bytes = self.record.get(column).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.trim()),
            Err(_) => Err(self.fault(column, "bytes that are no UTF-8", "UTF-8 text")),
        }
    }

    /// A field as a number; NaN for an empty one and for what pandas takes for a missing value.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn number(&self, column: usize) -> Result<f64, FormatError> {
        let text = self.text(column)?;
        if let Ok(number) = text.parse() {
            return Ok(number);
        }
        if text.is_empty() || MISSING.iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Ok(f64::NAN);
        }
        Err(self.fault(column, format!("`{text}`"), "a number"))
    }

    /// Checks the number of fields: rows may end with empty ones more.
    ///
    /// # Errors
    /// Where there are fewer, or some more that hold something.
    pub fn has(&self, columns: usize) -> Result<(), FormatError> {
        let rest = (columns..self.len()).any(|column| !matches!(self.text(column), Ok("")));
        if self.len() >= columns && !rest {
            return Ok(());
        }
        let place = format!("line {}", self.place.line);
        let (found, expected) = (format!("{} fields", self.len()), columns.to_string());
        Err(FormatError::content(self.path, place, found, expected))
    }

    /// A field that is not as it should be.
    pub fn fault(
        &self,
        column: usize,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> FormatError {
        let place = format!("line {}, column {}", self.place.line, column + 1);
        FormatError::content(self.path, place, found, expected)
    }
}
