//! `write_parquet`: samples that are not zero, as a table.

use super::write_csv::{Form, KINDS, sink};
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "write_parquet",
    summary: "Writes the samples of the input that are not zero as `<unix time>.parquet`: a table of events.",
    notes: "The columns are those of [write_csv](#write_csv): `time` is a timestamp in UTC with microseconds, `channel` and \
            `column` are int32, `band` is text, `value` is a double, or an int64 of labels and masks; other axes are doubles. \
            Every chunk has its file, without rows where it has no event, so that pandas, pyarrow and duckdb read the folder as \
            one table.",
    family: Family::Output,
    kinds: KINDS,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| {
        let args: Args = parse(args)?;
        sink(args.directory_out, args.events, args.labels, Form::Parquet)
    },
    examples: &[],
};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Folder below the output folder; without one nothing is written.
    directory_out: Option<String>,
    /// Whether only samples that are not zero have a row; `false` for all.
    events: bool,
    /// Names of the columns: one for each column of the input.
    labels: Vec<String>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            directory_out: None,
            events: true,
            labels: Vec::new(),
        }
    }
}
