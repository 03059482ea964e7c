//! Which format a file has, told by its content, and opening a recording of any.

use std::path::Path;

use super::description::Description;
use super::mapped::View;
use super::{FormatError, Source, segy, tdms};

/// A format of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// numpy's array: a chunk.
    Npy,
    /// Any layout of HDF5.
    Hdf5,
    /// National Instruments' TDMS.
    Tdms,
    /// SEG-Y, which has no signature: what no other format is.
    Segy,
}

/// File extensions of recordings, with their formats.
const EXTENSIONS: [(&str, Format); 8] = [
    ("sgy", Format::Segy),
    ("segy", Format::Segy),
    ("h5", Format::Hdf5),
    ("hdf5", Format::Hdf5),
    ("hdf", Format::Hdf5),
    ("nc", Format::Hdf5),
    ("nc4", Format::Hdf5),
    ("tdms", Format::Tdms),
];

/// How names of recordings end.
pub fn extensions() -> Vec<&'static str> {
    EXTENSIONS.iter().map(|(ending, _)| *ending).collect()
}

/// The format that a file's name stands for; `None` where it is not named as recordings are.
fn named(path: &Path) -> Option<Format> {
    let extension = path.extension()?;
    let mut known = EXTENSIONS.iter();
    let known = known.find(|(ending, _)| extension.eq_ignore_ascii_case(ending));
    known.map(|(_, format)| *format)
}

/// Whether a file is named as recordings are.
pub fn is_recording(path: &Path) -> bool {
    named(path).is_some()
}

/// What HDF5 files begin with: at the start, or behind a block of the user's, whose size is a power of two from 512 on.
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Looks at a file's first bytes.
///
/// # Errors
/// When it cannot be read, or has no byte.
pub fn format(path: &Path) -> Result<Format, FormatError> {
    let file = View::open(path)?;
    if file.is_empty() {
        return Err(FormatError::content(
            path,
            "file",
            "no bytes",
            "a recording",
        ));
    }
    let places = std::iter::once(0).chain((9..32).map(|power| 1 << power));
    let mut places = places.take_while(|at| *at < file.len());
    let start = file.upto(0, HDF5.len());
    let format = if start.starts_with(b"\x93NUMPY") {
        Format::Npy
    } else if start.starts_with(b"TDSm") {
        Format::Tdms
    } else {
        file.want_headers(places.clone().map(|at| at..at + HDF5.len()));
        match places.any(|at| file.upto(at, HDF5.len()) == HDF5) {
            true => Format::Hdf5,
            false => Format::Segy,
        }
    };
    file.check()?;
    Ok(format)
}

/// Options for opening recordings.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether their depth axes are distpy's.
    pub compat_distpy: bool,
    /// What is said of HDF5 files.
    pub hdf5: Description,
}

/// Opens a recording of any format, and says which it has. No sample is read.
///
/// # Errors
/// When it cannot be read, is no recording, or its format's reader refuses it.
pub fn open(path: &Path, options: &Options) -> Result<(Format, Box<dyn Source>), FormatError> {
    let wrong =
        |found: &str, expected: &str| Err(FormatError::content(path, "file", found, expected));
    let format = match format(path)? {
        // A damaged file of a format that has a signature is refused as what its name says.
        Format::Segy => named(path).unwrap_or(Format::Segy),
        known => known,
    };
    let source: Box<dyn Source> = match format {
        Format::Npy => return wrong("an npy array, which is a chunk", "a recording"),
        Format::Segy => {
            let compat_distpy = options.compat_distpy;
            Box::new(segy::open(path, &segy::Options { compat_distpy })?)
        }
        Format::Tdms => Box::new(tdms::open(path)?),
        #[cfg(feature = "hdf5")]
        Format::Hdf5 => Box::new(super::hdf5::open_as(path, &options.hdf5)?),
        #[cfg(not(feature = "hdf5"))]
        Format::Hdf5 => {
            let expected = "a program with the feature hdf5";
            return wrong("HDF5, which this program is built without", expected);
        }
    };
    Ok((format, source))
}
