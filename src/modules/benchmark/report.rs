//! What was measured: as JSON, and as a table of at most 110 columns.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::chunks::{Batch, Chunks};
use super::commands::{CommandTable, Listing};
use super::flow::Flow;
use super::sizes::Sizes;
use super::timing::Timing;
#[cfg(feature = "gpu")]
use crate::execute::gpu::Traffic;

/// Everything, with what is needed to measure it again. Times are in seconds, sizes in bytes; what could not be measured is null.
#[derive(Debug, Serialize)]
pub struct Report {
    program: &'static str,
    version: &'static str,
    date: String,
    command: Vec<String>,
    machine: Machine,
    flow: Commands,
    /// `synthetic` or `files`.
    chunks: &'static str,
    adapters: Vec<Adapter>,
    /// The flow: one for each type of stored samples.
    pub tables: Vec<Table>,
    /// Single commands.
    pub commands: Vec<CommandTable>,
    /// The flow by the size of chunks.
    pub sizes: Option<Sizes>,
}

#[derive(Debug, Serialize)]
struct Machine {
    cpu: String,
    threads: usize,
    system: &'static str,
    architecture: &'static str,
}

#[derive(Debug, Serialize)]
struct Commands {
    file: String,
    commands: Vec<&'static str>,
}

/// A GPU, or the lack of one.
#[derive(Debug, Serialize)]
pub struct Adapter {
    /// Its number and name, as `-m devices` has them.
    pub device: String,
    /// What `-m devices --json` tells of it.
    pub info: Value,
    /// How fast it moves bytes.
    pub rates: Option<Rates>,
    /// Why it was not measured.
    pub error: Option<String>,
}

/// Measured rates in bytes per second.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rates {
    /// Bytes read plus bytes written when the device copies its own memory.
    pub copy: f64,
    /// From the host to the device.
    pub upload: f64,
    /// From the device to the host.
    pub download: f64,
}

/// Every backend on chunks of one type.
#[derive(Debug, Serialize)]
pub struct Table {
    dtype: &'static str,
    /// Of a chunk.
    pub channels: usize,
    /// Of a channel.
    pub samples: usize,
    chunk_bytes: usize,
    /// Different chunks; a run is one pass over them.
    chunks: usize,
    /// The CPU in both precisions, then GPUs.
    pub rows: Vec<Row>,
}

/// One backend.
#[derive(Debug, Serialize)]
pub struct Row {
    /// `CPU`, or the adapter's name.
    pub device: String,
    /// The adapter's index; none for the CPU.
    pub adapter: Option<usize>,
    /// `f32` or `f64`.
    pub precision: &'static str,
    /// Why it was not measured; what follows is missing then.
    error: Option<String>,
    #[serde(flatten)]
    measurement: Option<Measurement>,
}

/// What a backend reached.
#[derive(Debug, Serialize)]
pub struct Measurement {
    /// Per chunk, end to end: the median of the runs.
    seconds: f64,
    seconds_min: f64,
    seconds_of_runs: Vec<f64>,
    input_bytes_per_s: f64,
    /// Times the CPU's rate in the same precision.
    speedup: f64,
    /// From the CPU in double precision, over the largest number of each block that is written.
    largest_difference: Option<f64>,
    upload_bytes: Option<u64>,
    download_bytes: Option<u64>,
    /// Of the seconds, what the slower of upload and download takes at the measured rates.
    share_of_transfer_rate: Option<f64>,
    /// Read and written by kernels, each array once for each kernel that has it.
    kernel_bytes: Option<u64>,
    kernels: Option<Kernels>,
}

#[derive(Debug, Serialize)]
struct Kernels {
    /// Per chunk: the median of the runs.
    seconds: f64,
    input_bytes_per_s: f64,
    /// The bytes that must move, uploaded ones read once and downloaded ones written once, over the time, as a part of the
    /// device's rate of copying.
    share_of_copy_rate: f64,
}

impl Report {
    /// What was measured now on this machine.
    pub fn new(flow: &Flow, chunks: &Chunks, adapters: Vec<Adapter>) -> Self {
        Self {
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            date: Timestamp::now().to_string(),
            command: std::env::args().collect(),
            machine: Machine {
                cpu: cpu_model(),
                threads: rayon::current_num_threads(),
                system: std::env::consts::OS,
                architecture: std::env::consts::ARCH,
            },
            flow: Commands {
                file: flow.file.display().to_string(),
                commands: flow.commands(),
            },
            chunks: chunks.origin(),
            adapters,
            tables: Vec::new(),
            commands: Vec::new(),
            sizes: None,
        }
    }

