//! The modules beside the processing: tables and LAS files into logs, averages, shifted times, swapped folders, templates.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod csv;
mod folders;
mod las;
mod settings;

use std::path::{Path, PathBuf};

use distpy_gpu::block::DType;
use distpy_gpu::formats::npy;
use distpy_gpu::formats::witsml::{self, Log};
use serde_json::Value;

use crate::program::{Project, Ran};

/// A folder of golden data.
fn golden(name: &str) -> PathBuf {
    crate::root().join("tests/golden").join(name)
}

/// What lasio and pandas read from the files beside it.
fn expected() -> Value {
    let text = std::fs::read_to_string(golden("companions/expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(golden(name)).unwrap()
}

/// A project with settings, whose input is the folder `data`.
fn project(settings: Value) -> Project {
    let project = Project::new();
    project.system(serde_json::json!({"in_directory": "data", "config": "settings.json"}));
    project.write("settings.json", settings.to_string().as_bytes());
    project
}

fn run(project: &Project, module: &str) -> Ran {
    project.run(&format!("-m {module} -c system.json"))
}

fn log(project: &Project, name: &str) -> Log {
    let path = project.path(name);
    witsml::parse(&path, &std::fs::read(&path).unwrap()).unwrap()
}

/// The rows of a log: depth and values; `None` where there is none.
fn rows(log: &Log) -> Vec<Vec<Option<f64>>> {
    let columns = || std::iter::once(&log.depth).chain(&log.curves);
    let value = |v: f64| (!v.is_nan()).then_some(v);
    let row = |k| columns().map(|curve| value(curve.values[k])).collect();
    (0..log.depth.values.len()).map(row).collect()
}

fn axis(project: &Project, name: &str) -> Vec<f64> {
    let array = npy::open(&project.path(name)).unwrap();
    array.to_f64_vec().unwrap()
}

/// The type, shape and samples of an array.
fn numbers(path: &Path) -> (DType, Vec<usize>, Vec<f64>) {
    let array = npy::open(path).unwrap();
    let header = array.header();
    let stored = array.stored().or_else(|| array.column()).unwrap();
    let block = stored.block::<f64>(0..stored.shape()[0]);
    let samples = block.as_real().iter().copied().collect();
    (header.dtype, header.shape.clone(), samples)
}

/// Every golden file of a case is there: logs byte for byte, arrays number by number.
#[track_caller]
fn same_files(project: &Project, case: &str) {
    let folder = golden("io").join(case).join("expected/input");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let result = format!("results/input/{name}");
        if name.ends_with(".npy") {
            // The other order of a table's samples is the same table.
            let [found, want] = [project.path(&result), path].map(|path| numbers(&path));
            assert_eq!(found, want, "{case}: {name}");
        } else {
            let found = std::fs::read(project.path(&result)).unwrap();
            assert!(
                found == std::fs::read(&path).unwrap(),
                "{case}: {name} differs"
            );
        }
        names.push(format!("input/{name}"));
    }
    names.sort();
    assert_eq!(project.names("results"), names, "{case}");
}
