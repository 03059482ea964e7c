//! SEG-Y files that are cut, damaged, or say what they do not hold.

use distpy_gpu::formats::Source;
use proptest::prelude::*;

use super::made::{Change, Made};
use super::{all, columns, golden, open_bytes};

/// Opens a file of four traces of five samples, changed, and gives its warnings.
fn warned(what: &str, change: impl Fn(&mut Made), cut: usize) -> (usize, usize, Vec<String>) {
    let mut made = Made::new(5, false, vec![vec![3.0; 5]; 4]);
    change(&mut made);
    let mut bytes = made.bytes();
    bytes.truncate(bytes.len() - cut);
    let source = open_bytes(&bytes).unwrap_or_else(|e| panic!("{what}: {e}"));
    let header = source.header();
    assert!(all(&source).iter().all(|v| *v == 3.0), "{what}");
    (header.channels, header.samples, header.warnings.clone())
}

#[test]
fn counts_that_lie_are_corrected_by_the_size_and_said() {
    type Lie = (&'static str, Change, usize, (usize, usize), &'static str);
    let cases: [Lie; 12] = [
        (
            "cut in the last samples",
            |_| {},
            1,
            (3, 5),
            "the file holds 3 whole traces of 260 bytes (240 of header, 20 of samples) and 259 more bytes, which are not read: it is cut, or its counts are wrong",
        ),
        (
            "cut in a header",
            |_| {},
            225,
            (3, 5),
            "3 whole traces of 260 bytes (240 of header, 20 of samples) and 35 more bytes",
        ),
        (
            "cut, revision 2",
            |m| {
                m.binary(300, [2]).binary(312, 4u64.to_be_bytes());
            },
            1,
            (3, 5),
            "byte 3512 says 4 traces, the file holds 3: all of these are read",
        ),
        (
            "cut, additional headers",
            |m| {
                m.additional = 1;
                m.binary(300, [2]).binary(306, 1i32.to_be_bytes());
            },
            30,
            (3, 5),
            "3 whole traces of 500 bytes (480 of header, 20 of samples) and 470 more bytes",
        ),
        (
            "too many stated",
            |m| {
                m.binary(300, [2]).binary(312, 9u64.to_be_bytes());
            },
            0,
            (4, 5),
            "byte 3512 says 9 traces, the file holds 4",
        ),
        (
            "wrong samples in the binary header",
            |m| {
                m.binary(20, 6u16.to_be_bytes())
                    .trace(114, 5u16.to_be_bytes());
            },
            0,
            (4, 5),
            "the header says 6 samples per trace, with which the file is not whole traces: taken as 5, which other fields say",
        ),
        (
            "wrong extended samples",
            |m| {
                m.binary(300, [2]).binary(68, i32::MAX.to_be_bytes());
            },
            0,
            (4, 5),
            "the header says 2147483647 samples per trace",
        ),
        (
            "absurd offset of the first trace",
            |m| {
                m.binary(300, [2]).binary(320, u64::MAX.to_be_bytes());
            },
            0,
            (4, 5),
            "offset of the first trace (byte 3520): found 18446744073709551615, expected 3600 to 4400, where the file has room for a trace; the first trace is taken to be at byte 3600",
        ),
        (
            "wrong offset of the first trace",
            |m| {
                m.binary(300, [2]).binary(320, 3601u64.to_be_bytes());
            },
            0,
            (4, 5),
            "the first trace is at byte 3600, and not at 3601, where the header has it: only so the file is whole traces",
        ),
        (
            "too many texts",
            |m| {
                m.binary(304, 30_000i16.to_be_bytes());
            },
            0,
            (4, 5),
            "number of extended textual headers (byte 3504): found 30000 in a file of 4640 bytes, expected at least 96003840 bytes, which a trace behind them needs; the first trace is taken to be at byte 3600",
        ),
        (
            "negative texts",
            |m| {
                m.binary(304, (-7i16).to_be_bytes());
            },
            0,
            (4, 5),
            "found -7, expected 0 or more, or -1; the first trace is taken to be at byte 3600",
        ),
        (
            "a byte order that the format contradicts",
            |m| {
                m.binary(96, 0x0403_0201u32.to_be_bytes());
            },
            0,
            (4, 5),
            "the byte-order constant 0x04030201 (byte 3296) contradicts the sample format",
        ),
    ];
    for (what, change, cut, counts, warning) in cases {
        let (channels, samples, warnings) = warned(what, change, cut);
        assert_eq!((channels, samples), counts, "{what}");
        let said = warnings.iter().any(|w| w.contains(warning));
        assert!(said, "{what}: {warnings:?}");
    }
}

