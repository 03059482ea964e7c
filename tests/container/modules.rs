//! Every module in a restricted container gives what the program on this machine gives.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::folder::Folder;
use crate::podman::{Container, IMAGE, Ran};

/// What of two runs must be the same.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Same {
    /// Every file, and standard output.
    Everything,
    /// The files, and the names in the JSON on standard output, whose values are times or speak of devices.
    Names,
}

/// The arguments that each module is run with, in a folder with recordings.
const RUNS: &[(&str, &str, Same)] = &[
    (
        "ingest",
        "-c system.json -f recordings/fibre.sgy -o made",
        Same::Everything,
    ),
    (
        "segy_ingest",
        "-c system.json -f recordings/fibre.sgy -o made",
        Same::Everything,
    ),
    (
        "ingest_h5",
        "-c system.json -f recordings/fibre.h5 -o made",
        Same::Everything,
    ),
    (
        "ingest_tdms",
        "-c system.json -f recordings/fibre.tdms -o made",
        Same::Everything,
    ),
    (
        "strainrate2summary",
        "-c system.json --device cpu",
        Same::Everything,
    ),
    (
        "ingest_witsml",
        "-c system.json -f logs -o made",
        Same::Everything,
    ),
    (
        "ingest_csv",
        "-c table_system.json -f tables/rows.csv -o made",
        Same::Everything,
    ),
    (
        "csv2fbe",
        "-c table_system.json -f tables/rows.csv -o made",
        Same::Everything,
    ),
    (
        "csv2dts",
        "-c grid_system.json -f tables/grid.csv -o made",
        Same::Everything,
    ),
    (
        "las2fbe",
        "-c las_system.json -f tables/curves.las -o made",
        Same::Everything,
    ),
    (
        "averageFBE",
        "-c system.json -f logs/NoiseLog -o made",
        Same::Everything,
    ),
    (
        "timeshift",
        "-c shift_system.json -f logs/te -o made",
        Same::Everything,
    ),
    (
        "dirswap",
        "-c system.json -f times -o made",
        Same::Everything,
    ),
    ("template", "-c template.json -o made", Same::Everything),
    (
        "plotgenerator",
        "-c plots_system.json -o made",
        Same::Everything,
    ),
    (
        "document",
        "-c system.json -o made --device cpu",
        Same::Everything,
    ),
    (
        "report",
        "-c system.json -o logs --device cpu",
        Same::Everything,
    ),
    (
        "synthesize",
        "-c system.json -o made/fibre.sgy",
        Same::Everything,
    ),
    ("diff", "-f logs/te logs/te --json", Same::Everything),
    (
        "verify",
        "-c system.json -o logs --device cpu --json",
        Same::Everything,
    ),
    (
        "benchmark",
        "-c system.json --device cpu --json",
        Same::Names,
    ),
    (
        "render-job",
        "-c system.json --pool gke --shards 2",
        Same::Everything,
    ),
    ("devices", "--json", Same::Names),
    ("commands", "--json", Same::Everything),
    ("exit-codes", "--json", Same::Everything),
    ("modules", "--json", Same::Everything),
];

/// Modules that leave files.
const MAKERS: &[&str] = &[
    "ingest",
    "segy_ingest",
    "ingest_h5",
    "ingest_tdms",
    "strainrate2summary",
    "ingest_witsml",
    "ingest_csv",
    "csv2fbe",
    "csv2dts",
    "las2fbe",
    "averageFBE",
    "timeshift",
    "dirswap",
    "template",
    "plotgenerator",
    "document",
    "report",
    "synthesize",
];

fn arguments(module: &str) -> (String, Same) {
    let run = RUNS.iter().find(|(name, ..)| *name == module);
    let (_, args, same) = run.unwrap_or_else(|| {
        panic!("module `{module}` is not run in a container; add its arguments to RUNS in tests/container/modules.rs")
    });
    (format!("-m {module} {args}"), *same)
}

#[test]
fn every_module_runs_without_rights_and_network() {
    let listed = Container::restricted(IMAGE, "-m modules --json")
        .run()
        .ends(0);
    let listed: Vec<Value> = serde_json::from_str(&listed.out).unwrap();
    assert!(listed.len() >= RUNS.len());
    for module in listed {
        let module = module["name"].as_str().unwrap().to_owned();
        let (args, same) = arguments(&module);
        let [here, there] = [Folder::with_recordings(), Folder::with_recordings()];
        let before = here.files("");
        let on_host = here.host(&args).ends(0);
        let container = Container::restricted(IMAGE, &args).with_data(there.path());
        let contained = container.run().ends(0);
        assert!(
            contained.changed.is_empty(),
            "{module}: {:?}",
            contained.changed
        );
        let made = here.files("");
        let names = made.keys().collect::<Vec<_>>();
        assert!(
            there.files("") == made,
            "{module}: other files than {names:?}"
        );
        assert_eq!(MAKERS.contains(&&*module), made != before, "{module}");
        compare(&module, same, &on_host, &contained);
    }
}

fn compare(module: &str, same: Same, on_host: &Ran, contained: &Ran) {
    match same {
        Same::Everything => assert_eq!(on_host.out, contained.out, "{module}"),
        Same::Names => {
            let [here, there] = [on_host, contained].map(|ran| {
                let json: Value = serde_json::from_str(&ran.out).unwrap();
                names(&json)
            });
            assert!(!here.is_empty(), "{module}: {}", on_host.out);
            assert_eq!(here, there, "{module}");
        }
    }
}

/// The names at the top of a JSON document.
fn names(json: &Value) -> BTreeSet<String> {
    let object = json.as_object().unwrap();
    object.keys().cloned().collect()
}

#[test]
fn a_user_whom_nobody_knows_is_as_good() {
    let want = Folder::with_recordings();
    let flow = arguments("strainrate2summary").0;
    want.host(&flow).ends(0);
    for user in ["1234567:0", "4321:4321"] {
        let folder = Folder::with_recordings();
        let container = Container {
            user: Some(user.to_owned()),
            ..Container::restricted(IMAGE, &flow)
        };
        container.with_data(folder.path()).run().ends(0);
        assert!(folder.files("") == want.files(""), "{user}");
    }
}

/// Root in a file system that can be written to leaves nothing outside the data and `/tmp` either.
#[test]
fn nothing_is_written_elsewhere() {
    for module in MAKERS {
        let folder = Folder::with_recordings();
        let container = Container {
            user: Some("0:0".to_owned()),
            tmpfs: vec!["/tmp".to_owned()],
            ..Container::new(IMAGE, &arguments(module).0)
        };
        let ran = container.with_data(folder.path()).run().ends(0);
        assert!(ran.changed.is_empty(), "{module}: {:?}", ran.changed);
    }
}
