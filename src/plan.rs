//! The plan: a graph made fit for one shape of chunk.
//!
//! Planning is pure: it infers every signature, drops what no sink needs, fuses what goes together and cuts the steps into
//! stages. A plan cannot hold a shape that does not fit, so running one has no error path but the device's.

mod edges;
mod explain;
mod fuse;
mod infer;
mod memory;
mod stages;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::block::Signature;
pub use crate::command::Place;
use crate::command::{Env, Guard, Kernel, Rows, SinkCommand};
use crate::config::Problems;
use crate::dsp::bands::BandSums;
use crate::graph::Graph;
use crate::point::Point;
pub use edges::Need;
use infer::DraftStep;
pub use memory::{Memory, Tiles};
pub use stages::Join;

/// A numbered block: the result of a source or step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub usize);

/// What is done to a chunk of one shape.
#[derive(Debug)]
pub struct Plan {
    /// What holds for every chunk of the shape.
    pub env: Env,
    /// The signature of each slot.
    pub slots: Vec<Signature>,
    /// Where blocks come from that no step computes; the first is the chunk.
    pub sources: Vec<Source>,
    /// What is computed, in order.
    pub steps: Vec<Step>,
    /// The steps by stages.
    pub stages: Vec<Stage>,
    /// What is written.
    pub sinks: Vec<Output>,
    /// What the user should know before the run.
    pub warnings: Vec<String>,
    /// The edge buffer with which chunks give what the whole run gives; `None` where no command needs one.
    pub need: Option<Need>,
    /// The plan is that of all chunks whose first samples are so many samples apart in the run, or a multiple of it.
    pub period: usize,
}

/// A block that is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Where it goes.
    pub slot: Slot,
    /// The file, relative to the output folder; `None` for the chunk.
    pub file: Option<PathBuf>,
    /// Which columns of it, where it is the chunk without its edges.
    pub columns: Option<Range<usize>>,
}

/// One computation.
#[derive(Debug, Clone)]
pub struct Step {
    /// The commands that it does, for people.
    pub label: String,
    /// The same, by their places in the graph.
    pub nodes: Vec<usize>,
    /// What is computed.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<Slot>,
    /// What it gives.
    pub outputs: Vec<Slot>,
    /// How rows depend on rows.
    pub rows: Rows,
    /// A condition on the samples of its first input, and the path of the command that has it.
    pub guard: Option<(Guard, String)>,
    /// Where the command file would have it: behind `to_gpu` or `from_gpu`.
    pub hint: Option<Place>,
}

/// What a step computes.
#[derive(Debug, Clone)]
pub enum Op {
    /// A chain of element-wise commands.
    Points(Vec<Point>),
    /// A command's kernel.
    Kernel(Arc<dyn Kernel>),
    /// Transform along time and bands in one, an output per group.
    FftBands(Vec<BandSums>),
}

/// Steps that run together.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Which steps.
    pub steps: std::ops::Range<usize>,
    /// Where.
    pub place: Place,
    /// Row by row, in tiles that fit the cache or the device; or all rows at once.
    pub rows: Rows,
    /// Blocks made before this stage that it reads.
    pub reads: Vec<Slot>,
    /// Blocks made here that later stages or sinks read.
    pub writes: Vec<Slot>,
    /// Blocks that nothing reads after this stage.
    pub frees: Vec<Slot>,
}

/// A sink in its place.
#[derive(Debug, Clone)]
pub struct Output {
    /// For people.
    pub label: String,
    /// Its place in the graph.
    pub node: usize,
    /// What writes.
    pub sink: Arc<dyn SinkCommand>,
    /// What it writes.
    pub inputs: Vec<Slot>,
}

impl Plan {
    /// Plans a graph for the chunks of `env.source`; `loads` holds the signature of every file that the graph loads.
    ///
    /// # Errors
    /// Every input that does not fit, with the JSON path of its command.
    pub fn new(
        graph: &Graph,
        file: &Path,
        env: &Env,
        loads: &HashMap<PathBuf, Signature>,
    ) -> Result<Self, Problems> {
        let mut draft = infer::infer(graph, file, env, loads)?;
        // Pruned first, so that a user that nothing needs does not keep a spectrum; and again for what fusion emptied.
        draft.steps = prune(draft.steps, &draft.sinks);
        let mut plan = fuse::bands(draft);
        plan.steps = prune(plan.steps, &plan.sinks);
        let steps = plan.steps.into_iter().map(|node| node.step).collect();
        let steps = fuse::points(steps, &plan.sinks);
        let stages = stages::cut(
            &steps,
            &plan.slots,
            &plan.sinks,
            &vec![(Place::Cpu, Join::ByRows); steps.len()],
        );
        Ok(Self {
            env: env.clone(),
            slots: plan.slots,
            sources: plan.sources,
            steps,
            stages,
            sinks: plan.sinks,
            warnings: plan.warnings,
            need: plan.need.filter(|need| need.seconds() > 0.0),
            period: plan.period,
        })
    }

    /// The stages where steps are placed in this way.
    pub fn stages_by_place(&self, places: &[(Place, Join)]) -> Vec<Stage> {
        stages::cut(&self.steps, &self.slots, &self.sinks, places)
    }

    /// The signature of a slot.
    pub fn signature(&self, slot: Slot) -> &Signature {
        &self.slots[slot.0]
    }
}

/// Drops the steps that no sink needs.
fn prune(steps: Vec<DraftStep>, sinks: &[Output]) -> Vec<DraftStep> {
    let mut needed: HashSet<Slot> = sinks
        .iter()
        .flat_map(|s| s.inputs.iter().copied())
        .collect();
    let mut kept: Vec<DraftStep> = Vec::with_capacity(steps.len());
    for node in steps.into_iter().rev() {
        if node.step.outputs.iter().any(|slot| needed.contains(slot)) {
            needed.extend(node.step.inputs.iter().copied());
            kept.push(node);
        }
    }
    kept.reverse();
    kept
}
