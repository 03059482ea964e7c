//! The manifest of a run: what it was given, what it worked with, and how it ended, as JSON beside its results.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::journal::Journal;
use super::meter::Snapshot;
use crate::exit::Code;
use crate::formats::Calibration;
use crate::pipeline::balance::Balance;
use crate::pipeline::output::{BOOKKEEPING, Folder, OutputError, digest};
use crate::pipeline::thread;
use crate::store;

/// How many inputs are listed; the others are counted, and in the digest.
const LISTED: usize = 1000;
/// Below an output folder's bookkeeping.
pub const FOLDER: &str = "manifests";

/// Collects what belongs into a manifest; it is written where [`Manifest::keep`] says, when the run ends.
#[derive(Debug)]
pub struct Manifest {
    started: Timestamp,
    state: Mutex<State>,
    hash_all: AtomicBool,
    /// Set when no more inputs are to be hashed.
    enough: Arc<AtomicBool>,
    hashing: Mutex<Option<JoinHandle<Vec<Option<String>>>>>,
}

#[derive(Debug, Default)]
struct State {
    place: Option<(Folder, String)>,
    configuration: Vec<Configuration>,
    inputs: Inputs,
    compat: Option<&'static str>,
    cpu_precision: Option<&'static str>,
    calibration: Option<Samples>,
    balance: Option<Balance>,
}

/// What a stored sample stands for: `factor` times one is in `unit`.
#[derive(Debug, Clone, Serialize)]
struct Samples {
    factor: f64,
    unit: String,
    /// Whether samples were multiplied by the factor.
    applied: bool,
}

/// A configuration file as it was read.
#[derive(Debug, Clone, Serialize)]
struct Configuration {
    #[serde(serialize_with = "crate::store::path_as_text")]
    path: PathBuf,
    /// As `sha256sum` prints it.
    sha256: String,
}

/// The files that a run goes through.
#[derive(Debug, Clone, Default, Serialize)]
struct Inputs {
    count: usize,
    bytes: u64,
    /// Of a line for each file: path, tab, bytes, tab, time of its last change.
    sha256: String,
    files: Vec<File>,
    left_out: usize,
}

#[derive(Debug, Clone, Serialize)]
struct File {
    #[serde(serialize_with = "crate::store::path_as_text")]
    path: PathBuf,
    bytes: u64,
    modified: Option<String>,
    /// Its hash (see [`digest`]); none of what lies in a store, cannot be read, or was not read when the run was asked to end.
    hash: Option<String>,
}

/// The manifest as it is written.
#[derive(Serialize)]
struct Written<'a> {
    program: &'static str,
    version: &'static str,
    module: &'a str,
    arguments: Vec<String>,
    host: Option<String>,
    shard: &'a Option<String>,
    started: String,
    finished: String,
    outcome: Outcome<'a>,
    configuration: &'a [Configuration],
    compat: Option<&'static str>,
    cpu_precision: Option<&'static str>,
    calibration: &'a Option<Samples>,
    device: &'a Option<String>,
    inputs: &'a Inputs,
    #[serde(serialize_with = "crate::store::path_as_text")]
    output: &'a Path,
    counts: Counts,
    /// Of one channel.
    samples: &'a Option<Balance>,
    timings: Timings,
    warnings: Vec<String>,
    errors: Vec<String>,
    lines_left_out: u64,
}

#[derive(Serialize)]
struct Outcome<'a> {
    code: u8,
    name: &'static str,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Counts {
    chunks_expected: u64,
    chunks_done: u64,
    chunks_skipped: u64,
    chunks_left_out: u64,
    inputs_failed: u64,
    bytes_done: u64,
}

#[derive(Serialize)]
struct Timings {
    /// From the first to the last input.
    seconds: f64,
    bytes_per_second: f64,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            started: Timestamp::now(),
            state: Mutex::default(),
            hash_all: AtomicBool::new(false),
            enough: Arc::default(),
            hashing: Mutex::default(),
        }
    }
}

impl Manifest {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// It will be written below an output folder, under a name that no other run has.
    pub(super) fn keep(&self, output: &Folder, module: &str, share: &str) {
        let time = self.started.strftime("%Y%m%dT%H%M%S%.3fZ");
        let name = format!("{module}-{time}{share}.json");
        self.state().place = Some((output.clone(), name));
    }

    /// A configuration was read.
    pub fn configuration(&self, path: &Path, text: &str) {
        let file = Configuration {
            path: path.to_path_buf(),
            sha256: hex(&Sha256::digest(text)),
        };
        let mut state = self.state();
        if !state.configuration.iter().any(|known| known.path == path) {
            state.configuration.push(file);
        }
    }

