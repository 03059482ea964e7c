//! Laws of failure: whatever operation on a file is a process's last, or fails, no file has a final name that is not what an
//! undisturbed run writes, and a later run makes what such a run makes.
//!
//! Operations are struck by `tests/faults/shim.c`, which is loaded before the system's library. `DISTPY_GPU_FAULTS=all` strikes
//! every one, `DISTPY_GPU_FAULTS=200` so many of each module and kind, `DISTPY_GPU_FAULTS_SEED=7` others.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod modules;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::laws::world::Random;
use crate::program::{Project, Ran};
use distpy_gpu::pipeline::output::BOOKKEEPING;
use modules::{MODULES, Module, results};
pub use modules::{every_writer, recording};

/// Points of each module and kind, as a rule.
const POINTS: u64 = 3;
/// Failures after which a module is given up.
const MOST_FAILURES: u32 = 20;

/// The library; `None` where there is no C compiler.
pub fn shim() -> Option<&'static Path> {
    static SHIM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let shim = SHIM.get_or_init(|| {
        let source = crate::root().join("tests/faults/shim.c");
        let shim = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.so");
        // Another process of the tests may use the one that is there.
        let new = shim.with_extension(std::process::id().to_string());
        let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        cc.args(["-shared", "-fPIC", "-O1", "-o"]);
        let made = cc.arg(&new).arg(source).stderr(Stdio::inherit()).status();
        let made = made.is_ok_and(|it| it.success());
        made.then(|| std::fs::rename(&new, &shim).unwrap())?;
        Some(shim)
    });
    if shim.is_none() {
        let required = std::env::var("DISTPY_GPU_TESTS").is_ok_and(|v| v == "require");
        assert!(
            !required,
            "DISTPY_GPU_TESTS=require, but there is no C compiler"
        );
        eprintln!("skipped: there is no C compiler");
    }
    shim.as_deref()
}

/// The event at an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fault {
    act: &'static str,
    errno: i32,
    /// Which operations, as the shim has it.
    kinds: &'static str,
    /// True if the machine ends too, so that bytes which were not forced onto the disk are lost.
    power: bool,
}

const CHANGES: &str = "onlmwuts";
const FAULTS: &[Fault] = &[
    Fault {
        act: "kill",
        errno: 0,
        kinds: CHANGES,
        power: false,
    },
    Fault {
        act: "kill",
        errno: 0,
        kinds: CHANGES,
        power: true,
    },
    Fault {
        act: "error",
        errno: libc::EIO,
        kinds: "onlmwtscrOM",
        power: false,
    },
    Fault {
        act: "error",
        errno: libc::ENOSPC,
        kinds: "onlmwts",
        power: false,
    },
    Fault {
        act: "onward",
        errno: libc::ENOSPC,
        kinds: "omwts",
        power: false,
    },
    Fault {
        act: "short",
        errno: libc::EIO,
        kinds: "wr",
        power: false,
    },
];

/// The program under a fault at an operation on its output; at 0 none, and the number of operations is written to `count`.
fn struck(
    project: &Project,
    shim: &Path,
    args: &str,
    out: &str,
    fault: &Fault,
    at: u64,
) -> Command {
    let mut command = project.command(args);
    command.args(["--threads", "2"]);
    let paths = project.path(out);
    strike_at(
        &mut command,
        project,
        shim,
        &paths.to_string_lossy(),
        fault,
        at,
    );
    command
}

/// Loads the library into a command's process, for operations on paths that have this text.
fn strike_at(
    command: &mut Command,
    project: &Project,
    shim: &Path,
    paths: &str,
    fault: &Fault,
    at: u64,
) {
    command
        .env("LD_PRELOAD", shim)
        .env("FAULT_PATHS", paths)
        .env("FAULT_KINDS", fault.kinds)
        .env("FAULT_ACT", fault.act)
        .env("FAULT_ERRNO", fault.errno.to_string())
        .env("FAULT_AT", at.to_string())
        .env("FAULT_COUNT", project.path("count"))
        .env("FAULT_LOG", project.path("log"));
}

