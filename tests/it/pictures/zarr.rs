//! Plots of Zarr arrays: the arrays are written by zarr-python and xarray (`tests/golden/zarr/make.py`).

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::json;

use super::{START, array, axis, curves, draw, plots};
use crate::program::Project;

fn arrays() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/zarr")
}

/// What all of the arrays hold.
fn value(row: usize, col: usize) -> f64 {
    if (10..13).contains(&row) && (20..30).contains(&col) {
        f64::NAN
    } else {
        ((7 * row + 3 * col) % 50) as f64 / 2.0
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The bytes of the pictures of some data, in every kind of plot that walks through arrays another way.
fn pictures(project: &Project, data: &str) -> Vec<Vec<u8>> {
    let ways = [
        ("well_log", json!({"downsample": "extreme"})),
        ("stack", json!({"downsample": "mean"})),
        ("summary", json!({"clip_percentiles": [2, 98]})),
    ];
    let list = ways.iter().map(|(kind, keys)| {
        let mut item = keys.clone();
        item["data"] = json!(data);
        item["title_text"] = json!("Band");
        json!({"plot_type": kind, "out_plot": kind, "plot_list": [item]})
    });
    let list: Vec<_> = list.collect();
    // Few pixels, so that several samples share one.
    plots(
        project,
        json!({"plots": list, "figure_size": [5, 3.5], "dpi": 60}),
    );
    draw(project).ends(0);
    let path = |(kind, _): &(&str, _)| project.path(&format!("results/{kind}.png"));
    ways.iter()
        .map(|way| std::fs::read(path(way)).unwrap())
        .collect()
}

#[test]
fn every_layout_gives_the_same_pictures() {
    let project = curves();
    project.write("curves/band.npy", &array(50, 60, value));
    let expected = pictures(&project, "band.npy");
    copy(&arrays(), &project.path("curves"));
    // The axes of the groups, not those of the folder.
    project.write("curves/time.npy", &axis(60, |k| k as f64));
    project.write("curves/measured_depth.npy", &axis(50, |k| k as f64));
    for name in [
        "version3.zarr/plain",
        "version3.zarr/zstd",
        "version3.zarr/gzip",
        "version3.zarr/shards",
        "version3.zarr/packed",
        "version2.zarr/zlib",
        "version2.zarr/turned",
    ] {
        let found = pictures(&project, name);
        assert!(found == expected, "{name}");
    }
}

#[test]
fn an_array_without_axes_has_the_folders() {
    let project = curves();
    project.write("curves/band.npy", &array(50, 60, value));
    let expected = pictures(&project, "band.npy");
    copy(
        &arrays().join("version3.zarr/zstd"),
        &project.path("curves/band.zarr"),
    );
    assert!(pictures(&project, "band.zarr") == expected);
    assert_eq!(START, 1_767_225_600.0);
}

#[test]
fn what_is_wrong_with_an_array_is_told() {
    let project = curves();
    copy(&arrays(), &project.path("curves"));
    project.write("curves/band.npy", &array(50, 60, value));
    let zstd = project.path("curves/version3.zarr/zstd");
    copy(&zstd, &project.path("curves/version3.zarr/damaged"));
    std::fs::write(
        project.path("curves/version3.zarr/damaged/c/1/1"),
        b"no tile",
    )
    .unwrap();
    let header = std::fs::read_to_string(zstd.join("zarr.json")).unwrap();
    let broken = |name: &str, from: &str, to: &str| {
        let compact: serde_json::Value = serde_json::from_str(&header).unwrap();
        let text = compact.to_string();
        assert!(text.contains(from), "{text}");
        let name = format!("curves/version3.zarr/{name}/zarr.json");
        project.write(&name, text.replace(from, to).as_bytes());
    };
    broken(
        "huge",
        "\"chunk_shape\":[20,32]",
        "\"chunk_shape\":[2000000,3200000]",
    );
    broken(
        "many",
        "\"shape\":[50,60]",
        "\"shape\":[4611686018427387904,60]",
    );
    broken("longer", "\"shape\":[50,60]", "\"shape\":[50,61]");
    broken("cut", "\"node_type\":\"array\"", "");
    let cases = [
        ("version3.zarr/damaged", "damaged/c/1/1: elements from"),
        ("version3.zarr/blosc", "blosc"),
        ("version3.zarr/complex", "complex128"),
        ("version3.zarr/time", "two dimensions"),
        (
            "version3.zarr",
            "found a group, expected an array, such as one of its own: blosc, complex",
        ),
        (
            "version2.zarr",
            "one of its own: distance, time, turned, zlib",
        ),
        (
            "version3.zarr/huge",
            "chunk shape: found [2000000, 3200000], expected at most",
        ),
        ("version3.zarr/many", "4611686018427387904"),
        (
            "version3.zarr/longer",
            "found [60], expected [61], as curves/version3.zarr/longer has along this axis",
        ),
        ("version3.zarr/cut", "a Zarr array"),
    ];
    let one = |(k, data): (usize, &str)| json!({"plot_type": "well_log", "out_plot": format!("plot{k}"), "plot_list": [{"data": data}]});
    let names = cases.iter().map(|(name, _)| *name);
    let list: Vec<_> = names.chain(["band.npy"]).enumerate().map(one).collect();
    plots(&project, json!({"plots": list}));
    let ran = draw(&project).ends(65);
    let lines = ran.errors();
    for ((name, expected), line) in cases.iter().zip(&lines) {
        assert!(
            line.contains(name) && line.contains(expected),
            "{name}: {line}"
        );
    }
    assert_eq!(lines.len(), cases.len());
    // The good one among them is drawn, none of the others.
    let drawn = std::fs::read_dir(project.path("results")).unwrap();
    let pngs = drawn.filter(|e| {
        e.as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|e| e == "png")
    });
    assert_eq!(pngs.count(), 1);
}

/// Unpacked bytes of a hostile tile.
const BOMB: usize = 600 << 20;

/// Writes zeros, as many as a bomb holds.
fn zeros<W: Write>(mut to: W) -> W {
    let zeros = vec![0; 1 << 20];
    for _ in 0..BOMB / zeros.len() {
        to.write_all(&zeros).unwrap();
    }
    to
}

/// Waits for the end of a program, and gives the most memory it was seen with, in kB.
fn watched(run: &mut Child) -> (ExitStatus, u64) {
    let mut most = 0;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", run.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
        let now = line.and_then(|it| it.split_whitespace().next()?.parse().ok());
        most = most.max(now.unwrap_or(0));
        if let Some(ended) = run.try_wait().unwrap() {
            return (ended, most);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A tile is unpacked no further than it has samples.
#[test]
fn a_tile_that_unpacks_to_more_is_refused_before_it_takes_memory() {
    let project = curves();
    copy(&arrays(), &project.path("curves"));
    project.write("curves/band.npy", &array(50, 60, value));
    let bombs = [
        (
            "version3.zarr/gzip",
            "c/0/0",
            zeros(GzEncoder::new(Vec::new(), Compression::fast())).finish(),
        ),
        (
            "version2.zarr/zlib",
            "0.0",
            zeros(ZlibEncoder::new(Vec::new(), Compression::fast())).finish(),
        ),
        (
            "version3.zarr/zstd",
            "c/0/0",
            zeros(zstd::Encoder::new(Vec::new(), 1).unwrap()).finish(),
        ),
    ];
    for (name, tile, bomb) in bombs {
        let bomb = bomb.unwrap();
        assert!(bomb.len() < 8 << 20, "{name}: {} bytes", bomb.len());
        let tile = format!("curves/{name}/{tile}");
        assert!(project.path(&tile).exists(), "{tile}");
        project.write(&tile, &bomb);
        let item =
            json!({"plot_type": "well_log", "out_plot": "plot", "plot_list": [{"data": name}]});
        plots(&project, json!({"plots": [item]}));
        let mut run = project
            .command("-m plotgenerator -c system.json")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (ended, most) = watched(&mut run);
        let mut log = String::new();
        run.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert_eq!(ended.code(), Some(65), "{log}");
        let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
        let [error] = errors[..] else { panic!("{log}") };
        // Samples of 8 bytes, 20 by 32 to a tile.
        let expected = "unpacks to more than the 5120 bytes of a tile";
        assert!(error.contains(&tile) && error.contains(expected), "{error}");
        assert!(most < 300 << 10, "{name}: {most} kB");
    }
}
