//! Many runs share the work: each chunk is done once, whoever is killed in between.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use distpy_gpu::pipeline::shard::Shard;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::program::{Project, chunk};

proptest! {
    #[test]
    fn shards_are_a_balanced_partition_that_later_files_do_not_change(
        sizes in prop::collection::vec(0_u64..1_000_000, 0..200),
        count in 1_usize..20,
        kept in 0_usize..200,
    ) {
        let shares: Vec<Vec<bool>> = (0..count).map(|index| Shard { index, count }.of(&sizes)).collect();
        for file in 0..sizes.len() {
            prop_assert_eq!(shares.iter().filter(|share| share[file]).count(), 1);
        }
        let bytes = |share: &Vec<bool>| -> u64 {
            sizes.iter().zip(share).filter(|(_, mine)| **mine).map(|(&size, _)| size.max(1)).sum()
        };
        let loads: Vec<u64> = shares.iter().map(bytes).collect();
        let largest = sizes.iter().copied().max().unwrap_or(0).max(1);
        let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
        prop_assert!(most - least <= largest, "{:?}", loads);
        let kept = kept.min(sizes.len());
        for (index, share) in shares.iter().enumerate() {
            let before = Shard { index, count }.of(&sizes[..kept]);
            prop_assert_eq!(&share[..kept], &before[..]);
        }
    }
}

#[test]
fn files_of_one_size_go_round() {
    let shard = Shard { index: 1, count: 3 };
    let mine = shard.of(&[8; 7]);
    let mine: Vec<usize> = (0..7).filter(|&k| mine[k]).collect();
    assert_eq!(mine, [1, 4]);
}

/// More shares than files cost no memory, and change nothing for the files.
#[test]
fn of_more_shares_than_files_the_first_have_one_each() {
    let count = usize::MAX;
    for index in [0, 1, 2, 3, count - 1] {
        let mine = Shard { index, count }.of(&[0, 9, 4]);
        let expected: Vec<bool> = (0..3).map(|k| k == index).collect();
        assert_eq!(mine, expected, "{index}");
    }
    assert!(Shard { index: 0, count }.of(&[]).is_empty());
}

#[test]
fn numbers_beyond_any_machine_are_refused() {
    let project = Project::with_chunks(2);
    project.summary("--shard 0/1000000 -o most").ends(0);
    for count in ["1000001", "4294967296", "18446744073709551615"] {
        let found = format!("found {count} shards, expected at most 1000000; give");
        project
            .summary(&format!("--shard 0/{count}"))
            .ends(64)
            .says(&found);
        let mut command = project.command("-m strainrate2summary -c system.json");
        command
            .env("JOB_COMPLETION_INDEX", "0")
            .env("DISTPY_SHARDS", count);
        crate::program::Ran::of(command)
            .ends(64)
            .says(&format!("JOB_COMPLETION_INDEX and DISTPY_SHARDS: {found}"));
        project
            .run(&format!("-m render-job -c system.json --shards {count}"))
            .ends(64)
            .says(&format!("found \"{count}\", expected 1 to 1000000; leave"));
    }
    for threads in ["0", "1025", "65535", "4294967297"] {
        project
            .summary(&format!("--threads {threads}"))
            .ends(64)
            .says(&format!("found \"{threads}\", expected 1 to 1024; leave"));
    }
    for (ncpu, flag, code) in [
        (json!(1025), json!(true), 78),
        (json!(u64::MAX), json!(1), 78),
        // It counts for nothing here.
        (json!(65535), json!(0), 0),
        (json!(2), json!(1), 0),
    ] {
        project.system(json!({"ncpu": ncpu, "parallel_flag": flag}));
        let ran = project.summary("").ends(code);
        if code != 0 {
            let found = format!("system.json: ncpu: found {ncpu}, expected at most 1024; leave");
            assert!(ran.err.contains(&found), "{}", ran.err);
        }
    }
}

