//! The engine: programs, runs in flight, failures.

use std::io::Write;
use std::process::Command;
use std::sync::OnceLock;

use distpy_gpu::block::Precision;
use distpy_gpu::gpu::adapter::{self, Want};
use distpy_gpu::gpu::engine::Engine;
use distpy_gpu::gpu::{
    Dispatch, Element, GpuError, Kernel, Limits, Recorder, Recording, Tensor, kernels,
};

/// The device that all tests share, the software adapter if there is one: it is the same everywhere. `None`, with a
/// message, where there is no adapter; an error under `DISTPY_GPU_TESTS=require`.
pub fn engine() -> Option<&'static Engine> {
    static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| match open() {
        Ok(engine) => Some(engine),
        Err(error) if std::env::var("DISTPY_GPU_TESTS").is_ok_and(|v| v == "require") => {
            panic!("DISTPY_GPU_TESTS=require, but {error}")
        }
        Err(error) => {
            // Not `eprintln`: the test harness would keep it to itself.
            let _ = writeln!(std::io::stderr(), "GPU tests are skipped: {error}");
            None
        }
    });
    engine.as_ref()
}

fn open() -> Result<Engine, GpuError> {
    let choice =
        adapter::choose(Want::Software, None).or_else(|_| adapter::choose(Want::Auto, None))?;
    Engine::open(&choice)
}

/// Loads a recording, checks its shaders, runs it once and returns the bytes of its outputs.
pub fn run(engine: &Engine, recording: &Recording, inputs: &[&[u8]]) -> Vec<Vec<u8>> {
    crate::shaders::check(recording);
    let program = engine.load(recording).expect("the recording loads");
    let ticket = engine
        .submit(&program, &mut |k, mut staging| staging.write(0, inputs[k]))
        .expect("the device takes a run");
    engine.finish(ticket).expect("the run ends").outputs
}

/// A recorder for the shared device.
pub fn recorder(engine: &Engine, precision: Precision) -> Recorder {
    Recorder::new(*engine.limits(), precision)
}

/// A recording of real 2 x 3 samples to their sums along time.
fn sums(engine: &Engine) -> Recording {
    let mut rec = recorder(engine, Precision::F32);
    let x = rec.input(2, 3, Element::Real);
    let y = kernels::fold::sum(&mut rec, x, Some(1));
    rec.finish(&[y])
}

fn bytes(values: [f32; 6]) -> Vec<u8> {
    bytemuck::cast_slice(&values).to_vec()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytemuck::pod_collect_to_vec(bytes)
}

#[test]
fn runs_in_flight_keep_their_own_data() {
    let Some(engine) = engine() else { return };
    let program = engine.load(&sums(engine)).expect("it loads");
    let submit = |k: f32| {
        let data = bytes([k, k, k, 1.0, 2.0, k]);
        engine
            .submit(&program, &mut |_, mut staging| {
                staging.write(12, &data[12..]);
                staging.write(0, &data[..12]);
            })
            .expect("a run")
    };
    let mut earlier = submit(0.0);
    for k in 1..10 {
        let later = submit(k as f32);
        let done = engine.finish(earlier).expect("results");
        let k = k as f32 - 1.0;
        assert_eq!(floats(&done.outputs[0]), [3.0 * k, 3.0 + k]);
        if engine.info().features.contains(&"timestamps") {
            assert!(
                done.kernel_seconds
                    .is_some_and(|s| (0.0..60.0).contains(&s))
            );
        }
        earlier = later;
    }
    drop(earlier);
}

#[test]
fn threads_share_a_program() {
    let Some(engine) = engine() else { return };
    let program = engine.load(&sums(engine)).expect("it loads");
    std::thread::scope(|scope| {
        for k in 0..4u8 {
            let program = &program;
            scope.spawn(move || {
                for round in 0..5u8 {
                    let value = f32::from(10 * k + round);
                    let ticket = engine
                        .submit(program, &mut |_, mut s| s.write(0, &bytes([value; 6])))
                        .expect("a run");
                    let done = engine.finish(ticket).expect("results");
                    assert_eq!(floats(&done.outputs[0]), [3.0 * value; 2]);
                }
            });
        }
    });
}

#[test]
fn inputs_and_tables_can_be_outputs() {
    let Some(engine) = engine() else { return };
    let mut rec = recorder(engine, Precision::F32);
    let x = rec.input(1, 3, Element::Stored(distpy_gpu::block::DType::U8));
    let table = rec.table_index(&[7, 8, 9]);
    let recording = rec.finish(&[table, x, x]);
    let found = run(engine, &recording, &[&[1, 2, 3]]);
    let table: Vec<u8> = [7u32, 8, 9].iter().flat_map(|v| v.to_ne_bytes()).collect();
    assert_eq!(found, [table, vec![1, 2, 3], vec![1, 2, 3]]);
}

