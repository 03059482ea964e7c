//! Which flow made the results of a folder, and from which input.
//!
//! Below an output folder, `.distpy-gpu/flows/NUMBER-HASH.json` describes each flow that wrote there, in the order in which they
//! began: its commands with all arguments, and everything else that changes numbers. Next to it, the folder `NUMBER-HASH` has a
//! list of finished chunks for each process: `RUN.csv`, with a chunk's name, the time of its first sample, the identity of its
//! input, and the hash of each of its results, in the order of the flow, in each line. Where files cannot grow, as in a store, each
//! finished chunk is a file instead, whose name says the same, and whose content is the hashes: `NAME_START_IDENTITY.done`.
//! `RUN.begun` lists the chunks that a flow makes anew and another flow had made.
//!
//! A result belongs to the last flow that lists its chunk among those that write the same files. So a chunk is finished only for
//! the flow that made it and for the input that it was made from.

mod flow;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::chunk::{Chunk, Origin};
use super::output::{BOOKKEEPING, Commit, Folder, OutputError};
use crate::command::{ChunkId, ChunkName};
use crate::graph::Graph;
use crate::store;
pub use flow::{Flow, Step};

/// Below the bookkeeping of an output folder.
const FOLDER: &str = "flows";
/// The beginning of a claim that names the flow of a run: the flow's hash and the run follow.
const OF_FLOW: &str = "flow-";
/// Between two looks for the description of a flow that is beginning, and their number.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: u32 = 40;
/// Characters of a hash in names.
const SHORT: usize = 16;
/// Differences that a message names.
const NAMED: usize = 4;

/// Every file of every sink, below the output folder.
pub fn results(graph: &Graph, id: &ChunkId) -> impl Iterator<Item = PathBuf> {
    let sinks = graph.nodes.iter().filter_map(|node| node.command.sink());
    sinks.flat_map(|sink| sink.paths(id))
}

/// The identity of a chunk's input: other samples have another one.
pub fn identity(chunk: &Chunk) -> String {
    let text = match &chunk.origin {
        // Not the name or what precedes it: these follow from other chunks.
        Origin::Listed(listed) => {
            let (entry, edge) = (listed.entry(), listed.edge());
            format!(
                "{} {} {} {:?} {edge:?}",
                entry.id.start, entry.samples, entry.source_sample, entry.common
            )
        }
        Origin::Cut(cut) => {
            let pieces = cut.pieces.iter().map(|piece| {
                let name = piece.path.file_name().unwrap_or_default();
                (name.to_os_string(), piece.bytes, piece.times.clone())
            });
            let pieces: Vec<_> = pieces.collect();
            let (fibre, edge) = (&cut.fibre, cut.edge);
            format!(
                "{:?} {:?} {} {:?} {pieces:?} {edge:?}",
                cut.id.start, cut.rate, fibre.channels, fibre.dtype
            )
        }
        Origin::File(_) => {
            let about = store::listed(&chunk.path).ok();
            let modified = about.and_then(|it| it.modified);
            format!("{:?} {modified:?}", about.map(|it| it.len))
        }
    };
    let digest = Sha256::digest(text);
    digest[..SHORT / 2]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Why a run may not write its results.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// Another flow made results of the same chunks.
    #[error("{0}")]
    Other(String),
    /// The records cannot be read or written.
    #[error("{0}")]
    Output(#[from] OutputError),
}

/// The finished chunks of one flow that wrote to a folder.
#[derive(Debug, Default)]
struct Records {
    /// By the chunk's name.
    finished: HashMap<ChunkName, Record>,
    /// Chunks that it makes anew.
    begun: HashSet<ChunkName>,
    /// Bytes of each list that were read.
    read: HashMap<PathBuf, usize>,
}

/// The record of a finished chunk.
#[derive(Debug, Clone)]
struct Record {
    /// The identity of its input.
    identity: String,
    /// The hashes of its results, with spaces between.
    digests: String,
}

/// A flow that wrote to a folder.
#[derive(Debug)]
struct Known {
    number: u64,
    hash: String,
    flow: Flow,
    records: Records,
}

impl Known {
    fn name(number: u64, hash: &str) -> String {
        format!("{number:04}-{}", &hash[..SHORT.min(hash.len())])
    }

    fn has(&self, name: ChunkName) -> bool {
        self.records.finished.contains_key(&name) || self.records.begun.contains(&name)
    }
}

/// The flow of this run, and what is finished in its output folder.
pub struct Origins<'a> {
    folder: &'a Folder,
    run: String,
    /// Whether finished results of this very flow count.
    again: bool,
    state: Mutex<State>,
}

struct State {
    /// This run's flow, and the flows that write the same files, in the order in which they began.
    own: Known,
    others: Vec<Known>,
    file: Option<File>,
}

