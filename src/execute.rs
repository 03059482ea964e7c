//! Running a plan on one chunk.

pub mod cpu;

use std::collections::HashMap;

use crate::command::Computed;
use crate::plan::Slot;

/// What a plan gives for one chunk.
#[derive(Debug, Default)]
pub struct Results {
    /// The blocks that sinks write.
    pub blocks: HashMap<Slot, Computed>,
    /// How many samples of the chunk are infinite or NaN.
    pub non_finite: u64,
}
