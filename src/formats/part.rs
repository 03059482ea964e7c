//! A part of a summary: what one chunk adds to an array over the time of a whole run.
//!
//! `DGPART1` and a line feed; the header as JSON and a line feed; the time of each row as nanoseconds since 1970, int64; the
//! rows: for each time the values of all channels, for each channel those of its columns. Numbers are in the byte order of the machine that ran.

use std::io::{self, BufRead, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::FormatError;
use crate::block::DType;

/// What a part begins with.
pub const MAGIC: &[u8; 8] = b"DGPART1\n";
/// The most bytes of a header.
const LONGEST: u64 = 4096;

/// What a part holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// numpy's name of the values' type.
    pub dtype: String,
    /// Number of times.
    pub times: usize,
    /// The axis of the channels.
    pub channels: PartAxis,
    /// The axis of the columns; `None` where there is one value for each time and channel.
    pub columns: Option<PartAxis>,
}

/// An axis of a part, whose values are in a file that parts share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartAxis {
    /// Its name.
    pub name: String,
    /// How many there are.
    pub len: usize,
    /// The file of its values, beside the part.
    pub file: String,
}

impl Part {
    /// Ends the name of its file.
    pub const ENDING: &'static str = "part";

    /// The beginning of a part, up to the times.
    pub fn head(&self) -> Vec<u8> {
        let mut head = MAGIC.to_vec();
        head.extend(serde_json::to_vec(self).expect("a header is plain data"));
        head.push(b'\n');
        head
    }

    /// The type of its values; `None` where no part has that.
    pub fn dtype(&self) -> Option<DType> {
        let types = [DType::U8, DType::I64, DType::U64, DType::F32, DType::F64];
        types.into_iter().find(|dtype| dtype.name() == self.dtype)
    }

    /// Values of each time.
    pub fn row(&self) -> usize {
        self.channels.len * self.columns.as_ref().map_or(1, |axis| axis.len)
    }

    /// The same but for the number of times and single against double precision: such parts make one array.
    pub fn shape(&self) -> Self {
        let dtype = match &*self.dtype {
            "float32" => "float64",
            other => other,
        };
        Self {
            dtype: dtype.to_string(),
            times: 0,
            ..self.clone()
        }
    }

    /// Reads the beginning of a part, up to the times.
    ///
    /// # Errors
    /// When it is none. `path` is for the message.
    pub fn read(path: &Path, from: &mut impl BufRead) -> Result<Self, FormatError> {
        let wrong = |found: &str| {
            let expected = "a part that this version of the program wrote";
            FormatError::content(path, "header", found, expected)
        };
        let failed = |e: io::Error| match e.kind() {
            io::ErrorKind::UnexpectedEof => wrong("the end of the file"),
            _ => FormatError::io(path, e),
        };
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic).map_err(failed)?;
        if magic != *MAGIC {
            return Err(wrong("something else"));
        }
        let mut line = Vec::new();
        let mut limited = from.take(LONGEST);
        limited.read_until(b'\n', &mut line).map_err(failed)?;
        let part: Self = serde_json::from_slice(&line).map_err(|e| wrong(&format!("\"{e}\"")))?;
        let axes = std::iter::once(&part.channels).chain(&part.columns);
        let sizes = axes.map(|axis| axis.len).chain([part.times, 16]);
        let bytes = sizes.into_iter().try_fold(1_usize, usize::checked_mul);
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) || part.times == 0 {
            return Err(wrong("sizes that no file has"));
        }
        Ok(part)
    }
}
