//! One map in one panel, with its bar of colours at the right: what several kinds of plots are.

use super::PlotError;
use crate::config::plots::{Item, Plot};
use crate::picture::colormap::Colormap;
use crate::picture::limits::{Clip, Limits, Scale, coloured};
use crate::picture::panel::{self, Axis, points};
use crate::picture::reduce::Grid;
use crate::picture::scene::{Canvas, Rect};

/// A map: its axes, its colours and what it is called.
pub struct Map<'a> {
    pub x: Axis,
    pub y: Axis,
    pub title: String,
    pub item: &'a Item,
    /// The colours where the file names none.
    pub colormap: &'static str,
    /// How the ends of the colours are chosen where the file does not say.
    pub clip: Clip,
    pub scale: Scale,
    pub unit: String,
}

impl Map<'_> {
    /// Draws the map; `grid` gives the values of so many pixels. Gives back its panel.
    pub fn draw(
        &self,
        canvas: &mut Canvas,
        grid: impl FnOnce((usize, usize)) -> Result<Grid, PlotError>,
    ) -> Result<Rect, PlotError> {
        let above = canvas.pt(points::TITLE + 16.0);
        // Room for the bar, four digits, a power of ten and a unit.
        let right = canvas.pt(80.0);
        let rect = panel::inside(canvas, canvas.whole(), (&self.x, &self.y), right, above);
        let grid = grid(panel::pixels(rect))?;
        let clip = self.item.clip.unwrap_or(self.clip);
        let limits = Limits::choose(clip, self.scale, &grid, &[]);
        let usual = Colormap::named(self.colormap).expect("it is in the list");
        let map = self.item.colormap.as_ref().unwrap_or(&usual);
        panel::data(canvas, rect, coloured(&grid, map, &limits));
        if grid.is_empty() {
            panel::nothing(canvas, rect);
        }
        panel::left_axis(canvas, rect, &self.y);
        panel::lower_axis(canvas, rect, &self.x);
        let unit = panel::unit_of(self.scale, &self.unit);
        panel::upright_bar(canvas, rect, map, &limits, &unit);
        let middle = (rect.left + rect.right) / 2.0;
        let bottom = rect.top - canvas.pt(6.0);
        let widest = canvas.whole().width() * 0.95;
        panel::title(canvas, middle, bottom, &self.title, points::TITLE, widest);
        Ok(rect)
    }
}

/// The scale that a plot asks for; `usual` where it does not.
pub fn scale(item: &Item, usual: Scale) -> Scale {
    item.scale.unwrap_or(usual)
}

/// The one item of a plot that takes no more.
pub fn only(plot: &Plot) -> Result<&Item, PlotError> {
    match &plot.items[..] {
        [item] => Ok(item),
        items => {
            let path = format!("{}.plot_list", plot.path);
            let found = format!("found {} data, expected 1", items.len());
            Err(PlotError::config(path, found))
        }
    }
}
