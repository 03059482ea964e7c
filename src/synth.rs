//! Synthetic recordings: a seeded strain-rate field with the things that a DAS user recognises.
//!
//! A [`Recipe`] says what happens; a [`Recording`] gives any window of it, in nanostrain per second, without computing the
//! rest. A sample depends on the recipe, its channel and its time alone: however a recording is cut into windows, the bytes
//! are the same. (On another kind of processor the last bits of the noise may differ, because the FFT chooses its
//! instructions by what the processor has.)
//!
//! Everything that happens is a `Component`: one file each, with its formula and where that comes from. To add one, write
//! its file, give it a field in [`Recipe`] and a line in `components`.

mod fading;
mod flow;
mod instrument;
mod microseism;
mod noise;
mod recipe;
mod ricker;
mod tone;
mod vehicle;

use std::ops::Range;

use jiff::Timestamp;
use rayon::prelude::*;
use serde_json::json;

use crate::block::DType;
use crate::config::Problem;
use crate::formats::segment::{Rate, Segment};
use crate::formats::{Calibration, FormatError, Header, Layout, Source};
pub use recipe::{Fading, Flow, InstrumentNoise, Microseism, Recipe, SampleType, Tone, Vehicle};

/// A synthetic recording, open for reading like a file.
#[derive(Debug)]
pub struct Recording {
    header: Header,
    scale: f64,
    components: Vec<Box<dyn Component>>,
}

impl Recording {
    /// Prepares the recording that a recipe describes; nothing is computed yet.
    ///
    /// # Errors
    /// With every value of the recipe that makes no sense.
    pub fn new(recipe: &Recipe) -> Result<Self, Vec<Problem>> {
        let start = recipe.check()?;
        let fibre = Fibre::of(recipe);
        let components = components(recipe, &fibre);
        let peak = components.iter().map(|c| c.peak()).sum();
        let scale = match recipe.sample_type {
            SampleType::Int16 => count_size(peak),
            SampleType::Float32 => 1.0,
        };
        Ok(Self {
            header: header(recipe, &fibre, start, scale),
            scale,
            components,
        })
    }

    /// Strain rate of one count, in nanostrain per second: a sample of [`Source::read`] times this is what [`fill`] gives.
    /// 1 for `float32`.
    ///
    /// [`fill`]: Recording::fill
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Strain rate in nanostrain per second, row-major with a row per channel.
    ///
    /// Panics unless `out` holds exactly `channels * times` values.
    pub fn fill(&self, channels: Range<usize>, times: Range<usize>, out: &mut [f32]) {
        assert_eq!(out.len(), channels.len() * times.len());
        if times.is_empty() {
            return;
        }
        let adders = self.adders(&times);
        out.par_chunks_exact_mut(times.len())
            .zip(channels)
            .for_each(|(row, channel)| fill_row(&adders, channel, row));
    }

    fn adders(&self, times: &Range<usize>) -> Vec<Adder<'_>> {
        self.components
            .iter()
            .map(|component| component.window(times.clone()))
            .collect()
    }

    /// As [`Recording::fill`], in int16 counts of [`Recording::scale`].
    fn fill_counts(&self, channels: Range<usize>, times: &Range<usize>, out: &mut [u8]) {
        let adders = self.adders(times);
        let per_count = (1.0 / self.scale) as f32;
        out.par_chunks_exact_mut(times.len() * size_of::<i16>())
            .zip(channels)
            .for_each_init(
                || vec![0.0; times.len()],
                |row, (counts, channel)| {
                    fill_row(&adders, channel, row);
                    for (count, value) in counts.chunks_exact_mut(2).zip(row.iter()) {
                        // `as` saturates: what is out of range stays at the end of the range.
                        let rounded = (value * per_count).round() as i16;
                        count.copy_from_slice(&rounded.to_ne_bytes());
                    }
                },
            );
    }
}

impl Source for Recording {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(
        &self,
        channels: Range<usize>,
        times: Range<usize>,
        dst: &mut [u8],
    ) -> Result<(), FormatError> {
        if times.is_empty() {
            return Ok(());
        }
        if self.header.dtype == DType::I16 {
            self.fill_counts(channels, &times, dst);
            return Ok(());
        }
        let adders = self.adders(&times);
        dst.par_chunks_exact_mut(times.len() * size_of::<f32>())
            .zip(channels)
            .for_each_init(
                || vec![0.0; times.len()],
                |row, (bytes, channel)| {
                    fill_row(&adders, channel, row);
                    bytes.copy_from_slice(bytemuck::cast_slice(row));
                },
            );
        Ok(())
    }
}