#[test]
fn trailers_of_unknown_length_begin_with_a_stanza() {
    let mut made = Made::new(5, false, vec![vec![3.0; 5]; 4]);
    made.after = 6400;
    made.binary(300, [2]).binary(328, (-1i32).to_be_bytes());
    let mut bytes = made.bytes();
    let source = open_bytes(&bytes).unwrap();
    assert_eq!(source.header().channels, 28, "blanks are no stanza");
    bytes[3600 + 4 * 260..][..10].copy_from_slice(b"((SEG: X))");
    bytes[3600 + 4 * 260 + 10..].fill(b' ');
    let source = open_bytes(&bytes).unwrap();
    assert_eq!((source.header().channels, source.header().samples), (4, 5));
    assert_eq!(all(&source), [3.0; 20]);
}

#[test]
fn broken_files_are_refused_with_their_place() {
    let made = || Made::new(5, false, vec![vec![0.0; 4]; 3]);
    let with = |change: fn(&mut Made)| {
        let mut made = made();
        change(&mut made);
        made.bytes()
    };
    let golden = |case: &str| std::fs::read(golden(case).join("input.sgy")).unwrap();
    let whole = made().bytes();
    let swapped = |code: i16| {
        let mut made = Made::new(code, false, vec![vec![0.0; 4]; 3]);
        made.binary(96, 0x0102_0304u32.to_be_bytes());
        let mut bytes = made.bytes();
        bytes[3200..]
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .for_each(|b| b.reverse());
        bytes
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "empty",
            vec![],
            "size of the file: found 0 bytes, expected at least 3840 bytes",
        ),
        (
            "text only",
            whole[..3200].to_vec(),
            "size of the file: found 3200 bytes",
        ),
        (
            "headers only",
            whole[..3600].to_vec(),
            "size of the file: found 3600 bytes",
        ),
        (
            "other file",
            vec![b'x'; 9000],
            "expected a code from 1 to 16; this is no SEG-Y file",
        ),
        (
            "zeros",
            vec![0; 9000],
            "expected a code from 1 to 16; this is no SEG-Y file",
        ),
        (
            "format 4",
            golden("segy-format4"),
            "sample (byte 3840): found a first byte of 61, expected 0, as the sample format is 4 (fixed point with gain): the samples have another format",
        ),
        (
            "no interval",
            golden("segy-interval-zero"),
            "sample interval (bytes 3216 and 3272, trace byte 116): found 0",
        ),
        (
            "no samples",
            with(|m| {
                m.binary(20, [0; 2]);
            }),
            "samples per trace",
        ),
        (
            "too many samples",
            with(|m| {
                m.binary(20, 60_000u16.to_be_bytes());
            }),
            "number of traces: found 768 bytes behind the headers",
        ),
        (
            "absurd samples",
            with(|m| {
                m.binary(20, [0; 2]).binary(68, i32::MAX.to_be_bytes());
            }),
            "number of traces",
        ),
        (
            "in the only trace",
            whole[..3600 + 255].to_vec(),
            "number of traces: found 255 bytes behind the headers, expected whole traces of 256 bytes (240 of header, 16 of samples); the file is cut, or its header is wrong",
        ),
        (
            "in the texts",
            with(|m| {
                m.binary(304, 2i16.to_be_bytes());
            })[..4000]
                .to_vec(),
            "number of extended textual headers (byte 3504): found 2 in a file of 4000 bytes, expected at least 10240 bytes, which a trace behind them needs",
        ),
        (
            "counts that no field has right",
            {
                let mut bytes = with(|m| {
                    m.binary(20, 3u16.to_be_bytes())
                        .trace(114, 7u16.to_be_bytes());
                });
                bytes.truncate(bytes.len() - 3);
                bytes
            },
            "second trace (byte 3852): found 0 samples every 0 us, expected what the first one says, as the header speaks of traces of 252 bytes (240 of header, 12 of samples)",
        ),
        (
            "format 13",
            with(|m| {
                m.binary(24, 13i16.to_be_bytes());
            }),
            "sample format (byte 3224): found code 13, expected 1 to 12, 15 or 16",
        ),
        (
            "bytes in swapped pairs",
            swapped(8),
            "sample format (byte 3224): found code 8, expected samples of 2, 4 or 8 bytes, as bytes are swapped in pairs (byte 3296)",
        ),
    ];
    for (what, bytes, expected) in cases {
        let Err(error) = open_bytes(&bytes) else {
            panic!("{what}: opened");
        };
        let message = error.to_string();
        assert!(message.contains(expected), "{what}: {message}");
        assert!(message.contains("a.sgy: "), "{what}: {message}");
    }
}

