//! The system JSON: where data lies, where results go, what the recording is. distpy's keys, plus ours in `distpy_gpu`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Problem, Problems};
use crate::formats::description::Description;
use crate::store;

/// The most worker threads: beyond any machine, and below what would exhaust one.
pub const MOST_THREADS: u64 = 1024;

/// A system configuration. Paths have forward slashes and are relative to the working directory, as distpy has them.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    /// The file that this was read from.
    pub file: PathBuf,
    /// Folder of the recordings or chunks: `in_directory`, or `in_drive/project/data`.
    pub input: Option<PathBuf>,
    /// Folder of the results: `out_directory`, or `out_drive/project/results`.
    pub output: Option<PathBuf>,
    /// The command JSON.
    pub config: Option<PathBuf>,
    /// Pulse repetition frequency in Hz: samples per second of a channel; `None` for the rate at which chunks were recorded.
    pub prf: Option<f64>,
    /// File name of the depth axis in the input folder.
    pub measured_depth: Option<String>,
    /// File name of the time axis in the input folder.
    pub time_scale: Option<String>,
    /// `BOX_SIZE`: files in a package of `ingest_witsml`; `None`, which 0 and less stand for, to have all in one.
    pub box_size: Option<usize>,
    /// Number of worker threads; `None` for as many as there are processors.
    pub threads: Option<usize>,
    /// Our own keys.
    pub gpu: Extensions,
    /// What was found and is not worth stopping for.
    pub warnings: Vec<String>,
}

/// Keys under `distpy_gpu`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extensions {
    /// `"distpy"`: every number as distpy 1.32.3 gives it.
    pub compat: Option<String>,
    /// `auto`, `gpu`, `cpu` or `software`.
    pub device: Option<String>,
    /// `auto`, `f32` or `f64`: precision of a CPU run.
    pub precision: Option<String>,
    /// Sample type of ingested chunks: `smallest` (lossless) or a type such as `f64`.
    pub npy_dtype: Option<String>,
    /// What an ingest does with a last chunk that is not full: `keep` (as a shorter chunk) or `drop`.
    pub last_chunk: Option<String>,
    /// Seconds of a chunk that is cut from a recording: 1 to 86400, usually 1.
    pub chunk_seconds: Option<f64>,
    /// Seconds that such a chunk shares with the next; usually 0.
    pub overlap_seconds: Option<f64>,
    /// Seconds of the neighbouring samples on both sides of a chunk that the flow processes and results leave out; usually 0.
    pub edge_seconds: Option<f64>,
    /// Seconds by which the starts of recordings that follow one another may be off; usually 0.001.
    pub join_seconds: Option<f64>,
    /// Whether samples are multiplied by what their recording says that a count is; usually they are, but not as distpy.
    #[serde(deserialize_with = "flag")]
    pub calibrate: Option<bool>,
    /// Where things are in HDF5 files whose layout no reader knows, and which band of PRODML's is read.
    pub hdf5: Description,
    /// Files that an ingest of SEG-Y makes of the headers of traces: `columns` (one file) or `distpy` (one per trace as well).
    pub headers: Option<String>,
    /// Settings of `synthesize`.
    pub synthesize: Option<Value>,
}

/// A truth, or 0 or 1 as distpy's configurations have them.
fn flag<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    match Option::<Value>::deserialize(from)? {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(flag)),
        Some(Value::Number(n)) if [Some(0), Some(1)].contains(&n.as_u64()) => {
            Ok(Some(n.as_u64() == Some(1)))
        }
        Some(other) => Err(serde::de::Error::custom(format!(
            "found {other}, expected true or false"
        ))),
    }
}

const KNOWN: &[&str] = &[
    "in_directory",
    "out_directory",
    "in_drive",
    "out_drive",
    "project",
    "data",
    "results",
    "measured_depth",
    "time_scale",
    "prf",
    "BOX_SIZE",
    "config",
    "parallel_flag",
    "ncpu",
    "distpy_gpu",
    "comment",
    "name",
    "description",
    "verbose",
];

impl System {
    /// Reads a system configuration.
    ///
    /// # Errors
    /// Every problem of the file at once; `prf` of zero or a wrong type is one.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Problems> {
        let root = super::json(file, text)?;
        let Value::Object(object) = root else {
            return Err(Problems::single(
                file,
                "",
                "found a JSON value that is no object, expected a system configuration",
            ));
        };
        let mut keys = Keys {
            object: &object,
            problems: Problems::new(file),
        };
        let system = System {
            file: file.to_path_buf(),
            input: keys.folder("in_directory", "in_drive", "data"),
            output: keys.folder("out_directory", "out_drive", "results"),
            config: keys.path("config"),
            prf: keys.prf(),
            measured_depth: keys.text("measured_depth"),
            time_scale: keys.text("time_scale"),
            box_size: keys.box_size(),
            threads: keys.threads(),
            gpu: keys.extensions(),
            warnings: keys.unknown(),
        };
        if keys.problems.has_errors() {
            Err(keys.problems)
        } else {
            Ok(system)
        }
    }
}

