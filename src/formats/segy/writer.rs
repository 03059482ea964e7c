//! Writing SEG-Y: revision 1, big-endian, from windows of channels and times in any order.

use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::fields::{BINARY_HEADER, TRACE_HEADER};
use super::layout::HEADERS;
use super::sample::{Format, reverse};
use super::text;
use crate::block::Endian;

/// Depths are written in millimetres: receiver elevations with the scalar -1000.
const MILLIMETRES: f64 = 1000.0;

/// What a file is to hold.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Sample format: [`Format::I32`], [`Format::I16`] or [`Format::F32`].
    pub format: Format,
    /// Samples of a channel.
    pub samples: usize,
    /// Samples per second, in Hz.
    pub prf: f64,
    /// Time of the first sample; whole seconds.
    pub start: Timestamp,
    /// Measured depth of each channel in metres, kept to the millimetre.
    pub depth: Vec<f64>,
    /// Lines of the text header, at most 40 of 80 letters.
    pub text: Vec<String>,
}

/// Why a recording cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Something has no place in a SEG-Y header.
    #[error("{place}: found {found}, expected {expected}")]
    Unrepresentable {
        /// What of the recording.
        place: &'static str,
        /// What it is.
        found: String,
        /// What a header can hold.
        expected: &'static str,
    },
    /// The file could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A file being written.
#[derive(Debug)]
pub struct SegyWriter<W> {
    out: W,
    recording: Recording,
    /// Where `out` is, so that traces that follow each other are written without seeking.
    position: u64,
    swapped: Vec<u8>,
}

impl<W: Write + Seek> SegyWriter<W> {
    /// Begins a file with its headers.
    ///
    /// # Errors
    /// When the recording has something that a header cannot hold, or the file cannot be written.
    pub fn new(mut out: W, recording: Recording) -> Result<Self, WriteError> {
        check(&recording)?;
        out.write_all(&text::encode(&recording.text))?;
        out.write_all(&binary_header(&recording))?;
        Ok(Self {
            out,
            recording,
            position: HEADERS as u64,
            swapped: Vec::new(),
        })
    }

    /// Writes samples: row-major, a row per channel, in the format's type and this machine's byte order. A channel's header
    /// is written with its first sample, so every channel needs the window that begins at time 0.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(
        &mut self,
        channels: Range<usize>,
        times: Range<usize>,
        samples: &[u8],
    ) -> io::Result<()> {
        let size = self.recording.format.size();
        let stride = TRACE_HEADER + self.recording.samples * size;
        let row = times.len() * size;
        for (channel, samples) in channels.zip(samples.chunks_exact(row.max(1))) {
            let trace = (HEADERS + channel * stride) as u64;
            if times.start == 0 {
                let header = trace_header(&self.recording, channel);
                self.write_at(trace, &header)?;
            }
            let mut swapped = std::mem::take(&mut self.swapped);
            swapped.clear();
            swapped.extend_from_slice(samples);
            if Endian::NATIVE == Endian::Little {
                reverse(size, &mut swapped);
            }
            let at = trace + (TRACE_HEADER + times.start * size) as u64;
            self.write_at(at, &swapped)?;
            self.swapped = swapped;
        }
        Ok(())
    }

    /// Ends the file and gives it back.
    ///
    /// # Errors
    /// When what is still buffered cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if at != self.position {
            self.out.seek(SeekFrom::Start(at))?;
        }
        self.out.write_all(bytes)?;
        self.position = at + bytes.len() as u64;
        Ok(())
    }
}

