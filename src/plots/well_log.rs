//! `well_log`: one panel for each band, side by side.

use super::{Context, Frame, Kind, PlotError, finish, limits, names, row};
use crate::config::plots::Plot;
use crate::picture::colormap::Colormap;
use crate::picture::limits::coloured;
use crate::picture::panel::{self, points};
use crate::picture::reduce::Rule;
use crate::picture::scene::Canvas;

/// The kind.
pub static KIND: Kind = Kind {
    name: "well_log",
    summary: "One panel for each of its data: depth down, time to the right",
    draw,
};

fn draw(context: &Context<'_>, plot: &Plot, canvas: &mut Canvas) -> Result<(), PlotError> {
    let sections = plot.items.iter().map(|item| context.section(item));
    let sections = sections.collect::<Result<Vec<_>, _>>()?;
    let frame = Frame::of(context, plot, &sections[0]);
    let bar = panel::level_bar_height(canvas) + canvas.pt(4.0);
    let above = bar + canvas.pt(points::TITLE + 12.0);
    let (rects, strip) = row(canvas, context, &frame, sections.len(), above);
    let usual = Colormap::named("magma").expect("it is in the list");
    for (k, ((item, section), rect)) in plot.items.iter().zip(&sections).zip(&rects).enumerate() {
        let grid = frame.grid(section, *rect, item.rule.unwrap_or(Rule::Extreme));
        let limits = limits(context, item, section, &grid);
        let map = item.colormap.as_ref().unwrap_or(&usual);
        let image = (coloured(&grid, map, &limits), grid.is_empty());
        finish(canvas, (context, &frame), *rect, image, k == 0);
        let unit = panel::unit_of(item.scale.unwrap_or_default(), &item.unit);
        panel::level_bar(canvas, *rect, map, &limits, &unit);
        let middle = (rect.left + rect.right) / 2.0;
        let bottom = rect.top - bar;
        let widest = rect.width() + canvas.pt(8.0);
        panel::title(canvas, middle, bottom, &item.title, points::TITLE, widest);
    }
    names(canvas, context, &frame, strip);
    Ok(())
}
