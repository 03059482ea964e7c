//! What a command is: its description, its arguments, and what it computes.
//!
//! A command's file gives a [`Spec`]. Its arguments become a [`Command`] when a graph is built; a whole-block command is
//! then prepared for the shapes that it meets, which gives the result's signature and a [`Kernel`] with everything that does
//! not depend on samples (filter coefficients, bins of bands, tables).

mod axis;
mod chunk;
mod env;
pub mod prelude;
mod reach;
mod spec;
mod statistic;

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::block::{Block, DType, Held, Kind, Real, Samples, Signature, Stored};
use crate::dsp::bands::BandSums;
use crate::dsp::edge::Edge;
use crate::point::{Looped, Point};

pub use axis::Axis;
pub use chunk::{ChunkId, ChunkName};
pub use env::{Env, Lattice};
pub use reach::Reach;
pub use spec::{ANY, Cost, Example, Family, Gathers, NUMBERS, REAL, Spec, TO_COMPLEX, TO_REAL};
pub use statistic::{Reduction, Statistic, statistic};

/// An argument that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgProblem {
    /// Where among the arguments.
    pub path: String,
    /// What was found and expected.
    pub message: String,
}

impl ArgProblem {
    /// A problem with one argument.
    pub fn new(path: &str, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// A path as a command file gives it, written as on either system, or its URL.
///
/// # Errors
/// What is wrong with a URL.
pub fn path_of(argument: &str, text: &str) -> Result<PathBuf, ArgProblem> {
    let path = crate::store::path(&text.replace('\\', "/"));
    path.map_err(|message| ArgProblem::new(argument, message))
}

/// The closed set of kinds that the planner must understand; commands themselves are an open set.
#[derive(Debug, Clone)]
pub enum Command {
    /// The input unchanged.
    Passthrough,
    /// The input unchanged, and a hint where to go on.
    Hint(Place),
    /// An array from a file, read once before the run; relative to the output folder.
    Load(PathBuf),
    /// One sample in, one sample out; neighbours fuse.
    Point(Point),
    /// Whole blocks in, one block out.
    Block(Arc<dyn BlockCommand>),
    /// A block in, files out; its result is its input.
    Sink(Arc<dyn SinkCommand>),
    /// Whole blocks in, one block out, which is written too.
    Written(Arc<dyn BlockCommand>, Arc<dyn SinkCommand>),
}

impl Command {
    /// What writes its files, if it writes any.
    pub fn sink(&self) -> Option<&Arc<dyn SinkCommand>> {
        match self {
            Command::Sink(sink) | Command::Written(_, sink) => Some(sink),
            _ => None,
        }
    }
}

/// Where a step is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the CPU.
    Cpu,
    /// On the GPU.
    Gpu,
}

/// Whose numbers are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compat {
    /// The physically right ones.
    Exact,
    /// distpy 1.32.3's.
    Distpy,
}

impl Compat {
    /// As `--compat` has it.
    pub fn name(self) -> &'static str {
        match self {
            Compat::Exact => "exact",
            Compat::Distpy => "distpy",
        }
    }
}

/// How an axis is stored beside the chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AxisFile {
    /// The type of its values.
    pub dtype: DType,
    /// Whether it is a column, (n, 1), as distpy's SEG-Y ingest writes depths; (n,) otherwise.
    pub column: bool,
}

impl AxisFile {
    /// Where there is no file: positions are counted.
    pub const COUNTED: Self = Self {
        dtype: DType::I64,
        column: false,
    };
}

/// How a row of the result depends on rows of the input: decides tiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Row by row.
    Independent,
    /// On so many rows to either side. Where a block ends, its edge counts: a part of a block with so many more rows to either
    /// side gives the part of the result.
    Near(usize),
    /// On all rows.
    Coupled,
}

impl Rows {
    /// On `reach` rows to either side, with an edge that a part of a block has too.
    pub fn near(reach: usize, edge: Edge) -> Self {
        match edge {
            _ if reach == 0 => Rows::Independent,
            // The other end is no neighbour.
            Edge::Wrap => Rows::Coupled,
            _ => Rows::Near(reach),
        }
    }
}