/// Number of operations that are struck, and the seed that selects them.
fn sample() -> (u64, u64) {
    let variable = |name: &str| std::env::var(name).ok();
    let points = match variable("DISTPY_GPU_FAULTS").as_deref() {
        Some("all") => u64::MAX,
        Some(number) => number.parse().expect("a number of points, or all"),
        None => POINTS,
    };
    let seed = variable("DISTPY_GPU_FAULTS_SEED").map_or(1, |it| it.parse().expect("a seed"));
    (points, seed)
}

/// The operations to strike, of those that a run counted.
fn drawn(project: &Project, points: u64, random: &mut Random) -> Vec<u64> {
    let counted = std::fs::read_to_string(project.path("count")).unwrap();
    let counted: u64 = counted.parse().unwrap();
    let mut all: Vec<u64> = (1..=counted).collect();
    random.shuffle(&mut all);
    all.truncate(usize::try_from(points).unwrap_or(usize::MAX));
    all
}

/// Loses what was not forced onto the disk: bytes become zeros, and by chance names that were given go back.
fn lose(project: &Project, random: &mut Random) {
    let log = std::fs::read_to_string(project.path("log")).unwrap_or_default();
    let mut dirty = HashSet::new();
    let mut renamed: Vec<(PathBuf, PathBuf)> = Vec::new();
    for line in log.lines() {
        let mut parts = line.split('\t');
        let kind = parts.next().unwrap();
        let [path, other] = [parts.next().unwrap(), parts.next().unwrap()].map(PathBuf::from);
        match kind {
            "w" | "t" => {
                dirty.insert(path);
            }
            "s" => {
                dirty.remove(&path);
                renamed.retain(|(_, to)| to.parent() != Some(&path));
            }
            "n" => {
                if dirty.remove(&path) {
                    dirty.insert(other.clone());
                }
                renamed.push((path, other));
            }
            _ => {}
        }
    }
    for path in dirty.iter().filter(|it| it.is_file()) {
        let length = path.metadata().unwrap().len();
        std::fs::write(path, vec![0; length as usize]).unwrap();
    }
    for (from, to) in renamed.iter().rev() {
        if random.below(2) == 0 && to.exists() && !from.exists() {
            let _ = std::fs::rename(to, from);
        }
    }
}

/// The files of an output; not the state of summaries, which has the times of their parts.
fn results_of(project: &Project, out: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = project.files(out);
    files.retain(|name, _| !name.ends_with(".parts/summary.json"));
    files
}

/// Strikes an operation, looks at what is left, and runs again.
fn holds(
    project: &Project,
    shim: &Path,
    module: &Module,
    fault: &Fault,
    at: u64,
    expected: &BTreeMap<String, Vec<u8>>,
    random: &mut Random,
) {
    let out = "out";
    let _ = std::fs::remove_dir_all(project.path(out));
    let _ = std::fs::remove_file(project.path("log"));
    // After a power failure, nobody knows that a run of the time before is dead until its lease is old.
    let patience = if fault.power { "--claim-expiry 1" } else { "" };
    let args = format!("{} {patience}", module.args.replace("OUT", out));
    let ran = Ran::of(struck(project, shim, &args, out, fault, at));
    let killed = fault.act == "kill";
    if killed {
        assert_eq!(ran.code, -1, "{}", ran.err);
    } else {
        assert!(
            [0, 65, 74, 75].contains(&ran.code),
            "ends with {}: {}",
            ran.code,
            ran.err
        );
        assert!(
            ran.code == 0 || !ran.errors().is_empty(),
            "says nothing: {}",
            ran.err
        );
    }
    if fault.power {
        lose(project, random);
    }
    let is_temporary = |name: &str| name.contains(".tmp-");
    let left = results_of(project, out);
    for (name, bytes) in left.iter().filter(|(name, _)| !is_temporary(name)) {
        // After a power failure the next run finds out; a chunk that failed says so beside its results.
        if fault.power || name.ends_with(".failed") {
            continue;
        }
        let whole = expected.get(name);
        assert!(
            whole.is_some(),
            "a file that no run writes: {name}: {}",
            ran.err
        );
        // A summary without a chunk that failed is one, and says so by the exit code.
        let partial = ran.code != 0 && !killed && name.contains("summary");
        assert!(
            partial || whole == Some(bytes),
            "another file than expected: {name}: {}",
            ran.err
        );
    }
    if ran.code == 0 {
        let names = left.keys().filter(|name| !is_temporary(name));
        assert!(
            names.eq(expected.keys()),
            "files are missing: {:?}: {}",
            left.keys(),
            ran.err
        );
    }
    let again = project.run(&format!("{args} --threads 2"));
    assert_eq!(
        again.code, 0,
        "the next run: {}after\n{}",
        again.err, ran.err
    );
    let mut made = results_of(project, out);
    if !killed || module.alone || fault.power {
        // Temporaries stay that could not be removed, or that no run looks for.
        made.retain(|name, _| !is_temporary(name));
    }
    let differ: Vec<&String> = expected
        .keys()
        .chain(made.keys())
        .filter(|name| expected.get(*name) != made.get(*name))
        .collect();
    assert!(
        differ.is_empty(),
        "the next run makes others: {differ:?}: {}",
        ran.err
    );
    // After a power failure, the run's traces stay until its lease is old.
    for kind in ["runs", "claims"].iter().filter(|_| killed && !fault.power) {
        let names = std::fs::read_dir(project.path(out).join(BOOKKEEPING).join(kind));
        let names = names.into_iter().flatten();
        let names = names.map(|it| it.unwrap().file_name());
        // A lease that was never completed goes when it is old.
        let names: Vec<_> = names
            .filter(|it| !it.to_string_lossy().ends_with(".new"))
            .collect();
        assert!(names.is_empty(), "{kind} has {names:?}");
    }
}

