//! A scene as a PDF of one page: text stays text, in the embedded font.

use std::sync::{Arc, LazyLock};

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Size, Transform};
use krilla::image::Image;
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};

use super::scene::{Canvas, Paint, Shape};
use super::text::{BYTES, Turn};

static FACE: LazyLock<Font> = LazyLock::new(|| {
    let bytes: Arc<Vec<u8>> = Arc::new(BYTES.to_vec());
    Font::new(bytes.into(), 0).expect("the font is embedded")
});

/// The bytes of a scene.
///
/// # Errors
/// What the writer tells.
pub fn draw(canvas: &Canvas, title: &str) -> Result<Vec<u8>, String> {
    let (width, height) = canvas.size().pixels();
    // A pixel of the scene is as large as on paper at the scene's resolution.
    let scale = 72.0 / canvas.size().dpi as f32;
    let settings = PageSettings::from_wh(width as f32 * scale, height as f32 * scale)
        .ok_or("found an empty page, expected one of some size")?;
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(title.into()).language("en".into()));
    let mut page = document.start_page_with(settings);
    let mut surface = page.surface();
    surface.push_transform(&Transform::from_scale(scale, scale));
    for shape in canvas.shapes() {
        match shape {
            Shape::Path {
                points,
                closed,
                fill,
                stroke,
            } => path(&mut surface, points, *closed, *fill, *stroke),
            Shape::Text {
                text,
                at,
                size,
                turn,
                paint,
            } => {
                let turned = match turn {
                    Turn::Right => 0.0,
                    Turn::Up => -90.0,
                    Turn::Down => 90.0,
                };
                let [x, y] = [at.0 as f32, at.1 as f32];
                surface.push_transform(&Transform::from_rotate_at(turned, x, y));
                surface.set_stroke(None);
                surface.set_fill(Some(filled(*paint)));
                let from = Point::from_xy(x, y);
                let direction = TextDirection::LeftToRight;
                surface.draw_text(from, FACE.clone(), *size as f32, text, false, direction);
                surface.pop();
            }
            Shape::Image { at: (x, y), image } => {
                let pixels = image.rgb.chunks_exact(3);
                let rgba = pixels.flat_map(|p| [p[0], p[1], p[2], 255]).collect();
                let (width, height) = (image.width, image.height);
                let Some(size) = Size::from_wh(width as f32, height as f32) else {
                    continue;
                };
                surface.push_transform(&Transform::from_translate(*x as f32, *y as f32));
                surface.draw_image(Image::from_rgba8(rgba, width, height), size);
                surface.pop();
            }
        }
    }
    surface.pop();
    surface.finish();
    page.finish();
    document.finish().map_err(|e| format!("{e:?}"))
}

fn path(
    surface: &mut Surface<'_>,
    points: &[(f64, f64)],
    closed: bool,
    fill: Option<Paint>,
    stroke: Option<(Paint, f64)>,
) {
    let Some(path) = line(points, closed) else {
        return;
    };
    surface.set_fill(fill.map(filled));
    surface.set_stroke(stroke.map(|(paint, width)| Stroke {
        paint: colour(paint).into(),
        width: width as f32,
        opacity: opacity(paint),
        ..Stroke::default()
    }));
    surface.draw_path(&path);
}

fn line(points: &[(f64, f64)], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    builder.move_to(first.0 as f32, first.1 as f32);
    for (x, y) in rest {
        builder.line_to(*x as f32, *y as f32);
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

fn filled(paint: Paint) -> Fill {
    Fill {
        paint: colour(paint).into(),
        opacity: opacity(paint),
        ..Fill::default()
    }
}

fn colour(paint: Paint) -> rgb::Color {
    let [r, g, b] = paint.rgb;
    rgb::Color::new(r, g, b)
}

fn opacity(paint: Paint) -> NormalizedF32 {
    NormalizedF32::new(paint.alpha.clamp(0.0, 1.0) as f32).unwrap_or(NormalizedF32::ONE)
}