/// What fusion rules may know of a computation.
#[derive(Debug, Clone)]
pub enum Role {
    /// Nothing.
    Opaque,
    /// The forward Fourier transform along time of real rows.
    Fft,
    /// Sums over the bins of a spectrum.
    Bands(BandSums),
    /// Labels or a mask become real numbers.
    Numbers,
    /// Element-wise: neighbours fuse.
    Point(Point),
    /// Nothing is done: the result is the input.
    Same,
    /// The result that distpy forgets to set, which is then the raw chunk.
    RawChunk,
}

/// A whole-block command: its arguments.
pub trait BlockCommand: Debug + Send + Sync {
    /// Checks the inputs and prepares the computation for their shapes. `inputs[0]` is `in_uid`, then `gather_uids`.
    ///
    /// # Errors
    /// Why these inputs do not fit.
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch>;

    /// The files whose content the numbers depend on.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// A computation that fits its inputs.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The result's signature.
    pub signature: Signature,
    /// How rows depend on rows.
    pub rows: Rows,
    /// Dependence of the result at a time on the first input along time.
    pub reach: Reach,
    /// Whether the result keeps some of the samples, or samples between them, by their places in the run: after how many samples of
    /// the source its places come again.
    pub period: usize,
    /// What fusion rules may know.
    pub role: Role,
    /// What computes it.
    pub kernel: Arc<dyn Kernel>,
    /// What the user should know before the run.
    pub warnings: Vec<String>,
    /// What its samples must be like, which only a run can tell.
    pub guard: Option<Guard>,
}

/// A condition on the samples of the first input; a chunk that does not meet it is bad data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// No real sample is negative.
    NonNegative,
}

impl Guard {
    /// What was found and expected, where the condition is not met.
    pub fn broken<T: Real>(self, block: &Block<T>) -> Option<String> {
        let negative = |x: &T| *x < T::zero();
        match (self, &block.samples) {
            (Guard::NonNegative, Samples::Real(a)) if a.iter().any(negative) => {
                Some("found a negative sample, expected none".into())
            }
            _ => None,
        }
    }
}

impl Prepared {
    /// An opaque computation of the whole time axis, without warnings.
    pub fn new(signature: Signature, rows: Rows, kernel: impl Kernel + 'static) -> Self {
        Self {
            signature,
            rows,
            reach: Reach::Whole,
            period: 1,
            role: Role::Opaque,
            kernel: Arc::new(kernel),
            warnings: Vec::new(),
            guard: None,
        }
    }

    /// An element-wise computation, which is chosen by what the inputs are.
    pub fn point(signature: Signature, point: Point) -> Self {
        let prepared = Self::new(signature, Rows::Independent, point);
        prepared
            .near(Axis::Time, 0, 0)
            .with_role(Role::Point(point))
    }

    /// No computation: the result is the input.
    pub fn same(input: &Signature) -> Self {
        Self::point(input.clone(), Point::IDENTITY).with_role(Role::Same)
    }

    /// No computation: the result is the chunk, as where distpy forgets to set one.
    pub fn raw_chunk(env: &Env) -> Self {
        Self::point(env.source.clone(), Point::IDENTITY).with_role(Role::RawChunk)
    }

    /// The same with a warning.
    pub fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }

    /// The same, where the result at a place of an axis depends on so many samples before and after it, and on no others along time.
    pub fn near(self, axis: Axis, before: usize, after: usize) -> Self {
        let reach = match axis {
            Axis::Depth => Reach::NONE,
            Axis::Time => Reach::Near { before, after },
        };
        Self { reach, ..self }
    }

    /// The same, where a computation along depth treats each time by itself; along time it needs the whole axis.
    pub fn across(self, axis: Axis) -> Self {
        match axis {
            Axis::Depth => self.near(axis, 0, 0),
            Axis::Time => self,
        }
    }

    /// The same, where the samples of the result are at the same places again after so many samples of the source.
    pub fn with_period(self, period: usize) -> Self {
        Self { period, ..self }
    }

    /// The same with a role.
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }
}

/// A prepared computation, for both CPU precisions and, where it has one, the GPU.
pub trait Kernel: Cpu<f32> + Cpu<f64> + Debug + Send + Sync {
    /// Records the computation for the rows `first..first + inputs[0].rows()`; `None` where only `cpu` exists.
    fn gpu(&self, _rec: &mut Recorder, _inputs: &[Tensor], _first: usize) -> Option<Tensor> {
        None
    }
}

