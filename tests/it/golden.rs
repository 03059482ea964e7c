//! distpy's own numbers, in compat mode: `tests/golden/commands` on every backend.

use std::path::{Path, PathBuf};

use distpy_gpu::block::{DType, Precision};
use distpy_gpu::command::{ChunkId, Compat, Content};
use distpy_gpu::formats::{npy, witsml};
use serde::Deserialize;
use serde_json::Value;

use crate::backend::{self, Backend, Case};

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Golden>,
    flows: Vec<Flow>,
}

#[derive(Deserialize)]
struct Golden {
    id: String,
    args: Value,
    compare: String,
    #[serde(default)]
    quirks: Vec<String>,
    f32_sensitivity: Option<f64>,
    prf: f64,
    boxsize: usize,
    unixtime: i64,
    r#in: String,
    gather: Vec<String>,
    depth: Option<String>,
    time: Option<String>,
    output: Option<String>,
    #[serde(default)]
    files: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Flow {
    id: String,
    flow: Value,
    r#in: String,
    depth: String,
    prf: f64,
    unixtime: i64,
    expected: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/commands")
}

fn manifest() -> Manifest {
    let text = std::fs::read_to_string(folder().join("manifest.json")).expect("the manifest");
    serde_json::from_str(&text).expect("a manifest of this form")
}

fn array(name: &str) -> PathBuf {
    folder().join("arrays").join(name)
}

fn axis(name: &Option<String>) -> Option<Vec<f64>> {
    name.as_ref().map(|name| {
        npy::open(&array(name))
            .expect("an axis")
            .to_f64_vec()
            .expect("numbers")
    })
}

/// f64 against distpy 1e-9 of scale; f32 1e-5, or twenty times what rounding the input alone changes.
fn tolerance(case: &Golden, backend: Backend) -> f64 {
    // distpy filters by transfer functions, which are themselves this far off at low corners; ours are second-order sections.
    if case.quirks.iter().any(|q| q == "butter-ba-ill-conditioned") {
        return 3e-2;
    }
    match backend {
        Backend::Cpu(Precision::F64) => 1e-9,
        _ => (20.0 * case.f32_sensitivity.unwrap_or(0.0)).max(1e-5),
    }
}

fn case(golden: &Golden) -> Case {
    let gathered = golden
        .gather
        .iter()
        .map(|name| backend::stored(&array(name)))
        .collect();
    let mut case = Case::of_command(
        golden.args.clone(),
        backend::stored(&array(&golden.r#in)).0,
        gathered,
    );
    case.flow["BOXSIZE"] = golden.boxsize.into();
    case.compat = Compat::Distpy;
    case.prf = golden.prf;
    case.unix_time = golden.unixtime;
    (case.depth, case.time) = (axis(&golden.depth), axis(&golden.time));
    case.dtypes = [&golden.depth, &golden.time].map(|name| match name {
        Some(name) => npy::open(&array(name)).expect("an axis").header().dtype,
        None => DType::I64,
    });
    case
}

#[test]
fn commands_give_the_golden_numbers() {
    let mut failures = Vec::new();
    let mut compared = 0;
    for golden in manifest().cases {
        for &on in backend::all() {
            let got = case(&golden).result(on);
            let failure = match (&golden.output, got) {
                _ if golden.compare == "error" => continue,
                (None, _) => continue,
                (Some(_), Err(problems)) => Some(problems.to_string()),
                (Some(output), Ok(got)) => {
                    let (want, _) = backend::stored(&array(output));
                    let error = backend::difference(&got, &want.block(0..want.shape()[0]));
                    let allowed = tolerance(&golden, on);
                    (error > allowed)
                        .then(|| format!("error {error:.2e} of scale, allowed {allowed:.0e}"))
                }
            };
            compared += 1;
            failures.extend(failure.map(|f| format!("{} on {on:?}: {f}", golden.id)));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {compared} fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(compared > 150, "only {compared} comparisons were made");
}

#[test]
fn bad_requests_are_refused() {
    let bad: Vec<Golden> = manifest()
        .cases
        .into_iter()
        .filter(|g| g.compare == "error")
        .collect();
    for golden in &bad {
        let message = case(golden)
            .plan()
            .err()
            .unwrap_or_else(|| panic!("{} was accepted", golden.id))
            .to_string();
        assert!(
            message.contains("command_list["),
            "{}: {message}",
            golden.id
        );
    }
    assert!(bad.len() >= 4, "only {} bad requests", bad.len());
}

#[test]
fn files_are_the_golden_ones() {
    let mut compared = 0;
    for golden in manifest()
        .cases
        .iter()
        .filter(|g| !g.files.is_empty() && g.compare != "error")
    {
        let (plan, results) = case(golden)
            .run(Backend::Cpu(Precision::F64))
            .expect("a plan");
        let sink = &plan.sinks[0];
        let inputs: Vec<_> = sink
            .inputs
            .iter()
            .map(|&s| (plan.signature(s), results.blocks[&s].clone()))
            .collect();
        let id = ChunkId {
            unix_time: golden.unixtime,
        };
        for artifact in sink.sink.files(&plan.env, &id, &inputs) {
            let name = artifact
                .path
                .file_name()
                .and_then(|n| n.to_str())
                .expect("a name")
                .to_string();
            let Content::Bytes(bytes) = artifact.content else {
                continue;
            };
            // A case without a time axis made none; a flow always has one.
            let Some(want) = golden.files.get(&name) else {
                continue;
            };
            compared += 1;
            if name.ends_with(".npy") {
                let (want, _) = backend::stored(&array(want));
                let got = npy::parse(&artifact.path, &bytes).expect("an npy header");
                assert_eq!(got.dtype, want.dtype(), "{} {name}", golden.id);
                assert_eq!(got.size, want.size(), "{} {name}", golden.id);
            } else {
                let want =
                    std::fs::read_to_string(folder().join("files").join(want)).expect("a file");
                assert_eq!(
                    String::from_utf8(bytes).expect("text"),
                    want,
                    "{} {name}",
                    golden.id
                );
            }
        }
    }
    assert!(compared >= 10, "only {compared} files were compared");
}

#[test]
fn noise_logs_are_the_golden_ones() {
    for flow in manifest().flows {
        for &on in backend::all() {
            let mut case = Case::of_command(
                Value::Object(Default::default()),
                backend::stored(&array(&flow.r#in)).0,
                vec![],
            );
            case.flow = flow.flow.clone();
            case.compat = Compat::Distpy;
            case.prf = flow.prf;
            case.depth = axis(&Some(flow.depth.clone()));
            let (plan, results) = case.run(on).expect("a plan");
            let sink = plan.sinks.last().expect("a sink");
            let inputs: Vec<_> = sink
                .inputs
                .iter()
                .map(|&s| (plan.signature(s), results.blocks[&s].clone()))
                .collect();
            let files = sink.sink.files(
                &plan.env,
                &ChunkId {
                    unix_time: flow.unixtime,
                },
                &inputs,
            );
            let Content::Bytes(bytes) = &files[0].content else {
                panic!("a noise log is text")
            };
            let want = std::fs::read(folder().join("files").join(&flow.expected)).expect("a file");
            let allowed = if on == Backend::Cpu(Precision::F64) {
                1e-9
            } else {
                1e-5
            };
            same_log(bytes, &want, allowed, &format!("{} on {on:?}", flow.id));
        }
    }
}

fn same_log(got: &[u8], want: &[u8], allowed: f64, what: &str) {
    let read = |bytes| witsml::parse(Path::new(what), bytes).expect("a readable log");
    let (got, want) = (read(got), read(want));
    assert_eq!(got.curves.len(), want.curves.len(), "{what}");
    for (g, w) in got.curves.iter().zip(&want.curves) {
        assert_eq!(
            (&g.mnemonic, g.values.len()),
            (&w.mnemonic, w.values.len()),
            "{what}"
        );
        let scale = w.values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let error = g
            .values
            .iter()
            .zip(&w.values)
            .map(|(a, b)| (a - b).abs() / scale)
            .fold(0.0, f64::max);
        assert!(
            error <= allowed,
            "{what}: {} differs by {error:.2e} of scale",
            g.mnemonic
        );
    }
}
