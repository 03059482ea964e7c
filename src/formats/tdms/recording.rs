//! The recording: which objects are its channels, where each of their samples lies, and what properties say of them.

use std::path::Path;

use serde_json::{Map, Value};

use super::objects::{Given, Object};
use super::samples::Samples;
use super::segments::Contents;
use crate::block::DType;
use crate::formats::properties::number;
use crate::formats::{Calibration, FormatError, silixa};

/// More channels than a fibre has: a damaged count must not ask for more memory than there is.
const MOST_CHANNELS: usize = 1 << 24;
/// Objects that a message lists.
const LISTED: usize = 5;

/// A file's channels and samples.
#[derive(Debug)]
pub struct Recording {
    /// The channels' numbers in their names; from 0 where they share one object.
    pub numbers: Vec<u32>,
    /// Samples of each channel.
    pub count: usize,
    /// Their type.
    pub dtype: DType,
    /// Where they lie.
    pub samples: Samples,
    /// Properties of the file, overruled by those of the group, and of the channel where there is one. Times are those that are
    /// given first.
    pub about: Map<String, Value>,
    /// Times that later segments give, in the order of the file.
    pub given: Vec<Given>,
}

impl Recording {
    /// Finds the channels.
    ///
    /// # Errors
    /// When there are none, or some have other samples than others.
    pub fn find(path: &Path, contents: &mut Contents) -> Result<Self, FormatError> {
        let content = |place: &str, found: String, expected: &str| {
            FormatError::content(path, place, found, expected)
        };
        let objects = &contents.objects;
        let mut sampled = vec![false; objects.len()];
        for column in contents.orders.iter().flat_map(|order| &order.columns) {
            sampled[column.channel] = true;
        }
        let mut channels: Vec<usize> = (0..objects.len()).filter(|it| sampled[*it]).collect();
        let (Some(dtype), Some(first)) = (contents.dtype, channels.first()) else {
            let found = format!("none that is recorded, only {}", list(objects));
            let expected =
                "/'Measurement'/'0' and so on, or a channel in the group DAS, with samples";
            return Err(content("channels", found, expected));
        };
        let group = &objects[*first].names[0];
        if let Some(other) = channels.iter().find(|it| objects[**it].names[0] != *group) {
            let found = format!("{} beside {}", objects[*other].path, objects[*first].path);
            return Err(content("channels", found, "those of one group"));
        }
        let silent = objects.iter().zip(&sampled);
        let silent = silent
            .filter(|(it, sampled)| it.recorded && !**sampled)
            .count();
        if silent > 0 {
            let warning = format!("{silent} channels have no samples: they are left out");
            contents.warnings.push(warning);
        }
        let (about, given) = about(objects, group, &channels);
        let shared = match channels[..] {
            [_] => about
                .get("Total Channels")
                .map(|_| number(&about, "Total Channels")),
            _ => None,
        };
        let mut numbers = vec![0];
        if shared.is_none() {
            let number = |it: &usize| objects[*it].names[1].parse::<u32>();
            channels.sort_by_cached_key(|it| number(it).unwrap_or(u32::MAX));
            numbers = Vec::with_capacity(channels.len());
            for channel in &channels {
                let found = || objects[*channel].path.clone();
                let number = number(channel).map_err(|_| {
                    content(
                        "channels",
                        found(),
                        "a number as its name, or one channel and Total Channels",
                    )
                })?;
                if numbers.last() == Some(&number) {
                    return Err(content("channels", found(), "each number once"));
                }
                numbers.push(number);
            }
        }
        let mut recording = Self {
            numbers,
            count: 0,
            dtype,
            samples: Samples {
                orders: std::mem::take(&mut contents.orders),
                pieces: std::mem::take(&mut contents.pieces),
                size: dtype.size(),
                shared: None,
            },
            about,
            given,
        };
        recording.place(path, contents, &channels)?;
        if let Some(count) = shared {
            recording.share(path, count, &mut contents.warnings)?;
        }
        Ok(recording)
    }

    /// Counts channels and times through the pieces.
    fn place(
        &mut self,
        path: &Path,
        contents: &mut Contents,
        channels: &[usize],
    ) -> Result<(), FormatError> {
        let Samples { orders, pieces, .. } = &mut self.samples;
        let mut places = vec![0; contents.objects.len()];
        for (place, object) in channels.iter().enumerate() {
            places[*object] = place;
        }
        for order in orders.iter_mut() {
            for column in &mut order.columns {
                column.channel = places[column.channel];
            }
            order.columns.sort_by_key(|column| column.channel);
        }
        let mut filled = vec![0; channels.len()];
        for alike in pieces.chunk_by_mut(|a, b| a.order == b.order) {
            let columns = &orders[alike[0].order].columns;
            let first = columns[0].channel;
            let mut end = filled[first];
            if let Some(other) = columns.iter().find(|it| filled[it.channel] != end) {
                let name = |channel: usize| &contents.objects[channels[channel]].path;
                let found = format!(
                    "{} samples before in {}, {end} in {}",
                    filled[other.channel],
                    name(other.channel),
                    name(first)
                );
                let place = format!("segment {}", alike[0].segment);
                let expected = "as many in all of its channels";
                return Err(FormatError::content(path, place, found, expected));
            }
            for piece in alike.iter_mut() {
                piece.times = end..end + piece.times.len();
                end = piece.times.end;
            }
            for column in columns {
                filled[column.channel] = end;
            }
        }
        pieces.sort_by_key(|piece| piece.times.start);
        self.count = filled.iter().copied().min().unwrap_or(0);
        let most = filled.iter().copied().max().unwrap_or(0);
        if self.count < most {
            contents.warnings.push(format!(
                "channels have {} to {most} samples: the first {0} are read",
                self.count
            ));
        }
        Ok(())
    }

