//! The command line: its arguments as types, and nothing else.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, ValueEnum};

use crate::config::MOST_THREADS;
use crate::pipeline::limits::{LEAST_MEMORY, parse_bytes};
use crate::pipeline::shard::{self, Shard};
use crate::store;

/// Arguments of the program.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "distpy-gpu",
    version,
    about = "Processes distributed acoustic sensing recordings on any GPU, or on the CPU",
    long_about = None,
    after_help = EXAMPLES,
    max_term_width = 110,
)]
pub struct Cli {
    /// What to do; `-m modules` lists the modules
    #[arg(short, long, value_name = "MODULE")]
    pub module: String,

    /// Which commands `-m commands` prints the page of
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Input: a file, a folder or a glob; may be repeated. Without it the configuration's input folder is taken
    #[arg(short, long = "file", value_name = "FILE", num_args = 1.., value_parser = located_text)]
    pub files: Vec<String>,

    /// Follow a folder (`strainrate2summary`): recordings are taken as an interrogator completes them, until SIGTERM
    #[arg(long, value_name = "DIR", conflicts_with = "files", value_parser = located)]
    pub watch: Option<PathBuf>,

    /// With --watch: a file is complete when it did not change for so long
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub settle: Duration,

    /// The system configuration (JSON): folders, prf, and which command file to run
    #[arg(short, long, value_name = "CONFIG.json", value_parser = located)]
    pub config: Option<PathBuf>,

    /// Where results go, in place of the configuration's output folder (for `synthesize`: the recording to make)
    #[arg(short, long, value_name = "PATH", value_parser = located)]
    pub output: Option<PathBuf>,

    /// Where to compute: `auto` takes a hardware GPU if there is one, else the CPU; `gpu` fails without one;
    /// `software` takes a software Vulkan adapter
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,

    /// Which adapter, by its number or a part of its name (see `-m devices`); `all` shares the chunks among all GPUs
    #[arg(long, value_name = "INDEX|NAME|all")]
    pub adapter: Option<String>,

    /// Precision: on the CPU `auto` takes f32 where stored samples are exact in it, else f64; a GPU computes in f32
    /// unless f64 is asked for and it has that
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionArg>,

    /// Whose numbers: `distpy` gives distpy 1.32.3's, defects included
    #[arg(long, value_enum)]
    pub compat: Option<CompatArg>,

    /// Number of worker threads, up to 1024 (default: one per processor)
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// Memory that flows and ingests may take, such as 8GB: fewer chunks wait, and a chunk that takes more by the estimate of
    /// `--explain` is refused (default: a container's limit, which refuses none)
    #[arg(long, value_name = "SIZE", value_parser = max_memory)]
    pub max_memory: Option<u64>,

    /// GPU memory that arrays may take on each device, such as 2GB: chunks go through it in smaller parts
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub max_device_memory: Option<u64>,

    /// Replace existing results: `changed` keeps those that this very flow made from the same input, so that a run that is
    /// restarted goes on where it ended; `all` recomputes everything
    #[arg(long, value_enum, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "changed")]
    pub overwrite: Option<OverwriteArg>,

    /// Record hashes of all bytes of inputs and results, for `-m verify --hashes`, rather than of their first, last and some other
    /// blocks
    #[arg(long)]
    pub hash: bool,

    /// Unix time of a chunk whose name is none
    #[arg(long, value_name = "SECONDS")]
    pub timestamp: Option<i64>,

    /// Treat unknown arguments in a command file as errors
    #[arg(long)]
    pub strict: bool,

    /// Print what would be computed, and where, without computing
    #[arg(long)]
    pub explain: bool,

    /// Machine-readable output: to FILE, or instead of the text where no FILE is given
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-", value_parser = located)]
    pub json: Option<PathBuf>,

    /// For `-m commands`: print the JSON Schema of command files
    #[arg(long)]
    pub schema: bool,

