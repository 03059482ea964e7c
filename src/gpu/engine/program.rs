//! A recording on the device, and its runs.

use std::sync::{Arc, Mutex};

use wgpu::BufferUsages as Usage;

use super::budget::Held;
use super::{Engine, GpuError, lock};
use crate::gpu::{Dispatch, Recording, Tensor};

/// A loaded recording. Cheap to clone; its buffers are freed with the last clone and ticket.
#[derive(Clone)]
pub struct Program(Arc<Loaded>);

struct Loaded {
    steps: Vec<Step>,
    inputs: Vec<Region>,
    outputs: Vec<Region>,
    /// Memory of runs that are over, for the next ones.
    lanes: Mutex<Vec<Lane>>,
    /// The memory of its buffers on the device.
    _held: Held,
}

struct Step {
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    workgroups: (u32, u32),
}

/// The start of a buffer that holds an input or output.
struct Region {
    buffer: wgpu::Buffer,
    bytes: usize,
}

impl Region {
    /// Copies and mappings go by whole words.
    fn padded(&self) -> u64 {
        self.bytes.next_multiple_of(4) as u64
    }
}

/// What one run needs for itself; its staging buffers are mapped while it waits for the next run.
struct Lane {
    staging: Vec<wgpu::Buffer>,
    readback: Vec<wgpu::Buffer>,
    timer: Option<Timer>,
}

struct Timer {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readback: wgpu::Buffer,
}

/// Labels of the buffers that stay in the device's memory.
pub(super) const ARRAYS: [&str; 2] = [SLOT, TABLE];
const SLOT: &str = "slot";
const TABLE: &str = "table";
/// Bytes of the two timestamps around a run's kernels.
const TIMES: u64 = 16;
/// Tables that are kept on the device: twiddles, windows, coefficients, of as many chunk lengths as come.
const MOST_TABLES: usize = 128;

/// A run that was submitted. Dropping it abandons its results.
pub struct Ticket {
    program: Program,
    lane: Lane,
    index: wgpu::SubmissionIndex,
}

/// The results of a run.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The bytes of each output, in the order of the recording.
    pub outputs: Vec<Vec<u8>>,
    /// Seconds that its kernels took on the device, where it can tell.
    pub kernel_seconds: Option<f64>,
}

/// Memory from which the device takes one input. It can only be written, as reading it may be very slow.
pub struct Staging<'a>(wgpu::WriteOnly<'a, [u8]>);

impl<'a> Staging<'a> {
    /// Bytes of the input, or of the part that this is.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is an empty part.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes some bytes from position `at` on.
    ///
    /// Panics if they end beyond the input.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        self.0.slice(at..at + bytes.len()).copy_from_slice(bytes);
    }

    /// Pieces of [`PIECE`] bytes that different threads can write, and what is left.
    pub fn pieces(self) -> (Vec<Piece<'a>>, Staging<'a>) {
        let (pieces, rest) = self.0.into_chunks::<PIECE>();
        (pieces.into_iter().map(Piece).collect(), Staging(rest))
    }
}

/// Bytes of a [`Piece`]: inside a core's cache.
pub const PIECE: usize = 64 << 10;

/// A part of [`Staging`] of a fixed size, for any thread.
pub struct Piece<'a>(wgpu::WriteOnly<'a, [u8; PIECE]>);

impl Piece<'_> {
    /// Writes all of it.
    ///
    /// Panics unless there are exactly [`PIECE`] bytes.
    pub fn write(self, bytes: &[u8]) {
        let mut whole: wgpu::WriteOnly<'_, [u8]> = self.0.into();
        whole.copy_from_slice(bytes);
    }
}

