//! The modules: one file per `-m MODULE`, and this list of them.

mod average_fbe;
mod benchmark;
mod chunks;
mod commands;
mod device;
#[cfg(feature = "gpu")]
pub mod devices;
mod diff;
mod dirswap;
mod document;
mod each;
mod exit_codes;
mod ingest;
mod ingest_csv;
mod ingest_witsml;
mod las2fbe;
mod list;
mod plotgenerator;
mod render_job;
mod report;
mod strainrate2summary;
mod synthesize;
mod tally;
mod template;
mod timeshift;
mod verify;

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::{Cli, CommitArg, CompatArg};
use crate::command::Compat;
use crate::config::{MOST_THREADS, Problems, System, Workflow};
use crate::exit::{self, Code};
use crate::formats::FormatError;
use crate::pipeline::inputs::Input;
use crate::pipeline::monitor::{Monitor, Outlets, share_name};
use crate::pipeline::origin::OriginError;
use crate::pipeline::output::{Commit, Folder, OutputError, Protected, Sharing};
use crate::pipeline::reader::Unready;
use crate::pipeline::shard::Shard;
use crate::pipeline::thread;
use crate::store;

/// One module.
#[derive(Debug)]
pub struct Module {
    /// Its name after `-m`.
    pub name: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
    /// Runs it.
    pub run: fn(&Cli, &Monitor) -> Result<Code, Failure>,
}

/// Every module.
pub static ALL: &[Module] = &[
    Module {
        name: "ingest",
        summary: "Cuts recordings of any format into chunks",
        run: ingest::run,
    },
    Module {
        name: "segy_ingest",
        summary: "The same as ingest, by distpy's name for SEG-Y",
        run: ingest::run,
    },
    Module {
        name: "ingest_h5",
        summary: "The same as ingest, by distpy's name for HDF5",
        run: ingest::run,
    },
    Module {
        name: "ingest_tdms",
        summary: "The same as ingest, by a name for TDMS",
        run: ingest::run,
    },
    Module {
        name: "ingest_witsml",
        summary: "Puts logs of many times together: one array for each curve",
        run: ingest_witsml::run,
    },
    Module {
        name: "ingest_csv",
        summary: "Tables of comma-separated values into WITSML logs or arrays, as the configuration describes them",
        run: ingest_csv::any,
    },
    Module {
        name: "csv2fbe",
        summary: "A table of a row for each time and depth into a WITSML log for each time",
        run: ingest_csv::fbe,
    },
    Module {
        name: "csv2dts",
        summary: "A table of a row for each depth and a column for each time into WITSML logs or one array",
        run: ingest_csv::dts,
    },
    Module {
        name: "las2fbe",
        summary: "LAS 2.0 files into WITSML logs",
        run: las2fbe::run,
    },
    Module {
        name: "averageFBE",
        summary: "The mean and the standard deviation of WITSML logs up to each of them, as logs",
        run: average_fbe::run,
    },
    Module {
        name: "timeshift",
        summary: "Results under names and times that are some hours later or earlier",
        run: timeshift::run,
    },
    Module {
        name: "dirswap",
        summary: "Results in a folder for each time into a folder for each result",
        run: dirswap::run,
    },
    Module {
        name: "template",
        summary: "A text file with its variables filled in",
        run: template::run,
    },
    Module {
        name: "strainrate2summary",
        summary: "Runs a command file on every chunk",
        run: strainrate2summary::run,
    },
    Module {
        name: "plotgenerator",
        summary: "Draws results as a plots file asks: well logs, stacks, colour composites",
        run: plotgenerator::run,
    },
    Module {
        name: "document",
        summary: "Describes a command file: Graphviz, LaTeX, Markdown, and a drawing of where each command runs",
        run: document::run,
    },
    Module {
        name: "diff",
        summary: "Compares two folders of results by their numbers, in a table and a picture",
        run: diff::run,
    },
    Module {
        name: "verify",
        summary: "Checks results by computing some of them again, or by the hashes that were recorded",
        run: verify::run,
    },
    Module {
        name: "report",
        summary: "A run as one HTML page: its logs to look into, its pictures, its flow, its warnings",
        run: report::run,
    },
    Module {
        name: "render-job",
        summary: "Writes a Kubernetes Job over the chunks of a configuration",
        run: render_job::run,
    },
    Module {
        name: "synthesize",
        summary: "Makes a realistic recording as SEG-Y, HDF5 or chunks",
        run: synthesize::run,
    },
    Module {
        name: "benchmark",
        summary: "Measures a flow on the CPU and on every GPU",
        run: benchmark::run,
    },
    #[cfg(feature = "gpu")]
    Module {
        name: "devices",
        summary: "Lists the adapters, which one `auto` takes, and why no GPU is found",
        run: devices::run,
    },
    Module {
        name: "commands",
        summary: "Lists the commands of a command file",
        run: commands::run,
    },
    Module {
        name: "exit-codes",
        summary: "Lists the program's exit codes",
        run: exit_codes::run,
    },
    Module {
        name: "modules",
        summary: "Lists the modules",
        run: list::run,
    },
];

