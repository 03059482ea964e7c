//! `psd`: amplitude by depth and frequency, over all chunks.

use ndarray::Array2;
use rayon::prelude::*;

use super::single::{Map, only, scale};
use super::spectrogram::{per_root_hertz, segments};
use super::{Context, Kind, PlotError};
use crate::block::Block;
use crate::config::plots::Plot;
use crate::dsp::segments::{Scaling, Segments};
use crate::picture::limits::{Clip, Scale};
use crate::picture::panel::Axis;
use crate::picture::reduce::{Cells, Rule, reduce};
use crate::picture::scene::Canvas;
use crate::pipeline::recording::Recording;

/// The kind.
pub static KIND: Kind = Kind {
    name: "psd",
    summary: "Chunks by depth and frequency: the square root of Welch's power spectral density",
    draw,
};

fn draw(context: &Context<'_>, plot: &Plot, canvas: &mut Canvas) -> Result<(), PlotError> {
    let item = only(plot)?;
    let recording = context.recording(plot, item)?;
    let longest = recording.chunks.iter().map(|c| c.samples.shape()[1]).max();
    let length = plot.options.window.min(longest.unwrap_or(2)).max(2);
    let segments = segments(length);
    let amplitudes = amplitudes(&recording, &segments);
    let prf = recording.prf;
    let highest = plot.options.frequency.unwrap_or(prf / 2.0).min(prf / 2.0);
    let places = context.places(recording.numbered);
    let map = Map {
        x: Axis::numbers(0.0, highest, "frequency (Hz)"),
        y: context.depth_axis(plot, &recording.depths, &places),
        title: item.title.clone(),
        item,
        colormap: "viridis",
        clip: Clip::Percentiles(1.0, 99.5),
        scale: scale(item, Scale::Decibel),
        unit: per_root_hertz(&item.unit),
    };
    let depths = recording.depths.iter().map(|d| d * places.unit);
    let depths: Vec<f64> = depths.collect();
    map.draw(canvas, |(width, height)| {
        let step = prf / length as f64;
        let frequencies: Vec<f64> = (0..segments.bins()).map(|k| k as f64 * step).collect();
        let rows = Cells::around(&depths, map.y.from, map.y.to, height);
        let cols = Cells::around(&frequencies, 0.0, highest, width);
        let rule = item.rule.unwrap_or(Rule::Extreme);
        Ok(reduce(&amplitudes, &rows, &cols, rule))
    })?;
    Ok(())
}

/// Amplitude spectral density by channel and frequency: the root of the mean power of all segments of all chunks.
fn amplitudes(recording: &Recording, segments: &Segments) -> Block<f64> {
    let (rows, bins) = (recording.depths.len(), segments.bins());
    let scale = segments.power_scale(Scaling::Density, recording.prf);
    let row = |channel: usize| {
        let mut power = vec![0.0; bins];
        let mut count = 0.0;
        for chunk in &recording.chunks {
            let block = chunk.samples.block::<f64>(channel..channel + 1);
            let samples: Vec<f64> = block.as_real().iter().copied().collect();
            segments.transform(&samples, |_, spectrum| {
                count += 1.0;
                for (sum, value) in power.iter_mut().zip(spectrum) {
                    *sum += value.norm_sqr();
                }
            });
        }
        let sides = |bin| if segments.once(bin) { 1.0 } else { 2.0 };
        let roots = power.iter().enumerate();
        let root = |(bin, sum): (usize, &f64)| (sides(bin) * scale * sum / count).sqrt();
        roots.map(root).collect::<Vec<f64>>()
    };
    let values: Vec<f64> = (0..rows).into_par_iter().flat_map_iter(row).collect();
    Block::real(Array2::from_shape_vec((rows, bins), values).expect("a row for each channel"))
}
