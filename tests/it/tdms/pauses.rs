//! Times that are given again by later segments of a TDMS file.

use distpy_gpu::formats::segment::{SECOND, Segment};
use distpy_gpu::formats::tdms::open;
use distpy_gpu::formats::{Header, Source};

/// 2023-09-22T18:29:26.5Z.
const START: i64 = 1_695_407_366_500_000_000;

fn text(text: &str) -> Vec<u8> {
    let length = (text.len() as u32).to_le_bytes();
    [&length, text.as_bytes()].concat()
}

/// A segment of the file: properties of the file as texts, and samples of one channel.
fn segment(properties: &[(&str, &str)], samples: &[i16]) -> Vec<u8> {
    let number = |n: usize| (n as u32).to_le_bytes().to_vec();
    let mut metadata = [number(2), text("/"), number(u32::MAX as usize)].concat();
    metadata.extend(number(properties.len()));
    for (name, value) in properties {
        metadata.extend([text(name), number(0x20), text(value)].concat());
    }
    metadata.extend([text("/'Measurement'/'0'"), number(20), number(2), number(1)].concat());
    metadata.extend((samples.len() as u64).to_le_bytes());
    metadata.extend(number(0));
    let raw: Vec<u8> = samples.iter().flat_map(|it| it.to_le_bytes()).collect();
    let mut bytes = [b"TDSm".to_vec(), number(0x2e), number(4713)].concat();
    bytes.extend(((metadata.len() + raw.len()) as u64).to_le_bytes());
    bytes.extend((metadata.len() as u64).to_le_bytes());
    [bytes, metadata, raw].concat()
}

/// The header of a file of 500 Hz whose segments have so many samples and these times.
fn header(parts: &[(usize, &[(&str, &str)])]) -> Header {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tdms");
    let mut bytes = Vec::new();
    for (k, (count, times)) in parts.iter().enumerate() {
        let mut properties = times.to_vec();
        if k == 0 {
            properties.push(("SamplingFrequency[Hz]", "500"));
            properties.push(("GaugeLength", "10"));
            properties.push(("SpatialResolution[m]", "1"));
            properties.push(("Start Distance (m)", "0"));
        }
        bytes.extend(segment(&properties, &vec![7; *count]));
    }
    std::fs::write(&path, bytes).unwrap();
    open(&path).unwrap().header().clone()
}

fn segments(ends: &[(usize, i64)]) -> Vec<Segment> {
    let mut first = 0;
    let segments = ends.iter().map(|(end, after)| Segment {
        start: START + after,
        samples: std::mem::replace(&mut first, *end)..*end,
    });
    segments.collect()
}

const GPS: &str = "GPSTimeStamp";

#[test]
fn a_time_that_is_given_again_later_ends_a_segment() {
    const STEP: i64 = SECOND / 500;
    let at = [(GPS, "2023-09-22T18:29:26.500000Z")];
    let later = [(GPS, "2023-09-22T18:29:36.510000Z")];
    // After the first sample and before the last one, and in the middle.
    for (first, second) in [(1, 9), (9, 1), (5, 5)] {
        let header = header(&[(first, &at), (second, &later)]);
        let pause = 10 * SECOND + 5 * STEP;
        assert_eq!(header.segments, segments(&[(first, 0), (10, pause)]));
        assert_eq!(header.time_tolerance, 1_000);
        assert!(header.warnings.iter().all(|it| !it.contains(GPS)));
    }
    // The second pause is measured from the second time.
    let last = [(GPS, "2023-09-22T18:29:46.520000Z")];
    let twice = header(&[(5, &at), (3, &later), (2, &last)]);
    let pause = 10 * SECOND + 5 * STEP;
    assert_eq!(
        twice.segments,
        segments(&[(5, 0), (8, pause), (10, 2 * pause)])
    );
}

#[test]
fn times_that_fit_or_are_old_make_no_segment() {
    let at = [(GPS, "2023-09-22T18:29:26.500Z")];
    let whole = segments(&[(10, 0)]);
    for again in [
        // Where the samples continue, to half a step; the same time; no time.
        &[(GPS, "2023-09-22T18:29:26.510Z")][..],
        &[(GPS, "2023-09-22T18:29:26.511Z")][..],
        &at[..],
        &[],
        // The choice is GPS.
        &[("CPUTimeStamp", "2023-09-22T18:30:26.500Z")][..],
    ] {
        let header = header(&[(5, &at), (5, again)]);
        assert_eq!(header.segments, whole, "{again:?}");
        assert_eq!(header.warnings, [""; 0], "{again:?}");
        assert_eq!(header.time_tolerance, 1_000_000);
    }
    // Clocks that drift by half a step in each segment.
    let drifted = [
        [(GPS, "2023-09-22T18:29:26.511Z")],
        [(GPS, "2023-09-22T18:29:26.522Z")],
        [(GPS, "2023-09-22T18:29:26.533Z")],
    ];
    let [a, b, c] = &drifted;
    let header = header(&[(5, &at), (5, a), (5, b), (5, c)]);
    assert_eq!(header.segments, segments(&[(20, 0)]));
}

#[test]
fn a_time_before_the_end_of_the_samples_before_is_a_warning() {
    let at = [(GPS, "2023-09-22T18:29:26.500Z")];
    let earlier = [(GPS, "2023-09-22T18:29:25.510Z")];
    let header = header(&[(5, &at), (5, &earlier)]);
    assert_eq!(header.segments, segments(&[(10, 0)]));
    assert_eq!(
        header.warnings,
        [
            "segment 2: GPSTimeStamp is 1 s before the end of the samples before it: the samples are read as continuous"
        ]
    );
}
