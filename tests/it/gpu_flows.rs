//! Whole flows stay on the device: one upload and one download for each chunk.

use std::collections::VecDeque;

use distpy_gpu::block::Precision;
use ndarray::Array2;
use serde_json::{Value, json};

use crate::backend::{self, Backend, Case};
use crate::commands::stored;
use crate::graphs::naive::to_f64;
use distpy_gpu::execute::gpu::GpuExecutor;
use distpy_gpu::execute::several::Several;
use distpy_gpu::execute::{Executor, Results};
use distpy_gpu::gpu::engine::Engine;

/// What `--explain` says of a flow on a chunk of 40 x 500.
fn explained(list: Value) -> Option<String> {
    let x = Array2::from_shape_fn((40, 500), |(i, t)| {
        ((i * 31 + t * 17) % 101) as f64 / 50.0 - 1.0
    });
    let mut case = Case::of_command(json!({"name": "copy"}), stored(&x), vec![]);
    case.flow = json!({ "command_list": list });
    case.explained()
}

fn stays_on_the_device(name: &str, list: Value) {
    let Some(text) = explained(list) else { return };
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1, "{name}: {text}");
    assert!(lines[0].contains("on the GPU: 1 tiles"), "{name}: {text}");
}

#[test]
fn flows_go_up_once_and_come_down_once() {
    stays_on_the_device(
        "noise log",
        json!([
            {"name": "fft", "uid": 1, "in_uid": 0},
            {"name": "rms_from_fft", "uid": 2, "in_uid": 1, "low_freq": 0, "high_freq": 500},
            {"name": "multiple_calcs", "uid": 3, "in_uid": 1, "func": "rms_from_fft", "low_freq": [5, 50], "high_freq": [50, 300]},
            {"name": "write_witsml", "uid": 4, "in_uid": 3, "gather_uids": [2], "directory_out": "log", "low_freq": [5, 50], "high_freq": [50, 300]},
        ]),
    );
    stays_on_the_device(
        "event detection",
        json!([
            {"name": "butter", "uid": 1, "in_uid": 0, "type": "highpass", "freq": 20},
            {"name": "sta_lta", "uid": 2, "in_uid": 1, "sta": 20, "lta": 200},
            {"name": "peak_to_peak", "uid": 3, "in_uid": 2, "window_length": 50},
            {"name": "fft", "uid": 4, "in_uid": 1},
            {"name": "rms_from_fft", "uid": 5, "in_uid": 4, "low_freq": 10, "high_freq": 200},
            {"name": "gather", "uid": 6, "in_uid": 3, "gather_uids": [5]},
            {"name": "write_npy", "uid": 7, "in_uid": 6, "directory_out": "events"},
        ]),
    );
    stays_on_the_device(
        "f-k",
        json!([
            {"name": "detrend", "uid": 1, "in_uid": 0},
            {"name": "median_subtract", "uid": 2, "in_uid": 1},
            {"name": "fk_filter", "uid": 3, "in_uid": 2, "min_velocity": 1000, "max_velocity": 6000},
            {"name": "bandpass", "uid": 4, "in_uid": 3, "low_freq": 5, "high_freq": 100},
            {"name": "whiten", "uid": 5, "in_uid": 4, "low_freq": 5, "high_freq": 100},
            {"name": "write_npy", "uid": 6, "in_uid": 5, "directory_out": "fk"},
        ]),
    );
}

/// A statistic of what element-wise commands give reads what they read: one launch, and one more where their result is wanted too.
#[test]
fn a_reduction_takes_the_element_wise_steps_before_it() {
    let flow = |also: bool| {
        let mut list = json!([
            {"name": "lin_transform", "uid": 1, "in_uid": 0, "scalar": 3, "offset": -1},
            {"name": "abs", "uid": 2, "in_uid": 1},
            {"name": "mean", "uid": 3, "in_uid": 2},
            {"name": "write_npy", "uid": 4, "in_uid": 3, "directory_out": "mean"},
        ]);
        let sink = json!({"name": "write_npy", "uid": 5, "in_uid": 2, "directory_out": "abs"});
        if also {
            list.as_array_mut().expect("a list").push(sink);
        }
        let mut case = events();
        case.flow = json!({ "command_list": list });
        case
    };
    for (also, launches) in [(false, " 1 launches,"), (true, " 2 launches,")] {
        let Some(text) = flow(also).explained() else {
            return;
        };
        assert!(text.contains(launches), "{text}");
        let [want, got] = [Backend::Cpu(Precision::F64), Backend::Gpu(Precision::F32)]
            .map(|backend| flow(also).run(backend).expect("a flow").1);
        agree(&got, &want);
    }
}