    /// Form of log lines
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,

    /// More log lines; twice for every detail
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Only errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// What matters where many processes share the work.
    #[command(flatten)]
    pub job: JobArgs,

    /// What `benchmark` measures.
    #[command(flatten)]
    pub benchmark: BenchmarkArgs,

    /// What `render-job` puts into a manifest.
    #[command(flatten)]
    pub render: RenderArgs,

    /// Which differences `diff` counts.
    #[command(flatten)]
    pub diff: DiffArgs,

    /// Arguments of `verify`.
    #[command(flatten)]
    pub verify: VerifyArgs,
}

/// Which existing results are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OverwriteArg {
    /// Those of another flow or another input.
    Changed,
    /// All.
    All,
}

/// Arguments of `benchmark`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "For -m benchmark")]
pub struct BenchmarkArgs {
    /// What to measure
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "WHAT,..",
        default_value = "flow"
    )]
    pub measure: Vec<Measure>,

    /// The commands to measure, with `--measure commands` (default: every one)
    #[arg(long, value_delimiter = ',', value_name = "NAME,..")]
    pub only: Vec<String>,

    /// The largest chunk, with `--measure sizes` (default: until one takes a second)
    #[arg(long, value_name = "COUNT")]
    pub max_samples: Option<usize>,

    /// Draw the time of a chunk by its size (with `--measure sizes`), or the differences of `diff`, as FILE.png or FILE.svg
    #[arg(long, value_name = "FILE", value_parser = located)]
    pub plot: Option<PathBuf>,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// The flow, on chunks of each sample type.
    Flow,
    /// Every command by itself.
    Commands,
    /// The flow on chunks of a thousand samples and powers of ten of that: where a GPU begins to pay.
    Sizes,
}

/// Arguments of `diff`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "For -m diff")]
pub struct DiffArgs {
    /// Largest difference that counts as none, as a part of the row's largest magnitude
    #[arg(long, value_name = "NUMBER", default_value = "1e-5", value_parser = tolerance)]
    pub tolerance: f64,
}

/// Arguments of `verify`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "For -m verify")]
pub struct VerifyArgs {
    /// Compare results with the hashes that runs left beside them, and inputs with those of the manifests
    #[arg(long)]
    pub hashes: bool,

    /// Number of chunks that are computed again without --hashes, evenly from the first to the last; `--device` and
    /// `--precision` choose by what, `--tolerance` what counts as a difference
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u16).range(1..))]
    pub sample: u16,
}

/// Arguments of `render-job`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "For -m render-job")]
pub struct RenderArgs {
    /// Kind of nodes: the overlay of that name in k8s/overlays
    #[arg(long, value_enum, default_value = "cpu")]
    pub pool: Pool,

    /// Where recordings and results are: `pvc:NAME`, or `hostpath:/FOLDER` of the node
    #[arg(long, value_name = "VOLUME", default_value = "pvc:distpy-data")]
    pub volume: Volume,

    /// The folder on this machine that is the volume's root (default: the node's folder, else the folder that holds both
    /// chunks and results)
    #[arg(long, value_name = "FOLDER")]
    pub volume_root: Option<PathBuf>,

    /// The image, with its registry and version (for `gpu-amd` the one with Mesa)
    #[arg(long, value_name = "IMAGE:TAG", value_parser = image)]
    pub image: Option<String>,

    /// The Job's name
    #[arg(long, value_name = "NAME", value_parser = job_name)]
    pub name: Option<String>,

    /// The namespace that it is made in
    #[arg(long, value_name = "NAME", value_parser = namespace)]
    pub namespace: Option<String>,

    /// Number of shards (default: one for each 60 GB and four for each pod, at most one for each chunk and 10,000)
    #[arg(long, value_name = "N", value_parser = shards)]
    pub shards: Option<u32>,

    /// Pods at once (default: 8)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub parallelism: Option<u32>,
}

