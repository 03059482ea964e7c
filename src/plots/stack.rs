//! `stack`: data laid over one another, each letting through what is below.

use super::{Context, Frame, Kind, PlotError, finish, limits, names, row};
use crate::config::plots::Plot;
use crate::picture::colormap::Colormap;
use crate::picture::limits::coloured;
use crate::picture::panel::{self, points};
use crate::picture::reduce::Rule;
use crate::picture::scene::{Canvas, Image, NOTHING, Rect};
use crate::picture::text;

/// The kind.
pub static KIND: Kind = Kind {
    name: "stack",
    summary: "Its data laid over one another, as thick as their `alpha`",
    draw,
};

fn draw(context: &Context<'_>, plot: &Plot, canvas: &mut Canvas) -> Result<(), PlotError> {
    let sections = plot.items.iter().map(|item| context.section(item));
    let sections = sections.collect::<Result<Vec<_>, _>>()?;
    let frame = Frame::of(context, plot, &sections[0]);
    let bar = panel::level_bar_height(canvas) + canvas.pt(points::NOTE + 8.0);
    let above = bar + canvas.pt(points::TITLE + 12.0);
    let (rects, strip) = row(canvas, context, &frame, 1, above);
    let rect = rects[0];
    let (width, height) = panel::pixels(rect);
    let usual = Colormap::named("viridis").expect("it is in the list");
    let mut image = Image {
        width: width as u32,
        height: height as u32,
        rgb: vec![255; width * height * 3],
    };
    let mut empty = vec![true; width * height];
    let share = rect.width() / plot.items.len() as f64;
    for (k, (item, section)) in plot.items.iter().zip(&sections).enumerate() {
        let grid = frame.grid(section, rect, item.rule.unwrap_or(Rule::Extreme));
        let limits = limits(context, item, section, &grid);
        let map = item.colormap.as_ref().unwrap_or(&usual);
        let layer = coloured(&grid, map, &limits);
        let pixels = image.rgb.chunks_exact_mut(3).zip(layer.rgb.chunks_exact(3));
        for (at, (below, above)) in pixels.enumerate() {
            // Where a layer has no value it hides nothing.
            if !grid.values[at].is_nan() {
                empty[at] = false;
                text::blend(below, [above[0], above[1], above[2]], item.alpha);
            }
        }
        let left = rect.left + k as f64 * share;
        let right = left + share - canvas.pt(10.0);
        let place = Rect::new(left, rect.top, right, rect.bottom);
        let unit = panel::unit_of(item.scale.unwrap_or_default(), &item.unit);
        panel::level_bar(canvas, place, map, &limits, &unit);
        let bottom = rect.top - panel::level_bar_height(canvas) - canvas.pt(3.0);
        let name = format!("{} ({:.0} %)", item.title, item.alpha * 100.0);
        let middle = (place.left + place.right) / 2.0;
        panel::title(canvas, middle, bottom, &name, points::NOTE, place.width());
    }
    for (pixel, _) in image
        .rgb
        .chunks_exact_mut(3)
        .zip(&empty)
        .filter(|(_, e)| **e)
    {
        pixel.copy_from_slice(&NOTHING);
    }
    let nothing = empty.iter().all(|e| *e);
    finish(canvas, (context, &frame), rect, (image, nothing), true);
    let titles: Vec<&str> = plot.items.iter().map(|item| &*item.title).collect();
    let title = format!("Stack of {}", titles.join(", "));
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
