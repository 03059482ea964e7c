//! Inputs and outputs in an object store: moto's S3 server, which knows nothing of this program.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod sharing;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::program::{Project, Ran};
use crate::python;

/// The server looks who signed a request, and not into the signature.
const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";

/// A server with the bucket `data`; it ends with this value.
pub struct Store {
    server: Child,
    port: u16,
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Store {
    /// `None` where there is no Python with moto.
    pub fn start() -> Option<Self> {
        let python = python::python()?;
        let mut server = Command::new(python)
            .args(["-m", "moto.server", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It says where it is, then a line for each request.
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, at) = line.split_once("Running on http://127.0.0.1:")?;
            at.trim().parse().ok()
        });
        let port = port.expect("a port");
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let store = Self { server, port };
        assert_eq!(store.ask("PUT", "/data", &[]).0, 200);
        Some(store)
    }

    /// A plain request: the status and the body.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nContent-Length: {length}\r\n{SIGNED}\r\n\r\n",
            self.port
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let at = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let status = std::str::from_utf8(&answer[9..12]).unwrap();
        (status.parse().unwrap(), answer[at + 4..].to_vec())
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        assert_eq!(self.ask("PUT", &format!("/data/{key}"), bytes).0, 200);
    }

    /// Puts a file, or all files below a folder.
    fn upload(&self, project: &Project, name: &str) {
        let path = project.path(name);
        if path.is_file() {
            self.put(name, &std::fs::read(path).unwrap());
        }
        for (below, bytes) in project.files(name) {
            self.put(&format!("{name}/{below}"), &bytes);
        }
    }

    /// The names of the objects that begin so.
    fn keys(&self, prefix: &str) -> Vec<String> {
        let path = format!("/data?list-type=2&max-keys=1000&prefix={prefix}");
        let (status, body) = self.ask("GET", &path, &[]);
        assert_eq!(status, 200);
        let body = String::from_utf8(body).unwrap();
        let keys = body.split("<Key>").skip(1);
        keys.map(|rest| rest.split("</Key>").next().unwrap().to_string())
            .collect()
    }

    /// Every object of a folder by its name below; not what runs know of each other.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let keys = self.keys(&format!("{folder}/")).into_iter();
        keys.filter(|key| !key.contains("/.distpy-gpu/"))
            .map(|key| {
                let (status, bytes) = self.ask("GET", &format!("/data/{key}"), &[]);
                assert_eq!(status, 200, "{key}");
                (key[folder.len() + 1..].to_string(), bytes)
            })
            .collect()
    }

    pub fn command(&self, project: &Project, args: &str) -> Command {
        command(project, args, self.port)
    }

    pub fn run(&self, project: &Project, args: &str) -> Ran {
        Ran::of(self.command(project, args))
    }
}

/// The program with what it needs to know of a server.
pub fn command(project: &Project, args: &str, port: u16) -> Command {
    let mut command = bare(project, args);
    command
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "us-east-1");
    command
}

