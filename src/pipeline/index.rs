//! The index of a folder of chunks: `index.csv`, a row for each chunk in the order of their times.
//!
//! It says what a chunk's file name cannot: the time of the first sample to the nanosecond, the exact rate, the recording that the
//! samples come from, and whether samples are missing before it. Ingest writes a chunk's row before the chunk, so that a file
//! without a row is not its own. A folder without an index (distpy's) is read by file names.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::timeline::{Cut, chrono};
use crate::block::DType;
use crate::command::{ChunkId, ChunkName};
use crate::formats::segment::{Rate, SECOND};
use crate::formats::{Calibration, FormatError};
use crate::store;

/// The name of the file.
pub const FILE: &str = "index.csv";

/// The columns, in their order.
const COLUMNS: [&str; 13] = [
    "name",
    "start_ns",
    "rate_samples",
    "rate_ns",
    "samples",
    "channels",
    "type",
    "factor",
    "unit",
    "source",
    "source_bytes",
    "source_sample",
    "gap_ns",
];

/// Properties that all chunks of one recording share.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    /// Samples per second.
    pub rate: Rate,
    /// Number of channels.
    pub channels: usize,
    /// Type of a sample.
    pub dtype: DType,
    /// Calibration of stored samples.
    pub calibration: Option<Calibration>,
    /// File name of the recording that the first sample comes from.
    pub source: String,
    /// Its bytes.
    pub source_bytes: u64,
}

/// A chunk, by its row.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name and the time of its first sample.
    pub id: ChunkId,
    /// Samples of each channel.
    pub samples: usize,
    /// Number of the first sample in its recording.
    pub source_sample: usize,
    /// Nanoseconds without samples before the chunk: 0 where it continues the chunk before; `None` where there is none before.
    pub gap: Option<i64>,
    /// The rest.
    pub common: Arc<Common>,
}

impl Entry {
    /// The row of a chunk that is written with samples of a type.
    pub fn of(cut: &Cut, dtype: DType) -> Self {
        let first = &cut.pieces[0];
        let source = first.path.file_name().unwrap_or_default();
        Self {
            id: cut.id,
            samples: cut.own_samples(),
            source_sample: first.times.start,
            gap: cut.gap,
            common: Arc::new(Common {
                rate: cut.rate,
                channels: cut.fibre.channels,
                dtype,
                calibration: cut.fibre.calibration.clone(),
                source: source.to_string_lossy().into_owned(),
                source_bytes: first.bytes,
            }),
        }
    }

    /// Time after its last sample, in nanoseconds since 1970.
    pub fn end(&self) -> i64 {
        let length = self.common.rate.time_of(self.samples as i64);
        self.id.start.saturating_add(length)
    }

    /// Name of its file.
    pub fn file(&self) -> String {
        format!("{}.npy", self.id.name)
    }

    /// Whether two chunks start with the same sample of the same recording.
    fn is_same(&self, other: &Self) -> bool {
        let [a, b] = [&self.common, &other.common];
        self.id.start == other.id.start && a.source == b.source && a.channels == b.channels
    }
}

/// The rows of an index, in the order of the chunks' starts.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Index {
    entries: Vec<Entry>,
}

/// Why chunks cannot be added.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}: chunk {name} from {time} has samples of {found}, expected those of {expected}; choose another output folder, or --overwrite",
    path.display()
)]
pub struct Conflict {
    /// The index.
    pub path: PathBuf,
    /// The chunk that is there.
    pub name: ChunkName,
    /// Its time.
    pub time: String,
    /// Its recording.
    pub found: String,
    /// The recording that was to be added.
    pub expected: String,
}

impl Index {
    /// Where the index of a folder is.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Reads the index of a folder; `None` where it has none.
    ///
    /// # Errors
    /// When it cannot be read, or a row is wrong: by its line and column.
    pub fn read(folder: &Path) -> Result<Option<Self>, FormatError> {
        let path = Self::path(folder);
        match store::read(&path) {
            Ok(bytes) => Self::parse(&path, &bytes).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(FormatError::io(&path, e)),
        }
    }

