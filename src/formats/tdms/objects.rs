//! Objects: what metadata say of the file, its groups and channels, and which samples each has in a segment.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::cursor::Cursor;
use crate::block::DType;
use crate::formats::FormatError;

/// In place of an index: the object has no samples in this segment.
const NO_SAMPLES: u32 = u32::MAX;
/// In place of an index: the object has as many as before.
const AS_BEFORE: u32 = 0;
/// In place of an index: samples of DAQmx, that need scaling.
const DAQMX: [u32; 3] = [0x1269, 0x126a, 0x1369];
/// Type code of text.
const TEXT: u32 = 0x20;

/// Properties that are times of samples.
const TIMES: [&str; 4] = [
    "GPSTimeStamp",
    "CPUTimeStamp",
    "ISO8601 Timestamp",
    "Trigger Time",
];

/// The file itself, a group or a channel.
#[derive(Debug)]
pub struct Object {
    /// Its name: `/`, `/'group'` or `/'group'/'channel'`.
    pub path: String,
    /// The names in its path.
    pub names: Vec<String>,
    /// Whether it is a channel of a recording: of Silixa's group, with a number, or of the other maker's.
    pub recorded: bool,
    /// Its properties: of those that are given again, the last.
    pub properties: Map<String, Value>,
    /// Its properties that are times, each time that they are given, in the order of the file.
    pub times: Vec<Given>,
    index: Option<Index>,
    /// Where it stands in the present list.
    place: Option<usize>,
    /// Which metadata had it last.
    mentioned: usize,
}

impl Object {
    fn new(path: String) -> Self {
        let names = names(&path);
        let recorded = match &names[..] {
            [group, name] if group == "Measurement" => name.parse::<u32>().is_ok(),
            [group, _] => group == "DAS",
            _ => false,
        };
        Self {
            names,
            recorded,
            path,
            properties: Map::new(),
            times: Vec::new(),
            index: None,
            place: None,
            mentioned: 0,
        }
    }

    fn set(&mut self, segment: usize, name: String, value: Value) {
        if TIMES.contains(&name.as_str()) {
            self.times.push(Given {
                segment,
                name: name.clone(),
                value: value.clone(),
            });
        }
        self.properties.insert(name, value);
    }
}

/// A time that a segment gives.
#[derive(Debug, Clone)]
pub struct Given {
    /// Number of the segment, from 1.
    pub segment: usize,
    /// The property's name.
    pub name: String,
    /// The time, as text.
    pub value: Value,
}

/// Names in single quotes, each behind a slash; a quote in a name is doubled.
fn names(path: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = path;
    while let Some(quoted) = rest.strip_prefix("/'") {
        let mut name = String::new();
        let mut after = quoted;
        loop {
            let Some((part, behind)) = after.split_once('\'') else {
                return Vec::new();
            };
            name.push_str(part);
            after = behind;
            match behind.strip_prefix('\'') {
                Some(more) => {
                    name.push('\'');
                    after = more;
                }
                None => break,
            }
        }
        names.push(name);
        rest = after;
    }
    names
}

/// The samples of an object in each chunk of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Code of their type.
    pub code: u32,
    /// Their number.
    pub values: u64,
    /// Bytes of all.
    pub bytes: u64,
}

impl Index {
    /// Bytes of one sample; `None` for text.
    pub fn size(&self) -> Option<usize> {
        size(self.code)
    }

    /// Type of a recording's samples.
    pub fn dtype(&self) -> Option<DType> {
        Some(match self.code {
            1 => DType::I8,
            2 => DType::I16,
            3 => DType::I32,
            4 => DType::I64,
            5 => DType::U8,
            6 => DType::U16,
            7 => DType::U32,
            8 => DType::U64,
            9 | 0x19 => DType::F32,
            10 | 0x1a => DType::F64,
            _ => return None,
        })
    }
}

fn size(code: u32) -> Option<usize> {
    Some(match code {
        1 | 5 | 0x21 => 1,
        2 | 6 => 2,
        3 | 7 | 9 | 0x19 => 4,
        4 | 8 | 10 | 0x1a | 0x08_000c => 8,
        11 | 0x1b | 0x44 | 0x10_000d => 16,
        _ => return None,
    })
}

/// Every object so far, and those of the present segment.
#[derive(Debug, Default)]
pub struct Objects {
    /// In the order of their first mention.
    pub all: Vec<Object>,
    by_path: HashMap<String, usize>,
    /// How many segments' metadata were read.
    read: usize,
    /// Objects of the present segment, by their number, in the order of their samples.
    present: Vec<(usize, Option<Index>)>,
    /// How often the present objects changed.
    revision: usize,
}