#[test]
fn a_broken_shader_is_an_error_and_the_device_goes_on() {
    static BROKEN: Kernel = Kernel {
        name: "broken",
        source: "@compute @workgroup_size(1) fn main() { let x = nothing; }",
    };
    let Some(engine) = engine() else { return };
    let mut rec = recorder(engine, Precision::F32);
    let x = rec.input(1, 1, Element::Real);
    let y = rec.temp(1, 1, Element::Real);
    rec.dispatch(Dispatch {
        kernel: &BROKEN,
        text: None,
        constants: Vec::new(),
        params: vec![0; 4],
        inputs: vec![x],
        outputs: vec![y],
        workgroups: 1,
        workgroup_bytes: 0,
    });
    match engine.load(&rec.finish(&[y])) {
        Err(GpuError::Validation { reason, .. }) => assert!(reason.contains("nothing"), "{reason}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it loaded"),
    }
    let found = run(engine, &sums(engine), &[&bytes([1.0; 6])]);
    assert_eq!(floats(&found[0]), [3.0, 3.0]);
}

#[test]
fn what_no_binding_holds_is_refused_before_it_is_made() {
    let Some(engine) = engine() else { return };
    let limits = engine.limits();
    let most = limits.binding.min(limits.buffer) as usize;
    let mut rec = recorder(engine, Precision::F32);
    let x = rec.input(1, most / 4 + 1, Element::Real);
    match engine.load(&rec.finish(&[x])) {
        Err(GpuError::TooLarge { bytes, limit, .. }) => {
            assert_eq!((bytes, limit), (most as u64 / 4 * 4 + 4, most as u64));
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it loaded"),
    }
}

/// Runs itself in a process of its own, whose environment has the device lost after two submissions.
#[test]
fn a_lost_device_is_an_error() {
    const LOSE: &str = "DISTPY_GPU_LOSE_DEVICE_AFTER";
    if engine().is_none() {
        return;
    }
    if std::env::var_os(LOSE).is_some() {
        return lose_device();
    }
    let dump = tempfile::tempdir().expect("a folder");
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "gpu_engine::a_lost_device_is_an_error"])
        .env(LOSE, "2")
        .env("DISTPY_GPU_DUMP", dump.path())
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    let shader = std::fs::read_to_string(dump.path().join("000_fold_rows.wgsl"));
    assert!(
        shader
            .expect("the text is dumped")
            .starts_with("alias real = f32;")
    );
}

fn lose_device() {
    let engine = open().expect("it opens");
    let recording = sums(&engine);
    let program = engine.load(&recording).expect("it loads");
    let fill = bytes([1.0; 6]);
    let submit = || engine.submit(&program, &mut |_, mut s| s.write(0, &fill));
    let first = submit().expect("a run");
    let done = engine.finish(first).expect("results");
    assert_eq!(floats(&done.outputs[0]), [3.0, 3.0]);
    let second = submit().expect("the device is lost after it was submitted");
    let lost = |error| matches!(error, GpuError::Lost { .. });
    assert!(lost(engine.finish(second).expect_err("the device is lost")));
    assert!(submit().err().is_some_and(lost));
    assert!(engine.load(&recording).err().is_some_and(lost));
    assert!(engine.measure().err().is_some_and(lost));
}

#[test]
fn rates_are_measured() {
    let Some(engine) = engine() else { return };
    let measured = engine.measure().expect("rates");
    for rate in [
        measured.copy_bytes_per_s,
        measured.upload_bytes_per_s,
        measured.download_bytes_per_s,
    ] {
        assert!(rate.is_finite() && rate > 1e6, "{measured:?}");
    }
}

#[test]
fn the_list_names_what_can_be_chosen() {
    for info in adapter::list() {
        let index = info.index.to_string();
        let software = adapter::choose(Want::Software, Some(&index));
        let hardware = adapter::choose(Want::Gpu, Some(&index));
        assert!(software.is_ok() != hardware.is_ok(), "{info}");
        let chosen = software.or(hardware).expect("one of them").info;
        assert_eq!(chosen, info);
        let Limits {
            workgroup_storage,
            invocations,
            ..
        } = info.limits;
        assert!(
            workgroup_storage >= 16 << 10 && invocations >= 128,
            "{info}"
        );
    }
}

/// Values between -1 and 1 that are the same in every run.
pub fn noise(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Numbers in a recorder's precision, as they are uploaded.
pub fn narrowed(values: &[f64], precision: Precision) -> Vec<u8> {
    match precision {
        Precision::F32 => values
            .iter()
            .flat_map(|v| (*v as f32).to_ne_bytes())
            .collect(),
        Precision::F64 => bytemuck::cast_slice(values).to_vec(),
    }
}

/// Downloaded numbers, widened.
pub fn widened(bytes: &[u8], precision: Precision) -> Vec<f64> {
    match precision {
        Precision::F32 => floats(bytes).into_iter().map(f64::from).collect(),
        Precision::F64 => bytemuck::pod_collect_to_vec(bytes),
    }
}

/// Records one kernel of one input, runs it in each precision that the device has, and shows the result.
pub fn each_precision(
    values: &[f64],
    (rows, cols): (usize, usize),
    element: Element,
    record: impl Fn(&mut Recorder, Tensor) -> Tensor,
    see: impl Fn(Precision, Tensor, Vec<f64>),
) {
    let Some(engine) = engine() else { return };
    for precision in [Precision::F32, Precision::F64] {
        if precision == Precision::F64 && !engine.limits().f64 {
            continue;
        }
        let mut rec = recorder(engine, precision);
        let x = rec.input(rows, cols, element);
        let y = record(&mut rec, x);
        let found = run(engine, &rec.finish(&[y]), &[&narrowed(values, precision)]);
        see(precision, y, widened(&found[0], precision));
    }
}
