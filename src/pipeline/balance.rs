//! The balance of a run: every sample that was read is in the results or left out for a reason.
//!
//! Counts are of samples of one channel; a sample of all channels counts once.

use std::collections::BTreeMap;

use serde::Serialize;

/// Why samples are in no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An earlier recording has the samples of that time.
    Duplicate,
    /// Another recording has other samples of that time.
    Refused,
    /// They come before the first whole step of chunks that start at whole steps.
    BeforeGrid,
    /// They fill no chunk, and the configuration leaves such chunks out.
    ShortEnd,
    /// Their chunk is too short for the flow.
    TooShort,
    /// Their chunk is bad or could not be read.
    Failed,
    /// The run was asked to end before their chunk.
    NotReached,
    /// Another process computes their chunk.
    Elsewhere,
}

impl Reason {
    /// In words, for the log.
    pub fn text(self) -> &'static str {
        match self {
            Reason::Duplicate => "duplicates",
            Reason::Refused => "of another recording's time",
            Reason::BeforeGrid => "before the first whole step",
            Reason::ShortEnd => "in no whole chunk",
            Reason::TooShort => "in chunks too short for the flow",
            Reason::Failed => "in chunks that failed",
            Reason::NotReached => "not reached",
            Reason::Elsewhere => "of other shards or runs",
        }
    }
}

/// Samples of one channel, and what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Samples of the recordings, or of the chunk files.
    pub read: u64,
    /// Samples in chunks that are to be computed or written.
    #[serde(skip)]
    pub in_chunks: u64,
    /// Samples in results that this run made.
    pub in_results: u64,
    /// Samples in results that existed.
    pub existing: u64,
    /// Samples that are in no result of this run, by reason.
    pub left_out: BTreeMap<Reason, u64>,
    /// Samples that are in two chunks, as chunks overlap: how often beyond the first.
    pub used_twice: u64,
}

impl Balance {
    /// Counts samples of a recording.
    pub fn read(&mut self, samples: usize) {
        self.read += samples as u64;
    }

    /// Counts samples that a chunk has and no chunk before.
    pub fn in_chunk(&mut self, samples: usize) {
        self.in_chunks += samples as u64;
    }

    /// Counts samples that a chunk has and the chunk before too.
    pub fn twice(&mut self, samples: usize) {
        self.used_twice += samples as u64;
    }

    /// Counts samples that are in no result.
    pub fn left_out(&mut self, reason: Reason, samples: usize) {
        if samples > 0 {
            *self.left_out.entry(reason).or_default() += samples as u64;
        }
    }

    /// Changes the reason of samples that are in no result.
    pub fn moves(&mut self, from: Reason, to: Reason, samples: usize) {
        if let Some(count) = self.left_out.get_mut(&from) {
            let samples = (*count).min(samples as u64);
            *count -= samples;
            if *count == 0 {
                self.left_out.remove(&from);
            }
            self.left_out(to, samples as usize);
        }
    }

    /// Samples that are in no result.
    pub fn all_left_out(&self) -> u64 {
        self.left_out.values().sum()
    }

    /// Adds what became of the samples of chunks.
    pub fn add(&mut self, chunks: &Self) {
        self.in_results += chunks.in_results;
        self.existing += chunks.existing;
        for (reason, samples) in &chunks.left_out {
            self.left_out(*reason, *samples as usize);
        }
    }

    /// Counts what is left as not reached, in a run that was asked to end.
    pub fn stopped(&mut self) {
        let known = self.in_results + self.existing + self.all_left_out();
        let left = self.read.saturating_sub(known);
        self.left_out(Reason::NotReached, left as usize);
    }

    /// Whether each sample that was read is in a chunk or left out.
    pub fn is_cut(&self) -> bool {
        self.read == self.in_chunks + self.all_left_out()
    }

    /// Whether each sample that was read is in a result or left out.
    pub fn closes(&self) -> bool {
        self.read == self.in_results + self.existing + self.all_left_out()
    }

    /// One line for people.
    pub fn text(&self) -> String {
        let mut parts = vec![
            format!("{} samples a channel read", self.read),
            format!("{} in results", self.in_results),
        ];
        if self.existing > 0 {
            parts.push(format!("{} in results that existed", self.existing));
        }
        for (reason, samples) in &self.left_out {
            parts.push(format!("{samples} {}", reason.text()));
        }
        if self.used_twice > 0 {
            parts.push(format!("{} used twice", self.used_twice));
        }
        parts.join(", ")
    }
}
