//! A picture of the places where two trees differ: a panel for each folder, with a column for each of its files.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Compared, Difference, Outcome, Tolerance};
use crate::picture::colormap::Colormap;
use crate::picture::limits::{Limits, Scale, coloured};
use crate::picture::panel::{self, Axis, points};
use crate::picture::reduce::Grid;
use crate::picture::scene::{Canvas, Rect};
use crate::picture::{Format, Size, render};

/// Panels in one picture: those with the largest differences.
const PANELS: usize = 6;
/// Inches of a panel with its axes.
const PANEL: [f64; 2] = [10.0, 2.6];
/// Below it, differences are drawn alike, in powers of ten.
const LEAST: f32 = -17.0;

/// Draws the differences.
///
/// # Errors
/// One line where the picture cannot be made.
pub fn draw(all: &[Compared], path: &Path, tolerance: Tolerance) -> Result<Vec<u8>, String> {
    let format = Format::of(path)?;
    let mut folders: BTreeMap<&Path, Vec<&Compared>> = BTreeMap::new();
    for it in all
        .iter()
        .filter(|it| by(it).is_some() || matches!(it.outcome, Outcome::Same))
    {
        let folder = it.path.parent().unwrap_or(Path::new(""));
        folders.entry(folder).or_default().push(it);
    }
    let worst = |files: &[&Compared]| {
        let relative = files.iter().filter_map(|it| by(it)).map(|it| it.relative);
        relative.fold(0.0, f64::max)
    };
    let mut folders: Vec<(&Path, Vec<&Compared>)> = folders.into_iter().collect();
    folders.retain(|(_, files)| worst(files) > 0.0);
    folders.sort_by(|a, b| worst(&b.1).total_cmp(&worst(&a.1)));
    folders.truncate(PANELS);
    let height = PANEL[1] * folders.len().max(1) as f64 + 0.6;
    let size = Size::new([PANEL[0], height], 120.0).map_err(|(_, why)| why)?;
    let mut canvas = Canvas::new(size);
    let whole = canvas.whole();
    if folders.is_empty() {
        panel::nothing(&mut canvas, whole);
        return render(&canvas, format, "differences");
    }
    let map = Colormap::named("magma").expect("it is in the list");
    // The colours turn in the middle, at the tolerance.
    let middle = tolerance.relative.log10().clamp(-15.0, -1.0);
    let limits = Limits {
        low: 2.0 * middle,
        high: 0.0,
        scale: Scale::Linear,
    };
    let unit = "log10 of the difference, relative to the row's scale";
    let above = panel::level_bar_height(&canvas) + canvas.pt(points::TITLE + 14.0);
    let room = canvas.pt(points::TICK * 3.0 + 10.0);
    let step = (whole.height() - canvas.pt(8.0)) / folders.len() as f64;
    for (k, (folder, files)) in folders.iter().enumerate() {
        let rows = files
            .iter()
            .filter_map(|it| by(it))
            .map(|it| it.rows.len())
            .max();
        let rows = rows.unwrap_or(1).max(1);
        let vertical = Axis::numbers(0.0, rows as f64, "row");
        let lower = Axis::numbers(0.0, files.len() as f64, "file, in the order of names");
        let top = whole.top + step * k as f64 + above;
        let bottom = whole.top + step * (k + 1) as f64 - room;
        let left = whole.left + panel::left_margin(&canvas, &vertical, bottom - top);
        let right = whole.right - canvas.pt(16.0);
        let rect = Rect::new(left, top, right, bottom).whole();
        let grid = grid(files, rows, panel::pixels(rect));
        panel::data(&mut canvas, rect, coloured(&grid, &map, &limits));
        panel::left_axis(&mut canvas, rect, &vertical);
        panel::lower_axis(&mut canvas, rect, &lower);
        panel::level_bar(&mut canvas, rect, &map, &limits, unit);
        let name = match folder.as_os_str().is_empty() {
            true => "results".into(),
            false => folder.display().to_string(),
        };
        let place = rect.top - panel::level_bar_height(&canvas) - canvas.pt(2.0);
        let middle = f64::midpoint(rect.left, rect.right);
        panel::title(
            &mut canvas,
            middle,
            place,
            &name,
            points::TITLE,
            rect.width(),
        );
    }
    render(&canvas, format, "differences")
}

fn by(it: &Compared) -> Option<&Difference> {
    match &it.outcome {
        Outcome::Different(by) | Outcome::Close(by) => Some(by),
        _ => None,
    }
}

/// Rows down, files to the right; each pixel has the largest difference of its rows and files.
fn grid(files: &[&Compared], rows: usize, (width, height): (usize, usize)) -> Grid {
    let mut values = vec![LEAST; width * height];
    for (k, file) in files.iter().enumerate() {
        let Some(by) = by(file) else { continue };
        let columns = k * width / files.len()..((k + 1) * width).div_ceil(files.len());
        for (row, relative) in by.rows.iter().enumerate() {
            let value = relative.log10().clamp(LEAST, 2.0);
            let lines = row * height / rows..((row + 1) * height).div_ceil(rows);
            for line in lines.filter(|it| *it < height) {
                for column in columns.clone().filter(|it| *it < width) {
                    let pixel = &mut values[line * width + column];
                    *pixel = pixel.max(value);
                }
            }
        }
    }
    Grid::new(width, height, values)
}
