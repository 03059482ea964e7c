//! `-m devices` as a doctor: machines made of a few files, and what it says of them.

mod machine;

use std::path::{Path, PathBuf};

use distpy_gpu::gpu::adapter::DeviceType;
use distpy_gpu::modules::devices::diagnose::{Finding, Severity, diagnose};
use distpy_gpu::modules::devices::facts::Facts;
use distpy_gpu::modules::devices::libraries::Place;
use serde_json::Value;

use crate::program::{Project, Ran};
use machine::*;

/// A machine by name, and its findings: each by identity and a part of its text.
type Case<'a> = (&'a str, Fake, &'a [(&'a str, &'a str)]);

/// Each machine gives its findings and no others.
#[track_caller]
fn check(machines: Vec<Case>) {
    for (name, fake, expected) in machines {
        let findings = fake.findings();
        let ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
        let wanted: Vec<_> = expected.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, wanted, "{name}: {findings:#?}");
        for (finding, (_, fragment)) in findings.iter().zip(expected) {
            let Finding {
                found,
                cause,
                advice,
                ..
            } = finding;
            let text = format!("{found}\n{cause}\n{advice}");
            assert!(text.contains(fragment), "{name}: {fragment}\nin\n{text}");
            for words in [found, cause, advice] {
                assert!(
                    !words.is_empty() && !words.ends_with('.'),
                    "{name}: {words}"
                );
            }
        }
    }
}

#[test]
fn healthy_machines_have_no_findings() {
    let card = |fake: Fake| fake.lists("NVIDIA L4", DeviceType::Discrete);
    check(vec![
        ("NVIDIA", card(nvidia()), &[]),
        ("NVIDIA by another route", card(gpu()), &[]),
        (
            "AMD",
            amd().lists("AMD Radeon (RADV)", DeviceType::Discrete),
            &[],
        ),
        (
            "two adapters",
            card(nvidia().node("/dev/dri/renderD128")).lists("llvmpipe", DeviceType::Software),
            &[],
        ),
        (
            "an idle manifest of 32 bits",
            card(nvidia())
                .file("/usr/lib/i386-linux-gnu/libvulkan_intel.so", elf(32))
                .manifest(
                    "/usr/share/vulkan/icd.d/intel_icd.i686.json",
                    "/usr/lib/i386-linux-gnu/libvulkan_intel.so",
                ),
            &[],
        ),
    ]);
}

#[test]
fn without_a_gpu_there_is_nothing_to_repair() {
    let module = "/proc/driver/nvidia/version";
    let quiet = |fake: Fake| {
        let findings = fake.findings();
        let notes = findings.iter().all(|it| it.severity == Severity::Note);
        assert!(notes, "{findings:#?}");
        fake
    };
    check(vec![
        (
            "nothing",
            quiet(Fake::default()),
            &[("no-gpu", "on this machine")],
        ),
        (
            "an image",
            quiet(pod()),
            &[("no-gpu", "resources.limits, as nvidia.com/gpu: 1")],
        ),
        (
            "an image with an idle manifest",
            quiet(pod().manifest(MANIFEST, "libGLX_nvidia.so.0")),
            &[("no-gpu", "the CPU computes")],
        ),
        (
            "software only",
            quiet(pod().lists("llvmpipe (LLVM 15.0.6)", DeviceType::Software)),
            &[("only-software", "`--device gpu` refuses it")],
        ),
        (
            "a GPU that the pod did not ask for",
            quiet(pod().file(
                module,
                format!(
                    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {VERSION}  Release\n"
                ),
            )),
            &[("gpu-not-requested", "NVIDIA's driver 550.163.01")],
        ),
        (
            "the same with words for none",
            quiet(
                gpu()
                    .without("nvidia0")
                    .without("nvidiactl")
                    .env("NVIDIA_VISIBLE_DEVICES", "void"),
            ),
            &[("gpu-not-requested", "limits, as nvidia.com/gpu: 1")],
        ),
        (
            "a GPU on the bus of the node",
            quiet(
                pod()
                    .file("/sys/bus/pci/devices/0000:03:00.0/class", "0x038000\n")
                    .file("/sys/bus/pci/devices/0000:03:00.0/vendor", "0x1002\n")
                    .file("/sys/bus/pci/devices/0000:04:00.0/class", "0x030000\n")
                    .file("/sys/bus/pci/devices/0000:04:00.0/vendor", "0x1a03\n"),
            ),
            &[("gpu-not-requested", "limits, as amd.com/gpu: 1")],
        ),
        (
            "a card without its driver",
            quiet(
                Fake::default()
                    .file("/sys/bus/pci/devices/0000:03:00.0/class", "0x030200\n")
                    .file("/sys/bus/pci/devices/0000:03:00.0/vendor", "0x10de\n"),
            ),
            &[("nvidia-driver-not-loaded", "install NVIDIA's driver")],
        ),
    ]);
}

