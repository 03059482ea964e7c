//! HDF5 recordings in the layouts of many makers, recognised by their content: [`LAYOUTS`] lists them.
//!
//! Samples are delivered as they are stored; what they stand for is in the header's calibration, where the file says it.
//!
//! The HDF5 library is entered by one thread at a time (its binding holds a lock), so concurrent reads of one or many
//! files are safe and take turns. Chunks that were packed are read without it, by all threads, where their filters are known:
//! see [`chunked`].

mod acoustic;
mod ap_sensing;
mod attributes;
mod chunked;
mod clock;
mod contiguous;
mod dasdae;
mod depth_table;
mod described;
mod febus;
mod gdr;
pub mod labelled;
mod links;
mod netcdf;
mod optodas;
mod prodml;
mod rare;
mod samples;
mod simple;
mod terra15;
mod tiled;
#[cfg(unix)]
pub mod trial;
mod turn;
mod type0;
mod values;
mod write;

use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use hdf5::{Dataset, File, Group, MinorErrorCode};

use self::chunked::Chunks;
use self::contiguous::Contiguous;
use super::description::{Described, Description};
use super::mapped::Pieces;
use super::numbers::Numbers;
use super::segment::{RATES, Rate};
use super::{FormatError, Header, Layout, Source, Unchanged};
use crate::store::Local;
pub use write::{Acquisition, write_prodml};

/// More channels than a fibre has: a damaged count must not ask for more memory than there is.
const MOST_CHANNELS: usize = 1 << 24;

/// What the HDF5 library may keep of decoded chunks: a chunk that two reads share is decoded once.
const CHUNK_CACHE_BYTES: usize = 32 << 20;

/// An open HDF5 recording.
#[derive(Debug)]
pub struct H5Source {
    path: PathBuf,
    found: Found,
    /// The file, for what is read of it without the library.
    pieces: Arc<Pieces>,
    /// A copy of what lies in a store, where it cannot lose its name while it is open.
    _copy: Option<Local>,
    /// Found at the first read; none if the library must read the samples.
    places: OnceLock<Option<Box<dyn Places>>>,
}

/// What a layout's reader finds in a file.
#[derive(Debug)]
struct Found {
    data: Dataset,
    header: Header,
    /// How blocks of rows make a recording, where samples have three dimensions.
    blocks: Option<samples::Blocks>,
}

impl Found {
    /// Samples of two dimensions.
    fn plain(data: Dataset, header: Header) -> Self {
        Self {
            data,
            header,
            blocks: None,
        }
    }
}

/// A maker's layout.
struct Kind {
    name: &'static str,
    /// Whether a file has it, by names alone.
    recognise: fn(&File) -> bool,
    /// Reads everything but the samples.
    read: fn(Place, &File) -> Result<Found, FormatError>,
}

