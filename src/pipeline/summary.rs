//! Summaries of a whole run: the parts that chunks left become one array over time.
//!
//! Each chunk's sink writes a part, complete or not at all, and a part is what tells that a chunk is done. Whoever finds all chunks
//! of a run done puts the parts together, one after the other in the order of time, under a temporary name: whichever share of the
//! work that is, and a later run where the last one was killed. Parts stay where they are, so that runs can add to them.

mod scan;

use std::collections::{BTreeMap, HashSet};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use self::scan::{Piece, Variable};
use super::monitor::Monitor;
use super::output::{Entry, Folder, OutputError};
use crate::block::DType;
use crate::command::{ChunkId, ChunkName, Summary, SummaryForm};
#[cfg(feature = "hdf5")]
use crate::formats::hdf5;
use crate::formats::labelled::{Array, Gather, Labels, Layout, Store};
use crate::formats::part::Part;
use crate::formats::{FormatError, zarr};
use crate::graph::Graph;
use crate::store;

/// Bytes of a part that are held at once.
const BUFFER: usize = 1 << 20;
/// Between two looks at a summary that another run writes.
const LOOK: Duration = Duration::from_millis(100);
/// The same in a store, where each look is some requests.
const LOOK_IN_STORE: Duration = Duration::from_secs(2);
/// For how long a run looks that was asked to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Beside the parts: which of them the summary was made of.
const STATE: &str = "summary.json";

/// The summaries of a flow.
pub struct Summaries<'a> {
    output: &'a Folder,
    monitor: &'a Monitor,
    /// What is told in each of them.
    about: Map<String, Value>,
    /// By the files that they are in.
    targets: BTreeMap<PathBuf, Vec<Summary>>,
}

