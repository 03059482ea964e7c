//! Runs small flows on every backend: what the tests of commands share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use distpy_gpu::block::{Block, Coords, Held, Kind, Precision, Samples, Signature, Stored, Unit};
use distpy_gpu::command::{AxisFile, ChunkId, Command, Compat, Env};
use distpy_gpu::config::{Problems, Workflow};
use distpy_gpu::execute::{CpuPrecision, Executor, Job, Results, cpu::CpuExecutor};
use distpy_gpu::formats::npy;
use distpy_gpu::gpu::{Element, Limits, Recorder, Recording, Tensor};
use distpy_gpu::graph::{Graph, Reading};
use distpy_gpu::plan::{Op, Plan, Step};
use serde_json::{Value, json};

use crate::graphs::naive::to_f64;

/// Where a case is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Backend {
    Cpu(Precision),
    #[cfg(feature = "gpu")]
    Gpu(Precision),
}

impl Backend {
    /// Whether it computes in double precision.
    pub fn double(self) -> bool {
        match self {
            Backend::Cpu(precision) => precision == Precision::F64,
            #[cfg(feature = "gpu")]
            Backend::Gpu(precision) => precision == Precision::F64,
        }
    }
}

/// Every backend of this build and machine. Without an adapter the GPU is left out, with a message; where
/// `DISTPY_GPU_TESTS=require` is set that is a failure.
pub fn all() -> &'static [Backend] {
    const CPU: [Backend; 2] = [Backend::Cpu(Precision::F64), Backend::Cpu(Precision::F32)];
    static ALL: LazyLock<Vec<Backend>> = LazyLock::new(|| CPU.into_iter().chain(gpu()).collect());
    &ALL
}

#[cfg(feature = "gpu")]
fn gpu() -> Vec<Backend> {
    let limits = choose_adapter().map(|choice| choice.info.limits);
    let single = limits.map(|_| Backend::Gpu(Precision::F32));
    let double = limits.filter(|limits| limits.f64);
    let double = double.map(|_| Backend::Gpu(Precision::F64));
    single.into_iter().chain(double).collect()
}

#[cfg(not(feature = "gpu"))]
fn gpu() -> Vec<Backend> {
    Vec::new()
}

/// The software adapter, which is the same everywhere; else a hardware one. `DISTPY_GPU_TEST_DEVICE` names the kind: `gpu` or
/// `software`.
#[cfg(feature = "gpu")]
pub fn choose_adapter() -> Option<distpy_gpu::gpu::adapter::Choice> {
    use distpy_gpu::gpu::adapter::{Want, choose};
    let chosen = match std::env::var("DISTPY_GPU_TEST_DEVICE").as_deref() {
        Ok("gpu") => choose(Want::Gpu, None),
        Ok("software") => choose(Want::Software, None),
        Ok(other) => panic!("DISTPY_GPU_TEST_DEVICE: found {other}, expected gpu or software"),
        Err(_) => choose(Want::Software, None).or_else(|_| choose(Want::Gpu, None)),
    };
    match chosen {
        Ok(choice) => Some(choice),
        Err(reason) if std::env::var("DISTPY_GPU_TESTS").is_ok_and(|v| v == "require") => {
            panic!("DISTPY_GPU_TESTS=require, but {reason}")
        }
        Err(reason) => {
            eprintln!("GPU tests are skipped: {reason}");
            None
        }
    }
}

/// One command, or a whole flow, on one chunk.
pub struct Case {
    pub flow: Value,
    pub chunk: Stored,
    pub gathered: Vec<(Stored, u8)>,
    pub depth: Option<Vec<f64>>,
    /// How the two axes are stored.
    pub axes: [AxisFile; 2],
    pub time: Option<Vec<f64>>,
    pub prf: f64,
    pub compat: Compat,
    pub unix_time: i64,
}

impl Case {
    /// A command on a chunk and on further inputs; the result is what a `write_npy` after it would write.
    pub fn of_command(mut args: Value, chunk: Stored, gathered: Vec<(Stored, u8)>) -> Self {
        let count = gathered.len();
        let loads = (1..=count).map(
            |k| json!({"name": "data_load", "uid": k, "in_uid": 0, "directory_in": "in", "filename": format!("{k}.npy")}),
        );
        let mut list: Vec<Value> = loads.collect();
        let uid = count + 1;
        args["uid"] = json!(uid);
        args["in_uid"] = json!(0);
        args["gather_uids"] = json!((1..=count).collect::<Vec<_>>());
        list.push(args);
        list.push(
            json!({"name": "write_npy", "uid": uid + 1, "in_uid": uid, "directory_out": "out"}),
        );
        Self {
            flow: json!({ "command_list": list }),
            chunk,
            gathered,
            depth: None,
            axes: [AxisFile::COUNTED; 2],
            time: None,
            prf: 1000.0,
            compat: Compat::Exact,
            unix_time: 1_500_000_000,
        }
    }

