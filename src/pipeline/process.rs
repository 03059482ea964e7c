//! Chunks through a flow: read, compute and write overlap, with a bounded number in flight.
//!
//! ```text
//! reader thread --(2)--> computing thread --(2)--> writer thread
//! ```
//!
//! Memory is bounded by the channels whatever the number of chunks: at most 2 chunks wait as mapped files (none of those
//! that are cut from recordings, which are in memory), the executor holds its own number (1 on the CPU, 2 on a GPU, 16 of 2 MB at
//! most), and the results of at most 4 wait or are being written. Fewer wait where memory is short (see [`super::limits`]).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::balance::{Balance, Reason};
use super::chunk::Chunk;
use super::limits::Limits;
use super::monitor::{Monitor, Queue};
use super::origin::{self, Origins};
use super::output::{Folder, OutputError, digest};
use super::reader::{Reader, Unready};
use super::share::{Turn, Turns};
use super::summary::Summaries;
use super::thread;
use super::writer::Writer;
use crate::command::{Artifact, ChunkId};
use crate::config::Problems;
use crate::execute::{DeviceFault, Executor, Job, Needs, Results};
use crate::graph::Graph;
use crate::plan::Plan;
use crate::store;

/// How many chunks may wait before the computing thread, and results after it.
pub const IN_FLIGHT: usize = 2;
/// Between two summaries of a run that follows a folder, at least.
const BETWEEN: Duration = Duration::from_secs(600);
/// A flow that fits none of the first so many chunks is wrong itself; where it fits one, it is the others that are odd.
pub const SAMPLE: usize = 8;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Report {
    /// Chunks computed and written.
    pub done: usize,
    /// Chunks whose results were there.
    pub skipped: usize,
    /// Chunks that are too short for the flow.
    pub too_short: usize,
    /// Chunks that are bad or do not fit the flow.
    pub failed: usize,
    /// Chunks that the system could not read.
    pub unread: usize,
    /// Bytes of the chunks that were computed.
    pub bytes: u64,
    /// From the first to the last.
    pub seconds: f64,
    /// Whether the run was asked to end before it was through.
    pub stopped: bool,
    /// Samples of the chunks that were met.
    pub balance: Balance,
}

/// Why a run ended before its last chunk.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The flow does not fit the recording.
    #[error("{0}")]
    Flow(#[from] Problems),
    /// Results cannot be written.
    #[error("{0}")]
    Output(#[from] OutputError),
    /// The device failed and no other may take over.
    #[error("{0}")]
    Device(#[from] DeviceFault),
    /// The system starts no thread.
    #[error("{0}")]
    Thread(#[from] io::Error),
}

/// What a run works with.
pub struct Run<'a> {
    /// The flow.
    pub graph: &'a Graph,
    /// Folder of the results.
    pub output: &'a Folder,
    /// The first [`SAMPLE`] chunks of all, whichever share this run has: they tell whether the flow or a chunk is at fault.
    pub sample: &'a [Chunk],
    /// Which results are finished, and by which flow.
    pub origins: &'a Origins<'a>,
    /// Memory that it may take.
    pub limits: Limits,
    /// Whether progress is not shown.
    pub quiet: bool,
    /// Whether each chunk is told with the time from its last sample to its results: for chunks of the present.
    pub latency: bool,
    /// The chunks of all shares, whose results make summaries; `None` where nobody knows them all, as they still come.
    pub all: Option<&'a [ChunkId]>,
    /// Counts what is done, and knows of a wish to end.
    pub monitor: &'a Monitor,
}

/// What there is to do, as far as it is known beforehand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected {
    /// Number of chunks; 0 where nobody knows.
    pub chunks: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The memory that a chunk takes, where one could be read.
    pub needs: Option<Needs>,
    /// Whether chunks are read into memory, rather than mapped: then none waits.
    pub in_memory: bool,
}

impl Expected {
    /// All chunks of a run.
    pub fn of(chunks: &[Chunk]) -> Self {
        Self {
            chunks: chunks.len(),
            bytes: chunks.iter().map(|chunk| chunk.bytes).sum(),
            needs: None,
            in_memory: chunks.iter().any(Chunk::in_memory),
        }
    }
}

/// A chunk's results on their way to the disk, without its samples.
struct Done {
    job: Job,
    results: Results,
    size: Size,
    /// Seconds that computing took.
    seconds: f64,
    /// The chunk's file, if it changed while it was read: results of it may be anything.
    changed: Option<String>,
}

impl Done {
    /// A chunk that is not computed.
    fn refused(mut job: Job, reason: String) -> Self {
        let size = Size::of(&job);
        job.sources.clear();
        let results = Results {
            fault: Some(reason),
            ..Results::default()
        };
        Self {
            job,
            results,
            size,
            seconds: 0.0,
            changed: None,
        }
    }
}

/// What there was of a chunk.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// Bytes as it was stored.
    bytes: u64,
    /// Samples of each channel.
    samples: usize,
}