    /// Makes one stored channel's values samples of many channels, time after time.
    fn share(
        &mut self,
        path: &Path,
        count: Option<f64>,
        warnings: &mut Vec<String>,
    ) -> Result<(), FormatError> {
        let values = self.count;
        let most = values.min(MOST_CHANNELS);
        let fits = |count: &f64| count.fract() == 0.0 && *count >= 1.0 && *count <= most as f64;
        let Some(count) = count.filter(fits) else {
            let found = count.map_or("no number".to_owned(), |count| count.to_string());
            let expected = format!("a whole number from 1 to {most}");
            return Err(FormatError::content(
                path,
                "Total Channels",
                found,
                expected,
            ));
        };
        // It is at most a usize, and exact for the fibres that there are.
        let count = count as usize;
        if !values.is_multiple_of(count) {
            warnings.push(format!(
                "{values} samples are no multiple of {count} channels: the last {} are left out",
                values % count
            ));
        }
        self.numbers = (0..count)
            .map(|k| u32::try_from(k).unwrap_or(u32::MAX))
            .collect();
        self.count = values / count;
        self.samples.shared = Some(count);
        Ok(())
    }

    /// Samples per second of each channel.
    pub fn prf(&self, path: &Path) -> Result<f64, FormatError> {
        let above = |name: &str| number(&self.about, name).filter(|it| *it > 0.0);
        silixa::precise_rate(&self.about)
            .or_else(|| above("SamplingFrequency[Hz]"))
            .or_else(|| Some(1.0 / above("Time Base")?).filter(|rate| rate.is_finite()))
            .ok_or_else(|| {
                let expected = "a number above 0 in SamplingFrequency[Hz] or Time Base";
                FormatError::content(path, "properties", "no sampling rate", expected)
            })
    }

    /// Distance of each channel along the fibre in metres.
    ///
    /// This is the axis whose end the instrument states as `Stop Distance (m)`; other programs compute others.
    pub fn depth(&self, warnings: &mut Vec<String>) -> Vec<f64> {
        let known = |name: &str| number(&self.about, name);
        let spacing = known("SpatialResolution[m]")
            .map(|spacing| spacing * silixa::multiplier(&self.about))
            .or_else(|| known("Spatial Resolution"))
            .filter(|spacing| *spacing > 0.0);
        let initial = known("Initial Channel");
        let zero = self.numbers.first().copied().unwrap_or(0);
        let numbers = self.numbers.iter();
        let Some(spacing) = spacing else {
            warnings.push("there is no spacing: the depth axis is the channel's number".into());
            let initial = initial.filter(|_| self.samples.shared.is_some());
            return numbers
                .map(|k| initial.unwrap_or(0.0) + f64::from(*k))
                .collect();
        };
        let first = known("Start Distance (m)")
            .or_else(|| initial.map(|channel| channel * spacing))
            .or_else(|| {
                let setting = known("StartPosition[m]")?;
                warnings.push(format!(
                    "there is no Start Distance (m): the first channel is at StartPosition[m], {setting} m, which is a setting"
                ));
                Some(setting)
            });
        let first = first.unwrap_or_else(|| {
            warnings.push("there is no Start Distance (m): the first channel is at 0 m".into());
            0.0
        });
        let depth: Vec<f64> = numbers
            .map(|k| first + f64::from(k - zero) * spacing)
            .collect();
        let end = depth.last().copied().unwrap_or(first);
        if let Some(stop) = known("Stop Distance (m)").filter(|stop| (stop - end).abs() > spacing) {
            warnings.push(format!(
                "the last channel is at {end:.2} m, Stop Distance (m) is {stop:.2}"
            ));
        }
        depth
    }

    /// What a count stands for, in files of Silixa's instruments.
    pub fn calibration(&self, prf: f64, warnings: &mut Vec<String>) -> Option<Calibration> {
        if self.samples.shared.is_some() {
            return None;
        }
        let calibration = silixa::calibration(&self.about, prf);
        if calibration.is_none() {
            warnings.push(
                "there is no GaugeLength, and so no calibration (10 m is usual for the first iDAS)"
                    .into(),
            );
        }
        calibration
    }
}

/// The properties of the recording, and the times that later segments give. Of times that are given again, the first is that of
/// the first sample.
fn about(objects: &[Object], group: &str, channels: &[usize]) -> (Map<String, Value>, Vec<Given>) {
    let file = objects.iter().filter(|it| it.path == "/");
    let group = objects.iter().filter(|it| it.names == [group]);
    let alone = objects.iter().enumerate();
    let alone = alone.filter(|(k, _)| channels == [*k]).map(|(_, it)| it);
    let mut about = Map::new();
    let mut given = Vec::new();
    for object in file.chain(group).chain(alone) {
        about.extend(object.properties.clone());
        let mut first = Map::new();
        for time in &object.times {
            match first.contains_key(&time.name) {
                true => given.push(time.clone()),
                false => {
                    first.insert(time.name.clone(), time.value.clone());
                }
            }
        }
        about.extend(first);
    }
    given.sort_by_key(|it| it.segment);
    (about, given)
}

/// Names of objects, but not of more than a message has room for.
fn list(objects: &[Object]) -> String {
    let mut names: Vec<&str> = objects.iter().map(|it| &*it.path).take(LISTED).collect();
    if objects.len() > LISTED {
        names.push("...");
    }
    match names[..] {
        [] => "nothing".into(),
        _ => names.join(", "),
    }
}
