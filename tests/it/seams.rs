//! No seams: chunks with an edge buffer give what the whole recording gives, on one grid of times, and overlaps join in their middle.
//!
//! Commands that need a number of samples give the same numbers but for rounding; recursive filters are within the bound of their
//! decay, a millionth of the result's scale each.

use distpy_gpu::formats::segy::{Format, Recording, SegyWriter};
use distpy_gpu::formats::zarr;
use distpy_gpu::pipeline::output::AtomicFile;
use ndarray::Array2;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::program::{Project, has_software};

const T0: i64 = 1_500_000_000;
const CHANNELS: usize = 3;
const RATE: f64 = 1000.0;

/// Noise, which is the same whatever part of it is asked for.
fn value(channel: usize, time: usize) -> f32 {
    let mut x = (time as u64 * 7 + channel as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x ^= x >> 31;
    x = x.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    ((x >> 40) as f32 / 16_777_216.0 - 0.5) + (time as f32 * 0.002).sin()
}

/// A SEG-Y file with samples `from` on, which starts at `second`.
fn segy(project: &Project, name: &str, second: i64, from: usize, samples: usize) {
    let path = project.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let recording = Recording {
        format: Format::F32,
        samples,
        prf: RATE,
        start: jiff::Timestamp::from_second(T0 + second).unwrap(),
        depth: (0..CHANNELS).map(|c| 100.0 + c as f64).collect(),
        text: vec![],
    };
    let bytes: Vec<u8> = (0..CHANNELS)
        .flat_map(|c| (from..from + samples).flat_map(move |t| value(c, t).to_ne_bytes()))
        .collect();
    let mut writer = SegyWriter::new(AtomicFile::create(&path).unwrap(), recording).unwrap();
    writer.write(0..CHANNELS, 0..samples, &bytes).unwrap();
    writer.finish().unwrap().commit().unwrap();
}

/// A recording of some samples in `raw`.
fn recorded(samples: usize) -> Project {
    let project = Project::new();
    segy(&project, "raw/a.sgy", 0, 0, samples);
    project
}

/// Commands one after the other, the last of which is written as one array and by chunk.
fn set_flow(project: &Project, commands: &[Value]) {
    let mut list = commands.to_vec();
    for (k, command) in list.iter_mut().enumerate() {
        command["uid"] = json!(k + 1);
        command["in_uid"] = json!(k);
    }
    let last = list.len();
    for (k, (name, folder)) in [("write_zarr", "all"), ("write_npy", "npy")]
        .iter()
        .enumerate()
    {
        list.push(
            json!({"name": name, "uid": last + 1 + k, "in_uid": last, "directory_out": folder}),
        );
    }
    project.flow(json!(list));
}

fn set_chunks(project: &Project, seconds: f64, overlap: f64, edge: f64) {
    project.system(json!({"distpy_gpu": {
        "chunk_seconds": seconds, "overlap_seconds": overlap, "edge_seconds": edge
    }}));
}

/// Times in seconds and samples, channels by times, of a run's array.
fn array(project: &Project, out: &str) -> (Vec<f64>, Array2<f64>) {
    let array = zarr::open(&project.path(&format!("{out}/all/summary.zarr/summary"))).unwrap();
    let times = array.times().unwrap().unwrap();
    let [rows, cols] = array.shape();
    let stored = array.read(0..rows, 0..cols).unwrap();
    let samples = stored.block::<f64>(0..rows).as_real().clone();
    (times.iter().map(|time| time - T0 as f64).collect(), samples)
}

/// Largest difference by the larger array's standard deviation.
fn difference(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    assert_eq!(a.dim(), b.dim());
    let scale = b.std(0.0).max(1e-30);
    (a - b).iter().fold(0.0_f64, |most, d| most.max(d.abs())) / scale
}

/// Compares the array of the run `chunks` with that of the run `whole`, at the same times, and returns the former.
fn chunks_equal_whole(project: &Project, commands: &Value) -> (Vec<f64>, Array2<f64>) {
    let [whole, chunks] = ["whole", "chunks"].map(|out| array(project, out));
    let mut times = whole.0.iter().zip(&chunks.0);
    assert!(times.all(|(a, b)| (a - b).abs() < 1e-6), "{commands}");
    assert!(difference(&chunks.1, &whole.1) < 1e-6, "{commands}");
    chunks
}

/// Seconds of the edge buffer that the flow of a project needs, as `--explain` reports it.
fn needed(project: &Project) -> f64 {
    let explained = project.summary("-f raw --explain --device cpu").ends(0);
    let line = explained
        .out
        .lines()
        .find_map(|line| line.strip_prefix("edge buffer: "));
    let first = line.map_or("0", |line| line.split(' ').next().unwrap());
    first.parse().unwrap()
}

#[test]
fn overlaps_join_in_their_middle() {
    let project = recorded(9000);
    // Since the chunk's start: says which chunk a sample comes from.
    let commands = [
        json!({"name": "lin_transform", "m": 0, "c": 1}),
        json!({"name": "integrate"}),
    ];
    set_flow(&project, &commands);
    set_chunks(&project, 3.0, 1.0, 0.0);
    project.summary("-f raw").ends(0);
    let (times, samples) = array(&project, "results");
    assert_eq!(times.len(), 9000);
    for (time, found) in times.iter().zip(samples.row(0)) {
        // Chunks start at 0, 2, 4 and 6 s, and join at 2.5, 4.5 and 6.5 s.
        let chunk = ((time - 0.4995) / 2.0).floor().clamp(0.0, 3.0);
        let expected = time - 2.0 * chunk;
        assert!(
            (found - expected).abs() < 1e-3,
            "{time}: {found}, {expected}"
        );
    }
}

#[test]
fn decimation_keeps_one_grid() {
    for command in [
        json!({"name": "decimate", "factor": 7}),
        json!({"name": "downsample", "tsample": 7}),
        json!({"name": "resample", "up": 3, "down": 7}),
    ] {
        let project = recorded(5300);
        set_flow(
            &project,
            &[command.clone(), json!({"name": "downsample", "tsample": 3})],
        );
        set_chunks(&project, 100.0, 0.0, 0.0);
        project.summary("-f raw -o whole").ends(0);
        let need = needed(&project);
        set_chunks(&project, 1.0, 0.0, need);
        project.summary("-f raw -o chunks").ends(0);
        let chunks = chunks_equal_whole(&project, &command);
        // Chunk files know where they are in the run as well.
        project
            .run("-m segy_ingest -c system.json -f raw -o chunks_of_a_second")
            .ends(0);
        project.system(json!({"in_directory": "chunks_of_a_second", "prf": null,
            "distpy_gpu": {"edge_seconds": need}}));
        project.summary("-o files").ends(0);
        assert!(array(&project, "files") == chunks, "{command}");
    }
}

#[test]
fn gaps_end_edges_and_grids() {
    let project = Project::new();
    segy(&project, "raw/a.sgy", 0, 0, 3300);
    segy(&project, "raw/b.sgy", 10, 10_000, 4000);
    let commands = json!([
        {"name": "running_mean", "window_length": 31, "axis": 1},
        {"name": "downsample", "tsample": 7},
    ]);
    set_flow(&project, commands.as_array().unwrap());
    set_chunks(&project, 100.0, 0.0, 0.0);
    project.summary("-f raw -o whole").ends(0);
    set_chunks(&project, 1.0, 0.0, 0.5);
    project.summary("-f raw -o chunks").ends(0);
    chunks_equal_whole(&project, &commands);
}

/// From recordings and from the chunk files of an ingest, with edges that are longer than a chunk, and with chunks that overlap.
#[test]
fn results_of_recordings_are_those_of_their_chunk_files() {
    let project = Project::new();
    segy(&project, "raw/a.sgy", 0, 0, 3000);
    segy(&project, "raw/b.sgy", 3, 3000, 2800);
    segy(&project, "raw/c.sgy", 12, 12_000, 2000);
    for (length, overlap, chunks) in [(1.0, 0.0, 8), (2.0, 0.5, 5)] {
        set_chunks(&project, length, overlap, 0.0);
        std::fs::remove_dir_all(project.path("chunks")).ok();
        project
            .run("-m segy_ingest -c system.json -f raw -o chunks")
            .ends(0);
        let mut devices = vec!["--device cpu"];
        devices.extend(has_software().then_some("--device software"));
        for device in devices {
            for commands in [
                vec![],
                vec![json!({"name": "sta_lta", "sta": 20, "lta": 200})],
                vec![json!({"name": "decimate", "factor": 7})],
                vec![json!({"name": "fft"}), json!({"name": "abs"})],
            ] {
                set_flow(&project, &commands);
                set_chunks(&project, length, overlap, 1.7);
                let all = "--overwrite=all";
                project
                    .summary(&format!("{device} -f raw -o straight{length} {all}"))
                    .ends(0);
                project
                    .summary(&format!("{device} -o files{length} {all}"))
                    .ends(0);
                let npy = |out: &str| {
                    let mut files = project.files(&format!("{out}{length}/npy"));
                    files.retain(|name, _| name.starts_with("15"));
                    files
                };
                assert_eq!(
                    npy("straight").len(),
                    chunks,
                    "{:?}",
                    npy("straight").keys()
                );
                assert!(npy("straight") == npy("files"), "{device} {commands:?}");
                // Edges do not change a command that needs the whole time axis, or no neighbours.
                if commands.len() != 1 {
                    set_chunks(&project, length, overlap, 0.0);
                    project
                        .summary(&format!("{device} -o without{length} {all}"))
                        .ends(0);
                    assert!(npy("without") == npy("files"), "{device} {commands:?}");
                }
            }
        }
    }
}

#[test]
fn what_an_edge_buffer_needs_is_reported() {
    let project = recorded(4000);
    set_flow(
        &project,
        &[
            json!({"name": "running_mean", "window_length": 101, "axis": 1}),
            json!({"name": "sta_lta", "sta": 20, "lta": 301}),
            json!({"name": "fft"}),
            json!({"name": "abs"}),
        ],
    );
    set_chunks(&project, 1.0, 0.0, 0.0);
    let explained = project.summary("-f raw --explain").ends(0);
    assert!(
        explained.out.contains(
            "edge buffer: 0.3500 s needed around a chunk, 0.3000 s of them for `sta_lta` (uid 2)"
        ),
        "{}",
        explained.out
    );
    let warning = "`sta_lta` (uid 2): results have edge effects where chunks meet: found distpy_gpu.edge_seconds of 0, expected 0.3500 or more";
    let ran = project.summary("-f raw").ends(0).says(warning);
    assert_eq!(ran.err.matches("edge effects").count(), 1, "{}", ran.err);
    set_chunks(&project, 1.0, 0.0, 0.35);
    let ran = project.summary("-f raw -o enough").ends(0);
    assert!(!ran.err.contains("edge"), "{}", ran.err);
    project
        .summary("-f raw -o compat --compat distpy")
        .ends(0)
        .says("distpy_gpu.edge_seconds: ignored");
    // One chunk has no seam, and what looks at no neighbour needs none.
    set_chunks(&project, 100.0, 0.0, 0.0);
    let ran = project.summary("-f raw -o one").ends(0);
    assert!(!ran.err.contains("edge"), "{}", ran.err);
    set_flow(&project, &[json!({"name": "abs"})]);
    set_chunks(&project, 1.0, 0.0, 0.0);
    let ran = project.summary("-f raw -o none").ends(0);
    assert!(!ran.err.contains("edge"), "{}", ran.err);
    project.system(json!({"distpy_gpu": {"edge_seconds": -1}}));
    project
        .summary("-f raw")
        .ends(78)
        .says("distpy_gpu.edge_seconds: found -1, expected seconds from 0 to 86400");
}

#[test]
fn without_an_index_an_edge_buffer_has_no_effect() {
    let project = Project::with_chunks(3);
    project.system(json!({"distpy_gpu": {"edge_seconds": 0.1}}));
    let ran = project
        .summary("")
        .ends(0)
        .says("found no index.csv that lists it, so distpy_gpu.edge_seconds has no effect");
    assert_eq!(ran.err.matches("edge_seconds").count(), 1, "{}", ran.err);
}

/// The example of the documentation: 1 kHz to 1 Hz, on a shorter recording with shorter chunks.
#[test]
fn low_frequencies_have_no_seams() {
    let example = |name: &str| -> Value {
        let path = crate::root().join("docs/examples").join(name);
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let project = Project::new();
    for k in 0..4 {
        segy(
            &project,
            &format!("raw/{k}.sgy"),
            80 * k as i64,
            80_000 * k,
            80_000,
        );
    }
    project.flow(example("low_frequency.json")["command_list"].clone());
    let system = example("low_frequency_system.json");
    let edge = system["distpy_gpu"]["edge_seconds"].as_f64().unwrap();
    project.system(json!({ "distpy_gpu": system["distpy_gpu"], "prf": null }));
    let need = needed(&project);
    assert!(need <= edge && need > edge / 2.0, "{need} {edge}");
    let run = |seconds: f64, out: &str| {
        let mut keys = system["distpy_gpu"].clone();
        keys["chunk_seconds"] = json!(seconds);
        keys["device"] = json!("cpu");
        project.system(json!({ "distpy_gpu": keys, "prf": null }));
        project.summary(&format!("-f raw -o {out}")).ends(0);
        let folder = project.path(&format!("{out}/low_frequency/summary.zarr/summary"));
        let array = zarr::open(&folder).unwrap();
        let [rows, cols] = array.shape();
        let samples = array.read(0..rows, 0..cols).unwrap().block::<f64>(0..rows);
        (array.times().unwrap().unwrap(), samples.as_real().clone())
    };
    let (whole, chunks) = (run(86_400.0, "whole"), run(70.5, "chunks"));
    assert_eq!(
        whole.0,
        (0..320).map(|k| (T0 + k) as f64).collect::<Vec<f64>>()
    );
    assert_eq!(chunks.0, whole.0);
    assert!(difference(&chunks.1, &whole.1) < 1e-5);
}

/// A command that needs only neighbouring samples along time, and whether it is recursive.
fn local() -> impl Strategy<Value = (Value, bool)> {
    prop_oneof![
        (2..60usize).prop_map(|n| (
            json!({"name": "running_mean", "window_length": n, "axis": 1}),
            false
        )),
        (2..40usize).prop_map(|n| (json!({"name": "running_max", "window_length": n}), false)),
        (1..20usize, 30..90usize)
            .prop_map(|(sta, lta)| (json!({"name": "sta_lta", "sta": sta, "lta": lta}), false)),
        (1..12usize).prop_map(|n| (json!({"name": "median_filter", "distance": [1, n]}), false)),
        (1..9usize).prop_map(|n| (json!({"name": "gaussian", "xsigma": 0, "tsigma": n}), false)),
        Just((json!({"name": "sobel"}), false)),
        (1..9usize).prop_map(|n| (json!({"name": "diff", "window_length": n}), false)),
        Just((json!({"name": "gradient", "axis": 1}), false)),
        (2..9usize).prop_map(|n| (json!({"name": "broaden", "window_length": n}), false)),
        (2..5usize).prop_map(|n| (json!({"name": "downsample", "tsample": n}), false)),
        (1..4usize, 2..6usize)
            .prop_map(|(up, down)| (json!({"name": "resample", "up": up, "down": down}), false)),
        (2..6usize).prop_map(|n| (json!({"name": "decimate", "factor": n}), true)),
        (2..6usize, 1..5usize).prop_map(|(low, order)| {
            (
                json!({"name": "bandpass", "low_freq": low, "high_freq": 6 * low, "order": order}),
                true,
            )
        }),
        (1..9usize).prop_map(|f| (
            json!({"name": "butter", "type": "lowpass", "freq": f}),
            true
        )),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_give_what_the_whole_recording_gives(
        commands in prop::collection::vec(local(), 1..4),
        samples in 4000..9000usize,
        milliseconds in 1000..3000usize,
        more in 0..300usize,
    ) {
        let project = recorded(samples);
        let (list, recursive): (Vec<Value>, Vec<bool>) = commands.into_iter().unzip();
        set_flow(&project, &list);
        set_chunks(&project, 100.0, 0.0, 0.0);
        let edge = needed(&project) + more as f64 / 1000.0;
        let exact = if recursive.contains(&true) { 1e-5 } else { 1e-9 };
        let mut devices = vec![("--device cpu --precision f64", exact)];
        devices.extend(has_software().then_some(("--device software", 1e-3)));
        for (device, tolerance) in devices {
            set_chunks(&project, 100.0, 0.0, 0.0);
            project.summary(&format!("{device} -f raw -o whole --overwrite=all")).ends(0);
            set_chunks(&project, milliseconds as f64 / 1000.0, 0.0, edge);
            std::fs::remove_dir_all(project.path("chunks_out")).ok();
            project.summary(&format!("{device} -f raw -o chunks_out")).ends(0);
            let [whole, chunks] = ["whole", "chunks_out"].map(|out| array(&project, out));
            prop_assert_eq!(whole.0.len(), chunks.0.len());
            prop_assert!(whole.0.iter().zip(&chunks.0).all(|(a, b)| (a - b).abs() < 1e-6));
            let off = difference(&chunks.1, &whole.1);
            prop_assert!(off < tolerance, "{}: {:.1e} {:?}", device, off, list);
        }
    }
}
