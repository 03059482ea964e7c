//! What cannot be read is refused with a useful message.

use distpy_gpu::formats::hdf5::open;
use distpy_gpu::formats::{FormatError, Source};
use hdf5::types::FixedAscii;
use ndarray::Array2;

use super::{Bend, Bent, close, data, golden, number, regular_times, times};

#[test]
fn refusals_of_prodml() {
    let cases: &[(Bend, &str)] = &[
        (
            &|_, _, _| {},
            "bent.h5: /Acquisition: found no raw data, only Raw[0], expected Raw[0]/RawData",
        ),
        (
            &|_, a, raw| {
                data(raw);
                number(a, "GaugeLength", 10.0);
                number(raw, "NumberOfLoci", 3.0);
            },
            "bent.h5: /Acquisition/Raw[0], attributes: found no sampling rate in NumberOfLoci and GaugeLength, \
             expected OutputDataRate, PulseRate, or a dataset RawDataTime",
        ),
        (
            &|_, _, raw| {
                data(raw);
                number(raw, "OutputDataRate", 10.0);
            },
            "bent.h5: /Acquisition/Raw[0]: found no start time among RawData, \
             expected RawDataTime in microseconds, PartStartTime or MeasurementStartTime",
        ),
        (
            &|_, a, raw| {
                data(raw);
                times(raw, &regular_times());
                number(a, "GaugeLength", 10.0);
            },
            "bent.h5: /Acquisition, attributes: found no SpatialSamplingInterval, only GaugeLength, \
             expected a spacing in metres, or a LocusDepthPoint table with a row for every channel",
        ),
        (
            &|_, _, raw| {
                raw.new_dataset_builder()
                    .with_data(&[1i16, 2])
                    .create("RawData")
                    .unwrap();
            },
            "bent.h5: /Acquisition/Raw[0]/RawData: found 1 dimensions [2], expected 2 dimensions, time and channel",
        ),
        (
            &|_, _, raw| {
                raw.new_dataset::<i16>()
                    .shape((0, 3))
                    .create("RawData")
                    .unwrap();
            },
            "bent.h5: /Acquisition/Raw[0]/RawData: found shape 0 x 3, expected at least one sample",
        ),
        (
            &|_, _, raw| {
                raw.new_dataset::<i16>()
                    .chunk((5, 3))
                    .shape((5, 3))
                    .create("RawData")
                    .unwrap();
            },
            "bent.h5: /Acquisition/Raw[0]/RawData: found 5 x 3 samples of which none was ever written, \
             expected stored samples",
        ),
        (
            &|_, a, raw| {
                let words = Array2::from_elem((5, 3), FixedAscii::<4>::from_ascii("x").unwrap());
                raw.new_dataset_builder()
                    .with_data(&words)
                    .create("RawData")
                    .unwrap();
                times(raw, &regular_times());
                number(a, "SpatialSamplingInterval", 1.0);
            },
            "bent.h5: /Acquisition/Raw[0]/RawData: found samples of type string (len 4), \
             expected integers or floating-point numbers",
        ),
        (
            &|_, a, raw| {
                data(raw);
                times(raw, &regular_times());
                let calibration = a
                    .create_group("FacilityCalibration[0]")
                    .and_then(|g| g.create_group("Calibration[0]"))
                    .unwrap();
                calibration
                    .new_dataset_builder()
                    .with_data(&[1.0, 2.0, 3.0])
                    .create("LocusDepthPoint")
                    .unwrap();
            },
            "bent.h5: /Acquisition/FacilityCalibration[0]/Calibration[0]/LocusDepthPoint: \
             found values of type float64, expected a table whose fields are locus index and distance",
        ),
        (
            &|file, _, _| {
                file.unlink("Acquisition").unwrap();
                file.create_group("Data").unwrap();
                file.create_group("Header").unwrap();
            },
            "bent.h5: layout: found groups and datasets Data, Header, expected the layout of one of \
             DASDAE (DASCore), DAS-RCN (GDR), ASN OptoDAS, AP Sensing, Terra15, Febus A1, Silixa H5, Neubrex, \
             Silixa Carina (netCDF), Uptech AS1000, PRODML (OptaSense, Silixa, Sintela and others; distpy's type 1), \
             Neubrex RFS, DAS-HDF5 (PoroTomo), netCDF by the CF conventions (xdas, xarray), \
             Aragón Photonics HDAS 1, Aragón Photonics HDAS 2, OptaSense ODH4, NEC, Puniu HiFi-DAS, T8 Sensor, AI4EPS, \
             distpy's type 0 (/data and /depth), plain (/raw or /data with /timestamp or /time), one that distpy_gpu.hdf5 describes",
        ),
    ];
    for (bend, message) in cases {
        assert_eq!(&Bent::new(|f, a, r| bend(f, a, r)).message(), message);
    }
}

