//! The modules: one file per `-m MODULE`, and this list of them.

mod benchmark;
mod commands;
mod device;
#[cfg(feature = "gpu")]
pub mod devices;
mod exit_codes;
mod ingest;
mod list;
mod strainrate2summary;
mod synthesize;

use std::path::{Path, PathBuf};

use crate::cli::{Cli, CompatArg};
use crate::command::Compat;
use crate::config::{Problems, System, Workflow};
use crate::exit::{self, Code};
use crate::formats::FormatError;
use crate::pipeline::output::OutputError;
use crate::pipeline::stop::Stop;

/// One module.
#[derive(Debug)]
pub struct Module {
    /// Its name after `-m`.
    pub name: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
    /// Runs it.
    pub run: fn(&Cli, &Stop) -> Result<Code, Failure>,
}

/// Every module.
pub static ALL: &[Module] = &[
    Module {
        name: "segy_ingest",
        summary: "Cuts SEG-Y recordings into one-second chunks",
        run: ingest::segy,
    },
    #[cfg(feature = "hdf5")]
    Module {
        name: "ingest_h5",
        summary: "Cuts HDF5 recordings into one-second chunks",
        run: ingest::hdf5,
    },
    Module {
        name: "strainrate2summary",
        summary: "Runs a command file on every chunk",
        run: strainrate2summary::run,
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
    /// Another run is at work.
    #[error("{0}")]
    Busy(String),
}

impl Failure {
    /// The exit code that tells of it.
    pub fn code(&self) -> Code {
        match self {
            Failure::Usage(_) => exit::USAGE,
            Failure::Config(_) => exit::CONFIG,
            Failure::Data(_) => exit::DATA,
            Failure::Device(_) => exit::DEVICE,
            Failure::Io(_) => exit::IO,
            Failure::Busy(_) => exit::TEMPORARY,
        }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Busy { .. } => Failure::Busy(error.to_string()),
            OutputError::Io { .. } => Failure::Io(error.to_string()),
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
fn system(cli: &Cli) -> Result<System, Failure> {
    let path = cli.config.as_deref().ok_or_else(|| {
        Failure::Usage(format!(
            "module `{}` needs a system configuration; give one with -c CONFIG.json",
            cli.module
        ))
    })?;
    let system = System::parse(path, &read_text(path)?)?;
    system.warnings.iter().for_each(|w| tracing::warn!("{w}"));
    Ok(system)
}

/// Reads a configuration file.
fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|e| Failure::Config(Problems::single(path, "", e.to_string())))?;
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

/// Sets the number of worker threads, where one is asked for.
fn set_threads(cli: &Cli, system: &System) -> Result<(), Failure> {
    let Some(threads) = cli.threads.map(usize::from).or(system.threads) else {
        return Ok(());
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|e| Failure::Usage(format!("--threads {threads}: {e}")))
}

/// Reads the command file that a system configuration names: relative to the working directory, as distpy has it, or beside the
/// configuration that it moved with.
fn flow(system: &System) -> Result<Option<Workflow>, Failure> {
    let Some(path) = system.config.as_deref() else {
        return Ok(None);
    };
    let beside = system.file.parent().map(|folder| folder.join(path));
    let beside = beside.filter(|beside| !path.exists() && beside.exists());
    let path = beside.as_deref().unwrap_or(path);
    Ok(Some(Workflow::parse(path, &read_text(path)?)?))
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
