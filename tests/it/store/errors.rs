//! What is said where a store cannot be used.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::{Store, bare};
use crate::program::{Project, Ran};

#[test]
fn what_is_missing_is_named() {
    let Some(store) = Store::start() else { return };
    let project = Project::with_chunks(1);
    let summary = "-m strainrate2summary -c system.json";
    let cases = [
        (
            format!("{summary} -f s3://data/none.sgy"),
            74,
            "s3://data/none.sgy: no such file or folder",
        ),
        (
            format!("{summary} -f s3://nowhere/a.sgy"),
            74,
            "s3://nowhere/a.sgy: no such bucket",
        ),
        (
            format!("{summary} -f s3://data/*.sgy"),
            74,
            "s3://data/*.sgy: no file matches",
        ),
        (
            format!("{summary} -f chunks -o s3://nowhere/out"),
            74,
            "no such bucket",
        ),
        (
            "-m strainrate2summary -c s3://data/none.json".to_string(),
            78,
            "s3://data/none.json: no such object",
        ),
        (
            format!("{summary} -f s3:///a.sgy"),
            64,
            "found \"s3:///a.sgy\", expected s3://BUCKET/NAME",
        ),
        (
            format!("{summary} -f ftp://h/a.sgy"),
            64,
            "found a URL of ftp://, expected s3://, gs://, az:// or file://",
        ),
    ];
    for (args, code, said) in cases {
        let ran = store.run(&project, &args);
        assert_eq!(ran.code, code, "{args}: {}", ran.err);
        assert!(ran.err.contains(said), "{args}: {}", ran.err);
        assert!(ran.err.lines().count() < 12, "{}", ran.err);
    }
    project.system(serde_json::json!({"in_directory": "s3://"}));
    project
        .run(summary)
        .ends(78)
        .says("in_directory: found \"s3://\", expected s3://BUCKET/NAME");
}

/// No network is there where this runs, or none that gives credentials.
#[test]
fn credentials_come_from_the_environment_alone() {
    let project = Project::with_chunks(1);
    for (url, said) in [
        (
            "s3://data/a.sgy",
            "no credentials: expected AWS_ACCESS_KEY_ID",
        ),
        (
            "gs://data/a.sgy",
            "no credentials: expected GOOGLE_APPLICATION_CREDENTIALS",
        ),
        (
            "az://data/a.sgy",
            "no storage account: set AZURE_STORAGE_ACCOUNT_NAME",
        ),
    ] {
        let begun = Instant::now();
        let args = format!("-m strainrate2summary -c system.json -f {url}");
        Ran::of(bare(&project, &args))
            .ends(74)
            .says(&format!("{url}: {said}"));
        assert!(
            begun.elapsed().as_secs() < 60,
            "{url}: {:?}",
            begun.elapsed()
        );
    }
    // A server that is not there is told of after some attempts.
    let nobody = super::command(
        &project,
        "-m strainrate2summary -c system.json -f s3://data/a.sgy",
        9,
    );
    let ran = Ran::of(nobody).ends(74);
    let said = "s3://data/a.sgy: Connection refused (os error 111), after 8 retries";
    assert!(ran.err.contains(said), "{}", ran.err);
}

/// A server that sends everybody to another one, and that other one; both count who comes.
struct Redirect {
    port: u16,
    asked: Arc<AtomicUsize>,
    followed: Arc<AtomicUsize>,
}

impl Redirect {
    fn start() -> Self {
        let [redirects, target] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [port, other] = [&redirects, &target].map(|it| it.local_addr().unwrap().port());
        let [asked, followed] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let moved = format!(
            "307 Temporary Redirect\r\nLocation: http://127.0.0.1:{other}/data/elsewhere\r\n"
        );
        for (listener, count, answer) in [
            (redirects, asked.clone(), moved),
            (target, followed.clone(), "200 OK\r\n".to_string()),
        ] {
            std::thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    count.fetch_add(1, Ordering::Relaxed);
                    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                    while lines.next().is_some_and(|line| !line.is_empty()) {}
                    let answer =
                        format!("HTTP/1.1 {answer}Content-Length: 0\r\nConnection: close\r\n\r\n");
                    let _ = (&stream).write_all(answer.as_bytes());
                }
            });
        }
        Self {
            port,
            asked,
            followed,
        }
    }
}

/// A session token is in a header that other hosts must not see.
#[test]
fn a_redirect_is_not_followed() {
    let project = Project::with_chunks(1);
    let server = Redirect::start();
    for args in [
        "-m strainrate2summary -c system.json -f s3://data/a.sgy",
        "-m strainrate2summary -c system.json -f s3://data/folder/",
        "-m strainrate2summary -c system.json -o s3://data/out",
    ] {
        let mut command = super::command(&project, args, server.port);
        command.env("AWS_SESSION_TOKEN", "token");
        Ran::of(command)
            .ends(74)
            .says("the store redirects to another address");
    }
    assert!(server.asked.load(Ordering::Relaxed) >= 3);
    assert_eq!(server.followed.load(Ordering::Relaxed), 0);
}