/// Kinds of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pool {
    /// Nodes without a GPU.
    Cpu,
    /// NVIDIA GPUs, labelled by GPU feature discovery.
    GpuNvidia,
    /// AMD GPUs.
    GpuAmd,
    /// Google Kubernetes Engine.
    Gke,
    /// Amazon Elastic Kubernetes Service.
    Eks,
    /// Azure Kubernetes Service.
    Aks,
}

/// Where a Job's data lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Volume {
    /// A PersistentVolumeClaim.
    Claim(String),
    /// A folder of the node.
    Host(String),
}

impl std::str::FromStr for Volume {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("pvc", name)) => {
                let parts = name.split('.').map(|part| resource_name(part, 63));
                parts.collect::<Result<Vec<_>, _>>()?;
                Ok(Volume::Claim(name.into()))
            }
            Some(("hostpath", path)) if path.starts_with('/') => Ok(Volume::Host(path.into())),
            _ => Err(format!(
                "found \"{text}\", expected pvc:NAME or hostpath:/FOLDER"
            )),
        }
    }
}

/// The name of a Job: its pods' names have the index and more behind it.
fn job_name(text: &str) -> Result<String, String> {
    resource_name(text, 50)
}

fn namespace(text: &str) -> Result<String, String> {
    resource_name(text, 63)
}

/// A name as Kubernetes takes it.
fn resource_name(text: &str, most: usize) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = (1..=most).contains(&text.len())
        && text.chars().all(|c| inner(c) || c == '-')
        && text.starts_with(inner)
        && text.ends_with(inner);
    if fits {
        return Ok(text.into());
    }
    let expected = format!("at most {most} lower case letters, digits and `-` between them");
    Err(format!("found \"{text}\", expected {expected}"))
}

/// An image with a tag that does not move, or a digest: pods of one Job must not differ.
fn image(text: &str) -> Result<String, String> {
    let name = text.rsplit('/').next().unwrap_or_default();
    match name.split_once([':', '@']) {
        Some((name, tag)) if !name.is_empty() && !tag.is_empty() && tag != "latest" => {
            Ok(text.into())
        }
        _ => Err(format!(
            "found \"{text}\", expected an image with a version such as distpy-gpu:{}",
            env!("CARGO_PKG_VERSION")
        )),
    }
}

/// Arguments for runs that nobody watches, and for many that share the work.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "As one of many, or unattended")]
pub struct JobArgs {
    /// Take share I of N of the input files, counted from 0; N is up to 1,000,000. In a Kubernetes Indexed Job the default is
    /// JOB_COMPLETION_INDEX of DISTPY_SHARDS
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,

    /// Begin with the last chunk, as a second run over the same chunks that meets the first in the middle
    #[arg(long)]
    pub reverse: bool,

    /// How results get their names: `auto` tries whether the output folder can rename files, which mounted object stores
    /// cannot
    #[arg(long, value_enum, default_value = "auto")]
    pub commit: CommitArg,

    /// Do not force results onto the disk before they count as finished: faster, for scratch data. After a power failure, files
    /// may be damaged
    #[arg(long)]
    pub no_sync: bool,

    /// Take over the work of a run on another machine that gave no sign of life for so long
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = clap::value_parser!(u32).range(1..))]
    pub claim_expiry: u32,

    /// End with exit code 75 when nothing was done for so long: a multiple of what one chunk takes
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub stall_timeout: Option<u32>,

    /// After SIGTERM or SIGINT, end at once if the work in flight takes longer: less than what the orchestrator waits before it
    /// kills (Kubernetes and Slurm: 30 s)
    #[arg(long, value_name = "SECONDS", default_value = "25", value_parser = clap::value_parser!(u32).range(1..))]
    pub grace_period: u32,

    /// Keep a file of Prometheus metrics up to date
    #[arg(long, value_name = "FILE", value_parser = located)]
    pub metrics_file: Option<PathBuf>,

    /// Serve the same metrics at http://ADDRESS:PORT/metrics. PORT alone is 127.0.0.1:PORT, which only programs of this machine
    /// reach; 0.0.0.0:PORT is open to everyone who reaches the machine, without a password
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = listening)]
    pub metrics_addr: Option<SocketAddr>,

    /// Leave the result as a line of JSON in FILE (default: /dev/termination-log where Kubernetes has put one)
    #[arg(long, value_name = "FILE", value_parser = located)]
    pub termination_log: Option<PathBuf>,

    /// Check the arguments and do nothing
    #[arg(long)]
    pub check_args: bool,
}

