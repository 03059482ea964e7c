//! Text: its size, and its letters as pixels, in the one font that the program carries.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont};

use super::colormap::Rgb;

/// The font: DejaVu Sans, which has the Greek letters and superscripts of units.
pub static BYTES: LazyLock<&'static [u8]> = LazyLock::new(dejavu::sans::regular);

static FACE: LazyLock<FontRef<'static>> =
    LazyLock::new(|| FontRef::try_from_slice(*BYTES).expect("the font is embedded"));

/// Height of a capital letter, by the size of the font.
pub const CAPITAL: f64 = 0.729;
/// How far letters reach below the line that they stand on, by the size of the font.
pub const DESCENT: f64 = 0.236;

/// Which way text runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// To the right.
    Right,
    /// Upwards.
    Up,
    /// Downwards.
    Down,
}

/// The width of a line of text of a size in pixels.
pub fn width(text: &str, size: f64) -> f64 {
    let face = FACE.as_scaled(scale(size));
    let mut last = None;
    let widths = text.chars().map(|letter| {
        let glyph = face.glyph_id(letter);
        let kern = last.map_or(0.0, |last| face.kern(last, glyph));
        last = Some(glyph);
        kern + face.h_advance(glyph)
    });
    f64::from(widths.sum::<f32>())
}

/// As much of a line as fits a width, with a mark where some is missing.
pub fn fitted(text: &str, size: f64, widest: f64) -> String {
    if width(text, size) <= widest {
        return text.into();
    }
    let mut letters: Vec<char> = text.chars().collect();
    while letters.pop().is_some() {
        let shorter = letters.iter().collect::<String>().trim_end().to_string() + "…";
        if width(&shorter, size) <= widest {
            return shorter;
        }
    }
    String::new()
}

/// ab_glyph counts sizes from the lowest to the highest that letters reach, as the font says; others by the em.
fn scale(size: f64) -> PxScale {
    let face = &*FACE;
    let units = face.units_per_em().unwrap_or(2048.0);
    PxScale::from(size as f32 * face.height_unscaled() / units)
}

/// Draws a line that begins at `at`, where its letters stand, onto pixels.
pub fn draw(
    pixels: &mut [u8],
    (width, height): (u32, u32),
    text: &str,
    at: (f64, f64),
    size: f64,
    turn: Turn,
    colour: Rgb,
) {
    let face = FACE.as_scaled(scale(size));
    let mut pen = 0.0;
    let mut last = None;
    for letter in text.chars() {
        let id = face.glyph_id(letter);
        pen += last.map_or(0.0, |last| face.kern(last, id));
        last = Some(id);
        // Letters stand between pixels along their line, and on whole pixels across it, which keeps them sharp.
        let along = match turn {
            Turn::Right => at.0.fract() as f32,
            Turn::Up | Turn::Down => at.1.fract() as f32,
        };
        let glyph = id.with_scale_and_position(scale(size), ab_glyph::point(pen + along, 0.0));
        pen += face.h_advance(id);
        let Some(outline) = face.outline_glyph(glyph) else {
            continue;
        };
        let bounds = outline.px_bounds();
        let (x0, y0) = (at.0.floor() as i64, at.1.round() as i64);
        outline.draw(|x, y, cover| {
            let dx = bounds.min.x as i64 + i64::from(x);
            let dy = bounds.min.y as i64 + i64::from(y);
            let (x, y) = match turn {
                Turn::Right => (x0 + dx, y0 + dy),
                Turn::Up => (at.0.round() as i64 + dy, at.1.floor() as i64 - dx),
                Turn::Down => (at.0.round() as i64 - dy, at.1.floor() as i64 + dx),
            };
            if (0..i64::from(width)).contains(&x) && (0..i64::from(height)).contains(&y) {
                let at = (y as usize * width as usize + x as usize) * 3;
                blend(&mut pixels[at..at + 3], colour, f64::from(cover));
            }
        });
    }
}

/// Lays a colour over a pixel.
pub fn blend(pixel: &mut [u8], colour: Rgb, alpha: f64) {
    for (below, above) in pixel.iter_mut().zip(colour) {
        let mixed = f64::from(*below) * (1.0 - alpha) + f64::from(above) * alpha;
        *below = mixed.round().clamp(0.0, 255.0) as u8;
    }
}