#[test]
fn a_gpu_of_nvidia_without_its_libraries() {
    let bare = "NVIDIA_DRIVER_CAPABILITIES";
    let mut unset = gpu();
    unset.env.remove(bare);
    let host = |mut fake: Fake| {
        fake.env.clear();
        fake
    };
    check(vec![
        (
            "no graphics among the capabilities",
            gpu().env(bare, "compute,utility"),
            &[(
                "nvidia-capabilities",
                "set NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility",
            )],
        ),
        (
            "no capabilities",
            unset,
            &[(
                "nvidia-capabilities",
                "is not set, which means utility,compute",
            )],
        ),
        (
            "a driver for computing only",
            gpu().library("libcuda.so.1"),
            &[("nvidia-compute-only-driver", "(CUDA works)")],
        ),
        (
            "all capabilities",
            gpu().env(bare, "all"),
            &[("nvidia-compute-only-driver", "the node")],
        ),
        (
            "on a host",
            host(gpu()),
            &[("nvidia-compute-only-driver", "the machine")],
        ),
        (
            "GKE",
            gpu()
                .library(&format!("{GKE}/libGLX_nvidia.so.0"))
                .manifest(MANIFEST, "libGLX_nvidia.so.0"),
            &[(
                "nvidia-library-path",
                "set LD_LIBRARY_PATH=/usr/local/nvidia/lib64",
            )],
        ),
        (
            "a folder of which ldconfig did not hear",
            gpu()
                .library("/opt/driver/libEGL_nvidia.so.0")
                .file("/etc/ld.so.conf", "include ld.so.conf.d/*.conf # more\n")
                .file("/etc/ld.so.conf.d/nvidia.conf", "/opt/driver\n"),
            &[("nvidia-library-path", "set LD_LIBRARY_PATH=/opt/driver")],
        ),
    ]);
}

