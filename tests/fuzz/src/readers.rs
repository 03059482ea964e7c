//! What the fuzz targets do with bytes: each reader goes as far into a file as a run of the program would.
//!
//! Readers take paths, so the bytes become a file of a folder. Whatever they are, a
//! reader says what is wrong with them or reads samples: it does not panic, does not take memory that the file does not
//! warrant, and comes to an end.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{LazyLock, OnceLock};

use clap::Parser;
use distpy_gpu::cli::Cli;
use distpy_gpu::command::Compat;
use distpy_gpu::config::companions::{Csv, LasKeys, Settings, ShiftKeys, TemplateKeys};
use distpy_gpu::config::plots::Plots;
use distpy_gpu::config::{System, Workflow};
#[cfg(feature = "hdf5")]
use distpy_gpu::formats::description::{Band, Description};
use distpy_gpu::formats::{Source, csv, las, npy, numbers, onnx, open, segy, tdms, witsml, zarr};
use distpy_gpu::graph::{Graph, Reading};
use distpy_gpu::pipeline::output::{Folder, Sharing};
use distpy_gpu::pipeline::tables::{Job, convert};

/// Samples that are read of a file, at most: what lies further in is read in the same way.
const SAMPLES: usize = 1 << 16;

/// A SEG-Y recording, with distpy's axes and without, and all headers of its traces.
pub fn segy(folder: &Path, bytes: &[u8]) {
    let path = file(folder, "fuzz.sgy", bytes);
    for compat_distpy in [false, true] {
        if let Ok(source) = segy::open(&path, &segy::Options { compat_distpy }) {
            recording(&source);
        }
    }
}

/// A TDMS recording.
pub fn tdms(folder: &Path, bytes: &[u8]) {
    if let Ok(source) = tdms::open(&file(folder, "fuzz.tdms", bytes)) {
        recording(&source);
    }
}

/// An HDF5 file of any bytes. HDF5's own library does not come to an end with some of them, so this is no target that runs by itself.
#[cfg(feature = "hdf5")]
pub fn hdf5_bytes(folder: &Path, bytes: &[u8]) {
    open_hdf5(&file(folder, "fuzz.h5", bytes));
}

/// A sound HDF5 file of a known layout, of which the bytes change attributes, types, shapes and values.
#[cfg(feature = "hdf5")]
pub fn hdf5(folder: &Path, bytes: &[u8]) {
    let path = folder.join("fuzz.h5");
    if super::changed::write(&path, bytes).is_ok() {
        open_hdf5(&path);
    }
}

#[cfg(feature = "hdf5")]
fn open_hdf5(path: &Path) {
    let described = r#"{"data": "/raw", "order": "time,channel", "prf": "/raw@rate", "start": "/timestamp", "depth": "/distance"}"#;
    let described: Description = serde_json::from_str(described).expect("a description");
    for description in [
        Description::default(),
        Description {
            fbe: Some(Band::Number(1)),
            layout: None,
        },
        described,
    ] {
        if let Ok(source) = distpy_gpu::formats::hdf5::open_as(path, &description) {
            recording(&source);
        }
    }
}

/// An array of numpy's.
pub fn npy(folder: &Path, bytes: &[u8]) {
    let path = file(folder, "fuzz.npy", bytes);
    let _ = open::format(&path);
    if let Ok(array) = npy::open(&path) {
        let _ = (array.stored(), array.to_f64_vec(), array.column());
    }
}

/// A table: its rows, and what the converters make of it with three configurations.
pub fn csv(folder: &Path, bytes: &[u8]) {
    static OUTPUT: OnceLock<Folder> = OnceLock::new();
    static TABLES: LazyLock<[Csv; 3]> = LazyLock::new(|| {
        [
            "{}",
            r#"{"first_data": 2, "time_row": 0, "output_format": "npy", "time_format": "%Y/%m/%d %H:%M:%S %p"}"#,
            r#"{"time_label": "when", "depth_label": "md", "csv_labels": ["temperature", "strain, micro"],
                "time_format": "%d/%m/%Y %H:%M:%S", "curves": [{"mnemonic": "T"}, {"mnemonic": "S"}]}"#,
        ]
        .map(|text| {
            let settings = Settings::parse("fuzz.json".as_ref(), text).expect("JSON");
            Csv::of(&settings).expect("keys of a table")
        })
    });
    let output = OUTPUT.get_or_init(|| {
        Folder::join(&folder.join("results"), &Sharing::default())
            .expect("a folder that can be written to")
    });
    let path = file(folder, "fuzz.csv", bytes);
    if let Ok(table) = csv::open(&path) {
        let mut rows = table.rows(csv::Place::START, table.size());
        while let Ok(Some(row)) = rows.next_row() {
            let _ = (row.len(), row.text(0), row.number(1));
        }
    }
    for table in &*TABLES {
        let job = Job {
            csv: table,
            compat: Compat::Exact,
            output,
            below: "table".as_ref(),
            overwrite: true,
            cells: 64,
            stop: &AtomicBool::new(false),
            advance: &|_| {},
            written: &|_| {},
            skipped: &|_| {},
        };
        let _ = convert(&path, &job);
    }
}