    /// Why a GPU was not measured, if one was not.
    pub fn failure(&self) -> Option<&str> {
        let sizes = self.sizes.iter().flat_map(|sizes| &sizes.tables);
        let commands = self.commands.iter().map(CommandTable::table);
        let tables = self.tables.iter().chain(commands).chain(sizes);
        let rows = tables.flat_map(|table| &table.rows);
        let failed = rows.filter_map(|row| row.error.as_ref());
        let missing = self.adapters.iter().filter_map(|a| a.error.as_ref());
        missing.chain(failed).next().map(String::as_str)
    }
}

/// The processor's name where the system tells it.
fn cpu_model() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = model.map(|line| line.trim_start_matches([' ', '\t', ':']));
    name.unwrap_or("unknown").to_string()
}

impl Adapter {
    /// None of the wanted kind.
    pub fn missing(reason: String) -> Self {
        Self {
            device: "GPU".into(),
            info: Value::Null,
            rates: None,
            error: Some(reason),
        }
    }
}

impl Table {
    /// The rows of a batch.
    pub fn new(batch: &Batch, rows: Vec<Row>) -> Self {
        Self {
            dtype: batch.dtype.name(),
            channels: batch.shape[0],
            samples: batch.shape[1],
            chunk_bytes: batch.chunk_bytes(),
            chunks: batch.jobs.len(),
            rows,
        }
    }

    /// Seconds of a chunk on the CPU in single precision.
    pub fn cpu_seconds(&self) -> f64 {
        let mut rows = self.rows.iter();
        let single = rows.find(|row| row.adapter.is_none() && row.precision == "f32");
        single
            .and_then(Row::seconds)
            .expect("it is always measured")
    }
}

impl Row {
    /// A backend that was measured.
    pub fn done(
        device: &str,
        adapter: Option<usize>,
        precision: &'static str,
        measurement: Measurement,
    ) -> Self {
        Self {
            device: device.into(),
            adapter,
            precision,
            error: None,
            measurement: Some(measurement),
        }
    }

    /// Seconds of a chunk, where it was measured.
    pub fn seconds(&self) -> Option<f64> {
        self.measurement.as_ref().map(|m| m.seconds)
    }

    /// A GPU that failed.
    pub fn failed(device: &str, adapter: usize, reason: &str) -> Self {
        Self {
            device: device.into(),
            adapter: Some(adapter),
            precision: "f32",
            error: Some(reason.into()),
            measurement: None,
        }
    }
}

impl Measurement {
    /// End to end; `cpu` is the CPU in the same precision, `difference` how far the numbers are from double precision.
    pub fn new(batch: &Batch, timing: &Timing, cpu: &Timing, difference: Option<f64>) -> Self {
        Self {
            seconds: timing.seconds(),
            seconds_min: timing.least_seconds(),
            seconds_of_runs: timing.runs.iter().map(|run| run.seconds).collect(),
            input_bytes_per_s: batch.chunk_bytes() as f64 / timing.seconds(),
            speedup: cpu.seconds() / timing.seconds(),
            largest_difference: difference,
            upload_bytes: None,
            download_bytes: None,
            share_of_transfer_rate: None,
            kernel_bytes: None,
            kernels: None,
        }
    }

    /// Adds what a device did: bytes up and down for a chunk, and its kernels where it can time them.
    #[cfg(feature = "gpu")]
    pub fn on_device(self, batch: &Batch, timing: &Timing, traffic: Traffic, rates: Rates) -> Self {
        let seconds = timing.kernel_seconds();
        let kernels = (seconds > 0.0).then(|| Kernels {
            seconds,
            input_bytes_per_s: batch.chunk_bytes() as f64 / seconds,
            share_of_copy_rate: traffic.floor() as f64 / seconds / rates.copy,
        });
        let (up, down) = (traffic.up as f64, traffic.down as f64);
        let transfer = (up / rates.upload).max(down / rates.download);
        Self {
            upload_bytes: Some(traffic.up),
            download_bytes: Some(traffic.down),
            share_of_transfer_rate: Some(transfer / self.seconds),
            kernel_bytes: Some(traffic.kernels),
            kernels,
            ..self
        }
    }
}

const DEFINITIONS: &str = "\
s/chunk     seconds per chunk: the median of the runs, each one or more passes over all chunks with as many in
            flight as in production. The input is in memory as it is stored, results are not written
MB/s        of stored input
transfer    how much of the time the slower of upload and download takes at the measured rates
kernel s    seconds per chunk in kernels, by the device's own clock
memory      bytes that must move (what goes up read once, what comes down written once) over kernel seconds,
            as a part of the measured rate of copying
