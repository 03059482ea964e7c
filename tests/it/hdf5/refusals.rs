//! What cannot be read is refused with a useful message.

use distpy_gpu::formats::hdf5::open;
use distpy_gpu::formats::{FormatError, Source};
use hdf5::types::FixedAscii;
use ndarray::Array2;

use super::{Bend, Bent, data, golden, number, regular_times, times};

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
             PRODML (OptaSense, Silixa, Sintela and others; distpy's type 1), \
             Neubrex RFS, Aragón Photonics HDAS 1, Aragón Photonics HDAS 2, OptaSense ODH4, NEC, Puniu HiFi-DAS, AI4EPS, \
             distpy's type 0 (/data and /depth), plain (/raw or /data with /timestamp or /time), one that distpy_gpu.hdf5 describes",
        ),
    ];
    for (bend, message) in cases {
        assert_eq!(&Bent::new(|f, a, r| bend(f, a, r)).message(), message);
    }
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
        "bent.h5: /depth: found 2 values, expected 3, one for each channel of /data"
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
    assert!(directory.ends_with("found a folder or device, expected an HDF5 file"));
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
