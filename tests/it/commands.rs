//! Every command's worked examples on every backend, and what the list promises.

use distpy_gpu::block::{Block, Bytes, DType, Endian, Kind, Order, Stored};
use distpy_gpu::command::{Example, Spec};
use distpy_gpu::commands;
use ndarray::Array2;
use num_complex::Complex;
use std::sync::Arc;

use crate::backend::{self, Case};

/// `1 2; 3+4j -1j` as an array.
fn table(text: &str) -> Array2<Complex<f64>> {
    let number = |v: &str| -> Complex<f64> { v.replace('j', "i").parse().expect("a number") };
    let rows: Vec<Vec<Complex<f64>>> = text
        .split(';')
        .map(|row| row.split_whitespace().map(number).collect())
        .collect();
    let cols = rows[0].len();
    Array2::from_shape_vec((rows.len(), cols), rows.concat()).expect("rows of equal length")
}

/// The array of an example as a source: complex only where a number is.
fn source(text: &str) -> Stored {
    let values = table(text);
    if !text.contains('j') {
        return stored(&values.mapv(|v| v.re));
    }
    let bytes = values
        .iter()
        .flat_map(|v| [v.re.to_ne_bytes(), v.im.to_ne_bytes()].concat())
        .collect();
    let shape = [values.nrows(), values.ncols()];
    let bytes = Bytes::Owned(Arc::new(bytes));
    Stored::new(DType::C128, shape, Order::C, Endian::NATIVE, bytes).expect("bytes of this shape")
}

/// An array as a chunk.
pub fn stored(array: &Array2<f64>) -> Stored {
    let bytes = array.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let shape = [array.nrows(), array.ncols()];
    Stored::new(
        DType::F64,
        shape,
        Order::C,
        Endian::NATIVE,
        Bytes::Owned(Arc::new(bytes)),
    )
    .expect("bytes of this shape")
}

/// A command's example as a flow.
fn flow(spec: &Spec, example: &Example) -> Case {
    let mut args: serde_json::Value =
        serde_json::from_str(example.args).expect("examples are JSON");
    args["name"] = spec.name.into();
    let inputs: Vec<Stored> = example.inputs.iter().map(|text| source(text)).collect();
    let gathered = inputs[1..].iter().map(|s| (s.clone(), 2)).collect();
    Case::of_command(args, inputs[0].clone(), gathered)
}

/// The examples of all commands, with the commands' names.
#[cfg(feature = "gpu")]
pub fn examples() -> impl Iterator<Item = (&'static str, Case)> {
    let of = |spec: &'static Spec| spec.examples.iter().map(|e| (spec.name, flow(spec, e)));
    commands::ALL.iter().copied().flat_map(of)
}

#[test]
fn examples_hold_on_every_backend() {
    for spec in commands::ALL {
        for example in spec.examples {
            let case = flow(spec, example);
            for &on in backend::all() {
                let got = case
                    .result(on)
                    .unwrap_or_else(|p| panic!("{} on {on:?}: {p}", spec.name));
                // An example shows the real parts of a complex result where it shows real numbers.
                let want = match (got.kind(), example.output.contains('j')) {
                    (Kind::Complex, true) => Block::complex(table(example.output)),
                    _ => Block::real(table(example.output).mapv(|v| v.re)),
                };
                let got = match (got.kind(), want.kind()) {
                    (Kind::Complex, Kind::Real) => Block::real(got.as_complex().mapv(|v| v.re)),
                    _ => got,
                };
                let allowed = if on.double() { 1e-12 } else { 1e-6 };
                let error = backend::difference(&got, &want);
                assert!(
                    error <= allowed,
                    "{} {} on {on:?}: {got:?} for {}",
                    spec.name,
                    example.args,
                    example.output
                );
            }
        }
    }
}

#[test]
fn the_list_is_one_sorted_set() {
    let mut names: Vec<&str> = commands::ALL.iter().map(|s| s.name).collect();
    let given = names.clone();
    names.sort_unstable_by_key(|n| n.to_lowercase());
    assert_eq!(given, names);
    names.dedup();
    assert_eq!(given.len(), names.len(), "a name twice");
    let folder = crate::root().join("src/commands");
    let files = std::fs::read_dir(folder)
        .expect("the commands")
        .filter_map(Result::ok);
    let mut files: Vec<String> = files
        .filter_map(|f| {
            f.file_name()
                .to_str()
                .and_then(|n| n.strip_suffix(".rs"))
                .map(String::from)
        })
        .collect();
    files.sort_unstable();
    let named: Vec<String> = names.iter().map(|n| n.to_lowercase()).collect();
    assert_eq!(files, named, "a file per command, named after it");
}

#[test]
fn every_argument_is_described() {
    for spec in commands::ALL {
        assert!(
            spec.summary.ends_with('.'),
            "{}: a summary is a sentence",
            spec.name
        );
        let schema = (spec.schema)();
        let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) else {
            continue;
        };
        for (name, property) in properties {
            assert!(
                property.get("description").is_some(),
                "{}.{name} has no text",
                spec.name
            );
            assert!(
                property.get("default").is_some(),
                "{}.{name} has no default",
                spec.name
            );
        }
    }
}

/// The list says of each command whether a GPU does it, but for those that compute nothing.
#[cfg(feature = "gpu")]
#[test]
fn every_command_that_computes_says_where() {
    let rows = distpy_gpu::reference::listing_for_tools();
    let silent: Vec<&str> = rows
        .iter()
        .filter(|row| row["gpu"].is_null())
        .map(|row| row["name"].as_str().expect("a name"))
        .collect();
    let nothing = [
        "copy",
        "data",
        "data_load",
        "from_gpu",
        "NONE",
        "thumbnail",
        "to_gpu",
        "write_csv",
        "write_h5",
        "write_npy",
        "write_parquet",
        "write_witsml",
        "write_zarr",
    ];
    assert_eq!(silent, nothing);
    let on_gpu = rows.iter().filter(|row| row["gpu"] == true).count();
    assert!(on_gpu >= 80, "{on_gpu}");
}
