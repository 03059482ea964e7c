//! The graph: commands with typed arguments, inputs before users, no cycle.
//!
//! [`Graph::build`] registers every uid first, so that one bad entry does not make its users look wrong, then reads names and
//! arguments, then orders the nodes. It collects every problem of the file; it never stops at the first.

pub mod arguments;
mod compat;
pub mod document;

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::command::{Command, Compat, Gathers, Spec};
use crate::commands;
use crate::config::workflow::Entry;
use crate::config::{Problem, Problems, Workflow};

/// A checked flow: walk it front to back. It fits any chunk.
#[derive(Debug)]
pub struct Graph {
    /// The commands, inputs before users.
    pub nodes: Vec<Node>,
    /// Rows in one of distpy's boxes.
    pub box_rows: usize,
}

/// Where an input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// uid 0: the chunk.
    Chunk,
    /// An earlier node of the graph.
    Node(usize),
}

/// A command in its place.
#[derive(Debug)]
pub struct Node {
    /// Its uid; in compat mode its position.
    pub uid: i64,
    /// Where it stands in the file.
    pub path: String,
    /// What is known of the command.
    pub spec: &'static Spec,
    /// Its arguments as values; those that the file leaves out have their defaults.
    pub arguments: Map<String, Value>,
    /// The command with its arguments.
    pub command: Command,
    /// `in_uid`, then `gather_uids`.
    pub inputs: Vec<Input>,
}

/// How strict the reading is.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// distpy's graph habits: uid by position, unknown names pass through.
    pub compat: Compat,
    /// Whether an unknown argument is an error.
    pub strict: bool,
}

impl Graph {
    /// Makes the graph of a flow; the second value holds what is worth a warning.
    ///
    /// # Errors
    /// Every problem of the file, each with its JSON path, what was found and what was expected.
    pub fn build(flow: &Workflow, reading: Reading) -> Result<(Self, Problems), Problems> {
        let mut problems = Problems::new(&flow.file);
        let entries = match reading.compat {
            Compat::Exact => flow.entries.clone(),
            Compat::Distpy => {
                let mut entries = compat::by_position(&flow.entries, &mut problems);
                compat::leak(&mut entries, &mut problems);
                entries
            }
        };
        let uids = register(&entries, &mut problems);
        let resolve = |k: usize, problems: &mut Problems| inputs(&entries[k], &uids, problems);
        let links: Vec<Vec<Link>> = (0..entries.len())
            .map(|k| resolve(k, &mut problems))
            .collect();
        let commands: Vec<Option<Typed>> = entries
            .iter()
            .map(|e| command(e, reading, &mut problems))
            .collect();
        apart(&entries, &commands, &mut problems);
        let mut links = links;
        for ((entry, command), links) in entries.iter().zip(&commands).zip(&mut links) {
            if let Some((spec, ..)) = command {
                gathered(entry, spec, reading, links, &mut problems);
            }
        }
        let order = order(&entries, &links, &mut problems);
        if problems.has_errors() {
            return Err(problems);
        }
        let mut place = vec![0; entries.len()];
        order.iter().enumerate().for_each(|(at, &k)| place[k] = at);
        let mut commands = commands;
        let nodes = order.iter().map(|&k| {
            let (spec, arguments, command) = commands[k]
                .take()
                .expect("an entry without a command is an error");
            let link = |link: &Link| link.map_or(Input::Chunk, |k| Input::Node(place[k]));
            Node {
                uid: entries[k].uid.unwrap_or_default(),
                path: entries[k].path.clone(),
                spec,
                arguments,
                command,
                inputs: links[k].iter().map(link).collect(),
            }
        });
        Ok((
            Self {
                nodes: nodes.collect(),
                box_rows: flow.box_rows,
            },
            problems,
        ))
    }
}