/// External storage may name any file of the machine.
#[test]
fn samples_in_other_files_are_refused() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), [b'x'; 30]).unwrap();
    let bent = Bent::new(|_, acquisition, raw| {
        number(acquisition, "GaugeLength", 10.0);
        number(raw, "OutputDataRate", 10.0);
        raw.new_dataset::<i16>()
            .external(secret.path().to_str().unwrap(), 0, 30)
            .shape((5, 3))
            .create("RawData")
            .unwrap();
    });
    let message = bent.message();
    assert!(
        message.contains("RawData: found samples in the external file(s) /"),
        "{message}"
    );
}

/// A text of variable length lies in a heap, whose first object's length is such that the library never comes to the second.
#[cfg(unix)]
#[test]
fn a_file_over_which_the_library_loops_is_refused() {
    let project = crate::program::Project::new();
    project.system(serde_json::json!({"prf": null}));
    let recorded = |name: &str, seconds: f64| {
        let file = hdf5::File::create(project.path(name)).unwrap();
        let samples = Array2::<i16>::ones((100, 3));
        let raw = file.new_dataset_builder().with_data(&samples);
        raw.create("raw").unwrap();
        let times: Vec<f64> = (0..100).map(|k| seconds + f64::from(k) / 100.0).collect();
        let stamps = file.new_dataset_builder().with_data(&times);
        stamps.create("timestamp").unwrap();
        let text: hdf5::types::VarLenUnicode = "a text of some length".parse().unwrap();
        let about = file.new_attr::<hdf5::types::VarLenUnicode>();
        about.create("about").unwrap().write_scalar(&text).unwrap();
        close(file);
    };
    recorded("good.h5", 1.7e9);
    recorded("bad.h5", 1.8e9);
    let mut bytes = std::fs::read(project.path("bad.h5")).unwrap();
    let heap = bytes.windows(4).position(|it| it == b"GCOL").unwrap();
    bytes[heap + 24..heap + 32].copy_from_slice(&(-16_i64).to_le_bytes());
    project.write("bad.h5", &bytes);
    let ran = project.run("-m ingest_h5 -c system.json -f bad.h5 good.h5 -o chunks");
    assert!(
        ran.err
            .contains("bad.h5: file: found structures over which the HDF5 library"),
        "{}",
        ran.err
    );
    assert_eq!(ran.code, 65, "{}", ran.err);
    assert!(
        project.path("chunks/1700000000.npy").exists(),
        "{}",
        ran.err
    );
}

/// A link may name any file of the machine; beside the recording it is its own.
#[test]
fn links_to_files_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there.h5");
    let plain = |path: &std::path::Path| {
        let file = hdf5::File::create(path).unwrap();
        let samples = Array2::<i16>::ones((100, 30));
        let raw = file.new_dataset_builder().with_data(&samples);
        raw.create("raw").unwrap();
        let times: Vec<f64> = (0..100).map(|k| 1.7e9 + f64::from(k) / 100.0).collect();
        let stamps = file.new_dataset_builder().with_data(&times);
        stamps.create("timestamp").unwrap();
        file
    };
    close(plain(&there));
    for (target, refused) in [
        ("there.h5", false),
        ("./there.h5", false),
        ("../there.h5", true),
        (there.to_str().unwrap(), true),
    ] {
        let path = folder.path().join("linked.h5");
        let file = plain(&path);
        file.unlink("raw").unwrap();
        file.link_external(target, "/raw", "raw").unwrap();
        // Another one, which nothing needs, in a group that leads back to the root.
        let group = file.create_group("more").unwrap();
        group.link_hard("/", "root").unwrap();
        group.link_external(target, "/raw", "other").unwrap();
        close(file);
        match (open(&path), refused) {
            (Ok(source), false) => assert_eq!(source.header().channels, 30),
            (Err(error), true) => {
                let error = error.to_string();
                assert!(
                    error.contains(&format!("found a link to the file {target}")),
                    "{error}"
                );
            }
            (Ok(_), true) => panic!("{target} is followed"),
            (Err(error), false) => panic!("{target}: {error}"),
        }
    }
}

