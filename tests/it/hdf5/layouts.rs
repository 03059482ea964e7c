//! The layouts of makers: small files by h5py (`tests/golden/hdf5/make.py`), and real recordings.

use distpy_gpu::block::DType;
use distpy_gpu::formats::hdf5::open;
use distpy_gpu::formats::{Calibration, Header, Layout, Source};

use serde_json::json;

use super::{all, close, golden, part};
use crate::program::Project;

/// 2023-09-22T18:29:26.5Z in microseconds.
const START: i64 = 1_695_407_366_500_000;
const CHANNELS: usize = 5;

fn opened(name: &str) -> impl Source {
    open(&golden("../hdf5").join(name)).unwrap()
}

/// Any type's numbers as f64.
pub fn numbers(
    source: &dyn Source,
    channels: std::ops::Range<usize>,
    times: std::ops::Range<usize>,
) -> Vec<f64> {
    match source.header().dtype {
        DType::I16 => part::<i16>(source, channels, times)
            .into_iter()
            .map(f64::from)
            .collect(),
        DType::I32 => part::<i32>(source, channels, times)
            .into_iter()
            .map(f64::from)
            .collect(),
        DType::F32 => part::<f32>(source, channels, times)
            .into_iter()
            .map(f64::from)
            .collect(),
        DType::F64 => part::<f64>(source, channels, times),
        other => panic!("{}", other.name()),
    }
}

#[derive(Clone, Copy)]
struct Expected {
    samples: usize,
    /// The first sample of each segment after the first, and nanoseconds of the pause before it.
    pauses: &'static [(usize, i64)],
    prf: f64,
    dtype: DType,
    layout: Layout,
    /// Depth of the first channel and distance of two.
    depth: (f64, f64),
    calibration: Option<(f64, &'static str)>,
    warnings: &'static [&'static str],
}

/// What most files have.
const USUAL: Expected = Expected {
    samples: 12,
    pauses: &[],
    prf: 500.0,
    dtype: DType::F32,
    layout: Layout::TimeMajor,
    depth: (0.0, 1.0),
    calibration: None,
    warnings: &[],
};

fn check(name: &str, expected: &Expected) {
    let source = opened(name);
    let h: &Header = source.header();
    assert_eq!(
        (h.channels, h.samples),
        (CHANNELS, expected.samples),
        "{name}"
    );
    // Where times tell the rate, doubles hold them to a quarter of a microsecond, of 18 ms at least.
    assert!(
        (h.prf() / expected.prf - 1.0).abs() < 3e-5,
        "{name}: {}",
        h.prf()
    );
    assert_eq!(
        (h.dtype, h.layout),
        (expected.dtype, expected.layout),
        "{name}"
    );
    let late = (h.start_time().as_microsecond() - START).abs();
    assert!(late <= 1, "{name}: {}", h.start_time());
    let starts: Vec<usize> = h.segments.iter().map(|it| it.samples.start).collect();
    let paused: Vec<usize> = expected.pauses.iter().map(|it| it.0).collect();
    assert_eq!(starts[1..], paused, "{name}");
    let mut pauses = 0;
    for (segment, (sample, pause)) in h.segments[1..].iter().zip(expected.pauses) {
        pauses += pause;
        let time = h.start() + h.rate.time_of(*sample as i64) + pauses;
        assert!((segment.start - time).abs() <= 2_000, "{name}");
    }
    let (first, step) = expected.depth;
    for (k, depth) in h.depth.iter().enumerate() {
        assert!(
            (depth - (first + k as f64 * step)).abs() < 1e-9,
            "{name}: {:?}",
            h.depth
        );
    }
    let calibration = expected.calibration.map(|(factor, unit)| Calibration {
        factor,
        unit: unit.into(),
    });
    assert_eq!(h.calibration, calibration, "{name}");
    assert_eq!(h.warnings, expected.warnings, "{name}");
    // The whole, and windows across blocks and chunks.
    for (channels, times) in [
        (0..CHANNELS, 0..h.samples),
        (1..4, 5..7),
        (4..5, 0..1),
        (0..2, 3..h.samples),
    ] {
        let value = |k: usize, t: usize| (100 * t + k) as f64 - 7.0;
        let truth: Vec<f64> = channels
            .clone()
            .flat_map(|k| times.clone().map(move |t| value(k, t)))
            .collect();
        assert_eq!(numbers(&source, channels, times), truth, "{name}");
    }
}

