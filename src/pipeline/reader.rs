//! Chunks from files: found, checked, planned.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::chunk::{Chunk, Origin};
use super::index;
use super::origin;
use super::sources::Sources;
use super::timeline::Cut;
use crate::block::{Coords, Held, Signature, Stored, Unit};
use crate::command::{AxisFile, ChunkId, Command, Compat, Env};
use crate::config::{Problems, Severity};
use crate::execute::Job;
use crate::formats::description::Description;
use crate::formats::segment::{Rate, SECOND};
use crate::formats::{FormatError, npy, open};
use crate::graph::Graph;
use crate::plan::{Plan, Source};
use crate::store;

/// Why a chunk cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// Its file, or an axis beside it, is bad.
    #[error("{0}")]
    Data(String),
    /// The system could not read it.
    #[error("{0}")]
    Io(String),
    /// The flow does not fit it.
    #[error("{0}")]
    Plan(Problems),
    /// It has fewer samples than the flow needs, which fits longer chunks.
    #[error(
        "{}: found {found} samples, expected at least {required}: {reason}; the chunk is left out",
        chunk.display()
    )]
    TooShort {
        /// The chunk.
        chunk: PathBuf,
        /// Its samples.
        found: usize,
        /// Number of samples that the flow needs.
        required: usize,
        /// The command that needs them, and why.
        reason: String,
    },
}

/// Plans that are kept.
const MOST_PLANS: usize = 32;
/// What a depth axis counts.
const CHANNELS: &str = "rows (channels)";

/// distpy's way to say that there is no axis.
const NO_AXIS: &str = "none.npy";

/// What the reader needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Samples per second of a channel, where nothing else states it; distpy uses it whatever else states.
    pub prf: f64,
    /// Whose numbers.
    pub compat: Compat,
    /// File name of the depth axis as configured; where there is no such file, channels are counted.
    pub measured_depth: Option<String>,
    /// File name of the time axis.
    pub time_scale: Option<String>,
    /// Folder that holds the axes where the chunk's own does not.
    pub input: Option<PathBuf>,
    /// Folder that `data_load` reads from.
    pub output: PathBuf,
    /// Unix time of a chunk whose name is none.
    pub timestamp: Option<i64>,
    /// What is said of HDF5 recordings.
    pub hdf5: Description,
    /// Nanoseconds of the neighbouring samples on both sides of a chunk that the flow processes and results leave out.
    pub edge: i64,
}

/// An axis from a file.
#[derive(Debug, Clone)]
struct Axis {
    file: AxisFile,
    values: Vec<f64>,
}

/// Rules for the identity of chunks.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    timestamp: Option<i64>,
}

impl Names {
    /// Which chunk it is.
    ///
    /// # Errors
    /// When the name is no Unix time and no other was given.
    pub fn id(self, chunk: &Chunk) -> Result<ChunkId, Unready> {
        match (self.timestamp, chunk.id()) {
            (Some(second), _) if chunk.cut().is_none() => Ok(ChunkId::of_second(second)),
            (_, Some(id)) => Ok(id),
            (_, None) => {
                let path = &chunk.path;
                let stem = path.file_stem().unwrap_or_default().display();
                Err(Unready::Data(format!(
                    "{}: found the name \"{stem}\", expected a Unix time such as 1500000000.npy (or --timestamp)",
                    path.display()
                )))
            }
        }
    }
}

/// Reads chunks for one flow, and plans each shape once.
#[derive(Debug)]
pub struct Reader<'a> {
    graph: &'a Graph,
    flow: &'a Path,
    settings: Settings,
    axes: HashMap<PathBuf, Option<Axis>>,
    /// Names of axes that were looked for in vain and reported.
    missing: HashSet<String>,
    loads: HashMap<PathBuf, (Signature, Stored)>,
    plans: Vec<Arc<Plan>>,
    sources: Sources,
    /// Whether a warning about edges was logged.
    edge_checked: bool,
}