#[test]
fn a_gpu_of_nvidia_with_its_libraries() {
    let spare = "/usr/share/distpy-gpu/vulkan/nvidia_egl_icd.json";
    check(vec![
        (
            "all is there",
            nvidia(),
            &[("driver-lists-nothing", "'vkCreateInstance' (-3)")],
        ),
        (
            "all is there, and another way",
            nvidia().manifest(spare, "libEGL_nvidia.so.0"),
            &[(
                "driver-lists-nothing",
                "try VK_DRIVER_FILES=/usr/share/distpy-gpu",
            )],
        ),
        (
            "no loader",
            nvidia().without("libvulkan.so.1"),
            &[("no-loader", "libvulkan1")],
        ),
        (
            "a loader in a folder of its own",
            nvidia()
                .without("libvulkan.so.1")
                .library("/usr/lib64/libvulkan.so.1"),
            &[("no-loader", "/usr/lib64/libvulkan.so.1")],
        ),
        (
            "no manifest",
            nvidia().without(MANIFEST),
            &[("nvidia-no-manifest", "toolkit 1.18")],
        ),
        (
            "no manifest, but one to spare",
            nvidia()
                .without(MANIFEST)
                .manifest(spare, "libEGL_nvidia.so.0"),
            &[(
                "nvidia-no-manifest",
                "set VK_ADD_DRIVER_FILES=/usr/share/distpy-gpu/vulkan",
            )],
        ),
        (
            "a variable that leads elsewhere",
            nvidia()
                .library("libvulkan_lvp.so")
                .manifest("/lvp.json", "libvulkan_lvp.so")
                .env("VK_ICD_FILENAMES", "/lvp.json"),
            &[("nvidia-no-manifest", "restricts the loader to /lvp.json")],
        ),
        (
            "no X11",
            nvidia().without("libX11.so.6"),
            &[(
                "nvidia-needs-x11",
                "needs libX11.so.6, which the image lacks",
            )],
        ),
        (
            "no X11, but a driver that needs none",
            nvidia()
                .without("libX11.so.6")
                .without("libXext.so.6")
                .manifest(MANIFEST, "libEGL_nvidia.so.0"),
            &[("driver-lists-nothing", "no adapter is listed")],
        ),
        (
            "no EGL",
            nvidia().without("libEGL.so.1"),
            &[("nvidia-needs-egl", "libegl1")],
        ),
        (
            "no vendor of EGL",
            nvidia().without("10_nvidia.json"),
            &[(
                "nvidia-needs-egl",
                "needs glvnd/egl_vendor.d/10_nvidia.json",
            )],
        ),
        (
            "half a driver",
            nvidia()
                .without("libnvidia-glsi.so.550.163.01")
                .without("libnvidia-tls.so.550.163.01"),
            &[(
                "nvidia-incomplete",
                "without libnvidia-glsi.so.550.163.01, libnvidia-tls.so.550.163.01",
            )],
        ),
        (
            "only a part of the manifest's",
            nvidia().without("libGLX_nvidia.so.0"),
            &[("manifest-library-missing", "names libGLX_nvidia.so.0")],
        ),
        (
            "another version's module",
            nvidia().file(
                "/proc/driver/nvidia/version",
                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.1.2  x\n",
            ),
            &[(
                "nvidia-versions-differ",
                "version 550.163.01, the kernel's module is of 535.1.2",
            )],
        ),
    ]);
}

#[test]
fn devices_that_are_not_given() {
    let node = "/dev/dri/renderD128";
    check(vec![
        (
            "libraries without a GPU",
            nvidia().without("nvidia0").without("nvidiactl"),
            &[(
                "nvidia-no-device",
                "libGLX_nvidia.so.0, but no /dev/nvidia0",
            )],
        ),
        (
            "another runtime than NVIDIA's",
            pod().env("NVIDIA_VISIBLE_DEVICES", "all"),
            &[("nvidia-runtime", "runtimeClassName: nvidia")],
        ),
        (
            "no control node",
            nvidia().without("nvidiactl"),
            &[(
                "nvidia-no-control-node",
                "/dev/nvidia0, but no /dev/nvidiactl",
            )],
        ),
        (
            "a mounted /dev",
            nvidia().closed("/dev/nvidia0", EPERM),
            &[("device-forbidden", "nvidia.com/gpu: 1")],
        ),
        (
            "a lost GPU",
            nvidia().closed("/dev/nvidia0", ENXIO),
            &[("device-fails", "Xid")],
        ),
        (
            "MIG by name",
            nvidia().env("NVIDIA_VISIBLE_DEVICES", "MIG-8d5c"),
            &[("nvidia-mig", "NVIDIA_VISIBLE_DEVICES is MIG-8d5c")],
        ),
        (
            "MIG by number",
            nvidia().env("NVIDIA_VISIBLE_DEVICES", "0:1"),
            &[("nvidia-mig", "has no Vulkan on MIG")],
        ),
        (
            "MIG by its nodes",
            nvidia()
                .node("/dev/nvidia-caps/nvidia-cap1")
                .node("/dev/nvidia-caps/nvidia-cap21"),
            &[("nvidia-mig", "/dev/nvidia-caps/nvidia-cap21")],
        ),
        (
            "every card has these",
            nvidia()
                .node("/dev/nvidia-caps/nvidia-cap1")
                .node("/dev/nvidia-caps/nvidia-cap2"),
            &[("driver-lists-nothing", "/dev/nvidia0")],
        ),
        (
            "only ROCm's node",
            amd().without(node),
            &[("no-render-node", "amd.com/gpu: 1")],
        ),
        (
            "Windows",
            Fake::default().node("/dev/dxg").library("libcuda.so.1"),
            &[("windows-host", "Direct3D 12")],
        ),
    ]);
    let denied = amd().closed(node, EACCES);
    let gid = denied.facts().nodes.last().unwrap().gid;
    let findings = denied.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].id, "device-denied");
    assert!(findings[0].found.contains(
        "this process is user 65532, group 65532, supplementary groups 65532, 2000000000"
    ));
    assert!(findings[0].found.contains(&format!("group {gid} (mode ")));
}

