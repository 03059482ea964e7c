//! Pixels as the bytes of a file.

use jpeg_encoder::{ColorType, Encoder, PixelDensity, SamplingFactor};

use super::scene::Image;

/// An image as PNG, with its resolution in dots per inch where there is one.
///
/// # Errors
/// What the encoder tells.
pub fn png(image: &Image, dpi: Option<f64>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width, image.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    if let Some(dpi) = dpi {
        let per_metre = (dpi / 0.0254).round() as u32;
        encoder.set_pixel_dims(Some(png::PixelDimensions {
            xppu: per_metre,
            yppu: per_metre,
            unit: png::Unit::Meter,
        }));
    }
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer
        .write_image_data(&image.rgb)
        .map_err(|e| e.to_string())?;
    writer.finish().map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// An image as JPEG. Colour is kept in every pixel: half of it, as photographs have, blurs thin lines.
///
/// # Errors
/// Where a side is longer than the 65,535 pixels that the format can tell.
pub fn jpeg(image: &Image, dpi: f64) -> Result<Vec<u8>, String> {
    const QUALITY: u8 = 92;
    let side = |n: u32| {
        u16::try_from(n).map_err(|_| {
            format!("found a picture {n} pixels long, expected at most 65535 in a JPEG file")
        })
    };
    let (width, height) = (side(image.width)?, side(image.height)?);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    let dots = dpi.round().clamp(1.0, 65535.0) as u16;
    encoder.set_density(PixelDensity::dpi(dots));
    encoder
        .encode(&image.rgb, width, height, ColorType::Rgb)
        .map_err(|e| e.to_string())?;
    Ok(bytes)
}