#[test]
fn every_makers_layout_is_read_as_it_was_written() {
    let terra15 = Expected {
        samples: 10,
        depth: (30.25, 1.5),
        calibration: Some((1.0, "1/s")),
        warnings: &[
            "10 of 12 rows have a time: the others were never written",
            "1 / dt_computer is 476.1904761904762 Hz, but /data_product/posix_time gives 500 Hz: 500 Hz is used",
        ],
        ..USUAL
    };
    check("terra15-v5.h5", &terra15);
    check(
        "terra15-v4.h5",
        &Expected {
            warnings: &[
                "10 of 12 rows have a time: the others were never written",
                "1 / dt_computer is 476.1904761904762 Hz, but /strainrate/posix_time gives 500 Hz: 500 Hz is used",
            ],
            ..terra15
        },
    );
    check(
        "optodas.h5",
        &Expected {
            dtype: DType::I32,
            depth: (400.0, 50.0),
            calibration: Some((0.25 / 8.0, "strain/s")),
            warnings: &["file version 12 is not known: read as version 11"],
            ..USUAL
        },
    );
    check(
        "ap-sensing.h5",
        &Expected {
            dtype: DType::I32,
            depth: (-12.5, 1.25),
            ..USUAL
        },
    );
    let prf = 5499.945 / 11.0;
    check(
        "silixa.h5",
        &Expected {
            prf,
            dtype: DType::I16,
            depth: (-120.4, 2.04),
            calibration: Some((116.0 * prf / (10.0 * 8192.0), "nanostrain/s")),
            warnings: &["the start is the computer's time, as GPS is \"Uninitialized\""],
            ..USUAL
        },
    );
    check(
        "neubrex.h5",
        &Expected {
            depth: (10.0, 0.5),
            calibration: Some((1000.0, "nanostrain/s")),
            warnings: &["the start is the computer's time: there is none of GPS"],
            ..USUAL
        },
    );
    check(
        "gdr.h5",
        &Expected {
            layout: Layout::ChannelMajor,
            depth: (0.0, 1.021),
            ..USUAL
        },
    );
    check(
        "plain.h5",
        &Expected {
            dtype: DType::F64,
            layout: Layout::ChannelMajor,
            depth: (0.0, 3.0),
            calibration: Some((1.0, "nm/s")),
            ..USUAL
        },
    );
}

#[test]
fn overlaps_of_febus_blocks_are_left_out() {
    let febus = Expected {
        prf: 100.0,
        depth: (20.0, 0.8),
        ..USUAL
    };
    check("febus-v2.h5", &febus);
    for packed in ["febus-packed.h5", "febus-packed-odd.h5"] {
        check(packed, &febus);
        assert!(opened(packed).is_packed(), "{packed}");
    }
    let warnings =
        &["Origin has no offset for the times of blocks: they are taken as the blocks' middles"];
    check("febus-v1.h5", &Expected { warnings, ..febus });
}

#[test]
fn dialects_of_prodml_have_their_units() {
    let prodml = Expected {
        depth: (-4.0, 2.0),
        ..USUAL
    };
    check(
        "prodml-silixa.h5",
        &Expected {
            dtype: DType::I16,
            calibration: Some((116.0 * 500.0 / (10.0 * 8192.0), "nanostrain/s")),
            ..prodml
        },
    );
    check(
        "prodml-optasense.h5",
        &Expected {
            dtype: DType::I32,
            layout: Layout::ChannelMajor,
            calibration: Some((std::f64::consts::TAU / 65536.0, "rad")),
            ..prodml
        },
    );
    check("prodml-sintela.h5", &prodml);
}