#[test]
fn a_group_that_may_open_a_node_is_named() {
    let mut facts = amd().closed("/dev/dri/renderD128", EACCES).facts();
    let node = facts.nodes.last_mut().unwrap();
    (node.mode, node.gid) = (0o660, 107);
    let advice = |facts: &Facts| diagnose(facts, &[])[0].advice.clone();
    assert!(advice(&facts).contains("supplementalGroups: [107]"));
    facts.container = None;
    assert!(advice(&facts).contains("add the user to group 107"));
    facts.nodes.last_mut().unwrap().mode = 0o600;
    assert!(advice(&facts).contains("udev"));
}

#[test]
fn other_drivers_and_variables_of_the_loader() {
    let file = "/usr/share/vulkan/icd.d/radeon_icd.json";
    let llvmpipe = |fake: Fake| fake.lists("llvmpipe", DeviceType::Software);
    check(vec![
        (
            "all is there",
            amd(),
            &[("driver-lists-nothing", "VK_LOADER_DEBUG=all")],
        ),
        (
            "the image without Mesa",
            amd().without("radeon_icd.json").without("lvp_icd.json"),
            &[("no-driver", "a GPU of AMD's (/dev/dri/renderD128)")],
        ),
        (
            "software only",
            llvmpipe(amd().without("radeon_icd.json")),
            &[
                ("no-driver", "mesa-vulkan-drivers"),
                ("only-software", "llvmpipe"),
            ],
        ),
        (
            "a manifest without its library",
            amd().without("libvulkan_radeon.so"),
            &[(
                "manifest-library-missing",
                "names libvulkan_radeon.so, which is not there",
            )],
        ),
        (
            "a manifest that is no JSON",
            amd().file(file, "{\"ICD\": "),
            &[
                ("no-driver", "AMD"),
                ("manifest-broken", "radeon_icd.json: found no JSON"),
            ],
        ),
        (
            "a variable that names nothing",
            amd().env("VK_DRIVER_FILES", "/opt/old.json"),
            &[(
                "driver-file-missing",
                "VK_DRIVER_FILES names /opt/old.json, which is not there",
            )],
        ),
        (
            "such a variable where a GPU is in use all the same",
            amd()
                .env("VK_ADD_DRIVER_FILES", "/opt/old.json")
                .lists("AMD Radeon", DeviceType::Discrete),
            &[("driver-file-missing", "the loader goes on without it")],
        ),
        (
            "a variable that names another driver",
            amd().env("VK_DRIVER_FILES", "/usr/share/vulkan/icd.d/lvp_icd.json"),
            &[("no-driver", "VK_DRIVER_FILES restricts the loader to")],
        ),
        (
            "a pattern that fits nothing",
            amd().env("VK_LOADER_DRIVERS_SELECT", "*nvidia*"),
            &[(
                "drivers-deselected",
                "VK_LOADER_DRIVERS_SELECT leaves none of 2 drivers",
            )],
        ),
        (
            "a pattern that fits",
            amd()
                .env("VK_LOADER_DRIVERS_SELECT", "*RADEON*")
                .env("VK_LOADER_DRIVERS_DISABLE", "~all~"),
            &[("driver-lists-nothing", "too old")],
        ),
        (
            "a second GPU that is not listed",
            nvidia()
                .without("libXext.so.6")
                .lists("Intel UHD", DeviceType::Integrated),
            &[("nvidia-needs-x11", "libXext.so.6")],
        ),
    ]);
}