/// Filters along time work on samples that lie upright: one after another leaves them so, and what else reads them does not see it.
#[test]
fn filters_one_after_another_turn_the_chunk_once() {
    let flow = |count: usize, also: bool| {
        let mut list: Vec<Value> = vec![
            json!({"name": "butter", "uid": 1, "in_uid": 0, "type": "highpass", "freq": 20}),
            json!({"name": "notch", "uid": 2, "in_uid": 1, "freq": 50}),
            json!({"name": "butter", "uid": 3, "in_uid": 2, "type": "lowpass", "freq": 80}),
        ];
        list.truncate(count);
        list.push(json!({"name": "write_npy", "uid": 8, "in_uid": count, "directory_out": "last"}));
        if also {
            list.push(
                json!({"name": "write_npy", "uid": 9, "in_uid": 1, "directory_out": "first"}),
            );
        }
        let mut case = events();
        case.prf = 500.0;
        case.flow = json!({ "command_list": list });
        case
    };
    let launches = |count: usize, also: bool| {
        let text = flow(count, also).explained()?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "launches,")?;
        words[at - 1].parse::<usize>().ok()
    };
    let Some(one) = launches(1, false) else {
        return;
    };
    // Mean, turn, six of the filter, turn back; another one extends, filters, and has a mean if it removes constants.
    assert_eq!(one, 9);
    assert_eq!(launches(2, false), Some(one + 7));
    assert_eq!(launches(2, true), Some(one + 8));
    for count in [2, 3] {
        let [want, got] = [Backend::Cpu(Precision::F64), Backend::Gpu(Precision::F32)]
            .map(|backend| flow(count, true).run(backend).expect("a flow").1);
        agree(&got, &want);
    }
}

/// A command without a GPU side splits the flow, and nothing else does.
#[test]
fn a_step_on_the_cpu_splits_a_flow() {
    let text = explained(json!([
        {"name": "detrend", "uid": 1, "in_uid": 0},
        {"name": "curve_fit", "uid": 2, "in_uid": 1},
        {"name": "envelope", "uid": 3, "in_uid": 2},
        {"name": "write_npy", "uid": 4, "in_uid": 3, "directory_out": "out"},
    ]));
    let Some(text) = text else { return };
    let places: Vec<bool> = text
        .lines()
        .map(|line| line.contains("on the GPU"))
        .collect();
    assert_eq!(places, [true, false, true], "{text}");
}

/// Two outputs, with a step on the CPU and hints: several placements are possible.
fn mixed() -> Case {
    let mut case = events();
    case.flow = json!({"command_list": [
        {"name": "to_gpu", "uid": 1, "in_uid": 0},
        {"name": "detrend", "uid": 2, "in_uid": 1},
        {"name": "from_gpu", "uid": 3, "in_uid": 2},
        {"name": "envelope", "uid": 4, "in_uid": 3},
        {"name": "curve_fit", "uid": 5, "in_uid": 0},
        {"name": "lin_transform", "uid": 6, "in_uid": 5, "scalar": 2, "offset": 1},
        {"name": "write_npy", "uid": 7, "in_uid": 4, "directory_out": "a"},
        {"name": "write_npy", "uid": 8, "in_uid": 6, "directory_out": "b"},
    ]});
    case
}

fn agree(got: &Results, want: &Results) {
    assert_eq!(got.blocks.len(), want.blocks.len());
    agree_where_finite(got, want);
}