/// A LAS file.
pub fn las(_: &Path, bytes: &[u8]) {
    let path = Path::new("fuzz.las");
    for keep_null in [false, true] {
        if let Ok(log) = las::parse(path, bytes, las::Options { keep_null }) {
            let _ = (log.column(0), log.date(path, None), log.item("STRT"));
        }
    }
}

/// A log along the fibre: read, its time of creation, and the same log with other times.
pub fn witsml(_: &Path, bytes: &[u8]) {
    let path = Path::new("fuzz.fbe");
    let _ = witsml::parse(path, bytes);
    let _ = witsml::created(path, bytes);
    let _ = witsml::redated(path, bytes, 3600);
}

/// A Zarr array: the first byte says how many of the next are the header, the rest are the first chunk.
pub fn zarr(folder: &Path, bytes: &[u8]) {
    let Some((split, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let split = usize::from(u16::from_le_bytes(*split)).min(rest.len());
    let (header, chunk) = rest.split_at(split);
    let name = if header.windows(13).any(|it| it == b"\"zarr_format\":") && header.contains(&b'3') {
        "zarr.json"
    } else {
        ".zarray"
    };
    let array = folder.join("fuzz.zarr");
    let _ = std::fs::remove_dir_all(&array);
    for (name, bytes) in [(name, header), ("c/0/0", chunk), ("0.0", chunk)] {
        let path = array.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder in memory");
        std::fs::write(path, bytes).expect("a file in memory");
    }
    if let Ok(array) = zarr::open(&array) {
        let [rows, cols] = array.shape();
        let [rows, cols] = [rows.min(64), cols.min(64)];
        let _ = array.read(0..rows, 0..cols);
    }
}

/// Each kind of configuration, from the same text; a command file becomes a graph.
pub fn json(_: &Path, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let path = Path::new("fuzz.json");
    let _ = System::parse(path, text);
    let _ = Plots::parse(path, text);
    if let Ok(flow) = Workflow::parse(path, text) {
        for compat in [Compat::Exact, Compat::Distpy] {
            let strict = compat == Compat::Exact;
            let _ = Graph::build(&flow, Reading { compat, strict });
        }
    }
    if let Ok(settings) = Settings::parse(path, text) {
        let _ = (Csv::of(&settings), LasKeys::of(&settings));
        let _ = (ShiftKeys::seconds(&settings), TemplateKeys::of(&settings));
    }
}

/// A command line, with a zero after each argument.
pub fn arguments(_: &Path, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = Cli::try_parse_from(std::iter::once("distpy-gpu").chain(text.split('\0')));
}

/// A trained network.
pub fn onnx(folder: &Path, bytes: &[u8]) {
    let _ = onnx::open(&file(folder, "fuzz.onnx", bytes));
}

/// The numbers of a result: the first byte selects the format.
pub fn numbers(folder: &Path, bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let endings = ["npy", "fbe", "csv", "png", "parquet", "part"];
    let name = format!("fuzz.{}", endings[usize::from(*kind) % endings.len()]);
    let _ = numbers::read(&file(folder, &name, bytes));
}

/// Reads the beginning and the end of a recording, and the headers of its traces.
fn recording(source: &dyn Source) {
    let header = source.header();
    assert_eq!(header.depth.len(), header.channels);
    let (channels, samples, size) = (header.channels, header.samples, header.dtype.size());
    let some = channels.min(8);
    let times = samples.min(SAMPLES / some.max(1));
    for (channels, times) in [
        (0..some, 0..times),
        (channels - some..channels, samples - times..samples),
    ] {
        let mut samples = vec![0; channels.len() * times.len() * size];
        let _ = source.read(channels, times, &mut samples);
    }
    if let Ok(Some(traces)) = source.traces() {
        let _ = traces.write_columns(&mut std::io::sink());
        for channel in [0, channels.saturating_sub(1)] {
            let _ = traces.of_trace(channel);
        }
    }
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file in memory");
    path
}
