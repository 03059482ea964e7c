//! Memory: what is told is enough, what is allowed is kept, and what does not fit is refused.

use std::process::{Child, Command};
use std::time::Duration;

use serde_json::{Value, json};

use crate::faults;
use crate::program::{Project, Ran, chunk, has_software};

/// Chunks of 16 MB as they are stored.
const CHANNELS: usize = 200;
const SAMPLES: usize = 10_000;

/// A process's end, and the most memory in bytes that was resident.
pub fn watched(mut command: Command) -> (i32, u64) {
    let mut child: Child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut peak: u64 = 0;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) << 10);
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code().unwrap_or(-1), peak);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The megabytes behind a word in what `--explain` prints.
fn told(ran: &Ran, before: &str) -> u64 {
    let line = ran.out.lines().find_map(|line| line.strip_prefix(before));
    let line = line.unwrap_or_else(|| panic!("{}", ran.out));
    let number: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    number.ceil() as u64
}

/// Flows whose steps keep much: whole results, several branches, transforms of all rows, pictures and tables.
fn flows() -> Vec<(&'static str, Value)> {
    vec![
        (
            "noise log",
            json!([
                {"name": "rms_from_fft", "uid": 1, "in_uid": 0},
                {"name": "write_witsml", "uid": 2, "in_uid": 1, "directory_out": "log"}
            ]),
        ),
        (
            "filtered chunk",
            json!([
                {"name": "butter", "uid": 1, "in_uid": 0, "freq": 40},
                {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "npy"}
            ]),
        ),
        (
            "branches that meet",
            json!([
                {"name": "abs", "uid": 1, "in_uid": 0},
                {"name": "gradient", "uid": 2, "in_uid": 0},
                {"name": "median_filter", "uid": 3, "in_uid": 2},
                {"name": "multiply", "uid": 4, "in_uid": 1, "gather_uids": [3]},
                {"name": "write_npy", "uid": 5, "in_uid": 4, "directory_out": "npy"},
                {"name": "write_npy", "uid": 6, "in_uid": 3, "directory_out": "more"}
            ]),
        ),
        (
            "transforms of all rows",
            json!([
                {"name": "fft", "uid": 1, "in_uid": 0},
                {"name": "abs", "uid": 2, "in_uid": 1},
                {"name": "write_npy", "uid": 3, "in_uid": 2, "directory_out": "npy"},
                {"name": "thumbnail", "uid": 4, "in_uid": 2, "directory_out": "pictures"}
            ]),
        ),
        (
            "transforms along the fibre",
            json!([
                {"name": "fk_filter", "uid": 1, "in_uid": 0, "min_velocity": 100},
                {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "npy"}
            ]),
        ),
        (
            "all pairs",
            json!([
                {"name": "virtual_source", "uid": 1, "in_uid": 0, "channel": 3},
                {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "npy"}
            ]),
        ),
        (
            "a table of all samples",
            json!([
                {"name": "running_mean", "uid": 1, "in_uid": 0, "axis": 1, "window_length": 9},
                {"name": "write_csv", "uid": 2, "in_uid": 1, "directory_out": "table"}
            ]),
        ),
    ]
}

fn project() -> Project {
    let project = Project::new();
    for k in 0..4 {
        project.write(&format!("chunks/{k}.npy"), &chunk(k + 1, CHANNELS, SAMPLES));
    }
    project
}

/// The memory that runs took, beside the limit of each, in megabytes; a line for each run, marked where it took more or far less.
#[derive(Default)]
struct Account {
    lines: Vec<String>,
    wrong: usize,
}

impl Account {
    fn add(&mut self, name: &str, (code, peak): (i32, u64), allowed: u64, told: bool) {
        let taken = peak / 1_000_000;
        // An estimate that is many times too high is of no use.
        let far = told && taken * 5 < allowed;
        let wrong = code != 0 || taken > allowed || far;
        self.wrong += usize::from(wrong);
        let mark = if wrong { " WRONG" } else { "" };
        let line = format!("{name}: exit code {code}, {taken} MB of {allowed} MB{mark}");
        self.lines.push(line);
    }

    fn check(self) {
        assert_eq!(self.wrong, 0, "{:#?}", self.lines);
    }
}

