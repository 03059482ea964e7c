//! `write_npy`: a block as an npy file, with its axes beside it.

use std::path::{Component, Path, PathBuf};

use crate::block::DType;
use crate::command::AxisFile;
use crate::command::prelude::*;
use crate::formats::npy;
use crate::store;

/// The command.
pub static SPEC: Spec = Spec {
    name: "write_npy",
    summary: "Writes the input as `<unix time>.npy`, with `measured_depth.npy` and `time.npy` beside it.",
    notes: "",
    family: Family::Output,
    kinds: ANY,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| write(parse(args)?),
    examples: &[],
};

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Folder below the output folder; without one nothing is written.
    directory_out: Option<String>,
}

fn write(args: Args) -> Result<Command, ArgProblem> {
    Ok(match folder(args.directory_out)? {
        Some(folder) => Command::Sink(sink(folder)),
        None => Command::Passthrough,
    })
}

/// What writes a block and its axes into a folder.
pub(super) fn sink(folder: PathBuf) -> Arc<dyn SinkCommand> {
    Arc::new(WriteNpy { folder })
}

/// A folder as a command file gives it; distpy's own default is the text `NONE`.
pub(super) fn folder(given: Option<String>) -> Result<Option<PathBuf>, ArgProblem> {
    let Some(text) = given.filter(|text| text != "NONE") else {
        return Ok(None);
    };
    let path = path_of("directory_out", &text)?;
    let inner = |it: Component| matches!(it, Component::Normal(_) | Component::CurDir);
    if store::is_remote(&path) || !path.components().all(inner) {
        let found = format!(
            "found \"{text}\", expected a folder below the output folder, which -o or out_directory chooses"
        );
        return Err(ArgProblem::new("directory_out", found));
    }
    Ok(Some(path))
}

#[derive(Debug)]
struct WriteNpy {
    folder: PathBuf,
}

impl SinkCommand for WriteNpy {
    fn check(&self, _: &Env, _: &[&Signature]) -> Result<(), Mismatch> {
        Ok(())
    }

    fn memory(&self, values: u64) -> u64 {
        // A copy in double precision, where samples are widened; complex ones have two numbers.
        16 * values
    }

    fn paths(&self, chunk: &ChunkId) -> Vec<PathBuf> {
        vec![self.folder.join(format!("{}.npy", chunk.name))]
    }

    fn files(
        &self,
        env: &Env,
        chunk: &ChunkId,
        inputs: &[(&Signature, Computed)],
    ) -> Vec<Artifact> {
        let (signature, block) = &inputs[0];
        let compat = env.compat == Compat::Distpy;
        // distpy writes the raw chunk's axes whatever the block's, in their own type.
        let axes = if compat { &env.source } else { signature };
        let widen = if compat { Widen::Yes } else { Widen::No };
        let stored = |file: AxisFile| match compat {
            true => file,
            false => AxisFile {
                dtype: DType::F64,
                column: false,
            },
        };
        let content = Content::Npy {
            block: block.clone(),
            widen,
            rank: signature.rank,
        };
        let mut files = vec![Artifact {
            path: self.paths(chunk).remove(0),
            content,
            shared: false,
        }];
        let depth = stored(env.depth_file);
        files.push(axis(&self.folder, "measured_depth.npy", &axes.depth, depth));
        let time = stored(env.time_file);
        files.push(axis(&self.folder, "time.npy", &axes.time, time));
        files
    }
}

fn axis(folder: &Path, name: &str, coords: &Coords, file: AxisFile) -> Artifact {
    let dtype = match file.dtype.is_integer() {
        true => DType::I64,
        false => DType::F64,
    };
    let n = coords.len();
    let shape = if file.column { vec![n, 1] } else { vec![n] };
    let mut bytes = npy::header_bytes(dtype, &shape);
    for &value in coords.values.iter() {
        match dtype {
            DType::I64 => bytes.extend((value as i64).to_ne_bytes()),
            _ => bytes.extend(value.to_ne_bytes()),
        }
    }
    Artifact {
        path: folder.join(name),
        content: Content::Bytes(bytes),
        shared: true,
    }
}