/// The program without any credentials.
fn bare(project: &Project, args: &str) -> Command {
    let mut command = project.command(args);
    for (name, _) in std::env::vars() {
        let known = ["AWS_", "GOOGLE_", "AZURE_"];
        if known.iter().any(|start| name.starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}

/// Two seconds and a half of forty channels as SEG-Y, HDF5 and chunks, and the same from another maker as TDMS.
fn recorded() -> Project {
    let project = Project::new();
    let recipe = json!({"channels": 40, "seconds": 2.5, "prf": 200, "seed": 3});
    project.write("recipe.json", recipe.to_string().as_bytes());
    let mut forms = vec!["raw/r.sgy", "raw/chunks"];
    if cfg!(feature = "hdf5") {
        forms.push("raw/r.h5");
    }
    for form in forms {
        let args = format!("-m synthesize -c recipe.json -o {form}");
        project.run(&args).ends(0);
    }
    project
}

#[test]
fn results_in_a_store_are_those_of_this_machine() {
    let Some(store) = Store::start() else { return };
    let project = recorded();
    let tdms = crate::root().join("tests/golden/tdms");

    project.write(
        "raw/r.tdms",
        &std::fs::read(tdms.join("interleaved-big.tdms")).unwrap(),
    );
    for name in ["raw", "flow.json"] {
        store.upload(&project, name);
    }
    let mut forms = vec!["r.sgy", "chunks", "r.tdms"];
    if cfg!(feature = "hdf5") {
        forms.push("r.h5");
    }
    for form in forms {
        let input = format!("-f raw/{form} -o local/{form}");
        project.summary(&input).ends(0);
        let here = project.files(&format!("local/{form}"));
        assert!(here.len() > 3, "{form}: {:?}", here.keys());
        // All in the store: the configuration, what it names beside it, the recording, the results.
        let system = json!({"config": "flow.json", "prf": 200, "distpy_gpu": {"device": "cpu"},
            "in_directory": format!("s3://data/raw/{form}"), "out_directory": format!("s3://data/out/{form}")});
        store.put("system.json", system.to_string().as_bytes());
        let args = "-m strainrate2summary -c s3://data/system.json";
        store.run(&project, args).ends(0);
        let there = store.files(&format!("out/{form}"));
        assert!(
            there == here,
            "{form}: {:?} {:?}",
            there.keys(),
            here.keys()
        );
        // Nothing is left of the claims, and nothing is done twice.
        for kind in ["runs", "claims"] {
            let left = store.keys(&format!("out/{form}/.distpy-gpu/{kind}"));
            assert!(left.is_empty(), "{left:?}");
        }
        let again = store.run(&project, args).ends(0);
        assert!(again.err.contains("skipped"), "{}", again.err);
        // From the store to this machine.
        let args =
            format!("-m strainrate2summary -c system.json -f s3://data/raw/{form} -o back/{form}");
        store.run(&project, &args).ends(0);
        assert!(project.files(&format!("back/{form}")) == here, "{form}");
    }
}

#[test]
fn chunks_go_to_a_store_and_come_from_one() {
    let Some(store) = Store::start() else { return };
    let project = recorded();
    store.upload(&project, "raw/r.sgy");
    let ingest = "-m segy_ingest -c system.json";
    project
        .run(&format!("{ingest} -f raw/r.sgy -o chunks"))
        .ends(0);
    let here = project.files("chunks");
    // A file, a pattern, a folder; there and back.
    for (k, input) in [
        "s3://data/raw/r.sgy",
        "s3://data/raw/*.sgy",
        "s3://data/raw",
        "raw/r.sgy",
    ]
    .into_iter()
    .enumerate()
    {
        let to = format!("s3://data/chunks{k}");
        store
            .run(&project, &format!("{ingest} -f {input} -o {to}"))
            .ends(0);
        assert!(store.files(&format!("chunks{k}")) == here, "{input}");
    }
    store
        .run(
            &project,
            &format!("{ingest} -f s3://data/raw/r.sgy -o from"),
        )
        .ends(0);
    assert!(project.files("from") == here);
    // A damaged chunk is made again, the others are kept.
    store.put("chunks0/1767225601.npy", b"cut");
    store
        .run(
            &project,
            &format!("{ingest} -f raw/r.sgy -o s3://data/chunks0"),
        )
        .ends(0);
    assert!(store.files("chunks0") == here);
    // Pictures and reports of what lies there.
    for args in [
        "-m strainrate2summary -c system.json -f s3://data/chunks0 -o s3://data/results",
        "-m report -c system.json -o s3://data/results",
    ] {
        store.run(&project, args).ends(0);
    }
    let made = store.files("results");
    assert!(
        made.keys().any(|name| name.ends_with(".html")),
        "{:?}",
        made.keys()
    );
}

#[test]
fn urls_of_files_are_paths() {
    let project = Project::with_chunks(2);
    let folder = project.path("").display().to_string();
    let folder = folder.trim_end_matches('/');
    project.system(json!({"out_directory": format!("file://{folder}/here")}));
    let args =
        format!("-m strainrate2summary -c file://{folder}/system.json -f file://{folder}/chunks");
    project.run(&args).ends(0);
    project
        .run(&format!("{args} -o file://localhost{folder}/there"))
        .ends(0);
    assert!(project.files("here").len() > 3);
    assert!(project.files("here") == project.files("there"));
}

#[test]
fn pictures_are_drawn_of_arrays_in_a_store() {
    let Some(store) = Store::start() else { return };
    let project = Project::new();
    let list = ["shards", "zstd"].map(|name| {
        let item = json!({"data": format!("version3.zarr/{name}"), "title_text": "Band"});
        json!({"plot_type": "well_log", "out_plot": name, "plot_list": [item]})
    });
    let plots = json!({"figure_size": [5, 3.5], "dpi": 60, "start_of_fibre": 0, "end_of_fibre": 9999,
        "time_reference": "time.npy", "depth_reference": "measured_depth.npy", "depth_display_unit": "m",
        "label_list": [], "plots": list});
    project.write("plots.json", plots.to_string().as_bytes());
    project.system(json!({"config": "plots.json"}));
    let arrays = crate::root().join("tests/golden/zarr");
    let files = glob::glob(&arrays.join("version3.zarr/**/*").display().to_string()).unwrap();
    let files =
        files.chain(glob::glob(&arrays.join("version3.zarr/**/.*").display().to_string()).unwrap());
    for file in files.map(Result::unwrap).filter(|path| path.is_file()) {
        let name = file.strip_prefix(&arrays).unwrap().display().to_string();
        let bytes = std::fs::read(&file).unwrap();
        project.write(&format!("curves/{name}"), &bytes);
        store.put(&format!("curves/{name}"), &bytes);
    }
    let plot = "-m plotgenerator -c system.json";
    project.run(&format!("{plot} -f curves -o here")).ends(0);
    store
        .run(
            &project,
            &format!("{plot} -f s3://data/curves -o s3://data/there"),
        )
        .ends(0);
    let here = project.files("here");
    assert!(here.contains_key("shards.png"), "{:?}", here.keys());
    assert!(store.files("there") == here);
}

#[test]
fn only_the_headers_of_a_recording_are_fetched_to_look_at_it() {
    let Some(store) = Store::start() else { return };
    let project = Project::new();
    // 10 MB, which is put in parts: a trace is 320 kB.
    let recipe = json!({"channels": 30, "seconds": 400, "prf": 400, "seed": 3});
    project.write("recipe.json", recipe.to_string().as_bytes());
    project
        .run("-m synthesize -c recipe.json -o big.sgy")
        .ends(0);
    let size = std::fs::metadata(project.path("big.sgy")).unwrap().len();
    assert!(size > 9_000_000, "{size}");
    let args = "-m synthesize -c recipe.json -o s3://data/big.sgy";
    store.run(&project, args).ends(0);
    let (_, put) = store.ask("GET", "/data/big.sgy", &[]);
    assert!(put == std::fs::read(project.path("big.sgy")).unwrap());
    let port = store.port;
    let client = format!(
        "boto3.client('s3', endpoint_url='http://127.0.0.1:{port}', region_name='us-east-1', \
         aws_access_key_id='key', aws_secret_access_key='secret')"
    );
    let script =
        format!("import boto3; print({client}.head_object(Bucket='data', Key='big.sgy')['ETag'])");
    let tag = python::run(&script, &project.path("")).unwrap();
    assert!(tag.trim().ends_with("-2\""), "two parts: {tag}");
    let proxy = Proxy::start(store.port);
    let (port, received) = (proxy.port, &proxy.received);
    let args = "-m strainrate2summary -c system.json -f s3://data/big.sgy -o out --explain";
    let explained = Ran::of(command(&project, args, port)).ends(0);
    assert!(explained.out.contains("30"), "{}", explained.out);
    let headers = received.swap(0, Ordering::Relaxed);
    assert!(
        headers > 30 * 240 && headers < size / 20,
        "{headers} of {size}"
    );
    // Read to the end, each byte comes once, or nearly so.
    let args = "-m segy_ingest -c system.json -f s3://data/big.sgy -o chunks";
    Ran::of(command(&project, args, port)).ends(0);
    let all = received.load(Ordering::Relaxed);
    assert!(all < size + size / 4, "{all} of {size}");
}

/// The processes of a job each list a folder, and a store charges for lists; an index makes them unnecessary.
#[test]
fn a_folder_with_an_index_is_not_listed() {
    let Some(store) = Store::start() else {
        return;
    };
    let project = Project::new();
    let recipe = json!({"channels": 4, "seconds": 5, "prf": 200});
    project.write("recipe.json", recipe.to_string().as_bytes());
    let run = |port: u16, args: &str| Ran::of(command(&project, args, port)).ends(0);
    run(store.port, "-m synthesize -c recipe.json -o recording.sgy");
    let chunks = "s3://data/chunks";
    let ingest = format!("-m ingest -c system.json -f recording.sgy -o {chunks}");
    run(store.port, &ingest);
    let summary = format!("-m strainrate2summary -c system.json -f {chunks}");
    let proxy = Proxy::start(store.port);
    run(proxy.port, &format!("{summary} --shard 1/2 -o share"));
    assert_eq!(proxy.count("GET /data?"), 0, "{}", proxy.asked());
    assert_eq!(
        proxy.count("GET /data/chunks/index.csv"),
        1,
        "{}",
        proxy.asked()
    );
    // Without an index: one request finds that it is a folder, one lists it.
    assert_eq!(store.ask("DELETE", "/data/chunks/index.csv", &[]).0, 204);
    let proxy = Proxy::start(store.port);
    run(proxy.port, &format!("{summary} --shard 1/2 -o listed"));
    assert_eq!(proxy.count("GET /data?"), 2, "{}", proxy.asked());
    assert!(project.files("share") == project.files("listed"));
}

/// A way to a server that counts the bytes that come from it, and keeps what was asked.
struct Proxy {
    port: u16,
    received: Arc<AtomicU64>,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            received: Arc::default(),
            sent: Arc::default(),
        };
        let (received, sent) = (proxy.received.clone(), proxy.sent.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    return;
                };
                let (up, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let sent = sent.clone();
                let keep = move |bytes: &[u8]| sent.lock().unwrap().extend_from_slice(bytes);
                std::thread::spawn(move || pass_on(up, to, keep));
                let received = received.clone();
                let count = move |bytes: &[u8]| {
                    received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                };
                std::thread::spawn(move || pass_on(server, client, count));
            }
        });
        proxy
    }

    /// The requests.
    fn asked(&self) -> String {
        String::from_utf8_lossy(&self.sent.lock().unwrap()).into_owned()
    }

    /// Number of requests that begin so.
    fn count(&self, request: &str) -> usize {
        self.asked().matches(request).count()
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, see: impl Fn(&[u8])) {
    let mut block = vec![0; 64 << 10];
    while let Ok(n @ 1..) = from.read(&mut block) {
        see(&block[..n]);
        if to.write_all(&block[..n]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
