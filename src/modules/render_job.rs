//! `-m render-job`: a Kubernetes Job over the chunks that a configuration names, ready to apply.

mod overlay;

use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use super::{Failure, chunks, compat, output_folder, read_text, system};
use crate::cli::{Cli, Pool, RenderArgs, Volume};
use crate::config::{Problems, System};
use crate::exit::{self, Code};
use crate::graph::{Graph, Reading};
use crate::pipeline::chunk::Chunk;
use crate::pipeline::monitor::Monitor;
use crate::pipeline::output;

/// Bytes of a shard where nothing else is asked for: ten minutes at 100 MB/s.
const SHARD: u64 = 60_000_000_000;
/// Shards for each pod that runs at once, so that the last ones do not leave the pool idle.
const SHARDS_PER_POD: usize = 4;
/// More indexes than that are a burden to the Job controller.
const MOST_SHARDS: usize = 10_000;
/// Pods at once where nothing else is asked for.
const PODS: usize = 8;
/// Where the volume is in a container, and the configuration.
const DATA: &str = "/data";
const CONFIG: &str = "/config";

pub fn run(cli: &Cli, monitor: &Monitor) -> Result<Code, Failure> {
    let args = &cli.render;
    let system = system(cli, monitor)?;
    let input = input_folder(cli, &system)?;
    let results = absolute(&output_folder(&at_home(cli), &system)?)?;
    let chunks = chunks::find(cli, &system, None)?.list;
    let plan = Plan::new(args, &chunks)?;
    let (flow_name, flow_text) = command_file(cli, monitor, &system)?;
    let (volume, root) = volume(args, &input, &results)?;
    let place = |folder: &Path| in_container(folder, &root);

    let mut job = overlay::job(args.pool.name());
    let name = match &args.name {
        Some(name) => name.clone(),
        None => job["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_string(),
    };
    let configured = configuration(&system, &place(&input)?, &place(&results)?, &flow_name)?;
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": format!("{name}-config"), "labels": job["metadata"]["labels"]},
        "data": {"system.json": configured, flow_name: flow_text},
    });
    fill(&mut job, &name, args, &plan, volume);
    let mut docs = vec![config, job];
    if let Some(namespace) = namespace(args) {
        docs.iter_mut()
            .for_each(|doc| doc["metadata"]["namespace"] = namespace.clone().into());
    }
    if args.volume.is_host() {
        // Pods with a folder of the node are refused elsewhere.
        let labels = json!({"pod-security.kubernetes.io/enforce": "privileged"});
        let metadata = json!({"name": namespace(args), "labels": labels});
        docs.insert(
            0,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}),
        );
    }
    write(cli, &plan.to_string(), &docs)
}

/// How the chunks are shared.
struct Plan {
    chunks: usize,
    bytes: u64,
    largest: u64,
    shards: usize,
    pods: usize,
}

impl Plan {
    fn new(args: &RenderArgs, chunks: &[Chunk]) -> Result<Self, Failure> {
        let sizes: Vec<u64> = chunks.iter().map(|chunk| chunk.bytes).collect();
        let bytes: u64 = sizes.iter().sum();
        let most = chunks.len().min(MOST_SHARDS);
        let shards = match args.shards {
            Some(shards) if shards as usize <= most => shards as usize,
            Some(shards) => {
                return Err(Failure::Usage(format!(
                    "--shards: found {shards}, expected at most {most}, as there are {} chunks",
                    chunks.len()
                )));
            }
            None => {
                let pods = args.parallelism.map_or(1, |pods| pods as usize);
                let by_bytes = usize::try_from(bytes.div_ceil(SHARD)).unwrap_or(most);
                by_bytes.max(SHARDS_PER_POD * pods).clamp(1, most)
            }
        };
        Ok(Self {
            chunks: chunks.len(),
            bytes,
            largest: sizes.into_iter().max().unwrap_or(0),
            shards,
            pods: args
                .parallelism
                .map_or(PODS, |pods| pods as usize)
                .min(shards),
        })
    }

    /// Memory for a pod, in GiB: the chunks that it holds at once, and no less than the base asks for.
    fn memory(&self) -> u64 {
        (16 * self.largest).div_ceil(1 << 30).max(8)
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            chunks,
            bytes,
            shards,
            pods,
            ..
        } = self;
        write!(
            f,
            "{chunks} chunks, {:.1} GB, in {shards} shards, {pods} pods at once",
            *bytes as f64 / 1e9
        )
    }
}

/// Puts in what is this run's own.
fn fill(job: &mut Value, name: &str, args: &RenderArgs, plan: &Plan, volume: Value) {
    job["metadata"]["name"] = name.into();
    let spec = &mut job["spec"];
    spec["completions"] = plan.shards.into();
    spec["maxFailedIndexes"] = plan.shards.into();
    spec["parallelism"] = plan.pods.into();
    let pod = &mut spec["template"]["spec"];
    named(&mut pod["volumes"], "data", |data| {
        *data = volume;
        data["name"] = "data".into();
    });
    named(&mut pod["volumes"], "config", |config| {
        config["configMap"]["name"] = format!("{name}-config").into();
    });
    let container = &mut pod["containers"][0];
    if let Some(image) = &args.image {
        container["image"] = image.as_str().into();
    }
    named(&mut container["env"], "DISTPY_SHARDS", |shards| {
        shards["value"] = plan.shards.to_string().into();
    });
    for part in ["requests", "limits"] {
        container["resources"][part]["memory"] = format!("{}Gi", plan.memory()).into();
    }
}

