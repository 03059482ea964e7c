//! Devices that fail in the middle, or are not there: the run goes on with the CPU, or ends with 69 where that is forbidden.
#![cfg(feature = "gpu")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use distpy_gpu::block::Precision;
use distpy_gpu::command::Compat;
use distpy_gpu::config::{System, Workflow};
use distpy_gpu::execute::cpu::CpuExecutor;
use distpy_gpu::execute::gpu::GpuExecutor;
use distpy_gpu::execute::{CpuPrecision, Executor};
use distpy_gpu::gpu::adapter::Choice;
use distpy_gpu::gpu::engine::Engine;
use distpy_gpu::graph::{Graph, Reading};
use distpy_gpu::pipeline::chunk::Chunk;
use distpy_gpu::pipeline::inputs;
use distpy_gpu::pipeline::limits::Limits;
use distpy_gpu::pipeline::monitor::Monitor;
use distpy_gpu::pipeline::origin::{self, Origins};
use distpy_gpu::pipeline::output::{Folder, Sharing};
use distpy_gpu::pipeline::process::{Broken, Expected, Report, Run};
use distpy_gpu::pipeline::reader::{Reader, Settings};

use crate::backend;
use crate::program::{Project, Ran, has_software};

const LOSE: &str = "DISTPY_GPU_LOSE_DEVICE_AFTER";
const CHUNKS: usize = 6;

/// Runs the project's flow as the program does; the second value counts calls for a fallback.
fn process(
    project: &Project,
    choice: &Choice,
    may_fall_back: bool,
) -> (Result<Report, Broken>, u32) {
    let read = |name: &str| std::fs::read_to_string(project.path(name)).unwrap();
    let system = System::parse(Path::new("system.json"), &read("system.json")).unwrap();
    let file = Path::new("flow.json");
    let flow = Workflow::parse(file, &read("flow.json")).unwrap();
    let reading = Reading {
        compat: Compat::Exact,
        strict: false,
    };
    let (graph, _) = Graph::build(&flow, reading).unwrap();
    let output = project.path("results");
    let settings = Settings {
        prf: system.prf.unwrap(),
        compat: Compat::Exact,
        measured_depth: system.measured_depth,
        time_scale: system.time_scale,
        input: None,
        output: output.clone(),
        timestamp: None,
        hdf5: Default::default(),
        edge: 0,
    };
    let reader = Reader::new(&graph, file, settings).unwrap();
    let chunks = project.path("chunks").display().to_string();
    let chunks = inputs::find(&[chunks], &["npy"]).unwrap();
    let chunks: Vec<Chunk> = chunks
        .into_iter()
        .map(|it| Chunk::file(it.path.clone(), it.size()))
        .collect();
    let calls = Cell::new(0);
    let fallback = || {
        calls.set(calls.get() + 1);
        let cpu = CpuExecutor::new(CpuPrecision::Always(Precision::F64));
        may_fall_back.then(|| Box::new(cpu) as Box<dyn Executor>)
    };
    let folder = Folder::join(&output, &Sharing::default()).unwrap();
    let described = origin::Flow::new(file, &flow.text, &graph, BTreeMap::new());
    let origins = Origins::begin(&folder, "run", described, &[], origin::Existing::Keep).unwrap();
    let run = Run {
        graph: &graph,
        output: &folder,
        sample: &chunks,
        origins: &origins,
        quiet: true,
        latency: false,
        all: None,
        limits: Limits::default(),
        monitor: &Monitor::default(),
    };
    let executor = Box::new(GpuExecutor::new(Engine::open(choice).unwrap()));
    (
        run.process(
            chunks.clone().into_iter().map(Some),
            Expected::of(&chunks),
            reader,
            executor,
            &fallback,
        ),
        calls.get(),
    )
}

/// Every chunk's results, whoever computed them, are those of the CPU.
fn check_results(project: &Project) {
    project.summary("--precision f64 -o expected").ends(0);
    for k in 1..=CHUNKS {
        let got = project.table(&format!("results/te/{k}.npy"));
        let want = project.table(&format!("expected/te/{k}.npy"));
        let error = backend::difference(&got, &want);
        assert!(error < 1e-5, "chunk {k}: {error:.1e}");
    }
    assert_eq!(project.names("results"), project.names("expected"));
}

/// Runs itself in a process of its own, whose environment has the device lost after two submissions.
#[test]
fn a_run_goes_on_with_the_cpu_where_the_device_was_lost() {
    let Some(choice) = backend::choose_adapter() else {
        return;
    };
    if std::env::var_os(LOSE).is_some() {
        return lose_device(&choice);
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "fallback::a_run_goes_on_with_the_cpu_where_the_device_was_lost",
        ])
        .env(LOSE, "2");
    let ran = Ran::of(command).ends(0);
    assert!(ran.out.contains("1 passed"), "{}", ran.out);
}