#[test]
fn a_run_takes_no_more_memory_than_explain_tells() {
    let project = project();
    let mut account = Account::default();
    for (name, flow) in flows() {
        project.flow(flow);
        for precision in ["f32", "f64"] {
            let name = format!("{name} in {precision}");
            let args = format!("--precision {precision} --threads 2 --overwrite=all");
            let explained = project.summary(&format!("{args} --explain")).ends(0);
            let all = told(&explained, "memory:");
            let command = |max: u64| {
                let args =
                    format!("-m strainrate2summary -c system.json {args} --max-memory {max}MB");
                project.command(&args)
            };
            account.add(&name, watched(command(all)), all, true);
            // The least that is allowed, and a little less.
            let ran = Ran::of(command(100)).ends(64);
            let words: Vec<&str> = ran.errors()[0].split_whitespace().collect();
            let at = words.iter().position(|word| *word == "takes").unwrap();
            let least: u64 = words[at + 1].parse().unwrap();
            assert!(least < all, "{}", ran.err);
            account.add(&name, watched(command(least + 1)), least + 1, false);
            Ran::of(command(least - 1)).ends(64).says("--max-memory");
        }
    }
    account.check();
}

#[test]
fn a_larger_chunk_than_memory_allows_is_refused_and_the_others_are_computed() {
    let project = Project::new();
    for k in 0..4 {
        project.write(&format!("chunks/{k}.npy"), &chunk(k + 1, 100, 1000));
    }
    project.write("chunks/4.npy", &chunk(5, 1000, SAMPLES));
    project
        .summary("--max-memory 100MB")
        .ends(65)
        .says("4.npy: found a chunk for which this flow takes")
        .says("4 chunks done");
    project
        .summary("--max-memory 2GB")
        .ends(0)
        .says("1 chunks done");
}

#[test]
fn limits_of_memory_that_are_none_are_refused() {
    let project = Project::with_chunks(1);
    for (args, expected) in [
        ("--max-memory 8", "expected 100MB or more"),
        ("--max-memory lots", "expected a size such as 8GB"),
        ("--max-device-memory=-1GB", "expected a size such as 8GB"),
    ] {
        project.summary(args).ends(64).says(expected);
    }
}

#[test]
fn a_gpu_run_takes_no_more_memory_than_explain_tells() {
    if !has_software() {
        return;
    }
    let project = project();
    let mut account = Account::default();
    for (name, flow) in flows() {
        project.flow(flow);
        let args = "--device software --threads 2 --overwrite=all --max-device-memory 40MB";
        let ran = project.summary(&format!("{args} --explain")).ends(0);
        let all = told(&ran, "memory:");
        if ran.out.contains("GPU memory:") {
            assert!(told(&ran, "GPU memory:") <= 40, "{}", ran.out);
        }
        let args = format!("-m strainrate2summary -c system.json {args} --max-memory {all}MB");
        account.add(name, watched(project.command(&args)), all, false);
    }
    account.check();
}

/// No chunk is read while results wait for a disk that is slower than everything else.
#[test]
fn a_slow_disk_slows_the_run_down_and_takes_no_memory() {
    let Some(shim) = faults::shim() else {
        return;
    };
    let project = Project::new();
    let one = project.path("one.npy");
    project.write("one.npy", &chunk(1, 100, SAMPLES));
    std::fs::create_dir(project.path("chunks")).unwrap();
    let chunks = 30;
    for k in 0..chunks {
        std::fs::hard_link(&one, project.path(&format!("chunks/{k}.npy"))).unwrap();
    }
    project.flow(json!([
        {"name": "butter", "uid": 1, "in_uid": 0, "freq": 40},
        {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "npy"}
    ]));
    let args = "--precision f64 --threads 2";
    let all = told(
        &project.summary(&format!("{args} --explain")).ends(0),
        "memory:",
    );
    // All results at once are more than that.
    assert!(all < chunks * 8);
    let mut command = project.command(&format!("-m strainrate2summary -c system.json {args}"));
    command
        .env("LD_PRELOAD", shim)
        .env("FAULT_PATHS", project.path("results/npy"))
        .env("FAULT_KINDS", "s")
        .env("FAULT_ACT", "slow")
        .env("FAULT_ERRNO", "50")
        .env("FAULT_AT", "1");
    let begin = std::time::Instant::now();
    let mut account = Account::default();
    account.add("a slow disk", watched(command), all, false);
    // The disk was slow indeed.
    assert!(begin.elapsed() > Duration::from_millis(50 * chunks));
    account.check();
    let made = project.files("results/npy");
    let made = made
        .keys()
        .filter(|name| name.starts_with(char::is_numeric));
    assert_eq!(made.count() as u64, chunks);
}