impl<'a> Reader<'a> {
    /// A reader for a flow; what the flow loads is read now.
    ///
    /// # Errors
    /// A file that `data_load` names and that cannot be read.
    pub fn new(graph: &'a Graph, flow: &'a Path, settings: Settings) -> Result<Self, Unready> {
        let mut loads = HashMap::new();
        let options = open::Options {
            compat_distpy: settings.compat == Compat::Distpy,
            hdf5: settings.hdf5.clone(),
        };
        for node in &graph.nodes {
            if let Command::Load(path) = &node.command {
                loads.insert(path.clone(), load(&store::join(&settings.output, path))?);
            }
        }
        Ok(Self {
            graph,
            flow,
            settings,
            axes: HashMap::new(),
            missing: HashSet::new(),
            loads,
            plans: Vec::new(),
            sources: Sources::new(options),
            edge_checked: false,
        })
    }

    /// The depths of a chunk's channels, as far as they are known without it.
    ///
    /// # Errors
    /// When the file of the axis cannot be read.
    pub fn depths(&mut self, chunk: &Chunk) -> Result<Option<Vec<f64>>, Unready> {
        if let Some(cut) = chunk.cut() {
            return Ok(Some(self.depth_of(cut)?.values));
        }
        let name = self.settings.measured_depth.clone();
        let default = match self.settings.compat {
            Compat::Distpy => NO_AXIS,
            Compat::Exact => "measured_depth.npy",
        };
        let name = name.as_deref().unwrap_or(default);
        let Some(path) = self.axis_file(&chunk.path, name) else {
            return Ok(None);
        };
        Ok(npy::open(&path).map_err(unreadable)?.to_f64_vec())
    }