    /// Reads an index's text.
    ///
    /// # Errors
    /// When a row is wrong. `path` is for the message.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(bytes);
        let mut row = csv::StringRecord::new();
        let mut index = Self::default();
        let mut common: Option<Arc<Common>> = None;
        let mut line = 0;
        loop {
            let more = reader.read_record(&mut row).map_err(|e| {
                FormatError::content(path, "rows", e.to_string(), "comma-separated values")
            })?;
            if !more {
                break;
            }
            line += 1;
            if line == 1 {
                if row.iter().ne(COLUMNS) {
                    let found = row.iter().collect::<Vec<_>>().join(",");
                    return Err(FormatError::content(
                        path,
                        "line 1",
                        format!("\"{found}\""),
                        COLUMNS.join(","),
                    ));
                }
                continue;
            }
            let entry = parse_row(path, line, &row, common.as_ref())?;
            common = Some(entry.common.clone());
            index.insert(entry);
        }
        Ok(index)
    }

    /// The text of the index.
    pub fn text(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let written = "rows are written to memory";
        writer.write_record(COLUMNS).expect(written);
        for entry in self.entries() {
            let common = &entry.common;
            let (samples, nanoseconds) = common.rate.parts();
            let calibration = common.calibration.as_ref();
            writer
                .write_record([
                    entry.id.name.to_string(),
                    entry.id.start.to_string(),
                    samples.to_string(),
                    nanoseconds.to_string(),
                    entry.samples.to_string(),
                    common.channels.to_string(),
                    common.dtype.name().to_string(),
                    calibration.map_or_else(String::new, |it| it.factor.to_string()),
                    calibration.map_or_else(String::new, |it| it.unit.clone()),
                    common.source.clone(),
                    common.source_bytes.to_string(),
                    entry.source_sample.to_string(),
                    entry.gap.map_or_else(String::new, |gap| gap.to_string()),
                ])
                .expect(written);
        }
        writer.into_inner().expect(written)
    }

    /// The rows in the order of time.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The row of a name.
    pub fn find(&self, name: ChunkName) -> Option<&Entry> {
        // A name is the whole second of a start, so the row is among those of that second, or was moved by a clock's correction.
        let second = name.second().saturating_mul(SECOND);
        let near = second.saturating_sub(SECOND)..second.saturating_add(2 * SECOND);
        let near = self.from(near.start)..self.from(near.end);
        let near = self.entries[near].iter();
        near.chain(self.entries())
            .find(|entry| entry.id.name == name)
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no chunk.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the chunks begin that start at a time or later.
    fn from(&self, time: i64) -> usize {
        // Rows are added in their order, as a rule.
        match self.entries.last() {
            Some(last) if last.id.start < time => self.entries.len(),
            _ => self.entries.partition_point(|it| it.id.start < time),
        }
    }

    /// Adds a row, or replaces that of the same name and start.
    fn insert(&mut self, entry: Entry) {
        let from = self.from(entry.id.start);
        let same = self.entries[from..].iter();
        let mut same = same.take_while(|it| it.id.start == entry.id.start);
        match same.position(|it| it.id == entry.id) {
            Some(at) => self.entries[from + at] = entry,
            None => self.entries.insert(from, entry),
        }
    }

    /// Adds chunks of recordings, and gives each its place. Names that other chunks have get the fraction of the second.
    ///
    /// # Errors
    /// When a chunk of other samples has the time of one that is added, unless `overwrite`.
    pub fn add(
        &mut self,
        folder: &Path,
        cuts: &mut [Cut],
        dtype: impl Fn(&Cut) -> DType,
        overwrite: bool,
    ) -> Result<Added, Conflict> {
        let mut names: HashSet<ChunkName> = self.entries().map(|entry| entry.id.name).collect();
        let mut added = Added::default();
        let rows: Vec<(Entry, Option<Entry>)> = cuts
            .iter()
            .map(|cut| {
                let entry = Entry::of(cut, dtype(cut));
                let known = self.same(&entry).cloned();
                (entry, known)
            })
            .collect();
        // Chunks of these recordings, which may overlap each other.
        let mut own: HashSet<ChunkName> = rows
            .iter()
            .filter_map(|(_, known)| Some(known.as_ref()?.id.name))
            .collect();
        // Rows that give way, which are removed together.
        let mut gone: HashSet<ChunkId> = HashSet::new();
        for (cut, (mut entry, known)) in cuts.iter_mut().zip(rows) {
            let mut place = Place::New;
            if let Some(known) = &known {
                cut.id.name = known.id.name;
                entry.id.name = known.id.name;
                let as_before = known.common == entry.common && known.samples >= entry.samples;
                if as_before && !overwrite {
                    let longer = known.samples > entry.samples;
                    added.places.push(Place::Known { longer });
                    continue;
                }
                place = Place::Replaced;
            }
            let others = || {
                let all = self.overlapping(&entry);
                all.filter(|it| !own.contains(&it.id.name) && !gone.contains(&it.id))
            };
            if let (Some(other), false) = (others().next(), overwrite) {
                return Err(Conflict {
                    path: Self::path(folder),
                    name: other.id.name,
                    time: chrono(other.id.start),
                    found: other.common.source.clone(),
                    expected: entry.common.source.clone(),
                });
            }
            let removed: Vec<ChunkId> = others().map(|it| it.id).collect();
            for id in removed {
                names.remove(&id.name);
                added.removed.insert(id.name);
                gone.insert(id);
            }
            if known.is_none() && names.contains(&entry.id.name) {
                cut.id.name = ChunkName::exact(entry.id.start);
                entry.id.name = cut.id.name;
            }
            added.places.push(place);
            names.insert(entry.id.name);
            own.insert(entry.id.name);
            added.removed.remove(&entry.id.name);
            gone.remove(&entry.id);
            self.insert(entry);
        }
        if !gone.is_empty() {
            self.entries.retain(|it| !gone.contains(&it.id));
        }
        Ok(added)
    }

    /// The chunk that starts with the same sample.
    fn same(&self, entry: &Entry) -> Option<&Entry> {
        let from = self.entries[self.from(entry.id.start)..].iter();
        from.take_while(|it| it.id.start == entry.id.start)
            .find(|it| it.is_same(entry))
    }

    /// The chunks that have a time in common with one.
    fn overlapping(&self, entry: &Entry) -> impl Iterator<Item = &Entry> {
        let (start, end) = (entry.id.start, entry.end());
        // Half a sample is no overlap: times are rounded, and clocks drift.
        let half = entry.common.rate.time_of(1) / 2;
        let before = self.entries[..self.from(end)].iter();
        before
            .rev()
            .take_while(move |it| it.end() > start)
            .filter(move |it| it.end() - start > half && end - it.id.start > half)
    }
}

