//! `band_ratio`: one band over another, on a scale that has one in its middle.

use super::{Context, Frame, Kind, PlotError, finish, names, row};
use crate::config::plots::Plot;
use crate::picture::colormap::Colormap;
use crate::picture::limits::{Clip, Limits, Scale, coloured};
use crate::picture::panel::{self, points};
use crate::picture::reduce::Rule;
use crate::picture::scene::Canvas;

/// The kind.
pub static KIND: Kind = Kind {
    name: "band_ratio",
    summary: "The first of its two data over the second",
    draw,
};

fn draw(context: &Context<'_>, plot: &Plot, canvas: &mut Canvas) -> Result<(), PlotError> {
    let [above, below] = &plot.items[..] else {
        let path = format!("{}.plot_list", plot.path);
        let found = format!("found {} data, expected 2", plot.items.len());
        return Err(PlotError::config(path, found));
    };
    let sections = [context.section(above)?, context.section(below)?];
    let frame = Frame::of(context, plot, &sections[0]);
    let bar = panel::level_bar_height(canvas) + canvas.pt(4.0);
    let (rects, strip) = row(
        canvas,
        context,
        &frame,
        1,
        bar + canvas.pt(points::TITLE + 12.0),
    );
    let rect = rects[0];
    // Means may be divided; the extremes of a pixel need not belong together.
    let [mut grid, divisor] =
        [&sections[0], &sections[1]].map(|s| frame.grid(s, rect, above.rule.unwrap_or(Rule::Mean)));
    for (value, divisor) in grid.values.iter_mut().zip(&divisor.values) {
        let ratio = *value / divisor;
        *value = if ratio.is_finite() { ratio } else { f32::NAN };
    }
    let scale = above.scale.unwrap_or(Scale::Log);
    let clip = match (above.clip, scale) {
        (Some(clip), _) => clip,
        (None, Scale::Linear) => Clip::Percentiles(1.0, 99.0),
        (None, _) => Clip::Symmetric(98.0),
    };
    let limits = Limits::choose(clip, scale, &grid, &[]);
    let usual = Colormap::named("RdBu_r").expect("it is in the list");
    let map = above.colormap.as_ref().unwrap_or(&usual);
    let image = (coloured(&grid, map, &limits), grid.is_empty());
    finish(canvas, (context, &frame), rect, image, true);
    panel::level_bar(canvas, rect, map, &limits, &panel::unit_of(scale, ""));
    let title = format!("{} / {}", above.title, below.title);
    let middle = (rect.left + rect.right) / 2.0;
    panel::title(
        canvas,
        middle,
        rect.top - bar,
        &title,
        points::TITLE,
        rect.width(),
    );
    names(canvas, context, &frame, strip);
    Ok(())
}
