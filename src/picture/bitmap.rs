//! A scene as pixels.

use plotters::prelude::BitMapBackend;
use plotters_backend::{BackendColor, BackendStyle, DrawingBackend};

use super::scene::{Canvas, Image, Paint, Shape};
use super::text;

/// Draws a scene onto white.
///
/// # Errors
/// What plotters tells.
pub fn draw(canvas: &Canvas) -> Result<Image, String> {
    let size @ (width, height) = canvas.size().pixels();
    let mut pixels = vec![255; width as usize * height as usize * 3];
    for shape in canvas.shapes() {
        match shape {
            Shape::Image { at, image } => blit(&mut pixels, size, *at, image),
            Shape::Text {
                text,
                at,
                size: points,
                turn,
                paint,
            } => text::draw(&mut pixels, size, text, *at, *points, *turn, paint.rgb),
            Shape::Path {
                points,
                closed,
                fill,
                stroke,
            } => path(&mut pixels, size, points, *closed, *fill, *stroke)?,
        }
    }
    Ok(Image {
        width,
        height,
        rgb: pixels,
    })
}

fn path(
    pixels: &mut [u8],
    size: (u32, u32),
    points: &[(f64, f64)],
    closed: bool,
    fill: Option<Paint>,
    stroke: Option<(Paint, f64)>,
) -> Result<(), String> {
    let whole = |(x, y): (f64, f64)| (x.round() as i32, y.round() as i32);
    let mut corners: Vec<(i32, i32)> = points.iter().copied().map(whole).collect();
    if let Some(paint) = fill {
        match upright(&corners) {
            Some((from, to)) => rectangle(pixels, size, from, to, paint),
            None => BitMapBackend::with_buffer(pixels, size)
                .fill_polygon(corners.iter().copied(), &Pen(paint, 1))
                .map_err(|e| e.to_string())?,
        }
    }
    let Some((paint, width)) = stroke else {
        return Ok(());
    };
    let width = width.round().max(1.0) as i32;
    if closed {
        corners.extend(corners.first().copied());
    }
    let level = |pair: &[(i32, i32)]| pair[0].0 == pair[1].0 || pair[0].1 == pair[1].1;
    if corners.windows(2).all(level) {
        // Lines along the axes are rectangles: sharp, and right at their ends.
        let (before, after) = ((width - 1) / 2, width / 2 + 1);
        for pair in corners.windows(2) {
            let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
            // The corners of an outline are filled; an open line ends where it says.
            let wide = |along: bool| {
                if along && !closed {
                    (0, 0)
                } else {
                    (before, after)
                }
            };
            let (x_before, x_after) = wide(y0 == y1);
            let (y_before, y_after) = wide(x0 == x1 && y0 != y1);
            let from = (x0.min(x1) - x_before, y0.min(y1) - y_before);
            let to = (x0.max(x1) + x_after, y0.max(y1) + y_after);
            rectangle(pixels, size, from, to, paint);
        }
        return Ok(());
    }
    BitMapBackend::with_buffer(pixels, size)
        .draw_path(corners, &Pen(paint, width as u32))
        .map_err(|e| e.to_string())
}

/// Lays a paint over the pixels from one corner up to the other, which is outside.
fn rectangle(
    pixels: &mut [u8],
    (width, height): (u32, u32),
    (x0, y0): (i32, i32),
    (x1, y1): (i32, i32),
    paint: Paint,
) {
    let columns = x0.clamp(0, width as i32) as usize..x1.clamp(0, width as i32) as usize;
    for row in y0.clamp(0, height as i32)..y1.clamp(0, height as i32) {
        let row = row as usize * width as usize;
        if columns.start < columns.end {
            let part = (row + columns.start) * 3..(row + columns.end) * 3;
            for pixel in pixels[part].chunks_exact_mut(3) {
                text::blend(pixel, paint.rgb, paint.alpha);
            }
        }
    }
}

/// The corners of a rectangle along the axes.
fn upright(corners: &[(i32, i32)]) -> Option<((i32, i32), (i32, i32))> {
    let &[a, b, c, d] = corners else { return None };
    (a.1 == b.1 && b.0 == c.0 && c.1 == d.1 && d.0 == a.0).then_some((a, c))
}

struct Pen(Paint, u32);

impl BackendStyle for Pen {
    fn color(&self) -> BackendColor {
        let [r, g, b] = self.0.rgb;
        BackendColor {
            alpha: self.0.alpha,
            rgb: (r, g, b),
        }
    }

    fn stroke_width(&self) -> u32 {
        self.1
    }
}

/// Copies an image to its place; what lies outside is cut off.
fn blit(pixels: &mut [u8], (width, height): (u32, u32), (left, top): (i32, i32), image: &Image) {
    let (skip_x, skip_y) = ((-left).max(0) as usize, (-top).max(0) as usize);
    let (left, top) = (left.max(0) as usize, top.max(0) as usize);
    let columns = (image.width as usize)
        .saturating_sub(skip_x)
        .min((width as usize).saturating_sub(left));
    let rows = (image.height as usize)
        .saturating_sub(skip_y)
        .min((height as usize).saturating_sub(top));
    for row in 0..rows {
        let from = ((row + skip_y) * image.width as usize + skip_x) * 3;
        let to = ((row + top) * width as usize + left) * 3;
        pixels[to..to + columns * 3].copy_from_slice(&image.rgb[from..from + columns * 3]);
    }
}