/// Trying which steps the CPU does faster may change where they run, not what they give.
#[test]
fn measured_placement_gives_the_same_numbers() {
    let Some(choice) = backend::choose_adapter() else {
        return;
    };
    let (_, want) = mixed().run(Backend::Cpu(Precision::F64)).expect("a flow");
    let open = || GpuExecutor::new(Engine::open(&choice).expect("a device"));
    let mut settled = open().expecting(1000);
    agree(&mixed().run_on(&mut settled), &want);
    agree(&mixed().run_on(&mut open()), &want);
    // Whatever was tried, each step runs somewhere and only once.
    let text = settled
        .explain(&mixed().job().expect("a plan"))
        .expect("a device");
    let steps = mixed().plan().expect("a plan").1.steps.len();
    let ranges = text.lines().map(|line| {
        let range = line.split_whitespace().nth(1).expect("a range");
        let (from, to) = range.split_once("..").expect("two ends");
        to.parse::<usize>().expect("a number") - from.parse::<usize>().expect("a number")
    });
    assert_eq!(ranges.sum::<usize>(), steps, "{text}");
}

/// Where a device cannot hold a chunk, commands that depend on a few neighbours along depth go through it in tiles that
/// overlap, at the chunk's ends with the edge that was asked for.
#[test]
fn tiles_overlap_by_the_neighbours_that_they_need() {
    let Some(mut choice) = backend::choose_adapter() else {
        return;
    };
    let mut x = Array2::from_shape_fn((64, 256), |(i, t)| {
        ((i * 31 + t * 17) % 101) as f64 / 50.0 - 1.0
    });
    x[[17, 3]] = f64::NAN;
    for mode in ["constant", "nearest", "reflect", "mirror", "wrap"] {
        let mut case = Case::of_command(json!({"name": "copy"}), stored(&x), vec![]);
        case.flow = json!({"command_list": [
            {"name": "sobel", "uid": 1, "in_uid": 0, "mode": mode},
            {"name": "gaussian", "uid": 2, "in_uid": 1, "xsigma": 0.7, "tsigma": 1, "mode": mode},
            {"name": "median_filter", "uid": 3, "in_uid": 2, "distance": 3},
            {"name": "convolve", "uid": 4, "in_uid": 3, "coeffs": [[1, 2], [0.5, 1], [3, -1], [0, 1]], "mode": mode},
            {"name": "running_mean", "uid": 5, "in_uid": 4, "window_length": 3, "axis": 1},
            {"name": "write_npy", "uid": 6, "in_uid": 5, "directory_out": "out"},
        ]});
        let (_, want) = case.run(Backend::Cpu(Precision::F64)).expect("a flow");
        // Half of the rows.
        choice.info.limits.binding = 32 * 256 * 4;
        let engine = Engine::open(&choice).expect("a device");
        let mut gpu = GpuExecutor::new(engine);
        let got = case.run_on(&mut gpu);
        agree_where_finite(&got, &want);
        assert_eq!((got.non_finite, want.non_finite), (1, 1));
        let text = gpu.explain(&case.job().expect("a plan")).expect("a device");
        // What wraps around needs the other end of the chunk.
        let places = text
            .lines()
            .filter(|line| line.contains(" on the CPU"))
            .count();
        assert_eq!(places > 0, mode == "wrap", "{mode}: {text}");
        assert!(!text.contains(" 1 tiles"), "{mode}: {text}");
    }
}

fn agree_where_finite(got: &Results, want: &Results) {
    for (slot, block) in &got.blocks {
        let (got, want) = (to_f64(block), to_f64(&want.blocks[slot]));
        let pairs = || got.as_real().iter().zip(want.as_real());
        assert!(pairs().all(|(a, b)| a.is_finite() == b.is_finite()));
        let finite = || pairs().filter(|(_, b)| b.is_finite());
        let scale = finite().fold(0.0, |m: f64, (_, b)| m.max(b.abs()));
        let off = finite().fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
        assert!(off <= 1e-5 * scale, "{off} of {scale}");
    }
}