/// The library reads zeros where a file ends before its samples.
#[test]
fn a_file_that_is_cut_while_it_is_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.h5");
    let file = hdf5::File::create(&path).unwrap();
    let samples = Array2::<i16>::ones((1000, 30));
    let raw = file.new_dataset_builder().with_data(&samples);
    raw.create("raw").unwrap();
    let times: Vec<f64> = (0..1000).map(|k| 1.7e9 + f64::from(k) / 100.0).collect();
    let stamps = file.new_dataset_builder().with_data(&times);
    stamps.create("timestamp").unwrap();
    close(file);
    let source = open(&path).unwrap();
    let mut read = vec![0; 1000 * 30 * 2];
    source.read(0..30, 0..1000, &mut read).unwrap();
    assert!(read.chunks_exact(2).all(|it| it == 1_i16.to_ne_bytes()));
    source.file().unwrap().check().unwrap();
    let cut = std::fs::File::options().write(true).open(&path).unwrap();
    cut.set_len(10_000).unwrap();
    assert!(source.read(0..30, 0..1000, &mut read).is_err());
    let error = source.file().unwrap().check().unwrap_err().to_string();
    assert!(error.contains("found 10000 bytes"), "{error}");
}

#[test]
fn refusals_of_type0() {
    let bent = Bent::new(|file, _, _| {
        file.unlink("Acquisition").unwrap();
        let samples = Array2::<f64>::zeros((5, 3));
        file.new_dataset_builder()
            .with_data(&samples)
            .chunk((5, 3))
            .create("data")
            .unwrap();
        file.new_dataset_builder()
            .with_data(&[1.0, 2.0])
            .create("depth")
            .unwrap();
    });
    assert_eq!(
        bent.message(),
        "bent.h5: /depth: found 2 values, expected 3, one for each channel"
    );
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "recording.h5",
        "161315_053839.h5",
        "16121x_053839.h5",
        "é1215_053839.h5",
    ] {
        let path = folder.path().join(name);
        std::fs::copy(golden("hdf5-type0/161215_053839.h5"), &path).unwrap();
        assert_eq!(
            open(&path).unwrap_err().to_string(),
            format!(
                "{}: file name: found {name}, expected a start time at its end: DDMMYY_HHMMSS.h5 (UTC)",
                path.display()
            )
        );
    }
}

#[test]
fn files_that_are_not_hdf5() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let refusal = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let message = open(&path).unwrap_err().to_string();
        message.replace(&format!("{}: ", path.display()), "")
    };
    assert_eq!(refusal(b""), "file: found no bytes, expected an HDF5 file");
    let none = "file: found no HDF5 signature, expected an HDF5 file";
    assert_eq!(refusal(b"CONTROL"), none);
    assert_eq!(refusal(&[7; 5000]), none);
    let whole = std::fs::read(golden("hdf5-type1/type1.h5")).unwrap();
    let cut = refusal(&whole[..whole.len() - 1]);
    assert!(
        cut.starts_with("file: found 14535 bytes, cut short") && cut.ends_with("a whole HDF5 file"),
        "{cut}"
    );
    // Wherever the file is cut it is refused, without a panic.
    for len in (1..whole.len()).step_by(61) {
        std::fs::write(&path, &whole[..len]).unwrap();
        open(&path).unwrap_err();
    }
    let missing = open(&folder.path().join("no.h5")).unwrap_err();
    assert!(matches!(missing, FormatError::Io { .. }), "{missing}");
    let directory = open(folder.path()).unwrap_err().to_string();
    assert!(directory.ends_with("found a folder, pipe or device, expected an HDF5 file"));
}

#[test]
fn damaged_bytes_do_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let whole = std::fs::read(golden("hdf5-type1/type1.h5")).unwrap();
    for at in (0..whole.len().min(9000)).step_by(37) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        std::fs::write(&path, &bytes).unwrap();
        // Some damage goes unnoticed (it hits samples or unused space); none may end the program.
        if let Ok(source) = open(&path) {
            let h = source.header();
            let (channels, times) = (h.channels.min(4), h.samples.min(10));
            let mut samples = vec![0; channels * times * h.dtype.size()];
            let _ = source.read(0..channels, 0..times, &mut samples);
        }
    }
}

/// A shape that is damaged asks for no memory: neither for channels nor for chunks.
#[test]
fn shapes_beyond_what_is_stored() {
    for shape in [(10, 1 << 40), (1 << 40, 3)] {
        let bent = Bent::new(|_, acquisition, raw| {
            let chunk = (1, 3);
            let made = raw.new_dataset::<i16>().chunk(chunk).shape(shape);
            let made = made.create("RawData").unwrap();
            made.write_slice(&Array2::<i16>::ones(chunk), ndarray::s![0..1, 0..3])
                .unwrap();
            number(raw, "OutputDataRate", 10.0);
            number(acquisition, "SpatialSamplingInterval", 1.0);
        });
        assert_eq!(
            bent.message(),
            format!(
                "bent.h5: /Acquisition/Raw[0]/RawData: found {} x {} samples, of which 6 bytes are stored, \
                 expected a shape of what is stored",
                shape.0, shape.1
            )
        );
    }
}

