//! The program: arguments, a module, an exit code.

use std::io::IsTerminal;
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::Parser;
use distpy_gpu::cli::{Cli, LogFormat};
use distpy_gpu::exit::{self, Code};
use distpy_gpu::modules::{self, Failure};
use distpy_gpu::pipeline::monitor::{Journal, Monitor};

/// Keeps the memory of a chunk's blocks for the next chunk. The system's allocator gives it back each time, and touching new pages then
/// takes longer than most commands.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(all(unix, feature = "hdf5"))]
    {
        use distpy_gpu::formats::hdf5::trial;
        if std::env::args_os()
            .nth(1)
            .is_some_and(|it| it == trial::ARGUMENT)
        {
            return trial::serve().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
        }
        // On Linux, that is this program even where its file was replaced. A system that does not tell its name opens files
        // without a trial.
        let program = match cfg!(target_os = "linux") {
            true => Ok("/proc/self/exe".into()),
            false => std::env::current_exe(),
        };
        if let Ok(program) = program {
            trial::use_program(program);
        }
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let code = if e.use_stderr() {
                exit::USAGE
            } else {
                exit::OK
            };
            let _ = e.print();
            return ExitCode::from(code.code);
        }
    };
    let journal = Journal::default();
    start_log(&cli, journal.clone());
    std::panic::set_hook(Box::new(on_panic));
    ExitCode::from(run(&cli, journal).code)
}

/// Reports a defect. wgpu panics where a driver loses its device, which the engine catches and returns as an error that is
/// reported elsewhere: such a panic is held back.
fn on_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let what = info.payload_as_str().unwrap_or("no message");
    let version = env!("CARGO_PKG_VERSION");
    let defect = format!("a defect of distpy-gpu {version}: {what} at {place}");
    if is_in_wgpu(&place) {
        *held_back() = Some(defect);
    } else {
        tracing::error!("{defect}");
    }
}

fn held_back() -> MutexGuard<'static, Option<String>> {
    static HELD_BACK: Mutex<Option<String>> = Mutex::new(None);
    HELD_BACK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a source file belongs to one of wgpu's crates.
fn is_in_wgpu(file: &str) -> bool {
    file.split(['/', '\\']).any(|part| part.starts_with("wgpu"))
}

fn run(cli: &Cli, journal: Journal) -> Code {
    let Some(module) = modules::ALL.iter().find(|m| m.name == cli.module) else {
        let names: Vec<_> = modules::ALL.iter().map(|m| m.name).collect();
        tracing::error!(
            "unknown module \"{}\"; expected one of {}",
            cli.module,
            names.join(", ")
        );
        return exit::USAGE;
    };
    if cli.job.check_args {
        return modules::shard(cli).map_or_else(|failure| report(&failure), |_| exit::OK);
    }
    if let Some(name) = cli.names.first().filter(|_| module.name != "commands") {
        tracing::error!(
            "found \"{name}\", which `-m {}` does not take; inputs are named after -f",
            module.name
        );
        return exit::USAGE;
    }
    let monitor = match Monitor::start(module.name, modules::outlets(cli), journal) {
        Ok(monitor) => monitor,
        Err(e) => {
            tracing::error!("{e}");
            return exit::IO;
        }
    };
    monitor.manifest.set_hash_all(cli.hash);
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| (module.run)(cli, &monitor)));
    let (code, error) = match result {
        Ok(Ok(code)) => (code, monitor.meter.first_error().unwrap_or_default()),
        Ok(Err(failure)) => (report(&failure), failure.to_string()),
        Err(_) => {
            // A panic of wgpu that was not caught on the way after all.
            let held_back = held_back().take();
            held_back
                .iter()
                .for_each(|defect| tracing::error!("{defect}"));
            (
                exit::INTERNAL,
                held_back.unwrap_or_else(|| "a defect, see the log".into()),
            )
        }
    };
    monitor.end(code, &error);
    code
}

/// One log line for each finding; the code that tells of them.
fn report(failure: &Failure) -> Code {
    failure
        .to_string()
        .lines()
        .for_each(|line| tracing::error!("{line}"));
    failure.code()
}

fn start_log(cli: &Cli, journal: Journal) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::{Layer, SubscriberExt};
    use tracing_subscriber::util::SubscriberInitExt;
    use tracing_subscriber::{EnvFilter, fmt, registry};
    let level = match (cli.quiet, cli.verbose) {
        (true, _) => "error",
        (_, 0) => "info",
        (_, 1) => "debug",
        _ => "trace",
    };
    // Dependencies speak up only when something is wrong; wgpu's own warnings are repeated by our errors.
    let filter = EnvFilter::try_from_env("DISTPY_GPU_LOG").unwrap_or_else(|_| {
        EnvFilter::new(format!(
            "error,wgpu=off,wgpu_hal=off,wgpu_core=off,distpy_gpu={level}"
        ))
    });
    // The manifest has what went wrong, whatever is shown.
    let own = Targets::new().with_target("distpy_gpu", LevelFilter::WARN);
    let log = registry().with(journal.with_filter(own));
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    match cli.log_format {
        LogFormat::Json => log
            .with(lines.json().flatten_event(true).with_filter(filter))
            .init(),
        LogFormat::Text => log
            .with(
                lines
                    .without_time()
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_filter(filter),
            )
            .init(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn panics_of_wgpu_are_told_from_defects() {
        for (place, expected) in [
            (
                "/cargo/registry/src/index-1/wgpu-30.0.1/src/api/device.rs:1:2",
                true,
            ),
            (
                r"C:\registry\src\index-1\wgpu-core-30.0.1\src\lib.rs:1:2",
                true,
            ),
            ("src/gpu/engine/program.rs:1:2", false),
            ("", false),
        ] {
            assert_eq!(super::is_in_wgpu(place), expected, "{place}");
        }
    }
}
