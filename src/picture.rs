//! Pictures: a drawing as PNG or SVG, with a font of the program's own, so that none of the system's is needed.

use std::path::Path;
use std::sync::LazyLock;

use plotters::coord::Shift;
use plotters::prelude::{BitMapBackend, DrawingArea, DrawingBackend, IntoDrawingArea, SVGBackend};
use plotters::style::{FontStyle, register_font};

/// The name under which text is drawn.
pub const FONT: &str = "sans-serif";

/// How a picture is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Pixels.
    Png,
    /// Lines and text.
    Svg,
}

impl Format {
    /// By the file's extension.
    ///
    /// # Errors
    /// One line where it is neither `png` nor `svg`.
    pub fn of(path: &Path) -> Result<Self, String> {
        let extension = path.extension().and_then(|e| e.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("png") => Ok(Format::Png),
            Some("svg") => Ok(Format::Svg),
            _ => Err(format!(
                "{}: found no known kind of picture, expected a name that ends in .png or .svg",
                path.display()
            )),
        }
    }
}

/// Something that can be drawn on any backend.
pub trait Drawing {
    /// Draws onto a whole picture.
    ///
    /// # Errors
    /// What the backend tells.
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), String>;
}

/// The bytes of a picture of so many pixels.
///
/// # Errors
/// One line where the drawing could not be made.
pub fn render(drawing: &impl Drawing, format: Format, size: (u32, u32)) -> Result<Vec<u8>, String> {
    LazyLock::force(&REGISTERED);
    match format {
        Format::Svg => {
            let mut text = String::new();
            {
                let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
                drawing.draw(&area)?;
                area.present().map_err(|e| e.to_string())?;
            }
            Ok(text.into_bytes())
        }
        Format::Png => {
            let (width, height) = size;
            let mut pixels = vec![0; width as usize * height as usize * 3];
            {
                let area = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
                drawing.draw(&area)?;
                area.present().map_err(|e| e.to_string())?;
            }
            png(&pixels, size).map_err(|e| e.to_string())
        }
    }
}

/// The font of all text, registered once.
static REGISTERED: LazyLock<()> = LazyLock::new(|| {
    // What is embedded is a font; were it none, drawing would tell.
    let _ = register_font(FONT, FontStyle::Normal, dejavu::sans::regular());
});

fn png(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(bytes)
}

/// Any error of plotters as a line.
pub fn line(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::prelude::{RED, Text, WHITE};
    use plotters::style::TextStyle;

    struct Words;

    impl Drawing for Words {
        fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), String> {
            area.fill(&WHITE).map_err(line)?;
            let style: TextStyle<'_> = (FONT, 20).into();
            area.draw(&Text::new("MMM", (10, 10), style.color(&RED)))
                .map_err(line)
        }
    }

    #[test]
    fn text_is_drawn_without_a_font_of_the_system() {
        let bytes = render(&Words, Format::Png, (80, 40)).expect("drawn");
        let decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        let mut reader = decoder.read_info().expect("drawn");
        let mut pixels = vec![0; reader.output_buffer_size().expect("drawn")];
        reader.next_frame(&mut pixels).expect("drawn");
        let pixel = |x: usize, y: usize| &pixels[(y * 80 + x) * 3..][..3];
        assert_eq!(pixel(2, 2), [255; 3]);
        let red = (0..40).flat_map(|y| (0..80).map(move |x| (x, y)));
        let red = red.filter(|&(x, y)| pixel(x, y)[0] > 200 && pixel(x, y)[2] < 60);
        assert!(red.count() > 60, "the letters cover pixels");
        let svg = render(&Words, Format::Svg, (80, 40)).expect("drawn");
        let svg = String::from_utf8(svg).expect("drawn");
        assert!(svg.starts_with("<svg") && svg.contains("MMM"), "{svg}");
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        let error = Format::of(Path::new("a/b.gif")).expect_err("no picture");
        assert!(error.starts_with("a/b.gif: found"), "{error}");
        assert_eq!(Format::of(Path::new("b.SVG")), Ok(Format::Svg));
    }
}
