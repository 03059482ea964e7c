//! Device nodes and graphics cards: what the kernel has, and what this process may open of it.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::read::{entries, name, text, within};

/// A device node through which a driver reaches a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Where it is.
    pub path: PathBuf,
    /// Who made the GPU, where the kernel tells.
    pub vendor: Option<Vendor>,
    /// Permissions, the lowest nine bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Whether this process may open it.
    pub access: Access,
}

/// What came of opening a node to read and write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "error", rename_all = "snake_case")]
pub enum Access {
    /// It opens.
    Opens,
    /// Its permissions are against it.
    Denied,
    /// It is not among the devices that the container may use.
    Forbidden,
    /// The kernel's driver says something else.
    Fails(String),
}

/// Makers of GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// NVIDIA.
    Nvidia,
    /// AMD.
    Amd,
    /// Intel.
    Intel,
    /// Anyone else.
    Other,
}

impl Vendor {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Vendor::Nvidia => "NVIDIA",
            Vendor::Amd => "AMD",
            Vendor::Intel => "Intel",
            Vendor::Other => "other",
        }
    }

    fn of_id(text: &str) -> Self {
        match text.trim() {
            "0x10de" => Vendor::Nvidia,
            "0x1002" => Vendor::Amd,
            "0x8086" => Vendor::Intel,
            _ => Vendor::Other,
        }
    }
}

impl Node {
    /// Whether it belongs to one of NVIDIA's GPUs: `/dev/nvidia0` and on.
    pub fn is_nvidia_gpu(&self) -> bool {
        is_numbered(&name(&self.path), "nvidia")
    }

    /// Whether it is a GPU's render node, by which every other driver computes.
    pub fn is_render(&self) -> bool {
        is_numbered(&name(&self.path), "renderD")
    }

    /// Whether it is a Windows host's GPU.
    pub fn is_windows(&self) -> bool {
        self.path.ends_with("dxg")
    }
}

/// Opens a path to read and write, and closes it.
pub type Open<'a> = dyn Fn(&Path) -> io::Result<()> + 'a;

/// The nodes below a root folder.
pub fn nodes(root: &Path, open: &Open) -> Vec<Node> {
    let of_interest = |path: &PathBuf| {
        let name = name(path);
        is_numbered(&name, "nvidia") || ["nvidiactl", "kfd", "dxg"].contains(&name.as_str())
    };
    let mut paths = entries(&root.join("dev"));
    paths.retain(of_interest);
    let render = entries(&root.join("dev/dri")).into_iter();
    paths.extend(render.filter(|path| is_numbered(&name(path), "renderD")));
    let nodes = paths.iter().filter_map(|path| node(root, path, open));
    nodes.collect()
}

fn node(root: &Path, path: &Path, open: &Open) -> Option<Node> {
    let (mode, uid, gid) = permissions(&std::fs::metadata(path).ok()?);
    let name = name(path);
    let vendor = match name.as_str() {
        "kfd" => Some(Vendor::Amd),
        "dxg" => None,
        _ if name.starts_with("nvidia") => Some(Vendor::Nvidia),
        _ => text(&root.join("sys/class/drm").join(name).join("device/vendor"))
            .ok()
            .map(|id| Vendor::of_id(&id)),
    };
    Some(Node {
        path: within(root, path),
        vendor,
        mode,
        uid,
        gid,
        access: access(open(path)),
    })
}

/// Tells a file's permissions (EACCES) from a container's list of devices (EPERM).
fn access(opened: io::Result<()>) -> Access {
    match opened {
        Ok(()) => Access::Opens,
        Err(e) if e.raw_os_error() == Some(13) => Access::Denied,
        Err(e) if e.raw_os_error() == Some(1) => Access::Forbidden,
        Err(e) => Access::Fails(e.to_string()),
    }
}

#[cfg(unix)]
fn permissions(metadata: &Metadata) -> (u32, u32, u32) {
    use std::os::unix::fs::MetadataExt;
    (metadata.mode() & 0o777, metadata.uid(), metadata.gid())
}

#[cfg(not(unix))]
fn permissions(_: &Metadata) -> (u32, u32, u32) {
    (0, 0, 0)
}

/// The nodes of MIG instances. The first two capabilities are there on any card: to configure and to watch.
pub fn mig_nodes(root: &Path) -> Vec<PathBuf> {
    let is_instance = |path: &PathBuf| {
        let number = name(path).strip_prefix("nvidia-cap").map(str::parse);
        matches!(number, Some(Ok(3u32..)))
    };
    let nodes = entries(&root.join("dev/nvidia-caps")).into_iter();
    nodes
        .filter(is_instance)
        .map(|path| within(root, &path))
        .collect()
}

/// The makers of the GPUs on the PCI bus, which a container sees whether or not it may use them: display controllers and
/// processing accelerators of those who make GPUs.
pub fn on_bus(root: &Path) -> Vec<Vendor> {
    let card = |device: PathBuf| {
        let class = text(&device.join("class")).ok()?;
        let is_gpu = class.starts_with("0x03") || class.starts_with("0x12");
        let vendor = Vendor::of_id(&text(&device.join("vendor")).ok()?);
        (is_gpu && vendor != Vendor::Other).then_some(vendor)
    };
    let devices = entries(&root.join("sys/bus/pci/devices")).into_iter();
    devices.filter_map(card).collect()
}

fn is_numbered(name: &str, prefix: &str) -> bool {
    let number = name.strip_prefix(prefix).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}
