//! Random flows and chunks: bytes decide everything.
//!
//! A flow is a graph of commands from the program's list, with several users of one result, joins of several results and several
//! sinks. Commands whose inputs do not fit are mostly drawn again. Some flows keep one, or have a wrong reference.

use std::sync::{Arc, LazyLock};

use distpy_gpu::block::{Bytes, Coords, DType, Endian, Held, Order, Signature, Stored, Unit};
use distpy_gpu::command::{AxisFile, Command, Compat, Env, Gathers, Spec};
use distpy_gpu::{commands, reference};
use serde_json::{Map, Value, json};

/// Most commands of a flow without its sinks.
const COMMANDS: usize = 12;
/// Most channels: rows enough for several tiles.
const ROWS: usize = 24;
/// Most samples of a channel.
const COLUMNS: usize = 72;

/// Commands that read files, which are not there.
const READ_FILES: &[&str] = &["data_load", "keras"];

/// Commands that the planner fuses, which are drawn more often.
const FUSED: &[&str] = &[
    "fft",
    "multiple_calcs",
    "rms_from_fft",
    "lin_transform",
    "real",
    "conj",
];

/// The arguments of each command, by name.
static ARGUMENTS: LazyLock<Vec<(&'static Spec, Map<String, Value>)>> = LazyLock::new(|| {
    let listed = reference::listing_for_tools();
    let with_arguments = |(spec, row): (&&'static Spec, Value)| {
        let properties = row["arguments"]["properties"].as_object().cloned();
        (*spec, properties.unwrap_or_default())
    };
    let all = commands::ALL.iter().zip(listed).map(with_arguments);
    all.filter(|(spec, _)| !READ_FILES.contains(&spec.name))
        .collect()
});

/// Numbers that arguments have: parts, counts, frequencies and velocities.
const NUMBERS: &[f64] = &[
    0.0, 1.0, 2.0, 0.5, 0.1, 3.0, 0.25, 10.0, 45.0, 100.0, 130.0, 200.0, 310.0, 450.0, 1500.0,
    -1.0, -2.5, 0.9, 1e-6,
];

/// Values that do not fit most arguments.
const UNFIT: &[&str] = &["null", "-1", "1e300", "\"x\"", "[]", "{\"a\": 1}"];

/// Texts that some argument has.
const TEXTS: &[&str] = &[
    "max",
    "abs",
    ">",
    "<",
    "rms_from_fft",
    "te_from_fft",
    "NONE",
    "png",
    "mean",
    "std_dev",
];

/// A flow and a chunk.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub flow: Value,
    pub chunk: Stored,
    pub compat: Compat,
    pub prf: f64,
    /// Spacing of the channels in metres, if they have depths.
    pub spacing: Option<f64>,
    pub edge: [usize; 2],
    pub first: usize,
    /// A reference of the flow is wrong: the program must refuse it.
    pub wrong: bool,
}

/// Bytes as decisions; zeros follow the last one.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.next()) % end.max(1)
    }

    /// Rarely true; false once the bytes are at their end.
    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) + 1 == count
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

impl Drawn {
    /// The flow and the chunk that some bytes decide.
    pub fn new(bytes: &[u8]) -> Self {
        let mut choices = Choices(bytes);
        let chunk = chunk(&mut choices);
        let [_, cols] = chunk.shape();
        let compat = match choices.one_in(5) {
            true => Compat::Distpy,
            false => Compat::Exact,
        };
        let edge = match compat == Compat::Exact && choices.one_in(3) {
            true => [choices.below(cols / 3 + 1), choices.below(cols / 3 + 1)],
            false => [0, 0],
        };
        let mut drawn = Self {
            flow: Value::Null,
            chunk,
            compat,
            prf: choices.one_of(&[1000.0, 1.0, 200.0, 10_000.0]),
            spacing: choices.one_of(&[None, Some(1.0), Some(2.5)]),
            edge,
            first: choices.below(50),
            wrong: false,
        };
        let env = drawn.env(500);
        let mut list = commands(&mut choices, &env);
        // distpy numbers the commands by their order in the file.
        if compat == Compat::Exact {
            drawn.wrong = choices.one_in(16) && mistake(&mut choices, &mut list);
            let by = choices.below(list.len());
            if choices.one_in(4) {
                list.rotate_left(by);
            }
        }
        drawn.flow = json!({ "command_list": list });
        drawn
    }

