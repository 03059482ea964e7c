//! Modules under faults, and what each works with.

use serde_json::json;

use crate::program::Project;

/// A module and what it works with.
pub(super) struct Module {
    pub name: &'static str,
    pub prepare: fn(&Project),
    /// `OUT` stands for the output.
    pub args: &'static str,
    /// True if it writes one file, without joining the runs of a folder.
    pub alone: bool,
}

pub(super) const MODULES: &[Module] = &[
    Module {
        name: "ingest of SEG-Y",
        prepare: |project| recording(project, "raw/r.sgy"),
        args: "-m segy_ingest -c system.json -f raw/r.sgy -o OUT",
        alone: false,
    },
    #[cfg(feature = "hdf5")]
    Module {
        name: "ingest of HDF5",
        prepare: |project| recording(project, "raw/r.h5"),
        args: "-m ingest_h5 -c system.json -f raw/r.h5 -o OUT",
        alone: false,
    },
    Module {
        name: "a flow with every writer",
        prepare: |project| {
            recording(project, "chunks");
            every_writer(project);
        },
        args: "-m strainrate2summary -c system.json -o OUT",
        alone: false,
    },
    Module {
        name: "a flow straight through",
        prepare: |project| {
            recording(project, "raw/r.sgy");
            every_writer(project);
        },
        args: "-m strainrate2summary -c system.json -f raw/r.sgy -o OUT",
        alone: false,
    },
    Module {
        name: "curves from WITSML",
        prepare: results,
        args: "-m ingest_witsml -c system.json -f results/NoiseLog -o OUT",
        alone: false,
    },
    Module {
        name: "means of logs",
        prepare: results,
        args: "-m averageFBE -c system.json -f results/NoiseLog -o OUT",
        alone: false,
    },
    Module {
        name: "pictures",
        prepare: |project| {
            results(project);
            project
                .run("-m ingest_witsml -c system.json -f results -o curves")
                .ends(0);
            let plots = json!({"time_reference": "time.npy", "depth_reference": "measured_depth.npy", "plots": [
                {"plot_type": "well_log", "out_plot": "LOG", "plot_list": [
                    {"title_text": "low", "data": "band_01_0-20.npy", "colormap": "viridis"}]}]});
            project.write("plots.json", plots.to_string().as_bytes());
            let system = json!({"in_directory": "curves/NoiseLog", "out_directory": "pictures", "config": "plots.json"});
            project.write("pictures.json", system.to_string().as_bytes());
        },
        args: "-m plotgenerator -c pictures.json -o OUT",
        alone: false,
    },
    Module {
        name: "a report",
        prepare: results,
        args: "-m report -c system.json -o OUT",
        alone: false,
    },
    Module {
        name: "shifted times",
        prepare: results,
        args: "-m timeshift -c shift.json -f results/NoiseLog -o OUT",
        alone: false,
    },
    Module {
        name: "ingest of TDMS",
        prepare: |project| {
            project.system(json!({"prf": null}));
            let golden = crate::root().join("tests/golden/tdms/interleaved-big.tdms");
            project.write("raw/r.tdms", &std::fs::read(golden).unwrap());
        },
        args: "-m ingest_tdms -c system.json -f raw/r.tdms -o OUT",
        alone: false,
    },
    Module {
        name: "headers of every trace",
        prepare: |project| {
            recording(project, "raw/r.sgy");
            project.system(json!({"prf": 100, "distpy_gpu": {"device": "cpu", "headers": "distpy", "npy_dtype": "f64"}}));
        },
        args: "-m segy_ingest -c system.json -f raw/r.sgy -o OUT",
        alone: false,
    },
    Module {
        name: "logs from LAS",
        prepare: |project| {
            let golden = crate::root().join("tests/golden/io/las2fbe/input.las");
            project.write("data/input.las", &std::fs::read(golden).unwrap());
        },
        args: "-m las2fbe -c system.json -f data/input.las -o OUT",
        alone: false,
    },
    Module {
        name: "folders swapped",
        prepare: |project| {
            for time in [1_500_000_000, 1_500_000_001] {
                for result in ["low", "high"] {
                    let name = format!("data/{time}/{result}.npy");
                    project.write(&name, &crate::program::chunk(3, 4, 1));
                }
                let axis = crate::program::npy("'<f8'", false, &[4], &[0; 32]);
                project.write(&format!("data/{time}/measured_depth.npy"), &axis);
            }
        },
        args: "-m dirswap -c system.json -f data -o OUT",
        alone: false,
    },
    Module {
        name: "a described flow",
        prepare: every_writer,
        args: "-m document -c system.json -o OUT",
        alone: false,
    },
    Module {
        name: "a recording",
        prepare: |project| recording(project, "raw/r.sgy"),
        args: "-m synthesize -c recipe.json -o OUT/r.sgy",
        alone: true,
    },
];

/// Three seconds of eight channels.
pub fn recording(project: &Project, to: &str) {
    let recipe = json!({"channels": 8, "seconds": 3, "prf": 100, "seed": 3, "start": "2026-01-01T00:00:00Z"});
    project.write("recipe.json", recipe.to_string().as_bytes());
    project.system(json!({"prf": 100}));
    project
        .run(&format!("-m synthesize -c recipe.json -o {to}"))
        .ends(0);
}

pub fn every_writer(project: &Project) {
    let mut flow = vec![
        json!({"name": "fft", "uid": 1, "in_uid": 0}),
        json!({"name": "multiple_calcs", "uid": 2, "in_uid": 1, "func": "te_from_fft", "low_freq": [0, 20], "high_freq": [20, -1]}),
        json!({"name": "write_npy", "uid": 3, "in_uid": 2, "directory_out": "npy"}),
        json!({"name": "write_witsml", "uid": 4, "in_uid": 2, "directory_out": "NoiseLog", "low_freq": [0, 20], "high_freq": [20, -1]}),
        json!({"name": "write_csv", "uid": 5, "in_uid": 2, "directory_out": "csv", "events": false}),
        json!({"name": "write_parquet", "uid": 6, "in_uid": 2, "directory_out": "parquet", "events": false}),
        json!({"name": "write_zarr", "uid": 7, "in_uid": 2, "directory_out": "zarr", "array": "energy", "labels": ["low", "high"]}),
    ];
    if cfg!(feature = "hdf5") {
        flow.push(json!({"name": "write_h5", "uid": 8, "in_uid": 2, "directory_out": "h5", "array": "energy", "labels": ["low", "high"]}));
    }
    project.flow(flow.into());
}

/// Results of a flow with every writer.
pub(super) fn results(project: &Project) {
    recording(project, "chunks");
    every_writer(project);
    project.summary("").ends(0);
    let shift = json!({"in_directory": "results/NoiseLog", "out_directory": "shifted", "config": "hours.json"});
    project.write("hours.json", br#"{"hours": 1}"#);
    project.write("shift.json", shift.to_string().as_bytes());
}
