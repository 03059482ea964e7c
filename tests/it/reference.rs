//! The command reference: what is committed is what the commands say, and what they say is true.

use std::path::PathBuf;

use distpy_gpu::block::{Bytes, DType, Endian, Kind, Order, Precision, Stored};
use distpy_gpu::command::{Example, Gathers, Spec};
use distpy_gpu::{commands, reference};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::backend::{self, Backend, Case};

/// Compares a committed file with what it is made from; `UPDATE=1` writes it.
fn current(path: &str, text: &str) {
    let file = crate::root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, text).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == text,
        "{path} is not current: UPDATE=1 cargo test --test it reference"
    );
}

fn schema() -> Value {
    reference::command_file()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("plain data") + "\n"
}

#[test]
fn the_reference_is_current() {
    current("docs/commands.md", &reference::markdown());
    current("docs/commands.schema.json", &pretty(&schema()));
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(&schema()).expect("a schema")
}

/// The problems that a validator finds in a flow: where, and what.
fn problems(validator: &jsonschema::Validator, flow: &Value) -> Vec<String> {
    let text =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(flow).map(text).collect()
}

/// The command files of the repository, and those of distpy's flows.
fn flows() -> Vec<(PathBuf, Value)> {
    let mut folders = vec![
        crate::root().join("docs"),
        crate::root().join("k8s"),
        crate::root().join("tests"),
    ];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "json") {
                let text = std::fs::read_to_string(&path).expect("text");
                let Ok(value) = serde_json::from_str::<Value>(&text) else {
                    continue;
                };
                if value.get("command_list").is_some() {
                    found.push((path.clone(), value.clone()));
                }
                for flow in value["flows"].as_array().into_iter().flatten() {
                    found.push((
                        path.join(flow["id"].as_str().unwrap_or_default()),
                        flow["flow"].clone(),
                    ));
                }
            }
        }
    }
    found
}

#[test]
fn the_schema_accepts_what_is_right() {
    let validator = validator();
    let mut accepted = 0;
    for (path, flow) in flows() {
        let list = flow["command_list"].as_array().cloned().unwrap_or_default();
        let known = |entry: &Value| {
            entry["name"]
                .as_str()
                .is_some_and(|name| commands::find(name).is_some())
        };
        // Flows of distpy may hold names that compat mode passes through.
        if !list.iter().all(known) {
            continue;
        }
        let found = problems(&validator, &flow);
        assert!(found.is_empty(), "{}: {found:?}", path.display());
        accepted += 1;
    }
    assert!(accepted >= 15, "only {accepted} flows");
    for spec in commands::ALL {
        for example in spec.examples {
            let flow = json!({ "command_list": [entry(spec, example)] });
            let found = problems(&validator, &flow);
            assert!(
                found.is_empty(),
                "{} {}: {found:?}",
                spec.name,
                example.args
            );
        }
    }
}

fn entry(spec: &Spec, example: &Example) -> Value {
    let mut entry: Value = serde_json::from_str(example.args).expect("examples are JSON");
    entry["name"] = spec.name.into();
    entry["uid"] = 9.into();
    entry["in_uid"] = 0.into();
    if example.inputs.len() > 1 {
        entry["gather_uids"] = (1..example.inputs.len()).collect();
    }
    entry
}

