//! What is in the image, before the program does anything.

use std::process::Command;

use serde_json::{Value, json};

use crate::folder::project;
use crate::podman::{Container, IMAGE, MESA, kept, root, shell, text};

/// Largest download that a node should have to make, in bytes.
const LARGEST: u64 = 120_000_000;

fn config(image: &str) -> Value {
    let text = text(&["image", "inspect", "--format", "{{json .Config}}", image]);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_program_is_the_first_process_of_a_user_without_rights() {
    for image in [IMAGE, MESA] {
        let config = config(image);
        assert_eq!(config["Entrypoint"], json!(["distpy-gpu"]));
        assert_eq!(config["Cmd"], json!(["--help"]));
        assert_eq!(config["User"], json!("65532:65532"));
        assert_eq!(config["WorkingDir"], json!("/data"));
        assert_eq!(config["StopSignal"], json!("SIGTERM"));
        let env: Vec<&str> = config["Env"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap())
            .collect();
        for entry in [
            "NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility",
            "LD_LIBRARY_PATH=/usr/local/nvidia/lib64",
            "HOME=/tmp",
            "XDG_CACHE_HOME=/tmp/.cache",
            "XDG_RUNTIME_DIR=/tmp",
        ] {
            assert!(env.contains(&entry), "{image}: {entry} is not in {env:?}");
        }
        // It would show GPUs that nobody asked for.
        let exposing = env
            .iter()
            .any(|it| it.starts_with("NVIDIA_VISIBLE_DEVICES"));
        assert!(!exposing, "{image}: {env:?}");
    }
}

#[test]
fn labels_tell_what_it_is() {
    let labels = &config(IMAGE)["Labels"];
    let label = |key: &str| {
        labels[format!("org.opencontainers.image.{key}")]
            .as_str()
            .unwrap_or_else(|| panic!("no label {key} in {labels}"))
            .to_owned()
    };
    assert_eq!(label("title"), "distpy-gpu");
    assert_eq!(label("licenses"), "Apache-2.0");
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert!(label("description").contains("distributed acoustic sensing"));
    let revision = label("revision");
    let commit = revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(commit || revision == "unknown", "{revision}");
    assert!(!label("created").is_empty());
}

#[test]
fn without_arguments_it_prints_the_help() {
    let ran = Container::new(IMAGE, "").run().ends(0);
    assert!(
        ran.out
            .contains("Usage: distpy-gpu [OPTIONS] --module <MODULE>"),
        "{}",
        ran.out
    );
    assert_eq!(ran.err, "");
    assert!(ran.changed.is_empty(), "{:?}", ran.changed);
}

#[test]
fn it_is_small() {
    let script = format!("podman save {IMAGE} | gzip -6 | wc -c");
    let bytes: u64 = shell(&script, root()).ends(0).out.trim().parse().unwrap();
    eprintln!("{IMAGE} is {:.1} MB compressed", bytes as f64 / 1e6);
    assert!(bytes < LARGEST, "{bytes} bytes, at most {LARGEST}");
    assert!(bytes > 10_000_000, "{bytes} bytes are no Debian");
}

/// A command of the image that is not the program's.
fn inside(image: &str, command: &str) -> String {
    let container = Container {
        entrypoint: Some(vec!["sh".to_owned()]),
        ..Container::restricted(image, "")
    };
    let args = vec!["-euc".to_owned(), command.to_owned()];
    Container { args, ..container }.run().ends(0).out
}

#[test]
fn it_holds_what_a_driver_needs_and_no_leftovers() {
    let out = inside(
        IMAGE,
        "/sbin/ldconfig -p | grep -oE 'lib(vulkan|X11|Xext|EGL)\\.so\\.[0-9]+' | sort -u
         find /var/lib/apt/lists /var/cache/apt /var/log -type f
         find /usr/share/doc -type f ! -name copyright
         find /usr/share/man /usr/share/locale -type f | head -n 3
         cat /usr/share/glvnd/egl_vendor.d/10_nvidia.json /usr/share/distpy-gpu/vulkan/nvidia_egl_icd.json",
    );
    let json = ["docker/10_nvidia.json", "docker/nvidia_egl_icd.json"]
        .map(|name| std::fs::read_to_string(project(name)).unwrap())
        .concat();
    let (found, described) = out.split_at(out.find('{').unwrap());
    assert_eq!(described, json);
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    let expected = [
        "/usr/share/doc/distpy-gpu/LICENSE",
        "/usr/share/doc/distpy-gpu/NOTICE",
        "/usr/share/doc/distpy-gpu/debian-packages.txt",
        "/usr/share/doc/distpy-gpu/sbom.cdx.json",
        "libEGL.so.1",
        "libX11.so.6",
        "libXext.so.6",
        "libvulkan.so.1",
    ];
    assert_eq!(found, expected);
    for name in ["LICENSE", "NOTICE"] {
        let inside = inside(IMAGE, &format!("cat /usr/share/doc/distpy-gpu/{name}"));
        let here = std::fs::read_to_string(project(name)).unwrap();
        assert_eq!(inside, here, "{name}");
    }
}

#[test]
fn its_parts_are_listed() {
    let text = inside(IMAGE, "cat /usr/share/doc/distpy-gpu/sbom.cdx.json");
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bill["bomFormat"], json!("CycloneDX"));
    assert_eq!(bill["metadata"]["component"]["name"], json!("distpy-gpu"));
    let listed = |name: &str| -> Vec<&str> {
        let components = bill["components"].as_array().unwrap().iter();
        components
            .filter(|it| it["name"] == *name)
            .map(|it| it["version"].as_str().unwrap())
            .collect()
    };
    let lock = std::fs::read_to_string(project("Cargo.lock")).unwrap();
    for name in ["wgpu", "rustfft", "hdf5-metno-sys"] {
        assert_eq!(listed(name), [locked(&lock, name)], "{name}");
    }
    for of_tests in ["criterion", "proptest", "jsonschema"] {
        assert!(!locked(&lock, of_tests).is_empty());
        assert!(listed(of_tests).is_empty(), "{of_tests}");
    }
    for image in [IMAGE, MESA] {
        let list = inside(
            image,
            "cat /usr/share/doc/distpy-gpu/debian-packages.txt; echo --; dpkg-query -W",
        );
        let (listed, installed) = list.split_once("--\n").unwrap();
        assert_eq!(listed, installed, "{image}");
        assert!(listed.contains("libvulkan1:"), "{listed}");
    }
}

/// The version of a package in Cargo.lock.
fn locked<'a>(lock: &'a str, name: &str) -> &'a str {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let (_, rest) = lock
        .split_once(&entry)
        .unwrap_or_else(|| panic!("no {name} in Cargo.lock"));
    rest.split('"').next().unwrap()
}

#[test]
fn the_dockerfile_is_clean() {
    let hadolint = kept().join("venv/bin/hadolint");
    let output = Command::new(&hadolint)
        .args(["--config", "docker/.hadolint.yaml", "docker/Dockerfile"])
        .current_dir(root())
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", hadolint.display()));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    // It did look: a version of a package that is not pinned is what it was told to leave out.
    let output = Command::new(&hadolint)
        .args(["--no-color", "docker/Dockerfile"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("DL3008"));
}