impl Size {
    fn of(job: &Job) -> Self {
        let chunk = &job.sources[0];
        Self {
            bytes: chunk.size() as u64,
            samples: job.plan.env.own().len(),
        }
    }
}

impl Run<'_> {
    /// Processes the chunks with `executor`; where it fails, with what `fallback` gives. `chunks` gives `None` where it has none
    /// now and may have one later.
    ///
    /// # Errors
    /// When the flow fits no chunk, results cannot be written, or the device failed and there is no fallback.
    pub fn process(
        &self,
        chunks: impl Iterator<Item = Option<Chunk>> + Send,
        expected: Expected,
        reader: Reader<'_>,
        executor: Box<dyn Executor>,
        fallback: &dyn Fn() -> Option<Box<dyn Executor>>,
    ) -> Result<Report, Broken> {
        let meter = &self.monitor.meter;
        meter.begin("chunks", expected.chunks, expected.bytes, self.quiet);
        let depth = self.limits.depth(expected.needs.as_ref(), IN_FLIGHT);
        if let (true, Some(bytes)) = (depth < IN_FLIGHT, self.limits.bytes()) {
            tracing::info!(
                "{depth} chunks in each queue, as memory is limited to {} MB",
                bytes >> 20
            );
        }
        let (to_compute, jobs) = sync_channel(if expected.in_memory { 0 } else { depth });
        let (to_write, results) = sync_channel(depth);
        // Whether a thread behind the reading one has ended: with a failure, as long as there are chunks.
        let ended = AtomicBool::new(false);
        let summaries = Summaries::of(self.graph, self.output, self.monitor);
        let mut report = std::thread::scope(|scope| {
            let read = || self.read(chunks, reader, to_compute, &ended, &summaries);
            let reading = thread::spawn_in(scope, "reader", read)?;
            let write = || {
                let written = self.write(results, &summaries);
                ended.store(true, Ordering::Relaxed);
                written
            };
            let writing = thread::spawn_in(scope, "writer", write).inspect_err(|_| {
                // The scope waits for the reading thread.
                ended.store(true, Ordering::Relaxed);
            })?;
            let computed = self.compute(jobs, to_write, executor, fallback);
            ended.store(true, Ordering::Relaxed);
            let read = reading
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let written = writing
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // What could not be written explains why the threads before it stopped.
            let written = written?;
            let mut report = read?;
            report.failed += written.refused;
            report.unread += written.changed;
            (report.done, report.bytes) = (written.done, written.bytes);
            report.balance.in_results = written.samples;
            report
                .balance
                .left_out(Reason::Failed, written.refused_samples);
            computed?;
            Ok::<Report, Broken>(report)
        })?;
        // A run that was asked to end leaves this to the next, but for one that can end in no other way.
        if self.all.is_none() || !self.monitor.stop.wanted() {
            summaries.finish(self.all)?;
        }
        report.seconds = meter.finish();
        report.stopped = self.monitor.stop.wanted();
        Ok(report)
    }

    fn read(
        &self,
        chunks: impl Iterator<Item = Option<Chunk>>,
        mut reader: Reader<'_>,
        jobs: SyncSender<Job>,
        ended: &AtomicBool,
        summaries: &Summaries<'_>,
    ) -> Result<Report, Broken> {
        let meter = &self.monitor.meter;
        let mut report = Report::default();
        let mut fits = false;
        let names = reader.names();
        let work = |chunk: &Chunk| self.work(names.id(chunk).ok().as_ref(), &chunk.path);
        let reported = RefCell::new(HashSet::new());
        let finished = |chunk: &Chunk| {
            let id = names.id(chunk);
            id.is_ok_and(|id| self.finished(&id, chunk, &reported))
        };
        let turns = Turns::new(self.output, self.monitor, chunks, work, finished);
        for turn in turns.until(ended) {
            let chunk = match turn? {
                Turn::Mine(chunk) => chunk,
                Turn::Finished(chunk) => {
                    report.balance.existing += chunk.samples() as u64;
                    report.skipped += 1;
                    meter.skipped(1);
                    meter.advance(chunk.bytes);
                    continue;
                }
            };
            let mut ready = reader.job(&chunk);
            if !fits && matches!(ready, Err(Unready::Plan(_))) {
                // Where the flow fits another chunk, it is this one that is odd: perhaps it is short.
                if self.sample.iter().any(|it| reader.job(it).is_ok()) {
                    ready = reader.job(&chunk);
                } else if let Err(Unready::Plan(problems)) = ready {
                    return Err(problems.into());
                }
            }
            match ready {
                Ok(job) => {
                    fits = true;
                    meter.moves(None, Some(Queue::Read));
                    // The computing thread has gone where it, or the writer behind it, failed: that failure is the report.
                    if jobs.send(job).is_err() {
                        break;
                    }
                    continue;
                }
                Err(short @ Unready::TooShort { .. }) => {
                    tracing::warn!("{short}");
                    meter.left_out(1);
                    meter.advance(chunk.bytes);
                    report.too_short += 1;
                    report.balance.left_out(Reason::TooShort, chunk.samples());
                    if let Ok(id) = names.id(&chunk) {
                        summaries.failed(&id, &short.to_string());
                    }
                }
                Err(unready) => {
                    meter.failed(&unready.to_string());
                    report.balance.left_out(Reason::Failed, chunk.samples());
                    if let Ok(id) = names.id(&chunk) {
                        summaries.failed(&id, &unready.to_string());
                    }
                    match unready {
                        Unready::Io(_) => report.unread += 1,
                        _ => report.failed += 1,
                    }
                }
            }
            self.output.release(&work(&chunk));
        }
        Ok(report)
    }

    /// What a chunk is claimed by: the first of its results.
    fn work(&self, id: Option<&ChunkId>, path: &Path) -> String {
        let first = id.and_then(|id| origin::results(self.graph, id).next());
        first
            .unwrap_or_else(|| path.to_path_buf())
            .display()
            .to_string()
    }

    /// True if every file of every sink exists as it was written, and this flow made them from this chunk. A flow without sinks is
    /// never finished. Damaged results are reported once.
    fn finished(&self, id: &ChunkId, chunk: &Chunk, reported: &RefCell<HashSet<PathBuf>>) -> bool {
        if self.origins.recomputes() {
            return false;
        }
        let paths = || origin::results(self.graph, id).map(|path| self.output.full(&path));
        // A file without a byte is what a full disk leaves.
        let there = |path: PathBuf| store::listed(&path).is_ok_and(|file| file.len > 0);
        if paths().next().is_none() || !paths().all(there) {
            return false;
        }
        // Where records cannot be read, the chunk is made again.
        let Ok(Some(digests)) = self.origins.finished_as(id, chunk) else {
            return false;
        };
        // A store has whole objects, and each look at one is a request.
        if digests.is_empty() || store::is_remote(self.output.path()) {
            return true;
        }
        let mut digests = digests.split(' ');
        let damaged = paths().find(|path| {
            let recorded = digests.next();
            !recorded.is_some_and(|it| digest::has(path, it).unwrap_or(false))
        });
        let Some(path) = damaged else {
            return true;
        };
        if reported.borrow_mut().insert(path.clone()) {
            tracing::warn!(
                "{}: found other bytes than were written; the chunk is computed again",
                path.display()
            );
        }
        false
    }

    fn compute(
        &self,
        jobs: Receiver<Job>,
        computed: SyncSender<Done>,
        mut executor: Box<dyn Executor>,
        fallback: &dyn Fn() -> Option<Box<dyn Executor>>,
    ) -> Result<(), Broken> {
        let meter = &self.monitor.meter;
        let mut waiting: VecDeque<Job> = VecDeque::new();
        let mut begun: VecDeque<Instant> = VecDeque::new();
        let mut allowed = Allowed::within(self.limits);
        loop {
            while executor.in_flight() < executor.capacity() {
                // Waits for a chunk only where there is none to finish meanwhile.
                let next = || {
                    let job = if executor.in_flight() == 0 {
                        jobs.recv().ok()
                    } else {
                        jobs.try_recv().ok()
                    }?;
                    meter.moves(Some(Queue::Read), Some(Queue::Computing));
                    Some(job)
                };
                let Some(job) = waiting.pop_front().or_else(next) else {
                    break;
                };
                // A run that is to end finishes what the device has, and begins nothing more.
                if self.monitor.stop.wanted() {
                    meter.moves(Some(Queue::Computing), None);
                    continue;
                }
                if !allowed.is(&job) && executor.in_flight() > 0 {
                    // Its needs are found while nothing else is on the device.
                    waiting.push_front(job);
                    break;
                }
                if let Some(reason) = allowed.refuses(&mut *executor, &job) {
                    meter.moves(Some(Queue::Computing), Some(Queue::Computed));
                    let done = Done::refused(job, reason);
                    if computed.send(done).is_err() {
                        return Ok(());
                    }
                    continue;
                }
                begun.push_back(Instant::now());
                executor.submit(job);
            }
            if executor.in_flight() == 0 {
                return Ok(());
            }
            match executor.collect() {
                Ok((mut job, results)) => {
                    let size = Size::of(&job);
                    let changed = job.sources.iter().find_map(|it| it.check().err());
                    let changed = changed.map(|e| e.to_string());
                    // Samples are let go before results wait to be written.
                    job.sources.clear();
                    let begun = begun
                        .pop_front()
                        .map_or(0.0, |it| it.elapsed().as_secs_f64());
                    meter.moves(Some(Queue::Computing), Some(Queue::Computed));
                    let done = Done {
                        job,
                        results,
                        size,
                        seconds: begun,
                        changed,
                    };
                    if computed.send(done).is_err() {
                        return Ok(());
                    }
                }
                Err(fault) => {
                    let Some(next) = fallback() else {
                        return Err(fault.into());
                    };
                    tracing::warn!("{fault}; the run goes on with the CPU");
                    meter.set_device("CPU, as the GPU failed");
                    waiting = executor.abandon().into();
                    begun.clear();
                    executor = next;
                    allowed = Allowed::within(self.limits);
                }
            }
        }
    }

    /// Writes results as they come.
    fn write(
        &self,
        chunks: Receiver<Done>,
        summaries: &Summaries<'_>,
    ) -> Result<Written, OutputError> {
        let meter = &self.monitor.meter;
        let mut writer = Writer::new(self.output);
        let labels = meter.labels();
        let mut written = Written::default();
        let mut next = Instant::now() + BETWEEN;
        for done in chunks {
            let Done {
                job,
                results,
                size,
                seconds,
                changed,
            } = done;
            if let Some(reason) = changed.as_ref().or(results.fault.as_ref()) {
                meter.moves(Some(Queue::Computed), None);
                meter.failed(&format!("{}: {reason}", job.path.display()));
                summaries.failed(&job.id, reason);
                self.output.release(&self.work(Some(&job.id), &job.path));
                match changed {
                    Some(_) => written.changed += 1,
                    None => written.refused += 1,
                }
                written.refused_samples += job.samples;
                continue;
            }
            let mut digests = HashMap::new();
            for artifact in files(&job, &results) {
                if let Some(digest) = writer.write(&artifact)? {
                    digests.insert(artifact.path, digest);
                }
            }
            summaries.done(&job.id)?;
            let digests = origin::results(self.graph, &job.id).filter_map(|it| digests.remove(&it));
            let digests: Vec<String> = digests.collect();
            self.origins
                .finished(&job.id, &job.identity, &digests.join(" "))?;
            let bytes = size.bytes;
            let (shard, device) = &labels;
            tracing::debug!(chunk = %job.path.display(), bytes, seconds, shard, device, "chunk done");
            if self.latency {
                tell_latency(&job, size.samples);
            }
            self.output.release(&self.work(Some(&job.id), &job.path));
            meter.moves(Some(Queue::Computed), None);
            meter.done(1);
            meter.advance(bytes);
            written.done += 1;
            written.bytes += bytes;
            written.samples += job.samples as u64;
            // Who follows a folder does not wait for its end, and a summary that grows takes its twentieth of the time at most.
            let now = Instant::now();
            if self.all.is_none() && now >= next {
                summaries.finish(None)?;
                next = Instant::now() + BETWEEN.max(20 * now.elapsed());
            }
        }
        Ok(written)
    }
}

