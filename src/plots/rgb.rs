//! `rgb`: three data as the red, the green and the blue of a picture.

use super::{Context, Frame, Kind, PlotError, finish, names, row};
use crate::command::Compat;
use crate::config::plots::{Item, Plot};
use crate::picture::limits::{Clip, Limits};
use crate::picture::panel::{self, points};
use crate::picture::reduce::{Grid, Rule};
use crate::picture::scene::{BLACK, Canvas, Image, NOTHING, Paint, Rect, Side};
use crate::picture::text::{Turn, fitted};
use crate::pipeline::section::Section;

/// The kind.
pub static KIND: Kind = Kind {
    name: "rgb",
    summary: "Three data as the red, green and blue of one picture",
    draw,
};

fn draw(context: &Context<'_>, plot: &Plot, canvas: &mut Canvas) -> Result<(), PlotError> {
    if plot.items.len() != 3 {
        let path = format!("{}.plot_list", plot.path);
        let found = format!("found {} data, expected 3", plot.items.len());
        return Err(PlotError::config(path, found));
    }
    let sections = plot.items.iter().map(|item| context.section(item));
    let sections = sections.collect::<Result<Vec<_>, _>>()?;
    let frame = Frame::of(context, plot, &sections[0]);
    let above = canvas.pt(points::TITLE + 20.0);
    let (rects, strip) = row(canvas, context, &frame, 1, above);
    let rect = rects[0];
    let (width, height) = panel::pixels(rect);
    let channels = plot.items.iter().zip(&sections).map(|(item, section)| {
        let grid = frame.grid(section, rect, item.rule.unwrap_or(Rule::Extreme));
        channel(context, item, section, &grid)
    });
    let channels: Vec<Vec<Option<u8>>> = channels.collect();
    let pixel = |at: usize| match [channels[0][at], channels[1][at], channels[2][at]] {
        [None, None, None] => NOTHING,
        // What one of them misses is its lowest value.
        rgb => rgb.map(Option::unwrap_or_default),
    };
    let image = Image {
        width: width as u32,
        height: height as u32,
        rgb: (0..width * height).flat_map(pixel).collect(),
    };
    let nothing = channels.iter().flatten().all(Option::is_none);
    finish(canvas, (context, &frame), rect, (image, nothing), true);
    legend(canvas, plot, rect);
    names(canvas, context, &frame, strip);
    Ok(())
}

/// An item's values as a colour's strength.
fn channel(context: &Context<'_>, item: &Item, section: &Section, grid: &Grid) -> Vec<Option<u8>> {
    let usual = match context.compat {
        Compat::Exact => Clip::Percentiles(1.0, 99.0),
        Compat::Distpy => Clip::Percentiles(0.0, 100.0),
    };
    let clip = item.clip.unwrap_or(usual);
    let scale = item.scale.unwrap_or_default();
    let limits = Limits::choose(clip, scale, grid, &section.arrays());
    let strength = |value: &f32| {
        let place = match context.compat {
            // distpy adds a millionth to the range, in the data's unit.
            Compat::Distpy if item.clip.is_none() => {
                let value = scale.of((*value).into());
                (value - limits.low) / (limits.high - limits.low + 1e-6)
            }
            _ => limits.place((*value).into()),
        };
        let place = if item.inverted { 1.0 - place } else { place };
        (!place.is_nan()).then(|| (place.clamp(0.0, 1.0) * 255.0) as u8)
    };
    grid.values.iter().map(strength).collect()
}

/// Which colour stands for what, above the panel.
fn legend(canvas: &mut Canvas, plot: &Plot, rect: Rect) {
    let share = rect.width() / 3.0;
    let square = canvas.pt(points::TITLE);
    let colours = [("R", [220, 0, 0]), ("G", [0, 150, 0]), ("B", [0, 0, 220])];
    for (k, (item, (letter, rgb))) in plot.items.iter().zip(colours).enumerate() {
        let left = rect.left + k as f64 * share;
        let bottom = rect.top - canvas.pt(6.0);
        let place = Rect::new(left, bottom - square, left + square, bottom);
        canvas.fill(place.whole(), Paint::of(rgb));
        let inverted = if item.inverted {
            ", dark where high"
        } else {
            ""
        };
        let text = format!("{letter} = {}{inverted}", item.title);
        let text = fitted(&text, canvas.pt(points::LABEL), share - square * 2.0);
        let at = (left + square * 1.4, bottom - square / 2.0);
        let sides = (Side::Start, Side::Middle);
        canvas.text(&text, at, points::LABEL, Turn::Right, sides, BLACK);
    }
}