impl Program {
    /// True if it is the same one on the device.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn new(engine: &Engine, recording: &Recording, held: Held) -> Self {
        let make = |label, size, usage| buffer(engine, label, size, usage, false);
        let slots: Vec<wgpu::Buffer> = recording
            .slot_bytes()
            .iter()
            .map(|&size| {
                make(
                    SLOT,
                    size,
                    Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST,
                )
            })
            .collect();
        let mut places: Vec<Option<wgpu::Buffer>> = Vec::new();
        let mut place = |tensor: Tensor, buffer: wgpu::Buffer| {
            places.resize(places.len().max(tensor.id() + 1), None);
            places[tensor.id()] = Some(buffer);
        };
        for (table, bytes) in recording.tables() {
            place(table, shared_table(engine, bytes));
        }
        let temporaries = recording.dispatches().iter().flat_map(|d| &d.outputs);
        for tensor in recording.inputs().chain(temporaries.copied()) {
            let slot = recording
                .slot(tensor)
                .expect("inputs and results have slots");
            place(tensor, slots[slot].clone());
        }
        let of = |tensor: Tensor| {
            let buffer = places[tensor.id()].as_ref();
            buffer.expect("what is used is an input, a table or written")
        };
        let region = |tensor: Tensor| Region {
            buffer: of(tensor).clone(),
            bytes: tensor.bytes(),
        };
        Program(Arc::new(Loaded {
            steps: steps(engine, recording, of),
            inputs: recording.inputs().map(region).collect(),
            outputs: recording.outputs().iter().copied().map(region).collect(),
            lanes: Mutex::default(),
            _held: held,
        }))
    }

    pub(super) fn fill(
        &self,
        engine: &Engine,
        fill: &mut dyn FnMut(usize, Staging<'_>),
    ) -> Result<Filled, GpuError> {
        let waiting = lock(&self.0.lanes).pop();
        let lane = waiting.unwrap_or_else(|| Lane::new(engine, &self.0));
        for (index, (input, staging)) in self.0.inputs.iter().zip(&lane.staging).enumerate() {
            let mut view = staging
                .get_mapped_range_mut(..)
                .map_err(|error| engine.health.unmapped(&error))?;
            fill(index, Staging(view.slice(..input.bytes)));
            drop(view);
            staging.unmap();
        }
        Ok(Filled {
            program: self.clone(),
            lane,
        })
    }
}

/// A run whose inputs are in its staging memory. Dropping it abandons it.
pub struct Filled {
    program: Program,
    lane: Lane,
}

impl Filled {
    /// Starts runs one after the other, in one submission.
    pub(super) fn submit(runs: Vec<Self>, engine: &Engine) -> Vec<Ticket> {
        let commands: Vec<wgpu::CommandBuffer> = runs
            .iter()
            .map(|run| run.program.0.encode(engine, &run.lane))
            .collect();
        let index = engine.queue.submit(commands);
        runs.into_iter()
            .map(|Filled { program, lane }| {
                lane.map_all();
                Ticket {
                    program,
                    lane,
                    index: index.clone(),
                }
            })
            .collect()
    }
}

impl Loaded {
    fn encode(&self, engine: &Engine, lane: &Lane) -> wgpu::CommandBuffer {
        let mut encoder = engine.device.create_command_encoder(&Default::default());
        for (input, staging) in self.inputs.iter().zip(&lane.staging) {
            encoder.copy_buffer_to_buffer(staging, 0, &input.buffer, 0, input.padded());
        }
        if !self.steps.is_empty() {
            let timestamp_writes =
                lane.timer
                    .as_ref()
                    .map(|timer| wgpu::ComputePassTimestampWrites {
                        query_set: &timer.queries,
                        beginning_of_pass_write_index: Some(0),
                        end_of_pass_write_index: Some(1),
                    });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes,
            });
            for step in &self.steps {
                pass.set_pipeline(&step.pipeline);
                pass.set_bind_group(0, &step.bindings, &[]);
                pass.dispatch_workgroups(step.workgroups.0, step.workgroups.1, 1);
            }
        }
        for (output, readback) in self.outputs.iter().zip(&lane.readback) {
            encoder.copy_buffer_to_buffer(&output.buffer, 0, readback, 0, output.padded());
        }
        if let Some(timer) = &lane.timer {
            encoder.resolve_query_set(&timer.queries, 0..2, &timer.resolved, 0);
            encoder.copy_buffer_to_buffer(&timer.resolved, 0, &timer.readback, 0, TIMES);
        }
        encoder.finish()
    }
}

