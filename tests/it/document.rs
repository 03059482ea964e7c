//! Flows that describe themselves: `-m document`, and `"document": 1`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;

use crate::program::{Project, has_software};

const FILES: [&str; 5] = [
    "config.gv",
    "config.md",
    "config.pdf",
    "config.svg",
    "config.tex",
];

fn text(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.path(&format!("results/{name}"))).unwrap()
}

/// The noise log with a comment, colours of its author's, and characters that LaTeX and Graphviz know otherwise.
fn commented() -> Project {
    let project = Project::with_chunks(1);
    let mut commands = crate::program::noise_log();
    commands[0]["comment"] = json!("50% \"FFT\" & more_of_it");
    commands[0]["formatting"] = json!("color=red,style=filled");
    let flow = json!({"document": 1, "name": "Noise log #1", "description": "A_B", "command_list": commands});
    project.write("flow.json", flow.to_string().as_bytes());
    project
}

#[test]
fn a_flow_that_asks_for_it_is_described_and_not_run() {
    let project = commented();
    project.summary("").ends(0);
    assert_eq!(project.names("results"), FILES);
    let graph = text(&project, "config.gv");
    for line in [
        "fft_1[label=\"50% \\\"FFT\\\" & more_of_it\",color=red,style=filled];",
        "load_data_0 -> fft_1",
        "rms_from_fft_2[label=\"rms_from_fft\",style=filled,fillcolor=\"#fdd091\"];",
        "fft_1 -> multiple_calcs_3",
        "write_witsml_5[label=\"write_witsml\",style=filled,fillcolor=\"#a6ceed\"];",
        "subgraph cluster_1 { label=\"fused step 1\"; style=dashed; fft_1; rms_from_fft_2; multiple_calcs_3; }",
    ] {
        assert!(graph.lines().any(|l| l == line), "{line}\nin\n{graph}");
    }
    assert_eq!(graph.matches('{').count(), graph.matches('}').count());
}

#[test]
fn latex_and_markdown_tell_every_command() {
    let project = commented();
    project.run("-m document -c system.json").ends(0);
    let latex = text(&project, "config.tex");
    for part in [
        "\\section{Noise log \\#1}",
        "A\\_B",
        "\\subsection{rms\\_from\\_fft (uid 2)}",
        "50\\% \"FFT\" \\& more\\_of\\_it",
        "\\item[low\\_freq] [0,20]",
        "computed on the CPU, in fused step 1, gives real 6x1",
        "\\includegraphics",
        "\"name\": \"write_witsml\"",
        "\\end{document}",
    ] {
        assert!(latex.contains(part), "{part}\nin\n{latex}");
    }
    let begun = latex.matches("\\begin{").count();
    assert_eq!(begun, latex.matches("\\end{").count());
    let page = text(&project, "config.md");
    for part in [
        "# Noise log #1",
        "![The commands of the flow and where they run](config.svg)",
        "As planned for chunks/1.npy, real 6x200.",
        "| 3 | `multiple_calcs` | 1 |",
        "*50% \"FFT\" & more_of_it*",
    ] {
        assert!(page.contains(part), "{part}\nin\n{page}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| "));
    assert!(
        rows.clone().count() == 6,
        "a head and five commands: {page}"
    );
    assert!(rows.map(|row| row.matches('|').count()).all(|n| n == 7));
}

#[test]
fn the_drawing_has_a_box_for_each_command_and_an_arrow_for_each_input() {
    let project = commented();
    project.run("-m document -c system.json").ends(0);
    let svg = text(&project, "config.svg");
    let count = |part: &str| svg.matches(part).count();
    for name in [
        "the chunk",
        "rms_from_fft",
        "multiple_calcs",
        "write_npy",
        "write_witsml",
    ] {
        assert_eq!(count(&format!(">{name}</text>")), 1, "{name}");
    }
    // Six inputs, of which the chunk's box is one; tips are filled in grey.
    assert_eq!(count("fill=\"#808080\""), 6);
    assert_eq!(count("fused step 1"), 3);
    assert!(
        std::fs::read(project.path("results/config.pdf"))
            .unwrap()
            .starts_with(b"%PDF")
    );
}

#[test]
fn places_are_those_of_the_device() {
    let project = Project::with_chunks(1);
    if !has_software() {
        eprintln!("skipped: no software adapter");
        return;
    }
    project
        .run("-m document -c system.json --device software")
        .ends(0);
    let graph = text(&project, "config.gv");
    assert!(
        graph.contains("fft_1[label=\"fft\",style=filled,fillcolor=\"#a8ddb5\"];"),
        "{graph}"
    );
}

#[test]
fn a_flow_without_chunks_is_described_by_what_is_known() {
    let project = Project::new();
    project.run("-m document -c system.json").ends(0);
    let page = text(&project, "config.md");
    assert!(page.contains("there is no chunk here"), "{page}");
    assert!(page.contains("| on a GPU |"), "{page}");
}