/// Treatment of existing results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Those of this flow are kept, those of another refuse the run.
    Keep,
    /// Those of this flow are kept, those of another are made anew.
    Replace,
    /// All are made anew.
    Recompute,
}

impl<'a> Origins<'a> {
    /// Begins a run of a flow on some chunks. From here on, a flow that writes the same files is refused until all runs of this one
    /// have ended. Of two that begin at the same moment, both may be refused, and never none.
    ///
    /// # Errors
    /// When results of these chunks are of another flow, or of an unknown one, unless they are to be replaced; or when a run of
    /// another flow writes such files now.
    pub fn begin(
        folder: &'a Folder,
        run: &str,
        flow: Flow,
        chunks: &[ChunkId],
        existing: Existing,
    ) -> Result<Self, OriginError> {
        let hash = flow.hash();
        folder.take(&format!("{OF_FLOW}{}-{run}", &hash[..SHORT]))?;
        let mut known = alone(folder, &flow, &hash)?;
        known.retain(|it| it.flow.meets(&flow));
        for it in &mut known {
            it.refresh(folder)?;
        }
        let last = known.iter().map(|it| it.number).max().unwrap_or(0);
        let own_at = known.iter().rposition(|it| it.hash == hash);
        let own = own_at.map(|at| known.remove(at));
        let taken: Vec<(ChunkName, &Known)> = chunks
            .iter()
            .filter_map(|id| Some((id.name, other_owner(&known, own.as_ref(), id.name)?)))
            .collect();
        if let (Some((_, other)), Existing::Keep) = (taken.first(), existing) {
            let line = refusal(folder, &flow, &other.flow, taken.len());
            return Err(OriginError::Other(line));
        }
        let latest = taken.iter().map(|(_, other)| other.number).max();
        let taken: Vec<ChunkName> = taken.into_iter().map(|(name, _)| name).collect();
        if own.is_none() && existing == Existing::Keep && known.is_empty() {
            unknown(folder, &flow, chunks)?;
        }
        let own = match own {
            // Where results of a later flow are to be replaced, this flow is the last from here on.
            Some(own) if latest < Some(own.number) => own,
            _ => {
                let own = Known {
                    number: last + 1,
                    hash,
                    flow,
                    records: Records::default(),
                };
                let path = PathBuf::from(BOOKKEEPING)
                    .join(FOLDER)
                    .join(format!("{}.json", Known::name(own.number, &own.hash)));
                let text = serde_json::to_vec_pretty(&own.flow).expect("a flow is plain data");
                folder.write(&path, &text)?;
                own
            }
        };
        if !taken.is_empty() {
            let lines: String = taken.iter().map(|name| format!("{name}\n")).collect();
            folder.write(&own.place().join(format!("{run}.begun")), lines.as_bytes())?;
        }
        Ok(Self {
            folder,
            run: run.to_string(),
            again: existing == Existing::Recompute,
            state: Mutex::new(State {
                own,
                others: known,
                file: None,
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hashes of a chunk's results, with spaces between, if this flow made them from this input and wrote them last. Those that
    /// another process put into a store are not read: there is an empty text.
    ///
    /// # Errors
    /// When the lists of other processes cannot be read.
    pub fn finished_as(&self, id: &ChunkId, chunk: &Chunk) -> Result<Option<String>, OutputError> {
        let mut state = self.state();
        let state = &mut *state;
        let input = identity(chunk);
        let recorded = |own: &Known| {
            let record = own.records.finished.get(&id.name);
            let same = record.filter(|it| it.identity == input);
            same.map(|it| it.digests.clone())
        };
        let mut digests = recorded(&state.own);
        if digests.is_none() {
            // Another process may have finished it since.
            if !self.lists_grow() {
                let path = state.own.place().join(done(id, &input));
                let exists = store::exists(&self.folder.full(&path));
                return Ok(exists.then(String::new));
            }
            state.own.refresh(self.folder)?;
            digests = recorded(&state.own);
        }
        let replaced = other_owner(&state.others, Some(&state.own), id.name).is_some();
        Ok(digests.filter(|_| !replaced))
    }

    /// Whether a file can be appended to.
    fn lists_grow(&self) -> bool {
        self.folder.commit() == Commit::Rename && !store::is_remote(self.folder.path())
    }

    /// Whether results of this flow are made anew, too.
    pub fn recomputes(&self) -> bool {
        self.again
    }

    /// Notes that a chunk has its results, with their hashes, between which are spaces.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn finished(&self, id: &ChunkId, identity: &str, digests: &str) -> Result<(), OutputError> {
        let mut state = self.state();
        let state = &mut *state;
        let ChunkId { name, start } = *id;
        let records = &mut state.own.records;
        let record = Record {
            identity: identity.to_string(),
            digests: digests.to_string(),
        };
        records.finished.insert(name, record);
        if !self.lists_grow() {
            let path = state.own.place().join(done(id, identity));
            return self.folder.write(&path, format!("{digests}\n").as_bytes());
        }
        let path = state.own.place().join(format!("{}.csv", self.run));
        let full = self.folder.full(&path);
        let io = |e| OutputError::io(&full, e);
        if state.file.is_none() {
            if let Some(parent) = full.parent() {
                std::fs::create_dir_all(parent).map_err(io)?;
            }
            let open = File::options().create(true).append(true).open(&full);
            state.file = Some(open.map_err(io)?);
        }
        let file = state.file.as_mut().expect("it was opened");
        // One write, so that a line is whole or missing.
        let line = format!("{name},{start},{identity},{digests}\n");
        file.write_all(line.as_bytes()).map_err(io)
    }
}

/// The name of the file that says that a chunk is finished.
fn done(id: &ChunkId, identity: &str) -> String {
    format!("{}_{}_{identity}.done", id.name, id.start)
}

/// Parses the name of such a file.
fn of_done(name: &str) -> Option<(ChunkName, i64, &str)> {
    let mut parts = name.strip_suffix(".done")?.split('_');
    let (name, start) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((name, start, parts.next()?))
}

/// The flow that made a chunk, or makes it anew, if that is another one: the last of all that have it. Of two that began at the same
/// moment nobody knows which was last, so that neither counts as its own.
fn other_owner<'a>(others: &'a [Known], own: Option<&Known>, name: ChunkName) -> Option<&'a Known> {
    let own = own.filter(|it| it.has(name)).map(|it| it.number);
    let mut later = others.iter().rev().filter(|it| Some(it.number) >= own);
    later.find(|it| it.has(name))
}

fn refusal(folder: &Folder, flow: &Flow, other: &Flow, count: usize) -> String {
    format!(
        "{}: found results of another flow for {count} of the chunks: {}; expected results of this flow: choose another output folder, or --overwrite to replace them",
        folder.path().display(),
        differences(flow, other)
    )
}

/// The flows that wrote to a folder, unless a run of another flow writes the same files now.
fn alone(folder: &Folder, flow: &Flow, hash: &str) -> Result<Vec<Known>, OriginError> {
    let of = |claim: &str| -> Option<String> {
        let (other, _) = claim.strip_prefix(OF_FLOW)?.split_once('-')?;
        (!hash.starts_with(other)).then(|| other.to_string())
    };
    let mut others = folder.held_by_others(&|claim| of(claim).is_some())?;
    // A run has its claim a moment before its flow is described.
    for _ in 0..LOOKS {
        let known = read_flows(folder)?;
        others.retain(|claim| {
            let described = known
                .iter()
                .find(|it| of(claim).is_some_and(|of| it.hash.starts_with(&of)));
            described.is_none_or(|it| it.flow.meets(flow))
        });
        let Some(other) = others.first().and_then(|claim| of(claim)) else {
            return Ok(known);
        };
        if let Some(other) = known.iter().find(|it| it.hash.starts_with(&other)) {
            return Err(OriginError::Other(busy(
                folder,
                &differences(flow, &other.flow),
            )));
        }
        std::thread::sleep(LOOK);
    }
    Err(OriginError::Other(busy(folder, "it is not described yet")))
}

fn busy(folder: &Folder, differences: &str) -> String {
    format!(
        "{}: found a run of another flow that writes the same files now: {differences}; expected one flow at a time: wait for its end, or choose another output folder",
        folder.path().display()
    )
}

fn differences(flow: &Flow, other: &Flow) -> String {
    let mut changes = flow.changes(other);
    let more = changes.len().saturating_sub(NAMED);
    changes.truncate(NAMED);
    if more > 0 {
        changes.push(format!("and {more} more"));
    }
    changes.join("; ")
}

/// Refuses results that no flow is known to have made.
fn unknown(folder: &Folder, flow: &Flow, chunks: &[ChunkId]) -> Result<(), OriginError> {
    let wanted: HashSet<ChunkName> = chunks.iter().map(|id| id.name).collect();
    for path in &flow.results {
        let (Some(inner), Some(ending)) = (path.parent(), path.extension()) else {
            continue;
        };
        let entries = match folder.list(inner) {
            // Whoever writes there says what is wrong.
            Err(error) if error.source.kind() == ErrorKind::NotADirectory => continue,
            entries => entries?,
        };
        let found = entries.into_iter().find(|entry| {
            let entry = Path::new(&entry.name);
            entry.extension() == Some(ending)
                && ChunkName::of_file(entry).is_some_and(|name| wanted.contains(&name))
        });
        if let Some(found) = found {
            return Err(OriginError::Other(format!(
                "{}: found a result of an unknown flow, expected none: choose another output folder, or --overwrite to replace it",
                folder.full(&inner.join(found.name)).display()
            )));
        }
    }
    Ok(())
}

/// The flows that wrote to a folder, in the order in which they began.
fn read_flows(folder: &Folder) -> Result<Vec<Known>, OutputError> {
    let inner = PathBuf::from(BOOKKEEPING).join(FOLDER);
    let mut known = Vec::new();
    for entry in folder.list(&inner)? {
        let Some(stem) = entry.name.strip_suffix(".json") else {
            continue;
        };
        let Some(number) = stem.split_once('-').and_then(|(it, _)| it.parse().ok()) else {
            continue;
        };
        let path = folder.full(&inner.join(&entry.name));
        let io = |e: std::io::Error| OutputError::io(&path, e);
        let bytes = store::read(&path).map_err(io)?;
        let flow: Flow = serde_json::from_slice(&bytes).map_err(|e| io(e.into()))?;
        known.push(Known {
            number,
            hash: flow.hash(),
            flow,
            records: Records::default(),
        });
    }
    known.sort_by_key(|it| it.number);
    Ok(known)
}

/// The times of the first samples of chunks, in nanoseconds since 1970, by the records of the results of a folder: those of the
/// folder itself, or of one of the three above it.
///
/// # Errors
/// When records cannot be read.
pub fn starts(folder: &Path) -> Result<HashMap<ChunkName, i64>, OutputError> {
    let mut starts = HashMap::new();
    for root in folder.ancestors().take(4) {
        let flows = root.join(BOOKKEEPING).join(FOLDER);
        for flow in listed(&flows)?.into_iter().filter(store::Entry::is_dir) {
            for list in listed(&flow.path)? {
                let path = list.path;
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                if let Some((name, start, _)) = of_done(&file) {
                    starts.insert(name, start);
                }
                if path.extension().is_none_or(|ending| ending != "csv") {
                    continue;
                }
                let text = store::read_to_string(&path).map_err(|e| OutputError::io(&path, e))?;
                starts.extend(text.lines().filter_map(|line| {
                    let mut columns = line.split(',');
                    let name = columns.next()?.parse::<ChunkName>().ok()?;
                    Some((name, columns.next()?.parse::<i64>().ok()?))
                }));
            }
        }
    }
    Ok(starts)
}

/// Entries of a folder; none if the folder is missing.
fn listed(folder: &Path) -> Result<Vec<store::Entry>, OutputError> {
    match store::list(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.map_err(|e| OutputError::io(folder, e)),
    }
}

/// The flow that wrote to a folder last; `None` where none is known.
///
/// # Errors
/// When the records cannot be read.
pub fn last_flow(folder: &Path) -> Result<Option<Flow>, OutputError> {
    let entries = listed(&folder.join(BOOKKEEPING).join(FOLDER))?;
    let flows = entries.into_iter().map(|entry| entry.path);
    let Some(last) = flows
        .filter(|it| it.extension().is_some_and(|e| e == "json"))
        .max()
    else {
        return Ok(None);
    };
    let bytes = store::read(&last).map_err(|e| OutputError::io(&last, e))?;
    let flow = serde_json::from_slice(&bytes);
    Ok(Some(flow.map_err(|e| OutputError::io(&last, e.into()))?))
}

impl Known {
    /// The folder of its lists, below the output folder.
    fn place(&self) -> PathBuf {
        PathBuf::from(BOOKKEEPING)
            .join(FOLDER)
            .join(Self::name(self.number, &self.hash))
    }

    /// Reads what was added to its lists.
    fn refresh(&mut self, folder: &Folder) -> Result<(), OutputError> {
        let place = self.place();
        for entry in folder.list(&place)? {
            if let Some((name, _, identity)) = of_done(&entry.name) {
                let record = Record {
                    identity: identity.to_string(),
                    digests: String::new(),
                };
                self.records.finished.insert(name, record);
                continue;
            }
            let path = folder.full(&place.join(&entry.name));
            let read = self.records.read.entry(path.clone()).or_default();
            if entry.bytes <= *read as u64 {
                continue;
            }
            let bytes = store::read(&path).map_err(|e| OutputError::io(&path, e))?;
            let new = &bytes[(*read).min(bytes.len())..];
            // The last line may be half written.
            let whole = new
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            *read += whole;
            let begun = entry.name.ends_with(".begun");
            for line in String::from_utf8_lossy(&new[..whole]).lines() {
                let columns: Vec<&str> = line.split(',').collect();
                let Ok(name) = columns[0].parse() else {
                    continue;
                };
                match columns[..] {
                    [_] if begun => {
                        self.records.begun.insert(name);
                    }
                    [_, _, identity, digests] if !begun => {
                        let record = Record {
                            identity: identity.to_string(),
                            digests: digests.to_string(),
                        };
                        self.records.finished.insert(name, record);
                    }
                    // A line that a power failure cut.
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