/// Changes the element of a list that has a name.
fn named(list: &mut Value, name: &str, change: impl FnOnce(&mut Value)) {
    let element = list
        .as_array_mut()
        .and_then(|list| list.iter_mut().find(|it| it["name"] == name));
    change(element.expect("the base has it"));
}

/// The folder of the chunks, as seen from here.
fn input_folder(cli: &Cli, system: &System) -> Result<PathBuf, Failure> {
    let folder = match (&cli.files[..], &system.input) {
        ([], Some(folder)) => folder.clone(),
        ([folder], _) => PathBuf::from(folder),
        ([], None) => {
            let expected = "missing; expected the folder of the chunks, or one after -f";
            return Err(Problems::single(&system.file, "in_directory", expected).into());
        }
        (files, _) => {
            return Err(Failure::Usage(format!(
                "-f: found {} inputs, expected one folder",
                files.len()
            )));
        }
    };
    if !folder.is_dir() {
        let found = format!(
            "{}: found no folder, expected the folder of the chunks",
            folder.display()
        );
        return Err(Failure::Usage(found));
    }
    absolute(&folder)
}

/// `-o` is where the manifest goes, not the results.
fn at_home(cli: &Cli) -> Cli {
    Cli {
        output: None,
        ..cli.clone()
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let path =
        std::path::absolute(path).map_err(|e| Failure::Io(format!("{}: {e}", path.display())))?;
    Ok(path
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect())
}

/// The command file, checked: its name and its text.
fn command_file(
    cli: &Cli,
    monitor: &Monitor,
    system: &System,
) -> Result<(String, String), Failure> {
    let flow = super::flow(monitor, system)?.ok_or_else(|| {
        let expected = "missing; expected the path of a command file";
        Problems::single(&system.file, "config", expected)
    })?;
    let reading = Reading {
        compat: compat(cli, system, Some(&flow))?,
        strict: cli.strict,
    };
    Graph::build(&flow, reading)?;
    Ok((key(&flow.file), read_text(&flow.file)?))
}

/// The name of a command file in the ConfigMap: its own, where Kubernetes takes it and the system configuration has another.
fn key(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name != "system.json" && name.len() <= 200 && name.chars().all(plain) {
        name.into_owned()
    } else {
        "flow.json".into()
    }
}

/// The system configuration with the folders of the container.
fn configuration(
    system: &System,
    input: &str,
    results: &str,
    flow: &str,
) -> Result<String, Failure> {
    let mut json = crate::config::json(&system.file, &read_text(&system.file)?)?;
    if let Some(keys) = json.as_object_mut() {
        for drive in ["in_drive", "out_drive", "project", "data", "results"] {
            keys.shift_remove(drive);
        }
        let config = format!("{CONFIG}/{flow}");
        for (key, value) in [
            ("in_directory", input),
            ("out_directory", results),
            ("config", &config),
        ] {
            keys.insert(key.into(), value.into());
        }
    }
    Ok(serde_json::to_string_pretty(&json).expect("JSON") + "\n")
}

/// The volume, and the folder here that is its root.
fn volume(args: &RenderArgs, input: &Path, results: &Path) -> Result<(Value, PathBuf), Failure> {
    let together = || {
        let pairs = input.components().zip(results.components());
        pairs
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a)
            .collect::<PathBuf>()
    };
    let root = match &args.volume_root {
        Some(root) => absolute(root)?,
        None => args.volume.folder().map_or_else(together, PathBuf::from),
    };
    Ok((args.volume.json(), root))
}

fn in_container(folder: &Path, root: &Path) -> Result<String, Failure> {
    let below = folder.strip_prefix(root).map_err(|_| {
        Failure::Usage(format!(
            "{}: found a folder outside the volume, expected one below {}; --volume-root says where the volume is here",
            folder.display(),
            root.display()
        ))
    })?;
    Ok(Path::new(DATA).join(below).display().to_string())
}

fn namespace(args: &RenderArgs) -> Option<String> {
    let own = || args.volume.is_host().then(|| "distpy-hostpath".to_string());
    args.namespace.clone().or_else(own)
}

fn write(cli: &Cli, about: &str, docs: &[Value]) -> Result<Code, Failure> {
    let mut text = format!(
        "# Made by distpy-gpu {} -m render-job: {about}.\n",
        env!("CARGO_PKG_VERSION")
    );
    for doc in docs {
        let yaml = serde_yaml_ng::to_string(doc).map_err(|e| Failure::Io(e.to_string()))?;
        text += &format!("---\n{yaml}");
    }
    match &cli.output {
        Some(path) => {
            output::write_file(path, text.as_bytes())?;
            tracing::info!("{}: {about}", path.display());
            Ok(exit::OK)
        }
        None => super::list::print(text.as_bytes()),
    }
}

impl Pool {
    /// The overlay in `k8s` that has the Job.
    fn name(self) -> &'static str {
        match self {
            Pool::Cpu => "cpu",
            Pool::GpuNvidia => "gpu-nvidia",
            Pool::GpuAmd => "gpu-amd",
            Pool::Gke => "gke",
            Pool::Eks => "eks",
            Pool::Aks => "aks",
        }
    }
}

impl Volume {
    /// As a pod names it.
    fn json(&self) -> Value {
        match self {
            Volume::Claim(name) => json!({"persistentVolumeClaim": {"claimName": name}}),
            Volume::Host(path) => json!({"hostPath": {"path": path, "type": "Directory"}}),
        }
    }

    fn is_host(&self) -> bool {
        self.folder().is_some()
    }

    fn folder(&self) -> Option<&str> {
        match self {
            Volume::Host(path) => Some(path),
            Volume::Claim(_) => None,
        }
    }
}