impl Ticket {
    pub(super) fn index(&self) -> wgpu::SubmissionIndex {
        self.index.clone()
    }

    /// Shows the outputs of a run that is over, and keeps its memory for the next one.
    pub(super) fn read(
        self,
        engine: &Engine,
        read: &mut dyn FnMut(usize, &[u8]),
    ) -> Result<Option<f64>, GpuError> {
        let Ticket { program, lane, .. } = self;
        let show = |buffer: &wgpu::Buffer, see: &mut dyn FnMut(&[u8])| {
            let mapped = buffer.get_mapped_range(..);
            see(&mapped.map_err(|error| engine.health.unmapped(&error))?);
            buffer.unmap();
            Ok(())
        };
        for (index, (output, buffer)) in program.0.outputs.iter().zip(&lane.readback).enumerate() {
            show(buffer, &mut |bytes| read(index, &bytes[..output.bytes]))?;
        }
        let mut seconds = None;
        if let Some(timer) = &lane.timer {
            show(&timer.readback, &mut |bytes| {
                let times: &[u64] = bytemuck::cast_slice(bytes);
                let ticks = times[1].saturating_sub(times[0]) as f64;
                seconds = Some(ticks * f64::from(engine.queue.get_timestamp_period()) * 1e-9);
            })?;
        }
        lock(&program.0.lanes).push(lane);
        Ok(seconds)
    }
}

impl Lane {
    fn new(engine: &Engine, program: &Loaded) -> Self {
        let staging = |region: &Region| {
            let usage = Usage::MAP_WRITE | Usage::COPY_SRC;
            buffer(engine, "staging", region.padded(), usage, true)
        };
        let readback = |size| {
            let usage = Usage::MAP_READ | Usage::COPY_DST;
            buffer(engine, "readback", size, usage, false)
        };
        let timed = !program.steps.is_empty()
            && engine
                .device
                .features()
                .contains(wgpu::Features::TIMESTAMP_QUERY);
        Self {
            staging: program.inputs.iter().map(staging).collect(),
            readback: program
                .outputs
                .iter()
                .map(|r| readback(r.padded()))
                .collect(),
            timer: timed.then(|| Timer {
                queries: engine.device.create_query_set(&wgpu::QuerySetDescriptor {
                    label: None,
                    ty: wgpu::QueryType::Timestamp,
                    count: 2,
                }),
                resolved: buffer(
                    engine,
                    "times",
                    TIMES,
                    Usage::QUERY_RESOLVE | Usage::COPY_SRC,
                    false,
                ),
                readback: readback(TIMES),
            }),
        }
    }

    /// Asks for all memory back as soon as the submission is over. A failure shows where the memory is used.
    fn map_all(&self) {
        for buffer in &self.staging {
            buffer.map_async(wgpu::MapMode::Write, .., |_| {});
        }
        let times = self.timer.iter().map(|timer| &timer.readback);
        for buffer in self.readback.iter().chain(times) {
            buffer.map_async(wgpu::MapMode::Read, .., |_| {});
        }
    }
}