#[test]
fn traces_with_sizes_of_their_own_are_read_up_to_a_cut() {
    let path = crate::root().join("tests/golden/segy/extensions-differ.sgy");
    let bytes = std::fs::read(path).unwrap();
    let source = open_bytes(&bytes[..bytes.len() - 1]).unwrap();
    let warning = "the file ends inside trace 2: 751 bytes are not read";
    assert_eq!(source.header().warnings, [warning]);
    assert_eq!(all(&source)[..2], [-7.0, -6.0]);
    assert_eq!(all(&source)[8..10], [93.0, 94.0]);
}

#[test]
fn files_cut_anywhere_open_whole_traces_or_say_one_thing() {
    let folder = crate::root().join("tests/golden/segy");
    for name in [
        "segyio-ibm-two-texts.sgy",
        "revision-2.1.sgy",
        "lengths-differ.sgy",
        "gain-revision-1.sgy",
    ] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        for length in (0..bytes.len()).filter(|n| *n < 8 || n % 37 == 0 || n % 240 < 2) {
            match open_bytes(&bytes[..length]) {
                Ok(source) => {
                    let header = source.header();
                    assert!(!header.warnings.is_empty(), "{name} cut to {length}");
                    assert!(header.channels <= 3, "{name} cut to {length}");
                    assert!(
                        all(&source)[0] == -7.0,
                        "{name} cut to {length}: {:?}",
                        header.warnings
                    );
                }
                Err(error) => {
                    let message = error.to_string();
                    assert!(message.contains("a.sgy: "), "{message}");
                    assert_eq!(message.lines().count(), 1, "{message}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_header_makes_the_reader_panic(
        little: bool,
        revision in 0u8..4,
        numbers in prop::collection::vec((3200usize..3850, any::<u8>()), 0..12),
        length in 3000usize..5000,
    ) {
        let mut made = Made::new(3, little, vec![vec![1.0; 10]; 4]);
        made.binary(300, [revision]);
        let mut bytes = made.bytes();
        for (at, value) in numbers {
            bytes[at] = value;
        }
        bytes.truncate(length);
        if let Ok(source) = open_bytes(&bytes) {
            let header = source.header();
            prop_assert!(header.channels > 0 && header.samples > 0 && header.prf() > 0.0);
            prop_assert!(header.channels * header.samples <= bytes.len());
            prop_assert_eq!(header.depth.len(), header.channels);
            prop_assert_eq!(all(&source).len(), header.channels * header.samples);
        }
    }

    #[test]
    fn no_damage_to_any_byte_makes_the_reader_panic(
        file in 0usize..5,
        damage in prop::collection::vec((3200usize..16_000, any::<u8>()), 0..20),
        length in 3840usize..16_000,
    ) {
        let names = ["segyio-ibm-two-texts", "revision-2.1", "extensions-differ", "lengths-differ", "pairs"];
        let path = crate::root().join(format!("tests/golden/segy/{}.sgy", names[file]));
        let mut bytes = std::fs::read(path).unwrap();
        for (at, value) in damage {
            let at = at.min(bytes.len() - 1);
            bytes[at] = value;
        }
        bytes.truncate(length);
        if let Ok(source) = open_bytes(&bytes) {
            let header = source.header();
            prop_assert!(header.channels * header.samples <= bytes.len());
            prop_assert_eq!(header.depth.len(), header.channels);
            prop_assert_eq!(all(&source).len(), header.channels * header.samples);
            prop_assert!(columns(&source).is_object());
            let last = source.traces().unwrap().unwrap().of_trace(header.channels - 1).unwrap();
            prop_assert!(last.is_object());
        }
    }
}
