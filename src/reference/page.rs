//! Pages for people: one command on a terminal, all of them as Markdown.

use serde_json::{Value, json};

use super::{by_family, capital, on_gpu, operations, schema};
use crate::block::Kind;
use crate::command::{Example, Gathers, Spec};

/// Columns of a terminal page.
const WIDTH: usize = 100;

/// A command's page.
pub fn page(spec: &Spec) -> String {
    let mut text = format!("{}: {}\n", spec.name, spec.family.title());
    text += &wrapped(spec.summary, "");
    text += &format!("\n  input     {}\n", kinds(spec));
    if spec.gathers != Gathers::None {
        text += &format!("  gathers   {}\n", spec.gathers.text());
    }
    if let Some(device) = device(spec) {
        text += &format!("  device    {device}\n");
    }
    if let Some(work) = work(spec) {
        text += &format!("  work      {work}\n");
    }
    let arguments = arguments(spec);
    if !arguments.is_empty() {
        text += "\nArguments\n";
        for argument in &arguments {
            text += &format!("  {}: {}\n", argument.name, argument.what());
            text += &wrapped(&argument.text, "      ");
        }
    }
    if !spec.notes.is_empty() {
        text += "\nNotes\n";
        let paragraphs: Vec<String> = spec.notes.split("\n\n").map(|p| wrapped(p, "  ")).collect();
        text += &paragraphs.join("\n");
    }
    for example in spec.examples {
        text += &format!("\nExample\n  {}\n", entry(spec, example));
        for (input, name) in example.inputs.iter().zip(INPUTS) {
            text += &format!("  {name:<9} {input}\n");
        }
        text += &format!("  gives     {}\n", example.output);
    }
    text
}

/// How the inputs of an example are called, the first ones.
const INPUTS: [&str; 5] = ["of", "gathered", "gathered", "gathered", "gathered"];

/// Every command as a Markdown page.
pub fn markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    for (family, specs) in by_family() {
        let links: Vec<String> = specs
            .iter()
            .map(|spec| format!("[{0}](#{1})", spec.name, spec.name.to_lowercase()))
            .collect();
        text += &format!("- {}: {}\n", capital(family.title()), links.join(", "));
    }
    for (family, specs) in by_family() {
        text += &format!("\n## {}\n", capital(family.title()));
        for spec in specs {
            text += &section(spec);
        }
    }
    text
}

const INTRODUCTION: &str = "\
# Commands

<!-- Made from the commands themselves: UPDATE=1 cargo test --test it reference -->

A command file is a list of commands, each with its `name`, its own `uid`, the `in_uid` that it reads (0 is the chunk), further
inputs in `gather_uids` where it takes some, and its arguments. [commands.schema.json](commands.schema.json) is a JSON Schema of such
files, with which editors complete and check them. `distpy-gpu -m commands NAME` prints what stands here.

Blocks have channels for rows and times, frequencies or bands for columns. They hold real or complex numbers, labels (whole numbers),
hashes (64 bits) or masks (true or false); labels and masks count as real numbers where a command does not take them as they are. In
examples rows are separated by `;`, the sampling rate is 1 kHz, and channels are 1 m apart. Work is given in arithmetic operations for
each sample of a chunk of 10,000 samples a channel.

`--compat distpy` gives distpy 1.32.3's numbers, its defects included; notes say where these differ.

";

fn section(spec: &Spec) -> String {
    let mut text = format!("\n### {}\n\n{}\n\n", spec.name, spec.summary);
    let mut facts = vec![format!("Input: {}", kinds(spec))];
    if spec.gathers != Gathers::None {
        facts.push(format!("gathers {}", spec.gathers.text()));
    }
    facts.extend(device(spec).map(String::from));
    facts.extend(work(spec));
    text += &format!("{}.\n", facts.join("; "));
    let arguments = arguments(spec);
    if !arguments.is_empty() {
        text += "\n| argument | value | meaning |\n|---|---|---|\n";
        for argument in &arguments {
            let cell = |text: &str| text.replace('|', "\\|");
            text += &format!(
                "| `{}` | {} | {} |\n",
                argument.name,
                cell(&argument.what()),
                cell(&argument.text)
            );
        }
    }
    if !spec.notes.is_empty() {
        text += &format!("\n{}\n", spec.notes);
    }
    for example in spec.examples {
        let inputs = example.inputs.iter().zip(INPUTS);
        let inputs: Vec<String> = inputs
            .map(|(input, name)| format!("{name} `{input}`"))
            .collect();
        let entry = entry(spec, example);
        text += &format!(
            "\n`{entry}` {} gives `{}`\n",
            inputs.join(", "),
            example.output
        );
    }
    text
}

/// Where it computes.
fn device(spec: &Spec) -> Option<&'static str> {
    on_gpu(spec).map(|gpu| if gpu { "CPU or GPU" } else { "CPU only" })
}

/// Which inputs are taken and what each gives.
fn kinds(spec: &Spec) -> String {
    let all = |pairs: &[(Kind, Kind)]| pairs.len() == 5 && pairs.iter().all(|(a, b)| a == b);
    if all(spec.kinds) {
        return "any, unchanged in kind".into();
    }
    let each = spec
        .kinds
        .iter()
        .map(|(input, output)| match input == output {
            true => input.to_string(),
            false => format!("{input} gives {output}"),
        });
    each.collect::<Vec<_>>().join(", ")
}

