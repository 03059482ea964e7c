//! In which order the samples of a segment lie, and which part of the recording each piece of the file is.

use std::ops::Range;

use super::objects::{Index, Objects};

/// The order of samples in some pieces of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    /// The recorded channels: in the order of their samples; once channels are counted, in the channels' order.
    pub columns: Vec<Column>,
    /// Bytes from a sample of a channel to its next one.
    pub stride: usize,
    /// Samples of a channel in a chunk, and the chunk's bytes; `None` where all channels of a time lie together.
    pub chunk: Option<(usize, usize)>,
}

/// A channel's samples among those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Number of the object; once channels are counted, of the channel.
    pub channel: usize,
    /// Bytes from the start of a chunk, or of all channels' samples of a time, to the first one of this channel.
    pub at: usize,
}

/// A part of the file with as many samples of some channels.
#[derive(Debug)]
pub struct Piece {
    /// Number of the segment, from 1.
    pub segment: usize,
    /// First byte.
    pub at: usize,
    /// Which of the orders it has.
    pub order: usize,
    /// Whether samples have the other byte order than this machine.
    pub swapped: bool,
    /// Which samples of its channels these are.
    pub times: Range<usize>,
}

/// What an object has of a chunk.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Number of the object.
    pub object: usize,
    /// Its samples.
    pub index: Index,
    recorded: bool,
}

/// What a chunk consists of, in its order.
#[derive(Debug)]
pub struct Runs {
    /// Every object with samples.
    pub all: Vec<Run>,
}

impl Runs {
    /// Those of the present segment.
    pub fn of(objects: &Objects) -> Self {
        let runs = objects.with_samples().map(|(object, index)| Run {
            object,
            index,
            recorded: objects.all[object].recorded,
        });
        Self {
            all: runs.filter(|run| run.index.bytes > 0).collect(),
        }
    }

    /// Those of the recording.
    pub fn recorded(&self) -> impl Iterator<Item = Run> {
        self.all.iter().copied().filter(|run| run.recorded)
    }

    /// The order of interleaved samples; `None` unless all objects have as many of a fixed size.
    pub fn interleaved(&self) -> Option<Order> {
        let values = self.all.first()?.index.values;
        let mut columns = Vec::new();
        let mut at = 0;
        for run in &self.all {
            if run.index.values != values {
                return None;
            }
            if run.recorded {
                let channel = run.object;
                columns.push(Column { channel, at });
            }
            at += run.index.size()?;
        }
        Some(Order {
            columns,
            stride: at,
            chunk: None,
        })
    }

    /// The order of a chunk in which each object's samples lie together, and its bytes; `None` where these cannot be counted.
    pub fn chunked(&self) -> Option<(Order, usize)> {
        let recorded = self.recorded().next()?.index;
        let mut columns = Vec::new();
        let mut at = 0_usize;
        for run in &self.all {
            if run.recorded {
                let channel = run.object;
                columns.push(Column { channel, at });
            }
            at = at.checked_add(usize::try_from(run.index.bytes).ok()?)?;
        }
        let order = Order {
            columns,
            stride: recorded.size()?,
            chunk: Some((usize::try_from(recorded.values).ok()?, at)),
        };
        Some((order, at))
    }

    /// A chunk of which `bytes` of `whole` are there: each object has as large a part of its samples. `None` where that is none
    /// of the recording's.
    pub fn part(&self, bytes: usize, whole: usize) -> Option<Self> {
        let mut all = self.all.clone();
        for run in &mut all {
            let part = u128::from(run.index.values) * bytes as u128 / whole as u128;
            // A part of a u64.
            run.index.values = part as u64;
            run.index.bytes = run.index.values.checked_mul(run.index.size()? as u64)?;
        }
        let part = Self { all };
        let any = part.recorded().all(|run| run.index.values > 0);
        any.then_some(part)
    }
}