/// The CPU side of a kernel in one precision.
pub trait Cpu<T> {
    /// Computes a tile: `inputs` are the rows from `first` on of the whole blocks (all rows where [`Rows::Coupled`]).
    fn cpu(&self, inputs: &[&Block<T>], first: usize) -> Block<T>;
}

impl Kernel for Point {}

impl<T: Looped> Cpu<T> for Point {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        self.apply(inputs[0].clone())
    }
}

/// Why inputs do not fit a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The argument at fault; empty where it is the input.
    pub argument: &'static str,
    /// What was found and expected.
    pub message: String,
}

impl Mismatch {
    /// An argument that does not fit the input.
    pub fn argument(argument: &'static str, message: impl Into<String>) -> Self {
        Self {
            argument,
            message: message.into(),
        }
    }

    /// An input that the command does not take.
    pub fn input(message: impl Into<String>) -> Self {
        Self {
            argument: "",
            message: message.into(),
        }
    }
}

impl Signature {
    /// The same axes with samples of a kind, which numpy holds in double precision where they are numbers.
    pub fn of_kind(&self, kind: Kind) -> Self {
        let held = match kind {
            Kind::Real | Kind::Complex => Held::Double,
            Kind::Label | Kind::Hash | Kind::Mask => Held::Integer,
        };
        Self {
            kind,
            held,
            rank: 2,
            ..self.clone()
        }
    }

    /// Checks the number of samples of a window along an axis: distpy lets one reach beyond the data.
    ///
    /// # Errors
    /// Where it is longer than the axis.
    pub fn require_window(
        &self,
        env: &Env,
        argument: &'static str,
        length: usize,
        axis: Axis,
    ) -> Result<(), Mismatch> {
        let n = axis.of(self).len();
        if length <= n || env.compat == Compat::Distpy {
            return Ok(());
        }
        let found = format!("found {length} samples, expected at most {n}, the length of the axis");
        Err(Mismatch::argument(argument, found))
    }

    /// The shape as numpy has it: an array of one dimension is a row where arrays meet.
    pub fn numpy_shape(&self) -> (usize, usize) {
        match self.rank {
            1 => (1, self.rows() * self.cols()),
            _ => (self.rows(), self.cols()),
        }
    }

    /// Checks the kind of an input.
    ///
    /// # Errors
    /// Where it is another.
    pub fn require(&self, kind: Kind) -> Result<&Self, Mismatch> {
        if self.kind == kind {
            Ok(self)
        } else {
            Err(Mismatch::input(format!("takes {kind} input, found {self}")))
        }
    }

    /// Checks that samples are numbers, real or complex.
    ///
    /// # Errors
    /// Where they are labels, hashes or masks.
    pub fn require_numbers(&self) -> Result<&Self, Mismatch> {
        match self.kind {
            Kind::Real | Kind::Complex => Ok(self),
            _ => Err(Mismatch::input(format!(
                "takes real or complex input, found {self}"
            ))),
        }
    }
}

/// A command that makes files.
pub trait SinkCommand: Debug + Send + Sync {
    /// Checks the inputs.
    ///
    /// # Errors
    /// Why they cannot be written.
    fn check(&self, env: &Env, inputs: &[&Signature]) -> Result<(), Mismatch>;

    /// The files of one chunk, relative to the output folder: a chunk whose files all exist is skipped.
    fn paths(&self, chunk: &ChunkId) -> Vec<PathBuf>;

    /// The files themselves; the writer puts them on disk.
    fn files(&self, env: &Env, chunk: &ChunkId, inputs: &[(&Signature, Computed)])
    -> Vec<Artifact>;

    /// Most bytes that its files take in memory while they are written, for inputs of so many values.
    fn memory(&self, values: u64) -> u64 {
        // Digits of a value, and of its depth or time.
        32 * values
    }

    /// The array that its files are parts of, if they are parts of any.
    fn summary(&self) -> Option<&Summary> {
        None
    }
}

