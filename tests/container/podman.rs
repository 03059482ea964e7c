//! Containers by the command line of podman.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// The image for CPUs and NVIDIA's GPUs.
pub const IMAGE: &str = concat!("localhost/distpy-gpu:", env!("CARGO_PKG_VERSION"));

/// The image for AMD's and Intel's GPUs, and software Vulkan.
pub const MESA: &str = concat!("localhost/distpy-gpu:", env!("CARGO_PKG_VERSION"), "-mesa");

/// What a container is made of.
#[derive(Debug, Clone)]
pub struct Container {
    pub image: String,
    /// In place of the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub mounts: Vec<Mount>,
    /// Folders in memory.
    pub tmpfs: Vec<String>,
    /// `uid:gid`, in place of the image's.
    pub user: Option<String>,
    /// Groups besides the user's.
    pub groups: Vec<u32>,
    pub workdir: Option<String>,
    pub hostname: Option<String>,
    pub read_only: bool,
    pub no_new_privileges: bool,
    pub drop_capabilities: Vec<String>,
    pub add_capabilities: Vec<String>,
    /// As podman takes it: `256m`.
    pub memory: Option<String>,
    pub cpus: Option<f64>,
}

/// A folder or file of this machine inside a container.
#[derive(Debug, Clone)]
pub struct Mount {
    pub host: PathBuf,
    pub path: String,
    pub writable: bool,
}

/// What a container did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
    /// What is otherwise than in the image, a line each; mounts are not looked into.
    pub changed: Vec<String>,
}

/// A container that goes when this does.
#[derive(Debug)]
pub struct Running {
    name: String,
}

impl Container {
    /// An image with arguments split at white space, with no network.
    pub fn new(image: &str, args: &str) -> Self {
        Self {
            image: image.to_owned(),
            entrypoint: None,
            args: args.split_whitespace().map(str::to_owned).collect(),
            env: Vec::new(),
            mounts: Vec::new(),
            tmpfs: Vec::new(),
            user: None,
            groups: Vec::new(),
            workdir: None,
            hostname: None,
            read_only: false,
            no_new_privileges: false,
            drop_capabilities: Vec::new(),
            add_capabilities: Vec::new(),
            memory: None,
            cpus: None,
        }
    }

    /// As a cluster with restricted pods runs it.
    pub fn restricted(image: &str, args: &str) -> Self {
        Self {
            tmpfs: vec!["/tmp".to_owned()],
            user: Some("65532:65532".to_owned()),
            read_only: true,
            no_new_privileges: true,
            drop_capabilities: vec!["all".to_owned()],
            ..Self::new(image, args)
        }
    }

    /// With a folder at `/data`, writable.
    pub fn with_data(mut self, host: &Path) -> Self {
        self.mounts.push(Mount {
            host: host.to_owned(),
            path: "/data".to_owned(),
            writable: true,
        });
        self
    }

    /// Runs it to its end.
    pub fn run(&self) -> Ran {
        let running = Running::named();
        let output = self.command(&running.name, false).output().unwrap();
        let mut ran = Ran::of(output);
        assert!(
            !matches!(ran.code, 125..=127),
            "podman could not run {self:?}: {}",
            ran.err
        );
        let diff = text(&["diff", &running.name]);
        // Podman itself mounts its list of hosts in /etc.
        let changed = diff.lines().filter(|line| *line != "C /etc");
        ran.changed = changed.map(str::to_owned).collect();
        ran
    }

    /// Starts it in the background.
    pub fn start(&self) -> Running {
        let running = Running::named();
        let ran = Ran::of(self.command(&running.name, true).output().unwrap());
        assert_eq!(ran.code, 0, "podman could not start {self:?}: {}", ran.err);
        running
    }

