//! Chunks through a flow: read, compute and write overlap, with a bounded number in flight.
//!
//! ```text
//! reader thread --(2)--> computing thread --(2)--> writer thread
//! ```
//!
//! Memory is bounded by the channels whatever the number of chunks: at most 2 chunks wait as mapped files, the executor holds
//! its own number (1 on the CPU, 2 on a GPU), and the results of at most 4 wait or are being written.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::inputs::Input;
use super::output::OutputError;
use super::progress::Progress;
use super::reader::{Reader, Unready};
use super::stop::Stop;
use super::writer::Writer;
use crate::command::{Artifact, ChunkId, Command};
use crate::config::Problems;
use crate::execute::{DeviceFault, Executor, Job, Results};
use crate::graph::Graph;

/// How many chunks may wait before the computing thread, and results after it.
const IN_FLIGHT: usize = 2;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Report {
    /// Chunks computed and written.
    pub done: usize,
    /// Chunks whose results were there.
    pub skipped: usize,
    /// Chunks that could not be read or do not fit the flow.
    pub failed: usize,
    /// Bytes of the chunks that were computed.
    pub bytes: u64,
    /// From the first to the last.
    pub seconds: f64,
    /// Whether the run was asked to end before it was through.
    pub stopped: bool,
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
}

/// What a run works with.
pub struct Run<'a> {
    /// The flow.
    pub graph: &'a Graph,
    /// Folder of the results.
    pub output: &'a Path,
    /// Whether finished chunks are made again.
    pub overwrite: bool,
    /// Whether progress is not shown.
    pub quiet: bool,
    /// The wish to end.
    pub stop: &'a Stop,
}

impl Run<'_> {
    /// Processes the chunks with `executor`; where it fails, with what `fallback` gives.
    ///
    /// # Errors
    /// When the flow fits no chunk, results cannot be written, or the device failed and there is no fallback.
    pub fn process(
        &self,
        inputs: &[Input],
        reader: Reader<'_>,
        executor: Box<dyn Executor>,
        fallback: &dyn Fn() -> Option<Box<dyn Executor>>,
    ) -> Result<Report, Broken> {
        let total = inputs
            .iter()
            .filter_map(|i| std::fs::metadata(&i.path).ok())
            .map(|m| m.len())
            .sum();
        let progress = Progress::new("chunks", total, self.quiet);
        let (to_compute, jobs) = sync_channel(IN_FLIGHT);
        let (to_write, results) = sync_channel(IN_FLIGHT);
        let mut report = std::thread::scope(|scope| {
            let reading = scope.spawn(|| self.read(inputs, reader, to_compute, &progress));
            let writing = scope.spawn(|| self.write(results));
            let computed = self.compute(jobs, to_write, executor, fallback, &progress);
            let read = reading
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let written = writing
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // What could not be written explains why the threads before it stopped.
            written?;
            let mut report = read?;
            (report.done, report.bytes) = computed?;
            Ok::<Report, Broken>(report)
        })?;
        report.seconds = progress.finish();
        report.stopped = self.stop.wanted();
        Ok(report)
    }

    fn read(
        &self,
        inputs: &[Input],
        mut reader: Reader<'_>,
        jobs: SyncSender<Job>,
        progress: &Progress,
    ) -> Result<Report, Broken> {
        let mut report = Report::default();
        let mut fits = false;
        for input in inputs {
            if self.stop.wanted() {
                break;
            }
            if let Ok(id) = reader.id(&input.path)
                && !self.overwrite
                && self.finished(&id)
            {
                report.skipped += 1;
                progress.advance(std::fs::metadata(&input.path).map_or(0, |m| m.len()));
                continue;
            }
            match reader.job(input) {
                Ok(job) => {
                    fits = true;
                    // The computing thread has gone where it, or the writer behind it, failed: that failure is the report.
                    if jobs.send(job).is_err() {
                        break;
                    }
                }
                // A flow that does not fit the first chunk is wrong itself; later it is that chunk that is odd.
                Err(Unready::Plan(problems)) if !fits => return Err(problems.into()),
                Err(unready) => {
                    unready
                        .to_string()
                        .lines()
                        .for_each(|line| tracing::error!("{line}"));
                    report.failed += 1;
                }
            }
        }
        Ok(report)
    }

    /// Whether every file of every sink exists. A flow without sinks is never finished.
    fn finished(&self, id: &ChunkId) -> bool {
        let mut paths = self
            .graph
            .nodes
            .iter()
            .flat_map(|node| match &node.command {
                Command::Sink(sink) => sink.paths(id),
                _ => Vec::new(),
            });
        let mut any = false;
        let all = paths.all(|path| {
            any = true;
            self.output.join(path).is_file()
        });
        any && all
    }

    /// The chunks computed and their bytes.
    fn compute(
        &self,
        jobs: Receiver<Job>,
        computed: SyncSender<(Job, Results)>,
        mut executor: Box<dyn Executor>,
        fallback: &dyn Fn() -> Option<Box<dyn Executor>>,
        progress: &Progress,
    ) -> Result<(usize, u64), Broken> {
        let (mut done, mut bytes) = (0, 0);
        let mut waiting: std::collections::VecDeque<Job> = std::collections::VecDeque::new();
        loop {
            while executor.in_flight() < executor.capacity() {
                // Waits for a chunk only where there is none to finish meanwhile.
                let next = || {
                    if executor.in_flight() == 0 {
                        jobs.recv().ok()
                    } else {
                        jobs.try_recv().ok()
                    }
                };
                let Some(job) = waiting.pop_front().or_else(next) else {
                    break;
                };
                executor.submit(job);
            }
            if executor.in_flight() == 0 {
                return Ok((done, bytes));
            }
            match executor.collect() {
                Ok((job, results)) => {
                    let size = job.sources[0].size() as u64;
                    done += 1;
                    bytes += size;
                    if computed.send((job, results)).is_err() {
                        return Ok((done, bytes));
                    }
                    progress.advance(size);
                }
                Err(fault) => {
                    let Some(next) = fallback() else {
                        return Err(fault.into());
                    };
                    tracing::warn!("{fault}; the run goes on with the CPU");
                    waiting = executor.abandon().into();
                    executor = next;
                }
            }
        }
    }

    fn write(&self, chunks: Receiver<(Job, Results)>) -> Result<(), OutputError> {
        let mut writer = Writer::new(self.output);
        for (job, results) in chunks {
            files(&job, &results)
                .iter()
                .try_for_each(|artifact| writer.write(artifact))?;
        }
        Ok(())
    }
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

/// Where a chunk's results lie: the first file of each sink.
pub fn folders(graph: &Graph) -> Vec<PathBuf> {
    let any = ChunkId { unix_time: 0 };
    let mut folders: Vec<PathBuf> = graph
        .nodes
        .iter()
        .filter_map(|node| match &node.command {
            Command::Sink(sink) => sink
                .paths(&any)
                .first()
                .and_then(|p| p.parent().map(Path::to_path_buf)),
            _ => None,
        })
        .collect();
    folders.sort();
    folders.dedup();
    folders
}
