//! Trained networks in ONNX files, and what is said of Keras's own formats.

mod wire;

use std::path::Path;

use rten::Model;

use super::{FormatError, mapped};
use crate::store;

/// What a file turned out to be.
enum Found {
    Onnx,
    Keras,
    Other,
}

/// Reads a network. Where a Keras model is named, the ONNX file of the same name beside it is read, which the model may have
/// been converted to.
///
/// # Errors
/// When the file cannot be read or is no ONNX model; of a Keras model the error says how to convert it.
pub fn open(path: &Path) -> Result<Model, FormatError> {
    let converted = path.with_extension("onnx");
    let beside = converted != path && store::is_file(&converted);
    let found = match inspect(path) {
        // The original may have been left behind.
        Err(_) if beside => Found::Keras,
        found => found?,
    };
    let bad = |found: &str, expected: String| {
        FormatError::content(path, "start of the file", found, expected)
    };
    let file = match found {
        Found::Onnx => path,
        Found::Keras if beside => {
            tracing::info!(
                "{}: {} is read in its place",
                path.display(),
                converted.display()
            );
            &converted
        }
        Found::Keras => {
            let (from, to) = (path.display(), converted.display());
            let expected = format!(
                "an ONNX file. Convert it once, where Keras is installed, with `python -m tf2onnx.convert --keras {from} --output {to}`, or \
                 in Keras 3 with `model.export(\"{to}\", format=\"onnx\")`; the flow may stay as it is"
            );
            return Err(bad("a Keras model", expected));
        }
        Found::Other => return Err(bad("no known format", "an ONNX file, named .onnx".into())),
    };
    let bad = |found: String| FormatError::content(file, "the model", found, "an ONNX model");
    if let Some(at) = wire::damage(&mapped::map(file)?) {
        return Err(bad(format!("a damaged length at byte {at}")));
    }
    match Model::load_file(file) {
        // Bytes of any kind may pass for an empty model.
        Ok(model) if model.input_ids().is_empty() => Err(bad("no input".into())),
        model => model.map_err(|e| bad(format!("something else ({e})"))),
    }
}

fn inspect(path: &Path) -> Result<Found, FormatError> {
    // TensorFlow's SavedModel is a folder.
    if store::is_dir(path) {
        return Ok(Found::Keras);
    }
    let bytes = mapped::map(path)?;
    let (hdf5, zip) = (
        bytes.starts_with(b"\x89HDF"),
        bytes.starts_with(b"PK\x03\x04"),
    );
    let named = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("onnx"));
    Ok(match (hdf5 || zip, named) {
        (true, _) => Found::Keras,
        (_, true) => Found::Onnx,
        _ => Found::Other,
    })
}
