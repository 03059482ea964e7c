//! `spectrogram`: one channel's amplitude by frequency over time.

use ndarray::Array2;

use super::single::{Map, only, scale};
use super::{Context, Kind, PlotError, time_axis};
use crate::block::Block;
use crate::config::plots::Plot;
use crate::dsp::segments::{Scaling, Segments, Shape, Trend};
use crate::picture::limits::{Clip, Scale};
use crate::picture::panel::Axis;
use crate::picture::reduce::{Cells, Grid, Rule, reduce};
use crate::picture::scene::Canvas;

/// The kind.
pub static KIND: Kind = Kind {
    name: "spectrogram",
    summary: "Chunks at one `depth`: amplitude by frequency over time",
    draw,
};

fn draw(context: &Context<'_>, plot: &Plot, canvas: &mut Canvas) -> Result<(), PlotError> {
    let item = only(plot)?;
    let recording = context.recording(plot, item)?;
    let places = context.places(recording.numbered);
    let middle = recording.depths[recording.depths.len() / 2];
    let depth = plot.options.depth.map_or(middle, |d| d / places.unit);
    let channel = recording.channel(depth);
    let runs = recording.trace(channel);
    let prf = recording.prf;
    let longest = runs.iter().map(|(_, run)| run.len()).max().unwrap_or(0);
    let length = plot.options.window.min(longest).max(2);
    let segments = segments(length);
    let last = runs
        .last()
        .map_or(0.0, |(start, run)| start + run.len() as f64 / prf);
    let [from, to] = plot.times.unwrap_or([runs[0].0, last]);
    let highest = plot.options.frequency.unwrap_or(prf / 2.0).min(prf / 2.0);
    let shown = recording.depths[channel] * places.unit;
    let place = match recording.numbered {
        true => format!("channel {shown}"),
        false => format!("{shown:.1} {}", places.unit_name),
    };
    let map = Map {
        x: time_axis(from, to),
        y: Axis::numbers(highest, 0.0, "frequency (Hz)"),
        title: format!("{} at {place}", item.title),
        item,
        colormap: "viridis",
        clip: Clip::Percentiles(5.0, 99.5),
        scale: scale(item, Scale::Decibel),
        unit: per_root_hertz(&item.unit),
    };
    map.draw(canvas, |(width, height)| {
        let mut grid = Grid::empty(width, height);
        for (start, run) in &runs {
            let columns = segments.count(run.len());
            if columns == 0 {
                continue;
            }
            let amplitudes = amplitudes(&segments, run, prf);
            // A segment stands for the time around its middle.
            let half = (length - segments.step) as f64 / 2.0 / prf;
            let time = |k: usize| start + half + (k * segments.step) as f64 / prf;
            let times: Vec<f64> = (0..columns).map(time).collect();
            let step = segments.step as f64 / prf;
            let cols = Cells::since(&times, step, from, to, width);
            let frequencies: Vec<f64> = (0..segments.bins())
                .map(|k| k as f64 * prf / length as f64)
                .collect();
            let rows = Cells::around(&frequencies, highest, 0.0, height);
            grid.cover_by(&reduce(&amplitudes, &rows, &cols, Rule::Mean), Rule::Mean);
        }
        Ok(grid)
    })?;
    Ok(())
}

/// Hann windows that overlap by half.
pub fn segments(length: usize) -> Segments {
    Segments {
        length,
        step: (length / 2).max(1),
        weights: Shape::Hann.weights(length),
        trend: Trend::Constant,
    }
}

/// The unit of an amplitude spectral density.
pub fn per_root_hertz(unit: &str) -> String {
    match unit {
        "" => String::new(),
        unit => format!("{unit}/√Hz"),
    }
}

/// Amplitude spectral density: a row for each frequency, a column for each segment.
fn amplitudes(segments: &Segments, run: &[f64], prf: f64) -> Block<f64> {
    let scale = segments.power_scale(Scaling::Density, prf);
    let mut found = Array2::zeros((segments.bins(), segments.count(run.len())));
    segments.transform(run, |k, spectrum| {
        for (bin, value) in spectrum.iter().enumerate() {
            let sides = if segments.once(bin) { 1.0 } else { 2.0 };
            found[[bin, k]] = (sides * scale * value.norm_sqr()).sqrt();
        }
    });
    Block::real(found)
}
