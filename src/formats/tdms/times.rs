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
    /// Resolution of the texts of the times.
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
