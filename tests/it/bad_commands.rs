//! Bad arguments of any command: one problem that names the argument, never a panic.

use distpy_gpu::block::Precision;
use distpy_gpu::command::{Compat, Gathers, Spec};
use distpy_gpu::{commands, reference};
use ndarray::Array2;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use crate::backend::{self, Backend, Case};
use crate::commands::stored;

/// The arguments of a command by name.
fn properties(spec: &Spec) -> Map<String, Value> {
    let known = reference::listing_for_tools();
    let row = known.into_iter().find(|row| row["name"] == spec.name);
    let row = row.expect("every command is listed");
    row["arguments"]["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default()
}

/// A small chunk with as many gathered arrays as the command needs.
fn case(spec: &Spec, mut args: Value, x: &Array2<f64>) -> Case {
    args["name"] = spec.name.into();
    let count = match spec.gathers {
        Gathers::One | Gathers::Many => 1,
        _ => 0,
    };
    let gathered = (0..count).map(|_| (stored(x), 2)).collect();
    Case::of_command(args, stored(x), gathered)
}

fn chunk() -> Array2<f64> {
    Array2::from_shape_fn((3, 16), |(i, t)| {
        ((i * 16 + t) * 37 % 23) as f64 / 4.0 - 2.0
    })
}

/// The problems of a command with one argument set.
fn problems(spec: &Spec, name: &str, value: &Value) -> Option<String> {
    let args = json!({ (name): value });
    case(spec, args, &chunk())
        .plan()
        .err()
        .map(|p| p.to_string())
}

#[test]
fn values_of_a_wrong_type_are_refused() {
    for spec in commands::ALL {
        for name in properties(spec).keys() {
            // No argument is an object, and none a list of lists of objects.
            for wrong in [json!({"a": 1}), json!([[{}]])] {
                let Some(message) = problems(spec, name, &wrong) else {
                    panic!("{}.{name} takes {wrong}", spec.name);
                };
                let path = format!(
                    "command_list[{}].{name}",
                    case(spec, json!({}), &chunk()).gathered.len()
                );
                assert!(
                    message.contains(&path),
                    "{}.{name} = {wrong}: {message}",
                    spec.name
                );
            }
        }
    }
}

#[test]
fn numbers_beyond_their_range_are_refused() {
    let mut tried = 0;
    for spec in commands::ALL {
        for (name, property) in properties(spec) {
            let bound = |key: &str| property.get(key).and_then(Value::as_f64);
            let below = bound("minimum")
                .map(|least| least - 1.0)
                .or(bound("exclusiveMinimum"));
            let above = bound("maximum")
                .map(|most| most + 1.0)
                .or(bound("exclusiveMaximum"));
            for value in [below, above].into_iter().flatten() {
                let whole = value.fract() == 0.0;
                let value = if whole {
                    json!(value as i64)
                } else {
                    json!(value)
                };
                let message = problems(spec, &name, &value)
                    .unwrap_or_else(|| panic!("{}.{name} takes {value}", spec.name));
                let says = message.contains(&format!(".{name}: ")) && message.contains("m");
                assert!(says, "{}.{name} = {value}: {message}", spec.name);
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "only {tried} bounds");
}

/// Any JSON value, small.
fn values() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i8>().prop_map(|v| json!(v)),
        (-3.0..3.0).prop_map(|v: f64| json!(v)),
        Just(json!(1e300)),
        Just(json!(-1e300)),
        Just(json!(1e-300)),
        Just(json!(u64::MAX)),
    ];
    let leaf = prop_oneof![
        4 => number,
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => prop::sample::select(vec!["", "NONE", ">", "max", "abs", "low", "nearest"]).prop_map(|v| json!(v)),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(Value::Array)
    })
}

/// What may come of an argument: a value of the type that it has, or any.
fn likely(property: &Value) -> BoxedStrategy<Value> {
    let choices: Vec<Value> = ["oneOf", "anyOf"]
        .iter()
        .filter_map(|key| property.get(key)?.as_array())
        .flatten()
        .filter_map(|choice| choice.get("const").cloned())
        .chain(property["enum"].as_array().cloned().unwrap_or_default())
        .collect();
    if !choices.is_empty() {
        return prop_oneof![3 => prop::sample::select(choices), 1 => values()].boxed();
    }
    let whole = property["type"] == "integer" || property["type"][0] == "integer";
    if whole {
        return prop_oneof![4 => (0..20_i64).prop_map(|v| json!(v)), 1 => values()].boxed();
    }
    prop_oneof![3 => (0.0..1000.0_f64).prop_map(|v| json!(v)), 2 => values()].boxed()
}

/// Whatever the arguments: a plan or a problem, and a plan runs, in both precisions and both modes.
#[test]
fn no_arguments_make_a_panic() {
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), seed);
    let chunks = [
        chunk(),
        Array2::from_elem((1, 1), 3.0),
        Array2::from_elem((2, 1), f64::NAN),
        Array2::zeros((5, 7)),
    ];
    let mut ran = 0;
    for spec in commands::ALL {
        let properties = properties(spec);
        for round in 0..40 {
            let mut args = json!({});
            for (name, property) in &properties {
                let set = any::<u8>()
                    .new_tree(&mut runner)
                    .expect("a value")
                    .current();
                if set.is_multiple_of(3) {
                    args[name] = likely(property)
                        .new_tree(&mut runner)
                        .expect("a value")
                        .current();
                }
            }
            let mut case = case(spec, args.clone(), &chunks[round % chunks.len()]);
            case.compat = if round % 2 == 0 {
                Compat::Exact
            } else {
                Compat::Distpy
            };
            for precision in [Precision::F64, Precision::F32] {
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    let plan = case.run(Backend::Cpu(precision)).map(|(plan, _)| plan);
                    // What a device would run is recorded, too.
                    plan.map(|plan| backend::recordings(&plan, precision))
                        .is_ok()
                }));
                let Ok(fits) = outcome else {
                    panic!(
                        "{} {args} of {:?}, {:?}",
                        spec.name,
                        case.chunk.shape(),
                        case.compat
                    );
                };
                ran += usize::from(fits);
            }
        }
    }
    assert!(ran > 1500, "only {ran} runs");
}
