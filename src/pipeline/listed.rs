//! Chunk files in the order of an index, and the samples of their neighbours.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::index::{self, Entry, Index};
use super::reader::{Unready, from_file, unchanged};
use crate::block::Stored;
use crate::command::ChunkName;
use crate::store;

/// The rows of an index in the order of time, and where each chunk is in its run.
#[derive(Debug)]
pub struct Listing {
    entries: Vec<Entry>,
    /// For each, the number of its first sample in its run, which ends at a gap or where a chunk is missing.
    firsts: Vec<usize>,
    places: HashMap<ChunkName, usize>,
    /// Nanoseconds of the neighbouring samples that are read with a chunk.
    edge: i64,
}

impl Listing {
    /// Of an index, for chunks that are read with `edge` nanoseconds of the samples before and after them.
    pub fn of(index: &Index, edge: i64) -> Arc<Self> {
        let entries: Vec<Entry> = index.entries().cloned().collect();
        let mut firsts: Vec<usize> = Vec::with_capacity(entries.len());
        for (k, entry) in entries.iter().enumerate() {
            let before = k
                .checked_sub(1)
                .map(|before| (&entries[before], firsts[before]));
            let first = before.and_then(|(it, first)| Some(first + samples_between(it, entry)?));
            firsts.push(first.unwrap_or(0));
        }
        let names = entries.iter().map(|entry| entry.id.name);
        Arc::new(Self {
            places: names.zip(0..).collect(),
            entries,
            firsts,
            edge,
        })
    }

    /// All chunks.
    pub fn chunks(self: &Arc<Self>) -> impl Iterator<Item = Listed> {
        (0..self.entries.len()).map(|at| Listed {
            listing: self.clone(),
            at,
        })
    }

    /// The chunk of a name.
    pub fn find(self: &Arc<Self>, name: ChunkName) -> Option<Listed> {
        let at = *self.places.get(&name)?;
        Some(Listed {
            listing: self.clone(),
            at,
        })
    }
}

/// Samples from the first one of a chunk to the first one of the next chunk; `None` if the next chunk does not continue it.
fn samples_between(chunk: &Entry, next: &Entry) -> Option<usize> {
    let [a, b] = [&chunk.common, &next.common];
    let late = next.id.start.saturating_sub(chunk.end());
    let both = usize::try_from(a.rate.nearest(-late)).unwrap_or(0);
    // A clock may be corrected between two chunks; half a chunk is a chunk that is missing.
    let length = a.rate.time_of(chunk.samples as i64);
    // Of an ingest's first chunk nothing says what precedes it.
    let joins = match next.gap {
        Some(gap) => gap == 0 && late < length / 2,
        None => late.abs() <= a.rate.time_of(1) / 4 * 3,
    };
    let continues = joins && a.channels == b.channels;
    let between = chunk.samples.checked_sub(both).filter(|&it| it > 0);
    between.filter(|_| continues)
}

/// A chunk file in its listing.
#[derive(Debug, Clone)]
pub struct Listed {
    listing: Arc<Listing>,
    at: usize,
}

/// Some columns of an array.
type Columns = (Stored, Range<usize>);

impl Listed {
    /// Its row.
    pub fn entry(&self) -> &Entry {
        &self.listing.entries[self.at]
    }

    /// Number of its first sample in its run.
    pub fn first(&self) -> usize {
        self.listing.firsts[self.at]
    }

    /// Samples of the edge before and after the chunk: fewer than wanted where its run starts or ends.
    pub fn edge(&self) -> [usize; 2] {
        let Listing {
            entries, firsts, ..
        } = &*self.listing;
        let reach = self.reach();
        let end = self.first() + self.entry().samples;
        let later = self.at + 1..entries.len();
        let later = later.take_while(|&k| firsts[k] > 0 && firsts[k] < end + reach);
        let last = later.last().unwrap_or(self.at);
        let known = (firsts[last] + entries[last].samples).saturating_sub(end);
        [reach.min(self.first()), reach.min(known)]
    }

    /// Bytes of its samples, edges included.
    pub fn bytes(&self) -> u64 {
        let entry = self.entry();
        let [before, after] = self.edge();
        let sample = entry.common.channels * entry.common.dtype.size();
        ((before + entry.samples + after) * sample) as u64
    }

    /// Samples of the edge on either side.
    fn reach(&self) -> usize {
        let reach = self.entry().common.rate.first_at(self.listing.edge);
        usize::try_from(reach).unwrap_or(0)
    }

    /// Reads the chunk with its edges, and gives how many samples those have. They have fewer than [`Self::edge`] says where the
    /// file of a neighbour is not there. `path` is the chunk's file, and its neighbours lie in the same folder.
    ///
    /// # Errors
    /// When a file cannot be read, or is not as the index says.
    pub fn read(&self, path: &Path) -> Result<(Stored, [usize; 2]), Unready> {
        let chunk = from_file(path, true)?;
        let reach = self.reach();
        if reach == 0 {
            return Ok((chunk, [0, 0]));
        }
        let own = chunk.shape()[1];
        let before = self.before(path, reach)?;
        let after = self.after(path, reach)?;
        let samples = |parts: &[Columns]| parts.iter().map(|(_, columns)| columns.len()).sum();
        let edge = [samples(&before), samples(&after)];
        let parts = before.into_iter().rev().chain([(chunk, 0..own)]);
        let parts: Vec<Columns> = parts.chain(after).collect();
        let joined = Stored::joined(&parts);
        for (part, _) in &parts {
            unchanged(path, part)?;
        }
        Ok((joined, edge))
    }