    /// The facts about the chunk.
    pub fn env(&self, box_rows: usize) -> Env {
        let [rows, cols] = self.chunk.shape();
        let depth = match self.spacing {
            Some(spacing) => Coords::regular(Unit::Metre, 100.0, spacing, rows),
            None => Coords::index(rows),
        };
        let time = match self.compat {
            Compat::Distpy => Coords::index(cols),
            Compat::Exact => {
                let step = 1.0 / self.prf;
                Coords::regular(Unit::Second, -(self.edge[0] as f64) * step, step, cols)
            }
        };
        Env {
            compat: self.compat,
            prf: self.prf,
            box_rows,
            source: Signature {
                kind: self.chunk.kind(),
                depth,
                time,
                rank: 2,
                held: Held::of(self.chunk.dtype()),
            },
            edge: self.edge,
            first: self.first,
            depth_file: AxisFile::COUNTED,
            time_file: AxisFile::COUNTED,
        }
    }
}

/// Samples that are exact in single precision; some are no numbers.
fn chunk(choices: &mut Choices) -> Stored {
    let shape = [1 + choices.below(ROWS), 1 + choices.below(COLUMNS)];
    let dtype = choices.one_of(&[DType::F64, DType::F32, DType::I16, DType::C64, DType::F64]);
    let form = choices.below(8);
    let mut state = u64::from(choices.next()) + 1;
    let mut noise = || {
        // Knuth's generator; its high bits are good.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 52) as f64 - 2048.0) / 16.0
    };
    let odd = [f64::NAN, f64::INFINITY, 0.0][choices.below(3)];
    let mut bytes = Vec::new();
    for row in 0..shape[0] {
        for time in 0..shape[1] {
            let value = match form {
                0 | 1 => noise(),
                2 => (64.0 * (0.3 * time as f64 + row as f64).sin()).round() + noise() / 16.0,
                3 => row as f64 - 3.0,
                4 => ((time * 5 + row) % 11) as f64,
                5 => noise().abs() + 1.0,
                6 if noise() < 2.0 && row % 3 == 0 => 0.0,
                7 if row == 1 && time % 7 == 3 => odd,
                _ => noise(),
            };
            match dtype {
                DType::F32 => bytes.extend((value as f32).to_ne_bytes()),
                DType::I16 => bytes.extend((value as i16).to_ne_bytes()),
                DType::C64 => {
                    bytes.extend((value as f32).to_ne_bytes());
                    bytes.extend((noise() as f32).to_ne_bytes());
                }
                _ => bytes.extend(value.to_ne_bytes()),
            }
        }
    }
    let bytes = Bytes::Owned(Arc::new(bytes));
    Stored::new(dtype, shape, Order::C, Endian::NATIVE, bytes).expect("bytes of this shape")
}

/// Commands in an order in which inputs come before users. The signatures of their results, as far as they are known, decide
/// which command fits.
fn commands(choices: &mut Choices, env: &Env) -> Vec<Value> {
    let mut list: Vec<Value> = Vec::new();
    // By uid; 0 is the chunk.
    let mut known = vec![Some(env.source.clone())];
    let count = 1 + choices.below(COMMANDS);
    let mut attempts = 0;
    while list.len() < count && attempts < 4 * COMMANDS {
        attempts += 1;
        let uid = known.len();
        let (spec, mut entry) = command(choices);
        let unfit = choices.one_in(40) && spoil(choices, &mut entry);
        let input = |choices: &mut Choices| match choices.below(4) {
            0 => choices.below(uid),
            _ => uid - 1,
        };
        let first = input(choices);
        let mut inputs = vec![first];
        for _ in 0..gathered(choices, spec) {
            inputs.push(match choices.one_in(4) {
                true => first,
                false => choices.below(uid),
            });
        }
        let signatures: Option<Vec<Signature>> = inputs.iter().map(|&k| known[k].clone()).collect();
        let result = signatures
            .filter(|_| !unfit)
            .and_then(|it| signature(env, spec, &entry, &it));
        if result.is_none() && !unfit && !choices.one_in(64) {
            continue;
        }
        entry["name"] = spec.name.into();
        entry["uid"] = uid.into();
        entry["in_uid"] = inputs[0].into();
        if inputs.len() > 1 {
            entry["gather_uids"] = json!(inputs[1..]);
        }
        list.push(entry);
        known.push(result);
    }
    let sinks = 1 + choices.below(3);
    for k in 0..sinks {
        let uid = known.len() + k;
        let input = match k {
            0 => known.len() - 1,
            _ => choices.below(known.len()),
        };
        let out = format!("out{k}");
        list.push(json!({"name": "write_npy", "uid": uid, "in_uid": input, "directory_out": out}));
    }
    list
}

fn gathered(choices: &mut Choices, spec: &Spec) -> usize {
    match spec.gathers {
        _ if choices.one_in(64) => choices.below(4),
        Gathers::None => 0,
        Gathers::Optional => choices.below(2),
        Gathers::One => 1,
        Gathers::Any => choices.below(3),
        Gathers::Many => 1 + choices.below(2),
    }
}

