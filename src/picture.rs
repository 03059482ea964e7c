//! Pictures: drawings as PNG, JPEG, SVG or PDF, with a font of the program's own, so that none of the system's is needed.
//!
//! [`scene`] is what is drawn on, and [`render`] makes a file's bytes of it. For data there are [`colormap`], [`limits`] (which
//! values get the ends of a colormap), [`reduce`] (large arrays to the pixels that they get), [`ticks`] and [`panel`] (an
//! array of colours with its axes).

mod bitmap;
pub mod colormap;
mod encode;
pub mod limits;
pub mod panel;
mod pdf;
pub mod reduce;
pub mod scene;
mod svg;
pub mod text;
pub mod ticks;

use std::path::Path;

pub use encode::png;
pub use svg::escaped;

use scene::Canvas;

/// The name under which charts draw text.
pub const FONT: &str = "sans-serif";

/// Longest side of a picture in pixels: more is a mistake in a configuration, and would not fit memory.
const LONGEST: f64 = 32_000.0;

/// How a picture is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Pixels.
    Png,
    /// Pixels, nearly, in a smaller file.
    Jpeg,
    /// Lines and text.
    Svg,
    /// A page.
    Pdf,
}

impl Format {
    /// By its name or a file's extension.
    ///
    /// # Errors
    /// What was found, and which there are.
    pub fn named(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "png" => Ok(Format::Png),
            "jpg" | "jpeg" => Ok(Format::Jpeg),
            "svg" => Ok(Format::Svg),
            "pdf" => Ok(Format::Pdf),
            _ => Err(format!(
                "found \"{name}\", expected \"png\", \"jpg\", \"jpeg\", \"svg\" or \"pdf\""
            )),
        }
    }

    /// By the file's extension.
    ///
    /// # Errors
    /// One line where it is none of a picture.
    pub fn of(path: &Path) -> Result<Self, String> {
        let extension = path.extension().and_then(|e| e.to_str());
        Self::named(extension.unwrap_or_default()).map_err(|_| {
            format!(
                "{}: found no known kind of picture, expected a name that ends in .png, .jpg, .svg or .pdf",
                path.display()
            )
        })
    }
}

/// How large a picture is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// Width in inches.
    pub width: f64,
    /// Height in inches.
    pub height: f64,
    /// Pixels per inch.
    pub dpi: f64,
}

impl Size {
    /// Checks a size.
    ///
    /// # Errors
    /// Which argument is wrong (`figure_size` or `dpi`), what was found and what was expected.
    pub fn new([width, height]: [f64; 2], dpi: f64) -> Result<Self, (&'static str, String)> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        if !positive(width) || !positive(height) {
            let found =
                format!("found [{width}, {height}], expected width and height above 0 in inches");
            return Err(("figure_size", found));
        }
        if !positive(dpi) {
            let found = format!("found {dpi}, expected a number above 0 of pixels per inch");
            return Err(("dpi", found));
        }
        let longest = width.max(height) * dpi;
        if longest > LONGEST {
            let found =
                format!("found {longest:.0} pixels (inches times dpi), expected at most {LONGEST}");
            return Err(("figure_size", found));
        }
        Ok(Self { width, height, dpi })
    }

    /// A size in pixels, at 96 to the inch.
    pub fn of_pixels((width, height): (u32, u32)) -> Self {
        Self {
            width: f64::from(width) / 96.0,
            height: f64::from(height) / 96.0,
            dpi: 96.0,
        }
    }

    /// Width and height in pixels.
    pub fn pixels(&self) -> (u32, u32) {
        let side = |inches: f64| (inches * self.dpi).round().max(1.0) as u32;
        (side(self.width), side(self.height))
    }

    /// A length in points, 72 to the inch, in pixels.
    pub fn pt(&self, points: f64) -> f64 {
        points * self.dpi / 72.0
    }
}