/// Why a module stopped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A configuration is wrong.
    #[error("{0}")]
    Config(#[from] Problems),
    /// An input is bad.
    #[error("{0}")]
    Data(String),
    /// The device that was asked for is not there, or failed.
    #[error("{0}")]
    Device(String),
    /// Reading or writing failed.
    #[error("{0}")]
    Io(String),
    /// The output folder has results of another flow.
    #[error("{0}")]
    Origin(String),
    /// The program is wrong.
    #[error("{0}")]
    Defect(String),
}

impl Failure {
    /// The exit code that tells of it.
    pub fn code(&self) -> Code {
        match self {
            Failure::Usage(_) => exit::USAGE,
            Failure::Config(_) | Failure::Origin(_) => exit::CONFIG,
            Failure::Data(_) => exit::DATA,
            Failure::Device(_) => exit::DEVICE,
            Failure::Io(_) => exit::IO,
            Failure::Defect(_) => exit::INTERNAL,
        }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Failure::Io(error.to_string())
    }
}

impl From<OriginError> for Failure {
    fn from(error: OriginError) -> Self {
        match error {
            OriginError::Other(line) => Failure::Origin(line),
            OriginError::Output(error) => error.into(),
        }
    }
}

impl From<Unready> for Failure {
    fn from(unready: Unready) -> Self {
        match unready {
            Unready::Data(line) => Failure::Data(line),
            Unready::Io(line) => Failure::Io(line),
            Unready::Plan(problems) => Failure::Config(problems),
            short @ Unready::TooShort { .. } => Failure::Data(short.to_string()),
        }
    }
}

impl From<FormatError> for Failure {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Io { .. } => Failure::Io(error.to_string()),
            _ => Failure::Data(error.to_string()),
        }
    }
}

/// Reads the system configuration that a module cannot do without.
fn system(cli: &Cli, monitor: &Monitor) -> Result<System, Failure> {
    let path = cli.config.as_deref().ok_or_else(|| {
        Failure::Usage(format!(
            "module `{}` needs a system configuration; give one with -c CONFIG.json",
            cli.module
        ))
    })?;
    let text = read_text(path)?;
    monitor.manifest.configuration(path, &text);
    let system = System::parse(path, &text)?;
    system.warnings.iter().for_each(|w| tracing::warn!("{w}"));
    Ok(system)
}

/// Reads a configuration file.
fn read_text(path: &Path) -> Result<String, Failure> {
    // A shell gives a pipe for what another program writes: `-c <(jq ...)`.
    let bytes = match store::is_remote(path) {
        true => store::read(path),
        false => std::fs::read(path),
    };
    let bytes = bytes.map_err(|e| Failure::Config(Problems::single(path, "", e.to_string())))?;
    String::from_utf8(bytes).map_err(|e| {
        Failure::Config(Problems::single(
            path,
            "",
            format!("not UTF-8 text at byte {}", e.utf8_error().valid_up_to()),
        ))
    })
}

/// The folder of the results.
fn output_folder(cli: &Cli, system: &System) -> Result<PathBuf, Failure> {
    cli.output
        .clone()
        .or_else(|| system.output.clone())
        .ok_or_else(|| {
            let expected =
                "missing; expected a folder, or `out_drive` with `project` and `results`";
            Failure::Config(Problems::single(&system.file, "out_directory", expected))
        })
}

/// Where a run tells of itself.
pub fn outlets(cli: &Cli) -> Outlets {
    let job = &cli.job;
    Outlets {
        metrics_file: job.metrics_file.clone(),
        metrics_addr: job.metrics_addr,
        termination_log: job.termination_log.clone(),
        stall: job.stall_timeout.map(|s| Duration::from_secs(s.into())),
        grace: Some(Duration::from_secs(job.grace_period.into())),
    }
}

/// Which share of the input files this process takes; `None` for all.
///
/// # Errors
/// When a Job's environment names no share.
pub fn shard(cli: &Cli) -> Result<Option<Shard>, Failure> {
    if cli.job.shard.is_some() {
        return Ok(cli.job.shard);
    }
    let variable = |name: &str| std::env::var(name).ok();
    let [index, count] = ["JOB_COMPLETION_INDEX", "DISTPY_SHARDS"].map(variable);
    Shard::of_job(index.as_deref(), count.as_deref()).map_err(Failure::Usage)
}

/// What the user gave: files, folders and globs, or the configuration's input folder, which holds `what`.
fn given(cli: &Cli, system: &System, what: &str) -> Result<Vec<String>, Failure> {
    match (&cli.files[..], &system.input) {
        ([], Some(folder)) => Ok(vec![folder.display().to_string()]),
        ([], None) => {
            let expected = format!("missing; expected the folder of {what}, or files after -f");
            Err(Problems::single(&system.file, "in_directory", expected).into())
        }
        (files, _) => Ok(files.to_vec()),
    }
}

/// The files of this process's share; the manifest lists them.
fn share(cli: &Cli, monitor: &Monitor, files: Vec<Input>) -> Result<Vec<Input>, Failure> {
    let files = share_by(cli, monitor, files, Input::size)?;
    monitor
        .manifest
        .inputs(files.iter().map(|file| &*file.path));
    Ok(files)
}

