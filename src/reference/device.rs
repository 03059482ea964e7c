//! Where a command computes, found out by recording its examples.

use crate::block::{Coords, Held, Kind, Precision, Signature, Unit};
use crate::command::{AxisFile, Command, Compat, Cost, Env, Example, Role, Spec};
use crate::gpu::{Element, Limits, Recorder};

/// Whether a command has a GPU side, of one of its examples at least; none for what computes nothing.
pub fn on_gpu(spec: &Spec) -> Option<bool> {
    let records = |example: &Example| records(&command(spec, example), example);
    let found = spec.examples.iter().filter_map(records).max();
    // What costs something computes, also where its examples need a file that they have not.
    found.or(match spec.cost {
        Cost::Free => None,
        _ => Some(false),
    })
}

fn command(spec: &Spec, example: &Example) -> Command {
    let args = serde_json::from_str(example.args).expect("examples are JSON");
    (spec.build)(args).unwrap_or_else(|e| panic!("{}: {}", spec.name, e.message))
}

fn records(command: &Command, example: &Example) -> Option<bool> {
    let block = match command {
        Command::Passthrough | Command::Hint(_) | Command::Load(_) | Command::Sink(_) => {
            return None;
        }
        Command::Point(_) => return Some(true),
        Command::Block(block) | Command::Written(block, _) => block,
    };
    let inputs: Vec<Signature> = example.inputs.iter().map(|text| signature(text)).collect();
    let env = Env {
        compat: Compat::Exact,
        prf: RATE,
        box_rows: 500,
        source: inputs[0].clone(),
        edge: [0, 0],
        first: 0,
        depth_file: AxisFile::COUNTED,
        time_file: AxisFile::COUNTED,
    };
    let borrowed: Vec<&Signature> = inputs.iter().collect();
    let prepared = block.prepare(&env, &borrowed).ok()?;
    match prepared.role {
        Role::Point(_) | Role::Fft | Role::Bands(_) => return Some(true),
        Role::Same | Role::RawChunk => return None,
        Role::Opaque | Role::Numbers => {}
    }
    let mut rec = Recorder::new(Limits::DOWNLEVEL, Precision::F32);
    let tensors: Vec<_> = inputs
        .iter()
        .map(|s| rec.input(s.rows(), s.cols(), element(s.kind)))
        .collect();
    Some(prepared.kernel.gpu(&mut rec, &tensors, 0).is_some())
}

/// The sampling rate of examples, in Hz.
const RATE: f64 = 1000.0;

fn element(kind: Kind) -> Element {
    match kind {
        Kind::Complex => Element::Complex,
        _ => Element::Real,
    }
}

/// Of an array as examples have it.
fn signature(text: &str) -> Signature {
    let rows = text.split(';').count();
    let first = text.split(';').next().unwrap_or_default();
    let cols = first.split_whitespace().count();
    let kind = if text.contains('j') {
        Kind::Complex
    } else {
        Kind::Real
    };
    Signature {
        kind,
        depth: Coords::index(rows),
        time: Coords::regular(Unit::Second, 0.0, 1.0 / RATE, cols),
        rank: 2,
        held: Held::Double,
    }
}