const EXAMPLES: &str = "\
Examples:
  Cut a SEG-Y recording into one-second chunks, then make its noise log:
    distpy-gpu -m segy_ingest -f recording.sgy -c system.json
    distpy-gpu -m strainrate2summary -c system.json

  The same on the CPU in double precision, with distpy's own numbers:
    distpy-gpu -m strainrate2summary -c system.json --device cpu --precision f64 --compat distpy

  Which GPUs are there, and is one worth it?
    distpy-gpu -m devices
    distpy-gpu -m benchmark

Exit codes are listed by `-m exit-codes`.";

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceArg {
    /// A hardware GPU if there is one, else the CPU.
    Auto,
    /// A hardware GPU, or an error.
    Gpu,
    /// The CPU.
    Cpu,
    /// A software Vulkan adapter, or an error.
    Software,
}

/// How results get their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CommitArg {
    /// As the folder allows.
    Auto,
    /// Written beside their names and renamed.
    Rename,
    /// Copied to their names in one go.
    Put,
}

/// Precision on the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrecisionArg {
    /// By the stored samples.
    Auto,
    /// Single.
    F32,
    /// Double.
    F64,
}

/// Whose numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompatArg {
    /// distpy 1.32.3's.
    Distpy,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A whole number of 1 to `most`, or what to give.
fn whole(text: &str, most: u64, advice: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|n| (1..=most).contains(n));
    number.ok_or_else(|| format!("found \"{text}\", expected 1 to {most}; {advice}"))
}

fn tolerance(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    let number = number.filter(|it: &f64| it.is_finite() && *it >= 0.0);
    number.ok_or_else(|| format!("found \"{text}\", expected a number from 0 on, such as 1e-5"))
}

fn max_memory(text: &str) -> Result<u64, String> {
    let bytes = parse_bytes(text)?;
    match bytes >= LEAST_MEMORY {
        true => Ok(bytes),
        false => Err(format!("found \"{text}\", expected 100MB or more")),
    }
}

fn threads(text: &str) -> Result<usize, String> {
    let advice = "leave --threads out for one thread per processor";
    whole(text, MOST_THREADS, advice).map(|n| n as usize)
}

fn shards(text: &str) -> Result<u32, String> {
    let advice = "leave --shards out for a number that fits the chunks";
    whole(text, shard::MOST as u64, advice).map(|n| n as u32)
}

/// Seconds of 0 to a day, with a fraction or without.
fn seconds(text: &str) -> Result<Duration, String> {
    let number: Option<f64> = text.parse().ok();
    let number = number.filter(|n| (0.0..=86_400.0).contains(n));
    number
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("found \"{text}\", expected seconds from 0 to 86400"))
}

/// An address to listen at. Metrics have no password, so a port alone is not open to other machines.
fn listening(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    match (text.parse(), port.parse()) {
        (Ok(address), _) => Ok(address),
        (_, Ok(port)) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        _ => Err(format!(
            "found \"{text}\", expected ADDRESS:PORT such as 127.0.0.1:9100, or PORT"
        )),
    }
}

/// A path of this machine, or the URL of one in a store.
fn located(text: &str) -> Result<PathBuf, String> {
    store::path(text)
}

fn located_text(text: &str) -> Result<String, String> {
    located(text).map(|path| path.display().to_string())
}
