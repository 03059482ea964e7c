//! What is said where a store cannot be used.

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