/// Strikes operations of a module by every fault.
fn strike(name: &str) {
    let Some(shim) = shim() else { return };
    let module = MODULES.iter().find(|it| it.name == name).expect("a module");
    let (points, seed) = sample();
    let project = Project::new();
    (module.prepare)(&project);
    let args = module.args.replace("OUT", "expected");
    project.run(&args).ends(0);
    let expected = results_of(&project, "expected");
    assert!(!expected.is_empty());
    let mut failed = 0;
    for fault in FAULTS {
        let mut random = Random::new(seed);
        let out = module.args.replace("OUT", "counted");
        let _ = std::fs::remove_dir_all(project.path("counted"));
        Ran::of(struck(&project, shim, &out, "counted", fault, 0)).ends(0);
        let struck = drawn(&project, points, &mut random);
        assert!(
            !struck.is_empty() || fault.act == "short",
            "{fault:?} counts nothing"
        );
        let count = struck.len();
        for at in struck {
            let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                holds(&project, shim, module, fault, at, &expected, &mut random);
            }));
            if tried.is_err() {
                eprintln!("{name}: {fault:?} at {at}, DISTPY_GPU_FAULTS_SEED={seed}, fails");
                failed += 1;
                assert!(failed < MOST_FAILURES, "too many fail");
            }
        }
        eprintln!(
            "{name}: {} {}{}: {count} points",
            fault.act,
            fault.errno,
            if fault.power { " power" } else { "" }
        );
    }
    assert!(failed == 0, "{name}: {failed} fail");
}

/// Each result is on the disk before it has its name, and its name is before the run ends; unless that is not wanted.
#[test]
fn results_are_forced_onto_the_disk() {
    let Some(shim) = shim() else { return };
    let project = Project::new();
    results(&project);
    let log = |out: &str, more: &str| {
        let _ = std::fs::remove_file(project.path("log"));
        let args = format!("-m strainrate2summary -c system.json -o {out} {more}");
        Ran::of(struck(&project, shim, &args, out, &FAULTS[0], 0)).ends(0);
        let log = std::fs::read_to_string(project.path("log")).unwrap();
        let lines = log.lines().map(|line| {
            let parts: Vec<&str> = line.split('\t').collect();
            (
                parts[0].to_string(),
                PathBuf::from(parts[1]),
                PathBuf::from(parts[2]),
            )
        });
        lines.collect::<Vec<_>>()
    };
    let lines = log("synced", "");
    let mut named = 0;
    for (k, (kind, from, to)) in lines.iter().enumerate() {
        let own = to.components().any(|it| it.as_os_str() == BOOKKEEPING);
        if kind != "n" || own {
            continue;
        }
        // Of a folder that is renamed, the files in it count.
        let inside = |path: &Path| path == from.as_path() || path.starts_with(from);
        let written = lines[..k]
            .iter()
            .filter(|(kind, path, _)| kind == "w" && inside(path));
        for (_, path, _) in written {
            let last = lines[..k]
                .iter()
                .rposition(|(kind, it, _)| kind == "w" && it == path);
            let synced = lines[last.unwrap()..k]
                .iter()
                .any(|(kind, it, _)| kind == "s" && it == path);
            assert!(
                synced,
                "{} is named {} before it is on the disk",
                path.display(),
                to.display()
            );
        }
        let folder = to.parent().unwrap();
        let synced = lines[k..]
            .iter()
            .any(|(kind, it, _)| kind == "s" && it == folder);
        assert!(
            synced,
            "the name {} is not forced onto the disk",
            to.display()
        );
        named += 1;
    }
    assert!(named > 15, "{named} files: {lines:?}");
    let fast = log("fast", "--no-sync");
    // The Zarr library forces its files in any case.
    let in_zarr = |path: &Path| path.to_string_lossy().contains(".zarr.tmp-");
    let forced = fast
        .iter()
        .find(|(kind, path, _)| kind == "s" && !in_zarr(path));
    assert!(forced.is_none(), "{forced:?}");
    assert!(
        project
            .files("fast")
            .keys()
            .eq(project.files("synced").keys())
    );
}