/// A container's limit of threads: not a defect, and worth another try.
#[cfg(target_os = "linux")]
#[test]
fn threads_that_the_system_refuses_are_an_error_of_the_system() {
    let project = Project::with_chunks(2);
    // Stacks that do not fit into the address space: the limit of processes does not hold for the superuser.
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_distpy-gpu");
    command
        .args(["-c", "ulimit -v 20000000; exec \"$0\" \"$@\"", program])
        .args("-m strainrate2summary -c system.json --threads 1000".split(' '))
        .current_dir(project.path(""))
        .env("RUST_MIN_STACK", "1000000000")
        .env("XDG_RUNTIME_DIR", project.path(""));
    let ran = crate::program::Ran::of(command)
        .ends(74)
        .says("the system starts no thread");
    assert!(!ran.err.contains("defect"), "{}", ran.err);
}

#[test]
fn a_share_comes_from_the_command_line_or_from_a_job() {
    let project = Project::with_chunks(7);
    let names = |out: &str| project.names(&format!("{out}/te")).join(" ");
    project
        .summary("--shard 1/3 -o flag")
        .ends(0)
        .says("shard 1/3: 2 of 7 files");
    assert_eq!(names("flag"), "2.npy 5.npy measured_depth.npy time.npy");
    for (index, count, code, said) in [
        (Some("1"), Some("3"), 0, "shard 1/3: 2 of 7 files"),
        (Some("8"), Some("9"), 0, "shard 8/9: 0 of 7 files"),
        (
            Some("3"),
            Some("3"),
            64,
            "found shard 3 of 3, expected 0 to 2",
        ),
        (
            Some("1"),
            None,
            64,
            "JOB_COMPLETION_INDEX is set, expected DISTPY_SHARDS too",
        ),
        (
            None,
            Some("3"),
            64,
            "DISTPY_SHARDS is set, expected JOB_COMPLETION_INDEX too",
        ),
        (
            Some("one"),
            Some("3"),
            64,
            "JOB_COMPLETION_INDEX: found \"one\", expected a whole number",
        ),
    ] {
        let out = format!("{index:?}{count:?}").replace(['"', '(', ')'], "");
        let mut command =
            project.command(&format!("-m strainrate2summary -c system.json -o {out}"));
        let variables = [("JOB_COMPLETION_INDEX", index), ("DISTPY_SHARDS", count)];
        for (name, value) in variables
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        {
            command.env(name, value);
        }
        let mut check = project.command("-m strainrate2summary -c system.json --check-args");
        check.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        crate::program::Ran::of(command).ends(code).says(said);
        let checked = crate::program::Ran::of(check).ends(code);
        assert_eq!(checked.err.is_empty(), code == 0, "{}", checked.err);
    }
    assert_eq!(names("Some1Some3"), names("flag"));
    project
        .summary("--shard 3/3")
        .ends(64)
        .says("found shard 3 of 3, expected 0 to 2");
    project
        .summary("--shard 3")
        .ends(64)
        .says("expected I/N such as 0/8");
    project.run("-m nothing --check-args").ends(64);
}

#[test]
fn recordings_are_shared_as_well() {
    let project = Project::new();
    let recipe = |start: u32| json!({"channels": 8, "seconds": 2, "prf": 200, "start": format!("2026-01-01T00:00:{start:02}Z")});
    for k in 0..3 {
        project.write("recipe.json", recipe(4 * k).to_string().as_bytes());
        project
            .run(&format!(
                "-m synthesize -c recipe.json -o recordings/{k}.sgy"
            ))
            .ends(0);
    }
    let ingest = "-m segy_ingest -c system.json -f recordings";
    project.run(&format!("{ingest} -o whole")).ends(0);
    for (shard, chunks) in [(0, 4), (1, 2)] {
        project
            .run(&format!("{ingest} -o shared --shard {shard}/2"))
            .ends(0);
        let progress = format!("shared/.distpy-gpu/progress/segy_ingest-{shard}-of-2.json");
        let progress: Value =
            serde_json::from_slice(&std::fs::read(project.path(&progress)).unwrap()).unwrap();
        assert_eq!(progress["chunks_done"], chunks, "{progress}");
        assert_eq!(progress["shard"], format!("{shard}/2"));
    }
    assert!(project.files("shared") == project.files("whole"));
}

