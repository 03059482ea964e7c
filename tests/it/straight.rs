//! From recordings to results without chunk files: what an ingest and the same flow give, across files, and what is told.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use distpy_gpu::formats::segy::{Format, Recording, SegyWriter};
use distpy_gpu::formats::zarr;
use distpy_gpu::pipeline::output::AtomicFile;
use serde_json::json;

use crate::program::{Project, devices};

const T0: i64 = 1_500_000_000;
const CHANNELS: usize = 6;

/// Sample `time` of all recordings, as if they were one.
fn value(channel: usize, time: usize) -> f32 {
    let phase = time as f32 * (0.05 + channel as f32 * 0.3);
    phase.sin() * 100.0 + (time % 17) as f32
}

/// A SEG-Y file that holds samples from `from` on.
fn segy(project: &Project, name: &str, second: i64, from: usize, samples: usize, channels: usize) {
    let path = project.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let recording = Recording {
        format: Format::F32,
        samples,
        prf: 200.0,
        start: jiff::Timestamp::from_second(T0 + second).unwrap(),
        depth: (0..channels).map(|c| 100.0 + c as f64).collect(),
        text: vec![],
    };
    let bytes: Vec<u8> = (0..channels)
        .flat_map(|c| (from..from + samples).flat_map(move |t| value(c, t).to_ne_bytes()))
        .collect();
    let mut writer = SegyWriter::new(AtomicFile::create(&path).unwrap(), recording).unwrap();
    writer.write(0..channels, 0..samples, &bytes).unwrap();
    writer.finish().unwrap().commit().unwrap();
}

/// One recording of 9 s and a bit.
fn whole(project: &Project) {
    segy(project, "raw/all.sgy", 0, 0, 1830, CHANNELS);
}

/// The same in three files.
fn parts(project: &Project) {
    for (name, second, samples) in [("c.sgy", 0, 600), ("a.sgy", 3, 800), ("b.sgy", 7, 430)] {
        segy(
            project,
            &format!("parts/{name}"),
            second,
            second as usize * 200,
            samples,
            CHANNELS,
        );
    }
}

#[test]
fn results_are_those_of_an_ingest() {
    let project = Project::new();
    whole(&project);
    parts(&project);
    project
        .run("-m segy_ingest -c system.json -f raw/all.sgy -o chunks")
        .ends(0);
    for (k, device) in devices().into_iter().enumerate() {
        let [steps, straight, joined] = ["steps", "straight", "joined"].map(|n| format!("{n}{k}"));
        project.summary(&format!("{device} -o {steps}")).ends(0);
        project
            .summary(&format!("{device} -f raw/all.sgy -o {straight}"))
            .ends(0);
        project
            .summary(&format!("{device} -f parts -o {joined}"))
            .ends(0);
        let expected = project.files(&steps);
        assert_eq!(expected.len(), 10 * 2 + 2, "{:?}", expected.keys());
        assert!(project.files(&straight) == expected, "{device}");
        assert!(project.files(&joined) == expected, "{device}");
    }
}

#[test]
fn chunks_of_other_lengths_overlap() {
    let project = Project::new();
    parts(&project);
    project
        .system(json!({"distpy_gpu": {"device": "cpu", "chunk_seconds": 4, "overlap_seconds": 2}}));
    project.flow(json!([{"name": "write_npy", "uid": 1, "in_uid": 0, "directory_out": "copy"}]));
    project.summary("-f parts").ends(0);
    let names: Vec<String> = (0..4).map(|k| format!("copy/{}.npy", T0 + 2 * k)).collect();
    let found = project.names("results");
    assert_eq!(
        found
            .iter()
            .filter(|n| n.contains("150000"))
            .cloned()
            .collect::<Vec<_>>(),
        names
    );
    for (k, name) in names.iter().enumerate() {
        let table = project.table(&format!("results/{name}"));
        let samples = if k == 3 { 630 } else { 800 };
        assert_eq!(table.shape(), (CHANNELS, samples));
        for c in 0..CHANNELS {
            let expected = (0..samples).map(|t| f64::from(value(c, k * 400 + t)));
            assert!(expected.eq(table.as_real().row(c).iter().copied()), "{k}");
        }
    }
}

