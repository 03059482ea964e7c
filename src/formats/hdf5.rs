//! HDF5 recordings: distpy's two layouts and PRODML raw data, recognised by their content.
//!
//! | layout | recognised by | depth of a channel | prf |
//! |---|---|---|---|
//! | PRODML (distpy's type 1) | group `/Acquisition` with `Raw[0]/RawData` and a calibration table | second field of the table | `OutputDataRate`, else `RawDataTime`, else `PulseRate` |
//! | PRODML without a table | the same without one | `(StartLocusIndex + k) * SpatialSamplingInterval` | the same |
//! | distpy's type 0 | root datasets `data` and `depth` | `depth` | rows of an HDF5 chunk of `data` |
//!
//! The HDF5 library is entered by one thread at a time (its binding holds a lock), so concurrent reads of one or many
//! files are safe and take turns.

mod attributes;
mod depth_table;
mod prodml;
mod samples;
mod type0;
mod write;

use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};

use hdf5::{Dataset, File, Group, MinorErrorCode};

use super::{FormatError, Header, Source};
pub use write::{Acquisition, write_prodml};

/// What the HDF5 library may keep of decoded chunks: a chunk that two reads share is decoded once.
const CHUNK_CACHE_BYTES: usize = 32 << 20;

/// An open HDF5 recording.
#[derive(Debug)]
pub struct H5Source {
    path: PathBuf,
    data: Dataset,
    header: Header,
}

/// Opens a recording in any of the supported layouts. No sample is read.
///
/// # Errors
/// When the file is missing, is not HDF5, is cut short, has an unknown layout, or lacks something that its layout needs.
pub fn open(path: &Path) -> Result<H5Source, FormatError> {
    let file = open_file(path)?;
    let at = Place { path };
    let (data, header) = if prodml::recognise(&file) {
        prodml::header(at, &file)?
    } else if type0::recognise(&file) {
        type0::header(at, &file)?
    } else {
        return Err(at.content(
            "layout",
            format!("groups and datasets {}", list(members(&file))),
            "PRODML (/Acquisition/Raw[0]/RawData), with or without LocusDepthPoint, or distpy's type 0 (/data and /depth)",
        ));
    };
    Ok(H5Source {
        path: path.to_path_buf(),
        data,
        header,
    })
}

impl Source for H5Source {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(
        &self,
        channels: Range<usize>,
        times: Range<usize>,
        dst: &mut [u8],
    ) -> Result<(), FormatError> {
        let window = samples::Window { channels, times };
        samples::read(
            &self.data,
            self.header.layout,
            self.header.dtype,
            &window,
            dst,
        )
        .map_err(|e| Place { path: &self.path }.library(&self.data.name(), "readable samples", &e))
    }
}

/// The file that messages speak of.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
}

impl Place<'_> {
    fn content(
        self,
        place: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> FormatError {
        FormatError::Content {
            path: self.path.to_path_buf(),
            place: place.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// A failure inside the HDF5 library.
    fn library(self, place: &str, expected: impl Into<String>, error: &hdf5::Error) -> FormatError {
        self.content(place, error.to_string(), expected)
    }

    /// Opens a dataset, or lists what is there instead.
    fn dataset(self, group: &Group, name: &str) -> Result<Dataset, FormatError> {
        let full = format!("{}/{name}", group.name().trim_end_matches('/'));
        if !group.link_exists(name) {
            let found = format!("only {}", list(members(group)));
            return Err(self.content(full, found, "a dataset of that name"));
        }
        group
            .dataset(name)
            .map_err(|e| self.library(&full, "a dataset", &e))
    }
}

/// Opens the file; the message says in which way it is not a readable HDF5 file.
fn open_file(path: &Path) -> Result<File, FormatError> {
    let io = |source| FormatError::Io {
        path: path.to_path_buf(),
        source,
    };
    let at = Place { path };
    let meta = path.metadata().map_err(io)?;
    if !meta.is_file() {
        return Err(at.content("file", "a folder or device", "an HDF5 file"));
    }
    if meta.len() == 0 {
        return Err(at.content("file", "no bytes", "an HDF5 file"));
    }
    let opened = File::with_options()
        .with_fapl(|access| access.chunk_cache(12_421, CHUNK_CACHE_BYTES, 0.75))
        .open(path);
    opened.map_err(|e| {
        if e.contains_minor(MinorErrorCode::NotHdf5) {
            at.content("file", "no HDF5 signature", "an HDF5 file")
        } else if e.contains_minor(MinorErrorCode::Truncated) {
            let found = format!("{} bytes, cut short ({e})", meta.len());
            at.content("file", found, "a whole HDF5 file")
        } else {
            at.library("file", "a readable HDF5 file", &e)
        }
    })
}

/// Names in a group, in alphabetical order.
fn members(group: &Group) -> Vec<String> {
    let mut names = group.member_names().unwrap_or_default();
    names.sort();
    names
}

/// Items as a message shows them.
fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<_> = items.into_iter().map(|i| i.to_string()).collect();
    if items.is_empty() {
        "nothing".into()
    } else {
        items.join(", ")
    }
}