/// Every layout, in the order in which they are tried: some share names with later ones.
const LAYOUTS: &[Kind] = &[
    Kind {
        name: "DASDAE (DASCore)",
        recognise: dasdae::recognise,
        read: dasdae::header,
    },
    Kind {
        name: "DAS-RCN (GDR)",
        recognise: gdr::recognise,
        read: gdr::header,
    },
    Kind {
        name: "ASN OptoDAS",
        recognise: optodas::recognise,
        read: optodas::header,
    },
    Kind {
        name: "AP Sensing",
        recognise: ap_sensing::recognise,
        read: ap_sensing::header,
    },
    Kind {
        name: "Terra15",
        recognise: terra15::recognise,
        read: terra15::header,
    },
    Kind {
        name: "Febus A1",
        recognise: febus::recognise,
        read: febus::header,
    },
    Kind {
        name: "Silixa H5",
        recognise: acoustic::is_silixa,
        read: acoustic::silixa,
    },
    Kind {
        name: "Neubrex",
        recognise: acoustic::is_neubrex,
        read: acoustic::neubrex,
    },
    Kind {
        name: "Silixa Carina (netCDF)",
        recognise: acoustic::is_carina,
        read: acoustic::carina,
    },
    Kind {
        name: "Uptech AS1000",
        recognise: rare::is_uptech,
        read: rare::uptech,
    },
    Kind {
        name: "PRODML (OptaSense, Silixa, Sintela and others; distpy's type 1)",
        recognise: prodml::recognise,
        read: prodml::header,
    },
    Kind {
        name: "Neubrex RFS",
        recognise: rare::is_neubrex_rfs,
        read: rare::neubrex_rfs,
    },
    Kind {
        name: "DAS-HDF5 (PoroTomo)",
        recognise: netcdf::is_das_hdf5,
        read: netcdf::das_hdf5,
    },
    Kind {
        name: "netCDF by the CF conventions (xdas, xarray)",
        recognise: netcdf::recognise,
        read: netcdf::header,
    },
    Kind {
        name: "Aragón Photonics HDAS 1",
        recognise: rare::is_hdas1,
        read: rare::hdas1,
    },
    Kind {
        name: "Aragón Photonics HDAS 2",
        recognise: rare::is_hdas2,
        read: rare::hdas2,
    },
    Kind {
        name: "OptaSense ODH4",
        recognise: rare::is_odh4,
        read: rare::odh4,
    },
    Kind {
        name: "NEC",
        recognise: rare::is_nec,
        read: rare::nec,
    },
    Kind {
        name: "Puniu HiFi-DAS",
        recognise: rare::is_puniu,
        read: rare::puniu,
    },
    Kind {
        name: "T8 Sensor",
        recognise: rare::is_t8,
        read: rare::t8,
    },
    Kind {
        name: "AI4EPS",
        recognise: rare::is_ai4eps,
        read: rare::ai4eps,
    },
    Kind {
        name: "distpy's type 0 (/data and /depth)",
        recognise: type0::recognise,
        read: type0::header,
    },
    Kind {
        name: "plain (/raw or /data with /timestamp or /time)",
        recognise: simple::recognise,
        read: simple::header,
    },
];

/// Opens a recording in any of the supported layouts. No sample is read.
///
/// # Errors
/// When the file is missing, is not HDF5, is cut short, has an unknown layout, or lacks something that its layout needs.
pub fn open(path: &Path) -> Result<H5Source, FormatError> {
    open_as(path, &Description::default())
}

/// Opens a recording by its description where it fits the file, which is where the dataset of samples is there; else in any of the
/// supported layouts.
///
/// # Errors
/// As [`open`], and when the file has the described dataset and lacks something else that is described.
pub fn open_as(path: &Path, description: &Description) -> Result<H5Source, FormatError> {
    let local = local(path)?;
    #[cfg(unix)]
    trial::survives(local.path(), path)?;
    open_untried(path, local, description)
}

/// As [`open_as`], without a trial of the file. `local` is the file itself or its copy on this machine.
fn open_untried(
    path: &Path,
    local: Local,
    description: &Description,
) -> Result<H5Source, FormatError> {
    let (file, pieces, copy) = open_file(path, local)?;
    let at = Place { path };
    links::check(at, &file)?;
    let described = description.layout.as_ref();
    let described = described.filter(|it| described::matches(&file, it));
    let found = match (described, &description.fbe) {
        (Some(it), _) => described::header(at, &file, it)?,
        (None, Some(band)) => prodml::band(at, &file, band)?,
        (None, None) => recognised(at, &file, description)?,
    };
    if found.header.channels > MOST_CHANNELS {
        let channels = format!("{} channels", found.header.channels);
        let expected = format!("at most {MOST_CHANNELS}");
        return Err(at.content(found.data.name(), channels, expected));
    }
    Ok(H5Source {
        path: path.to_path_buf(),
        found,
        pieces: Arc::new(pieces),
        _copy: copy,
        places: OnceLock::new(),
    })
}