#[test]
fn libraries_are_found_as_the_linker_finds_them() {
    let name = "libvulkan.so.1";
    let at = |path: &str| Place::Found(PathBuf::from(path));
    let own = format!("{}/{name}", folder());
    let cache =
        b"glibc-ld.so.cache1.1\0\x02\0/opt/a/libvulkan.so.1\0/opt/b/libvulkan.so\0".to_vec();
    let here = || Fake::default().library(name);
    let opt = |fake: Fake| fake.library("/opt/a/libvulkan.so.1");
    let foreign = || Fake::default().file("/usr/lib/libvulkan.so.1", elf(32));
    for (fake, expected) in [
        (here(), at(&own)),
        (opt(here()), at(&own)),
        (
            opt(here()).file("/etc/ld.so.cache", cache.clone()),
            at("/opt/a/libvulkan.so.1"),
        ),
        (
            opt(here()).env("LD_LIBRARY_PATH", "/none:/opt/a"),
            at("/opt/a/libvulkan.so.1"),
        ),
        (
            Fake::default().library("/usr/lib64/libvulkan.so.1"),
            at("/usr/lib64/libvulkan.so.1"),
        ),
        (
            Fake::default().file("/etc/ld.so.cache", cache),
            Place::Missing,
        ),
        (
            opt(Fake::default()).file("/etc/ld.so.conf", "include /etc/*.conf\n/opt/a"),
            Place::NotSearched("/opt/a/libvulkan.so.1".into()),
        ),
        (foreign(), Place::Foreign("/usr/lib/libvulkan.so.1".into())),
        (
            foreign().library("/lib64/libvulkan.so.1"),
            at("/lib64/libvulkan.so.1"),
        ),
        (
            Fake::default().file("/lib/libvulkan.so.1", ""),
            Place::Foreign("/lib/libvulkan.so.1".into()),
        ),
        (
            Fake::default().node("/lib/libvulkan.so.1/folder"),
            Place::Missing,
        ),
    ] {
        assert_eq!(fake.facts().library(name).unwrap().place, expected);
    }
}

#[test]
fn manifests_are_found_in_the_order_of_the_loader() {
    let folders = [
        "/me/.config",
        "/etc/xdg",
        "/etc",
        "/me/.local/share",
        "/usr/local/share",
        "/usr/share",
    ];
    let mut fake = Fake::default()
        .env("HOME", "/me")
        .manifest("/add/b.json", "x.so")
        .manifest("/add/a.json", "x.so");
    for folder in folders.iter().rev() {
        fake = fake.manifest(&format!("{folder}/vulkan/icd.d/a.json"), "../lib/x.so");
    }
    let files = |fake: &Fake| -> Vec<String> {
        let drivers = fake.facts().drivers;
        drivers
            .iter()
            .map(|it| {
                it.file
                    .display()
                    .to_string()
                    .replace("/vulkan/icd.d/a.json", "")
            })
            .collect()
    };
    assert_eq!(files(&fake), folders);
    let library = fake.facts().drivers[2].library.clone().unwrap();
    assert_eq!(library.name, "/etc/vulkan/icd.d/../lib/x.so");
    let fake = fake
        .env("VK_ADD_DRIVER_FILES", "/add")
        .env("XDG_DATA_DIRS", "/usr/share:/usr/share")
        .env("XDG_CONFIG_HOME", "/none");
    assert_eq!(
        files(&fake),
        [
            "/add/a.json",
            "/add/b.json",
            "/etc/xdg",
            "/etc",
            "/me/.local/share",
            "/usr/share"
        ]
    );
    let fake = fake.env("VK_ICD_FILENAMES", "/add/b.json:/gone.json");
    assert_eq!(files(&fake), ["/add/b.json"]);
    assert_eq!(fake.facts().absent[0].path, Path::new("/gone.json"));
    let fake = fake.env("VK_DRIVER_FILES", "/add/a.json");
    assert_eq!(files(&fake), ["/add/a.json"]);
    assert!(fake.facts().absent.is_empty());
}