/// A command with its arguments, as values and as what they become.
type Typed = (&'static Spec, Map<String, Value>, Command);

/// Arrays of one summary must have names of their own.
fn apart(entries: &[Entry], commands: &[Option<Typed>], problems: &mut Problems) {
    let mut known: Vec<(&Path, i64)> = Vec::new();
    for (entry, command) in entries.iter().zip(commands) {
        let sink = command.as_ref().and_then(|(.., command)| command.sink());
        let Some(summary) = sink.and_then(|sink| sink.summary()) else {
            continue;
        };
        if let Some((_, uid)) = known.iter().find(|(parts, _)| *parts == summary.parts) {
            let found = format!(
                "found \"{}\", which uid {uid} writes to the same folder, expected another name",
                summary.name
            );
            problems.push(Problem::error(format!("{}.array", entry.path), found));
        }
        known.push((&summary.parts, entry.uid.unwrap_or_default()));
    }
}

impl Graph {
    /// The same flow of chunks whose samples are multiplied by `factor` before all else.
    pub fn scaled(mut self, factor: f64) -> Self {
        let spec = commands::find("lin_transform").expect("the list holds a factor");
        let arguments = Map::from_iter([("m".to_string(), factor.into())]);
        let built = (spec.build)(Value::Object(arguments.clone()));
        for node in &mut self.nodes {
            for input in &mut node.inputs {
                *input = match input {
                    Input::Chunk => Input::Node(0),
                    Input::Node(k) => Input::Node(*k + 1),
                };
            }
        }
        let node = Node {
            uid: 0,
            path: "distpy_gpu.calibrate".into(),
            spec,
            arguments,
            command: built.expect("a number is what it takes"),
            inputs: vec![Input::Chunk],
        };
        self.nodes.insert(0, node);
        self
    }
}

/// The entry that an input names; `None` for the chunk.
type Link = Option<usize>;

/// The entry of each uid.
fn register(entries: &[Entry], problems: &mut Problems) -> HashMap<i64, usize> {
    let mut uids = HashMap::new();
    for (k, entry) in entries.iter().enumerate() {
        let path = format!("{}.uid", entry.path);
        match entry.uid {
            None => problems.push(Problem::error(
                path,
                "missing; expected a number from 1 that no other command has",
            )),
            Some(0) => problems.push(Problem::error(
                path,
                "found 0, which is the chunk; expected a number from 1",
            )),
            Some(uid) => {
                if let Some(first) = uids.insert(uid, k) {
                    let other = &entries[first].path;
                    problems.push(Problem::error(
                        path,
                        format!("found {uid}, which {other} has too; expected another"),
                    ));
                }
            }
        }
    }
    uids
}

fn inputs(entry: &Entry, uids: &HashMap<i64, usize>, problems: &mut Problems) -> Vec<Link> {
    let mut links = Vec::new();
    let mut link = |uid: i64, key: String| match uids.get(&uid) {
        _ if uid == 0 => links.push(None),
        Some(&k) => links.push(Some(k)),
        None => problems.push(Problem::error(
            key,
            format!("found {uid}, expected 0 or the uid of a command"),
        )),
    };
    match entry.in_uid {
        Some(uid) => link(uid, format!("{}.in_uid", entry.path)),
        None => {
            let expected = "missing; expected 0 (the chunk) or the uid of a command";
            problems.push(Problem::error(format!("{}.in_uid", entry.path), expected));
            return Vec::new();
        }
    }
    for (g, &uid) in entry.gather_uids.iter().enumerate() {
        link(uid, format!("{}.gather_uids[{g}]", entry.path));
    }
    links
}

/// Checks how many arrays a command gathers. distpy drops those that it does not read.
fn gathered(
    entry: &Entry,
    spec: &Spec,
    reading: Reading,
    links: &mut Vec<Link>,
    problems: &mut Problems,
) {
    let count = links.len().saturating_sub(1);
    if links.is_empty() || spec.gathers.allows(count) {
        return;
    }
    let path = format!("{}.gather_uids", entry.path);
    let found = format!(
        "found {count}; `{}` takes {}",
        spec.name,
        spec.gathers.text()
    );
    let read = usize::from(spec.gathers != Gathers::None);
    if count > read && reading.compat == Compat::Distpy {
        problems.push(Problem::warning(
            path,
            format!("{found}; distpy drops the others"),
        ));
        links.truncate(1 + read);
    } else {
        problems.push(Problem::error(path, found));
    }
}

fn command(entry: &Entry, reading: Reading, problems: &mut Problems) -> Option<Typed> {
    if reading.compat == Compat::Distpy && compat::UNREGISTERED.contains(&entry.name.as_str()) {
        let message = format!(
            "distpy does not know \"{}\" here and passes its input through",
            entry.name
        );
        problems.push(Problem::warning(format!("{}.name", entry.path), message));
        let spec = commands::find("NONE").expect("the list holds the identity");
        return Some((spec, Map::new(), Command::Passthrough));
    }
    let Some(spec) = commands::find(&entry.name) else {
        let path = format!("{}.name", entry.path);
        let hint = match commands::nearest(&entry.name) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "`-m commands` lists the known ones".into(),
        };
        let message = format!("unknown command \"{}\"; {hint}", entry.name);
        match reading.compat {
            Compat::Exact => problems.push(Problem::error(path, message)),
            Compat::Distpy => {
                problems.push(Problem::warning(
                    path,
                    format!("{message} (distpy passes its input through)"),
                ));
                let spec = commands::find("NONE").expect("the list holds the identity");
                return Some((spec, Map::new(), Command::Passthrough));
            }
        }
        return None;
    };
    let schema = (spec.schema)();
    let before = problems.list.len();
    arguments::check(entry, &schema, reading, problems);
    if problems.list[before..]
        .iter()
        .any(|p| p.severity == crate::config::Severity::Error)
    {
        return None;
    }
    let mut args = entry.args.clone();
    arguments::whole(&mut args, &schema);
    let filled = arguments::filled(&args, &schema);
    match (spec.build)(Value::Object(args)) {
        Ok(command) => Some((spec, filled, command)),
        Err(problem) => {
            problems.push(Problem::error(
                format!("{}.{}", entry.path, problem.path),
                problem.message,
            ));
            None
        }
    }
}