/// Broken entries, with the place and a part of what a validator says.
const BROKEN: &[(&str, &str, &str)] = &[
    (
        r#"{"uid": 1, "in_uid": 0}"#,
        "/command_list/0",
        "\"name\" is a required property",
    ),
    (
        r#"{"name": "abs", "in_uid": 0}"#,
        "/command_list/0",
        "\"uid\" is a required property",
    ),
    (
        r#"{"name": "abs", "uid": 1}"#,
        "/command_list/0",
        "\"in_uid\" is a required property",
    ),
    (
        r#"{"name": "absolute", "uid": 1, "in_uid": 0}"#,
        "/command_list/0/name",
        "\"absolute\" is not one of",
    ),
    (
        r#"{"name": "abs", "uid": 0, "in_uid": 0}"#,
        "/command_list/0/uid",
        "less than the minimum of 1",
    ),
    (
        r#"{"name": "abs", "uid": 1, "in_uid": -1}"#,
        "/command_list/0/in_uid",
        "less than the minimum of 0",
    ),
    (
        r#"{"name": "abs", "uid": "1", "in_uid": 0}"#,
        "/command_list/0/uid",
        "is not of type \"integer\"",
    ),
    (
        r#"{"name": "abs", "uid": 1, "in_uid": 0, "axis": 1}"#,
        "/command_list/0",
        "('axis' was unexpected)",
    ),
    (
        r#"{"name": "abs", "uid": 1, "in_uid": 0, "gather_uids": [2]}"#,
        "/command_list/0/gather_uids",
        "more than 0 items",
    ),
    (
        r#"{"name": "add", "uid": 1, "in_uid": 0}"#,
        "/command_list/0",
        "\"gather_uids\" is a required property",
    ),
    (
        r#"{"name": "add", "uid": 1, "in_uid": 0, "gather_uids": []}"#,
        "/command_list/0/gather_uids",
        "less than 1 item",
    ),
    (
        r#"{"name": "multiply", "uid": 1, "in_uid": 0, "gather_uids": [2, 3]}"#,
        "/command_list/0/gather_uids",
        "more than 1 item",
    ),
    (
        r#"{"name": "multiply", "uid": 1, "in_uid": 0, "gather_uids": ["2"]}"#,
        "/command_list/0/gather_uids",
        "anyOf",
    ),
    (
        r#"{"name": "sta_lta", "uid": 1, "in_uid": 0, "sta": 0}"#,
        "/command_list/0/sta",
        "less than the minimum of 1",
    ),
    (
        r#"{"name": "sta_lta", "uid": 1, "in_uid": 0, "lta": "200"}"#,
        "/command_list/0/lta",
        "is not of type \"integer\"",
    ),
    (
        r#"{"name": "sta_lta", "uid": 1, "in_uid": 0, "ltA": 200}"#,
        "/command_list/0",
        "('ltA' was unexpected)",
    ),
    (
        r#"{"name": "butter", "uid": 1, "in_uid": 0, "order": 99}"#,
        "/command_list/0/order",
        "greater than the maximum of 24",
    ),
    (
        r#"{"name": "butter", "uid": 1, "in_uid": 0, "axis": 2}"#,
        "/command_list/0/axis",
        "greater than the maximum of 1",
    ),
    (
        r#"{"name": "butter", "uid": 1, "in_uid": 0, "freq": "200 Hz"}"#,
        "/command_list/0/freq",
        "anyOf",
    ),
    (
        r#"{"name": "butter", "uid": 1, "in_uid": 0, "type": "lowpas"}"#,
        "/command_list/0/type",
        "lowpas",
    ),
    (
        r#"{"name": "gaussian", "uid": 1, "in_uid": 0, "mode": "zeros"}"#,
        "/command_list/0/mode",
        "zeros",
    ),
    (
        r#"{"name": "gaussian", "uid": 1, "in_uid": 0, "tsigma": -1}"#,
        "/command_list/0/tsigma",
        "less than the minimum of 0",
    ),
    (
        r#"{"name": "convolve", "uid": 1, "in_uid": 0, "coeffs": [1, 2]}"#,
        "/command_list/0/coeffs/0",
        "is not of type \"array\"",
    ),
    (
        r#"{"name": "dip_filter", "uid": 1, "in_uid": 0, "shape": [9]}"#,
        "/command_list/0/shape",
        "less than 2 items",
    ),
    (
        r#"{"name": "macro", "uid": 1, "in_uid": 0, "command_list": [{"axis": 1}]}"#,
        "/command_list/0/command_list/0",
        "\"name\" is a required property",
    ),
    (
        r#"{"name": "multiple_calcs", "uid": 1, "in_uid": 0, "low_freq": 5}"#,
        "/command_list/0/low_freq",
        "is not of type \"array\"",
    ),
];

#[test]
fn the_schema_finds_what_is_wrong() {
    let validator = validator();
    for (entry, place, what) in BROKEN {
        let entry: Value = serde_json::from_str(entry).expect("JSON");
        let found = problems(&validator, &json!({ "command_list": [entry] }));
        let fits = |text: &String| text.starts_with(&format!("{place}: ")) && text.contains(what);
        assert!(found.iter().any(fits), "{entry}: {found:#?}");
    }
    for flow in [
        json!({}),
        json!({"command_list": []}),
        json!({"command_list": {}}),
        json!([]),
    ] {
        assert!(!problems(&validator, &flow).is_empty(), "{flow}");
    }
}

#[test]
fn every_command_is_documented() {
    for spec in commands::ALL {
        let page = reference::page(spec);
        assert!(
            page.contains(spec.summary.split_whitespace().last().expect("words")),
            "{page}"
        );
        let writes = spec.name.starts_with("write_") || spec.name == "thumbnail";
        let reads = ["data_load", "keras"].contains(&spec.name);
        assert!(
            !spec.examples.is_empty() || writes || reads,
            "{} has no example",
            spec.name
        );
        assert!(!spec.kinds.is_empty(), "{} takes nothing", spec.name);
        assert!(
            spec.notes.is_empty() || spec.notes.ends_with('.'),
            "{}: notes are sentences",
            spec.name
        );
    }
}

