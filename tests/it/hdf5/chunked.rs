//! Packed chunks that are read without the library: what it reads is what is read, whatever their shapes and filters.

use std::ops::Range;
use std::path::Path;

use distpy_gpu::formats::hdf5::open;
use distpy_gpu::formats::{Layout, Source};
use hdf5::{File, H5Type};
use ndarray::{Array2, s};
use proptest::prelude::*;

use super::layouts::numbers;
use super::{close, golden, part};

const TIMES: usize = 40;
const CHANNELS: usize = 7;

fn opened(name: &str) -> impl Source {
    open(&golden("../hdf5/chunked").join(name)).unwrap()
}

/// Windows that are in chunks, cross them, and end with the recording.
fn windows() -> Vec<(Range<usize>, Range<usize>)> {
    let mut windows = vec![(0..CHANNELS, 0..TIMES)];
    for channels in [0..1, 2..4, 3..6, 1..7, 6..7] {
        for times in [0..16, 15..17, 5..6, 16..32, 3..40, 39..40] {
            windows.push((channels.clone(), times));
        }
    }
    windows
}

fn check(name: &str, value: impl Fn(usize, usize) -> f64) {
    let source = opened(name);
    assert_eq!(source.header().samples, TIMES, "{name}");
    assert_eq!(source.header().channels, CHANNELS, "{name}");
    for (channels, times) in windows() {
        let expected: Vec<f64> = channels
            .clone()
            .flat_map(|x| times.clone().map(move |t| (t, x)))
            .map(|(t, x)| value(t, x))
            .collect();
        let found = numbers(&source, channels.clone(), times.clone());
        assert_eq!(found, expected, "{name}: {channels:?} of {times:?}");
    }
}

#[test]
fn files_of_another_writer() {
    let names = [
        "gzip.h5",
        "gzip-shuffle-fletcher.h5",
        "fletcher.h5",
        "shuffle.h5",
        "lzf.h5",
        "lzf-shuffle.h5",
        "channels.h5",
        "one.h5",
        "large.h5",
        "masks.h5",
        "latest.h5",
        "latest-tree.h5",
        "latest-single.h5",
        "user-block.h5",
        "big-endian.h5",
        "scale-offset.h5",
        "plain.h5",
    ];
    // What is not known is left to the library; nothing else is, or these would test the library.
    let left = ["big-endian.h5", "scale-offset.h5", "plain.h5"];
    for name in names {
        check(name, |t, x| 100.0 * t as f64 + x as f64 - 7.0);
        assert_eq!(opened(name).is_packed(), !left.contains(&name), "{name}");
    }
    assert_eq!(opened("channels.h5").header().layout, Layout::ChannelMajor);
}

#[test]
fn chunks_that_were_never_written_are_filled() {
    check("holes.h5", |t, x| {
        let written = (16..32).contains(&t) && x < 3 || t >= 32 && x == 6;
        if written {
            100.0 * t as f64 + x as f64 - 7.0
        } else {
            -5.0
        }
    });
}

/// The error of reading all of a file whose bytes were bent, without its folder.
fn refusal(name: &str, bend: impl Fn(&mut Vec<u8>)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(golden("../hdf5/chunked").join(name)).unwrap();
    bend(&mut bytes);
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let source = open(&path).unwrap();
    let header = source.header();
    let mut dst = vec![0; header.channels * header.samples * header.dtype.size()];
    let read = source.read(0..header.channels, 0..header.samples, &mut dst);
    let message = read.unwrap_err().to_string();
    message.replace(&format!("{}/", folder.path().display()), "")
}

/// Where the first packed chunk begins: zlib's header.
fn packed(bytes: &[u8]) -> usize {
    let at = bytes.windows(2).position(|two| two == [0x78, 0x5e]);
    at.unwrap_or_else(|| panic!("no zlib header"))
}

#[test]
fn damaged_chunks_are_named() {
    let message = refusal("gzip.h5", |bytes| {
        let at = packed(bytes) + 20;
        bytes[at] ^= 0x55;
    });
    assert_eq!(
        message,
        "gzip.h5: /raw, chunk at 0, 0: found deflated bytes that do not decode, expected a chunk of 192 bytes"
    );
    let message = refusal("fletcher.h5", |bytes| {
        // The first time of the first three channels.
        let first = [-7_i16, -6, -5].map(i16::to_le_bytes).concat();
        let at = bytes.windows(6).position(|it| it == first).unwrap();
        bytes[at] ^= 1;
    });
    let start = "fletcher.h5: /raw, chunk at 0, 0: found bytes whose checksum is ";
    assert!(message.starts_with(start), "{message}");
    assert!(message.ends_with(", as is stored"), "{message}");
}

