//! Reading a log.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{Curve, DepthText, Log};
use crate::formats::FormatError;

/// Reads the first log of a file.
///
/// Columns are those that the block names; where it does not name each curve once, as in distpy's files, they are the
/// curves in their order. Empty values, `NULL`, -999.25 and the file's own null value become NaN. A time without
/// a zone is taken as UTC. Names are compared without namespace prefix; a byte order mark is skipped.
///
/// # Errors
/// For a file that is no complete UTF-8 XML, has no log, no date or no rows, or a row that does not fit the curves. `path` is for
/// the message only.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Log, FormatError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let raw = std::str::from_utf8(bytes)
        .map_err(|e| {
            let place = format!("byte {}", e.valid_up_to());
            Fault::new(place, "bytes that are no UTF-8", "UTF-8 text")
        })
        .and_then(elements);
    raw.and_then(|raw| raw.log())
        .map_err(|fault| FormatError::Content {
            path: path.to_path_buf(),
            place: fault.place,
            found: fault.found,
            expected: fault.expected,
        })
}

/// The time of the first log of a file, without reading on.
///
/// # Errors
/// For a file that is no XML up to there, or has no date. `path` is for the message only.
pub fn created(path: &Path, bytes: &[u8]) -> Result<Timestamp, FormatError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let date = first_date(bytes).and_then(|text| time(&text));
    date.map_err(|fault| FormatError::Content {
        path: path.to_path_buf(),
        place: fault.place,
        found: fault.found,
        expected: fault.expected,
    })
}

/// The time that a text stands for.
pub(super) fn time_of(text: &str) -> Option<Timestamp> {
    time(text).ok()
}

fn first_date(bytes: &[u8]) -> Result<String, Fault> {
    // It stands near the beginning, and a file may be long.
    const NEAR: usize = 16 << 10;
    let part = String::from_utf8_lossy(&bytes[..bytes.len().min(NEAR)]);
    if let Some(date) = date_in(&part) {
        return Ok(date);
    }
    date_in(&String::from_utf8_lossy(bytes))
        .ok_or_else(|| Fault::new("wellLog", "no creationDate", "the time of a log"))
}

