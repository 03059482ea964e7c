//! `data_load`: an array from a file below the output folder.

use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "data_load",
    summary: "An npy array, read once before the run from a folder below the output folder.",
    notes: "",
    family: Family::Shape,
    kinds: ANY,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| load(parse(args)?),
    examples: &[],
};

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Folder of the file, relative to the output folder; without one the command gives its input unchanged.
    directory_in: Option<String>,
    /// The same under the key that distpy reads.
    directory_out: Option<String>,
    /// Name of the file, with its `.npy`.
    filename: Option<String>,
}

fn load(args: Args) -> Result<Command, ArgProblem> {
    let given = |text: Option<String>| text.filter(|t| t != "NONE");
    Ok(
        match (
            given(args.directory_in).or(given(args.directory_out)),
            given(args.filename),
        ) {
            (Some(folder), Some(file)) => {
                Command::Load(path_of("directory_in", &folder)?.join(file))
            }
            _ => Command::Passthrough,
        },
    )
}