/// A chunk of a kind, all ones and zeros.
fn chunk(kind: Kind, rows: usize, cols: usize) -> Stored {
    let n = rows * cols;
    let values: Vec<f64> = (0..n)
        .map(|k| f64::from(u8::from(k % 3 == 0)) + 0.5)
        .collect();
    let (dtype, bytes): (DType, Vec<u8>) = match kind {
        Kind::Complex => (
            DType::C128,
            values
                .iter()
                .flat_map(|v| [v.to_ne_bytes(), v.to_ne_bytes()].concat())
                .collect(),
        ),
        _ => (
            DType::F64,
            values.iter().flat_map(|v| v.to_ne_bytes()).collect(),
        ),
    };
    Stored::new(
        dtype,
        [rows, cols],
        Order::C,
        Endian::NATIVE,
        Bytes::Owned(Arc::new(bytes)),
    )
    .expect("bytes of this shape")
}

/// What a command gives for a kind of input: of its first example with arguments that suit this chunk.
fn outcome(spec: &Spec, kind: Kind) -> Result<Kind, String> {
    let example = spec.examples.last();
    let args = example.map_or("{}", |e| e.args);
    let mut command: Value = serde_json::from_str(args).expect("examples are JSON");
    command["name"] = spec.name.into();
    let shape = example.map_or((3, 4), |e| shape_of(e.inputs[0]));
    let gathered: Vec<(Stored, u8)> = example
        .map_or(&[][..], |e| &e.inputs[1..])
        .iter()
        .map(|text| shape_of(text))
        .map(|(rows, cols)| (chunk(Kind::Real, rows, cols), 2))
        .collect();
    // Labels, hashes and masks come from commands.
    let maker = match kind {
        Kind::Label => Some(json!({"name": "argmax", "axis": 1})),
        Kind::Hash => Some(json!({"name": "hash"})),
        Kind::Mask => Some(json!({"name": "macro", "command_list": [{"name": "threshold"}]})),
        Kind::Real | Kind::Complex => None,
    };
    let mut case = Case::of_command(command, chunk(kind, shape.0, shape.1), gathered);
    if let Some(mut maker) = maker {
        let list = case.flow["command_list"].as_array_mut().expect("a list");
        let at = list.len() - 2;
        maker["uid"] = 90.into();
        maker["in_uid"] = 0.into();
        list[at]["in_uid"] = 90.into();
        list.insert(at, maker);
    }
    let (signature, _) = case
        .outcome(Backend::Cpu(Precision::F64))
        .map_err(|p| p.to_string())?;
    Ok(signature.kind)
}

fn shape_of(text: &str) -> (usize, usize) {
    let rows: Vec<&str> = text.split(';').collect();
    (rows.len(), rows[0].split_whitespace().count())
}

/// What a spec says of kinds is what the command does.
#[test]
fn kinds_are_as_stated() {
    for spec in commands::ALL {
        for kind in [Kind::Real, Kind::Complex, Kind::Mask] {
            let stated = spec.kinds.iter().find(|(input, _)| *input == kind);
            let found = outcome(spec, kind);
            match (stated, found) {
                (Some((_, output)), Ok(found)) => {
                    assert_eq!(found, *output, "{} of {kind}", spec.name)
                }
                // Some take a kind in compat mode only, and say so.
                (Some(_), Err(message)) => assert!(
                    message.contains("takes real input"),
                    "{}: {message}",
                    spec.name
                ),
                (None, Err(message)) => {
                    assert!(message.contains("takes "), "{}: {message}", spec.name)
                }
                (None, Ok(_)) => assert_eq!(
                    kind,
                    Kind::Mask,
                    "{} takes what it does not state",
                    spec.name
                ),
            }
        }
        if !spec.takes(Kind::Hash) {
            let refused = outcome(spec, Kind::Hash);
            assert!(refused.is_err(), "{} takes a hash", spec.name);
        }
    }
}

#[test]
fn gathered_arrays_are_counted() {
    let count = |gathers: Gathers| match gathers {
        Gathers::None => Some(1),
        Gathers::Optional => Some(2),
        Gathers::One | Gathers::Many => Some(0),
        Gathers::Any => None,
    };
    for spec in commands::ALL {
        let Some(wrong) = count(spec.gathers) else {
            continue;
        };
        let gathered = (0..wrong).map(|_| (chunk(Kind::Real, 3, 4), 2)).collect();
        let case = Case::of_command(
            json!({"name": spec.name}),
            chunk(Kind::Real, 3, 4),
            gathered,
        );
        let message = case.plan().expect_err("too many or too few").to_string();
        assert!(
            message.contains("gather_uids: found") && message.contains(spec.name),
            "{message}"
        );
    }
    let _ = backend::all();
}
