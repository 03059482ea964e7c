//! The naive evaluation of a graph: the reference for plans.
//!
//! It walks from each sink to the chunk and calls each command's CPU kernel once, on whole arrays in double precision. It knows
//! neither fusion nor pruning, stages, tiles or buffers that are used again, so an error in the planner shows as a difference.

use std::collections::{BTreeMap, HashMap};

use distpy_gpu::block::{Block, Coords, Kind, Samples, Signature, Stored, each, mapped};
use distpy_gpu::command::{
    BlockCommand, Command, Compat, Computed, Cpu, Env, Mismatch, Prepared, Reach, Role, SinkCommand,
};
use distpy_gpu::graph::{Graph, Input, Node};
use ndarray::{Array2, s};
use num_complex::Complex;

/// Most samples of a result: larger ones take too long here.
const LARGEST: usize = 1 << 16;

/// The result of a node.
#[derive(Debug, Clone)]
pub struct Evaluated {
    pub signature: Signature,
    pub block: Block<f64>,
    /// It still has the edge buffer of the chunk.
    edged: bool,
}

/// An evaluated graph.
#[derive(Debug)]
pub struct Outcome {
    /// The inputs of each sink, by the place of its node.
    pub sinks: BTreeMap<usize, Vec<Evaluated>>,
    /// The conditions on samples that were not met in commands that a sink needs.
    pub faults: Vec<String>,
    /// The largest finite magnitude of all results.
    pub largest: f64,
    /// All numbers of all results are finite.
    pub finite: bool,
}

/// The reason for which a graph has no outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// A command does not take its inputs.
    Refused(String),
    /// A result has too many samples for a test.
    TooLarge,
}

impl From<Mismatch> for Stop {
    fn from(mismatch: Mismatch) -> Self {
        Stop::Refused(mismatch.message)
    }
}

/// Evaluates a graph. With `jitter`, every number of a result changes at random by this part of its row's scale: two outcomes
/// then show how much the results depend on rounding.
///
/// # Errors
/// When a command does not take its inputs, no matter if a sink needs the command.
pub fn evaluate(graph: &Graph, env: &Env, chunk: &Stored, jitter: f64) -> Result<Outcome, Stop> {
    let mut walk = Walk {
        graph,
        env,
        jitter,
        random: 1,
        chunk: Evaluated {
            signature: env.source.clone(),
            block: chunk.block(0..chunk.shape()[0]),
            // distpy knows no edges.
            edged: env.compat == Compat::Exact && env.edge != [0, 0],
        },
        known: HashMap::new(),
        outcome: Outcome {
            sinks: BTreeMap::new(),
            faults: Vec::new(),
            largest: 0.0,
            finite: true,
        },
    };
    walk.chunk = walk.changed(walk.chunk.clone());
    for (place, node) in graph.nodes.iter().enumerate() {
        if node.command.sink().is_some() {
            walk.result(Input::Node(place))?;
        }
    }
    let faults = std::mem::take(&mut walk.outcome.faults);
    for place in 0..graph.nodes.len() {
        walk.result(Input::Node(place))?;
    }
    Ok(Outcome {
        faults,
        ..walk.outcome
    })
}

struct Walk<'a> {
    graph: &'a Graph,
    env: &'a Env,
    jitter: f64,
    random: u64,
    chunk: Evaluated,
    known: HashMap<usize, Evaluated>,
    outcome: Outcome,
}