    /// The files that the run goes through, or their folder.
    pub fn inputs<'a>(&self, paths: impl Iterator<Item = &'a Path>) {
        let mut inputs = Inputs::default();
        let mut digest = Sha256::new();
        for path in paths {
            let about = store::listed(path).ok();
            let bytes = about.map_or(0, |it| it.len);
            let modified = about.and_then(|it| it.modified);
            let modified = modified.and_then(|time| Timestamp::try_from(time).ok());
            let modified = modified.map(|time| time.to_string());
            inputs.bytes += bytes;
            let time = modified.as_deref().unwrap_or_default();
            digest.update(format!("{}\t{bytes}\t{time}\n", path.display()));
            inputs.count += 1;
            if inputs.files.len() < LISTED {
                let path = path.to_path_buf();
                inputs.files.push(File {
                    path,
                    bytes,
                    modified,
                    hash: None,
                });
            } else {
                inputs.left_out += 1;
            }
        }
        inputs.sha256 = hex(&digest.finalize());
        self.state().inputs = inputs;
        self.hash_inputs();
    }

    /// Selects hashes of all bytes of inputs.
    pub fn set_hash_all(&self, all: bool) {
        self.hash_all.store(all, Ordering::Relaxed);
    }

    /// Hashes the listed inputs while the run works: a share may take its time for each.
    fn hash_inputs(&self) {
        let enough = self.enough.clone();
        let all = self.hash_all.load(Ordering::Relaxed);
        let listed = self.state().inputs.files.clone();
        let hash = move |file: File| {
            let wanted = !store::is_remote(&file.path) && !enough.load(Ordering::Relaxed);
            let opened = wanted.then(|| store::open(&file.path))?;
            opened.and_then(|it| digest::of(&it, all)).ok()
        };
        let started = thread::spawn("hashes", move || listed.into_iter().map(hash).collect());
        // Without a thread, there are no hashes.
        *lock(&self.hashing) = started.ok();
    }

    /// The run is asked to end: what is not hashed by now stays so.
    pub(super) fn hurry(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    /// Whose numbers are computed.
    pub fn set_compat(&self, compat: &'static str) {
        self.state().compat = Some(compat);
    }

    /// What a stored sample stands for, and whether samples are computed in that unit.
    pub fn set_calibration(&self, calibration: &Calibration, applied: bool) {
        self.state().calibration = Some(Samples {
            factor: calibration.factor,
            unit: calibration.unit.clone(),
            applied,
        });
    }

    /// Samples of a channel that were read, and what became of them.
    pub fn set_balance(&self, balance: &Balance) {
        self.state().balance = Some(balance.clone());
    }

    /// What results say of where they come from: program, configuration files, whose numbers, and the samples' unit.
    pub fn provenance(&self) -> Map<String, Value> {
        let state = self.state();
        let mut about = Map::new();
        about.insert("Conventions".into(), "CF-1.11".into());
        let program = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
        about.insert("source".into(), program.into());
        for file in &state.configuration {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            about.insert(format!("sha256_{name}"), file.sha256.as_str().into());
        }
        if let Some(compat) = state.compat {
            about.insert("compat".into(), compat.into());
        }
        if let Some(samples) = &state.calibration {
            about.insert("calibration_factor".into(), samples.factor.into());
            about.insert("calibration_unit".into(), samples.unit.as_str().into());
            let applied = if samples.applied { "yes" } else { "no" };
            about.insert("calibration_applied".into(), applied.into());
        }
        about
    }

    /// In which precision where the CPU computes: that of the samples (`auto`), or always one.
    pub fn set_cpu_precision(&self, precision: &'static str) {
        self.state().cpu_precision = Some(precision);
    }

    /// Writes it, where a run joined an output folder.
    pub(super) fn write(
        &self,
        snapshot: &Snapshot,
        journal: &Journal,
        code: Code,
        error: &str,
    ) -> Result<(), OutputError> {
        let hashing = lock(&self.hashing).take();
        let mut state = self.state();
        if let (Some(_), Some(Ok(hashes))) = (&state.place, hashing.map(JoinHandle::join)) {
            for (file, hash) in state.inputs.files.iter_mut().zip(hashes) {
                file.hash = hash;
            }
        }
        let Some((output, name)) = &state.place else {
            return Ok(());
        };
        let lines = journal.lines();
        let written = Written {
            program: env!("CARGO_PKG_NAME"),
            version: snapshot.version,
            module: &snapshot.module,
            arguments: std::env::args().skip(1).collect(),
            host: host(),
            shard: &snapshot.shard,
            started: self.started.to_string(),
            finished: Timestamp::now().to_string(),
            outcome: Outcome {
                code: code.code,
                name: code.name,
                error: (!error.is_empty()).then_some(error),
            },
            configuration: &state.configuration,
            compat: state.compat,
            cpu_precision: state.cpu_precision,
            calibration: &state.calibration,
            device: &snapshot.device,
            inputs: &state.inputs,
            output: output.path(),
            counts: Counts {
                chunks_expected: snapshot.chunks_expected,
                chunks_done: snapshot.chunks_done,
                chunks_skipped: snapshot.chunks_skipped,
                chunks_left_out: snapshot.chunks_left_out,
                inputs_failed: snapshot.inputs_failed,
                bytes_done: snapshot.bytes_done,
            },
            samples: &state.balance,
            timings: Timings {
                seconds: snapshot.seconds,
                bytes_per_second: snapshot.bytes_per_second,
            },
            warnings: lines.warnings,
            errors: lines.errors,
            lines_left_out: lines.left_out,
        };
        let path = Path::new(BOOKKEEPING).join(FOLDER).join(name);
        let json = serde_json::to_vec_pretty(&written).expect("a manifest is plain data");
        output.write(&path, &json)
    }
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the machine is called; of a pod its name.
fn host() -> Option<String> {
    let variable = std::env::var("HOSTNAME").ok();
    let file = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = variable.filter(|name| !name.is_empty()).or_else(file)?;
    Some(name.trim().to_string())
}