fn steps<'a>(
    engine: &Engine,
    recording: &Recording,
    of: impl Fn(Tensor) -> &'a wgpu::Buffer,
) -> Vec<Step> {
    let dispatches = recording.dispatches();
    let (params, offsets) = parameters(engine, dispatches);
    let bind = |(dispatch, offset): (&Dispatch, &u64)| {
        let pipeline = engine
            .pipelines
            .get(&engine.device, dispatch, recording.precision());
        let uniform = wgpu::BufferBinding {
            buffer: params.as_ref().expect("made for the dispatches"),
            offset: *offset,
            size: wgpu::BufferSize::new(padded_params(dispatch)),
        };
        let tensors = dispatch.inputs.iter().chain(&dispatch.outputs);
        let storage = tensors.map(|tensor| wgpu::BufferBinding {
            buffer: of(*tensor),
            offset: 0,
            size: wgpu::BufferSize::new(tensor.binding_bytes()),
        });
        let entries: Vec<wgpu::BindGroupEntry<'_>> = std::iter::once(uniform)
            .chain(storage)
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(buffer),
            })
            .collect();
        Step {
            bindings: engine.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(dispatch.kernel.name),
                layout: &pipeline.layout,
                entries: &entries,
            }),
            pipeline: pipeline.pipeline,
            workgroups: fold(dispatch.workgroups, engine.info.limits.workgroups),
        }
    };
    dispatches.iter().zip(&offsets).map(bind).collect()
}

/// One buffer with the parameters of all dispatches, and where each begins; none without dispatches.
fn parameters(engine: &Engine, dispatches: &[Dispatch]) -> (Option<wgpu::Buffer>, Vec<u64>) {
    let step = u64::from(engine.device.limits().min_uniform_buffer_offset_alignment);
    let mut bytes = Vec::new();
    let mut offsets = Vec::new();
    for dispatch in dispatches {
        offsets.push(bytes.len() as u64);
        bytes.extend_from_slice(&dispatch.params);
        let end = offsets[offsets.len() - 1] + padded_params(dispatch);
        bytes.resize(end.next_multiple_of(step) as usize, 0);
    }
    let buffer = (!bytes.is_empty()).then(|| constant(engine, "params", &bytes, Usage::UNIFORM));
    (buffer, offsets)
}

/// WGSL rounds the size of `Params` up to its alignment, which is at most that of `vec4<f64>`.
fn padded_params(dispatch: &Dispatch) -> u64 {
    dispatch.params.len().next_multiple_of(32) as u64
}

fn shared_table(engine: &Engine, bytes: &Arc<[u8]>) -> wgpu::Buffer {
    let usage = Usage::STORAGE | Usage::COPY_SRC;
    // Each program's account of memory has its own tables.
    if engine.is_limited() {
        return constant(engine, TABLE, bytes, usage);
    }
    let mut tables = lock(&engine.tables);
    // Programs keep those that they use.
    if tables.len() >= MOST_TABLES && !tables.contains_key(bytes) {
        tables.clear();
    }
    tables
        .entry(bytes.clone())
        .or_insert_with(|| constant(engine, TABLE, bytes, usage))
        .clone()
}

fn constant(engine: &Engine, label: &str, bytes: &[u8], usage: Usage) -> wgpu::Buffer {
    let size = bytes.len().next_multiple_of(4) as u64;
    let buffer = buffer(engine, label, size, usage, true);
    // Unmapped where the buffer could not be made, which the error scope around tells.
    if let Ok(mut view) = buffer.get_mapped_range_mut(..) {
        view.slice(..bytes.len()).copy_from_slice(bytes);
    }
    buffer.unmap();
    buffer
}

fn buffer(
    engine: &Engine,
    label: &str,
    size: u64,
    usage: Usage,
    mapped_at_creation: bool,
) -> wgpu::Buffer {
    engine.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size,
        usage,
        mapped_at_creation,
    })
}

/// A number of workgroups over two dimensions, as few as possible too many.
fn fold(workgroups: u64, limit: u32) -> (u32, u32) {
    let rows = workgroups.div_ceil(u64::from(limit));
    let cols = workgroups.div_ceil(rows);
    let whole = |n| u32::try_from(n).expect("the recorder refuses more than two dimensions hold");
    (whole(cols), whole(rows))
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn workgroups_fold_over_two_dimensions() {
        assert_eq!(fold(1, 65_535), (1, 1));
        assert_eq!(fold(65_535, 65_535), (65_535, 1));
        assert_eq!(fold(65_536, 65_535), (32_768, 2));
        assert_eq!(fold(200_001, 65_535), (50_001, 4));
    }
}