/// The first date of a log in the beginning of a file.
fn date_in(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => path.push(start.local_name().as_ref().to_owned()),
            Event::End(_) => {
                path.pop();
            }
            Event::Text(text) if path.ends_with(&["wellLog".into(), "creationDate".into()]) => {
                return Some(text.xml_content(XmlVersion::Implicit1_0).trim().into());
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// What is wrong, of a file whose name is known elsewhere.
struct Fault {
    place: String,
    found: String,
    expected: String,
}

impl Fault {
    fn new(
        place: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }
}

/// The elements of interest, as text.
#[derive(Default)]
struct Raw {
    style: String,
    created: String,
    null: String,
    curves: Vec<Info>,
    index_column: String,
    columns: Vec<Column>,
    rows: Vec<String>,
}

/// A `logCurveInfo`.
#[derive(Default, Clone)]
struct Info {
    uid: String,
    mnemonic: String,
    unit: Option<String>,
    description: String,
}

/// A `blockCurveInfo`.
#[derive(Default)]
struct Column {
    curve: String,
    column: String,
}

/// Walks through the file up to the end of its first log.
fn elements(text: &str) -> Result<Raw, Fault> {
    let mut reader = Reader::from_str(text);
    let mut raw = Raw::default();
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    let complete = loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|e| {
            let place = format!("byte {}", reader.error_position());
            Fault::new(place, e.to_string(), "well-formed XML")
        })?;
        match event {
            Event::Start(start) => {
                path.push(start.local_name().as_ref().to_owned());
                raw.start(&path, &start);
                content.clear();
            }
            Event::Empty(start) => {
                path.push(start.local_name().as_ref().to_owned());
                raw.start(&path, &start);
                raw.end(&path, "");
                path.pop();
            }
            Event::Text(part) => content.push_str(&part.xml_content(XmlVersion::Implicit1_0)),
            Event::CData(part) => content.push_str(&part.xml_content(XmlVersion::Implicit1_0)),
            Event::GeneralRef(reference) => {
                content.push_str(&resolved(&reference).ok_or_else(|| {
                    let found = format!("&{};", &*reference);
                    Fault::new(format!("byte {at}"), found, "a character reference of XML")
                })?)
            }
            Event::End(_) => {
                raw.end(&path, content.trim());
                content.clear();
                if path.pop().as_deref() == Some("wellLog") {
                    break true;
                }
            }
            Event::Eof => break false,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    };
    match path.last() {
        _ if complete => Ok(raw),
        None => Err(Fault::new("wellLog", "no such element", "a WITSML log")),
        Some(name) => {
            let found = format!("the end of the file inside {name}");
            Err(Fault::new(
                format!("byte {}", text.len()),
                found,
                "a complete file",
            ))
        }
    }
}

fn resolved(reference: &BytesRef) -> Option<String> {
    match reference.resolve_char_ref() {
        Ok(Some(c)) => Some(c.into()),
        Ok(None) => quick_xml::escape::resolve_predefined_entity(reference).map(Into::into),
        Err(_) => None,
    }
}

fn attribute(start: &BytesStart, name: &str) -> String {
    match start.try_get_attribute(name) {
        Ok(Some(attribute)) => String::from_utf8_lossy(attribute.value.as_bytes()).into_owned(),
        _ => String::new(),
    }
}

impl Raw {
    fn start(&mut self, path: &[String], start: &BytesStart) {
        match path.last().map(String::as_str) {
            Some("logCurveInfo") => self.curves.push(Info {
                uid: attribute(start, "uid"),
                ..Info::default()
            }),
            Some("blockCurveInfo") => self.columns.push(Column::default()),
            Some("indexCurve") if self.index_column.is_empty() => {
                self.index_column = attribute(start, "columnIndex");
            }
            _ => {}
        }
    }

    fn end(&mut self, path: &[String], text: &str) {
        let [.., parent, name] = path else { return };
        let curve = self.curves.last_mut();
        let column = self.columns.last_mut();
        match (parent.as_str(), name.as_str(), curve, column) {
            ("dtsInstalledSystem", "name", ..) => self.style = text.into(),
            ("wellLog", "creationDate", ..) => self.created = text.into(),
            ("wellLog", "nullValue", ..) => self.null = text.into(),
            ("logCurveInfo", "mnemonic", Some(curve), _) => curve.mnemonic = text.into(),
            ("logCurveInfo", "unit", Some(curve), _) => curve.unit = Some(text.into()),
            ("logCurveInfo", "curveDescription", Some(curve), _) => curve.description = text.into(),
            ("blockCurveInfo", "curveId", _, Some(column)) => column.curve = text.into(),
            ("blockCurveInfo", "columnIndex", _, Some(column)) => column.column = text.into(),
            ("logData", "data", ..) => self.rows.push(text.into()),
            _ => {}
        }
    }

    fn log(&self) -> Result<Log, Fault> {
        if self.curves.is_empty() {
            return Err(Fault::new("wellLog", "no logCurveInfo", "a curve or more"));
        }
        if self.rows.is_empty() {
            return Err(Fault::new("logData", "no data", "a row per depth"));
        }
        let index = match self.index_column.parse() {
            Ok(column @ 1..) if column <= self.curves.len() => column - 1,
            _ => 0,
        };
        let mut curves: Vec<Curve> = self
            .in_columns()
            .into_iter()
            .map(|info| Curve {
                mnemonic: info.mnemonic,
                unit: info.unit.filter(|unit| unit != "unitless"),
                description: info.description,
                values: Vec::with_capacity(self.rows.len()),
            })
            .collect();
        for (row, text) in self.rows.iter().enumerate() {
            self.row(row, text, &mut curves)?;
        }
        let depth = curves.remove(index);
        let whole = self.rows.iter().all(|row| {
            let text = row.split(',').nth(index).unwrap_or_default();
            text.trim().parse::<i64>().is_ok()
        });
        Ok(Log {
            style: self.style.clone(),
            created: time(&self.created)?,
            depth,
            depth_text: if whole {
                DepthText::Integer
            } else {
                DepthText::F64
            },
            curves,
        })
    }

    /// The curves by column.
    fn in_columns(&self) -> Vec<Info> {
        let mut sorted: Vec<Option<&Info>> = vec![None; self.curves.len()];
        for named in &self.columns {
            let info = self.curves.iter().find(|info| info.uid == named.curve);
            match named.column.parse::<usize>() {
                Ok(column @ 1..) if column <= sorted.len() => sorted[column - 1] = info,
                _ => return self.curves.clone(),
            }
        }
        let complete: Option<Vec<&Info>> = sorted.into_iter().collect();
        match complete {
            Some(infos) => infos.into_iter().cloned().collect(),
            None => self.curves.clone(),
        }
    }

    fn row(&self, row: usize, text: &str, curves: &mut [Curve]) -> Result<(), Fault> {
        let place = || format!("data row {} of {}", row + 1, self.rows.len());
        let found = text.split(',').count();
        if found != curves.len() {
            let expected = format!("one for each of {} curves", curves.len());
            return Err(Fault::new(place(), format!("{found} values"), expected));
        }
        for (text, curve) in text.split(',').map(str::trim).zip(curves) {
            let value = self.value(text).ok_or_else(|| {
                let place = format!("{}, {}", place(), curve.mnemonic);
                Fault::new(place, format!("`{text}`"), "a number")
            })?;
            curve.values.push(value);
        }
        Ok(())
    }

    fn value(&self, text: &str) -> Option<f64> {
        if text.is_empty() || text.eq_ignore_ascii_case("null") || text == self.null {
            return Some(f64::NAN);
        }
        let value = text.parse::<f64>().ok()?;
        let null = value == -999.25 || self.null.parse() == Ok(value);
        Some(if null { f64::NAN } else { value })
    }
}

fn time(text: &str) -> Result<Timestamp, Fault> {
    let civil = || {
        TimeZone::UTC
            .to_timestamp(text.parse::<DateTime>().ok()?)
            .ok()
    };
    text.parse().ok().or_else(civil).ok_or_else(|| {
        let expected = "a date and time such as 2024-01-30T13:18:25Z";
        Fault::new("creationDate", format!("`{text}`"), expected)
    })
}