fn recognised(at: Place, file: &File, wanted: &Description) -> Result<Found, FormatError> {
    let described = wanted.layout.as_ref();
    if let Some(kind) = LAYOUTS.iter().find(|kind| (kind.recognise)(file)) {
        let mut found = (kind.read)(at, file)?;
        if let Some(Described { data, .. }) = described {
            let name = kind.name;
            let warning = format!("distpy_gpu.hdf5.data: there is no {data}; the layout is {name}");
            found.header.warnings.push(warning);
        }
        return Ok(found);
    }
    if let Some(it) = described {
        return Err(described::missing(at, file, it));
    }
    let names = LAYOUTS.iter().map(|kind| kind.name);
    let described = ["one that distpy_gpu.hdf5 describes"];
    let expected = format!("the layout of one of {}", list(names.chain(described)));
    let found = format!("groups and datasets {}", list(members(file)));
    Err(at.content("layout", found, expected))
}

/// Samples of a dataset that are read without the library.
trait Places: std::fmt::Debug + Send + Sync {
    /// Reads parts into rows of `row_bytes`, each from a byte of the rows on: a row for each line or, `turned`, for each sample of a
    /// line.
    ///
    /// # Errors
    /// When they cannot be read or decoded, or the file ends before.
    fn read(
        &self,
        parts: &[(chunked::Part, usize)],
        turned: bool,
        dst: &mut [u8],
        row_bytes: usize,
    ) -> Result<(), FormatError>;

    /// True if samples are decoded in blocks.
    fn is_packed(&self) -> bool;
}

impl H5Source {
    fn places(&self) -> Option<&dyn Places> {
        let Found { data, header, .. } = &self.found;
        let find = || match Contiguous::of(&self.pieces, data, header.dtype) {
            Some(samples) => Some(Box::new(samples) as Box<dyn Places>),
            None => {
                let chunks = Chunks::of(&self.path, &self.pieces, data, header.dtype)?;
                Some(Box::new(chunks) as Box<dyn Places>)
            }
        };
        self.places.get_or_init(find).as_deref()
    }

    /// Reads a window without the library.
    fn read_places(
        &self,
        places: &dyn Places,
        window: &samples::Window,
        dst: &mut [u8],
    ) -> Result<(), FormatError> {
        let samples::Window { channels, times } = window.clone();
        let size = self.found.header.dtype.size();
        let row = times.len() * size;
        let part = |block, slow, fast| chunked::Part { block, slow, fast };
        if let Some(blocks) = self.found.blocks {
            let parts = blocks.parts(times);
            let parts = parts
                .map(|(block, rows, before)| (part(block, rows, channels.clone()), before * size));
            return places.read(&parts.collect::<Vec<_>>(), true, dst, row);
        }
        match self.found.header.layout {
            Layout::TimeMajor => places.read(&[(part(0, times, channels), 0)], true, dst, row),
            Layout::ChannelMajor => places.read(&[(part(0, channels, times), 0)], false, dst, row),
        }
    }
}

impl Source for H5Source {
    fn header(&self) -> &Header {
        &self.found.header
    }

    fn file(&self) -> Option<&dyn Unchanged> {
        Some(&*self.pieces)
    }

    fn is_packed(&self) -> bool {
        self.places().is_some_and(Places::is_packed)
    }

    fn read(
        &self,
        channels: Range<usize>,
        times: Range<usize>,
        dst: &mut [u8],
    ) -> Result<(), FormatError> {
        let window = samples::Window { channels, times };
        if window.channels.is_empty() || window.times.is_empty() {
            return Ok(());
        }
        if let Some(places) = self.places() {
            return self.read_places(places, &window, dst);
        }
        let Found {
            data,
            header,
            blocks,
        } = &self.found;
        let read = match blocks {
            Some(blocks) => samples::read_blocks(data, *blocks, header.dtype, &window, dst),
            None => samples::read(data, header.layout, header.dtype, &window, dst),
        };
        read.map_err(|e| Place { path: &self.path }.library(&data.name(), "readable samples", &e))
    }
}

