//! The shape of the sources: who may use whom, and what may stand where.

use std::path::PathBuf;

/// The modules of the library: each may use those before it.
const ORDER: &[&str] = &[
    "store",
    "block",
    "exit",
    "point",
    "dsp",
    "picture",
    "gpu",
    "formats",
    "command",
    "commands",
    "config",
    "graph",
    "plan",
    "execute",
    "reference",
    "synth",
    "pipeline",
    "plots",
    "cli",
    "modules",
];

/// Longest file in `src`, in lines.
const LONGEST: usize = 620;

/// Files below a folder that end so, by their path from the root, with their text.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![crate::root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == ending)
            {
                let name = path
                    .strip_prefix(crate::root())
                    .expect("it is below the root");
                let text = std::fs::read_to_string(&path).expect("text");
                found.push((name.display().to_string().replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    found
}

/// The files of `src` that hold a word and are not allowed to.
fn strays(word: &str, allowed: &[&str]) -> Vec<String> {
    let files = files("src", "rs");
    assert!(files.len() > 100, "these are not the sources");
    let holds = files.iter().filter(|(_, text)| text.contains(word));
    holds
        .map(|(name, _)| name.clone())
        .filter(|name| {
            !allowed
                .iter()
                .any(|place| name.starts_with(&format!("src/{place}")))
        })
        .collect()
}

#[test]
fn wgpu_is_met_by_the_engine_and_the_list_of_adapters() {
    let met = strays("wgpu::", &["gpu/engine", "gpu/adapter.rs"]);
    assert!(met.is_empty(), "{met:?}");
}

#[test]
fn files_are_opened_at_the_edges() {
    let edges = [
        "store",
        "pipeline",
        "modules",
        "formats/mapped",
        "formats/hdf5",
        "formats/zarr",
        "gpu/engine/pipelines.rs",
    ];
    for word in ["std::fs", "fs::File", "OpenOptions"] {
        let opened = strays(word, &edges);
        assert!(opened.is_empty(), "{word}: {opened:?}");
    }
}

#[test]
fn modules_use_those_before_them() {
    let rank = |module: &str| ORDER.iter().position(|known| *known == module);
    for (name, text) in files("src", "rs") {
        let path = name.trim_start_matches("src/").trim_end_matches(".rs");
        let module = path.split('/').next().expect("a first part");
        if module == "main" || module == "lib" {
            continue;
        }
        let own =
            rank(module).unwrap_or_else(|| panic!("{name}: no place in the order of modules"));
        for used in text.split("crate::").skip(1).flat_map(first_parts) {
            let fits = rank(used).is_none_or(|rank| rank <= own);
            assert!(fits, "{name} uses {used}");
        }
    }
}

/// The modules at the beginning of a path: one, or those of a group in braces.
fn first_parts(path: &str) -> Vec<&str> {
    let group = match path.strip_prefix('{') {
        Some(rest) => rest.split('}').next().unwrap_or_default(),
        None => path
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap_or_default(),
    };
    group
        .split(',')
        .filter_map(|path| path.trim().split("::").next())
        .collect()
}

#[test]
fn the_library_lists_its_modules() {
    let text = std::fs::read_to_string(crate::root().join("src/lib.rs")).expect("the library");
    let mut listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let mut known = ORDER.to_vec();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
}

#[test]
fn files_are_short_and_finished() {
    for (name, text) in files("src", "rs") {
        let lines = text.lines().count();
        assert!(lines <= LONGEST, "{name} has {lines} lines");
    }
    let unfinished = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    for folder in ["src", "tests", "benches"] {
        for (name, text) in files(folder, "rs") {
            for word in &unfinished {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
    }
}

/// Paths of the machine that something was written on help nobody else.
#[test]
fn nothing_speaks_of_one_machine() {
    let kinds = [
        ("src", "rs"),
        ("tests", "rs"),
        ("docker", "md"),
        ("docker", "sh"),
        ("docker", "yaml"),
        ("shaders", "wgsl"),
        ("docs", "md"),
        ("k8s", "json"),
        ("k8s", "md"),
        ("k8s", "sh"),
        ("k8s", "yaml"),
        ("docs", "json"),
        ("benches", "py"),
        ("benches", "sh"),
        ("benches", "md"),
    ];
    let all: Vec<_> = kinds
        .iter()
        .flat_map(|(folder, ending)| files(folder, ending))
        .collect();
    let homes = ["home", "root", "Users", "work"].map(|name| format!("/{name}/"));
    for (name, text) in all {
        for home in &homes {
            assert!(!text.contains(home), "{name}: {home}");
        }
    }
}

#[test]
fn security_lists_each_file_with_unsafe_code() {
    let forms = ["{", "impl", "fn", "extern", "trait"].map(|after| format!("unsafe {after}"));
    let unsafe_files: Vec<String> = files("src", "rs")
        .into_iter()
        .filter(|(_, text)| forms.iter().any(|form| text.contains(form)))
        .map(|(name, _)| name)
        .collect();
    let path = crate::root().join("SECURITY.md");
    let text = std::fs::read_to_string(path).expect("SECURITY.md");
    let mut listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `src/"))
        .map(|rest| rest.split('`').next().unwrap_or_default())
        .collect();
    listed.sort_unstable();
    let listed: Vec<String> = listed.iter().map(|name| format!("src/{name}")).collect();
    assert_eq!(listed, unsafe_files);
    // A table without its last column would be listed, too.
    let rows = text.lines().filter(|line| line.starts_with("| `src/"));
    for row in rows {
        assert_eq!(row.matches('|').count(), 5, "{row}");
    }
}

/// Such a folder would make programs of equal sources differ, and show users the builder's account.
#[cfg(target_os = "linux")]
#[test]
fn the_program_holds_no_folder_of_the_machine_that_built_it() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_distpy-gpu")).expect("the program");
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo_home = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    let folders = [
        env!("CARGO_MANIFEST_DIR").to_owned(),
        cargo_home,
        format!("{home}/.cargo/"),
        format!("{home}/.rustup/"),
        format!("{home}/.cache/"),
    ];
    for folder in folders {
        let found = position(&program, folder.as_bytes());
        let text = found.map(|at| {
            let end = program.len().min(at + 200);
            String::from_utf8_lossy(&program[at..end]).into_owned()
        });
        assert_eq!(
            text, None,
            "found {folder} in the program, expected none; run `cargo clean` if parts of it are older than .cargo/rustc.sh"
        );
    }
}

/// The place of the first occurrence.
fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    aho_corasick::AhoCorasick::new([wanted])
        .expect("one pattern")
        .find(bytes)
        .map(|found| found.start())
}