/// Which chunks take no more memory than is allowed.
struct Allowed {
    limits: Limits,
    /// The plan of the last of them.
    plan: Option<Arc<Plan>>,
}

impl Allowed {
    fn within(limits: Limits) -> Self {
        Self { limits, plan: None }
    }

    /// True if a chunk is known to be one of them.
    fn is(&self, job: &Job) -> bool {
        let known = self.plan.as_ref();
        self.limits.asked.is_none() || known.is_some_and(|plan| Arc::ptr_eq(plan, &job.plan))
    }

    /// Why a chunk is none. A device that cannot tell fails when it is given the chunk.
    fn refuses(&mut self, executor: &mut dyn Executor, job: &Job) -> Option<String> {
        if self.is(job) {
            return None;
        }
        let needs = executor.needs(job).ok()?;
        let reason = self.limits.refuses(&needs);
        if reason.is_none() {
            self.plan = Some(job.plan.clone());
        }
        reason
    }
}

/// How long after its last sample a chunk's results are there.
fn tell_latency(job: &Job, samples: usize) {
    let length = samples as f64 / job.plan.env.prf;
    let now = jiff::Timestamp::now().as_nanosecond();
    let latency = (now - i128::from(job.id.start)) as f64 / 1e9 - length;
    tracing::info!(
        chunk = %job.id.name,
        latency,
        "chunk done {latency:.1} s after its last sample"
    );
}

/// What came to the writer.
#[derive(Debug, Default)]
struct Written {
    /// Chunks written.
    done: usize,
    /// Their size as inputs.
    bytes: u64,
    /// Chunks whose samples a command does not take.
    refused: usize,
    /// Chunks whose files changed while they were read.
    changed: usize,
    /// Samples of the chunks written.
    samples: u64,
    /// Samples of the chunks refused.
    refused_samples: usize,
}

/// What the sinks make of a chunk's results.
fn files(job: &Job, results: &Results) -> Vec<Artifact> {
    if results.non_finite > 0 {
        tracing::warn!(
            "{}: {} samples are infinite or NaN",
            job.path.display(),
            results.non_finite
        );
    }
    let plan = &job.plan;
    let mut files = Vec::new();
    for output in &plan.sinks {
        let inputs: Vec<_> = output
            .inputs
            .iter()
            .map(|&slot| (plan.signature(slot), results.blocks[&slot].clone()))
            .collect();
        files.extend(output.sink.files(&plan.env, &job.id, &inputs));
    }
    // A chunk counts as finished when its own files exist, so the axes that go with them come first.
    files.sort_by_key(|file| !file.shared);
    files
}
