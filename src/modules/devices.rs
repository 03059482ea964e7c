//! `-m devices`: the adapters, and which one `auto` takes and why.

use std::fmt::Write;

use serde_json::json;

use super::{Failure, list};
use crate::cli::Cli;
use crate::exit::Code;
use crate::gpu::adapter::{self, AdapterInfo, Want};
use crate::pipeline::monitor::Monitor;

pub fn run(cli: &Cli, _: &Monitor) -> Result<Code, Failure> {
    let adapters = adapter::list();
    let (taken, why) = match adapter::choose(Want::Auto, cli.adapter.as_deref()) {
        Ok(choice) => (Some(choice.info.index), choice.why),
        Err(reason) => (None, reason.to_string()),
    };
    let mut text = String::new();
    if adapters.is_empty() {
        let _ = writeln!(
            text,
            "  no adapter: no Vulkan loader, or a loader without a driver"
        );
    }
    for info in &adapters {
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
    let cpu = format!("the CPU, {} threads", rayon::current_num_threads());
    let device = taken.map_or(cpu, |index| format!("adapter {index}"));
    let _ = writeln!(text, "  auto takes {device}: {why}");
    let value = json!({ "adapters": adapters, "auto": taken, "why": why, "cpu_threads": rayon::current_num_threads() });
    list::show(cli, &text, &value)
}