/// A path as written on either system: backslashes count as separators.
fn portable(text: &str) -> PathBuf {
    PathBuf::from(text.replace('\\', "/"))
}

/// The object being read, and what was wrong with it.
struct Keys<'a> {
    object: &'a Map<String, Value>,
    problems: Problems,
}

impl Keys<'_> {
    fn wrong(&mut self, key: &str, found: &Value, expected: &str) {
        self.problems.push(Problem::error(
            key,
            format!("found {found}, expected {expected}"),
        ));
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.object.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                self.wrong(key, other, "text");
                None
            }
        }
    }

    /// distpy takes the drive form where a drive is given, and then needs all three parts.
    fn folder(&mut self, plain: &str, drive: &str, leaf: &str) -> Option<PathBuf> {
        if !self.object.contains_key(drive) {
            return self.path(plain);
        }
        let mut path = PathBuf::new();
        for key in [drive, "project", leaf] {
            match self.text(key) {
                Some(part) => path.push(portable(&part)),
                None => self.problems.push(Problem::error(
                    key,
                    format!("missing; expected text, as `{drive}` is given"),
                )),
            }
        }
        let text = path.to_string_lossy().into_owned();
        self.located(drive, &text)
    }

    fn path(&mut self, key: &str) -> Option<PathBuf> {
        let text = self.text(key)?;
        self.located(key, &text)
    }

    /// A path as written on either system, or the URL of one: backslashes count as separators.
    fn located(&mut self, key: &str, text: &str) -> Option<PathBuf> {
        let text = text.replace('\\', "/");
        let path = store::path(&text);
        path.map_err(|problem| self.problems.push(Problem::error(key, problem)))
            .ok()
    }

    fn prf(&mut self) -> Option<f64> {
        match self.object.get("prf") {
            None | Some(Value::Null) => None,
            Some(value) => match value.as_f64() {
                Some(prf) if prf > 0.0 && prf.is_finite() => Some(prf),
                _ => {
                    self.wrong("prf", value, "a rate above 0 in Hz");
                    None
                }
            },
        }
    }

    fn box_size(&mut self) -> Option<usize> {
        /// distpy's.
        const USUAL: usize = 400;
        match self.object.get("BOX_SIZE") {
            None | Some(Value::Null) => Some(USUAL),
            Some(value) => match value.as_i64() {
                Some(files) => usize::try_from(files).ok().filter(|&n| n > 0),
                None => {
                    self.wrong("BOX_SIZE", value, "a whole number");
                    Some(USUAL)
                }
            },
        }
    }

    /// `ncpu` counts only where `parallel_flag` is set; a serial distpy run is no wish for one thread.
    fn threads(&mut self) -> Option<usize> {
        let mut count = |key: &str| match self.object.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(flag)) => Some(u64::from(*flag)),
            Some(value) => match value.as_u64() {
                Some(n) => Some(n),
                None => {
                    self.wrong(key, value, "a whole number");
                    None
                }
            },
        };
        let parallel = count("parallel_flag").unwrap_or(0);
        let ncpu = count("ncpu").filter(|&n| n > 0 && parallel > 0)?;
        if ncpu > MOST_THREADS {
            let expected =
                format!("at most {MOST_THREADS}; leave it out for one thread per processor");
            self.wrong("ncpu", &ncpu.into(), &expected);
            return None;
        }
        usize::try_from(ncpu).ok()
    }

    fn extensions(&mut self) -> Extensions {
        match self.object.get("distpy_gpu") {
            None | Some(Value::Null) => Extensions::default(),
            Some(value) => serde_path_to_error::deserialize(value).unwrap_or_else(|e| {
                self.problems.push(Problem::error(
                    format!("distpy_gpu.{}", e.path()),
                    e.inner().to_string(),
                ));
                Extensions::default()
            }),
        }
    }

    fn unknown(&self) -> Vec<String> {
        let odd = self.object.keys().filter(|k| !KNOWN.contains(&k.as_str()));
        odd.map(|k| {
            format!(
                "{}: {k}: unknown key, ignored",
                self.problems.file.display()
            )
        })
        .collect()
    }
}
