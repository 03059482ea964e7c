//! What cannot be read is refused with a useful message.

use distpy_gpu::formats::Source;
use distpy_gpu::formats::tdms::{TdmsSource, open};
use proptest::prelude::*;

use super::golden;

/// Files in every order of samples.
const NAMES: [&str; 6] = [
    "nptdms",
    "interleaved",
    "nptdms-segments",
    "segments",
    "flat",
    "chunks-big",
];

/// Opens a file of these bytes; gives the message without the file's name.
fn opened(bytes: &[u8]) -> Result<TdmsSource, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tdms");
    std::fs::write(&path, bytes).unwrap();
    let name = format!("{}: ", path.display());
    open(&path).map_err(|error| error.to_string().replace(&name, ""))
}

fn refusal(bytes: &[u8]) -> String {
    opened(bytes).unwrap_err()
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(golden(name)).unwrap()
}

/// The place of some bytes.
fn find(bytes: &[u8], part: &[u8]) -> usize {
    let mut windows = bytes.windows(part.len());
    windows.position(|window| window == part).unwrap()
}

/// A file whose bytes at a place are others.
fn bent(name: &str, at: impl FnOnce(&[u8]) -> usize, by: &[u8]) -> Vec<u8> {
    let mut bytes = bytes(name);
    let at = at(&bytes);
    bytes[at..at + by.len()].copy_from_slice(by);
    bytes
}

/// Where a channel's index has its type.
fn kind(channel: usize) -> impl Fn(&[u8]) -> usize {
    let path = format!("/'Measurement'/'{channel}'");
    move |bytes| find(bytes, path.as_bytes()) + path.len() + 4
}

#[test]
fn files_that_say_what_cannot_be() {
    let cases: [(Vec<u8>, &str); 22] = [
        (
            b"".to_vec(),
            "byte 0: found 0 bytes, expected at least 28 bytes: the start of a segment",
        ),
        (
            b"TDSm\x0e".to_vec(),
            "byte 0: found 5 bytes, expected at least 28 bytes: the start of a segment",
        ),
        (
            vec![0xff; 4000],
            "byte 0: found \"\\xff\\xff\\xff\\xff\", expected TDSm; this is no TDMS file",
        ),
        (
            bent("nptdms", |_| 0, b"TDSh"),
            "byte 0: found \"TDSh\", expected TDSm: the recording, not the index beside it",
        ),
        (
            [bytes("nptdms"), b"TDS?".to_vec()].concat(),
            "byte 1035: found \"TDS?\", expected TDSm: the start of a segment",
        ),
        (
            bytes("daqmx"),
            "segment 1: found samples of DAQmx, expected plain samples",
        ),
        (
            bent("nptdms", |b| kind(0)(b) - 4, &[0x69, 0x12, 0, 0]),
            "byte 707: found samples of DAQmx in /'Measurement'/'0', expected plain samples: an index of 20 bytes",
        ),
        (
            bent("nptdms", |_| 4, &[0x0c]),
            "segment 1: found no metadata, expected a list of objects in the first segment",
        ),
        (
            bent("nptdms", |_| 20, &[0xff; 8]),
            "segment 1: found samples from byte 18446744073709551615 on in a segment up to byte 1035, \
             expected samples before the segment's end",
        ),
        (
            bent("nptdms", |b| kind(0)(b) - 4, &[0; 4]),
            "byte 707: found as many samples as before in /'Measurement'/'0', \
             expected a number of samples, as there is none before",
        ),
        (
            bent("nptdms", kind(2), &[9]),
            "segment 1: found 12 samples of type 0x9 in /'Measurement'/'2', \
             expected as in others: 12 samples of type 0x2 in /'Measurement'/'0'",
        ),
        (
            bent("nptdms", |b| kind(2)(b) + 8, &[11]),
            "segment 1: found 11 samples of type 0x2 in /'Measurement'/'2', \
             expected as in others: 12 samples of type 0x2 in /'Measurement'/'0'",
        ),
        (
            bent("nptdms", kind(2), &[0x42]),
            "byte 799: found samples of type 0x42 in /'Measurement'/'2', expected a type that TDMS has",
        ),
        (
            bent("nptdms", |b| kind(2)(b) + 4, &[2]),
            "byte 799: found 2 dimensions in /'Measurement'/'2', expected 1",
        ),
        (
            bent("nptdms", |b| kind(2)(b) + 8, &[0xff; 8]),
            "byte 799: found 18446744073709551615 samples in /'Measurement'/'2', \
             expected a number that fits a file",
        ),
        (
            bent("nptdms", |b| kind(1)(b) - 6, b"0"),
            "byte 731: found /'Measurement'/'0' for the second time, expected each object once in a segment",
        ),
        (
            [bytes("nptdms"), bytes("type-i4")].concat(),
            "segment 2: found samples of type int32, expected int16 as before",
        ),
        (
            [bytes("nptdms"), bytes("flat")].concat(),
            "channels: found /'DAS'/'Raw' beside /'Measurement'/'0', expected those of one group",
        ),
        (
            bent("flat", |b| find(b, b"Total Channels"), b"Other"),
            "channels: found /'DAS'/'Raw', expected a number as its name, or one channel and Total Channels",
        ),
        (
            bent("flat", |b| find(b, b"Total Channels") + 18, &[24 * 5 + 1]),
            "Total Channels: found 121, expected a whole number from 1 to 60",
        ),
        (
            bent("flat", |b| find(b, b"Time Base"), b"Time Bore"),
            "properties: found no sampling rate, expected a number above 0 in SamplingFrequency[Hz] or Time Base",
        ),
        (
            bent("flat", |b| find(b, b"Trigger Time"), b"Trigger Tide"),
            "properties: found no start, \
             expected a time in GPSTimeStamp, CPUTimeStamp, ISO8601 Timestamp or Trigger Time",
        ),
    ];
    for (bytes, message) in cases {
        assert_eq!(refusal(&bytes), message);
    }
}

