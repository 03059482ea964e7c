//! Ends, limits and exit codes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::folder::{Folder, system};
use crate::podman::{Container, IMAGE};

const FLOW: &str = "-m strainrate2summary -c system.json --device cpu --threads 1";
const CHUNKS: usize = 24;

/// Chunks that take some thirty milliseconds each on one thread.
fn slow() -> Folder {
    let folder = Folder::empty();
    folder.write_json("system.json", &system());
    for k in 1..=CHUNKS {
        folder.write(&format!("chunks/{k:02}.npy"), &chunk(40, 3000));
    }
    let filter = |uid: u32| json!({"name": "butter", "uid": uid, "in_uid": uid - 1, "freq": 40, "order": 24});
    let mut flow: Vec<Value> = (1..=4).map(filter).collect();
    flow.push(json!({"name": "write_npy", "uid": 5, "in_uid": 4, "directory_out": "out"}));
    folder.write_json("noiselog.json", &json!({"command_list": flow}));
    folder
}

/// An npy file of whole numbers in double precision.
fn chunk(rows: usize, cols: usize) -> Vec<u8> {
    let samples = (0..rows * cols).flat_map(|k| ((k * 7 % 23) as f64).to_le_bytes());
    distpy_gpu::formats::npy::encode(
        distpy_gpu::block::DType::F64,
        &[rows, cols],
        &samples.collect::<Vec<_>>(),
    )
}

#[test]
fn a_stopped_container_leaves_whole_files() {
    let undisturbed = slow();
    undisturbed.host(FLOW).ends(0);
    let want = undisturbed.files("results");
    assert!(want.len() >= CHUNKS);
    let folder = slow();
    let running = Container::restricted(IMAGE, FLOW)
        .with_data(folder.path())
        .start();
    let started = Instant::now();
    while folder.files("results").is_empty() {
        assert!(started.elapsed() < Duration::from_secs(60), "no result");
        std::thread::sleep(Duration::from_millis(5));
    }
    let asked = Instant::now();
    running.stop(30);
    running.wait().ends(143).says("ended early as asked");
    assert!(asked.elapsed() < Duration::from_secs(20), "it was killed");
    let left = folder.files("results");
    assert!(left.len() < want.len(), "it was over before it was stopped");
    for (name, bytes) in &left {
        let whole = want.get(name).is_some_and(|want| want == bytes);
        assert!(whole, "{name} is temporary, or not whole");
    }
    let again = Container::restricted(IMAGE, FLOW).with_data(folder.path());
    again.run().ends(0);
    assert!(folder.files("results") == want);
}

#[test]
fn a_limit_of_processors_is_seen() {
    let container = Container {
        cpus: Some(1.0),
        ..Container::restricted(IMAGE, "-m devices --json")
    };
    let ran = container.run().ends(0);
    let devices: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(devices["cpu_threads"], json!(1), "{}", ran.out);
}

#[test]
fn a_limit_of_memory_is_seen() {
    let folder = slow();
    folder.write("chunks/01.npy", &chunk(400, 3000));
    let container = Container {
        memory: Some("96m".to_owned()),
        ..Container::restricted(IMAGE, FLOW)
    };
    let ran = container.with_data(folder.path()).run();
    ran.ends(0).says("memory is limited to 96 MB");
}

#[test]
fn an_exit_code_passes_through() {
    let folder = Folder::with_recordings();
    folder.write("broken.json", b"{\"prf\": ");
    let cases = [
        ("-m strainrate2summary -c broken.json", 78, "broken.json"),
        ("-m strainrate2summary", 64, "-c CONFIG.json"),
        (
            "-m segy_ingest -c system.json -f system.json -o made",
            65,
            "system.json",
        ),
    ];
    for (args, code, fragment) in cases {
        let container = Container::restricted(IMAGE, args).with_data(folder.path());
        container.run().ends(code).says(fragment);
    }
}
