//! `-m verify`: files against the hashes that were recorded.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use crate::program::Project;

/// The states of results and inputs, by their paths.
fn states(project: &Project, folder: &str, code: i32) -> Value {
    let ran = project
        .run(&format!("-m verify --hashes -f {folder} --json"))
        .ends(code);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let mut states = json!({});
    for file in ["results", "inputs"]
        .iter()
        .flat_map(|it| found[it].as_array().unwrap())
    {
        states[file["path"].as_str().unwrap()] = file["state"].clone();
    }
    states
}

fn flip(project: &Project, name: &str, at: usize) {
    let mut bytes = std::fs::read(project.path(name)).unwrap();
    bytes[at] ^= 1;
    project.write(name, &bytes);
}

#[test]
fn damaged_missing_and_unknown_files_are_found() {
    let project = Project::with_chunks(3);
    project.summary("").ends(0);
    let whole = states(&project, "results", 0);
    let names = project.names("results");
    assert!(names.iter().all(|name| whole[name] == "same"), "{whole}");
    assert_eq!(whole["chunks/2.npy"], "same");

    flip(&project, "results/te/2.npy", 130);
    std::fs::remove_file(project.path("results/te/3.npy")).unwrap();
    project.write("results/te/4.npy", b"a stranger's");
    let found = states(&project, "results", 65);
    assert_eq!(
        [
            &found["te/1.npy"],
            &found["te/2.npy"],
            &found["te/3.npy"],
            &found["te/4.npy"]
        ],
        ["same", "changed", "missing", "unknown"]
    );
    project
        .run("-m verify --hashes -c system.json")
        .ends(65)
        .out
        .find("1 changed, 1 missing, 1 without a hash")
        .unwrap();

    // A run makes again what is damaged; a stranger's file stays one.
    project.summary("").ends(0);
    let found = states(&project, "results", 0);
    assert_eq!(
        [&found["te/2.npy"], &found["te/3.npy"], &found["te/4.npy"]],
        ["same", "same", "unknown"]
    );
    flip(&project, "chunks/1.npy", 200);
    assert_eq!(states(&project, "results", 65)["chunks/1.npy"], "changed");
}

/// Of a file that is longer than some blocks, a byte between them counts where all bytes are hashed.
#[test]
fn hashes_of_all_bytes_see_every_byte() {
    let project = Project::new();
    let recipe = json!({"channels": 40, "seconds": 2, "prf": 1000, "seed": 3, "start": "2026-01-01T00:00:00Z"});
    project.write("recipe.json", recipe.to_string().as_bytes());
    project.system(json!({"prf": 1000}));
    project.run("-m synthesize -c recipe.json -o r.sgy").ends(0);
    for (args, code) in [("", 0), ("--hash", 65)] {
        let folder = format!("chunks{}", args.len());
        project
            .run(&format!(
                "-m ingest -c system.json -f r.sgy -o {folder} {args}"
            ))
            .ends(0);
        let found = states(&project, &folder, 0);
        assert_eq!(
            [&found["1767225600.npy"], &found["r.sgy"]],
            ["same", "same"],
            "{found}"
        );
        flip(&project, &format!("{folder}/1767225600.npy"), 10_000);
        states(&project, &folder, code);
        flip(&project, &format!("{folder}/1767225600.npy"), 10_000);
        flip(&project, "r.sgy", 10_000);
        states(&project, &folder, code);
        flip(&project, "r.sgy", 10_000);
    }
}

#[test]
fn a_folder_without_records_is_refused() {
    let project = Project::with_chunks(1);
    project
        .run("-m verify --hashes -f chunks")
        .ends(65)
        .says("chunks: found no record of results");
    project.run("-m verify --hashes").ends(64);
}

/// Results are computed again by another backend, and a wrong one is found.
#[test]
fn chunks_are_computed_again() {
    let project = Project::with_chunks(12);
    project.summary("--precision f64").ends(0);
    let before = project.files("results");
    for args in crate::program::devices() {
        let ran = project
            .run(&format!("-m verify -c system.json {args}"))
            .ends(0);
        assert!(
            ran.out.contains("0 different, 0 missing"),
            "{args}: {}",
            ran.out
        );
    }
    assert!(
        project.files("results") == before,
        "results are not touched"
    );
    let mut wrong = before["te/12.npy"].clone();
    let last = wrong.len() - 1;
    wrong[last] ^= 8;
    project.write("results/te/12.npy", &wrong);
    std::fs::remove_file(project.path("results/te/1.npy")).unwrap();
    let ran = project
        .run("-m verify -c system.json --sample 3 --precision f32")
        .ends(65);
    for line in [
        "te/12.npy",
        "te/1.npy: missing in results",
        "1 different, 1 missing",
    ] {
        assert!(ran.out.contains(line), "{line} in {}", ran.out);
    }
    // A smaller sample sees fewer chunks.
    project.run("-m verify -c system.json --sample 1").ends(65);
    project.write("results/te/1.npy", &before["te/1.npy"]);
    project.run("-m verify -c system.json --sample 1").ends(0);
}
