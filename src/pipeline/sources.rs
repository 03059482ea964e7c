//! Recordings that chunks are cut from: opened when a chunk needs them, and a few kept open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::reader::{Unready, unreadable};
use super::timeline::{Cut, Fibre, Overlap, Piece};
use crate::block::{Bytes, Endian, Order, Stored};
use crate::formats::{FormatError, Layout, Source, Unchanged, open};

/// Files that are open at once: chunks span two, and their order is that of time.
const OPEN: usize = 3;
/// Chunks whose memory is kept: one that is read, one that waits, one that is computed.
const CHUNKS: usize = 3;
/// Parts in which threads share a chunk of a file that holds channel after channel.
const PARTS: usize = 16;
/// Samples that are compared at each place of an overlap.
const COMPARED: usize = 64;

/// Open recordings, those used last at the end.
#[derive(Debug)]
pub struct Sources {
    options: open::Options,
    open: Vec<(PathBuf, Arc<dyn Source>)>,
    /// Chunks' memory, taken again when a chunk is done with: to get new pages from the system takes as long as to read them full.
    memory: Vec<Arc<Vec<u8>>>,
}

impl Sources {
    /// None yet.
    pub fn new(options: open::Options) -> Self {
        Self {
            options,
            open: Vec::new(),
            memory: Vec::new(),
        }
    }

    /// One recording that is open already, under a name.
    pub fn of(name: &Path, source: Arc<dyn Source>) -> Self {
        Self {
            options: open::Options::default(),
            open: vec![(name.to_path_buf(), source)],
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
        let Piece { path, times, .. } = piece;
        let source = self.open(path, fibre, times.end)?;
        let size = source.file().map(Unchanged::bytes);
        if size.is_some_and(|size| size != piece.bytes) {
            let found = format!("{} bytes", size.unwrap_or(0));
            let expected = format!("the {} that it had when this run began", piece.bytes);
            return Err(FormatError::content(path, "file", found, expected));
        }
        Self::read_piece(source, piece, fibre, dst)?;
        // Samples of a file that changed meanwhile may be anything.
        source.file().map_or(Ok(()), Unchanged::check)
    }

    fn read_piece(
        source: &dyn Source,
        piece: &Piece,
        fibre: &Fibre,
        dst: &mut [u8],
    ) -> Result<(), FormatError> {
        let times = &piece.times;
        let header = source.header();
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

    /// Opens a recording, or finds it open, and checks that it is what it was when its header was read first, with as many
    /// samples as are wanted.
    ///
    /// # Errors
    /// When it cannot be opened, or is another.
    pub fn open(
        &mut self,
        path: &Path,
        fibre: &Fibre,
        samples: usize,
    ) -> Result<&dyn Source, FormatError> {
        let source = self.source(path)?;
        let header = source.header();
        let same = header.channels == fibre.channels && header.dtype == fibre.dtype;
        if !same || header.samples < samples {
            let found = format!(
                "{} channels of {} samples of type {}",
                header.channels,
                header.samples,
                header.dtype.name()
            );
            let expected = "what the file had when this run began";
            return Err(FormatError::content(path, "header", found, expected));
        }
        Ok(source)
    }

    /// In what the samples that a later recording has of a time differ from those that an earlier one has of it: some at the start,
    /// in the middle and at the end of the time are compared. `None` where they are the same, or the earlier ones are not
    /// known any more.
    ///
    /// # Errors
    /// When either recording cannot be read.
    pub fn differs(
        &mut self,
        overlap: &Overlap,
        fibre: &Fibre,
    ) -> Result<Option<FormatError>, FormatError> {
        let Some([earlier, later]) = &overlap.same_time else {
            return Ok(None);
        };
        let count = earlier.times.len().min(later.times.len());
        let few = COMPARED.min(count);
        let mut read = |piece: &Piece, from: usize| {
            let first = piece.times.start + from;
            let mut bytes = vec![0; few * fibre.channels * fibre.dtype.size()];
            let source = self.open(&piece.path, fibre, first + few)?;
            source.read(0..fibre.channels, first..first + few, &mut bytes)?;
            Ok(bytes)
        };
        for from in [0, (count - few) / 2, count - few] {
            if read(earlier, from)? != read(later, from)? {
                let other = overlap.earlier.display();
                return Ok(Some(FormatError::content(
                    &later.path,
                    format!("samples {} to {}", later.times.start, later.times.end - 1),
                    format!("other values than {other} has of the same time"),
                    "times of their own, or the same values; if the times are wrong, use an output folder for each recording",
                )));
            }
        }
        Ok(None)
    }

    /// Opens a recording, or finds it open.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn source(&mut self, path: &Path) -> Result<&dyn Source, FormatError> {
        let at = self.open.iter().position(|(open, _)| &**open == path);
        let opened = match at {
            Some(at) => self.open.remove(at),
            None => {
                let (_, source) = open::open(path, &self.options)?;
                if self.open.len() == OPEN {
                    self.open.remove(0);
                }
                (path.to_path_buf(), Arc::from(source))
            }
        };
        self.open.push(opened);
        let (_, source) = self.open.last().expect("one was put there");
        Ok(source.as_ref())
    }
}
