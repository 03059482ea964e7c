//! Pauses inside a file end segments, and the jitter of times does not.

use distpy_gpu::formats::hdf5::{open, open_as};
use distpy_gpu::formats::segment::{Rate, SECOND, Segment};
use distpy_gpu::formats::{Header, Source};
use hdf5::File;
use ndarray::Array2;
use serde_json::json;

use super::{Bent, START, close, data, golden, number, times, utf8};

const STEP: i64 = SECOND / 500;

/// A fixture whose times from a row on are later, opened.
fn paused(fixture: &str, axis: &str, from: usize, late: i64, per_second: i64) -> Header {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paused.h5");
    std::fs::copy(golden("../hdf5").join(fixture), &path).unwrap();
    let file = File::open_rw(&path).unwrap();
    let dataset = file.dataset(axis).unwrap();
    if dataset.dtype().unwrap().is::<f64>() {
        let mut values = dataset.read_raw::<f64>().unwrap();
        let written = values.iter_mut().skip(from).filter(|it| **it > 0.0);
        written.for_each(|it| *it += late as f64 / SECOND as f64 * per_second as f64);
        dataset.write_raw(&values).unwrap();
    } else {
        let mut values = dataset.read_raw::<i64>().unwrap();
        let later = late / (SECOND / per_second);
        values.iter_mut().skip(from).for_each(|it| *it += later);
        dataset.write_raw(&values).unwrap();
    }
    drop(dataset);
    close(file);
    if fixture.starts_with("described") {
        let layout = json!({
            "data": "/fibre/one/counts", "order": "time,channel", "prf": "/setup/rate",
            "start": {"from": "/fibre/one/when", "unit": "ns"}, "depth": "/fibre/one/where",
        });
        let layout = serde_json::from_value(layout).unwrap();
        return open_as(&path, &layout).unwrap().header().clone();
    }
    open(&path).unwrap().header().clone()
}

/// Layouts with a time for each row: the dataset, and what it counts in a second.
const TIMED: [(&str, &str, i64); 11] = [
    ("plain.h5", "timestamp", 1),
    ("terra15-v5.h5", "data_product/posix_time", 1),
    ("gdr.h5", "DasRawData/DasTimeArray", SECOND),
    (
        "prodml-silixa.h5",
        "Acquisition/Raw[0]/RawDataTime",
        1_000_000,
    ),
    (
        "prodml-optasense.h5",
        "Acquisition/Raw[0]/RawDataTime",
        1_000_000,
    ),
    ("rare/dasdae.h5", "waveforms/DAS___2023/_coord_time", SECOND),
    ("rare/uptech.h5", "Acquisition/Time", 1),
    ("rare/neubrex-rfs.h5", "stamps_unix", 1_000_000),
    ("rare/odh3.h5", "t_axis", 1),
    ("netcdf/xarray.nc", "time", SECOND),
    ("described/groups.h5", "fibre/one/when", SECOND),
];

#[test]
fn a_pause_inside_a_file_ends_a_segment_in_every_layout() {
    for (fixture, axis, per_second) in TIMED {
        // After the first row, in the middle, and before the last row that has a time.
        for from in [1, 5, 9] {
            for late in [STEP, 8 * SECOND] {
                let header = paused(fixture, axis, from, late, per_second);
                let what = format!("{fixture}: {late} ns before row {from}");
                let all: Vec<_> = header
                    .segments
                    .iter()
                    .map(|it| it.samples.clone())
                    .collect();
                assert_eq!(all, [0..from, from..header.samples], "{what}");
                let expected = header.start() + from as i64 * STEP + late;
                let off = (header.segments[1].start - expected).abs();
                // Doubles of seconds are rounded to the microsecond.
                assert!(
                    off <= if per_second == 1 { 1_000 } else { 0 },
                    "{what}: {off}"
                );
                assert!((header.prf() / 500.0 - 1.0).abs() < 1e-4, "{what}");
                let gaps = header.warnings.iter().any(|it| it.contains("gap"));
                assert!(!gaps, "{what}: {:?}", header.warnings);
            }
        }
    }
}

