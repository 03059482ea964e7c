//! Zones of a well: stretches of the fibre with names, from distpy's file of segments.

use std::path::Path;

use crate::formats::FormatError;

/// A stretch of the fibre.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Where it begins, in the display unit.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// What it is called.
    pub name: String,
}

/// Reads the zones of a text: two lines of header, then two lines for each zone, its start and its end. A line has the depth
/// first; the last word of a zone's first line is its name. `path` is for messages.
///
/// # Errors
/// A line without a depth, or a zone without an end.
pub fn zones(path: &Path, text: &str) -> Result<Vec<Zone>, FormatError> {
    let lines: Vec<(usize, Vec<&str>)> = text
        .lines()
        .enumerate()
        .skip(2)
        .map(|(k, line)| (k + 1, line.split_whitespace().collect()))
        .filter(|(_, words): &(usize, Vec<&str>)| !words.is_empty())
        .collect();
    let depth = |(line, words): &(usize, Vec<&str>)| {
        let value = words[0].parse::<f64>().ok().filter(|v| v.is_finite());
        value.ok_or_else(|| {
            let found = format!("`{}`", words[0]);
            FormatError::content(path, format!("line {line}"), found, "a depth")
        })
    };
    lines
        .chunks(2)
        .map(|pair| match pair {
            [start, end] => Ok(Zone {
                from: depth(start)?,
                to: depth(end)?,
                name: match &start.1[..] {
                    [_, .., name] => (*name).to_string(),
                    _ => String::new(),
                },
            }),
            _ => {
                let place = format!("line {}", pair[0].0);
                let found = "the start of a zone without its end";
                Err(FormatError::content(
                    path,
                    place,
                    found,
                    "two lines for each zone",
                ))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_pairs_of_lines() {
        let text = "segments\nm\n100.5 start Perf-1\n120 end Perf-1\n\n300 x Toe\n350 x Toe\n";
        let found = zones(Path::new("segments.txt"), text).expect("zones");
        let expected = [(100.5, 120.0, "Perf-1"), (300.0, 350.0, "Toe")];
        let expected = expected.map(|(from, to, name)| Zone {
            from,
            to,
            name: name.into(),
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = |text| {
            zones(Path::new("s.txt"), text)
                .expect_err("bad")
                .to_string()
        };
        assert_eq!(
            error("a\nb\n100 Perf\nend Perf\n"),
            "s.txt: line 4: found `end`, expected a depth"
        );
        assert_eq!(
            error("a\nb\n100 Perf\n"),
            "s.txt: line 3: found the start of a zone without its end, expected two lines for each zone"
        );
    }
}
