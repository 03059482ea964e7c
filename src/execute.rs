//! Running a plan on one chunk.

pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod several;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::block::{Precision, Stored};
use crate::command::{ChunkId, Computed};
use crate::plan::{Memory, Plan, Slot, Stage};

/// A chunk that is ready to be computed.
#[derive(Debug)]
pub struct Job {
    /// Which.
    pub id: ChunkId,
    /// Its file.
    pub path: PathBuf,
    /// What is done to it.
    pub plan: Arc<Plan>,
    /// The chunk, then what the graph loads: in the order of the plan's sources.
    pub sources: Vec<Stored>,
    /// Samples of each channel that no chunk before has.
    pub samples: usize,
    /// The identity of the input, for the record of the results.
    pub identity: String,
}

impl Job {
    /// Bytes of its samples as they are stored.
    pub fn stored_bytes(&self) -> u64 {
        self.sources.iter().map(|it| it.size() as u64).sum()
    }

    /// The same chunk once more.
    pub fn again(&self) -> Self {
        Self {
            id: self.id,
            path: self.path.clone(),
            plan: self.plan.clone(),
            sources: self.sources.clone(),
            samples: self.samples,
            identity: self.identity.clone(),
        }
    }

    /// For tests: one sample, with which nothing is done.
    #[cfg(test)]
    pub fn of_nothing(unix_time: i64) -> Self {
        use crate::block::{Bytes, DType, Endian, Order};
        use crate::command::{Compat, Env};
        let bytes = Bytes::Owned(Arc::new(vec![0; 4]));
        let sample = Stored::new(DType::F32, [1, 1], Order::C, Endian::NATIVE, bytes)
            .expect("as many bytes as a sample needs");
        let plan = Plan {
            env: Env::without_axes(Compat::Exact, 1.0, 1, &sample),
            slots: Vec::new(),
            sources: Vec::new(),
            steps: Vec::new(),
            stages: Vec::new(),
            sinks: Vec::new(),
            warnings: Vec::new(),
            need: None,
            period: 1,
        };
        Self {
            id: ChunkId::of_second(unix_time),
            path: PathBuf::new(),
            plan: Arc::new(plan),
            sources: vec![sample],
            samples: 1,
            identity: String::new(),
        }
    }
}

/// What a plan gives for one chunk.
#[derive(Debug, Default)]
pub struct Results {
    /// The blocks that sinks write.
    pub blocks: HashMap<Slot, Computed>,
    /// How many samples of the chunk are infinite or NaN.
    pub non_finite: u64,
    /// Which command does not take the chunk's samples, what was found and expected.
    pub fault: Option<String>,
}

/// The precision of CPU work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuPrecision {
    /// Single where stored samples are exact in it, else double.
    Auto,
    /// As given.
    Always(Precision),
}

impl CpuPrecision {
    /// As `--precision` has it.
    pub fn name(self) -> &'static str {
        match self {
            CpuPrecision::Auto => "auto",
            CpuPrecision::Always(Precision::F32) => "f32",
            CpuPrecision::Always(Precision::F64) => "f64",
        }
    }

    /// The precision for some sources.
    pub fn of(self, sources: &[Stored]) -> Precision {
        match self {
            CpuPrecision::Always(precision) => precision,
            CpuPrecision::Auto if sources.iter().all(|s| s.dtype().fits_f32()) => Precision::F32,
            CpuPrecision::Auto => Precision::F64,
        }
    }
}

/// Bytes that chunks take where an executor computes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// One chunk that is computed.
    pub chunk: Memory,
    /// Samples of one chunk, as they are stored.
    pub stored: u64,
    /// Chunks that the executor has at once.
    pub at_once: usize,
    /// Bytes on their way to and from a device, of its driver, and of its arrays if it has no memory of its own.
    pub device_in_program: u64,
    /// Arrays in the device's memory.
    pub device: u64,
}

/// A device that failed in the middle of a run: which, and what happened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DeviceFault(pub String);

/// Something that computes chunks in the order in which it was given them.
pub trait Executor {
    /// How many chunks it works on at once.
    fn capacity(&self) -> usize;

    /// How many it has now.
    fn in_flight(&self) -> usize;

    /// Where the parts of a chunk's plan would be computed, for people.
    ///
    /// # Errors
    /// When the device cannot load the plan.
    fn explain(&mut self, job: &Job) -> Result<String, DeviceFault>;

    /// The memory that chunks like this one take.
    ///
    /// # Errors
    /// When the device cannot load the plan.
    fn needs(&mut self, job: &Job) -> Result<Needs, DeviceFault>;

    /// The same as stages of the plan.
    ///
    /// # Errors
    /// When the device cannot load the plan.
    fn stages(&mut self, job: &Job) -> Result<Vec<Stage>, DeviceFault>;

    /// Begins a chunk.
    fn submit(&mut self, job: Job);

    /// Ends the oldest chunk.
    ///
    /// # Errors
    /// When the device failed; every chunk in flight can then be taken back by [`Executor::abandon`].
    fn collect(&mut self) -> Result<(Job, Results), DeviceFault>;

    /// Gives back the chunks in flight, oldest first.
    fn abandon(&mut self) -> Vec<Job>;
}