macro_rules! modules {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            strike($name);
        })*

        #[test]
        fn every_module_has_a_test() {
            let tested: HashSet<&str> = HashSet::from([$($name),*]);
            let mut names = MODULES.iter().map(|it| it.name);
            assert!(names.all(|it| tested.contains(it) || it == "ingest of HDF5"));
        }
    };
}

modules! {
    ingest_of_segy: "ingest of SEG-Y",
    a_flow_with_every_writer: "a flow with every writer",
    a_flow_straight_through: "a flow straight through",
    curves_from_witsml: "curves from WITSML",
    means_of_logs: "means of logs",
    pictures: "pictures",
    a_report: "a report",
    shifted_times: "shifted times",
    a_recording: "a recording",
    ingest_of_tdms: "ingest of TDMS",
    headers_of_every_trace: "headers of every trace",
    logs_from_las: "logs from LAS",
    folders_swapped: "folders swapped",
    a_described_flow: "a described flow",
}

/// Requests to a store are the operations here. A connection that breaks is tried again.
#[cfg(feature = "object-store")]
#[test]
fn a_flow_in_a_store() {
    let (Some(shim), Some(store)) = (shim(), crate::store::Store::start()) else {
        return;
    };
    let project = Project::with_chunks(3);
    project.summary("-o expected").ends(0);
    let expected = project.files("expected");
    let args = |out: &str| {
        let run = "-m strainrate2summary -c system.json --claim-expiry 1 --threads 2";
        format!("{run} -o s3://data/{out}")
    };
    let kill = Fault {
        act: "kill",
        errno: 0,
        kinds: "w",
        power: false,
    };
    let reset = Fault {
        act: "error",
        errno: libc::ECONNRESET,
        kinds: "wr",
        power: false,
    };
    let (points, seed) = sample();
    for fault in [kill, reset] {
        let command = |out: &str, at: u64| {
            let mut command = store.command(&project, &args(out));
            strike_at(&mut command, &project, shim, "socket:", &fault, at);
            command
        };
        let mut random = Random::new(seed);
        Ran::of(command(&format!("counted-{}", fault.act), 0)).ends(0);
        let struck = drawn(&project, points, &mut random);
        eprintln!(
            "a flow in a store: {} {}: {} points",
            fault.act,
            fault.errno,
            struck.len()
        );
        for at in struck {
            let out = format!("{}-{at}", fault.act);
            let ran = Ran::of(command(&out, at));
            let about = format!("{fault:?} at {at}: {}", ran.err);
            assert!(
                fault.act == "kill" || [0, 74].contains(&ran.code),
                "{about}"
            );
            let left = store.files(&out);
            for (name, bytes) in &left {
                assert_eq!(expected.get(name), Some(bytes), "{name}: {about}");
            }
            assert!(
                ran.code != 0 || left == expected,
                "files are missing: {about}"
            );
            let again = store.run(&project, &args(&out));
            assert_eq!(again.code, 0, "the next run: {}after {about}", again.err);
            assert!(
                store.files(&out) == expected,
                "the next run makes others: {about}"
            );
        }
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn ingest_of_hdf5() {
    strike("ingest of HDF5");
}
