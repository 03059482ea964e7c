//! The segments of a recording in time: later segments of the file may give its start again, and so show a pause.

use std::path::Path;

use super::objects::Given;
use super::recording::Recording;
use crate::formats::FormatError;
use crate::formats::segment::{Rate, Segment, nanoseconds};
use crate::formats::silixa::{self, Start};

/// The segments of a recording, and by how many nanoseconds their starts may be off.
#[derive(Debug)]
pub struct Times {
    /// In the order of the samples.
    pub segments: Vec<Segment>,
    /// What the texts of the times resolve.
    pub tolerance: i64,
}

impl Recording {
    /// The segments.
    ///
    /// A time that is given again is that of the first sample of its segment of the file. Where it is later than the samples
    /// before it end, there was a pause. Where it is not, within three quarters of a step or what the texts resolve, the
    /// samples continue, and the pause after them is measured from this time: clocks drift.
    ///
    /// # Errors
    /// When no property has a start.
    pub fn times(
        &self,
        path: &Path,
        rate: Rate,
        warnings: &mut Vec<String>,
    ) -> Result<Times, FormatError> {
        let start = self.start(&self.about, warnings).ok_or_else(|| {
            let expected =
                "a time in GPSTimeStamp, CPUTimeStamp, ISO8601 Timestamp or Trigger Time";
            FormatError::content(path, "properties", "no start", expected)
        })?;
        let tolerance = start.tolerance.max(rate.time_of(3) / 4);
        let mut segments = vec![Segment {
            start: nanoseconds(start.time),
            samples: 0..self.count,
        }];
        // A sample whose time is known.
        let (mut known, mut known_at) = (0, nanoseconds(start.time));
        let mut about = self.about.clone();
        let firsts = self.first_samples();
        for alike in self.given.chunk_by(|a, b| a.segment == b.segment) {
            let again = alike.iter().map(|it| (it.name.clone(), it.value.clone()));
            about.extend(again);
            let at = firsts.partition_point(|(segment, _)| *segment < alike[0].segment);
            let sample = firsts.get(at).map_or(self.count, |(_, sample)| *sample);
            // The first time warned about the choice of clock.
            let given = self.start(&about, &mut Vec::new());
            let (Some(given), true) = (given, (1..self.count).contains(&sample)) else {
                continue;
            };
            let given = nanoseconds(given.time);
            let continued = known_at.saturating_add(rate.time_of((sample - known) as i64));
            let late = given.saturating_sub(continued);
            if late < -tolerance {
                if given != known_at {
                    warnings.push(earlier(alike, -late));
                }
                continue;
            }
            if late > tolerance {
                let samples = sample..self.count;
                if let Some(last) = segments.last_mut() {
                    last.samples.end = sample;
                }
                segments.retain(|segment| !segment.samples.is_empty());
                segments.push(Segment {
                    start: given,
                    samples,
                });
            }
            (known, known_at) = (sample, given);
        }
        Ok(Times {
            segments,
            tolerance: start.tolerance,
        })
    }

    /// The time that properties have.
    fn start(
        &self,
        about: &serde_json::Map<String, serde_json::Value>,
        warnings: &mut Vec<String>,
    ) -> Option<Start> {
        silixa::start(about, warnings).or_else(|| Start::of(about, "Trigger Time"))
    }

    /// Segments of the file that have samples, and the first sample in them or in later ones.
    fn first_samples(&self) -> Vec<(usize, usize)> {
        // A stored value of many channels may not be that of the first one.
        let shared = self.samples.shared.unwrap_or(1);
        let pieces = self.samples.pieces.iter();
        let mut firsts: Vec<(usize, usize)> = pieces
            .map(|piece| (piece.segment, piece.times.start.div_ceil(shared)))
            .collect();
        firsts.sort_unstable();
        let mut earliest = usize::MAX;
        for (_, first) in firsts.iter_mut().rev() {
            earliest = earliest.min(*first);
            *first = earliest;
        }
        firsts
    }
}

fn earlier(given: &[Given], nanoseconds: i64) -> String {
    let names: Vec<&str> = given.iter().map(|it| it.name.as_str()).collect();
    let seconds = nanoseconds as f64 / 1e9;
    format!(
        "segment {}: {} is {seconds} s before the end of the samples before it: the samples are read as continuous",
        given[0].segment,
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::super::open;
    use crate::formats::segment::{SECOND, Segment};
    use crate::formats::{FormatError, Header, Source};

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
    fn header(parts: &[(usize, &[(&str, &str)])]) -> Result<Header, FormatError> {
        let folder = tempfile::tempdir().expect("a folder");
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
        std::fs::write(&path, bytes).expect("a file");
        open(&path).map(|source| source.header().clone())
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
            let header = header(&[(first, &at), (second, &later)]).expect("a header");
            let pause = 10 * SECOND + 5 * STEP;
            assert_eq!(header.segments, segments(&[(first, 0), (10, pause)]));
            assert_eq!(header.time_tolerance, 1_000);
            assert!(header.warnings.iter().all(|it| !it.contains(GPS)));
        }
        // The second pause is measured from the second time.
        let last = [(GPS, "2023-09-22T18:29:46.520000Z")];
        let twice = header(&[(5, &at), (3, &later), (2, &last)]).expect("a header");
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
            let header = header(&[(5, &at), (5, again)]).expect("a header");
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
        let header = header(&[(5, &at), (5, a), (5, b), (5, c)]).expect("a header");
        assert_eq!(header.segments, segments(&[(20, 0)]));
    }

    #[test]
    fn a_time_before_the_end_of_the_samples_before_is_a_warning() {
        let at = [(GPS, "2023-09-22T18:29:26.500Z")];
        let earlier = [(GPS, "2023-09-22T18:29:25.510Z")];
        let header = header(&[(5, &at), (5, &earlier)]).expect("a header");
        assert_eq!(header.segments, segments(&[(10, 0)]));
        assert_eq!(
            header.warnings,
            [
                "segment 2: GPSTimeStamp is 1 s before the end of the samples before it: the samples are read as continuous"
            ]
        );
    }
}
