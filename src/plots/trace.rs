//! `trace`: channels as lines beside one another, time down, filled where positive.

use super::single::only;
use super::{Context, Kind, PlotError, time_axis};
use crate::config::plots::Plot;
use crate::picture::panel::{self, points};
use crate::picture::scene::{BLACK, Canvas, Paint, Rect};
use crate::pipeline::recording::Run;

/// The kind.
pub static KIND: Kind = Kind {
    name: "trace",
    summary: "Chunks as wiggle traces: time down, filled where positive",
    draw,
};

const FILL: Paint = Paint::of([40, 40, 40]);

fn draw(context: &Context<'_>, plot: &Plot, canvas: &mut Canvas) -> Result<(), PlotError> {
    let item = only(plot)?;
    let recording = context.recording(plot, item)?;
    let places = context.places(recording.numbered);
    let mut x = context.depth_axis(plot, &recording.depths, &places);
    if plot.depths.is_none() && recording.depths.len() > 1 {
        // The outermost traces need room at both sides.
        let half = (x.to - x.from) / (recording.depths.len() - 1) as f64 / 2.0;
        (x.from, x.to) = (x.from - half, x.to + half);
    }
    let first = &recording.chunks[0];
    // Wiggles of more than one chunk are hairlines; without a range the first is drawn.
    let end = first.start + first.samples.shape()[1] as f64 / recording.prf;
    let [from, to] = plot.times.unwrap_or([first.start, end]);
    let y = time_axis(from, to);
    let above = canvas.pt(points::TITLE + 16.0);
    let right = canvas.pt(24.0);
    let rect = panel::inside(canvas, canvas.whole(), (&x, &y), right, above);
    let unit = places.unit;
    let inside: Vec<usize> = (0..recording.depths.len())
        .filter(|k| x.holds(recording.depths[*k] * unit))
        .collect();
    let step = inside.len().div_ceil(plot.options.traces).max(1);
    let channels: Vec<usize> = inside.into_iter().step_by(step).collect();
    let traces: Vec<(f64, Vec<Run>)> = channels
        .iter()
        .map(|k| (recording.depths[*k] * unit, recording.trace(*k)))
        .collect();
    let seen = |start: f64, k: usize| {
        let time = start + k as f64 / recording.prf;
        (from..=to).contains(&time).then_some(time)
    };
    let samples = traces.iter().flat_map(|(_, runs)| {
        runs.iter().flat_map(|(start, run)| {
            let run = run.iter().enumerate();
            run.filter_map(|(k, v)| seen(*start, k).and(Some(v.abs())))
        })
    });
    let mut magnitudes: Vec<f64> = samples.filter(|v| v.is_finite()).collect();
    // One spike must not flatten all traces.
    let most = match magnitudes.len() {
        0 => 1.0,
        n => {
            *magnitudes
                .select_nth_unstable_by((n - 1) * 995 / 1000, f64::total_cmp)
                .1
        }
    };
    let apart = rect.width() / channels.len().max(1) as f64;
    let widest = (plot.options.gain * apart).min(rect.width() / 2.0);
    let reach = widest / if most > 0.0 { most } else { 1.0 };
    for (depth, runs) in &traces {
        let middle = x.place(*depth, rect.left, rect.right);
        for (start, run) in runs {
            let points = run.iter().enumerate().filter_map(|(k, value)| {
                let time = seen(*start, k)?;
                let value = if value.is_finite() { *value } else { 0.0 };
                let x = (middle + value * reach).clamp(rect.left, rect.right);
                Some((x, y.place(time, rect.top, rect.bottom)))
            });
            wiggle(canvas, rect, middle, &points.collect::<Vec<_>>());
        }
    }
    canvas.outline(rect, BLACK, 0.8);
    panel::left_axis(canvas, rect, &y);
    panel::lower_axis(canvas, rect, &x);
    let middle = (rect.left + rect.right) / 2.0;
    let bottom = rect.top - canvas.pt(6.0);
    let title = match step {
        1 => item.title.clone(),
        step => format!("{} (every {step}th channel)", item.title),
    };
    panel::title(canvas, middle, bottom, &title, points::TITLE, rect.width());
    Ok(())
}

/// One trace around its middle. Of the samples that share a row of pixels the outermost are drawn.
fn wiggle(canvas: &mut Canvas, rect: Rect, middle: f64, points: &[(f64, f64)]) {
    let mut drawn: Vec<(f64, f64)> = Vec::new();
    for row in points.chunk_by(|a, b| a.1.floor() == b.1.floor()) {
        if let [only] = row {
            drawn.push(*only);
            continue;
        }
        let low = row.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0));
        let high = row.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0));
        // In the order of their times, so that the line does not run back.
        let mut both: Vec<(f64, f64)> = low.into_iter().chain(high).collect();
        both.sort_by(|a, b| a.1.total_cmp(&b.1));
        drawn.extend(both);
    }
    for part in drawn.chunk_by(|a, b| (a.0 > middle) == (b.0 > middle)) {
        if part[0].0 > middle && part.len() > 1 {
            let (first, last) = (part[0], part[part.len() - 1]);
            let mut area = vec![(middle, first.1)];
            area.extend_from_slice(part);
            area.push((middle, last.1));
            if area.iter().all(|p| p.1 <= rect.bottom) {
                canvas.area(area, FILL);
            }
        }
    }
    canvas.line(drawn, BLACK, 0.6);
}
