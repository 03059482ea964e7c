//! The command reference, made from the specs: pages for people, a listing for tools, a JSON Schema for editors.

mod device;
mod page;
mod schema;

use serde_json::{Value, json};

use crate::command::{Cost, Family, Spec};
use crate::commands;

pub use device::on_gpu;
pub use page::{markdown, page};
pub use schema::command_file;

/// Samples of the chunk that costs are given for.
const SAMPLES: usize = 10_000;

/// The commands by family, a line each; marked are those that compute on a GPU, and those that only compute on the CPU.
pub fn listing() -> String {
    let mut text = String::new();
    for (family, specs) in by_family() {
        text += &format!("{}\n", capital(family.title()));
        for spec in specs {
            let device = match on_gpu(spec) {
                Some(true) => "GPU",
                Some(false) => "CPU",
                None => "",
            };
            text += &format!("  {:<24} {device:<4} {}\n", spec.name, spec.summary);
        }
        text.push('\n');
    }
    text + "GPU marks what computes on a GPU too, CPU what only the CPU computes.\n\
            `-m commands NAME` prints a command's page, `-m commands --schema` the JSON Schema of command files.\n"
}

/// Everything that is known of each command, for tools.
pub fn listing_for_tools() -> Vec<Value> {
    let row = |spec: &&'static Spec| {
        let kinds: Vec<Value> = spec
            .kinds
            .iter()
            .map(|(input, output)| json!({ "input": input.to_string(), "output": output.to_string() }))
            .collect();
        let examples: Vec<Value> = spec
            .examples
            .iter()
            .map(|e| {
                json!({
                    "arguments": serde_json::from_str::<Value>(e.args).expect("examples are JSON"),
                    "inputs": e.inputs,
                    "output": e.output,
                })
            })
            .collect();
        json!({
            "name": spec.name,
            "summary": spec.summary,
            "notes": spec.notes,
            "family": spec.family,
            "kinds": kinds,
            "gathers": spec.gathers,
            "gpu": on_gpu(spec),
            "operations_per_sample": operations(spec.cost),
            "arguments": schema::arguments(spec),
            "examples": examples,
        })
    };
    commands::ALL.iter().map(row).collect()
}

/// The families in their order, with their commands.
fn by_family() -> Vec<(Family, Vec<&'static Spec>)> {
    let mut families: Vec<Family> = commands::ALL.iter().map(|spec| spec.family).collect();
    families.sort_unstable();
    families.dedup();
    let of = |family: Family| {
        let specs = commands::ALL.iter().copied();
        (family, specs.filter(|spec| spec.family == family).collect())
    };
    families.into_iter().map(of).collect()
}

/// Operations for each sample, as a round number.
fn operations(cost: Cost) -> f64 {
    cost.per_sample(SAMPLES).round()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
