//! HDF5 recordings: what is read equals what was stored.

mod chunked;
mod described;
mod fbe;
mod layouts;
mod pauses;
mod refusals;
mod written;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use distpy_gpu::block::DType;
use distpy_gpu::formats::hdf5::open;
use distpy_gpu::formats::{FormatError, Layout, Source};
use hdf5::types::{FixedAscii, VarLenAscii, VarLenUnicode};
use hdf5::{File, Group};
use jiff::Timestamp;
use ndarray::{Array2, Axis};

fn golden(name: &str) -> PathBuf {
    crate::root().join("tests/golden/io").join(name)
}

/// The numbers of a little-endian C-order npy file.
fn npy<T: bytemuck::Pod>(path: &Path) -> Vec<T> {
    let bytes = std::fs::read(path).unwrap();
    let head = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytemuck::pod_collect_to_vec(&bytes[10 + head..])
}

/// A whole recording, channel by channel.
fn all<T: bytemuck::Pod>(source: &dyn Source) -> Vec<T> {
    let h = source.header();
    part(source, 0..h.channels, 0..h.samples)
}

fn part<T: bytemuck::Pod>(
    source: &dyn Source,
    channels: std::ops::Range<usize>,
    times: std::ops::Range<usize>,
) -> Vec<T> {
    let mut samples = vec![T::zeroed(); channels.len() * times.len()];
    source
        .read(channels, times, bytemuck::cast_slice_mut(&mut samples))
        .unwrap();
    samples
}

#[test]
fn type0_golden() {
    let source = open(&golden("hdf5-type0/161215_053839.h5")).unwrap();
    let h = source.header();
    assert_eq!(
        (h.channels, h.samples, h.prf(), h.dtype),
        (4, 300, 100.0, DType::F64)
    );
    assert_eq!(
        h.start_time(),
        Timestamp::from_second(1_450_244_319).unwrap()
    );
    assert_eq!(h.depth, npy::<f64>(&golden("hdf5-type0/truth_depth.npy")));
    assert_eq!(
        all::<f64>(&source),
        npy::<f64>(&golden("hdf5-type0/truth.npy"))
    );
    assert_eq!(h.warnings, Vec::<String>::new());
}

#[test]
fn type1_golden() {
    let source = open(&golden("hdf5-type1/type1.h5")).unwrap();
    let h = source.header();
    assert_eq!(
        (h.channels, h.samples, h.prf(), h.dtype),
        (4, 350, 100.0, DType::I16)
    );
    assert_eq!(
        h.start_time(),
        Timestamp::from_second(1_500_000_000).unwrap()
    );
    assert_eq!(h.depth, npy::<f64>(&golden("hdf5-type1/truth_depth.npy")));
    assert_eq!(
        all::<i16>(&source),
        npy::<i16>(&golden("hdf5-type1/truth.npy"))
    );
}

#[test]
fn windows_equal_slices() {
    let source = open(&golden("hdf5-type1/type1.h5")).unwrap();
    let whole = Array2::from_shape_vec((4, 350), all::<i16>(&source)).unwrap();
    for (channels, times) in [
        (0..4, 0..350),
        (1..3, 99..101),
        (3..4, 0..1),
        (0..1, 349..350),
    ] {
        let window = whole
            .slice(ndarray::s![channels.clone(), times.clone()])
            .iter()
            .copied()
            .collect::<Vec<i16>>();
        assert_eq!(part::<i16>(&source, channels, times), window);
    }
    // Asking for nothing gives nothing.
    source.read(0..0, 0..350, &mut []).unwrap();
    source.read(0..4, 7..7, &mut []).unwrap();
}

#[test]
fn recording_of_a_real_instrument() {
    let Some(path) = crate::samples::recording("iDAS005_hdf5_example.626.h5") else {
        return;
    };
    let source = open(&path).unwrap();
    let h = source.header();
    assert_eq!(
        (h.channels, h.samples, h.prf(), h.dtype),
        (1152, 1000, 1000.0, DType::I16)
    );
    assert_eq!(h.start_time().as_microsecond(), 1_559_291_930_626_928);
    assert_eq!(h.depth[0], -118.0 * 1.020_951_986_312_866_2);
    assert_eq!(h.depth[1151], 1033.0 * 1.020_951_986_312_866_2);
    assert_eq!(h.warnings, Vec::<String>::new());
    let attributes = &h.metadata["attributes"];
    assert_eq!(attributes["/Acquisition"]["ServiceCompanyName"], "Silixa");
    assert_eq!(attributes["/Acquisition"]["TriggeredMeasurement"], false);
    assert_eq!(
        attributes["/Acquisition/Raw[0]"]["RawDataUnit"],
        "(nm/m)/s * Hz/m"
    );
    let samples = all::<i16>(&source);
    assert_eq!(samples.iter().min(), Some(&-19_358));
    assert_eq!(samples.iter().max(), Some(&24_060));
    assert_eq!(
        samples.iter().map(|s| i64::from(*s)).sum::<i64>(),
        14_192_701
    );
}