/// This process's share of the work.
fn share_by<T>(
    cli: &Cli,
    monitor: &Monitor,
    all: Vec<T>,
    size: impl Fn(&T) -> u64,
) -> Result<Vec<T>, Failure> {
    let Some(shard) = shard(cli)? else {
        return Ok(all);
    };
    monitor.meter.set_shard(shard);
    let sizes: Vec<u64> = all.iter().map(size).collect();
    let count = all.len();
    let mine: Vec<T> = all
        .into_iter()
        .zip(shard.of(&sizes))
        .filter_map(|(it, mine)| mine.then_some(it))
        .collect();
    tracing::info!("shard {shard}: {} of {count} files", mine.len());
    Ok(mine)
}

/// Joins the runs that write to the output folder, which holds no inputs.
fn join(cli: &Cli, monitor: &Monitor, output: &Path, inputs: Protected) -> Result<Folder, Failure> {
    if inputs.has_folder(output) {
        return Err(Failure::Usage(format!(
            "{}: found the folder of the inputs as the output folder, expected another one (-o or out_directory): results could \
             replace inputs, and be taken for them",
            output.display()
        )));
    }
    let sharing = Sharing {
        commit: match cli.job.commit {
            CommitArg::Auto => None,
            CommitArg::Rename => Some(Commit::Rename),
            CommitArg::Put => Some(Commit::Put),
        },
        expiry: Duration::from_secs(cli.job.claim_expiry.into()),
        sync: !cli.job.no_sync,
        hash_all: cli.hash,
    };
    let folder = Folder::join_beside(output, &sharing, inputs)?;
    let share = share_name(shard(cli)?, cli.job.reverse);
    monitor.keep(&folder, &cli.module, &share);
    Ok(folder)
}

/// Sets the number of worker threads, where one is asked for.
fn set_threads(cli: &Cli, system: &System) -> Result<(), Failure> {
    start_threads(cli.threads.or(system.threads))
}

/// Starts the worker threads: so many, or one per processor.
fn start_threads(threads: Option<usize>) -> Result<(), Failure> {
    // Without --threads, rayon takes the variable's number without a limit.
    const VARIABLE: &str = "RAYON_NUM_THREADS";
    let variable = std::env::var(VARIABLE).ok();
    let variable = variable.and_then(|text| text.parse::<u64>().ok());
    if let (None, Some(many)) = (threads, variable.filter(|&it| it > MOST_THREADS)) {
        let expected = format!("at most {MOST_THREADS}; leave it out for one per processor");
        return Err(Failure::Usage(format!(
            "{VARIABLE}: found {many}, expected {expected}"
        )));
    }
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = threads {
        pool = pool.num_threads(threads);
    }
    // Also with the default number: rayon would start the threads at the first command that needs them, and panic where it cannot.
    match (pool.build_global(), threads) {
        (Ok(()), _) => Ok(()),
        (Err(e), _) if e.source().is_some() => Err(Failure::Io(
            thread::refused("worker", &io::Error::other(e)).to_string(),
        )),
        // The threads were started before.
        (Err(_), None) => Ok(()),
        (Err(e), Some(threads)) => Err(Failure::Usage(format!("--threads {threads}: {e}"))),
    }
}

/// Reads the command file that a system configuration names.
fn flow(monitor: &Monitor, system: &System) -> Result<Option<Workflow>, Failure> {
    let Some(path) = config_path(system) else {
        return Ok(None);
    };
    let text = read_text(&path)?;
    monitor.manifest.configuration(&path, &text);
    Ok(Some(Workflow::parse(&path, &text)?))
}

/// The file that a system configuration names: relative to the working directory, as distpy has it, or beside the configuration
/// that it moved with.
fn config_path(system: &System) -> Option<PathBuf> {
    let path = system.config.as_deref()?;
    let beside = system.file.parent().map(|folder| folder.join(path));
    let beside = beside.filter(|beside| !store::exists(path) && store::exists(beside));
    Some(beside.unwrap_or_else(|| path.to_path_buf()))
}

/// Whose numbers are wanted, by the command line or either configuration.
fn compat(cli: &Cli, system: &System, flow: Option<&Workflow>) -> Result<Compat, Failure> {
    let wish = |file: &Path, key: &str, value: Option<&String>| match value.map(String::as_str) {
        None => Ok(false),
        Some("distpy" | "distpy-1.32.3") => Ok(true),
        Some(other) => {
            let found = format!("found \"{other}\", expected \"distpy\"");
            Err(Problems::single(file, key, found))
        }
    };
    let configured = wish(
        &system.file,
        "distpy_gpu.compat",
        system.gpu.compat.as_ref(),
    )?;
    let in_flow = flow.map_or(Ok(false), |flow| {
        wish(&flow.file, "compat", flow.compat.as_ref())
    })?;
    let asked = cli.compat == Some(CompatArg::Distpy);
    Ok(if asked || configured || in_flow {
        Compat::Distpy
    } else {
        Compat::Exact
    })
}
