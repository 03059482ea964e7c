//! Single commands on the CPU, planned once and run again and again in compat mode.
//!
//! `cargo bench --bench commands` prints the time against the length of the window, for the commands that have one. With `--serve` it
//! takes requests from `commands.py`, which compares with distpy: a line of JSON each, with `args`, `input`, `gather` (npy files),
//! `precision`; the answer is the seconds of one run.
#![allow(clippy::print_stdout, reason = "a bench reports on the console")]

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use distpy_gpu::block::{Bytes, Coords, DType, Endian, Held, Order, Precision, Signature, Stored};
use distpy_gpu::command::{ChunkId, Command, Compat, Env};
use distpy_gpu::config::Workflow;
use distpy_gpu::execute::cpu::CpuExecutor;
use distpy_gpu::execute::{CpuPrecision, Executor, Job};
use distpy_gpu::formats::npy;
use distpy_gpu::graph::{Graph, Reading};
use distpy_gpu::plan::Plan;
use serde_json::{Value, json};

const PRF: f64 = 1000.0;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    if std::env::args().any(|arg| arg == "--serve") {
        serve();
    } else if !std::env::args().any(|arg| arg == "--test") {
        windows();
    }
}

/// A command, ready to run.
struct Ready {
    plan: Arc<Plan>,
    sources: Vec<Stored>,
    executor: CpuExecutor,
}

impl Ready {
    fn new(args: &Value, inputs: Vec<Stored>, precision: Precision) -> Result<Self, String> {
        let gathered = inputs.len() - 1;
        let mut list: Vec<Value> = (1..=gathered)
            .map(|k| json!({"name": "data_load", "uid": k, "in_uid": 0, "directory_in": "in", "filename": k.to_string()}))
            .collect();
        let mut args = args.clone();
        args["uid"] = json!(gathered + 1);
        args["in_uid"] = json!(0);
        args["gather_uids"] = json!((1..=gathered).collect::<Vec<_>>());
        list.push(args);
        list.push(json!({"name": "write_npy", "uid": gathered + 2, "in_uid": gathered + 1, "directory_out": "out"}));
        let file = Path::new("commands.json");
        let text = json!({ "command_list": list }).to_string();
        let flow = Workflow::parse(file, &text).map_err(|e| e.to_string())?;
        let reading = Reading {
            compat: Compat::Distpy,
            strict: true,
        };
        let (graph, _) = Graph::build(&flow, reading).map_err(|e| e.to_string())?;
        let loaded = |path: &PathBuf| {
            let k: usize = path.file_name()?.to_str()?.parse().ok()?;
            inputs.get(k)
        };
        let loads: HashMap<PathBuf, Signature> = graph
            .nodes
            .iter()
            .filter_map(|node| match &node.command {
                Command::Load(path) => Some((path.clone(), signature(loaded(path)?))),
                _ => None,
            })
            .collect();
        let env = Env::without_axes(Compat::Distpy, PRF, graph.box_rows, &inputs[0]);
        let plan = Plan::new(&graph, file, &env, &loads).map_err(|e| e.to_string())?;
        let sources = plan.sources.iter().map(|source| match &source.file {
            None => inputs[0].clone(),
            Some(path) => loaded(path)
                .expect("a file that was numbered above")
                .clone(),
        });
        Ok(Self {
            sources: sources.collect(),
            plan: Arc::new(plan),
            executor: CpuExecutor::new(CpuPrecision::Always(precision)),
        })
    }

    /// Seconds of one run.
    fn run(&mut self) -> f64 {
        let job = Job {
            id: ChunkId::of_second(0),
            path: PathBuf::from("chunk.npy"),
            plan: self.plan.clone(),
            sources: self.sources.clone(),
            samples: 0,
            identity: String::new(),
        };
        let begun = Instant::now();
        self.executor.submit(job);
        let results = self.executor.collect().expect("no device fails here");
        let seconds = begun.elapsed().as_secs_f64();
        drop(results);
        seconds
    }
}

fn signature(stored: &Stored) -> Signature {
    let [rows, cols] = stored.shape();
    Signature {
        kind: stored.kind(),
        depth: Coords::index(rows),
        time: Coords::index(cols),
        rank: 2,
        held: Held::of(stored.dtype()),
    }
}

fn serve() {
    let mut known: HashMap<String, Result<Ready, String>> = HashMap::new();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let ready = known.entry(line.clone()).or_insert_with(|| request(&line));
        let answer = match ready {
            Ok(ready) => json!({ "seconds": ready.run() }),
            Err(error) => json!({ "error": error }),
        };
        println!("{answer}");
    }
}

fn request(line: &str) -> Result<Ready, String> {
    let request: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let precision = match request["precision"].as_str() {
        Some("f32") => Precision::F32,
        _ => Precision::F64,
    };
    let files = std::iter::once(&request["input"])
        .chain(request["gather"].as_array().into_iter().flatten());
    let open = |file: &Value| {
        let array = npy::open(Path::new(file.as_str()?)).ok()?;
        array.stored()
    };
    let inputs: Option<Vec<Stored>> = files.map(open).collect();
    Ready::new(
        &request["args"],
        inputs.ok_or("an input cannot be read")?,
        precision,
    )
}

/// Seconds against the length of the window.
fn windows() {
    const LENGTHS: [usize; 6] = [4, 16, 64, 256, 1024, 4096];
    let (rows, cols) = (200, 10_000);
    let mut state = 1_u64;
    let bytes = (0..rows * cols).flat_map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((state >> 40) as f64 - 8_388_608.0).to_ne_bytes()
    });
    let bytes = Bytes::Owned(Arc::new(bytes.collect()));
    let chunk = Stored::new(DType::F64, [rows, cols], Order::C, Endian::NATIVE, bytes)
        .expect("as many bytes as samples need");
    println!(
        "milliseconds for {rows} channels of {cols} samples, f64, by the length of the window"
    );
    print!("{:<16}", "");
    LENGTHS.iter().for_each(|n| print!("{n:>9}"));
    println!();
    for name in [
        "broaden",
        "median_filter",
        "peak_to_peak",
        "running_max",
        "running_mean",
        "sta_lta",
        "wiener",
    ] {
        print!("{name:<16}");
        for n in LENGTHS {
            let args = match name {
                "sta_lta" => json!({"name": name, "sta": n / 4, "lta": n}),
                "median_filter" => json!({"name": name, "distance": [1, n]}),
                "wiener" => json!({"name": name, "xdir": 1, "tdir": n}),
                _ => json!({"name": name, "window_length": n}),
            };
            match Ready::new(&args, vec![chunk.clone()], Precision::F64) {
                Ok(mut ready) => {
                    let mut times: Vec<f64> = (0..5).map(|_| ready.run()).collect();
                    times.sort_by(f64::total_cmp);
                    print!("{:>9.2}", 1e3 * times[times.len() / 2]);
                }
                Err(error) => print!("  {error}"),
            }
        }
        println!();
    }
}
