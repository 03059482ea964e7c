//! `waterfall`: strain rate as it was recorded, time down and depth to the right.

use super::single::{Map, only, scale};
use super::{Context, Kind, LABEL, LINE, PlotError, TINTS, time_axis};
use crate::config::plots::Plot;
use crate::picture::limits::{Clip, Scale};
use crate::picture::panel;
use crate::picture::reduce::{Grid, Rule};
use crate::picture::scene::{Canvas, Paint, Rect};
use crate::picture::text::Turn;

/// The kind.
pub static KIND: Kind = Kind {
    name: "waterfall",
    summary: "Chunks of strain rate, time down and depth to the right",
    draw,
};

fn draw(context: &Context<'_>, plot: &Plot, canvas: &mut Canvas) -> Result<(), PlotError> {
    let item = only(plot)?;
    let recording = context.recording(plot, item)?;
    let section = recording.section();
    let places = context.places(recording.numbered);
    let times = &section.times;
    let last = times[times.len() - 1] + 1.0 / recording.prf;
    let [from, to] = plot.times.unwrap_or([times[0], last]);
    let map = Map {
        x: context.depth_axis(plot, &section.depths, &places),
        y: time_axis(from, to),
        title: item.title.clone(),
        item,
        colormap: "seismic",
        clip: Clip::Symmetric(99.0),
        scale: scale(item, Scale::Linear),
        unit: item.unit.clone(),
    };
    let depths = (map.x.from, map.x.to);
    let rule = item.rule.unwrap_or(Rule::Extreme);
    let rect = map.draw(canvas, |(width, height)| {
        let grid = section.grid(depths, (from, to), places.unit, (height, width), rule);
        Ok(turned(&grid))
    })?;
    marks(context, canvas, rect, &map);
    Ok(())
}

/// Rows as columns.
fn turned(grid: &Grid) -> Grid {
    let (width, height) = (grid.height, grid.width);
    let at = |k: usize| grid.values[(k % width) * grid.width + k / width];
    Grid::new(width, height, (0..width * height).map(at).collect())
}

/// Zones as upright lines with their names at the top, events as level ones.
fn marks(context: &Context<'_>, canvas: &mut Canvas, rect: Rect, map: &Map<'_>) {
    for (zone, tint) in context.zones.iter().zip(TINTS.iter().cycle()) {
        for depth in [zone.from, zone.to].into_iter().filter(|d| map.x.holds(*d)) {
            let x = map.x.place(depth, rect.left, rect.right);
            canvas.line(vec![(x, rect.top), (x, rect.bottom)], Paint::of(*tint), 1.0);
        }
        let middle = (zone.from + zone.to) / 2.0;
        if map.x.holds(middle) && !zone.name.is_empty() {
            let size = panel::box_of(canvas, &zone.name, (0.0, 0.0), Turn::Right);
            let x = map.x.place(middle, rect.left, rect.right) - size.width() / 2.0;
            let at = (x, rect.top + canvas.pt(3.0));
            panel::boxed(
                canvas,
                &zone.name,
                at,
                Turn::Right,
                Paint::of(*tint).thin(0.85),
            );
        }
    }
    for event in context.marks.events.iter().filter(|e| map.y.holds(e.time)) {
        let y = map.y.place(event.time, rect.top, rect.bottom);
        canvas.line(vec![(rect.left, y), (rect.right, y)], LINE, 1.2);
        if !event.text.is_empty() {
            let size = panel::box_of(canvas, &event.text, (0.0, 0.0), Turn::Right);
            let below = y + canvas.pt(3.0);
            let fits = below + size.height() < rect.bottom;
            let y = if fits {
                below
            } else {
                y - canvas.pt(3.0) - size.height()
            };
            panel::boxed(
                canvas,
                &event.text,
                (rect.left + canvas.pt(4.0), y),
                Turn::Right,
                LABEL,
            );
        }
    }
}
