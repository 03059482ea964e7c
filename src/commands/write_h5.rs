//! `write_h5`: one array over a whole run, as HDF5.

use super::write_zarr::{Args, KINDS, build};
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "write_h5",
    summary: "Writes the input of all chunks together as an array of `summary.h5`: time by channels, and by columns.",
    notes: "As [write_zarr](#write_zarr) does, into one HDF5 file with deflate: axes are dimension scales, as netCDF 4 has them.",
    family: Family::Output,
    kinds: KINDS,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| match build(parse(args)?, SummaryForm::Hdf5)? {
        Command::Sink(_) if cfg!(not(feature = "hdf5")) => {
            let found = "this build has no HDF5; write_zarr writes the same";
            Err(ArgProblem::new("directory_out", found))
        }
        command => Ok(command),
    },
    examples: &[],
};