#[test]
fn a_pause_between_blocks_of_febus_ends_a_segment() {
    let axis = "fa1-1/Source1/time";
    for fixture in ["febus-v1.h5", "febus-v2.h5"] {
        let header = paused(fixture, axis, 1, SECOND, 1);
        let all: Vec<_> = header
            .segments
            .iter()
            .map(|it| it.samples.clone())
            .collect();
        if fixture == "febus-v2.h5" {
            assert_eq!(all, [0..6, 6..12]);
            let late = header.segments[1].start - header.start() - 60_000_000;
            assert!((late - SECOND).abs() <= 2_000, "{late}");
        } else {
            // Without a rate of blocks, two of them do not tell the overlap: all rows are kept.
            assert_eq!(all, [0..8, 8..16]);
        }
    }
}

/// A plain file with these times.
fn plain(times: &[f64]) -> Header {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.h5");
    let file = File::create(&path).unwrap();
    let samples = Array2::from_shape_fn((times.len(), 2), |(t, _)| t as f32);
    let put = file.new_dataset_builder().with_data(&samples);
    put.create("raw").unwrap();
    let put = file.new_dataset_builder().with_data(times);
    put.create("timestamp").unwrap();
    close(file);
    open(&path).unwrap().header().clone()
}

#[test]
fn rates_are_those_within_segments() {
    for hertz in [0.2, 193.5, 333.33333333, 1000.0, 3217.8, 20_000.0] {
        let count = (hertz * 4.0_f64).max(40.0) as usize;
        let half = count / 2;
        let late = |k: usize| if k >= half { 60.0 } else { 0.0 };
        let times: Vec<f64> = (0..count)
            .map(|k| 1_700_000_000.4 + k as f64 / hertz + late(k))
            .collect();
        let header = plain(&times);
        assert!((header.prf() / hertz - 1.0).abs() < 1e-6, "{hertz}");
        let all: Vec<_> = header
            .segments
            .iter()
            .map(|it| it.samples.clone())
            .collect();
        assert_eq!(all, [0..half, half..count], "{hertz}");
        if hertz.fract() == 0.0 {
            assert_eq!(header.rate, Rate::of_hertz(hertz).unwrap());
        }
    }
}

#[test]
fn times_that_jitter_make_no_segment() {
    let noise = |k: usize| (k.wrapping_mul(7919) % 1000) as f64 / 1000.0 - 0.5;
    let times: Vec<f64> = (0..2000)
        .map(|k| 1_700_000_000.0 + (k as f64 + 0.4 * noise(k)) / 1000.0)
        .collect();
    let header = plain(&times);
    assert_eq!(header.segments.len(), 1);
    assert!((200_000..2_000_000).contains(&header.time_tolerance));
    assert!((header.prf() / 1000.0 - 1.0).abs() < 1e-3);
}

/// Microseconds after the start, with a pause of 8 s before row 2.
fn with_pause(start: i64, count: i64) -> Vec<i64> {
    let late = |k: i64| if k >= 2 { 8_000_000 } else { 0 };
    (0..count).map(|k| start + k * 100_000 + late(k)).collect()
}

fn prodml(array: &[i64]) -> Header {
    let bent = Bent::new(|_, acquisition, raw| {
        data(raw);
        times(raw, array);
        number(raw, "OutputDataRate", 10.0);
        number(raw, "NumberOfLoci", 3.0);
        number(acquisition, "SpatialSamplingInterval", 2.0);
        number(acquisition, "StartLocusIndex", 0.0);
        let start = acquisition.new_attr::<hdf5::types::VarLenUnicode>();
        let start = start.create("MeasurementStartTime").unwrap();
        start
            .write_scalar(&utf8("2020-01-01T00:00:00.25Z"))
            .unwrap();
    });
    bent.open().unwrap().header().clone()
}

#[test]
fn times_of_prodml_may_be_few_or_count_from_the_start() {
    let expected = |end: usize| {
        let start = START * 1000;
        let later = start + 8_200_000_000;
        [(start, 0..2), (later, 2..end)].map(|(start, samples)| Segment { start, samples })
    };
    assert_eq!(prodml(&with_pause(START, 5)).segments, expected(5));
    // Samples without a time continue the segment.
    let few = prodml(&with_pause(START, 4));
    assert_eq!(few.segments, expected(5));
    assert_eq!(few.warnings, ["RawDataTime has 4 times for 5 samples"]);
    let relative = prodml(&with_pause(0, 5));
    assert_eq!(relative.segments, expected(5));
    assert_eq!(
        relative.warnings,
        ["the start is MeasurementStartTime: RawDataTime has none"]
    );
    // Fillers before the first time.
    let mut filled = with_pause(START, 5);
    filled[0] = 0;
    assert_eq!(prodml(&filled).segments.len(), 1);
}