/// Chunks that take some ten milliseconds each on one thread.
fn slow(chunks: usize) -> Project {
    let project = Project::new();
    for k in 1..=chunks {
        project.write(&format!("chunks/{k}.npy"), &chunk(k, 30, 1500));
    }
    let filter = |uid: u32| json!({"name": "butter", "uid": uid, "in_uid": uid - 1, "freq": 40, "order": 24});
    let mut flow: Vec<Value> = (1..=3).map(filter).collect();
    flow.push(json!({"name": "write_npy", "uid": 4, "in_uid": 3, "directory_out": "out"}));
    flow.push(json!({"name": "mean", "uid": 5, "in_uid": 3}));
    flow.push(json!({"name": "write_witsml", "uid": 6, "in_uid": 5, "directory_out": "log"}));
    project.flow(json!(flow));
    project
}

/// A pod's process, with the log that it writes.
struct Pod {
    child: Child,
    log: PathBuf,
    kill: Option<(Instant, &'static str)>,
}

impl Pod {
    /// As the Job controller starts it.
    fn start(project: &Project, index: usize, shards: usize, attempt: usize, more: &str) -> Self {
        let log = project.path(&format!("log-{index}-{attempt}{}", more.replace(' ', "")));
        let args = "-m strainrate2summary -c system.json --threads 1 -v --log-format json";
        let child = project
            .command(&format!("{args} {more}"))
            .env("JOB_COMPLETION_INDEX", index.to_string())
            .env("DISTPY_SHARDS", shards.to_string())
            .stderr(Stdio::from(std::fs::File::create(&log).unwrap()))
            .spawn()
            .unwrap();
        Self {
            child,
            log,
            kill: None,
        }
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = std::process::Command::new("sh")
            .args(["-c", &kill])
            .status();
        assert!(status.unwrap().success());
    }

