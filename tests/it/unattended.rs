//! Runs that nobody watches: what they leave for an orchestrator, what they tell while they work, and how they end by themselves.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Project, Ran, chunk, devices};

fn json_of(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn the_last_word_is_one_line_of_json() {
    let project = Project::with_chunks(4);
    project.write(
        "word",
        b"longer than anything that is written later "
            .repeat(200)
            .as_slice(),
    );
    project.summary("--termination-log word").ends(0);
    let text = std::fs::read_to_string(project.path("word")).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let word = json_of(&project.path("word"));
    let expected = json!({"code": 0, "name": "OK", "module": "strainrate2summary", "chunks_done": 4, "chunks_skipped": 0,
        "inputs_failed": 0, "device": "CPU", "bytes_done": 4 * (128 + 6 * 200 * 8)});
    for (key, value) in expected.as_object().unwrap() {
        // Bytes of samples are counted, not those of headers.
        if key == "bytes_done" {
            assert_eq!(word[key], 4 * 6 * 200 * 8);
        } else {
            assert_eq!(word[key], *value, "{key}: {word}");
        }
    }
    assert_eq!(word.get("error"), None);

    project.write("chunks/2.npy", b"broken");
    project
        .summary("--termination-log word --overwrite=all")
        .ends(65);
    let word = json_of(&project.path("word"));
    assert_eq!(
        (&word["code"], &word["inputs_failed"]),
        (&json!(65), &json!(1))
    );
    assert!(
        word["error"]
            .as_str()
            .unwrap()
            .starts_with("chunks/2.npy: "),
        "{word}"
    );

    // A configuration with more findings than fit.
    let many: Vec<Value> = (1..200)
        .map(|uid| json!({"name": format!("unknown \"{uid}\""), "uid": uid, "in_uid": 0}))
        .collect();
    project.flow(json!(many));
    project.summary("--termination-log word").ends(78);
    let text = std::fs::read_to_string(project.path("word")).unwrap();
    assert!(text.len() <= 4096, "{} bytes", text.len());
    let word = json_of(&project.path("word"));
    assert!(
        word["code"] == 78
            && word["error"]
                .as_str()
                .unwrap()
                .contains("command_list[0].name"),
        "{word}"
    );

    // It must not be what a run fails by.
    let ran = Project::with_chunks(1);
    ran.summary("--termination-log no/such/folder")
        .ends(0)
        .says("no/such/folder: No such file");
}

#[test]
fn progress_and_metrics_are_files() {
    let project = Project::with_chunks(3);
    project.write("chunks/2.npy", b"broken");
    project.summary("--metrics-file metrics.prom").ends(65);
    let progress = json_of(&project.path("results/.distpy-gpu/progress/strainrate2summary.json"));
    for (key, value) in [
        ("chunks_expected", 3),
        ("chunks_done", 2),
        ("inputs_failed", 1),
        ("queue_read", 0),
        ("queue_computing", 0),
        ("queue_computed", 0),
    ] {
        assert_eq!(progress[key], value, "{key}: {progress}");
    }
    let metrics = std::fs::read_to_string(project.path("metrics.prom")).unwrap();
    for line in [
        r#"distpy_gpu_chunks_total{result="done"} 2"#,
        "distpy_gpu_inputs_failed_total 1",
        "distpy_gpu_chunks_expected 3",
    ] {
        assert!(
            metrics.lines().any(|it| it == line),
            "{line}\nin\n{metrics}"
        );
    }
    project.summary("--reverse --shard 0/1").ends(65);
    let again = json_of(
        &project.path("results/.distpy-gpu/progress/strainrate2summary-0-of-1-reverse.json"),
    );
    assert_eq!(
        (&again["chunks_skipped"], &again["chunks_done"]),
        (&json!(2), &json!(0))
    );
}

/// A store with one chunk, which it lists and never sends.
#[cfg(all(feature = "object-store", unix))]
struct Silent {
    port: u16,
}

#[cfg(all(feature = "object-store", unix))]
impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let mut waiting = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let request = lines.next().unwrap_or_default();
                while lines.next().is_some_and(|line| !line.is_empty()) {}
                drop(lines);
                if !request.contains("3.npy") {
                    let none =
                        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                    let _ = (&stream).write_all(none.as_bytes());
                } else if request.starts_with("HEAD") {
                    let about = "HTTP/1.1 200 OK\r\nContent-Length: 9728\r\nETag: \"1\"\r\n\
                                 Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: close\r\n\r\n";
                    let _ = (&stream).write_all(about.as_bytes());
                } else {
                    waiting.push(stream);
                }
            }
        });
        Self { port }
    }

    /// A run on two chunks and a third one, which never arrives.
    fn hung(&self, project: &Project, args: &str) -> Command {
        let files = "chunks/1.npy chunks/2.npy s3://data/3.npy";
        let args = format!("-m strainrate2summary -c system.json -f {files} {args}");
        crate::store::command(project, &args, self.port)
    }
}