/// The values of each dataset of real numbers, in groups too.
///
/// # Errors
/// When the file cannot be read, or is damaged.
pub fn numbers(path: &Path) -> Result<Vec<Numbers>, FormatError> {
    let local = local(path)?;
    #[cfg(unix)]
    trial::survives(local.path(), path)?;
    let (file, _pieces, _copy) = open_file(path, local)?;
    let at = Place { path };
    links::check(at, &file)?;
    let mut found = Vec::new();
    let mut groups = vec![
        file.as_group()
            .map_err(|e| at.library("/", "a group", &e))?,
    ];
    while let Some(group) = groups.pop() {
        for name in members(&group) {
            if let Ok(inner) = group.group(&name) {
                groups.push(inner);
                continue;
            }
            let dataset = at.dataset(&group, &name)?;
            values::written(at, &dataset)?;
            let real = dataset
                .dtype()
                .is_ok_and(|it| it.conv_to::<f64>().is_some());
            if real {
                let values = dataset.read_raw::<f64>();
                let values =
                    values.map_err(|e| at.library(&dataset.name(), "readable values", &e))?;
                found.push(Numbers::of_shape(dataset.name(), &dataset.shape(), values));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
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

    /// The exact rate that a number of hertz stands for.
    fn rate(self, hertz: f64) -> Result<Rate, FormatError> {
        let wrong = || self.content("sampling rate", format!("{hertz} Hz"), RATES);
        Rate::of_hertz(hertz).ok_or_else(wrong)
    }

    /// The exact rate that a step in seconds stands for.
    fn step(self, seconds: f64) -> Result<Rate, FormatError> {
        let wrong = || self.content("time step", format!("{seconds} s"), "a step above 0 s");
        Rate::of_step(seconds).ok_or_else(wrong)
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
        let dataset = group
            .dataset(name)
            .map_err(|e| self.library(&full, "a dataset", &e))?;
        samples::own(self, &dataset)?;
        if values::is_countable(&dataset) {
            Ok(dataset)
        } else {
            let found = format!("shape {:?}", dataset.shape());
            Err(self.content(full, found, "a number of values that can be counted"))
        }
    }
}

/// The file, or a copy of what lies in a store: the library reads files of this machine.
fn local(path: &Path) -> Result<Local, FormatError> {
    let io = |source| FormatError::io(path, source);
    let at = Place { path };
    let local = Local::of(path).map_err(io)?;
    let meta = local.path().metadata().map_err(io)?;
    if !meta.is_file() {
        return Err(at.content("file", "a folder, pipe or device", "an HDF5 file"));
    }
    if meta.len() == 0 {
        return Err(at.content("file", "no bytes", "an HDF5 file"));
    }
    Ok(local)
}

/// Opens the file. The message says in which way it is not a readable HDF5 file.
fn open_file(path: &Path, local: Local) -> Result<(File, Pieces, Option<Local>), FormatError> {
    let at = Place { path };
    let opened = File::with_options()
        .with_fapl(|access| access.chunk_cache(12_421, CHUNK_CACHE_BYTES, 0.75))
        .open(local.path());
    let opened = opened.map_err(|e| {
        if e.contains_minor(MinorErrorCode::NotHdf5) {
            at.content("file", "no HDF5 signature", "an HDF5 file")
        } else if e.contains_minor(MinorErrorCode::Truncated) {
            let bytes = local.path().metadata().map_or(0, |file| file.len());
            let found = format!("{bytes} bytes, cut short ({e})");
            at.content("file", found, "a whole HDF5 file")
        } else {
            at.library("file", "a readable HDF5 file", &e)
        }
    })?;
    let pieces = Pieces::open_copy(local.path(), path)?;
    Ok((opened, pieces, local.opened()))
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