/// The signature of a command's result without edges; `None` where it does not take these inputs.
fn signature(env: &Env, spec: &Spec, args: &Value, inputs: &[Signature]) -> Option<Signature> {
    if !spec.gathers.allows(inputs.len() - 1) || !spec.takes(inputs[0].kind) {
        return None;
    }
    let inputs: Vec<&Signature> = inputs.iter().collect();
    match (spec.build)(args.clone()).ok()? {
        Command::Passthrough | Command::Hint(_) => Some(inputs[0].clone()),
        Command::Load(_) => None,
        Command::Point(point) => {
            let kind = point.rule(inputs[0].kind)?.output;
            Some(inputs[0].of_kind(kind))
        }
        Command::Block(command) | Command::Written(command, _) => {
            Some(command.prepare(env, &inputs).ok()?.signature)
        }
        Command::Sink(sink) => sink.check(env, &inputs).ok().map(|()| inputs[0].clone()),
    }
}

/// A command with arguments: its defaults, those of an example, or others.
fn command(choices: &mut Choices) -> (&'static Spec, Value) {
    let mut at = choices.below(ARGUMENTS.len());
    if choices.one_in(4) {
        let name = choices.one_of(FUSED);
        let known = ARGUMENTS.iter().position(|(spec, _)| spec.name == name);
        at = known.expect("a command of the program");
    }
    let (spec, properties) = &ARGUMENTS[at];
    let mut args = json!({});
    let example = choices.below(2 * spec.examples.len() + 1);
    if let Some(example) = spec.examples.get(example) {
        args = serde_json::from_str(example.args).expect("examples are JSON");
    }
    for (name, property) in properties {
        if choices.below(5) > 2 {
            args[name] = argument(choices, property);
        }
    }
    (spec, args)
}

/// A value that an argument may have.
fn argument(choices: &mut Choices, property: &Value) -> Value {
    let forms = ["oneOf", "anyOf"]
        .iter()
        .filter_map(|key| property[*key].as_array());
    let forms: Vec<&Value> = forms.flatten().collect();
    let words = forms.iter().flat_map(|form| match form.get("const") {
        Some(word) => vec![word.clone()],
        None => form["enum"].as_array().cloned().unwrap_or_default(),
    });
    let words: Vec<Value> = words
        .chain(property["enum"].as_array().cloned().unwrap_or_default())
        .collect();
    if !words.is_empty() {
        return words[choices.below(words.len())].clone();
    }
    if let [first, .., second] = forms[..] {
        let form = choices.one_of(&[first, second]);
        return argument(choices, form);
    }
    let kind = match &property["type"] {
        Value::Array(kinds) if choices.one_in(4) => kinds.last(),
        Value::Array(kinds) => kinds.first(),
        kind => Some(kind),
    };
    match kind.and_then(Value::as_str) {
        Some("integer") => json!(bounded(
            property,
            choices.one_of(&[1.0, 0.0, 2.0, 3.0, -1.0, 4.0, 5.0, 8.0, 20.0]),
            1.0
        ) as i64),
        Some("number") => json!(bounded(property, choices.one_of(NUMBERS), 1e-3)),
        Some("boolean") => json!(choices.one_in(2)),
        Some("string") => json!(choices.one_of(TEXTS)),
        Some("array") => {
            let count = 1 + choices.below(3);
            let item = |_| argument(choices, &property["items"]);
            (0..count).map(item).collect()
        }
        _ => property["default"].clone(),
    }
}

/// Replaces one argument by a value that may not fit.
fn spoil(choices: &mut Choices, args: &mut Value) -> bool {
    let count = args.as_object().map_or(0, Map::len);
    let value = serde_json::from_str(choices.one_of(UNFIT)).expect("JSON");
    let args = args.as_object_mut().expect("arguments");
    match args.values_mut().nth(choices.below(count)) {
        Some(argument) => {
            *argument = value;
            true
        }
        None => false,
    }
}

/// A number in the range of an argument.
fn bounded(property: &Value, value: f64, step: f64) -> f64 {
    let bound = |key: &str| property[key].as_f64();
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|it| it + step));
    let most = bound("maximum").or(bound("exclusiveMaximum").map(|it| it - step));
    value
        .max(least.unwrap_or(f64::NEG_INFINITY))
        .min(most.unwrap_or(f64::INFINITY))
}

/// Makes one reference of a flow wrong, if it can.
fn mistake(choices: &mut Choices, list: &mut [Value]) -> bool {
    let at = choices.below(list.len());
    let uid = list[at]["uid"].clone();
    match choices.below(4) {
        0 => list[at]["in_uid"] = json!(99),
        1 => list[at]["uid"] = json!(0),
        // A cycle of one.
        2 => list[at]["in_uid"] = uid,
        _ if at > 0 => list[at]["uid"] = list[0]["uid"].clone(),
        _ => return false,
    }
    true
}