#[test]
fn odd_files_are_reported_and_nothing_more() {
    let folder = "/usr/share/vulkan/icd.d";
    let mut long = br#"{"ICD": {"library_path": "x.so"}}"#.to_vec();
    long.resize(1 << 20, b' ');
    let odd: &[(&str, Vec<u8>, &str)] = &[
        ("a.json/inner", vec![], "found a folder, expected a file"),
        ("b.json", vec![], "found no JSON"),
        ("c.json", b"\xff\xfe".to_vec(), "found no UTF-8 text"),
        ("d.json", long, "found more than 64 KiB"),
        ("e.json", b"[1, {}]".to_vec(), "found no library"),
        (
            "f.json",
            br#"{"ICD": {"library_path": 7}}"#.to_vec(),
            "found no library",
        ),
        (
            "g.json",
            br#"{"ICD": {"library_path": ""}}"#.to_vec(),
            "found no library",
        ),
        (
            "h.json",
            [vec![b'['; 60000], vec![b']'; 5]].concat(),
            "found no JSON",
        ),
    ];
    let mut fake = Fake::default()
        .file(
            "/etc/ld.so.conf",
            b"include /etc/ld.so.conf\ninclude [\n\xff".to_vec(),
        )
        .file("/etc/ld.so.cache", vec![0xff; 100])
        .file("/proc/self/status", "Uid:\tmany\nGid:\nGroups:\n")
        .file("/proc/driver/nvidia/version", "\n1.2.3")
        .node("/dev/dri/renderD")
        .node("/dev/dri/renderD12x")
        .node("/dev/nvidia-caps/nvidia-capital")
        .env("VK_LOADER_DRIVERS_DISABLE", "[,")
        .env("LD_LIBRARY_PATH", ":;:");
    for (name, bytes, _) in odd {
        fake = fake.file(&format!("{folder}/{name}"), bytes.clone());
    }
    fake.links
        .insert(format!("{folder}/i.json"), "gone.json".into());
    let facts = fake.facts();
    assert_eq!(facts.drivers.len(), odd.len() + 1);
    for (driver, (name, _, problem)) in facts.drivers.iter().zip(odd) {
        let found = driver.problem.as_deref().unwrap_or_default();
        assert!(found.starts_with(problem), "{name}: {found}");
        assert_eq!(driver.library, None);
    }
    assert_eq!(
        (
            facts.user.as_ref(),
            facts.nodes.len(),
            facts.mig_nodes.len()
        ),
        (None, 0, 0)
    );
    assert_eq!(facts.nvidia.kernel_module, None);
    let broken = diagnose(&facts, &[]);
    assert_eq!(broken.len(), odd.len() + 1, "{broken:#?}");
    assert!(broken.iter().all(|it| it.id == "manifest-broken"));
}

#[test]
fn the_program_tells_of_this_machine() {
    let project = Project::new();
    let text = project.run("-m devices").ends(0).out;
    let json = project.run("-m devices --json").ends(0).out;
    let value: Value = serde_json::from_str(&json).unwrap();
    let adapters = value["adapters"].as_array().unwrap();
    let is_software = |adapter: &Value| adapter["device_type"] == "software";
    assert!(value["cpu_threads"].as_u64() > Some(0) && value["why"].is_string());
    for (device, found) in [
        ("auto", true),
        ("cpu", true),
        ("gpu", adapters.iter().any(|it| !is_software(it))),
        ("software", adapters.iter().any(is_software)),
    ] {
        let ran = project.run(&format!("-m devices --device {device}"));
        let ran = ran.ends(if found { 0 } else { 69 });
        assert_eq!(ran.out, text);
        assert_eq!(ran.errors().len(), usize::from(!found), "{}", ran.err);
    }
    if !cfg!(target_os = "linux") {
        return;
    }
    assert!(text.contains("libvulkan.so.1"), "{text}");
    for finding in value["findings"].as_array().unwrap() {
        for key in ["found", "cause", "advice"] {
            assert!(text.contains(finding[key].as_str().unwrap()), "{text}");
        }
    }
    let gpu = adapters.iter().any(|it| !is_software(it));
    let loader = &value["facts"]["libraries"][0];
    assert!(
        adapters.is_empty() || loader["state"] == "found",
        "{loader}"
    );
    assert!(gpu || value["findings"][0]["id"].is_string(), "{json}");
    let mut command = project.command("-m devices --json");
    command.env("VK_DRIVER_FILES", "/gone.json");
    let value: Value = serde_json::from_str(&Ran::of(command).ends(0).out).unwrap();
    assert_eq!(value["findings"][0]["id"], "driver-file-missing");
    assert_eq!(
        value["facts"]["environment"]["VK_DRIVER_FILES"],
        "/gone.json"
    );
}