impl Objects {
    /// Those that have samples in the present segment, in the samples' order.
    pub fn with_samples(&self) -> impl Iterator<Item = (usize, Index)> {
        let present = self.present.iter();
        present.filter_map(|(object, index)| Some((*object, (*index)?)))
    }

    /// A number that is another one once the objects with samples, or their samples, are others.
    pub fn revision(&self) -> usize {
        self.revision
    }

    /// Reads the metadata of a segment; without a new list it changes the list before, or adds to it.
    pub fn read(
        &mut self,
        cursor: &mut Cursor,
        segment: usize,
        new_list: bool,
    ) -> Result<(), FormatError> {
        if new_list {
            self.revision += 1;
            for (object, _) in self.present.drain(..) {
                self.all[object].place = None;
            }
        }
        self.read += 1;
        let count = cursor.u32("the number of objects")?;
        for _ in 0..count {
            let at = cursor.at;
            let path = cursor.text("an object's path")?;
            let number = *self.by_path.entry(path).or_insert_with_key(|path| {
                self.all.push(Object::new(path.clone()));
                self.all.len() - 1
            });
            let object = &mut self.all[number];
            if std::mem::replace(&mut object.mentioned, self.read) == self.read {
                cursor.at = at;
                let found = format!("{} for the second time", object.path);
                return Err(cursor.content(found, "each object once in a segment"));
            }
            let index = index(cursor, object)?;
            match object.place {
                Some(place) => {
                    let before = std::mem::replace(&mut self.present[place].1, index);
                    self.revision += usize::from(before != index);
                }
                None => {
                    self.revision += 1;
                    object.place = Some(self.present.len());
                    self.present.push((number, index));
                }
            }
            let properties = cursor.u32("the number of properties")?;
            for _ in 0..properties {
                let name = cursor.text("a property's name")?;
                let value = cursor.value(&name)?;
                object.set(segment, name, value);
            }
        }
        Ok(())
    }
}

/// Reads what stands in an index' place; keeps an index for segments that refer to it.
fn index(cursor: &mut Cursor, object: &mut Object) -> Result<Option<Index>, FormatError> {
    let at = cursor.at;
    let length = cursor.u32("the length of a raw data index")?;
    let path = &object.path;
    match length {
        NO_SAMPLES => return Ok(None),
        AS_BEFORE => {
            return match object.index {
                Some(index) => Ok(Some(index)),
                None => {
                    cursor.at = at;
                    let found = format!("as many samples as before in {path}");
                    Err(cursor.content(found, "a number of samples, as there is none before"))
                }
            };
        }
        20 | 28 => {}
        _ => {
            cursor.at = at;
            let found = match DAQMX.contains(&length) {
                true => format!("samples of DAQmx in {path}"),
                false => format!("a raw data index of {length} bytes in {path}"),
            };
            return Err(cursor.content(found, "plain samples: an index of 20 bytes"));
        }
    }
    let code = cursor.u32("a sample type")?;
    let dimensions = cursor.u32("a number of dimensions")?;
    let values = cursor.u64("a number of samples")?;
    let total = match length {
        28 => cursor.u64("the size of texts")?,
        _ => 0,
    };
    let bytes = match size(code) {
        Some(size) => values.checked_mul(size as u64),
        None if code == TEXT && length == 28 => Some(total),
        // The type of an object that never had a sample.
        None if values == 0 => Some(0),
        None => {
            cursor.at = at;
            let found = format!("samples of type {code:#x} in {path}");
            return Err(cursor.content(found, "a type that TDMS has"));
        }
    };
    if dimensions != 1 {
        cursor.at = at;
        let found = format!("{dimensions} dimensions in {path}");
        return Err(cursor.content(found, "1"));
    }
    let Some(bytes) = bytes else {
        cursor.at = at;
        let found = format!("{values} samples in {path}");
        return Err(cursor.content(found, "a number that fits a file"));
    };
    object.index = Some(Index {
        code,
        values,
        bytes,
    });
    Ok(object.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_names_in_quotes() {
        let cases: [(&str, &[&str]); 6] = [
            ("/", &[]),
            ("/'Measurement'", &["Measurement"]),
            ("/'Measurement'/'17'", &["Measurement", "17"]),
            ("/'it''s'/'a/''b'''", &["it's", "a/'b'"]),
            ("/'open", &[]),
            ("plain", &[]),
        ];
        for (path, expected) in cases {
            assert_eq!(names(path), expected, "{path}");
        }
    }
}
