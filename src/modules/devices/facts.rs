//! What a machine or a container has of Vulkan, gathered without loading anything.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::libraries::{Library, SearchPath};
use super::manifests::{self, Absent, Manifest};
use super::nodes::{self, Node, Open, Vendor};
use super::read::{below, name, text};

/// The variables of a process.
pub type Environment = BTreeMap<String, String>;

/// The Vulkan loader.
pub const LOADER: &str = "libvulkan.so.1";
/// NVIDIA's Vulkan driver, as its own manifest names it.
pub const GLX_NVIDIA: &str = "libGLX_nvidia.so.0";
/// NVIDIA's driver without X11, which is one for Vulkan too.
pub const EGL_NVIDIA: &str = "libEGL_nvidia.so.0";
/// CUDA, which every driver of NVIDIA has.
pub const CUDA: &str = "libcuda.so.1";

/// What is looked for: the loader, what drivers need of the image, what a container runtime brings from the host.
const LIBRARIES: &[&str] = &[
    LOADER,
    "libX11.so.6",
    "libXext.so.6",
    "libEGL.so.1",
    GLX_NVIDIA,
    EGL_NVIDIA,
    CUDA,
];

/// Libraries that NVIDIA's driver loads by its version, and that incomplete container specifications leave out.
const NVIDIA_PARTS: &[&str] = &["glcore", "eglcore", "glsi", "tls", "glvkspirv"];

/// A manifest that names NVIDIA's driver without X11; it lies outside the usual folders, or a GPU would be listed twice.
const SPARE_MANIFEST: &str = "/usr/share/distpy-gpu/vulkan/nvidia_egl_icd.json";

/// Variables that matter, by the beginning of their names.
const VARIABLES: &[&str] = &[
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
    "VK_",
    "__EGL_VENDOR_LIBRARY_",
    "LD_LIBRARY_PATH",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_",
    "XDG_DATA_",
    "XDG_CACHE_HOME",
    "HOME",
];

/// Where facts come from.
pub struct Machine<'a> {
    /// The folder that is `/`.
    pub root: &'a Path,
    /// The variables of the process.
    pub env: &'a Environment,
    /// Tries to open a device node.
    pub open: &'a Open<'a>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Libraries that Vulkan and its drivers need.
    pub libraries: Vec<Library>,
    /// Drivers, in the order in which the loader finds them.
    pub drivers: Vec<Manifest>,
    /// What the loader's variables name in vain.
    pub absent: Vec<Absent>,
    /// EGL's vendors.
    pub egl_vendors: Vec<Manifest>,
    /// A manifest that may be added, where the image has it.
    pub spare_manifest: Option<PathBuf>,
    /// Device nodes.
    pub nodes: Vec<Node>,
    /// Nodes of NVIDIA's MIG instances.
    pub mig_nodes: Vec<PathBuf>,
    /// Who made the GPUs on the PCI bus; a container may see some that it may not use.
    pub on_bus: Vec<Vendor>,
    /// NVIDIA's driver.
    pub nvidia: Nvidia,
    /// Who this process is.
    pub user: Option<User>,
    /// What kind of container this is.
    pub container: Option<Container>,
    /// The variables that matter.
    pub environment: Environment,
}

/// NVIDIA's driver.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Nvidia {
    /// The version of the kernel's module.
    pub kernel_module: Option<String>,
    /// The version of the libraries.
    pub libraries: Option<String>,
    /// Libraries of that version that are not found.
    pub missing_parts: Vec<String>,
}

/// Who a process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its supplementary groups.
    pub groups: Vec<u32>,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<_> = self.groups.iter().map(u32::to_string).collect();
        let groups = match groups.is_empty() {
            true => "none".into(),
            false => groups.join(", "),
        };
        let Self { uid, gid, .. } = self;
        write!(f, "user {uid}, group {gid}, supplementary groups {groups}")
    }
}

/// Kinds of containers, by who starts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// A pod.
    Kubernetes,
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// Apptainer or Singularity.
    Apptainer,
    /// Anyone else.
    Other,
}

impl Container {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Container::Kubernetes => "Kubernetes",
            Container::Docker => "Docker",
            Container::Podman => "Podman",
            Container::Apptainer => "Apptainer",
            Container::Other => "of some kind",
        }
    }
}

