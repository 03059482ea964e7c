//! The commands of docker/README.md are run, with podman in place of docker.

use serde_yaml_ng::Value;

use crate::folder::{Folder, project};
use crate::podman::{Ran, kept, shell};

/// Options of GPUs that this machine has not.
const GPU_OPTIONS: &[&str] = &[
    "--gpus all ",
    "--device /dev/dri --group-add \"$(stat -c %g /dev/dri/renderD128)\" ",
];

/// The commands in the blocks of shell, each on one line.
fn commands() -> Vec<String> {
    let text = std::fs::read_to_string(project("docker/README.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .flat_map(|block| {
            let joined = block.replace("\\\n", " ");
            joined.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// The project's folder as a user finds it, but the recording is short.
fn checkout() -> Folder {
    let folder = Folder::empty();
    for name in [
        "noiselog.json",
        "plots_system.json",
        "plots.json",
        "segments.txt",
    ] {
        let example = format!("docs/examples/{name}");
        folder.write(&example, &std::fs::read(project(&example)).unwrap());
    }
    let text = std::fs::read_to_string(project("docs/examples/system.json")).unwrap();
    let mut system: serde_json::Value = serde_json::from_str(&text).unwrap();
    system["distpy_gpu"]["synthesize"]["channels"] = 50.into();
    system["distpy_gpu"]["synthesize"]["seconds"] = 3.into();
    folder.write_json("docs/examples/system.json", &system);
    folder
}

fn run(command: &str, folder: &Folder) -> Ran {
    let compose = kept().join("venv/bin/podman-compose");
    let script = format!(
        r#"docker() {{ if [ "$1" = compose ]; then shift; {} -p {} "$@"; else podman "$@"; fi; }}
        {command}"#,
        compose.display(),
        format_args!("distpy-gpu-test-{}", std::process::id()),
    );
    shell(&script, folder.path())
}

#[test]
fn every_docker_run_does_what_the_page_says() {
    let folder = checkout();
    let mut modules = Vec::new();
    let commands = commands();
    for command in commands.iter().filter(|it| it.starts_with("docker run ")) {
        let mut here = command.clone();
        for options in GPU_OPTIONS {
            here = here.replace(options, "");
        }
        let code = if command.contains("--device gpu") {
            69
        } else {
            0
        };
        let ran = run(&here, &folder);
        assert_eq!(ran.code, code, "{here}\n{}{}", ran.out, ran.err);
        let mut words = here.split_whitespace().skip_while(|word| *word != "-m");
        modules.extend(words.nth(1).map(str::to_owned));
    }
    for module in [
        "synthesize",
        "segy_ingest",
        "ingest_h5",
        "strainrate2summary",
        "ingest_witsml",
        "plotgenerator",
        "report",
        "devices",
    ] {
        assert!(
            modules.iter().any(|it| it == module),
            "{module} is not shown"
        );
    }
    assert!(folder.path().join("demo/recording.sgy").exists());
    let logs = folder.files("demo/results/NoiseLog");
    assert_eq!(logs.len(), 3, "{:?}", logs.keys());
    assert!(folder.files("demo/again/NoiseLog") == logs);
    assert_eq!(folder.files("demo/pictures").len(), 3);
    assert!(folder.path().join("demo/results/report.html").exists());
    let [segy, hdf5] = ["demo/chunks", "demo/chunks_h5"].map(|name| arrays(&folder, name));
    assert_eq!(segy.len(), 4, "three chunks and the depth: {segy:?}");
    assert_eq!(segy, hdf5);
}

#[test]
fn compose_reserves_a_gpu_and_grants_nothing_else() {
    let text = std::fs::read_to_string(project("docker/compose.yaml")).unwrap();
    let mut compose: Value = serde_yaml_ng::from_str(&text).unwrap();
    compose.apply_merge().unwrap();
    let services = compose["services"].as_mapping_mut().unwrap();
    assert_eq!(services.len(), 3);
    for (name, service) in services {
        service.apply_merge().unwrap();
        let keys = [
            "read_only",
            "network_mode",
            "cap_drop",
            "security_opt",
            "tmpfs",
        ];
        let values = keys.map(|key| serde_json::to_string(&service[key]).unwrap());
        let expected = [
            "true",
            "\"none\"",
            "[\"ALL\"]",
            "[\"no-new-privileges\"]",
            "[\"/tmp\"]",
        ];
        assert_eq!(values, expected, "{name:?}");
        let args = serde_json::to_string(&service["command"]).unwrap();
        let device = &service["deploy"]["resources"]["reservations"]["devices"][0];
        assert_eq!(args.contains("\"gpu\""), !device.is_null(), "{name:?}");
        assert_eq!(
            service["profiles"][0] == "gpu",
            !device.is_null(),
            "{name:?}"
        );
        if !device.is_null() {
            assert_eq!(device["driver"], "nvidia");
            assert_eq!(device["capabilities"][0], "gpu");
        }
    }
}

/// The names of the arrays in a folder.
fn arrays(folder: &Folder, name: &str) -> Vec<String> {
    let names = folder.files(name).into_keys();
    names.filter(|it| it.ends_with(".npy")).collect()
}

#[test]
fn images_have_the_tag_that_is_built() {
    let tag = concat!("distpy-gpu:", env!("CARGO_PKG_VERSION"));
    for page in ["docker/README.md", "docker/compose.yaml"] {
        let text = std::fs::read_to_string(project(page)).unwrap();
        let tags: Vec<&str> = text.split("distpy-gpu:").skip(1).collect();
        assert!(!tags.is_empty());
        for rest in tags {
            let found = format!("distpy-gpu:{rest}");
            assert!(
                found.starts_with(tag),
                "{page}: {}",
                found.lines().next().unwrap()
            );
        }
    }
}

#[test]
fn compose_ingests_and_then_summarises() {
    let recordings = Folder::with_recordings();
    let folder = Folder::empty();
    for name in ["system.json", "noiselog.json", "recordings/fibre.sgy"] {
        let bytes = std::fs::read(recordings.path().join(name)).unwrap();
        folder.write(&format!("data/{name}"), &bytes);
    }
    let file = "docker/compose.yaml";
    folder.write(file, &std::fs::read(project(file)).unwrap());
    let commands = commands();
    let up = commands.iter().find(|it| it.ends_with("--profile cpu up"));
    let ran = run(up.unwrap(), &folder);
    run(&up.unwrap().replace(" up", " down"), &folder).ends(0);
    let log = format!("{}{}", ran.out, ran.err);
    assert_eq!(ran.code, 0, "{log}");
    let flow = "-m strainrate2summary -c system.json --device cpu";
    recordings.host(flow).ends(0);
    let want = recordings.files("results");
    assert!(
        !want.is_empty() && folder.files("data/results") == want,
        "{log}"
    );
}
