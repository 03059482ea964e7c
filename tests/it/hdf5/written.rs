//! What is written is read back.

use distpy_gpu::block::DType;
use distpy_gpu::formats::hdf5::{Acquisition, open, write_prodml};
use distpy_gpu::formats::segment::{Rate, Segment};
use distpy_gpu::formats::{FormatError, Header, Layout, Source};
use ndarray::Array2;

use super::all;

/// A recording in memory: sample (channel, time) has a value of its own.
#[derive(Debug)]
struct Memory<T> {
    header: Header,
    samples: Array2<T>,
}

impl<T: bytemuck::Pod + Send + Sync + std::fmt::Debug> Memory<T> {
    fn new(dtype: DType, depth: Vec<f64>, samples: usize, value: impl Fn(usize) -> T) -> Self {
        let channels = depth.len();
        Self {
            header: Header {
                channels,
                samples,
                rate: Rate::of_hertz(2000.0).unwrap(),
                dtype,
                segments: Segment::whole("2026-03-01T12:00:00.123456Z".parse().unwrap(), samples),
                time_tolerance: 1_000,
                depth,
                layout: Layout::ChannelMajor,
                calibration: None,
                metadata: serde_json::Value::Null,
                warnings: Vec::new(),
            },
            samples: Array2::from_shape_fn((channels, samples), |(c, t)| value(c * samples + t)),
        }
    }
}

impl<T: bytemuck::Pod + Send + Sync + std::fmt::Debug> Source for Memory<T> {
    fn header(&self) -> &Header {
        &self.header
    }
    fn read(
        &self,
        channels: std::ops::Range<usize>,
        times: std::ops::Range<usize>,
        dst: &mut [u8],
    ) -> Result<(), FormatError> {
        let window = self.samples.slice(ndarray::s![channels, times]).to_owned();
        let (samples, _) = window.into_raw_vec_and_offset();
        dst.copy_from_slice(bytemuck::cast_slice(&samples));
        Ok(())
    }
}

fn acquisition() -> Acquisition {
    Acquisition {
        gauge_length: 10.0,
        pulse_rate: 4000.0,
        pulse_width: 50.0,
        unit: "0.5 nm/m/s".into(),
        description: "Strain rate".into(),
        facility: "Well 1".into(),
        vendor: "distpy-gpu".into(),
    }
}

fn written_is_read<T>(memory: &Memory<T>)
where
    T: bytemuck::Pod + Send + Sync + std::fmt::Debug + PartialEq,
{
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.h5");
    write_prodml(&path, memory, &acquisition()).unwrap();
    let source = open(&path).unwrap();
    let (read, expected) = (source.header(), memory.header());
    assert_eq!(read.warnings, Vec::<String>::new());
    assert_eq!(
        (
            read.channels,
            read.samples,
            read.rate,
            read.dtype,
            &read.segments
        ),
        (
            expected.channels,
            expected.samples,
            expected.rate,
            expected.dtype,
            &expected.segments
        )
    );
    for (read, expected) in read.depth.iter().zip(&expected.depth) {
        // The spacing is divided out and multiplied back in: a few roundings.
        assert!((read - expected).abs() <= 1e-12 * expected.abs().max(1.0));
    }
    assert!(all::<T>(&source) == memory.samples.as_slice().unwrap());
}

#[test]
fn written_recordings_are_read_back() {
    let regular = |n: usize| {
        (0..n)
            .map(|k| (k as f64 - 3.0) * 1.020_951)
            .collect::<Vec<_>>()
    };
    written_is_read(&Memory::new(DType::I16, regular(7), 5, |k| k as i16 - 9));
    written_is_read(&Memory::new(DType::F32, regular(1), 40, |k| k as f32 / 7.0));
    written_is_read(&Memory::new(DType::F64, regular(33), 129, |k| {
        1.0 / (k as f64 + 1.0)
    }));
    written_is_read(&Memory::new(DType::U8, regular(2), 1, |k| k as u8));
    // Irregular depth goes through a LocusDepthPoint table.
    let irregular = vec![0.0, 1.0, 5.0, 5.5];
    written_is_read(&Memory::new(DType::I32, irregular, 3, |k| {
        k as i32 * 100_000
    }));
    // 40,000 times of 400 channels of int16: several chunks and two windows.
    written_is_read(&Memory::new(DType::I16, regular(400), 40_000, |k| {
        (k as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[7] as i16
    }));
}

#[test]
fn equal_recordings_give_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        let memory = Memory::new(DType::I16, vec![0.0, 2.0], 6, |k| k as i16);
        write_prodml(&path, &memory, &acquisition()).unwrap();
        std::fs::read(path).unwrap()
    };
    let first = write("a.h5");
    // HDF5 can keep times of creation, in whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(first == write("b.h5"));
}
