//! What a command's file needs.

pub use std::sync::Arc;

pub use ndarray::Array2;
pub use num_complex::Complex;
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};

pub use super::{
    ANY, ArgProblem, Artifact, Axis, BlockCommand, ChunkId, Command, Compat, Computed, Content,
    Cost, Cpu, Env, Example, Family, Gathers, Guard, Kernel, Mismatch, NUMBERS, NoArgs, Prepared,
    REAL, Reach, Recorder, Reduction, Role, Rows, SinkCommand, Spec, Statistic, Stream, Summary,
    SummaryForm, TO_COMPLEX, TO_REAL, Tensor, Widen, parse, path_of, schema_of, statistic,
};
pub use crate::block::{Block, Coords, Held, Kind, Real, Samples, Signature, Unit};
pub use crate::gpu::Element;
pub use crate::gpu::kernels::{self, map::map, map::map_like, rule::Rule};