    fn command(&self, name: &str, detached: bool) -> Command {
        let mut command = podman();
        command.args([
            "run",
            "--network=none",
            "--pull=never",
            "--passwd=false",
            "--name",
            name,
        ]);
        command.args(detached.then_some("--detach"));
        // None takes nearly so long; it would hold up everything.
        command.arg("--timeout=300");
        command.args(self.read_only.then_some("--read-only"));
        // Podman would lay writable folders over a read-only file system; Kubernetes does not.
        command.args(self.read_only.then_some("--read-only-tmpfs=false"));
        command.args(
            self.no_new_privileges
                .then_some("--security-opt=no-new-privileges"),
        );
        for capability in &self.drop_capabilities {
            command.arg(format!("--cap-drop={capability}"));
        }
        for capability in &self.add_capabilities {
            command.arg(format!("--cap-add={capability}"));
        }
        for group in &self.groups {
            command.arg(format!("--group-add={group}"));
        }
        for mount in &self.mounts {
            let access = if mount.writable { "rw" } else { "ro" };
            let host = mount.host.display();
            command.arg(format!("--volume={host}:{}:{access}", mount.path));
        }
        for folder in &self.tmpfs {
            command.arg(format!("--tmpfs={folder}"));
        }
        for (key, value) in &self.env {
            command.arg(format!("--env={key}={value}"));
        }
        let options = [
            ("user", self.user.clone()),
            ("workdir", self.workdir.clone()),
            ("hostname", self.hostname.clone()),
            ("memory", self.memory.clone()),
            ("cpus", self.cpus.map(|cpus| cpus.to_string())),
        ];
        for (option, value) in options {
            command.args(value.map(|value| format!("--{option}={value}")));
        }
        if let Some(entrypoint) = &self.entrypoint {
            let list = serde_json::to_string(entrypoint).unwrap();
            command.arg(format!("--entrypoint={list}"));
        }
        command.arg(&self.image).args(&self.args);
        command
    }
}

impl Running {
    /// A name for a container that is not there yet.
    fn named() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            name: format!("distpy-gpu-test-{}-{number}", std::process::id()),
        }
    }

    /// What podman calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks it to end, as Docker and Kubernetes do, and kills it if it has not after that many seconds.
    pub fn stop(&self, seconds: u32) {
        text(&["stop", "--time", &seconds.to_string(), &self.name]);
    }

    /// Waits for its end.
    pub fn wait(&self) -> Ran {
        let code = text(&["wait", &self.name]);
        let mut ran = Ran::of(podman().args(["logs", &self.name]).output().unwrap());
        ran.code = code.trim().parse().unwrap();
        ran
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = podman()
            .args(["rm", "--force", "--ignore", "--time=0", &self.name])
            .output();
    }
}

impl Ran {
    /// What a command of this machine did.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
            changed: Vec::new(),
        }
    }

    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn says(self, fragment: &str) -> Self {
        assert!(self.err.contains(fragment), "{fragment}\nin\n{}", self.err);
        self
    }
}

/// Podman with the settings that docker/registry-free.sh wrote, unless the environment names others.
pub fn podman() -> Command {
    let mut command = Command::new("podman");
    if std::env::var_os("CONTAINERS_CONF").is_none() {
        command.env("CONTAINERS_CONF", settings());
    }
    command
}

/// Where docker/registry-free.sh keeps what it made.
pub fn kept() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(target).join("container")
}

fn settings() -> PathBuf {
    kept().join("containers.conf")
}

/// The folder of the manifest.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a podman command that must succeed prints.
#[track_caller]
pub fn text(args: &[&str]) -> String {
    Ran::of(podman().args(args).output().unwrap()).ends(0).out
}

/// What a shell command that must succeed prints; `podman` in it is as here.
#[track_caller]
pub fn shell(script: &str, folder: &Path) -> Ran {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]);
    command.current_dir(folder);
    if std::env::var_os("CONTAINERS_CONF").is_none() {
        command.env("CONTAINERS_CONF", settings());
    }
    Ran::of(command.output().unwrap())
}