impl<'a> Summaries<'a> {
    /// Those of a flow's commands.
    pub fn of(graph: &Graph, output: &'a Folder, monitor: &'a Monitor) -> Self {
        let mut targets = BTreeMap::<PathBuf, Vec<Summary>>::new();
        let sinks = graph.nodes.iter().filter_map(|node| node.command.sink());
        for summary in sinks.filter_map(|sink| sink.summary()) {
            let target = targets.entry(summary.target.clone()).or_default();
            target.push(summary.clone());
        }
        Self {
            output,
            monitor,
            about: monitor.manifest.provenance(),
            targets,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// A chunk is bad: nobody needs to wait for its part, and one of an earlier flow or input is none of this one. Where that cannot
    /// be written down, the summary waits for another run.
    pub fn failed(&self, chunk: &ChunkId, reason: &str) {
        for summary in self.targets.values().flatten() {
            let written = self.output.write(&summary.failed(chunk), reason.as_bytes());
            let removed = written.and_then(|()| self.remove(&summary.part(chunk)));
            if let Err(error) = removed {
                tracing::warn!("{error}");
            }
        }
    }

    /// A chunk has its parts: nothing says any longer that it is bad.
    ///
    /// # Errors
    /// When what says so cannot be removed.
    pub fn done(&self, chunk: &ChunkId) -> Result<(), OutputError> {
        let mut summaries = self.targets.values().flatten();
        summaries.try_for_each(|summary| self.remove(&summary.failed(chunk)))
    }

    fn remove(&self, path: &Path) -> Result<(), OutputError> {
        let path = self.output.full(path);
        match store::is_listed(&path) {
            true => store::remove(&path).map_err(|e| OutputError::io(&path, e)),
            false => Ok(()),
        }
    }

    /// Writes every summary whose chunks are all done, unless it is written already. Without `chunks`, which a run does not know
    /// that follows a folder, those count that are done.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&self, chunks: Option<&[ChunkId]>) -> Result<(), OutputError> {
        for (target, summaries) in &self.targets {
            let missing = match chunks {
                Some(all) => self.missing(summaries, all)?,
                None => 0,
            };
            if missing > 0 {
                tracing::info!(
                    "{}: {missing} chunks are not done yet; it is written when they are",
                    self.output.full(target).display()
                );
                continue;
            }
            let name = target.display().to_string();
            let look = match store::is_remote(&self.output.full(target)) {
                true => LOOK_IN_STORE,
                false => LOOK,
            };
            let mut looked = Duration::ZERO;
            while !self.fresh(target, summaries)? {
                if self.output.take(&name)? {
                    let done = self.write(target, summaries);
                    self.output.release(&name);
                    done?;
                    break;
                }
                // Another run writes it, perhaps without this one's last chunk.
                if self.monitor.stop.wanted() && looked >= PATIENCE {
                    break;
                }
                looked += look;
                self.monitor.meter.waits();
                std::thread::sleep(look);
            }
        }
        Ok(())
    }

    /// How many chunks have neither a part nor a failure in each of some summaries. Folders are listed for it, as other runs add to
    /// them.
    fn missing(&self, summaries: &[Summary], chunks: &[ChunkId]) -> Result<usize, OutputError> {
        let mut settled: Vec<HashSet<ChunkName>> = Vec::new();
        for summary in summaries {
            let entries = self.output.list(&summary.parts)?;
            let names = entries.iter().filter_map(|entry| {
                let (name, ending) = entry.name.rsplit_once('.')?;
                let known = [Summary::PART, Summary::FAILED].contains(&ending);
                name.parse().ok().filter(|_| known)
            });
            settled.push(names.collect());
        }
        let missing = |chunk: &&ChunkId| !settled.iter().all(|it| it.contains(&chunk.name));
        Ok(chunks.iter().filter(missing).count())
    }

    /// Whether a summary was made of the parts that there are.
    fn fresh(&self, target: &Path, summaries: &[Summary]) -> Result<bool, OutputError> {
        let path = self.output.full(target);
        let state = self.output.full(&state(&summaries[0]));
        if !store::exists(&path) || !store::is_file(&state) {
            return Ok(false);
        }
        let known = store::read_to_string(&state).map_err(|e| OutputError::io(&state, e))?;
        Ok(known == self.state(summaries, &self.parts(summaries)?))
    }

    /// The files of each summary's parts.
    fn parts(&self, summaries: &[Summary]) -> Result<Vec<BTreeMap<ChunkName, Entry>>, OutputError> {
        let of = |summary: &Summary| {
            let entries = self.output.list(&summary.parts)?;
            let named = entries.into_iter().filter_map(|entry| {
                let (name, ending) = entry.name.rsplit_once('.')?;
                let name = name.parse().ok()?;
                (ending == Summary::PART).then_some((name, entry))
            });
            Ok(named.collect())
        };
        summaries.iter().map(of).collect()
    }

    /// What the file says that tells what a summary was made of.
    fn state(&self, summaries: &[Summary], parts: &[BTreeMap<ChunkName, Entry>]) -> String {
        let mut digest = Sha256::new();
        for (summary, parts) in summaries.iter().zip(parts) {
            digest.update(format!("{summary:?}\n"));
            for entry in parts.values() {
                digest.update(format!("{entry:?}\n"));
            }
        }
        let digest: String = digest
            .finalize()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        json!({"parts": parts.first().map_or(0, BTreeMap::len), "sha256": digest}).to_string()
    }

    fn write(&self, target: &Path, summaries: &[Summary]) -> Result<(), OutputError> {
        let parts = self.parts(summaries)?;
        let state_text = self.state(summaries, &parts);
        let chunks: Vec<ChunkName> = parts[0]
            .keys()
            .filter(|name| parts.iter().all(|others| others.contains_key(name)))
            .copied()
            .collect();
        let alive = || self.monitor.meter.waits();
        let variables = scan::scan(self.output, summaries, &chunks, &alive)?;
        let path = self.output.full(target);
        if variables.iter().all(|it| it.pieces.is_empty()) {
            tracing::warn!("{}: not written, as no chunk has a result", path.display());
            return Ok(());
        }
        let plan = self.plan(&variables)?;
        match summaries[0].form {
            SummaryForm::Zarr => {
                let tree = self.output.create_folder(target)?;
                let store = zarr::write::create(tree.temporary(), &plan.layout).map_err(cannot)?;
                self.fill(&plan, &variables, Box::new(store))?;
                tree.commit(&alive)?;
            }
            #[cfg(feature = "hdf5")]
            SummaryForm::Hdf5 => {
                let file = self.output.create(target)?;
                let store =
                    hdf5::labelled::create(file.temporary(), &plan.layout).map_err(cannot)?;
                self.fill(&plan, &variables, Box::new(store))?;
                file.commit()?;
            }
            #[cfg(not(feature = "hdf5"))]
            SummaryForm::Hdf5 => unreachable!("the command is refused in this build"),
        }
        self.output
            .write(&state(&summaries[0]), state_text.as_bytes())?;
        tracing::info!(
            "{}: {} times of {} chunks",
            path.display(),
            variables[0].times(),
            variables[0].pieces.len()
        );
        Ok(())
    }

    /// Arrays and axes. An axis that arrays have in common is there once; another of its name is named after its array too.
    fn plan(&self, variables: &[Variable]) -> Result<Plan, OutputError> {
        let mut plan = Plan::default();
        plan.layout.attributes.clone_from(&self.about);
        // What each axis is of, by its name.
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut dimension = |usual: &str, key: String, array: &str| {
            let others = [usual.to_string(), format!("{usual}_{array}")];
            let name = others
                .into_iter()
                .find(|name| known.get(name).is_none_or(|of| *of == key))
                .unwrap_or_default();
            let new = known.insert(name.clone(), key).is_none();
            (name, new)
        };
        for variable in variables {
            let Variable {
                summary,
                part,
                pieces,
                ..
            } = variable;
            let mut dims = Vec::new();
            let mut shape = vec![variable.times()];
            let (name, new) = dimension("time", format!("{pieces:?}"), &summary.name);
            let mut time = None;
            if new {
                let axis = Array::axis(&name, DType::I64, shape[0], about_axis("time"));
                time = Some(plan.layout.arrays.len());
                plan.layout.arrays.push(axis);
            }
            dims.push(name);
            for axis in std::iter::once(&part.channels).chain(&part.columns) {
                let banded = axis.name == "band";
                let key = format!("{}{:?}", axis.file, banded.then_some(&summary.labels));
                let (name, new) = dimension(&axis.name, key, &summary.name);
                shape.push(axis.len);
                dims.push(name.clone());
                if !new {
                    continue;
                }
                let attributes = about_axis(&axis.name);
                if banded {
                    plan.layout.labels.push(Labels {
                        name,
                        values: summary.labels.clone(),
                        attributes,
                    });
                    continue;
                }
                let values = scan::axis(self.output, summary, axis)?;
                let counted = ["channel", "column"].contains(&&*axis.name);
                let (dtype, bytes) = match counted {
                    true => {
                        let values: Vec<i64> = values.iter().map(|&v| v as i64).collect();
                        (DType::I64, bytemuck::cast_slice(&values).to_vec())
                    }
                    false => (DType::F64, bytemuck::cast_slice(&values).to_vec()),
                };
                plan.axes.push((plan.layout.arrays.len(), bytes));
                let axis = Array::axis(&name, dtype, axis.len, attributes);
                plan.layout.arrays.push(axis);
            }
            let mut attributes = Map::new();
            if let Some(unit) = &summary.unit {
                attributes.insert("units".into(), unit.as_str().into());
            }
            plan.arrays.push((time, plan.layout.arrays.len()));
            let array = Array::of(&summary.name, variable.dtype, dims, shape, attributes);
            plan.layout.arrays.push(array);
        }
        Ok(plan)
    }

    fn fill(
        &self,
        plan: &Plan,
        variables: &[Variable],
        mut store: Box<dyn Store>,
    ) -> Result<(), OutputError> {
        for (array, bytes) in &plan.axes {
            let mut axis = Gather::new(&plan.layout, *array);
            axis.push(&mut *store, bytes).map_err(cannot)?;
            axis.flush(&mut *store).map_err(cannot)?;
        }
        for (variable, (time, array)) in variables.iter().zip(&plan.arrays) {
            let mut times = time.map(|array| Gather::new(&plan.layout, array));
            let mut values = Gather::new(&plan.layout, *array);
            for piece in &variable.pieces {
                self.monitor.meter.advance(0);
                self.part(variable, piece, &mut *store, &mut times, &mut values)?;
            }
            for gather in times.iter_mut().chain([&mut values]) {
                gather.flush(&mut *store).map_err(cannot)?;
            }
        }
        store.close().map_err(cannot)
    }

    /// Takes the times and rows of one part.
    fn part(
        &self,
        variable: &Variable,
        piece: &Piece,
        store: &mut dyn Store,
        times: &mut Option<Gather>,
        values: &mut Gather,
    ) -> Result<(), OutputError> {
        let path = variable.summary.part(&piece.chunk);
        let full = self.output.full(&path);
        let mut file = BufReader::new(self.output.open(&path)?);
        let part = Part::read(&full, &mut file).map_err(cannot)?;
        let stored = part.dtype().unwrap_or(variable.dtype);
        let mut take = |count: usize, bytes: &mut Vec<u8>| {
            bytes.resize(count, 0);
            file.read_exact(bytes)
                .map_err(|e| OutputError::io(&full, e))
        };
        let mut bytes = Vec::new();
        take(part.times * 8, &mut bytes)?;
        if let Some(times) = times {
            let wanted = piece.skip * 8..(piece.skip + piece.times) * 8;
            times.push(store, &bytes[wanted]).map_err(cannot)?;
        }
        let row = part.row() * stored.size();
        let (mut skip, mut left) = (piece.skip * row, (piece.skip + piece.times) * row);
        while left > 0 {
            let count = left.min(BUFFER);
            take(count, &mut bytes)?;
            left -= count;
            let late = skip.min(count);
            skip -= late;
            let rows = &bytes[late..];
            match (stored, variable.dtype) {
                (DType::F32, DType::F64) => {
                    let wide: Vec<f64> = bytemuck::pod_collect_to_vec::<u8, f32>(rows)
                        .into_iter()
                        .map(f64::from)
                        .collect();
                    values.push(store, bytemuck::cast_slice(&wide))
                }
                _ => values.push(store, rows),
            }
            .map_err(cannot)?;
        }
        Ok(())
    }
}

/// What is written of it all, and where in the layout it is.
#[derive(Debug, Default)]
struct Plan {
    layout: Layout,
    /// Axes with their values.
    axes: Vec<(usize, Vec<u8>)>,
    /// Of each variable: the times, where no variable before it has the same, and the values.
    arrays: Vec<(Option<usize>, usize)>,
}

/// Beside the parts of the first array.
fn state(first: &Summary) -> PathBuf {
    first.parts.with_file_name(STATE)
}

/// What readers know an axis by: attributes of the CF conventions.
fn about_axis(name: &str) -> Map<String, Value> {
    let about = match name {
        "time" => json!({
            "standard_name": "time", "axis": "T", "calendar": "proleptic_gregorian",
            "units": "nanoseconds since 1970-01-01T00:00:00",
        }),
        "measured_depth" => json!({"long_name": "measured depth along the fibre", "units": "m"}),
        "channel" => json!({"long_name": "number of the channel"}),
        "frequency" => json!({"long_name": "frequency", "units": "Hz"}),
        "wavenumber" => json!({"long_name": "wavenumber", "units": "m-1"}),
        "lag" => json!({"long_name": "time", "units": "s"}),
        "column" => json!({"long_name": "number of the column"}),
        _ => json!({}),
    };
    match about {
        Value::Object(about) => about,
        _ => Map::new(),
    }
}

/// Parts and summaries are this run's own files, whatever is wrong with them.
fn cannot(error: FormatError) -> OutputError {
    match error {
        FormatError::Io { path, source } => OutputError { path, source },
        FormatError::Content { ref path, .. } => {
            let text = error.to_string();
            let text = text
                .strip_prefix(&format!("{}: ", path.display()))
                .unwrap_or(&text);
            OutputError::io(path, std::io::Error::other(text.to_string()))
        }
    }
}