/// Outcome of adding chunks.
#[derive(Debug, Default)]
pub struct Added {
    /// Of each chunk.
    pub places: Vec<Place>,
    /// Names of chunks that were there and are no more.
    pub removed: HashSet<ChunkName>,
}

/// Outcome of adding a chunk to an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It was not there.
    New,
    /// It was there, perhaps with more samples at its end.
    Known {
        /// Whether the chunk that is there has more samples.
        longer: bool,
    },
    /// It was there otherwise: with fewer samples, or of another type; or everything is written again.
    Replaced,
}

fn parse_row(
    path: &Path,
    line: usize,
    row: &csv::StringRecord,
    before: Option<&Arc<Common>>,
) -> Result<Entry, FormatError> {
    let wrong = |column: usize, expected: &str| {
        FormatError::content(
            path,
            format!("line {line}, {}", COLUMNS[column]),
            format!("\"{}\"", &row[column]),
            expected,
        )
    };
    let whole = "a whole number";
    let number = |column: usize| row[column].parse::<u64>().map_err(|_| wrong(column, whole));
    let size = |column: usize| {
        row[column]
            .parse::<usize>()
            .map_err(|_| wrong(column, whole))
    };
    let name: ChunkName = row[0].parse().map_err(|e: String| wrong(0, &e))?;
    let start = row[1].parse::<i64>().map_err(|_| wrong(1, whole))?;
    let rate = Rate::of_span(number(2)?, number(3)?).ok_or_else(|| wrong(2, "a rate above 0"))?;
    let dtype = match before {
        Some(it) if it.dtype.name() == &row[6] => it.dtype,
        _ => DType::of_name(&row[6]).ok_or_else(|| wrong(6, "a type such as float32"))?,
    };
    let factor = match &row[7] {
        "" => None,
        text => Some(
            text.parse::<f64>()
                .map_err(|_| wrong(7, "a number, or nothing"))?,
        ),
    };
    let (channels, source_bytes) = (size(5)?, number(10)?);
    let same = before.filter(|it| {
        let known = it.calibration.as_ref();
        it.rate == rate
            && it.channels == channels
            && it.dtype == dtype
            && it.source == row[9]
            && it.source_bytes == source_bytes
            && known.map(|it| it.factor) == factor
            && known.map_or("", |it| &it.unit) == &row[8]
    });
    let common = same.cloned().unwrap_or_else(|| {
        Arc::new(Common {
            rate,
            channels,
            dtype,
            calibration: factor.map(|factor| Calibration {
                factor,
                unit: row[8].to_string(),
            }),
            source: row[9].to_string(),
            source_bytes,
        })
    });
    Ok(Entry {
        id: ChunkId { name, start },
        samples: size(4)?,
        source_sample: size(11)?,
        gap: match &row[12] {
            "" => None,
            text => Some(
                text.parse()
                    .map_err(|_| wrong(12, "nanoseconds, or nothing"))?,
            ),
        },
        common,
    })
}