impl Walk<'_> {
    fn result(&mut self, input: Input) -> Result<Evaluated, Stop> {
        let Input::Node(place) = input else {
            return Ok(self.chunk.clone());
        };
        if let Some(known) = self.known.get(&place) {
            return Ok(known.clone());
        }
        let node = &self.graph.nodes[place];
        let mut inputs = Vec::new();
        for &input in &node.inputs {
            inputs.push(as_taken(node, self.result(input)?));
        }
        let kind = inputs[0].signature.kind;
        let hash = inputs.iter().any(|it| it.signature.kind == Kind::Hash);
        if !node.spec.takes(kind) || hash && !node.spec.takes(Kind::Hash) {
            return Err(Stop::Refused(format!("{kind} input")));
        }
        let result = match &node.command {
            Command::Passthrough | Command::Hint(_) => inputs.swap_remove(0),
            Command::Load(_) => return Err(Stop::Refused("no file".into())),
            Command::Point(point) => {
                let input = inputs.swap_remove(0);
                let rule = point.rule(kind).expect("a rule for each kind");
                let point = Evaluated {
                    signature: Signature {
                        kind: rule.output,
                        ..input.signature
                    },
                    block: point.apply(input.block),
                    edged: input.edged,
                };
                self.changed(point)
            }
            Command::Block(command) => self.block(&**command, inputs)?,
            Command::Sink(sink) => {
                let result = inputs[0].clone();
                self.write(place, &**sink, inputs)?;
                result
            }
            Command::Written(command, sink) => {
                let result = self.block(&**command, inputs)?;
                self.write(place, &**sink, vec![result.clone()])?;
                result
            }
        };
        self.known.insert(place, result.clone());
        Ok(result)
    }

    fn write(
        &mut self,
        place: usize,
        sink: &dyn SinkCommand,
        inputs: Vec<Evaluated>,
    ) -> Result<(), Stop> {
        let inputs = self.without_edges(inputs)?;
        sink.check(self.env, &signatures(&inputs))?;
        self.outcome.sinks.insert(place, inputs);
        Ok(())
    }

    fn block(
        &mut self,
        command: &dyn BlockCommand,
        inputs: Vec<Evaluated>,
    ) -> Result<Evaluated, Stop> {
        let (inputs, prepared, edged) = self.prepare(command, inputs)?;
        match prepared.role {
            Role::RawChunk => return Ok(self.chunk.clone()),
            Role::Same => return Ok(inputs[0].clone()),
            _ => {}
        }
        let signature = prepared.signature;
        if signature.rows() * signature.cols() > LARGEST {
            return Err(Stop::TooLarge);
        }
        let broken = prepared.guard.and_then(|it| it.broken(&inputs[0].block));
        self.outcome.faults.extend(broken);
        let blocks: Vec<&Block<f64>> = inputs.iter().map(|it| &it.block).collect();
        let block = Cpu::<f64>::cpu(&*prepared.kernel, &blocks, 0);
        let row_major = each!(&block.samples, a => a.is_standard_layout());
        assert!(row_major, "{command:?} gives columns, and blocks are rows");
        Ok(self.changed(Evaluated {
            signature,
            block,
            edged,
        }))
    }

    /// The inputs as the command takes them: with the edge buffer only if the result at a time depends on nearby times, and all
    /// inputs have the same times or one value for all times.
    fn prepare(
        &self,
        command: &dyn BlockCommand,
        inputs: Vec<Evaluated>,
    ) -> Result<(Vec<Evaluated>, Prepared, bool), Stop> {
        let env = self.env;
        let first = inputs.iter().find(|it| it.edged);
        let times = first.map(|it| it.signature.time.clone());
        if let Some(times) = times
            && let Ok(prepared) = command.prepare(env, &signatures(&inputs))
            && matches!(prepared.reach, Reach::Near { .. })
            && inputs.iter().all(|it| match it.edged {
                true => it.signature.time == times,
                false => it.signature.cols() == 1,
            })
        {
            return Ok((inputs, prepared, true));
        }
        let inputs = self.without_edges(inputs)?;
        let prepared = command.prepare(env, &signatures(&inputs))?;
        Ok((inputs, prepared, false))
    }

    fn without_edges(&self, inputs: Vec<Evaluated>) -> Result<Vec<Evaluated>, Stop> {
        let own = |input: Evaluated| {
            if !input.edged {
                return Ok(input);
            }
            let time = &input.signature.time;
            let columns = self.env.own_columns(&input.signature);
            if columns.is_empty() && !time.is_empty() {
                return Err(Stop::Refused("no sample in the chunk".into()));
            }
            let time = Coords::new(time.unit, &time.values[columns.clone()]);
            let samples = mapped!(&input.block.samples, a => a.slice(s![.., columns]).as_standard_layout().into_owned());
            Ok(Evaluated {
                signature: Signature {
                    time,
                    ..input.signature
                },
                block: Block { samples },
                edged: false,
            })
        };
        inputs.into_iter().map(own).collect()
    }

    fn changed(&mut self, mut result: Evaluated) -> Evaluated {
        let (random, jitter) = (&mut self.random, self.jitter);
        let mut noise = |scale: f64| {
            *random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((*random >> 40) as f64 / 8_388_608.0 - 1.0) * scale * jitter
        };
        let scales = scales(&result.block);
        self.outcome.finite &= result.block.non_finite() == 0;
        let all = scales.iter().copied();
        self.outcome.largest = all.fold(self.outcome.largest, f64::max);
        if jitter == 0.0 {
            return result;
        }
        match &mut result.block.samples {
            Samples::Real(a) => {
                for (mut row, scale) in a.rows_mut().into_iter().zip(scales) {
                    row.iter_mut().for_each(|v| *v += noise(scale));
                }
            }
            Samples::Complex(a) => {
                for (mut row, scale) in a.rows_mut().into_iter().zip(scales) {
                    row.iter_mut().for_each(|v| {
                        v.re += noise(scale);
                        v.im += noise(scale);
                    });
                }
            }
            _ => {}
        }
        result
    }
}

