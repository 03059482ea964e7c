//! Random flows: a plan gives the results of the naive evaluation on every backend.
//!
//! `DISTPY_GPU_GRAPHS=100000` tries as many flows, `DISTPY_GPU_GRAPHS_SEED=7` others, or one again that failed.

#[path = "../fuzz/src/drawn.rs"]
pub mod drawn;
#[path = "../fuzz/src/graphs.rs"]
pub mod flows;
#[path = "../fuzz/src/naive.rs"]
pub mod naive;

use std::sync::Arc;

use distpy_gpu::block::{Bytes, DType, Endian, Order, Stored};
use distpy_gpu::command::Compat;
use flows::{Rows, Verdict};
use ndarray::{Array2, array, s};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::json;

use crate::backend::{self, Case};
use crate::commands::stored;

/// Flows of a test run, as a rule.
const FLOWS: u64 = 300;
/// Bytes that decide a flow.
const BYTES: usize = 1 << 10;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Calls `check` with the bytes of many flows, and prints the seed of one that fails.
fn each_flow(count: u64, mut check: impl FnMut(&[u8])) {
    let count = number("DISTPY_GPU_GRAPHS").unwrap_or(count);
    let first = number("DISTPY_GPU_GRAPHS_SEED").unwrap_or(1);
    for seed in first..first + count {
        let mut bytes = [0; BYTES];
        ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&bytes)));
        if let Err(panic) = tried {
            eprintln!("DISTPY_GPU_GRAPHS_SEED={seed} DISTPY_GPU_GRAPHS=1 fails");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn plans_give_the_results_of_the_naive_evaluation() {
    let (mut refused, mut large, mut equal, mut rows) = (0, 0, 0, Rows::default());
    each_flow(FLOWS, |bytes| match flows::check(bytes) {
        Verdict::Refused => refused += 1,
        Verdict::TooLarge => large += 1,
        Verdict::Equal(compared) => {
            equal += 1;
            rows += compared;
        }
    });
    eprintln!("{equal} flows are equal, {refused} refused, {large} too large; {rows:?}");
    let all = refused + large + equal;
    assert!(all < 100 || equal > all / 2, "{equal} of {all} flows");
    assert!(rows.sensitive <= rows.all / 50, "{rows:?}");
}

/// The CPU in single precision shows how much rounding matters inside a command. Left out are flows with numbers whose squares are
/// infinite in single precision, and with NaNs and infinities: devices transform two channels as one.
#[cfg(feature = "gpu")]
#[test]
fn devices_give_the_results_of_the_naive_evaluation() {
    use crate::backend::Backend;
    use distpy_gpu::block::Precision;
    use distpy_gpu::command::ChunkId;
    use distpy_gpu::execute::Job;

    /// Flows on each backend, as a rule.
    const FLOWS: u64 = 150;
    /// Part of a row's scale.
    const TOLERANCE: f64 = 1e-5;
    /// Part of a row's scale by which rounding may change any result in single precision.
    const ROUNDING: f64 = 3e-7;
    const LARGEST: f64 = 1e15;

    if !backend::all().contains(&Backend::Gpu(Precision::F32)) {
        return;
    }
    let mut rows = Rows::default();
    let mut compared = 0;
    each_flow(FLOWS, |bytes| {
        let drawn = drawn::Drawn::new(bytes);
        let Some((graph, env)) = drawn.graph() else {
            return;
        };
        let evaluate = |rounding| naive::evaluate(&graph, &env, &drawn.chunk, rounding);
        let Some(want) = evaluate(0.0)
            .ok()
            .filter(|it| it.finite && it.largest < LARGEST)
        else {
            return;
        };
        let plan = Arc::new(drawn.plan(&graph, &env).expect("both accept a flow"));
        let compute = |on| {
            let job = Job {
                id: ChunkId::of_second(0),
                path: "chunk.npy".into(),
                sources: drawn.sources(&plan),
                plan: plan.clone(),
                samples: 0,
                identity: String::new(),
            };
            backend::compute(on, job)
        };
        let results = compute(Backend::Gpu(Precision::F32));
        let changed = || {
            let (Ok(mut single), Ok(changed)) = (evaluate(0.0), evaluate(ROUNDING)) else {
                return Vec::new();
            };
            let results = compute(Backend::Cpu(Precision::F32));
            for sink in &plan.sinks {
                let inputs = single.sinks.get_mut(&sink.node).expect("each sink");
                for (input, slot) in inputs.iter_mut().zip(&sink.inputs) {
                    input.block = naive::to_f64(&results.blocks[slot]);
                }
            }
            vec![single, changed]
        };
        match flows::compare(&plan, &results, &want, TOLERANCE, changed) {
            Ok(more) => rows += more,
            Err(found) => panic!("{found}\n{plan}{drawn:?}"),
        }
        compared += 1;
    });
    eprintln!("{compared} flows; {rows:?}");
}

/// A chunk of so many channels and samples in a flow whose last command is written.
fn case(commands: serde_json::Value, rows: usize, cols: usize) -> Case {
    let chunk = Array2::from_shape_fn((rows, cols), |(i, t)| ((i * 7 + t * 5) % 11) as f64 - 4.0);
    let mut case = Case::of_command(json!({"name": "NONE"}), stored(&chunk), vec![]);
    let mut list = commands.as_array().expect("commands").clone();
    let uid = list.len() + 1;
    list.push(json!({"name": "write_npy", "uid": uid, "in_uid": uid - 1, "directory_out": "out"}));
    case.flow = json!({ "command_list": list });
    case
}

/// Tiles of several rows reach the next command row by row.
#[test]
fn gathered_columns_lie_in_rows() {
    let case = case(
        json!([
            {"name": "mean", "uid": 1, "in_uid": 0},
            {"name": "gather", "uid": 2, "in_uid": 1, "gather_uids": [1, 0]},
            {"name": "abs", "uid": 3, "in_uid": 2}]),
        200,
        3,
    );
    for &on in backend::all() {
        let result = case.result(on).expect("numbers");
        let chunk = case.chunk.block::<f64>(0..200);
        for (row, chunk) in result
            .as_real()
            .rows()
            .into_iter()
            .zip(chunk.as_real().rows())
        {
            let mean = chunk.sum().abs() / 3.0;
            assert!((row[0] - mean).abs() < 1e-6 && (row[1] - mean).abs() < 1e-6);
            assert_eq!(row.slice(s![2..]), chunk.mapv(f64::abs));
        }
    }
}

#[test]
fn gathered_hashes_are_refused() {
    for name in [
        "gather",
        "add",
        "multiply",
        "rescale",
        "source",
        "deconvolve",
        "reflection",
    ] {
        let commands = json!([
            {"name": "hash", "uid": 1, "in_uid": 0},
            {"name": name, "uid": 2, "in_uid": 0, "gather_uids": [1]}]);
        let problems = case(commands, 5, 1)
            .plan()
            .expect_err("a hash is no number");
        let lines = problems.to_string();
        let expected = "input, found hash 5x1 in gather_uids";
        assert!(lines.contains(expected), "{name}: {lines}");
    }
}

/// distpy fails, too: it repeats the last difference but one.
#[test]
fn one_sample_has_no_difference_to_repeat() {
    let commands = json!([{"name": "diff", "axis": 1, "uid": 1, "in_uid": 0}]);
    let mut case = case(commands, 4, 1);
    for compat in [Compat::Exact, Compat::Distpy] {
        case.compat = compat;
        let lines = case.plan().expect_err("one sample").to_string();
        assert!(lines.contains("found 1, expected at most 0"), "{lines}");
    }
}

/// A factor makes numbers of whole numbers, so distpy keeps the fraction of a later threshold's value.
#[test]
fn element_wise_commands_keep_their_signature() {
    let commands = json!([
        {"name": "lin_transform", "m": 0.5, "uid": 1, "in_uid": 0},
        {"name": "hard_threshold", "threshold": 1.0, "value": 0.25, "uid": 2, "in_uid": 1}]);
    let mut case = case(commands, 1, 3);
    let bytes = [-2_i16, 1, 8].into_iter().flat_map(i16::to_ne_bytes);
    let bytes = Bytes::Owned(Arc::new(bytes.collect()));
    let chunk = Stored::new(DType::I16, [1, 3], Order::C, Endian::NATIVE, bytes);
    case.chunk = chunk.expect("bytes of this shape");
    case.compat = Compat::Distpy;
    for &on in backend::all() {
        let result = case.result(on).expect("numbers");
        assert_eq!(result.as_real(), &array![[-1.0, 0.5, 0.25]], "{on:?}");
    }
}
