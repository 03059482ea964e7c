//! Another time for a log, the rest of its file as it is.

use std::path::Path;

use jiff::Timestamp;

use super::read;
use crate::formats::FormatError;

/// The file with the time of its first log moved by some seconds; every other byte stays.
///
/// # Errors
/// For a file without a time, or where the new one is no time that can be written. `path` is for the message only.
pub fn redated(path: &Path, bytes: &[u8], seconds: i64) -> Result<Vec<u8>, FormatError> {
    let created = read::created(path, bytes)?;
    let wrong =
        |found: String, expected: &str| FormatError::content(path, "creationDate", found, expected);
    let moved = jiff::SignedDuration::from_secs(seconds);
    let time: Timestamp = created.checked_add(moved).map_err(|_| {
        let found = format!("{created} and {seconds} s more");
        wrong(found, "a time between the years -9999 and 9999")
    })?;
    let (from, to) = place(bytes).ok_or_else(|| {
        wrong(
            "an element that is written in another way".into(),
            "creationDate with text alone",
        )
    })?;
    let text = time.strftime("%Y-%m-%dT%H:%M:%S%.f+00:00").to_string();
    Ok([&bytes[..from], text.as_bytes(), &bytes[to..]].concat())
}

/// Where the text of the first date of a log begins and ends.
fn place(bytes: &[u8]) -> Option<(usize, usize)> {
    let find = |from: usize, word: &[u8]| {
        let rest = bytes.get(from..)?;
        let at = rest.windows(word.len()).position(|part| part == word)?;
        Some(from + at)
    };
    // `wellLogSet` begins alike, and holds the logs.
    let log = find(0, b"wellLog")?;
    let name: &[u8] = b"creationDate>";
    let from = find(log, name)? + name.len();
    let to = find(from, b"<")?;
    let text = std::str::from_utf8(&bytes[from..to]).ok()?;
    read::time_of(text.trim()).map(|_| (from, to))
}