/// Sums and times as they were published with the recordings.
#[test]
fn recordings_of_real_instruments() {
    let real = |name: &str| Some(open(&crate::samples::recording(name)?).unwrap());
    let sum = |source: &dyn Source| {
        all::<f32>(source)
            .iter()
            .map(|v| f64::from(*v))
            .sum::<f64>()
    };
    if let Some(source) = real("terra15_v5_test_file.hdf5") {
        let h = source.header();
        assert_eq!((h.channels, h.samples), (43, 2060));
        assert_eq!(h.segments.len(), 1);
        assert!((sum(&source) - 8.529_466_755_79).abs() < 1e-6);
        assert_eq!(h.start_time().as_microsecond(), 1_661_296_194_373_836);
        assert!((1.0 / h.prf() - 0.000_310_8).abs() < 1e-7, "{}", h.prf());
        assert!(
            (h.depth[42] - (30.220_190_562_593_654 + 42.0 * 1.633_523_814_194_251_6)).abs() < 1e-9
        );
        assert_eq!(
            h.calibration,
            Some(Calibration {
                factor: 1.0,
                unit: "m/s".into()
            })
        );
    }
    if let Some(source) = real("gdr_1.h5") {
        let h = source.header();
        assert_eq!((h.channels, h.samples, h.prf()), (10, 10_000, 1000.0));
        assert_eq!(sum(&source), -23742.0);
        assert_eq!(h.start(), 1_457_458_830_195_000_000);
        assert_eq!((h.segments.len(), h.time_tolerance), (1, 1));
    }
    if let Some(source) = real("valencia_febus_example.h5") {
        let h = source.header();
        // The rate, not the spacing that is wrong.
        assert_eq!((h.channels, h.samples, h.prf()), (100, 2500, 250.0));
        // Blocks that are up to 16 ms early or late.
        assert_eq!((h.segments.len(), h.time_tolerance), (1, 50_000_000));
        assert!((sum(&source) + 47_099.529_848_2).abs() < 1e-3);
        let start = h.start_time().as_microsecond() as f64 / 1e6;
        assert!(
            (start - (1_599_031_306.165_666_3 - 0.5)).abs() < 1e-5,
            "{start}"
        );
    }
}

/// A copy of a file that a test changes.
fn changed(
    name: &str,
    change: impl FnOnce(&hdf5::File),
) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::copy(golden("../hdf5").join(name), &path).unwrap();
    let file = hdf5::File::open_rw(&path).unwrap();
    change(&file);
    close(file);
    (folder, path)
}

#[test]
fn gps_that_is_lost_midway_does_not_cut_a_recording() {
    let (_folder, path) = changed("terra15-v5.h5", |file| {
        let gps = file.dataset("data_product/gps_time").unwrap();
        let times = file.dataset("data_product/posix_time").unwrap();
        let mut times = times.read_1d::<f64>().unwrap();
        times.slice_mut(ndarray::s![5..]).fill(0.0);
        gps.write(&times).unwrap();
    });
    let source = open(&path).unwrap();
    let header = source.header();
    assert_eq!(header.samples, 10);
    assert_eq!(
        header.warnings,
        [
            "only 5 rows have a GPS time: the computer's times of 10 rows are used",
            "10 of 12 rows have a time: the others were never written",
            "1 / dt_computer is 476.1904761904762 Hz, but /data_product/posix_time gives 500 Hz: 500 Hz is used",
        ]
    );
}

#[test]
fn blocks_without_rows_are_refused() {
    let name = "fa1-1/Source1/Zone1/StrainRate";
    for shape in [(2, 0, 5), (0, 8, 5), (2, 8, 0)] {
        let (_folder, path) = changed("febus-v2.h5", |file| {
            file.unlink(name).unwrap();
            let made = file.new_dataset::<f32>().shape(shape).create(name);
            made.unwrap();
        });
        let (blocks, rows, channels) = shape;
        let found =
            format!("found shape [{blocks}, {rows}, {channels}], expected at least one sample");
        let message = open(&path).unwrap_err().to_string();
        assert!(message.contains(&found), "{message}");
    }
}