/// A noise log of a chunk of so many samples.
fn log_of(samples: usize) -> Case {
    let x = Array2::from_shape_fn((64, samples), |(i, t)| ((i * 31 + t * 17) % 101) as f64);
    let mut case = Case::of_command(json!({"name": "copy"}), stored(&x), vec![]);
    case.flow = json!({"command_list": [
        {"name": "fft", "uid": 1, "in_uid": 0},
        {"name": "rms_from_fft", "uid": 2, "in_uid": 1, "low_freq": 10, "high_freq": 60},
        {"name": "write_npy", "uid": 3, "in_uid": 2, "directory_out": "out"},
    ]});
    case
}

/// The memory that a run of weeks keeps on the device does not grow with the number of chunks' lengths.
#[test]
fn memory_of_the_device_is_bounded_whatever_the_number_of_shapes() {
    let Some(choice) = backend::choose_adapter() else {
        return;
    };
    let mut gpu = GpuExecutor::new(Engine::open(&choice).expect("a device"));
    let mut after = Vec::new();
    for samples in 2000..2060 {
        log_of(samples).run_on(&mut gpu);
        after.push(gpu.engine().allocated_bytes().expect("a report"));
    }
    let most = |bytes: &[u64]| bytes.iter().copied().max();
    assert!(
        most(&after[20..]) <= most(&after[..20]).map(|it| it + it / 4),
        "{after:?}"
    );
}

/// Arrays stay below the limit, by the account of the driver's allocator; results are the same.
#[test]
fn arrays_take_no_more_memory_of_the_device_than_is_allowed() {
    let Some(choice) = backend::choose_adapter() else {
        return;
    };
    let within = |most| {
        let engine = Engine::open_within(&choice, Some(most)).expect("a device");
        GpuExecutor::new(engine)
    };
    for case in [mixed(), log_of(20_000), events()] {
        let (_, want) = case.run(Backend::Cpu(Precision::F64)).expect("a flow");
        let mut free = within(1 << 40);
        let job = case.job().expect("a plan");
        let all = free.needs(&job).expect("a device").device;
        for most in [all, all / 2, all / 5, all / 20] {
            let mut gpu = within(most);
            // Too little for a row is an error; everything else computes.
            let Ok(needs) = gpu.needs(&job) else {
                continue;
            };
            assert!(needs.device <= most, "{} of {most}", needs.device);
            agree(&case.run_on(&mut gpu), &want);
            let taken = gpu.engine().allocated_bytes().expect("a report");
            // The allocator rounds each of a few arrays up.
            assert!(taken <= most + (64 << 10), "{taken} of {most}");
        }
        assert!(within(all / 2).needs(&job).is_ok());
    }
}

/// Chunks of several shapes in flight do not take memory at once.
#[test]
fn shapes_that_alternate_stay_below_the_limit() {
    let Some(choice) = backend::choose_adapter() else {
        return;
    };
    let cases = [log_of(20_000), log_of(15_000), log_of(12_000)];
    let mut free = GpuExecutor::new(Engine::open_within(&choice, Some(1 << 40)).expect("a device"));
    let all = free
        .needs(&cases[0].job().expect("a plan"))
        .expect("a device")
        .device;
    let engine = Engine::open_within(&choice, Some(all)).expect("a device");
    let mut gpu = GpuExecutor::new(engine);
    let mut waiting = VecDeque::new();
    for k in 0..12 {
        let case = &cases[k % 3];
        while gpu.in_flight() >= gpu.capacity() {
            check(&mut gpu, &mut waiting);
        }
        gpu.submit(case.job().expect("a plan"));
        waiting.push_back(case);
        let taken = gpu.engine().allocated_bytes().expect("a report");
        assert!(taken <= all + (64 << 10), "{taken} of {all}");
    }
    while gpu.in_flight() > 0 {
        check(&mut gpu, &mut waiting);
    }
}

/// Compares the oldest chunk's results with the CPU's.
fn check(gpu: &mut GpuExecutor, waiting: &mut VecDeque<&Case>) {
    let (_, got) = gpu.collect().expect("the device computes");
    let case = waiting.pop_front().expect("a chunk was begun");
    let (_, want) = case.run(Backend::Cpu(Precision::F64)).expect("a flow");
    agree(&got, &want);
}

