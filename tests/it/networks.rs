//! Trained networks: what files are refused, and with which words.

use std::path::PathBuf;

use distpy_gpu::block::{Kind, Precision};
use ndarray::Array2;
use serde_json::{Value, json};

use crate::backend::{Backend, Case};
use crate::commands::stored;

fn network(name: &str) -> PathBuf {
    crate::root().join("tests/golden/scipy/networks").join(name)
}

fn case(args: Value, rows: usize, cols: usize) -> Case {
    let mut args = args;
    args["name"] = "keras".into();
    let x = Array2::from_shape_fn((rows, cols), |(i, t)| ((i * cols + t) % 17) as f64 / 8.0);
    Case::of_command(args, stored(&x), vec![])
}

fn problem(args: Value, rows: usize, cols: usize) -> String {
    match case(args.clone(), rows, cols).plan() {
        Err(problems) => problems.to_string(),
        Ok(_) => panic!("{args} was accepted"),
    }
}

#[test]
fn a_keras_model_is_answered_with_how_to_convert_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("model.h5");
    std::fs::write(&model, b"\x89HDF\r\n\x1a\n").expect("written");
    let message = problem(json!({"filename": model}), 4, 40);
    let line = format!(
        "python -m tf2onnx.convert --keras {} --output {}",
        model.display(),
        model.with_extension("onnx").display()
    );
    assert!(message.contains(&line), "{message}");
    assert!(message.contains("command_list[0].filename"), "{message}");

    // Once converted, the flow may stay as it is, with the original or without it.
    std::fs::copy(network("dense.onnx"), model.with_extension("onnx")).expect("copied");
    let converted = case(json!({"filename": model}), 4, 40);
    let on = Backend::Cpu(Precision::F64);
    let result = converted.result(on).expect("a result");
    let direct = case(json!({"filename": network("dense.onnx")}), 4, 40);
    assert_eq!(result, direct.result(on).expect("a result"));
    std::fs::remove_file(&model).expect("removed");
    let alone = case(json!({"filename": model}), 4, 40);
    assert_eq!(result, alone.result(on).expect("a result"));
}

#[test]
fn what_is_no_model_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let whole = std::fs::read(network("dense.onnx")).expect("a model");
    let absent = folder.path().join("absent.onnx");
    let cases = [
        (absent, "No such file"),
        (write("empty.onnx", b""), "expected an ONNX model"),
        (
            write("text.onnx", b"{\"layers\": []}"),
            "expected an ONNX model",
        ),
        (
            write("cut.onnx", &whole[..whole.len() / 2]),
            "expected an ONNX model",
        ),
        (
            write("model.txt", b"layers"),
            "expected an ONNX file, named .onnx",
        ),
        (
            write("model.keras", b"PK\x03\x04...."),
            "found a Keras model",
        ),
        (folder.path().to_path_buf(), "found a Keras model"),
        (network("two_inputs.onnx"), "found a network of 2 inputs"),
        (network("scores.onnx"), "the network does not run"),
        (
            network("dense.onnx"),
            "found a network for input of shape (any, 40), expected one for 2 channels of 3 samples",
        ),
    ];
    for (path, expected) in cases {
        let message = problem(json!({"filename": path}), 2, 3);
        assert!(message.contains(expected), "{}: {message}", path.display());
        assert!(message.contains(&path.display().to_string()), "{message}");
    }
}

#[test]
fn training_is_refused() {
    let args = json!({"filename": network("dense.onnx"), "train": {"epochs": 150}});
    let message = problem(args, 4, 40);
    assert!(message.contains("command_list[0].train"), "{message}");
    assert!(message.contains("train in Keras"), "{message}");
}

/// A batch of channels does not see the others.
#[test]
fn results_do_not_depend_on_the_batch() {
    let on = Backend::Cpu(Precision::F32);
    let result = |batch: usize| {
        let args = json!({"filename": network("recurrent.onnx"), "batch_size": batch});
        case(args, 37, 40).result(on).expect("a result")
    };
    let whole = result(1000);
    assert_eq!(whole.shape(), (37, 1));
    for batch in [1, 2, 36] {
        assert!(
            crate::backend::difference(&result(batch), &whole) < 1e-6,
            "{batch}"
        );
    }
}

#[test]
fn classes_are_labels() {
    let (signature, _) = case(json!({"filename": network("classes.onnx")}), 6, 40)
        .outcome(Backend::Cpu(Precision::F64))
        .expect("a result");
    assert_eq!(
        (signature.kind, signature.rows(), signature.cols()),
        (Kind::Label, 6, 1)
    );
}
