//! The chunks that are measured: given ones, or a synthetic recording in several sample types.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::Failure;
use super::super::chunks::DISTPY_PRF;
use super::flow::Flow;
use crate::block::{Block, Bytes, DType, Endian, Order, Real, Stored};
use crate::cli::Cli;
use crate::command::{ChunkId, ChunkName, Command, Env};
use crate::config::{Problems, System};
use crate::execute::Job;
use crate::formats::Source;
use crate::pipeline::chunk::Chunk;
use crate::pipeline::inputs;
use crate::pipeline::reader::{Reader, Settings};
use crate::plan::Plan;
use crate::synth::{Recipe, Recording};

/// Synthetic chunks: more than are in flight on any device, and together beyond a processor's cache.
const CHUNKS: usize = 4;

/// Bytes of chunks in memory, if there is more than one.
const MOST_BYTES: usize = 1 << 30;

/// What there is to compute.
pub enum Chunks {
    /// Files.
    Given(Batch),
    /// A recording, and its chunks in the type in which it was made.
    Synthetic {
        /// Its samples per second.
        prf: f64,
        /// Its type and those to which that is widened.
        types: Vec<DType>,
        /// Chunks of equal shape.
        made: Vec<Stored>,
    },
}

/// Chunks of one shape and sample type, planned.
pub struct Batch {
    /// Type of the stored samples.
    pub dtype: DType,
    /// Channels and samples.
    pub shape: [usize; 2],
    /// The chunks.
    pub jobs: Vec<Job>,
}

impl Batch {
    /// Chunks of a plan that reads nothing else.
    pub fn of(plan: Arc<Plan>, chunks: Vec<Stored>) -> Self {
        Self::with_sources(plan, chunks.into_iter().map(|chunk| vec![chunk]).collect())
    }

    /// Chunks of a plan, each with what the plan loads.
    pub fn with_sources(plan: Arc<Plan>, sources: Vec<Vec<Stored>>) -> Self {
        let job = |(k, sources): (i64, Vec<Stored>)| Job {
            id: ChunkId::of_second(k),
            path: PathBuf::from(format!("{k}.npy")),
            plan: plan.clone(),
            samples: sources[0].shape()[1],
            identity: String::new(),
            sources,
        };
        Self {
            dtype: sources[0][0].dtype(),
            shape: sources[0][0].shape(),
            jobs: (0..).zip(sources).map(job).collect(),
        }
    }

    /// Bytes of one chunk as it is stored.
    pub fn chunk_bytes(&self) -> usize {
        self.jobs[0].sources[0].size()
    }
}

impl Chunks {
    /// Maps the given files, or makes a recording.
    pub fn new(cli: &Cli, system: &System, flow: &Flow) -> Result<Self, Failure> {
        if cli.files.is_empty() {
            synthetic(system, flow)
        } else {
            given(cli, system, flow).map(Chunks::Given)
        }
    }

    /// Where they are from.
    pub fn origin(&self) -> &'static str {
        match self {
            Chunks::Given(_) => "files",
            Chunks::Synthetic { .. } => "synthetic",
        }
    }

    /// The sample types to measure.
    pub fn types(&self) -> Vec<DType> {
        match self {
            Chunks::Given(batch) => vec![batch.dtype],
            Chunks::Synthetic { types, .. } => types.clone(),
        }
    }

    /// The chunks in one of the types.
    pub fn batch(&self, dtype: DType, flow: &Flow) -> Result<Batch, Failure> {
        match self {
            Chunks::Given(Batch { dtype, shape, jobs }) => Ok(Batch {
                dtype: *dtype,
                shape: *shape,
                jobs: jobs.iter().map(Job::again).collect(),
            }),
            Chunks::Synthetic { prf, made, .. } => {
                let stored: Vec<Stored> = made.iter().map(|chunk| widened(chunk, dtype)).collect();
                let plan = Arc::new(planned(flow, *prf, &stored[0])?);
                Ok(Batch::of(plan, stored))
            }
        }
    }

    /// The first chunk, and its samples per second.
    pub fn first(&self, system: &System) -> (&Stored, f64) {
        match self {
            Chunks::Given(batch) => (&batch.jobs[0].sources[0], rate(system)),
            Chunks::Synthetic { prf, made, .. } => (&made[0], *prf),
        }
    }
}