    /// Kills it when its time has come; its exit code, -1 for a kill, when it has ended.
    fn poll(&mut self) -> Option<i32> {
        if self.kill.is_some_and(|(when, _)| Instant::now() >= when) {
            let (_, name) = self.kill.take().unwrap();
            self.signal(name);
        }
        self.child
            .try_wait()
            .unwrap()
            .map(|status| status.code().unwrap_or(-1))
    }
}

/// How often each chunk was done, by the logs.
fn counts(logs: &[PathBuf]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for log in logs {
        for line in std::fs::read_to_string(log).unwrap().lines() {
            // A killed process may have written half a line.
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            if line["message"] == "chunk done" {
                let chunk = line["chunk"].as_str().unwrap().to_string();
                *counts.entry(chunk).or_default() += 1;
            }
        }
    }
    counts
}

/// What is left below the folder of results that is no result.
fn unfinished(project: &Project) -> Vec<PathBuf> {
    let pattern = project.path("results/**/*").display().to_string();
    let below = |pattern: &str| {
        glob::glob(pattern)
            .unwrap()
            .map(Result::unwrap)
            .collect::<Vec<_>>()
    };
    let mut left = below(&pattern);
    left.extend(below(
        &project
            .path("results/.distpy-gpu/*/*")
            .display()
            .to_string(),
    ));
    left.retain(|path| {
        let name = path.display().to_string();
        name.contains(".tmp-") || name.contains("/claims/") || name.contains("/runs/")
    });
    left
}

#[test]
fn eight_shards_that_are_killed_at_random_do_every_chunk_once() {
    const SHARDS: usize = 8;
    const CHUNKS: usize = 400;
    let undisturbed = slow(CHUNKS);
    undisturbed.summary("").ends(0);
    let project = slow(CHUNKS);
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let mut pods: Vec<(usize, usize, Pod)> = Vec::new();
    let mut logs = Vec::new();
    let (mut terminated, mut killed) = (0, 0);
    let mut start = |index: usize, attempt: usize, logs: &mut Vec<PathBuf>| {
        let mut pod = Pod::start(&project, index, SHARDS, attempt, "");
        logs.push(pod.log.clone());
        // Of the first three of every eight pods, and of later attempts at chance, some are ended early.
        let chance = random.next_u32() % 3 == 0;
        if (attempt == 0 && index % 8 < 3) || (attempt > 0 && attempt < 4 && chance) {
            let delay = Duration::from_millis(u64::from(100 + random.next_u32() % 1500));
            let name = if (index + attempt).is_multiple_of(2) {
                "KILL"
            } else {
                "TERM"
            };
            pod.kill = Some((Instant::now() + delay, name));
        }
        (index, attempt, pod)
    };
    for index in 0..SHARDS {
        pods.push(start(index, 0, &mut logs));
    }
    while !pods.is_empty() {
        let (mut index, mut attempt, mut pod) = pods.remove(0);
        match pod.poll() {
            None => std::thread::sleep(Duration::from_millis(2)),
            Some(0) => continue,
            Some(code) => {
                match code {
                    143 => terminated += 1,
                    -1 => killed += 1,
                    _ => panic!("{code}: {}", std::fs::read_to_string(&pod.log).unwrap()),
                }
                // The Job starts another pod for the index.
                (index, attempt, pod) = start(index, attempt + 1, &mut logs);
            }
        }
        pods.push((index, attempt, pod));
    }
    assert!(
        terminated > 0 && killed > 0,
        "{terminated} terminated, {killed} killed"
    );
    assert!(project.files("results") == undisturbed.files("results"));
    let counts = counts(&logs);
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    // A process may be killed between a chunk's result and the line that tells of it.
    assert!(
        counts.len() + killed >= CHUNKS,
        "{} of {CHUNKS} chunks were reported",
        counts.len()
    );
    assert_eq!(unfinished(&project), Vec::<PathBuf>::new());
}

#[test]
fn a_second_job_over_the_same_shards_meets_the_first_in_the_middle() {
    let undisturbed = slow(60);
    undisturbed.summary("").ends(0);
    let project = slow(60);
    let mut pods = Vec::new();
    for index in 0..2 {
        pods.push(Pod::start(&project, index, 2, 0, ""));
        pods.push(Pod::start(&project, index, 2, 0, "--reverse"));
    }
    let logs: Vec<PathBuf> = pods.iter().map(|pod| pod.log.clone()).collect();
    for pod in &mut pods {
        assert_eq!(
            pod.child.wait().unwrap().code(),
            Some(0),
            "{}",
            std::fs::read_to_string(&pod.log).unwrap()
        );
    }
    assert!(project.files("results") == undisturbed.files("results"));
    assert_eq!(counts(&logs).len(), 60);
    assert!(
        counts(&logs).values().all(|count| *count == 1),
        "{:?}",
        counts(&logs)
    );
    for log in &logs {
        assert!(
            !counts(std::slice::from_ref(log)).is_empty(),
            "{} did nothing",
            log.display()
        );
    }
    assert_eq!(unfinished(&project), Vec::<PathBuf>::new());
}

#[test]
fn a_run_waits_for_chunks_that_another_has_and_does_them_if_it_gives_up() {
    use distpy_gpu::pipeline::output::{Folder, Sharing};
    let project = Project::with_chunks(3);
    let other = Folder::join(&project.path("results"), &Sharing::default()).unwrap();
    assert!(other.take("te/2.npy").unwrap());
    let mut run = project
        .command("-m strainrate2summary -c system.json")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !project.path("results/te/3.npy").exists() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "it waits before it has to"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    assert!(run.try_wait().unwrap().is_none() && !project.path("results/te/2.npy").exists());
    other.release("te/2.npy");
    let ended = run.wait_with_output().unwrap();
    let log = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{log}");
    assert!(
        log.contains("1 pieces of work are in the hands of other runs"),
        "{log}"
    );
    assert!(project.path("results/te/2.npy").exists());
}
