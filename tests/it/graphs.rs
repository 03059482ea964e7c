//! Random flows: a plan gives the results of the naive evaluation on every backend.
//!
//! `DISTPY_GPU_GRAPHS=100000` tries as many flows, `DISTPY_GPU_GRAPHS_SEED=7` others, or one again that failed.

#[path = "../fuzz/src/drawn.rs"]
pub mod drawn;
#[path = "../fuzz/src/graphs.rs"]
pub mod flows;
#[path = "../fuzz/src/naive.rs"]
pub mod naive;

use flows::{Rows, Verdict};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

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

/// Flows whose numbers are too large for single precision are left out: squares of larger numbers are infinite in it.
#[cfg(feature = "gpu")]
#[test]
fn devices_give_the_results_of_the_naive_evaluation() {
    use std::sync::Arc;

    use crate::backend::{self, Backend};
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
        let Some(want) = evaluate(0.0).ok().filter(|it| it.largest < LARGEST) else {
            return;
        };
        let plan = Arc::new(drawn.plan(&graph, &env).expect("both accept a flow"));
        let job = Job {
            id: ChunkId::of_second(0),
            path: "chunk.npy".into(),
            sources: drawn.sources(&plan),
            plan: plan.clone(),
            samples: 0,
            identity: String::new(),
        };
        let results = backend::compute(Backend::Gpu(Precision::F32), job);
        let changed = || evaluate(ROUNDING);
        match flows::compare(&plan, &results, &want, TOLERANCE, changed) {
            Ok(more) => rows += more,
            Err(found) => panic!("{found}\n{plan}{drawn:?}"),
        }
        compared += 1;
    });
    eprintln!("{compared} flows; {rows:?}");
}