    /// The last samples before the chunk, from later to earlier files.
    fn before(&self, path: &Path, reach: usize) -> Result<Vec<Columns>, Unready> {
        let firsts = &self.listing.firsts;
        let mut end = firsts[self.at];
        let start = end.saturating_sub(reach);
        let mut parts = Vec::new();
        let mut at = self.at;
        while end > start {
            // The first chunk of a run has number 0, so it is not passed.
            at -= 1;
            let Some(file) = self.neighbour(path, at)? else {
                break;
            };
            let first = firsts[at];
            // Chunks may overlap.
            let from = start.max(first);
            if from < end {
                parts.push((file, from - first..end - first));
                end = from;
            }
        }
        Ok(parts)
    }

    /// The first samples after the chunk, from earlier to later files.
    fn after(&self, path: &Path, reach: usize) -> Result<Vec<Columns>, Unready> {
        let Listing {
            entries, firsts, ..
        } = &*self.listing;
        let mut start = firsts[self.at] + self.entry().samples;
        let end = start + reach;
        let mut parts = Vec::new();
        let mut at = self.at + 1;
        while start < end && at < entries.len() && firsts[at] > 0 {
            let (first, to) = (firsts[at], end.min(firsts[at] + entries[at].samples));
            if start < to {
                let Some(file) = self.neighbour(path, at)? else {
                    break;
                };
                parts.push((file, start - first..to - first));
                start = to;
            }
            at += 1;
        }
        Ok(parts)
    }

    /// Another chunk of the folder; `None`, with a warning, where its file is not there.
    fn neighbour(&self, path: &Path, at: usize) -> Result<Option<Stored>, Unready> {
        let entry = &self.listing.entries[at];
        let file = path.with_file_name(entry.file());
        if !store::is_listed(&file) {
            let chunk = path.display();
            tracing::warn!(
                "{}: no such file, but {} lists it: {chunk} has no samples of it as its edge",
                file.display(),
                index::FILE
            );
            return Ok(None);
        }
        let stored = from_file(&file, true)?;
        check(&file, &stored, entry)?;
        Ok(Some(stored))
    }
}

fn check(path: &Path, stored: &Stored, entry: &Entry) -> Result<(), Unready> {
    let expected = [entry.common.channels, entry.samples];
    let [rows, cols] = stored.shape();
    if [rows, cols] == expected {
        return Ok(());
    }
    Err(Unready::Data(format!(
        "{}: found {rows} channels of {cols} samples, expected {} of {}, as the index has; ingest the recording again",
        path.display(),
        expected[0],
        expected[1]
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks of 1000 samples a second: where each starts in seconds, its samples and the gap before it.
    fn listing(chunks: &[(f64, usize, &str)], edge: f64) -> Arc<Listing> {
        let mut text = "name,start_ns,rate_samples,rate_ns,samples,channels,type,factor,unit,source,source_bytes,source_sample,gap_ns\n".to_string();
        for (start, samples, gap) in chunks {
            let nanoseconds = (start * 1e9) as i64;
            text +=
                &format!("{start},{nanoseconds},1,1000000,{samples},2,int16,,,a.h5,1,0,{gap}\n");
        }
        let index = Index::parse(Path::new("index.csv"), text.as_bytes());
        Listing::of(&index.expect("rows are right"), (edge * 1e9) as i64)
    }

    fn firsts_and_edges(chunks: &[(f64, usize, &str)]) -> Vec<(usize, [usize; 2])> {
        let chunks: Vec<Listed> = listing(chunks, 1.5).chunks().collect();
        chunks.iter().map(|it| (it.first(), it.edge())).collect()
    }

    #[test]
    fn runs_end_at_gaps_and_missing_chunks() {
        let found = firsts_and_edges(&[
            (10.0, 1000, ""),
            (11.0, 1000, "0"),
            (12.0, 300, "0"),
            // A gap.
            (13.0, 1000, "700000000"),
            // Of another ingest, which continues it.
            (14.0, 1000, ""),
            // A chunk is missing.
            (16.0, 1000, "0"),
        ]);
        let expected = [
            (0, [0, 1300]),
            (1000, [1000, 300]),
            (2000, [1500, 0]),
            (0, [0, 1000]),
            (1000, [1000, 0]),
            (0, [0, 0]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn chunks_may_overlap() {
        let found = firsts_and_edges(&[(10.0, 2000, ""), (11.0, 2000, "0"), (12.0, 2000, "0")]);
        assert_eq!(
            found,
            [(0, [0, 1500]), (1000, [1000, 1000]), (2000, [1500, 0])]
        );
    }
}