#[test]
fn a_rerun_skips_and_shares_make_one_whole() {
    let project = Project::new();
    parts(&project);
    for shard in ["0/3", "1/3", "2/3"] {
        project
            .summary(&format!("-f parts --shard {shard}"))
            .ends(0);
    }
    let shared = project.files("results");
    project.summary("-f parts -o once").ends(0);
    assert!(shared == project.files("once"));
    project.summary("-f parts").ends(0).says("10 skipped");
}

#[test]
fn a_bad_file_is_told_and_the_others_go_on() {
    let project = Project::new();
    parts(&project);
    project.write("parts/bad.sgy", b"no recording");
    segy(&project, "parts/other.sgy", 20, 0, 200, CHANNELS + 1);
    project.write("parts/empty.sgy", b"");
    let ran = project.summary("-f parts").ends(65);
    let errors = ran.errors().join("\n");
    for part in [
        "bad.sgy",
        "empty.sgy: file: found no bytes, expected a recording",
        "other.sgy: channels: found 7, expected 6",
    ] {
        assert!(errors.contains(part), "{errors}");
    }
    assert_eq!(
        project
            .names("results")
            .iter()
            .filter(|n| n.ends_with(".fbe"))
            .count(),
        10
    );
}

#[test]
fn what_cannot_be() {
    let project = Project::with_chunks(1);
    whole(&project);
    project
        .summary("-f raw/all.sgy chunks/1.npy")
        .ends(64)
        .says("found chunks such as chunks/1.npy and recordings such as raw/all.sgy");
    // Of a folder that holds both, the chunks are taken.
    std::fs::copy(project.path("raw/all.sgy"), project.path("chunks/all.sgy")).unwrap();
    project.summary("").ends(0).says("1 chunks done");
    project
        .summary("-f raw/all.sgy --timestamp 5")
        .ends(64)
        .says("recordings have times of their own");
    for (keys, message) in [
        (
            json!({"chunk_seconds": 0.5}),
            "distpy_gpu.chunk_seconds: found 0.5, expected seconds from 1 to 86400",
        ),
        (
            json!({"chunk_seconds": 2, "overlap_seconds": 1.5}),
            "distpy_gpu.overlap_seconds: found 1.5, expected at most chunk_seconds less 1",
        ),
        (
            json!({"join_seconds": -1}),
            "distpy_gpu.join_seconds: found -1",
        ),
        (
            json!({"calibrate": 2}),
            "distpy_gpu.calibrate: found 2, expected true or false",
        ),
    ] {
        project.system(json!({ "distpy_gpu": keys }));
        project.summary("-f raw/all.sgy").ends(78).says(message);
    }
    project.system(json!({"prf": 500}));
    project
        .summary("-f raw/all.sgy")
        .ends(0)
        .says("found 500 Hz; recordings have 200 Hz");
}