/// Inputs before users; otherwise the order of the file. A cycle is named by its uids.
fn order(entries: &[Entry], links: &[Vec<Link>], problems: &mut Problems) -> Vec<usize> {
    let mut state = vec![State::New; entries.len()];
    let mut order = Vec::with_capacity(entries.len());
    for start in 0..entries.len() {
        // Depth first, without recursion: a chain may be as long as the file.
        let mut stack = vec![(start, 0)];
        while let Some((k, next)) = stack.pop() {
            if next == 0 {
                if state[k] != State::New {
                    continue;
                }
                state[k] = State::Open;
            }
            match links[k].get(next) {
                None => {
                    state[k] = State::Done;
                    order.push(k);
                }
                Some(&link) => {
                    stack.push((k, next + 1));
                    match link {
                        Some(input) if state[input] == State::New => stack.push((input, 0)),
                        Some(input) if state[input] == State::Open => {
                            cycle(entries, &stack, input, problems);
                            return order;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    order
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

fn cycle(entries: &[Entry], stack: &[(usize, usize)], input: usize, problems: &mut Problems) {
    let from = stack
        .iter()
        .position(|&(k, _)| k == input)
        .expect("an open node is on the stack");
    let uid = |k: usize| entries[k].uid.unwrap_or_default().to_string();
    let mut uids: Vec<String> = stack[from..].iter().map(|&(k, _)| uid(k)).collect();
    uids.push(uid(input));
    problems.push(Problem::error(
        format!("{}.in_uid", entries[input].path),
        format!("cycle: {}", uids.join(" <- ")),
    ));
}
