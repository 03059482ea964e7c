//! `-m devices`: the adapters, which one `auto` takes and why, and what keeps a GPU from being listed.

pub mod diagnose;
pub mod facts;
pub mod libraries;
pub mod manifests;
pub mod nodes;
mod read;
mod text;

use std::fmt::Write;

use serde_json::json;

use super::{Failure, list, start_threads};
use crate::cli::{Cli, DeviceArg};
use crate::exit::Code;
use crate::gpu::adapter::{self, AdapterInfo, Want};
use crate::pipeline::limits;
use crate::pipeline::monitor::Monitor;
use diagnose::diagnose;
use facts::Facts;

/// Lists the adapters, the facts and the findings. A device that is asked for and not there is a failure.
///
/// # Errors
/// [`Failure::Device`] where `--device gpu` or `software` finds none.
pub fn run(cli: &Cli, _: &Monitor) -> Result<Code, Failure> {
    start_threads(cli.threads)?;
    let adapters = adapter::list();
    let (taken, why) = match adapter::choose(Want::Auto, cli.adapter.as_deref()) {
        Ok(choice) => (Some(choice.info.index), choice.why),
        Err(reason) => (None, reason.to_string()),
    };
    let facts = Facts::here();
    let findings = facts
        .as_ref()
        .map(|facts| diagnose(facts, &adapters))
        .unwrap_or_default();
    let threads = rayon::current_num_threads();
    let mut text = listed(&adapters);
    let cpu = format!("the CPU, {threads} threads");
    let device = taken.map_or(cpu, |index| format!("adapter {index}"));
    let _ = writeln!(text, "  auto takes {device}: {why}");
    let memory = limits::memory();
    if let Some(bytes) = memory {
        let _ = writeln!(text, "  memory is limited to {} MiB", bytes >> 20);
    }
    if let Some(facts) = &facts {
        text::facts(&mut text, facts);
        text::findings(&mut text, &findings);
    }
    let value = json!({
        "adapters": adapters, "auto": taken, "why": why, "cpu_threads": threads, "memory_limit": memory,
        "facts": facts, "findings": findings,
    });
    let code = list::show(cli, &text, &value)?;
    let want = match cli.device {
        Some(DeviceArg::Gpu) => Want::Gpu,
        Some(DeviceArg::Software) => Want::Software,
        Some(DeviceArg::Auto | DeviceArg::Cpu) | None => return Ok(code),
    };
    adapter::choose(want, cli.adapter.as_deref())
        .map(|_| code)
        .map_err(|reason| Failure::Device(reason.to_string()))
}

fn listed(adapters: &[AdapterInfo]) -> String {
    let mut text = String::new();
    if adapters.is_empty() {
        let _ = writeln!(text, "  no adapter");
    }
    for info in adapters {
        let AdapterInfo { limits, .. } = info;
        let _ = writeln!(text, "  {info}");
        let _ = writeln!(text, "     driver              {}", info.driver);
        let _ = writeln!(
            text,
            "     workgroup           {} invocations, {} bytes of memory",
            limits.invocations, limits.workgroup_storage
        );
        let _ = writeln!(
            text,
            "     largest binding     {} MiB of a buffer of {} MiB",
            limits.binding >> 20,
            limits.buffer >> 20
        );
        let _ = writeln!(
            text,
            "     abilities           {}",
            info.features.join(", ")
        );
    }
    text
}
