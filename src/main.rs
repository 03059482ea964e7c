//! The program: arguments, a module, an exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use distpy_gpu::cli::{Cli, LogFormat};
use distpy_gpu::exit::{self, Code};
use distpy_gpu::modules::{self, Failure};
use distpy_gpu::pipeline::stop::Stop;

fn main() -> ExitCode {
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
    start_log(&cli);
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let what = info.payload_as_str().unwrap_or("no message");
        tracing::error!(
            "a defect of distpy-gpu {}: {what} at {place}",
            env!("CARGO_PKG_VERSION")
        );
    }));
    let code = std::panic::catch_unwind(|| run(&cli)).unwrap_or(exit::INTERNAL);
    ExitCode::from(code.code)
}

fn run(cli: &Cli) -> Code {
    let Some(module) = modules::ALL.iter().find(|m| m.name == cli.module) else {
        let names: Vec<_> = modules::ALL.iter().map(|m| m.name).collect();
        tracing::error!(
            "unknown module \"{}\"; expected one of {}",
            cli.module,
            names.join(", ")
        );
        return exit::USAGE;
    };
    let stop = match Stop::on_signals() {
        Ok(stop) => stop,
        Err(e) => {
            tracing::error!("signal handlers: {e}");
            return exit::INTERNAL;
        }
    };
    match (module.run)(cli, &stop) {
        Ok(code) => code,
        Err(failure) => {
            report(&failure);
            failure.code()
        }
    }
}

/// One log line for each finding.
fn report(failure: &Failure) {
    failure
        .to_string()
        .lines()
        .for_each(|line| tracing::error!("{line}"));
}

fn start_log(cli: &Cli) {
    use tracing_subscriber::EnvFilter;
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
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match cli.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder
            .without_time()
            .with_ansi(std::io::stderr().is_terminal())
            .init(),
    }
}