#[test]
fn channels_that_go_on_without_others() {
    let defragmented = bytes("nptdms-defragmented");
    let last = defragmented.len() - find_last(&defragmented, b"TDSm");
    let more = [
        &defragmented[..],
        &defragmented[defragmented.len() - last..],
    ]
    .concat();
    let source = opened(&more).unwrap();
    let h = source.header();
    assert_eq!(h.samples, 12);
    assert_eq!(
        h.warnings,
        ["channels have 12 to 24 samples: the first 12 are read"]
    );
    let message = refusal(&[more, bytes("nptdms")].concat());
    assert!(
        message.ends_with(
            "found 24 samples before in /'Measurement'/'4', 12 in /'Measurement'/'0', \
             expected as many in all of its channels"
        ),
        "{message}"
    );
    let twice = [bytes("nptdms"), bytes("chunks-big")].concat();
    let source = opened(&twice).unwrap();
    assert_eq!(source.header().samples, 24);
    let samples = crate::segy::read(&source, 3..4, 10..14);
    assert_eq!(samples, [996.0, 1096.0, -4.0, 96.0]);
}

fn find_last(bytes: &[u8], part: &[u8]) -> usize {
    let mut windows = bytes.windows(part.len());
    windows.rposition(|window| window == part).unwrap()
}

/// Only metadata that the file's end cuts are left out: what is whole and cannot be is refused in the last segment, too.
#[test]
fn a_last_segment_that_is_whole_is_not_taken_for_cut() {
    let mut last = bent("nptdms", |b| kind(0)(b) - 4, &[0x69, 0x12, 0, 0]);
    last[12..20].fill(0xff);
    let message = refusal(&[bytes("nptdms"), last].concat());
    assert_eq!(
        message,
        "byte 1742: found samples of DAQmx in /'Measurement'/'0', expected plain samples: an index of 20 bytes"
    );
}

/// A segment takes no time for channels that it does not speak of.
#[test]
fn many_segments_of_many_channels_take_little_time() {
    const CHANNELS: u32 = 100_000;
    let mut list = CHANNELS.to_le_bytes().to_vec();
    for channel in 0..CHANNELS {
        let path = format!("/'Measurement'/'{channel}'");
        list.extend((path.len() as u32).to_le_bytes());
        list.extend(path.as_bytes());
        // One sample of an i8 in one dimension, and no property.
        for number in [20_u32, 1, 1, 1, 0, 0] {
            list.extend(number.to_le_bytes());
        }
    }
    let segment = |contents: u32, list: &[u8], samples: &[u8]| {
        let mut bytes = b"TDSm".to_vec();
        bytes.extend(contents.to_le_bytes());
        bytes.extend(4713_u32.to_le_bytes());
        bytes.extend(((list.len() + samples.len()) as u64).to_le_bytes());
        bytes.extend((list.len() as u64).to_le_bytes());
        [&bytes, list, samples].concat()
    };
    for interleaved in [0, 0x20] {
        let mut bytes = segment(0x0e | interleaved, &list, &[1]);
        let more = segment(0x08 | interleaved, &[], &[1]);
        bytes.extend(more.repeat(20_000));
        let start = std::time::Instant::now();
        refusal(&bytes);
        let took = start.elapsed();
        assert!(took.as_secs() < 10, "{took:?}");
    }
}

