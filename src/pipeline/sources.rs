//! Recordings that chunks are cut from: opened when a chunk needs them, and a few kept open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::reader::{Unready, unreadable};
use super::timeline::{Cut, Fibre, Piece};
use crate::block::{Bytes, Endian, Order, Stored};
use crate::command::Compat;
use crate::formats::description::Description;
use crate::formats::{FormatError, Layout, Source, open};

/// Files that are open at once: chunks span two, and their order is that of time.
const OPEN: usize = 3;
/// Chunks whose memory is kept: one that is read, one that waits, one that is computed.
const CHUNKS: usize = 3;
/// Parts in which threads share a chunk of a file that holds channel after channel.
const PARTS: usize = 16;

/// Open recordings, those used last at the end.
#[derive(Debug)]
pub struct Sources {
    options: open::Options,
    open: Vec<(PathBuf, Box<dyn Source>)>,
    /// Chunks' memory, taken again when a chunk is done with: to get new pages from the system takes as long as to read them full.
    memory: Vec<Arc<Vec<u8>>>,
}

impl Sources {
    /// None yet.
    pub fn new(compat: Compat, hdf5: Description) -> Self {
        Self {
            options: open::Options {
                compat_distpy: compat == Compat::Distpy,
                hdf5,
            },
            open: Vec::new(),
            memory: Vec::new(),
        }
    }

    /// Reads a chunk: a row per channel, samples as they are stored.
    ///
    /// # Errors
    /// When a recording cannot be read any more, or is another than when it was looked at.
    pub fn chunk(&mut self, cut: &Cut) -> Result<Stored, Unready> {
        let Fibre {
            channels, dtype, ..
        } = *cut.fibre;
        let (size, samples) = (dtype.size(), cut.samples());
        let mut memory = self.memory(channels * samples * size);
        let bytes = Arc::get_mut(&mut memory).expect("nobody else has it");
        if let [piece] = &cut.pieces[..] {
            self.read(piece, &cut.fibre, bytes).map_err(unreadable)?;
        } else {
            let mut at = 0;
            for piece in &cut.pieces {
                let run = piece.times.len() * size;
                let mut part = vec![0; channels * run];
                self.read(piece, &cut.fibre, &mut part)
                    .map_err(unreadable)?;
                let rows = bytes.chunks_exact_mut(samples * size);
                for (row, part) in rows.zip(part.chunks_exact(run)) {
                    row[at..at + run].copy_from_slice(part);
                }
                at += run;
            }
        }
        self.memory.push(memory.clone());
        let bytes = Bytes::Owned(memory);
        let stored = Stored::new(dtype, [channels, samples], Order::C, Endian::NATIVE, bytes);
        Ok(stored.expect("as many bytes as samples were made"))
    }

    /// Bytes that no chunk has any more, or new ones.
    fn memory(&mut self, size: usize) -> Arc<Vec<u8>> {
        let free = self
            .memory
            .iter()
            .position(|it| it.len() == size && Arc::strong_count(it) == 1);
        match free {
            Some(at) => self.memory.swap_remove(at),
            None => {
                // Of another size, or still in use: whoever has those lets them go.
                self.memory.retain(|it| it.len() == size);
                if self.memory.len() == CHUNKS {
                    self.memory.remove(0);
                }
                Arc::new(vec![0; size])
            }
        }
    }

    /// Reads all channels of a piece.
    fn read(&mut self, piece: &Piece, fibre: &Fibre, dst: &mut [u8]) -> Result<(), FormatError> {
        let Piece { path, times } = piece;
        let source = self.source(path)?;
        let header = source.header();
        let same = header.channels == fibre.channels && header.dtype == fibre.dtype;
        if !same || header.samples < times.end {
            let found = format!(
                "{} channels of {} samples of type {}",
                header.channels,
                header.samples,
                header.dtype.name()
            );
            let expected = "what the file had when this run began";
            return Err(FormatError::content(path, "header", found, expected));
        }
        let row = times.len() * fibre.dtype.size();
        let channels = fibre.channels;
        if row == 0 || channels == 0 {
            return Ok(());
        }
        match header.layout {
            // Blocks are decoded by all threads as it is.
            _ if source.is_packed() => source.read(0..channels, times.clone(), dst),
            Layout::TimeMajor => source.read(0..channels, times.clone(), dst),
            Layout::ChannelMajor => {
                let rows = channels.div_ceil(PARTS);
                dst.par_chunks_mut(rows * row)
                    .enumerate()
                    .try_for_each(|(k, dst)| {
                        let first = k * rows;
                        let some = first..first + dst.len() / row;
                        source.read(some, times.clone(), dst)
                    })
            }
        }
    }

    fn source(&mut self, path: &Path) -> Result<&dyn Source, FormatError> {
        let at = self.open.iter().position(|(open, _)| open == path);
        let opened = match at {
            Some(at) => self.open.remove(at),
            None => {
                let (_, source) = open::open(path, &self.options)?;
                if self.open.len() == OPEN {
                    self.open.remove(0);
                }
                (path.to_path_buf(), source)
            }
        };
        self.open.push(opened);
        let (_, source) = self.open.last().expect("one was put there");
        Ok(source.as_ref())
    }
}
