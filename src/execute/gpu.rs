//! The GPU backend: a plan's steps as recordings on one engine, two chunks in flight.
//!
//! Steps that record run on the GPU, the others on the CPU in between. What follows on the GPU without a break is one recording,
//! so that a flow goes up once and comes down once; where a chunk is too large for the device's bindings, row-by-row steps
//! run in tiles of rows and a step that needs all rows goes to the CPU.

mod download;
mod schedule;
mod settle;
mod upload;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::{DeviceFault, Executor, Job, Needs, Results, cpu};
use crate::block::{Block, DType, Kind, Precision, Real, Stored};
use crate::command::{Computed, Cpu, Kernel};
use crate::dsp::fft::Planned;
use crate::gpu::adapter::DeviceType;
use crate::gpu::engine::{Engine, Filled, Measured, Ticket};
use crate::gpu::{Element, GpuError};
use crate::plan::{Place, Plan, Stage};
use crate::point::Looped;
use download::{place, zeros};
use schedule::{Schedule, Task, Tile};

/// How many chunks, tiles of a chunk or batches of small chunks are on the device at once: one computes while another goes up
/// or down.
const IN_FLIGHT: usize = 2;

/// So many small chunks are started together.
const BATCH: usize = 8;

/// A chunk is small if no more bytes go up and down for it, and its kernels take no longer than starting them.
const SMALL_BYTES: u64 = 2 << 20;
const SMALL_SECONDS: f64 = 1e-3;

/// Bytes that a driver, its compiler and its pipelines take in the program: more than Mesa's llvmpipe did in tests. Drivers of hardware
/// have not been measured.
const DRIVER: u64 = 320 << 20;

/// Schedules that are kept. Short chunks, at gaps, have plans of their own; a run of weeks does not keep them all on the device.
const MOST_SCHEDULES: usize = 8;

/// Computes chunks on a GPU.
#[derive(Debug)]
pub struct GpuExecutor {
    engine: Engine,
    precision: Precision,
    /// How many chunks are to come, as far as is known.
    chunks: usize,
    rates: Option<Measured>,
    /// Those used last at the end.
    schedules: Vec<Known>,
    /// Which steps leave the device, by the steps of the plan and the size of the chunk to a factor of 2: the chunks of a run may
    /// have many plans, as decimated grids begin at other samples of each.
    leaving: HashMap<(Vec<String>, Option<u32>), Vec<usize>>,
    queue: VecDeque<Started>,
    /// Whether the last chunk was small enough for a batch.
    small: bool,
    /// Seconds that the last chunk's kernels took, where the device can tell.
    last_seconds: f64,
    kernel_seconds: f64,
}

/// Bytes that a chunk moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// To the device.
    pub up: u64,
    /// From the device.
    pub down: u64,
    /// Read and written by kernels, each array once for each kernel that has it.
    pub kernels: u64,
}

impl Traffic {
    /// What kernels must move at least: what goes up read once, what comes down written once.
    pub fn floor(&self) -> u64 {
        self.up + self.down
    }
}

/// A plan on this engine, for sources of these stored types: they decide what goes up.
#[derive(Debug)]
struct Known {
    plan: Arc<Plan>,
    dtypes: Vec<DType>,
    schedule: Arc<Schedule>,
}

/// A tile on the device, and how many of the chunk's samples in it are infinite or NaN.
type Flight = (Ticket, u64);

/// A chunk in flight.
struct Started {
    job: Job,
    /// What it was started by; none where the device could not load it.
    schedule: Option<Arc<Schedule>>,
    first: Result<First, GpuError>,
}

/// The first task of a chunk, where it is one tile on the device.
enum First {
    /// Waits for others, to be started with them.
    Filled(Filled, u64),
    /// Is under way.
    Flying(Flight),
    /// Is none, or has not been begun.
    None,
}

impl std::fmt::Debug for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Started({:?})", self.job.id)
    }
}