moved       bytes that kernels read and write, over the bytes that must move
speed-up    against the CPU in the same precision
difference  the largest from the CPU in f64, over the largest value of what is written
";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpu, threads, .. } = &self.machine;
        let commands = self.flow.commands.join(", ");
        writeln!(f, "{}: {commands}", self.flow.file)?;
        writeln!(f, "CPU: {cpu}, {threads} threads")?;
        self.adapters
            .iter()
            .try_for_each(|adapter| adapter.fmt(f))?;
        self.tables.iter().try_for_each(|table| table.fmt(f))?;
        if !self.commands.is_empty() {
            Listing(&self.commands).fmt(f)?;
        }
        self.sizes.iter().try_for_each(|sizes| sizes.fmt(f))?;
        write!(f, "\n{DEFINITIONS}")
    }
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.rates, &self.error) {
            (Some(rates), _) => {
                let [copy, up, down] =
                    [rates.copy, rates.upload, rates.download].map(|rate| rate / 1e9);
                writeln!(
                    f,
                    "GPU {}: copies {copy:.1} GB/s, {up:.2} GB/s up, {down:.2} GB/s down",
                    self.device
                )
            }
            (None, error) => writeln!(
                f,
                "{}: {}",
                self.device,
                error.as_deref().unwrap_or_default()
            ),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = self.chunk_bytes as f64 / 1e6;
        writeln!(
            f,
            "\n{} chunks of {} x {} {}, {megabytes:.2} MB each",
            self.chunks, self.channels, self.samples, self.dtype
        )?;
        line(
            f,
            "",
            [
                "",
                "s/chunk",
                "MB/s",
                "transfer",
                "kernel s",
                "memory",
                "moved",
                "speed-up",
                "difference",
            ],
        )?;
        self.rows.iter().try_for_each(|row| row.fmt(f))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = self.adapter.map_or("CPU".to_string(), |index| {
            format!("{index}: {}", self.device)
        });
        let Some(m) = &self.measurement else {
            let reason = self.error.as_deref().unwrap_or_default();
            return writeln!(f, "  {device}: failed: {reason}");
        };
        let [kernels, memory, moved] = m.on_memory();
        let cells = [
            self.precision.to_string(),
            format!("{:.6}", m.seconds),
            format!("{:.0}", m.input_bytes_per_s / 1e6),
            or_none(
                m.share_of_transfer_rate
                    .map(|share| format!("{:.1} %", 100.0 * share)),
            ),
            kernels,
            memory,
            moved,
            format!("{:.2}x", m.speedup),
            or_none(m.largest_difference.map(|d| format!("{d:.1e}"))),
        ];
        line(f, &device, cells.each_ref().map(String::as_str))
    }
}

fn or_none(text: Option<String>) -> String {
    text.unwrap_or("-".into())
}

impl Measurement {
    /// Kernel seconds, the share of the copy rate, and how much more is moved than must be: as text.
    fn on_memory(&self) -> [String; 3] {
        let kernels = self.kernels.as_ref();
        let floor = self.upload_bytes.zip(self.download_bytes);
        let moved = self
            .kernel_bytes
            .zip(floor)
            .map(|(moved, (up, down))| moved as f64 / (up + down) as f64);
        [
            or_none(kernels.map(|k| format!("{:.6}", k.seconds))),
            or_none(kernels.map(|k| format!("{:.1} %", 100.0 * k.share_of_copy_rate))),
            or_none(moved.map(|moved| format!("{moved:.1}x"))),
        ]
    }
}

impl Row {
    /// What a GPU did, behind the CPU's times.
    pub fn brief(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(m) = &self.measurement else {
            let reason = self.error.as_deref().unwrap_or_default();
            return writeln!(f, " failed: {reason}");
        };
        let [kernels, memory, moved] = m.on_memory();
        let difference = or_none(m.largest_difference.map(|d| format!("{d:.1e}")));
        writeln!(
            f,
            " {:>10.6} {kernels:>10} {memory:>8} {moved:>7} {:>8.2}x {difference:>10}",
            m.seconds, m.speedup
        )
    }
}

/// One line of a table: 110 columns.
fn line(f: &mut fmt::Formatter<'_>, device: &str, cells: [&str; 9]) -> fmt::Result {
    let [
        precision,
        seconds,
        rate,
        transfer,
        kernels,
        memory,
        moved,
        speedup,
        difference,
    ] = cells;
    writeln!(
        f,
        "  {device:<24.24} {precision:>4} {seconds:>10} {rate:>7} {transfer:>8} {kernels:>10} {memory:>8} {moved:>7} {speedup:>9} {difference:>10}"
    )
}
