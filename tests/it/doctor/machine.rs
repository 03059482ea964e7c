//! Machines made of a few files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use distpy_gpu::gpu::Limits;
use distpy_gpu::gpu::adapter::{AdapterInfo, DeviceType};
use distpy_gpu::modules::devices::diagnose::{Finding, diagnose};
use distpy_gpu::modules::devices::facts::{Environment, Facts, Machine};

pub const EACCES: i32 = 13;
pub const EPERM: i32 = 1;
pub const ENXIO: i32 = 6;
pub const VERSION: &str = "550.163.01";
pub const MANIFEST: &str = "/etc/vulkan/icd.d/nvidia_icd.json";
pub const EGL_VENDOR: &str = "/usr/share/glvnd/egl_vendor.d/10_nvidia.json";
pub const GKE: &str = "/usr/local/nvidia/lib64";

/// A machine to be: a folder in place of `/`, variables, nodes that do not open, adapters that the driver lists.
#[derive(Default)]
pub struct Fake {
    pub files: BTreeMap<String, Vec<u8>>,
    pub links: BTreeMap<String, String>,
    pub env: Environment,
    pub closed: BTreeMap<&'static str, i32>,
    pub adapters: Vec<AdapterInfo>,
}

impl Fake {
    pub fn file(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    /// A library in the system's folder, or at a path.
    pub fn library(self, name: &str) -> Self {
        let path = match name.starts_with('/') {
            true => name.to_string(),
            false => format!("{}/{name}", folder()),
        };
        self.file(&path, elf(64))
    }

    pub fn manifest(self, path: &str, library: &str) -> Self {
        let text = format!(
            r#"{{"file_format_version": "1.0.0", "ICD": {{"library_path": "{library}", "api_version": "1.3.277"}}}}"#
        );
        self.file(path, text)
    }

    pub fn node(self, path: &str) -> Self {
        self.file(path, "")
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    pub fn closed(mut self, path: &'static str, error: i32) -> Self {
        self.closed.insert(path, error);
        self
    }

    /// Leaves out every file with this name or path.
    pub fn without(mut self, name: &str) -> Self {
        let before = self.files.len() + self.links.len();
        self.files.retain(|path, _| !path.ends_with(name));
        self.links.retain(|path, _| !path.ends_with(name));
        let after = self.files.len() + self.links.len();
        assert!(after < before, "there is no {name}");
        self
    }

    pub fn lists(mut self, name: &str, device_type: DeviceType) -> Self {
        self.adapters.push(AdapterInfo {
            index: self.adapters.len(),
            name: name.into(),
            backend: "vulkan".into(),
            device_type,
            driver: String::new(),
            limits: Limits::DOWNLEVEL,
            features: Vec::new(),
        });
        self
    }

    pub fn facts(&self) -> Facts {
        let root = tempfile::tempdir().unwrap();
        let place = |path: &str| {
            let place = root.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            place
        };
        for (path, bytes) in &self.files {
            std::fs::write(place(path), bytes).unwrap();
        }
        for (path, target) in &self.links {
            std::os::unix::fs::symlink(target, place(path)).unwrap();
        }
        let open = |path: &Path| {
            let path = Path::new("/").join(path.strip_prefix(root.path()).unwrap());
            match self.closed.get(path.to_str().unwrap()) {
                Some(error) => Err(io::Error::from_raw_os_error(*error)),
                None => Ok(()),
            }
        };
        Facts::gather(&Machine {
            root: root.path(),
            env: &self.env,
            open: &open,
        })
    }

    pub fn findings(&self) -> Vec<Finding> {
        diagnose(&self.facts(), &self.adapters)
    }
}

/// The folder of Debian's libraries.
pub fn folder() -> String {
    format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH)
}

/// The beginning of a library for this processor in 64 bits, or for another in 32.
pub fn elf(bits: u8) -> Vec<u8> {
    let machine: u16 = match (bits, std::env::consts::ARCH) {
        (64, "x86_64") => 62,
        (64, "aarch64") => 183,
        _ => 3,
    };
    let mut head = b"\x7fELF".to_vec();
    head.extend([bits / 32, 1, 1]);
    head.resize(18, 0);
    head.extend(machine.to_le_bytes());
    head
}

/// A pod of the image: the loader, and what drivers need beside it.
pub fn pod() -> Fake {
    ["libvulkan.so.1", "libX11.so.6", "libXext.so.6", "libEGL.so.1"]
        .iter()
        .fold(Fake::default(), |pod, name| pod.library(name))
        .manifest(EGL_VENDOR, "libEGL_nvidia.so.0")
        .env("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        .file(
            "/proc/self/status",
            "Name:\tdistpy-gpu\nUid:\t0\t65532\t65532\t65532\nGid:\t0\t65532\t65532\t65532\nGroups:\t65532 2000000000\n",
        )
}

/// A pod to which NVIDIA's runtime gave a GPU without a driver.
pub fn gpu() -> Fake {
    pod()
        .node("/dev/nvidia0")
        .node("/dev/nvidiactl")
        .node("/dev/nvidia-uvm")
        .env("NVIDIA_VISIBLE_DEVICES", "GPU-1b2c")
        .env("NVIDIA_DRIVER_CAPABILITIES", "compute,graphics,utility")
        .file(
            "/proc/driver/nvidia/version",
            format!("NVRM version: NVIDIA UNIX x86_64 Kernel Module  {VERSION}  Tue Apr  8 12:41:17 UTC 2025\n"),
        )
}

/// A pod to which it gave everything.
pub fn nvidia() -> Fake {
    let mut pod = gpu()
        .library("libcuda.so.1")
        .manifest(MANIFEST, "libGLX_nvidia.so.0");
    for name in ["libGLX_nvidia", "libEGL_nvidia"] {
        pod = pod.library(&format!("{name}.so.{VERSION}"));
        let link = format!("{}/{name}.so.0", folder());
        pod.links.insert(link, format!("{name}.so.{VERSION}"));
    }
    ["glcore", "eglcore", "glsi", "tls", "glvkspirv"]
        .iter()
        .fold(pod, |pod, part| {
            pod.library(&format!("libnvidia-{part}.so.{VERSION}"))
        })
}

/// A pod with a GPU of AMD's and the image that has Mesa.
pub fn amd() -> Fake {
    pod()
        .node("/dev/kfd")
        .node("/dev/dri/renderD128")
        .file("/sys/class/drm/renderD128/device/vendor", "0x1002\n")
        .library("libvulkan_radeon.so")
        .manifest(
            "/usr/share/vulkan/icd.d/radeon_icd.json",
            "libvulkan_radeon.so",
        )
        .library("libvulkan_lvp.so")
        .manifest("/usr/share/vulkan/icd.d/lvp_icd.json", "libvulkan_lvp.so")
}