    /// A digest of each file whose content the flow's numbers depend on, by its name.
    pub fn loaded(&self) -> BTreeMap<String, String> {
        let hex = |bytes: &[u8]| -> String {
            let digest = Sha256::digest(bytes);
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let mut digests = BTreeMap::new();
        for (path, (_, stored)) in &self.loads {
            let mut bytes = vec![0; stored.size()];
            stored.copy_rows(0..stored.shape()[0], &mut bytes);
            digests.insert(path.display().to_string(), hex(&bytes));
        }
        let commands = self
            .graph
            .nodes
            .iter()
            .filter_map(|node| match &node.command {
                Command::Block(command) | Command::Written(command, _) => Some(command),
                _ => None,
            });
        for path in commands.flat_map(|command| command.files()) {
            // A file that cannot be read is an error of the command, which names its argument.
            if let Ok(bytes) = store::read(&path) {
                digests.insert(path.display().to_string(), hex(&bytes));
            }
        }
        digests
    }

    /// Rules for the identity of chunks.
    pub fn names(&self) -> Names {
        Names {
            timestamp: self.settings.timestamp,
        }
    }

    /// Opens a chunk and plans it; no sample is read yet.
    ///
    /// # Errors
    /// When file or axes are bad, or the flow does not fit.
    pub fn job(&mut self, chunk: &Chunk) -> Result<Job, Unready> {
        let id = self.names().id(chunk)?;
        // Before it is read: a file that changes meanwhile is another input.
        let identity = origin::identity(chunk);
        let stated = Some(self.settings.prf).filter(|_| self.settings.compat == Compat::Distpy);
        let (stored, edge, depth, prf) = match &chunk.origin {
            Origin::Cut(cut) => {
                let depth = self.depth_of(cut)?;
                (
                    self.sources.chunk(cut)?,
                    cut.edge,
                    Some(depth),
                    cut.rate.hertz(),
                )
            }
            origin => {
                let (stored, edge) = match origin {
                    Origin::Listed(listed) => listed.read(&chunk.path)?,
                    _ => (from_file(&chunk.path, false)?, [0, 0]),
                };
                let named = self.settings.measured_depth.clone();
                let rows = stored.shape()[0];
                let depth = self.axis(&chunk.path, named, "measured_depth.npy", rows, CHANNELS)?;
                let recorded = chunk.rate().map(Rate::hertz);
                let prf = stated.or(recorded).unwrap_or(self.settings.prf);
                (stored, edge, depth, prf)
            }
        };
        let [rows, cols] = stored.shape();
        let own = cols - edge[0] - edge[1];
        let time = match chunk.cut() {
            Some(_) => None,
            None => {
                let named = self.settings.time_scale.clone();
                self.axis(&chunk.path, named, NO_AXIS, own, "columns (samples)")?
            }
        };
        let counted = self.settings.compat == Compat::Distpy;
        let env = Env {
            compat: self.settings.compat,
            prf,
            box_rows: self.graph.box_rows,
            source: Signature {
                kind: stored.kind(),
                depth: match &depth {
                    Some(axis) => Coords::new(Unit::Metre, &axis.values[..]),
                    None => Coords::index(rows),
                },
                time: match &time {
                    Some(axis) => Coords::new(Unit::Second, with_edges(&axis.values, edge, prf)),
                    None if counted => Coords::index(cols),
                    None => seconds(edge[0], cols, prf),
                },
                rank: 2,
                held: Held::of(stored.dtype()),
            },
            edge,
            first: match self.settings.compat {
                Compat::Exact => chunk.first(),
                Compat::Distpy => 0,
            },
            depth_file: depth.map_or(AxisFile::COUNTED, |axis| axis.file),
            time_file: time.map_or(AxisFile::COUNTED, |axis| axis.file),
        };
        let plan = match self.plan(&env) {
            Ok(plan) => plan,
            Err(problems) => return Err(self.misfit(chunk, &env, problems)),
        };
        self.check_edge(chunk, &plan);
        let source = |source: &Source| match (&source.file, &source.columns) {
            (Some(file), _) => self.loads[file].1.clone(),
            (None, Some(columns)) => stored.columns(columns.clone()),
            (None, None) => stored.clone(),
        };
        let sources = plan.sources.iter().map(source).collect();
        Ok(Job {
            id,
            path: chunk.path.clone(),
            plan,
            sources,
            samples: chunk.samples(),
            identity,
        })
    }

    /// Why the flow does not fit a chunk: it may be that the chunk is shorter than those that it fits.
    fn misfit(&self, chunk: &Chunk, env: &Env, problems: Problems) -> Unready {
        let found = env.own().len();
        let longer = self.plans.iter().map(|plan| &plan.env).filter(|known| {
            let same_rows = known.source.rows() == env.source.rows();
            same_rows && known.prf == env.prf && known.own().len() > found
        });
        let Some(fits) = longer.map(|known| known.own().len()).min() else {
            return Unready::Plan(problems);
        };
        // Longer chunks fit as well as the shortest that does.
        let lengths: Vec<usize> = (found + 1..=fits).collect();
        let short = |samples: &usize| {
            let mut env = env.clone();
            env.source.time = match env.source.time.unit {
                Unit::Index => Coords::index(*samples),
                _ => seconds(env.edge[0], env.edge[0] + samples + env.edge[1], env.prf),
            };
            self.new_plan(&env).is_err()
        };
        let at = lengths.partition_point(short).min(lengths.len() - 1);
        Unready::TooShort {
            chunk: chunk.path.clone(),
            found,
            required: lengths[at],
            reason: problems.lines(Severity::Error).join("; "),
        }
    }

    /// Warns, once, where chunks that continue one another are computed with fewer edges than the flow needs.
    fn check_edge(&mut self, chunk: &Chunk, plan: &Plan) {
        let edge = self.settings.edge as f64 / SECOND as f64;
        let flow = self.flow.display();
        if self.edge_checked || self.settings.compat == Compat::Distpy {
            return;
        }
        if matches!(chunk.origin, Origin::File(_)) {
            if edge > 0.0 {
                self.edge_checked = true;
                tracing::warn!(
                    "{}: found no {} that lists it, so distpy_gpu.edge_seconds has no effect; ingest the recording again to get one",
                    chunk.path.display(),
                    index::FILE
                );
            }
            return;
        }
        // A run of one chunk has no seam.
        if let (Some(need), 1..) = (&plan.need, chunk.first())
            && need.rounded() > edge
        {
            self.edge_checked = true;
            let (command, seconds) = (&need.most.0, need.rounded());
            tracing::warn!(
                "{flow}: {command}: results have edge effects where chunks meet: found distpy_gpu.edge_seconds of {edge}, expected {seconds:.4} or more"
            );
        }
    }

    /// The depth axis of recordings: the one that the configuration names, where there is such a file, else their own.
    fn depth_of(&mut self, cut: &Cut) -> Result<Axis, Unready> {
        let fibre = &cut.fibre;
        let first = cut.pieces.first().map(|piece| piece.path.to_path_buf());
        let named = self.settings.measured_depth.clone();
        if let (Some(first), Some(_)) = (first, &named) {
            let named = self.axis_file(&first, &named.unwrap_or_default());
            if let Some(path) = named {
                return self.axis_from(&path, &first, fibre.channels, CHANNELS);
            }
        }
        Ok(Axis {
            file: fibre.depth_file,
            values: fibre.depth.to_vec(),
        })
    }

    fn plan(&mut self, env: &Env) -> Result<Arc<Plan>, Problems> {
        let like = |known: &Env| {
            let stored = |env: &Env| (env.depth_file, env.time_file, env.edge);
            known.source == env.source && known.prf == env.prf && stored(known) == stored(env)
        };
        // Commands that count samples from the run's first have the same ones every so many samples.
        let in_step = |plan: &Plan| {
            env.first
                .abs_diff(plan.env.first)
                .is_multiple_of(plan.period)
        };
        let known = |plan: &Arc<Plan>| like(&plan.env) && in_step(plan);
        if let Some(at) = self.plans.iter().position(known) {
            // Those used last are at the end.
            self.plans[at..].rotate_left(1);
            return Ok(self.plans.last().expect("it is there").clone());
        }
        let plan = Arc::new(self.new_plan(env)?);
        plan.warnings
            .iter()
            .for_each(|w| tracing::warn!("{}: {w}", self.flow.display()));
        // Short chunks have plans of their own; a run of weeks does not keep them all.
        if self.plans.len() == MOST_PLANS {
            self.plans.remove(0);
        }
        self.plans.push(plan.clone());
        Ok(plan)
    }

    fn new_plan(&self, env: &Env) -> Result<Plan, Problems> {
        let loads = self
            .loads
            .iter()
            .map(|(path, (signature, _))| (path.clone(), signature.clone()))
            .collect();
        Plan::new(self.graph, self.flow, env, &loads)
    }

    /// An axis beside the chunk, or in the configured input folder; none where there is no such file. distpy looks for no
    /// axis that is not named, we for the usual one.
    fn axis(
        &mut self,
        chunk: &Path,
        named: Option<String>,
        usual: &str,
        expected: usize,
        what: &str,
    ) -> Result<Option<Axis>, Unready> {
        let usual = if self.settings.compat == Compat::Distpy {
            NO_AXIS
        } else {
            usual
        };
        let name = named.as_deref().unwrap_or(usual);
        let Some(path) = self.axis_file(chunk, name) else {
            if named.is_some() && name != NO_AXIS && self.missing.insert(name.to_string()) {
                tracing::warn!(
                    "{name}: not found beside {}; {what} are counted",
                    chunk.display()
                );
            }
            return Ok(None);
        };
        self.axis_from(&path, chunk, expected, what).map(Some)
    }

    /// Where an axis of that name is: beside the chunk, or in the configured input folder.
    fn axis_file(&self, chunk: &Path, name: &str) -> Option<PathBuf> {
        let beside = chunk.parent().map(|folder| folder.join(name));
        let configured = self.settings.input.as_ref().map(|folder| folder.join(name));
        let places = [beside, configured].into_iter().flatten();
        places.into_iter().find(|path| store::is_listed(path))
    }

    fn axis_from(
        &mut self,
        path: &Path,
        chunk: &Path,
        expected: usize,
        what: &str,
    ) -> Result<Axis, Unready> {
        if !self.axes.contains_key(path) {
            let array = npy::open(path).map_err(unreadable)?;
            let header = array.header();
            let file = AxisFile {
                dtype: header.dtype,
                column: matches!(header.shape[..], [_, 1]),
            };
            let axis = array.to_f64_vec().map(|values| Axis { file, values });
            self.axes.insert(path.to_path_buf(), axis);
        }
        match &self.axes[path] {
            Some(axis) if axis.values.len() == expected => Ok(axis.clone()),
            Some(axis) => Err(Unready::Data(format!(
                "{}: found {} values, expected {expected}, as {} has that many {what}",
                path.display(),
                axis.values.len(),
                chunk.display()
            ))),
            None => Err(Unready::Data(format!(
                "{}: found a table, expected one row or column of numbers",
                path.display()
            ))),
        }
    }
}

/// Times of samples of which some are before the chunk's own, whose first is at 0.
fn seconds(before: usize, count: usize, prf: f64) -> Coords {
    let time = |k: usize| (k as f64 - before as f64) * (1.0 / prf);
    Coords::new(Unit::Second, (0..count).map(time).collect::<Vec<f64>>())
}

/// A time axis that is continued on both sides.
fn with_edges(own: &[f64], [before, after]: [usize; 2], prf: f64) -> Vec<f64> {
    let [first, last] = [own[0], own[own.len() - 1]];
    let earlier = (1..=before).rev().map(|k| first - k as f64 / prf);
    let later = (1..=after).map(|k| last + k as f64 / prf);
    earlier.chain(own.iter().copied()).chain(later).collect()
}

pub(super) fn unreadable(error: FormatError) -> Unready {
    match error {
        FormatError::Io { .. } => Unready::Io(error.to_string()),
        FormatError::Content { .. } => Unready::Data(error.to_string()),
    }
}

/// Checks that samples are those that a file had when it was opened.
pub(super) fn unchanged(path: &Path, stored: &Stored) -> Result<(), Unready> {
    let same = stored.check();
    same.map_err(|e| Unready::Io(format!("{}: {e}", path.display())))
}

/// Opens a chunk file, which an index lists or not.
pub(super) fn from_file(path: &Path, listed: bool) -> Result<Stored, Unready> {
    let array = npy::open(path).map_err(|error| match &error {
        FormatError::Io { source, .. } if listed && source.kind() == ErrorKind::NotFound => {
            Unready::Io(format!(
                "{}: not found, though {} lists it; run the ingest again",
                path.display(),
                index::FILE
            ))
        }
        _ => unreadable(error),
    })?;
    let shape = &array.header().shape;
    let bad = |found: String| {
        Unready::Data(format!(
            "{}: {found}, expected (channels, samples)",
            path.display()
        ))
    };
    match (array.stored(), &shape[..]) {
        (_, [rows, cols]) if *rows == 0 || *cols == 0 => {
            Err(bad(format!("found an empty array of shape {shape:?}")))
        }
        (Some(stored), _) => Ok(stored),
        (None, _) => Err(bad(format!(
            "found {} dimensions of shape {shape:?}",
            shape.len()
        ))),
    }
}

/// An array that a command loads: a table, or one row of numbers that counts as a column.
fn load(path: &Path) -> Result<(Signature, Stored), Unready> {
    let array = npy::open(path).map_err(|error| match &error {
        // The flow asks for what is not there: trying again does not help.
        FormatError::Io { source, .. } if source.kind() == ErrorKind::NotFound => {
            Unready::Data(error.to_string())
        }
        _ => unreadable(error),
    })?;
    let header = array.header();
    let bad = || {
        Unready::Data(format!(
            "{}: found shape {:?}, expected one or two dimensions",
            path.display(),
            header.shape
        ))
    };
    let (stored, rank) = match (array.stored(), &header.shape[..]) {
        (Some(stored), _) => (stored, 2),
        (None, &[n]) if n > 0 => (array.column().ok_or_else(bad)?, 1),
        _ => return Err(bad()),
    };
    let [rows, cols] = stored.shape();
    let signature = Signature {
        kind: stored.kind(),
        depth: Coords::index(rows),
        time: Coords::index(cols),
        rank,
        held: Held::of(stored.dtype()),
    };
    Ok((signature, stored))
}