fn signatures(inputs: &[Evaluated]) -> Vec<&Signature> {
    inputs.iter().map(|it| &it.signature).collect()
}

/// Labels and masks become real numbers for commands that do not take them as they are.
fn as_taken(node: &Node, input: Evaluated) -> Evaluated {
    let real = |block| Evaluated {
        signature: Signature {
            kind: Kind::Real,
            ..input.signature.clone()
        },
        block: Block::real(block),
        edged: input.edged,
    };
    match &input.block.samples {
        _ if node.spec.takes(input.signature.kind) => input,
        Samples::Label(a) => real(a.mapv(|v| v as f64)),
        Samples::Mask(a) => real(a.mapv(|v| f64::from(u8::from(v)))),
        _ => input,
    }
}

/// A computed block in double precision.
pub fn to_f64(computed: &Computed) -> Block<f64> {
    match computed {
        Computed::F64(block) => (**block).clone(),
        Computed::Stored(stored) => stored.block(0..stored.shape()[0]),
        Computed::F32(block) => match block.kind() {
            Kind::Real => Block::real(block.as_real().mapv(f64::from)),
            Kind::Complex => Block::complex(
                block
                    .as_complex()
                    .mapv(|v| Complex::new(v.re.into(), v.im.into())),
            ),
            _ => Block {
                samples: match &block.samples {
                    Samples::Label(a) => Samples::Label(a.clone()),
                    Samples::Hash(a) => Samples::Hash(a.clone()),
                    Samples::Mask(a) => Samples::Mask(a.clone()),
                    _ => unreachable!("numbers were taken above"),
                },
            },
        },
    }
}

/// The largest finite magnitude of each row.
fn scales(block: &Block<f64>) -> Vec<f64> {
    let largest = |values: &mut dyn Iterator<Item = f64>| {
        let finite = values.filter(|v| v.is_finite());
        finite.fold(0.0_f64, |most, v| most.max(v.abs()))
    };
    match &block.samples {
        Samples::Real(a) => a
            .rows()
            .into_iter()
            .map(|row| largest(&mut row.iter().copied()))
            .collect(),
        Samples::Complex(a) => a
            .rows()
            .into_iter()
            .map(|row| largest(&mut row.iter().map(|v| v.norm())))
            .collect(),
        _ => vec![0.0; block.shape().0],
    }
}

/// The largest difference in each row over the scale of that row of `want`. Infinite where a number meets none, and where
/// labels, hashes or masks differ; in single precision (`single`) any infinity equals any NaN.
///
/// # Errors
/// When the kinds or shapes differ.
pub fn errors(got: &Block<f64>, want: &Block<f64>, single: bool) -> Result<Vec<f64>, String> {
    if got.kind() != want.kind() || got.shape() != want.shape() {
        let of = |it: &Block<f64>| format!("{} {:?}", it.kind(), it.shape());
        return Err(format!("found {}, expected {}", of(got), of(want)));
    }
    let scales = scales(want);
    let error = |got: f64, want: f64, scale: f64| match (got.is_finite(), want.is_finite()) {
        (true, true) if got == want => 0.0,
        (true, true) => (got - want).abs() / if scale > 0.0 { scale } else { 1.0 },
        (false, false) if single || got == want || got.is_nan() && want.is_nan() => 0.0,
        _ => f64::INFINITY,
    };
    fn exact<V: PartialEq>(got: &Array2<V>, want: &Array2<V>) -> Vec<f64> {
        let rows = got.rows().into_iter().zip(want.rows());
        rows.map(|(a, b)| if a == b { 0.0 } else { f64::INFINITY })
            .collect()
    }
    let rows = 0..want.shape().0;
    Ok(match (&got.samples, &want.samples) {
        (Samples::Real(a), Samples::Real(b)) => rows
            .map(|k| {
                let pairs = a.row(k).into_iter().zip(b.row(k));
                pairs.fold(0.0, |most, (a, b)| error(*a, *b, scales[k]).max(most))
            })
            .collect(),
        (Samples::Complex(a), Samples::Complex(b)) => rows
            .map(|k| {
                let pairs = a.row(k).into_iter().zip(b.row(k));
                pairs.fold(0.0, |most, (a, b)| {
                    if a.is_nan() && b.is_nan() {
                        return most;
                    }
                    let parts = [(a.re, b.re), (a.im, b.im)];
                    parts
                        .iter()
                        .fold(most, |most, (a, b)| error(*a, *b, scales[k]).max(most))
                })
            })
            .collect(),
        (Samples::Label(a), Samples::Label(b)) => exact(a, b),
        (Samples::Hash(a), Samples::Hash(b)) => exact(a, b),
        (Samples::Mask(a), Samples::Mask(b)) => exact(a, b),
        _ => unreachable!("the kinds are equal"),
    })
}
