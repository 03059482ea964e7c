//! A scene as SVG: lines and letters stay what they are, images are embedded as PNG.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::encode::png;
use super::scene::{Canvas, Paint, Shape};
use super::text::Turn;

/// The text of a scene. `title` is what a screen reader says of it.
///
/// # Errors
/// Where an image cannot be stored.
pub fn draw(canvas: &Canvas, title: &str) -> Result<String, String> {
    let (width, height) = canvas.size().pixels();
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"DejaVu Sans, Verdana, sans-serif\">"
    );
    let _ = writeln!(out, "<title>{}</title>", escaped(title));
    let _ = writeln!(
        out,
        "<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>"
    );
    for shape in canvas.shapes() {
        match shape {
            Shape::Path {
                points,
                closed,
                fill,
                stroke,
            } => path(&mut out, points, *closed, *fill, *stroke),
            Shape::Text {
                text,
                at: (x, y),
                size,
                turn,
                paint,
            } => {
                let place = match turn {
                    Turn::Right => format!("x=\"{x:.1}\" y=\"{y:.1}\""),
                    Turn::Up => format!("transform=\"translate({x:.1} {y:.1}) rotate(-90)\""),
                    Turn::Down => format!("transform=\"translate({x:.1} {y:.1}) rotate(90)\""),
                };
                let _ = writeln!(
                    out,
                    "<text {place} font-size=\"{size:.1}\"{}>{}</text>",
                    coloured("fill", *paint),
                    escaped(text)
                );
            }
            Shape::Image { at: (x, y), image } => {
                let bytes = png(image, None)?;
                let _ = writeln!(
                    out,
                    "<image x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
                     image-rendering=\"pixelated\" href=\"data:image/png;base64,{}\"/>",
                    image.width,
                    image.height,
                    STANDARD.encode(bytes)
                );
            }
        }
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn path(
    out: &mut String,
    points: &[(f64, f64)],
    closed: bool,
    fill: Option<Paint>,
    stroke: Option<(Paint, f64)>,
) {
    let name = if closed { "polygon" } else { "polyline" };
    let _ = write!(out, "<{name} points=\"");
    for (k, (x, y)) in points.iter().enumerate() {
        let blank = if k == 0 { "" } else { " " };
        let _ = write!(out, "{blank}{},{}", short(*x), short(*y));
    }
    out.push('"');
    match fill {
        Some(paint) => out.push_str(&coloured("fill", paint)),
        None => out.push_str(" fill=\"none\""),
    }
    if let Some((paint, width)) = stroke {
        out.push_str(&coloured("stroke", paint));
        let _ = write!(out, " stroke-width=\"{}\"", short(width));
    }
    out.push_str("/>\n");
}

fn coloured(attribute: &str, Paint { rgb, alpha }: Paint) -> String {
    let [r, g, b] = rgb;
    let opacity = if alpha < 1.0 {
        format!(" {attribute}-opacity=\"{}\"", short(alpha))
    } else {
        String::new()
    };
    format!(" {attribute}=\"#{r:02x}{g:02x}{b:02x}\"{opacity}")
}

/// A number with at most two decimals.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// Text as it stands between tags and in attributes.
pub fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}