/// A fixture after a change, opened: its warnings.
fn bent(fixture: &str, bend: impl FnOnce(&hdf5::File)) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bent.nc");
    std::fs::copy(golden("../hdf5").join(fixture), &path).unwrap();
    let file = hdf5::File::open_rw(&path).unwrap();
    bend(&file);
    close(file);
    match open(&path) {
        Ok(source) => Ok(source.header().warnings.clone()),
        Err(error) => Err(error
            .to_string()
            .replace(&format!("{}/", folder.path().display()), "")),
    }
}

/// Puts other numbers in a dataset's place.
fn replace<T: hdf5::H5Type>(file: &hdf5::File, name: &str, values: &[T]) {
    file.unlink(name).unwrap();
    let builder = file.new_dataset_builder().with_data(values);
    builder.create(name).unwrap();
}

const TIES: &str = "netcdf/ties.nc";

#[test]
fn refusals_of_netcdf() {
    type Bend = fn(&hdf5::File);
    let cases: &[(Bend, &str)] = &[
        (
            |file| replace(file, "time_indices", &[0_i64, 10]),
            "bent.nc: /time_indices: found 2 ties that do not cover the axis once, expected ties from 0 to 11, one after the other",
        ),
        (
            |file| replace(file, "distance_indices", &[4_i64, 0]),
            "bent.nc: /distance_indices: found 2 ties that do not cover the axis once, expected ties from 0 to 4, one after the other",
        ),
        (
            |file| replace(file, "distance_indices", &[0_i64, 2, 4]),
            "bent.nc: /distance_values: found 2 values for 3 ties, of an axis of 5, expected as many as ties, 1 to 5",
        ),
        (
            |file| replace(file, "distance_values", &[30.0, f64::NAN]),
            "bent.nc: /distance_values: found values that are no numbers, expected numbers",
        ),
        (
            |file| replace(file, "distance_indices", &[0.0, 4.0]),
            "bent.nc: /distance_indices: found numbers of another type, expected integers",
        ),
        (
            |file| {
                let strain = file.dataset("strain").unwrap();
                let offset = strain.new_attr::<f64>().create("add_offset").unwrap();
                offset.write_scalar(&3.5).unwrap();
            },
            "bent.nc: /strain, add_offset: found 3.5, expected 0 or none",
        ),
    ];
    for (bend, message) in cases {
        assert_eq!(bent(TIES, bend).unwrap_err(), *message);
    }
    // Times that fall, with their unit.
    let fallen = bent(TIES, |file| {
        let values = file.dataset("time_values").unwrap();
        values.write_raw(&[22_i64, 0]).unwrap();
    });
    assert_eq!(
        fallen.unwrap_err(),
        "bent.nc: /time_values: found 12 times from 1695407366.522 s on, expected 12 rising times since 1971"
    );
    // Of what is not over time, nothing is a recording.
    let timeless = bent(TIES, |file| {
        let values = file.dataset("time_values").unwrap();
        values.delete_attr("units").unwrap();
    });
    let error = timeless.unwrap_err();
    assert!(
        error.starts_with("bent.nc: layout: found groups and datasets distance, distance_indices"),
        "{error}"
    );
    // A unit that is none of length is said.
    let unit = bent(TIES, |file| {
        let values = file.dataset("distance_values").unwrap();
        let units = values.new_attr::<hdf5::types::VarLenUnicode>();
        let text = "feet".parse::<hdf5::types::VarLenUnicode>().unwrap();
        units.create("units").unwrap().write_scalar(&text).unwrap();
    });
    assert_eq!(
        unit.unwrap(),
        ["/distance_values is in \"feet\" and is taken as it is"]
    );
}

