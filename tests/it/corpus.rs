//! Inputs that fuzzing kept: each goes through its reader as the fuzz target lets it.

use std::path::Path;

#[cfg(feature = "hdf5")]
#[path = "../fuzz/src/changed.rs"]
mod changed;
#[path = "../fuzz/src/readers.rs"]
mod readers;

fn graphs(_: &Path, bytes: &[u8]) {
    crate::graphs::flows::check(bytes);
}

/// Whatever they are, no reader panics; there are some for each.
#[test]
fn the_corpus_is_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (target, read) in [
        ("segy", readers::segy as fn(&Path, &[u8])),
        ("tdms", readers::tdms),
        #[cfg(feature = "hdf5")]
        ("hdf5", readers::hdf5),
        #[cfg(feature = "hdf5")]
        ("hdf5_bytes", readers::hdf5_bytes),
        ("npy", readers::npy),
        ("csv", readers::csv),
        ("las", readers::las),
        ("witsml", readers::witsml),
        ("zarr", readers::zarr),
        ("json", readers::json),
        ("arguments", readers::arguments),
        ("onnx", readers::onnx),
        ("numbers", readers::numbers),
        ("graphs", graphs),
    ] {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        let entries = std::fs::read_dir(corpus.join(target)).expect("a folder of inputs");
        let mut inputs = 0;
        for entry in entries {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            read(folder.path(), &bytes);
            inputs += 1;
        }
        assert!(inputs > 0, "{target}");
    }
}
