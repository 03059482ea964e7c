//! Composes a shader: `#import NAME` on a line of its own pastes `shaders/import/NAME.wgsl`, once each, and `real` becomes
//! the precision's type.

use crate::block::Precision;

const IMPORTS: &[(&str, &str)] = &[
    (
        "band_piece",
        include_str!("../../shaders/import/band_piece.wgsl"),
    ),
    ("complex", include_str!("../../shaders/import/complex.wgsl")),
    (
        "fft_bins",
        include_str!("../../shaders/import/fft_bins.wgsl"),
    ),
    (
        "fft_load",
        include_str!("../../shaders/import/fft_load.wgsl"),
    ),
    ("fft_row", include_str!("../../shaders/import/fft_row.wgsl")),
    (
        "fft_stages",
        include_str!("../../shaders/import/fft_stages.wgsl"),
    ),
    ("grid", include_str!("../../shaders/import/grid.wgsl")),
    ("keys", include_str!("../../shaders/import/keys.wgsl")),
    ("number", include_str!("../../shaders/import/number.wgsl")),
    (
        "sections",
        include_str!("../../shaders/import/sections.wgsl"),
    ),
];

/// The text that the device compiles.
///
/// Panics on an import that does not exist: shaders are part of the program.
pub fn compose(source: &str, precision: Precision) -> String {
    let real = match precision {
        Precision::F32 => "f32",
        Precision::F64 => "f64",
    };
    let mut text = format!("alias real = {real};\n");
    paste(source, &mut Vec::new(), &mut text);
    text
}

fn paste<'a>(source: &'a str, pasted: &mut Vec<&'a str>, text: &mut String) {
    for line in source.lines() {
        let Some(name) = line.strip_prefix("#import ").map(str::trim) else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        if !pasted.contains(&name) {
            pasted.push(name);
            let found = IMPORTS.iter().find(|(known, _)| *known == name);
            let (_, import) = found.unwrap_or_else(|| panic!("#import {name}: no such file"));
            paste(import, pasted, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_pasted_once_and_recursively() {
        let text = compose(
            "#import fft_bins\n#import complex\n#import grid\nfn last() {}",
            Precision::F64,
        );
        assert!(text.starts_with("alias real = f64;\n"));
        assert_eq!(text.matches("fn complex_mul").count(), 1);
        assert!(!text.contains("#import"));
        assert!(text.ends_with("fn last() {}\n"));
    }
}
