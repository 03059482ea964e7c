//! JSON Schema (draft 2020-12) of command files.

use serde_json::{Map, Value, json};

use crate::command::{Gathers, Spec};
use crate::commands;
use crate::config::workflow::FREE;
use crate::graph::arguments::INJECTED;

/// The schema of a whole command file: editors complete names and arguments with it and find misspelt ones.
pub fn command_file() -> Value {
    let names: Vec<&str> = commands::ALL.iter().map(|spec| spec.name).collect();
    let choices: Vec<Value> = commands::ALL
        .iter()
        .map(|spec| {
            let named = json!({ "properties": { "name": { "const": spec.name } } });
            json!({ "if": named, "then": { "$ref": format!("#/$defs/{}", spec.name) } })
        })
        .collect();
    let uid = |least: u32, text: &str| json!({ "type": "integer", "minimum": least, "description": text });
    let mut envelope = Map::new();
    envelope.insert(
        "name".into(),
        json!({ "enum": names, "description": "Which command." }),
    );
    envelope.insert(
        "uid".into(),
        uid(
            1,
            "The number of its result, by which other commands name it.",
        ),
    );
    envelope.insert(
        "in_uid".into(),
        uid(0, "The uid of its input; 0 is the chunk."),
    );
    let gathered = json!({
        "description": "The uids of further inputs.",
        "anyOf": [{ "type": "array", "items": { "type": "integer", "minimum": 0 } }, { "type": "integer", "minimum": 0 }],
    });
    envelope.insert("gather_uids".into(), gathered);
    let mut defs = Map::new();
    let command = json!({
        "type": "object",
        "required": ["name", "uid", "in_uid"],
        "properties": envelope,
        "allOf": choices,
    });
    defs.insert("command".into(), command);
    for spec in commands::ALL {
        defs.insert(spec.name.into(), entry(spec));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A command file of distpy-gpu",
        "type": "object",
        "required": ["command_list"],
        "properties": {
            "command_list": {
                "description": "The commands; each names its inputs by uid.",
                "type": "array",
                "minItems": 1,
                "items": { "$ref": "#/$defs/command" },
            },
            "name": { "type": "string", "description": "What the flow is called." },
            "description": { "description": "What the flow is for." },
            "document": {
                "type": ["boolean", "integer"],
                "description": "1: draw the flow instead of running it.",
                "default": 0,
            },
            "BOXSIZE": {
                "type": "integer",
                "minimum": 1,
                "default": 500,
                "description": "Channels in one of distpy's boxes; only compat mode depends on it.",
            },
            "compat": {
                "enum": ["distpy", "distpy-1.32.3", null],
                "description": "Whose numbers are wanted: distpy's, defects included.",
            },
        },
        "$defs": defs,
    })
}

/// What an entry of one command holds.
fn entry(spec: &Spec) -> Value {
    let mut properties = Map::new();
    for key in ["name", "uid", "in_uid", "gather_uids"].iter().chain(FREE) {
        properties.insert((*key).into(), Value::Bool(true));
    }
    for key in INJECTED {
        let text = "Without effect: it follows from the chunk and the system configuration.";
        properties.insert(
            (*key).into(),
            json!({ "description": text, "deprecated": true }),
        );
    }
    if let Some(Value::Object(arguments)) = arguments(spec).get("properties") {
        properties.extend(arguments.clone());
    }
    let (least, most) = match spec.gathers {
        Gathers::None => (0, Some(0)),
        Gathers::Optional => (0, Some(1)),
        Gathers::One => (1, Some(1)),
        Gathers::Any => (0, None),
        Gathers::Many => (1, None),
    };
    let mut gathered = Map::new();
    gathered.insert("minItems".into(), least.into());
    if let Some(most) = most {
        gathered.insert("maxItems".into(), most.into());
    }
    gathered.insert(
        "description".into(),
        format!("Takes {}.", spec.gathers.text()).into(),
    );
    properties.insert("gather_uids".into(), gathered.into());
    let mut out = json!({
        "description": spec.summary,
        "properties": properties,
        "additionalProperties": false,
    });
    if least > 0 {
        out["required"] = json!(["gather_uids"]);
    }
    out
}

/// The schema of a command's arguments, complete in itself: no references to other places.
pub fn arguments(spec: &Spec) -> Value {
    let mut schema = (spec.schema)();
    let defs = schema.as_object_mut().and_then(|s| s.shift_remove("$defs"));
    if let Some(root) = schema.as_object_mut() {
        root.retain(|key, _| key == "properties" || key == "type");
    }
    resolved(schema, defs.as_ref().unwrap_or(&Value::Null))
}

/// Puts what a reference names in its place.
fn resolved(value: Value, defs: &Value) -> Value {
    match value {
        Value::Object(mut object) => {
            let name = object.shift_remove("$ref");
            let name = name.as_ref().and_then(Value::as_str);
            let target = name.and_then(|name| defs.get(name.rsplit('/').next()?));
            if let Some(Value::Object(target)) = target {
                // What stands beside the reference is nearer to the user than what it names.
                for (key, value) in target {
                    object.entry(key.clone()).or_insert(value.clone());
                }
            }
            let each = object.into_iter();
            Value::Object(
                each.map(|(key, value)| (key, resolved(value, defs)))
                    .collect(),
            )
        }
        Value::Array(list) => list
            .into_iter()
            .map(|value| resolved(value, defs))
            .collect(),
        other => other,
    }
}