#[test]
fn files_without_a_recording() {
    // Other groups only.
    let mut bytes = bytes("nptdms");
    let places = bytes.windows(11).enumerate();
    let places: Vec<_> = places
        .filter(|(_, w)| w == b"Measurement")
        .map(|it| it.0)
        .collect();
    for at in places {
        bytes[at] = b'X';
    }
    assert_eq!(
        refusal(&bytes),
        "channels: found none that is recorded, only /, /'Xeasurement', /'Xeasurement'/'0', /'Xeasurement'/'1', \
         /'Xeasurement'/'2', ..., expected /'Measurement'/'0' and so on, or a channel in the group DAS, with samples"
    );
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(
        error.ends_with("found a folder, pipe or device, expected a file"),
        "{error}"
    );
    open(&folder.path().join("no.tdms")).unwrap_err();
}

/// A file of a lead-in and metadata that claim more than there is.
fn claims(objects: u32, rest: &[u8]) -> Vec<u8> {
    let mut bytes = b"TDSm\x0e\0\0\0\x69\x12\0\0".to_vec();
    bytes.extend([0xff; 8]);
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(objects.to_le_bytes());
    bytes.extend(rest);
    bytes
}

#[test]
fn counts_and_lengths_are_not_believed() {
    let root = b"\x01\0\0\0/\xff\xff\xff\xff".as_slice();
    let cases = [
        (
            claims(u32::MAX, &[]),
            "byte 32: found 0 bytes to the end of the metadata, expected the length of an object's path of 4 bytes",
        ),
        (
            claims(1, &[0xff; 4]),
            "byte 36: found 0 bytes to the end of the metadata, expected an object's path of 4294967295 bytes",
        ),
        (
            claims(1, &[root, &[0xff; 4]].concat()),
            "byte 45: found 0 bytes to the end of the metadata, expected the length of a property's name of 4 bytes",
        ),
        (
            claims(
                1,
                &[root, b"\x01\0\0\0\x01\0\0\0n\x20\0\0\0", &[0xff; 4]].concat(),
            ),
            "byte 58: found 0 bytes to the end of the metadata, expected the value of n of 4294967295 bytes",
        ),
        (
            claims(1, &[root, b"\x01\0\0\0\x01\0\0\0n\x4f\0\0\0"].concat()),
            "byte 50: found type 0x4f of n, expected a number, text, true or false, or a time",
        ),
    ];
    for (bytes, message) in cases {
        assert_eq!(refusal(&bytes), message);
    }
}

/// Each file is refused with one line that names a place, or read with a warning, wherever it is cut.
#[test]
fn cuts_anywhere_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tdms");
    for name in NAMES {
        let whole = bytes(name);
        std::fs::write(&path, &whole).unwrap();
        let times = open(&path).unwrap().header().samples;
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        for end in (0..whole.len()).rev() {
            file.set_len(end as u64).unwrap();
            let source = match open(&path) {
                Ok(source) => source,
                Err(error) => {
                    let message = error.to_string();
                    let one_line = message.contains("found") && !message.contains('\n');
                    assert!(one_line, "{message}");
                    continue;
                }
            };
            // Nothing of the first segment's metadata can be missing, which are padded to this byte.
            assert!(name != "interleaved" || end > 1024, "{end}");
            let h = source.header();
            assert!(h.samples <= times, "{name} cut at {end}");
            // A file that ends between segments is whole.
            let between = whole[end..].starts_with(b"TDSm");
            let told = h.samples == times || between || !h.warnings.is_empty();
            assert!(told, "{name} cut at {end}");
            read_all(&source);
        }
    }
}

fn read_all(source: &TdmsSource) {
    let h = source.header();
    let mut dst = vec![0; h.channels * h.samples * h.dtype.size()];
    source.read(0..h.channels, 0..h.samples, &mut dst).unwrap();
}

proptest! {
    /// Damaged bytes are refused or read; they are no reason to panic.
    #[test]
    fn damaged_bytes_do_not_panic(
        name in prop::sample::select(&NAMES),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = bytes(name);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(source) = opened(&bytes) {
            read_all(&source);
        }
    }
}