#[test]
fn rare_layouts_are_read_as_they_were_written() {
    let from_zero = &["the place of the first channel is not known: depths begin at 0 m"];
    let usual = Expected {
        depth: (30.0, 2.5),
        ..USUAL
    };
    let turned = Expected {
        layout: Layout::ChannelMajor,
        ..usual
    };
    let of = |name: &str, expected: &Expected| check(&format!("rare/{name}.h5"), expected);
    let unit = |unit| Some((1.0, unit));
    of(
        "dasdae",
        &Expected {
            calibration: unit("rad"),
            ..usual
        },
    );
    of("dasdae-channels", &turned);
    of(
        "ai4eps",
        &Expected {
            depth: (0.0, 2.5),
            calibration: unit("microstrain/s"),
            warnings: from_zero,
            ..turned
        },
    );
    of("odh3", &turned);
    of(
        "odh4",
        &Expected {
            dtype: DType::I32,
            calibration: Some((1.25e-10, "strain")),
            ..turned
        },
    );
    of("hdas1", &usual);
    of("hdas2", &turned);
    let nec = Expected {
        dtype: DType::I16,
        depth: (0.0, 2.5),
        calibration: Some((0.125, "rad")),
        warnings: from_zero,
        ..usual
    };
    of("nec", &nec);
    of(
        "nec-channels",
        &Expected {
            layout: Layout::ChannelMajor,
            ..nec
        },
    );
    of(
        "puniu",
        &Expected {
            dtype: DType::I32,
            ..usual
        },
    );
    of(
        "neubrex-rfs",
        &Expected {
            calibration: unit("micro-strain"),
            ..usual
        },
    );
}

#[test]
fn more_rare_layouts_are_read_as_they_were_written() {
    let usual = Expected {
        depth: (30.0, 2.5),
        ..USUAL
    };
    let of = |name: &str, expected: &Expected| check(&format!("rare/{name}.h5"), expected);
    of(
        "carina",
        &Expected {
            dtype: DType::I16,
            calibration: Some((116.0 * 1000.0 / (10.0 * 8192.0) / 2.0, "nanostrain/s")),
            ..usual
        },
    );
    of(
        "uptech",
        &Expected {
            depth: (0.0, 2.5),
            warnings: &["the place of the first channel is not known: depths begin at 0 m"],
            ..usual
        },
    );
    of("t8", &usual);
    let das_hdf5 = Expected {
        depth: (0.0, 2.5),
        calibration: Some((1.0, "radians")),
        warnings: &["distances are straight lines from channel to channel"],
        ..usual
    };
    of("das-hdf5", &das_hdf5);
    of(
        "das-hdf5-channels",
        &Expected {
            layout: Layout::ChannelMajor,
            ..das_hdf5
        },
    );
}

#[test]
fn netcdf_is_read_as_xdas_and_xarray_write_it() {
    let usual = Expected {
        depth: (30.0, 2.5),
        ..USUAL
    };
    let turned = Expected {
        layout: Layout::ChannelMajor,
        ..usual
    };
    let of = |name: &str, expected: &Expected| check(&format!("netcdf/{name}.nc"), expected);
    of("ties", &usual);
    of("ties-channels", &turned);
    of("runs", &usual);
    of(
        "gap",
        &Expected {
            pauses: &[(9, 1_000_000_000)],
            ..usual
        },
    );
    of(
        "all",
        &Expected {
            dtype: DType::F64,
            ..usual
        },
    );
    let square = opened("netcdf/square.nc");
    assert_eq!(square.header().layout, Layout::TimeMajor);
    assert_eq!(
        numbers(&square, 1..3, 0..5),
        [
            -6.0, 94.0, 194.0, 294.0, 394.0, -5.0, 95.0, 195.0, 295.0, 395.0
        ]
    );
    of(
        "xarray",
        &Expected {
            dtype: DType::I32,
            calibration: Some((0.125, "nanostrain/s")),
            ..usual
        },
    );
    of(
        "names",
        &Expected {
            depth: (0.0, 1.0),
            warnings: &["there are no distances: the depth axis is the channel's number"],
            ..turned
        },
    );
}

#[test]
fn netcdf_in_a_folder_is_a_recording() {
    let project = Project::new();
    project.system(json!({"prf": 500, "distpy_gpu": {"device": "cpu"}}));
    std::fs::create_dir(project.path("recordings")).unwrap();
    let fixture = golden("../hdf5/netcdf/ties.nc");
    std::fs::copy(&fixture, project.path("recordings/ties.nc")).unwrap();
    project.summary("-f recordings -o folder").ends(0);
    let named = format!("-f {} -o named", fixture.display());
    project.summary(&named).ends(0);
    let results = project.files("folder");
    assert!(!results.is_empty());
    assert!(results == project.files("named"));
    project
        .run("-m ingest_h5 -c system.json -f recordings -o chunks")
        .ends(0);
    assert!(project.files("chunks").contains_key("1695407366.npy"));
}