/// The bytes of a picture. `title` is what viewers and screen readers call it, where the format has a place for that.
///
/// # Errors
/// One line where it could not be made.
pub fn render(canvas: &Canvas, format: Format, title: &str) -> Result<Vec<u8>, String> {
    let dpi = canvas.size().dpi;
    match format {
        Format::Png => png(&bitmap::draw(canvas)?, Some(dpi)),
        Format::Jpeg => encode::jpeg(&bitmap::draw(canvas)?, dpi),
        Format::Svg => svg::draw(canvas, title).map(String::into_bytes),
        Format::Pdf => pdf::draw(canvas, title),
    }
}

/// Any error of plotters as a line.
pub fn line(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::scene::{BLACK, Paint, Rect, Side};
    use super::text::Turn;
    use super::*;

    const RED: Paint = Paint::of([255, 0, 0]);

    fn words() -> Canvas {
        let mut canvas = Canvas::new(Size::of_pixels((80, 40)));
        canvas.fill(Rect::new(60.0, 0.0, 80.0, 20.0), BLACK.thin(0.5));
        let sides = (Side::Start, Side::Start);
        canvas.text("MMM", (10.0, 10.0), 15.0, Turn::Right, sides, RED);
        canvas
    }

    /// The pixels of a PNG file.
    fn decoded(bytes: &[u8]) -> Vec<u8> {
        let decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        let mut reader = decoder.read_info().expect("a picture");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        reader.next_frame(&mut pixels).expect("pixels");
        pixels
    }

    #[test]
    fn text_is_drawn_without_a_font_of_the_system() {
        let pixels = decoded(&render(&words(), Format::Png, "words").expect("drawn"));
        let pixel = |x: usize, y: usize| &pixels[(y * 80 + x) * 3..][..3];
        assert_eq!(pixel(2, 2), [255; 3]);
        assert_eq!(pixel(70, 10), [128; 3]);
        assert_eq!(
            (pixel(59, 3), pixel(70, 20)),
            (&[255; 3][..], &[255; 3][..])
        );
        let red = (0..40).flat_map(|y| (0..80).map(move |x| (x, y)));
        let red = red.filter(|&(x, y)| pixel(x, y)[0] > 200 && pixel(x, y)[2] < 60);
        assert!(red.count() > 60, "the letters cover pixels");
    }

    #[test]
    fn every_format_holds_the_words() {
        let svg = render(&words(), Format::Svg, "a < b").expect("drawn");
        let svg = String::from_utf8(svg).expect("text");
        assert!(
            svg.starts_with("<svg") && svg.contains(">MMM</text>"),
            "{svg}"
        );
        assert!(svg.contains("<title>a &lt; b</title>"), "{svg}");
        let pdf = render(&words(), Format::Pdf, "words").expect("drawn");
        assert!(pdf.starts_with(b"%PDF-") && pdf.ends_with(b"%%EOF"));
        let jpeg = render(&words(), Format::Jpeg, "words").expect("drawn");
        assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        let error = Format::of(Path::new("a/b.gif")).expect_err("no picture");
        assert!(error.starts_with("a/b.gif: found"), "{error}");
        assert_eq!(Format::of(Path::new("b.SVG")), Ok(Format::Svg));
    }

    #[test]
    fn a_size_is_checked() {
        let (argument, found) = Size::new([8.0, -6.0], 300.0).expect_err("negative");
        assert_eq!(argument, "figure_size");
        assert!(found.starts_with("found [8, -6]"), "{found}");
        assert_eq!(
            Size::new([8.0, 6.0], f64::NAN).expect_err("no number").0,
            "dpi"
        );
        let (_, found) = Size::new([800.0, 6.0], 300.0).expect_err("too large");
        assert!(found.starts_with("found 240000 pixels"), "{found}");
        let size = Size::new([8.0, 6.0], 300.0).expect("distpy's");
        assert_eq!(size.pixels(), (2400, 1800));
    }
}