#[cfg(all(feature = "object-store", unix))]
#[test]
fn work_that_stands_still_ends_with_75_and_a_rerun_goes_on() {
    let project = Project::with_chunks(2);
    let store = Silent::start();
    let ran = Ran::of(store.hung(&project, "--stall-timeout 1 --termination-log word"))
        .ends(75)
        .says(
            "nothing was done for 1 s, expected at least one chunk in that time (--stall-timeout)",
        );
    assert_eq!(ran.errors().len(), 1, "{}", ran.err);
    let word = json_of(&project.path("word"));
    assert_eq!(
        (&word["code"], &word["chunks_done"]),
        (&json!(75), &json!(2))
    );
    project.write("chunks/3.npy", &chunk(3, 6, 200));
    project
        .summary("--stall-timeout 60")
        .ends(0)
        .says("1 chunks done, 2 skipped");
    assert!(project.path("results/te/3.npy").exists());
}

/// Results of two flows must not mix.
#[cfg(all(feature = "object-store", unix))]
#[test]
fn another_flow_is_refused_while_one_runs() {
    let project = Project::with_chunks(2);
    let store = Silent::start();
    let mut first = Served::start(store.hung(&project, ""));
    let started = Instant::now();
    while !project.path("results/te/2.npy").exists() {
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
    }
    let bands = |low: f64, folder: &str| {
        project.flow(json!([
            {"name": "fft", "uid": 1, "in_uid": 0},
            {"name": "multiple_calcs", "uid": 2, "in_uid": 1, "func": "te_from_fft", "low_freq": [low], "high_freq": [-1]},
            {"name": "write_npy", "uid": 3, "in_uid": 2, "directory_out": folder}
        ]));
    };
    bands(5.0, "te");
    for args in ["", "--overwrite", "--overwrite=all"] {
        project
            .summary(args)
            .ends(78)
            .says("found a run of another flow that writes the same files now")
            .says("expected one flow at a time");
    }
    // One that writes no such file is in nobody's way.
    bands(5.0, "other");
    project.summary("").ends(0);
    first.run.kill().unwrap();
    first.run.wait().unwrap();
    bands(5.0, "te");
    project.summary("--overwrite").ends(0);
}

/// Reading a pipe takes until somebody writes to it.
#[cfg(unix)]
#[test]
fn a_pipe_is_no_input() {
    let project = Project::with_chunks(1);
    for name in [
        "chunks/2.npy",
        "r.sgy",
        "r.h5",
        "r.tdms",
        "r.csv",
        "r.las",
        "r.fbe",
    ] {
        let fifo = Command::new("mkfifo").arg(project.path(name)).status();
        assert!(fifo.unwrap().success());
    }
    for (module, name, code) in [
        ("strainrate2summary", "chunks/2.npy", 74),
        ("strainrate2summary", "r.sgy", 74),
        ("ingest", "r.sgy", 74),
        ("ingest", "r.h5", 74),
        ("ingest", "r.tdms", 74),
        ("ingest_csv", "r.csv", 74),
        ("las2fbe", "r.las", 74),
        ("ingest_witsml", "r.fbe", 74),
    ] {
        let ran = project.run(&format!("-m {module} -c system.json -f {name}"));
        assert!(
            ran.err
                .contains("found a folder, pipe or device, expected a"),
            "{module} {name}: {}",
            ran.err
        );
        assert!(
            [65, code].contains(&ran.code),
            "{module} {name}: {} {}",
            ran.code,
            ran.err
        );
    }
    // In a folder, it is not looked at.
    project.summary("").ends(0).says("1 chunks done");
}

/// A run that serves metrics at a port of its own choice.
struct Served {
    run: Child,
    log: BufReader<ChildStderr>,
    address: String,
}

