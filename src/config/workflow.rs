//! The command JSON as written: the envelope of each entry and its arguments, nothing resolved.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Problem, Problems};

/// A command file.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// The file that this was read from.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// The flow's name, for reports.
    pub name: String,
    /// `"compat": "distpy"`: every number as distpy 1.32.3 gives it.
    pub compat: Option<String>,
    /// `"document": 1`: the flow is to be drawn, not run.
    pub document: bool,
    /// `BOXSIZE`: rows in one of distpy's boxes. It matters to distpy's numbers only.
    pub box_rows: usize,
    /// What the flow is for.
    pub description: String,
    /// The commands in the order of the file.
    pub entries: Vec<Entry>,
}

/// One command as written.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `command_list[3]`.
    pub path: String,
    /// Its name.
    pub name: String,
    /// What its author says of it; in a picture of the flow it stands for the name.
    pub comment: String,
    /// How Graphviz draws it, as its author wants it.
    pub formatting: String,
    /// Its number in the graph.
    pub uid: Option<i64>,
    /// The uid of its input; 0 is the chunk.
    pub in_uid: Option<i64>,
    /// The uids of further inputs.
    pub gather_uids: Vec<i64>,
    /// Everything else.
    pub args: Map<String, Value>,
}

/// Keys that stand beside the arguments and concern nobody.
pub const FREE: &[&str] = &["comment", "formatting", "description"];

impl Workflow {
    /// Reads a command file.
    ///
    /// # Errors
    /// Every problem of its envelope at once.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Problems> {
        let root = super::json(file, text)?;
        let mut problems = Problems::new(file);
        let list = match root.get("command_list") {
            Some(Value::Array(list)) => list.as_slice(),
            Some(other) => {
                let found = format!("found {}, expected a list of commands", kind_of(other));
                return Err(Problems::single(file, "command_list", found));
            }
            None => {
                return Err(Problems::single(
                    file,
                    "command_list",
                    "missing; expected a list of commands",
                ));
            }
        };
        if list.is_empty() {
            problems.push(Problem::error(
                "command_list",
                "found an empty list, expected commands",
            ));
        }
        let entries = list
            .iter()
            .enumerate()
            .filter_map(|(k, value)| entry(k, value, &mut problems))
            .collect();
        let workflow = Self {
            text: text.to_string(),
            file: file.to_path_buf(),
            name: root
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or("unnamed")
                .to_string(),
            description: root
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_string(),
            compat: compat(&root, &mut problems),
            document: matches!(root.get("document"), Some(Value::Bool(true)))
                || root
                    .get("document")
                    .and_then(Value::as_i64)
                    .is_some_and(|flag| flag > 0),
            box_rows: box_rows(&root, &mut problems),
            entries,
        };
        if problems.has_errors() {
            Err(problems)
        } else {
            Ok(workflow)
        }
    }
}

fn compat(root: &Value, problems: &mut Problems) -> Option<String> {
    match root.get("compat") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => {
            problems.push(Problem::error(
                "compat",
                format!("found {}, expected \"distpy\"", kind_of(other)),
            ));
            None
        }
    }
}

fn box_rows(root: &Value, problems: &mut Problems) -> usize {
    match root.get("BOXSIZE").map(|v| (v, v.as_u64())) {
        None => 500,
        Some((_, Some(rows))) if rows > 0 => rows as usize,
        Some((other, _)) => {
            problems.push(Problem::error(
                "BOXSIZE",
                format!("found {other}, expected a number of rows from 1"),
            ));
            500
        }
    }
}

fn entry(k: usize, value: &Value, problems: &mut Problems) -> Option<Entry> {
    let path = format!("command_list[{k}]");
    let Value::Object(object) = value else {
        problems.push(Problem::error(
            path,
            format!("found {}, expected a command object", kind_of(value)),
        ));
        return None;
    };
    let mut args = object.clone();
    let free = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let (comment, formatting) = (free("comment").to_string(), free("formatting").to_string());
    FREE.iter().for_each(|key| drop(args.shift_remove(*key)));
    let name = match args.shift_remove("name") {
        Some(Value::String(name)) => name,
        Some(other) => {
            problems.push(Problem::error(
                format!("{path}.name"),
                format!("found {}, expected text", kind_of(&other)),
            ));
            return None;
        }
        None => {
            problems.push(Problem::error(
                format!("{path}.name"),
                "missing; expected the name of a command",
            ));
            return None;
        }
    };
    let uid = uid(args.shift_remove("uid"), &path, "uid", problems);
    let in_uid = self::uid(args.shift_remove("in_uid"), &path, "in_uid", problems);
    let gather_uids = match args.shift_remove("gather_uids") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => {
            let numbered = list.into_iter().enumerate();
            numbered
                .filter_map(|(g, v)| {
                    self::uid(Some(v), &path, &format!("gather_uids[{g}]"), problems)
                })
                .collect()
        }
        Some(other) => self::uid(Some(other), &path, "gather_uids", problems)
            .into_iter()
            .collect(),
    };
    Some(Entry {
        path,
        name,
        comment,
        formatting,
        uid,
        in_uid,
        gather_uids,
        args,
    })
}

fn uid(value: Option<Value>, path: &str, key: &str, problems: &mut Problems) -> Option<i64> {
    match value {
        None | Some(Value::Null) => None,
        Some(value) => match value.as_i64() {
            Some(uid) if uid >= 0 => Some(uid),
            _ => {
                problems.push(Problem::error(
                    format!("{path}.{key}"),
                    format!("found {value}, expected a uid from 0"),
                ));
                None
            }
        },
    }
}

/// What a JSON value is, for messages.
pub fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => format!("the number {n}"),
        Value::String(s) => format!("the text \"{s}\""),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}