/// Counts of an instrument that says what they are: results are in its unit, unless they are not wanted so.
#[test]
fn calibrations_come_first() {
    let project = Project::with_chunks(1);
    project.write(
        "chunks/calibration.json",
        br#"{"factor": 0.25, "unit": "rad"}"#,
    );
    project.flow(json!([{"name": "write_npy", "uid": 1, "in_uid": 0, "directory_out": "copy"}]));
    let table = |name: &str| {
        project
            .table(&format!("{name}/copy/1.npy"))
            .as_real()
            .clone()
    };
    project
        .summary("-o unit")
        .ends(0)
        .says("multiplied by 0.25: they are in rad");
    project
        .summary("-o distpy --compat distpy")
        .ends(0)
        .says("0.25 times one is in rad");
    project.system(json!({"distpy_gpu": {"device": "cpu", "calibrate": 0}}));
    project.summary("-o stored").ends(0);
    assert_eq!(table("unit"), table("stored") * 0.25);
    assert_eq!(table("distpy"), table("stored"));
    project.write("chunks/calibration.json", br#"{"factor": "much"}"#);
    project
        .summary("-o none")
        .ends(65)
        .says("calibration.json: JSON: found ");
}

/// A run that follows a folder: what is there is taken, then what comes, and SIGTERM ends it between chunks.
#[test]
fn a_folder_is_followed() {
    let project = Project::new();
    parts(&project);
    std::fs::create_dir_all(project.path("live")).unwrap();
    let copy = |from: &str, to: &str| {
        std::fs::copy(project.path(from), project.path(to)).unwrap();
    };
    copy("parts/c.sgy", "live/1.sgy");
    project.write("live/0.sgy", b"no recording");
    let mut command = project.command(
        "-m strainrate2summary -c system.json --watch live --settle 0.5 -o followed --log-format json",
    );
    let run = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let count = || {
        let names = project.names("followed");
        names.iter().filter(|n| n.ends_with(".fbe")).count()
    };
    let wait = |chunks: usize| {
        for _ in 0..600 {
            if count() >= chunks {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("{chunks} chunks never came: {} are there", count());
    };
    wait(3);
    // Written bit by bit, as an instrument does: not taken before it is whole.
    let bytes = std::fs::read(project.path("parts/a.sgy")).unwrap();
    for part in 1..=5 {
        project.write("live/2.sgy", &bytes[..bytes.len() * part / 5]);
        std::thread::sleep(std::time::Duration::from_millis(150));
    }
    wait(7);
    // A file that was refused is looked at again when it is another; this one is renamed, when it is whole.
    copy("parts/b.sgy", "live/.0.part");
    std::fs::rename(project.path("live/.0.part"), project.path("live/0.sgy")).unwrap();
    wait(9);
    let killed = std::process::Command::new("kill")
        .args(["-TERM", &run.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    run_ended(&run.wait_with_output().unwrap());
    // The last chunk is not full: it waits for the next file.
    assert_eq!(count(), 9);
    project.summary("-f parts -o once").ends(0);
    let once = project.files("once");
    for (name, bytes) in project.files("followed") {
        assert!(once[&name] == bytes, "{name}");
    }
}

fn run_ended(output: &std::process::Output) {
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(143), "{log}");
    let lines: Vec<serde_json::Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let told: Vec<i64> = lines
        .iter()
        .filter(|line| line["latency"].as_f64().is_some_and(|s| s > 0.0))
        .filter_map(|line| line["chunk"].as_str()?.parse().ok())
        .collect();
    assert_eq!(told, (0..9).map(|k| T0 + k).collect::<Vec<_>>(), "{log}");
    assert!(log.contains("0.sgy"), "{log}");
    assert!(!log.contains("gap"), "{log}");
}

#[test]
fn what_cannot_be_followed() {
    let project = Project::with_chunks(1);
    project
        .summary("--watch nowhere")
        .ends(74)
        .says("nowhere: no such folder");
    project
        .summary("--watch chunks --shard 0/2")
        .ends(64)
        .says("--watch takes no --shard");
    project
        .summary("--watch chunks --settle soon")
        .ends(64)
        .says("expected seconds from 0 to 86400");
}

/// Runs that follow one folder share its chunks, those as well that another run gave back undone.
#[test]
fn two_runs_follow_one_folder() {
    let project = Project::new();
    parts(&project);
    let mut flow = crate::program::noise_log();
    let summary = json!({"name": "write_zarr", "uid": 6, "in_uid": 3, "directory_out": "all"});
    flow.as_array_mut().unwrap().push(summary);
    project.flow(flow);
    let start = || {
        let args = "-m strainrate2summary -c system.json --watch parts --settle 0.2 -o shared -v";
        let mut command = project.command(args);
        command
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let runs = [start(), start()];
    let done = || {
        let names = project.names("shared");
        names.iter().filter(|n| n.ends_with(".fbe")).count()
    };
    for _ in 0..600 {
        if done() == 9 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let mut told: Vec<i64> = Vec::new();
    for run in &runs {
        let id = run.id().to_string();
        let killed = std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status();
        assert!(killed.unwrap().success());
    }
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(143), "{log}");
        told.extend(
            log.lines()
                .filter(|line| line.contains("after its last sample"))
                .filter_map(|line| {
                    line.split("chunk=")
                        .nth(1)?
                        .split(' ')
                        .next()?
                        .parse::<i64>()
                        .ok()
                }),
        );
    }
    told.sort_unstable();
    assert_eq!(told, (0..9).map(|k| T0 + k).collect::<Vec<_>>());
    // The last of them to end leaves the summary of both.
    let summary = zarr::open(&project.path("shared/all/summary.zarr/summary/1")).unwrap();
    let times: Vec<f64> = (0..9).map(|k| (T0 + k) as f64).collect();
    assert_eq!(summary.times().unwrap().unwrap(), times);
}

/// Results that cannot be written end a run, though no further file ever comes.
#[test]
fn a_run_that_follows_does_not_outlive_its_output() {
    let project = Project::new();
    whole(&project);
    // A file where the folder of results should be.
    project.write("results/te", b"");
    project
        .summary("--watch raw --settle 0.2")
        .ends(74)
        .says("results/te");
}