impl Served {
    fn start(mut command: Command) -> Self {
        let command = command.args(["--metrics-addr", "0"]);
        let mut run = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(run.stderr.take().unwrap());
        let mut line = String::new();
        log.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1);
        let address = address.unwrap_or_else(|| panic!("{line}"));
        let address = address.trim().trim_end_matches("/metrics").to_string();
        // A port alone is not open to other machines.
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        Self { run, log, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        // Far beyond the server's own limits.
        let limit = Some(Duration::from_secs(30));
        stream.set_read_timeout(limit).unwrap();
        stream.set_write_timeout(limit).unwrap();
        stream
    }

    /// Sends bytes and reads to the end. A server that closes without reading everything may reset the connection, which can
    /// cost the client the answer.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        let mut answer = Vec::new();
        let asked = stream
            .write_all(request.as_bytes())
            .and_then(|()| stream.read_to_end(&mut answer).map(drop));
        if let Err(e) = asked {
            let reset = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&e.kind());
            assert!(reset, "{e}: {}", request.get(..60).unwrap_or(request));
        }
        String::from_utf8(answer).unwrap()
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"))
    }
}

#[cfg(all(feature = "object-store", unix))]
#[test]
fn metrics_are_served_while_a_run_works() {
    let project = Project::with_chunks(2);
    let store = Silent::start();
    let mut served = Served::start(store.hung(&project, ""));
    let started = Instant::now();
    let answer = loop {
        let answer = served.get("/metrics");
        if answer.contains(r#"chunks_total{result="done"} 2"#) {
            break answer;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{answer}");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
    assert!(
        answer.contains(r#"module="strainrate2summary""#),
        "{answer}"
    );
    assert!(
        served
            .get("/metrics?from=here")
            .starts_with("HTTP/1.1 200 ")
    );
    assert!(served.get("/other").starts_with("HTTP/1.1 404 "));
    let head = served.ask("HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    for method in ["POST", "DELETE", "OPTIONS"] {
        let refused = served.ask(&format!("{method} /metrics HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert!(refused.starts_with("HTTP/1.1 405 "), "{refused}");
        let lower = refused.to_lowercase();
        assert!(lower.contains("\r\nallow: get, head\r\n"), "{refused}");
    }
    served.run.kill().unwrap();
    served.run.wait().unwrap();

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let project = Project::with_chunks(1);
    // The same address, however it is written.
    for given in [
        address.to_string(),
        address.port().to_string(),
        format!(":{}", address.port()),
    ] {
        project
            .summary(&format!("--metrics-addr {given}"))
            .ends(74)
            .says(&format!("--metrics-addr {address}: "));
    }
    for wrong in ["here", "127.0.0.1", "65536", "::", ""] {
        project.summary(&format!("--metrics-addr={wrong}")).ends(64);
    }
}

/// Whatever clients do, they must not end a run, nor keep others from its metrics.
#[test]
fn hostile_clients_of_the_metrics_do_not_harm_a_run() {
    let project = Project::with_chunks(3);
    project.summary("-o expected").ends(0);
    // The run waits for its configuration while it is attacked.
    let system = std::fs::read(project.path("system.json")).unwrap();
    let fifo = Command::new("mkfifo").arg(project.path("fifo")).status();
    assert!(fifo.unwrap().success());
    let mut served = Served::start(project.command("-m strainrate2summary -c fifo"));

    let long = "x".repeat(1 << 20);
    for (request, statuses) in [
        (
            "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000000000000000\r\n\r\n",
            &["413", "400"][..],
        ),
        (
            "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
            &["413", "400"],
        ),
        (
            "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
            &["400"],
        ),
        (
            "GET /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000000000000000\r\n\r\n",
            &["413", "400"],
        ),
        (
            "POST /metrics HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nabc",
            &["413", "400"],
        ),
        (
            "POST /metrics HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9000000000000000000\r\n\r\n",
            &["413", "400"],
        ),
        (
            "POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000000000000000\r\n\r\n",
            &["413", "400"],
        ),
        ("\u{0}\u{1}\u{2}\r\n\r\n", &["400"]),
        (
            &format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n"),
            &["414", "431"],
        ),
        (
            &format!("GET /metrics HTTP/1.1\r\nX: {long}\r\n\r\n"),
            &["431"],
        ),
        (
            &format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1000)),
            &["431"],
        ),
    ] {
        let answer = served.ask(request);
        let status = answer.split(' ').nth(1).unwrap_or("none");
        let short = request.get(..90).unwrap_or(request);
        // A reset can take the answer with it.
        assert!(
            statuses.contains(&status) || status == "none",
            "{short}: {answer}"
        );
        assert!(
            served.get("/metrics").starts_with("HTTP/1.1 200 "),
            "{short}"
        );
    }

    let idle: Vec<TcpStream> = (0..200).map(|_| served.connect()).collect();
    let mut half = served.connect();
    half.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\nX-Half: ")
        .unwrap();
    let mut deaf = served.connect();
    for _ in 0..1000 {
        // The server may have closed it by now.
        if deaf
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n")
            .is_err()
        {
            break;
        }
    }
    let started = Instant::now();
    let answer = served.get("/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5));
    // Of the run's file descriptors clients get a few only.
    let open = std::fs::read_dir(format!("/proc/{}/fd", served.run.id()));
    if let Ok(open) = open {
        let count = open.count();
        assert!(count < 80, "{count} file descriptors");
    }
    // Half a header is not waited for.
    let mut rest = Vec::new();
    let _ = half.read_to_end(&mut rest);
    assert!(started.elapsed() < Duration::from_secs(20));

    std::fs::write(project.path("fifo"), &system).unwrap();
    let mut log = String::new();
    served.log.read_to_string(&mut log).unwrap();
    assert_eq!(served.run.wait().unwrap().code(), Some(0), "{log}");
    assert!(!log.contains("defect"), "{log}");
    assert!(
        project.files("results") == project.files("expected"),
        "{log}"
    );
    drop((idle, deaf));
}

/// A library that refuses what mounted object stores refuse: renames, hard links, and writes that are not in order.
const STORE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
static int stored(const char *path) { const char *s = getenv("STORE"); return s && strstr(path, s) != NULL; }
static int stored_fd(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return stored(path);
}
int rename(const char *a, const char *b) {
    if (stored(a) || stored(b)) { errno = ENOSYS; return -1; }
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    return real(a, b);
}
int link(const char *a, const char *b) { (void)a; (void)b; errno = ENOSYS; return -1; }
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at) {
    if (stored_fd(fd)) { errno = EINVAL; return -1; }
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    return real(fd, p, n, at);
}
off64_t lseek64(int fd, off64_t at, int whence) {
    if (stored_fd(fd) && at != 0) { errno = EINVAL; return -1; }
    off64_t (*real)(int, off64_t, int) = dlsym(RTLD_NEXT, "lseek64");
    return real(fd, at, whence);
}
"#;

#[test]
fn a_folder_that_cannot_rename_gets_the_same_files() {
    let project = Project::with_chunks(3);
    project.write("store.c", STORE.as_bytes());
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o", "store.so", "store.c", "-ldl"])
        .current_dir(project.path(""))
        .status();
    assert!(compiled.unwrap().success());
    project.write(
        "recipe.json",
        br#"{"channels": 8, "seconds": 3, "prf": 200}"#,
    );
    project
        .run("-m synthesize -c recipe.json -o recording.sgy")
        .ends(0);
    for (folder, args) in [
        ("summary", "-m strainrate2summary -c system.json"),
        ("ingest", "-m segy_ingest -f recording.sgy -c system.json"),
    ] {
        project.run(&format!("{args} -o {folder}")).ends(0);
        let mut command = project.command(&format!("{args} -o {folder}-store"));
        command
            .env("LD_PRELOAD", project.path("store.so"))
            .env("STORE", "-store")
            .env("TMPDIR", project.path("tmp"));
        std::fs::create_dir_all(project.path("tmp")).unwrap();
        let ran = Ran::of(command).ends(0).says("files cannot be renamed");
        assert!(
            project.files(folder) == project.files(&format!("{folder}-store")),
            "{folder}: {}",
            ran.err
        );
        assert!(project.names("tmp").is_empty());
        // Where it can be renamed after all, both ways are there to choose.
        project
            .run(&format!("{args} -o {folder}-put --commit put"))
            .ends(0);
        assert!(
            project.files(folder) == project.files(&format!("{folder}-put")),
            "{folder}"
        );
        let mut command = project.command(&format!(
            "{args} -o {folder}-store --overwrite=all --commit rename"
        ));
        command
            .env("LD_PRELOAD", project.path("store.so"))
            .env("STORE", "-store");
        Ran::of(command).ends(74).says("Function not implemented");
        assert!(
            project.files(folder) == project.files(&format!("{folder}-store")),
            "{folder}"
        );
    }
}

#[test]
fn a_chunk_that_cannot_be_read_is_worth_a_retry_and_a_bad_one_is_not() {
    let project = Project::with_chunks(3);
    std::fs::remove_file(project.path("chunks/2.npy")).unwrap();
    // The kernel's own files can be opened, not mapped.
    let unreadable = Path::new("/sys/kernel/uevent_seqnum");
    std::os::unix::fs::symlink(unreadable, project.path("chunks/2.npy")).unwrap();
    let ran = project.summary("").ends(74).says("2 chunks done, 1 failed");
    assert_eq!(ran.errors().len(), 1, "{}", ran.err);
    project.write("chunks/3.npy", b"broken");
    project
        .summary("--overwrite=all")
        .ends(65)
        .says("1 chunks done, 2 failed");
}

#[test]
fn one_odd_chunk_at_the_beginning_is_that_chunks_fault() {
    let project = Project::with_chunks(4);
    project.flow(json!([
        {"name": "data_load", "uid": 1, "in_uid": 0, "directory_in": ".", "filename": "factor.npy"},
        {"name": "write_witsml", "uid": 2, "in_uid": 0, "gather_uids": [1], "directory_out": "log",
            "low_freq": vec![0; 200], "high_freq": vec![1; 200]}
    ]));
    project.write(
        "results/factor.npy",
        &crate::program::npy("'<f8'", false, &[6], &[0; 48]),
    );
    project.write("chunks/1.npy", &crate::program::chunk(1, 5, 200));
    let ran = project.summary("").ends(65).says("3 chunks done, 1 failed");
    assert_eq!(ran.errors().len(), 1, "{}", ran.err);
    // A share that has nothing but the odd one does not end the others' Job either.
    project
        .summary("--shard 0/4 --overwrite=all")
        .ends(65)
        .says("0 chunks done, 1 failed");
    project.write("odd/1.npy", &crate::program::chunk(1, 5, 200));
    project.summary("-f odd -o results").ends(78);
}

/// More lengths than plans are kept, twice each: as where a recording has many gaps.
#[test]
fn chunks_of_many_lengths_are_those_of_runs_of_their_own() {
    let project = Project::new();
    for k in 1..=24 {
        let length = 150 + 7 * (k % 12);
        project.write(&format!("chunks/{k}.npy"), &chunk(k, 6, length));
    }
    for (n, device) in devices().into_iter().enumerate() {
        let (all, alone) = (format!("all{n}"), format!("alone{n}"));
        project.summary(&format!("{device} -o {all}")).ends(0);
        for k in [1, 11, 12, 13, 24] {
            let args = format!("{device} -f chunks/{k}.npy -o {alone}");
            project.summary(&args).ends(0);
        }
        let all = project.files(&all);
        let alone = project.files(&alone);
        let results = alone.iter().filter(|(name, _)| name.ends_with(".fbe"));
        let mut count = 0;
        for (name, bytes) in results {
            assert!(all.get(name) == Some(bytes), "{device}: {name}");
            count += 1;
        }
        assert_eq!(count, 5, "{device}: {:?}", alone.keys());
    }
}

/// Work that hangs does not keep a run from its end.
#[cfg(unix)]
#[test]
fn a_run_that_hangs_ends_after_the_grace_period() {
    let project = Project::with_chunks(1);
    let fifo = Command::new("mkfifo").arg(project.path("fifo")).status();
    assert!(fifo.unwrap().success());
    let mut command = project.command("-m strainrate2summary -c fifo --grace-period 1");
    let run = command.stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let kill = Command::new("kill").arg(run.id().to_string()).status();
    assert!(kill.unwrap().success());
    let ended = run.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(143), "{said}");
    assert!(
        said.contains("still at work 1 s after the signal (--grace-period)"),
        "{said}"
    );
}

#[test]
fn a_variable_cannot_ask_for_too_many_threads() {
    let project = Project::with_chunks(1);
    let mut command = project.command("-m strainrate2summary -c system.json");
    command.env("RAYON_NUM_THREADS", "65535");
    Ran::of(command)
        .ends(64)
        .says("RAYON_NUM_THREADS: found 65535, expected at most 1024");
}