fn work(spec: &Spec) -> Option<String> {
    let operations = operations(spec.cost);
    (operations > 0.0).then(|| format!("about {operations} operations a sample"))
}

/// An example as an entry of a command file.
fn entry(spec: &Spec, example: &Example) -> String {
    let gathered = example.inputs.len() - 1;
    let mut entry = json!({ "name": spec.name, "uid": gathered + 1, "in_uid": 0 });
    if gathered > 0 {
        entry["gather_uids"] = (1..=gathered).collect();
    }
    let args: Value = serde_json::from_str(example.args).expect("examples are JSON");
    for (key, value) in args.as_object().expect("arguments are an object") {
        entry[key] = value.clone();
    }
    let pairs = entry.as_object().expect("an entry is an object").iter();
    let pairs: Vec<String> = pairs
        .map(|(key, value)| format!("\"{key}\": {}", spaced(value)))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// A default on one line: of a list of steps their names.
fn shortened(value: &Value) -> String {
    let names = value.as_array().and_then(|steps| {
        let name = |step: &Value| step.get("name")?.as_str().map(String::from);
        steps.iter().map(name).collect::<Option<Vec<String>>>()
    });
    match names {
        Some(names) if !names.is_empty() => names.join(", "),
        _ => spaced(value),
    }
}

/// A value on one line, with blanks for the eye.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(spaced).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(object) => {
            let pairs: Vec<String> = object
                .iter()
                .map(|(key, value)| format!("\"{key}\": {}", spaced(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

/// What is said of an argument.
struct Argument {
    name: String,
    kind: String,
    default: String,
    range: Option<String>,
    unit: Option<String>,
    text: String,
}

impl Argument {
    /// Type, unit, range and default.
    fn what(&self) -> String {
        let mut parts = vec![self.kind.clone()];
        parts.extend(self.unit.as_ref().map(|unit| format!("in {unit}")));
        parts.extend(self.range.clone());
        parts.push(format!("default {}", self.default));
        parts.join(", ")
    }
}

fn arguments(spec: &Spec) -> Vec<Argument> {
    let schema = schema::arguments(spec);
    let properties = schema.get("properties").and_then(Value::as_object);
    let each = properties.into_iter().flatten();
    each.map(|(name, property)| argument(name, property))
        .collect()
}

fn argument(name: &str, property: &Value) -> Argument {
    let text = |key: &str| property.get(key).and_then(Value::as_str).map(String::from);
    let bound = |key: &str| {
        property
            .get(key)
            .filter(|v| v.is_number())
            .map(ToString::to_string)
    };
    let least = bound("minimum").map(|v| format!("from {v}"));
    let least = least.or(bound("exclusiveMinimum").map(|v| format!("above {v}")));
    let most = bound("maximum").map(|v| format!("to {v}"));
    let most = most.or(bound("exclusiveMaximum").map(|v| format!("below {v}")));
    let range: Vec<String> = least.into_iter().chain(most).collect();
    // A line of the source is no line of a table.
    let choices = text("description").map_or_else(String::new, |text| text.replace('\n', " "));
    Argument {
        name: name.into(),
        kind: kind(property),
        default: property.get("default").map_or("none".into(), shortened),
        range: (!range.is_empty()).then(|| range.join(" ")),
        unit: text("unit"),
        text: match explained(property) {
            Some(list) => format!("{choices} {list}"),
            None => choices,
        },
    }
}

/// The type of a value, in words.
fn kind(property: &Value) -> String {
    if let Some(value) = property.get("const") {
        return value.to_string();
    }
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        return values.join(" or ");
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(list) = property.get(key).and_then(Value::as_array) {
            let mut kinds: Vec<String> = list.iter().map(kind).collect();
            kinds.dedup();
            return kinds.join(" or ");
        }
    }
    let named = |name: &str| match name {
        "array" => {
            let items = property.get("items").map(kind).unwrap_or("values".into());
            let count = property
                .get("minItems")
                .filter(|n| property.get("maxItems") == Some(n));
            match count {
                Some(count) => format!("list of {count} ({items})"),
                None => format!("list ({items})"),
            }
        }
        "boolean" => "true or false".into(),
        "string" => "text".into(),
        other => other.to_string(),
    };
    match property.get("type") {
        Some(Value::String(name)) => named(name),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str).map(named);
            names.collect::<Vec<_>>().join(" or ")
        }
        _ => "value".into(),
    }
}

/// What each choice of an enumeration means.
fn explained(property: &Value) -> Option<String> {
    let list = ["oneOf", "anyOf"]
        .into_iter()
        .find_map(|key| property.get(key)?.as_array())?;
    let list = list.iter().flat_map(|choice| match choice.get("oneOf") {
        Some(Value::Array(inner)) => inner.iter().collect(),
        _ => vec![choice],
    });
    let each = list.filter_map(|choice| {
        let text = choice.get("description")?.as_str()?;
        let text = text.trim_end_matches('.');
        Some(format!("{}: {text}.", choice.get("const")?))
    });
    let each: Vec<String> = each.collect();
    (!each.is_empty()).then(|| each.join(" "))
}

/// Words in lines of a terminal's width, each after `indent`.
fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut line = String::from(indent);
    for word in text.split_whitespace() {
        if line.len() > indent.len() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out += &format!("{line}\n");
            line = indent.into();
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line += word;
    }
    out + &line + "\n"
}