#[test]
fn refusals_of_rare_layouts() {
    type Bend = fn(&hdf5::File);
    let text = |at: &hdf5::Location, name: &str, text: &str| {
        let _ = at.delete_attr(name);
        let text = text.parse::<hdf5::types::VarLenUnicode>().unwrap();
        let attribute = at.new_attr::<hdf5::types::VarLenUnicode>();
        attribute.create(name).unwrap().write_scalar(&text).unwrap();
    };
    let started = bent("rare/t8.h5", |file| {
        let data = file.dataset("ProcessedData/DAS").unwrap();
        text(&data, "record/start_time", "yesterday");
    });
    assert_eq!(
        started.unwrap_err(),
        "bent.nc: /ProcessedData/DAS: found \"yesterday\", expected a time as 20230922T182926500000 in record/start_time"
    );
    let unit = bent("rare/das-hdf5.h5", |file| {
        text(&file.dataset("t").unwrap(), "units", "furlongs");
    });
    assert_eq!(
        unit.unwrap_err(),
        "bent.nc: /t, units: found \"furlongs\", expected a unit of time, or one since a date"
    );
    let cases: &[(&str, Bend, &str)] = &[
        (
            "rare/das-hdf5.h5",
            |file| replace(file, "t", &[1.7e9, 1.7e9 + 1.0]),
            "bent.nc: /t: found 2 times for an array of 12 x 5, expected as many as one of its lengths",
        ),
        (
            "rare/das-hdf5.h5",
            |file| replace(file, "y", &[1.0, 2.0]),
            "bent.nc: /y: found 2 values, expected 5, one for each channel",
        ),
        (
            "rare/uptech.h5",
            |file| replace(file, "Acquisition/Time", &[1.7e9, 1.7e9 + 1.0]),
            "bent.nc: /Acquisition/Time: found 2 times from 1700000000 s on, expected 12 times in seconds since 1970",
        ),
        (
            "rare/carina.h5",
            |file| replace(file, "ChannelMap", &[0_i32, 1, 2, -1]),
            "bent.nc: /ChannelMap: found 3 channels in 25 to 50 m, expected 5, as /Fiber has columns, and a Stop Distance above Start Distance",
        ),
        (
            "rare/carina.h5",
            |file| file.delete_attr("Stop Distance (m)").unwrap(),
            "bent.nc: /: found none, expected a number in Stop Distance (m)",
        ),
    ];
    for (fixture, bend, message) in cases {
        assert_eq!(bent(fixture, bend).unwrap_err(), *message);
    }
}

/// Axes that say that they are long, and were never written, are neither read nor gone through.
#[test]
fn axes_that_were_never_written() {
    const LONG: usize = 1 << 40;
    for (fixture, axis) in [
        ("plain.h5", "distance"),
        ("febus-v2.h5", "fa1-1/Source1/time"),
        ("terra15-v5.h5", "data_product/gps_time"),
        ("gdr.h5", "DasRawData/DasTimeArray"),
        ("rare/dasdae.h5", "waveforms/DAS___2023/_coord_time"),
        ("rare/uptech.h5", "Acquisition/Time"),
        ("rare/neubrex-rfs.h5", "stamps_unix"),
        ("rare/carina.h5", "ChannelMap"),
        ("prodml-silixa.h5", "Acquisition/Raw[0]/RawDataTime"),
        ("netcdf/all.nc", "distance"),
    ] {
        let refused = bent(fixture, |file| {
            file.unlink(axis).unwrap();
            let axis_of = file.new_dataset::<i64>().chunk(1 << 10).shape(LONG);
            axis_of.fill_value(1_695_407_366_i64).create(axis).unwrap();
        });
        let error = refused.unwrap_err();
        let name = axis.rsplit('/').next().unwrap();
        assert!(
            error.starts_with("bent.nc: /")
                && error.contains(name)
                && error.contains(&LONG.to_string()),
            "{fixture}: {error}"
        );
    }
}

/// Without chunks the rate of distpy's type 0 is that of its times.
#[test]
fn type0_without_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("161215_053839.h5");
    let opened = |times: &[f64]| {
        let file = hdf5::File::create(&path).unwrap();
        let put = |name: &str, values: &[f64]| {
            let builder = file.new_dataset_builder().with_data(values);
            builder.create(name).unwrap();
        };
        let samples = Array2::<f64>::ones((5, 3));
        let data = file.new_dataset_builder().with_data(&samples);
        data.create("data").unwrap();
        put("depth", &[1.0, 2.0, 3.0]);
        put("time", times);
        close(file);
        open(&path)
            .map(|source| source.header().prf())
            .map_err(|e| {
                e.to_string()
                    .replace(&format!("{}/", folder.path().display()), "")
            })
    };
    assert_eq!(opened(&[0.0, 0.5, 1.0, 1.5, 2.0]), Ok(2.0));
    assert_eq!(
        opened(&[3.0]).unwrap_err(),
        "161215_053839.h5: /time: found values of shape [1], expected rising seconds"
    );
    assert_eq!(
        opened(&[3.0, 3.0]).unwrap_err(),
        "161215_053839.h5: /time: found 2 times from 3 s on, expected rising seconds"
    );
}
