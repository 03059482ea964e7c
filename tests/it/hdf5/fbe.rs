//! Energy of bands in PRODML files.

use distpy_gpu::block::DType;
use distpy_gpu::formats::description::{Band, Description};
use distpy_gpu::formats::hdf5::{H5Source, open, open_as};
use distpy_gpu::formats::{Calibration, FormatError, Layout, Source};
use serde_json::json;

use super::layouts::numbers;
use super::{close, golden};
use crate::program::Project;

fn opened(name: &str, band: Band) -> Result<H5Source, FormatError> {
    let description = Description {
        fbe: Some(band),
        layout: None,
    };
    open_as(&golden("../hdf5").join(name), &description)
}

#[test]
fn a_band_is_a_recording() {
    let bands = [
        (Band::Number(0), 0.0),
        (Band::Number(2), 2.0),
        (Band::Name("FbeData[1]".into()), 1.0),
        (Band::Name("Fbe[0]/FbeData[2]".into()), 2.0),
    ];
    for (band, above) in bands {
        let source = opened("prodml-fbe.h5", band).unwrap();
        let h = source.header();
        assert_eq!((h.channels, h.samples, h.prf()), (5, 12, 0.25));
        assert_eq!((h.dtype, h.layout), (DType::F32, Layout::TimeMajor));
        assert_eq!(h.start_time().as_microsecond(), 1_695_407_366_500_000);
        assert_eq!(h.depth, [20.0, 22.0, 24.0, 26.0, 28.0]);
        assert_eq!(h.calibration, Some(Calibration::of_unit("rad2/Hz")));
        assert_eq!(h.warnings, Vec::<String>::new());
        let samples: Vec<f64> = (0..5)
            .flat_map(|k| (0..12).map(move |t| f64::from(100 * t + k - 7) + above))
            .collect();
        assert_eq!(numbers(&source, 0..5, 0..12), samples);
    }
}

#[test]
fn bands_that_are_there_are_named() {
    const BANDS: &str = "Fbe[0]/FbeData[0] (-0.061 to 0.061 Hz), Fbe[0]/FbeData[1] (0.061 to 10 Hz), \
                         Fbe[0]/FbeData[2] (10 to 100 Hz)";
    let path = golden("../hdf5/prodml-fbe.h5");
    let at = path.display();
    assert_eq!(
        open(&path).unwrap_err().to_string(),
        format!(
            "{at}: /Acquisition: found no raw data, only Processed, Raw[0], \
             expected Raw[0]/RawData, or distpy_gpu.hdf5.fbe to name one of {BANDS}"
        )
    );
    assert_eq!(
        opened("prodml-fbe.h5", Band::Number(3))
            .unwrap_err()
            .to_string(),
        format!(
            "{at}: /Acquisition/Processed: found no FbeData[3], as distpy_gpu.hdf5.fbe says, expected one of {BANDS}"
        )
    );
    let path = golden("../hdf5/prodml-sintela.h5");
    assert_eq!(
        opened("prodml-sintela.h5", Band::Number(0))
            .unwrap_err()
            .to_string(),
        format!(
            "{}: /Acquisition/Processed: found no FbeData[0], as distpy_gpu.hdf5.fbe says, expected bands in groups Fbe[n]",
            path.display()
        )
    );
    let path = golden("../hdf5/plain.h5");
    assert_eq!(
        opened("plain.h5", Band::Number(0)).unwrap_err().to_string(),
        format!(
            "{}: /: found no Acquisition, only distance, raw, timestamp, expected the group of PRODML",
            path.display()
        )
    );
}

#[test]
fn of_bands_with_one_name_the_first_group_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bands.h5");
    std::fs::copy(golden("../hdf5/prodml-fbe.h5"), &path).unwrap();
    let file = hdf5::File::open_rw(&path).unwrap();
    let processed = file.group("Acquisition/Processed").unwrap();
    for other in ["Fbe[10]", "Fbe[2]"] {
        processed.link_hard("Fbe[0]", other).unwrap();
    }
    drop(processed);
    close(file);
    let description = Description {
        fbe: Some(Band::Number(1)),
        layout: None,
    };
    let source = open_as(&path, &description).unwrap();
    assert_eq!(
        source.header().warnings,
        [
            "Fbe[0]/FbeData[1] is read, and not Fbe[2]/FbeData[1], Fbe[10]/FbeData[1]: \
          distpy_gpu.hdf5.fbe may have the whole name"
        ]
    );
}

#[test]
fn bands_go_through_a_flow() {
    let project = Project::new();
    project.system(json!({
        "distpy_gpu": {"device": "cpu", "chunk_seconds": 16, "hdf5": {"fbe": 1}},
    }));
    project.flow(json!([
        {"name": "diff", "uid": 1, "in_uid": 0, "axis": 1},
        {"name": "write_npy", "uid": 2, "in_uid": 1, "directory_out": "diff"}
    ]));
    let path = golden("../hdf5/prodml-fbe.h5");
    project
        .summary(&format!("-f {} -o out", path.display()))
        .ends(0);
    let names = project.names("out");
    let results = names.iter().filter(|name| name.starts_with("diff/1695407"));
    assert_eq!(results.count(), 3, "{names:?}");
}
