//! The axis that a command works along.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Rows;
use crate::block::{Block, Coords, Real, Signature};

/// An axis, in command files 1 (or -1) for time and 0 (or -2) for depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Along the fibre: from row to row.
    Depth,
    /// Along time: from column to column.
    Time,
}

impl Axis {
    /// How rows depend on rows in a computation along this axis.
    pub fn rows(self) -> Rows {
        match self {
            Axis::Depth => Rows::Coupled,
            Axis::Time => Rows::Independent,
        }
    }

    /// This axis of a block.
    pub fn of(self, x: &Signature) -> &Coords {
        match self {
            Axis::Depth => &x.depth,
            Axis::Time => &x.time,
        }
    }

    /// The signature with another axis in this one's place.
    pub fn replaced(self, x: &Signature, coords: Coords) -> Signature {
        let mut out = x.clone();
        match self {
            Axis::Depth => out.depth = coords,
            Axis::Time => out.time = coords,
        }
        out
    }

    /// Runs what works along rows along this axis.
    pub fn along<T: Real>(
        self,
        block: &Block<T>,
        run: impl FnOnce(&Block<T>) -> Block<T>,
    ) -> Block<T> {
        match self {
            Axis::Time => run(block),
            Axis::Depth => run(&block.transposed()).transposed(),
        }
    }

    /// 0 or 1, as numpy counts.
    pub fn number(self) -> usize {
        match self {
            Axis::Depth => 0,
            Axis::Time => 1,
        }
    }
}

impl Serialize for Axis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.number() as u64)
    }
}

impl<'de> Deserialize<'de> for Axis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            1 | -1 => Ok(Axis::Time),
            0 | -2 => Ok(Axis::Depth),
            other => Err(serde::de::Error::custom(format!(
                "found {other}, expected 1 (or -1) along time, 0 (or -2) along depth"
            ))),
        }
    }
}

impl JsonSchema for Axis {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Axis".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": -2, "maximum": 1 })
    }
}
