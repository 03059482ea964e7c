//! Samples: windows of the pieces that a recording lies in.

use std::io;
use std::ops::Range;

use super::order::{Column, Order, Piece};
use crate::formats::mapped::{SAMPLES, View};

/// Channels that are copied together: 64 bytes of interleaved int16, so that every line of cache is used whole.
const STRIP: usize = 32;
/// Times that are copied together.
const TIMES: usize = 64;
/// Most bytes of values that are held to be shared among channels, unless those of one time are more.
const VALUES_BYTES: usize = 1 << 18;

/// Where the samples of a recording lie.
#[derive(Debug)]
pub struct Samples {
    /// In which order samples lie in pieces: columns in the order of channels.
    pub orders: Vec<Order>,
    /// In the order of their first times.
    pub pieces: Vec<Piece>,
    /// Bytes of a sample.
    pub size: usize,
    /// How many channels one stored channel holds, time after time; `None` where each has its own.
    pub shared: Option<usize>,
}

/// A part of a recording.
#[derive(Debug, Clone)]
pub struct Window {
    /// Channels.
    pub channels: Range<usize>,
    /// Samples of each.
    pub times: Range<usize>,
}

impl Samples {
    /// Reads a window, row-major with a row per channel, in this machine's byte order. The window lies inside the recording.
    ///
    /// # Errors
    /// When the file can no longer be read.
    pub fn read(&self, file: &View, window: &Window, dst: &mut [u8]) -> io::Result<()> {
        match self.size {
            1 => self.of::<1>(file, window, dst),
            2 => self.of::<2>(file, window, dst),
            4 => self.of::<4>(file, window, dst),
            8 => self.of::<8>(file, window, dst),
            other => unreachable!("no sample type has {other} bytes"),
        }
    }

    fn of<const N: usize>(&self, file: &View, window: &Window, dst: &mut [u8]) -> io::Result<()> {
        match self.shared {
            Some(channels) => self.shares::<N>(file, channels, window, dst),
            None => self.stored::<N>(file, window, dst),
        }
    }

    fn stored<const N: usize>(
        &self,
        file: &View,
        window: &Window,
        dst: &mut [u8],
    ) -> io::Result<()> {
        let Window { channels, times } = window;
        let begun = self.pieces.partition_point(|it| it.times.start < times.end);
        for piece in &self.pieces[..begun] {
            let order = &self.orders[piece.order];
            let until = |end| order.columns.partition_point(|it| it.channel < end);
            let columns = &order.columns[until(channels.start)..until(channels.end)];
            let end = piece.times.end.min(times.end);
            let mut time = piece.times.start.max(times.start);
            while time < end {
                let from = time - piece.times.start;
                let (chunk, from, most) = match order.chunk {
                    None => (0, from, end - time),
                    Some((values, bytes)) => {
                        (from / values * bytes, from % values, values - from % values)
                    }
                };
                let count = most.min(end - time);
                let at = piece.at + chunk + from * order.stride;
                let last = columns.iter().map(|column| column.at).max();
                let most = last.map_or(0, |last| last + (count - 1) * order.stride + N);
                let Some(src) = file.read(at..at + most, SAMPLES)? else {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                };
                let copied = Copied {
                    src,
                    stride: order.stride,
                    swapped: piece.swapped,
                    count,
                    row: times.len(),
                    column: time - times.start,
                };
                copied.copy::<N>(columns, channels.start, dst);
                time += count;
            }
        }
        Ok(())
    }

    /// Shares the values of the one stored channel.
    fn shares<const N: usize>(
        &self,
        file: &View,
        all: usize,
        window: &Window,
        dst: &mut [u8],
    ) -> io::Result<()> {
        let Window { channels, times } = window;
        let columns: Vec<_> = channels
            .clone()
            .map(|channel| Column {
                channel,
                at: channel * N,
            })
            .collect();
        let step = (VALUES_BYTES / (all * N)).max(1);
        let mut values = vec![0; step.min(times.len()) * all * N];
        for time in times.clone().step_by(step) {
            let count = step.min(times.end - time);
            let values = &mut values[..count * all * N];
            let part = Window {
                channels: 0..1,
                times: time * all..(time + count) * all,
            };
            self.stored::<N>(file, &part, values)?;
            let copied = Copied {
                src: values,
                stride: all * N,
                swapped: false,
                count,
                row: times.len(),
                column: time - times.start,
            };
            copied.copy::<N>(&columns, channels.start, dst);
        }
        Ok(())
    }
}

/// Samples that are copied.
struct Copied<'a> {
    /// From the first time on.
    src: &'a [u8],
    /// Bytes from a sample of a channel to its next one.
    stride: usize,
    swapped: bool,
    /// Samples of each channel.
    count: usize,
    /// Samples of a row of the destination.
    row: usize,
    /// Where in the rows they go.
    column: usize,
}

impl Copied<'_> {
    fn copy<const N: usize>(&self, columns: &[Column], first: usize, dst: &mut [u8]) {
        for strip in columns.chunks(STRIP) {
            for from in (0..self.count).step_by(TIMES) {
                let count = TIMES.min(self.count - from);
                for column in strip {
                    let to = ((column.channel - first) * self.row + self.column + from) * N;
                    let mut at = column.at + from * self.stride;
                    for out in dst[to..to + count * N].as_chunks_mut::<N>().0 {
                        out.copy_from_slice(&self.src[at..at + N]);
                        if self.swapped {
                            out.reverse();
                        }
                        at += self.stride;
                    }
                }
            }
        }
    }
}
