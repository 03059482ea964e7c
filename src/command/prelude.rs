//! What a command's file needs.

pub use std::sync::Arc;

pub use ndarray::Array2;
pub use num_complex::Complex;
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};

pub use super::{
    ArgProblem, Artifact, BlockCommand, ChunkId, Command, Compat, Computed, Content, Cpu, Env,
    Example, Family, Kernel, Mismatch, NoArgs, Prepared, Recorder, Role, Rows, SinkCommand, Spec,
    Tensor, Widen, parse, schema_of,
};
pub use crate::block::{Block, Coords, Kind, Real, Samples, Signature, Unit};