    /// Plans it.
    pub fn plan(&self) -> Result<(Graph, Plan), Problems> {
        let file = Path::new("flow.json");
        let workflow = Workflow::parse(file, &self.flow.to_string())?;
        let (graph, _) = Graph::build(
            &workflow,
            Reading {
                compat: self.compat,
                strict: false,
            },
        )?;
        let [rows, cols] = self.chunk.shape();
        let counted = self.compat == Compat::Distpy;
        let env = Env {
            compat: self.compat,
            prf: self.prf,
            box_rows: graph.box_rows,
            source: Signature {
                kind: self.chunk.kind(),
                depth: self
                    .depth
                    .as_ref()
                    .map_or(Coords::index(rows), |v| Coords::new(Unit::Metre, v.clone())),
                time: match &self.time {
                    Some(values) => Coords::new(Unit::Second, values.clone()),
                    None if counted => Coords::index(cols),
                    None => Coords::regular(Unit::Second, 0.0, 1.0 / self.prf, cols),
                },
                rank: 2,
                held: Held::of(self.chunk.dtype()),
            },
            edge: [0, 0],
            first: 0,
            depth_file: self.axes[0],
            time_file: self.axes[1],
        };
        let loads: HashMap<PathBuf, Signature> = graph
            .nodes
            .iter()
            .filter_map(|node| match &node.command {
                Command::Load(path) => Some(path.clone()),
                _ => None,
            })
            .map(|path| {
                let (stored, rank) = &self.gathered[number(&path) - 1];
                (path, signature_of(stored, *rank))
            })
            .collect();
        let plan = Plan::new(&graph, file, &env, &loads)?;
        Ok((graph, plan))
    }

    /// What an executor does with it, as `--explain` prints it.
    #[cfg(feature = "gpu")]
    pub fn explained(&self) -> Option<String> {
        choose_adapter()?;
        let job = self.job().expect("a plan");
        let mut gpu = gpu_executor(Precision::F32);
        Some(gpu.explain(&job).expect("no device fails here"))
    }

    /// What an executor of one's own gives for it.
    #[cfg(feature = "gpu")]
    pub fn run_on(&self, executor: &mut dyn Executor) -> Results {
        executor.submit(self.job().expect("a plan"));
        executor.collect().expect("no device fails here").1
    }

    /// Computes it; the plan comes back for its signatures and sinks.
    pub fn run(&self, backend: Backend) -> Result<(Arc<Plan>, Results), Problems> {
        let job = self.job()?;
        Ok((job.plan.clone(), compute(backend, job)))
    }

    /// The chunk and what is done to it.
    pub fn job(&self) -> Result<Job, Problems> {
        let plan = Arc::new(self.plan()?.1);
        let loaded = plan.sources[1..].iter().map(|s| {
            self.gathered[number(s.file.as_ref().expect("a file")) - 1]
                .0
                .clone()
        });
        let sources = std::iter::once(self.chunk.clone()).chain(loaded).collect();
        let id = ChunkId::of_second(self.unix_time);
        Ok(Job {
            id,
            path: PathBuf::from("chunk.npy"),
            plan,
            samples: self.chunk.shape()[1],
            identity: String::new(),
            sources,
        })
    }

    /// The block that the last sink writes, in double precision.
    pub fn result(&self, backend: Backend) -> Result<Block<f64>, Problems> {
        Ok(self.outcome(backend)?.1)
    }

    /// The signature and the block that the last sink writes, in double precision.
    pub fn outcome(&self, backend: Backend) -> Result<(Signature, Block<f64>), Problems> {
        let (plan, results) = self.run(backend)?;
        let slot = plan.sinks.last().expect("a sink").inputs[0];
        let (signature, block) = (plan.signature(slot).clone(), to_f64(&results.blocks[&slot]));
        assert_eq!(block.kind(), signature.kind, "the kind that was planned");
        assert_eq!(
            block.shape(),
            (signature.rows(), signature.cols()),
            "the shape that was planned"
        );
        Ok((signature, block))
    }
}

/// Computes one chunk.
pub fn compute(backend: Backend, job: Job) -> Results {
    let run = |executor: &mut dyn Executor| {
        executor.submit(job);
        executor.collect().expect("no device fails here").1
    };
    match backend {
        Backend::Cpu(precision) => run(&mut CpuExecutor::new(CpuPrecision::Always(precision))),
        #[cfg(feature = "gpu")]
        Backend::Gpu(precision) => run(&mut *gpu_executor(precision)),
    }
}

/// Chunks of one flow through the device, two in flight.
#[cfg(feature = "gpu")]
pub struct Stream {
    job: Box<dyn Fn() -> Job>,
}

#[cfg(feature = "gpu")]
impl Stream {
    /// All chunks are the same, and so is their plan.
    pub fn new(case: &Case) -> Self {
        let Job {
            id,
            path,
            plan,
            sources,
            samples,
            identity,
        } = case.job().expect("a plan");
        let job = move || Job {
            id,
            path: path.clone(),
            plan: plan.clone(),
            sources: sources.clone(),
            samples,
            identity: identity.clone(),
        };
        Self { job: Box::new(job) }
    }