fn check(recording: &Recording) -> Result<(), WriteError> {
    let wrong = |place, found, expected| {
        Err(WriteError::Unrepresentable {
            place,
            found,
            expected,
        })
    };
    if !matches!(recording.format, Format::I32 | Format::I16 | Format::F32) {
        return wrong(
            "sample format",
            format!("{:?}", recording.format),
            "I32, I16 or F32",
        );
    }
    if i32::try_from(recording.samples).is_err() || recording.samples == 0 {
        return wrong(
            "samples per channel",
            recording.samples.to_string(),
            "1 to 2147483647",
        );
    }
    if i32::try_from(recording.depth.len()).is_err() || recording.depth.is_empty() {
        return wrong(
            "channels",
            recording.depth.len().to_string(),
            "1 to 2147483647",
        );
    }
    if !(recording.prf.is_finite() && recording.prf > 0.0) {
        return wrong("prf", recording.prf.to_string(), "a rate above 0 in Hz");
    }
    if recording.start.subsec_nanosecond() != 0 {
        return wrong("start", recording.start.to_string(), "whole seconds");
    }
    let kept = |d: &f64| (d * MILLIMETRES).abs() <= f64::from(i32::MAX);
    match recording.depth.iter().find(|d| !kept(d)) {
        Some(depth) => wrong("depth", depth.to_string(), "metres within 2147483"),
        None => Ok(()),
    }
}

/// A header to fill in, big-endian.
struct Fields<const N: usize>([u8; N]);

impl<const N: usize> Fields<N> {
    fn put<const M: usize>(&mut self, at: usize, bytes: [u8; M]) {
        self.0[at..at + M].copy_from_slice(&bytes);
    }
}

fn binary_header(recording: &Recording) -> [u8; BINARY_HEADER] {
    let mut header = Fields([0; BINARY_HEADER]);
    let channels = recording.depth.len();
    let ensemble = i16::try_from(channels).unwrap_or(0).to_be_bytes();
    header.put(12, ensemble);
    header.put(16, short_interval(recording).to_be_bytes());
    header.put(20, short_samples(recording).to_be_bytes());
    header.put(24, recording.format.code().to_be_bytes());
    header.put(26, ensemble);
    header.put(54, 1i16.to_be_bytes());
    // The extended fields are revision 2's; readers take them where the short ones are 0, which is all that is left for
    // what does not fit these.
    if short_samples(recording) == 0 {
        header.put(68, (recording.samples as i32).to_be_bytes());
    }
    if short_interval(recording) == 0 {
        header.put(72, (1e6 / recording.prf).to_be_bytes());
    }
    header.put(300, [1, 0]);
    header.put(302, 1i16.to_be_bytes());
    header.put(310, 4i16.to_be_bytes());
    header.put(312, (channels as u64).to_be_bytes());
    header.0
}

fn trace_header(recording: &Recording, channel: usize) -> [u8; TRACE_HEADER] {
    let mut header = Fields([0; TRACE_HEADER]);
    let number = (channel as i32 + 1).to_be_bytes();
    for at in [0, 4, 12, 24] {
        header.put(at, number);
    }
    header.put(28, 1i16.to_be_bytes());
    let millimetres = (recording.depth[channel] * MILLIMETRES).round() as i32;
    header.put(40, millimetres.to_be_bytes());
    header.put(68, (-(MILLIMETRES as i16)).to_be_bytes());
    // distpy divides elevations by this scalar. There are no coordinates that it could scale, so that both get metres.
    header.put(70, (MILLIMETRES as i16).to_be_bytes());
    header.put(88, 1i16.to_be_bytes());
    header.put(114, short_samples(recording).to_be_bytes());
    header.put(116, short_interval(recording).to_be_bytes());
    let start = TimeZone::UTC.to_datetime(recording.start);
    let clock = [
        start.year(),
        start.day_of_year(),
        i16::from(start.hour()),
        i16::from(start.minute()),
        i16::from(start.second()),
        4,
    ];
    for (k, part) in clock.into_iter().enumerate() {
        header.put(156 + 2 * k, part.to_be_bytes());
    }
    header.0
}

/// Samples per trace in 16 bits, 0 where they do not fit.
fn short_samples(recording: &Recording) -> u16 {
    u16::try_from(recording.samples).unwrap_or(0)
}

/// The interval in whole microseconds, 0 where it is none of 1 to 32767.
fn short_interval(recording: &Recording) -> u16 {
    let interval = 1e6 / recording.prf;
    let whole = interval.round();
    let fits = (1.0..=32_767.0).contains(&whole) && (interval - whole).abs() < 1e-9 * whole;
    if fits { whole as u16 } else { 0 }
}