/// The configuration's samples per second: times do not depend on the rate, so that distpy's will do where there is none.
fn rate(system: &System) -> f64 {
    system.prf.unwrap_or(DISTPY_PRF)
}

fn given(cli: &Cli, system: &System, flow: &Flow) -> Result<Batch, Failure> {
    let mut found =
        inputs::find(&cli.files, &["npy"]).map_err(|lines| Failure::Io(lines.join("\n")))?;
    // In a folder, a chunk's name is its Unix time; axes lie beside.
    found.retain(|input| {
        let stem = input.path.file_stem().and_then(|s| s.to_str());
        input.named || stem.is_some_and(|s| s.parse::<ChunkName>().is_ok())
    });
    let settings = Settings {
        prf: rate(system),
        compat: flow.compat,
        measured_depth: system.measured_depth.clone(),
        time_scale: system.time_scale.clone(),
        input: system.input.clone(),
        output: cli
            .output
            .clone()
            .or_else(|| system.output.clone())
            .unwrap_or_default(),
        // Names do not matter where nothing is written.
        timestamp: Some(0),
        hdf5: system.gpu.hdf5.clone(),
        edge: 0,
    };
    let mut reader = Reader::new(&flow.graph, &flow.file, settings)?;
    let mut jobs: Vec<Job> = Vec::new();
    let mut bytes = 0;
    let like = |a: &Job, b: &Job| {
        let [a, b] = [a, b].map(|job| (job.sources[0].shape(), job.sources[0].dtype()));
        a == b
    };
    for input in &found {
        let job = reader.job(&Chunk::file(input.path.clone(), input.size()))?;
        bytes += job.sources[0].size();
        if !jobs.is_empty() && bytes > MOST_BYTES {
            tracing::warn!(
                "{} of {} chunks are measured: more do not fit {} MiB of memory",
                jobs.len(),
                found.len(),
                MOST_BYTES >> 20
            );
            break;
        }
        if jobs.first().is_some_and(|first| !like(first, &job)) {
            let path = input.path.display();
            tracing::warn!("{path}: left out, its shape or type is not the first chunk's");
            continue;
        }
        jobs.push(job);
    }
    let Some(first) = jobs.first() else {
        let given = cli.files.join(", ");
        return Err(Failure::Data(format!(
            "{given}: found no chunk, expected files such as 1500000000.npy"
        )));
    };
    Ok(Batch {
        dtype: first.sources[0].dtype(),
        shape: first.sources[0].shape(),
        jobs,
    })
}

/// One-second chunks of a recording by the configuration's recipe.
fn synthetic(system: &System, flow: &Flow) -> Result<Chunks, Failure> {
    if let Some(node) = flow
        .graph
        .nodes
        .iter()
        .find(|n| matches!(n.command, Command::Load(_)))
    {
        let found = format!(
            "found `{}`, whose file belongs to a recording; give its chunks with -f",
            node.spec.name
        );
        return Err(Problems::single(&flow.file, &node.path, found).into());
    }
    let recipe = recipe(system)?;
    let recording = Recording::new(&recipe).map_err(|list| {
        let file = system.file.clone();
        Failure::Config(Problems { file, list })
    })?;
    let header = recording.header();
    let second = (header.prf().round() as usize).clamp(1, header.samples);
    let shape = [header.channels, second];
    // All types have as many chunks, so that the widest fits.
    let widest = shape[0] * shape[1] * size_of::<f64>();
    let count = (header.samples / second)
        .min(CHUNKS)
        .min(MOST_BYTES / widest)
        .max(1);
    let chunk = |k: usize| {
        let mut bytes = vec![0; shape[0] * shape[1] * header.dtype.size()];
        recording.read(0..header.channels, k * second..(k + 1) * second, &mut bytes)?;
        Ok(whole(header.dtype, shape, bytes))
    };
    let mut types = vec![header.dtype, DType::F32, DType::F64];
    types.dedup();
    Ok(Chunks::Synthetic {
        prf: header.prf(),
        types,
        made: (0..count).map(chunk).collect::<Result<_, Failure>>()?,
    })
}