    /// Computes so many.
    pub fn run(&mut self, count: usize) {
        let mut gpu = gpu_executor(Precision::F32);
        let mut left = count;
        while left > 0 || gpu.in_flight() > 0 {
            if left > 0 && gpu.in_flight() < gpu.capacity() {
                gpu.submit((self.job)());
                left -= 1;
            } else {
                gpu.collect().expect("no device fails here");
            }
        }
    }
}

/// One device for all tests of a precision: opening one takes longer than most of them.
#[cfg(feature = "gpu")]
fn gpu_executor(
    precision: Precision,
) -> std::sync::MutexGuard<'static, distpy_gpu::execute::gpu::GpuExecutor> {
    use distpy_gpu::execute::gpu::GpuExecutor;
    use distpy_gpu::gpu::engine::Engine;
    use std::sync::{Mutex, PoisonError};
    fn open(precision: Precision) -> Mutex<GpuExecutor> {
        let choice = choose_adapter().expect("the backend was listed");
        let engine = Engine::open(&choice).expect("a device");
        Mutex::new(GpuExecutor::in_precision(engine, precision).expect("a precision it has"))
    }
    static SINGLE: LazyLock<Mutex<GpuExecutor>> = LazyLock::new(|| open(Precision::F32));
    static DOUBLE: LazyLock<Mutex<GpuExecutor>> = LazyLock::new(|| open(Precision::F64));
    let executor = match precision {
        Precision::F32 => &SINGLE,
        Precision::F64 => &DOUBLE,
    };
    executor.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the smallest device would run for each step of a plan that has a GPU side.
pub fn recordings(plan: &Plan, precision: Precision) -> Vec<Recording> {
    let limits = Limits {
        f64: true,
        ..Limits::DOWNLEVEL
    };
    let element = |kind: Kind| match kind {
        Kind::Real => Some(Element::Real),
        Kind::Complex => Some(Element::Complex),
        _ => None,
    };
    let step = |step: &Step| {
        let Op::Kernel(kernel) = &step.op else {
            return None;
        };
        let mut rec = Recorder::new(limits, precision);
        let input = |&slot| {
            let signature = plan.signature(slot);
            let element = element(signature.kind)?;
            Some(rec.input(signature.rows(), signature.cols(), element))
        };
        let inputs: Vec<Tensor> = step.inputs.iter().map(input).collect::<Option<_>>()?;
        let output = kernel.gpu(&mut rec, &inputs, 0)?;
        Some(rec.finish(&[output]))
    };
    plan.steps.iter().filter_map(step).collect()
}

/// `in/2.npy` is the second gathered array.
fn number(path: &Path) -> usize {
    let stem = path
        .file_stem()
        .and_then(|s| s.to_str())
        .unwrap_or_default();
    stem.parse().expect("gathered arrays are numbered")
}

fn signature_of(stored: &Stored, rank: u8) -> Signature {
    let [rows, cols] = stored.shape();
    Signature {
        kind: stored.kind(),
        depth: Coords::index(rows),
        time: Coords::index(cols),
        rank,
        held: Held::of(stored.dtype()),
    }
}

/// An npy file as a source: tables as they are, one dimension as a column.
pub fn stored(path: &Path) -> (Stored, u8) {
    let array = npy::open(path).expect("a readable array");
    match array.stored() {
        Some(stored) => (stored, 2),
        None => (array.column().expect("one or two dimensions"), 1),
    }
}

/// The largest difference over the largest magnitude of `want`; infinite where finite meets non-finite or shapes differ.
pub fn difference(got: &Block<f64>, want: &Block<f64>) -> f64 {
    // Files hold labels, hashes and masks as integers, which are read as real numbers.
    let complex = |block: &Block<f64>| block.kind() == Kind::Complex;
    if got.shape() != want.shape() || complex(got) != complex(want) {
        return f64::INFINITY;
    }
    let (got, want) = (numbers(got), numbers(want));
    let scale = want
        .iter()
        .filter(|v| v.is_finite())
        .fold(0.0_f64, |m, v| m.max(v.abs()));
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let each = got
        .iter()
        .zip(&want)
        .map(|(g, w)| match (g.is_finite(), w.is_finite()) {
            (true, true) => (g - w).abs() / scale,
            (false, false) => 0.0,
            _ => f64::INFINITY,
        });
    each.fold(0.0, f64::max)
}

/// The samples as real numbers, two for a complex one.
pub fn numbers(block: &Block<f64>) -> Vec<f64> {
    match &block.samples {
        Samples::Complex(a) => a.iter().flat_map(|v| [v.re, v.im]).collect(),
        Samples::Real(a) => a.iter().copied().collect(),
        Samples::Label(a) => a.iter().map(|&v| v as f64).collect(),
        Samples::Hash(a) => a.iter().map(|&v| v as f64).collect(),
        Samples::Mask(a) => a.iter().map(|&v| f64::from(u8::from(v))).collect(),
    }
}
