//! The engine: loads recordings onto a device and runs them.
//!
//! Runs overlap: while the device computes one, the next can be written into its own staging memory and the last be read.
//! Device memory exists once per program, as the device's queue runs submissions one after another; staging and readback
//! memory exists once per run in flight and is reused.

mod budget;
mod health;
mod measure;
mod pipelines;
mod program;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use measure::Measured;
pub use program::{Filled, Finished, PIECE, Piece, Program, Staging, Ticket};

use super::adapter::{AdapterInfo, Choice};
use super::{GpuError, Limits, Recording};
use budget::Budget;
use health::Health;
use pipelines::Pipelines;

/// For tests: the device is destroyed after this many runs.
const LOSE_DEVICE_AFTER: &str = "DISTPY_GPU_LOSE_DEVICE_AFTER";

/// An open device. Threads may share it.
pub struct Engine {
    info: AdapterInfo,
    device: wgpu::Device,
    queue: wgpu::Queue,
    health: Health,
    pipelines: Pipelines,
    tables: Mutex<HashMap<Arc<[u8]>, wgpu::Buffer>>,
    runs: AtomicU64,
    lose_after: Option<u64>,
    budget: Budget,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({})", self.info)
    }
}

impl Engine {
    /// Opens a device with all that its adapter offers. `DISTPY_GPU_DUMP=dir` writes the shaders that it compiles;
    /// `DISTPY_GPU_CACHE=dir` keeps what the driver makes of them for the next run;
    /// for tests, `DISTPY_GPU_LOSE_DEVICE_AFTER=N` destroys it after N runs.
    ///
    /// # Errors
    /// [`GpuError::Open`] with the driver's reason.
    pub fn open(choice: &Choice) -> Result<Engine, GpuError> {
        Self::open_within(choice, None)
    }

    /// The same, with at most so many bytes of arrays in the device's memory.
    ///
    /// # Errors
    /// [`GpuError::Open`] with the driver's reason.
    pub fn open_within(choice: &Choice, most: Option<u64>) -> Result<Engine, GpuError> {
        let wanted = wgpu::Features::TIMESTAMP_QUERY
            | wgpu::Features::SHADER_F64
            | wgpu::Features::PIPELINE_CACHE;
        let descriptor = wgpu::DeviceDescriptor {
            required_features: choice.adapter.features() & wanted,
            required_limits: choice.adapter.limits(),
            // Else the driver's memory is taken in blocks of up to 256 MB.
            memory_hints: match most {
                Some(_) => wgpu::MemoryHints::MemoryUsage,
                None => wgpu::MemoryHints::Performance,
            },
            ..Default::default()
        };
        let opened = pollster::block_on(choice.adapter.request_device(&descriptor));
        let (device, queue) = opened.map_err(|error| GpuError::Open {
            adapter: choice.info.name.clone(),
            reason: error.to_string(),
        })?;
        Ok(Engine {
            health: Health::watch(&device, &choice.info.name),
            pipelines: Pipelines::new(
                &device,
                &choice.adapter,
                std::env::var_os("DISTPY_GPU_DUMP"),
            ),
            info: choice.info.clone(),
            device,
            queue,
            tables: Mutex::default(),
            runs: AtomicU64::new(0),
            lose_after: number(LOSE_DEVICE_AFTER),
            budget: Budget::new(most),
        })
    }

    /// What the device is.
    pub fn info(&self) -> &AdapterInfo {
        &self.info
    }

    /// True if there is a limit to its memory beside that of the driver.
    pub fn is_limited(&self) -> bool {
        self.budget.is_limited()
    }

    /// Bytes of the arrays and tables in the device's memory, by its allocator's own report; `None` where there is none.
    pub fn allocated_bytes(&self) -> Option<u64> {
        let report = self.device.generate_allocator_report()?;
        let arrays = report.allocations.iter();
        let arrays = arrays.filter(|it| program::ARRAYS.contains(&it.name.as_str()));
        Some(arrays.map(|it| it.size).sum())
    }

    /// What it can do.
    pub fn limits(&self) -> &Limits {
        &self.info.limits
    }

    /// Compiles a recording's shaders and makes its buffers. Equal shaders and tables are shared with earlier programs.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`] and [`GpuError::OutOfMemory`] where a smaller recording may fit; else the device is unusable.
    pub fn load(&self, recording: &Recording) -> Result<Program, GpuError> {
        let limit = self.info.limits.binding.min(self.info.limits.buffer);
        if recording.largest_bytes() > limit {
            return Err(GpuError::TooLarge {
                adapter: self.info.name.clone(),
                bytes: recording.largest_bytes(),
                limit,
            });
        }
        let held = self.budget.take(recording.peak_bytes(), &self.info.name)?;
        self.health
            .scoped(&self.device, || Program::new(self, recording, held))
    }

    /// Starts a run: `fill` is called once for each input, in the order of recording, and writes all of it.
    ///
    /// Keep at most two tickets in flight: more only take memory.
    ///
    /// # Errors
    /// When the device fails; the run can be repeated on another device.
    pub fn submit(
        &self,
        program: &Program,
        fill: &mut dyn FnMut(usize, Staging<'_>),
    ) -> Result<Ticket, GpuError> {
        let filled = self.fill(program, fill)?;
        let mut tickets = self.submit_all(vec![filled])?;
        Ok(tickets.remove(0))
    }

    /// Prepares a run as [`Engine::submit`] does, to be started later.
    ///
    /// # Errors
    /// When the device fails.
    pub fn fill(
        &self,
        program: &Program,
        fill: &mut dyn FnMut(usize, Staging<'_>),
    ) -> Result<Filled, GpuError> {
        self.health
            .scoped(&self.device, || program.fill(self, fill))?
    }

    /// Starts runs in one submission, which takes the driver as long as one run by itself.
    ///
    /// # Errors
    /// When the device fails; the runs can be repeated on another device.
    pub fn submit_all(&self, runs: Vec<Filled>) -> Result<Vec<Ticket>, GpuError> {
        let more = runs.len() as u64;
        let tickets = self
            .health
            .scoped(&self.device, || Filled::submit(runs, self))?;
        let count = self.runs.fetch_add(more, Ordering::Relaxed) + more;
        if self.lose_after.is_some_and(|limit| count >= limit) {
            self.device.destroy();
        }
        Ok(tickets)
    }

    /// Waits for a run and copies its outputs.
    ///
    /// # Errors
    /// When the device fails; the run can be repeated on another device.
    pub fn finish(&self, ticket: Ticket) -> Result<Finished, GpuError> {
        let mut outputs = Vec::new();
        let kernel_seconds =
            self.finish_into(ticket, &mut |_, bytes| outputs.push(bytes.to_vec()))?;
        Ok(Finished {
            outputs,
            kernel_seconds,
        })
    }

    /// Waits for a run; `read` sees each output where the device left it. Returns the seconds that its kernels took, where
    /// the device can tell.
    ///
    /// # Errors
    /// When the device fails; the run can be repeated on another device.
    pub fn finish_into(
        &self,
        ticket: Ticket,
        read: &mut dyn FnMut(usize, &[u8]),
    ) -> Result<Option<f64>, GpuError> {
        self.health.wait(&self.device, ticket.index())?;
        let result = ticket.read(self, read);
        self.health.check()?;
        result
    }

    /// Measures memory and transfer rates, for reports.
    ///
    /// # Errors
    /// When the device fails.
    pub fn measure(&self) -> Result<Measured, GpuError> {
        measure::measure(self)
    }
}

/// A number in the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

/// Locks, also after another thread panicked while it held the lock: what is guarded here is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