fn lose_device(choice: &Choice) {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .init();

    let project = Project::with_chunks(CHUNKS);
    let (report, calls) = process(&project, choice, true);
    let report = report.unwrap();
    assert_eq!((report.done, report.failed, calls), (CHUNKS, 0, 1));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        log.matches("the run goes on with the CPU").count(),
        1,
        "{log}"
    );
    assert!(log.contains("device lost"), "{log}");
    check_results(&project);

    let project = Project::with_chunks(CHUNKS);
    let (report, calls) = process(&project, choice, false);
    let broken = report.expect_err("there is no fallback").to_string();
    assert!(broken.contains("device lost"), "{broken}");
    assert_eq!(calls, 1);
    assert!(
        project.names("results/te").len() < CHUNKS,
        "the last chunks have no results"
    );
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn chunks_that_no_tile_of_the_device_holds_go_to_the_cpu() {
    let Some(mut choice) = backend::choose_adapter() else {
        return;
    };
    // A row of 200 samples has 800 bytes.
    choice.info.limits.binding = 512;
    let project = Project::with_chunks(CHUNKS);
    let (report, calls) = process(&project, &choice, true);
    assert_eq!((report.unwrap().done, calls), (CHUNKS, 1));
    check_results(&project);
}

/// Compiled shaders are kept for the next run where a folder is named, and a spoilt file does no harm.
#[test]
fn compiled_shaders_are_kept() {
    if !has_software() {
        return;
    }
    let project = Project::with_chunks(CHUNKS);
    let kept = || project.names("kept");
    let run = || {
        let mut command = project
            .command("-m strainrate2summary -c system.json --device software --overwrite=all");
        command.env("DISTPY_GPU_CACHE", project.path("kept"));
        Ran::of(command).ends(0).says("6 chunks done");
        check_results(&project);
    };
    run();
    let names = kept();
    // Metal and Direct3D keep theirs by themselves.
    if !cfg!(target_os = "linux") {
        return;
    }
    assert_eq!(names.len(), 1, "{names:?}");
    run();
    assert_eq!(kept(), names);
    project.write(&format!("kept/{}", names[0]), b"no shaders");
    run();
    assert_eq!(kept(), names);
}

/// Where the device has no room for a chunk it goes through in parts; where it has none for anything, the run ends.
#[test]
fn a_device_with_little_memory_takes_chunks_in_parts() {
    if !has_software() {
        return;
    }
    let project = Project::with_chunks(CHUNKS);
    let with = |memory: &str, args: &str| {
        let args = format!("--device software --max-device-memory {memory} {args}");
        project.summary(&args)
    };
    let tiles = |ran: Ran| {
        let line = ran.out.lines().find(|line| line.contains(" tiles, "));
        let words = line.unwrap_or_else(|| panic!("{}", ran.out)).split(' ');
        let words: Vec<&str> = words.collect();
        let at = words.iter().position(|word| *word == "tiles,");
        let count = words[at.expect("the word") - 1];
        count.parse::<usize>().unwrap()
    };
    assert_eq!(tiles(with("1GB", "--explain").ends(0)), 1);
    assert!(tiles(with("5000", "--explain").ends(0)) > 1);
    with("5000", "").ends(0).says("6 chunks done");
    check_results(&project);
    let ran = with("1", "--overwrite=all").ends(69);
    assert!(ran.errors()[0].contains(": out of memory: "), "{}", ran.err);
}

#[test]
fn a_lost_device_ends_a_run_that_is_not_to_use_the_cpu() {
    if !has_software() {
        return;
    }
    let project = Project::with_chunks(CHUNKS);
    let mut command = project.command("-m strainrate2summary -c system.json --device software");
    command.env(LOSE, "2");
    let ran = Ran::of(command).ends(69);
    let errors = ran.errors();
    assert_eq!(errors.len(), 1, "{}", ran.err);
    assert!(errors[0].contains(": device lost: "), "{}", ran.err);
    for word in ["defect", "panicked", "CPU"] {
        assert!(!ran.err.contains(word), "{}", ran.err);
    }
    // What was finished stays, and the same command goes on from there.
    assert!(
        !project
            .names("results")
            .iter()
            .any(|name| name.contains(".tmp-"))
    );
    project.summary("--device software").ends(0);
    check_results(&project);
}

#[test]
fn without_a_driver_only_the_cpu_is_there() {
    let project = Project::with_chunks(CHUNKS);
    let without = |args: &str| {
        let mut command = project.command(&format!("-m strainrate2summary -c system.json {args}"));
        for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
            command.env(variable, "/nonexistent");
        }
        Ran::of(command)
    };
    // Metal and Direct3D have no such variable.
    if !cfg!(target_os = "linux") {
        return;
    }
    for (device, expected) in [
        ("gpu", "a hardware GPU"),
        ("software", "a software adapter"),
    ] {
        let ran = without(&format!("--device {device}")).ends(69);
        let errors = ran.errors();
        assert_eq!(errors.len(), 1, "{}", ran.err);
        assert!(errors[0].contains(&format!(
            "found no adapter and no usable graphics driver, expected {expected}"
        )));
        assert!(project.names("results").is_empty());
    }
    without("--device auto").ends(0).says("6 chunks done");
    check_results(&project);
    let mut command = project.command("-m devices");
    command
        .env("VK_DRIVER_FILES", "/nonexistent")
        .env("VK_ICD_FILENAMES", "/nonexistent");
    let listed = Ran::of(command).ends(0).out;
    assert!(
        listed.contains("no adapter") && listed.contains("auto takes the CPU"),
        "{listed}"
    );
}