/// A computed block in the run's precision. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Computed {
    /// Single precision.
    F32(Arc<Block<f32>>),
    /// Double precision.
    F64(Arc<Block<f64>>),
    /// A source that no command changed, as it is stored.
    Stored(Stored),
}

impl Computed {
    /// Its samples by rows, for a picture.
    pub fn array(&self) -> &dyn crate::picture::reduce::Rows {
        match self {
            Computed::F32(block) => &**block,
            Computed::F64(block) => &**block,
            Computed::Stored(stored) => stored,
        }
    }

    /// Real samples in double precision, row by row; the signature was checked when the plan was made.
    pub fn reals(&self) -> Vec<f64> {
        match self {
            Computed::F32(block) => block.as_real().iter().map(|&v| f64::from(v)).collect(),
            Computed::F64(block) => block.as_real().iter().copied().collect(),
            Computed::Stored(stored) => {
                let block = stored.block::<f64>(0..stored.shape()[0]);
                match block.samples {
                    Samples::Real(array) => array.into_raw_vec_and_offset().0,
                    other => unreachable!("planned as real, stored as {other:?}"),
                }
            }
        }
    }
}

/// A file to be written, relative to the output folder.
#[derive(Debug)]
pub struct Artifact {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub content: Content,
    /// Whether every chunk makes the same file (an axis): written once.
    pub shared: bool,
}

/// The content of a file.
#[derive(Debug)]
pub enum Content {
    /// As it is.
    Bytes(Vec<u8>),
    /// An npy file of a block.
    Npy {
        /// The samples.
        block: Computed,
        /// The precision that is stored.
        widen: Widen,
        /// 2, or 1 to store a single column as (n,).
        rank: u8,
    },
    /// Made while it is written, so that it is never whole in memory.
    Stream(Box<dyn Stream>),
}

/// A file's content, piece by piece.
pub trait Stream: Debug + Send + Sync {
    /// Writes all of it.
    ///
    /// # Errors
    /// Those of `to`.
    fn write(&self, to: &mut (dyn std::io::Write + Send)) -> std::io::Result<()>;
}

/// What a sink's files are parts of: one array over the time of a whole run, which is put together when all of them are there.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The file or folder that holds the array, and others of the same place, below the output folder.
    pub target: PathBuf,
    /// The name of the array in it.
    pub name: String,
    /// The folder of the parts, which are named by [`Summary::part`].
    pub parts: PathBuf,
    /// What the array's numbers are in, where the command file says it.
    pub unit: Option<String>,
    /// Names of the columns, where the command file gives them.
    pub labels: Vec<String>,
    /// As what it is stored.
    pub form: SummaryForm,
}

/// As what a summary is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryForm {
    /// A Zarr group of version 3.
    Zarr,
    /// An HDF5 file with dimension scales.
    Hdf5,
}

impl Summary {
    /// Ends the name of a part.
    pub const PART: &'static str = crate::formats::part::Part::ENDING;
    /// Ends the name of what stands for the part of a chunk that is bad.
    pub const FAILED: &'static str = "failed";

    /// The part of a chunk.
    pub fn part(&self, chunk: &ChunkId) -> PathBuf {
        self.parts.join(format!("{}.{}", chunk.name, Self::PART))
    }

    /// What says that a chunk has no part.
    pub fn failed(&self, chunk: &ChunkId) -> PathBuf {
        self.parts.join(format!("{}.{}", chunk.name, Self::FAILED))
    }
}

/// Whether single precision is stored as double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Widen {
    /// As computed.
    No,
    /// As float64 or complex128.
    Yes,
}

pub use crate::gpu::recording::{Recorder, Tensor};

/// The arguments of a command that takes none.
#[derive(Debug, Default, Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct NoArgs {}

/// Reads a command's arguments; missing ones take their defaults.
///
/// # Errors
/// The path and reason of the first value of a wrong type.
pub fn parse<A: DeserializeOwned>(args: Value) -> Result<A, ArgProblem> {
    serde_path_to_error::deserialize(args).map_err(|e| ArgProblem {
        path: e.path().to_string(),
        message: e.inner().to_string(),
    })
}

/// The schema of an argument type.
pub fn schema_of<A: schemars::JsonSchema>() -> Value {
    schemars::schema_for!(A).to_value()
}