fn recipe(system: &System) -> Result<Recipe, Failure> {
    match &system.gpu.synthesize {
        Some(value) => serde_path_to_error::deserialize(value).map_err(|e| {
            let path = format!("distpy_gpu.synthesize.{}", e.path());
            Problems::single(&system.file, &path, e.inner().to_string()).into()
        }),
        None => Ok(Recipe {
            channels: 1000,
            prf: 10_000.0,
            seconds: CHUNKS as f64,
            ..Recipe::default()
        }),
    }
}

/// The same numbers in a wider type.
fn widened(chunk: &Stored, dtype: DType) -> Stored {
    let rows = 0..chunk.shape()[0];
    match dtype {
        _ if dtype == chunk.dtype() => chunk.clone(),
        DType::F32 => of_block(dtype, chunk.block::<f32>(rows)),
        _ => of_block(dtype, chunk.block::<f64>(rows)),
    }
}

fn of_block<T: Real>(dtype: DType, block: Block<T>) -> Stored {
    let samples = block.as_real();
    let bytes = bytemuck::cast_slice(samples.as_slice().expect("blocks are contiguous"));
    whole(dtype, [samples.nrows(), samples.ncols()], bytes.to_vec())
}

fn whole(dtype: DType, shape: [usize; 2], bytes: Vec<u8>) -> Stored {
    let bytes = Bytes::Owned(Arc::new(bytes));
    Stored::new(dtype, shape, Order::C, Endian::NATIVE, bytes)
        .expect("as many bytes as samples need")
}

/// A chunk of another shape, of the same channels and samples over and over; none where it is large.
pub fn repeated(chunk: &Stored, [rows, cols]: [usize; 2]) -> Option<Stored> {
    let [height, length] = chunk.shape();
    let size = chunk.dtype().size();
    (rows * cols * size <= MOST_BYTES / 2).then(|| {
        let whole_rows = chunk_bytes(chunk);
        let mut bytes = Vec::with_capacity(rows * cols * size);
        for row in 0..rows {
            let row = &whole_rows[row % height * length * size..][..length * size];
            bytes.extend(row.iter().cycle().take(cols * size));
        }
        whole(chunk.dtype(), [rows, cols], bytes)
    })
}

/// Complex numbers of a chunk's samples, each with the next as its imaginary part.
pub fn complex(chunk: &Stored, [rows, cols]: [usize; 2]) -> Stored {
    let pairs = repeated(chunk, [rows, cols + 1]).expect("a part of a chunk");
    let reals = pairs.block::<f32>(0..rows);
    let reals = reals.as_real();
    let number = |(i, t)| [reals[[i, t]], reals[[i, t + 1]]];
    let numbers = (0..rows).flat_map(|i| (0..cols).map(move |t| (i, t)));
    let numbers: Vec<[f32; 2]> = numbers.map(number).collect();
    whole(
        DType::C64,
        [rows, cols],
        bytemuck::cast_slice(&numbers).to_vec(),
    )
}

/// Magnitudes of a chunk's samples.
pub fn positive(chunk: &Stored, shape: [usize; 2]) -> Stored {
    let part = repeated(chunk, shape).expect("a part of a chunk");
    let block = part.block::<f32>(0..shape[0]);
    of_block(
        DType::F32,
        Block::real(block.as_real().mapv(|v| v.abs() + 0.1)),
    )
}

/// The samples in the machine's byte order, row by row.
fn chunk_bytes(chunk: &Stored) -> Vec<u8> {
    let [rows, cols] = chunk.shape();
    let mut bytes = vec![0; rows * cols * chunk.dtype().size()];
    chunk.copy_rows(0..rows, &mut bytes);
    bytes
}

pub fn planned(flow: &Flow, prf: f64, chunk: &Stored) -> Result<Plan, Failure> {
    let env = Env::without_axes(flow.compat, prf, flow.graph.box_rows, chunk);
    Ok(Plan::new(&flow.graph, &flow.file, &env, &HashMap::new())?)
}