/// Several devices share the chunks; results come in order.
#[test]
fn devices_share_the_chunks() {
    let Some(choice) = backend::choose_adapter() else {
        return;
    };
    let open = || GpuExecutor::new(Engine::open(&choice).expect("a device"));
    let mut two = Several::new(vec![Box::new(open()), Box::new(open())]);
    let case = events();
    let (_, want) = case.run(Backend::Cpu(Precision::F64)).expect("a flow");
    let mut done = 0..9;
    let mut next = 0..9;
    while !done.is_empty() {
        while two.in_flight() < two.capacity()
            && let Some(k) = next.next()
        {
            let mut job = case.job().expect("a plan");
            job.id = distpy_gpu::command::ChunkId::of_second(k);
            two.submit(job);
        }
        let (job, results) = two.collect().expect("no device fails here");
        assert_eq!(Some(job.id.name.second()), done.next());
        agree(&results, &want);
    }
}

/// The event-detection flow on a small chunk.
fn events() -> Case {
    let x = Array2::from_shape_fn((16, 256), |(i, t)| {
        ((i * 31 + t * 17) % 101) as f64 / 50.0 - 1.0
    });
    let mut case = Case::of_command(json!({"name": "copy"}), stored(&x), vec![]);
    case.flow = json!({"command_list": [
        {"name": "butter", "uid": 1, "in_uid": 0, "type": "highpass", "freq": 20},
        {"name": "sta_lta", "uid": 2, "in_uid": 1, "sta": 20, "lta": 100},
        {"name": "fft", "uid": 3, "in_uid": 2},
        {"name": "rms_from_fft", "uid": 4, "in_uid": 3, "low_freq": 10, "high_freq": 200},
        {"name": "write_npy", "uid": 5, "in_uid": 4, "directory_out": "events"},
    ]});
    case
}

#[test]
fn results_repeat_bit_by_bit() {
    if !backend::all().contains(&Backend::Gpu(Precision::F32)) {
        return;
    }
    let first = events()
        .result(Backend::Gpu(Precision::F32))
        .expect("a result");
    for _ in 0..5 {
        assert_eq!(
            first,
            events()
                .result(Backend::Gpu(Precision::F32))
                .expect("a result")
        );
    }
}

/// Memory does not grow with the number of chunks. Runs itself in a process of its own, in which nothing else takes memory.
#[test]
#[cfg(target_os = "linux")]
fn a_thousand_chunks_take_no_more_memory_than_a_hundred() {
    const ALONE: &str = "DISTPY_GPU_TEST_ALONE";
    if !backend::all().contains(&Backend::Gpu(Precision::F32)) {
        return;
    }
    if std::env::var_os(ALONE).is_none() {
        let output = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "gpu_flows::a_thousand_chunks_take_no_more_memory_than_a_hundred",
            ])
            .env(ALONE, "1")
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
        return;
    }
    // In pages of 4 kB.
    let resident = || -> usize {
        let status = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
        let pages = status.split_whitespace().nth(1).expect("a second number");
        pages.parse::<usize>().expect("a number") * 4096
    };
    let mut chunks = crate::backend::Stream::new(&events());
    chunks.run(100);
    // Drivers grow at times of their own (a worker's stack, an allocator's arena), by megabytes on SwiftShader, but what is
    // lost with every chunk is lost in every stretch: the stretch that grew least tells. A chunk goes up
    // with 16 kB; losses much smaller may hide for a while in what the first chunks freed.
    const ENOUGH: usize = 250 << 10;
    let mut stretches = Vec::new();
    let steady = |stretches: &[usize]| stretches.iter().any(|more| *more < ENOUGH);
    // Four, and more of them where drivers grew in each.
    while stretches.len() < 4 || (stretches.len() < 10 && !steady(&stretches)) {
        let before = resident();
        chunks.run(250);
        stretches.push(resident().saturating_sub(before));
    }
    assert!(
        steady(&stretches),
        "stretches of 250 chunks took so many bytes more: {stretches:?}"
    );
}