/// Closes a file that was written. What has its name then is a copy: programs that other tests start while a file is open for
/// writing inherit it, and with it the lock that the library takes.
pub fn close(file: File) {
    let path = std::path::PathBuf::from(file.filename());
    // Groups and datasets that are still open keep it open as well.
    file.flush().unwrap();
    file.close().unwrap();
    let copy = path.with_extension("copy");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::rename(&copy, &path).unwrap();
}

/// Fills a file; its arguments are the root, the acquisition and the raw group.
type Bend<'a> = &'a dyn Fn(&File, &Group, &Group);

/// A PRODML file whose parts a test may leave out or bend.
struct Bent {
    folder: tempfile::TempDir,
}

impl Bent {
    const NAME: &str = "bent.h5";

    /// 5 times of 3 loci at 10 Hz from 2020-01-01T00:00:00.25Z; sample (t, x) is 10 t + x.
    fn new(bend: impl FnOnce(&File, &Group, &Group)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join(Self::NAME)).unwrap();
        let acquisition = file.create_group("Acquisition").unwrap();
        let raw = acquisition.create_group("Raw[0]").unwrap();
        bend(&file, &acquisition, &raw);
        close(file);
        Self { folder }
    }

    fn open(&self) -> Result<Box<dyn Source>, FormatError> {
        open(&self.folder.path().join(Self::NAME)).map(|source| Box::new(source) as _)
    }

    /// The message without the file's folder.
    fn message(&self) -> String {
        let message = self.open().unwrap_err().to_string();
        message.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn data(raw: &Group) -> hdf5::Dataset {
    let samples = Array2::from_shape_fn((5, 3), |(t, x)| (10 * t + x) as f32);
    raw.new_dataset_builder()
        .with_data(&samples)
        .create("RawData")
        .unwrap()
}

fn times(raw: &Group, times: &[i64]) -> hdf5::Dataset {
    raw.new_dataset_builder()
        .with_data(times)
        .create("RawDataTime")
        .unwrap()
}

const START: i64 = 1_577_836_800_250_000;

fn regular_times() -> Vec<i64> {
    (0..5).map(|k| START + k * 100_000).collect()
}

fn number(at: &hdf5::Location, name: &str, value: f64) {
    let attribute = at.new_attr::<f64>().create(name).unwrap();
    attribute.write_scalar(&value).unwrap();
}

fn utf8(value: &str) -> VarLenUnicode {
    VarLenUnicode::from_str(value).unwrap()
}

#[test]
fn rate_and_start_from_the_time_array() {
    let bent = Bent::new(|_, acquisition, raw| {
        data(raw);
        times(raw, &regular_times());
        number(acquisition, "SpatialSamplingInterval", 2.0);
        number(acquisition, "StartLocusIndex", -1.0);
    });
    let source = bent.open().unwrap();
    let h = source.header();
    assert_eq!((h.channels, h.samples, h.prf()), (3, 5, 10.0));
    assert_eq!(h.segments.len(), 1);
    assert_eq!(h.start_time().as_microsecond(), START);
    assert_eq!(h.depth, [-2.0, 0.0, 2.0]);
    assert_eq!(part::<f32>(&*source, 1..3, 1..3), [11.0, 21.0, 12.0, 22.0]);
}

#[test]
fn every_shape_of_string_and_scalar() {
    let bent = Bent::new(|_, acquisition, raw| {
        let dimensions = [
            FixedAscii::<5>::from_ascii("locus").unwrap(),
            FixedAscii::<5>::from_ascii("time").unwrap(),
        ];
        data(raw)
            .new_attr_builder()
            .with_data(&dimensions)
            .create("Dimensions")
            .unwrap();
        // A number as variable-length UTF-8, one as ASCII with its zero byte inside an array of one, one in an array.
        let rate = acquisition.new_attr::<VarLenUnicode>();
        rate.create("PulseRate")
            .unwrap()
            .write_scalar(&utf8("4000"))
            .unwrap();
        let rate = [VarLenAscii::from_ascii("50.0").unwrap()];
        raw.new_attr_builder()
            .with_data(&rate)
            .create("OutputDataRate")
            .unwrap();
        acquisition
            .new_attr_builder()
            .with_data(&[0.5f32])
            .create("SpatialSamplingInterval")
            .unwrap();
        acquisition
            .new_attr_builder()
            .with_data(&[4i32])
            .create("StartLocusIndex")
            .unwrap();
        let start = FixedAscii::<32>::from_ascii("2020-01-01T00:00:00.25\0").unwrap();
        let at = acquisition.new_attr::<FixedAscii<32>>();
        at.create("MeasurementStartTime")
            .unwrap()
            .write_scalar(&start)
            .unwrap();
    });
    let source = bent.open().unwrap();
    let h = source.header();
    // The data are loci by times here: 5 loci.
    assert_eq!((h.channels, h.samples, h.prf()), (5, 3, 50.0));
    assert_eq!(h.layout, Layout::ChannelMajor);
    assert_eq!(h.start_time().as_microsecond(), START);
    assert_eq!(h.depth, [2.0, 2.5, 3.0, 3.5, 4.0]);
    assert_eq!(part::<f32>(&*source, 1..3, 1..3), [11.0, 12.0, 21.0, 22.0]);
    assert_eq!(
        h.metadata["attributes"]["/Acquisition"]["PulseRate"],
        "4000"
    );
    assert_eq!(
        h.warnings,
        ["the start is MeasurementStartTime: RawDataTime has none"]
    );
}

#[test]
fn orientation_without_dimensions() {
    // 5 is the number of loci, so the slow axis is the locus.
    let bent = Bent::new(|_, acquisition, raw| {
        data(raw);
        times(raw, &regular_times()[..3]);
        number(raw, "NumberOfLoci", 5.0);
        number(acquisition, "SpatialSamplingInterval", 1.0);
        number(acquisition, "StartLocusIndex", 0.0);
    });
    assert_eq!(bent.open().unwrap().header().channels, 5);
    // Only the time array tells.
    let bent = Bent::new(|_, acquisition, raw| {
        data(raw);
        times(raw, &regular_times()[..3]);
        number(acquisition, "SpatialSamplingInterval", 1.0);
        number(acquisition, "StartLocusIndex", 0.0);
    });
    assert_eq!(bent.open().unwrap().header().channels, 5);
}

#[test]
fn doubts_are_warnings() {
    let bent = Bent::new(|_, acquisition, raw| {
        data(raw);
        times(
            raw,
            &[
                START,
                START + 50_000,
                START + 100_000,
                START + 200_000,
                START + 200_000,
            ],
        );
        number(raw, "OutputDataRate", 10.0);
        number(raw, "NumberOfLoci", 4.0);
        number(acquisition, "SpatialSamplingInterval", 1.0);
    });
    assert_eq!(
        bent.open().unwrap().header().warnings,
        [
            "NumberOfLoci is 4, but RawData has 3 channels, all of which are read",
            "/Acquisition/Raw[0]/RawDataTime: the time at row 4 is not later than at the row before",
            "OutputDataRate is 10 Hz, but /Acquisition/Raw[0]/RawDataTime gives 20 Hz: 10 Hz is used",
            "there is no StartLocusIndex: the first channel is at 0 m",
        ]
    );
}

#[test]
fn depth_table_of_another_length() {
    // The golden table names its second field FiberLength; only its place counts. Four rows for seven channels would not
    // cover, so the depth falls back to the spacing and says so.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    std::fs::copy(golden("hdf5-type1/type1.h5"), &path).unwrap();
    let file = File::open_rw(&path).unwrap();
    let raw = file.group("Acquisition/Raw[0]").unwrap();
    raw.unlink("RawData").unwrap();
    let samples = Array2::from_shape_fn((350, 7), |(t, x)| (t * 7 + x) as i32);
    raw.new_dataset_builder()
        .with_data(&samples)
        .create("RawData")
        .unwrap();
    number(
        &file.group("Acquisition").unwrap(),
        "SpatialSamplingInterval",
        2.0,
    );
    number(&raw, "StartLocusIndex", 1.0);
    close(file);
    let source = open(&path).unwrap();
    assert_eq!(
        source.header().depth,
        [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]
    );
    assert_eq!(
        source.header().warnings,
        [
            "/Acquisition/FacilityCalibration[0]/Calibration[0]/LocusDepthPoint has 4 rows that do not cover the 7 \
          channels: it is not used"
        ]
    );
    let column: Vec<i32> = part(&source, 2..3, 0..350);
    assert!(column.iter().eq(samples.index_axis(Axis(1), 2).iter()));
    drop(source);
    // Three of the four loci.
    let file = File::open_rw(&path).unwrap();
    let raw = file.group("Acquisition/Raw[0]").unwrap();
    raw.unlink("RawData").unwrap();
    raw.new_dataset_builder()
        .with_data(&Array2::<i16>::zeros((350, 3)))
        .create("RawData")
        .unwrap();
    close(file);
    assert_eq!(open(&path).unwrap().header().depth, [1.5, 3.0, 4.5]);
}
