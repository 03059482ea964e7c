//! The program as a user runs it: a folder with configurations and chunks, a command line, what was printed and left behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use distpy_gpu::block::Block;
use distpy_gpu::pipeline::output::BOOKKEEPING;
use serde_json::{Value, json};

use crate::backend;

/// A folder that holds `system.json` and `flow.json`: chunks in `chunks`, results in `results`.
pub struct Project {
    folder: tempfile::TempDir,
}

/// What a run did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Project {
    /// A noise log of two bands at 200 Hz, on the CPU. There is no chunk yet.
    pub fn new() -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        project.system(json!({}));
        project.flow(noise_log());
        project
    }

    /// The same with chunks `1.npy`, `2.npy`, ... of 6 channels and 200 samples.
    pub fn with_chunks(count: usize) -> Self {
        let project = Self::new();
        for k in 1..=count {
            project.write(&format!("chunks/{k}.npy"), &chunk(k, 6, 200));
        }
        project
    }

    /// Writes the system configuration with some keys more, or others.
    pub fn system(&self, keys: Value) {
        let mut system = json!({
            "in_directory": "chunks", "out_directory": "results", "config": "flow.json", "prf": 200,
            "distpy_gpu": {"device": "cpu"}
        });
        for (key, value) in keys.as_object().unwrap() {
            system[key] = value.clone();
        }
        self.write("system.json", system.to_string().as_bytes());
    }

    /// Writes the command file.
    pub fn flow(&self, commands: Value) {
        let flow = json!({ "command_list": commands });
        self.write("flow.json", flow.to_string().as_bytes());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The program with arguments, in the folder.
    pub fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distpy-gpu"));
        command
            .args(args.split_whitespace())
            .current_dir(self.folder.path())
            .env_remove("DISTPY_GPU_LOG")
            .env_remove("JOB_COMPLETION_INDEX")
            .env_remove("DISTPY_SHARDS")
            // A Vulkan driver complains on standard error where there is none.
            .env("XDG_RUNTIME_DIR", self.folder.path());
        command
    }

    pub fn run(&self, args: &str) -> Ran {
        Ran::of(self.command(args))
    }

    /// Runs the flow.
    pub fn summary(&self, args: &str) -> Ran {
        self.run(&format!("-m strainrate2summary -c system.json {args}"))
    }

    /// Every file below a folder, by its relative name; not what runs know of each other.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let root = self.path(folder);
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(folder) else {
                continue;
            };
            for path in entries.map(|entry| entry.unwrap().path()) {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                if path.is_dir() {
                    folders.push(path);
                } else if !name.split('/').any(|part| part == BOOKKEEPING) {
                    // A program that runs gives files their final names meanwhile.
                    match std::fs::read(path) {
                        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
                        read => files.insert(name, read.unwrap()),
                    };
                }
            }
        }
        files
    }

    /// The names of the files below a folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        self.files(folder).into_keys().collect()
    }

    /// The numbers of an npy file.
    pub fn table(&self, name: &str) -> Block<f64> {
        table(&self.path(name))
    }
}

impl Ran {
    /// Runs a command to its end, for at most two minutes.
    pub fn of(command: Command) -> Self {
        let limit = Duration::from_secs(120);
        let output = assert_cmd::Command::from_std(command)
            .timeout(limit)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn says(self, fragment: &str) -> Self {
        assert!(self.err.contains(fragment), "{fragment}\nin\n{}", self.err);
        self
    }

    /// The lines of errors.
    pub fn errors(&self) -> Vec<&str> {
        self.err
            .lines()
            .filter_map(|line| line.strip_prefix("ERROR "))
            .collect()
    }
}

/// RMS and the energy of two bands, as a log and as a table.
pub fn noise_log() -> Value {
    json!([
        {"name": "fft", "uid": 1, "in_uid": 0},
        {"name": "rms_from_fft", "uid": 2, "in_uid": 1},
        {"name": "multiple_calcs", "uid": 3, "in_uid": 1, "func": "te_from_fft", "low_freq": [0, 20], "high_freq": [20, -1]},
        {"name": "write_npy", "uid": 4, "in_uid": 3, "directory_out": "te"},
        {"name": "write_witsml", "uid": 5, "in_uid": 3, "gather_uids": [2], "directory_out": "NoiseLog",
            "low_freq": [0, 20], "high_freq": [20, -1]}
    ])
}

/// A command line's devices and precisions; a software adapter where this machine has one.
pub fn devices() -> Vec<&'static str> {
    let mut devices = vec![
        "--device cpu --precision f64",
        "--device cpu --precision f32",
    ];
    devices.extend(has_software().then_some("--device software"));
    devices
}

#[cfg(feature = "gpu")]
pub fn has_software() -> bool {
    use distpy_gpu::gpu::adapter::DeviceType;
    backend::choose_adapter().is_some_and(|it| it.info.device_type == DeviceType::Software)
}

#[cfg(not(feature = "gpu"))]
pub fn has_software() -> bool {
    false
}

/// Whole numbers from -11 to 11, so that every signed type holds them.
pub fn sample(seed: usize, row: usize, col: usize) -> i8 {
    ((row * 7 + col * 13 + seed * 5 + row * col) % 23) as i8 - 11
}

/// A chunk of [`sample`]s in double precision.
pub fn chunk(seed: usize, rows: usize, cols: usize) -> Vec<u8> {
    let samples = (0..rows * cols).map(|k| f64::from(sample(seed, k / cols, k % cols)));
    let bytes: Vec<u8> = samples.flat_map(f64::to_le_bytes).collect();
    npy("'<f8'", false, &[rows, cols], &bytes)
}

/// An npy file written without the code that is tested.
pub fn npy(descr: &str, fortran: bool, shape: &[usize], samples: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let lengths: String = shape.iter().map(|n| format!("{n},")).collect();
    let mut text =
        format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': ({lengths}), }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let length = (text.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), samples].concat()
}

fn table(path: &Path) -> Block<f64> {
    let (stored, _) = backend::stored(path);
    stored.block(0..stored.shape()[0])
}