impl Facts {
    /// The facts of this machine; none where the Vulkan of a Linux system is not what computes.
    pub fn here() -> Option<Self> {
        let env: Environment = std::env::vars_os()
            .map(|(name, value)| {
                let text = |it: std::ffi::OsString| it.to_string_lossy().into_owned();
                (text(name), text(value))
            })
            .collect();
        let machine = Machine {
            root: Path::new("/"),
            env: &env,
            open: &open,
        };
        cfg!(target_os = "linux").then(|| Self::gather(&machine))
    }

    /// The facts of a machine.
    pub fn gather(machine: &Machine) -> Self {
        let Machine { root, env, open } = *machine;
        let search = SearchPath::read(root, env);
        let libraries: Vec<_> = LIBRARIES.iter().map(|name| search.find(name)).collect();
        let (drivers, absent) = manifests::drivers(root, env, &search);
        let spare = Path::new(SPARE_MANIFEST);
        Self {
            nvidia: nvidia(root, &libraries, &search),
            libraries,
            drivers,
            absent,
            egl_vendors: manifests::egl_vendors(root, env, &search),
            spare_manifest: below(root, spare).is_file().then(|| spare.into()),
            nodes: nodes::nodes(root, open),
            mig_nodes: nodes::mig_nodes(root),
            on_bus: nodes::on_bus(root),
            user: user(root),
            container: container(root, env),
            environment: of_interest(env),
        }
    }

    /// What is known of one of the libraries.
    pub fn library(&self, name: &str) -> Option<&Library> {
        self.libraries.iter().find(|library| library.name == name)
    }

    /// Whether the linker finds one of the libraries.
    pub fn has(&self, name: &str) -> bool {
        self.library(name).is_some_and(|it| it.found().is_some())
    }

    /// The value of a variable; an empty one is as good as none.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let value = self.environment.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }
}

fn open(path: &Path) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(path);
    file.map(drop)
}

fn nvidia(root: &Path, libraries: &[Library], search: &SearchPath) -> Nvidia {
    // The library by which programs ask for the driver is a link to one that has the version in its name.
    let version = |soname: &str| {
        let library = libraries.iter().find(|it| it.name == soname)?;
        let file = below(root, library.found()?).canonicalize().ok()?;
        let version = name(&file);
        let version = version.strip_prefix(soname.strip_suffix('0')?)?;
        is_version(version).then(|| version.to_string())
    };
    let libraries = version(GLX_NVIDIA).or_else(|| version(EGL_NVIDIA));
    let parts = libraries.iter().flat_map(|version| {
        NVIDIA_PARTS
            .iter()
            .map(move |part| format!("libnvidia-{part}.so.{version}"))
    });
    Nvidia {
        missing_parts: parts
            .filter(|part| search.find(part).found().is_none())
            .collect(),
        kernel_module: kernel_module(root),
        libraries,
    }
}

/// The version in `/proc/driver/nvidia/version`, the first number with a point in its first line.
fn kernel_module(root: &Path) -> Option<String> {
    let text = text(&root.join("proc/driver/nvidia/version")).ok()?;
    let mut words = text.lines().next()?.split_whitespace();
    words.find(|word| is_version(word)).map(str::to_string)
}

fn is_version(word: &str) -> bool {
    let mut parts = word.split('.');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    word.contains('.') && parts.all(is_number)
}

/// Who the kernel says that this process is: by its effective user and group.
fn user(root: &Path) -> Option<User> {
    let status = text(&root.join("proc/self/status")).ok()?;
    let numbers = |key: &str| -> Option<Vec<u32>> {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.split_whitespace().flat_map(str::parse).collect())
    };
    Some(User {
        uid: *numbers("Uid:")?.get(1)?,
        gid: *numbers("Gid:")?.get(1)?,
        groups: numbers("Groups:")?,
    })
}

fn container(root: &Path, env: &Environment) -> Option<Container> {
    let is_set = |name: &str| env.contains_key(name);
    if is_set("KUBERNETES_SERVICE_HOST") {
        Some(Container::Kubernetes)
    } else if is_set("APPTAINER_CONTAINER") || is_set("SINGULARITY_CONTAINER") {
        Some(Container::Apptainer)
    } else if root.join(".dockerenv").exists() {
        Some(Container::Docker)
    } else if root.join("run/.containerenv").exists() {
        Some(Container::Podman)
    } else {
        // Many runtimes set the one, NVIDIA's images and users of its runtime the other.
        (is_set("container") || is_set("NVIDIA_VISIBLE_DEVICES")).then_some(Container::Other)
    }
}

fn of_interest(env: &Environment) -> Environment {
    let mut chosen = env.clone();
    chosen.retain(|name, _| VARIABLES.iter().any(|it| name.starts_with(it)));
    chosen
}
