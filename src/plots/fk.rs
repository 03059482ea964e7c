//! `fk`: amplitude by wavenumber and frequency, over all chunks.

use ndarray::Array2;
use num_complex::Complex;
use rustfft::FftPlanner;

use super::single::{Map, only, scale};
use super::{Context, Kind, PlotError};
use crate::block::Block;
use crate::config::plots::Plot;
use crate::dsp::fft;
use crate::picture::limits::{Clip, Scale};
use crate::picture::panel::{self, Axis};
use crate::picture::reduce::{Cells, Rule, reduce, usual_distance};
use crate::picture::scene::{Canvas, Rect, WHITE};
use crate::picture::text::Turn;
use crate::pipeline::recording::Recording;

/// The kind.
pub static KIND: Kind = Kind {
    name: "fk",
    summary: "Chunks by wavenumber and frequency; what travels to greater depth is at the right",
    draw,
};

fn draw(context: &Context<'_>, plot: &Plot, canvas: &mut Canvas) -> Result<(), PlotError> {
    let item = only(plot)?;
    let recording = context.recording(plot, item)?;
    let spacing = usual_distance(&recording.depths).unwrap_or(1.0);
    let (rows, prf) = (recording.depths.len(), recording.prf);
    let cols = recording.chunks[0].samples.shape()[1];
    let amplitudes = amplitudes(&recording, cols);
    let widest = 0.5 / spacing;
    let widest = plot.options.wavenumber.unwrap_or(widest).min(widest);
    let highest = plot.options.frequency.unwrap_or(prf / 2.0).min(prf / 2.0);
    // Velocities are in metres in either display unit.
    let unit = if recording.numbered { "channel" } else { "m" };
    let map = Map {
        x: Axis::numbers(-widest, widest, format!("wavenumber (1/{unit})")),
        y: Axis::numbers(highest, 0.0, "frequency (Hz)"),
        title: item.title.clone(),
        item,
        colormap: "viridis",
        clip: Clip::Percentiles(20.0, 99.9),
        scale: scale(item, Scale::Decibel),
        unit: item.unit.clone(),
    };
    let rect = map.draw(canvas, |(width, height)| {
        let frequencies: Vec<f64> = (0..cols / 2 + 1)
            .map(|k| k as f64 * prf / cols as f64)
            .collect();
        let wavenumbers: Vec<f64> = (0..amplitudes.shape().1)
            .map(|k| (k as f64 - (rows / 2) as f64) / (rows as f64 * spacing))
            .collect();
        let down = Cells::around(&frequencies, highest, 0.0, height);
        let along = Cells::around(&wavenumbers, -widest, widest, width);
        let rule = item.rule.unwrap_or(Rule::Extreme);
        Ok(reduce(&amplitudes, &down, &along, rule))
    })?;
    for velocity in &plot.options.velocities {
        line(canvas, rect, &map, *velocity, unit);
    }
    Ok(())
}

/// The line of waves of one apparent velocity, with its name where it leaves the panel.
fn line(canvas: &mut Canvas, rect: Rect, map: &Map<'_>, velocity: f64, unit: &str) {
    let (widest, highest) = (map.x.to, map.y.from);
    // Where f = v k meets the upper or a side edge.
    let k = (highest / velocity.abs()).min(widest) * velocity.signum();
    let frequency = (k * velocity).min(highest);
    let x = |k: f64| map.x.place(k, rect.left, rect.right);
    let y = |f: f64| map.y.place(f, rect.top, rect.bottom);
    canvas.line(vec![(x(0.0), y(0.0)), (x(k), y(frequency))], WHITE, 1.0);
    let name = format!("{velocity} {unit}/s");
    let size = panel::box_of(canvas, &name, (0.0, 0.0), Turn::Right);
    let left = (x(k * 0.9) - size.width() / 2.0).clamp(rect.left, rect.right - size.width());
    let top = y(frequency * 0.9).clamp(rect.top, rect.bottom - size.height());
    panel::boxed(canvas, &name, (left, top), Turn::Right, WHITE.thin(0.8));
}

/// Root mean square over the chunks of the two-dimensional transform's magnitude: a row for each frequency, a column for each
/// wavenumber from the most negative. Waves that travel to greater depth have a positive wavenumber. Chunks of other lengths than
/// `cols` are left out.
fn amplitudes(recording: &Recording, cols: usize) -> Block<f64> {
    let (rows, bins) = (recording.depths.len(), cols / 2 + 1);
    // The most negative wavenumber of an even number is the most positive too.
    let columns = rows + usize::from(rows.is_multiple_of(2));
    let mut power = Array2::<f64>::zeros((bins, columns));
    let mut planner = FftPlanner::<f64>::new();
    // The inverse direction turns the sign of the wavenumber.
    let along = planner.plan_fft_inverse(rows);
    let chunks = recording.chunks.iter();
    let alike: Vec<_> = chunks.filter(|c| c.samples.shape()[1] == cols).collect();
    for chunk in &alike {
        let block = chunk.samples.block::<f64>(0..rows);
        let spectra = fft::real_rows(block.as_real());
        let mut column = vec![Complex::default(); rows];
        for bin in 0..bins {
            for (to, from) in column.iter_mut().zip(spectra.column(bin)) {
                *to = *from;
            }
            along.process(&mut column);
            for (k, value) in column.iter().enumerate() {
                power[[bin, (k + rows / 2) % rows]] += value.norm_sqr();
            }
            if columns > rows {
                power[[bin, rows]] = power[[bin, 0]];
            }
        }
    }
    let scale = 1.0 / (rows * cols) as f64;
    let count = alike.len() as f64;
    Block::real(power.mapv(|sum| (sum / count).sqrt() * scale))
}
