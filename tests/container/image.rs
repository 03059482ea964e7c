//! What is in the image, before the program does anything.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::folder::project;
use crate::podman::{Container, IMAGE, MESA, Ran, kept, podman, root, shell, text};

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
         find /var/lib /var/log -type f ! -path /var/lib/dpkg/status
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

/// The files of an image, mounted for as long as this exists.
struct Files(&'static str, PathBuf);

impl Files {
    fn of(image: &'static str) -> Self {
        Self(image, text(&["image", "mount", image]).trim().into())
    }

    /// Each path with its mode, links not followed.
    fn walk(&self) -> BTreeMap<PathBuf, u32> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.1.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = path.symlink_metadata().unwrap();
                let name = path.strip_prefix(&self.1).unwrap();
                found.insert(name.to_owned(), metadata.permissions().mode());
                if metadata.is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.1.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = podman().args(["image", "unmount", self.0]).output();
    }
}

#[test]
fn nothing_in_it_installs_software_or_gives_rights() {
    const SET_USER_OR_GROUP: u32 = 0o6000;
    const WORLD_WRITABLE: u32 = 0o002;
    for image in [IMAGE, MESA] {
        let files = Files::of(image).walk();
        assert!(files.len() > 500, "{image}: {} files", files.len());
        for (path, mode) in &files {
            let shown = format!("{image}: {} {mode:o}", path.display());
            assert_eq!(mode & SET_USER_OR_GROUP, 0, "{shown}");
            // Links and devices have all rights, and folders such as /tmp let nobody remove the files of others.
            let plain = [libc::S_IFREG, libc::S_IFDIR].contains(&(mode & libc::S_IFMT));
            let sticky = mode & libc::S_ISVTX != 0;
            assert!(!plain || sticky || mode & WORLD_WRITABLE == 0, "{shown}");
            let name = path.file_name().unwrap().to_string_lossy();
            let tool = ["apt-", "dpkg-", "perl"]
                .iter()
                .any(|it| name.starts_with(it))
                || ["apt", "bash", "mount", "openssl", "passwd", "su"].contains(&&*name);
            assert!(!tool || path.starts_with("etc"), "{shown}");
        }
        let programs = ["usr/local/bin/distpy-gpu", "usr/bin/dash", "usr/bin/find"];
        for present in programs.map(Path::new) {
            assert!(
                files.contains_key(present),
                "{image}: {}",
                present.display()
            );
        }
    }
}

#[test]
fn each_library_finds_those_that_it_links() {
    let script = "find /usr -type f \\( -name '*.so*' -o -path '*bin/*' \\) -exec sh -c '
        for file; do
            /lib64/ld-linux-x86-64.so.2 --list \"$file\" 2>&1 | grep \"not found\" | sed \"s|^|$file: |\"
        done' sh {} +; true";
    for image in [IMAGE, MESA] {
        assert_eq!(inside(image, script), "", "{image}");
    }
}

#[test]
fn its_parts_are_listed() {
    let text = inside(IMAGE, "cat /usr/share/doc/distpy-gpu/sbom.cdx.json");
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bill["bomFormat"], json!("CycloneDX"));
    assert_eq!(bill["specVersion"], json!("1.5"));
    assert_eq!(bill["metadata"]["component"]["name"], json!("distpy-gpu"));
    let listed: BTreeSet<(String, String)> = bill["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| [&it["name"], &it["version"]].map(|it| it.as_str().unwrap().to_owned()))
        .map(|[name, version]| (name, version))
        .collect();
    assert_eq!(listed, linked());

    let lock = std::fs::read_to_string(project("Cargo.lock")).unwrap();
    for name in ["wgpu", "rustfft", "hdf5-metno", "zarrs"] {
        let entry = (name.to_owned(), locked(&lock, name).to_owned());
        assert!(listed.contains(&entry), "{entry:?}");
    }
    for of_tests in ["criterion", "proptest", "jsonschema"] {
        assert!(!locked(&lock, of_tests).is_empty());
        let found = listed.iter().find(|(name, _)| name == of_tests);
        assert_eq!(found, None);
    }
}

#[test]
fn its_bill_of_materials_is_sound() {
    let text = inside(IMAGE, "cat /usr/share/doc/distpy-gpu/sbom.cdx.json");
    let validator = "import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
sys.exit(str(error) if error else 0)";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sbom.cdx.json");
    std::fs::write(&file, &text).unwrap();
    let python = kept().join("venv/bin/python");
    let output = Command::new(&python)
        .args(["-c", validator])
        .arg(&file)
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", python.display()));
    Ran::of(output).ends(0);

    let bill: Value = serde_json::from_str(&text).unwrap();
    for component in bill["components"].as_array().unwrap() {
        let name = &component["name"];
        let licenses = component["licenses"].as_array();
        let licenses = licenses.unwrap_or_else(|| panic!("no licence of {name}"));
        assert!(!licenses.is_empty(), "no licence of {name}");
        for license in licenses {
            // A name in place of an identifier of SPDX is what the generator writes when it knows none.
            let known = license["expression"].is_string() || license["license"]["id"].is_string();
            assert!(known, "{name}: {license}");
        }
    }
    for folder in ["file:///", "path+", &root().display().to_string()] {
        assert!(!text.contains(folder), "{folder}");
    }
}

/// Packages from elsewhere that are linked into the program or into macros of it, with their versions.
fn linked() -> BTreeSet<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges=normal", "--prefix=none"])
        .current_dir(root())
        .output()
        .unwrap();
    let found = Ran::of(output).ends(0).out;
    found
        .lines()
        // Packages of this repository have their folder in parentheses.
        .filter(|line| !line.contains(" (/"))
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
        })
        .collect()
}

#[test]
fn its_debian_packages_are_listed() {
    for image in [IMAGE, MESA] {
        let files = Files::of(image);
        let list = files.read("usr/share/doc/distpy-gpu/debian-packages.txt");
        // Of a package that may be installed for several architectures, the list names which.
        let listed: BTreeSet<(&str, &str)> = list
            .lines()
            .map(|line| line.split_once('\t').unwrap())
            .map(|(name, version)| (name.split(':').next().unwrap(), version))
            .collect();
        // The file that scanners read.
        let status = files.read("var/lib/dpkg/status");
        let installed: BTreeSet<(&str, &str)> = status
            .split("\n\n")
            .filter(|entry| !entry.trim().is_empty())
            .map(|entry| {
                let field = |name: &str| {
                    let mut lines = entry.lines();
                    let found = lines.find_map(|line| line.strip_prefix(name));
                    found.unwrap_or_else(|| panic!("{image}: no {name} in {entry}"))
                };
                assert_eq!(field("Status: "), "install ok installed");
                (field("Package: "), field("Version: "))
            })
            .collect();
        assert_eq!(listed, installed, "{image}");
        let names: BTreeSet<&str> = listed.iter().map(|(name, _)| *name).collect();
        for present in [
            "ca-certificates",
            "libc6",
            "libegl1",
            "libvulkan1",
            "libx11-6",
        ] {
            assert!(names.contains(present), "{image}: {present}");
        }
        for absent in ["apt", "dpkg", "perl-base", "openssl", "passwd", "login"] {
            assert!(!names.contains(absent), "{image}: {absent}");
        }
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
