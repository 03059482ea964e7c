//! Results go below the output folder and replace no input; nothing else is removed.

use serde_json::json;

use crate::program::Project;

/// A project whose flow writes chunks as they are into a folder.
fn writes_to(folder: &str) -> Project {
    let project = Project::with_chunks(3);
    project.flow(json!([{"name": "write_npy", "uid": 1, "in_uid": 0, "directory_out": folder}]));
    project
}

#[test]
fn results_do_not_replace_inputs() {
    // The folder of inputs as output folder, by any name.
    for (folder, output) in [
        (".", "chunks"),
        (".", "results/../chunks/"),
        ("chunks", "."),
    ] {
        let project = writes_to(folder);
        std::fs::create_dir_all(project.path("results")).unwrap();
        let before = project.files("chunks");
        for more in ["", "--overwrite", "--overwrite=all"] {
            let ran = project.summary(&format!("-o {output} {more}")).ends(64);
            ran.says("input");
            assert!(
                project.files("chunks") == before,
                "{folder} {output} {more}"
            );
        }
    }
    let project = writes_to("sub");
    project.summary("-o chunks/below").ends(0);
    assert_eq!(project.files("chunks/below/sub").len(), 5);
}

#[test]
fn results_stay_below_the_output_folder() {
    for folder in [
        "../elsewhere",
        "a/../../elsewhere",
        "/tmp/elsewhere",
        "s3://data/elsewhere",
    ] {
        let project = writes_to(folder);
        project.summary("").ends(78).says("directory_out");
        assert!(!project.path("elsewhere").exists(), "{folder}");
    }
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_results_elsewhere() {
    let project = writes_to("out");
    std::fs::create_dir_all(project.path("elsewhere")).unwrap();
    std::fs::create_dir_all(project.path("results")).unwrap();
    let link = project.path("results/out");
    std::os::unix::fs::symlink(project.path("elsewhere"), link).unwrap();
    project.summary("").ends(64).says("a link to");
    assert!(project.files("elsewhere").is_empty());
}

/// Whoever may write to the folder of a job may write a claim; it must not name a file to remove.
#[test]
fn a_claim_names_no_file() {
    let project = writes_to("out");
    project.write("elsewhere", b"precious");
    let path = project.path("elsewhere").display().to_string();
    project.write("results/.distpy-gpu/claims/out_2.npy", path.as_bytes());
    let claim = project.path("results/.distpy-gpu/claims/out_2.npy");
    let file = std::fs::File::options().write(true).open(claim).unwrap();
    let when = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    file.set_modified(when).unwrap();
    let old = std::fs::File::options()
        .write(true)
        .open(project.path("elsewhere"))
        .unwrap();
    old.set_modified(when).unwrap();
    project.summary("").ends(0);
    assert_eq!(
        std::fs::read(project.path("elsewhere")).unwrap(),
        b"precious"
    );
    assert_eq!(project.files("results/out").len(), 5);
}