#[test]
fn the_size_of_a_chunk_is_not_believed() {
    assert_eq!(
        refusal("absurd.h5", |_| {}),
        "absurd.h5: /raw, chunk at 0, 0: found 10 stored bytes, expected a chunk of 1073741824 bytes"
    );
}

/// A dataset and what is read of it.
#[derive(Debug, Clone)]
struct Case {
    shape: [usize; 2],
    chunk: [usize; 2],
    filters: [bool; 4],
    written: [Range<usize>; 2],
    windows: Vec<[Range<usize>; 2]>,
    seed: u64,
}

fn range(length: usize) -> impl Strategy<Value = Range<usize>> {
    (0..length, 0..length).prop_map(|(a, b)| a.min(b)..a.max(b) + 1)
}

fn cases() -> impl Strategy<Value = Case> {
    let shape =
        [1..60_usize, 1..60_usize].prop_filter("axes tell by their lengths", |it| it[0] != it[1]);
    shape
        .prop_flat_map(|shape| {
            let [slow, fast] = shape;
            let windows = prop::collection::vec([range(slow).boxed(), range(fast).boxed()], 1..6);
            (
                Just(shape),
                [1..80_usize, 1..80_usize],
                any::<[bool; 4]>(),
                [range(slow).boxed(), range(fast).boxed()],
                windows,
                any::<u64>(),
            )
        })
        .prop_map(|(shape, chunk, filters, written, windows, seed)| Case {
            shape,
            chunk,
            filters,
            written,
            windows,
            seed,
        })
}

/// Writes the case as a plain recording: the slow axis is time where `turned`.
fn write<T: H5Type + Copy>(path: &Path, case: &Case, turned: bool, value: impl Fn(u64) -> T) {
    let file = File::create(path).unwrap();
    let [deflate, shuffle, fletcher, lzf] = case.filters;
    let mut data = file
        .new_dataset::<T>()
        .chunk(case.chunk)
        .fill_value(value(9));
    if shuffle {
        data = data.shuffle();
    }
    if deflate {
        data = data.deflate(4);
    } else if lzf {
        data = data.lzf();
    }
    if fletcher {
        data = data.fletcher32();
    }
    let [slow, fast] = case.shape;
    let data = data.shape((slow.., fast..)).create("raw").unwrap();
    data.resize((slow, fast)).unwrap();
    let [lines, across] = case.written.clone();
    let samples = Array2::from_shape_fn((lines.len(), across.len()), |(i, k)| {
        // Few different numbers, so that LZF and deflate find something.
        value(case.seed.wrapping_mul((i / 3 * 7 + k) as u64 | 1) >> 59)
    });
    data.write_slice(&samples, s![lines, across]).unwrap();
    let count = if turned { slow } else { fast };
    let times: Vec<f64> = (0..count).map(|k| 1.6e9 + k as f64).collect();
    let times = file.new_dataset_builder().with_data(&times);
    times.create("timestamp").unwrap();
    drop(data);
    close(file);
}

fn holds<T: H5Type + Copy + PartialEq + bytemuck::Pod + std::fmt::Debug>(
    case: &Case,
    value: impl Fn(u64) -> T,
) -> Result<(), TestCaseError> {
    for turned in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case.h5");
        let count = if turned { case.shape[0] } else { case.shape[1] };
        if count < 2 {
            continue;
        }
        write(&path, case, turned, &value);
        let library = File::open(&path).unwrap();
        let source = open(&path).unwrap();
        prop_assert_eq!(source.is_packed(), case.filters.contains(&true));
        for [slow, fast] in &case.windows {
            let data = library.dataset("raw").unwrap();
            let read = data.read_slice_2d::<T, _>(s![slow.clone(), fast.clone()]);
            let mut expected = read.unwrap();
            let (channels, times) = match turned {
                true => (fast.clone(), slow.clone()),
                false => (slow.clone(), fast.clone()),
            };
            if turned {
                expected = expected.reversed_axes();
            }
            let expected: Vec<T> = expected.iter().copied().collect();
            prop_assert_eq!(part::<T>(&source, channels, times), expected);
        }
        drop(source);
        library.close().unwrap();
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_library_reads_is_read(case in cases()) {
        match case.seed % 4 {
            0 => holds(&case, |n| n as f32 - 3.5)?,
            1 => holds(&case, |n| n as i16 - 4)?,
            2 => holds(&case, |n| n as f64 * 1e9)?,
            _ => holds(&case, |n| n as u8)?,
        }
    }
}