impl GpuExecutor {
    /// Computes on this engine, in single precision.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            precision: Precision::F32,
            chunks: 0,
            rates: None,
            schedules: Vec::new(),
            leaving: HashMap::new(),
            small: false,
            last_seconds: 0.0,
            queue: VecDeque::new(),
            kernel_seconds: 0.0,
        }
    }

    /// Computes on this engine, in a precision that it has.
    ///
    /// # Errors
    /// [`GpuError::NoDouble`] where its shaders cannot compute in double precision.
    pub fn in_precision(engine: Engine, precision: Precision) -> Result<Self, GpuError> {
        if precision == Precision::F64 && !engine.limits().f64 {
            return Err(GpuError::NoDouble {
                adapter: engine.info().name.clone(),
            });
        }
        Ok(Self {
            precision,
            ..Self::new(engine)
        })
    }

    /// Tells how many chunks are to come. If they are many, time is taken on the first to find which steps the CPU does faster.
    #[must_use]
    pub fn expecting(self, chunks: usize) -> Self {
        Self { chunks, ..self }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Seconds that kernels took on the device since the start, where it can tell.
    pub fn kernel_seconds(&self) -> f64 {
        self.kernel_seconds
    }

    /// What a chunk makes the device move; nothing where all of it is computed on the CPU.
    ///
    /// # Errors
    /// When the device cannot load the plan.
    pub fn traffic(&mut self, job: &Job) -> Result<Traffic, DeviceFault> {
        let schedule = self.schedule(job).map_err(|e| DeviceFault(e.to_string()))?;
        Ok(schedule.traffic())
    }

    /// The place of the job's schedule among those that are kept.
    fn known(&self, job: &Job) -> Option<usize> {
        let dtypes: Vec<DType> = job.sources.iter().map(Stored::dtype).collect();
        let known = |k: &Known| Arc::ptr_eq(&k.plan, &job.plan) && k.dtypes == dtypes;
        self.schedules.iter().position(known)
    }

    /// True if the job's programs must wait for the memory of others that are in use.
    fn waits_for_memory(&self, job: &Job) -> bool {
        let loaded = |started: &Started| started.schedule.is_some();
        self.engine.is_limited()
            && !self.queue.is_empty()
            && (self.known(job).is_none() || !self.queue.iter().all(loaded))
    }

    fn schedule(&mut self, job: &Job) -> Result<Arc<Schedule>, GpuError> {
        if let Some(at) = self.known(job) {
            self.schedules[at..].rotate_left(1);
            let known = self.schedules.last().expect("it is there");
            return Ok(known.schedule.clone());
        }
        if self.engine.is_limited() {
            self.schedules.clear();
        }
        let schedule = self.settled(job)?;
        if self.schedules.len() == MOST_SCHEDULES {
            self.schedules.remove(0);
        }
        self.schedules.push(Known {
            plan: job.plan.clone(),
            dtypes: job.sources.iter().map(Stored::dtype).collect(),
            schedule: schedule.clone(),
        });
        Ok(schedule)
    }

    /// The schedule after whatever was worth trying.
    fn settled(&mut self, job: &Job) -> Result<Arc<Schedule>, GpuError> {
        let (precision, plan) = (self.precision, &job.plan);
        let load = |engine: &Engine, leaving: &[usize]| {
            Schedule::new(engine, precision, plan, &job.sources, leaving).map(Arc::new)
        };
        let schedule = load(&self.engine, &[])?;
        let trials = settle::trials(plan, &schedule);
        // Each trial has programs of its own on the device.
        if self.engine.is_limited() || !settle::worth(&trials, self.chunks) {
            return Ok(schedule);
        }
        let labels = plan.steps.iter().map(|step| step.label.clone()).collect();
        let like = (labels, job.sources[0].size().checked_ilog2());
        if let Some(leaving) = self.leaving.get(&like) {
            return match leaving.is_empty() {
                true => Ok(schedule),
                false => load(&self.engine, leaving),
            };
        }
        let without = self.seconds(job, &schedule)?;
        let with = trials
            .iter()
            .map(|trial| {
                let schedule = load(&self.engine, &trial.steps)?;
                self.seconds(job, &schedule)
            })
            .collect::<Result<Vec<f64>, GpuError>>()?;
        let leaving = settle::leaving(&trials, without, &with);
        self.leaving.insert(like, leaving.clone());
        tracing::debug!("{without:.6} s as planned; {trials:?}: {with:.6?} s; {leaving:?} leave");
        if leaving.is_empty() {
            return Ok(schedule);
        }
        load(&self.engine, &leaving)
    }

    /// Seconds of a chunk by itself: the median of a few, after one that is not counted.
    fn seconds(&mut self, job: &Job, schedule: &Arc<Schedule>) -> Result<f64, GpuError> {
        let mut seconds = Vec::with_capacity(settle::RUNS);
        for _ in 0..settle::RUNS {
            let start = Instant::now();
            self.finish(job, schedule, None)?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        seconds.remove(0);
        seconds.sort_by(f64::total_cmp);
        Ok(seconds[seconds.len() / 2])
    }

    /// Begins the first task where it is one tile on the device, so that it runs while an earlier chunk is finished. Small
    /// ones wait until there are several, as starting them takes longer than they do.
    fn start(&mut self, job: &Job, schedule: &Schedule) -> Result<First, GpuError> {
        // What goes in batches does so until it is clearly slower.
        let most = if self.small { 2.0 } else { 1.0 } * SMALL_SECONDS;
        self.small = schedule.traffic().floor() <= SMALL_BYTES && self.last_seconds <= most;
        let Some(Task::Gpu { tiles, inputs, .. }) = schedule.tasks.first() else {
            return Ok(First::None);
        };
        let [tile] = tiles.as_slice() else {
            return Ok(First::None);
        };
        // The first task reads sources only.
        let (filled, bad) = match self.precision {
            Precision::F32 => upload::fill::<f32>(&self.engine, tile, inputs, job, &HashMap::new()),
            Precision::F64 => upload::fill::<f64>(&self.engine, tile, inputs, job, &HashMap::new()),
        }?;
        Ok(First::Filled(filled, bad))
    }

    /// Starts what waits, in one submission.
    fn flush(&mut self) {
        let mut waiting = Vec::new();
        let mut places = Vec::new();
        for (k, started) in self.queue.iter_mut().enumerate() {
            match std::mem::replace(&mut started.first, Ok(First::None)) {
                Ok(First::Filled(filled, bad)) => {
                    waiting.push(filled);
                    places.push((k, bad));
                }
                other => started.first = other,
            }
        }
        if waiting.is_empty() {
            return;
        }
        match self.engine.submit_all(waiting) {
            Ok(tickets) => {
                for ((k, bad), ticket) in places.into_iter().zip(tickets) {
                    self.queue[k].first = Ok(First::Flying((ticket, bad)));
                }
            }
            // The oldest tells; all of them are taken back then.
            Err(error) => self.queue[places[0].0].first = Err(error),
        }
    }

    /// How many chunks wait to be started together.
    fn waiting(&self) -> usize {
        let filled = |started: &&Started| matches!(started.first, Ok(First::Filled(..)));
        self.queue.iter().filter(filled).count()
    }

    /// The results, and the seconds that each task took.
    fn finish(
        &mut self,
        job: &Job,
        schedule: &Arc<Schedule>,
        first: Option<Flight>,
    ) -> Result<(Results, Vec<f64>), GpuError> {
        match self.precision {
            Precision::F32 => self.finish_in::<f32>(job, schedule, first, Computed::F32),
            Precision::F64 => self.finish_in::<f64>(job, schedule, first, Computed::F64),
        }
    }

    fn finish_in<T: Planned + Looped>(
        &mut self,
        job: &Job,
        schedule: &Arc<Schedule>,
        mut first: Option<Flight>,
        wrap: impl Fn(Arc<Block<T>>) -> Computed,
    ) -> Result<(Results, Vec<f64>), GpuError>
    where
        dyn Kernel: Cpu<T>,
    {
        let before = self.kernel_seconds;
        let mut run = cpu::Run::<T>::new(&job.plan, &job.sources);
        let mut seconds = Vec::with_capacity(schedule.tasks.len());
        for task in &schedule.tasks {
            let start = Instant::now();
            match task {
                Task::Cpu(stage) => run.stage(stage),
                Task::Gpu {
                    stage,
                    tiles,
                    inputs,
                } => {
                    let submit = |engine: &Engine, tile: &Tile| match first.take() {
                        Some(started) => Ok(started),
                        None => {
                            let (filled, bad) =
                                upload::fill(engine, tile, inputs, job, &run.blocks)?;
                            let mut tickets = engine.submit_all(vec![filled])?;
                            Ok((tickets.remove(0), bad))
                        }
                    };
                    let mut outputs = zeros(stage, &job.plan);
                    let non_finite = self.tiles(tiles, submit, &mut outputs)?;
                    run.count(stage, non_finite);
                    run.blocks.extend(
                        stage
                            .writes
                            .iter()
                            .copied()
                            .zip(outputs.into_iter().map(Arc::new)),
                    );
                    stage
                        .frees
                        .iter()
                        .for_each(|slot| drop(run.blocks.remove(slot)));
                }
            }
            seconds.push(start.elapsed().as_secs_f64());
        }
        self.last_seconds = self.kernel_seconds - before;
        Ok((run.finish(wrap), seconds))
    }

    /// The tasks of a chunk, what they move, how long they take at least by the measured rates, and how long they took.
    fn explained(&mut self, job: &Job) -> Result<String, GpuError> {
        let schedule = self.schedule(job)?;
        let rates = match self.rates {
            Some(rates) => rates,
            None => *self.rates.insert(self.engine.measure()?),
        };
        self.finish(job, &schedule, None)?;
        let (_, seconds) = self.finish(job, &schedule, None)?;
        let lines = schedule.tasks.iter().zip(seconds).map(|(task, seconds)| {
            let took = seconds * 1e3;
            let Traffic { up, down, kernels } = task.traffic();
            let [up, down, kernels] = [
                up as f64 / rates.upload_bytes_per_s,
                down as f64 / rates.download_bytes_per_s,
                kernels as f64 / rates.copy_bytes_per_s,
            ];
            let least = up.max(down).max(kernels) * 1e3;
            match task {
                Task::Cpu(_) => format!("{task}; took {took:.3} ms\n"),
                Task::Gpu { .. } => format!(
                    "{task}; {least:.3} ms a chunk at the measured rates, took {took:.3} ms by itself\n"
                ),
            }
        });
        Ok(lines.collect())
    }

    /// Runs tiles, a few in flight, and puts what they give into `outputs`; counts the samples that are infinite or NaN.
    fn tiles<T: Real>(
        &mut self,
        tiles: &[Tile],
        mut submit: impl FnMut(&Engine, &Tile) -> Result<Flight, GpuError>,
        outputs: &mut [Block<T>],
    ) -> Result<u64, GpuError> {
        let mut flying: VecDeque<(&Tile, Ticket)> = VecDeque::new();
        let mut non_finite = 0;
        let mut waiting = tiles.iter();
        loop {
            if flying.len() < IN_FLIGHT
                && let Some(tile) = waiting.next()
            {
                let (ticket, bad) = submit(&self.engine, tile)?;
                non_finite += bad;
                flying.push_back((tile, ticket));
                continue;
            }
            let Some((tile, ticket)) = flying.pop_front() else {
                return Ok(non_finite);
            };
            let seconds = self
                .engine
                .finish_into(ticket, &mut |k, bytes| place(&mut outputs[k], tile, bytes))?;
            self.kernel_seconds += seconds.unwrap_or(0.0);
        }
    }
}

impl Executor for GpuExecutor {
    fn capacity(&self) -> usize {
        if self.small {
            IN_FLIGHT * BATCH
        } else {
            IN_FLIGHT
        }
    }

    fn in_flight(&self) -> usize {
        self.queue.len()
    }

    fn explain(&mut self, job: &Job) -> Result<String, DeviceFault> {
        self.explained(job).map_err(|e| DeviceFault(e.to_string()))
    }

    fn needs(&mut self, job: &Job) -> Result<Needs, DeviceFault> {
        let at_once = IN_FLIGHT as u64;
        let schedule = self.schedule(job).map_err(|e| DeviceFault(e.to_string()))?;
        let stages = schedule.tasks.iter().map(Task::stage).cloned();
        let stages: Vec<Stage> = stages.collect();
        let device = schedule.device_bytes();
        let staging = at_once * schedule.staging_bytes();
        let lent = match self.engine.info().device_type {
            DeviceType::Software | DeviceType::Integrated => device,
            DeviceType::Discrete | DeviceType::Virtual | DeviceType::Unknown => 0,
        };
        let chunk = cpu::memory(&job.plan, &stages, self.precision);
        Ok(Needs {
            // Small chunks go in batches; as each is small, so are they.
            at_once: IN_FLIGHT,
            chunk,
            stored: job.stored_bytes(),
            device_in_program: DRIVER + staging + lent,
            device,
        })
    }

    fn stages(&mut self, job: &Job) -> Result<Vec<Stage>, DeviceFault> {
        let schedule = self.schedule(job).map_err(|e| DeviceFault(e.to_string()))?;
        Ok(schedule.tasks.iter().map(Task::stage).cloned().collect())
    }

    fn submit(&mut self, job: Job) {
        let schedule = match self.waits_for_memory(&job) {
            true => Ok(None),
            false => self.schedule(&job).map(Some),
        };
        let (schedule, first) = match schedule {
            Ok(None) => (None, Ok(First::None)),
            Ok(Some(schedule)) => {
                let first = self.start(&job, &schedule);
                (Some(schedule), first)
            }
            Err(error) => (None, Err(error)),
        };
        self.queue.push_back(Started {
            job,
            schedule,
            first,
        });
        if !self.small || self.waiting() >= BATCH {
            self.flush();
        }
    }

    fn collect(&mut self) -> Result<(Job, Results), DeviceFault> {
        let oldest = self.queue.front().expect("a chunk was submitted");
        if matches!(oldest.first, Ok(First::Filled(..))) {
            self.flush();
        }
        let Started {
            job,
            schedule,
            first,
        } = self.queue.pop_front().expect("a chunk was submitted");
        let finish = |first| {
            let schedule = match schedule {
                Some(schedule) => schedule,
                None => self.schedule(&job)?,
            };
            let flight = match first {
                First::Flying(flight) => Some(flight),
                First::Filled(..) | First::None => None,
            };
            self.finish(&job, &schedule, flight)
        };
        match first.and_then(finish) {
            Ok((results, _)) => Ok((job, results)),
            Err(error) => {
                self.queue.push_front(Started {
                    job,
                    schedule: None,
                    first: Ok(First::None),
                });
                Err(DeviceFault(error.to_string()))
            }
        }
    }

    fn abandon(&mut self) -> Vec<Job> {
        self.queue.drain(..).map(|started| started.job).collect()
    }
}

/// How an input lies on the device.
fn element(kind: Kind) -> Element {
    if kind == Kind::Complex {
        Element::Complex
    } else {
        Element::Real
    }
}

/// Blocks by slot, as the CPU side of a run holds them.
type Blocks<T> = HashMap<crate::plan::Slot, Arc<Block<T>>>;

/// Whether a step's blocks are of kinds that a GPU holds: it takes numbers, and gives labels and hashes too.
fn numbers_only(plan: &Plan, step: &crate::plan::Step) -> bool {
    let kind = |slot: &crate::plan::Slot| plan.signature(*slot).kind;
    let number = |slot| matches!(kind(slot), Kind::Real | Kind::Complex);
    step.inputs.iter().all(number) && step.outputs.iter().all(|slot| kind(slot) != Kind::Mask)
}

/// The place of each step on its own merits.
fn places(plan: &Plan, records: impl Fn(&crate::plan::Step) -> bool) -> Vec<Place> {
    let place = |step| {
        if numbers_only(plan, step) && records(step) {
            Place::Gpu
        } else {
            Place::Cpu
        }
    };
    plan.steps.iter().map(place).collect()
}
