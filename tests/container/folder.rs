//! Folders that a container and the program on this machine work on alike.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::podman::Ran;

/// A folder where anybody may write.
pub struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        open_to_all(folder.path());
        Self { folder }
    }

    /// Two seconds of a recording of 20 channels at 200 Hz, as SEG-Y, HDF5, chunks, logs and curves, with configurations; a short TDMS file.
    pub fn with_recordings() -> Self {
        static MADE: LazyLock<Folder> = LazyLock::new(recordings);
        let copy = Self::empty();
        for (name, bytes) in MADE.files("") {
            copy.write(&name, &bytes);
        }
        copy
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        let parent = path.parent().unwrap();
        std::fs::create_dir_all(parent).unwrap();
        let folders = parent.ancestors();
        folders
            .take_while(|folder| folder.starts_with(self.path()))
            .for_each(open_to_all);
        std::fs::write(path, bytes).unwrap();
    }

    pub fn write_json(&self, name: &str, value: &Value) {
        self.write(name, value.to_string().as_bytes());
    }

    /// Every file below a folder by its relative name; not what the program keeps for itself.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let root = self.path().join(folder);
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(folder) else {
                continue;
            };
            for path in entries.map(|entry| entry.unwrap().path()) {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                if name.split('/').any(|part| part.starts_with(".distpy-gpu")) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(name, std::fs::read(path).unwrap());
                }
            }
        }
        files
    }

    /// Runs the program of this machine in the folder.
    pub fn host(&self, args: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distpy-gpu"));
        command
            .args(args.split_whitespace())
            .current_dir(self.path())
            .env_remove("DISTPY_GPU_LOG")
            .env("XDG_RUNTIME_DIR", self.path());
        Ran::of(command.output().unwrap())
    }
}

fn open_to_all(folder: &Path) {
    let mode = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder, mode).unwrap();
}

fn recordings() -> Folder {
    let folder = Folder::empty();
    folder.write_json("system.json", &system());
    folder.write_json("noiselog.json", &noise_log());
    folder.write_json(
        "plots_system.json",
        &json!({"in_directory": "curves", "config": "plots.json"}),
    );
    let item = json!({"title_text": "RMS", "data": "band_0-nyquist.npy", "colormap": "magma"});
    let plot = |format: &str| json!({"plot_type": "well_log", "out_plot": "log", "format": format, "plot_list": [item]});
    let plots = ["png", "jpg", "svg", "pdf"].map(plot);
    folder.write_json("plots.json", &json!({"plots": plots}));
    companions(&folder);
    for file in ["recordings/fibre.sgy", "recordings/fibre.h5"] {
        folder
            .host(&format!("-m synthesize -c system.json -o {file}"))
            .ends(0);
    }
    let tdms = std::fs::read(project("tests/golden/tdms/interleaved.tdms")).unwrap();
    folder.write("recordings/fibre.tdms", &tdms);
    for args in [
        "-m segy_ingest -c system.json -f recordings/fibre.sgy -o chunks",
        "-m strainrate2summary -c system.json -o logs --device cpu",
        "-m ingest_witsml -c system.json -f logs/NoiseLog -o curves",
    ] {
        folder.host(args).ends(0);
    }
    folder
}

/// Tables, curves and folders for the modules beside the processing, with their settings.
fn companions(folder: &Folder) {
    let curves = json!([{"mnemonic": "T", "unit": "degC"}]);
    let rows = json!({"time_label": "time", "depth_label": "depth", "csv_labels": ["T"], "curves": curves});
    for (name, settings) in [
        ("table", rows),
        ("grid", json!({"time_row": 0})),
        ("las", json!({"data_style": "DTS"})),
        ("shift", json!({"hours": -6})),
    ] {
        let file = format!("{name}.json");
        folder.write_json(&file, &settings);
        folder.write_json(&format!("{name}_system.json"), &json!({"config": file}));
    }
    folder.write_json(
        "template.json",
        &json!({"filename": "table.json", "variables": {"degC": "K"}}),
    );
    folder.write(
        "tables/rows.csv",
        b"time,depth,T\n2026-01-01 00:00:00,1,20.5\n2026-01-01 00:00:00,0,20\n",
    );
    folder.write(
        "tables/grid.csv",
        b"Depth,2026-01-01 00:00:00\n0,20\n1,20.5\n",
    );
    folder.write(
        "tables/curves.las",
        b"~V\nVERS. 2.0 :\n~W\nDATE. 2026-01-01 :\n~C\nDEPT.M :\nT.DEGC :\n~A\n0 20\n1 20.5\n",
    );
    folder.write("times/1767225600/band.npy", b"an array");
}

/// A system configuration of a small recording.
pub fn system() -> Value {
    json!({
        "in_directory": "chunks", "out_directory": "results", "config": "noiselog.json", "prf": 200,
        "measured_depth": "measured_depth.npy",
        "distpy_gpu": {"synthesize": {
            "seed": 3, "channels": 20, "seconds": 2, "prf": 200, "channel_spacing": 2.0, "start": "2026-01-01T00:00:00Z"
        }}
    })
}

/// RMS and the energy of two bands, as a log and as a table.
pub fn noise_log() -> Value {
    json!({"command_list": [
        {"name": "fft", "uid": 1, "in_uid": 0},
        {"name": "rms_from_fft", "uid": 2, "in_uid": 1},
        {"name": "multiple_calcs", "uid": 3, "in_uid": 1, "func": "te_from_fft", "low_freq": [0, 20], "high_freq": [20, -1]},
        {"name": "write_npy", "uid": 4, "in_uid": 3, "directory_out": "te"},
        {"name": "write_witsml", "uid": 5, "in_uid": 3, "gather_uids": [2], "directory_out": "NoiseLog",
            "low_freq": [0, 20], "high_freq": [20, -1]}
    ]})
}

/// A path of the project.
pub fn project(name: &str) -> PathBuf {
    crate::podman::root().join(name)
}