/// Adds a component to one channel of a window of times.
type Adder<'a> = Box<dyn Fn(usize, &mut [f32]) + Sync + 'a>;

/// One thing that happens along the fibre.
trait Component: std::fmt::Debug + Send + Sync {
    /// The largest absolute value to expect, in nanostrain per second. Noise counts as seven standard deviations: fewer
    /// than one sample in 10^11 lies beyond.
    fn peak(&self) -> f64;

    /// Computes what all channels share in a window of times (samples), and gives what adds the component to a channel.
    fn window(&self, times: Range<usize>) -> Adder<'_>;
}

/// Every component of a recording. Their order is that of the sums, so it is part of what a seed means.
fn components(recipe: &Recipe, fibre: &Fibre) -> Vec<Box<dyn Component>> {
    let mut all: Vec<Box<dyn Component>> = Vec::new();
    for (index, vehicle) in recipe.vehicles.iter().enumerate() {
        all.push(Box::new(vehicle::Passage::new(fibre, vehicle, index)));
    }
    for event in &recipe.microseisms {
        all.push(Box::new(microseism::Arrivals::new(fibre, event)));
    }
    if let Some(tone) = &recipe.tone {
        all.push(Box::new(tone::TubeWave::new(fibre, tone)));
    }
    if let Some(flow) = &recipe.flow {
        all.push(Box::new(flow::Turbulence::new(fibre, flow)));
    }
    if let Some(noise) = &recipe.noise {
        all.push(Box::new(instrument::CommonMode::new(fibre, noise)));
        all.push(Box::new(instrument::Floor::new(
            fibre,
            noise,
            recipe.fading.as_ref(),
        )));
    }
    all
}

fn fill_row(adders: &[Adder<'_>], channel: usize, row: &mut [f32]) {
    row.fill(0.0);
    for add in adders {
        add(channel, row);
    }
}

/// The fibre and how it is sampled.
#[derive(Debug, Clone, Copy)]
struct Fibre {
    seed: u64,
    channels: usize,
    samples: usize,
    prf: f64,
    spacing: f64,
    gauge_length: f64,
}

impl Fibre {
    fn of(recipe: &Recipe) -> Self {
        Self {
            seed: recipe.seed,
            channels: recipe.channels,
            samples: recipe.samples(),
            prf: recipe.prf,
            spacing: recipe.channel_spacing,
            gauge_length: recipe.gauge_length,
        }
    }

    /// Distance of a channel along the fibre, in metres.
    fn distance(&self, channel: usize) -> f64 {
        channel as f64 * self.spacing
    }

    /// Length of the recorded fibre, in metres.
    fn length(&self) -> f64 {
        self.channels as f64 * self.spacing
    }

    /// Duration in seconds.
    fn duration(&self) -> f64 {
        self.samples as f64 / self.prf
    }

    /// Samples of `window` from `from` to `to` seconds, as positions in the window.
    fn samples_between(&self, window: &Range<usize>, from: f64, to: f64) -> Range<usize> {
        let sample = |seconds: f64| {
            let sample = (seconds * self.prf).ceil();
            sample.clamp(window.start as f64, window.end as f64) as usize
        };
        sample(from) - window.start..sample(to) - window.start
    }
}

/// The smallest of 1, 2, 5, 10, 20, .. (and 0.5, 0.2, ..) with which `peak` fits an int16.
fn count_size(peak: f64) -> f64 {
    let needed = peak / f64::from(i16::MAX);
    if needed <= 0.0 {
        return 1.0;
    }
    let decade = 10f64.powf(needed.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * decade)
        .find(|size| *size >= needed)
        .unwrap_or(10.0 * decade)
}

fn header(recipe: &Recipe, fibre: &Fibre, start: Timestamp, scale: f64) -> Header {
    Header {
        channels: fibre.channels,
        samples: fibre.samples,
        rate: Rate::of_hertz(fibre.prf).expect("the recipe was checked"),
        dtype: match recipe.sample_type {
            SampleType::Int16 => DType::I16,
            SampleType::Float32 => DType::F32,
        },
        segments: Segment::whole(start, fibre.samples),
        time_tolerance: 0,
        depth: (0..fibre.channels).map(|k| fibre.distance(k)).collect(),
        layout: Layout::ChannelMajor,
        calibration: Some(Calibration {
            factor: scale,
            unit: "nanostrain/s".into(),
        }),
        metadata: json!({
            "format": "synthetic",
            "quantity": "strain rate",
            "unit": "nanostrain/s",
            "scale": scale,
            "gauge_length": recipe.gauge_length,
            "recipe": recipe,
        }),
        warnings: Vec::new(),
    }
}
